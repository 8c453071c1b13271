"""Child processes that use a store: plain interpreters that run a script and say when they are there."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BEGIN = """
import os, sys, time
from omnicache import CacheBackendError
from omnicache._omnicache import FarTerms, FileStore
def say(*words):
    print(*words, flush=True)
directory = sys.argv[1]
"""


@contextlib.contextmanager
def running(script: str, directory: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A child that runs `script`, which has `directory` and may `say` things; killed at the end if it still runs."""
    command = [sys.executable, "-c", BEGIN + script, str(directory), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def run(script: str, directory: Path, *arguments: object, timeout: float = 50) -> str:
    """What a child that runs `script` says."""
    with running(script, directory, *arguments) as child:
        said, _ = child.communicate(timeout=timeout)
        assert child.returncode == 0, f"the child ended with {child.returncode}\n{said}"
        return said


def heard(child: subprocess.Popen[str]) -> str:
    """The next line that a child says."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def killed(child: subprocess.Popen[str]) -> list[str]:
    """Kills a child; the lines it had still said, without one that it could not finish."""
    child.kill()
    child.wait(timeout=20)
    assert child.stdout is not None
    *lines, _ = child.stdout.read().split("\n")
    return lines
