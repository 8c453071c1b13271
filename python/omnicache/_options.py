"""The freshness contract: how long a value is served, what happens around its end, and what a caller will wait for.

Options are resolved field by field, call > decorator > cache > library: the first that says anything is taken.
"""

from __future__ import annotations

import copy as copying
import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, cast

from ._sentinels import DEFAULT
from ._units import duration
from .exceptions import CacheConfigError

__all__ = ["AUTO", "LIBRARY", "Options", "Timeout", "check_names", "checked_copier", "checked_tags", "options_from"]

AUTO: Final = "auto"
"""``refresh_at="auto"``: as early as the measured time of a load makes it worth while."""

_COPIERS: Final[dict[str, Callable[[Any], Any] | None]] = {
    "none": None,
    "shallow": copying.copy,
    "deep": copying.deepcopy,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long a load may take, counted from its start, whoever waits for it.

    Args:
        soft: After this long a stale copy is served, if there is one, and the load goes on.
        hard: After this long the load is given up: a stale copy is served if there is one within ``stale_on_error``,
            else :class:`CacheTimeoutError` is raised. The next caller starts a new load. A plain function cannot be
            stopped; what it returns late is kept only if nothing newer is there.

    Both are durations: seconds, a ``timedelta`` or text such as ``"200ms"``; None for no limit.

    Raises:
        CacheConfigError: A duration cannot be used, or `soft` is not shorter than `hard`.

    >>> from omnicache import Timeout
    >>> Timeout(soft="50ms", hard=2)
    Timeout(soft=0.05, hard=2.0)
    """

    soft: Any = None
    hard: Any = None

    def __post_init__(self) -> None:
        for name in ("soft", "hard"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, duration(value, f"timeout: {name}"))
        if self.soft is not None and self.hard is not None and self.soft >= self.hard:
            raise CacheConfigError(f"timeout: soft ({self.soft} s) must be shorter than hard ({self.hard} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How values live and how loads behave; what is left out is left to the next level: the decorator, the cache.

    Durations are seconds, a ``timedelta`` or text such as ``"5m"``.

    Args:
        ttl: How long a value is fresh, counted from the moment it arrived; None for ever. In a load it may be a
            function of the value that returns a duration or None.
        idle: A value ends when it was not read for this long; None for never.
        stale: How long past its ttl a value is still served, at once, while one refresh runs in the background
            (RFC 5861, section 3, has the same rule for HTTP); None for not at all.
        stale_on_error: How long past its ttl a value is served when its loader raises or times out (RFC 5861, section
            4); None for not at all.
        retry_after: After such a failure the old value is served for this long before a load is tried again.
        refresh_at: The part of the ttl, from 0 to 1, after which a hit starts a refresh in the background; ``"auto"``
            starts it by chance, the likelier the nearer the end and the longer the load takes (Vattani et al., Optimal
            Probabilistic Cache Stampede Prevention, 2015); None for never.
        timeout: A :class:`Timeout`, or a duration for its `hard`; None for no limit.
        jitter: The part of the ttl, from 0 to 1, that chance may take off.
        tags: Labels for ``invalidate(tags=...)``. For a decorated function they may be templates over its arguments,
            ``"user:{user_id}"``, or a function of its arguments.
        priority: From 0 to 1; 1 is evicted only when nothing else is left.
        store_if: A function of the loaded value: whether it is kept.
        errors: Exceptions that are kept in the place of a value and raised again: a mapping of exception type to
            duration, or types alone, kept as long as a value.
        copy: What a caller is handed: the very object (``"none"``), or a copy, ``"shallow"`` or ``"deep"``.

    Raises:
        CacheConfigError: A value cannot be used; the message says which and why.
        TypeError: `tags` are no texts.

    >>> from omnicache import Cache, Options
    >>> patient = Options(stale="1h", stale_on_error="1d", refresh_at=0.8)
    >>> with Cache("fresh-enough", default_ttl="5m", options=patient) as cache:
    ...     cache.get_or_set("answer", lambda: 42)
    42
    """

    ttl: Any = DEFAULT
    idle: Any = DEFAULT
    stale: Any = DEFAULT
    stale_on_error: Any = DEFAULT
    retry_after: Any = DEFAULT
    refresh_at: Any = DEFAULT
    timeout: Any = DEFAULT
    jitter: Any = DEFAULT
    tags: Any = DEFAULT
    priority: Any = DEFAULT
    store_if: Any = DEFAULT
    errors: Any = DEFAULT
    copy: Any = DEFAULT

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not DEFAULT:
                object.__setattr__(self, name, check(value, name))

    def over(self, below: Options) -> Options:
        """These options, and those of `below` where these say nothing.

        >>> from omnicache import Options
        >>> Options(ttl=60).over(Options(ttl=5, stale=10)).stale
        10.0
        """
        if self is NOTHING:
            return below
        given = {name: value for name in _NAMES if (value := getattr(self, name)) is not DEFAULT}
        return replace(below, **given) if given else below

    @property
    def kept(self) -> float | None:
        """How long past its ttl a value must be kept, in seconds; None if not at all, or left to the next level."""
        windows = [value for value in (self.stale, self.stale_on_error) if value is not DEFAULT and value is not None]
        return max(windows, default=None)

    def writing(self, value: Any) -> dict[str, Any]:
        """The arguments of ``set`` for a value that was not loaded."""
        names = ("ttl", "idle", "stale", "stale_on_error", "jitter", "tags", "priority", "refresh_at")
        given = {name: kept for name in names if (kept := getattr(self, name)) is not DEFAULT}
        if callable(self.ttl):
            given["ttl"] = self.ttl(value)
        return given


def options_from(where: str, given: Mapping[str, Any], bundle: object = None) -> Options:
    """The options that are given one by one, and for the rest those of `bundle`.

    Raises:
        TypeError: An option is unknown; the message names the nearest one.
    """
    check_names(where, given)
    options = Options(**given) if given else NOTHING
    if bundle is None or bundle is DEFAULT:
        return options
    if not isinstance(bundle, Options):
        raise CacheConfigError(f"{where}: options: an Options, not {type(bundle).__name__}")
    return options.over(bundle)


def check_names(where: str, given: Iterable[str], known: Iterable[str] | None = None) -> None:
    """Raises TypeError for an option that is none of `known`, or none at all; the message names the nearest one."""
    names = _NAMES if known is None else tuple(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names if known else (*names, "options"), n=1, cutoff=0.0)[0]
            raise TypeError(f"{where}() got an unexpected keyword argument '{name}'; the nearest one is '{near}'")


def checked_copier(mode: object) -> Callable[[Any], Any] | None:
    """The function that copies values, None for ``"none"``."""
    if not isinstance(mode, str) or mode not in _COPIERS:
        raise CacheConfigError(f'copy: "none", "shallow" or "deep", not {mode!r}')
    return _COPIERS[mode]


# --- the checks: each returns the normal form, and that of a normal form is the same ---

_NO_ERRORS: Final[Mapping[type[Exception], Any]] = MappingProxyType({})


def _ttl(value: Any, name: str) -> Any:
    return value if value is None or callable(value) else duration(value, name)


def _life(value: Any, name: str) -> float | None:
    return None if value is None else duration(value, name)


def _part(value: Any, name: str) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    if not fits:
        raise CacheConfigError(f"{name}: a number from 0 to 1, not {value!r}")
    return float(value)


def _chance(value: Any, name: str) -> float:
    return 0.0 if value is None else _part(value, name)


def _refresh(value: Any, name: str) -> float | str | None:
    if value is None or value == AUTO:
        return cast("str | None", value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise CacheConfigError(f'{name}: a part of the ttl, between 0 and 1, or "auto", or None, not {value!r}')
    return float(value)


def _timeout(value: Any, name: str) -> Timeout:
    if value is None:
        return Timeout()
    return value if isinstance(value, Timeout) else Timeout(hard=duration(value, name))


def _tags(value: Any, name: str) -> Any:
    return value if callable(value) else checked_tags(value, name)


def checked_tags(value: Any, name: str) -> tuple[str, ...]:
    """The tags that `value` lists.

    Raises:
        TypeError: It does not, or not all are texts.
        CacheConfigError: A tag is empty.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        raise TypeError(f'{name}: an iterable of str, not one str; write {name}=["name"]')
    try:
        tags = tuple(value)
    except TypeError:
        raise TypeError(f'{name}: an iterable of str, such as ["user:1", "team:a"]') from None
    for tag in tags:
        if not isinstance(tag, str):
            raise TypeError(f"{name}: each tag is a str, not {type(tag).__name__}")
        if not tag:
            raise CacheConfigError(f"{name}: a tag must not be empty")
    return tags


def _function(value: Any, name: str) -> Any:
    if value is not None and not callable(value):
        raise CacheConfigError(f"{name}: a function of the value, or None, not {type(value).__name__}")
    return value


def _errors(value: Any, name: str) -> Mapping[type[Exception], Any]:
    if value is None:
        return _NO_ERRORS
    if isinstance(value, type):
        value = (value,)
    if not isinstance(value, Collection):
        raise CacheConfigError(f"{name}: exception types, or a mapping of these to durations, not {value!r}")
    lives: Mapping[Any, Any] = value if isinstance(value, Mapping) else dict.fromkeys(value, DEFAULT)
    for kind, life in lives.items():
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise CacheConfigError(f"{name}: {kind!r} is not a type of exception")
        if life is not DEFAULT:
            duration(life, f"{name}: {kind.__name__}")
    return MappingProxyType(dict(lives))


def _copy(value: Any, name: str) -> Any:  # noqa: ARG001 - as the other checks
    checked_copier(value)
    return value


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = MappingProxyType(
    {
        "ttl": _ttl,
        "idle": _life,
        "stale": _life,
        "stale_on_error": _life,
        "retry_after": _life,
        "refresh_at": _refresh,
        "timeout": _timeout,
        "jitter": _chance,
        "tags": _tags,
        "priority": _part,
        "store_if": _function,
        "errors": _errors,
        "copy": _copy,
    }
)
_NAMES: Final = tuple(field.name for field in fields(Options))

NOTHING: Final = Options()
"""Options that say nothing."""

LIBRARY: Final = Options(
    stale=None,
    stale_on_error=None,
    retry_after=5.0,
    refresh_at=None,
    timeout=None,
    tags=(),
    store_if=None,
    errors=None,
)
"""What holds where nobody says anything else; ttl, idle, jitter, priority and copy are the cache's own."""
