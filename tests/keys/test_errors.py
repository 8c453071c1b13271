"""Keys that cannot be used: the message names the part and what to do, and nothing crashes."""

import enum
import functools
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from omnicache import _omnicache as native
from omnicache.exceptions import InvalidKeyError
from tests.keys.strategies import Color, Hostile, Money, Slotted, Text, User, function

encode = native.encode_key


class Opaque:
    def method(self) -> None: ...


def message(key: object) -> str:
    with pytest.raises(InvalidKeyError) as caught:
        encode(key)
    assert isinstance(caught.value, TypeError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (Opaque(), "key"),
        ((1, Opaque()), "key[1]"),
        ((1, 2, {"user": Opaque()}), 'key[2]["user"]'),
        ([{"a": {7: [Opaque()]}}], 'key[0]["a"][7][0]'),
        ({(1, 2): Opaque()}, "key[<tuple>]"),
        ({Opaque(): 1}, "key.keys()"),
        ({(1, Opaque())}, "key{...}[1]"),
        (Slotted(Opaque()), "key.id"),
        (User(1, Opaque()), "key.name"),  # type: ignore[arg-type]
        (Money([Opaque()]), "key.__cache_key__()[0]"),
        (functools.partial(function, 1, Opaque()), "key.args[1]"),
        (functools.partial(function, x=Opaque()), 'key.keywords["x"]'),
    ],
)
def test_the_message_names_the_part(key: object, path: str) -> None:
    said = message(key)
    assert said.startswith(f"{path} is of type tests.keys.test_errors.Opaque, which cannot be part of a key. ")
    for advice in ("__cache_key__()", "NoKey", 'KeyBy("id")', "an id"):
        assert advice in said


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        (object(), "such as an id"),
        (deque([1]), "such as an id or a tuple of its parts"),
        (bytearray(b"a"), "bytes(...)"),
        (memoryview(b"a"), "bytes(...)"),
        (1j, "real and imag"),
        (Opaque().method, "Class.method, obj.id"),
        ([].append, "Class.method, obj.id"),
        ((lambda: 0), "lambda"),
        (sys, "such as an id"),
        (iter([]), "such as an id"),
        (list[int], "such as an id"),
    ],
)
def test_the_message_says_what_to_do(key: object, advice: str) -> None:
    assert advice in message(key)


def local() -> tuple[Callable[[], None], type]:
    def inner() -> None: ...

    class Inner: ...

    return inner, Inner


def test_functions_and_classes_need_a_name_of_their_own() -> None:
    for made_anew in local():
        assert "made anew by each call" in message(made_anew)

    @functools.wraps(function)
    def impostor() -> None: ...

    assert "tests.keys.strategies.function, but that name is not it" in message(impostor)
    nameless = type("Nameless", (), {"__module__": "no.such.module"})
    assert "no.such.module.Nameless, but that name is not it" in message(nameless)


def test_values_of_other_libraries_are_not_builtins_of_ours() -> None:
    # As numpy has them: scalars that are floats and texts by birth, arrays that can become bytes.
    for base in (float, str):
        scalar = type("scalar", (base,), {"__module__": "numpy", "item": base})
        assert ".item()" in message(scalar())
    array = type("ndarray", (), {"__module__": "numpy", "tobytes": bytes})
    assert ".tobytes()" in message(array())


def test_recursive_structures() -> None:
    loop: list[object] = []
    loop.append({"again": (loop,)})
    assert message(loop).startswith('key[0]["again"][0] is a list that contains itself.')
    mapping: dict[str, object] = {}
    mapping["self"] = mapping
    assert 'key["self"] is a dict that contains itself' in message(mapping)
    slotted = Slotted(None)
    slotted.id = slotted
    assert "key.id is a tests.keys.strategies.Slotted that contains itself" in message(slotted)
    money = Money(None)
    money.cents = money
    assert "key.__cache_key__() is a tests.keys.strategies.Money that contains itself" in message(money)
    bound = functools.partial(function, loop)
    assert "key.args[0]" in message(bound)


