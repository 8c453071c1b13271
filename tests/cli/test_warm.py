"""Filling a cache: files, databases, endpoints; bad rows, and going on after a stop."""

import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from omnicache.cli._files import FileRows
from tests.cli.runner import Command, ok


@pytest.fixture
def users(command: Command) -> Command:
    """The command, where there is a cache ``users``."""
    ok(command("cache", "create", "users"))
    return command


def kept(command: Command) -> dict[str, Any]:
    entries = ok(command("entry", "list", "users", "--limit", "1000", "--format", "json")).json
    return {entry["key"]: entry["value"] for entry in entries}


def config(**settings: Any) -> tuple[str, str]:
    return ("--config", json.dumps(settings))


# --- files ---


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.json", '[{"key": "a", "value": 1},\n {"key": "b", "value": {"x": [2]}}]'),
        ("map.json", '{"a": 1,\n "b": {"x": [2]}}'),
        ("rows.jsonl", '{"key": "a", "value": 1}\n\n{"key": "b", "value": {"x": [2]}}\n'),
        ("rows.csv", 'key,value\na,1\nb,"{""x"": [2]}"\n'),
        ("rows.tsv", 'key\tvalue\na\t1\nb\t{"x": [2]}\n'.replace('{"x": [2]}', '"{""x"": [2]}"')),
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_every_format_from_a_file_or_a_pipe(users: Command, tmp_path: Path, name: str, text: str, piped: bool):
    if piped and name.endswith(".tsv"):
        text = text.replace("\t", ",")
    if piped:
        result = users("warm", "users", stdin=text)
    else:
        (tmp_path / name).write_text("\ufeff" + text)
        result = users("warm", "users", "--file", str(tmp_path / name))
    assert ok(result).out == "2 entries written\n"
    assert result.err == ""
    assert kept(users) == {"a": 1, "b": {"x": [2]}}


def test_ttl_tags_and_priority_of_rows_and_of_all(users: Command):
    rows = 'key,value,ttl,tags,priority\na,1,5m,"x,y",0.75\nb,2,,,\n'
    ok(users("warm", "users", "--ttl", "1h", "--tags", "all", stdin=rows))
    entries = ok(users("entry", "list", "users", "--format", "json")).json
    found = {entry["key"]: (entry["ttl"], sorted(entry["tags"]), entry["priority"]) for entry in entries}
    assert found == {"a": (300.0, ["x", "y"], 0.75), "b": (3600.0, ["all"], 0.5)}


def test_a_shape_makes_entries_of_any_rows(users: Command):
    rows = "id,name,team\n1,Ada,red\n2,Bob,blue\n"
    ok(users("warm", "users", *config(key="user:{id}", tags=["team:{team}"]), stdin=rows))
    ok(users("warm", "users", *config(key="id", value="name"), stdin=rows))
    ok(users("warm", "users", *config(key="short:{id}", value=["name"]), stdin=rows))
    assert kept(users) == {
        "user:1": {"id": "1", "name": "Ada", "team": "red"},
        "user:2": {"id": "2", "name": "Bob", "team": "blue"},
        "1": "Ada",
        "2": "Bob",
        "short:1": {"name": "Ada"},
        "short:2": {"name": "Bob"},
    }
    assert ok(users("clear", "users", "--tags", "team:red", "--force")).out == "1 entry removed\n"


