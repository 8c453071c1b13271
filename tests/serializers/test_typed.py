"""Values of a type come back as they were."""

import datetime as dt
import ipaddress
import pathlib
import subprocess
import sys
import typing
import uuid
from dataclasses import dataclass, field, make_dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Optional, TypedDict, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from omnicache.exceptions import CacheConfigError, CacheSerializationError
from omnicache.serializers import Typed
from tests.serializers.shapes import (
    Address,
    Box,
    Color,
    Everything,
    Frozen,
    Linked,
    Movie,
    Numbers,
    Page,
    Pair,
    Person,
    Plain,
    Point,
    Runs,
    Secret,
    Tree,
    UserId,
)


def again(of: Any, value: Any) -> Any:
    """The value after a trip through bytes; the type of each part is that of before."""
    typed = Typed(of)
    made = typed.loads(typed.dumps(value), typed.fingerprint)
    assert made == value
    assert type(made) is type(value)
    return made


def everything(**changes: Any) -> Everything:
    ann, fred = Plain(1), Frozen(UserId(2), frozenset({"a"}))
    fields: dict[str, Any] = {
        "seed": 5, "plain": ann, "frozen": fred, "point": Point(1, -0.0), "pair": Pair([1], None), "color": Color.BLUE,
        "when": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "price": Decimal("1.10"), "key": uuid.UUID(int=3),
        "path": pathlib.PurePosixPath("/a/b"), "here": pathlib.Path("c"), "address": ipaddress.IPv4Address("127.0.0.1"),
        "many": [ann, Plain(2, "bob")], "seen": {fred}, "by_name": {"a": ann, "b": None},
        "by_frozen": {fred: [Point(1), Point(2)]}, "row": (1, ann, "x"), "rows": (fred, fred), "either": fred,
        "sequence": (ann,), "mapping": {"p": Point(3)}, "word": "a", "noted": [ann], "anything": {"x": (1, {2})},
    }  # fmt: skip
    return Everything(**{**fields, **changes})


def test_a_dataclass_with_everything() -> None:
    value = everything()
    made = again(Everything, value)
    assert made.runs == 1, "__post_init__ ran when the value was made, and not again"
    assert made.made == 5
    for name, part in vars(value).items():
        assert type(getattr(made, name)) is type(part), name
    assert type(made.many[0]) is Plain
    assert type(made.pair) is Pair
    assert str(made.point.y) == "-0.0"
    for either in (Plain(1), Frozen(UserId(1)), 7, None):
        assert type(again(Everything, everything(either=either)).either) is type(either)
    assert type(again(Everything, everything(sequence=[Plain(1)])).sequence) is list


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (list[Plain], [Plain(1), Plain(2)]),
        (list[Plain], []),
        (dict[str, list[Plain]], {"a": [Plain(1)], "b": []}),
        (Plain | None, None),
        (Optional[Plain], Plain(1)),  # noqa: UP045
        (Union[Plain, list[Frozen]], [Frozen(UserId(1))]),  # noqa: UP007
        (tuple[Point, ...], (Point(1), Point(2))),
        (tuple[()], ()),
        (Point, Point(1, 2.5)),
        (Pair, Pair(1, [2])),
        (Movie, {"title": "x", "lead": Plain(1)}),
        (Movie, {"year": 1999, "lead": Plain(1), "title": "x"}),
        (list[Movie], [{"title": "x", "lead": Plain(1)}]),
        (Tree, Tree(1, [Tree(2), Tree(3, [Tree(4)])], Tree(0))),
        (Box[int], Box(5)),
        (Box[Plain], Box(Plain(1))),
        (Box[list[Box[Plain]]], Box([Box(Plain(1))])),
        (Person, Person(id=1, fullName="x", address=Address(street="s"), colors={Color.RED})),
        (list[Person], [Person(id=1)]),
        (dict[uuid.UUID, Person], {uuid.UUID(int=1): Person(id=1)}),
        (Numbers, Numbers([1, 2])),
        (Page[Person], Page[Person](items=[Person(id=1)])),
        (Page[int], Page[int](items=[1])),
        (int, 5),
        (dict, {"a": 1}),
        (Any, {"a": (1, 2)}),
        (list[int], [1, 2]),
        (Color, Color.RED),
        (UserId, 5),
        (typing.Literal[1, "a"], "a"),
        (set[frozenset[int]], {frozenset({1})}),
        (dt.datetime, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        (pathlib.PurePath, pathlib.PurePath("a")),
    ],
    ids=lambda part: str(part)[:40],
)
def test_types_and_generics_of_them(of: Any, value: Any) -> None:
    again(of, value)


def test_the_order_of_a_typed_dict_is_kept() -> None:
    made = again(Movie, {"year": 1999, "lead": Plain(1), "title": "x"})
    assert list(made) == ["year", "lead", "title"]


@given(
    st.recursive(
        st.builds(Tree, st.integers()), lambda inner: st.builds(Tree, st.integers(), st.lists(inner)), max_leaves=20
    )
)
def test_any_tree(tree: Tree) -> None:
    again(Tree, tree)


