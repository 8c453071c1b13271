"""Refreshes that nobody waits for: exactly one, its errors, and what may happen to it meanwhile."""

import asyncio
import contextvars
import gc
import logging
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from omnicache import Cache, CacheConfigError, KeyBy, ManualClock, NoKey, cached
from omnicache._workers import _MOST
from omnicache.testing import asettled
from tests.freshness.ways import PATIENCE, Way, until
from tests.support import in_child

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")


def stale(one: Way, clock: ManualClock) -> None:
    """Brings the entry of a way with ``ttl=10`` to the age of 20."""
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)


def test_its_error_is_logged_counted_and_an_event(
    way: Callable[..., Way], clock: ManualClock, caplog: pytest.LogCaptureFixture
):
    one = way(ttl=10, stale=100)
    stale(one, clock)
    seen: list[Any] = []
    one.cache.on("error", seen.append)
    one.script.will_raise(LookupError("the source is down"))
    with caplog.at_level(logging.WARNING, "omnicache"):
        assert one.ask() == "old"
        one.settle()
    assert one.cache.stats().load_error_count == 1
    assert [type(event.error) for event in seen] == [LookupError]
    assert "the source is down" in caplog.text
    assert "refresh" in caplog.text


@pytest.mark.parametrize("broken", [SystemExit, KeyboardInterrupt])
def test_a_plain_loader_that_ends_the_program_ends_no_worker(clock: ManualClock, broken: type[BaseException]):
    with Cache("broken", clock=clock) as cache:
        for number in range(_MOST + 2):
            cache.set(number, "old", ttl=10, stale=100)
        clock.advance(20)

        def end() -> None:
            raise broken

        for number in range(_MOST + 2):
            assert cache.get_or_set(number, end, stale=100) == "old"
        until(lambda: not len(cache._flights))
        assert cache.stats().load_error_count == _MOST + 2
        clock.advance(20)
        assert cache.get_or_set(0, lambda: "new", stale=100, ttl=10) == "old"
        until(lambda: cache.get(0) == "new")


def test_context_variables_are_those_of_the_caller(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=100)
    stale(one, clock)
    seen: list[str] = []
    one.script.will(lambda _: seen.append(VARIABLE.get()) or "new")
    if one.is_async:

        async def ask() -> Any:
            VARIABLE.set("mine")
            return await one.acall()  # type: ignore[attr-defined]

        one.loop.submit(ask()).result(PATIENCE)  # type: ignore[attr-defined]
    else:
        context = contextvars.copy_context()
        context.run(VARIABLE.set, "mine")
        context.run(one.call)
    one.settle()
    assert seen == ["mine"]


def test_a_refresh_runs_apart_from_its_caller(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=100)
    stale(one, clock)
    asked = one.start()
    run = one.script.run(1)
    assert asked.result(PATIENCE) == "old"
    if one.is_async:
        assert run.thread == one.loop.call(threading.get_ident)  # type: ignore[attr-defined]
    else:
        worker = next(thread for thread in threading.enumerate() if thread.ident == run.thread)
        assert worker.daemon
        assert worker.name == "omnicache-load"
    run.brings("new")


def test_sync_and_async_share_one_refresh(clock: ManualClock):
    gate, runs = threading.Event(), []

    def load() -> str:
        runs.append(1)
        gate.wait(PATIENCE)
        return "new"

    with Cache("both", clock=clock) as cache:
        cache.set("a", "old", ttl=10, stale=100)
        clock.advance(20)
        assert cache.get_or_set("a", load, stale=100) == "old"

        async def main() -> None:
            assert await cache.aget_or_set("a", load, stale=100) == "old"

        asyncio.run(main())
        gate.set()
        until(lambda: cache.get("a") == "new")
        assert len(runs) == 1


# --- arguments that belong to the call ---


class Session:
    pass


class User:
    id = 7


