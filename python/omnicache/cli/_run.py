"""From arguments to an exit code: whatever happens becomes one line on stderr, or one JSON object, and a number."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import click

from ._root import root
from ._session import Session
from ._terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

NAME: Final = "omnicache"
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
"""As if the signal that a closed pipe sends had ended the process."""
USAGE: Final = 2
DENIED: Final = 5


def run(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say."""
    for stream in (sys.stdout, sys.stderr):
        # What a value holds may be no text that the terminal knows, or no text at all.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    session = Session()
    try:
        code = _invoked(session, sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            sys.stderr.write("\n")  # the terminal shows ^C; what comes next begins on a line of its own
        return INTERRUPTED
    except click.ClickException as error:
        return _refused(session, error)
    except Exception as error:  # noqa: BLE001 - the last place that can say it
        return _raised(session, error)
    return code


def _invoked(session: Session, arguments: list[str]) -> int:
    """Does it. Not by click's own `main`, which makes of a closed pipe and of an interrupt the same as of a failure."""
    asked = os.environ.get(f"_{NAME.upper()}_COMPLETE")
    if asked:
        from click.shell_completion import shell_complete

        return shell_complete(root, {"obj": session}, NAME, f"_{NAME.upper()}_COMPLETE", asked)
    # An argument may be refused before the option itself is understood.
    session.json = "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    try:
        with root.make_context(NAME, arguments, obj=session) as ctx:
            root.invoke(ctx)
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _refused(session: Session, error: click.ClickException) -> int:
    """What click, or a command, has to say about the arguments."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # older ones of click have none
        click.echo(message, err=True)
        return USAGE
    if not isinstance(error, click.UsageError):
        return _failed(session, "ERROR", message, {}, error.exit_code)
    hint = f"; see {error.ctx.command_path} --help" if error.ctx is not None else ""
    return _failed(session, "USAGE_ERROR", message.rstrip(".") + hint, {}, USAGE)


def _raised(session: Session, error: Exception) -> int:
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return _pipe_closed()
    from .._manage.errors import describe, details_of, kind_of

    kind = kind_of(error)
    message, name, code = describe(error), kind.code, kind.exit
    details = details_of(error)
    if kind.code == "ENTRY_NOT_FOUND":
        message = f"there is no entry {details['key']!r} in the cache {details['cache']!r}"
    if isinstance(error, OSError) and error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        name, code = "PERMISSION_DENIED", DENIED
    if message == f"unexpected {type(error).__name__}":
        message = f"unexpected {type(error).__name__}: {error}"
        if not session.verbose:
            message += " (--verbose shows where)"
    if session.verbose:
        import traceback

        traceback.print_exception(error)
    return _failed(session, name, message, details, code)


def _failed(session: Session, name: str, message: str, details: dict[str, Any], code: int) -> int:
    """Says it, to a person or to a program."""
    if session.json:
        import json
        from datetime import UTC, datetime

        said = {
            "error": name,
            "message": message,
            "details": details,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        text = json.dumps(said, ensure_ascii=False, default=repr)
    else:
        text = f"{click.style('error:', fg='red', bold=True)} {one_line(message)}"
    with contextlib.suppress(OSError):  # nobody listens
        # Without a terminal there are no colours in any case.
        click.echo(text, err=True, color=False if os.environ.get("NO_COLOR") else None)
    return code


def _pipe_closed() -> int:
    """Whoever read has had enough; the interpreter must not complain of it when it flushes at its end."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    return PIPE_CLOSED
