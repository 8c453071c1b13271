"""The reasons for which behaviours are not tested in a place are about tests that there are."""

import re
from pathlib import Path

from tests.behaviour.reasons import named


def test_each_reason_is_about_a_test():
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert named() - set(re.findall(r"def (test_\w+)", text)) == set()
