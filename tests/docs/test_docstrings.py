"""Every public name has a docstring, and every example in one runs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import omnicache

PACKAGE = Path(omnicache.__file__).parent
FOUND = {f"omnicache.{found.name}" for found in pkgutil.walk_packages([str(PACKAGE)])}
MODULES = sorted({"omnicache", *FOUND} - {"omnicache.__main__"})
SOURCES = sorted(path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyi"})
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
Written = tuple[str, str, int]  # the name of a thing, its docstring, the line


def written_in(path: Path) -> Iterator[Written]:
    """The docstrings that a source file holds where no object carries them: below attributes, and all of a stub's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if path.suffix == ".pyi" and isinstance(node, DOCUMENTED):
            yield getattr(node, "name", path.stem), ast.get_docstring(node) or "", getattr(node, "lineno", 1)
        for above, below in pairwise(node.body if isinstance(node, ast.Module | ast.ClassDef) else []):
            match above, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    yield name, text, below.lineno


def docstrings() -> Iterator[doctest.DocTest]:
    """Every docstring of the package, compiled ones included, and those that only a source file has."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in MODULES:
        yield from finder.find(importlib.import_module(name), name)
    parser = doctest.DocTestParser()
    for path in SOURCES:
        for name, text, line in written_in(path):
            yield parser.get_doctest(inspect.cleandoc(text), {}, f"{path.stem}.{name}", str(path), line)


ALL = sorted({(test.name, test.docstring): test for test in docstrings()}.values(), key=lambda test: test.name)
BLOCKS = [(test.name, code) for test in ALL for code in BLOCK.findall(inspect.cleandoc(test.docstring))]


@pytest.mark.parametrize("test", [test for test in ALL if test.examples], ids=lambda test: test.name)
def test_examples_run(test: doctest.DocTest):
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)


@pytest.mark.parametrize(("name", "code"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_fenced_examples_run(name: str, code: str):
    exec(compile(code, name, "exec", dont_inherit=True), dict(vars(omnicache)))


CONSTANTS = {name for path in SOURCES for name, text, _ in written_in(path) if text}


def public() -> Iterator[tuple[str, object]]:
    """The public names, with the public methods and properties of the classes among them."""
    for name in omnicache.__all__:
        if name.startswith("__"):
            continue
        thing = getattr(omnicache, name)
        yield name, thing
        if inspect.isclass(thing) and thing.__module__.startswith("omnicache"):
            for attribute in dir(thing):
                member = inspect.getattr_static(thing, attribute)
                documented = callable(member) or isinstance(member, property | classmethod | staticmethod)
                inherited = any(attribute in vars(base) for base in (object, BaseException, tuple, Exception))
                if not attribute.startswith("_") and documented and not inherited:
                    yield f"{name}.{attribute}", getattr(thing, attribute)


@pytest.mark.parametrize(("name", "thing"), list(public()), ids=[name for name, _ in public()])
def test_public_names_are_documented(name: str, thing: object):
    if callable(thing) or isinstance(thing, property):
        assert inspect.getdoc(thing), f"{name} has no docstring"
    else:
        assert name in CONSTANTS, f"{name} has no docstring below it"


@pytest.mark.parametrize("name", [name for name in omnicache.__all__ if callable(getattr(omnicache, name))])
def test_public_classes_and_functions_show_an_example(name: str):
    thing = getattr(omnicache, name)
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        pytest.skip("an error says when it is raised")
    shown = inspect.getdoc(thing) or ""
    assert ">>>" in shown or BLOCK.search(shown), f"{name} shows no example"


OPERATIONS = [
    name for name in dir(omnicache.Cache) if not name.startswith("_") and callable(getattr(omnicache.Cache, name))
]
TWINS = {name for name in OPERATIONS if name[0] == "a" and name[1:] in OPERATIONS}
NEVER_RAISE = {"off", "stats", "reset_stats", "close"}


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - TWINS))
def test_every_operation_shows_an_example_and_what_it_raises(name: str):
    shown = inspect.getdoc(getattr(omnicache.Cache, name)) or ""
    assert ">>>" in shown
    assert "Raises:" in shown or name in NEVER_RAISE or "see :func:`omnicache.cached`" in shown


CORE = {
    name: text
    for path in SOURCES
    if path.suffix == ".pyi"
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef) and node.name == "Core"
    for name, text in (
        (method.name, ast.get_docstring(method)) for method in node.body if isinstance(method, DOCUMENTED)
    )
    if text and not name.startswith("_")
}


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_stub_says_what_the_compiled_module_says(name: str):
    method = getattr(omnicache.Cache if name in {"get", "set"} else omnicache.Cache.__mro__[-2], name)
    assert inspect.getdoc(method) == CORE[name]
