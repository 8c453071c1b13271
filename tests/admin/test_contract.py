"""The REST API as it is promised: each call, what it brings, and what it answers when it cannot."""

from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

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


# --- caches ---


def test_a_cache_is_made(client: TestClient):
    sent = {"name": "users", "strategy": "lfu", "max_size": 10, "default_ttl": "5m", "namespace": "shop"}
    answer = client.post("/cache", json=sent)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() >= CACHE
    assert (made["name"], made["strategy"], made["max_size"], made["default_ttl"]) == ("users", "lfu", 10, 300)
    assert (made["namespace"], made["entry_count"], made["status"]) == ("shop", 0, "active")
    assert client.get(answer.headers["location"]).json() == made


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "name"),
        ({"name": "../x", "strategy": "lru"}, "cannot be used"),
        ({"name": "", "strategy": "lru"}, "cannot be used"),
        ({"name": "a b"}, "cannot be used"),
        ({"name": 1}, "text"),
        ({"name": "a", "strategy": "rul"}, "lru"),
        ({"name": "a", "strategy": 3}, "strategy"),
        ({"name": "a", "max_size": 0}, "max_size"),
        ({"name": "a", "max_size": "many"}, "max_size"),
        ({"name": "a", "default_ttl": -1}, "default_ttl"),
        ({"name": "a", "namespace": "a/b"}, "namespace"),
        ({"name": "a", "max_sise": 3}, "max_sise"),
        ({"name": "a", "backend": "nowhere"}, "backend"),
        ({"name": "a", "backend_config": 3}, "backend_config"),
        ({"name": "a", "backend_config": {"type": "filesystem", "directory": "/etc"}}, "elsewhere"),
        ({"name": "a", "backend_config": {"type": "filesystem", "directory": "../.."}}, "elsewhere"),
        ({"name": "a", "backend": "file:/etc/omnicache"}, "elsewhere"),
        ({"name": "a", "serializer": "pickle"}, "pickle"),
        ([], "object"),
        ("users", "object"),
    ],
)
def test_a_cache_that_cannot_be_is_not_made(client: TestClient, sent: Any, words: str):
    error = fails(client.post("/cache", json=sent), 400, "VALIDATION_ERROR")
    assert words in error["message"]
    assert client.get("/cache").json() == []


def test_a_name_is_taken_once(client: TestClient, users: str):
    fails(client.post("/cache", json={"name": users}), 409, "CACHE_EXISTS")


def test_caches_are_listed(client: TestClient):
    for name, namespace in (("b", "one"), ("a", "one"), ("c", "two")):
        client.post("/cache", json={"name": name, "namespace": namespace})
    answer = client.get("/cache")
    assert answer.status_code == 200
    assert [row["name"] for row in answer.json()] == ["a", "b", "c"]
    assert all(row.keys() >= CACHE for row in answer.json())
    assert [row["name"] for row in client.get("/cache?namespace=two").json()] == ["c"]
    assert client.get("/cache?namespace=none").json() == []
    fails(client.get("/cache?namespace=a/b"), 400, "VALIDATION_ERROR")


def test_a_cache_is_told_of(client: TestClient, users: str):
    answer = client.get(f"/cache/{users}")
    assert answer.status_code == 200
    assert (answer.json()["entry_count"], answer.json()["max_size"]) == (3, 100)
    fails(client.get("/cache/nobody"), 404, "CACHE_NOT_FOUND")


def test_a_cache_is_deleted_with_what_is_in_it(client: TestClient, users: str):
    answer = client.delete(f"/cache/{users}")
    assert (answer.status_code, answer.content) == (204, b"")
    fails(client.get(f"/cache/{users}"), 404, "CACHE_NOT_FOUND")
    fails(client.delete(f"/cache/{users}"), 404, "CACHE_NOT_FOUND")
    assert client.post("/cache", json={"name": users}).json()["entry_count"] == 0


# --- one entry ---


def test_an_entry_is_written(client: TestClient, users: str):
    sent = {"key": "a", "value": {"b": [1, 2.5]}, "ttl": "1m", "tags": ["x", "y"], "priority": 0.75}
    answer = client.post(f"/cache/{users}/entries", json=sent)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() >= ENTRY
    assert (made["key"], made["value"], made["ttl"], made["priority"]) == ("a", {"b": [1, 2.5]}, 60, 0.75)
    assert sorted(made["tags"]) == ["x", "y"]
    born, ends = (datetime.fromisoformat(made[name]) for name in ("created_at", "expires_at"))
    assert 59 < (ends - born).total_seconds() < 61
    assert client.get(answer.headers["location"]).json()["value"] == {"b": [1, 2.5]}


