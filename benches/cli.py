"""How long the command line takes to start, beside an interpreter that does nothing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from .harness import Target, Verdict, judge
from .options import Options

NOTHING = "python -c pass"
# What is to hold on a machine on which an interpreter takes 13 ms: 150 and 200 ms.
HELP = 11.5
GET = 15.4


def start(options: Options) -> list[Verdict]:
    """Milliseconds of processor time of the whole process, its bytecode compiled, as it is once it was installed."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as home:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {**kept, "OMNICACHE_HOME": home}
        command = [sys.executable, "-m", "omnicache"]
        for arguments in (
            ["cache", "create", "bench"],
            ["entry", "set", "bench", "a", "1"],
            ["entry", "get", "bench", "a"],
        ):
            subprocess.run([*command, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
        rows = {
            NOTHING: [sys.executable, "-c", "pass"],
            "python -c 'import click'": [sys.executable, "-c", "import click"],
            "omnicache --help": [*command, "--help"],
            "omnicache entry get": [*command, "entry", "get", "bench", "a"],
            "omnicache entry list": [*command, "entry", "list", "bench"],
        }
        times: dict[str, list[float]] = {label: [] for label in rows}
        for _ in range(3 * options.rounds):
            for label, arguments in rows.items():
                times[label].append(spent(arguments, environment))
    figures = {label: (min(found), median(found)) for label, found in times.items()}
    targets = [
        Target("omnicache --help", HELP, NOTHING, show_peers=False),
        Target("omnicache entry get", GET, NOTHING, show_peers=False),
    ]
    return judge("start of the command line", figures, targets, "ms")


def spent(command: list[str], environment: dict[str, str]) -> float:
    """Milliseconds of processor time that a process takes."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1e3
