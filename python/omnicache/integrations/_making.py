"""A response on its way into a cache: what is invalidated meanwhile, here or by another process, is not stored."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .._far.cache import FarCache
from .._far.drive import adrive
from .._omnicache import Leader, encode_key

if TYPE_CHECKING:
    from .._leases import Lease
    from ..cache import Cache

__all__ = ["Making", "Makings"]

_LONGEST = 300.0  # seconds after which another process may store the key, whatever this one does


class _Claim:
    """What all who make a response for one key in one event loop share: the cache knows one load of a key."""

    __slots__ = ("__weakref__", "far", "leader", "lock", "spent", "users")

    def __init__(self) -> None:
        self.leader: Leader | None = None
        self.far: Any = None
        self.lock = asyncio.Lock()
        self.spent = False  # its lease among all processes was used: nobody knows what comes after it
        self.users = 0


class Making:
    """From before an application is asked to when its answer is stored.

    Args:
        cache: Where to.
        key: Under which key.
        claim: What is shared with others.
        lease: Hears which labels are invalidated.
    """

    __slots__ = ("_cache", "_claim", "_key", "_lease")

    def __init__(self, cache: Cache, key: str, claim: _Claim, lease: Lease) -> None:
        self._cache, self._key, self._claim, self._lease = cache, key, claim, lease
        claim.users += 1
        if claim.leader is None:
            self._lead()

    def _lead(self) -> None:
        if self._claim.leader is not None:
            self._claim.leader.abandon()
        seat = self._cache._flights.join(self._key, get_ident())
        self._claim.leader = seat if isinstance(seat, Leader) else None

    @property
    def turn(self) -> asyncio.Lock:
        """To be held by who announces or stores: what is stored may change what was stored before."""
        return self._claim.lock

    @property
    def secret(self) -> bool:
        """Whether there are other processes that do not know yet."""
        return isinstance(self._cache, FarCache) and not self._has_far() and self._cache._port.leases

    @property
    def announced(self) -> bool:
        """Whether other processes were told, or had told others."""
        return self._claim.far is not None

    @property
    def waits(self) -> bool:
        """Whether another process makes it already."""
        return self._claim.far is not None and not self._has_far()

    def _has_far(self) -> bool:
        return self._claim.far is not None and self._claim.far.acquired

    async def announce(self) -> None:
        """Tells other processes, unless they know."""
        if isinstance(self._cache, FarCache) and self.secret:
            now = self._cache._wall()
            self._claim.far = await self._cache._port.acall("lease", encode_key(self._key), now + _LONGEST, now)

    def holds(self, labels: Collection[str]) -> bool:
        """Whether, as far as this process knows, neither the key nor one of the labels was invalidated."""
        claim = self._claim
        # A lease among all processes ends when the key is invalidated; the load that this one knows also if it is set.
        valid = claim.leader is None or claim.leader.valid or self._has_far()
        return valid and not claim.spent and self._lease.holds(labels)

    async def store(self, key: str, raw: bytes, ttl: float, options: dict[str, Any]) -> bool:
        """Stores a record under the key itself or under one that hangs on it; whether it is there now."""
        cache, claim = self._cache, self._claim
        labels = options.get("tags", ())
        if not self.holds(labels):
            return False
        if isinstance(cache, FarCache) and claim.far is not None and key == self._key:
            if not claim.far.acquired:
                return False  # another process makes it, and is not asked whether that is still good
            claim.spent = True
            done = bool(await adrive(cache._port, cache._given(key, raw, ttl, options, lease=claim.far)))
        else:
            await cache.aset(key, raw, ttl, **options)
            done = True
            if key == self._key and claim.users > 1:
                self._lead()  # storing was the end of the load that the cache knew
        # 1. The labels are found valid. 2. Another thread invalidates them. 3. This one stores.
        if done and not self._lease.holds(labels):
            await cache.adelete(key)
            done = False
        return done

    def end(self) -> Coroutine[Any, Any, Any] | None:
        """It is stored, or will not be; what is to be awaited if other processes are to be told so."""
        claim, cache = self._claim, self._cache
        claim.users -= 1
        if claim.users:
            return None
        far, claim.far = claim.far, None
        if claim.leader is not None:
            claim.leader.abandon()
        if far is None or not far.acquired or not isinstance(cache, FarCache) or cache.closed:
            return None
        return cache._port.acall("release", encode_key(self._key), far, cache._wall())


class Makings:
    """The responses that are being made for one cache."""

    __slots__ = ("_claims",)

    def __init__(self) -> None:
        self._claims: WeakValueDictionary[tuple[str, int], _Claim] = WeakValueDictionary()

    def begin(self, cache: Cache, key: str, labels: Collection[str]) -> Making:
        """From now on `key` counts as being loaded; `labels` are those known already."""
        name = (key, id(asyncio.get_running_loop()))
        claim = self._claims.get(name)
        if claim is None or claim.users == 0 or claim.spent or (claim.leader is not None and not claim.leader.valid):
            claim = self._claims[name] = _Claim()
        return Making(cache, key, claim, cache._leases.take(key, frozenset(labels)))
