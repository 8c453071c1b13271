"""Every public name has a docstring, and every example in one runs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import omnicache

PACKAGE = Path(omnicache.__file__).parent
FOUND = {f"omnicache.{found.name}" for found in pkgutil.walk_packages([str(PACKAGE)])}
MODULES = sorted({"omnicache", *FOUND} - {"omnicache.__main__"})
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples() -> Iterator[doctest.DocTest]:
    """The examples in the package's docstrings, compiled ones included, and those in the stub."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in MODULES:
        module = importlib.import_module(name)
        yield from (test for test in finder.find(module, name) if test.examples)
    parser = doctest.DocTestParser()
    for stub in sorted(PACKAGE.rglob("*.pyi")):
        for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                name = f"{stub.name}:{getattr(node, 'name', '')}"
                test = parser.get_doctest(text, dict(vars(omnicache)), name, str(stub), getattr(node, "lineno", 0))
                if test.examples:
                    yield test


ALL = sorted({(test.name, test.docstring): test for test in examples()}.values(), key=lambda test: test.name)


@pytest.mark.parametrize("test", ALL, ids=lambda test: test.name)
def test_examples_run(test: doctest.DocTest):
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)


def public() -> Iterator[tuple[str, object]]:
    """The public names, with the public methods and properties of the classes among them."""
    for name in omnicache.__all__:
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
    assert inspect.getdoc(thing), f"{name} has no docstring"


@pytest.mark.parametrize("name", [name for name in omnicache.__all__ if callable(getattr(omnicache, name))])
def test_public_classes_and_functions_show_an_example(name: str):
    thing = getattr(omnicache, name)
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        pytest.skip("an error says when it is raised")
    assert ">>>" in (inspect.getdoc(thing) or ""), f"{name} shows no example"
