"""Rows from a file or from stdin: JSON, JSON Lines or CSV."""

from __future__ import annotations

import csv
import json
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._manage.errors import InvalidInput
from .._manage.strictjson import loads
from ._rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FileRows"]

_FORMATS: Final = ("json", "jsonl", "csv")
_ENDINGS: Final = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
_SPACE: Final = " \t\r\n"
_LONGEST: Final = 1 << 28
"""Characters of one field of CSV."""


class FileRows:
    """The rows of a file.

    Args:
        path: The file, None for stdin.
        settings: ``format`` and, for CSV, ``delimiter``, which are taken out of it.
    """

    def __init__(self, path: Path | None, settings: dict[str, Any]) -> None:
        wanted = settings.pop("format", None)
        if wanted not in {None, *_FORMATS}:
            raise InvalidInput(f"config: format: {', '.join(_FORMATS)}, not {wanted!r:.40}")
        delimiter = settings.pop("delimiter", None)
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
            raise InvalidInput('config: delimiter: one character, such as ";"')
        self._path = path
        self.total: int | None = None
        if path is None:
            self.identity = "stdin"
            lines: Iterator[bytes] = iter(sys.stdin.buffer)
        else:
            found = path.stat()
            self.identity = f"{path.absolute()} {found.st_size} {found.st_mtime_ns}"
            lines = _lines_of(path)
        start = next(lines, b"").removeprefix(b"\xef\xbb\xbf")
        self._lines: Iterable[bytes] = chain([start], lines)
        ending = "" if path is None else path.suffix.lower()
        self.format = wanted or _ENDINGS.get(ending) or _guessed(start)
        self._delimiter = delimiter or ("\t" if ending == ".tsv" else ",")

    def rows(self) -> Iterator[Row]:
        """All of them. Of JSON nothing is used if any of it is damaged."""
        if self.format == "json":
            found = list(_json_rows(b"".join(self._lines)))
            self.total = len(found)
            return iter(found)
        if self._path is not None:
            self.total = max(_count(self._path) - (self.format == "csv"), 0)
        return _jsonl_rows(self._lines) if self.format == "jsonl" else _csv_rows(self._lines, self._delimiter)


def _lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _guessed(start: bytes) -> str:
    """What a first line is the start of."""
    text = start.decode("utf-8", "replace").strip()
    if text.startswith("["):
        return "json"
    if not text.startswith("{"):
        return "csv"
    try:
        row = loads(text)
    except InvalidInput:
        return "json"  # it goes on over several lines
    return "jsonl" if "key" in row else "json"


def _jsonl_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            yield Row(place, loads(line))
        except InvalidInput as error:
            yield Row(place, problem=str(error).replace(" at line 1, column", " at column"))


def _csv_rows(lines: Iterable[bytes], delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST)
    # A byte that is no UTF-8 becomes half a surrogate pair, and the row that has it is known by that.
    text = (line.decode("utf-8", "surrogateescape") for line in lines)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        before = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(f"line {before}", problem=f"CSV: {error}")
            continue
        place = f"line {before}"
        if not fields:
            continue
        if any("\ud800" <= char <= "\udfff" for char in "".join(fields)):
            yield Row(place, problem="it is not UTF-8")
        elif header is None:
            header = [name.strip() for name in fields]
            if len(set(header)) < len(header) or "" in header:
                raise InvalidInput(f"{place}: the header names a column twice, or not at all")
        elif len(fields) != len(header):
            yield Row(place, problem=f"{len(fields)} fields under a header of {len(header)}")
        else:
            yield Row(place, dict(zip(header, fields, strict=True)))


def _json_rows(data: bytes) -> Iterator[Row]:
    """The items of an array, or those of an object, which are keys and values, with the lines they begin on."""
    whole = loads(data)
    text = data.decode("utf-8")
    if isinstance(whole, dict) and not (set(whole) >= {"key", "value"}):
        for line, key, value in _members(text):
            yield Row(f"line {line}", {"key": f"json:{json.dumps(key)}" if _prefixed(key) else key, "value": value})
    elif isinstance(whole, list):
        for line, _, value in _members(text):
            yield Row(f"line {line}", value)
    else:
        yield Row("line 1", whole)


def _prefixed(key: str) -> bool:
    """Whether the key of an object would be taken for the text of another key."""
    return key.startswith(("json:", "key:"))


def _members(text: str) -> Iterator[tuple[int, str, Any]]:
    """Of an array or an object that is known to be right: the line of each item, its key if it has one, its value."""
    decode = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    is_object = text[at] == "{"
    at, line, counted = _after_space(text, at + 1), 1, 0
    while text[at] not in "]}":
        line, counted = line + text.count("\n", counted, at), at
        key = ""
        if is_object:
            key, at = decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        value, at = decode(text, at)
        yield line, key, value
        at = _after_space(text, at)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
