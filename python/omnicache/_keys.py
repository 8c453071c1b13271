"""How an argument of a cached function takes part in its key: not at all (`NoKey`) or by a part of it (`KeyBy`)."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class NoKey:
    """Marks an argument that takes no part in the key: a session, a logger, a client.

    Used as it is inside `Annotated`; `NoKey()` means the same. Two calls that differ only in such an argument share
    one entry, so the result must not depend on it.

    Args:
        shared: The argument outlives the call: a client that the whole application uses, not a session of one request.
            Only then may a refresh in the background use it.

    Example:
        >>> from typing import Annotated, get_type_hints
        >>> def load(user_id: int, session: Annotated[object, NoKey]) -> str: ...
        >>> NoKey in get_type_hints(load, include_extras=True)["session"].__metadata__
        True
    """

    __slots__ = ("shared",)

    shared: bool

    def __init__(self, *, shared: bool = False) -> None:
        self.shared = shared


@final
class KeyBy:
    """Keys an argument by a part of it: `KeyBy("id")`, `KeyBy("owner.id")` or `KeyBy(function)`.

    Args:
        by: An attribute name (dotted names walk) or a function of the argument. What it gives must be usable as a key.
        shared: As for `NoKey`.

    Raises:
        TypeError: `by` is neither text nor callable.
        ValueError: `by` is text that is not a dotted attribute name.

    Example:
        >>> from types import SimpleNamespace
        >>> KeyBy("owner.id")(SimpleNamespace(owner=SimpleNamespace(id=7)))
        7
        >>> KeyBy(len)("four")
        4
        >>> KeyBy("id")
        KeyBy('id')
        >>> KeyBy("id") == KeyBy("id")
        True
    """

    __slots__ = ("_get", "by", "shared")

    by: str | Callable[[Any], object]
    shared: bool
    _get: Callable[[Any], object]

    def __init__(self, by: str | Callable[[Any], object], *, shared: bool = False) -> None:
        get: Callable[[Any], object]
        if isinstance(by, str):
            if not all(part.isidentifier() for part in by.split(".")):
                raise ValueError(
                    f"KeyBy({by!r}): not an attribute name. Give a name such as 'id' or 'owner.id', or a function."
                )
            get = attrgetter(by)
        elif callable(by):
            get = by
        else:
            raise TypeError(f"KeyBy({by!r}): expected an attribute name or a function, got {type(by).__name__}.")
        object.__setattr__(self, "by", by)
        object.__setattr__(self, "shared", shared)
        object.__setattr__(self, "_get", get)

    def __call__(self, argument: Any) -> object:
        """The part of `argument` that goes into the key, exactly as `by` gives it.

        Raises:
            AttributeError: the argument has no attribute of that name; a function's own errors pass through.
        """
        return self._get(argument)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"KeyBy is frozen: make another one instead of setting {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"KeyBy is frozen: make another one instead of deleting {name!r}.")

    def __repr__(self) -> str:
        return f"KeyBy({self.by!r}{', shared=True' if self.shared else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyBy):
            return NotImplemented
        return (self.by, self.shared) == (other.by, other.shared)

    def __hash__(self) -> int:
        return hash((KeyBy, self.by, self.shared))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(KeyBy, shared=self.shared), (self.by,)
