"""How the arguments of a function become the key of a call: the plan that the native call follows."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args, get_origin

from ._context import LoadContext
from ._keys import KeyBy, NoKey
from ._lint import check_parameter
from .exceptions import CacheConfigError

__all__ = ["Plan", "Take", "plan_of"]

Take: TypeAlias = "Literal['value', 'skip', 'owner'] | Callable[[Any], object]"
"""How an argument takes part: as it is, not at all, as the instance that it is, or by what a function makes of it."""

_ANY: Final = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Plan(NamedTuple):
    """The signature of a cached function, as its callers know it, and what each parameter does for the key."""

    signature: inspect.Signature
    takes: dict[str, Take]
    key: Callable[..., object] | None
    context: tuple[str, int | None] | None = None
    """The parameter for the load's context, which callers do not pass: its name, and its place if it has one."""
    lent: tuple[str, ...] = ()
    """The parameters whose arguments may belong to one call alone, so that nothing may use them after it."""

    @property
    def has_owner(self) -> bool:
        """Whether the first parameter is the instance of a method."""
        return self.key is None and "owner" in self.takes.values()

    @property
    def parts(self) -> list[str]:
        """The names of the parameters that take part, in the order of the key."""
        if self.key is not None:
            return ["key"]
        return [name for name, take in self.takes.items() if take != "skip"]

    def loader(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        """`function` with these arguments; it takes the context if the function does."""
        if self.context is None:
            return partial(function, *args, **kwargs)
        name, place = self.context

        def load(context: LoadContext) -> Any:
            if place is not None and len(args) >= place:
                return function(*args[:place], context, *args[place:], **kwargs)
            return function(*args, **kwargs, **{name: context})

        return load

    def native(self) -> tuple[object, ...]:
        """The plan as the native call reads it."""
        parameters: list[tuple[object, ...]] = []
        positional = nameless = 0
        rest: Take | None = None
        named: Take | None = None
        for name, parameter in self.signature.parameters.items():
            take = self.takes[name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = take
                continue
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                named = take
                continue
            positional += parameter.kind in _POSITIONAL
            nameless += parameter.kind is inspect.Parameter.POSITIONAL_ONLY
            default = () if parameter.default is inspect.Parameter.empty else (parameter.default,)
            parameters.append((name, take, *default))
        return (tuple(parameters), positional, nameless, rest, named, self.key)


def plan_of(function: Callable[..., Any], key: Callable[..., object] | None = None, *, method: bool = False) -> Plan:
    """The plan for `function`; what can never be a good key is refused here.

    Args:
        function: What is called on a miss.
        key: Makes the key from the arguments, in place of the signature.
        method: The function is known to be a method. Otherwise it is one if it is defined in a class and its first
            parameter is called ``self``.

    Raises:
        InvalidKeyError: The annotation of a parameter names a class that can never be part of a key.
        CacheConfigError: The signature cannot be used.
    """
    signature = _signature(function)
    takes: dict[str, Take] = {}
    context: tuple[str, int | None] | None = None
    lent: list[str] = []
    method = method or _is_method(function, signature)
    for at, (name, parameter) in enumerate(signature.parameters.items()):
        if not name.isidentifier() or keyword.iskeyword(name):
            raise CacheConfigError(f"@cached: {_name(function)}: {name!r} is not a name that an argument can have")
        annotation = _annotation(function, parameter)
        if annotation is LoadContext:
            context = (name, at if parameter.kind in _POSITIONAL else None)
            continue
        take, shared = _marked(annotation)
        if not shared:
            lent.append(name)
        if take is None and method and at == 0 and parameter.kind in _POSITIONAL:
            take = "owner"
        if take is None:
            take = "value"
            if key is None:
                check_parameter(_name(function), name, annotation)
        takes[name] = take
    seen = [parameter for name, parameter in signature.parameters.items() if name in takes]
    return Plan(signature.replace(parameters=seen), takes, key, context, tuple(lent))


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:  # a builtin that does not say
        return _ANY
    except NameError:  # an annotation that is evaluated only now, and names what is not there yet
        lenient: Any = inspect.signature
        return cast("inspect.Signature", lenient(function, annotation_format=4))  # FORWARDREF, from Python 3.14 on


def _is_method(function: Callable[..., Any], signature: inspect.Signature) -> bool:
    place, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    if not inspect.isfunction(function) or not place or place.endswith("<locals>"):
        return False
    return next(iter(signature.parameters), "") == "self"


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The annotation, evaluated if it is text; None if there is none or it names what is not there (yet)."""
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return None
    if not isinstance(annotation, str):
        return annotation
    function = inspect.unwrap(function)
    try:
        nonlocals: dict[str, Any] = {}
        if inspect.isfunction(function):
            nonlocals.update(inspect.getclosurevars(function).nonlocals)
        return eval(annotation, getattr(function, "__globals__", {}), nonlocals)  # noqa: S307 - the user's own code
    except Exception:  # noqa: BLE001 - whatever stops it, an annotation that cannot be read says nothing
        return None


def _marked(annotation: Any) -> tuple[Take | None, bool]:
    """What ``Annotated`` says, and whether the argument is all in the key or outlives the call: the last mark wins."""
    if get_origin(annotation) is not Annotated:
        return None, True
    for mark in reversed(get_args(annotation)[1:]):
        if mark is NoKey:
            return "skip", False
        if isinstance(mark, NoKey):
            return "skip", mark.shared
        if isinstance(mark, KeyBy):
            return mark, mark.shared
    return None, True


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
