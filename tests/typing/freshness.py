"""What type checkers must see of the freshness options and of the test kit. Checked by mypy and pyright, never run."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, assert_type

from omnicache import Cache, KeyBy, LoadContext, ManualClock, NoKey, Options, Timeout, cached
from omnicache.testing import MockCache, Stampede, asettled, assert_loads, settled, stampede


def life(value: object) -> int:
    return 60 if value else 5


def tags_of(number: int) -> list[str]:
    return [f"user:{number}"]


patient = Options(ttl=life, stale="1h", stale_on_error=timedelta(days=1), timeout=Timeout(soft=1, hard=2))
cache = Cache("typed", options=patient, refresh_at="auto", errors=[LookupError], store_if=bool)


@cached(
    ttl=60,
    stale="1m",
    stale_on_error="1d",
    retry_after=5,
    refresh_at=0.8,
    timeout="2s",
    jitter=0.1,
    idle=None,
    tags=["user:{number}"],
    priority=0.9,
    store_if=bool,
    errors={LookupError: 10},
    copy="deep",
    options=patient,
)
def own(number: int) -> list[int]:
    return [number]


@cache.cached(
    ttl=60,
    stale="1m",
    stale_on_error="1d",
    retry_after=None,
    refresh_at="auto",
    timeout=Timeout(hard=2),
    tags=tags_of,
    errors=[LookupError],
    copy="shallow",
    options=patient,
)
async def shared(number: int) -> list[int]:
    return [number]


@cached(stale=10)
def marked(user: Annotated[str, KeyBy(len, shared=True)], session: Annotated[Any, NoKey(shared=True)]) -> str:
    return user


def load(ctx: LoadContext) -> str:
    ctx.ttl = "5m"
    ctx.tags.add("t")
    ctx.skip()
    old: Any = ctx.not_modified() if ctx.stale_value else ctx.key
    return str(old)


def calls() -> None:
    assert_type(own(1), list[int])
    assert_type(marked("a", None), str)
    found: str = cache.get_or_set("k", load, "5m", stale=10, options=patient)
    with cache.using("read_only", max_stale=0, deadline="1s"):
        print(found)
    cache.configure(stale_on_error="1d", timeout=5)
    given: Mapping[str, Any] = {"timeout": {"soft": 1, "hard": 2}}
    Cache.from_config("c", given)


def wrong() -> None:
    cached(refresh_at="often")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    cached(stael=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    cache.cached(stael=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    cache.using("ofline")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Options(60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def kit() -> None:
    assert_type(await shared(1), list[int])
    assert_type(stampede(own, 1), Stampede)
    assert_type(await stampede(shared, 1, callers=5), Stampede)
    with assert_loads(own, 1), MockCache(clock=ManualClock()) as mock:
        settled(own)
        await asettled(shared)
        assert_type(mock.get_call_count("a"), int)
        mock.clock.advance("5s")