@pytest.mark.parametrize(
    "sent",
    [
        {"key": "a"},
        {"value": 1},
        {"key": 1, "value": 1},
        {"key": None, "value": 1},
        {"key": "a", "value": 1, "ttl": 0},
        {"key": "a", "value": 1, "ttl": -5},
        {"key": "a", "value": 1, "ttl": "soon"},
        {"key": "a", "value": 1, "ttl": True},
        {"key": "a", "value": 1, "ttl": [1]},
        {"key": "a", "value": 1, "tags": "x"},
        {"key": "a", "value": 1, "tags": [""]},
        {"key": "a", "value": 1, "tags": [1]},
        {"key": "a", "value": 1, "priority": 2},
        {"key": "a", "value": 1, "priority": "high"},
        {"key": "a", "value": 1, "ttll": 3},
        {"key": "json:{}", "value": 1},
        {"key": "key:zz", "value": 1},
        [],
    ],
)
def test_an_entry_that_cannot_be_is_not_written(client: TestClient, users: str, sent: Any):
    fails(client.post(f"/cache/{users}/entries", json=sent), 400, "VALIDATION_ERROR")
    assert client.get(f"/cache/{users}").json()["entry_count"] == 3


def test_an_entry_needs_a_cache(client: TestClient):
    fails(client.post("/cache/nobody/entries", json={"key": "a", "value": 1}), 404, "CACHE_NOT_FOUND")


def test_an_entry_lives_as_long_as_the_cache_says(client: TestClient):
    client.post("/cache", json={"name": "brief", "default_ttl": 60})
    assert client.post("/cache/brief/entries", json={"key": "a", "value": 1}).json()["ttl"] == 60
    made = client.post("/cache/brief/entries", json={"key": "b", "value": 1, "ttl": None}).json()
    assert (made["ttl"], made["expires_at"]) == (None, None)


def test_an_entry_is_read(client: TestClient, users: str):
    answer = client.get(f"/cache/{users}/entries/user:1")
    assert answer.status_code == 200
    assert answer.json().keys() >= ENTRY
    assert answer.json()["value"] == {"name": "Ada"}
    fails(client.get(f"/cache/{users}/entries/user:9"), 404, "ENTRY_NOT_FOUND")
    fails(client.get("/cache/nobody/entries/a"), 404, "CACHE_NOT_FOUND")


def test_reading_is_counted_and_looking_is_not(client: TestClient, users: str):
    before = client.get(f"/cache/{users}/statistics").json()
    client.get(f"/cache/{users}/entries/user:1")
    client.get(f"/cache/{users}/entries/nobody")
    client.get(f"/cache/{users}/entries/user:1?count=false")
    client.get(f"/cache/{users}/entries")
    client.get(f"/cache/{users}/why?key=user:1")
    after = client.get(f"/cache/{users}/statistics").json()
    assert after["hit_count"] == before["hit_count"] + 1
    assert after["miss_count"] == before["miss_count"] + 1


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("team/1", "team%2F1"),
        ("a b", "a%20b"),
        ("a/b", "a/b"),
        ("..", "json%3A%22..%22"),
        ("bulk", "json%3A%22bulk%22"),
        ("", "json%3A%22%22"),
        ("naïve 🐝", "na%C3%AFve%20%F0%9F%90%9D"),
        ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ("%2F", "%252F"),
        ("why", "why"),
        ("clear", "clear"),
        ("line\nend", "line%0Aend"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        ("<script>", "%3Cscript%3E"),
        ("json:1", "json%3A1"),
        ('json:["user",1]', "json%3A%5B%22user%22%2C1%5D"),
    ],
)
def test_any_key_is_addressed(client: TestClient, users: str, key: str, path: str):
    made = client.post(f"/cache/{users}/entries", json={"key": key, "value": key})
    assert made.status_code == 201
    assert made.json()["key"] == key
    assert client.get(made.headers["location"]).json()["value"] == key
    assert client.get(f"/cache/{users}/entries/{path}").json()["value"] == key
    assert client.delete(f"/cache/{users}/entries/{path}").status_code == 204
    fails(client.get(f"/cache/{users}/entries/{path}"), 404, "ENTRY_NOT_FOUND")


def test_an_entry_is_deleted(client: TestClient, users: str):
    answer = client.delete(f"/cache/{users}/entries/user:1")
    assert (answer.status_code, answer.content) == (204, b"")
    fails(client.delete(f"/cache/{users}/entries/user:1"), 404, "ENTRY_NOT_FOUND")
    fails(client.delete("/cache/nobody/entries/a"), 404, "CACHE_NOT_FOUND")
    fails(client.get(f"/cache/{users}/entries/"), 400, "VALIDATION_ERROR")
    fails(client.get(f"/cache/{users}/entries/%FF"), 400, "VALIDATION_ERROR")


