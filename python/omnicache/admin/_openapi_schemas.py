"""The schemas of the OpenAPI document: what is sent and what comes back."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["SCHEMAS", "ref"]


def ref(name: str) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = (), text: str = "") -> dict[str, Any]:
    """What comes back; later versions may say more."""
    made: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
    return {**made, "description": text} if text else made


def _given(properties: dict[str, Any], needed: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """What is sent, and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
        **more,
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_NUMBER: Final = {"type": "number"}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NAME: Final = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"}
_KEY: Final = {"type": "string"}
_TAGS: Final = {"type": "array", "items": {"type": "string", "minLength": 1}}
_TTL: Final = {
    "anyOf": [
        {"type": "number", "minimum": 0.001, "maximum": 3_000_000_000},
        {"type": "string", "pattern": "^[1-9][0-9]{0,3}(ms|s|m|h|d)$"},
        {"type": "null"},
    ],
    "description": 'Seconds, or text such as "5m"; null for ever.',
}
_SIZE: Final = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}, {"type": "null"}]}
_ENTRY: Final = {
    "key": _KEY,
    "value": {"description": "Anything that JSON can say."},
    "ttl": _TTL,
    "tags": _or_null(_TAGS),
    "priority": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
}

_EACH: Final = {"description": "As for a single entry; one that cannot be written does not keep the others out."}

SCHEMAS: Final[dict[str, Any]] = {
    "Cache": _object(
        {
            "name": _NAME,
            "strategy": _TEXT,
            "max_size": _or_null(_COUNT),
            "default_ttl": _or_null(_NUMBER),
            "namespace": _NAME,
            "entry_count": {**_or_null(_COUNT), "description": "null where it cannot be known now."},
            "created_at": _or_null(_MOMENT),
            "status": {"type": "string", "enum": ["active", "degraded", "maintenance", "shutdown"]},
            "backend": _TEXT,
            "max_bytes": _or_null(_COUNT),
            "backend_config": {"type": "object", "description": "The settings of the backend, without secrets."},
            "source": {"type": "string", "enum": ["live", "defined"]},
        }
    ),
    "NewCache": _given(
        {
            "name": _NAME,
            "strategy": {"type": ["string", "null"], "enum": ["lru", "lfu", "ttl", "size", "tinylfu", None]},
            "max_size": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000_000},
            "max_bytes": _SIZE,
            "default_ttl": _TTL,
            "namespace": _or_null(_NAME),
            "backend": {
                "type": ["string", "null"],
                "enum": ["memory", "filesystem", "tiered", "redis", None],
                "description": "A kind, or the address of a backend, such as redis://host:6379/0.",
            },
            "backend_config": {"type": ["object", "null"], "description": "The settings of the backend."},
            "default_idle": _TTL,
            "copy": {"type": ["string", "null"], "enum": ["none", "shallow", "deep", None]},
            "serializer": {"type": ["string", "null"], "enum": ["native", "json", "raw", None]},
            "compression": {"type": ["boolean", "object", "null"]},
            "fallback": {"type": ["string", "object", "null"], "description": "The backend that stands in."},
            "on_error": {"type": ["string", "null"], "enum": ["degrade", "raise", None]},
            "on_serialization_error": {"type": ["string", "null"], "enum": ["skip", "raise", None]},
            **dict.fromkeys(("stale", "stale_on_error", "retry_after"), _TTL),
            "refresh_at": {
                "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"enum": ["auto", None]}]
            },
            "timeout": {"description": "A duration, or an object with soft and hard."},
            "jitter": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "priority": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        },
        ("name",),
    ),
    "Entry": _object(
        {
            "key": _TEXT,
            "value": {"description": "The value, or what it is, if value_is_json is false."},
            "ttl": _or_null(_NUMBER),
            "expires_at": _or_null(_MOMENT),
            "access_count": _COUNT,
            "last_accessed": _or_null(_MOMENT),
            "created_at": _or_null(_MOMENT),
            "size_bytes": _COUNT,
            "tags": _TAGS,
            "priority": _NUMBER,
            "value_is_json": {"type": "boolean"},
            "version": {"type": "integer"},
        }
    ),
    "NewEntry": _given(_ENTRY, ("key", "value")),
    "Page": _object({"entries": {"type": "array", "items": ref("Entry")}, "next_cursor": _or_null(_TEXT)}),
    "BulkPut": _given(
        {
            "entries": {"type": "array", "items": _EACH},
            "default_ttl": _TTL,
        },
        ("entries",),
    ),
    "BulkDelete": _given(
        {
            "keys": {"type": ["array", "null"], "items": _KEY},
            "pattern": {"type": ["string", "null"]},
            "tags": _or_null(_TAGS),
        },
        (),
        description="At least one of the three.",
    ),
    "BulkResult": _object(
        {
            "success_count": _COUNT,
            "failure_count": _COUNT,
            "results": {
                "type": "array",
                "items": _object(
                    {"key": _TEXT, "status": {"type": "string", "enum": ["success", "failure"]}, "error": _TEXT},
                    ("error",),
                ),
            },
        }
    ),
    "Cleared": _object({"cleared_count": _COUNT}),
    "Statistics": _object(
        {
            "cache_name": _NAME,
            "hit_count": _COUNT,
            "miss_count": _COUNT,
            "hit_rate": {"type": "number", "minimum": 0, "maximum": 1},
            "eviction_count": _COUNT,
            "error_count": _COUNT,
            "total_size_bytes": _COUNT,
            "entry_count": _COUNT,
            "avg_access_time_ms": _NUMBER,
            "backend_status": {"type": "string", "enum": ["connected", "degraded", "disconnected"]},
            "last_reset": _or_null(_MOMENT),
            "namespace": _NAME,
            "disk_size_bytes": _or_null(_COUNT),
            **dict.fromkeys(
                (
                    *("set_count", "delete_count", "expiration_count", "load_count", "load_error_count"),
                    *("stale_served_count", "coalesced_count"),
                ),
                _COUNT,
            ),
        }
    ),
    "Why": _object(
        {
            "key": _TEXT,
            "found": {"type": "boolean"},
            "state": {"type": "string", "enum": ["fresh", "stale", "absent"]},
            "read_now": {"type": "string", "description": "What a read would do now."},
            "tier": {"type": ["string", "null"], "enum": ["memory", "near", "far", "fallback", None]},
            "backend": _TEXT,
            "age": _or_null(_NUMBER),
            "ttl": _or_null(_NUMBER),
            "remaining": _or_null(_NUMBER),
            "size_bytes": _or_null(_COUNT),
            "access_count": _or_null(_COUNT),
            "tags": {
                "type": "array",
                "items": _object(
                    {"name": _TEXT, "generation": _or_null(_COUNT), "written_in": _or_null(_COUNT)},
                ),
            },
            "priority": _or_null(_NUMBER),
            "loading": {"type": "boolean"},
            "expires_at": _or_null(_MOMENT),
        }
    ),
    "Error": _object(
        {
            "error": {"type": "string", "description": "A code, such as CACHE_NOT_FOUND."},
            "message": _TEXT,
            "details": {"type": "object"},
            "timestamp": _MOMENT,
        }
    ),
}
