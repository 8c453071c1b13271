"""What one caller will put up with: for every call to a cache beneath a ``with`` block, by context variable."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from ._events import LOCK
from ._units import duration
from .exceptions import CacheConfigError

if TYPE_CHECKING:
    from types import TracebackType

    from .cache import Cache

__all__ = ["BUDGETS", "NO_BUDGET", "Budget", "Mode", "Using", "budget_of"]

Mode: TypeAlias = Literal["normal", "read_only", "bypass", "offline"]
"""How a caller uses a cache; see :meth:`Cache.using`."""


class Budget(NamedTuple):
    """What a caller will put up with."""

    mode: Mode = "normal"
    max_stale: float | None = None
    """Seconds past its ttl that a value may be."""
    deadline: float | None = None
    """The moment on the cache's clock after which the caller waits no more."""


NO_BUDGET: Final = Budget()
BUDGETS: Final[ContextVar[tuple[tuple[Cache, Budget], ...]]] = ContextVar("omnicache_budgets", default=())
"""The budgets in force, the innermost first."""


def budget_of(cache: Cache) -> Budget:
    """The budget of the running code for `cache`."""
    if not cache._budgets:
        return NO_BUDGET
    return next((budget for of, budget in BUDGETS.get() if of is cache), NO_BUDGET)


class Using:
    """The ``with`` block that :meth:`Cache.using` makes; usable once at a time."""

    __slots__ = ("_budget", "_cache", "_deadline", "_token")

    def __init__(self, cache: Cache, mode: Any, max_stale: Any, deadline: Any) -> None:
        if mode not in get_args(Mode):
            raise CacheConfigError(f"using: mode: one of {', '.join(map(repr, get_args(Mode)))}, not {mode!r}")
        if max_stale is not None and not (isinstance(max_stale, (int, float)) and max_stale == 0):
            max_stale = duration(max_stale, "using: max_stale")
        self._cache: Final = cache
        self._budget: Final = Budget(mode, None if max_stale is None else float(max_stale))
        self._deadline: Final = None if deadline is None else duration(deadline, "using: deadline")
        self._token: Token[tuple[tuple[Cache, Budget], ...]] | None = None

    def __enter__(self) -> None:
        """From here on; the deadline counts from now. A budget within a budget can only narrow its limits."""
        if self._token is not None:
            raise RuntimeError("using: this block has been entered already; call using() for each")
        cache, (mode, max_stale, _) = self._cache, self._budget
        deadline = None if self._deadline is None else cache._now() + self._deadline
        outer = budget_of(cache)
        budget = Budget(mode, _least(max_stale, outer.max_stale), _least(deadline, outer.deadline))
        with LOCK:
            cache._budgets += 1
            cache._set_budgeted(True)
        self._token = BUDGETS.set(((cache, budget), *BUDGETS.get()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Until here."""
        if self._token is not None:
            BUDGETS.reset(self._token)
            self._token = None
        with LOCK:
            self._cache._budgets -= 1
            self._cache._set_budgeted(self._cache._budgets > 0)


def _least(one: float | None, other: float | None) -> float | None:
    limits = [limit for limit in (one, other) if limit is not None]
    return min(limits, default=None)