# --- pages ---


def keys_of(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    assert all(row.keys() >= ENTRY for row in answer.json()["entries"])
    return [row["key"] for row in answer.json()["entries"]]


def test_entries_are_listed(client: TestClient, users: str):
    path = f"/cache/{users}/entries"
    assert sorted(keys_of(client.get(path))) == ["team/1", "user:1", "user:2"]
    assert sorted(keys_of(client.get(f"{path}?pattern=user:*"))) == ["user:1", "user:2"]
    assert keys_of(client.get(f"{path}?tags=new")) == ["user:2"]
    assert sorted(keys_of(client.get(f"{path}?tags=new,staff"))) == ["user:1", "user:2"]
    assert sorted(keys_of(client.get(f"{path}?tags=new&tags=staff"))) == ["user:1", "user:2"]
    assert keys_of(client.get(f"{path}?tags=staff&pattern=*1")) == ["user:1"]
    assert keys_of(client.get(f"{path}?pattern=zebra")) == []
    assert sorted(keys_of(client.get(f"{path}?pattern=&tags=&cursor="))) == ["team/1", "user:1", "user:2"]
    fails(client.get("/cache/nobody/entries"), 404, "CACHE_NOT_FOUND")


def test_pages_have_everything_once(client: TestClient):
    client.post("/cache", json={"name": "many", "max_size": 2000})
    rows = [{"key": f"k{number}", "value": number, "tags": ["even"] if number % 2 == 0 else []} for number in range(57)]
    client.post("/cache/many/entries/bulk", json={"entries": rows})
    for query, wanted in (
        ("", {row["key"] for row in rows}),
        ("&pattern=k1*", {row["key"] for row in rows if row["key"].startswith("k1")}),
        ("&tags=even", {row["key"] for row in rows if row["tags"]}),
    ):
        for limit in (1, 10, 57, 1000):
            found: list[str] = []
            cursor = ""
            while True:
                page = client.get(f"/cache/many/entries?limit={limit}{query}{cursor}").json()
                assert len(page["entries"]) <= limit
                found += [row["key"] for row in page["entries"]]
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            assert sorted(found) == sorted(wanted), (query, limit)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "limit=1e3",
            "limit=99999999999",
        ),
        *("cursor=zzz", "cursor=%00", "patern=x", "pattern=%FF", "pattern=a&pattern=b", "cursor=" + "A" * 5000),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: TestClient, users: str, query: str):
    fails(client.get(f"/cache/{users}/entries?{query}"), 400, "VALIDATION_ERROR")


# --- many ---


def test_many_are_written(client: TestClient, users: str):
    rows = [{"key": "a", "value": 1}, {"key": "b"}, {"key": "c", "value": 3, "ttl": 0}, 7, {"key": "d", "value": 4}]
    answer = client.post(f"/cache/{users}/entries/bulk", json={"entries": rows, "default_ttl": 60})
    assert answer.status_code == 207
    result = answer.json()
    assert (result["success_count"], result["failure_count"]) == (2, 3)
    assert [row["key"] for row in result["results"]] == ["a", "b", "c", "#3", "d"]
    assert [row["status"] for row in result["results"]] == ["success", "failure", "failure", "failure", "success"]
    assert all(("error" in row) == (row["status"] == "failure") for row in result["results"])
    assert client.get(f"/cache/{users}/entries/d").json()["ttl"] == 60


@pytest.mark.parametrize(
    "sent", [{}, {"entries": 1}, {"entries": {}}, {"entries": [], "default_ttl": 0, "x": 1}, [], {"rows": []}]
)
def test_many_that_cannot_be_are_refused(client: TestClient, users: str, sent: Any):
    fails(client.post(f"/cache/{users}/entries/bulk", json=sent), 400, "VALIDATION_ERROR")


def test_many_are_deleted(client: TestClient, users: str):
    path = f"/cache/{users}/entries/bulk"
    answer = client.request("DELETE", path, json={"keys": ["team/1", "nobody", 3]})
    assert answer.status_code == 207
    result = answer.json()
    assert (result["success_count"], result["failure_count"]) == (1, 2)
    assert [row["status"] for row in result["results"]] == ["success", "failure", "failure"]
    assert client.request("DELETE", path, json={"tags": ["new"]}).json()["success_count"] == 1
    assert client.request("DELETE", path, json={"pattern": "user:*"}).json()["success_count"] == 1
    assert client.get(f"/cache/{users}").json()["entry_count"] == 0


