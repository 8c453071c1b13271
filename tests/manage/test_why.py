"""Why a key is answered as it is: whatever has become of its entry, and what a read would do now."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnicache import Cache, FileSystemBackend, ManualClock, TieredBackend
from omnicache._manage.service import Service


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        yield made


@pytest.fixture
def patient(clock: ManualClock) -> Cache:
    """A cache in memory that serves what is old."""
    return Cache("patient", clock=clock, default_ttl=60, stale=30, stale_on_error=300, refresh_at=0.5)


def test_a_fresh_entry_is_a_hit_and_later_asks_for_a_refresh(service: Service, patient: Cache, clock: ManualClock):
    patient.set("a", 1, tags=["x"], priority=0.75)
    found = service.why("patient", "a")
    assert (found.found, found.state, found.read_now, found.tier) == (True, "fresh", "hit", "memory")
    assert (found.ttl, found.remaining, found.access_count) == (60, 60, 0)
    assert 0 <= (found.age or 0) < 1  # moments are known to some hundredths of a second
    assert (found.priority, [tag.name for tag in found.tags]) == (0.75, ["x"])
    clock.advance(40)
    found = service.why("patient", "a")
    assert (found.state, round(found.remaining or 0), round(found.age or 0)) == ("fresh", 20, 40)
    assert found.read_now == "hit; a load also starts a refresh in the background"


def test_an_old_entry_is_served_or_stands_in(service: Service, patient: Cache, clock: ManualClock):
    patient["a"] = 1
    clock.advance(70)
    found = service.why("patient", "a")
    assert (found.found, found.state, round(found.remaining or 0)) == (True, "stale", -10)
    assert "served the old value while one refresh runs" in found.read_now
    clock.advance(100)
    assert "is served the old value if that fails" in service.why("patient", "a").read_now
    clock.advance(1000)
    assert service.why("patient", "a").state == "absent"


def test_what_was_invalidated_is_told_from_what_is_old(service: Service, patient: Cache):
    patient.set("a", 1, tags=["x"])
    patient.set("b", 1, tags=["x", "y"])
    before = {tag.name: tag for tag in service.why("patient", "b").tags}
    assert all(tag.generation is not None and tag.written_in is not None for tag in before.values())
    assert all((tag.generation or 0) <= (tag.written_in or 0) for tag in before.values())
    patient.invalidate(tags=["x"])
    found = service.why("patient", "b")
    assert found.state == "stale"
    assert found.read_now.startswith("miss: it was invalidated or is too old")
    after = {tag.name: tag for tag in found.tags}
    assert (after["x"].generation or 0) > (after["x"].written_in or 0)
    assert (after["y"].generation or 0) <= (after["y"].written_in or 0)
    patient.set("b", 2, tags=["x"])
    [renewed] = service.why("patient", "b").tags
    assert (renewed.generation or 0) <= (renewed.written_in or 0)
    assert service.why("patient", "b").read_now == "hit"


def test_a_load_that_runs_is_told(service: Service):
    with Cache("loading") as cache:
        began, go_on = threading.Event(), threading.Event()

        def load() -> int:
            began.set()
            assert go_on.wait(20)
            return 1

        thread = threading.Thread(target=cache.get_or_set, args=("a", load))
        thread.start()
        assert began.wait(20)
        found = service.why("loading", "a")
        assert (found.found, found.loading) == (False, True)
        assert "waits for the one that runs" in found.read_now
        assert not service.why("loading", "b").loading
        go_on.set()
        thread.join(20)
        assert (service.why("loading", "a").loading, service.why("loading", "a").read_now) == (False, "hit")


def test_a_kept_error_is_told(service: Service):
    def load() -> int:
        raise KeyError("x")

    with Cache("failing") as cache:
        with pytest.raises(KeyError):
            cache.get_or_set("a", load, errors={KeyError: 60})
        assert service.why("failing", "a").read_now.startswith("a load raises the error that is kept")


def test_tiers_say_where_the_answer_is(service: Service, tmp_path: Path):
    tiers = TieredBackend(far=FileSystemBackend(tmp_path))
    with Cache("tiered", backend=tiers) as cache:
        cache.set("a", 1, ttl=60, tags=["x"])
        near = service.why("tiered", "a")
        assert (near.tier, near.read_now, [tag.name for tag in near.tags]) == ("near", "hit", ["x"])
    with Cache("tiered", backend=tiers) as cache:
        assert service.why("tiered", "a").tier == "far"
        assert cache["a"] == 1
        assert service.why("tiered", "a").tier == "near"
        assert service.why("tiered", "b").tier is None
