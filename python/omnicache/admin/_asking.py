"""What a request says: its path as it was sent, its query, its body; anything doubtful is refused."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from .. import _registry
from .._manage.errors import InvalidInput
from .._manage.strictjson import loads
from .._manage.taglist import split
from ..exceptions import CacheConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request
    from starlette.types import Scope

__all__ = ["Unfit", "body_of", "cache_ref", "key_text", "query_of", "raw_scope", "tags_from"]

MAX_TARGET: Final = 32 * 1024
MAX_HEADERS: Final = 32 * 1024
PATIENCE: Final = 30.0
"""Seconds in which the body of a request must be there."""
_LIMIT: Final = re.compile(r"[0-9]{1,6}")


class Unfit(InvalidInput):
    """A request that HTTP has a status of its own for."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status: Final = status
        self.code: Final = code


def raw_scope(scope: Scope) -> Scope:
    """`scope` with the path as it was sent, so that a slash in a key is told from one between the parts."""
    raw, root = scope.get("raw_path"), scope.get("root_path", "")
    if not raw:
        return scope
    path = raw.partition(b"?")[0].decode("latin-1")
    return {**scope, "path": path} if path.startswith(root) else scope


def sizes_checked(scope: Scope) -> None:
    """Refuses a request whose head is too large."""
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > MAX_TARGET:
        raise Unfit(f"the address is longer than {MAX_TARGET} bytes", 414, "URI_TOO_LONG")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        raise Unfit(f"the headers are longer than {MAX_HEADERS} bytes", 431, "HEADERS_TOO_LARGE")


def cache_ref(request: Request, query: dict[str, list[str]]) -> str:
    """The cache that the path names, with the namespace of the query."""
    name = _decoded(request.path_params["name"], "cache name")
    namespace = single(query, "namespace")
    try:
        if namespace is None:
            # ``namespace:name`` is understood too.
            return name
        _registry.check_name("cache name", name)
        return f"{_registry.check_name('namespace', namespace)}:{name}"
    except CacheConfigError as error:
        raise InvalidInput(str(error)) from None


def key_text(request: Request) -> str:
    """The key that the path ends with."""
    text = _decoded(request.path_params["key"], "key")
    if not text:
        raise InvalidInput('key: the path ends without one; the key that is empty is written json:""')
    return text


def _decoded(part: str, what: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise InvalidInput(f"{what}: the percent-encoding in the path is not UTF-8") from None


def query_of(request: Request, known: Collection[str]) -> dict[str, list[str]]:
    """The parameters after the question mark, by name.

    Raises:
        InvalidInput: One is not `known`, or cannot be read.
    """
    try:
        pairs = parse_qsl(
            request.scope.get("query_string", b"").decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=1000,
        )
    except ValueError:
        raise InvalidInput("query: not percent-encoded UTF-8, or too many parameters") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in known:
            hint = f"the parameters are {', '.join(sorted(known))}" if known else "there are none here"
            raise InvalidInput(f"query: there is no parameter {name[:60]!r}; {hint}")
        found.setdefault(name, []).append(value)
    return found


def single(query: dict[str, list[str]], name: str) -> str | None:
    """The one value of a parameter, None if it is not there."""
    values = query.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise InvalidInput(f"query: {name} is there {len(values)} times")
    return values[0]


def limit_from(query: dict[str, list[str]], default: int) -> int:
    """The parameter ``limit``."""
    text = single(query, "limit")
    if text is None:
        return default
    if _LIMIT.fullmatch(text) is None:
        raise InvalidInput(f"limit: a whole number, not {text[:60]!r}")
    return int(text)


def tags_from(query: dict[str, list[str]]) -> list[str] | None:
    """The parameter ``tags``: divided by commas, or repeated; a backslash keeps a comma in a tag."""
    values = query.get("tags")
    if values is None:
        return None
    tags = [tag for value in values for tag in split(value)]
    if not tags:
        raise InvalidInput("tags: none is named; leave the parameter out")
    return tags


def filled(query: dict[str, list[str]], name: str) -> str | None:
    """As :func:`single`, but an empty value is refused: a script whose variable is empty must not mean everything."""
    value = single(query, name)
    if value == "":
        raise InvalidInput(f"{name}: empty; leave the parameter out")
    return value


async def body_of(request: Request, most: int) -> bytes:
    """The body, if it is not too long and comes in time.

    Raises:
        Unfit: It is not.
    """
    said = request.headers.get("content-length")
    if said is not None and (not said.isdecimal() or len(said) > 18 or int(said) > most):  # noqa: PLR2004 - digits
        raise Unfit(f"the body is longer than {most} bytes", 413, "PAYLOAD_TOO_LARGE")
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                length += len(part)
                if length > most:
                    raise Unfit(f"the body is longer than {most} bytes", 413, "PAYLOAD_TOO_LARGE")
                parts.append(part)
    except TimeoutError:
        raise Unfit(f"the body was not there within {PATIENCE:g} seconds", 408, "REQUEST_TIMEOUT") from None
    data = b"".join(parts)
    kind = request.headers.get("content-type")
    if (data or kind is not None) and (kind or "").partition(";")[0].strip().lower() != "application/json":
        raise Unfit("the body must be JSON: Content-Type: application/json", 415, "UNSUPPORTED_MEDIA_TYPE")
    return data


def object_of(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object that a body is."""
    if not data:
        raise InvalidInput(f"{what}: a JSON object is needed in the body")
    value = loads(data)
    if not isinstance(value, dict):
        raise InvalidInput(f"{what}: a JSON object, not {type(value).__name__}")
    return value
