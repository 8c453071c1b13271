"""``omnicache why``: how the entry of a key stands, and what a read would do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._options import format_option, key_argument
from ._root import Command
from ._session import Session, in_session

if TYPE_CHECKING:
    from .._manage.models import TagView, Why

__all__ = ["why"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache why users ada
  omnicache --server unix:/run/app.sock why users ada --format json""",
)
@key_argument
@format_option("table", "json")
@in_session
def why(session: Session, cache: str, key: str, form: str) -> None:
    """Tell why a key is answered as it is.

    Its age, what is left of its time, its tags, where it is found, and what a read would do now. It counts as no read.
    """
    from ._show import json_out, record

    with session.management() as service:
        found = service.why(cache, key)
    if form == "json":
        json_out(found.as_dict())
    else:
        record(_facts(found))


def _facts(found: Why) -> list[tuple[str, str]]:
    from ._show import amount, duration, moment

    facts = [("key", found.key), ("state", found.state), ("a read now", found.read_now)]
    if found.loading:
        facts.append(("loading", "a load of it runs"))
    if found.found:
        facts += [
            ("tier", f"{found.tier or '-'} ({found.backend})"),
            ("age", duration(found.age, none="-")),
            ("ttl", duration(found.ttl)),
            ("left", duration(found.remaining)),
            ("ends", moment(found.as_dict()["expires_at"], none="never")),
            ("size", amount(found.size_bytes)),
            ("hits", "-" if found.access_count is None else str(found.access_count)),
            ("priority", "-" if found.priority is None else f"{found.priority:g}"),
            ("tags", ", ".join(map(_tag, found.tags)) or "-"),
        ]
    else:
        facts.append(("backend", found.backend))
    return facts


def _tag(tag: TagView) -> str:
    if tag.generation is None:
        return tag.name
    written = "" if tag.written_in is None else f", written in {tag.written_in}"
    return f"{tag.name} (generation {tag.generation}{written})"
