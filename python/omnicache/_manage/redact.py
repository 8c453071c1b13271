"""Backends as operators may see them: their settings without passwords, tokens and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..backends import Backend

__all__ = ["HIDDEN", "settings_of", "without_secrets"]

HIDDEN: Final = "***"
_WORDS: Final = ("password", "passwd", "secret", "token", "credential", "private", "api_key", "apikey", "auth")


def settings_of(backend: Backend) -> dict[str, Any]:
    """What a backend was made with, as plain data without secrets.

    >>> from omnicache import FileSystemBackend
    >>> settings_of(FileSystemBackend("/var/cache", max_bytes="1KiB"))["max_bytes"]
    1024
    """
    if not _made_of_fields(backend):
        return {"type": backend.name, "class": type(backend).__qualname__}
    named = {item.name: getattr(backend, item.name) for item in fields(backend) if item.repr}  # type: ignore[arg-type] # looked at
    return {"type": backend.name, **without_secrets(named)}


def without_secrets(value: Any) -> Any:
    """`value` with what is or may hold a secret hidden.

    >>> without_secrets({"url": "redis://me:pw@host:6379/0?password=x", "password": "pw", "db": 1})
    {'url': 'redis://me:***@host:6379/0?password=%2A%2A%2A', 'password': '***', 'db': 1}
    """
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if item is not None and _secret(str(name)) else without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(item) for item in value]
    if isinstance(value, str):
        return _address(value)
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return settings_of(value) if isinstance(value, Backend) else type(value).__qualname__


def _made_of_fields(backend: object) -> bool:
    return is_dataclass(backend)


def _secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return any(word in name for word in _WORDS)


def _address(text: str) -> str:
    """An address without its password; other text as it is."""
    if "://" not in text:
        return text
    try:
        url = urlsplit(text)
    except ValueError:
        return HIDDEN
    place = url.netloc
    if "@" in place:
        user, _, host = place.rpartition("@")
        name, colon, _ = user.partition(":")
        place = f"{name}{colon}{HIDDEN if colon else ''}@{host}"
    query = url.query
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        if any(_secret(name) for name, _ in pairs):
            query = urlencode([(name, HIDDEN if _secret(name) else item) for name, item in pairs])
    return urlunsplit((url.scheme, place, url.path, query, url.fragment))
