"""What operators give, checked: names, tags, durations, limits, and tables of an entry's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from .._sentinels import DEFAULT
from .._units import duration
from ..exceptions import CacheConfigError, CacheSerializationError, CacheStrategyError
from .errors import InvalidInput
from .keytext import key_of
from .management import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["checking", "limit_of", "pattern_of", "put_options", "tags_of", "unknown"]

MAX_TAGS: Final = 1000
MAX_TEXT: Final = 10_000
_FIELDS: Final = ("key", "value", "ttl", "tags", "priority")


@contextmanager
def checking() -> Iterator[None]:
    """What the cache refuses as an argument is invalid input."""
    try:
        yield
    except InvalidInput:
        raise
    except (CacheConfigError, CacheStrategyError) as error:
        raise InvalidInput(str(error)) from error
    except TypeError as error:
        if isinstance(error, CacheSerializationError) or not error.args:
            raise
        raise InvalidInput(str(error)) from error


def limit_of(limit: object) -> int:
    """A whole number from 1 to 1000."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit: a whole number from 1 to {MAX_LIMIT}, not {limit!r:.40}")
    return limit


def pattern_of(pattern: object) -> str | None:
    """A glob, or None."""
    if pattern is not None and not isinstance(pattern, str):
        raise InvalidInput(f"pattern: text such as user:*, not {type(pattern).__name__}")
    if pattern is not None and len(pattern) > MAX_TEXT:
        raise InvalidInput(f"pattern: longer than {MAX_TEXT} characters")
    return pattern


def tags_of(tags: object, *, optional: bool = False) -> tuple[str, ...] | None:
    """Tags as a tuple of text."""
    if tags is None and optional:
        return None
    if isinstance(tags, str | Mapping) or not isinstance(tags, Iterable):
        raise InvalidInput(f"tags: a list of text, not {type(tags).__name__}")
    made = tuple(tags)
    for tag in made:
        if not isinstance(tag, str) or not tag:
            raise InvalidInput("tags: each is text that is not empty")
        if not tag.isascii() and any("\ud800" <= char <= "\udfff" for char in tag):
            raise InvalidInput("tags: text with half a surrogate pair is no tag")
    if len(made) > MAX_TAGS or any(len(tag) > MAX_TEXT for tag in made):
        raise InvalidInput(f"tags: more than {MAX_TAGS}, or longer than {MAX_TEXT} characters")
    return made


def put_options(ttl: Any, tags: Iterable[str], priority: object) -> dict[str, Any]:
    """The arguments of ``Cache.set`` besides key and value."""
    options: dict[str, Any] = {}
    if ttl is not DEFAULT:
        if isinstance(ttl, bool) or (ttl is not None and not isinstance(ttl, str | int | float)):
            raise InvalidInput(f'ttl: seconds, text such as "5m", or null for ever, not {type(ttl).__name__}')
        if ttl is not None:
            with checking():
                duration(ttl, "ttl")
        options["ttl"] = ttl
    if wanted := tags_of(tags):
        options["tags"] = wanted
    if priority is not None:
        if isinstance(priority, bool) or not isinstance(priority, int | float) or not 0 <= priority <= 1:
            raise InvalidInput(f"priority: a number from 0 to 1, not {priority!r:.40}")
        options["priority"] = float(priority)
    return options


def put_arguments(row: object, default_ttl: Any = DEFAULT) -> tuple[Any, Any, dict[str, Any]]:
    """Key, value and options in a table of an entry's fields.

    Raises:
        InvalidInput: It is no table, lacks one of the first two, or has a field that is unknown.
    """
    if not isinstance(row, Mapping):
        raise InvalidInput(f'entry: an object such as {{"key": "a", "value": 1}}, not {type(row).__name__}')
    unknown(row, _FIELDS, "entry")
    for needed in ("key", "value"):
        if needed not in row:
            raise InvalidInput(f"entry: {needed!r} is missing")
    tags = row.get("tags")
    options = put_options(row.get("ttl", default_ttl), () if tags is None else tags, row.get("priority"))
    return key_of(row["key"]), row["value"], options


def unknown(row: Mapping[Any, Any], known: Iterable[str], what: str) -> None:
    """Refuses fields that are not `known`."""
    names = tuple(known)
    for name in row:
        if name not in names:
            raise InvalidInput(f"{what}: there is no field {str(name)[:60]!r}; the fields are {', '.join(names)}")
