"""One server process: started, stopped, killed, stopped in its tracks, and started again on the same port."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

from tests.servers.client import Client, ReplyError

HOST = "127.0.0.1"
_PATIENCE = 20.0


@cache
def binary() -> str:
    """The server's program; a test that needs one is skipped where there is none."""
    beside = str(Path(sys.executable).parent)
    found = (
        os.environ.get("OMNICACHE_REDIS_SERVER")
        or shutil.which("redis-server")
        or shutil.which("valkey-server")
        or shutil.which("redis-server", path=beside)
    )
    if found is None:
        pytest.skip("there is no redis-server or valkey-server on the PATH")
    return found


@cache
def major() -> int:
    """The first number of the program's version."""
    said = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.partition("v=")[2].partition(".")[0])


def free_port() -> int:
    """A port that nobody listens at now, nor at the one 10,000 above it, which a node of a cluster needs."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind((HOST, 0))
            port: int = one.getsockname()[1]
            if port > 50_000:
                continue
            with contextlib.suppress(OSError):
                other.bind((HOST, port + 10_000))
                return port


def until(done: Callable[[], Any], what: str, timeout: float = _PATIENCE) -> Any:
    """Waits for what another process does; the first true answer. Connections that fail meanwhile are a no."""
    end, error = time.monotonic() + timeout, None
    while time.monotonic() < end:
        try:
            if answer := done():
                return answer
        except (OSError, ReplyError) as failed:
            error = failed
        time.sleep(0.005)
    raise AssertionError(f"{what}: not within {timeout} s ({error})")


class Server:
    """A server, running unless it was stopped. It keeps nothing on disk and ends with this process."""

    def __init__(self, *arguments: object, port: int | None = None, mode: str | None = None) -> None:
        """Starts one with these arguments of the command line; `mode` is ``"sentinel"`` or nothing."""
        self.directory = Path(tempfile.mkdtemp(prefix="omnicache-server-"))
        self.arguments = [str(argument) for argument in arguments]
        self.mode = mode
        self._fixed = port
        self.port = port or free_port()
        self.child: subprocess.Popen[bytes] | None = None
        self.paused = False
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def _command(self) -> list[str]:
        command = [binary()]
        if self.mode == "sentinel":
            command += [str(self.directory / "sentinel.conf"), "--sentinel"]
        port = [] if "--port" in self.arguments else ["--port", str(self.port)]
        command += [*port, "--bind", HOST, "--dir", str(self.directory), "--daemonize", "no", "--loglevel", "warning"]
        if self.mode is None:
            command += ["--save", "", "--appendonly", "no"]
            if major() >= 7:  # before, everybody might
                command += ["--enable-debug-command", "yes"]
            command += ["--io-threads", "1", "--jemalloc-bg-thread", "no"]
        command += self.arguments
        ends_with_us = shutil.which("setpriv") if sys.platform == "linux" else None
        return command if ends_with_us is None else [ends_with_us, "--pdeathsig", "KILL", *command]

    def start(self) -> None:
        """Starts it, empty, and waits until it answers."""
        for _ in range(5):
            with (self.directory / "log").open("ab") as log:
                self.child = subprocess.Popen(
                    self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory
                )
            if self._is_up():
                return
            if self._fixed is None:
                self.port = free_port()  # somebody else took it meanwhile
        raise AssertionError(f"the server does not start: {(self.directory / 'log').read_text()}")

    def _is_up(self) -> bool:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            assert self.child is not None
            if self.child.poll() is not None:
                return False
            try:
                # Somebody else's may have taken the port, while ours is about to end for want of it.
                if int(self.info("process_id")) == self.pid:
                    return True
            except ReplyError:  # it wants a password
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.child.wait(timeout=0.1)
                    return False
                return True
            except OSError:
                pass
            time.sleep(0.002)
        raise AssertionError("the server does not answer")

    def connect(self, **options: Any) -> Client:
        """A connection of the test's own."""
        return Client(self.address, **options)

    def __call__(self, *words: object) -> Any:
        """The reply to one command."""
        with self.connect() as client:
            return client(*words)

    def info(self, name: str) -> str:
        """One line of INFO."""
        for line in self("INFO").decode().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return str(value)
        raise KeyError(name)

    def pause(self) -> None:
        """Stops it in its tracks: connections stay open, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def kill(self) -> None:
        """Ends it at once."""
        if self.child is not None:
            self.child.kill()
            self.child.wait(timeout=_PATIENCE)
            self.child, self.paused = None, False

    def restart(self) -> None:
        """Kills it, if it runs, and starts it empty, at the same port."""
        self.kill()
        self._fixed = self.port
        self.start()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def caught_up(replica: Server, master: Server) -> None:
    """Waits until a replica has what its master has by now.

    Its link is up before that: what is written meanwhile is sent with its first acknowledgement, up to a second later.
    """
    offset = int(master.info("master_repl_offset"))
    until(
        lambda: "state=online" in master.info("slave0") and int(replica.info("slave_repl_offset")) >= offset,
        "the replica catches up",
    )


@contextlib.contextmanager
def paused(server: Server) -> Iterator[None]:
    """A server that does not answer for the length of a block."""
    server.pause()
    try:
        yield
    finally:
        server.resume()
