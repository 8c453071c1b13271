"""`Typed`: values of one type, with a fingerprint of its shape."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from omnicache.exceptions import CacheConfigError, CacheSerializationError, SchemaMismatch

from ._base import Serializer, as_bytes
from ._native import Native
from ._shape_of import Shaper
from ._shapes import Shape, type_name

SIZE = 8
MAX_DEPTH = 200
Migrate = Callable[[Any, bytes], Any]


class Typed(Serializer):
    """Writes the values of one type: a dataclass, pydantic model, typed dict, named tuple, or generics of such.

    ``Typed(User)``, ``Typed(list[User])``, ``Typed(dict[str, User] | None)``. A value comes back as it was, of the same
    type, its fields put in place without running ``__init__`` or validators. Fields may be of any type that
    :class:`Native` writes, enums, paths, addresses, and of other such types; a field's annotation chooses how it is
    written. What stands where the annotation says something else is an error if it matters, and comes back as it was if
    not.

    Args:
        of: The type.
        migrate: Called as ``migrate(old, fingerprint)`` with the plain form of a value that was written for another
            shape (records are dicts by field name) and the fingerprint of that shape; returns the value. It may raise
            :class:`~omnicache.exceptions.SchemaMismatch` to give it up. Left out, such a value is a miss.
        enums: More enum classes, beside those that the annotations name.

    Raises:
        CacheConfigError: The type, or that of a field, has no form to be stored in.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class User:
    ...     name: str
    ...     tags: frozenset[str]
    >>> users = Typed(list[User])
    >>> users.loads(users.dumps([User("ada", frozenset({"math"}))]), users.fingerprint)
    [User(name='ada', tags=frozenset({'math'}))]
    >>> try:
    ...     users.dumps([User("ada", {1: object()})])
    ... except CacheSerializationError as error:
    ...     print(error.path)
    [0].tags[1]
    """

    __slots__ = ("_fingerprint", "_migrate", "_native", "_of", "_shape")

    name = "typed"
    code = 5

    def __init__(self, of: Any, *, migrate: Migrate | None = None, enums: Iterable[type[Enum]] = ()) -> None:
        if migrate is not None and not callable(migrate):
            raise CacheConfigError("Typed: migrate: give a function of the old value and its fingerprint")
        shaper = Shaper()
        self._of = of
        self._migrate = migrate
        self._shape = shaper.shape(of, type_name(of))
        self._native = Native(enums=[*dict.fromkeys([*shaper.enums, *enums])])
        text = f"omnicache shape 1\n{self._shape.text()}"
        self._fingerprint = hashlib.sha256(text.encode()).digest()[:SIZE]

    @property
    def fingerprint(self) -> bytes:  # type: ignore[override]
        """8 bytes of the shape: names and types of fields, whatever they are nested in; the same in every process."""
        return self._fingerprint

    @property
    def of(self) -> Any:
        """The type."""
        return self._of

    def dumps(self, value: Any, /) -> bytes:
        """The bytes of `value`, which must be of the type."""
        try:
            return self._native.dumps(self._shape.to_plain(value))
        except (CacheSerializationError, RecursionError) as error:
            _explain(self._shape, value, self._native, "", 0)
            raise _again(error) from error  # it is of its own kind

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:
        """The value of these bytes.

        Args:
            data: What `dumps` returned.
            fingerprint: That of the serializer that wrote them; None trusts that it was this one.

        Raises:
            SchemaMismatch: They were written for another shape, and there is no `migrate`.
            CacheSerializationError: They are damaged, or `migrate` failed.
        """
        data = as_bytes(data)
        if fingerprint is not None and fingerprint != self.fingerprint:
            return self._migrated(data, fingerprint)
        plain = self._native.loads(data)
        try:
            return self._shape.from_plain(plain)
        except Exception as error:
            raise CacheSerializationError(
                f"these {len(data)} bytes are not a value of {type_name(self._of)}: {_reason(error)}"
            ) from error

    def _migrated(self, data: bytes, fingerprint: bytes) -> Any:
        if self._migrate is None:
            raise SchemaMismatch(
                f"this value was written for another shape of {type_name(self._of)} ({bytes(fingerprint).hex()}, now "
                f"{self.fingerprint.hex()}); it is a miss, unless Typed is given migrate="
            )
        old = self._native.loads(data)
        try:
            value = self._migrate(old, bytes(fingerprint))
            self._shape.to_plain(value)
        except SchemaMismatch:
            raise
        except Exception as error:
            raise CacheSerializationError(
                f"a value of {type_name(self._of)} could not be migrated: {_reason(error)}"
            ) from error
        return value

    def __repr__(self) -> str:
        return f"Typed({type_name(self._of) if isinstance(self._of, type) else self._of})"


def _explain(shape: Shape, value: Any, native: Native, path: str, depth: int) -> None:
    """Raises what is wrong with the first part of `value` that cannot be written, saying where it is."""
    if depth > MAX_DEPTH:
        raise CacheSerializationError("is nested too deep, or contains itself; a stored value is a finite tree", path)
    try:
        shape.check(value)
        if shape.plain:
            native.dumps(value)
    except CacheSerializationError as error:
        raise CacheSerializationError(error.problem, path + (error.path or "")) from error.__cause__
    for step, inner, part in shape.parts(value):
        _explain(inner, part, native, path + step, depth + 1)


def _again(error: Exception) -> CacheSerializationError:
    if isinstance(error, CacheSerializationError):
        return error
    return CacheSerializationError("is nested too deep, or contains itself; a stored value is a finite tree", "")


def _reason(error: Exception) -> str:
    if isinstance(error, CacheSerializationError):
        return error.problem if not error.path else str(error)
    return f"{type(error).__name__}: {error}"
