"""The layer table, held against the code: an import only points down, and only the boundary knows Python."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
PACKAGE = ROOT / "python" / "omnicache"

# Lowest first. Modules of one row may use each other as long as they do not go round in a circle.
RUST_ROWS = [
    {"error", "clock", "stats", "units", "glob", "config", "key", "sketch", "sync"},
    {"pack", "compress"},
    {"entry", "slab", "index"},
    {"policy", "expiry", "tags"},
    {"shard"},
    {"near"},
    {"flight"},
    {"far"},
    {"python"},
]
PYTHON_ROWS = [
    {"exceptions", "_sentinels", "_units", "_types", "_lazy", "_logged", "_watch"},
    {"strategies", "keys", "_keys", "_attach", "_registry", "_janitor", "backends", "entry", "statistics", "_events"},
    {"_omnicache"},
    {"serializers"},
    {"_options", "_context", "_kept", "_workers", "_patience", "_work", "_filelock", "_places", "_definitions"},
    {
        "_inside",
        "_budget",
        "_job",
        "_parties",
        "_load",
        "_loads",
        "_leases",
        "_load_counts",
        "_instances",
        "_lint",
        "_signature",
        "_tags",
    },
    {"_loading", "_fetch"},
    {"_state", "_hooks", "_life", "_many", "_face", "cache", "config", "registry"},
    {"_far"},
    {"_keeper", "_prefixes", "_function", "_coroutine", "decorators"},
    {"_public"},
    {"_metrics"},
    {"prometheus"},
    {"_manage"},
    {"integrations", "testing", "admin", "cli"},
]
MAX_LINES = 400
# What the first lines of a longer file say: "Long because ...".
LONG_REASON = re.compile(r"\blong because\b", re.IGNORECASE)


# --- reading Rust -----------------------------------------------------------------------------------------------------

RUST_NOISE = re.compile(
    r"""
    //[^\n]*                              # comments; doc comments too, they may name anything
  | /\*.*?\*/
  | r(?P<hashes>\#*)".*?"(?P=hashes)      # raw strings
  | "(?:\\.|[^"\\])*"                     # strings
  | '(?:\\[^\n]{1,9}?|[^\\'\n])'          # characters, which may be quotes
    """,
    re.VERBOSE | re.DOTALL,
)


def rust_code(path: Path) -> str:
    """The text of a Rust file without comments and literals."""
    return RUST_NOISE.sub(" ", path.read_text(encoding="utf-8"))


def rust_module(path: Path) -> tuple[str, int]:
    """The top-level module a file belongs to, and how many `super::` lead from the file to the crate."""
    parts = list(path.relative_to(SRC).with_suffix("").parts)
    if parts[-1] in {"mod", "lib"}:
        parts.pop()
    return (parts[0] if parts else "lib", len(parts))


def first_names(tree: str) -> Iterator[str]:
    """The first segment of each path in a use tree: `a::b` or `{a, b::{c, d}}`."""
    tree = tree.lstrip()
    if not tree.startswith("{"):
        if name := re.match(r"\w+", tree):
            yield name[0]
        return
    depth, start = 0, 1
    for at, char in enumerate(tree):
        depth += (char == "{") - (char == "}")
        if (char == "," and depth == 1) or depth == 0:
            yield from re.findall(r"^\s*(\w+)", tree[start:at])
            start = at + 1
        if depth == 0:
            return


def rust_imports(path: Path) -> set[str]:
    """The top-level modules of the crate that a file names."""
    _, depth = rust_module(path)
    code = rust_code(path)
    to_crate = r"\bcrate\s*::" if depth == 0 else rf"(?:\bcrate\s*::|(?<!::)\b(?:super\s*::\s*){{{depth}}}(?!super))"
    return {name for found in re.finditer(to_crate, code) for name in first_names(code[found.end() :])}


def rust_files() -> list[Path]:
    return sorted(SRC.rglob("*.rs"))


# --- reading Python ---------------------------------------------------------------------------------------------------


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def import_nodes(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that can run; those for the type checker alone do not."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from import_nodes(node)


def python_imports(path: Path) -> set[str]:
    """The modules of the package that a module imports; `__init__` stands for the package itself."""
    package = ("omnicache", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in import_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module or ""]))
            names = [f"{origin}.{alias.name}" for alias in node.names] if origin == "omnicache" else [origin]
        for name in names:
            top, module, *_ = [*name.split("."), ""]
            if top == "omnicache":
                found.add(module if any(module in row for row in PYTHON_ROWS) else "__init__")
    return found


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


# --- the table --------------------------------------------------------------------------------------------------------


def row_of(module: str, rows: list[set[str]]) -> int:
    for number, row in enumerate(rows):
        if module in row:
            return number
    pytest.fail(f"module {module!r} has no place in the layer table of {Path(__file__).name}: give it one")


def upward(imports: dict[str, set[str]], rows: list[set[str]]) -> list[str]:
    return [
        f"{module} imports {name}, which is above it"
        for module, names in imports.items()
        for name in sorted(names)
        if row_of(name, rows) > row_of(module, rows)
    ]


def circle(imports: dict[str, set[str]]) -> list[str] | None:
    """A round trip through the imports, or None."""
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str] | None:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return None
        for name in sorted(imports.get(module, ())):
            if found := walk(name, [*trail, module]):
                return found
        done.add(module)
        return None

    return next(filter(None, (walk(module, []) for module in sorted(imports))), None)


def test_rust_imports_point_down():
    imports: dict[str, set[str]] = {}
    modules = {rust_module(path)[0] for path in rust_files()} - {"lib"}
    for path in rust_files():
        module, _ = rust_module(path)
        if module != "lib":
            imports.setdefault(module, set()).update(rust_imports(path) & modules - {module})
    for module in modules:
        row_of(module, RUST_ROWS)
    assert upward(imports, RUST_ROWS) == []
    assert circle(imports) is None


def test_python_imports_point_down():
    imports: dict[str, set[str]] = {}
    for path in python_files():
        module = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if module not in {"__init__", "__main__"}:
            row_of(module, PYTHON_ROWS)
            imports.setdefault(module, set()).update(python_imports(path) - {module})
    roots = [module for module, names in imports.items() if "__init__" in names]
    assert roots == [], "import the module that defines the name, not the package: it is still being imported"
    assert upward(imports, PYTHON_ROWS) == []
    assert circle(imports) is None


APART = ("admin", "cli", "integrations", "testing")


@pytest.mark.parametrize("module", APART)
def test_what_users_choose_from_does_not_depend_on_each_other(module: str):
    files = [path for path in python_files() if path.relative_to(PACKAGE).parts[0] == module]
    assert files
    for path in files:
        others = set(APART) - {module}
        assert not python_imports(path) & others, path


# The one call outside the boundary that is unsafe: it opens LMDB.
OPENS_LMDB = SRC / "far" / "fs" / "open.rs"


def test_one_call_outside_the_boundary_is_unsafe():
    assert len(re.findall(r"\bunsafe\b", rust_code(OPENS_LMDB))) == 1


@pytest.mark.parametrize("word", ["pyo3", "pythonize", "unsafe"])
def test_only_the_boundary_knows_python(word: str):
    allowed = {OPENS_LMDB} if word == "unsafe" else set()
    outside = [path for path in rust_files() if rust_module(path)[0] != "python" and path not in allowed]
    named = [str(path.relative_to(ROOT)) for path in outside if re.search(rf"\b{word}\b", rust_code(path))]
    assert named == []


def test_long_files_say_why():
    patterns = ("src/**/*.rs", "python/**/*.py*", "tests/**/*.py", "benches/**/*", "examples/**/*.py", "tools/**/*")
    for pattern in patterns:
        for path in ROOT.glob(pattern):
            if path.suffix not in {".rs", ".py", ".pyi"}:
                continue
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) > MAX_LINES:
                top = "\n".join(lines[:15])
                assert LONG_REASON.search(top), f"{path.relative_to(ROOT)} has {len(lines)} lines and gives no reason"


def child(code: str) -> str:
    """What a fresh, isolated interpreter prints."""
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.skipif(not (PACKAGE / "__init__.py").exists(), reason="the package is not there")
def test_import_brings_nothing_third_party_and_starts_nothing():
    code = (
        "import sys, threading; before = set(sys.modules); from omnicache import *\n"
        "known = sys.stdlib_module_names | {'omnicache'}\n"
        "print(sorted(n for n in set(sys.modules) - before if n.partition('.')[0] not in known))\n"
        "print(threading.active_count())"
    )
    assert child(code) == "[]\n1"


# --- the reader itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ("slab::Slab;", ["slab"]),
        ("{slab::{Slab, List}, policy, shard::Shard};", ["slab", "policy", "shard"]),
        ("{\n    entry::Entry,\n};", ["entry"]),
    ],
)
def test_use_trees_are_read(tree: str, names: list[str]):
    assert list(first_names(tree)) == names


def test_circles_are_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) is None


@pytest.mark.parametrize("module", ["cache", "registry", "decorators", "_far.base", "integrations.fastapi", "testing"])
def test_a_module_that_is_imported_alone_has_whole_caches(module: str):
    code = (
        f"import omnicache.{module}, tempfile; from omnicache.cache import Cache\n"
        "with tempfile.TemporaryDirectory() as place, Cache('a') as near, Cache('b', backend='file:' + place) as far:\n"
        "    print([cache.cached(abs)(-1) for cache in (near, far)])"
    )
    assert child(code) == "[1, 1]"


def test_importing_the_package_loads_nothing_before_it_is_needed():
    code = (
        "import sys, omnicache; print('omnicache._omnicache' in sys.modules); omnicache.Cache; print(omnicache.nothing)"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert run.stdout == "False\n"
    assert "module 'omnicache' has no attribute 'nothing'" in run.stderr