def test_models_keep_what_they_hold_beside_their_fields() -> None:
    value = Runs(text="hey", more=[1, {"x": 2}])  # type: ignore[call-arg]
    value._secret = 7
    made = again(Runs, value)
    assert made.text == "hey!", "the validator ran when the value was made, and not again"
    assert made._secret == 7
    assert made.model_extra == {"more": [1, {"x": 2}]}
    assert made.model_fields_set == value.model_fields_set == {"text", "more"}
    assert not hasattr(made, "_unset")
    assert again(Runs, Runs(text="a")).model_extra == {}
    person = again(Person, Person(id=1))
    assert person.model_fields_set == {"id"}
    assert person.model_dump(exclude_unset=True) == {"id": 1}
    again(Person, Person.model_construct(id="not an int"))


def test_types_that_only_pydantic_knows() -> None:
    linked = again(Linked, Linked(url="https://example.org/a?b=c", home="/x"))  # type: ignore[arg-type]
    assert type(linked.url) is type(Linked(url="https://example.org", home="/").url)  # type: ignore[arg-type]
    with pytest.raises(CacheSerializationError) as caught:
        Typed(Secret).dumps(Secret(password="hidden"))  # type: ignore[arg-type]
    assert caught.value.path == ".password"
    assert "does not return as it was" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_subclass_is_not_its_base() -> None:
    class More(Plain):
        pass

    for of, value in ((Plain, More(1)), (list[Plain], [More(1)]), (Box[int], 5), (Person, Address(street="s"))):
        with pytest.raises(CacheSerializationError, match="give the cache the type it really holds"):
            Typed(of).dumps(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"title": "x"}, "lacks the key 'lead'"),
        ({"title": "x", "lead": Plain(1), "more": 1}, "has a key 'more'"),
        ([], "is of type list, not a dict like"),
    ],
)
def test_a_dict_of_another_shape(value: Any, said: str) -> None:
    with pytest.raises(CacheSerializationError, match=said):
        Typed(Movie).dumps(value)


def test_fields_that_are_not_set_stay_so() -> None:
    @dataclass
    class Half:
        a: int
        b: int = field(init=False)

    typed = Typed(Half)
    made = typed.loads(typed.dumps(Half(1)))
    assert vars(made) == {"a": 1}


class Opaque:
    pass


def with_field(annotation: Any) -> Any:
    return make_dataclass("Made", [("id", int), ("field", annotation)])


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (with_field(Opaque), "Made.field is tests.serializers.test_typed.Opaque, which has no form to be stored in"),
        (list[Opaque], "list[tests.serializers.test_typed.Opaque][...] is"),
        (dict[str, with_field(list[Opaque])], "Made.field[...] is"),
        (Opaque, "tests.serializers.test_typed.Opaque is"),
        (with_field("Nowhere"), "cannot be resolved: name 'Nowhere' is not defined"),
        (5, "5 is"),
    ],
)
def test_types_without_a_form(of: Any, said: str) -> None:
    with pytest.raises(CacheConfigError) as caught:
        Typed(of)
    assert said in str(caught.value)


def test_enums_are_collected_from_annotations() -> None:
    again(dict[Color, list[Color]], {Color.RED: [Color.BLUE]})
    with pytest.raises(CacheSerializationError, match="was not given"):
        Typed(Any).dumps(Color.RED)
    assert Typed(Any, enums=[Color]).loads(Typed(Any, enums=[Color]).dumps(Color.RED)) is Color.RED


# --- without pydantic -------------------------------------------------------------------------------------------------

ALONE = """
import sys
class No:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pydantic":
            raise ImportError("it is not installed")
sys.meta_path.insert(0, No())
from dataclasses import dataclass
from typing import NamedTuple, TypedDict
from omnicache.serializers import Typed
@dataclass
class User:
    id: int
class Point(NamedTuple):
    at: User
class Row(TypedDict):
    point: Point
typed = Typed(dict[str, list[Row]])
value = {"a": [{"point": Point(User(1))}]}
assert typed.loads(typed.dumps(value), typed.fingerprint) == value
assert not [name for name in sys.modules if name.startswith("pydantic")]
print(typed.fingerprint.hex())
"""


def test_without_pydantic() -> None:
    run = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr

    one = make_dataclass("User", [("id", int)])

    class Inner(NamedTuple):
        at: one  # type: ignore[valid-type]

    class Row(TypedDict):
        point: Inner

    assert Typed(dict[str, list[Row]]).fingerprint.hex() == run.stdout.strip()


def test_nothing_third_party_is_imported() -> None:
    code = (
        "import sys; import omnicache.serializers as s; s.Typed(list[int]); s.serializer_from('json');"
        "print([n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names | {'omnicache'}])"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                         capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
    assert set(eval(run.stdout)) <= {"__main__"}


def test_models_and_dataclasses_in_each_other() -> None:
    class Inner(BaseModel):
        at: Point

    outer = make_dataclass("Outer", [("inner", dict[str, Inner])])
    again(outer, outer({"a": Inner(at=Point(1))}))
    assert repr(Typed(list[Plain])) == f"Typed({list[Plain]})"
    assert (Typed(int).name, Typed(int).code, Typed(int).of) == ("typed", 5, int)
