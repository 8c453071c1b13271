"""Stored responses in a cache: found by URI and by what in the request selects them (RFC 9111, section 4.1)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from hashlib import blake2b
from random import random
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..config import described
from ..exceptions import CacheClosedError
from ..registry import get_cache
from ._guard import Guard
from ._making import Making, Makings
from ._record import ID_SIZE, RECORD_NAME, Stored, Variants, decode, encode, encode_variants, new_id
from .http.fields import Headers, joined
from .http.vary import best_language, selecting

if TYPE_CHECKING:
    from ..cache import Cache

__all__ = ["Found", "Shelf"]

_REMEMBERED = 4096
_LONGEST = 10 * 365 * 86400.0  # seconds
_GLANCE = (0.001, 0.02)  # seconds between looks at what another process makes: the first, and the longest
_LANGUAGE = b"accept-language"


class Found(NamedTuple):
    """A stored response, its record, and the key it is under."""

    stored: Stored
    raw: bytes
    key: str


class Shelf:
    """Where the responses of one middleware or decorator are.

    A response that does not vary is under its key; for one that varies the key leads to the list of variants, and each
    of these is under a key of its own with the name of that list in it: dropping the list drops all.

    Args:
        cache: The cache, or the name of one that is made with these limits when it is first used.
        guard: Answers for failures of the cache.
        max_variants: How many variants of one URI are kept; the oldest goes first.
    """

    __slots__ = ("_cache", "_makings", "guard", "heads", "max_variants", "name")

    def __init__(self, cache: Cache | str, guard: Guard, max_variants: int = 64) -> None:
        self._cache = cache if not isinstance(cache, str) else None
        self.name = cache if isinstance(cache, str) else cache.name
        self.guard = guard
        self.max_variants = max_variants
        # The heads of records by their names, so that a hit in memory reads no fields.
        self.heads: dict[bytes, Stored | Variants] = {}
        self._makings = Makings()

    @property
    def cache(self) -> Cache:
        """The cache."""
        found = self._cache
        if found is None:
            limits = {"max_bytes": "128MiB"} if described(self.name) is None else {}
            found = self._cache = get_cache(self.name, **limits)
        return found

    def head(self, raw: object) -> Stored | Variants | None:
        """What a record says."""
        if type(raw) is not bytes:
            return None
        name = raw[RECORD_NAME]
        found = self.heads.get(name)
        if found is None:
            found = decode(raw)
            if found is not None:
                if len(self.heads) >= _REMEMBERED:
                    self.heads.pop(next(iter(self.heads)), None)
                self.heads[name] = found
        return found

    async def begin(self, key: str, labels: Iterable[str] = (), *, announce: bool = True) -> Making | None:
        """To be called before a response is made, and ended when it is stored or will not be; None if the cache fails.

        Args:
            key: Under which it will be.
            labels: What is known of its labels.
            announce: Whether other processes are to know of it, which costs two writes; without that, only this
                process can invalidate it.
        """
        if self.guard.resting:
            return None
        try:
            making = self._makings.begin(self.cache, key, frozenset(labels))
        except CacheClosedError:
            return None
        if announce and making.secret:
            async with making.turn:
                await self.guard(making.announce())
        return making

    async def awaited(
        self,
        making: Making | None,
        key: str,
        request: Headers,
        clock: Callable[[], float],
        limit: float,
        known: Stored | None = None,
    ) -> Found | None:
        """What another process stored meanwhile, or will; None if it is for this one to make.

        Waits at most `limit` seconds for who makes it; what is `known` is not what is wanted.
        """
        deadline, pause = monotonic() + limit, _GLANCE[0]
        while making is not None and making.announced and limit > 0.0:
            found = await self.find(key, request)
            if isinstance(found, Found) and (known is None or found.stored.id != known.id):
                stored = found.stored
                if clock() < stored.fresh_until and not stored.no_cache and stored.part is None:
                    return found
            if not making.waits or monotonic() >= deadline:
                break
            await asyncio.sleep(pause * (0.5 + random()))  # noqa: S311 - it spreads looks
            pause = min(pause * 2, _GLANCE[1])
            async with making.turn:
                await self.guard(making.announce())
        return None

    async def end(self, making: Making | None) -> None:
        """The other side of :meth:`begin`."""
        release = None if making is None else making.end()
        if release is not None:
            await self.guard(release)

    async def raw(self, key: str) -> object:
        """What is under a key, None if nothing is or the cache fails."""
        if self.guard.resting:
            return None
        try:
            return await self.cache.aget(key)
        except CacheClosedError:
            self._cache = None  # one that is made anew under the name is as good
            return await self.guard(self.cache.aget(key))
        except Exception as error:  # noqa: BLE001 - as in the guard
            return await self.guard(_failing(error))

    async def find(self, key: str, request: Headers) -> Found | Variants | None:
        """The response for a request; the list of variants if there are some, and none for this request."""
        return await self.found(key, await self.raw(key), request)

    async def found(self, key: str, raw: object, request: Headers) -> Found | Variants | None:
        """The same, where what is under the key is known."""
        head = self.head(raw)
        if isinstance(head, Stored):
            return Found(head, raw, key) if isinstance(raw, bytes) else None
        if head is None:
            return None
        return await self._variant(key, head, request) or head

    def variant(self, raw: object, request: Headers) -> str | None:
        """Which of the variants a request is for, if there are some, whether it is stored or not."""
        head = self.head(raw)
        return _digest(head.names, request).hex() if isinstance(head, Variants) else None

    async def _variant(self, key: str, found: Variants, request: Headers) -> Found | None:
        digest = _digest(found.names, request)
        known = [variant for variant, _ in found.variants]
        wanted = [digest] if digest in known else []
        if not wanted and found.names == (_LANGUAGE,):
            language = best_language(joined(request, _LANGUAGE) or "")
            wanted = [variant for variant, spoken in reversed(found.variants) if language and spoken == language]
        for variant in wanted:
            under = _variant_key(key, found, variant)
            raw = await self.raw(under)
            head = self.head(raw)
            if isinstance(head, Stored) and isinstance(raw, bytes):
                return Found(head, raw, under)
        return None

    async def put(
        self,
        key: str,
        request: Headers,
        names: tuple[bytes, ...],
        stored: Stored,
        body: bytes,
        *,
        ttl: float,
        now: float,
        tags: Iterable[str] = (),
        making: Making | None = None,
    ) -> bytes | None:
        """Stores a response for a request; its record, None if the cache failed or it was invalidated meanwhile.

        Args:
            key: That of the URI.
            request: The request's fields.
            names: The fields that selected the response, as ``Vary`` has them; none if it does not vary.
            stored: The head.
            body: The body.
            ttl: How long to keep it, in seconds.
            now: The time, in seconds since 1970.
            tags: Labels to invalidate it by.
            making: What :meth:`begin` returned.
        """
        with suppress(struct.error):  # a field that is too long for a record
            async with making.turn if making is not None else nullcontext():
                return await self._put(key, request, names, stored, body, ttl, now, tags, making)
        return None

    async def _put(
        self,
        key: str,
        request: Headers,
        names: tuple[bytes, ...],
        stored: Stored,
        body: bytes,
        ttl: float,
        now: float,
        tags: Iterable[str],
        making: Making | None,
    ) -> bytes | None:
        raw = encode(stored, body)
        options = {"tags": tuple(tags)} if tags else {}
        if not names:
            done = await self.guard(self._set(key, raw, ttl, options, making), default=False)
            return raw if done else None
        head = self.head(await self.raw(key))
        known = head if isinstance(head, Variants) else None
        if known is None or not set(names) <= set(known.names):
            union = sorted({*names, *(known.names if known else ())})
            known = Variants(tuple(union), 0.0, [], new_id())
        digest = _digest(known.names, request)
        language = (joined(stored.headers, b"content-language") or "").lower()
        kept = [pair for pair in known.variants if pair[0] != digest]
        excess = max(0, len(kept) + 1 - self.max_variants)
        gone, kept = kept[:excess], kept[excess:]
        until = max(known.until, now + ttl)
        listed = Variants(known.names, until, [*kept, (digest, language)], known.generation)
        under = _variant_key(key, known, digest)
        done = await self.guard(self._set(under, raw, ttl, options, making), default=False)
        done = done and await self.guard(
            self._set(key, encode_variants(listed), until - now, {}, making), default=False
        )
        if done:
            for variant, _ in gone:
                await self.guard(self.cache.adelete(_variant_key(key, known, variant)))
        return raw if done else None

    async def replace(
        self, found: Found, stored: Stored, *, ttl: float, tags: Iterable[str] = (), making: Making | None = None
    ) -> Found | None:
        """Puts a new head before the body of a record, under the same key; None if that is not to be or failed."""
        try:
            raw = encode(stored, found.stored.body(found.raw))
        except struct.error:  # as above
            return None
        options = {"tags": tuple(tags)} if tags else {}
        async with making.turn if making is not None else nullcontext():
            done = await self.guard(self._set(found.key, raw, ttl, options, making), default=False)
        head = self.head(raw)
        return Found(head, raw, found.key) if done and isinstance(head, Stored) else None

    async def drop(self, keys: Iterable[str]) -> None:
        """Forgets what is under the keys, with all variants."""
        for key in keys:
            await self.guard(self.cache.adelete(key))

    async def _set(
        self, key: str, raw: bytes, ttl: float, options: dict[str, tuple[str, ...]], making: Making | None
    ) -> bool:
        ttl = min(max(ttl, 0.001), _LONGEST)
        if making is not None:
            return await making.store(key, raw, ttl, options)
        await self.cache.aset(key, raw, ttl, **options)
        return True


def _variant_key(key: str, found: Variants, digest: bytes) -> str:
    return f"{key} #{found.generation.hex()}.{digest.hex()}"


def _digest(names: tuple[bytes, ...], request: Headers) -> bytes:
    text = repr(selecting(names, request)).encode("utf-8", "backslashreplace")
    return blake2b(text, digest_size=ID_SIZE).digest()


async def _failing(error: Exception) -> None:
    raise error
