"""The native serializer returns exactly what went in, in every process."""

import datetime as dt
import enum
import gc
import os
import pickle
import subprocess
import sys
import threading
import uuid
from decimal import Decimal, localcontext
from decimal import InvalidOperation as Invalid
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from omnicache.exceptions import CacheConfigError, CacheSerializationError
from omnicache.serializers import Native
from tests.serializers.strategies import ENUMS, Color, Mode, exact, values
from tests.support import in_child

NATIVE = Native(enums=ENUMS)


def again(value: object) -> object:
    return NATIVE.loads(NATIVE.dumps(value))


@settings(max_examples=250)
@given(values)
def test_what_went_in_comes_back(value: object) -> None:
    assert exact(again(value)) == exact(value)


@given(values)
def test_equal_values_are_equal_bytes(value: object) -> None:
    data = NATIVE.dumps(value)
    assert NATIVE.dumps(NATIVE.loads(data)) == data


@given(values)
def test_a_view_of_bytes_will_do(value: object) -> None:
    data = NATIVE.dumps(value)
    for view in (bytearray(data), memoryview(data)):
        assert exact(NATIVE.loads(view)) == exact(value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 65_535, "x" * 65_536, "é" * 40_000,
        b"x" * 255, b"x" * 256, b"x" * 65_536, bytearray(b"x" * 70_000),
        list(range(15)), list(range(16)), list(range(70_000)), tuple(range(70_000)),
        dict.fromkeys(range(15)), dict.fromkeys(range(16)), dict.fromkeys(range(70_000)),
        set(range(70_000)), frozenset(range(1000)), 1 << 100_000, -(1 << 100_000), Decimal("1" * 5_000),
        {str(number): number for number in range(2_000)},
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value) if hasattr(value, '__len__') else 'long'}",
)  # fmt: skip
def test_every_length(value: object) -> None:
    assert again(value) == value
    assert type(again(value)) is type(value)


def test_the_bytes_are_messagepack() -> None:
    assert NATIVE.dumps({"a": [1, -1, None, True, 1.5, b"x", 300]}) == (
        b"\x81\xa1a\x97\x01\xff\xc0\xc3\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xc4\x01x\xcd\x01\x2c"
    )
    assert NATIVE.dumps((1,)) == b"\xc7\x02\x00\x91\x01"


GOLDEN = (
    "88a26174c7180807ea0102030405800006034575726f70652f4265726c696ea26f6ec7040607cf0c1fa47768656ec7100701"
    "020300000402fffffffebe228a0058a3666f72c70c09ffffffff0000000200000003a57072696365c7050a2d312e3530a269"
    "64d80b00000000000000000000000000000007a3736574c70301920102a3616c6cc76e0096c7030291a161d40562c7090340"
    "0000000000000000c70304eda080c7280cd92274657374732e73657269616c697a6572732e737472617465676965733a436f"
    "6c6f72a3524544c7240cd92174657374732e73657269616c697a6572732e737472617465676965733a4d6f646505"
)


def test_the_format_does_not_change() -> None:
    """Bytes that a version of this package wrote are read by the next ones."""
    value = {
        "at": dt.datetime(2026, 1, 2, 3, 4, 5, 6, ZoneInfo("Europe/Berlin"), fold=1),
        "on": dt.date(1999, 12, 31),
        "when": dt.time(1, 2, 3, 4, dt.timezone(dt.timedelta(minutes=-90), "X")),
        "for": dt.timedelta(-1, 2, 3),
        "price": Decimal("-1.50"),
        "id": uuid.UUID(int=7),
        "set": {1, 2},
        "all": (frozenset({"a"}), bytearray(b"b"), 1 << 70, "\ud800", Color.RED, Mode.READ | Mode.RUN),
    }
    data = bytes.fromhex(GOLDEN)
    assert exact(NATIVE.loads(data)) == exact(value)
    assert NATIVE.dumps(value) == data


def test_zones_are_the_same_objects() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert again(at).tzinfo is dt.UTC  # type: ignore[attr-defined]
    named = at.replace(tzinfo=dt.timezone(dt.timedelta(0), "UTC"))
    assert repr(again(named)) == repr(named)
    berlin = at.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert again(berlin).tzinfo is berlin.tzinfo  # type: ignore[attr-defined]


def test_folds_are_kept() -> None:
    for fold in (0, 1):
        moment = dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
        assert again(moment).utcoffset() == moment.utcoffset()  # type: ignore[attr-defined]


def test_decimals_whatever_the_context() -> None:
    number = Decimal("1E+30")
    with localcontext() as context:
        context.prec, context.capitals = 2, 0
        data = NATIVE.dumps(number)
        assert str(NATIVE.loads(data)) == "1e+30"
    assert data == NATIVE.dumps(number)
    assert NATIVE.loads(data) == number
    long = Decimal("1" * 60)
    with localcontext() as context:
        context.prec = 5
        assert again(long) == long
        context.traps[Invalid] = False
        with pytest.raises(CacheSerializationError):
            NATIVE.loads(b"\xc7\x03\x0a1.x")


def test_keys_of_all_types_in_their_order() -> None:
    value = {None: 0, (1, "a"): 1, frozenset({2}): 2, b"x": 3, True: 4, 2.5: 5, dt.date(2026, 1, 1): 6, "": 7, "ab": 8}
    assert list(again(value).items()) == list(value.items())  # type: ignore[attr-defined]


def test_one_object_twice_comes_back_as_two() -> None:
    shared = [1]
    first, second = again([shared, shared])  # type: ignore[misc]
    assert first == second == [1]
    assert first is not second


