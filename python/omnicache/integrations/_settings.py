"""What the integrations start from where a call says nothing: the configuration in force, or else a default."""

from __future__ import annotations

from typing import Any

from .. import _registry
from .._sentinels import DEFAULT
from ..cache import Cache
from ..config import described, setting

__all__ = ["found", "name_of", "said"]


def said(given: Any, name: str, default: Any) -> Any:
    """`given`, or if that is ``DEFAULT`` the key `name` of ``[integrations.fastapi]``, or else `default`."""
    return setting("fastapi", name, default) if given is DEFAULT else given


def name_of(given: str | None, default: str) -> str:
    """The name of a cache: the one given, or that of the configuration, or else `default`."""
    name: str = setting("fastapi", "default_cache", default) if given is None else given
    return name


def found(name: str) -> Cache | None:
    """The cache of that name, where the configuration puts it, if it lives."""
    options = described(name) or {}
    cache = _registry.find(options.get("namespace", _registry.DEFAULT_NAMESPACE), name)
    return cache if isinstance(cache, Cache) else None
