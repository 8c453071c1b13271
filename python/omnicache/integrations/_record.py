"""A stored response as bytes, so that every backend can hold it: a small head, then the body as it is.

What the bytes say is read as data and never run. What cannot be read is as if it were not there.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field

from .http.ranges import Part
from .http.status import NAME

__all__ = ["HIT", "ID_SIZE", "RECORD_NAME", "Stored", "Variants", "decode", "encode", "encode_variants", "new_id"]

ID_SIZE = 16
_MAGIC = b"\xc1HC\x01"
_START = len(_MAGIC) + 1 + ID_SIZE
RECORD_NAME = slice(0, _START)
"""Where in a record its name is, which no other record has."""

HIT = NAME.encode("ascii") + b"; hit; ttl=%d"
"""What ``Cache-Status`` says of a hit."""

_RESPONSE, _VARIANTS = b"R", b"V"
_HEAD = struct.Struct(">HHdddddQQQII")
_FIELD = struct.Struct(">HI")
_INDEX = struct.Struct(">dHH")
_SHORT = struct.Struct(">H")
_NO_CACHE, _IMPLICIT, _OWN_ETAG, _PART, _NEVER_STALE = 1, 2, 4, 8, 16


@dataclass(slots=True)
class Stored:
    """A stored response without its body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    response_time: float  # when it came, in seconds since 1970
    initial_age: float  # how old it was then
    lifetime: float  # how long it is fresh, counted from age 0
    stale_while_revalidate: float = 0.0  # seconds past freshness
    stale_if_error: float = 0.0
    no_cache: bool = False  # to be validated before each use
    implicit: bool = False  # it did not state its freshness
    own_etag: bool = False  # its entity tag was made here
    never_stale: bool = False  # no request may have it stale either
    part: Part | None = None  # what of the whole the body is, if it is not all
    id: bytes = b""
    body_at: int = 0
    body_size: int = 0
    born: float = field(init=False)
    fresh_until: float = field(init=False)
    _shown: tuple[int, list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]] = field(init=False)

    def __post_init__(self) -> None:
        self.born = self.response_time - self.initial_age
        self.fresh_until = self.born + self.lifetime
        self._shown = (-1, [], [])

    def shown(self, now: float, *, status_field: bool) -> list[tuple[bytes, bytes]]:
        """The fields of a hit, with the age and, if wanted, ``Cache-Status``; a list of the caller's own.

        They are made once a second.
        """
        age = int(now - self.born)
        known = self._shown
        if known[0] != age:
            aged = [*self.headers, (b"age", b"%d" % max(0, age))]
            known = self._shown = (age, aged, [*aged, (b"cache-status", HIT % (self.lifetime - age))])
        return (known[2] if status_field else known[1]).copy()

    def age(self, now: float) -> int:
        """Whole seconds since it was made (RFC 9111, section 4.2.3)."""
        return max(0, int(now - self.born))

    def body(self, raw: bytes) -> bytes:
        """The body, from the record."""
        return raw[self.body_at :]


@dataclass(slots=True)
class Variants:
    """What is under a URI whose responses vary: by which fields of the request, and which variants there are."""

    names: tuple[bytes, ...]
    until: float
    variants: list[tuple[bytes, str]]  # the digest of the selecting fields, and the language of the response
    generation: bytes  # part of the keys of the variants, the same as long as the list lives


def new_id() -> bytes:
    """The name of a record, never used before."""
    return secrets.token_bytes(ID_SIZE)


def encode(stored: Stored, body: bytes) -> bytes:
    """The record of a response; it has a new name."""
    flags = (
        _NO_CACHE * stored.no_cache
        | _IMPLICIT * stored.implicit
        | _OWN_ETAG * stored.own_etag
        | _NEVER_STALE * stored.never_stale
        | _PART * (stored.part is not None)
    )
    times = (stored.response_time, stored.initial_age, stored.lifetime)
    windows = (stored.stale_while_revalidate, stored.stale_if_error)
    fields = b"".join(_FIELD.pack(len(name), len(value)) + name + value for name, value in stored.headers)
    part = stored.part or (0, 0, 0)
    head = _HEAD.pack(stored.status, flags, *times, *windows, *part, len(stored.headers), len(fields))
    return b"".join([_MAGIC, _RESPONSE, new_id(), head, fields, body])


def encode_variants(found: Variants) -> bytes:
    """The record of what varies; it has a new name."""
    parts = [
        _MAGIC,
        _VARIANTS,
        new_id(),
        found.generation,
        _INDEX.pack(found.until, len(found.names), len(found.variants)),
    ]
    for name in found.names:
        parts += [_SHORT.pack(len(name)), name]
    for digest, language in found.variants:
        said = language.encode("latin-1", "replace")[:255]
        parts += [digest, _SHORT.pack(len(said)), said]
    return b"".join(parts)


def decode(raw: bytes) -> Stored | Variants | None:
    """What the record says; None if it says nothing that can be understood."""
    kind = raw[len(_MAGIC) : len(_MAGIC) + 1]
    if not raw.startswith(_MAGIC):
        return None
    try:
        return _response(raw) if kind == _RESPONSE else _variants(raw) if kind == _VARIANTS else None
    except (struct.error, ValueError, OverflowError):
        return None


def _response(raw: bytes) -> Stored:
    status, flags, response_time, age, lifetime, swr, sie, first, last, whole, count, size = _HEAD.unpack_from(
        raw, _START
    )
    at = _START + _HEAD.size
    body_at = at + size
    headers = []
    for _ in range(count):
        name_size, value_size = _FIELD.unpack_from(raw, at)
        at += _FIELD.size
        headers.append((raw[at : at + name_size], raw[at + name_size : at + name_size + value_size]))
        at += name_size + value_size
        if at > body_at:
            raise ValueError("a field that goes on past the fields")
    if at != body_at or body_at > len(raw):
        raise ValueError("a record that is cut short")
    return Stored(
        status,
        headers,
        response_time,
        age,
        lifetime,
        swr,
        sie,
        no_cache=bool(flags & _NO_CACHE),
        implicit=bool(flags & _IMPLICIT),
        own_etag=bool(flags & _OWN_ETAG),
        never_stale=bool(flags & _NEVER_STALE),
        part=Part(first, last, whole) if flags & _PART else None,
        id=raw[_START - ID_SIZE : _START],
        body_at=body_at,
        body_size=len(raw) - body_at,
    )


def _variants(raw: bytes) -> Variants:
    at = _START + ID_SIZE
    generation = raw[_START:at]
    until, name_count, variant_count = _INDEX.unpack_from(raw, at)
    at += _INDEX.size

    def text() -> bytes:
        nonlocal at
        (size,) = _SHORT.unpack_from(raw, at)
        at += _SHORT.size + size
        if at > len(raw):
            raise ValueError("a record that is cut short")
        return raw[at - size : at]

    names = tuple(text() for _ in range(name_count))
    variants = []
    for _ in range(variant_count):
        digest = raw[at : at + ID_SIZE]
        at += ID_SIZE
        variants.append((digest, text().decode("latin-1")))
    return Variants(names, until, variants, generation)
