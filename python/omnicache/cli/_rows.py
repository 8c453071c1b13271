"""Rows from outside, and the entries that are made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from .._manage.arguments import unknown
from .._manage.errors import InvalidInput
from .._manage.strictjson import loads

__all__ = ["Row", "Shape", "Source"]

_ENTRY: Final = ("key", "value", "ttl", "tags", "priority")
_SHAPE: Final = ("key", "value", "ttl", "tags", "priority")
_FIELD: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or what is wrong with it.

    Args:
        place: Where it is, such as ``"line 12"``.
        data: What it says.
        problem: Why it says nothing.
    """

    place: str
    data: Any = None
    problem: str | None = None


class Source(Protocol):
    """Where rows come from."""

    identity: str
    """The same whenever the same rows come in the same order."""
    total: int | None
    """How many there are, if that is known."""

    def rows(self) -> Iterator[Row]:
        """All of them, from the first on."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """How an entry is made of a row.

    Args:
        key: The field that is the key, or text with fields in braces: ``"user:{id}"``. None: the row has the fields of
            an entry, ``key``, ``value`` and perhaps ``ttl``, ``tags``, ``priority``.
        value: The field, or the fields, that are the value; None for the whole row.
        given: ``ttl``, ``tags`` and ``priority`` of every entry; tags may have fields in braces.
        text: Whether fields are text by nature, so that a value is JSON only where it parses as JSON.
    """

    key: str | None = None
    value: str | list[str] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    text: bool = False

    @classmethod
    def taken(cls, settings: dict[str, Any], *, text: bool = False) -> Shape:
        """The shape that `settings` say, whose keys are taken out of them."""
        said: dict[str, Any] = {name: settings.pop(name) for name in _SHAPE if name in settings}
        key, value = said.pop("key", None), said.pop("value", None)
        if key is not None and (not isinstance(key, str) or not key):
            raise InvalidInput('config: key: the name of a field, or text such as "user:{id}"')
        many = isinstance(value, list) and value and all(isinstance(name, str) for name in value)
        if value is not None and not isinstance(value, str) and not many:
            raise InvalidInput("config: value: the name of a field, or a list of such names")
        if value is not None and key is None:
            raise InvalidInput("config: value: say which field is the key too")
        tags = said.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise InvalidInput('config: tags: a list of text, which may have fields in it: ["team:{team}"]')
        return cls(key, value, said, text)

    def entry(self, row: Any) -> dict[str, Any]:
        """The entry of a row.

        Raises:
            InvalidInput: Something is missing, or is not what it should be.
        """
        if not isinstance(row, dict):
            raise InvalidInput(f"an object with fields is expected, not {_named(row)}")
        made = self._plain(row) if self.key is None else self._shaped(row, self.key)
        for name, value in self.given.items():
            if made.get(name) is None:
                made[name] = [_filled(tag, row) for tag in value] if name == "tags" else value
        return {name: value for name, value in made.items() if value is not None or name in {"value", "ttl"}}

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in row.items() if not (self.text and value == "" and name != "value")}
        if "key" not in given or "value" not in given:
            missing = "key" if "key" not in given else "value"
            raise InvalidInput(
                f'there is no field "{missing}"; say in --config which field is the key: {{"key": "id"}}'
            )
        unknown(given, _ENTRY, "row")
        made = {**given, "key": _text(given["key"])}
        if self.text:
            made["value"] = _json_or_text(given["value"])
            if "tags" in made:
                made["tags"] = [tag.strip() for tag in made["tags"].split(",")]
            if "priority" in made:
                made["priority"] = _json_or_text(made["priority"])
        return made

    def _shaped(self, row: dict[str, Any], key: str) -> dict[str, Any]:
        text = _filled(key, row) if "{" in key else _text(_field(row, key))
        if self.value is None:
            return {"key": text, "value": row}
        if isinstance(self.value, str):
            value = _field(row, self.value)
            return {"key": text, "value": _json_or_text(value) if self.text else value}
        return {"key": text, "value": {name: _field(row, name) for name in self.value}}


def _filled(template: str, row: dict[str, Any]) -> str:
    return _FIELD.sub(lambda found: _text(_field(row, found[1])), template)


def _field(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        raise InvalidInput(f"there is no field {name[:60]!r}; there are {', '.join(map(repr, row))[:200]}")
    return row[name]


def _text(value: Any) -> str:
    """What stands in a key: text as it is, a number as it is written."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict | bytes):
        raise InvalidInput(f"a key is text or a number, not {_named(value)}")
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _json_or_text(text: str) -> Any:
    try:
        return loads(text)
    except InvalidInput:
        return text


def _named(value: Any) -> str:
    names: dict[type, str] = {list: "an array", dict: "an object", str: "text", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")
