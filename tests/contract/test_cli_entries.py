"""The contract of `omnicache entry`: values in and out, listings, exit codes."""

import pytest

from omnicache import Cache
from omnicache._definitions import Definitions
from tests.cli.runner import Command, ok


@pytest.fixture
def users(command: Command) -> Command:
    """The command, where there is a cache ``users``."""
    ok(command("cache", "create", "users"))
    return command


def written(*arguments: str) -> Cache:
    """The cache, opened as a program would open it."""
    definition = Definitions().get("users")
    return Cache.from_config("users", definition.options)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ('{"a": [1, null, true]}', {"a": [1, None, True]}),
        ('"42"', "42"),
        ("text", "text"),
        ("{not json", "{not json"),
        ("", ""),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ("-5", -5),
        ("é ☃", "é ☃"),
    ],
)
def test_a_value_is_json_where_it_parses_and_text_otherwise(users: Command, text: str, value: object):
    ok(users("entry", "set", "users", "a", "--", text))
    ok(users("entry", "set", "users", "b", stdin=text + "\n"))
    with written() as cache:
        assert cache["a"] == cache["b"] == value
        assert type(cache["a"]) is type(value)


def test_a_value_on_stdin_loses_one_end_of_line(users: Command):
    ok(users("entry", "set", "users", "a", stdin="two\nlines\n\n"))
    with written() as cache:
        assert cache["a"] == "two\nlines\n"
    refused = users("entry", "set", "users", "a", stdin=b"\xff\xfe")
    assert refused.code == 8
    assert "not UTF-8 at byte 0" in refused.err


def test_get_prints_the_value_alone(users: Command):
    ok(users("entry", "set", "users", "a", '{"name": "Ada", "n": [1,2]}'))
    assert ok(users("entry", "get", "users", "a")).out == '{"name":"Ada","n":[1,2]}\n'
    assert ok(users("entry", "get", "users", "a", "--format", "json")).json == {"name": "Ada", "n": [1, 2]}
    assert ok(users("entry", "get", "users", "a", "--format", "pretty")).out.splitlines()[1] == '  "name": "Ada",'
    ok(users("entry", "set", "users", "b", "plain text"))
    assert ok(users("entry", "get", "users", "b")).out == "plain text\n"
    assert ok(users("entry", "get", "users", "b", "--format", "json")).out == '"plain text"\n'


def test_what_json_does_not_have(users: Command):
    with written() as cache:
        cache["bytes"] = b"\x00\xff\n"
        cache["set"] = {1}
        cache["half"] = "\ud800"
    assert ok(users("entry", "get", "users", "bytes")).data == b"\x00\xff\n"
    described = ok(users("entry", "get", "users", "set"))
    assert described.out == "{1}\n"
    assert "JSON has no set" in described.err
    assert ok(users("entry", "get", "users", "set", "--format", "json")).json == {"type": "set", "repr": "{1}"}
    assert users("entry", "get", "users", "half").code == 0


def test_keys_of_other_types(users: Command):
    with written() as cache:
        cache[5], cache["5"], cache[("a", 1)] = "int", "str", "tuple"
    assert ok(users("entry", "get", "users", "5")).out == "str\n"
    assert ok(users("entry", "get", "users", "json:5")).out == "int\n"
    keys = ok(users("entry", "list", "users", "--format", "keys-only")).out.splitlines()
    assert sorted(keys) == ["5", "json:5", 'json:["a",1]']
    for key in keys:
        ok(users("entry", "get", "users", key))


def test_hostile_keys_stay_on_their_line(users: Command):
    for key in ("two\nlines", "\x1b[2Jcleared", "tab\tbed", "\u202eturned"):
        ok(users("entry", "set", "users", "--", key, "value\x1b[2J"))
    keys = ok(users("entry", "list", "users", "--format", "keys-only")).out
    assert len(keys.splitlines()) == 4
    assert "\x1b" not in keys
    table = ok(users("entry", "list", "users")).out
    assert len(table.splitlines()) == 5
    assert "\x1b" not in table
    assert {line.count("\t") for line in table.splitlines()} == {5}
    for key in keys.splitlines():
        assert ok(users("entry", "get", "users", "--", key)).out == "value\x1b[2J\n"
    assert "\x1b" not in users("entry", "get", "users", "\x1b[2J").err


