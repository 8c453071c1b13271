"""Options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CACHE", "force_option", "format_option", "json_of", "key_argument", "tags_option", "ttl_of"]


def format_option(*names: str, default: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--format``; where it is ``json``, errors are JSON as well."""

    def chosen(ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
        session = ctx.find_object(Session)
        if session is not None:
            session.json = value == "json"
        return value

    return click.option(
        "--format",
        "form",
        type=click.Choice(names),
        default=default or names[0],
        show_default=True,
        is_eager=True,  # so that an error in another option is JSON already
        callback=chosen,
        help="How the answer is written.",
    )


def force_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--force``."""
    return click.option("--force", "-f", is_flag=True, help="Do it without asking.")(command)


def _tags(_ctx: click.Context, _parameter: click.Parameter, value: Sequence[str]) -> list[str] | None:
    """All tags, from ``a,b`` and from the option given again."""
    tags = [tag.strip() for text in value for tag in text.split(",")]
    if not all(tags):
        raise click.BadParameter("a tag is empty; write a,b")
    return list(dict.fromkeys(tags)) or None


def tags_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--tags a,b``."""
    return click.option("--tags", "-t", metavar="A,B", multiple=True, callback=_tags, help=text)


def ttl_of(text: str | None) -> Any:
    """A duration as the service takes it: ``"never"`` is for ever, none given is the cache's own.

    >>> ttl_of("5m"), ttl_of("60"), ttl_of("never")
    ('5m', '60s', None)
    """
    from .._sentinels import DEFAULT

    if text is None:
        return DEFAULT
    if text.lower() in {"never", "none"}:
        return None
    try:
        float(text)
    except ValueError:
        return text
    return f"{text}s"


def json_of(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """A table of settings: JSON, or after ``@`` the path of a file of JSON, for what others must not see."""
    if text is None:
        return None
    from pathlib import Path

    from .._manage.errors import InvalidInput
    from .._manage.strictjson import loads

    try:
        value = loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except InvalidInput as error:
        raise click.BadParameter(f'{error}; write {{"key": "value"}}, or @FILE') from None
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}") from None
    if not isinstance(value, dict):
        raise click.BadParameter('a JSON object such as {"key": "value"} is expected')
    return value


if TYPE_CHECKING:
    TextType = click.ParamType[str]
else:
    TextType = click.ParamType  # older ones are not generic


class CacheName(TextType):
    """The name of a cache, completed from those that are defined."""

    name = "cache"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002 - click's signature
        """The names that begin so; none where they cannot be read."""
        from click.shell_completion import CompletionItem

        session = ctx.find_object(Session) or Session()
        root = ctx.find_root()
        session.config, session.server = root.params.get("config"), root.params.get("server")
        try:
            if session.server is not None:
                with session.management() as service:
                    names = [view.name for view in service.caches()]
            else:
                names = [definition.name for definition in session.definitions().list()]
        except Exception:  # noqa: BLE001 - completion says nothing
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


CACHE = CacheName()


def key_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments ``CACHE KEY``."""
    return click.argument("cache", type=CACHE)(click.argument("key")(command))
