"""Fixtures of the tests of integrations."""

import pytest

from tests.integrations.site import Site


@pytest.fixture
def site() -> Site:
    return Site()
