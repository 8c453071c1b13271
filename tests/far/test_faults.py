"""What can befall the files: a full disk, damage, rights that are missing, a directory that goes away."""

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omnicache import CacheBackendError
from omnicache._omnicache import FarTerms, FileStore
from tests.far.processes import run

NOW = 1_700_000_000.0
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOBODY = 65534

# Fills the store until the disk is full, and checks that all it was told is written is there, and that it goes on.
FILL = """
store = FileStore(directory)
written = 0
try:
    while True:
        store.set(b"%d" % written, b"%d" % written * 20_000, 1000.0)
        written += 1
except CacheBackendError as error:
    say(error)
def check():
    assert store.check(1000.0) == []
    assert store.set_aside is None
    for number in range(written):
        assert store.get(b"%d" % number, 1000.0).payload == b"%d" % number * 20_000, number
check()
for _ in range(3):
    try:
        store.set(b"too large", bytes(50_000_000), 1000.0)
        raise AssertionError("there was room")
    except CacheBackendError:
        check()
assert written > 20, written
"""


@pytest.fixture
def mount(tmp_path: Path):
    """Mounts a small file system in memory, or skips the test where that is not allowed."""
    mounted = []

    def mount(size: str) -> Path:
        directory = tmp_path / "small"
        directory.mkdir()
        if not IS_ROOT or not shutil.which("mount"):
            pytest.skip("only root can mount a small disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk cannot be mounted here")
        mounted.append(directory)
        return directory

    yield mount
    for directory in mounted:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def test_a_full_disk_is_an_error_and_nothing_is_half_written(mount):
    directory = mount("8m")
    said = run(FILL, directory / "cache")
    assert f"set in {directory}/cache: no room is left on the disk" in said
    assert "max_bytes" in said
    store = FileStore(directory / "cache")
    assert store.set_aside is None
    assert store.check(NOW) == []
    store.clear(NOW)
    store.set(b"k", bytes(1_000_000), NOW)
    assert store.get(b"k", NOW) is not None
    store.close()


def test_a_full_disk_leaves_room_for_deletions(mount):
    directory = mount("8m")
    said = run(
        FILL + "\nfor number in range(written):\n    store.delete(b'%d' % number, 1000.0)\nwritten = 0\n"
        "store.set(b'k', bytes(1_000_000), 1000.0)\nsay('went on')",
        directory / "cache",
    )
    assert said.endswith("went on\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit works otherwise elsewhere")
def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))\n"
    assert "no room is left on the disk" in run(limit + FILL, tmp_path / "cache")


def filled(directory: Path) -> None:
    """A store with 300 entries whose values can be told from their keys."""
    store = FileStore(directory)
    for number in range(300):
        store.set(b"%d" % number, b"%d-" % number * (number * 3), NOW, FarTerms(tags=["t"]))
    store.close()


def data_of(directory: Path) -> Path:
    """The data file of a store."""
    (data,) = directory.glob("data-*.mdb")
    return data


# Opens a store whatever was done to it: a value is the right one, or there is none; and it can be used.
SURVIVE = """
store = FileStore(directory)
right = 0
try:
    for number in range(300):
        found = store.get(b"%d" % number, 1000.0)
        if found is not None:
            assert found.payload == b"%d-" % number * (number * 3), number
            right += 1
    store.set(b"new", b"value", 1000.0)
    assert store.get(b"new", 1000.0).payload == b"value"
except CacheBackendError as error:
    assert "damaged" in str(error), error
    store.set(b"new", b"value", 1000.0)
    assert store.get(b"new", 1000.0).payload == b"value"
    assert store.take_set_aside() is not None
    assert store.check(1000.0) == []
say(right, store.set_aside is not None)
store.close()
"""


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut(tmp_path: Path, part: float):
    filled(tmp_path / "cache")
    data = data_of(tmp_path / "cache")
    os.truncate(data, int(data.stat().st_size * part))
    said = run(SURVIVE, tmp_path / "cache")
    # Nothing is left of an empty file, and the last pages may have been free ones.
    assert said in {0.0: ["0 False\n"], 0.999: ["0 True\n", "300 False\n"]}.get(part, ["0 True\n"])


@pytest.mark.parametrize("seed", range(12))
def test_bytes_that_were_flipped_in_the_heads(tmp_path: Path, seed: int):
    filled(tmp_path / "cache")
    data, chance = data_of(tmp_path / "cache"), random.Random(seed)
    with data.open("r+b") as file:
        for _ in range(1 + seed % 3):
            at = chance.randrange(152) + 4096 * chance.randrange(2)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    run(SURVIVE, tmp_path / "cache")


