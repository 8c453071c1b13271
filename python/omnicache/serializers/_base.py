"""What a serializer is, and one made of any object with ``dumps`` and ``loads``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, runtime_checkable

from omnicache.exceptions import CacheConfigError, CacheSerializationError

CUSTOM = 255
"""The code of a serializer that was given none."""

OURS = range(128)
"""The codes of the serializers of this package."""


class Serializer(ABC):
    """Turns a value into bytes and back.

    Derive your own from it, or give a cache any object with ``dumps`` and ``loads``. The attributes are written beside
    each value, so that bytes are read only by the serializer that wrote them.

    >>> class Text(Serializer):
    ...     name, code = "text", 128
    ...     def dumps(self, value):
    ...         return value.encode()
    ...     def loads(self, data, fingerprint=None):
    ...         return bytes(data).decode()
    >>> Text().loads(Text().dumps("hello"))
    'hello'
    """

    __slots__ = ()

    name: str = "custom"
    """What it is called in statistics and messages."""

    code: int = CUSTOM
    """A number that stands beside each value: below 128 are those of this package, 128 to 255 are for yours."""

    fingerprint: bytes | None = None
    """8 bytes that change when the shape of the values does, or None if the bytes say it themselves."""

    @abstractmethod
    def dumps(self, value: Any, /) -> bytes:
        """The bytes of a value.

        Raises:
            CacheSerializationError: It cannot be written; the message names the part.
        """

    @abstractmethod
    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:
        """The value of these bytes.

        Args:
            data: What ``dumps`` returned.
            fingerprint: The fingerprint of the serializer that wrote them; None if it is not known.

        Raises:
            CacheSerializationError: They are damaged, or were written for something else.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


@runtime_checkable
class DumpsLoads(Protocol):
    """An object that can become a serializer."""

    def dumps(self, value: Any, /) -> bytes:
        """The bytes of a value."""
        ...

    def loads(self, data: bytes, /) -> Any:
        """The value of these bytes."""


class Custom(Serializer):
    """A serializer made of any object with ``dumps`` and ``loads``, such as a module.

    Args:
        of: The object. Its ``dumps`` must return bytes.
        name: What to call it; left out, its own ``name`` or the name of its type or module.
        code: A number from 128 to 255 that stands beside each value; 255 is shared by all that chose none.

    Raises:
        CacheConfigError: A bad argument.

    >>> import marshal
    >>> serializer = Custom(marshal, code=130)
    >>> serializer.loads(serializer.dumps([1, 2]))
    [1, 2]
    >>> serializer
    Custom(marshal, code=130)
    """

    __slots__ = ("_of", "code", "name")

    def __init__(self, of: DumpsLoads, *, name: str | None = None, code: int = CUSTOM) -> None:
        for method in ("dumps", "loads"):
            if not callable(getattr(of, method, None)):
                raise CacheConfigError(f"serializer: an object of type {type(of).__name__} has no method {method}()")
        own = getattr(of, "name", None) or getattr(of, "__name__", None)
        self._of = of
        self.name = name or (own if isinstance(own, str) else type(of).__name__)
        self.code = checked_code(code, self.name)

    def dumps(self, value: Any, /) -> bytes:
        """What the object's ``dumps`` returns, which must be bytes."""
        try:
            data = self._of.dumps(value)
        except CacheSerializationError:
            raise
        except Exception as error:
            problem = f"cannot be written by the serializer {self.name}: {type(error).__name__}: {error}"
            raise CacheSerializationError(problem, "") from error
        if not isinstance(data, bytes):
            raise CacheSerializationError(
                f"the serializer {self.name} returned {type(data).__name__} instead of bytes; "
                'let its dumps() encode the text, or use "json"'
            )
        return data

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:  # noqa: ARG002
        """What the object's ``loads`` returns."""
        data = as_bytes(data)
        try:
            return self._of.loads(data)
        except CacheSerializationError:
            raise
        except Exception as error:
            raise unreadable(data, self.name, f"{type(error).__name__}: {error}") from error

    def __repr__(self) -> str:
        return f"Custom({self.name}, code={self.code})"


def checked_code(code: object, name: str) -> int:
    """`code` if a serializer of a user's may have it."""
    if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= CUSTOM:
        raise CacheConfigError(f"serializer {name}: the code {code!r} is not a number from 128 to 255")
    if code in OURS:
        raise CacheConfigError(f"serializer {name}: the codes below 128 are those of omnicache; take one from 128 on")
    return code


def as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    """`data` as bytes, the same object if it is.

    Raises:
        TypeError: It is no bytes.
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"a stored value is bytes, not {type(data).__name__}")


def unreadable(data: bytes, name: str, why: str) -> CacheSerializationError:
    """The error about bytes that a serializer cannot read."""
    return CacheSerializationError(f"these {len(data)} bytes are not a value that the {name} serializer wrote: {why}")
