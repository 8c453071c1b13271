"""Bodies stream through while they are stored, one run serves all who wait, and what is broken off is never stored."""

import asyncio
import tracemalloc

import pytest

from tests.integrations.exchange import Origin, behind, until
from tests.support import in_child

MAX_AGE = [(b"cache-control", b"max-age=60")]


def start(*headers: tuple[bytes, bytes], status: int = 200):
    return {"type": "http.response.start", "status": status, "headers": [*MAX_AGE, *headers]}


def part(body: bytes, more: bool = True):
    return {"type": "http.response.body", "body": body, "more_body": more}


class Steps:
    """An application that sends one message for each step that the test lets it take."""

    def __init__(self, *messages) -> None:
        self.messages = messages
        self.go = asyncio.Semaphore(0)
        self.runs = 0

    async def __call__(self, scope, receive, send) -> None:
        self.runs += 1
        for message in self.messages:
            await self.go.acquire()
            await send(dict(message))

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.go.release()


async def test_each_part_is_sent_before_the_next_is_made():
    app = Steps(start(), part(b"a"), part(b"b"), part(b"", more=False))
    site = behind(app, etag_header=True)
    seen = []

    async def send(message):
        seen.append(message)

    task = asyncio.create_task(site.get(send=send))
    app.step(2)
    await until(lambda: len(seen) == 2)
    assert seen[1]["body"] == b"a"
    app.step(1)
    await until(lambda: len(seen) == 3)
    app.step(1)
    assert (await task).body == b"ab"
    assert (await site.get()).hit


async def test_it_is_stored_before_the_last_message_is_sent():
    site = behind()
    stored = []

    async def send(message):
        if message["type"] == "http.response.body" and not message["more_body"]:
            stored.append(len(site.cache))

    await site.get(send=send)
    assert stored == [1]


