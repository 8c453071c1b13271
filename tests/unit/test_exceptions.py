"""The exception tree: what each is caught as, and what survives copies and processes."""

import copy
import pickle

import pytest

from omnicache import exceptions
from omnicache.exceptions import CacheError, MissingKeyError

ALL = [getattr(exceptions, name) for name in exceptions.__all__]


@pytest.mark.parametrize("cls", ALL)
def test_every_exception_is_a_cache_error_and_survives_pickle_and_copy(cls: type[CacheError]):
    error = cls("what was wrong")
    assert isinstance(error, CacheError)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is cls
        assert twin.args == error.args
        assert str(twin) == str(error)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("CacheNotFoundError", LookupError),
        ("InvalidKeyError", TypeError),
        ("MissingKeyError", KeyError),
        ("CacheTimeoutError", TimeoutError),
        ("ReentrantLoadError", RuntimeError),
        ("CacheStrategyError", ValueError),
        ("CacheConfigError", ValueError),
    ],
)
def test_code_written_for_the_built_in_exception_still_catches(name: str, builtin: type[Exception]):
    with pytest.raises(builtin):
        raise getattr(exceptions, name)("what was wrong")


def test_a_missing_key_is_carried_as_by_key_error_and_explained():
    error = MissingKeyError(("a", 1), "users")
    assert error.args == KeyError(("a", 1)).args
    assert error.key == ("a", 1)
    assert "('a', 1)" in str(error)
    assert "'users'" in str(error)
    assert pickle.loads(pickle.dumps(error)).cache == "users"


class Unprintable:
    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize("key", [Unprintable(), "x" * 10_000, "\ud800", None, ()])
def test_no_key_breaks_the_message(key: object):
    assert 0 < len(str(MissingKeyError(key))) < 400
