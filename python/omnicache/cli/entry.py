"""``omnicache entry``: read, write, list and remove entries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ._options import CACHE, force_option, format_option, key_argument, tags_option, ttl_of
from ._root import Command, Commands
from ._session import Session, in_session
from ._terminal import confirm, is_terminal, one_line, out, printable

if TYPE_CHECKING:
    from .._manage.management import Management
    from .._manage.models import EntryView

__all__ = ["delete", "entry", "get", "listed", "put"]

LONGEST = 1 << 28
"""Bytes of a value on stdin."""


@click.group(
    cls=Commands,
    lazy={
        "get": (".entry:get", "Print a value."),
        "set": (".entry:put", "Write a value."),
        "delete": (".entry:delete", "Remove an entry."),
        "list": (".entry:listed", "List entries."),
    },
)
def entry() -> None:
    """Read, write and remove entries.

    A KEY is text. json:5 is the number 5 as a key, json:["a",1] a tuple; other keys are shown as key:... and are taken
    back so.
    """


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache entry get users ada
  omnicache entry get users ada --format pretty
  omnicache entry get users ada | jq .name""",
)
@key_argument
@format_option("raw", "json", "pretty")
@in_session
def get(session: Session, cache: str, key: str, form: str) -> None:
    """Print the value of a key, and nothing else.

    Raw is text as it is, bytes as they are, and anything else as JSON on one line.
    """
    with session.management() as service:
        view = service.entry(cache, key)
        data = None if view.value_is_json else _bytes(service, cache, key)
    if data is not None and form == "raw":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if not view.value_is_json:
        session.note(f"note: JSON has no {view.value['type']}; this describes it")
    if form == "raw" and isinstance(view.value, str):
        out(printable(view.value))
        return
    if form == "raw" and not view.value_is_json:
        out(printable(view.value["repr"]))
        return
    from ._show import json_out

    json_out(view.value, indent=2 if form == "pretty" else None)


def _bytes(service: Management, cache: str, key: str) -> bytes | None:
    """A value that is bytes, as long as it is in reach of this process."""
    from .._manage.keytext import key_of
    from .._manage.service import Service

    if not isinstance(service, Service):
        return None
    value = service._open(cache).get(key_of(key))
    return value if isinstance(value, bytes) else None


@click.command(
    "set",
    cls=Command,
    epilog="""\b
Examples:
  omnicache entry set users ada '{"name": "Ada"}' --ttl 1h --tags team:7,staff
  echo 42 | omnicache entry set users answer
  omnicache entry set users pinned text --ttl never --priority 1.0""",
)
@key_argument
@click.argument("value", required=False)
@click.option("--ttl", metavar="T", help="How long it lives: seconds, 90s, 5m, 1h30m, never. [the cache's own]")
@tags_option("Tags, to find and remove it by.")
@click.option("--priority", "-p", type=float, metavar="P", help="From 0 to 1, which goes last when room is made. [0.5]")
@in_session
def put(
    session: Session,
    cache: str,
    key: str,
    value: str | None,
    ttl: str | None,
    tags: list[str] | None,
    priority: float | None,
) -> None:
    """Write a value: JSON where it parses as JSON, text otherwise; read from stdin if VALUE is not given.

    One end of line at the end of stdin does not belong to the value. To write text that looks like JSON, quote it as
    JSON: '"42"'.
    """
    made = _value(session, value)
    with session.management() as service:
        view = service.put(cache, key, made, ttl_of(ttl), tags or (), priority)
    ends = "" if view.ttl is None else f", for {view.ttl:g} s"
    session.say(f"{one_line(view.key)} set{ends}")


def _value(session: Session, given: str | None) -> Any:
    from .._manage.errors import InvalidInput
    from .._manage.strictjson import loads

    text = _read(session) if given is None else given
    try:
        return loads(text)
    except InvalidInput:
        return text


def _read(session: Session) -> str:
    """What is on stdin, without its last end of line."""
    from .._manage.errors import InvalidInput

    if sys.stdin.isatty():
        session.note("reading the value from the terminal; end it with Ctrl-D on a line of its own")
    data = sys.stdin.buffer.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise InvalidInput(f"value: more than {LONGEST} bytes on stdin")
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"value: what is on stdin is not UTF-8 at byte {error.start}") from None


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache entry delete users ada
  omnicache entry delete users ada --force""",
)
@key_argument
@force_option
@in_session
def delete(session: Session, cache: str, key: str, force: bool) -> None:
    """Remove an entry."""
    with session.management() as service:
        if not force:
            service.entry(cache, key, count=False)
            confirm(session, f'Delete "{key}" from "{cache}"?')
        service.remove(cache, key)
    session.say(f"{one_line(key)} deleted")


@click.command(
    "list",
    cls=Command,
    epilog="""\b
Examples:
  omnicache entry list users
  omnicache entry list users --pattern 'user:*' --tags team:7 --limit 1000
  omnicache entry list users --format keys-only""",
)
@click.argument("cache", type=CACHE)
@click.option("--pattern", metavar="GLOB", help="Keys that match: * any run, ? one character, [abc] one of these.")
@tags_option("Entries with any of these tags.")
@click.option("--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@format_option("table", "json", "keys-only")
@in_session
def listed(session: Session, cache: str, pattern: str | None, tags: list[str] | None, limit: int, form: str) -> None:
    """List entries, in the order of their keys. It counts as no read."""
    from ._show import json_out

    with session.management() as service:
        found = service.walk(cache, pattern, tags, limit)
        if form == "keys-only":
            for view in found:
                out(_key_line(view.key))
            return
        views = list(found)
    if form == "json":
        json_out([view.as_dict() for view in views])
    elif views or not is_terminal():
        _table(views)
    else:
        session.note("no entry is there" if pattern is None and tags is None else "no entry matches")
    if form == "table" and len(views) == limit and is_terminal():
        session.note(f"these are the first {limit}; --limit shows more")


def _key_line(key: str) -> str:
    """A key on a line of its own, which `entry get` takes back."""
    if one_line(key) == key:
        return key
    import json

    return key if key.startswith(("json:", "key:")) else f"json:{json.dumps(key)}"


def _table(views: list[EntryView]) -> None:
    from datetime import UTC, datetime

    from ._show import amount, dumped, duration, table

    now = datetime.now(UTC)
    cut = 400 if is_terminal() else None
    rows = []
    for view in views:
        left = None if view.expires_at is None else (view.expires_at - now).total_seconds()
        if not view.value_is_json:
            value: str = view.value["repr"]
        else:
            value = view.value if isinstance(view.value, str) else dumped(view.value)
        tags = ",".join(view.tags)
        rows.append([view.key, value[:cut], duration(left), amount(view.size_bytes), str(view.access_count), tags])
    columns = [("key", 0), ("value", 0), ("ends in", 50), ("size", 60), ("hits", 76), ("tags", 90)]
    table(columns, rows, numbers=("ends in", "size", "hits"), cut=("value",))
