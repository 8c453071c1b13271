"""Tests in child processes: what could hang is stopped there, and says where it hung."""

import asyncio
import faulthandler
import functools
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from tests.support import run_here; run_here(*sys.argv[2:])"


def in_child(test: Callable[[], object] | None = None, *, timeout: float = 30.0) -> Callable[[], None]:
    """A test whose body, a plain or a coroutine function, runs in a child process for at most ``timeout`` seconds.

    A child that fails, hangs or warns fails the test; the failure shows the child's own output, and for one that hung
    the stacks of all its threads.
    """
    if test is None:
        return functools.partial(in_child, timeout=timeout)

    def run() -> None:
        arguments = [str(ROOT), test.__module__, test.__qualname__, str(timeout)]
        command = [sys.executable, "-X", "faulthandler", "-W", "error", "-c", CHILD, *arguments]
        try:
            child = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 10, check=False)
        except subprocess.TimeoutExpired as error:
            pytest.fail(f"the child hung and could not stop itself\n{error.stdout}\n{error.stderr}", pytrace=False)
        if child.returncode or child.stderr:
            pytest.fail(f"the child ended with {child.returncode}\n{child.stdout}\n{child.stderr}", pytrace=False)

    # Not functools.wraps: pytest-asyncio would see the coroutine function beneath.
    run.__name__, run.__qualname__, run.__module__ = test.__name__, test.__qualname__, test.__module__
    run.__doc__ = test.__doc__
    run.body = test
    return run


def run_here(module: str, name: str, timeout: str) -> None:
    """The child's side: runs the body of one test."""
    faulthandler.dump_traceback_later(float(timeout), exit=True)
    body = getattr(importlib.import_module(module), name).body
    if inspect.iscoroutinefunction(body):
        asyncio.run(body())
    else:
        body()
