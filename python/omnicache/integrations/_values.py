"""``cached`` for endpoints: what a function returned is kept, and what a framework hands it has no say in the key."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload

from starlette.requests import HTTPConnection
from starlette.responses import Response

from .._far.cache import FarCache
from .._keys import KeyBy
from .._logged import logged
from .._sentinels import DEFAULT
from ..decorators import cached as remembered
from ..exceptions import CacheConfigError, CacheError, CacheKeyError, CacheSerializationError
from ..registry import get_cache
from ._arguments import kind_of, plain
from ._given import coder_from, tags_from
from ._guard import Guard, OnCacheError
from ._identity import credential_like
from ._sealed import BrokenSealError, is_sealed, opened, sealed
from ._settings import name_of, said

if TYPE_CHECKING:
    from ..cache import Cache

__all__ = ["cached"]

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """Makes a function remember; it stays what it is to type checkers."""

    def __call__(self, function: F, /) -> F:
        """The function."""
        ...


_log = logging.getLogger("omnicache.integrations")
_MOST_LABELS = 1024
# Takes what the function returned, so that it is not called again where only the cache failed.
_box: ContextVar[list[Any] | None] = ContextVar("omnicache_result", default=None)


class _NotKeptError(Exception):
    """Carries a result that is returned and not kept past the cache."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


@overload
def cached(function: F, /) -> F: ...
@overload
def cached(
    cache_name: str | None = ...,
    ttl: Any = ...,
    *,
    cache: Cache | None = ...,
    stale: Any = ...,
    key_prefix: str | None = ...,
    tags: Iterable[str] | Callable[..., Iterable[str]] = ...,
    key_builder: Callable[..., object] | None = ...,
    condition: Callable[[Any], bool] | None = ...,
    serializer: Any = ...,
    vary_by: Callable[..., object] | None = ...,
    on_cache_error: OnCacheError = ...,
    on_serialization_error: str = ...,
    **options: Any,
) -> Decorator: ...
def cached(
    cache_name: Any = None,
    ttl: Any = DEFAULT,
    *,
    cache: Cache | None = None,
    stale: Any = None,
    key_prefix: str | None = None,
    tags: Iterable[str] | Callable[..., Iterable[str]] = (),
    key_builder: Callable[..., object] | None = None,
    condition: Callable[[Any], bool] | None = None,
    serializer: Any = None,
    vary_by: Callable[..., object] | None = None,
    on_cache_error: OnCacheError = "degrade",
    on_serialization_error: str = "skip",
    **options: Any,
) -> Any:
    """Keeps what an endpoint, or any function, returns.

    The key is the function and its arguments. Requests, responses, background tasks, security scopes and objects that a
    dependency made take no part in it (a dependency's plain value, dict, dataclass or model does); of a request its
    method and URL do. A call that may read who asks, from the request, from a security scheme, a cookie or a dependency
    that has the request, is not kept if somebody asks, unless `vary_by`, or ``Annotated[User, KeyBy("id")]``, names
    who. FastAPI sees the function as it was. A ``Response`` that is returned is passed on and not kept; use
    ``cache_response`` for these.

    >>> from omnicache.integrations.fastapi import cached
    >>> @cached(ttl="5m", tags=["numbers"])
    ... async def square(number: int) -> int:
    ...     print("computing")
    ...     return number * number
    >>> import asyncio
    >>> asyncio.run(square(3)), asyncio.run(square(number=3))
    computing
    (9, 9)

    Args:
        cache_name: The cache, by name, ``"default"`` unless the configuration says otherwise; made if there is none.
        ttl: How long a value lives: seconds, a ``timedelta`` or text; None for ever; 600 unless the configuration says
            otherwise.
        cache: The cache itself, in place of its name.
        stale: As for :func:`omnicache.cached`.
        key_prefix: What keys start with, in place of the function's name.
        tags: Labels for ``invalidate_cache(tags=...)``, or a function of the arguments that returns them; ``"{id}"``
            takes an argument.
        key_builder: Makes the key from the arguments, in place of all that is said above.
        condition: Whether a result is kept.
        serializer: ``"json"`` or an object with ``dumps`` and ``loads``: what is kept is what they make of the result.
        vary_by: Who asks, as a function of the arguments, as part of the key.
        on_cache_error: ``"degrade"`` (the function is called), ``"circuit_breaker"`` or ``"raise"``.
        on_serialization_error: ``"skip"`` (the result is passed on and not kept, and that is logged once), ``"raise"``
            or ``"pickle"`` (it is pickled and signed, and read again only by the process that wrote it).
        options: What else :func:`omnicache.cached` takes.

    Raises:
        CacheConfigError: An argument cannot be used.
    """
    if callable(cache_name):
        return cached()(cache_name)
    if on_serialization_error not in {"skip", "pickle", "raise"}:
        raise CacheConfigError(
            f'cached: on_serialization_error: "skip", "pickle" or "raise", not {on_serialization_error!r}'
        )
    if stale is not None:
        options["stale"] = stale
    if key_prefix is not None:
        options["prefix"] = key_prefix
    coder = coder_from(serializer)
    guard = Guard(on_cache_error)

    def decorate(function: F) -> F:
        made = _Values(
            function,
            cache if cache is not None else get_cache(name_of(cache_name, "default")),
            said(ttl, "decorator_cache_ttl", 600),
            tags,
            key_builder,
            condition,
            coder,
            vary_by,
            guard,
            options,
            on_error=on_serialization_error,
        )
        return cast("F", made.wrapped())

    return decorate


