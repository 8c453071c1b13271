"""The test kit, used as its users use it."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from omnicache import Cache, ManualClock, cached
from omnicache.testing import MockCache, Stampede, asettled, assert_loads, settled, stampede


@cached
def square(number: int) -> int:
    return number * number


@cached
async def asquare(number: int) -> int:
    await asyncio.sleep(0)
    return number * number


@pytest.fixture(autouse=True)
def nothing_kept():
    yield
    square.cache_clear()
    asquare.cache_clear()


def test_loads_are_counted():
    with assert_loads(square, 2), assert_loads(square.cache, 2):
        square(2), square(2), square(3)
    with assert_loads(square, 0):
        square(2)


@pytest.mark.parametrize("count", [0, 2])
def test_a_wrong_count_is_named(count: int):
    with pytest.raises(AssertionError, match=rf"the loader ran 1 time, expected {count}"), assert_loads(square, count):
        square(4)


def test_an_error_within_the_block_is_not_hidden():
    with pytest.raises(LookupError), assert_loads(square, 3):
        raise LookupError("no")


async def test_loads_of_coroutines_are_counted():
    with assert_loads(asquare, 1):
        await asyncio.gather(asquare(5), asquare(5))


def test_a_function_in_a_shared_cache_counts_its_own(make: Callable[..., Cache]):
    cache = make()
    one, other = cache.cached(lambda: 1), cache.cached(lambda: 2)
    with assert_loads(one, 1), assert_loads(other, 2), assert_loads(cache, 3):
        one(), other(), other.invalidate(), other()


def test_methods_are_counted():
    class Owner:
        @cached
        def load(self) -> int:
            return 1

    owner = Owner()
    with assert_loads(Owner.load, 1), assert_loads(owner.load, 1):
        owner.load(), owner.load()


@pytest.mark.parametrize("wrong", [len, 3, None])
def test_what_loads_nothing_is_refused(wrong: object):
    with pytest.raises(TypeError, match="a cached function or a cache"), assert_loads(wrong, 1):
        pass
    with pytest.raises(TypeError, match="a cached function or a cache"):
        settled(wrong)


def test_refreshes_are_waited_for(clock: ManualClock):
    @cached(ttl=10, stale=10, clock=clock)
    def load() -> int:
        return len(seen)

    seen: list[int] = []
    load()
    clock.advance(15)
    seen.append(1)
    with assert_loads(load, 1):
        assert load() == 0
    assert load() == 1


def test_settled_waits_and_says_if_it_waited_too_long(clock: ManualClock):
    gate = threading.Event()

    @cached(ttl=10, stale=10, clock=clock)
    def load() -> bool:
        return gate.wait(20)

    load.put(True)
    clock.advance(15)
    load()
    with pytest.raises(AssertionError, match=r"still runs after 0\.01 s"):
        settled(load, timeout=0.01)
    gate.set()
    settled(load)
    assert load.peek() is True


async def test_asettled_lets_tasks_go_on(clock: ManualClock):
    @cached(ttl=10, stale=10, clock=clock)
    async def load() -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return "new"

    await load.put("old")
    clock.advance(15)
    assert await load() == "old"
    await asettled(load)
    assert await load.peek() == "new"


async def test_asettled_says_if_it_waited_too_long():
    hang = asyncio.Event()

    @cached
    async def load() -> None:
        await hang.wait()

    task = asyncio.create_task(load())
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match="still runs"):
        await asettled(load, timeout=0.01)
    hang.set()
    await task


def test_a_stampede_of_threads():
    outcome = stampede(square, 6, callers=16)
    assert outcome.results == [36] * 16
    assert outcome.errors == []
    assert outcome.loads == 1


async def test_a_stampede_of_tasks():
    outcome = await stampede(asquare, 6, callers=200)
    assert (outcome.results, outcome.errors, outcome.loads) == ([36] * 200, [], 1)


def test_a_stampede_tells_of_errors_and_of_functions_that_are_not_cached():
    def fail() -> None:
        raise LookupError("no")

    outcome = stampede(fail, callers=3)
    assert [type(error) for error in outcome.errors] == [LookupError] * 3
    assert outcome == Stampede([], outcome.errors, None)
    with pytest.raises(ValueError, match="callers"):
        stampede(square, 1, callers=0)


async def test_a_stampede_on_a_method():
    class Owner:
        @cached
        async def load(self, number: int) -> int:
            await asyncio.sleep(0)
            return number

        @cached
        def plain(self, number: int) -> int:
            return number

    owner = Owner()
    outcome = await stampede(owner.load, 3)
    assert outcome.results == [3] * 50
    assert outcome.loads == 1
    assert stampede(owner.plain, 3, callers=4).loads == 1


def test_a_mock_cache_remembers_what_it_was_asked():
    with MockCache(default_ttl=60) as mock:
        mock.set("a", 1)
        mock["b"] = 2
        assert mock.get("a") == 1
        assert mock.get("z") is None
        assert mock.get_many(["a", "b"]) == {"a": 1, "b": 2}
        assert mock.get_or_set("c", lambda: 3) == 3
        assert mock.get_call_count("a") == 2
        assert mock.get_call_count("z") == 1
        assert mock.get_call_count("never") == 0
        assert mock.get_call_count() == 5
        assert (mock.set_call_count("a"), mock.set_call_count("c"), mock.set_call_count()) == (1, 1, 3)
        mock.reset_call_counts()
        assert mock.get_call_count() == mock.set_call_count() == 0
        mock.clock.advance(61)
        assert mock.get("a") is None


def test_mock_caches_have_names_of_their_own_and_any_key():
    with MockCache() as one, MockCache() as other, MockCache("named", max_size=1) as named:
        assert len({one.name, other.name, named.name}) == 3
        one[1, "a"] = 1
        assert one[1, "a"] == 1
        assert one.get(1.0) is None
        assert one.get(1) is None
        assert (one.get_call_count((1, "a")), one.get_call_count(1), one.get_call_count(1.0)) == (1, 1, 1)
        assert isinstance(one, Cache)


def test_a_mock_cache_takes_a_clock(clock: ManualClock):
    with MockCache(clock=clock) as mock:
        assert mock.clock is clock
        mock.set("a", 1, ttl=5)
        clock.advance(5)
        assert "a" not in mock


async def test_a_mock_cache_has_both_faces():
    with MockCache() as mock:
        await mock.aset("a", 1)
        assert await mock.aget("a") == 1
        assert mock.get_call_count("a") == 1


def test_a_function_may_use_a_mock_cache():
    with MockCache() as mock:
        double = mock.cached(lambda number: 2 * number)
        double(3), double(3)
        assert mock.get_call_count(double.key(3)) == 2


# --- the plugin ---

TESTS = """
from omnicache import Cache, list_caches