def test_sharing_is_not_recursion() -> None:
    shared = [1]
    assert encode([shared, shared]) == encode([[1], [1]])


@pytest.mark.parametrize("make", [lambda x: (x,), lambda x: [x], lambda x: {"a": x}, Money, Slotted])
def test_deep_nesting(make: Callable[[object], object]) -> None:
    key: object = 1
    for _ in range(2_000):
        key = make(key)
    said = message(key)
    assert "nested more than 64 deep" in said
    assert len(said) < 600


@dataclass
class Nothing:
    pass


class UserList(list[object]):
    pass


@pytest.mark.parametrize(
    "inner", [1, (), Color.RED, function, Money(1), Nothing(), Text("a"), functools.partial(function)]
)
def test_depth_is_the_same_for_writing_and_reading(inner: object) -> None:
    for wrap in (lambda x: (x,), Money, Slotted, lambda x: functools.partial(function, x), lambda x: UserList([x])):
        key = inner
        good = encode(key)
        for _ in range(70):
            native.decode_key(good)
            key = wrap(key)
            try:
                good = encode(key)
            except InvalidKeyError:
                break
        else:
            pytest.fail("no limit")


def test_a_decoded_part_counts_in_depth() -> None:
    key: object = native.decode_key(encode(Money(1)))
    for _ in range(64):
        key = native.decode_key(encode(Money(key))) if isinstance(key, native.KeyPart) and _ < 60 else (key,)
        try:
            data = encode(key)
        except InvalidKeyError:
            return
        native.decode_key(data)
    pytest.fail("no limit")


def test_a_key_that_would_fill_the_memory() -> None:
    key: object = "x" * 1000
    for _ in range(50):
        key = (key, key)
    assert "larger than 64 MiB" in message(key)
    assert "larger than 64 MiB" in message(1 << (8 * (65 << 20)))
    assert len(encode("x" * (1 << 20))) == (1 << 20) + 1


def test_an_exception_of_the_users_own_is_the_cause() -> None:
    class Broken:
        def __cache_key__(self) -> object:
            raise ValueError("no key today")

    with pytest.raises(
        InvalidKeyError, match=r"key\[0\] cannot be encoded: __cache_key__\(\) raised ValueError"
    ) as info:
        encode((Broken(),))
    assert isinstance(info.value.__cause__, ValueError)

    class Stopped:
        def __cache_key__(self) -> object:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode((Stopped(),))

    unset = Slotted.__new__(Slotted)
    with pytest.raises(InvalidKeyError, match=r"key\.id cannot be encoded: reading it raised AttributeError"):
        encode(unset)


def test_a_repr_is_never_used() -> None:
    with pytest.raises(InvalidKeyError):
        encode({"a": [Hostile(object())]})


def test_enum_members_with_odd_values_are_named() -> None:
    class Odd(enum.Enum):
        A = object()

    assert encode(Odd.A).endswith(b"sA")


def test_bad_bytes() -> None:
    for data in (b"", b"?", b"s\xff", b"(\x05i1", b"I\x01", b"(" * 5000):
        with pytest.raises(ValueError, match="not a key"):
            native.decode_key(data)
    with pytest.raises(TypeError):
        native.decode_key("s1")


def test_no_crash_on_a_small_stack() -> None:
    code = """if True:
        import threading
        from omnicache import _omnicache as n
        from omnicache.exceptions import InvalidKeyError
        threading.stack_size(128 * 1024)
        def work():
            class K:
                def __init__(self, inner): self.inner = inner
                def __cache_key__(self): return {"a": [self.inner]}
            key = 1
            for _ in range(21): key = K(key)
            n.key_text(n.encode_key(key)); n.decode_key(n.encode_key(key))
            for _ in range(200): key = K(key)
            try: n.encode_key(key)
            except InvalidKeyError: print("ok")
        thread = threading.Thread(target=work); thread.start(); thread.join()
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert run.stdout == b"ok\n", run
