"""The command in a real terminal: prompts, progress, interrupts, closed pipes, narrow windows, two at once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from omnicache import Cache
from omnicache._definitions import Definitions, define

COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
OMNICACHE = [sys.executable, "-m", "omnicache"]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
Spawn = Callable[..., "pexpect.spawn[bytes]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMNICACHE_", "NO_COLOR"))}
    kept = {name: value for name, value in kept.items() if name not in {"COLUMNS", "LINES"}}
    return {**kept, "OMNICACHE_HOME": str(tmp_path / "home"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs it without a terminal."""

    def run(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*OMNICACHE, *arguments],
            input=stdin,
            capture_output=True,
            env=environment,
            cwd=tmp_path,
            timeout=30,
            check=False,
        )

    return run


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Iterator[Spawn]:
    """Runs it in a terminal of so many columns."""
    children: list[pexpect.spawn[bytes]] = []

    def spawn(*arguments: str, columns: int = 80, **more: str) -> "pexpect.spawn[bytes]":
        child = pexpect.spawn(
            OMNICACHE[0],
            [*OMNICACHE[1:], *arguments],
            env={**environment, **more},
            cwd=str(tmp_path),
            dimensions=(24, columns),
            timeout=30,
        )
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def ended(child: "pexpect.spawn[bytes]") -> tuple[int | None, bytes]:
    """The exit code, and what was said until then."""
    child.expect(pexpect.EOF)
    said = child.before
    child.close()
    assert child.signalstatus is None
    assert b"Traceback" not in said
    return child.exitstatus, said


def shown(data: bytes, columns: int) -> list[str]:
    """What a screen of so many columns shows in the end."""
    screen = pyte.Screen(columns, 200)
    screen.set_mode(pyte.modes.LNM)
    pyte.ByteStream(screen).feed(data)
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture
def users(environment: dict[str, str]) -> None:
    """A cache ``users`` with three entries."""
    definitions = Definitions(Path(environment["OMNICACHE_HOME"]) / "caches.json")
    made = definitions.create(define("users", max_size=1000, directory=definitions.directory))
    with Cache.from_config("users", made.options) as cache:
        cache.update(a="a rather long value that no narrow window has room for", b=2, c=3)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("y\n", 0, b"3 entries removed"),
        ("YES\n", 0, b"3 entries removed"),
        ("n\n", 1, b"nothing was done"),
        ("\n", 1, b"nothing was done"),
        ("\x04", 1, b"nothing was done"),
        ("\x03", 130, b""),
    ],
)
@pytest.mark.usefixtures("users")
def test_it_asks_before_it_clears(spawn: Spawn, answer: str, code: int, said: bytes):
    child = spawn("clear", "users")
    child.expect_exact('Remove all 3 entries of "users"? [y/N]: ')
    child.send(answer)
    status, output = ended(child)
    assert status == code
    assert said in output


@pytest.mark.usefixtures("users")
def test_it_asks_before_it_deletes(spawn: Spawn):
    child = spawn("entry", "delete", "users", "a")
    child.expect_exact('Delete "a" from "users"? [y/N]: ')
    child.send("y\n")
    assert ended(child)[0] == 0
    child = spawn("cache", "delete", "users")
    child.expect_exact('Delete the cache "users" and its 2 entries? [y/N]: ')
    child.send("y\n")
    status, output = ended(child)
    assert status == 0
    assert b'Cache "users" deleted' in output


