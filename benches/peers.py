"""The other caches for Python, each if it is installed: `pip install -r requirements/bench.txt`."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from .harness import Contestant, calls, lookups, stores

DAY = 86_400.0


def optional(name: str) -> Any:
    """A module, or None if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


cachebox, cachetools, lru, moka, theine, aiocache, cashews = map(
    optional, ["cachebox", "cachetools", "lru", "moka_py", "theine", "aiocache", "cashews"]
)


def cachebox_lru(size: int) -> Any:
    """The nearest rival: a Rust LRU."""
    return cachebox.LRUCache(size)


def filled(cache: Any, keys: Sequence[object], store: str = "__setitem__") -> Any:
    """The cache, or dict, with every key in it, and under each a number of its own, which a hit fetches too."""
    put = getattr(cache, store)
    for number, key in enumerate(keys):
        put(key, number)
    return cache


def gets(keys: Sequence[object], order: Sequence[object]) -> list[Contestant]:
    """`get` of every peer that holds the keys."""
    size = 2 * len(keys)
    found = []
    if cachebox:
        found.append(calls("cachebox", filled(cachebox_lru(size), keys).get, order))
    if lru:
        found.append(calls("lru-dict", filled(lru.LRU(size), keys).get, order))
    if moka:
        found.append(calls("moka-py", filled(moka.Moka(size), keys, "set").get, order, slow=True))
    if cachetools:
        found.append(calls("cachetools", filled(cachetools.LRUCache(size), keys).get, order, slow=True))
    if theine:
        found.append(calls("theine", theine_filled(size, keys).get, order, slow=True))
    return found


def theine_filled(size: int, keys: Sequence[object]) -> Any:
    """Its set takes a ttl too."""
    cache = theine.Cache(size)
    for number, key in enumerate(keys):
        cache.set(key, number, None)
    return cache


def items(keys: Sequence[object], order: Sequence[object]) -> list[Contestant]:
    """`cache[key]` of every peer that has it."""
    size = 2 * len(keys)
    found = []
    if cachebox:
        found.append(lookups("cachebox", filled(cachebox_lru(size), keys), order))
    if lru:
        found.append(lookups("lru-dict", filled(lru.LRU(size), keys), order))
    if cachetools:
        found.append(lookups("cachetools", filled(cachetools.LRUCache(size), keys), order, slow=True))
    return found


def overwrites(keys: Sequence[object], order: Sequence[object]) -> list[Contestant]:
    """`cache[key] = 1` of every peer, the key being there."""
    size = 2 * len(keys)
    found = []
    if cachebox:
        found.append(stores("cachebox", filled(cachebox_lru(size), keys), order))
    if lru:
        found.append(stores("lru-dict", filled(lru.LRU(size), keys), order))
    if cachetools:
        found.append(stores("cachetools", filled(cachetools.LRUCache(size), keys), order, slow=True))
    return found


def small(size: int) -> dict[str, Callable[[], Any]]:
    """Makers of caches that hold `size` entries and are stored to with `cache[key] = value`."""
    makers: dict[str, Callable[[], Any]] = {}
    if cachebox:
        makers["cachebox"] = lambda: cachebox_lru(size)
    if lru:
        makers["lru-dict"] = lambda: lru.LRU(size)
    if cachetools:
        makers["cachetools"] = lambda: cachetools.LRUCache(size)
    return makers


def expiring(size: int) -> dict[str, Any]:
    """Caches whose entries live for a day."""
    return {"cachebox TTLCache": cachebox.TTLCache(size, DAY)} if cachebox else {}


def sync_decorators(size: int) -> dict[str, Callable[[Any], Any]]:
    """Decorators for functions."""
    found: dict[str, Callable[[Any], Any]] = {}
    if cachebox:
        found["cachebox"] = cachebox.cached(cachebox_lru(size))
    if moka:
        found["moka-py"] = moka.cached(maxsize=size)
    if cachetools:
        found["cachetools"] = cachetools.cached(cachetools.LRUCache(size))
    if theine:
        found["theine"] = theine.Memoize(size, timedelta(days=1))
    return found


def async_decorators(size: int) -> dict[str, Callable[[Any], Any]]:
    """Decorators for coroutine functions."""
    found: dict[str, Callable[[Any], Any]] = {}
    if cachebox:
        found["cachebox"] = cachebox.cached(cachebox_lru(size))
    if moka:
        found["moka-py"] = moka.cached(maxsize=size)
    if aiocache:
        found["aiocache"] = aiocache.cached(ttl=DAY)
    if cashews:
        cache = cashews.Cache()
        cache.setup(f"mem://?size={size}")
        found["cashews"] = cache(ttl="1d")
    return {label: decorate for label, decorate in found.items() if works(decorate)}


def works(decorate: Callable[[Any], Any]) -> bool:
    """Whether a peer's decorator takes a coroutine function today."""

    async def probe(x: int) -> int:
        return x

    async def ask() -> bool:
        function = decorate(probe)
        return bool(await function(1) == 1 and await function(1) == 1)

    try:
        return asyncio.run(ask())
    except Exception as error:  # noqa: BLE001 - a peer that fails is left out, with a word
        print(f"{decorate!r} is left out: {error!r}")
        return False
