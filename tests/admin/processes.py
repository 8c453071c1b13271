"""Other processes for the tests: a program with caches, or a server; each ends with the test."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def program(code: str, *arguments: str, **environment: str) -> Iterator["Program"]:
    """Runs `code`, which prints a line when it is ready, and ends when its standard input does."""
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-c", textwrap.dedent(code), *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    running = Program(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Program:
    """A running program."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def line(self) -> str:
        """The next line that it prints; what it says of its failure, if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            _, errors = self.process.communicate(timeout=20)
            raise AssertionError(f"the program ended with {self.process.returncode}\n{errors}")
        return line

    def say(self, text: str) -> None:
        """Gives it a line to read."""
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self, *, timeout: float = 20) -> tuple[int, str]:
        """Lets it end: its exit code, and what it wrote to the standard error."""
        _, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, errors


def sockets_in(directory: Path) -> list[str]:
    """The names of the sockets in a directory."""
    return sorted(item.name for item in directory.iterdir() if item.is_socket())