def test_bad_rows_are_named_and_the_rest_goes_on(users: Command, tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(
        b'{"key": "a", "value": 1}\n{"key": "b"}\n[1]\nnonsense\n\xff\n{"key": null, "value": 1}\n'
        b'{"key": "c", "value": 1, "ttl": "soon"}\n{"key": "d", "value": 1, "tll": 5}\n{"key": "e", "value": 2}'
    )
    result = users("warm", "users", "--file", str(file), "--batch-size", "2")
    assert result.code == 8
    assert result.out == "2 entries written, 7 bad rows\n"
    lines = dict(line.split(": ", 1) for line in result.err.splitlines())
    assert sorted(lines) == [f"line {number}" for number in range(2, 9)]
    assert 'no field "value"' in lines["line 2"]
    assert "not an array" in lines["line 3"]
    assert "UTF-8" in lines["line 5"]
    assert "soon" in lines["line 7"]
    assert "'tll'" in lines["line 8"]
    assert kept(users) == {"a": 1, "e": 2}


def test_bad_rows_of_csv(users: Command):
    result = users("warm", "users", stdin=b'key,value\na,1\nb\n\xff,2\nc,"two\nlines"\nd,1,2\ne,5\n')
    assert result.code == 8
    assert [line.partition(":")[0] for line in result.err.splitlines()] == ["line 3", "line 4", "line 7"]
    assert kept(users) == {"a": 1, "c": "two\nlines", "e": 5}


def test_lines_of_a_json_document(users: Command):
    rows = '[\n  {"key": "a", "value": 1},\n  {\n    "key": "b"\n  },\n  5\n]'
    result = users("warm", "users", stdin=rows)
    assert result.code == 8
    assert [line.partition(":")[0] for line in result.err.splitlines()] == ["line 3", "line 6"]


def test_a_damaged_document_writes_nothing(users: Command):
    result = users("warm", "users", stdin='[{"key": "a", "value": 1},\n{"key": ]')
    assert result.code == 8
    assert "line 2" in result.err
    assert kept(users) == {}


def test_keys_of_an_object_are_text(users: Command):
    ok(users("warm", "users", stdin='{"json:5": 1, "key:": 2,\n "5": 3}'))
    assert set(kept(users)) == {'json:"json:5"', 'json:"key:"', "5"}


@pytest.mark.parametrize("text", ["", "\n", "[]", "{}", "key,value\n"])
def test_nothing_is_no_error(users: Command, text: str):
    assert ok(users("warm", "users", stdin=text)).out == "0 entries written\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--file", "nowhere.json"], 2, "does not exist"),
        (["--source", "floppy"], 2, "--source"),
        (["--source", "database", "--file", __file__], 2, "--file is for"),
        (["--batch-size", "0"], 2, "--batch-size"),
        ([*config(kye="id")], 8, "no setting 'kye'"),
        ([*config(format="xml")], 8, "format"),
        ([*config(value="name")], 8, "which field is the key"),
        ([*config(key=5)], 8, "key"),
        (["--source", "database"], 8, '"url" and "query" are needed'),
        (["--source", "api", *config(url="file:///etc/passwd")], 8, "http or https"),
        (["--source", "api", *config(url="http://x", pagination={"type": "magic"})], 8, "pagination"),
        (["--source", "database", *config(url="oracle:x", query="y")], 8, "sqlite"),
        (["--source", "database", *config(url_env="NOT_THERE", query="y")], 8, "NOT_THERE"),
        (["--source", "database", *config(url="sqlite:///nowhere.db", query="SELECT 1")], 6, "cannot be reached"),
        (["--source", "api", *config(url="http://127.0.0.1:1/")], 6, "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_is_refused(users: Command, arguments: list[str], code: int, message: str):
    refused = users("warm", "users", *arguments)
    assert refused.code == code, refused.err
    assert message in refused.err


# --- going on ---


def test_it_goes_on_where_it_was_stopped(users: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"key": "{number}", "value": {number}}}\n' for number in range(10)))
    whole = FileRows.rows

    def interrupted(self: FileRows) -> Iterator[Any]:
        for number, row in enumerate(whole(self)):
            if number == 7:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(FileRows, "rows", interrupted)
    run = ("warm", "users", "--file", str(file), "--batch-size", "3")
    stopped = users(*run)
    assert stopped.code == 130
    assert "stopped after 6 rows" in stopped.err
    assert len(kept(users)) == 6
    monkeypatch.setattr(FileRows, "rows", whole)
    assert ok(users(*run, "--resume")).out == "4 entries written, 6 rows were done before\n"
    assert len(kept(users)) == 10
    assert ok(users(*run, "--resume")).out == "10 entries written\n"


