"""``omnicache warm``: fill a cache from a file, a database or an HTTP endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import CACHE, json_of, tags_option, ttl_of
from ._root import Command
from ._session import Session, in_session
from ._terminal import one_line

if TYPE_CHECKING:
    from .._manage.management import Management
    from ._progress import Steps
    from ._resume import Mark
    from ._rows import Row, Shape, Source

__all__ = ["warm"]

INVALID = 8


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache warm users --file users.json
  omnicache warm users --file users.csv --config '{"key": "user:{id}"}' --ttl 1h
  jq -c '.[]' dump.json | omnicache warm users --config '{"key": "id", "value": "name"}'
  omnicache warm users --source database --config '{"url": "sqlite:///app.db",
      "query": "SELECT id, name, team FROM users", "key": "user:{id}", "tags": ["team:{team}"]}'
  omnicache warm users --source api --config '{"url": "https://host/users", "items": "data",
      "key": "id", "pagination": {"type": "page", "size_param": "limit", "size": 100}}'

\b
The settings of --config, JSON or @FILE:
  key, value, ttl, tags, priority   how an entry is made of a row: key is a field or "user:{id}";
                                    value a field, a list of fields, or the whole row
  format, delimiter                 of a file: json, jsonl, csv
  url | url_env, query, parameters  of a database
  url, headers, items, timeout      of an endpoint, and pagination: type (auto, link, page,
                                    offset, cursor, none), param, start, size_param, size, next""",
)
@click.argument("cache", type=CACHE)
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), metavar="F", help="The file. [stdin]")
@click.option(
    "--source", type=click.Choice(("file", "database", "api")), default="file", show_default=True, help="The kind."
)
@click.option("--config", "settings", metavar="JSON", callback=json_of, help="Settings, as JSON or @FILE; see below.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="So many entries are written at a time.",
)
@click.option("--ttl", metavar="T", help="How long entries live that do not say it: 90s, 5m, never.")
@tags_option("Tags of entries that have none of their own.")
@click.option("--resume", is_flag=True, help="Go on where the last one of the same source was stopped.")
@in_session
def warm(
    session: Session,
    cache: str,
    path: str | None,
    source: str,
    settings: dict[str, Any] | None,
    batch_size: int,
    ttl: str | None,
    tags: list[str] | None,
    resume: bool,
) -> None:
    """Fill a cache from a file or stdin (JSON, JSON Lines, CSV), a SQL query, or an HTTP endpoint.

    Without settings a row has the fields key and value, and perhaps ttl, tags and priority; a JSON object is keys and
    values. A bad row is reported with its line, and the rest goes on; it ends with 8 then.
    """
    from ._resume import Mark

    given = dict(settings or {})
    with session.management() as service:
        view = service.cache(cache)
        rows, shape = _source(source, path, given, batch_size, tags)
        mark = Mark.of(session.server or "", view.ref, rows.identity)
        if not resume:
            mark.remove()
        _Filling(session, service, view.ref, shape, batch_size, ttl_of(ttl), mark).run(rows)


def _source(
    kind: str, path: str | None, given: dict[str, Any], batch_size: int, tags: list[str] | None
) -> tuple[Source, Shape]:
    """Where the rows come from, and what is made of them; every setting is used or refused."""
    from .._manage.arguments import unknown
    from .._manage.errors import InvalidInput
    from ._rows import Shape

    if path is not None and kind != "file":
        raise click.UsageError("--file is for --source file")
    if tags is not None:
        given.setdefault("tags", tags)
    found: Source
    text = False
    if kind == "database":
        from ._database import DatabaseRows

        found = DatabaseRows(given, batch_size)
    elif kind == "api":
        from ._api import ApiRows

        found = ApiRows(given)
    else:
        from ._files import FileRows

        read = FileRows(None if path is None else Path(path), given)
        found, text = read, read.format == "csv"
    shape = Shape.taken(given, text=text)
    try:
        unknown(given, (), "config")
    except InvalidInput:
        raise InvalidInput(f"config: {kind} has no setting {next(iter(given))[:60]!r}; --help lists them") from None
    return found, shape


class _Filling:
    """One run: rows in, batches out, what went wrong beside it."""

    def __init__(
        self,
        session: Session,
        service: Management,
        cache: str,
        shape: Shape,
        batch_size: int,
        ttl: Any,
        mark: Mark,
    ) -> None:
        self._session, self._service, self._cache = session, service, cache
        self._shape, self._batch_size, self._ttl, self._mark = shape, batch_size, ttl, mark
        self._batch: list[tuple[Row, dict[str, Any]]] = []
        self._done = self._seen = self._written = self._failed = 0

    def run(self, source: Source) -> None:
        """Writes everything.

        Raises:
            click.exceptions.Exit: Some rows were bad.
        """
        from ._progress import steps

        skipped = self._mark.read()
        with steps(self._session, f"warming {self._cache}") as told:
            try:
                for row in source.rows():
                    self._seen += 1
                    if self._seen > skipped:
                        self._take(row, told)
                    if self._seen > skipped and len(self._batch) >= self._batch_size:
                        self._flush(source.total, told)
                self._flush(source.total, told)
            except BaseException:
                if self._done:
                    told.note(f"stopped after {self._done} rows; the same with --resume goes on from there")
                raise
        self._mark.remove()
        self._report(skipped)

    def _take(self, row: Row, told: Steps) -> None:
        from .._manage.errors import InvalidInput

        if row.problem is not None:
            self._refuse(row, row.problem, told)
            return
        try:
            self._batch.append((row, self._shape.entry(row.data)))
        except InvalidInput as error:
            self._refuse(row, str(error), told)

    def _flush(self, total: int | None, told: Steps) -> None:
        if self._batch:
            entries = [entry for _, entry in self._batch]
            if self._session.server is not None:
                entries = [{**entry, "value": _sendable(entry["value"])} for entry in entries]
            result = self._service.bulk_put(self._cache, entries, self._ttl)
            for (row, _), item in zip(self._batch, result.results, strict=True):
                if item.status == "failure":
                    self._refuse(row, item.error or "it was refused", told)
            self._written += result.success_count
            self._batch.clear()
        self._done = self._seen
        self._mark.write(self._done)
        told(self._done, total, self._failed)

    def _refuse(self, row: Row, problem: str, told: Steps) -> None:
        self._failed += 1
        told.note(f"{row.place}: {one_line(problem)}")

    def _report(self, skipped: int) -> None:
        text = f"{self._written} {'entry' if self._written == 1 else 'entries'} written"
        if skipped:
            text += f", {skipped} rows were done before"
        if self._failed:
            text += f", {self._failed} bad {'row' if self._failed == 1 else 'rows'}"
        self._session.say(text)
        if self._failed:
            raise click.exceptions.Exit(INVALID)


def _sendable(value: Any) -> Any:
    """`value` as JSON has it: what databases give besides, as text."""
    if isinstance(value, dict):
        return {name: _sendable(item) for name, item in value.items()}
    if value is None or isinstance(value, str | int | float | list):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
