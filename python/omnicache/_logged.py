"""What every record in the log carries besides its text, so that machines need not read the text.

The loggers are ``omnicache``, ``omnicache.integrations`` for what happens in web frameworks, and ``omnicache.admin``
for what happens while operators are served. Each record has all four attributes, None where there is nothing to say:
``omnicache_event``, ``omnicache_cache``, ``omnicache_namespace``, ``omnicache_key``, which is text: a str key as it is,
any other as its shortened ``repr``. The names of the events are fixed.
"""

from __future__ import annotations

import reprlib
from typing import Any, Literal, TypeAlias

__all__ = ["LogEvent", "logged"]

LogEvent: TypeAlias = Literal[
    "admin_ended",
    "admin_not_started",
    "backend_back",
    "backend_failed",
    "cache_passed_by",
    "callback_failed",
    "cleanup_failed",
    "cleanup_without_thread",
    "entry_unreadable",
    "file_set_aside",
    "refresh_failed",
    "request_failed",
    "stale_served",
    "strategy_failed",
    "value_not_kept",
]


def logged(
    event: LogEvent, *, cache: str | None = None, namespace: str | None = None, key: object = None
) -> dict[str, Any]:
    """The attributes of a record, for ``extra=``.

    >>> logged("backend_back", cache="users", namespace="default")["omnicache_event"]
    'backend_back'
    """
    text = key if key is None or isinstance(key, str) else reprlib.repr(key)
    return {
        "omnicache_event": event,
        "omnicache_cache": cache,
        "omnicache_namespace": namespace,
        "omnicache_key": text,
    }
