"""A store that survives the failure of another one: a breaker before the primary, a fallback, what is made good later.

What must hold, whoever fails when:

1. The primary is not read before it has heard of every deletion, invalidation and write that it missed.
2. What was in the fallback before an outage is not read in it, nor after it.
3. A lease is good only at the store that gave it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from .._omnicache import match_keys
from .._watch import WATCH, FarWatcher, Label
from ..exceptions import CacheBackendError, CacheTimeoutError
from .apart import nothing
from .breaker import Breaker
from .owed import Owed, next_step, step_of

if TYPE_CHECKING:
    from .._omnicache import FarLease, FileStore, RedisStore
    from .drive import Port

__all__ = ["Guard", "Lease"]

# What is answered in the place of a store that cannot be reached.
_NOTHING: Final[dict[str, Any]] = {
    "get": None,
    "take": None,
    "set": None,
    "delete": False,
    "touch": False,
    "delete_many": 0,
    "invalidate": 0,
    "invalidate_tags": None,
    "clear": 0,
    "count": 0,
    "purge": 0,
    "scan": ([], None),
    "stats": {},
    "lease": None,
    "leased": [],
    "release": False,
    "changes": None,
    "wait": None,
}
_READS: Final = frozenset({"get", "get_many", "scan", "count", "stats", "leased"})
# What is the same at every store.
_PLAIN: Final = frozenset({"get", "get_many", "set_many", "take", "delete", "delete_many", "touch"})
# What only the primary can be asked.
_ITS_OWN: Final = frozenset({"changes", "wait"})
_FAILURE: Final = (CacheBackendError, CacheTimeoutError)

Request = Generator[tuple["Port", tuple[Any, ...]], Any, Any]


@dataclass(frozen=True, slots=True)
class Lease:
    """The answer to who asks for a lease, and the store that gave it."""

    leased: FarLease
    of: Port

    @property
    def acquired(self) -> bool:
        """Whether it is the asker's."""
        return self.leased.acquired


