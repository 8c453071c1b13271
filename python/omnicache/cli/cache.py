"""``omnicache cache``: define, list, look at and remove caches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._options import CACHE, force_option, format_option, json_of
from ._root import Command, Commands
from ._session import Session, in_session
from ._terminal import confirm

if TYPE_CHECKING:
    from .._manage.models import CacheView, StatisticsView

__all__ = ["cache", "create", "delete", "info", "listed"]

STRATEGIES = ("lru", "lfu", "ttl", "size", "tinylfu", "custom")
BACKENDS = ("filesystem", "redis", "memory", "tiered")


@click.group(
    cls=Commands,
    lazy={
        "create": (".cache:create", "Define a cache."),
        "list": (".cache:listed", "List every cache."),
        "info": (".cache:info", "Show one cache."),
        "delete": (".cache:delete", "Remove a cache and its entries."),
    },
)
def cache() -> None:
    """Define, list and remove caches."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache cache create users
  omnicache cache create users --strategy lfu --max-size 10000 --default-ttl 5m
  omnicache cache create pages --max-bytes 1GiB --config '{"directory": "./var"}'
  omnicache cache create jobs --backend redis --config @redis.json""",
)
@click.argument("name")
@click.option("--strategy", type=click.Choice(STRATEGIES), default="lru", show_default=True, help="Who is evicted.")
@click.option("--max-size", type=int, metavar="N", help="The largest number of entries.")
@click.option("--max-bytes", metavar="SIZE", help="The largest sum of sizes: bytes, or 64MiB.")
@click.option("--default-ttl", metavar="T", help="How long entries live: seconds, 90s, 5m, 1h30m. [for ever]")
@click.option("--namespace", metavar="NS", help="Caches of different namespaces share nothing. [default]")
@click.option("--backend", type=click.Choice(BACKENDS), help="Where entries live. [filesystem]")
@click.option("--config", "settings", metavar="JSON", callback=json_of, help="Settings of the backend: JSON or @FILE.")
@in_session
def create(session: Session, /, name: str, strategy: str, settings: dict[str, Any] | None, **given: Any) -> None:
    """Define a cache.

    It lives in files unless told otherwise, so that the next command finds it. One in memory lives inside a process:
    reach it with --server.
    """
    from .._manage.errors import InvalidInput

    if strategy == "custom":
        raise InvalidInput(
            "strategy: one of your own is Python code: make the cache in your program, Cache(name, strategy=...), and "
            "reach it with --server"
        )
    ttl = given["default_ttl"]
    if ttl is not None and ttl.lower() in {"never", "none"}:
        given["default_ttl"] = None
    elif ttl is not None and ttl.replace(".", "", 1).isdigit():
        given["default_ttl"] = f"{ttl}s"
    wanted = {"name": name, "strategy": strategy, "backend_config": settings, **given}
    with session.management() as service:
        made = service.create({key: value for key, value in wanted.items() if value is not None})
    session.say(f'Cache "{made.name}" created successfully')
    for label, text in _settings(made):
        session.say(f"  {label + ':':13} {text}")
    if made.backend == "memory" and session.server is None:
        session.note("note: it lives in the memory of a process: `omnicache serve` has one, reached with --server")


@click.command(
    "list",
    cls=Command,
    epilog="""\b
Examples:
  omnicache cache list
  omnicache cache list --namespace tenant_a --format json""",
)
@click.option("--namespace", metavar="NS", help="Those of this namespace only.")
@format_option("table", "json", "yaml")
@in_session
def listed(session: Session, namespace: str | None, form: str) -> None:
    """List every cache: of the registry file and the configuration, or of the process that --server names."""
    from ._show import duration, json_out, table, yaml_out

    with session.management() as service:
        views = service.caches(namespace)
    if form == "json":
        json_out([view.as_dict() for view in views])
    elif form == "yaml":
        yaml_out([view.as_dict() for view in views])
    elif not views:
        session.note("there are no caches; `omnicache cache create NAME` defines one")
    else:
        columns = [
            *(("name", 0), ("namespace", 72), ("strategy", 60), ("entries", 0), ("limit", 50)),
            *(("ttl", 90), ("backend", 40), ("status", 0)),
        ]
        rows = [
            [
                *(view.name, view.namespace, view.strategy, _number(view.entry_count), _number(view.max_size)),
                *(duration(view.default_ttl, none="-"), view.backend, view.status),
            ]
            for view in views
        ]
        table(columns, rows, numbers=("entries", "limit", "ttl"))


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache cache info users
  omnicache cache info tenant_a:users --format yaml""",
)
@click.argument("name", type=CACHE)
@format_option("table", "json", "yaml")
@in_session
def info(session: Session, name: str, form: str) -> None:
    """Show one cache: its settings, what it holds, and how it fares.

    Where several namespaces have a cache of that name, NAME is NAMESPACE:NAME.
    """
    from ._show import json_out, record, yaml_out

    with session.management() as service:
        view = service.cache(name)
        stats = None if view.entry_count is None else service.statistics(name)
    if form == "table":
        record(_facts(view, stats))
        return
    known = view.as_dict()
    for field in ("hit_rate", "hit_count", "miss_count", "total_size_bytes"):
        known[field] = None if stats is None else getattr(stats, field)
    (json_out if form == "json" else yaml_out)(known)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache cache delete users
  omnicache cache delete users --force""",
)
@click.argument("name", type=CACHE)
@force_option
@in_session
def delete(session: Session, name: str, force: bool) -> None:
    """Remove a cache: its definition and its entries."""
    with session.management() as service:
        view = service.cache(name)
        if session.server is None:
            _removable(session, view)
        if not force:
            count = "its entries" if view.entry_count is None else _entries(view.entry_count)
            confirm(session, f'Delete the cache "{view.name}" and {count}?')
        service.delete(view.ref)
    session.say(f'Cache "{view.name}" deleted')


def _removable(session: Session, view: CacheView) -> None:
    """Refuses, before anything is gone, what a configuration describes."""
    session.definitions().get(view.name).check_removable()


def _settings(view: CacheView) -> list[tuple[str, str]]:
    """What it was made with; limits that it does not have are left out."""
    from ._show import amount, duration

    place = view.backend_config.get("directory") or view.backend_config.get("url")
    pairs = [
        ("namespace", view.namespace),
        ("strategy", view.strategy),
        ("max size", None if view.max_size is None else f"{view.max_size} entries"),
        ("max bytes", None if view.max_bytes is None else amount(view.max_bytes)),
        ("default ttl", duration(view.default_ttl)),
        ("backend", view.backend if place is None else f"{view.backend} ({place})"),
    ]
    return [(label, text) for label, text in pairs if text is not None]


def _facts(view: CacheView, stats: StatisticsView | None) -> list[tuple[str, str]]:
    from ._show import amount, moment

    reads = 0 if stats is None else stats.hit_count + stats.miss_count
    return [
        ("name", view.name),
        *_settings(view),
        ("entries", f"{_number(view.entry_count)} / {_number(view.max_size, none='no limit')}"),
        ("hit rate", "-" if stats is None or not reads else f"{stats.hit_rate:.1%} of {reads} reads"),
        ("size", "-" if stats is None else amount(stats.total_size_bytes)),
        ("status", view.status),
        ("created", moment(view.as_dict()["created_at"])),
    ]


def _number(value: int | None, *, none: str = "-") -> str:
    return none if value is None else str(value)


def _entries(count: int) -> str:
    return {0: "nothing in it", 1: "its one entry"}.get(count, f"its {count} entries")