def test_members_of_enums() -> None:
    assert again(Color.CRIMSON) is Color.RED
    assert again(Mode.READ | Mode.WRITE) is Mode.READ | Mode.WRITE
    data = NATIVE.dumps([Color.RED])
    with pytest.raises(CacheSerializationError, match=r"strategies\.Color, which .* was not given"):
        Native().loads(data)
    with pytest.raises(CacheSerializationError, match=r"value\[0\] is a member of .*Native\(enums=\[Color\]\)"):
        Native().dumps([Color.RED])
    for wrong in ([int], ["Color"], [Color, enum.Enum("Color", ["A"], module=Color.__module__)], Color):
        with pytest.raises(CacheConfigError, match="enums: "):
            Native(enums=wrong)  # type: ignore[arg-type]
    assert repr(Native(enums=[Color, Color])) == "Native(enums=[Color])"
    assert Native(enums=iter(ENUMS)).enums == ENUMS


@pytest.mark.parametrize("depth", [1, 127, 128])
@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"k": x}], ids=["list", "tuple", "dict"])
def test_as_deep_as_promised(depth: int, wrap: object) -> None:
    value: object = 7
    for _ in range(depth):
        value = wrap(value)  # type: ignore[operator]
    assert again(value) == value
    if depth == 128:
        with pytest.raises(CacheSerializationError, match="nested more than 128 deep"):
            NATIVE.dumps(wrap(value))  # type: ignore[operator]


def test_on_a_small_stack() -> None:
    code = """if True:
        import threading
        from omnicache.serializers import Native
        threading.stack_size(128 * 1024)
        def work():
            native = Native()
            for wrap in (lambda x: [x], lambda x: (x,), lambda x: {"k": x}):
                value = 7
                for _ in range(127): value = wrap(value)
                assert native.loads(native.dumps(value)) == value
            for head in (b"\\x91", b"\\x81\\xa0", b"\\xc7\\xff\\x00\\x91"):
                for data in (head * 5000, head * 200 + b"\\xc0"):
                    try: native.loads(data)
                    except Exception as error: assert type(error).__name__ == "CacheSerializationError", error
            print("ok")
        thread = threading.Thread(target=work); thread.start(); thread.join()
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert run.stdout == b"ok\n", run


BYTES = """if True:
    import datetime, uuid
    from decimal import Decimal
    from zoneinfo import ZoneInfo
    from omnicache.serializers import Native, Typed
    value = {
        "set": {"a", "b", "c", "d", "e", ("x", 1), frozenset({"p", "q", "r"})},
        "at": datetime.datetime(2026, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")),
        "id": uuid.UUID(int=5), "price": Decimal("1.10"), "text": "é\\ud800", "n": [1 << 80, -5, 2.5],
    }
    print(Native().dumps(value).hex())
    print(Typed(dict[str, set[str] | None] | list[int]).fingerprint.hex())
"""


def test_the_same_bytes_in_every_process() -> None:
    outputs = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", BYTES], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1
    data = bytes.fromhex(outputs.pop().split()[0])
    assert Native().loads(data)["set"] == {"a", "b", "c", "d", "e", ("x", 1), frozenset({"p", "q", "r"})}


def test_threads_share_a_serializer() -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        value = {f"key-{number}-{at}": [at, "text", {"id": number}] for at in range(50)}
        wrong.extend(value for _ in range(200) if again(value) != value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@in_child
def test_a_list_that_shrinks_while_it_is_written() -> None:
    """Writing a tzinfo's parts and members' names runs code; here it empties the containers around it."""
    box: list[object] = []

    class Meta(enum.EnumMeta):
        pass

    class Emptying(enum.Enum, metaclass=Meta):
        ONE = 1

        def __getattribute__(self, name: str) -> object:
            if name == "_name_":
                for container in box:
                    container.clear()  # type: ignore[attr-defined]
            return super().__getattribute__(name)

    native = Native(enums=[Emptying])
    for container in ([Emptying.ONE] * 40, dict.fromkeys(range(40), Emptying.ONE)):
        box[:] = [container]
        with pytest.raises(CacheSerializationError, match="was changed while it was written"):
            native.dumps([container])
    members = {Emptying.ONE, "a", "b"}
    box[:] = [members]
    assert native.loads(native.dumps(members)) == {Emptying.ONE, "a", "b"}


def test_nothing_leaks() -> None:
    value = {"k": [1.5, "text" * 20, (2, {3}), Decimal(1), 1 << 90, "\ud800", Color.RED, uuid.UUID(int=1)]}
    data = NATIVE.dumps(value)
    broken = data[:-1]

    def work() -> None:
        NATIVE.loads(data)
        NATIVE.dumps(value)
        with pytest.raises(CacheSerializationError):
            NATIVE.loads(broken)
        with pytest.raises(CacheSerializationError):
            NATIVE.dumps([value, object()])

    def growth() -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(500):
            work()
        gc.collect()
        return sys.getallocatedblocks() - before

    # The interpreter's own stores fill up for a while; a leak would show every time.
    assert min(growth() for _ in range(4)) < 100


def test_a_serializer_is_made_again_from_its_repr() -> None:
    assert repr(eval(repr(NATIVE), {"Native": Native, **{cls.__name__: cls for cls in ENUMS}})) == repr(NATIVE)
    assert (Native().name, Native().code, Native().fingerprint) == ("native", 1, None)


def test_as_short_as_pickle() -> None:
    value = [{"id": number, "name": "name", "score": 1.5} for number in range(3)]
    assert len(NATIVE.dumps(value)) < 1.2 * len(pickle.dumps(value, 5))
