"""``cache_response``: the response of an endpoint is kept as it was sent, after the framework's own serialization."""

from __future__ import annotations

import functools
import inspect
import string
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar, cast, get_args, get_origin, overload

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from .._sentinels import DEFAULT, DefaultType
from .._units import duration, size
from ..exceptions import CacheConfigError
from ._asked import Keys, vary_by_from
from ._endpoint import Call
from ._guard import Guard, OnCacheError
from ._options import Options
from ._settings import name_of, said
from ._shelf import Shelf

if TYPE_CHECKING:
    from ..cache import Cache

__all__ = ["cache_response"]

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """Makes the responses of an endpoint kept; the endpoint stays what it is to type checkers."""

    def __call__(self, function: F, /) -> F:
        """The endpoint."""
        ...


_REQUEST, _RESPONSE = "omnicache_request", "omnicache_response"


@overload
def cache_response(function: F, /) -> F: ...
@overload
def cache_response(
    cache_name: str | None = ...,
    ttl: Any = ...,
    *,
    cache: Cache | None = ...,
    stale: Any = ...,
    stale_on_error: Any = ...,
    tags: Iterable[str] | Callable[..., Iterable[str]] = ...,
    vary_on: Iterable[str] | None = ...,
    vary_headers: Iterable[str] = ...,
    vary_by: Any = ...,
    private: bool | None = ...,
    status_codes: Iterable[int] = (200,),
    methods: Iterable[str] = ("GET", "HEAD"),
    exclude_headers: Iterable[str] = ...,
    cache_control_header: bool | DefaultType = ...,
    etag_header: bool | DefaultType = ...,
    max_body: int | str = ...,
    coalesce_timeout: Any = ...,
    on_cache_error: OnCacheError = ...,
    clock: Callable[[], float] = ...,
) -> Decorator: ...
def cache_response(
    cache_name: Any = None,
    ttl: Any = DEFAULT,
    *,
    cache: Cache | None = None,
    stale: Any = None,
    stale_on_error: Any = None,
    tags: Iterable[str] | Callable[..., Iterable[str]] = (),
    vary_on: Iterable[str] | None = None,
    vary_headers: Iterable[str] = (),
    vary_by: Any = None,
    private: bool | None = None,
    status_codes: Iterable[int] = (200,),
    methods: Iterable[str] = ("GET", "HEAD"),
    exclude_headers: Iterable[str] = (),
    cache_control_header: bool | DefaultType = DEFAULT,
    etag_header: bool | DefaultType = DEFAULT,
    max_body: int | str = "8MiB",
    coalesce_timeout: Any = 30,
    on_cache_error: OnCacheError = "degrade",
    clock: Callable[[], float] = time.time,
) -> Any:
    """Keeps the response of an endpoint: status, fields and body, as they were sent.

    For endpoints of FastAPI and Starlette, plain and coroutine functions. Dependencies run for each request, the
    endpoint and its background tasks on a miss only. The key is the URL; what the endpoint reads of the request's
    fields is noted and keeps the answers apart. A request that says who asks, to an endpoint that may read it, is
    neither answered from the cache nor stored, unless `vary_by` or `private` says how.

    >>> from fastapi import FastAPI
    >>> from fastapi.testclient import TestClient
    >>> from omnicache.integrations.fastapi import cache_response
    >>> app = FastAPI()
    >>> @app.get("/items/{id}")
    ... @cache_response(ttl="5m", tags=["item:{id}"])
    ... async def item(id: int):
    ...     print("reading item", id)
    ...     return {"id": id}
    >>> client = TestClient(app)
    >>> first, second = client.get("/items/1"), client.get("/items/1")
    reading item 1
    >>> second.json(), second.headers["cache-control"], second.headers["etag"] == first.headers["etag"]
    ({'id': 1}, 'max-age=300', True)

    Args:
        cache_name: The cache, by name, ``"http_cache"`` unless the configuration says otherwise; it is made, with 128
            MiB, if there is none.
        ttl: How long a response is fresh, unless it says so itself in ``Cache-Control``: seconds, a ``timedelta`` or
            text; 300 unless the configuration says otherwise.
        cache: The cache itself, in place of its name.
        stale: How long past that it may be served while one request in the background makes it anew.
        stale_on_error: How long past that it stands in when the endpoint raises.
        tags: Labels to invalidate it by; ``"item:{id}"`` takes arguments of the endpoint. Or a function of these
            arguments that returns labels.
        vary_on: The arguments of the endpoint that make the key, in place of the URL.
        vary_headers: Fields of the request that keep answers apart, as in ``Vary``.
        vary_by: Who asks, as part of the key: names of fields and cookies (``["authorization", "cookie:session"]``) or
            a function of the scope. Such responses are ``private`` to caches that are shared.
        private: None: a response is private if its request says who asks and the endpoint may read that. True: it
            always is, and only the client keeps it. False: it never is.
        status_codes: The statuses that are kept.
        methods: The methods that are answered from the cache.
        exclude_headers: Fields that are not kept. ``Set-Cookie`` never is.
        cache_control_header: Whether responses get a ``Cache-Control`` if they have none; they do unless the
            configuration says otherwise.
        etag_header: Whether responses get an entity tag, a hash of their bytes, if they have none; likewise.
        max_body: The longest body that is kept.
        coalesce_timeout: How long a request waits for another one's answer, in seconds.
        on_cache_error: ``"degrade"`` (the endpoint answers), ``"circuit_breaker"`` or ``"raise"``.
        clock: The time in seconds since 1970, for tests.

    Raises:
        CacheConfigError: An argument cannot be used, or the function is a generator.
    """
    if callable(cache_name):
        return cache_response()(cache_name)
    options = Options(
        ttl=duration(said(ttl, "response_cache_ttl", 300), "cache_response: ttl"),
        stale=0.0 if stale is None else duration(stale, "cache_response: stale"),
        stale_on_error=0.0 if stale_on_error is None else duration(stale_on_error, "cache_response: stale_on_error"),
        vary_on=None if vary_on is None else tuple(_names(vary_on, "vary_on")),
        vary_headers=frozenset(name.lower().encode("latin-1") for name in _names(vary_headers, "vary_headers")),
        private=private,
        named=vary_by is not None,
        plain=vary_by is None and vary_on is None,
        statuses=frozenset(status_codes),
        methods=frozenset(method.upper() for method in _names(methods, "methods")),
        excluded=frozenset(name.lower().encode("latin-1") for name in _names(exclude_headers, "exclude_headers")),
        announce=bool(said(cache_control_header, "cache_control_headers", True)),
        etag=bool(said(etag_header, "etag_headers", True)),
        max_body=size(max_body, "cache_response: max_body"),
        limit=duration(coalesce_timeout, "cache_response: coalesce_timeout"),
        clock=clock,
        shelf=Shelf(cache if cache is not None else name_of(cache_name, "http_cache"), Guard(on_cache_error)),
        keys=Keys(identity=vary_by_from(vary_by)),
    )

    def decorate(function: F) -> F:
        return cast("F", _wrapped(function, options, tags))

    return decorate