class _Values:
    """A function whose results are kept."""

    def __init__(
        self,
        function: Callable[..., Any],
        cache: Cache,
        ttl: Any,
        tags: Any,
        key_builder: Callable[..., object] | None,
        condition: Callable[[Any], bool] | None,
        coder: Any,
        vary_by: Callable[..., object] | None,
        guard: Guard,
        options: dict[str, Any],
        *,
        on_error: str,
    ) -> None:
        self.function, self.cache, self.ttl, self.options = function, cache, ttl, options
        self.key_builder, self.condition, self.coder, self.vary_by = key_builder, condition, coder, vary_by
        self.guard, self.on_error = guard, on_error
        # What the cache itself cannot write is sealed beforehand.
        self.seals = on_error == "pickle" and coder is None and isinstance(cache, FarCache)
        self.tags = tags_from(tags)
        self.is_async = inspect.iscoroutinefunction(function)
        self.signature = inspect.signature(function)
        try:
            self.parameters = inspect.signature(function, eval_str=True).parameters
        except Exception:  # noqa: BLE001 - an annotation that names what is not there yet may raise anything
            self.parameters = self.signature.parameters
        self.kinds = {name: kind_of(parameter) for name, parameter in self.parameters.items()}
        self.credentials = any(kind == "credentials" for kind in self.kinds.values())
        self._said = False
        self._made: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    # --- the key ---

    def key(self, *args: Any, **kwargs: Any) -> object:
        """What tells one call from another."""
        if self.key_builder is not None:
            return self.key_builder(*args, **kwargs)
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        parts: list[object] = []
        for name, value in bound.arguments.items():
            kind = self.kinds[name]
            if isinstance(kind, KeyBy):
                parts.append((name, kind(value)))
            elif isinstance(value, HTTPConnection):
                scope = value.scope
                parts.append((name, scope.get("method"), scope.get("path"), scope.get("query_string")))
            elif kind == "value" or (kind in {"made", "credentials"} and plain(value)):
                parts.append((name, value))
        if self.vary_by is not None:
            parts.append(("vary_by", self.vary_by(*args, **kwargs)))
        return tuple(parts)

    def private(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the result may be meant for one who asks, and the key does not say who."""
        if self.vary_by is not None or self.key_builder is not None:
            return False
        bound = self.signature.bind(*args, **kwargs).arguments
        for name, value in bound.items():
            kind = self.kinds[name]
            if isinstance(value, HTTPConnection):
                headers = value.scope.get("headers", ())
                if value.scope.get("session") or any(credential_like(field) for field, _ in headers):
                    return True
            if kind == "credentials" and value is not None and not plain(value):
                return True
        return False

    # --- the call ---

    def wrapped(self) -> Callable[..., Any]:
        """The function that stands for it."""
        made: Any = self._awaited() if self.is_async else self._called()
        inner = self._with_tags(())
        made.cache = self.cache
        for name in ("cache_info", "cache_clear", "cache_parameters", "key", "invalidate"):
            setattr(made, name, getattr(inner, name))
        return cast("Callable[..., Any]", made)

    def _awaited(self) -> Callable[..., Any]:
        function = self.function

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            if self.guard.resting or self.private(args, kwargs):
                return await function(*args, **kwargs)
            box: list[Any] = []
            token = _box.set(box)
            try:
                result = self._out(await self._for(args, kwargs)(*args, **kwargs))
            except _NotKeptError as passed:
                return passed.result
            except (CacheError, BrokenSealError) as error:
                self._passed_by(error)
                return box[0] if box else await function(*args, **kwargs)
            finally:
                _box.reset(token)
            self.guard.worked()
            return result

        return awaited

    def _called(self) -> Callable[..., Any]:
        function = self.function

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if self.guard.resting or self.private(args, kwargs):
                return function(*args, **kwargs)
            box: list[Any] = []
            token = _box.set(box)
            try:
                result = self._out(self._for(args, kwargs)(*args, **kwargs))
            except _NotKeptError as passed:
                return passed.result
            except (CacheError, BrokenSealError) as error:
                self._passed_by(error)
                return box[0] if box else function(*args, **kwargs)
            finally:
                _box.reset(token)
            self.guard.worked()
            return result

        return called

    def _passed_by(self, error: Exception) -> None:
        """The cache failed: the function answers, unless the user wants to see it, or the key is no key."""
        if isinstance(error, CacheSerializationError):
            if self.on_error == "raise":
                raise error
            self._say(error)
        elif isinstance(error, CacheError):
            if self.guard.raises or isinstance(error, CacheKeyError):
                raise error
            self.guard.failed(error)

    def _say(self, error: Exception) -> None:
        if not self._said:
            self._said = True
            name, extra = self.function.__qualname__, logged("value_not_kept", cache=self.cache.name)
            _log.warning("%s(): a result cannot be kept: %s", name, error, extra=extra)

    def _for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The remembering function with the labels of this call."""
        if self.tags is None:
            return self._with_tags(())
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._with_tags(self.tags(bound.arguments))

    def _with_tags(self, tags: tuple[str, ...]) -> Any:
        with self._lock:
            found = self._made.get(tags)
            if found is None:
                if len(self._made) >= _MOST_LABELS:
                    self._made.pop(next(iter(self._made)))
                found = self._made[tags] = self._remembering(tags)
            return found

    def _remembering(self, tags: tuple[str, ...]) -> Any:
        function = self.function
        if self.is_async:

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                box = _box.get()
                result = await function(*args, **kwargs)
                if box is not None:
                    box.append(result)
                return self._in(result)

            run: Any = awaited
        else:

            @functools.wraps(function)
            def called(*args: Any, **kwargs: Any) -> Any:
                box = _box.get()
                result = function(*args, **kwargs)
                if box is not None:
                    box.append(result)
                return self._in(result)

            run = called

        return remembered(cache=self.cache, ttl=self.ttl, tags=tags, key=self.key, **self.options)(run)

    def _in(self, result: Any) -> Any:
        """What is kept of a result."""
        if isinstance(result, Response) or (self.condition is not None and not self.condition(result)):
            raise _NotKeptError(result)
        if self.coder is None and not self.seals:
            return result
        try:
            if self.coder is not None:
                return self.coder.dumps(result)
            cast("FarCache", self.cache)._codec.pack(result)  # as the cache will do
        except Exception as error:
            if self.on_error == "raise":
                raise
            if self.on_error == "pickle":
                return sealed(result)
            self._say(error)
            raise _NotKeptError(result) from None
        return result

    def _out(self, kept: Any) -> Any:
        """The result again."""
        if (self.coder is not None or self.seals) and is_sealed(kept):
            return opened(kept)
        return kept if self.coder is None else self.coder.loads(kept)
