"""Shapes: how values of a type become plain ones that the native serializer writes, and values of the type again.

A shape checks what it needs to be right, which is the structure; a plain part comes back as it was, whatever the
annotation says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from omnicache.exceptions import CacheSerializationError

from ._find import step

T = TypeVar("T")
Part = tuple[str, "Shape", Any]
"""How a path leads to a part of a value, the shape of the part, the part."""


def wrong(problem: str) -> CacheSerializationError:
    """The error about a part; where it is, is found afterwards."""
    return CacheSerializationError(problem, "")


def type_name(cls: object) -> str:
    """The name of a type as messages show it."""
    if not isinstance(cls, type):
        return str(cls)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def not_a(value: object, expected: str) -> CacheSerializationError:
    """The error about a value that is of another type than its annotation says."""
    return wrong(f"is of type {type_name(type(value))}, not {expected}; give the cache the type it really holds")


class Shape:
    """A shape; the base of all."""

    plain: bool = False
    """Whether the plain form is the value itself."""

    inner: tuple[Shape, ...] = ()
    """The shapes of the parts, where their number is known."""

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """What the fingerprint is made of; `outer` are the records around this shape."""
        raise NotImplementedError

    def accepts(self, value: object) -> bool:
        """Whether `value` is of the type, looking no further than its outside."""
        raise NotImplementedError

    def check(self, value: Any) -> None:
        """Raises if `value` itself, apart from its parts, cannot become plain."""
        if not self.accepts(value):
            raise not_a(value, self.text())

    def parts(self, value: Any) -> Iterator[Part]:
        """What `value` is made of."""
        raise NotImplementedError

    def to_plain(self, value: Any) -> Any:
        """The plain form of `value`."""
        raise NotImplementedError

    def from_plain(self, plain: Any) -> Any:
        """The value of a plain form; raises if it is none."""
        raise NotImplementedError


def expect(plain: object, cls: type[T], what: str) -> T:
    """`plain`, if it is exactly a `cls`; raises if not."""
    if type(plain) is not cls:
        raise wrong(f"a {type_name(type(plain))} stands where a {what} should be")
    return plain


def two(plain: object, what: str) -> tuple[Any, Any]:
    """The two items of a list that must have two."""
    pair = expect(plain, list, what)
    if len(pair) != 2:  # noqa: PLR2004 - a pair
        raise wrong(f"a list of {len(pair)} stands where a {what} should be")
    return pair[0], pair[1]


class Plain(Shape):
    """What the native serializer writes by itself."""

    plain = True

    def __init__(self, name: str, *types: type) -> None:
        self._name = name
        self._types = types  # none: any

    def text(self, outer: tuple[Shape, ...] = ()) -> str:  # noqa: ARG002
        """Its name."""
        return self._name

    def accepts(self, value: object) -> bool:
        """Whether it is one of the types."""
        return not self._types or type(value) in self._types

    def check(self, value: Any) -> None:
        """What is wrong with it the native serializer says."""

    def parts(self, value: Any) -> Iterator[Part]:  # noqa: ARG002
        """None: the native serializer looks at them."""
        return iter(())

    def to_plain(self, value: Any) -> Any:
        """The value itself."""
        return value

    def from_plain(self, plain: Any) -> Any:
        """The value itself."""
        return plain

    @property
    def types(self) -> tuple[type, ...]:
        """The types of its values; none if any."""
        return self._types


class Items(Shape):
    """Containers of any number of items: lists, tuples, sets."""

    def __init__(self, name: str, kinds: tuple[type, ...], item: Shape) -> None:
        self._name, self._kinds, self._item = name, kinds, item
        self.inner = (item,)

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """Such as ``list[int]``."""
        return f"{self._name}[{self._item.text(outer)}]"

    def accepts(self, value: object) -> bool:
        """Whether it is such a container."""
        return type(value) in self._kinds

    def parts(self, value: Any) -> Iterator[Part]:
        """The items."""
        members = type(value) in {set, frozenset}
        for at, item in enumerate(value):
            yield "{...}" if members else f"[{at}]", self._item, item

    def to_plain(self, value: Any) -> Any:
        """The container of plain items; a list for a set, as plain forms may have no hash."""
        self.check(value)
        to_plain = self._item.to_plain
        if type(value) is tuple:
            return tuple([to_plain(item) for item in value])
        return [to_plain(item) for item in value]

    def from_plain(self, plain: Any) -> Any:
        """The container of the items."""
        kind = type(plain) if type(plain) in self._kinds else self._kinds[0]
        expect(plain, tuple if kind is tuple else list, self._name)
        from_plain = self._item.from_plain
        return kind([from_plain(item) for item in plain])


class Row(Shape):
    """Tuples of a fixed length, each place with a type of its own."""

    def __init__(self, places: tuple[Shape, ...]) -> None:
        self.inner = places

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """Such as ``tuple[int, str]``."""
        return f"tuple[{', '.join(place.text(outer) for place in self.inner)}]"

    def accepts(self, value: object) -> bool:
        """Whether it is a tuple of the length."""
        return type(value) is tuple and len(value) == len(self.inner)

    def parts(self, value: Any) -> Iterator[Part]:
        """The items."""
        for at, (place, item) in enumerate(zip(self.inner, value, strict=True)):
            yield f"[{at}]", place, item

    def to_plain(self, value: Any) -> Any:
        """The tuple of plain items."""
        self.check(value)
        return tuple([place.to_plain(item) for place, item in zip(self.inner, value, strict=True)])

    def from_plain(self, plain: Any) -> Any:
        """The tuple of the items."""
        plain = expect(plain, tuple, self.text())
        if len(plain) != len(self.inner):
            raise wrong(f"a tuple of {len(plain)} stands where one of {len(self.inner)} should be")
        return tuple([place.from_plain(item) for place, item in zip(self.inner, plain, strict=True)])


class Table(Shape):
    """Dicts whose keys have one type, and whose values have one."""

    def __init__(self, key: Shape, value: Shape) -> None:
        self._key, self._value = key, value
        self.inner = (key, value)

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """Such as ``dict[str, int]``."""
        return f"dict[{self._key.text(outer)}, {self._value.text(outer)}]"

    def accepts(self, value: object) -> bool:
        """Whether it is a dict."""
        return type(value) is dict

    def parts(self, value: Any) -> Iterator[Part]:
        """The keys and the values."""
        for key, item in value.items():
            yield ".keys()", self._key, key
            yield step(key), self._value, item

    def to_plain(self, value: Any) -> Any:
        """The dict of plain values; a list of pairs where keys are not plain, as plain forms may have no hash."""
        self.check(value)
        if self._key.plain:
            return {key: self._value.to_plain(item) for key, item in value.items()}
        return [[self._key.to_plain(key), self._value.to_plain(item)] for key, item in value.items()]

    def from_plain(self, plain: Any) -> Any:
        """The dict of the values."""
        if self._key.plain:
            expect(plain, dict, "dict")
            return {key: self._value.from_plain(item) for key, item in plain.items()}
        pairs = [two(pair, "key and its value") for pair in expect(plain, list, "dict")]
        return {self._key.from_plain(key): self._value.from_plain(item) for key, item in pairs}


class Choice(Shape):
    """One of several types: the plain form is the number of the type and the plain form of the value; None is None."""

    def __init__(self, options: list[Shape], *, optional: bool) -> None:
        self._options, self._optional = options, optional

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """Such as ``int | None``."""
        names = [option.text(outer) for option in self._options]
        return " | ".join(names + ["None"] * self._optional)

    def _find(self, value: object) -> int | None:
        """The number of the option that takes `value`, those that take anything last."""
        for anything in (False, True):
            for at, option in enumerate(self._options):
                takes_all = isinstance(option, Plain) and not option.types
                if takes_all is anything and option.accepts(value):
                    return at
        return None

    def accepts(self, value: object) -> bool:
        """Whether one of them does."""
        return (value is None and self._optional) or self._find(value) is not None

    def parts(self, value: Any) -> Iterator[Part]:
        """The value, as the option that takes it sees it."""
        at = self._find(value)
        if at is not None and not (value is None and self._optional):
            yield "", self._options[at], value

    def to_plain(self, value: Any) -> Any:
        """None, the plain form of the only option, or a number and the plain form of that option."""
        if value is None and self._optional:
            return None
        at = self._find(value)
        if at is None:
            raise not_a(value, self.text())
        plain = self._options[at].to_plain(value)
        return plain if len(self._options) == 1 else [at, plain]

    def from_plain(self, plain: Any) -> Any:
        """The value of the option."""
        if plain is None and self._optional:
            return None
        if len(self._options) == 1:
            return self._options[0].from_plain(plain)
        number, inner = two(plain, "number of a type and a value")
        if type(number) is not int or not 0 <= number < len(self._options):
            raise wrong(f"{number!r} stands where the number of a type should be")
        return self._options[number].from_plain(inner)


class Text(Shape):
    """A type of the standard library that its text says all about: a path, an address."""

    def __init__(self, name: str, cls: type, made_as: type) -> None:
        self._name, self._cls, self._made_as = name, cls, made_as

    def text(self, outer: tuple[Shape, ...] = ()) -> str:  # noqa: ARG002
        """Its name."""
        return self._name

    def accepts(self, value: object) -> bool:
        """Whether it is of exactly the type that the class makes here."""
        return type(value) is self._made_as

    def parts(self, value: Any) -> Iterator[Part]:  # noqa: ARG002
        """None."""
        return iter(())

    def to_plain(self, value: Any) -> Any:
        """Its text."""
        self.check(value)
        return str(value)

    def from_plain(self, plain: Any) -> Any:
        """The value of the text."""
        expect(plain, str, "text")
        return self._cls(plain)


class Adapter(Protocol):
    """The part of pydantic's ``TypeAdapter`` that is used."""

    def dump_python(self, value: Any, /, *, mode: str) -> Any:
        """Plain data of a value."""

    def validate_python(self, plain: Any, /) -> Any:
        """The value of plain data."""


