"""Who asks, as far as a request says so: in its fields and cookies, or by what was found out on its way here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ._types import Scope
from .http.fields import Headers, joined

__all__ = ["NOBODY", "Who", "counted_cookies", "credential_like"]

NOBODY: frozenset[bytes] = frozenset()
_COOKIE, _FOUND = b"cookie", b":found"
_WORDS = re.compile(
    rb"auth|cookie|token|session|user|identity|principal|tenant|account|jwt|secret|credential|(?:api|access)[-_]?key|cert|"
    rb"oidc|saml|sso|login|passw|bearer|client[-_](?:dn|id)|remote[-_](?:email|name)"
)
_HARMLESS = re.compile(rb"sec-.*|user-agent|upgrade.*|.*user-agent.*")


@lru_cache(maxsize=4096)
def credential_like(name: bytes) -> bool:
    """Whether a field, by its name, says who asks.

    >>> [credential_like(name) for name in (b"authorization", b"x-api-key", b"x-forwarded-user", b"user-agent")]
    [True, True, True, False]
    """
    return _WORDS.search(name) is not None and _HARMLESS.fullmatch(name) is None


def counted_cookies(headers: Headers, ignored: Callable[[str], bool] | None) -> bool:
    """Whether the request has a cookie that may say who asks; `ignored` tells by name which do not."""
    text = joined(headers, _COOKIE)
    if text is None:
        return False
    if ignored is None:
        return True
    return any(not ignored(cookie.partition("=")[0].strip()) for cookie in text.replace(",", ";").split(";") if cookie)


def found_outside(scope: Scope) -> bool:
    """Whether an application around this one has found out who asks."""
    return bool(scope.get("session")) or bool(getattr(scope.get("user"), "is_authenticated", False))


class Who:
    """Names what of a request says who asks.

    Args:
        cookies: Tells which cookies, by name, do not.
        fields: The fields that do not, whatever their names.
    """

    __slots__ = ("_cookies", "_fields")

    def __init__(self, cookies: Callable[[str], bool] | None = None, fields: frozenset[bytes] = NOBODY) -> None:
        self._cookies, self._fields = cookies, fields

    def says(self, name: bytes) -> bool:
        """Whether a field may say who asks."""
        return credential_like(name) and name not in self._fields

    def asks(self, scope: Scope) -> frozenset[bytes]:
        """The names of the fields that say so; of one that is none, where it was found out outside."""
        headers: Headers = scope["headers"]
        found = {name for name, _ in headers if self.says(name)}
        if _COOKIE in found and not counted_cookies(headers, self._cookies):
            found.discard(_COOKIE)
        if found_outside(scope):
            found.add(_FOUND)
        return frozenset(found)