def test_clock(cache_clock, mock_cache):
    mock_cache.set("a", 1, ttl=5)
    assert mock_cache.get("a") == 1
    cache_clock.advance(5)
    assert mock_cache.get("a") is None
    assert mock_cache.get_call_count("a") == 2

def test_opens(isolated_caches):
    Cache("left-open")

def test_opens_again(isolated_caches):
    Cache("left-open")

def test_nothing_is_left():
    assert not [cache for cache in list_caches() if cache.name == "left-open" or cache.name.startswith("mock")]
"""


def test_the_plugin_s_fixtures_are_there_by_themselves(pytester: pytest.Pytester):
    pytester.makepyfile(TESTS)
    outcome = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    outcome.assert_outcomes(passed=4)


def test_the_plugin_lists_its_fixtures(pytester: pytest.Pytester):
    listed = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    for name, text in (("cache_clock", "moves"), ("mock_cache", "counts"), ("isolated_caches", "Closes")):
        assert name in listed
        assert text in listed


def test_the_package_itself_imports_no_pytest(pytester: pytest.Pytester):
    pytester.makepyfile("import sys, omnicache.testing\nassert 'pytest' not in sys.modules")
    found = pytester.run(__import__("sys").executable, "-c", "import sys, omnicache, omnicache.testing\n"
                         "print('pytest' in sys.modules)")  # fmt: skip
    assert found.stdout.str().strip() == "False"
