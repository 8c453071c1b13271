"""Serializers: a value to bytes and back, beside pickle, json and other MessagePack packages."""

import importlib
import json
import pickle
from collections.abc import Callable
from typing import Any

from omnicache.serializers import Json, Native

from .harness import Contestant, Target, Verdict, measure, timed
from .options import Options

RECORD: dict[str, Any] = {
    "id": 123_456,
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "active": True,
    "score": 98.6,
    "balance": -12.5,
    "created": 1_700_000_000,
    "tags": ["math", "engines", "poetry"],
    "address": {"street": "12 St James's Square", "city": "London", "zip": "SW1Y 4JH", "geo": [51.507, -0.134]},
    "manager": None,
    "history": [{"at": 1_700_000_000 + day, "what": "login", "ip": f"10.0.0.{day}"} for day in range(5)],
    "about": "It can follow analysis, but it has no power of anticipating any analytical relations. " * 4,
    "settings": {"theme": "dark", "language": "en", "emails": False, "limit": 50},
}
ROWS = [{"id": row, "name": f"user{row}", "score": row * 1.5, "active": row % 2 == 0} for row in range(20)]
NUMBERS = [number * 1.1 for number in range(100)]

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def contestants() -> dict[str, Pair]:
    """Writing and reading, by name; the first is the base. Missing packages are left out."""
    native, strict = Native(), Json()
    pairs: dict[str, Pair] = {
        "pickle": (lambda value: pickle.dumps(value, 5), pickle.loads),
        "omnicache native": (native.dumps, native.loads),
        "omnicache json": (strict.dumps, strict.loads),
        "json": (json.dumps, json.loads),
    }
    for name, write, read in (("msgpack", "packb", "unpackb"), ("ormsgpack", "packb", "unpackb")):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        pairs[name] = (getattr(module, write), getattr(module, read))
    return pairs


def repeated(label: str, function: Callable[[Any], Any], argument: Any, times: int) -> Contestant:
    """`function(argument)`, over and over."""

    def loop() -> None:
        for _ in range(times):
            function(argument)

    return Contestant(label, lambda: timed(loop), times)


def serializers(options: Options) -> list[Verdict]:
    """Writing and reading a record, rows and numbers; the target is for both ways of the record and of the rows."""
    verdicts = []
    for title, value, target in (
        ("a record of 1 KB", RECORD, [Target("omnicache native", 1.0, "pickle")]),
        ("20 rows of 4 fields", ROWS, [Target("omnicache native", 1.0, "pickle")]),
        ("100 floats", NUMBERS, []),
    ):
        times = options.length // 20
        both, written, read = [], [], []
        for label, (dumps, loads) in contestants().items():
            data = dumps(value)
            if loads(data) != value:
                raise AssertionError(f"{label} returned another value")
            written.append(repeated(label, dumps, value, times))
            read.append(repeated(f"{label} ({len(data)} bytes)", loads, data, times))
            both.append(repeated(label, lambda it, dumps=dumps, loads=loads: loads(dumps(it)), value, times))
        measure(f"write {title}", written, [], options.rounds)
        measure(f"read {title}", read, [], options.rounds)
        verdicts += measure(f"write and read {title}", both, target, options.rounds)
    return verdicts
