"""The HTTP cache for Starlette: the middleware for applications, and ``cache_response`` for single endpoints.

>>> from omnicache.integrations.starlette import CacheMiddleware
>>> from starlette.applications import Starlette
>>> from starlette.middleware import Middleware
>>> app = Starlette(middleware=[Middleware(CacheMiddleware, default_ttl="5m")])
"""

from __future__ import annotations

from ._response import cache_response
from .asgi import CacheMiddleware, PrivacyError

__all__ = ["CacheMiddleware", "PrivacyError", "cache_response"]
