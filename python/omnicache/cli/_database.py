"""Rows of a SQL query, through any driver that speaks DB-API 2.0: sqlite3 is always there, others where installed."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from .._manage.errors import InvalidInput
from ..exceptions import CacheBackendError, CacheConfigError
from ._rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DatabaseRows"]

_BY_URL: Final = {"postgresql": ("psycopg", "psycopg2"), "postgres": ("psycopg", "psycopg2")}
"""Drivers that take the address as it is."""
_BY_PARTS: Final = {
    "mysql": ("pymysql", "MySQLdb", "mysql.connector"),
    "mariadb": ("pymysql", "mariadb", "MySQLdb"),
}
"""Drivers that take it in parts."""


class DatabaseRows:
    """The rows of a query.

    Args:
        settings: ``url`` (or ``url_env``, the variable that holds it), ``query`` and ``parameters``, taken out of it.
        batch_size: How many rows are fetched at a time.
    """

    def __init__(self, settings: dict[str, Any], batch_size: int) -> None:
        url, variable = settings.pop("url", None), settings.pop("url_env", None)
        if url is None and variable is not None:
            url = os.environ.get(str(variable))
            if url is None:
                raise InvalidInput(f"config: url_env: there is no variable {variable!r:.60}")
        self._query = settings.pop("query", None)
        self._parameters = settings.pop("parameters", ())
        if not isinstance(url, str) or not isinstance(self._query, str):
            raise InvalidInput(
                'config: "url" and "query" are needed: {"url": "sqlite:///app.db", "query": "SELECT id AS key, ..."}'
            )
        if not isinstance(self._parameters, list | dict | tuple):
            raise InvalidInput("config: parameters: an array or an object")
        self._url, self._batch_size = url, batch_size
        self.identity = f"{url} {self._query} {self._parameters!r}"
        self.total: int | None = None

    def rows(self) -> Iterator[Row]:
        """All of them.

        Raises:
            CacheBackendError: The database cannot be reached, or goes away.
            InvalidInput: The query is refused, or returns no rows.
        """
        connection = _connected(self._url)
        try:
            cursor = connection.cursor()
            try:
                cursor.execute(self._query, self._parameters) if self._parameters else cursor.execute(self._query)
            except Exception as error:  # noqa: BLE001 - each driver has its own
                raise InvalidInput(f"config: query: {error}") from None
            if cursor.description is None:
                raise InvalidInput("config: query: it returns no rows; a SELECT does")
            names = [column[0] for column in cursor.description]
            number = 0
            while batch := _fetched(cursor, self._batch_size):
                for row in batch:
                    number += 1
                    yield Row(f"row {number}", dict(zip(names, row, strict=True)))
        finally:
            connection.close()


def _fetched(cursor: Any, count: int) -> list[Any]:
    try:
        return list(cursor.fetchmany(count))
    except Exception as error:  # noqa: BLE001 - as above
        raise CacheBackendError(f"the database: {error}") from None


def _connected(url: str) -> Any:
    scheme = url.partition(":")[0].partition("+")[0].lower()
    try:
        if scheme == "sqlite":
            return _sqlite(url)
        if scheme in _BY_URL:
            return _driver(scheme, _BY_URL[scheme]).connect(url)
        if scheme in _BY_PARTS:
            return _driver(scheme, _BY_PARTS[scheme]).connect(**_parts(url))
    except (InvalidInput, CacheConfigError):
        raise
    except Exception as error:  # noqa: BLE001 - each driver has its own
        raise CacheBackendError(f"the database cannot be reached: {error}") from None
    known = ["sqlite", *_BY_URL, *_BY_PARTS]
    raise InvalidInput(f"config: url: a database of {', '.join(known)}, such as sqlite:///app.db")


def _driver(scheme: str, names: tuple[str, ...]) -> Any:
    for name in names:
        if find_spec(name.partition(".")[0]) is not None:
            return import_module(name)
    raise CacheConfigError(f"{scheme}: none of its drivers is installed: {', '.join(names)}")


def _sqlite(url: str) -> Any:
    """Opened for reading: a name that is wrong must not become an empty database."""
    import sqlite3

    rest = url.partition(":")[2]
    path = unquote(rest.removeprefix("//").removeprefix("/") if rest.startswith("//") else rest)
    if not path:
        raise InvalidInput("config: url: the path of the database is missing: sqlite:///app.db")
    return sqlite3.connect(f"file:{quote(str(Path(path).absolute()))}?mode=ro", uri=True)


def _parts(url: str) -> dict[str, Any]:
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError as error:
        raise InvalidInput(f"config: url: {error}") from None
    named = {
        "host": parsed.hostname,
        "port": port,
        "user": None if parsed.username is None else unquote(parsed.username),
        "password": None if parsed.password is None else unquote(parsed.password),
        "database": unquote(parsed.path.lstrip("/")) or None,
    }
    return {name: value for name, value in named.items() if value is not None} | dict(parse_qsl(parsed.query))
