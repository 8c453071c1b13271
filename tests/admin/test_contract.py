"""The REST API as it is promised: each call, what it brings, and what it answers when it cannot."""

from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.admin.told import CACHE, ENTRY, fails

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
