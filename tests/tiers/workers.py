"""Worker processes that share one place: plain interpreters that do what they are told, one line at a time."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Each line is Python as JSON: the value of an expression goes back as JSON, an exception as its name and text.
WORKER = """
import json, os, sys, threading, time
from omnicache import Cache, CacheError, FileSystemBackend, RedisBackend, TieredBackend
place, kind, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
directory = place
backend = RedisBackend(place) if "://" in place else FileSystemBackend(place)
name = options.pop("name", "shared")
cache = Cache(name, backend=TieredBackend(far=backend) if kind == "tiered" else backend, **options)
space = globals()
for line in sys.stdin:
    text, answer = json.loads(line), None
    try:
        try:
            code = compile(text, "<told>", "eval")
        except SyntaxError:
            exec(text, space)
        else:
            answer = eval(code, space)
    except Exception as error:
        answer = {"error": type(error).__name__, "text": str(error)}
    print(json.dumps(answer), flush=True)
"""


class Worker:
    """One of them."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.child = child

    def tell(self, code: str) -> None:
        """Has it evaluate an expression, or run statements, without waiting."""
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(code) + "\n")
        self.child.stdin.flush()

    def answer(self) -> Any:
        """What it says to the next line that it was told."""
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        assert line, f"the worker ended with {self.child.wait(timeout=20)}"
        return json.loads(line)

    def __call__(self, code: str) -> Any:
        self.tell(code)
        return self.answer()


@contextlib.contextmanager
def working(place: Path | str, count: int = 1, kind: str = "tiered", **options: Any) -> Iterator[list[Worker]]:
    """So many workers on a directory or a server; killed at the end if they still run."""
    command = [sys.executable, "-c", WORKER, str(place), kind, json.dumps(options)]
    with contextlib.ExitStack() as stack:
        children = []
        for _ in range(count):
            child = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(child.kill)
            children.append(Worker(child))
        for worker in children:
            assert worker("1 + 1") == 2
        yield children
