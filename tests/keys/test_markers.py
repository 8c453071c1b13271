"""`NoKey` and `KeyBy`."""

import copy
import pickle
from types import SimpleNamespace

import pytest

from omnicache._keys import KeyBy, NoKey


def test_key_by_name_and_function() -> None:
    user = SimpleNamespace(id=7, owner=SimpleNamespace(id=8))
    assert KeyBy("id")(user) == 7
    assert KeyBy("owner.id")(user) == 8
    assert KeyBy(lambda user: user.id + 1)(user) == 8
    with pytest.raises(AttributeError):
        KeyBy("nothing")(user)


def test_a_marker_is_a_value() -> None:
    assert KeyBy("id") == KeyBy("id") != KeyBy("name")
    assert KeyBy("id") != "id"
    assert hash(KeyBy("id")) == hash(KeyBy("id"))
    assert repr(KeyBy("id")) == "KeyBy('id')"
    assert pickle.loads(pickle.dumps(KeyBy("id"))) == copy.deepcopy(KeyBy("id")) == KeyBy("id")
    with pytest.raises(AttributeError, match="frozen"):
        KeyBy("id").by = "name"
    with pytest.raises(AttributeError, match="frozen"):
        del KeyBy("id").by
    assert isinstance(NoKey(), NoKey)


@pytest.mark.parametrize("name", ["", "a b", "a..b", ".a", "1a", "a."])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="not an attribute name"):
        KeyBy(name)


def test_bad_types() -> None:
    with pytest.raises(TypeError, match="expected an attribute name or a function, got int"):
        KeyBy(3)  # type: ignore[arg-type]
