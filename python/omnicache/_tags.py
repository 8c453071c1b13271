"""The tags of a cached function's entries: given, made from templates over the arguments, or by a function of these."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from string import Formatter
from typing import Any, Final

from ._sentinels import DEFAULT
from .exceptions import CacheConfigError

__all__ = ["TagSource"]


class TagSource:
    """What ``tags=`` of a decorator says."""

    __slots__ = ("_function", "_name", "_signature", "_templates", "fixed")

    def __init__(self, name: str, tags: Any, signature: inspect.Signature) -> None:
        """For the function called `name`.

        Raises:
            CacheConfigError: A template names what is no parameter of the function, or cannot be read.
        """
        self._name: Final = name
        self._signature: Final = signature
        self._function: Final[Callable[..., Any] | None] = tags if callable(tags) else None
        given: tuple[str, ...] = () if callable(tags) or tags is DEFAULT else tags
        self.fixed: Final = tuple(tag for tag in given if "{" not in tag and "}" not in tag)
        self._templates: Final = tuple(tag for tag in given if tag not in self.fixed)
        for template in self._templates:
            self._check(template)

    def _check(self, template: str) -> None:
        try:
            fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        except ValueError as error:
            raise CacheConfigError(f"@cached: {self._name}(): tags: {template!r} is no template: {error}") from None
        known = self._signature.parameters
        for field in fields:
            name = field.split(".")[0].split("[")[0]
            if name not in known:
                raise CacheConfigError(
                    f"@cached: {self._name}(): tags: {template!r} names {name or 'an argument by its place'!r}, which "
                    f"is no parameter; the parameters are {', '.join(known) or 'none'}"
                )

    def made(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """The tags that hang on the arguments of a call."""
        made: list[str] = []
        if self._templates:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            made += [template.format_map(bound.arguments) for template in self._templates]
        if self._function is not None:
            tags = self._function(*args, **kwargs)
            made += (tags,) if isinstance(tags, str) else tags
        return made
