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


class _Block(NamedTuple):
    """A budget in force."""

    cache: Cache
    budget: Budget
    using: Using


BUDGETS: Final[ContextVar[tuple[_Block, ...]]] = ContextVar("omnicache_budgets", default=())
"""The budgets in force, the innermost first. A task that outlives the block in which it was made keeps no budget."""


def budget_of(cache: Cache) -> Budget:
    """The budget of the running code for `cache`."""
    if not cache._budgets:
        return NO_BUDGET
    found = (block.budget for block in BUDGETS.get() if block.cache is cache and block.using.running)
    return next(found, NO_BUDGET)


def without_deadline(cache: Cache) -> tuple[_Block, ...]:
    """The budgets in force, but for the deadline of the caller of `cache`: those who share its load have their own."""
    return tuple(
        block._replace(budget=block.budget._replace(deadline=None)) if block.cache is cache else block
        for block in BUDGETS.get()
    )


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
        self._token: Token[tuple[_Block, ...]] | None = None

    @property
    def running(self) -> bool:
        """Whether the block was entered and not left."""
        return self._token is not None

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
        self._token = BUDGETS.set((_Block(cache, budget, self), *BUDGETS.get()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Until here."""
        token, self._token = self._token, None
        if token is None:
            return
        with LOCK:
            self._cache._budgets -= 1
            self._cache._set_budgeted(self._cache._budgets > 0)
        BUDGETS.reset(token)


def _least(one: float | None, other: float | None) -> float | None:
    limits = [limit for limit in (one, other) if limit is not None]
    return min(limits, default=None)
