"""`Pickle`: any Python object, at a price."""

from __future__ import annotations

import hmac
import importlib
import io
import pickle
import warnings
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from omnicache.exceptions import CacheConfigError, CacheSerializationError

from ._base import Serializer, as_bytes, unreadable
from ._find import find

PROTOCOL = 5
"""Fixed, so that every supported Python reads what another one wrote."""

SHORTEST_SECRET = 16
SIGNED = b"\x01"  # a pickle starts with 0x80
MAC = 32
WILD = frozenset("*?[")
CONTEXT = b"omnicache signed pickle 1\0"


class Pickle(Serializer):
    """Writes any object that :mod:`pickle` can. Never the default: **reading a pickle can run any code**.

    Whoever can write to the store (a server, a directory) then runs code in every process that reads it. A `secret`
    closes that door: what was not signed with it is not read. An allow-list makes it narrower: only the named types are
    looked up, but what they do when they are made is theirs. With neither a warning is given.

    Args:
        secret: At least 16 random bytes, the same in every process, or a list of such. The first signs, all verify: to
            change it put the new one first, and take the old one away when nothing signed with it is left. A signature
            says who wrote a value, not under which key or when.
        allow: What a pickle may name: types, exact names such as ``"myapp.models.User"``, and patterns such as
            ``"myapp.models.*"``, which stand for the classes defined in that module. Builtin containers, numbers and
            text need no name.

    Raises:
        CacheConfigError: A bad argument.

    >>> import secrets
    >>> from datetime import date
    >>> pickled = Pickle(secret=secrets.token_bytes(32), allow=[date])
    >>> pickled.loads(pickled.dumps({"at": date(2026, 1, 1)}))
    {'at': datetime.date(2026, 1, 1)}
    >>> from fractions import Fraction
    >>> try:
    ...     pickled.loads(pickled.dumps(Fraction(1, 2)))
    ... except CacheSerializationError as error:
    ...     print("fractions.Fraction" in str(error))
    True
    """

    __slots__ = ("_allow", "_secrets")

    name = "pickle"
    code = 3

    def __init__(
        self, secret: bytes | Iterable[bytes] | None = None, *, allow: Iterable[type | str] | None = None
    ) -> None:
        self._secrets = _secrets(secret)
        self._allow = None if allow is None else Allowed(allow)
        if not self._secrets and self._allow is None:
            warnings.warn(
                "Pickle() without a secret: whoever can write to the store can run code in this process; "
                "give it secret=..., or use the native serializer",
                RuntimeWarning,
                stacklevel=2,
            )

    def dumps(self, value: Any, /) -> bytes:
        """The pickle of `value`, signed if there is a secret."""
        try:
            data = pickle.dumps(value, PROTOCOL)
        except Exception as error:
            path, part = find(value, _fails)
            problem = f"is of type {_full_name(type(part))}, which pickle cannot write: {error}; store the data in it"
            raise CacheSerializationError(problem, path) from error
        return SIGNED + _sign(self._secrets[0], data) + data if self._secrets else data

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:  # noqa: ARG002
        """The value of this pickle, once its signature is verified.

        Raises:
            CacheSerializationError: It is not signed with a secret that is known, or names what is not allowed.
        """
        data = as_bytes(data)
        if self._secrets:
            body = self._verified(data)
        elif data[:1] == SIGNED:
            raise unreadable(data, "pickle", "they are signed; give this serializer the secret")
        else:
            body = data
        try:
            if self._allow is None:
                return pickle.loads(body)  # noqa: S301 - signed, or the user was warned
            return Restricted(body, self._allow).load()
        except CacheSerializationError:
            raise
        except Exception as error:  # a damaged pickle raises anything
            raise unreadable(data, "pickle", f"{type(error).__name__}: {error}") from error

    def _verified(self, data: bytes) -> bytes:
        """The pickle in `data`."""
        if data[:1] != SIGNED or len(data) <= MAC:
            raise unreadable(data, "pickle", "they are not signed")
        given, body = data[1 : 1 + MAC], data[1 + MAC :]
        # Each is compared, so that the time does not tell which one fits.
        known = sum(hmac.compare_digest(_sign(secret, body), given) for secret in self._secrets)
        if not known:
            raise unreadable(data, "pickle", "they are not signed with a secret that this serializer knows")
        return body

    def __repr__(self) -> str:
        secrets = {0: "", 1: "secret=***"}.get(len(self._secrets), f"secret=[{len(self._secrets)} of them]")
        allow = "" if self._allow is None else f"allow={self._allow}"
        return f"Pickle({', '.join(filter(None, (secrets, allow)))})"


