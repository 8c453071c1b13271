"""The standard library of this interpreter: which modules it has, what each contains, what each imports."""

import ast
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path(sysconfig.get_path("stdlib"))
ELSEWHERE = {"site-packages", "dist-packages", "lib-dynload"}  # inside the folder, but not the library


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the demo wants to know of a module: this takes milliseconds to find out, so it is worth keeping."""

    module: str
    lines: int
    definitions: int
    names: int
    favourite: str


def find_modules() -> dict[str, Path]:
    """The source file of every module of the library, by the module's name."""
    modules = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        parts = path.relative_to(LIBRARY).with_suffix("").parts
        if not ELSEWHERE.intersection(parts):
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules[name] = path
    return modules


def analyse(module: str, source: Path | None) -> Analysis:
    """Parse a module and count its lines, definitions and names; a built-in module has no source to look at."""
    if source is None:
        return Analysis(module, 0, 0, 0, "")
    text = source.read_bytes()
    definitions = 0
    names: Counter[str] = Counter()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            names[node.id] += 1
        elif isinstance(node, ast.Attribute):
            names[node.attr] += 1
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions += 1
    favourite = max(names, key=lambda name: (names[name], name), default="")
    return Analysis(module, text.count(b"\n"), definitions, len(names), favourite)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement of a module, however deep; expressions hold no imports and are not walked."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, field, []))
        for holder in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from statements(holder.body)


def imports_of(module: str, source: Path) -> list[list[str]] | None:
    """What each import statement of a source file asks for, as absolute names; None if the file is broken on purpose.

    `import a.b` asks for `a` and `a.b`, as the import system does; `from m import x` asks for `m`, and for `m.x` in
    case that is a module: the caller knows.
    """
    package = module.split(".") if source.name == "__init__.py" else module.split(".")[:-1]
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return None
    found: list[list[str]] = []
    for node in statements(tree.body):
        if isinstance(node, ast.Import):
            found.append([name for alias in node.names for name in with_parents(alias.name)])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            found.append(with_parents(origin) + [f"{origin}.{alias.name}" for alias in node.names])
    return found


def with_parents(name: str) -> list[str]:
    """The packages on the way to a module, and the module.

    >>> with_parents("os.path")
    ['os', 'os.path']
    """
    parts = name.split(".") if name else []
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def is_built_in(name: str) -> bool:
    """Whether a module belongs to the library without having a source file, as `sys` or `_ssl` do."""
    return name in sys.stdlib_module_names
