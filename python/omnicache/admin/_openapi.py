"""The OpenAPI document of the REST API."""

from __future__ import annotations

from typing import Any, Final

from .._manage.management import DEFAULT_LIMIT, MAX_LIMIT
from .._omnicache import __version__
from ._openapi_schemas import SCHEMAS, ref

__all__ = ["document"]

_NAME: Final = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"}


def _query(name: str, schema: dict[str, Any], text: str, *, needed: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": needed, "schema": schema, "description": text}


_PATH_NAME: Final = {"name": "name", "in": "path", "required": True, "schema": _NAME, "description": "The cache."}
_PATH_KEY: Final = {
    "name": "key",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": (
        "The key, percent-encoded, slashes too. Keys that are not text, and text that begins with json: or key:, are "
        'written as listings show them: json:1, json:["user",1], key:0a0b. The keys bulk, . and .. are written as '
        'JSON here, json:"bulk", and so is the key that is empty.'
    ),
}
_NAMESPACE: Final = _query(
    "namespace", _NAME, "The namespace; needed only where several have a cache of this name, none of them the default."
)
_PATTERN: Final = _query(
    "pattern",
    {"type": "string", "minLength": 1},
    "A glob over the text of keys: *, ?, [abc], [!a-z].",
)
_TAGS: Final = _query(
    "tags",
    {"type": "string", "pattern": r"^[^,\\]+(,[^,\\]+)*$"},
    r"Any of these tags, divided by commas; \, is a comma in a tag.",
)


def _answer(text: str, schema: dict[str, Any] | None = None, kind: str = "application/json") -> dict[str, Any]:
    found: dict[str, Any] = {"description": text}
    return found if schema is None else {**found, "content": {kind: {"schema": schema}}}


_ERRORS: Final = {
    "400": "What was asked for cannot be.",
    "404": "There is no such cache or entry.",
    "409": "There is a cache of this name.",
}


def _call(
    name: str,
    text: str,
    answers: dict[str, dict[str, Any]],
    errors: tuple[str, ...] = (),
    parameters: tuple[dict[str, Any], ...] = (),
    body: str | None = None,
) -> dict[str, Any]:
    """An operation. Whatever else goes wrong has an answer of the same form."""
    found: dict[str, Any] = {
        "operationId": name,
        "summary": text,
        "parameters": list(parameters),
        "responses": {
            **answers,
            **{status: _answer(_ERRORS[status], ref("Error")) for status in errors},
            "default": _answer("Any other error.", ref("Error")),
        },
    }
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    return found


def _paths() -> dict[str, Any]:
    of_cache, of_entry = (_PATH_NAME, _NAMESPACE), (_PATH_NAME, _PATH_KEY, _NAMESPACE)
    bad, absent = ("400",), ("400", "404")
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return {
        "/cache": {
            "post": _call(
                "createCache",
                "Makes a cache.",
                {"201": _answer("It is made.", ref("Cache"))},
                ("400", "409"),
                body="NewCache",
            ),
            "get": _call(
                "listCaches",
                "Every cache.",
                {"200": _answer("The caches.", {"type": "array", "items": ref("Cache")})},
                bad,
                (_query("namespace", _NAME, "Only those of this namespace."),),
            ),
        },
        "/cache/{name}": {
            "get": _call("getCache", "A cache.", {"200": _answer("The cache.", ref("Cache"))}, absent, of_cache),
            "delete": _call(
                "deleteCache",
                "Removes a cache, its entries and its definition; a living cache is closed.",
                {"204": _answer("It is gone.")},
                absent,
                of_cache,
            ),
        },
        "/cache/{name}/entries": {
            "post": _call(
                "putEntry",
                "Writes an entry.",
                {"201": _answer("It is written.", ref("Entry"))},
                absent,
                of_cache,
                "NewEntry",
            ),
            "get": _call(
                "listEntries",
                "Entries in the order of their keys. A value longer than 64 KiB is described.",
                {"200": _answer("A page of entries.", ref("Page"))},
                absent,
                (
                    *of_cache,
                    {**_PATTERN, "schema": {"type": "string"}},
                    {**_TAGS, "schema": {"type": "string"}},
                    _query("limit", limit, "The most entries on the page."),
                    _query("cursor", {"type": "string"}, "The next_cursor of the page before."),
                ),
            ),
        },
        "/cache/{name}/entries/{key}": {
            "get": _call(
                "getEntry",
                "An entry.",
                {"200": _answer("The entry.", ref("Entry"))},
                absent,
                (*of_entry, _query("count", {"type": "boolean"}, "Whether this counts as a read; true if left out.")),
            ),
            "delete": _call("deleteEntry", "Removes an entry.", {"204": _answer("It is gone.")}, absent, of_entry),
        },
        "/cache/{name}/entries/bulk": {
            "post": _call(
                "bulkPut",
                "Writes many entries.",
                {"207": _answer("What became of each.", ref("BulkResult"))},
                absent,
                of_cache,
                "BulkPut",
            ),
            "delete": _call(
                "bulkDelete",
                "Removes these keys, and what matches the pattern and carries any of the tags.",
                {"207": _answer("What became of each key that was named.", ref("BulkResult"))},
                absent,
                of_cache,
                "BulkDelete",
            ),
        },
        "/cache/{name}/clear": {
            "post": _call(
                "clearCache",
                "Removes every entry, or what matches the pattern and carries any of the tags.",
                {"200": _answer("How many went.", ref("Cleared"))},
                absent,
                (*of_cache, _PATTERN, _TAGS),
            )
        },
        "/cache/{name}/statistics": {
            "get": _call(
                "getStatistics",
                "What a cache did.",
                {"200": _answer("The statistics.", ref("Statistics"))},
                absent,
                of_cache,
            )
        },
        "/cache/{name}/why": {
            "get": _call(
                "why",
                "How the entry of a key stands, and what a read would do now. Counts as no read.",
                {"200": _answer("How it stands.", ref("Why"))},
                absent,
                (*of_cache, _query("key", {"type": "string"}, "The key.", needed=True)),
            )
        },
        "/metrics": {
            "get": _call(
                "metrics",
                "The statistics of all caches, for Prometheus.",
                {"200": _answer("The metrics.", {"type": "string"}, "text/plain")},
            )
        },
    }


def document(root: str = "") -> dict[str, Any]:
    """The document, for an API that is mounted at `root`.

    >>> document("/caches")["servers"]
    [{'url': '/caches'}]
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OmniCache",
            "version": __version__,
            "description": "The caches of a process, or of a registry file.",
        },
        "servers": [{"url": root or "/"}],
        "security": [{}, {"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Needed unless asked from this machine."}
            },
        },
    }
