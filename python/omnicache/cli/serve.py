"""``omnicache serve``: the REST API and the dashboard over the caches of the registry file and the configuration."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import click

from ._root import Command
from ._session import Session, in_session

__all__ = ["serve"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache serve
  omnicache serve --port 9000 --read-only
  omnicache serve --unix /run/user/1000/omnicache.sock
  OMNICACHE_TOKEN=... omnicache serve --host 0.0.0.0""",
)
@click.option("--host", help="The address to listen on; other machines' need a token. [127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 for any that is free.")
@click.option("--unix", metavar="PATH", help="A unix socket, alone or beside --host; only you can open it.")
@click.option(
    "--token",
    metavar="T",
    help="What requests over --host must carry. The variable OMNICACHE_TOKEN says it where others cannot read it.",
)
@click.option("--read-only", is_flag=True, help="Nothing can be changed.")
@in_session
def serve(session: Session, host: str | None, port: int, unix: str | None, token: str | None, read_only: bool) -> None:
    """Serve the REST API and the dashboard, until Ctrl-C.

    Caches in memory that are defined in the registry file live in this process, as long as it runs.
    """
    if session.server is not None:
        raise click.UsageError("--server names a process that serves already; leave it out")
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"serving needs {' and '.join(missing)}: {sys.executable} -m pip install {' '.join(missing)}"
        )

    def ready(addresses: list[str]) -> None:
        for address in addresses:
            session.say(f"serving at {address}")
        sys.stdout.flush()

    # By its name: neither of the two layers knows the other.
    admin = import_module("omnicache.admin")
    admin.serve(host, port, unix, token, definitions=session.definitions(), read_only=read_only, ready=ready)
