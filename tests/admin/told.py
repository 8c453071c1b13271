"""What the REST API tells: the fields of each object, and what every error is."""

from datetime import datetime
from typing import Any

CACHE = {"name", "strategy", "max_size", "default_ttl", "namespace", "entry_count", "created_at", "status", "backend"}
ENTRY = {
    *("key", "value", "ttl", "expires_at", "access_count", "last_accessed", "created_at", "size_bytes", "tags"),
    "priority",
}
STATISTICS = {
    *("cache_name", "hit_count", "miss_count", "hit_rate", "eviction_count", "error_count", "total_size_bytes"),
    *("entry_count", "avg_access_time_ms", "backend_status", "last_reset"),
}


def fails(answer: Any, status: int, code: str) -> dict[str, Any]:
    """An error is the same object everywhere."""
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert set(error) == {"error", "message", "details", "timestamp"}
    assert error["error"] == code
    assert error["message"]
    assert datetime.fromisoformat(error["timestamp"]).tzinfo is not None
    return error
