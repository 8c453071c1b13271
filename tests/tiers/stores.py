"""Stores of a user's own for tests: a dict that can be broken, slowed down and watched."""

import asyncio
import threading
from collections.abc import Callable

from omnicache import StoreBackend


class Broken(StoreBackend):
    """A dict that fails while it is `down`, and stops at a call if `gate` is not open."""

    timeout = None

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self.data: dict[str, bytes] = {}
        self.down = False
        self.calls: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.hook: Callable[[str, str], object] | None = None
        self.closed = False

    def _pass(self, what: str, key: str) -> None:
        self.calls.append((what, key))
        if self.hook is not None:
            self.hook(what, key)
        self.gate.wait(30)
        if self.down:
            raise ConnectionError("down")

    def get(self, key: str) -> bytes | None:
        self._pass("get", key)
        return self.data.get(key)

    def set(self, key: str, data: bytes, ttl: float | None) -> None:
        self._pass("set", key)
        self.data[key] = data

    def delete(self, key: str) -> bool:
        self._pass("delete", key)
        return self.data.pop(key, None) is not None

    def scan(self, prefix: str) -> list[str]:
        self._pass("scan", prefix)
        return [key for key in self.data if key.startswith(prefix)]

    def close(self) -> None:
        self.closed = True


class AsyncBroken(StoreBackend):
    """The same with coroutine functions, over a store of the first kind."""

    def __init__(self, inner: Broken) -> None:
        self.inner = inner
        self.timeout = inner.timeout
        self.hangs = False

    async def _pass(self) -> None:
        await asyncio.sleep(30 if self.hangs else 0)

    async def get(self, key: str) -> bytes | None:
        await self._pass()
        return self.inner.get(key)

    async def set(self, key: str, data: bytes, ttl: float | None) -> None:
        await self._pass()
        self.inner.set(key, data, ttl)

    async def delete(self, key: str) -> bool:
        await self._pass()
        return self.inner.delete(key)

    async def scan(self, prefix: str) -> list[str]:
        await self._pass()
        return self.inner.scan(prefix)
