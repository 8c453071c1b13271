"""Pickle: a secret is verified before anything is read, an allow-list narrows what can be named."""

import collections
import datetime as dt
import os
import pickle
import subprocess
import sys
import warnings
from decimal import Decimal

import pytest

from omnicache.exceptions import CacheConfigError, CacheSerializationError
from omnicache.serializers import Pickle
from omnicache.serializers import _pickle as module

OLD, NEW, OTHER = b"the-old-secret-16", b"the-new-secret-16", b"another-secret-16"


class Trap:
    """Runs code when it is read."""

    sprung = False

    def __reduce__(self) -> tuple[object, ...]:
        return (spring, ())


class Held:
    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and other.value == self.value


def spring() -> None:
    Trap.sprung = True


imported = os.system
ThisModule = Held.__module__


@pytest.fixture(autouse=True)
def set_trap() -> None:
    Trap.sprung = False


@pytest.mark.parametrize(
    "value", [None, {"a": [1, (2, {3})]}, Held(Decimal(1)), dt.date(2026, 1, 1), collections.deque([1])]
)
def test_what_went_in_comes_back(value: object) -> None:
    signed = Pickle(NEW)
    assert signed.loads(signed.dumps(value)) == value
    assert signed.loads(memoryview(signed.dumps(value))) == value


def test_without_a_secret_it_warns() -> None:
    with pytest.warns(RuntimeWarning, match="can run code in this process") as caught:
        plain = Pickle()
    assert caught[0].filename == __file__
    assert plain.loads(plain.dumps([1])) == [1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Pickle(NEW)
        Pickle(allow=[])


def test_nothing_is_read_before_the_signature_is_verified() -> None:
    signed = Pickle(NEW)
    forged = [pickle.dumps(Trap()), Pickle(OTHER).dumps(Trap()), b"\x01" + bytes(32) + pickle.dumps(Trap())]
    forged += [b"", b"\x01", b"\x01" + bytes(32)]
    for data in forged:
        with pytest.raises(CacheSerializationError, match="not signed"):
            signed.loads(data)
    good = signed.dumps(Trap())
    for at in range(len(good)):
        changed = bytearray(good)
        changed[at] ^= 1
        with pytest.raises(CacheSerializationError):
            signed.loads(changed)
    assert not Trap.sprung
    signed.loads(good)
    assert Trap.sprung


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(module.hmac, "compare_digest", compare)
    keys = Pickle([NEW, OLD, OTHER])
    assert keys.loads(keys.dumps(1)) == 1
    assert len(compared) == 3
    assert {len(given) for _, given in compared} == {32}


def test_secrets_are_rotated() -> None:
    before, meanwhile, after = Pickle(OLD), Pickle([NEW, OLD]), Pickle(NEW)
    assert meanwhile.loads(before.dumps(1)) == 1
    assert after.loads(meanwhile.dumps(2)) == 2
    with pytest.raises(CacheSerializationError, match="a secret that this serializer knows"):
        after.loads(before.dumps(1))
    with pytest.raises(CacheSerializationError):
        before.loads(meanwhile.dumps(1))


def test_signed_pickles_are_not_read_without_the_secret() -> None:
    with pytest.raises(CacheSerializationError, match="give this serializer the secret"):
        Pickle(allow=[]).loads(Pickle(NEW).dumps(1))


@pytest.mark.parametrize("secret", [b"short", "text-of-enough-length", [], [NEW, b""], 5, [5], [NEW, "text" * 9]])
def test_bad_secrets(secret: object) -> None:
    with pytest.raises((CacheConfigError, TypeError)) as caught:
        Pickle(secret)  # type: ignore[arg-type]
    assert "short" not in str(caught.value).replace("shortest", "")
    assert "text-of" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    for pickled in (Pickle(NEW), Pickle([NEW, OLD], allow=[dt.date])):
        assert "secret-16" not in repr(pickled)


def allowed(value: object, allow: list[object]) -> bool:
    pickled = Pickle(allow=allow)  # type: ignore[arg-type]
    try:
        assert pickled.loads(pickled.dumps(value)) == value
    except CacheSerializationError as error:
        assert "which is not allowed" in str(error)  # noqa: PT017
        return False
    return True


def test_an_allow_list() -> None:
    held = Held([1, {"a": (None, True, 2.5, b"x", {1}, frozenset({2}), bytearray(b"y"))}])
    assert allowed([1, {"a": (None, True, 2.5, b"x", {1}, frozenset({2}), bytearray(b"y"))}], [])
    assert not allowed(held, [])
    assert allowed(held, [Held])
    assert allowed(held, [f"{ThisModule}.Held"])
    assert allowed(held, [f"{ThisModule}.*"])
    assert allowed(held, [f"{ThisModule}.H*"])
    assert not allowed(held, [f"{ThisModule}.X*"])
    assert not allowed(Held(Decimal(1)), [Held])
    assert allowed(Held(Decimal(1)), [Held, Decimal])
    assert allowed(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), ["datetime.*"])


def named(where: str, name: str) -> bytes:
    """A pickle that calls what is of this name."""
    return (
        b"\x80\x04\x8c"
        + bytes([len(where)])
        + where.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93)R."
    )


def test_a_pattern_does_not_reach_through_a_module() -> None:
    """A module also holds what it imported; attributes of attributes lead anywhere."""
    pickled = Pickle(allow=[f"{ThisModule}.*"])
    for name in (
        "imported",
        "os.system",
        "os.getcwd",
        "spring",
        "Held.__init__",
        "collections.OrderedDict",
        "sys.exit",
    ):
        with pytest.raises(CacheSerializationError, match="not allowed"):
            pickled.loads(named(ThisModule, name))
    assert not Trap.sprung
    with pytest.raises(CacheSerializationError, match=r"posix.system|nt.system"):
        pickled.loads(pickle.dumps(os.system))
    Pickle(allow=[f"{ThisModule}.spring"]).loads(named(ThisModule, "spring"))
    assert Trap.sprung


@pytest.mark.parametrize(
    "allow", [["*"], ["*.models"], ["[a-z]*.x"], ["User"], [5], "datetime.date", dt.date, ["?x.y"]]
)
def test_bad_allow_lists(allow: object) -> None:
    with pytest.raises(CacheConfigError, match="allow"):
        Pickle(allow=allow)  # type: ignore[arg-type]


def test_a_damaged_pickle_is_an_error() -> None:
    pickled = Pickle(allow=[Held])
    good = pickled.dumps(Held([1, 2, 3]))
    for size in range(len(good)):
        with pytest.raises(CacheSerializationError):
            pickled.loads(good[:size])
    for data in (b"junk", named("no.such.module", "X"), named(ThisModule, "Missing")):
        with pytest.raises(CacheSerializationError):
            pickled.loads(data)


def test_other_processes_read_it() -> None:
    code = (
        "import sys; from omnicache.serializers import Pickle; "
        "print(Pickle(sys.argv[1].encode()).loads(bytes.fromhex(sys.argv[2])))"
    )
    data = Pickle(NEW).dumps({"at": dt.date(2026, 1, 1)}).hex()
    run = subprocess.run(
        [sys.executable, "-c", code, NEW.decode(), data], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "{'at': datetime.date(2026, 1, 1)}\n"
    assert (Pickle(NEW).name, Pickle(NEW).code) == ("pickle", 3)
