"""The public HTTP cache conformance suite, against the middleware: `python tools/conformance.py [--only PATTERN]`.

Installs the npm package ``http-cache-tests`` into a temporary directory, starts its origin, puts the middleware around
a transparent reverse proxy in front of that, over each kind of store, and runs every test that is for reverse proxies.
Fails if one fails that is not in ``tools/conformance.toml``, which has the reason of each that does, or the other way
round.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KNOWN = ROOT / "tools" / "conformance.toml"
PACKAGE = "http-cache-tests@0.4.5"
EDITIONS = ("published", "later")
KINDS = ("required", "optimal", "check")
STORES = ("memory", "filesystem", "tiered")
PATIENCE = 60.0
ROUNDS = 3

Results = dict[str, dict[str, Any]]


def installed(directory: Path) -> Path:
    """Where the suite is."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("conformance: npm is not there; install Node.js 18 or later")
    quiet = ["--no-save", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel", "error"]
    subprocess.run([npm, "install", "--prefix", str(directory), *quiet, PACKAGE], check=True, stdout=subprocess.DEVNULL)
    return directory / "node_modules" / "http-cache-tests"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, directory: Path, log: Path, **environment: str) -> Iterator[None]:
    """A server, from when it listens."""
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=directory, env={**os.environ, **environment}, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"conformance: {command[0]} does not listen:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def results(suite: Path, directory: Path, later: str, only: str, known: set[str]) -> dict[str, Results]:
    """What became of each test over each store; all stores are tested at once, for the tests mostly wait.

    What fails and is not `known` to is tried again: the tests count seconds, which a busy machine cannot keep.
    """
    node = shutil.which("node") or "node"
    found: dict[str, Results] = {}
    with ExitStack() as stack:
        origin = free_port()
        settings = {"npm_config_protocol": "http", "npm_config_port": str(origin)}
        settings["npm_config_pidfile"] = str(directory / "origin.pid")
        command = [node, "server/server.mjs"]
        stack.enter_context(running(command, origin, suite, directory / "origin.log", **settings))
        ports = {store: free_port() for store in STORES}
        for store, port in ports.items():
            command = [sys.executable, "-m", "tests.integrations.proxy", str(port), f"http://127.0.0.1:{origin}"]
            command += [store, str(directory / store)]
            stack.enter_context(running(command, port, ROOT, directory / f"{store}.log"))
        wanted = dict.fromkeys(STORES, only)
        for _ in range(ROUNDS):
            clients = {}
            for store, pattern in wanted.items():
                command = [node, "--no-warnings", str(ROOT / "tools" / "conformance.mjs"), str(suite)]
                command += [f"http://127.0.0.1:{ports[store]}", later, pattern]
                clients[store] = subprocess.Popen(command, cwd=suite, stdout=subprocess.PIPE)
            for store, client in clients.items():
                out, _ = client.communicate(timeout=1200)
                if client.returncode:
                    sys.exit(f"conformance: the tests over {store} ended with {client.returncode}")
                found.setdefault(store, {}).update(json.loads(out.splitlines()[-1]))
            wanted = {}
            for store, told in found.items():
                again = [name for name, test in told.items() if test["result"] is not True and name not in known]
                again = [name for name in again if told[name]["kind"] != "check"]
                if again:
                    wanted[store] = f"^({'|'.join(map(re.escape, again))})$"
    return found


def report(found: dict[str, Results], reasons: dict[str, str]) -> int:
    """Prints the figures and every test of the first two kinds that failed; how many do not do what the file says."""
    print(f"{'store':<24}" + "".join(f"{kind:>16}" for kind in KINDS))
    for edition in EDITIONS:
        for store, told in found.items():
            row = f"{store + ', ' + edition:<24}"
            for kind in KINDS:
                own = [test for test in told.values() if (test["edition"], test["kind"]) == (edition, kind)]
                passed = sum(test["result"] is True for test in own)
                row += f"{passed:>9} of {len(own):>3}"
            print(row)
    failed: dict[str, set[str]] = {}
    for store, told in found.items():
        for name, test in told.items():
            if test["result"] is not True and test["kind"] != "check":
                failed.setdefault(name, set()).add(store)
    unknown = 0
    for name, stores in sorted(failed.items()):
        store = min(stores)
        test = found[store][name]
        where = "" if len(stores) == len(found) else f" over {', '.join(sorted(stores))}"
        print(f"\n{test['kind']} {name}{where}: {': '.join(test['result'])}")
        print(f"    {reasons.get(name, 'NO REASON IS KNOWN')}")
        unknown += name not in reasons
    wrong = sorted(set(reasons) & set(next(iter(found.values()))) - set(failed))
    if wrong:
        print(f"\npassed, though {KNOWN.name} says why not: {', '.join(wrong)}")
    return unknown + len(wrong)


def main() -> None:
    """Runs the suite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a pattern of test names")
    arguments = parser.parse_args()
    known = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        found = results(
            installed(directory), directory, json.dumps(known["later"]), arguments.only, set(known["reasons"])
        )
    unknown = report(found, known["reasons"])
    if unknown:
        sys.exit(f"\n{unknown} tests do not do what {KNOWN.name} says")


if __name__ == "__main__":
    main()
