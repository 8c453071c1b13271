"""The command."""

from tests.cli.runner import command

__all__ = ["command"]