def _names(given: Iterable[str], name: str) -> list[str]:
    if isinstance(given, str):
        raise CacheConfigError(f"cache_response: {name}: names in a list, not one str; write [{given!r}]")
    return list(given)


def _wrapped(function: Callable[..., Any], options: Options, tags: Any) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise CacheConfigError(
            f"cache_response: {function.__qualname__}() is a generator; return a StreamingResponse of it instead"
        )
    signature = inspect.signature(function)
    unknown = set(options.vary_on or ()) - signature.parameters.keys()
    if unknown:
        raise CacheConfigError(
            f"cache_response: vary_on: {function.__qualname__}() has no {', '.join(sorted(unknown))}"
        )
    labels = _labels(function, signature, tags)
    asking, answering = _taken(function, Request), _taken(function, Response)
    is_async = inspect.iscoroutinefunction(function)
    name = f"{function.__module__}:{function.__qualname__}"
    owns = options.shelf  # keeps the cache alive as long as the endpoint
    state = options.state()

    @functools.wraps(function)
    async def endpoint(*args: Any, **kwargs: Any) -> Any:
        request = kwargs.pop(_REQUEST, None) if asking is None else kwargs.get(asking)
        injected: Response | None = kwargs.pop(_RESPONSE, None) if answering is None else kwargs.get(answering)

        own: Any = request if asking is not None else None
        if request is None:
            own = request = next((given for given in args if isinstance(given, Request)), None)

        async def run() -> Any:
            if is_async:
                return await function(*args, **kwargs)
            return await run_in_threadpool(function, *args, **kwargs)

        if request is None:
            return await run()
        call = Call(options, state, name, request, injected, own, kwargs, labels, run)
        return await call.respond()

    endpoint.__signature__ = _with(signature, asking is None, answering is None)  # type: ignore[attr-defined]
    endpoint.cache_shelf = owns  # type: ignore[attr-defined]
    return endpoint


def _taken(function: Callable[..., Any], kind: type) -> str | None:
    """The parameter by which the endpoint itself takes a request or a response; frameworks hand in only one."""
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception:  # noqa: BLE001 - an annotation that names what is not there yet may raise anything
        signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        annotation = parameter.annotation
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        named = annotation.rpartition(".")[2] if isinstance(annotation, str) else None
        if named == kind.__name__ or (isinstance(annotation, type) and issubclass(annotation, kind)):
            return name
    return None


def _with(signature: inspect.Signature, asking: bool, answering: bool) -> inspect.Signature:
    """The signature with what the framework is to hand in besides; neither shows in OpenAPI."""
    parameters = list(signature.parameters.values())
    if not _is_fastapi(parameters):
        return signature
    at = len(parameters) - (bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters[at:at] = [
        *([inspect.Parameter(_REQUEST, keyword, annotation=Request)] if asking else []),
        *([inspect.Parameter(_RESPONSE, keyword, annotation=Response)] if answering else []),
    ]
    return signature.replace(parameters=parameters)


def _is_fastapi(parameters: list[inspect.Parameter]) -> bool:
    """Whether parameters are handed in by name; Starlette calls an endpoint with the request and nothing else."""
    lone = len(parameters) == 1 and parameters[0].name in {"request", "req", "_", "_request"}
    return not (lone and parameters[0].annotation is inspect.Parameter.empty)


def _labels(
    function: Callable[..., Any], signature: inspect.Signature, tags: Any
) -> Callable[[Mapping[str, Any]], tuple[str, ...]]:
    """A function of the arguments that returns the labels."""
    if callable(tags):
        made = cast("Callable[..., Iterable[str]]", tags)
        return lambda arguments: tuple(made(**arguments))
    if isinstance(tags, str):
        raise CacheConfigError(f"cache_response: tags: labels in a list, not one str; write [{tags!r}]")
    templates = tuple(tags)
    for template in templates:
        for _, field, _, _ in string.Formatter().parse(template):
            wanted = (field or "").partition(".")[0].partition("[")[0]
            if wanted and wanted not in signature.parameters:
                raise CacheConfigError(
                    f"cache_response: tags: {function.__qualname__}() has no {wanted!r}: {template!r}"
                )
    if not any("{" in template for template in templates):
        return lambda _: templates
    return lambda arguments: tuple(template.format(**arguments) for template in templates)
