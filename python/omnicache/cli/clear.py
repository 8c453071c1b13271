"""``omnicache clear``: remove all entries of a cache, or some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._options import CACHE, force_option, tags_option
from ._progress import working
from ._root import Command
from ._session import Session, in_session
from ._terminal import confirm

if TYPE_CHECKING:
    from .._manage.management import Management

__all__ = ["clear"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache clear users
  omnicache clear users --pattern 'session:*' --force
  omnicache clear users --tags team:7""",
)
@click.argument("cache", type=CACHE)
@click.option("--pattern", metavar="GLOB", help="Keys that match: * any run, ? one character, [abc] one of these.")
@tags_option("Entries with any of these tags.")
@force_option
@in_session
def clear(session: Session, cache: str, pattern: str | None, tags: list[str] | None, force: bool) -> None:
    """Remove the entries of a cache, or those that match a pattern and carry any of some tags; the cache stays."""
    with session.management() as service:
        if not force:
            confirm(session, _question(service, cache, pattern, tags))
        with working(session, f"clearing {cache}"):
            gone = service.clear(cache, pattern, tags)
    session.say(f"{gone} {'entry' if gone == 1 else 'entries'} removed")


def _question(service: Management, cache: str, pattern: str | None, tags: list[str] | None) -> str:
    view = service.cache(cache)
    which = []
    if pattern is not None:
        which.append(f"match {pattern}")
    if tags is not None:
        which.append(f"carry {' or '.join(tags)}")
    if which:
        return f'Remove the entries of "{view.name}" that {" and ".join(which)}?'
    count = "all entries" if view.entry_count is None else f"all {view.entry_count} entries"
    return f'Remove {count} of "{view.name}"?'