@pytest.mark.parametrize("option", [{"stale": 10}, {"refresh_at": 0.5}, {"refresh_at": "auto"}])
def test_what_is_lent_to_a_call_is_refused_for_a_refresh(option: dict[str, Any]):
    with pytest.raises(CacheConfigError, match=r"'session'.*shared=True"):

        @cached(**option)
        def load(number: int, session: Annotated[Session, NoKey]) -> int:
            return number

    with pytest.raises(CacheConfigError, match="'user'"):

        @cached(**option)
        async def aload(user: Annotated[User, KeyBy("id")]) -> int:
            return user.id


@pytest.mark.parametrize("mark", [NoKey(shared=True), KeyBy("id", shared=True)])
def test_what_is_shared_is_not(clock: ManualClock, mark: Any):
    @cached(ttl=10, stale=10, clock=clock)
    def load(user: Annotated[User, mark]) -> str:
        return values.pop()

    values, user = ["new", "old"], User()
    load(user)
    clock.advance(15)
    assert load(user) == "old"
    until(lambda: load.cache._flights.running() == [] and not values)
    assert load(user) == "new"


def test_a_cache_that_serves_stale_values_loads_before_it_answers_where_arguments_are_lent(clock: ManualClock):
    with Cache("lent", default_ttl=10, stale=100, refresh_at=0.5, clock=clock) as cache:

        @cache.cached
        def load(session: Annotated[Session, NoKey]) -> str:
            return values.pop()

        values = ["c", "b", "a"]
        assert load(Session()) == "a"
        clock.advance(6)
        assert load(Session()) == "a"
        clock.advance(6)
        assert load(Session()) == "b", "not the stale value, and not in the background"
        assert values == ["c"]


# --- what may happen meanwhile ---


def test_a_loop_that_was_closed_over_a_refresh_does_not_stop_the_next(clock: ManualClock):
    with Cache("closed", clock=clock) as cache:
        cache.set("a", "old", ttl=10, stale=100)
        clock.advance(20)
        dead = asyncio.new_event_loop()

        async def hang() -> None:
            await asyncio.Event().wait()

        async def ask() -> Any:
            return await cache.aget_or_set("a", hang, stale=100)

        assert dead.run_until_complete(ask()) == "old"
        pending = asyncio.all_tasks(dead)
        dead.close()
        assert len(pending) == 1
        assert cache.get_or_set("a", lambda: "new", ttl=10, stale=100) == "old"
        until(lambda: cache.get("a") == "new")
        for task in pending:  # nobody can cancel it any more
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            task.get_coro().close()  # type: ignore[union-attr]


def test_asyncio_run_ends_a_refresh_and_the_next_caller_starts_one(clock: ManualClock):
    with Cache("ended", clock=clock) as cache:
        cache.set("a", "old", ttl=10, stale=100)
        clock.advance(20)

        async def hang() -> None:
            await asyncio.Event().wait()

        async def ask() -> Any:
            return await cache.aget_or_set("a", hang, stale=100)

        assert asyncio.run(ask()) == "old"
        assert len(cache._flights) == 0
        assert cache.stats().load_error_count == 0
        assert cache.get_or_set("a", lambda: "new", ttl=10, stale=100) == "old"
        until(lambda: cache.get("a") == "new")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_refreshes_anew(clock: ManualClock):
    gate = threading.Event()
    with Cache("forked", clock=clock) as cache:
        cache.set("a", "old", ttl=10, stale=100)
        clock.advance(20)
        assert cache.get_or_set("a", lambda: gate.wait(PATIENCE) and "parent", stale=100) == "old"
        until(lambda: cache._loads.runs == 1)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                served = cache.get_or_set("a", lambda: "child", ttl=10, stale=100)
                until(lambda: cache.get("a") == "child")
                status = 0 if served == "old" else 2
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        gate.set()
        until(lambda: cache.get("a") == "parent")


