"""The REST API as it is promised, where it concerns many entries, statistics, names and addresses."""

from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.admin.told import ENTRY, STATISTICS, fails

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
