"""A proxy between client and server that brings about what networks do: delays, silence, resets, nonsense."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from tests.servers.server import HOST


class Proxy:
    """Forwards connections to a server; what it does to them can be changed at any time.

    `delay` seconds pass before anything is forwarded, either way. While `stalled`, nothing is forwarded, and while
    `deaf`, nothing but what the client sends: the half of a connection that is still open. `refuse` closes new
    connections at once. `cut_after` bytes of reply, the connection is reset. `garble` changes replies.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self.delay = 0.0
        self.deaf = self.refuse = False
        self.cut_after: int | None = None
        self.garble: Callable[[bytes], bytes] | None = None
        self.accepted = 0
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server, self._open = self._run(self._begin())

    async def _begin(self) -> tuple[asyncio.Server, asyncio.Event]:
        way = asyncio.Event()
        way.set()
        return await asyncio.start_server(self._serve, HOST, 0), way

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._links)

    def stall(self) -> None:
        """Forwards nothing until `flow`."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def flow(self) -> None:
        """Is a plain forwarder again."""
        self.delay, self.deaf, self.refuse, self.cut_after, self.garble = 0.0, False, False, None, None
        self._loop.call_soon_threadsafe(self._open.set)

    def reset(self) -> None:
        """Breaks every connection."""

        async def abort() -> None:
            for link in list(self._links):
                for writer in link:
                    writer.transport.abort()

        self._run(abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refuse:
            writer.transport.abort()
            return
        try:
            other_reader, other = await asyncio.open_connection(*self._target)
        except (OSError, asyncio.CancelledError):  # nobody is there, or the proxy ends
            writer.transport.abort()
            return
        link = (writer, other)
        self._links.add(link)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # the proxy ends
                await asyncio.gather(self._copy(reader, other, False), self._copy(other_reader, writer, True))
        finally:
            self._links.discard(link)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                if reply:
                    if self.deaf:
                        continue
                    if self.garble is not None:
                        data = self.garble(data)
                    if self.cut_after is not None and len(data) > self.cut_after:
                        writer.write(data[: self.cut_after])
                        await asyncio.sleep(0)
                        break
                writer.write(data)
                await writer.drain()
        if reply and self.cut_after is not None:
            writer.transport.abort()
        with contextlib.suppress(OSError):
            writer.close()

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for _ in range(5):
                await asyncio.sleep(0)  # whoever is being accepted is one of those below
            for link in list(self._links):
                for writer in link:
                    writer.transport.abort()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            self._open.set()
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