@pytest.mark.parametrize("loader", ["time.sleep(60)", "asyncio"])
def test_the_interpreter_does_not_wait_for_a_refresh(loader: str):
    code = """
import asyncio, atexit, time
from omnicache import Cache, ManualClock
clock = ManualClock()
cache = Cache("exiting", clock=clock)
for key in "ab":
    cache.set(key, "old", ttl=10, stale=100)
clock.advance(20)
atexit.register(lambda: print(cache.get_or_set("b", lambda: "new", stale=100)))
if "LOADER" == "asyncio":
    async def hang():
        await asyncio.Event().wait()
    async def ask():
        return await cache.aget_or_set("a", hang, stale=100)
    print(asyncio.run(ask()))
else:
    print(cache.get_or_set("a", lambda: time.sleep(60), stale=100))
""".replace("LOADER", loader)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (child.returncode, child.stdout, child.stderr) == (0, "old\nold\n", "")


def test_a_refresh_that_finds_no_thread_harms_no_caller(clock: ManualClock, monkeypatch: pytest.MonkeyPatch):
    from omnicache import _job

    def refuse(job: Any, *, urgent: bool) -> None:
        raise RuntimeError("can't start new thread")

    with Cache("threadless", clock=clock) as cache:
        cache.set("a", "old", ttl=10, stale=100)
        clock.advance(20)
        with monkeypatch.context() as patched:
            patched.setattr(_job.WORKERS, "run", refuse)
            assert cache.get_or_set("a", lambda: "new", stale=100) == "old"
        assert len(cache._flights) == 0
        assert cache.stats().load_error_count == 1
        clock.advance(5)
        assert cache.get_or_set("a", lambda: "new", stale=100) == "old"
        until(lambda: cache.get("a") == "new")


@in_child
def test_refreshes_that_hang_keep_nobody_waiting():
    """All threads for refreshes hang; somebody needs a value whose refresh waits for one, or one that never was."""
    clock, gate = ManualClock(), threading.Event()
    with Cache("busy", clock=clock) as cache:
        count = 3 * _MOST
        for number in range(count):
            cache.set(number, "old", ttl=10, stale=100)
        clock.advance(20)
        for number in range(count):
            assert cache.get_or_set(number, lambda: gate.wait(PATIENCE) and "late", stale=100) == "old"
        until(lambda: cache._loads.runs == _MOST)
        assert cache.get_or_set("never", lambda: "at once") == "at once"
        assert cache.get_or_set("limited", lambda: "at once", timeout=5) == "at once"
        clock.advance(200)
        assert cache.get_or_set(count - 1, lambda: "mine", timeout=5) == "mine"
        assert cache.get_or_set(count - 2, lambda: "mine", timeout=None) == "mine"

        async def main() -> Any:
            return await cache.aget_or_set(count - 3, lambda: "mine")

        assert asyncio.run(main()) == "mine"
        gate.set()
        until(lambda: not len(cache._flights))
        assert cache.get(count - 1) == "mine"


# --- nothing is kept alive ---


class Thing:
    pass


def test_values_errors_and_loaders_die_with_their_last_user(clock: ManualClock):
    def things() -> list[weakref.ref[Any]]:
        with Cache("mortal", clock=clock) as cache:
            thing, argument = Thing(), Thing()

            def load() -> Thing:
                return Thing() if argument else thing

            def fail() -> None:
                raise LookupError(argument)

            gone = [weakref.ref(load), weakref.ref(argument), weakref.ref(fail)]
            gone.append(weakref.ref(cache.get_or_set("a", load, ttl=10, stale=50, timeout=5, tags=["t"])))
            with pytest.raises(LookupError):
                cache.get_or_set("b", fail, timeout=5)
            clock.advance(20)
            cache.get_or_set("a", load, stale=50)
            until(lambda: not len(cache._flights))
            cache.clear()

            async def main() -> None:
                gone.append(weakref.ref(await cache.aget_or_set("a", load, ttl=10, stale=50, timeout=5, tags=["t"])))
                with pytest.raises(LookupError):
                    await cache.aget_or_set("b", fail, timeout=5)
                clock.advance(20)
                await cache.aget_or_set("a", load, stale=50)
                await asettled(cache)

            asyncio.run(main())
            cache.clear()
            assert not cache._leases._held
            return gone

    gone = things()
    until(lambda: gc.collect() is not None and not [ref for ref in gone if ref() is not None])
