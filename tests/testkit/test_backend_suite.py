"""The suite for authors of stores, over ours: and it finds what is wrong with bad ones."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from omnicache import StoreBackend
from omnicache.testing import BackendSuite
from tests.places import AwaitedStore, PlainStore


class Mixed(StoreBackend):
    """A store whose methods are plain, coroutine functions, or give an asynchronous iterable."""

    def __init__(self) -> None:
        self.plain = PlainStore()

    def get(self, key: str) -> bytearray | None:
        found = self.plain.get(key)
        return None if found is None else bytearray(found)

    async def set(self, key: str, data: bytes, ttl: float | None) -> None:
        await asyncio.sleep(0)
        self.plain.set(key, data, ttl)

    async def delete(self, key: str) -> bool:
        return self.plain.data.pop(key, None) is not None

    async def scan(self, prefix: str) -> AsyncIterator[str]:
        for key in self.plain.scan(prefix):
            yield key


class TestPlain(BackendSuite):
    def make_backend(self) -> StoreBackend:
        return PlainStore()


class TestInTime(BackendSuite):
    def make_backend(self) -> StoreBackend:
        store = PlainStore()
        store.timeout = 20.0
        return store


class TestAwaited(BackendSuite):
    def make_backend(self) -> StoreBackend:
        return AwaitedStore()


class TestMixed(BackendSuite):
    def make_backend(self) -> StoreBackend:
        return Mixed()


# --- bad ones ---


class Stripping(PlainStore):
    def set(self, key: str, data: bytes, ttl: float | None) -> None:
        super().set(key, data.strip(), ttl)


class Folding(PlainStore):
    def get(self, key: str) -> bytes | None:
        return self.data.get(key.lower())

    def set(self, key: str, data: bytes, ttl: float | None) -> None:
        self.data[key.lower()] = data


class Raising(PlainStore):
    def delete(self, key: str) -> None:
        del self.data[key]


class Paging(PlainStore):
    def scan(self, prefix: str) -> Iterable[str]:
        return list(super().scan(prefix))[:1000]


class Globbing(PlainStore):
    def scan(self, prefix: str) -> Iterable[str]:
        import fnmatch

        return [key for key in self.data if fnmatch.fnmatchcase(key, f"{prefix}*")]


BAD = {
    "Stripping": "test_bytes_come_back_as_they_went",
    "Folding": "test_keys_are_told_apart",
    "Raising": "test_what_is_deleted_is_gone",
    "Paging": "test_a_scan_goes_through_many",
    "Globbing": "test_a_scan_finds_what_begins_so",
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_store_is_found_out(pytester: pytest.Pytester, name: str):
    pytester.makepyfile(
        f"""
        import sys
        sys.path.insert(0, {str(pytest.importorskip("tests.testkit").__path__[0] + "/../..")!r})
        from omnicache.testing import BackendSuite
        from tests.testkit.test_backend_suite import {name}

        class Test(BackendSuite):
            def make_backend(self):
                return {name}()
        """
    )
    outcome = pytester.runpytest_subprocess("-q", "-k", BAD[name], "-p", "no:cacheprovider")
    assert outcome.parseoutcomes().get("failed", 0) > 0


def test_it_says_what_to_override():
    with pytest.raises(NotImplementedError, match=r"BackendSuite: override make_backend\(\)"):
        BackendSuite().make_backend()
