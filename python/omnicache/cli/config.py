"""``omnicache config``: check and show the configuration, and say where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._options import format_option
from ._root import Command, Commands
from ._session import Session, in_session
from ._terminal import out

if TYPE_CHECKING:
    from .._definitions import Definition

__all__ = ["check", "config", "path", "show"]


@click.group(
    cls=Commands,
    lazy={
        "check": (".config:check", "Check the configuration and the registry file."),
        "show": (".config:show", "Show the configuration as it is understood."),
        "path": (".config:path", "Say which files are read."),
    },
)
def config() -> None:
    """Check and show the configuration."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache config check
  omnicache --config deploy/omnicache.toml config check""",
)
@in_session
def check(session: Session) -> None:
    """Check the configuration and the registry file, without opening any cache.

    It ends with 7 and names the file, the line, the keys and the nearest right key, if something is wrong.
    """
    loaded = session.loaded()
    definitions = session.definitions()
    found = definitions.list()
    for definition in found:
        _buildable(definition)
    where = "the environment alone" if loaded.path is None else str(loaded.path)
    session.say(f"{where}: {_caches(len(loaded.caches))}, nothing wrong")
    session.say(f"{definitions.path}: {_caches(len(found) - len(loaded.caches))}, nothing wrong")


def _buildable(definition: Definition) -> None:
    """Looks at what only all options together can be wrong about."""
    from ..backends import backend_from
    from ..config import arguments_of
    from ..exceptions import CacheConfigError, CacheError
    from ..strategies import strategy_from

    try:
        made = arguments_of(definition.options)
        for name in ("backend", "fallback"):
            backend_from(made.get(name))
        strategy_from(made.get("strategy", "lru"), max_size=made.get("max_size"), max_bytes=made.get("max_bytes"))
    except CacheError as error:
        where = "the registry file" if definition.source is None else definition.source
        raise CacheConfigError(f"{where}: caches.{definition.name}: {error}") from None


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache config show
  omnicache config show --format json""",
)
@format_option("yaml", "json")
@in_session
def show(session: Session, form: str) -> None:
    """Show the configuration as it is understood: seconds, bytes, absolute directories, no secrets.

    What the registry file defines is in it too.
    """
    from .._manage.redact import without_secrets
    from ._show import json_out, yaml_out

    loaded = session.loaded()
    definitions = session.definitions()
    caches = {definition.name: without_secrets(definition.options) for definition in definitions.list()}
    data: dict[str, Any] = {
        "path": None if loaded.path is None else str(loaded.path),
        "registry": str(definitions.path),
        "caches": caches,
        "integrations": dict(loaded.integrations),
    }
    (json_out if form == "json" else yaml_out)(data)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache config path""",
)
@in_session
def path(session: Session) -> None:
    """Say which files are read: the configuration, if there is one, and the registry file of `cache create`."""
    from .._places import entries_directory, registry_file
    from ..config import wanted_file

    found = wanted_file(session.config)
    out(f"configuration\t{'-' if found is None else found}")
    out(f"registry\t{registry_file()}")
    out(f"entries\t{entries_directory()}")


def _caches(count: int) -> str:
    return f"{count} {'cache' if count == 1 else 'caches'}"