class Guard:
    """A port before the ports of primary and fallback."""

    late: Any = staticmethod(nothing)

    def __init__(
        self,
        primary: Port,
        *,
        label: Label,
        fallback: Port | None,
        raises: bool,
        now: Callable[[], float],
        wall: Callable[[], float],
        told: Callable[[Exception, bool], None],
        back: Callable[[], None],
    ) -> None:
        """A guard of `primary`.

        Args:
            primary: The store that is used while it answers.
            label: Whose store it is, for those who watch.
            fallback: The store that is used while it does not.
            raises: Failures are the caller's, if there is no fallback that answers.
            now: Seconds on the cache's clock.
            wall: Seconds since 1970 on it.
            told: Hears of each failure, and whether the primary is given up with it.
            back: Hears that the primary is in use again.
        """
        self.primary: Final[Any] = primary
        self.label: Final = label
        self.fallback: Final = fallback
        self.breaker: Final = Breaker(now)
        self._raises: Final = raises
        self._wall: Final = wall
        self._told: Final = told
        self._back: Final = back
        self._lock: Final = threading.Lock()
        self._owed: Final = Owed()
        self._replaying = False
        # A replay has found the primary to be back: what is missed from now on is made good at once, as a busy caller
        # could miss things faster than the replay makes them good.
        self._catching_up = False
        self.elsewhere = 0
        """How many requests the primary has not answered so far."""
        # What is in the fallback: nothing, what was written in this outage, or what may be older.
        self._kept: Literal["nothing", "used", "old"] = "old"

    @property
    def leases(self) -> bool:
        """Whether the store in use knows who loads a key."""
        used: Any = self.primary if self.breaker.state == "closed" else self.fallback
        return used is not None and bool(used.leases)

    @property
    def coherent(self) -> bool:
        """Whether the store in use tells what others changed."""
        return bool(getattr(self._used, "coherent", False))

    @property
    def waits(self) -> bool:
        """Whether the store in use can say when somebody else's load has ended."""
        return bool(getattr(self._used, "waits", False))

    @property
    def degraded(self) -> bool:
        """Whether the primary is not in use."""
        return self.breaker.state != "closed"

    @property
    def _used(self) -> Any:
        return self.fallback if self.degraded else self.primary

    @property
    def followed(self) -> FileStore | RedisStore | None:
        """The store whose position tells of the writes of other processes; None where none does."""
        return getattr(self.primary, "store", None)

    @property
    def tells(self) -> bool:
        """Whether the primary tells of every change at present."""
        return bool(getattr(self.primary, "tells", False))

    def track(self, begun: Callable[[], object]) -> None:
        """The primary is to tell what others change; `begun` hears when it does."""
        self.primary.track(begun)

    def changes(self, since: int, now: float) -> Any:
        """What others changed in the primary since; None while it is down, and nobody was told."""
        if getattr(self.primary, "told", False):
            return self.primary.call("changes", since, now)
        return None if self.degraded else self.call("changes", since, now)

    def call(self, name: str, *args: Any) -> Any:
        """As the store that is in use answers."""
        watch = WATCH.far
        if watch is None:
            return self._call(name, args)
        with watch(self.label, name):
            return self._call(name, args)

    def acall(self, name: str, *args: Any) -> Coroutine[Any, Any, Any]:
        """As the store that is in use answers."""
        watch = WATCH.far
        return self._acall(name, args) if watch is None else self._awatched(watch, name, args)

    async def _awatched(self, watch: FarWatcher, name: str, args: tuple[Any, ...]) -> Any:
        with watch(self.label, name):
            return await self._acall(name, args)

    def _call(self, name: str, args: tuple[Any, ...]) -> Any:
        failure = None
        if (name in _PLAIN or (name == "set" and "lease" not in args[4])) and self._is_well():
            # What a request does where all is well, without its steps: they take longer than many a store.
            try:
                answer = self.primary.call(name, *args)
            except _FAILURE as error:
                self._told(error, self.breaker.failed())
                failure = error
            else:
                if self.breaker.succeeded():
                    self._back()
                return answer
        request, answer = self._request(name, args, failure), None
        try:
            port, step = next(request)
            while True:
                try:
                    answer = port.call(*step)
                except Exception as error:  # noqa: BLE001 - the request knows what to do
                    port, step = request.throw(error)
                else:
                    port, step = request.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            request.close()

    async def _acall(self, name: str, args: tuple[Any, ...]) -> Any:
        failure = None
        if (name in _PLAIN or (name == "set" and "lease" not in args[4])) and self._is_well():
            try:
                answer = await self.primary.acall(name, *args)
            except _FAILURE as error:
                self._told(error, self.breaker.failed())
                failure = error
            else:
                if self.breaker.succeeded():
                    self._back()
                return answer
        request, answer = self._request(name, args, failure), None
        try:
            port, step = next(request)
            while True:
                try:
                    answer = await port.acall(*step)
                except Exception as error:  # noqa: BLE001 - the request knows what to do
                    port, step = request.throw(error)
                else:
                    port, step = request.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            request.close()

    def _is_well(self) -> bool:
        """Whether there is nothing to think of before the primary is asked, nor behind."""
        return self.breaker.state == "closed" and not self._owed and not self._replaying and self._kept != "used"

    # --- one request ---

    def _request(self, name: str, args: tuple[Any, ...], failure: Exception | None = None) -> Request:
        """One request; the primary has failed to answer it already if that `failure` is given."""
        admitted = self._admitted() if failure is None else None
        if admitted is not None:
            try:
                answer = yield from self._tried(name, args, replay=admitted == "replay")
            except _FAILURE as error:
                failure = error
            else:
                if self._kept == "used":
                    yield from self._emptied()
                return answer
        yield from self._missed(name, args)
        if self.fallback is not None and name not in _ITS_OWN and hasattr(self.fallback, name):
            try:
                if self._kept == "old":
                    yield self.fallback, ("clear", self._wall())
                self._kept = "used"
                return (yield from _asked(self.fallback, name, args))
            except _FAILURE as error:
                self._told(error, False)
                failure = failure or error
        if self._raises:
            raise failure or CacheBackendError("the store has failed repeatedly and is left alone for a while")
        return [None] * len(args[0]) if name in {"get_many", "set_many"} else _NOTHING[name]

    def owe(self, name: str, *args: Any) -> None:
        """The primary has to hear of this request before it is read again."""
        with self._lock:
            self.elsewhere += 1
            self._owed.add(name, args)

    def _missed(self, name: str, args: tuple[Any, ...]) -> Request:
        """The primary does not hear of this request; of what it changes it does, now or before it is read again."""
        step = step_of(name, args) if self._catching_up else None
        if step is None:
            self.owe(name, *args)
            return
        with self._lock:
            self.elsewhere += 1
        try:
            yield self.primary, step
        except BaseException as error:
            self.owe(name, *args)
            if not isinstance(error, _FAILURE):
                raise
            self._told(error, False)

    def _admitted(self) -> Literal["plainly", "replay"] | None:
        """Whether this request may go to the primary, and whether it is the one that first makes good what is owed."""
        if self.breaker.state == "closed" and not self._owed and not self._replaying:
            return "plainly"
        with self._lock:
            if self._replaying or not self.breaker.admits():
                return None
            self._replaying = True
            return "replay"

    def _tried(self, name: str, args: tuple[Any, ...], *, replay: bool) -> Request:
        """Asks the primary, and tells the breaker how that went."""
        ended = False
        try:
            while True:
                if replay:
                    yield from self._make_good()
                answer = yield from _asked(self.primary, name, args)
                # 1. All is made good. 2. Another request, which has to go elsewhere, deletes. 3. This one reads.
                if not (replay and self._owed and name in _READS):
                    break
            ended = True
        except _FAILURE as error:
            ended = True
            self._told(error, self.breaker.failed())
            raise
        else:
            if self.breaker.succeeded():
                self._back()
            return answer
        finally:
            if not ended:
                self.breaker.gave_up()
            if replay:
                self._replaying = self._catching_up = False

    def _make_good(self) -> Request:
        """Does what could not be done, before anything is read: else what was deleted would come back."""
        with self._lock:
            steps = self._owed.take()
        try:
            while steps:
                step, count = next_step(steps)
                if step[0] == "matching":
                    yield from self._make_good_matching(*step[1:])
                else:
                    yield self.primary, step
                self._catching_up = True
                del steps[:count]
                if not steps:
                    with self._lock:
                        steps = self._owed.take()
        finally:
            with self._lock:
                self._owed.give_back(steps)

    def _make_good_matching(self, pattern: str, tags: set[str] | None, hard: bool, now: float) -> Request:
        """What is meant by a pattern may be in the primary alone."""
        cursor = None
        while True:
            page, cursor = yield self.primary, ("scan", cursor, 500, now)
            keys = [row.key for row in page if tags is None or tags.intersection(row.tags)]
            if keys := match_keys(pattern, keys):
                yield self.primary, ("invalidate", keys, hard, now)
            if cursor is None:
                return

    def _emptied(self) -> Request:
        """What the fallback was given in this outage must not be there in the next one."""
        if self.fallback is None:
            return
        self._kept = "old"
        try:
            yield self.fallback, ("clear", self._wall())
        except _FAILURE as error:
            self._told(error, False)
        else:
            if self._kept == "old":
                self._kept = "nothing"


def _asked(port: Port, name: str, args: tuple[Any, ...]) -> Request:
    """One request, where a lease is only good at the store that gave it."""
    if name == "set" and "lease" in args[4]:
        *written, conditions = args
        lease: Lease = conditions["lease"]
        if lease.of is not port:
            return None
        rest = {condition: value for condition, value in conditions.items() if condition != "lease"}
        leased = lease.leased
        return (yield port, (name, *written, {**rest, "token": leased.token, "generation": leased.generation}))
    if name == "release":
        key, lease, now = args
        return False if lease.of is not port else (yield port, (name, key, lease.leased.token, now))
    answer = yield port, (name, *args)
    return Lease(answer, port) if name == "lease" and answer is not None else answer
