"""One request for the value of one key of a cache, by the freshness contract: what a load needs of its cache."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ._budget import BUDGETS, NO_BUDGET, Budget, Mode, without_deadline
from ._context import LoadContext
from ._events import CacheEvent
from ._kept import again, bare
from ._logged import logged
from ._omnicache import CachedError
from ._options import AUTO, Options, checked_copier, checked_tags
from ._patience import ENDLESS, Patience
from ._sentinels import DEFAULT, MISSING
from ._watch import WATCH
from ._work import ABSENT, Absent
from .exceptions import CacheClosedError

if TYPE_CHECKING:
    from contextvars import Context

    from ._leases import Lease
    from ._logged import LogEvent
    from ._omnicache import Flight, Flights, Leader
    from .cache import Cache

__all__ = ["Call", "Request"]

_log: Final = logging.getLogger("omnicache")

LEAD: Final = math.log(10_000)
"""With ``refresh_at="auto"``, hits draw from so many load times before the end on: earlier, one in 10,000 would win."""


class Call:
    """A loader, with what its caller or its function says of it."""

    __slots__ = ("again", "context", "found", "function", "options", "ran")

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        *,
        context: bool = False,
        again: bool = True,
        ran: Callable[[], object] | None = None,
        found: Callable[[], object] | None = None,
    ) -> None:
        """`context`: it takes the load's; `again`: it may run after its caller has gone.

        `ran` is told of each run, `found` of each value that was found outside the process.
        """
        self.function: Final = function
        self.options: Final = options
        self.context: Final = context
        self.again: Final = again
        self.ran: Final = ran
        self.found: Final = found


class Request:
    """Made for each request that was not answered by a plain hit, so that a cache and its loads are no cycle."""

    __slots__ = (
        "_budget",
        "_cache",
        "_call",
        "_context",
        "_lease",
        "_options",
        "_seen",
        "_since",
        "awaits",
        "background",
        "key",
    )

    def __init__(self, cache: Cache, key: Any, call: Call, *, background: bool = False) -> None:
        self._cache: Final = cache
        self.key: Final = key
        self._call: Final = call
        self._options: Final = call.options.over(cache._options)
        self.background: Final = background
        self._budget: Final[Budget] = NO_BUDGET if background else cache._budget()
        self._context: LoadContext | None = None
        self._lease: Lease | None = None
        self._since = 0.0
        # Whether it is a task that asks.
        self.awaits = False
        # The value that a load would replace, and its version, which is None where there is none.
        self._seen: tuple[Any, int | None] = (MISSING, None)

    # --- where the value is ---

    def prepare(self) -> None:
        """Brings in what the rest looks at; here it is at hand."""

    async def aprepare(self) -> None:
        """As :meth:`prepare`, for tasks."""

    def _sight(self) -> tuple[Any, float | None, float | None, int, bool] | None:
        """How the entry stands: value, seconds it is fresh, seconds until it asks for a refresh, version, softness."""
        return self._cache._sight(self.key)

    def _claim(self) -> bool:
        return self._cache._claim(self.key)

    def _rearm(self, after: float) -> None:
        self._cache._rearm(self.key, after)

    def led_by(self, leader: Leader | Flight) -> None:
        """Tells whose load it is, before it runs."""

    # --- before a load ---

    def answer(self) -> tuple[Any | Absent, bool]:
        """The value that may be served as things stand, and whether a refresh is to be started."""
        sight = self._sight()
        if sight is None:
            return ABSENT, False
        value, left, early, version, soft = sight
        self._seen = (value, version)
        if left is None or left > 0:
            wanted = early is not None and early <= 0
            if isinstance(value, CachedError):
                raise again(value.error)
            return value, wanted and self._may_refresh and self._draw(left, early) and self._claim()
        options, waiting = self._options, early is not None and early > 0
        if not self._accepts(-left):
            return ABSENT, False
        if -left <= (options.stale or 0.0) and not soft and (self._may_refresh or waiting):
            return self._stale(value), not waiting
        if -left <= (options.stale_on_error or 0.0) and waiting:
            return self._stale(value), False
        return ABSENT, False

    def offline(self) -> Any | Absent:
        """Whatever is there, for a caller that wants no load."""
        sight = self._sight()
        if sight is None:
            return ABSENT
        value, left = sight[:2]
        if left is None or left > 0:
            if isinstance(value, CachedError):
                raise again(value.error)
            return value
        return self._stale(value) if self._accepts(-left) else ABSENT

    @property
    def _may_refresh(self) -> bool:
        """A load in the background would outlive what its arguments belong to, or store what the caller must not."""
        return self._call.again and self._budget.mode == "normal"

    def _accepts(self, past: float) -> bool:
        return self._budget.max_stale is None or past <= self._budget.max_stale

    def _draw(self, left: float | None, early: float | None) -> bool:
        """With ``"auto"``, chance decides at each hit: the likelier the nearer the end."""
        if self._options.refresh_at != AUTO or left is None or early is None:
            return True
        load_time = (left - early) / LEAD
        return load_time * -math.log(1.0 - random.random()) >= left  # noqa: S311 - no secret hangs on it

    def _stale(self, value: Any) -> Any:
        self._cache._loads.add("stale_served")
        return value

    def has_fallback(self) -> bool:
        """Whether a failing load could be answered with the old value."""
        return not isinstance(self._instead()[0], Absent)

    def _instead(self) -> tuple[Any | Absent, bool]:
        """What may stand in for a value that cannot be loaded, and whether it is old: it may be new by now."""
        sight = None if self._budget.mode == "bypass" else self._sight()
        if sight is None or isinstance(sight[0], CachedError):
            return ABSENT, False
        value, left, _, version, _ = sight
        if left is None or left > 0:
            # What is fresh, and the very same that was no answer before, is none now.
            return (value, False) if version != self._seen[1] or self.background else (ABSENT, False)
        past = -left
        if past <= (self._options.stale_on_error or 0.0) and self._accepts(past):
            return value, True
        return ABSENT, False

    def fallback(self, error: BaseException, *, failed: bool = True) -> Any | Absent:
        """The old value in the place of one that could not be loaded; the next attempt waits a while."""
        value, old = self._instead()
        if isinstance(value, Absent) or not old:
            return value
        if failed:
            self._throttle()
            self._warn("stale_served", "cache %r: an old value is served for %r", error)
        return self._stale(value)

    def _warn(self, event: LogEvent, text: str, error: BaseException) -> None:
        extra = logged(event, cache=self.name, namespace=self._cache.namespace, key=self.key)
        _log.warning(text, self.name, self.key, exc_info=error, extra=extra)

    def _throttle(self) -> None:
        """Puts off the next attempt, if the entry is still the one that was to be replaced."""
        sight = self._sight() if self._options.retry_after else None
        if sight is not None and sight[3] == self._seen[1]:
            self._rearm(self._options.retry_after)

    def patience(self, *, old: bool = True) -> Patience:
        """How long to wait for the load, by a caller that may be served what is `old` or not."""
        timeout, deadline = self._options.timeout, self._budget.deadline
        if deadline is None and timeout.hard is None and timeout.soft is None:
            return ENDLESS
        soft = timeout.soft if old and timeout.soft is not None and self.has_fallback() else None
        return Patience(self._cache._now, by_hand=self._cache._by_hand, soft=soft, hard=timeout.hard, deadline=deadline)

    # --- the load ---

    @property
    def name(self) -> str:
        """The cache's name, for errors."""
        return self._cache.name

    @property
    def namespace(self) -> str:
        """The cache's namespace, for those who watch."""
        return self._cache.namespace

    @property
    def flights(self) -> Flights:
        """The running loads of the cache."""
        return self._cache._flights

    def now(self) -> float:
        """Seconds on the cache's clock."""
        return self._cache._now()

    def look(self) -> Any | Absent:
        """The value that is in the store by now and makes the load needless."""
        sight = self._sight()
        if sight is None:
            self._seen = (MISSING, None)
            return ABSENT
        value, left, _, version, _ = sight
        new = version != self._seen[1]
        self._seen = (value, version)
        if not new or (left is not None and left <= 0):
            return ABSENT
        if isinstance(value, CachedError):
            raise again(value.error)
        return value

    def begin(self) -> Callable[[], Any | Awaitable[Any]]:
        """Counts a run of the loader, and returns what to call for it."""
        self._cache._loads.add("runs")
        if self._call.ran is not None:
            self._call.ran()
        self._since = self.now()
        tags = self._options.tags
        if tags or self._call.context:
            self._lease = self._cache._leases.take(self.key, frozenset(tags))
        run = self._call.function
        if self._call.context:
            old = self._seen[0]
            self._context = LoadContext(self.key, MISSING if isinstance(old, CachedError) else old, tags)
            run = partial(run, self._context)
        watch = WATCH.load
        return run if watch is None else watch(self, run)

    def store(self, value: Any, /) -> bool:
        """Stores the value over what was last looked at, and over nothing newer; whether it did."""
        cache, options, context = self._cache, self._options, self._context
        took = self.now() - self._since
        stored = False
        if (context is None or context._kept) and (options.store_if is None or options.store_if(value)):
            kept = value
            if options.copy is not DEFAULT and cache._copy is None:
                copier = checked_copier(options.copy)
                kept = value if copier is None else copier(value)
            ttl = options.ttl if context is None or context.ttl is DEFAULT else context.ttl
            if callable(ttl):
                ttl = ttl(value)
            tags = self._tags()
            if options.refresh_at == AUTO:
                early = {"_lead": LEAD * took if took > 0 else None}
            else:
                early = {"refresh_at": options.refresh_at}
            stored = self._write(kept, ttl, tags, stale=options.kept, **early)
        if cache._events.has("load"):
            cache._events.emit(CacheEvent("load", cache.name, self.key, value))
        return stored

    def _tags(self) -> tuple[str, ...]:
        """The tags that the value will carry."""
        context = self._context
        return self._options.tags if context is None else checked_tags(context.tags, "ctx.tags")

    def _write(self, value: Any, ttl: Any, tags: tuple[str, ...], *, stale: float | None, **early: Any) -> bool:
        """A cache that was closed during the load is no reason for the caller not to get the value."""
        cache, options, lease = self._cache, self._options, self._lease
        if lease is not None and not lease.holds(tags):
            return False
        given = {
            "idle": options.idle,
            "jitter": options.jitter,
            "priority": options.priority,
            "stale": stale,
            "stale_on_error": None,
        }
        try:
            stored = cache._keep(self.key, value, self._seen[1], ttl, tags=tags, **given, **early)
            # 1. The lease is found to hold. 2. Another thread ends it and invalidates its tags. 3. This one stores.
            if stored and lease is not None and not lease.holds(tags):
                cache.delete(self.key)
                stored = False
        except CacheClosedError:
            return False
        return stored

    def discard(self, value: Any, /) -> None:
        """Removes the entry if its value is still this very object."""
        found = self._sight()
        # A cache that copies what it stores never has this very object; what it has may be the load's.
        if found is not None and (found[0] is value or self._copies):
            self._cache.delete(self.key)

    @property
    def _copies(self) -> bool:
        return self._cache._copy is not None or self._options.copy not in (DEFAULT, "none")

    def failed(self, error: BaseException, valid: Callable[[], bool], /) -> None:
        """Counts and reports a loader that raised; keeps what it raised if that is wanted."""
        cache = self._cache
        if self.background:
            self._throttle()
            self._warn("refresh_failed", "cache %r: the refresh of %r failed", error)
        cache._loads.add("errors")
        if cache._events.has("error"):
            cache._events.emit(CacheEvent("error", cache.name, self.key, error=error))
        kept = next((life for kind, life in self._options.errors.items() if isinstance(error, kind)), None)
        # An old value that may be served is better than an error that may be kept.
        if kept is None or not isinstance(error, Exception) or self.has_fallback() or not valid():
            return
        ttl = self._options.ttl if kept is DEFAULT else kept
        tags = self._tags()
        # Reads ask about what asks for a refresh, and so never take it for a value.
        stored = self._write(
            CachedError(bare(error)), DEFAULT if callable(ttl) else ttl, tags, stale=None, refresh_at=0.0
        )
        # 1. It is found to be valid. 2. Another thread invalidates the key. 3. This one stores.
        if stored and not valid():
            self._cache.delete(self.key)

    def context(self) -> Context:
        """A copy of the running context, for a load that runs apart from its caller, whose patience is its own."""
        context = copy_context()
        context.run(BUDGETS.set, () if self.background else without_deadline(self._cache))
        return context

    def handed(self, value: Any) -> Any:
        """The value as a caller is handed it."""
        copier = self._cache._copy
        if self._options.copy is not DEFAULT:
            copier = checked_copier(self._options.copy) or copier
        return value if copier is None else copier(value)

    def renewal(self) -> Request:
        """For a load although a value may be there, as it is seen now."""
        sight = self._sight()
        if sight is not None:
            self._seen = (sight[0], sight[3])
        return self

    @property
    def mode(self) -> Mode:
        """How the caller uses the cache."""
        return self._budget.mode

    def again(self) -> Request:
        """The same as a load that nobody waits for."""
        request = type(self)(self._cache, self.key, self._call, background=True)
        request._seen, request.awaits = self._seen, self.awaits
        return request
