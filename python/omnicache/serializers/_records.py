"""The shapes of types with named fields: dataclasses, named tuples, typed dicts, pydantic models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, cast

from ._shapes import ANY, Part, Shape, expect, not_a, type_name, wrong

NOTES = None
"""The key in the plain form of a pydantic model under which stands what it holds beside its fields."""


class Record(Shape):
    """Types with named fields. The plain form is a dict by name, so that ``migrate=`` can read an old one.

    Fields are put in place without running ``__init__`` or validators, as unpickling does: they ran when the value was
    made, and what they did may not bear to be done twice.
    """

    kind = ""
    fields: dict[str, Shape]

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.fields = {}  # filled later: a field may lead back here

    def text(self, outer: tuple[Shape, ...] = ()) -> str:
        """The kind, and the fields by name."""
        if self in outer:
            return f"^{len(outer) - outer.index(self)}"
        inner = (*outer, self)
        fields = ", ".join(f"{name}{self.mark(name)}: {self.fields[name].text(inner)}" for name in sorted(self.fields))
        return f"{self.kind}{{{fields}}}"

    def mark(self, name: str) -> str:  # noqa: ARG002
        """What stands behind the name of a field in the fingerprint."""
        return ""

    def accepts(self, value: object) -> bool:
        """Whether it is exactly of the class: a subclass may have other fields."""
        return type(value) is self.cls

    def check(self, value: Any) -> None:
        """Whether it is of the class, by its name."""
        if not self.accepts(value):
            raise not_a(value, type_name(self.cls))

    def known(self, plain: Any) -> dict[str, Any]:
        """A plain form, if it is one and has no fields that there are not."""
        expect(plain, dict, self.kind)
        if unknown := plain.keys() - self.fields.keys() - {NOTES}:
            raise wrong(f"a field {next(iter(unknown))!r} that {type_name(self.cls)} does not have")
        return cast("dict[str, Any]", plain)


class DataclassRecord(Record):
    """Dataclasses."""

    kind = "dataclass"

    def parts(self, value: Any) -> Iterator[Part]:
        """The fields that are set."""
        for name, shape in self.fields.items():
            if hasattr(value, name):
                yield f".{name}", shape, getattr(value, name)

    def to_plain(self, value: Any) -> Any:
        """The fields that are set."""
        self.check(value)
        plain = {}
        for name, shape in self.fields.items():
            try:
                field = getattr(value, name)
            except AttributeError:
                continue
            plain[name] = shape.to_plain(field)
        return plain

    def from_plain(self, plain: Any) -> Any:
        """The object with these fields."""
        made = object.__new__(self.cls)
        for name, field in self.known(plain).items():
            object.__setattr__(made, name, self.fields[name].from_plain(field))
        return made


class NamedTupleRecord(Record):
    """Named tuples."""

    kind = "namedtuple"

    def parts(self, value: Any) -> Iterator[Part]:
        """The fields."""
        for (name, shape), field in zip(self.fields.items(), value, strict=True):
            yield f".{name}", shape, field

    def to_plain(self, value: Any) -> Any:
        """The fields by name."""
        self.check(value)
        return {name: shape.to_plain(field) for (name, shape), field in zip(self.fields.items(), value, strict=True)}

    def from_plain(self, plain: Any) -> Any:
        """The tuple of the fields."""
        plain = self.known(plain)
        if missing := self.fields.keys() - plain.keys():
            raise wrong(f"no field {next(iter(missing))!r} of {type_name(self.cls)}")
        return tuple.__new__(self.cls, [shape.from_plain(plain[name]) for name, shape in self.fields.items()])


class TypedDictRecord(Record):
    """Typed dicts."""

    kind = "typeddict"

    def mark(self, name: str) -> str:
        """A question mark if the key may be missing."""
        return "" if name in self.cls.__required_keys__ else "?"

    def accepts(self, value: object) -> bool:
        """Whether it is a dict with the keys."""
        return type(value) is dict and self.cls.__required_keys__ <= value.keys() <= self.fields.keys()

    def check(self, value: Any) -> None:
        """Whether it has the keys, and no others."""
        if type(value) is not dict:
            raise not_a(value, f"a dict like {type_name(self.cls)}")
        for key in self.cls.__required_keys__ - value.keys():
            raise wrong(f"lacks the key {key!r} of {type_name(self.cls)}")
        for key in value.keys() - self.fields.keys():
            raise wrong(f"has a key {key!r} that {type_name(self.cls)} does not have")

    def parts(self, value: Any) -> Iterator[Part]:
        """The values."""
        for name, field in value.items():
            yield f'["{name}"]', self.fields[name], field

    def to_plain(self, value: Any) -> Any:
        """The dict of plain values."""
        self.check(value)
        return {name: self.fields[name].to_plain(field) for name, field in value.items()}

    def from_plain(self, plain: Any) -> Any:
        """The dict of the values."""
        made = {name: self.fields[name].from_plain(field) for name, field in self.known(plain).items()}
        self.check(made)
        return made


class ModelRecord(Record):
    """Pydantic models, with what they hold beside their fields: which were set, extra ones, private ones."""

    kind = "model"

    def _notes(self, value: Any) -> dict[str, Any]:
        """What there is beside the fields."""
        stored = value.__dict__
        notes: dict[str, Any] = {}
        if unset := [name for name in self.fields if name in stored and name not in value.__pydantic_fields_set__]:
            notes["unset"] = unset
        if extra := value.__pydantic_extra__:
            notes["extra"] = dict(extra)
        undefined = getattr(sys.modules.get("pydantic_core"), "PydanticUndefined", None)
        private = getattr(value, "__pydantic_private__", None) or {}
        if private := {name: field for name, field in private.items() if field is not undefined}:
            notes["private"] = private
        return notes

    def parts(self, value: Any) -> Iterator[Part]:
        """The fields, then the rest."""
        for name, shape in self.fields.items():
            if name in value.__dict__:
                yield f".{name}", shape, value.__dict__[name]
        notes = self._notes(value)
        for name, field in (notes.get("extra", {}) | notes.get("private", {})).items():
            yield f".{name}", ANY, field

    def to_plain(self, value: Any) -> Any:
        """The fields by name, and under the key None what there is beside them."""
        self.check(value)
        stored = value.__dict__
        plain: dict[str | None, Any] = {
            name: shape.to_plain(stored[name]) for name, shape in self.fields.items() if name in stored
        }
        if notes := self._notes(value):
            plain[NOTES] = notes
        return plain

    def from_plain(self, plain: Any) -> Any:
        """The model with these fields."""
        notes = self.known(plain).get(NOTES, {})  # type: ignore[call-overload]
        expect(notes, dict, "note about a model")
        fields = {name: self.fields[name].from_plain(field) for name, field in plain.items() if name is not NOTES}
        unset, extra, private = (
            notes.get(name, empty) for name, empty in (("unset", []), ("extra", {}), ("private", {}))
        )
        for note, cls in ((unset, list), (extra, dict), (private, dict)):
            expect(note, cls, "note about a model")
        made = self.cls.__new__(self.cls)
        made.__setstate__(
            {
                "__dict__": fields,
                "__pydantic_fields_set__": (fields.keys() - set(unset)) | extra.keys(),
                "__pydantic_extra__": extra if self.cls.model_config.get("extra") == "allow" else None,
                "__pydantic_private__": private if self.cls.__private_attributes__ else None,
            }
        )
        return made
