"""The shape of a type has a fingerprint: a changed type is noticed, and old values can be carried over."""

import os
import pathlib
import subprocess
import sys
import typing
from dataclasses import dataclass, field, make_dataclass
from typing import Any, NamedTuple, Optional, TypedDict, Union

import pytest
from pydantic import create_model

from omnicache.exceptions import CacheConfigError, CacheSerializationError, SchemaMismatch
from omnicache.serializers import Native, Typed
from tests.serializers.shapes import (
    Color,
    Frozen,
    Linked,
    Movie,
    Person,
    Plain,
    Point,
    Tree,
    UserId,
)


def shape(*fields: Any) -> bytes:
    return Typed(make_dataclass("Made", fields)).fingerprint


BASE = shape(("id", int), ("name", str))


@pytest.mark.parametrize(
    "fields",
    [
        [("id", int)],
        [("id", int), ("name", str), ("more", int)],
        [("id", int), ("title", str)],
        [("id", str), ("name", str)],
        [("id", int), ("name", str | None)],
        [("id", int), ("name", list[str])],
        [("id", int), ("name", Any)],
        [("id", int), ("name", Color)],
        [("id", int), ("name", Plain)],
    ],
)
def test_a_changed_shape_has_another_fingerprint(fields: list[Any]) -> None:
    assert shape(*fields) != BASE


@pytest.mark.parametrize(
    "fields",
    [
        [("name", str), ("id", int)],
        [("id", int, 5), ("name", str, "x")],
        [("id", UserId), ("name", typing.Annotated[str, "noted"])],
        [("id", int, field(default_factory=int)), ("name", str, field(default="", repr=False))],
        [("id", "int"), ("name", typing.Final[str])],
    ],
)
def test_what_is_no_shape_does_not_change_it(fields: list[Any]) -> None:
    assert shape(*fields) == BASE


def test_nested_types_are_part_of_the_shape() -> None:
    def nested(*fields: Any) -> bytes:
        inner = make_dataclass("Inner", fields)
        return Typed(dict[str, list[make_dataclass("Outer", [("inner", inner | None)])]]).fingerprint  # type: ignore[misc]

    assert nested(("a", int)) == nested(("a", int, 5))
    assert len({nested(("a", int)), nested(("a", str)), nested(("b", int)), nested(("a", int), ("b", int))}) == 4


def test_the_same_union_is_written_in_many_ways() -> None:
    same = [int | None, Optional[int], Union[None, int], None | int]  # noqa: UP007, UP045
    assert len({Typed(of).fingerprint for of in same}) == 1
    assert Typed(int | str).fingerprint == Typed(str | int).fingerprint
    assert Typed(typing.List[int]).fingerprint == Typed(list[int]).fingerprint  # noqa: UP006
    assert Typed(Plain | Frozen).fingerprint != Typed(Frozen | Plain).fingerprint, "the number of each is stored"


def test_kinds_of_types_differ() -> None:
    class Tup(NamedTuple):
        id: int

    class Dic(TypedDict):
        id: int

    class Opt(TypedDict, total=False):
        id: int

    model = create_model("Mod", id=(int, ...))
    assert len({Typed(of).fingerprint for of in (make_dataclass("D", [("id", int)]), Tup, Dic, Opt, model)}) == 5


def test_recursive_types_have_one() -> None:
    assert len(Typed(Tree).fingerprint) == 8
    assert Typed(Tree).fingerprint != Typed(Plain).fingerprint


FINGERPRINTS = """
from tests.serializers.shapes import *
from omnicache.serializers import Typed
for of in (Everything, Tree, Movie, Person, Page[Person], Box[list[Plain]], Plain | Frozen | None, set[str] | int):
    print(Typed(of).fingerprint.hex())
"""


