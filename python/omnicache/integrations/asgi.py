"""``CacheMiddleware``: a shared HTTP cache in front of any ASGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .._sentinels import DEFAULT, DefaultType
from .._units import duration, size
from ..exceptions import CacheConfigError
from ._answer import Asked
from ._asked import KEYED, OVERRIDES, Keys, exclusion, keyed, uri_of, vary_by_from
from ._audit import AUDIT, BYPASS, PrivacyError
from ._engine import Engine
from ._fetch import Fetch
from ._guard import Guard, OnCacheError
from ._identity import Who
from ._policy import Policy
from ._record import RECORD_NAME, Stored
from ._responder import Responder
from ._settings import name_of, said
from ._shelf import Shelf
from .http.fields import Headers, joined, lowered
from .http.freshness import explicit_lifetime
from .http.invalidation import SAFE, invalidated, same_origin
from .http.targeted import TARGETS, control_of

if TYPE_CHECKING:
    from ..cache import Cache
    from ._types import App, Message, Receive, Scope, Send

__all__ = ["CacheMiddleware", "PrivacyError"]

_GET = frozenset({"GET", "HEAD"})
_MATTER = KEYED | OVERRIDES | {
    b"cache-control", b"content-length", b"cookie", b"if-match", b"if-modified-since", b"if-none-match", b"if-range",
    b"if-unmodified-since", b"range", b"transfer-encoding",
}  # fmt: skip
_MOST_ROLES = 4096
_HOST, _ASKED = 1, 2
_SUCCESS, _REDIRECTS = 200, 300


class CacheMiddleware:
    """A shared HTTP cache in front of an ASGI application (RFC 9111, 5861, 9211, 9213, 8246).

    What states its freshness is stored and served by the rules of the RFCs. What states none gets `default_ttl` if its
    status is one of success or a lasting redirection and neither request nor response says who asks. A response streams
    through while it is stored; requests for one URI that arrive together share one run of the application; what became
    stale is checked with the application, or served while it is fetched anew where the response allows that.

    >>> import asyncio
    >>> from omnicache import Cache
    >>> from omnicache.integrations.asgi import CacheMiddleware
    >>> async def app(scope, receive, send):
    ...     print("the application runs")
    ...     headers = [(b"content-type", b"text/plain"), (b"cache-control", b"max-age=60")]
    ...     await send({"type": "http.response.start", "status": 200, "headers": headers})
    ...     await send({"type": "http.response.body", "body": b"hello"})
    >>> cache = Cache("asgi_example")
    >>> cached_app = CacheMiddleware(app, cache=cache)
    >>> async def get(path):
    ...     async def send(message):
    ...         for name, value in message.get("headers", ()):
    ...             if name == b"cache-status":
    ...                 print(value.decode())
    ...     scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    ...     await cached_app(scope, None, send)
    >>> async def main():
    ...     await get("/")
    ...     await get("/")
    >>> asyncio.run(main())
    the application runs
    OmniCache; fwd=uri-miss; stored
    OmniCache; hit; ttl=60
    >>> cache.close()

    Args:
        app: The application.
        cache_name: The cache for the responses, by name, ``"middleware_cache"`` unless the configuration says otherwise
            (see :func:`omnicache.configure`); it is made, with 128 MiB, if there is none.
        cache: The cache itself, in place of its name.
        default_ttl: How long what states no freshness is fresh: seconds, a ``timedelta`` or text; None or 0 for not at
            all. It is 300 unless the configuration says otherwise.
        heuristic: Whether what states no freshness but has ``Last-Modified`` is fresh for a tenth of the time since
            then (RFC 9111, section 4.2.2).
        stale: How long past freshness a response may be served while it is fetched anew, unless it says so itself
            (``stale-while-revalidate``).
        stale_on_error: How long past freshness it may stand in when the application raises or answers 500, 502, 503 or
            504, unless it says so itself (``stale-if-error``).
        keep: How long past freshness a response with a validator is kept, to be checked instead of fetched.
        cache_control_header: Whether a response that gets `default_ttl` says so in ``Cache-Control``; it does unless
            the configuration says otherwise.
        etag_header: Whether a stored 200 without an entity tag gets one, a hash of its bytes; likewise.
        cache_status_header: Whether responses tell in ``Cache-Status`` what the cache did.
        key_builder: A function of the scope that makes the key; None from it means not to cache.
        should_cache: A function of the scope and the ``http.response.start`` message: whether it may be stored.
        exclude_paths: Paths that the cache leaves alone, with all below them; ``*`` and ``?`` match.
        include_query_params: True for the whole query, False for none of it, or the names that count.
        vary_by: Who asks, as part of the key: names of fields and cookies (``["authorization", "cookie:session"]``) or
            a function of the scope. Without it what belongs to someone is not stored unless it says ``public``,
            ``s-maxage`` or, where ``Authorization`` was sent, ``must-revalidate``.
        ignore_cookies: Names of cookies, ``*`` allowed, that say nothing about who asks.
        ignore_headers: Names of fields that say nothing about who asks, though they sound like it: any that holds a
            word such as ``token``, ``user`` or ``api-key`` is taken to say so.
        targets: The fields that hold directives for this cache (RFC 9213), the strongest first.
        request_directives: Whether ``Cache-Control`` of requests counts.
        coalesce_timeout: How long a request waits for another one's answer, in seconds.
        max_body: The longest body that is stored, in bytes or as text.
        max_variants: How many variants of one URI are kept.
        on_cache_error: ``"degrade"`` (the application answers), ``"circuit_breaker"`` (and the cache is left alone for
            a while) or ``"raise"``.
        audit: A test mode: each hit is held against what the application says to this client and to one without a
            name, and a difference raises :class:`PrivacyError`.
        clock: The time in seconds since 1970, for tests.

    Raises:
        CacheConfigError: An argument cannot be used.
    """

    def __init__(
        self,
        app: App,
        cache_name: str | None = None,
        default_ttl: Any = DEFAULT,
        *,
        cache: Cache | None = None,
        heuristic: bool = False,
        stale: Any = None,
        stale_on_error: Any = "10m",
        keep: Any = "1h",
        cache_control_header: bool | DefaultType = DEFAULT,
        etag_header: bool | DefaultType = DEFAULT,
        cache_status_header: bool = True,
        key_builder: Callable[[Scope], str | None] | None = None,
        should_cache: Callable[[Scope, Message], bool] | None = None,
        exclude_paths: Iterable[str] = (),
        include_query_params: bool | Iterable[str] = True,
        vary_by: Any = None,
        ignore_cookies: Iterable[str] = (),
        ignore_headers: Iterable[str] = (),
        targets: Iterable[str] | None = None,
        request_directives: bool = True,
        coalesce_timeout: Any = 30,
        max_body: int | str = "8MiB",
        max_variants: int = 64,
        on_cache_error: OnCacheError = "degrade",
        audit: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_variants < 1:
            raise CacheConfigError(f"CacheMiddleware: max_variants: at least 1, not {max_variants!r}")
        identity = vary_by_from(vary_by)
        ignored = frozenset(name.lower().encode("latin-1") for name in _listed(ignore_headers, "ignore_headers"))
        self._who = Who(exclusion(ignore_cookies, "ignore_cookies"), ignored)
        self._roles = _Roles(self._who)
        policy = Policy(
            default_ttl=_seconds(said(default_ttl, "response_cache_ttl", 300), "default_ttl") or None,
            heuristic=heuristic,
            stale=_seconds(stale, "stale"),
            stale_on_error=_seconds(stale_on_error, "stale_on_error"),
            keep=_seconds(keep, "keep"),
            private=identity is None,
            targets=TARGETS if targets is None else tuple(name.lower().encode("latin-1") for name in targets),
            who=self._who,
        )
        self.app = app
        self._shelf = Shelf(
            cache if cache is not None else name_of(cache_name, "middleware_cache"), Guard(on_cache_error), max_variants
        )
        self._engine = Engine(
            app,
            self._shelf,
            policy,
            clock=clock,
            max_body=size(max_body, "CacheMiddleware: max_body"),
            etag=bool(said(etag_header, "etag_headers", True)),
            announce=bool(said(cache_control_header, "cache_control_headers", True)),
            status_field=cache_status_header,
            should_cache=should_cache,
        )
        self._keys = Keys(include_query_params, key_builder, identity)
        self._plain = include_query_params is True and key_builder is None and identity is None and not audit
        self._excluded = exclusion(exclude_paths, "exclude_paths")
        self._limit = _seconds(coalesce_timeout, "coalesce_timeout")
        self._obey = request_directives
        self._audit = audit

    @property
    def cache(self) -> Cache:
        """The cache with the responses."""
        return self._shelf.cache

    async def drain(self) -> None:
        """Waits until nothing is fetched in the background."""
        await self._engine.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request from the cache, or hands it to the application; all else passes untouched."""
        if scope["type"] != "http" or BYPASS in scope or (self._excluded is not None and self._excluded(scope["path"])):
            await self.app(scope, receive, send)
            return
        if self._audit and AUDIT not in scope:
            scope[AUDIT] = True
        asked: dict[bytes, bytes] = {}
        host = b""
        roles = self._roles
        for name, value in scope["headers"]:
            role = roles[name]
            if role == _HOST:
                host = host + b", " + value if host else value
            elif role:
                asked[name] = value if name not in asked else asked[name] + b", " + value
        if not host and scope.get("server"):
            host = b"%s:%s" % tuple(str(part).encode() for part in scope["server"])
        method = scope["method"]
        if method not in _GET or (asked and not OVERRIDES.isdisjoint(asked)):
            await self._other(scope, receive, send, host, asked)
            return
        if self._plain and not asked and scope.get("raw_path"):
            query = scope["query_string"]
            path = host.lower() + scope["raw_path"] + b"?" + query if query else host.lower() + scope["raw_path"]
            key: str | None = f"{scope['scheme']}://{path.decode('latin-1')}"
        else:
            key = self._keys.of(scope, host, keyed(asked))
        if key is None or (asked.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in asked):
            await self.app(scope, receive, send)
            return
        raw = await self._shelf.raw(key)
        found = "user" in scope or "session" in scope or AUDIT in scope
        if not asked and not found and type(raw) is bytes:
            # The way of most hits; all others, and those of clients that others may know, are for the responder.
            stored = self._shelf.heads.get(raw[RECORD_NAME])
            now = self._engine.clock()
            if type(stored) is Stored and now < stored.fresh_until and not stored.no_cache:
                headers = stored.shown(now, status_field=self._engine.status_field)
                body = b"" if method == "HEAD" else raw[stored.body_at :]
                await send({"type": "http.response.start", "status": stored.status, "headers": headers})
                await send({"type": "http.response.body", "body": body, "more_body": False})
                return
        responder = Responder(self._engine, scope, receive, send, key, asked, limit=self._limit, obey=self._obey)
        await responder.respond(raw)

    async def _other(self, scope: Scope, receive: Receive, send: Send, host: bytes, asked: Asked) -> None:
        """A request that is no GET: what it changes is no longer served (RFC 9111, section 4.4)."""
        method = scope["method"] if OVERRIDES.isdisjoint(asked) else "any"
        if method in SAFE:
            await self.app(scope, receive, send)
            return
        extra, uri = keyed(asked), uri_of(scope, host)
        recorder: Fetch | None = None

        async def watch(message: Message) -> None:
            nonlocal recorder
            if message["type"] == "http.response.start":
                headers = lowered(message.get("headers", ()))
                targets = invalidated(method, uri, message["status"], headers)
                found = (self._keys.of_uri(scope, target, extra) for target in targets)
                await self._engine.drop([key for key in found if key is not None])
                if method == "POST" and self._describes(uri, message["status"], headers):
                    key = self._keys.of_uri(scope, uri, extra)
                    recorder = None if key is None else self._engine.fetch(key, scope, receive, scope["headers"])
            if recorder is None:
                await send(message)
            else:
                await recorder.record(message, send)

        await self.app(scope, receive, watch)

    def _describes(self, uri: str, status: int, headers: Headers) -> bool:
        """Whether the answer to a POST is what a GET would have (RFC 9110, section 9.3.3)."""
        location = joined(headers, b"content-location")
        if location is None or not _SUCCESS <= status < _REDIRECTS or same_origin(uri, location) != uri:
            return False
        control = control_of(headers, self._engine.policy.targets)
        now = self._engine.clock()
        lifetime = explicit_lifetime(control.directives, headers, targeted=control.targeted, response_time=now)
        return lifetime is not None and lifetime > 0


class _Roles(dict[bytes, int]):
    """What fields are for, by their names: nothing, the host, or a matter for the cache."""

    def __init__(self, who: Who) -> None:
        super().__init__({b"host": _HOST})
        self._who = who

    def __missing__(self, name: bytes) -> int:
        role = _ASKED if name in _MATTER or self._who.says(name) else 0
        if len(self) < _MOST_ROLES:
            self[name] = role
        return role


def _listed(given: Iterable[str], name: str) -> list[str]:
    if isinstance(given, str):
        raise CacheConfigError(f"CacheMiddleware: {name}: names in a list, not one str; write [{given!r}]")
    return list(given)


def _seconds(given: Any, name: str) -> float:
    """A duration where None and 0 both mean none."""
    if given is None or (given == 0 and not isinstance(given, bool)):
        return 0.0
    return duration(given, f"CacheMiddleware: {name}")