@pytest.mark.parametrize("sent", [{}, {"keys": "a"}, {"keys": None}, {"pattern": 1}, {"tags": "a"}, {"all": True}, []])
def test_a_deletion_of_nothing_named_is_refused(client: TestClient, users: str, sent: Any):
    fails(client.request("DELETE", f"/cache/{users}/entries/bulk", json=sent), 400, "VALIDATION_ERROR")
    assert client.get(f"/cache/{users}").json()["entry_count"] == 3


def test_a_cache_is_cleared(client: TestClient, users: str):
    path = f"/cache/{users}/clear"
    assert client.post(f"{path}?tags=new").json() == {"cleared_count": 1}
    assert client.post(f"{path}?pattern=team*").json() == {"cleared_count": 1}
    answer = client.post(path)
    assert (answer.status_code, answer.json()) == (200, {"cleared_count": 1})
    fails(client.post("/cache/nobody/clear"), 404, "CACHE_NOT_FOUND")


@pytest.mark.parametrize("query", ["pattern=", "tags=", "tags=,", "patern=user:*", "tag=x"])
def test_a_slip_of_the_pen_clears_nothing(client: TestClient, users: str, query: str):
    fails(client.post(f"/cache/{users}/clear?{query}"), 400, "VALIDATION_ERROR")
    assert client.get(f"/cache/{users}").json()["entry_count"] == 3


# --- looking ---


def test_statistics_are_told(client: TestClient, users: str):
    answer = client.get(f"/cache/{users}/statistics")
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() >= STATISTICS
    assert (found["cache_name"], found["entry_count"], found["backend_status"]) == (users, 3, "connected")
    assert datetime.fromisoformat(found["last_reset"]).tzinfo is not None
    fails(client.get("/cache/nobody/statistics"), 404, "CACHE_NOT_FOUND")


def test_metrics_are_told(client: TestClient, users: str):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f'omnicache_entries{{cache="{users}",namespace="default"}} 3' in answer.text


def test_why_tells_how_a_key_stands(client: TestClient, users: str):
    found = client.get(f"/cache/{users}/why?key=user:1").json()
    assert (found["state"], found["read_now"], found["ttl"]) == ("fresh", "hit", 300)
    assert 0 < found["remaining"] <= 300
    assert [tag["name"] for tag in found["tags"]] == ["staff"]
    absent = client.get(f"/cache/{users}/why?key=nobody").json()
    assert (absent["state"], absent["found"], absent["tier"]) == ("absent", False, None)
    fails(client.get(f"/cache/{users}/why"), 400, "VALIDATION_ERROR")


def test_a_cache_is_found_in_its_namespace(client: TestClient):
    client.post("/cache", json={"name": "orders", "namespace": "shop"})
    client.post("/cache/orders/entries?namespace=shop", json={"key": "a", "value": 1})
    assert client.get("/cache/orders/entries/a").json()["value"] == 1
    assert client.get("/cache/shop:orders/entries/a").json()["value"] == 1
    fails(client.get("/cache/orders?namespace=other"), 404, "CACHE_NOT_FOUND")
    fails(client.get("/cache/orders?namespace=a/b"), 400, "VALIDATION_ERROR")
    fails(client.get("/cache/a:b:c"), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "%2e%2e", "a%00b", "a%20b", "%FF", "a%2Fb", "%C3%A9"])
def test_a_name_is_never_a_path(client: TestClient, name: str):
    for path in (f"/cache/{name}", f"/cache/{name}/entries", f"/cache/{name}/statistics"):
        fails(client.get(path), 400, "VALIDATION_ERROR")


def test_other_addresses_and_methods_are_told_apart(client: TestClient, users: str):
    fails(client.get("/nothing/here"), 404, "NOT_FOUND")
    answer = client.put(f"/cache/{users}", json={})
    fails(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "DELETE, GET, HEAD"
    fails(client.options(f"/cache/{users}"), 405, "METHOD_NOT_ALLOWED")


def test_same_name_twice_needs_a_namespace(asked: Any):
    from omnicache import Cache

    client = asked(local=True)
    with Cache("twins", namespace="one"), Cache("twins", namespace="two") as second:
        error = fails(client.get("/cache/twins"), 400, "VALIDATION_ERROR")
        assert "one:twins or two:twins" in error["message"]
        assert client.get("/cache/twins?namespace=two").json()["namespace"] == "two"
        with Cache("twins"):
            assert client.get("/cache/twins").json()["namespace"] == "default"
        assert not second.closed
