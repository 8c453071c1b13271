"""The connection that an event loop has for itself: what goes over it, in which order, and what ends it."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from omnicache import Cache, CacheTimeoutError, RedisBackend
from omnicache._omnicache import RedisStore, encode_key
from tests.servers.proxy import Proxy
from tests.servers.server import Server

PATIENCE = 10


@pytest.fixture
async def cache(make: Callable[..., Cache], proxy: Proxy) -> AsyncIterator[Cache]:
    """A cache whose loop has a lane."""
    cache = make(backend=RedisBackend(proxy.url, timeout=5), on_error="raise")
    await has_lane(cache, proxy)
    yield cache
    proxy.flow()


async def has_lane(cache: Cache, proxy: Proxy) -> None:
    """Asks until the loop is connected itself, beside the connection that all share."""
    before = proxy.accepted
    async with asyncio.timeout(PATIENCE):
        while proxy.accepted < before + 1 + (before == 0):
            await cache.aget("nothing")
            await asyncio.sleep(0.001)
    # It is taken into use by the next one who asks.
    async with asyncio.timeout(PATIENCE):
        while not lanes():
            await cache.aget("nothing")
            await asyncio.sleep(0.001)


def lanes() -> list[Any]:
    """Those that the running loop watches."""
    watched = asyncio.get_running_loop()._selector.get_map().values()  # type: ignore[attr-defined]
    callbacks = [handle._callback for key in watched for handle in key.data if handle is not None]
    return [callback for callback in callbacks if type(callback).__name__ == "Lane"]


async def test_a_loop_has_one_and_it_ends_with_the_cache(cache: Cache, proxy: Proxy):
    connections = proxy.connections
    for _ in range(5):
        await asyncio.gather(*(cache.aset(f"k{number}", number) for number in range(50)))
        assert await cache.aget_many([f"k{number}" for number in range(50)]) == {f"k{n}": n for n in range(50)}
    assert proxy.connections == connections
    assert len(lanes()) == 1
    cache.close()
    async with asyncio.timeout(PATIENCE):
        while lanes() or proxy.connections:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)


async def test_what_a_task_left_is_not_done_after_what_was_asked_for_later(cache: Cache, proxy: Proxy):
    await cache.aset("k", "old")
    proxy.delay = 0.2
    writing = asyncio.create_task(cache.aset("k", "new"))
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    proxy.delay = 0.0
    # It goes over the common connection, where nothing is in its way.
    await cache.adelete("k")
    await asyncio.sleep(0.3)
    assert await cache.aget("k") is None


async def test_what_a_task_left_holds_nobody_up_for_ever(make: Callable[..., Cache], proxy: Proxy):
    cache = make(backend=RedisBackend(proxy.url, timeout=0.3), on_error="raise")
    await has_lane(cache, proxy)
    proxy.stall()
    writing = asyncio.create_task(cache.aset("k", "new"))
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(CacheTimeoutError):
        await cache.adelete("k")
    proxy.flow()
    async with asyncio.timeout(PATIENCE):
        await cache.adelete("k")
    assert await cache.aget("k") is None


async def test_each_has_his_own_time(make: Callable[..., Cache], proxy: Proxy):
    cache = make(backend=RedisBackend(proxy.url, timeout=0.5), on_error="raise")
    await cache.aset("k", 1)
    await has_lane(cache, proxy)
    proxy.stall()
    first = asyncio.create_task(cache.aget("k"))
    await asyncio.sleep(0.3)
    second = asyncio.create_task(cache.aget("k"))
    with pytest.raises(CacheTimeoutError, match=r"get in .*0\.5 ?s|500 ?ms"):
        await first
    proxy.flow()
    assert await second == 1, "it had time left, and asked elsewhere"


async def test_who_waits_when_it_is_lost_is_answered_over_the_common_one(cache: Cache, proxy: Proxy, server: Server):
    await cache.aset_many({f"k{number}": number for number in range(50)})
    proxy.delay = 0.1
    asking = [asyncio.create_task(cache.aget(f"k{number}")) for number in range(50)]
    writing = [asyncio.create_task(cache.aset(f"w{number}", number)) for number in range(50)]
    await asyncio.sleep(0.05)
    proxy.reset()
    proxy.delay = 0.0
    assert await asyncio.gather(*asking) == list(range(50))
    await asyncio.gather(*writing)
    assert await cache.aget_many([f"w{number}" for number in range(50)]) == {f"w{n}": n for n in range(50)}


async def test_values_that_no_socket_takes_at_once(cache: Cache):
    large = [bytes([number]) * (3 << 20) for number in range(8)]
    await asyncio.gather(*(cache.aset(f"k{number}", value) for number, value in enumerate(large)))
    assert await asyncio.gather(*(cache.aget(f"k{number}") for number in range(8))) == large
    assert await cache.aget_many([f"k{number}" for number in range(8)]) == {f"k{n}": v for n, v in enumerate(large)}


async def test_many_and_none(cache: Cache):
    assert await cache.aget_many([]) == {}
    assert cache.get_many([]) == {}
    await cache.aset("a", None)
    await cache.aset("t", 1, tags=["x"])
    for found in (await cache.aget_many(["a", "none", "a", "t"]), cache.get_many(["a", "none", "a", "t"])):
        assert found == {"a": None, "t": 1}
    await cache.ainvalidate(tags=["x"])
    for found in (await cache.aget_many(["a", "t"]), cache.get_many(["a", "t"])):
        assert found == {"a": None}


async def test_a_value_of_another_kind_is_an_error_of_one_who_asks(cache: Cache, server: Server):
    await cache.aset("a", 1)
    name = next(one for one in server("KEYS", "*:a"))
    server("DEL", name)
    server("LPUSH", name, "x")
    asked = await asyncio.gather(cache.aget("a"), cache.aget("b"), cache.aset("c", 3), return_exceptions=True)
    assert "WRONGTYPE" in str(asked[0])
    assert asked[1:] == [None, None]
    assert await cache.aget("c") == 3


# --- what is awaited ---


@pytest.fixture
async def store(cache: Cache) -> RedisStore:
    store: RedisStore = cache._port.primary.store
    return store


async def test_a_reply_is_a_future_to_asyncio(store: RedisStore):
    key, now, told = encode_key("k"), time.time(), []
    reply = store.get(key, now, later=True)
    assert asyncio.isfuture(reply)
    assert reply.get_loop() is asyncio.get_running_loop()
    assert not reply.done()
    with pytest.raises(asyncio.InvalidStateError):
        reply.result()
    reply.add_done_callback(told.append)
    assert await reply is None
    assert reply.done()
    assert not reply.cancelled()
    assert not reply.cancel()
    assert await reply is None, "a second time too"
    assert told == [reply]
    reply.add_done_callback(told.append)
    assert told == [reply], "never at once"
    await asyncio.sleep(0)
    assert told == [reply, reply]


async def test_several_wait_for_one_reply(store: RedisStore):
    async def wait(reply: Any) -> Any:
        return await reply

    reply = store.get(encode_key("k"), time.time(), later=True)
    assert await asyncio.gather(*(wait(reply) for _ in range(3))) == [None] * 3
    assert await asyncio.wait_for(wait(store.get(encode_key("k"), time.time(), later=True)), PATIENCE) is None


@pytest.mark.parametrize("name", ["set", "delete"])
async def test_who_leaves_is_told_when_it_is_done(store: RedisStore, proxy: Proxy, name: str):
    key, now, late = encode_key("k"), time.time(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear() -> None:
        loop.call_soon_threadsafe(late.set)

    async def ask() -> None:
        arguments = (key, b"v", now) if name == "set" else (key, now)
        await getattr(store, name)(*arguments, later=hear)

    for leave in ("cancel", "close", "throw"):
        proxy.delay = 0.1
        late.clear()
        if leave == "cancel":
            task = asyncio.create_task(ask())
            await asyncio.sleep(0)
            task.cancel("why")
            with pytest.raises(asyncio.CancelledError, match="why"):
                await task
        else:
            asking = ask()
            asking.send(None)
            if leave == "close":
                asking.close()
            else:
                with pytest.raises(LookupError, match="why"):
                    asking.throw(LookupError("why"))
        assert not late.is_set()
        proxy.delay = 0.0
        async with asyncio.timeout(PATIENCE):
            await late.wait()


async def test_who_stays_is_not_told(store: RedisStore):
    heard = []
    await store.set(encode_key("k"), b"v", time.time(), later=lambda: heard.append(1))
    await store.delete(encode_key("k"), time.time(), later=lambda: heard.append(1))
    assert heard == []


async def test_what_one_raises_is_not_the_others_concern(store: RedisStore):
    told: list[object] = []
    problems: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context.get("exception")))

    def fail(_: object) -> None:
        raise LookupError

    replies = [store.get(encode_key("k"), time.time(), later=True) for _ in range(5)]
    replies[1].add_done_callback(fail)
    for reply in replies:
        reply.add_done_callback(told.append)
    async with asyncio.timeout(PATIENCE):
        while len(told) < 5:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
    assert [type(problem) for problem in problems] == [LookupError]


async def test_a_task_that_is_forgotten_while_it_waits_is_collected(store: RedisStore, proxy: Proxy):
    class Mark:
        pass

    async def wait() -> None:
        mark = Mark()
        marks.append(weakref.ref(mark))
        await store.get(encode_key("k"), time.time(), later=True)

    marks: list[weakref.ref[Mark]] = []
    await asyncio.gather(*(wait() for _ in range(20)))
    asking = wait()
    asking.send(None)
    asking.close()
    del asking
    gc.collect()
    assert [mark for mark in marks if mark() is not None] == []


async def test_a_loop_that_was_busy_longer_than_the_timeout_still_reads_what_came(
    make: Callable[..., Cache], proxy: Proxy
):
    cache = make(backend=RedisBackend(proxy.url, timeout=0.3), on_error="raise")
    await cache.aset("k", 1)
    await has_lane(cache, proxy)
    asking = asyncio.create_task(cache.aget("k"))
    await asyncio.sleep(0)
    lane = lanes()[0]
    time.sleep(0.5)  # noqa: ASYNC251 - it is what a task does that should not
    asyncio.get_running_loop().call_soon(lane.look)  # some loops look at their clocks before they look at their sockets
    assert await asking == 1
    assert lanes() == [lane]