def test_an_entry_that_is_not_there_ends_with_4(users: Command):
    for arguments in (["entry", "get", "users", "a"], ["entry", "delete", "users", "a", "--force"]):
        missing = users(*arguments)
        assert (missing.code, missing.out) == (4, "")
        assert missing.err == "error: there is no entry 'a' in the cache 'users'\n"
    missing = users("entry", "get", "users", "a", "--format", "json")
    assert missing.code == 4
    assert missing.error["error"] == "ENTRY_NOT_FOUND"
    assert missing.error["details"] == {"cache": "users", "key": "a"}


def test_set_takes_ttl_tags_and_priority(users: Command):
    said = ok(users("entry", "set", "users", "a", "1", "--ttl", "1h", "--tags", "x, y", "--tags", "z", "-p", "0.75"))
    assert said.out == "a set, for 3600 s\n"
    assert ok(users("--quiet", "entry", "set", "users", "b", "1", "--ttl", "never")).out == ""
    ok(users("entry", "set", "users", "c", "1", "--ttl", "90"))
    with written() as cache:
        entry = cache.entry("a")
        assert (entry.ttl, sorted(entry.tags), entry.priority) == (3600.0, ["x", "y", "z"], 0.75)
        assert (cache.entry("b").ttl, cache.entry("c").ttl) == (None, 90.0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--ttl", "0"], 8, "ttl"),
        (["--ttl", "soon"], 8, "soon"),
        (["--priority", "2"], 8, "priority"),
        (["--priority", "high"], 2, "priority"),
        (["--tags", "a,,b"], 2, "a tag is empty"),
    ],
)
def test_what_cannot_be_is_refused(users: Command, arguments: list[str], code: int, message: str):
    refused = users("entry", "set", "users", "a", "1", *arguments)
    assert refused.code == code
    assert message in refused.err
    assert users("entry", "get", "users", "a").code == 4


def test_delete_asks_first(users: Command):
    ok(users("entry", "set", "users", "a", "1"))
    refused = users("entry", "delete", "users", "a", stdin="y\n")
    assert refused.code == 2
    assert "--force" in refused.err
    assert ok(users("entry", "delete", "users", "a", "--force")).out == "a deleted\n"
    assert users("entry", "get", "users", "a").code == 4


def test_a_list_by_pattern_tags_and_limit(users: Command):
    for number in range(120):
        ok(users("entry", "set", "users", f"user:{number:03}", str(number), "--tags", f"even:{number % 2 == 0}"))
    keys = ("--format", "keys-only")
    assert len(ok(users("entry", "list", "users", *keys)).out.splitlines()) == 100
    assert len(ok(users("entry", "list", "users", *keys, "--limit", "500")).out.splitlines()) == 120
    assert ok(users("entry", "list", "users", *keys, "--limit", "2")).out == "user:000\nuser:001\n"
    assert len(ok(users("entry", "list", "users", *keys, "--pattern", "user:00?")).out.splitlines()) == 10
    assert len(ok(users("entry", "list", "users", *keys, "--tags", "even:True")).out.splitlines()) == 60
    (entry,) = ok(users("entry", "list", "users", "--pattern", "user:007", "--format", "json")).json
    assert (entry["key"], entry["value"], entry["tags"]) == ("user:007", 7, ["even:False"])
    assert {
        "ttl",
        "expires_at",
        "access_count",
        "last_accessed",
        "created_at",
        "size_bytes",
        "priority",
    } <= entry.keys()
    table = ok(users("entry", "list", "users", "--limit", "1")).out.splitlines()
    assert table[0] == "key\tvalue\tends in\tsize\thits\ttags"
    assert table[1].split("\t")[:3] == ["user:000", "0", "never"]
    assert users("entry", "list", "users", "--limit", "0").code == 2
    assert ok(users("entry", "list", "users", "--pattern", "nothing", "--format", "json")).json == []
