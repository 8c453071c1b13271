"""Any bytes, for what makes objects of bytes: `python tools/fuzz.py SECONDS CORPUS [SEED]`.

The values of the ``native`` serializer, records and keys. Each input must be a value or a ``CacheSerializationError``
(for a key ``InvalidKeyError`` or ``ValueError``); what was read must be written again as something that is read as the
same. Memory is limited, so that an input that claims more than it is worth fails.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from omnicache import CacheSerializationError, InvalidKeyError
from omnicache._omnicache import decode_key, encode_key, unpack_record
from omnicache.serializers import serializer_from

ROOM = 1 << 30
LONGEST = 4096
TELLING = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]
NATIVE = serializer_from("native")


def native(data: bytes) -> str:
    """A value, and the same value again."""
    try:
        value = NATIVE.loads(data, None)
    except CacheSerializationError as error:
        return str(error)[:40]
    again = NATIVE.loads(NATIVE.dumps(value), None)
    if repr(again) != repr(value) and "{" not in repr(value):  # sets have no order
        raise AssertionError(f"{value!r} was read again as {again!r}")
    return type(value).__name__


def record(data: bytes) -> str:
    """An envelope."""
    try:
        entry, tags = unpack_record(b"key", data)
    except CacheSerializationError as error:
        return str(error)[:40]
    return f"{entry!r} {len(tags)}"[:40]


def key(data: bytes) -> str:
    """A key, which is written as it was read."""
    try:
        value = decode_key(data)
    except (InvalidKeyError, ValueError) as error:
        return str(error)[:40]
    try:
        written = encode_key(value)
    except InvalidKeyError:
        return f"unwritable {type(value).__name__}"
    if written != data and type(value).__module__ == "builtins":
        raise AssertionError(f"{value!r} was written as {written!r}")
    return type(value).__name__


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """`data`, changed in some places."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(made))
        match chance.randrange(6):
            case 0 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(made):
                made[at] = chance.randrange(256)
            case 2:
                del made[at : at + chance.randint(1, 16)]
            case 3:
                size = chance.choice([1, 2, 4, 8])
                made[at : at + size] = (chance.choice(TELLING) & ((1 << 8 * size) - 1)).to_bytes(size, "big")
            case 4:
                start = chance.randint(0, len(other))
                made[at:at] = other[start : start + chance.randrange(64)]
            case _:
                made[at:at] = made[at : at + chance.randrange(32)]
    return bytes(made[:LONGEST])


def fuzz(target: Callable[[bytes], str], corpus: Path, seconds: float, chance: random.Random) -> tuple[int, int]:
    """Runs a target; how many inputs and kinds of outcomes there were."""
    inputs = [b"", *(path.read_bytes() for path in sorted(corpus.iterdir()))]
    seen = {target(data) for data in inputs}
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for _ in range(200):
            data = mutated(chance.choice(inputs), chance.choice(inputs), chance)
            try:
                outcome = target(data)
            except BaseException:
                print(f"the input is {data!r}", file=sys.stderr)
                raise
            count += 1
            if outcome not in seen and len(inputs) < 5000:
                seen.add(outcome)
                inputs.append(data)
    return count, len(seen)


def main() -> None:
    """Each target has its part of the time."""
    seconds, corpus, *rest = sys.argv[1:]
    seed = int(rest[0]) if rest else time.time_ns()
    print(f"seed {seed}")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    for target in (native, record, key):
        count, kinds = fuzz(target, Path(corpus) / target.__name__, float(seconds) / 3, random.Random(seed))
        print(f"{target.__name__}: {count} inputs, {kinds} kinds of outcomes", flush=True)


if __name__ == "__main__":
    main()
