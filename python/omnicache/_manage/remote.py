"""``RemoteService``: what operators do with caches, done by another process, over HTTP or a unix socket."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

from .._sentinels import DEFAULT
from ..exceptions import CacheBackendError, CacheTimeoutError
from .address import Address
from .errors import AccessDenied, InvalidInput, raised
from .keytext import path_text
from .management import DEFAULT_LIMIT, Management
from .models import BulkResult, CacheView, EntryView, Page, StatisticsView, View, Why
from .sources import parted
from .taglist import join

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RemoteService"]

V = TypeVar("V", bound=View)

_BATCH: Final = 500
_MAX_ANSWER: Final = 1 << 30
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_FAILED: Final = 400


class RemoteService(Management):
    """Asks the process that listens at an address. Each call is one connection, so threads need not know each other.

    Args:
        address: ``http://host:port``, ``https://…``, or ``unix:PATH``; a token may be its password.
        token: The bearer token; without one, that of the address, or of ``OMNICACHE_TOKEN``.
        timeout: Seconds that connecting, and each wait for an answer, may take.

    Raises:
        CacheConfigError: The address or the token cannot be used.
    """

    def __init__(self, address: str, *, token: str | None = None, timeout: float = 10.0) -> None:
        self.address: Final = Address.parse(address, token)
        self._timeout: Final = timeout

    # --- asking ---

    def _connection(self) -> http.client.HTTPConnection:
        address = self.address
        if address.scheme == "unix":
            return _UnixConnection(address.path, self._timeout)
        if address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(address.host, address.port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(address.host, address.port, timeout=self._timeout)

    def _ask(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> bytes:
        """The body of the answer.

        Raises:
            CacheBackendError, CacheTimeoutError: Nobody answers, or not in time, or not as expected.
            CacheError: What the other process says.
        """
        prefix = "" if self.address.scheme == "unix" else self.address.path
        found = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{prefix}{path}{'?' + urlencode(found) if found else ''}"
        headers = {"Accept": "application/json", "User-Agent": "omnicache"}
        if self.address.token is not None:
            headers["Authorization"] = f"Bearer {self.address.token}"
        data = None
        if method != "GET":
            headers["Content-Type"] = "application/json"
            data = b"" if body is None else _written(body)
        connection = self._connection()
        try:
            connection.request(method, target, data, headers)
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER)
            status, kind = response.status, response.headers.get_content_type()
        except TimeoutError:
            raise CacheTimeoutError(f"{self.address}: no answer within {self._timeout:g} s") from None
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise _unreachable(self.address, error) from None
        finally:
            connection.close()
        if status >= _FAILED:
            raise _told(self.address, status, kind, answer)
        return answer

    def _get(self, path: str, made: Callable[[Any], V], **query: Any) -> V:
        return made(_read(self._ask("GET", path, query)))

    @staticmethod
    def _place(name: str, *rest: str) -> tuple[str, str | None]:
        """The path of a cache or of what is below it, and the namespace to ask for."""
        namespace, plain = parted(name)
        return "/cache/" + "/".join(quote(part, safe="") for part in (plain, *rest)), namespace

    # --- caches ---

    def caches(self, namespace: str | None = None) -> list[CacheView]:
        """As :meth:`Management.caches`."""
        rows = _read(self._ask("GET", "/cache", {"namespace": namespace}))
        if not isinstance(rows, list):
            raise CacheBackendError(f"{self.address}: what answers there is no OmniCache")
        return [CacheView.from_dict(row) for row in rows]

    def cache(self, name: str) -> CacheView:
        """As :meth:`Management.cache`."""
        path, namespace = self._place(name)
        return self._get(path, CacheView.from_dict, namespace=namespace)

    def create(self, config: Mapping[str, Any]) -> CacheView:
        """As :meth:`Management.create`."""
        return CacheView.from_dict(_read(self._ask("POST", "/cache", body=dict(config))))

    def delete(self, name: str) -> None:
        """As :meth:`Management.delete`."""
        path, namespace = self._place(name)
        self._ask("DELETE", path, {"namespace": namespace})

    # --- one entry ---

    def entry(self, name: str, key: str, *, count: bool = True) -> EntryView:
        """As :meth:`Management.entry`."""
        path, namespace = self._place(name, "entries", path_text(key))
        return self._get(path, EntryView.from_dict, namespace=namespace, count=None if count else "false")

    def put(
        self,
        name: str,
        key: str,
        value: Any,
        ttl: Any = DEFAULT,
        tags: Iterable[str] = (),
        priority: float | None = None,
    ) -> EntryView:
        """As :meth:`Management.put`."""
        row: dict[str, Any] = {"key": key, "value": value, "tags": list(tags)}
        if ttl is not DEFAULT:
            row["ttl"] = ttl
        if priority is not None:
            row["priority"] = priority
        path, namespace = self._place(name, "entries")
        return EntryView.from_dict(_read(self._ask("POST", path, {"namespace": namespace}, row)))

    def remove(self, name: str, key: str) -> None:
        """As :meth:`Management.remove`."""
        path, namespace = self._place(name, "entries", path_text(key))
        self._ask("DELETE", path, {"namespace": namespace})

    # --- many entries ---

    def entries(
        self,
        name: str,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page:
        """As :meth:`Management.entries`."""
        path, namespace = self._place(name, "entries")
        query = {"pattern": pattern, "tags": _listed(tags), "limit": limit, "cursor": cursor, "namespace": namespace}
        return self._get(path, Page.from_dict, **query)

    def bulk_put(self, name: str, entries: Iterable[Mapping[str, Any]], default_ttl: Any = DEFAULT) -> BulkResult:
        """As :meth:`Management.bulk_put`, some hundred at a time."""
        path, namespace = self._place(name, "entries", "bulk")
        extra = {} if default_ttl is DEFAULT else {"default_ttl": default_ttl}
        done = BulkResult(0, 0)
        for rows in _batches(map(dict, entries)):
            body = {"entries": rows, **extra}
            done = _sum(done, BulkResult.from_dict(_read(self._ask("POST", path, {"namespace": namespace}, body))))
        return done

    def bulk_delete(
        self,
        name: str,
        keys: Iterable[str] | None = None,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> BulkResult:
        """As :meth:`Management.bulk_delete`."""
        path, namespace = self._place(name, "entries", "bulk")
        query = {"namespace": namespace}
        done = BulkResult(0, 0)
        for some in _batches(keys or ()):
            done = _sum(done, BulkResult.from_dict(_read(self._ask("DELETE", path, query, {"keys": some}))))
        body = {"pattern": pattern, "tags": None if tags is None else list(tags)}
        body = {name: value for name, value in body.items() if value is not None}
        if body or keys is None:
            done = _sum(done, BulkResult.from_dict(_read(self._ask("DELETE", path, query, body))))
        return done

    def clear(self, name: str, pattern: str | None = None, tags: Iterable[str] | None = None) -> int:
        """As :meth:`Management.clear`."""
        path, namespace = self._place(name, "clear")
        query = {"pattern": pattern, "tags": _listed(tags), "namespace": namespace}
        answer = _read(self._ask("POST", path, query))
        try:
            return int(answer["cleared_count"])
        except (TypeError, KeyError, ValueError):
            raise CacheBackendError(f"{self.address}: what answers there is no OmniCache") from None

    # --- looking ---

    def statistics(self, name: str) -> StatisticsView:
        """As :meth:`Management.statistics`."""
        path, namespace = self._place(name, "statistics")
        return self._get(path, StatisticsView.from_dict, namespace=namespace)

    def why(self, name: str, key: str) -> Why:
        """As :meth:`Management.why`."""
        path, namespace = self._place(name, "why")
        return self._get(path, Why.from_dict, key=key, namespace=namespace)

    def metrics(self) -> str:
        """As :meth:`Management.metrics`."""
        return self._ask("GET", "/metrics").decode("utf-8", "replace")

    def close(self) -> None:
        """Nothing is open between two calls."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _unreachable(address: Address, error: BaseException) -> Exception:
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return CacheBackendError(f"{address}: nothing listens there; is the process running?")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{address}: the socket belongs to another user")
    # The text of an HTTPException may repeat what the other side sent.
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return CacheBackendError(f"{address}: {why}")


def _told(address: Address, status: int, kind: str, answer: bytes) -> Exception:
    """The error that an answer describes."""
    if kind == "application/json":
        try:
            row = json.loads(answer)
            code, message, details = row["error"], row["message"], row.get("details") or {}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        else:
            if isinstance(code, str) and isinstance(message, str) and isinstance(details, dict):
                if status in {_UNAUTHORISED, _FORBIDDEN}:
                    return AccessDenied(f"{address}: {message}")
                return InvalidInput(message) if status == _TOO_LARGE else raised(code, message, details)
    return CacheBackendError(f"{address}: it answered with status {status}, and not as OmniCache does")


def _read(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        raise CacheBackendError("the server answered with something that is no JSON") from None


def _written(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"value: it cannot be sent as JSON: {error}") from None


def _listed(tags: Iterable[str] | None) -> str | None:
    return None if tags is None else join(tags)


def _batches(rows: Iterable[Any]) -> Iterable[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _sum(one: BulkResult, other: BulkResult) -> BulkResult:
    return BulkResult(
        one.success_count + other.success_count,
        one.failure_count + other.failure_count,
        one.results + other.results,
    )