class Allowed:
    """What a pickle may name."""

    __slots__ = ("exact", "patterns", "types")

    def __init__(self, entries: Iterable[type | str]) -> None:
        if isinstance(entries, str | type):
            raise CacheConfigError("Pickle: allow: give a list of types and names")
        self.types: dict[tuple[str, str], type] = {}
        self.exact: set[str] = set()
        self.patterns: list[str] = []
        for entry in entries:
            if isinstance(entry, type):
                self.types[entry.__module__, entry.__qualname__] = entry
            else:
                self._add_name(entry)

    def _add_name(self, name: object) -> None:
        if not isinstance(name, str) or "." not in name:
            raise CacheConfigError(f'Pickle: allow: {name!r} is neither a type nor a name such as "myapp.models.User"')
        if not WILD & set(name):
            self.exact.add(name)
        elif WILD & set(name.partition(".")[0]):
            raise CacheConfigError(f"Pickle: allow: {name!r} would allow everything; start with a module")
        else:
            self.patterns.append(name)

    def find(self, module: str, name: str) -> object:
        """The object of this name, which a pickle asks for."""
        if (module, name) in self.types:
            return self.types[module, name]
        full = f"{module}.{name}"
        if full in self.exact:
            return _named(module, name)
        if any(fnmatchcase(full, pattern) for pattern in self.patterns):
            # A module also holds what it imports; a pattern means what it defines.
            found = _named(module, name)
            if isinstance(found, type) and (found.__module__, found.__qualname__) == (module, name):
                return found
        raise CacheSerializationError(
            f"a pickle names {full}, which is not allowed; add it to allow= if reading it is safe"
        )

    def __repr__(self) -> str:
        names = [f"{module}.{name}" for module, name in self.types] + sorted(self.exact) + self.patterns
        return f"[{', '.join(names)}]"


class Restricted(pickle.Unpickler):
    """Reads a pickle that names nothing but what is allowed."""

    def __init__(self, data: bytes, allowed: Allowed) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed = allowed

    def find_class(self, module: str, name: str, /) -> Any:
        """What the pickle asks for, if it may."""
        return self._allowed.find(module, name)


def _named(module: str, name: str) -> object:
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _sign(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, CONTEXT + data, "sha256")


def _secrets(secret: bytes | Iterable[bytes] | None) -> tuple[bytes, ...]:
    if secret is None:
        return ()
    # What the annotation rules out is what a user may get wrong.
    given: tuple[object, ...] = (secret,) if isinstance(secret, bytes | bytearray | str) else tuple(secret)
    if any(isinstance(one, str) for one in given):
        raise CacheConfigError("Pickle: secret: give bytes, such as text.encode()")
    if not given:
        raise CacheConfigError("Pickle: secret: the list is empty; give a secret, or None for none")
    secrets = [bytes(one) for one in given if isinstance(one, bytes | bytearray) and len(one) >= SHORTEST_SECRET]
    if len(secrets) < len(given):
        raise CacheConfigError(  # it is not shown
            f"Pickle: secret: each is at least {SHORTEST_SECRET} random bytes, such as secrets.token_bytes(32)"
        )
    return tuple(secrets)


def _fails(value: object) -> bool:
    try:
        pickle.dumps(value, PROTOCOL)
    except Exception:  # noqa: BLE001 - any error of any object's own code
        return True
    return False


def _full_name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
