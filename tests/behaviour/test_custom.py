"""Strategies written in Python, good and bad ones."""

import pytest

from omnicache import CacheStrategyError, CustomStrategy, LRUStrategy


class Adviser(CustomStrategy):
    """Notes what it is told, and names what the test says."""

    def __init__(self, max_size=3, answer=None, **limits):
        super().__init__(max_size, **limits)
        self.told = []
        self.asked = []
        self.answer = answer or (lambda candidates, need: [entry.key for entry in candidates[:need]])

    def on_insert(self, entry):
        self.told.append(("insert", entry.key, entry.value))

    def on_access(self, entry):
        self.told.append(("access", entry.key, entry.value))

    def on_remove(self, entry):
        self.told.append(("remove", entry.key, entry.value))

    def victims(self, candidates, need):
        self.asked.append(([entry.key for entry in candidates], need))
        return self.answer(candidates, need)


def filled(make, face, answer=None, **options):
    adviser = Adviser(answer=answer, **options)
    box = face(make(strategy=adviser))
    box.set_many({"a": 1, "b": 2, "c": 3})
    return box, adviser


def test_it_is_told_of_everything(make, face):
    box, adviser = filled(make, face)
    box.get("a")
    box.set("b", 20)
    box.delete("c")
    assert adviser.told == [
        ("insert", "a", 1),
        ("insert", "b", 2),
        ("insert", "c", 3),
        ("access", "a", 1),
        ("access", "b", 20),
        ("remove", "c", 3),
    ]
    assert adviser.asked == []


def test_what_it_names_goes(make, face):
    box, adviser = filled(make, face, lambda candidates, need: ["b"])
    box.set("d", 4)
    assert sorted(box.cache) == ["a", "c", "d"]
    assert adviser.asked == [(["a", "b", "c", "d"], 1)]
    assert adviser.told[-1] == ("remove", "b", 2)
    assert box.cache.stats().eviction_count == 1


def test_it_is_asked_again_until_the_limit_holds(make, face):
    box, adviser = filled(make, face, lambda candidates, need: [candidates[0].key])
    box.cache.configure(max_size=1)
    assert len(box.cache) == 1
    assert [need for _, need in adviser.asked] == [2, 1]


@pytest.mark.parametrize(
    "answer",
    [
        lambda candidates, need: [],
        lambda candidates, need: ["nobody", 5, ("x",)],
        lambda candidates, need: [object()],
        lambda candidates, need: [[]],
        lambda candidates, need: None,
        lambda candidates, need: 5,
        lambda candidates, need: "zz",
        lambda candidates, need: 1 // 0,
        lambda candidates, need: (1 // 0 for _ in range(1)),
    ],
    ids=["none", "unknown", "impossible", "odd", "None", "int", "text", "raises", "raises-late"],
)
def test_what_it_leaves_undone_is_done_in_lru_order(make, face, answer, caplog):
    box, _ = filled(make, face, answer)
    box.get("a")
    box.set("d", 4)
    assert sorted(box.cache) == ["a", "c", "d"]
    box.cache._validate()


def test_its_errors_are_counted_and_told_and_harm_nothing(make, face, caplog):
    box, adviser = filled(make, face, lambda candidates, need: 1 // 0)
    errors = []
    box.cache.on("error", errors.append)
    adviser.on_access = lambda entry: 1 // 0
    assert box.get("a") == 1
    box.set("d", 4)
    assert [type(event.error) for event in errors] == [ZeroDivisionError] * 2
    assert box.cache.stats().error_count == 2


def test_naming_too_many_removes_no_more_than_is_needed(make, face):
    box, _ = filled(make, face, lambda candidates, need: [entry.key for entry in candidates])
    box.set("d", 4)
    assert sorted(box.cache) == ["b", "c", "d"]


def test_it_may_read_and_write_the_cache(make, face):
    def answer(candidates, need):
        cache = box.cache
        cache.get("a")
        cache.entries()
        cache[f"written {len(asked)}"] = 1
        asked.append(1)
        del cache["c"]
        return ["b"]

    asked = []
    box, _ = filled(make, face, answer)
    box.set("d", 4)
    assert len(box.cache) <= 3
    assert len(asked) < 5
    box.cache._validate()


def test_it_may_clear_the_cache_or_switch_the_strategy(make, face):
    box, _ = filled(make, face, lambda candidates, need: [box.cache.clear()])
    box.set("d", 4)
    assert len(box.cache) == 0
    box, _ = filled(make, face, lambda candidates, need: [box.cache.set_strategy(LRUStrategy(2))])
    box.set("d", 4)
    assert sorted(box.cache) == ["c", "d"]


class Switching:
    """A value whose copy is made by somebody who switches the strategy meanwhile."""

    def __init__(self, switch):
        self.switch = switch

    def __deepcopy__(self, memo):
        self.switch()
        return self


def test_a_switch_between_the_look_and_the_call_is_no_error(make, face):
    cache = make(strategy=Adviser(), copy="deep")
    strategies = []
    cache["a"] = Switching(lambda: strategies and cache.set_strategy(strategies.pop()))
    strategies.append(LRUStrategy(3))
    face(cache).get("a")
    assert cache.strategy == LRUStrategy(3)
    assert cache.stats().error_count == 0


def test_it_may_limit_bytes(make, face):
    box = face(make(strategy=Adviser(None, max_bytes=100), sizer=lambda key, value: value))
    box.set_many({"a": 40, "b": 40})
    box.set("c", 60)
    assert box.cache.stats().total_size_bytes <= 100
    assert "c" in box.cache


def test_it_must_say_who_goes():
    with pytest.raises(TypeError, match="abstract"):
        CustomStrategy()


def test_a_class_is_made_into_a_strategy(make):
    assert make(strategy=Adviser).max_size == 3
    with pytest.raises(CacheStrategyError, match=r"set it in Adviser itself|given twice"):
        make(strategy=Adviser, max_size=5)
    with pytest.raises(CacheStrategyError):
        make(strategy=Adviser(-1))