def test_another_file_begins_anew(users: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "rows.json"
    file.write_text('{"a": 1}')
    first = FileRows(file, {}).identity
    file.write_text('{"a": 1, "b": 2}')
    assert FileRows(file, {}).identity != first


# --- databases ---


def test_rows_of_a_query(users: Command, tmp_path: Path):
    path = tmp_path / "a b.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE people (id INTEGER, name TEXT, photo BLOB, born REAL)")
        people = [(number, f"name {number}", b"\x00\xff", None) for number in range(250)]
        database.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", people)
    url = f"sqlite:///{path}"
    query = "SELECT id, name, photo, born FROM people WHERE id < ?"
    result = users(
        *("warm", "users", "--source", "database"), *config(url=url, query=query, parameters=[200], key="user:{id}")
    )
    assert ok(result).out == "200 entries written\n"
    assert len(kept(users)) == 200
    plain = "SELECT id AS key, name AS value FROM people WHERE id = 3"
    ok(users("warm", "users", "--source", "database", *config(url=url, query=plain)))
    assert ok(users("entry", "get", "users", "3")).out == "name 3\n"
    for query, message in [
        ("SELECT nothing", "nothing"),
        ("PRAGMA user_version = 5", "readonly"),
        ("CREATE TABLE x (y)", "readonly"),
    ]:
        refused = users("warm", "users", "--source", "database", *config(url=url, query=query))
        assert refused.code == 8
        assert message in refused.err


def test_a_driver_that_is_not_installed(users: Command):
    refused = users("warm", "users", "--source", "database", *config(url="mysql://u:secret@h/db", query="SELECT 1"))
    assert refused.code == 7
    assert "pymysql" in refused.err
    assert "secret" not in refused.err


# --- endpoints ---


class Pages(http.server.BaseHTTPRequestHandler):
    """Twenty-five items, in pages of ten, in every manner of naming the next page."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        items = [{"id": number, "name": f"n{number}"} for number in range(25)]
        headers: dict[str, str] = {}
        status = 200
        if url.path == "/page":
            at = (int(query["page"]) - 1) * int(query["limit"])
            body: Any = {"data": {"items": items[at : at + int(query["limit"])]}}
        elif url.path == "/offset":
            body = items[int(query["offset"]) : int(query["offset"]) + 10]
        elif url.path == "/cursor":
            at = int(query.get("after", 0))
            body = {"items": items[at : at + 10], "meta": {"next": at + 10 if at + 10 < 25 else None}}
        elif url.path == "/link":
            at = int(query.get("at", 0))
            body = items[at : at + 10]
            if at + 10 < 25:
                headers["Link"] = f'</first>; rel="first", </link?at={at + 10}>; rel="next"'
        elif url.path == "/circle":
            body, headers["Link"] = items, '</circle>; rel="next"'
        elif url.path == "/away":
            body, headers["Link"] = items, '<http://elsewhere.invalid/>; rel="next"'
        elif url.path == "/redirect":
            status, body, headers["Location"] = 302, [], "http://elsewhere.invalid/"
        elif url.path == "/text":
            body = None
        else:
            status, body = 403 if self.headers["Authorization"] is None else 200, [{"key": "a", "value": 1}]
        data = b"not json" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("/page", {"items": "data.items", "pagination": {"type": "page", "size_param": "limit", "size": 10}}),
        ("/offset", {"pagination": {"type": "offset"}}),
        ("/cursor", {"items": "items", "pagination": {"type": "cursor", "param": "after", "next": "meta.next"}}),
        ("/link", {}),
        ("/link", {"pagination": {"type": "link"}}),
    ],
)
def test_every_page_of_an_endpoint(users: Command, site: str, path: str, settings: dict[str, Any]):
    result = users("warm", "users", "--source", "api", *config(url=site + path, key="id", value="name", **settings))
    assert ok(result).out == "25 entries written\n"
    assert kept(users) == {str(number): f"n{number}" for number in range(25)}


def test_one_page_only(users: Command, site: str):
    settings = config(url=f"{site}/link", key="id", pagination={"type": "none"})
    assert ok(users("warm", "users", "--source", "api", *settings)).out == "10 entries written\n"


def test_headers_are_sent(users: Command, site: str):
    assert users("warm", "users", "--source", "api", *config(url=f"{site}/private")).code == 6
    ok(users("warm", "users", "--source", "api", *config(url=f"{site}/private", headers={"Authorization": "x"})))


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/circle", 6, "circle"),
        ("/away", 8, "another host"),
        ("/redirect", 6, "another host"),
        ("/text", 6, "cannot be used"),
        ("/cursor", 8, '"items"'),
    ],
)
def test_an_endpoint_that_misbehaves(users: Command, site: str, path: str, code: int, message: str):
    refused = users("warm", "users", "--source", "api", *config(url=site + path, key="id"))
    assert refused.code == code
    assert message in refused.err
