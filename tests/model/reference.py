"""A cache as plainly as it can be written: what the engine must agree with after every step."""

import math
from dataclasses import dataclass, field
from typing import Any

ABSENT = object()


@dataclass
class Item:
    """One entry."""

    value: Any
    fresh: float
    """Fresh before this moment."""
    stale: float
    """How long it is kept past that."""
    idle: float
    idle_end: float
    tags: frozenset[str]
    priority: float
    ttl: float
    hits: int = 0
    used: int = 0
    """When it was last read or written, as a turn."""
    filed: int = 0
    """Since when it waits with this deadline, as a turn."""
    soft: float = math.inf
    """When one of its tags was softly invalidated."""

    def gone(self) -> float:
        """The moment at which nothing of it is left."""
        return min(min(self.fresh, self.soft) + self.stale, self.idle_end)

    def state(self, now: float) -> str:
        """``"fresh"``, ``"stale"`` or ``"gone"``."""
        if now >= self.gone():
            return "gone"
        return "stale" if now >= min(self.fresh, self.soft) else "fresh"


@dataclass
class Reference:
    """Times are whole numbers here, and nothing is fast. It names a victim where the order is exact."""

    strategy: str
    max_size: int | None = None
    default_ttl: float = math.inf
    now: float = 0.0
    turn: int = 0
    items: dict[Any, Item] = field(default_factory=dict)

    def tick(self) -> int:
        """The next turn."""
        self.turn += 1
        return self.turn

    def fresh(self, key: Any) -> Item | None:
        """The entry if it may be served."""
        item = self.items.get(key)
        return item if item is not None and item.state(self.now) == "fresh" else None

    def purge(self) -> None:
        """Removes what is over."""
        for key in [key for key, item in self.items.items() if item.state(self.now) == "gone"]:
            del self.items[key]

    def use(self, item: Item) -> None:
        """A read or a write."""
        item.used = self.tick()
        item.hits += 1
        item.idle_end = self.now + item.idle

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, used."""
        item = self.fresh(key)
        if item is None:
            return default
        self.use(item)
        return item.value

    def put(
        self,
        key: Any,
        value: Any,
        ttl: float | None,
        *,
        idle: float,
        stale: float,
        tags: frozenset[str],
        priority: float,
    ) -> Any:
        """Writes, and returns the key that must go first, ``ABSENT`` if none."""
        ttl = self.default_ttl if ttl is None else ttl
        self.purge()
        old = self.items.get(key)
        victim = ABSENT
        if old is None and self.max_size is not None and len(self.items) >= self.max_size:
            victim = self.victim()
            if victim is not ABSENT:
                del self.items[victim]
        item = Item(value, self.now + ttl, stale, idle, self.now + idle, tags, priority, ttl)
        item.used = item.filed = self.tick()
        if old is not None:
            item.hits = old.hits + 1
            if old.gone() == item.gone():
                item.filed = old.filed
        self.items[key] = item
        return victim

    def victim(self) -> Any:
        """Who goes next, where no priorities are in play; ``ABSENT`` if the strategy's order is not exact."""
        order = {
            "lru": lambda item: item.used,
            "lfu": lambda item: (item.hits, item.used),
            "ttl": lambda item: (item.gone(), item.filed),
        }.get(self.strategy)
        return ABSENT if order is None else min(self.items, key=lambda key: order(self.items[key]))

    def touch(self, key: Any, ttl: float) -> bool:
        """A new ttl from now; it is use as far as idleness goes."""
        item = self.fresh(key)
        if item is None:
            return False
        before = item.gone()
        item.idle_end = self.now + item.idle
        item.ttl, item.fresh = ttl, self.now + ttl
        if item.gone() != before:
            item.filed = self.tick()
        return True

    def invalidate(self, keys: list[Any], *, hard: bool) -> None:
        """Of single keys: stale now if there is a window, else gone."""
        for key in keys:
            item = self.items.get(key)
            if item is None:
                continue
            if hard or item.stale == 0 or item.state(self.now) == "gone":
                del self.items[key]
            elif item.state(self.now) == "fresh":
                item.fresh = self.now
                item.filed = self.tick()

    def invalidate_tags(self, tags: set[str], *, hard: bool) -> None:
        """Of tags, softly at this moment unless it was before."""
        for key in [key for key, item in self.items.items() if item.tags & tags]:
            item = self.items[key]
            if hard:
                del self.items[key]
            else:
                item.soft = min(item.soft, self.now)

    def listing(self) -> dict[Any, Any]:
        """All that may be served."""
        return {key: item.value for key, item in self.items.items() if item.state(self.now) == "fresh"}
