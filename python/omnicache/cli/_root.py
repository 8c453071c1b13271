"""The commands by name. What a command needs is imported when it is called: ``--help`` must not wait for an engine."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ._session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Command", "Commands", "root"]


class Formatter(click.HelpFormatter):
    """Help for the width that the screen has: click's own takes no notice of a narrow one."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = shutil.get_terminal_size((80, 24)).columns
        super().__init__(indent_increment, width or max(min(columns, max_width or 80) - 2, 20), max_width)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names and what they mean, in two columns of which the first has no more than its half."""
        super().write_dl(rows, max(min(col_max, self.width // 2 - 4), 8), col_spacing)


class Context(click.Context):
    """What a command is called with."""

    formatter_class = Formatter


class Command(click.Command):
    """A command with help of that width."""

    context_class = Context


class Commands(click.Group):
    """A group of such commands, which are imported when they are called.

    Args:
        lazy: By name, where a command is, as ``module:attribute`` in this package, and what it does in a line.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command, None if there is none."""
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module, __package__), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list in the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant, or an error that names the nearest."""
        name = args[0]
        if name not in self._lazy and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, self._lazy, n=1)
            hint = f"; did you mean {near[0]!r}" if near else f"; there are {', '.join(self._lazy)}"
            ctx.fail(f"there is no command {name[:60]!r}{hint}")
        return super().resolve_command(ctx, args)


EXAMPLES = """\b
Examples:
  omnicache cache create users --strategy lfu --max-size 10000 --default-ttl 5m
  omnicache entry set users ada '{"name": "Ada"}' --ttl 1h --tags team:7
  omnicache entry get users ada
  omnicache --server unix:/run/app.sock monitor"""


@click.group(
    cls=Commands,
    lazy={
        "cache": (".cache:cache", "Define, list and remove caches."),
        "entry": (".entry:entry", "Read, write and remove entries."),
        "clear": (".clear:clear", "Remove entries, all or some."),
        "stats": (".stats:stats", "Show what a cache did and what it holds."),
        "why": (".why:why", "Tell why a key is answered as it is."),
        "warm": (".warm:warm", "Fill a cache from a file, a database or an HTTP endpoint."),
        "monitor": (".monitor:monitor", "Watch one or all caches live."),
        "serve": (".serve:serve", "Serve the REST API and the dashboard."),
        "config": (".config:config", "Check and show the configuration."),
        "completion": (".completion:completion", "Print the script that completes commands in a shell."),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Caches from the terminal: those of the registry file and the configuration, or, with --server, those of a "
    "running process.",
    epilog=EXAMPLES,
)
@click.option("--config", metavar="PATH", help="The configuration file, instead of the one that is found.")
@click.option(
    "--server", metavar="URL", envvar="OMNICACHE_SERVER", help="A running process: http://HOST:PORT or unix:PATH."
)
@click.option("--verbose", "-v", is_flag=True, help="Say more, and show where unexpected errors come from.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but what is asked for, and errors.")
@click.version_option(package_name="omnicache", message="omnicache %(version)s")
@click.pass_obj
def root(session: Session, config: str | None, server: str | None, verbose: bool, quiet: bool) -> None:
    """Keeps what the options say."""
    session.config, session.server = config, server
    session.verbose, session.quiet = verbose, quiet
    if verbose or quiet:
        import logging

        logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, format="%(name)s: %(message)s")
