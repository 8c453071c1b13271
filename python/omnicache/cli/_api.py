"""Items of an HTTP endpoint, page by page."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from .._manage.errors import InvalidInput
from .._manage.strictjson import loads
from ..exceptions import CacheBackendError, CacheTimeoutError
from ._rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ApiRows"]

_KINDS: Final = ("auto", "link", "page", "offset", "cursor", "none")
_OPTIONS: Final = ("type", "param", "start", "size_param", "size", "next")
_LARGEST: Final = 1 << 28
"""Bytes of one answer."""
_NEXT: Final = re.compile(r'<([^<>]*)>[^,]*;\s*rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One page."""

    url: str
    data: Any
    link: str


class ApiRows:
    """The items of an endpoint.

    Args:
        settings: ``url``, ``headers``, ``items`` (the way to the array in an answer, such as ``"data.users"``),
            ``pagination`` and ``timeout``, taken out of it.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._url = settings.pop("url", None)
        if not isinstance(self._url, str) or urlsplit(self._url).scheme not in {"http", "https"}:
            raise InvalidInput('config: "url" is needed, of http or https: {"url": "https://host/users"}')
        headers = settings.pop("headers", {})
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            raise InvalidInput("config: headers: an object of text")
        self._headers: Mapping[str, str] = {"Accept": "application/json", "User-Agent": "omnicache", **headers}
        self._items = settings.pop("items", None)
        if self._items is not None and not isinstance(self._items, str):
            raise InvalidInput('config: items: the way to the array, such as "data.users"')
        self._timeout = settings.pop("timeout", 30)
        if isinstance(self._timeout, bool) or not isinstance(self._timeout, int | float) or self._timeout <= 0:
            raise InvalidInput("config: timeout: seconds")
        self._pages = _pagination(settings.pop("pagination", None))
        self.identity = f"{self._url} {self._items} {self._pages}"
        self.total: int | None = None

    def rows(self) -> Iterator[Row]:
        """All of them; a page that was there before ends it with an error.

        Raises:
            CacheBackendError: The endpoint cannot be reached, refuses, or sends something else.
            InvalidInput: An answer has no such array, or leads to another host.
        """
        seen: set[str] = set()
        url: str | None = self._first()
        number, page = 0, 0
        while url is not None:
            if url in seen:
                raise CacheBackendError(f"{url}: this page was there before; the pages go round in a circle")
            seen.add(url)
            answer = self._asked(url)
            items = self._array(answer)
            page += 1
            for item in items:
                number += 1
                yield Row(f"page {page}, item {number}", item)
            url = self._next(answer, len(items), number)

    def _first(self) -> str:
        start = self._pages.get("start")
        return str(self._url) if start is None else self._with({self._pages["param"]: start})

    def _with(self, parameters: Mapping[str, Any]) -> str:
        """The endpoint's address with these parameters, and the one for the size of a page."""
        parts = urlsplit(str(self._url))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        query.update({name: str(value) for name, value in parameters.items()})
        if "size_param" in self._pages:
            query[self._pages["size_param"]] = str(self._pages["size"])
        return urlunsplit(parts._replace(query=urlencode(query)))

    def _next(self, answer: _Answer, count: int, so_far: int) -> str | None:
        kind, param = self._pages["type"], self._pages.get("param", "")
        if kind == "none" or (count == 0 and kind in {"page", "offset"}):
            return None
        if kind == "page":
            query = dict(parse_qsl(urlsplit(answer.url).query))
            return self._with({param: int(query[param]) + 1})
        if kind == "offset":
            return self._with({param: self._pages["start"] + so_far})
        if kind == "cursor":
            cursor = _found(answer.data, self._pages["next"])
            return None if cursor in {None, "", False} else self._with({param: cursor})
        linked = _NEXT.search(answer.link)
        target = linked[1] if linked else (_found(answer.data, self._pages["next"]) if kind == "auto" else None)
        if not isinstance(target, str) or not target:
            return None
        following = urljoin(answer.url, target)
        # What the headers carry is for this host alone.
        if urlsplit(following)[:2] != urlsplit(str(self._url))[:2]:
            raise InvalidInput(f"{answer.url}: the next page is on another host, {urlsplit(following).netloc}")
        return following

    def _asked(self, url: str) -> _Answer:
        request = urllib.request.Request(url, headers=dict(self._headers))  # noqa: S310 - looked at
        try:
            with _opener().open(request, timeout=self._timeout) as response:
                data = response.read(_LARGEST + 1)
                link = ", ".join(response.headers.get_all("Link") or ())
        except urllib.error.HTTPError as error:
            raise CacheBackendError(f"{url}: it answered {error.code} {error.reason}") from None
        except TimeoutError:
            raise CacheTimeoutError(f"{url}: no answer within {self._timeout:g} s") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise CacheBackendError(f"{url}: {getattr(error, 'reason', error)}") from None
        if len(data) > _LARGEST:
            raise CacheBackendError(f"{url}: the answer is longer than {_LARGEST} bytes; ask for smaller pages")
        try:
            return _Answer(url, loads(data), link)
        except InvalidInput as error:
            raise CacheBackendError(f"{url}: the answer cannot be used: {error}") from None

    def _array(self, answer: _Answer) -> list[Any]:
        found = answer.data if self._items is None else _found(answer.data, self._items)
        if not isinstance(found, list):
            known = ", ".join(answer.data)[:100] if isinstance(answer.data, dict) else type(answer.data).__name__
            raise InvalidInput(f'{answer.url}: there is no array of items; name it: {{"items": "data"}} ({known})')
        return found


def _opener() -> urllib.request.OpenerDirector:
    """Only HTTP: no files, no FTP, wherever an answer may lead; and credentials stay with the host they are for."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        _SameHost,
        urllib.request.HTTPErrorProcessor,
    ):
        made.add_handler(handler())
    return made


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect on the same host only."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        """The request that follows."""
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            raise CacheBackendError(f"{req.full_url}: it redirects to another host, {urlsplit(newurl).netloc}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _pagination(given: Any) -> dict[str, Any]:
    made = {"type": "auto"} if given is None else given
    if not isinstance(made, dict) or made.get("type") not in _KINDS:
        raise InvalidInput(f'config: pagination: an object with "type": {", ".join(_KINDS)}')
    wrong = [name for name in made if name not in _OPTIONS]
    if wrong:
        raise InvalidInput(f"config: pagination: there is no {wrong[0]!r:.60}; there are {', '.join(_OPTIONS)}")
    kind = made["type"]
    defaults: dict[str, dict[str, Any]] = {
        "page": {"param": "page", "start": 1},
        "offset": {"param": "offset", "start": 0},
        "cursor": {"param": "cursor", "next": "next"},
        "auto": {"next": "next"},
    }
    made = {**defaults.get(kind, {}), **made}
    if ("size_param" in made) != ("size" in made):
        raise InvalidInput("config: pagination: size_param and size belong together")
    if kind in {"page", "offset"} and not isinstance(made["start"], int):
        raise InvalidInput("config: pagination: start: a whole number")
    return made


def _found(data: Any, path: Any) -> Any:
    for name in str(path).split("."):
        data = data.get(name) if isinstance(data, dict) else None
    return data
