"""From a type, as annotations name it, to its shape."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import pathlib
import sys
import types
import typing
import uuid
from typing import Any

from omnicache.exceptions import CacheConfigError

from ._records import DataclassRecord, ModelRecord, NamedTupleRecord, Record, TypedDictRecord
from ._shapes import ANY, Adapted, Choice, Items, Plain, Row, Shape, Table, Text, type_name

LEAVES: dict[object, Plain] = {
    cls: Plain(type_name(cls), cls)
    for cls in (
        bool, int, float, str, bytes, bytearray, list, tuple, set, frozenset, dict,
        dt.datetime, dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID,
    )
}  # fmt: skip
LEAVES |= {None: Plain("None", type(None)), type(None): Plain("None", type(None)), Any: ANY, object: ANY}

PATHS = (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PurePath, pathlib.Path, type(pathlib.Path()))
ADDRESSES = (
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
    ipaddress.IPv4Interface, ipaddress.IPv6Interface,
)  # fmt: skip
# By names of their own: where the library keeps a class differs between versions of Python.
TEXTS: dict[object, Text] = {
    **{
        cls: Text(f"pathlib.{cls.__name__}", cls, type(cls()) if cls in {pathlib.PurePath, pathlib.Path} else cls)
        for cls in PATHS
    },
    **{cls: Text(f"ipaddress.{cls.__name__}", cls, cls) for cls in ADDRESSES},
}

SEQUENCES = (collections.abc.Sequence, collections.abc.Collection, collections.abc.Iterable)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
CONTAINERS: dict[object, tuple[str, tuple[type, ...]]] = {
    list: ("list", (list,)),
    set: ("set", (set,)),
    frozenset: ("frozenset", (frozenset,)),
    collections.abc.MutableSequence: ("list", (list,)),
    collections.abc.MutableSet: ("set", (set,)),
    **dict.fromkeys(SEQUENCES, ("sequence", (list, tuple))),
}
TRANSPARENT = {typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired}
if sys.version_info >= (3, 13):
    TRANSPARENT.add(typing.ReadOnly)

Variables = dict[Any, Shape]
"""What the type variables of a generic class stand for."""


class Shaper:
    """Makes shapes, one for each record type, and collects the enums that are met."""

    def __init__(self) -> None:
        self.enums: list[type[enum.Enum]] = []
        self._records: dict[object, Record] = {}

    def shape(self, tp: Any, where: str, variables: Variables | None = None) -> Shape:  # noqa: C901, PLR0911 - one line per form
        """The shape of `tp`; `where` names it in errors."""
        variables = variables or {}
        try:
            if tp in LEAVES:
                return LEAVES[tp]
            if tp in TEXTS:
                return TEXTS[tp]
        except TypeError:  # an annotation without a hash
            pass
        origin, arguments = typing.get_origin(tp), typing.get_args(tp)
        if origin in TRANSPARENT:
            return self.shape(arguments[0], where, variables)
        if origin is typing.Literal:
            return self._literal(arguments)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(arguments, where, variables)
        if isinstance(tp, typing.TypeVar):
            return self._variable(tp, where, variables)
        if isinstance(tp, typing.NewType):
            return self.shape(tp.__supertype__, where, variables)
        if hasattr(tp, "__value__"):  # an alias of `type X = ...`
            return self.shape(tp.__value__, where, variables)
        if origin is not None and hasattr(origin, "__value__"):
            inner = self._bound(origin.__type_params__, arguments, where, variables)
            return self.shape(origin.__value__, where, inner)
        if (container := self._container(origin, arguments, where, variables)) is not None:
            return container
        if origin is not None and not (isinstance(origin, type) and typing.is_typeddict(origin)):
            parameters = getattr(origin, "__parameters__", ())
            inner = self._bound(parameters, arguments, where, variables)
            return self._class(origin, tp, where, inner)
        return self._class(origin or tp, tp, where, variables)

    def _literal(self, members: tuple[Any, ...]) -> Shape:
        for member in members:
            if isinstance(member, enum.Enum):
                self.enums.append(type(member))
        names = sorted(
            f"{type_name(type(member))} {member.name if isinstance(member, enum.Enum) else repr(member)}"
            for member in members
        )
        return Plain(f"literal[{', '.join(names)}]", *{type(member) for member in members})

    def _union(self, members: tuple[Any, ...], where: str, variables: Variables) -> Shape:
        rest = [member for member in members if member not in (None, type(None))]
        shapes = [self.shape(member, where, variables) for member in rest]
        optional = len(rest) < len(members)
        if all(shape.plain for shape in shapes):
            names = sorted({shape.text() for shape in shapes} | ({"None"} if optional else set()))
            every = [types_of(shape) for shape in shapes]
            # One that takes anything makes the union take anything.
            found = {cls for some in every for cls in some} | ({type(None)} if optional else set())
            return Plain(" | ".join(names), *(found if all(every) else ()))
        return Choice(shapes, optional=optional)

    def _variable(self, variable: Any, where: str, variables: Variables) -> Shape:
        if variable in variables:
            return variables[variable]
        if variable.__bound__ is not None:
            return self.shape(variable.__bound__, where, variables)
        if variable.__constraints__:
            return self._union(variable.__constraints__, where, variables)
        return ANY

    def _bound(
        self, parameters: tuple[Any, ...], arguments: tuple[Any, ...], where: str, outer: Variables
    ) -> Variables:
        return {
            parameter: self.shape(argument, where, outer)
            for parameter, argument in zip(parameters, arguments, strict=False)
        }

    def _container(self, origin: Any, arguments: tuple[Any, ...], where: str, variables: Variables) -> Shape | None:
        """The shape of ``list[X]``, ``dict[K, V]`` and the like, or None."""
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is ...):  # noqa: PLR2004 - tuple[X, ...]
            return plain_if(
                Row(tuple(self.shape(argument, f"{where}[...]", variables) for argument in arguments)), tuple
            )
        if origin in MAPPINGS:
            key, value = (self.shape(argument, f"{where}[...]", variables) for argument in arguments)
            return plain_if(Table(key, value), dict)
        name, kinds = ("tuple", (tuple,)) if origin is tuple else CONTAINERS.get(origin, ("", ()))
        if not kinds:
            return None
        return plain_if(Items(name, kinds, self.shape(arguments[0], f"{where}[...]", variables)), *kinds)

    def _class(self, cls: Any, tp: Any, where: str, variables: Variables) -> Shape:
        if isinstance(cls, type) and issubclass(cls, enum.Enum):
            self.enums.append(cls)
            return Plain(f"enum {cls.__module__}:{cls.__qualname__}", cls)
        kind = record_kind(cls)
        if kind is None:
            return adapted(tp, where)
        try:
            key: object = (tp, tuple(sorted((str(name), shape.text()) for name, shape in variables.items())))
            hash(key)
        except TypeError:
            key = id(tp)
        if key in self._records:
            return self._records[key]
        record = self._records[key] = kind(cls)
        for name, annotation in fields_of(cls, kind, where).items():
            record.fields[name] = self.shape(annotation, f"{type_name(cls)}.{name}", variables)
        return record


def types_of(shape: Shape) -> tuple[type, ...]:
    """The types of the values of a plain shape; none if any."""
    return shape.types if isinstance(shape, Plain) else ()


def plain_if(shape: Shape, *kinds: type) -> Shape:
    """`shape`, or a plain one of the same name if all that is in it is plain."""
    return Plain(shape.text(), *kinds) if all(inner.plain for inner in shape.inner) else shape


def record_kind(cls: Any) -> type[Record] | None:
    """What kind of class with named fields this is, or None."""
    if typing.is_typeddict(cls):
        return TypedDictRecord
    if not isinstance(cls, type):
        return None
    # Its module is there if the class is: nothing is imported for the question.
    model = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if model is not None and issubclass(cls, model) and cls is not model:
        return ModelRecord
    if dataclasses.is_dataclass(cls):
        return DataclassRecord
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedTupleRecord
    return None


def fields_of(cls: Any, kind: type[Record], where: str) -> dict[str, Any]:
    """The fields of a class and their annotations, as objects."""
    if kind is ModelRecord:
        return {name: field.annotation for name, field in cls.model_fields.items()}
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise CacheConfigError(
            f"Typed: the annotations of {where} cannot be resolved: {error}; define the types "
            "at the top level of a module"
        ) from error
    if kind is DataclassRecord:
        return {field.name: hints.get(field.name, Any) for field in dataclasses.fields(cls)}
    if kind is NamedTupleRecord:
        return {name: hints.get(name, Any) for name in cls._fields}
    return hints


def adapted(tp: Any, where: str) -> Shape:
    """The shape of a type that pydantic knows, if it is one of pydantic's own kind."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and hasattr(tp, "__get_pydantic_core_schema__"):
        return Adapted(tp, pydantic.TypeAdapter(tp))
    raise CacheConfigError(
        f"Typed: {where} is {type_name(tp)}, which has no form to be stored in; use builtin types, dates, decimals, "
        "UUIDs, enums, paths, dataclasses, typed dicts, named tuples or pydantic models, or another serializer"
    )