def test_the_same_in_every_process() -> None:
    root = str(pathlib.Path(__file__).parent.parent.parent)
    outputs = set()
    for seed in ("0", "7", "123"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
        command = [sys.executable, "-c", FINGERPRINTS]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        outputs.add(run.stdout)
    assert len(outputs) == 1
    assert len(set(outputs.pop().split())) == 8


def test_fingerprints_do_not_change_between_versions() -> None:
    """Changing one makes a miss of every stored value of the type."""
    assert Typed(Plain).fingerprint.hex() == "309c1fe433b767c2"
    assert Typed(list[Tree]).fingerprint.hex() == "b746ee8a6dec7075"


# --- another shape ----------------------------------------------------------------------------------------------------

Old = make_dataclass("User", [("id", int), ("name", str)])


@dataclass
class User:
    id: int
    first: str
    last: str


OLD_BYTES, OLD_FINGERPRINT = Typed(list[Old]).dumps([Old(1, "Ada Lovelace")]), Typed(list[Old]).fingerprint  # type: ignore[valid-type]


def test_another_shape_is_a_mismatch() -> None:
    with pytest.raises(SchemaMismatch, match=f"{OLD_FINGERPRINT.hex()}, now {Typed(list[User]).fingerprint.hex()}"):
        Typed(list[User]).loads(OLD_BYTES, OLD_FINGERPRINT)
    with pytest.raises(CacheSerializationError, match=r"a field 'name' that .*User does not have"):
        Typed(list[User]).loads(OLD_BYTES)


def test_migration() -> None:
    seen = []

    def migrate(old: Any, fingerprint: bytes) -> list[User]:
        seen.append((old, fingerprint))
        return [User(user["id"], *user["name"].split()) for user in old]

    users = Typed(list[User], migrate=migrate)
    assert users.loads(OLD_BYTES, OLD_FINGERPRINT) == [User(1, "Ada", "Lovelace")]
    assert seen == [([{"id": 1, "name": "Ada Lovelace"}], OLD_FINGERPRINT)]
    assert users.loads(users.dumps([User(1, "a", "b")]), users.fingerprint) == [User(1, "a", "b")]
    assert len(seen) == 1


def test_a_migration_that_fails() -> None:
    def gives_up(old: Any, fingerprint: bytes) -> Any:
        raise SchemaMismatch("too old")

    def breaks(old: Any, fingerprint: bytes) -> Any:
        raise KeyError("name")

    for migrate, error, said in (
        (gives_up, SchemaMismatch, "too old"),
        (breaks, CacheSerializationError, "could not be migrated: KeyError"),
        (lambda old, fingerprint: old, CacheSerializationError, "could not be migrated: is of type dict"),
    ):
        with pytest.raises(error, match=said):
            Typed(list[User], migrate=migrate).loads(OLD_BYTES, OLD_FINGERPRINT)
    with pytest.raises(CacheConfigError, match="migrate"):
        Typed(User, migrate=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "plain"),
    [
        (Plain, 5),
        (Plain, {"id": 1, "other": 2}),
        (list[Plain], {"id": 1}),
        (list[Plain], [5]),
        (tuple[int, Plain], (1,)),
        (tuple[int, Plain], [1, {"id": 1}]),
        (dict[str, Plain], []),
        (dict[Frozen, int], [[{"id": 1}]]),
        (dict[Frozen, int], {}),
        (Plain | Frozen, {"id": 1}),
        (Plain | Frozen, [2, {}]),
        (Plain | Frozen, [True, {}]),
        (Plain | Frozen, ["0", {}]),
        (Point, {"x": 1}),
        (Movie, {"title": "x"}),
        (Movie, {"title": "x", "lead": {"id": 1}, "z": 1}),
        (Person, {"id": 1, None: 5}),
        (Person, {"id": 1, None: {"unset": 5}}),
        (pathlib.PurePosixPath, 5),
        (Linked, {"url": "not a url", "home": "/"}),
        (set[Frozen], 7),
    ],
    ids=str,
)
def test_bytes_of_another_structure(of: Any, plain: Any) -> None:
    with pytest.raises(CacheSerializationError, match="bytes are not a value of"):
        Typed(of).loads(Native().dumps(plain))
