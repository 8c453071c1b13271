"""The face of the store of files: bytes in, bytes out, in one process."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnicache import CacheBackendError, CacheSerializationError
from omnicache._omnicache import FarTerms, FileStore

NOW = 1_700_000_000.0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.binary(max_size=10_000), payload=st.binary(max_size=10_000))
def test_any_bytes_come_back(store: FileStore, key: bytes, payload: bytes):
    store.set(key, payload, NOW)
    found = store.get(key, NOW)
    assert found is not None
    assert found.payload == payload
    assert store.delete(key, NOW)
    assert store.get(key, NOW) is None


@pytest.mark.parametrize("size", [0, 1, 1_000, 4_096, 4_097, 100_000, 30_000_000])
def test_values_of_any_size(store: FileStore, size: int):
    payload = bytes(size)
    store.set(b"k", payload, NOW)
    assert store.get(b"k", NOW).payload == payload
    assert store.get_many([b"k", b"x"], NOW)[0].size == size
    assert store.take(b"k", NOW).payload == payload
    assert store.check(NOW) == []


def test_everything_that_was_said_of_an_entry_comes_back(store: FileStore):
    version = store.set(
        b"k",
        b"v",
        NOW,
        FarTerms(
            serializer=7,
            flags=3,
            priority=0.25,
            created=NOW - 5,
            fresh_until=NOW + 10,
            expires=NOW + 20.5,
            schema=b"12345678",
            tags=["a", "é"],
        ),
    )
    for found in (store.get(b"k", NOW), store.scan(NOW)[0][0], store.take(b"k", NOW)):
        assert (found.serializer, found.flags, found.priority, found.schema) == (7, 3, 0.25, b"12345678")
        assert (found.created, found.fresh_until, found.expires) == (NOW - 5, NOW + 10, NOW + 20.5)
        assert (found.tags, found.version, found.stale, found.size) == (("a", "é"), version, False, 1)


@pytest.mark.parametrize("priority", [0.0, 0.3, 0.5, 0.99, 1.0])
def test_a_priority_is_kept_to_a_step(store: FileStore, priority: float):
    store.set(b"k", b"v", NOW, FarTerms(priority=priority))
    assert store.get(b"k", NOW).priority == pytest.approx(priority, abs=1 / 255)


def test_conditions(store: FileStore):
    assert store.set(b"k", b"v", NOW, mode="replace") is None
    first = store.set(b"k", b"v", NOW, mode="add")
    assert store.set(b"k", b"v", NOW, mode="add") is None
    second = store.set(b"k", b"v", NOW, version=first)
    assert second > first
    assert store.set(b"k", b"v", NOW, version=first) is None


def test_many(store: FileStore):
    terms = FarTerms(tags=["t"])
    versions = store.set_many([(b"a", b"1", terms), (b"b", b"2", terms.at(NOW, NOW + 5, NOW + 9, 1))], NOW)
    assert versions == [found.version for found in store.get_many([b"a", b"b"], NOW)]
    assert [found.flags for found in store.get_many([b"a", b"b"], NOW)] == [0, 1]
    assert [found.expires for found in store.get_many([b"a", b"b"], NOW)] == [None, NOW + 9]
    assert store.delete_many([b"a", b"x", b"b"], NOW) == 2
    assert store.count(NOW) == 0


def test_time_and_tags(store: FileStore):
    store.set(b"k", b"v", NOW, FarTerms(fresh_until=NOW + 1, expires=NOW + 2, tags=["t"]))
    assert not store.get(b"k", NOW).stale
    assert store.get(b"k", NOW + 1).stale
    assert store.get(b"k", NOW + 2) is None
    assert store.touch(b"k", NOW + 20, NOW + 30, NOW)
    assert store.invalidate([b"k"], NOW) == 1
    assert store.get(b"k", NOW + 9).stale
    store.set(b"k", b"v", NOW, FarTerms(fresh_until=NOW + 1, expires=NOW + 2, tags=["t"]))
    store.set(b"l", b"v", NOW, FarTerms(tags=["t"]))
    store.invalidate_tags(["t"], NOW)
    assert store.get(b"l", NOW) is None
    assert store.get(b"k", NOW).stale
    store.invalidate_tags(["t"], NOW, hard=True)
    assert store.get(b"k", NOW) is None
    assert store.count(NOW) == 0


def test_scan(store: FileStore):
    for number in range(50):
        store.set(b"user:%d" % number, b"v", NOW)
    found, cursor = [], None
    while True:
        page, cursor = store.scan(NOW, prefix=b"user:", glob="*[05]", cursor=cursor, limit=3)
        found += [entry.key for entry in page]
        if cursor is None:
            break
    assert found == sorted(b"user:%d" % number for number in range(50) if number % 5 == 0)


def test_leases(store: FileStore):
    lease = store.lease(b"k", NOW + 1, NOW, number=1)
    held = store.lease(b"k", NOW + 1, NOW, number=2)
    assert lease.acquired
    assert (held.acquired, held.until, held.token) == (False, NOW + 1, None)
    assert store.set(b"k", b"v", NOW, token=lease.token + 1) is None
    assert store.set(b"k", b"v", NOW, token=lease.token) > 0
    assert not store.release(b"k", lease.token, NOW)
    assert store.lease(b"k", None, NOW, number=2).acquired


def test_changes_of_another_object(open_store):
    one, two = open_store(), open_store()
    since = one.position()
    two.set(b"a", b"1", NOW)
    one.set(b"b", b"1", NOW)
    two.invalidate_tags(["t"], NOW)
    assert one.changes(since, NOW) == (one.position(), [b"a"], [("t", False)])
    two.clear(NOW)
    assert one.changes(since, NOW)[1] is None


def test_purge_compact_and_statistics(open_store):
    store = open_store(max_bytes=1 << 20)
    for number in range(2000):
        store.set(b"%d" % number, bytes(1000), NOW, FarTerms(expires=NOW + 1))
    store.get(b"1999", NOW)
    store.get(b"none", NOW)
    stats = store.stats(NOW)
    assert stats["bytes"] <= 1 << 20
    assert stats["evictions"] + stats["entries"] == 2000
    assert (stats["hits"], stats["misses"]) == (1, 1)
    assert store.purge(10, NOW + 1) == (10, False)
    assert store.count(NOW + 1) == 0
    before, after = store.compact()
    assert after < before / 4
    assert store.check(NOW) == []


@pytest.mark.parametrize("now", [-1.0, math.nan])
def test_a_time_that_is_none_is_refused(store: FileStore, now: float):
    with pytest.raises(ValueError, match=r"time\.time"):
        store.get(b"k", now)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"mode": "never"}, '"always", "add" or "replace"'),
        ({"mode": "add", "version": 1}, "one of them"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(store: FileStore, options, hint: str):
    with pytest.raises(ValueError, match=hint):
        store.set(b"k", b"v", NOW, **options)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"priority": 1.5}, "between 0 and 1"),
        ({"flags": 128}, "nothing else is known"),
        ({"expires": -1.0}, r"time\.time"),
    ],
)
def test_terms_that_make_no_sense_are_refused(said, hint: str):
    with pytest.raises(ValueError, match=hint):
        FarTerms(**said)


def test_an_unknown_durability_is_refused(open_store):
    with pytest.raises(ValueError, match='"process" or "system"'):
        open_store(durability="none")


def test_a_closed_store_says_so(open_store):
    store = open_store()
    store.close()
    store.close()
    with pytest.raises(CacheBackendError, match=r"get in .*cache: the store is closed"):
        store.get(b"k", NOW)
    assert store.position() is None


def test_a_key_or_a_value_that_is_too_large_is_refused(store: FileStore):
    with pytest.raises(CacheSerializationError, match="a key of 1048577 bytes"):
        store.set(bytes(1048577), b"", NOW)


def test_a_store_that_is_dropped_is_closed(open_store, tmp_path):
    store = FileStore(tmp_path / "cache")
    store.set(b"k", b"v", NOW)
    del store
    assert "clean 1" in (tmp_path / "cache" / "state").read_text()
    assert open_store().get(b"k", NOW).payload == b"v"
