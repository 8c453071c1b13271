"""A cache whose entries are bytes that other processes see too, with or without objects of this one before them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._events import LOCK
from .._omnicache import install_far
from ..cache import Cache
from ..exceptions import CacheBackendError, CacheTimeoutError
from .apart import apart
from .arguments import encoded
from .base import refuse
from .removing import Removing
from .request import FarRequest

if TYPE_CHECKING:
    from .._loading import Call
    from ..statistics import Statistics
    from .drive import Port

__all__ = ["FarCache"]


class FarCache(Removing):
    """What :class:`Cache` makes where the backend is outside the process; it is used as any other cache is."""

    __slots__ = ()

    def _request(self, key: Any, call: Call) -> FarRequest:
        refuse(call.options)
        encoded(key)
        return FarRequest(self, key, call)

    # --- life ---

    def purge_expired(self) -> int:
        """Removes what is over; how many entries went."""
        self._open("purge_expired")
        super().purge_expired()
        return int(self._port.call("purge", self._wall()) or 0)

    async def apurge_expired(self) -> int:
        """As :meth:`purge_expired`."""
        self._open("purge_expired")
        super().purge_expired()
        return int(await self._port.acall("purge", self._wall()) or 0)

    def check(self) -> list[str]:
        """As :meth:`Cache.check`; asked of the store itself, whatever happens where it fails."""
        self._open("check")
        port = self._port.primary
        return port.call("check", self._wall()) if getattr(port, "on_disk", False) else []

    async def acheck(self) -> list[str]:
        """As :meth:`check`."""
        self._open("check")
        port = self._port.primary
        return await port.acall("check", self._wall()) if getattr(port, "on_disk", False) else []

    def compact(self) -> int:
        """As :meth:`Cache.compact`; asked of the store itself, whatever happens where it fails."""
        self._open("compact")
        port = self._port.primary
        return port.call("compact") if getattr(port, "on_disk", False) else 0

    async def acompact(self) -> int:
        """As :meth:`compact`."""
        self._open("compact")
        port = self._port.primary
        return await port.acall("compact") if getattr(port, "on_disk", False) else 0

    def stats(self) -> Statistics:
        """What the cache did since the last :meth:`reset_stats`, and what it holds.

        Number and size of the entries, evictions and expirations are those of the far store, whichever process brought
        them about; everything else is what this process did.
        """
        far: dict[str, int] = {}
        if not self.closed:
            if getattr(self._port.primary, "counts", False):
                self._port.call("count", self._wall())  # what is over is removed, and does not count
            far = self._port.call("stats", self._wall())
        # Together, and after what may take long: a read is a miss near first, and a hit far then.
        hits, sets, deletes = self._far_counts()
        near = super().stats()
        gone = {name: max(far.get(name, 0) - before, 0) for name, before in self._baseline.items()} if far else {}
        return replace(
            near,
            hit_count=near.hit_count + hits,
            miss_count=self._grown("misses", near.miss_count - hits),
            set_count=sets,
            delete_count=deletes,
            entry_count=far.get("entries", 0),
            total_size_bytes=far.get("bytes", 0),
            disk_size_bytes=far.get("disk_bytes", 0),
            eviction_count=self._grown("evictions", near.eviction_count + gone.get("evictions", 0)),
            expiration_count=self._grown("expirations", gone.get("expirations", 0)),
            backend_status="disconnected" if self.closed else "degraded" if self._port.degraded else "connected",
        )

    def _grown(self, name: str, count: int) -> int:
        """`count`, or what was told before if that is more: what counts never falls, though a store is not heard of."""
        with LOCK:
            most = self._most[name] = max(self._most.get(name, 0), count)
        return most

    def reset_stats(self) -> None:
        """Starts counting anew."""
        super().reset_stats()
        self._most = {}
        self._reset_far_counts()
        if not self.closed:
            self._baseline = self._counted_far()

    @property
    def status(self) -> Any:
        """``"active"``, ``"degraded"`` while the backend is down, or ``"shutdown"`` once it is closed."""
        return "shutdown" if self.closed else "degraded" if self._port.degraded else "active"

    def close(self) -> None:
        """Frees the name; the entries stay where they are. Whatever is to be written behind is written first."""
        if not self.closed:
            try:
                if self._behind is not None:
                    self._behind.close()
            finally:
                super().close()
                for port in self._ports():
                    self._end(port)

    async def aclose(self) -> None:
        """As :meth:`close`."""
        await apart(self.close)

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _end(self, port: Port) -> None:
        """A store that cannot be closed properly is no reason not to close the cache."""
        try:
            port.call("close")
        except (CacheBackendError, CacheTimeoutError) as error:
            self._events.failed(self._name, None, error, "closing the backend", "backend_failed")


install_far(FarCache)
Cache._far_kind = FarCache
