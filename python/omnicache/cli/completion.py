"""``omnicache completion``: the script by which a shell completes commands, options and names of caches."""

from __future__ import annotations

import click

from ._root import Command, root
from ._terminal import out

__all__ = ["completion"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache completion bash >> ~/.bashrc
  omnicache completion zsh >> ~/.zshrc
  omnicache completion fish > ~/.config/fish/completions/omnicache.fish""",
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the script that completes commands in a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this click knows no completion for {shell}")
    made = kind(root, {}, "omnicache", "_OMNICACHE_COMPLETE")
    # Not `source()`: it would run the shell to look at its version.
    out(made.source_template % made.source_vars())
