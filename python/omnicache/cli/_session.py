"""What the options before the command say, and the way to the caches that they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ._terminal import out

if TYPE_CHECKING:
    from .._definitions import Definitions
    from .._manage.management import Management
    from ..config import Config

__all__ = ["Session", "in_session"]


@dataclass(slots=True)
class Session:
    """One run of the command.

    Args:
        config: The configuration file that was named.
        server: The address of the process that was named.
        verbose: Whether more is said.
        quiet: Whether nothing is said but what was asked for, and errors.
        json: Whether the command's answer is JSON, and so its errors are too.
    """

    config: str | None = None
    server: str | None = None
    verbose: bool = False
    quiet: bool = False
    json: bool = False

    def loaded(self) -> Config:
        """The configuration.

        Raises:
            CacheConfigError: Something in it cannot be used.
        """
        from ..config import load

        return load(self.config)

    def definitions(self) -> Definitions:
        """The caches of the registry file and of the configuration."""
        from .._definitions import Definitions

        return Definitions(described=self.loaded().definitions)

    def management(self) -> Management:
        """Does things with caches, in the process that was named or in this one; to be used in a ``with``."""
        if self.server is not None:
            from .._manage.remote import RemoteService

            return RemoteService(self.server)
        from .._manage.service import Service

        return Service(self.definitions(), live=False, memory=False)

    def say(self, text: str) -> None:
        """Says what was done, which a script may not want to hear."""
        if not self.quiet:
            out(text)

    def note(self, text: str) -> None:
        """Says something beside the answer."""
        if not self.quiet:
            click.echo(text, err=True)


in_session = click.make_pass_decorator(Session)
"""Gives the command its session as first argument."""
