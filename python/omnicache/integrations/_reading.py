"""What an endpoint reads of a request: known from its parameters beforehand, and noted while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from ._identity import credential_like, found_outside
from ._types import Scope

__all__ = ["ADDRESS", "ALL", "NOTHING", "STATE", "Reads", "noting", "reads_of", "route_of"]

ALL = b":all"
"""Noted where all fields were read."""

ADDRESS = b":address"
"""Noted where the client's address was read."""

STATE = b":state"
"""Noted where something was read that others, who may have looked at any field, have put on the request."""

_FOUND = frozenset({"auth", "headers", "session", "state", "user"})
_AUTHORIZATION, _COOKIE = b"authorization", b"cookie"


@dataclass(frozen=True, slots=True)
class Reads:
    """What an endpoint and its dependencies read.

    Attributes:
        fields: Fields by which the response varies.
        credentials: Those among the fields that say who asks.
        anything: A dependency takes the request as a whole and may read any field. (What the endpoint itself reads of
            a request is noted while it runs.)
    """

    fields: frozenset[bytes] = frozenset()
    credentials: frozenset[bytes] = frozenset()
    anything: bool = False

    def identify(self, scope: Scope) -> bool:
        """Whether the request says, to this endpoint, who asks."""
        if self.anything:
            return found_outside(scope) or any(credential_like(name) for name, _ in scope["headers"])
        return bool(self.credentials) and any(name in self.credentials for name, _ in scope["headers"])


NOTHING = Reads()


def route_of(scope: Scope) -> Any:
    """FastAPI's route for the request, with what the routers around it add; None if it is not FastAPI's."""
    route = scope.get("route")
    around = scope.get("fastapi", {}).get("effective_route_context")
    if around is not None and getattr(around, "original_route", None) is route:
        return around
    return route if hasattr(route, "dependant") else None


def reads_of(route: Any) -> Reads:
    """What the endpoint of a route reads, from the parameters of it and of its dependencies."""
    if route is None:
        return NOTHING
    fields: set[bytes] = set()
    credentials: set[bytes] = set()
    anything = False
    for dependant in _tree(route.dependant):
        fields.update(field.alias.lower().encode("latin-1") for field in dependant.header_params)
        if dependant.cookie_params:
            credentials.add(_COOKIE)
        takes = dependant.request_param_name or getattr(dependant, "http_connection_param_name", None)
        if takes and dependant is not route.dependant:
            anything = True
            credentials |= {_AUTHORIZATION, _COOKIE}
        credentials.update(_scheme(dependant.call))
    credentials.update(name for name in fields if credential_like(name))
    return Reads(frozenset(fields | credentials), frozenset(credentials), anything)


def _tree(dependant: Any) -> Iterator[Any]:
    # A security scheme takes the request, but reads one thing of it.
    if not _scheme(dependant.call):
        yield dependant
        for below in dependant.dependencies:
            yield from _tree(below)
    else:
        yield _Scheme(dependant.call)


@dataclass(slots=True)
class _Scheme:
    call: Any
    header_params: tuple[Any, ...] = ()
    cookie_params: tuple[Any, ...] = ()
    request_param_name: str | None = None


def _scheme(call: object) -> set[bytes]:
    """The fields that a security scheme reads; none if it is no security scheme."""
    from fastapi.security.base import SecurityBase  # noqa: PLC0415 - Starlette alone may be installed

    if not isinstance(call, SecurityBase):
        return set()
    place = getattr(getattr(call.model, "in_", None), "value", None)
    name = getattr(call.model, "name", None)
    if place == "header" and isinstance(name, str):
        return {name.lower().encode("latin-1")}
    return {_COOKIE} if place == "cookie" else {_AUTHORIZATION}


@contextmanager
def noting(connection: HTTPConnection | None) -> Iterator[set[bytes]]:
    """Notes which fields are read of a request; the request is of its own class again afterwards."""
    noted: set[bytes] = set()
    if connection is None:
        yield noted
        return
    original = type(connection)
    connection.__class__ = _noted_class(original)
    connection._omnicache_note = noted.add  # type: ignore[attr-defined]
    try:
        yield noted
    finally:
        connection.__class__ = original


@lru_cache(maxsize=64)
def _noted_class(original: type[HTTPConnection]) -> type[HTTPConnection]:
    class Noted(original):  # type: ignore[misc, valid-type] # a class of the user's
        """A request that notes what is read of it."""

        _omnicache_note: Callable[[bytes], object]

        @property
        def headers(self) -> Headers:
            return _NotedHeaders(super().headers.raw, self._omnicache_note)

        @property
        def client(self) -> Any:
            self._omnicache_note(ADDRESS)
            return super().client

        @property
        def state(self) -> Any:
            self._omnicache_note(STATE)
            return super().state

        def __getitem__(self, key: str) -> Any:
            if key in _FOUND:
                self._omnicache_note(STATE)
            return super().__getitem__(key)

        @property
        def session(self) -> Any:
            self._omnicache_note(_COOKIE)
            return super().session

        @property
        def user(self) -> Any:
            self._omnicache_note(_COOKIE)
            self._omnicache_note(_AUTHORIZATION)
            return super().user

        @property
        def auth(self) -> Any:
            self._omnicache_note(_COOKIE)
            self._omnicache_note(_AUTHORIZATION)
            return super().auth

        @property
        def cookies(self) -> Any:
            self._omnicache_note(_COOKIE)
            return super().cookies

    return Noted


class _NotedHeaders(Headers):
    def __init__(self, raw: list[tuple[bytes, bytes]], note: Callable[[bytes], object]) -> None:
        super().__init__(raw=raw)
        self._note = note

    def __getitem__(self, key: str) -> str:
        self._note(key.lower().encode("latin-1"))
        return super().__getitem__(key)

    def getlist(self, key: str) -> list[str]:
        self._note(key.lower().encode("latin-1"))
        return super().getlist(key)

    def __contains__(self, key: Any) -> bool:
        self._note(str(key).lower().encode("latin-1"))
        return super().__contains__(key)

    def __iter__(self) -> Iterator[Any]:
        self._note(ALL)
        return super().__iter__()

    def keys(self) -> Any:
        self._note(ALL)
        return super().keys()

    def values(self) -> Any:
        self._note(ALL)
        return super().values()

    def items(self) -> Any:
        self._note(ALL)
        return super().items()

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        self._note(ALL)
        return super().raw
