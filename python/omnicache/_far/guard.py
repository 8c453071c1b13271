"""What happens when a far store fails: a circuit breaker, a fallback, and what has to be made good afterwards.

The breaker is *closed* while the store answers. A few failures in a row *open* it: the store is left alone for a while
that doubles with each failed attempt, give or take chance. Then it is *half open*: one request tries. See Nygard,
Release It!, 2nd ed., chapter 5.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Literal

from ..exceptions import CacheBackendError, CacheTimeoutError

if TYPE_CHECKING:
    from .._omnicache import FileStore
    from .drive import Port

__all__ = ["Breaker", "Guard"]

_FAILURES: Final = 3
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_MOST_OWED: Final = 10_000

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
    "release": False,
    "changes": None,
}
_FAILURE: Final = (CacheBackendError, CacheTimeoutError)


class Breaker:
    """Whether a store is to be asked."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now: Final = now
        self._lock: Final = threading.Lock()
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._until = 0.0
        self._trying = False
        self.state: Literal["closed", "open", "half_open"] = "closed"

    def admits(self) -> bool:
        """Whether this request may go to the store; while it is half open, one may."""
        if self.state == "closed":
            return True
        with self._lock:
            if self.state == "open" and self._now() >= self._until:
                self.state = "half_open"
                self._trying = False
            if self.state == "half_open" and not self._trying:
                self._trying = True
                return True
            return False

    def succeeded(self) -> bool:
        """The store has answered; whether it is back only now."""
        if self.state == "closed" and self._failures == 0:
            return False
        with self._lock:
            back = self.state != "closed"
            self.state, self._failures, self._pause, self._trying = "closed", 0, _FIRST_PAUSE, False
            return back

    def failed(self) -> bool:
        """The store has not; whether it is given up only now."""
        with self._lock:
            self._failures += 1
            if self.state == "half_open":
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            elif self.state == "open" or self._failures < _FAILURES:
                return False
            first = self.state == "closed"
            self.state, self._trying = "open", False
            self._until = self._now() + self._pause * (0.75 + random.random() / 2)  # noqa: S311 - no secret hangs on it
            return first


class Guard:
    """A port that survives the failure of another one."""

    def __init__(
        self,
        primary: Port,
        *,
        fallback: Port | None,
        raises: bool,
        now: Callable[[], float],
        told: Callable[[Exception, bool], None],
    ) -> None:
        """`raises`: failures are the caller's, if there is no fallback; `told` hears of each, and if it is an end."""
        self.primary: Final = primary
        self.fallback: Final = fallback
        self.breaker: Final = Breaker(now)
        self._raises: Final = raises
        self._told: Final = told
        self._owed: list[tuple[Any, ...]] = []
        self._lock: Final = threading.Lock()

    @property
    def leases(self) -> bool:
        """Whether the store in use knows who loads a key."""
        return bool(getattr(self._used, "leases", False))

    @property
    def coherent(self) -> bool:
        """Whether the store in use tells what others changed."""
        return bool(getattr(self._used, "coherent", False))

    @property
    def degraded(self) -> bool:
        """Whether the primary is not in use."""
        return self.breaker.state != "closed"

    @property
    def _used(self) -> Any:
        if self.degraded:
            return self.fallback
        return self.primary

    @property
    def followed(self) -> FileStore | None:
        """The store whose position tells of the writes of other processes; None where none does."""
        return getattr(self.primary, "store", None)

    def changes(self, since: int, now: float) -> Any:
        """What others changed in the primary since; None while it is down."""
        return None if self.degraded else self.call("changes", since, now)

    def call(self, name: str, *args: Any) -> Any:
        """As the store that is in use answers."""
        request, answer = self._request(name, args), None
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

    async def acall(self, name: str, *args: Any) -> Any:
        """As the store that is in use answers."""
        request, answer = self._request(name, args), None
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

    def _request(self, name: str, args: tuple[Any, ...]) -> Generator[tuple[Port, tuple[Any, ...]], Any, Any]:
        failure: Exception | None = None
        if self.breaker.admits():
            try:
                if self.degraded:
                    yield from self._make_good()
                answer = yield self.primary, (name, *args)
            except _FAILURE as error:
                failure = error
                self._told(error, self.breaker.failed())
            else:
                if self.breaker.succeeded() and self.fallback is not None:
                    # What it was given meanwhile must not be there at the next outage.
                    yield from self._quietly(self.fallback, ("clear", args[-1] if args else 0.0))
                return answer
        self._owe(name, args)
        if self.fallback is not None:
            return (yield self.fallback, (name, *args))
        if failure is not None and self._raises:
            raise failure
        if self._raises:
            raise CacheBackendError("the store has failed repeatedly and is left alone for a while")
        return [None] * len(args[0]) if name == "get_many" else _NOTHING[name]

    def _make_good(self) -> Generator[tuple[Port, tuple[Any, ...]], Any, None]:
        """Does what could not be done, before anything is read: else what was deleted would come back."""
        while self._owed:
            yield self.primary, self._owed[0]
            with self._lock:
                self._owed.pop(0)

    def _quietly(self, port: Port, step: tuple[Any, ...]) -> Generator[tuple[Port, tuple[Any, ...]], Any, None]:
        try:
            yield port, step
        except _FAILURE as error:
            self._told(error, False)

    def _owe(self, name: str, args: tuple[Any, ...]) -> None:
        """Notes what the primary has to hear when it is back: whatever makes what it has wrong."""
        if name in {"delete", "take", "set"}:
            # What is written meanwhile is newer than what it has, which must not come back.
            step: tuple[Any, ...] = ("delete", args[0], args[2] if name == "set" else args[-1])
        elif name in {"delete_many", "invalidate", "invalidate_tags", "clear"}:
            step = (name, *args)
        else:
            return
        with self._lock:
            if name == "clear" or len(self._owed) >= _MOST_OWED:
                self._owed.clear()
                step = ("clear", args[-1] if name != "set" else args[2])
            self._owed.append(step)
