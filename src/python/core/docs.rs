//! The docstrings of the methods that pyo3 does not make, with their signatures.

use std::ffi::CStr;

pub(super) const GET: &CStr = c"get($self, key, default=None)\n--\n\n\
The value under `key` if it is fresh, else `default`.\n\n\
Raises:\n    \
    InvalidKeyError: The key, or a part of it, cannot be used.\n    \
    CacheClosedError: The cache is closed.\n\n\
>>> from omnicache import Cache\n\
>>> with Cache(\"read\") as cache:\n\
...     cache[\"a\"] = None\n\
...     cache.get(\"a\", 0), cache.get(\"b\", 0)\n\
(None, 0)";

pub(super) const ITEM: &CStr = c"__getitem__($self, key, /)\n--\n\n\
The fresh value under `key`; ``MissingKeyError`` (a ``KeyError``) if there is none.";

pub(super) const SET: &CStr = c"set($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., stale_on_error=..., refresh_at=..., jitter=...)\n--\n\n\
Writes `value` under `key`. A value that alone weighs more than ``max_bytes`` is not kept.\n\n\
Args:\n    \
    key: The key.\n    \
    value: The value, any object.\n    \
    ttl: Seconds, a timedelta, or text such as \"5m\"; None for ever; left out, the cache's own.\n    \
    tags: Labels for ``clear(tags=)`` and ``invalidate(tags=)``.\n    \
    priority: From 0 to 1, weighs eviction; 1 goes only when nothing else is left.\n    \
    idle: It ends when it was not read for so long; None for never.\n    \
    stale: How long it is kept past its ttl, for a refresh or a failing loader; None for not at all.\n    \
    stale_on_error: The same; it is kept for the longer of the two.\n    \
    refresh_at: The part of the ttl, from 0 to 1, after which a load refreshes it in the background.\n    \
    jitter: The part of the ttl, from 0 to 1, that chance may take off.\n\n\
Raises:\n    \
    InvalidKeyError: The key, or a part of it, cannot be used.\n    \
    CacheConfigError: An option cannot be used.\n    \
    CacheClosedError: The cache is closed.\n\n\
>>> from omnicache import Cache\n\
>>> with Cache(\"written\") as cache:\n\
...     cache.set(\"a\", 1, ttl=\"5m\", tags=[\"numbers\"])\n\
...     cache[\"a\"], cache.entry(\"a\").tags\n\
(1, ('numbers',))";