@pytest.mark.parametrize(
    "messages",
    [
        (start((b"content-length", b"9")), part(b"short", more=False)),
        (start((b"content-length", b"2")), part(b"longer", more=False)),
        (start(), part(b"a")),
        (start((b"content-length", b"1"), (b"content-length", b"2")), part(b"a", more=False)),
        ({**start(), "trailers": True}, part(b"a", more=False)),
        (start(), part(b"a"), {"type": "http.response.pathsend", "path": "/x"}),
        (start((b"content-type", b"text/event-stream")), part(b"data: 1\n\n", more=False)),
    ],
)
async def test_what_is_not_whole_is_not_stored(messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(dict(message))

    site = behind(app)
    answer = await site.get()
    assert [message["type"] for message in answer.messages] == [message["type"] for message in messages]
    assert len(site.cache) == 0


async def test_a_run_that_is_cancelled_in_the_middle_stores_nothing():
    app = Steps(start(), part(b"a"), part(b"b", more=False))
    site = behind(app)
    task = asyncio.create_task(site.get())
    app.step(2)
    await until(app.go.locked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await site.app.drain()
    assert len(site.cache) == 0
    app.step(3)
    assert (await site.get()).body == b"ab"


async def test_a_body_over_the_limit_streams_on_unstored():
    async def app(scope, receive, send):
        await send(start())
        for _ in range(10):
            await send(part(b"x" * 100))
        await send(part(b"", more=False))

    site = behind(app, max_body=500)
    assert len((await site.get()).body) == 1000
    assert len(site.cache) == 0


async def test_a_file_comes_as_messages_when_it_is_to_be_stored():
    async def app(scope, receive, send):
        assert "http.response.pathsend" not in scope["extensions"]
        assert "http.response.debug" in scope["extensions"]
        await send(start())
        await send(part(b"file", more=False))

    site = behind(app)
    extensions = {"http.response.pathsend": {}, "http.response.debug": {}}
    await site.get(extensions=extensions)
    assert (await site.get(extensions=extensions)).hit


# --- waiting together -------------------------------------------------------------------------------------------------


async def test_ten_together_run_the_application_once():
    site = behind()
    site.origin.hold = asyncio.Event()
    tasks = [asyncio.create_task(site.get()) for _ in range(10)]
    await until(lambda: site.origin.runs == 1)
    for _ in range(10):
        await asyncio.sleep(0)
    site.origin.hold.set()
    answers = await asyncio.gather(*tasks)
    assert {answer.body for answer in answers} == {b"body"}
    assert site.origin.runs == 1
    assert sum("collapsed" in (answer.get("cache-status") or "") for answer in answers) == 9


async def test_nobody_waits_twice_for_what_is_not_shared():
    site = behind()
    site.origin.always(("cache-control", "no-store"))
    site.origin.hold = asyncio.Event()
    first = [asyncio.create_task(site.get()) for _ in range(5)]
    await until(lambda: site.origin.runs == 1)
    site.origin.hold.set()
    await asyncio.gather(*first)
    assert site.origin.runs == 5
    site.origin.hold = asyncio.Event()
    later = [asyncio.create_task(site.get()) for _ in range(5)]
    await until(lambda: site.origin.runs == 10)  # all at once: none waits
    site.origin.hold.set()
    await asyncio.gather(*later)


async def test_what_becomes_shareable_is_shared_again():
    site = behind()
    site.origin.always(("cache-control", "no-store"))
    await site.get()
    site.origin.always(("cache-control", "max-age=60"))
    await site.get()
    assert (await site.get()).hit


async def test_who_wants_another_variant_waits_for_his_own():
    site = behind()
    site.origin.says = lambda asked: (
        200,
        [("cache-control", "max-age=60"), ("vary", "foo")],
        asked.get("foo").encode(),
    )
    site.origin.hold = asyncio.Event()
    tasks = [asyncio.create_task(site.get("/", ("foo", foo))) for foo in "1122"]
    await until(lambda: site.origin.runs >= 1)
    site.origin.hold.set()
    assert [answer.body for answer in await asyncio.gather(*tasks)] == [b"1", b"1", b"2", b"2"]


async def test_a_slow_client_holds_up_nobody_else():
    site = behind()
    release = asyncio.Event()

    async def slow(message):
        await release.wait()

    leader = asyncio.create_task(site.get(send=slow))
    await until(lambda: site.origin.runs == 1)
    assert (await site.get()).body == b"body"
    assert not leader.done()
    release.set()
    assert (await leader).body == b"body"
    assert site.origin.runs == 1


async def test_a_leader_who_leaves_harms_nobody():
    site = behind()
    site.origin.hold = asyncio.Event()
    leader = asyncio.create_task(site.get())
    await until(lambda: site.origin.runs == 1)
    others = [asyncio.create_task(site.get()) for _ in range(3)]
    for _ in range(5):
        await asyncio.sleep(0)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    site.origin.hold.set()
    assert [answer.body for answer in await asyncio.gather(*others)] == [b"body"] * 3
    assert site.origin.runs == 1


async def test_a_run_that_everybody_left_ends():
    ended = asyncio.Event()

    async def app(scope, receive, send):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    site = behind(app)
    tasks = [asyncio.create_task(site.get()) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(ended.wait(), 5)


async def test_waiting_has_a_bound():
    twice = asyncio.Event()

    class Slow(Origin):
        async def __call__(self, scope, receive, send):
            if self.runs == 1:
                twice.set()
            await super().__call__(scope, receive, send)

    site = behind(Slow(), coalesce_timeout=0.01)
    site.origin.hold = asyncio.Event()
    leader = asyncio.create_task(site.get())
    await until(lambda: site.origin.runs == 1)
    other = asyncio.create_task(site.get())
    await asyncio.wait_for(twice.wait(), 10)
    site.origin.hold.set()
    assert (await leader).body == (await other).body == b"body"


async def test_the_error_of_a_run_is_the_leaders_own():
    site = behind()
    site.origin.error = OSError("gone")
    results = await asyncio.gather(*(site.get() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, OSError) for result in results)
    assert site.origin.runs == 3


async def test_different_parts_do_not_wait_for_each_other():
    site = behind(Origin(lambda asked: (206, [("cache-control", "max-age=9"), ("content-range", "bytes 0-0/9")], b"x")))
    site.origin.hold = asyncio.Event()
    tasks = [asyncio.create_task(site.get("/", ("range", f"bytes={n}-"))) for n in range(3)]
    await until(lambda: site.origin.runs == 3)
    site.origin.hold.set()
    await asyncio.gather(*tasks)


async def test_an_answer_that_was_invalidated_on_its_way_is_not_stored():
    site = behind()
    site.origin.hold = asyncio.Event()
    reading = asyncio.create_task(site.get())
    await until(lambda: site.origin.runs == 1)
    hold, site.origin.hold = site.origin.hold, None
    await site.get(method="POST")
    hold.set()
    assert (await reading).status == 200
    assert not (await site.get()).hit


@pytest.mark.parametrize("at", ["http.response.start", "http.response.body"])
async def test_a_client_that_breaks_off_at_any_message(at: str):
    site = behind()

    async def broken(message):
        if message["type"] == at:
            raise OSError("the client is gone")

    with pytest.raises(OSError, match="client"):
        await site.get(send=broken)
    await site.app.drain()
    assert (await site.get()).body == b"body"


async def test_the_application_hears_that_a_client_is_gone_when_nothing_is_stored():
    heard = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"no-store")]})
        heard.append(await receive())
        await send(part(b"", more=False))

    site = behind(app)
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    await site.get(receive=receive)
    assert heard == [{"type": "http.disconnect"}]


@in_child(timeout=60)
async def test_memory_stays_flat_while_a_gigabyte_streams_through():
    chunk = bytes(2**20)

    async def app(scope, receive, send):
        await send(start())
        for _ in range(1024):
            await send(part(chunk))
        await send(part(b"", more=False))

    site = behind(app, max_body="4MiB")
    seen = 0

    async def count(message):
        nonlocal seen
        seen += len(message.get("body", b""))

    class Nowhere(list):
        def append(self, item):
            pass

    from tests.integrations import exchange

    class Answered(exchange.Answered):
        def __init__(self):
            super().__init__()
            self.messages = Nowhere()

        def __setattr__(self, name, value):
            super().__setattr__(name, b"" if name == "body" else value)

    exchange.Answered = Answered
    tracemalloc.start()
    await site.get(send=count)
    peak = tracemalloc.get_traced_memory()[1]
    assert seen == 2**30
    assert peak < 32 * 2**20, peak


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", []),
        ("GET", [("cookie", "a=1")]),
        ("GET", [("authorization", "a")]),
        ("GET", [("cache-control", "no-store")]),
    ],
)
async def test_one_whose_answer_is_his_own_does_not_keep_others_from_waiting(
    method: str, headers: list[tuple[str, str]]
):
    site = behind()
    await site.get("/", *headers, method=method)
    assert len(site.cache) == 0
    runs = site.origin.runs
    await asyncio.gather(*(site.get() for _ in range(5)))
    assert site.origin.runs == runs + 1
