"""Why a key is answered as it is: how its entry stands, and what a read would do now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._far.arguments import encoded
from .._far.cache import FarCache
from .._far.drive import drive
from .._omnicache import CachedError, encode_key
from .entries import looked, moment
from .models import TagView, Why

if TYPE_CHECKING:
    from ..cache import Cache

__all__ = ["why"]


def why(cache: Cache, key: Any, text: str) -> Why:
    """What is known of `key`, which is `text` for operators. It counts as no read."""
    loading = any(encode_key(flight.key) == encode_key(key) for flight in cache._flights.running())
    found = _of_far(cache, key) if isinstance(cache, FarCache) else _of_memory(cache, key)
    entry, left, soft, early, error = found.entry, found.left, found.soft, found.early, found.error
    state = "absent" if entry is None else "fresh" if left is None or left > 0 else "stale"
    facts: dict[str, Any] = {} if entry is None else entry
    return Why(
        key=text,
        found=entry is not None,
        state=state,  # type: ignore[arg-type] # one of the three
        read_now=_words(cache, state, left, soft=soft, early=early, error=error, loading=loading),
        tier=found.tier,
        backend=cache.backend.name,
        loading=loading,
        remaining=left,
        **facts,
    )


class _Found:
    """What was found, as far as it was."""

    def __init__(self, tier: str | None = None) -> None:
        self.entry: dict[str, Any] | None = None
        self.tier = tier
        self.left: float | None = None
        self.early: float | None = None
        self.soft = False
        self.error = False


def _of_memory(cache: Cache, key: Any) -> _Found:
    sight = cache._sight(key)
    found = _Found()
    if sight is None:
        return found
    value, found.left, found.early, _, found.soft = sight
    found.tier, found.error = "memory", isinstance(value, CachedError)
    row = cache._row(key)
    told = tuple(TagView(*facts) for facts in cache._generations(key))
    found.entry = {"tags": told}
    if row is not None:  # what is only kept past its time is no entry, and less is known of it
        _, _, _, updated, _, hits, ttl, expires, size, _, priority, _ = row
        found.entry = {
            "age": max(cache._wall() - updated, 0.0),
            "ttl": ttl,
            "size_bytes": size,
            "access_count": hits,
            "tags": told,
            "priority": priority,
            "expires_at": moment(expires),
        }
    return found


def _of_far(cache: FarCache, key: Any) -> _Found:
    """The far entry; a near copy of it answers first."""
    near = None
    if cache._near.on:
        cache._follow()
        near = cache._sight(key)
    cache._open("why")
    entry = drive(cache._port, looked(cache, [encoded(key)]))[0]
    found = _Found()
    if entry is None:
        return found
    now = cache._wall()
    in_place = "fallback" if cache._port.degraded and cache._port.fallback is not None else "far"
    found.tier = in_place if near is None else "near"
    found.left = None if entry.fresh_until is None else entry.fresh_until - now
    found.soft = entry.soft
    if entry.stale and (found.left is None or found.left > 0):
        found.left = 0.0
    ttl = None if entry.fresh_until is None or entry.soft else round(entry.fresh_until - entry.created, 6)
    found.entry = {
        "age": max(now - entry.created, 0.0),
        "ttl": ttl,
        "size_bytes": entry.size,
        "tags": tuple(TagView(name) for name in entry.tags),
        "priority": entry.priority,
        "expires_at": moment(entry.fresh_until),
    }
    return found


def _hit(early: float | None, *, error: bool) -> str:
    if error:
        return "a load raises the error that is kept; a plain read finds nothing"
    if early is not None and early <= 0:
        return "hit; a load also starts a refresh in the background"
    return "hit"


def _words(
    cache: Cache, state: str, left: float | None, *, soft: bool, early: float | None, error: bool, loading: bool
) -> str:
    """What a read would do, in a sentence."""
    load = "a load waits for the one that runs" if loading else "a load runs its loader"
    if state == "absent":
        return f"miss: nothing is kept under this key; {load}"
    if state == "fresh":
        return _hit(early, error=error)
    past = -(left or 0.0)
    options = cache._options
    stale, in_need = options.stale or 0.0, options.stale_on_error or 0.0
    if past <= stale and not soft:
        return "a plain read finds nothing; a load is served the old value while one refresh runs"
    if past <= in_need:
        return f"miss: it was invalidated or is too old; {load}, and is served the old value if that fails"
    return f"miss: what is kept is too old to be served with the cache's own options; {load}"
