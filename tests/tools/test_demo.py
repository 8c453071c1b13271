"""The demo's own parts: what it reads out of sources, and the best hit ratio it compares with."""

import doctest
from itertools import combinations
from pathlib import Path

import pytest

from benches import harness
from examples.demo import library, optimal, report


@pytest.mark.parametrize("module", [library, optimal, report, harness], ids=lambda module: module.__name__)
def test_examples_run(module: object):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import a.b, c", [["a", "a.b", "c"]]),
        ("from os import path, sep", [["os", "os.path", "os.sep"]]),
        ("from . import x", [["pkg", "pkg.x"]]),
        ("from ..other import x", [["other", "other.x"]]),
        ("def f():\n    try:\n        import a\n    except E:\n        import b\n", [["a"], ["b"]]),
        ("match 1:\n    case 1:\n        import a\n", [["a"]]),
        ("import", None),
    ],
)
def test_imports_are_found(source: str, wanted: list[list[str]] | None, tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text(source)
    assert library.imports_of("pkg.module", path) == wanted


def test_the_best_is_the_best():
    """Against every choice of what to keep, on short sequences."""

    def exhaustive(rest: str, held: frozenset[str], size: int) -> int:
        if not rest:
            return 0
        after = held | {rest[0]}
        choices = [frozenset(kept) for kept in combinations(sorted(after), min(size, len(after)))]
        return (rest[0] in held) + max(exhaustive(rest[1:], kept, size) for kept in choices)

    for requests in ("abcabcaab", "aabbccabc", "abcdabcda", "abacadabe"):
        for size in (1, 2, 3):
            assert optimal.best_hits(requests, size) == exhaustive(requests, frozenset(), size)


def test_a_failed_expectation_is_told(capsys: pytest.CaptureFixture[str]):
    expect = report.Expectations()
    expect.check("one is one", True)
    assert expect.conclude()
    expect.check("two is one", False, "2")
    assert not expect.conclude()
    printed = capsys.readouterr().out
    assert "ok      one is one" in printed
    assert "FAILED  two is one\n        seen: 2" in printed
