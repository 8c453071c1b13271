"""``BackendSuite``: the tests that every store of a user's own has to pass."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from .._far.calling import Caller
from .._sentinels import MISSING
from ..backends import StoreBackend, TieredBackend
from ..cache import Cache

__all__ = ["BackendSuite"]

_NUMBERS: Final = itertools.count()
_PAYLOADS: Final = {
    "nothing": b"",
    "every byte": bytes(range(256)),
    "a mebibyte": os.urandom(1024) * 1024,
    "blank ends": b" \n value\t\0 ",
    "text": "naïve\r\n\0 ☃".encode(),
}
_ENDS: Final = ["", "a", "a b", "é☃\U0001f40d", "*?[a-z]%_\\", "x" * 1000, "a:b:c#d!e", "../../etc", "A", "\u202e"]


class BackendSuite:
    """Tests of a :class:`omnicache.StoreBackend`, run by pytest: derive a class from it and say how yours is made.

    Every test gets a backend of its own, uses keys that no other test uses, and runs twice: as a thread asks, and as a
    task does. At its end the backend is closed.

    >>> from omnicache import StoreBackend
    >>> from omnicache.testing import BackendSuite
    >>> class DictBackend(StoreBackend):
    ...     def __init__(self):
    ...         self.data = {}
    ...     def get(self, key):
    ...         return self.data.get(key)
    ...     def set(self, key, data, ttl):
    ...         self.data[key] = data
    ...     def delete(self, key):
    ...         self.data.pop(key, None)
    ...     def scan(self, prefix):
    ...         return [key for key in self.data if key.startswith(prefix)]
    >>> class TestDictBackend(BackendSuite):
    ...     def make_backend(self):
    ...         return DictBackend()
    """

    def make_backend(self) -> StoreBackend:
        """A backend that is ready for use; its store may hold what other tests wrote."""
        raise NotImplementedError(f"{type(self).__name__}: override make_backend(), which returns your backend")

    # --- what the tests are made of ---

    @pytest.fixture
    def backend(self) -> Iterator[StoreBackend]:
        """The backend of one test."""
        backend = self.make_backend()
        assert isinstance(backend, StoreBackend), "make_backend() returns an object of a class below StoreBackend"
        yield backend
        Caller(type(backend).__name__, None).call(backend.close, (), lambda: None)

    @pytest.fixture(params=["thread", "task"])
    def runs(self, request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Any]]:
        """Runs a coroutine; what it calls of the backend is called as a thread does, or as a task."""
        with asyncio.Runner() as runner:
            yield runner.run if request.param == "task" else _in_thread

    @pytest.fixture
    def ask(self, backend: StoreBackend, runs: Callable[[Any], Any]) -> Callable[..., Any]:
        """Calls a method of the backend by its name."""
        caller = Caller(type(backend).__name__, backend.timeout)

        def ask(method: str, *args: Any) -> Any:
            if runs is _in_thread:
                return caller.call(getattr(backend, method), args, lambda: None)
            return runs(caller.acall(getattr(backend, method), args, lambda: None))

        return ask

    @pytest.fixture
    def prefix(self) -> str:
        """What the keys of one test begin with."""
        return f"suite-{os.getpid()}-{next(_NUMBERS)}:"

    @pytest.fixture
    def cache(self, backend: StoreBackend, prefix: str) -> Iterator[Cache]:
        """A cache over the backend that raises what goes wrong there."""
        with Cache(prefix.strip(":"), backend=_Kept(backend), on_error="raise") as cache:
            yield cache

    # --- the four methods ---

    def test_what_was_never_set_is_none(self, ask: Callable[..., Any], prefix: str) -> None:
        """``get`` of an unknown key returns None and raises nothing."""
        assert ask("get", prefix) is None, "get() of a key that was never set returns None"

    @pytest.mark.parametrize("payload", list(_PAYLOADS))
    def test_bytes_come_back_as_they_went(self, ask: Callable[..., Any], prefix: str, payload: str) -> None:
        """``get`` returns what ``set`` was given, as ``bytes`` or what ``bytes()`` takes."""
        ask("set", prefix, _PAYLOADS[payload], None)
        found = ask("get", prefix)
        assert isinstance(found, (bytes, bytearray, memoryview)), f"get() returns bytes, not {type(found).__name__}"
        assert bytes(found) == _PAYLOADS[payload], "get() returns the bytes that set() was given"

    def test_a_set_replaces(self, ask: Callable[..., Any], prefix: str) -> None:
        """The second ``set`` of a key wins."""
        ask("set", prefix, b"a longer first value", None)
        ask("set", prefix, b"second", 60.0)
        assert bytes(ask("get", prefix)) == b"second", "set() replaces what is there"

    def test_what_is_deleted_is_gone(self, ask: Callable[..., Any], prefix: str) -> None:
        """``delete`` removes, and a key that is not there is no error."""
        ask("set", prefix, b"value", None)
        ask("delete", prefix)
        assert ask("get", prefix) is None, "delete() removes what is there"
        ask("delete", prefix)

    def test_keys_are_told_apart(self, ask: Callable[..., Any], prefix: str) -> None:
        """Whatever text a key is, it is one of its own."""
        for number, end in enumerate(_ENDS):
            ask("set", prefix + end, b"%d" % number, None)
        for number, end in enumerate(_ENDS):
            found = ask("get", prefix + end)
            assert found is not None, f"the key {end[:40]!r} is found"
            assert bytes(found) == b"%d" % number, f"the key {end[:40]!r} has its own value"

    def test_a_scan_finds_what_begins_so(self, ask: Callable[..., Any], prefix: str) -> None:
        """``scan`` gives each key with the prefix once, and no other; no character of it is special."""
        names = [f"{prefix}{kind}{end}" for kind in ("*", "in:") for end in _ENDS]
        for name in names:
            ask("set", name, b"value", None)
        for begin in (prefix, f"{prefix}*", f"{prefix}in:", f"{prefix}in:a"):
            wanted = sorted(name for name in names if name.startswith(begin))
            assert sorted(ask("scan", begin)) == wanted, "scan() gives the keys that begin with the prefix"
        assert list(ask("scan", f"{prefix}nothing")) == [], "scan() gives nothing where no key begins so"
        ask("delete", names[0])
        assert names[0] not in list(ask("scan", prefix)), "scan() does not give what was deleted"

    def test_a_scan_goes_through_many(self, ask: Callable[..., Any], prefix: str) -> None:
        """``scan`` gives everything, however many pages the store needs for it."""
        names = [f"{prefix}{number}" for number in range(2_000)]
        for name in names:
            ask("set", name, b"v", None)
        assert sorted(ask("scan", prefix)) == sorted(names), "scan() gives all keys that begin with the prefix"

    @pytest.mark.parametrize("ttl", [None, 3600, 3600.5, 1e9])
    def test_nothing_goes_before_its_time(self, ask: Callable[..., Any], prefix: str, ttl: float | None) -> None:
        """``set`` takes a ttl in seconds, whole or not, or None; before it has passed the entry is there."""
        ask("set", prefix, b"value", ttl)
        found = ask("get", prefix)
        assert found is not None, "before its ttl has passed, an entry is there"
        assert bytes(found) == b"value"

    def test_a_short_ttl_is_taken(self, ask: Callable[..., Any], prefix: str) -> None:
        """A ttl of a millisecond is no error; whether the entry is gone after it is the store's business."""
        ask("set", prefix, b"value", 0.001)
        assert ask("get", prefix) in (None, b"value"), "after its ttl an entry is whole, or gone"

    def test_threads_do_not_disturb_each_other(self, backend: StoreBackend, prefix: str) -> None:
        """Many threads may use one backend."""
        caller, failures = Caller(type(backend).__name__, backend.timeout), []

        def work(number: int) -> None:
            key, value = f"{prefix}{number}", b"%d" % number * 1_000
            try:
                for _ in range(20):
                    caller.call(backend.set, (key, value, None), lambda: None)
                    assert bytes(caller.call(backend.get, (key,), lambda: None)) == value
            except BaseException as error:  # noqa: BLE001 - it is raised in the test
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def test_tasks_do_not_disturb_each_other(self, backend: StoreBackend, prefix: str) -> None:
        """Many tasks may use one backend."""
        caller = Caller(type(backend).__name__, backend.timeout)

        async def work(number: int) -> None:
            key, value = f"{prefix}{number}", b"%d" % number * 1_000
            for _ in range(5):
                await caller.acall(backend.set, (key, value, None), lambda: None)
                assert bytes(await caller.acall(backend.get, (key,), lambda: None)) == value

        async def main() -> None:
            await asyncio.gather(*(work(number) for number in range(20)))

        asyncio.run(main())

    # --- a cache over it ---

    def test_a_cache_reads_and_writes(self, cache: Cache, runs: Callable[[Any], Any]) -> None:
        """Values, counters, conditions, and what is missing."""

        async def main() -> None:
            on = _Face(cache, waits=runs is not _in_thread)
            value = {"name": "Ada", "tags": ("a", "b"), "raw": b"\0", "none": None}
            await on("set", "user:1", value)
            assert await on("get", "user:1") == value
            await on("set", ("a", 1), None)
            assert await on("get", ("a", 1), MISSING) is None
            assert await on("get", "nobody", MISSING) is MISSING
            assert await on("add", "user:1", 2) is False
            assert await on("replace", "user:2", 2) is False
            assert await on("incr", "n", 5) == 5
            assert await on("decr", "n") == 4
            assert await on("get_many", ["n", "x", "user:1"]) == {"n": 4, "user:1": value}
            assert await on("pop", "n") == 4
            assert await on("delete", "n") is False
            assert sorted(await on("keys"), key=str) == [("a", 1), "user:1"]

        runs(main())

    def test_a_cache_invalidates(self, cache: Cache, runs: Callable[[Any], Any]) -> None:
        """By key, by tag and by pattern; and it clears itself alone."""

        async def main() -> None:
            on = _Face(cache, waits=runs is not _in_thread)
            for number in range(6):
                await on("set", f"k{number}", number, tags=["even" if number % 2 == 0 else "odd"])
            await on("invalidate", tags=["odd"])
            assert sorted(await on("keys")) == ["k0", "k2", "k4"]
            await on("set", "k1", 1, tags=["odd"])
            assert await on("get", "k1") == 1
            await on("invalidate", ["k0"])
            assert await on("delete_many", pattern="k[12]") == 2
            assert await on("keys") == ["k4"]
            with Cache(f"{cache.name}-other", backend=cache.backend, on_error="raise") as other:
                other["k4"] = "other's"
                assert await on("clear") == 1
                assert other["k4"] == "other's"
                other.clear()

        runs(main())

    def test_a_cache_loads_once(self, cache: Cache, runs: Callable[[Any], Any]) -> None:
        """A value that is missing is loaded, kept, and found again by another cache of that name."""

        async def main() -> None:
            on, loads = _Face(cache, waits=runs is not _in_thread), itertools.count(1)
            for _ in range(3):
                assert await on("get_or_set", "k", lambda: next(loads)) == 1

        runs(main())
        name, backend = cache.name, cache.backend
        cache.close()
        with Cache(name, backend=TieredBackend(far=backend), on_error="raise") as again:
            assert again.get("k") == 1
            again.clear()

    def test_threads_count_without_loss(self, cache: Cache) -> None:
        """What one process counts is counted, however many threads it has."""
        threads = [threading.Thread(target=lambda: [cache.incr("n") for _ in range(25)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.get("n") == 100


class _Face:
    """A method of a cache, or its awaitable twin."""

    def __init__(self, cache: Cache, *, waits: bool) -> None:
        self._cache, self._waits = cache, waits

    async def __call__(self, method: str, *args: Any, **options: Any) -> Any:
        if self._waits:
            return await getattr(self._cache, f"a{method}")(*args, **options)
        return getattr(self._cache, method)(*args, **options)


def _in_thread(coroutine: Any) -> Any:
    """Runs a coroutine that waits for nothing, in this thread, where no loop runs."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class _Kept(StoreBackend):
    """A backend that a cache does not close, for its test is not over with that."""

    def __init__(self, backend: StoreBackend) -> None:
        self._backend = backend
        self.timeout = backend.timeout

    def get(self, key: str) -> Any:
        return self._backend.get(key)

    def set(self, key: str, data: bytes, ttl: float | None) -> Any:
        return self._backend.set(key, data, ttl)

    def delete(self, key: str) -> Any:
        return self._backend.delete(key)

    def scan(self, prefix: str) -> Any:
        return self._backend.scan(prefix)