@pytest.mark.usefixtures("users")
def test_a_value_is_typed(spawn: Spawn):
    child = spawn("entry", "set", "users", "typed")
    child.expect_exact("end it with Ctrl-D")
    child.send("some text\n\x04")
    assert ended(child)[0] == 0
    status, output = ended(spawn("entry", "get", "users", "typed"))
    assert (status, output) == (0, b"some text\r\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ["cache", "list"],
        ["cache", "info", "users"],
        ["entry", "list", "users"],
        ["stats", "users"],
        ["why", "users", "a"],
        ["--help"],
        ["warm", "--help"],
    ],
)
@pytest.mark.usefixtures("users")
def test_every_window_has_room(spawn: Spawn, columns: int, arguments: list[str]):
    status, output = ended(spawn(*arguments, columns=columns))
    assert status == 0
    text = COLOUR.sub(b"", output).decode()
    if "Examples:" in text:
        text = text.partition("Examples:")[0]
    assert all(len(line) <= columns for line in text.split("\r\n"))
    lines = shown(output, columns)
    assert len(lines) >= 3
    if arguments[0] == "entry":
        assert [line.split()[0] for line in lines[2:]] == ["a", "b", "c"]
        assert len(lines) == 5


@pytest.mark.usefixtures("users")
def test_colours_only_where_they_are_wanted(spawn: Spawn):
    assert COLOUR.search(ended(spawn("cache", "list"))[1])
    plain = ended(spawn("cache", "list", NO_COLOR="1"))[1]
    # Bold is no colour.
    assert not re.search(rb"\x1b\[[0-9;]*[34][0-9]", plain)
    assert b"\x1b[31m" in ended(spawn("cache", "info", "nobody"))[1]
    assert b"\x1b" not in ended(spawn("cache", "info", "nobody", NO_COLOR="1"))[1]


@pytest.mark.usefixtures("users")
def test_a_hostile_entry_does_not_touch_the_screen(spawn: Spawn, run: Run):
    assert run("entry", "set", "users", "\x1b[2J\x1b]0;title\x07", "\x1b[31mred\rover\u202e").returncode == 0
    for arguments in (
        ["entry", "list", "users"],
        ["entry", "list", "users", "--format", "json"],
        ["entry", "list", "users", "--format", "keys-only"],
        ["entry", "get", "users", "\x1b[2J\x1b]0;title\x07"],
        ["why", "users", "\x1b[2J\x1b]0;title\x07"],
        ["entry", "get", "users", "\x1b[2J"],
    ):
        output = ended(spawn(*arguments, NO_COLOR="1"))[1]
        for evil in (b"\x1b[2J", b"\x1b]0", b"\x07", b"\x1b[31m", "\u202e".encode()):
            assert evil not in output, arguments


def test_filling_shows_how_far_it_is(spawn: Spawn, run: Run, tmp_path: Path):
    assert run("cache", "create", "users").returncode == 0
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"key": "{number}", "value": 1}}\n' for number in range(20_000)) + "nonsense\n")
    status, output = ended(spawn("warm", "users", "--file", "rows.jsonl", columns=60))
    assert status == 8
    assert re.search(rb"\d+/20001", output)
    assert b"line 20001: " in output
    assert shown(output, 60)[-1] == "20000 entries written, 1 bad row"
    quiet = ended(spawn("--quiet", "warm", "users", "--file", "rows.jsonl"))[1]
    assert b"/20001" not in quiet


def test_filling_can_be_interrupted(spawn: Spawn, run: Run, tmp_path: Path):
    assert run("cache", "create", "users").returncode == 0
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"key": "{number}", "value": {number}}}\n' for number in range(300_000)))
    child = spawn("warm", "users", "--file", "rows.jsonl")
    child.expect(rb"[1-9]\d*/300000")
    child.send("\x03")
    status, output = ended(child)
    assert status == 130
    assert re.search(rb"stopped after \d+ rows; the same with --resume", output)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.usefixtures("users")