@pytest.mark.parametrize("seed", range(8))
def test_bytes_that_were_flipped_in_values(tmp_path: Path, seed: int):
    filled(tmp_path / "cache")
    data, chance = data_of(tmp_path / "cache"), random.Random(seed)
    content = bytearray(data.read_bytes())
    flipped = set()
    for number in chance.sample(range(20, 300), 10):
        value = b"%d-" % number * (number * 3)
        at = content.find(value)
        content[at + chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        flipped.add(number)
    data.write_bytes(content)
    right, is_aside = run(SURVIVE, tmp_path / "cache").split()
    # A copy that an earlier transaction left behind may have been hit instead.
    assert 290 <= int(right) <= 300
    assert is_aside == "False"


def test_a_store_that_another_process_finds_damaged_is_left(tmp_path: Path):
    filled(tmp_path / "cache")
    store = FileStore(tmp_path / "cache")
    assert store.get(b"7", NOW) is not None
    state = tmp_path / "cache" / "state"
    state.write_text(state.read_text().replace("damaged 0", "damaged 1"))
    run("store = FileStore(directory)\nstore.set(b'theirs', b'1', 1000.0)", tmp_path / "cache", timeout=20)
    store.set(b"mine", b"1", NOW)
    assert store.get(b"theirs", NOW) is not None
    assert store.get(b"7", NOW) is None
    store.close()


def test_a_directory_that_goes_away(tmp_path: Path):
    store = FileStore(tmp_path / "cache")
    store.set(b"a", b"1", NOW)
    shutil.rmtree(tmp_path / "cache")
    store.set(b"b", b"2", NOW)
    assert store.get(b"b", NOW).payload == b"2"
    assert store.get(b"a", NOW) is None
    assert run("say(FileStore(directory).get(b'b', 1000.0).payload)", tmp_path / "cache") == "b'2'\n"
    shutil.rmtree(tmp_path / "cache")
    assert store.get(b"b", NOW + 2) is None, "a reader looks again after a second"
    store.close()


def test_a_clock_that_was_moved_back(tmp_path: Path):
    store = FileStore(tmp_path / "cache")
    store.set(b"a", b"1", NOW, FarTerms(expires=NOW + 10))
    store.set(b"b", b"1", NOW - 1_000_000, FarTerms(expires=NOW - 999_990))
    assert store.get(b"a", NOW - 1_000_000).payload == b"1"
    assert store.get(b"b", NOW - 1_000_000).payload == b"1"
    assert store.get(b"b", NOW) is None
    assert store.count(NOW) == 1
    assert store.check(NOW) == []
    store.close()


def test_files_are_private(tmp_path: Path):
    filled(tmp_path / "cache")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "cache").iterdir()}
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("what", ["directory", "file", "parent"])
def test_rights_that_are_missing_are_named(tmp_path: Path, what: str):
    directory = tmp_path / "cache"
    filled(directory)
    target = {"directory": directory, "file": data_of(directory), "parent": directory / "new"}[what]
    if IS_ROOT:
        # Whoever has all rights gives them up in the child.
        for path in [directory, *directory.iterdir()]:
            os.chown(path, NOBODY, NOBODY)
        for parent in tmp_path.parents[: len(tmp_path.parents) - 2]:
            parent.chmod(0o755)
        tmp_path.chmod(0o755)
    refusing = directory if what == "parent" else target
    refusing.chmod(0o000 if what == "file" else 0o500)
    code = (
        "import os, sys\nfrom omnicache import CacheBackendError\nfrom omnicache._omnicache import FileStore\n"
        "if os.geteuid() == 0:\n    os.setgroups([])\n    os.setgid(65534)\n    os.setuid(65534)\n"
        "try:\n    FileStore(sys.argv[1]).set(b'k', b'v', 1.0)\nexcept CacheBackendError as error:\n    print(error)\n"
    )
    opened = target if what == "parent" else directory
    command = [sys.executable, "-c", code, str(opened)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    refusing.chmod(0o700)
    assert re.match(f"(open|set) in {opened}: permission denied", said.stdout), said
    assert "needs to read and write" in said.stdout
    assert list(directory.glob("data-*.mdb")), "nothing was removed or set aside"


def test_a_file_in_the_place_of_the_directory(tmp_path: Path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheBackendError, match=r"open in .*cache: "):
        FileStore(tmp_path / "cache")


def test_after_the_machine_has_stopped_the_store_begins_empty(tmp_path: Path):
    filled(tmp_path / "cache")
    state = tmp_path / "cache" / "state"
    state.write_text(state.read_text().replace("boot ", "boot another").replace("clean 1", "clean 0"))
    store = FileStore(tmp_path / "cache")
    assert store.set_aside is not None
    path, reason = store.set_aside
    assert path.exists()
    assert "machine stopped" in reason
    assert store.count(NOW) == 0
    store.close()