class Adapted(Shape):
    """A type that only pydantic knows how to write and to read: a URL, a constrained type."""

    def __init__(self, cls: object, adapter: Adapter) -> None:
        self._cls, self._adapter = cls, adapter

    def text(self, outer: tuple[Shape, ...] = ()) -> str:  # noqa: ARG002
        """Its name."""
        return type_name(self._cls)

    def accepts(self, value: object) -> bool:
        """Whether it is of the class, if that is one; pydantic has the last word."""
        return not isinstance(self._cls, type) or isinstance(value, self._cls) or type(value) is str

    def check(self, value: Any) -> None:
        """Whether it comes back the same."""
        self.to_plain(value)

    def parts(self, value: Any) -> Iterator[Part]:  # noqa: ARG002
        """None."""
        return iter(())

    def to_plain(self, value: Any) -> Any:
        """What pydantic makes of it, once it is seen to come back the same."""
        try:
            plain = self._adapter.dump_python(value, mode="json")
            same = self._adapter.validate_python(plain) == value
        except Exception as error:
            raise wrong(f"cannot be written by pydantic as {self.text()}: {error}") from error
        if not same:
            raise wrong(
                f"is of type {type_name(type(value))}, which pydantic does not return as it was; store the data in it"
            )
        return plain

    def from_plain(self, plain: Any) -> Any:
        """What pydantic makes of it."""
        return self._adapter.validate_python(plain)


ANY = Plain("any")
"""The shape of what has no annotation."""