def test_the_monitor_is_drawn_and_listens(spawn: Spawn, run: Run, columns: int):
    assert run("cache", "create", "others").returncode == 0
    child = spawn("monitor", "--refresh", "0.2", columns=columns)
    child.logfile_read = log = Log()
    child.expect_exact("users")
    screen = shown(bytes(log.data), columns)
    assert screen[0].startswith("omnicache ")
    names = [line.split()[0] for line in screen if line.startswith(("users", "others"))]
    assert names == ["others", "users"]
    child.send("r")
    child.expect_exact("users")
    child.expect_exact("others")
    child.send("s")
    if columns >= 60:
        child.expect_exact("sorted by hit rate")
    child.send("q")
    assert ended(child)[0] == 0
    # The cursor is back, and so is the other screen.
    assert log.data.rstrip().endswith((b"\x1b[?25h", b"\x1b[?1049l"))
    assert b"\x1b[?25h" in log.data


class Log:
    """Everything that a terminal was sent."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.mark.usefixtures("users")
def test_the_monitor_of_one_cache_alerts_and_ends_on_an_interrupt(spawn: Spawn, run: Run):
    assert run("entry", "get", "users", "nothing").returncode == 4
    child = spawn("monitor", "users", "--refresh", "0.2", "--threshold", "0.5")
    child.expect_exact("ALERT hit rate under 50%: users 0%")
    child.send("\x03")
    assert ended(child)[0] == 130


@pytest.mark.usefixtures("users")
def test_watching_ends_on_an_interrupt(spawn: Spawn):
    child = spawn("stats", "users", "--watch", "--interval", "0.2")
    child.expect_exact("hit rate")
    child.send("\x03")
    assert ended(child)[0] == 130


@pytest.mark.usefixtures("users")
def test_a_dashboard_needs_a_terminal(run: Run):
    refused = run("monitor")
    assert refused.returncode == 2
    assert b"--format logs or json" in refused.stderr


@pytest.mark.usefixtures("users")
def test_a_closed_pipe_ends_quietly(environment: dict[str, str], tmp_path: Path):
    for arguments in (
        ["monitor", "--format", "logs", "--refresh", "0.1"],
        ["stats", "users", "--format", "json", "--watch", "--interval", "0.1"],
    ):
        with subprocess.Popen(
            [*OMNICACHE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            assert child.stdout.readline()
            child.stdout.close()
            assert child.wait(30) == 141
            assert child.stderr.read() == b""


@pytest.mark.usefixtures("users")
def test_an_interrupt_without_a_terminal(environment: dict[str, str], tmp_path: Path):
    with subprocess.Popen(
        [*OMNICACHE, "monitor", "users", "--format", "json", "--refresh", "100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert child.stderr.read() == b""


def test_two_at_once_lose_nothing(environment: dict[str, str], tmp_path: Path):
    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*OMNICACHE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
        )

    def finish(children: "list[subprocess.Popen[bytes]]") -> list[tuple[int, bytes, bytes]]:
        return [(child.returncode, out, err) for child in children for out, err in [child.communicate(timeout=60)]]

    made = finish([start("cache", "create", f"cache-{number}") for number in range(6)])
    assert [code for code, _, _ in made] == [0] * 6, made
    same = finish([start("cache", "create", "same") for _ in range(4)])
    assert sorted(code for code, _, _ in same) == [0, 1, 1, 1]
    ((_, listed, _),) = finish([start("cache", "list", "--format", "yaml")])
    assert listed.count(b"- name: ") == 7
    written = finish([start("entry", "set", "same", f"key-{number}", "1") for number in range(6)])
    assert [code for code, _, _ in written] == [0] * 6, written
    ((_, keys, _),) = finish([start("entry", "list", "same", "--format", "keys-only")])
    assert keys.decode().split() == [f"key-{number}" for number in range(6)]


def test_without_click_it_says_what_is_missing(environment: dict[str, str]):
    code = (
        "import sys\n"
        "import importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name in {'click', 'rich'} else real(name, *a)\n"
        "from omnicache.cli import main\n"
        "sys.exit(main(['--help']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=30, check=False)
    assert run.returncode == 1
    assert run.stdout == b""
    assert run.stderr.count(b"\n") == 1
    assert b"needs click and rich" in run.stderr
