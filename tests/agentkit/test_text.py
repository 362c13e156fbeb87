import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.agentkit.text import ALPHANUMERIC, HEXADECIMAL, consists_of, is_number

TEXTS = st.text(alphabet="09azAZgG-.\u0661\uff11\n\x00", max_size=6)


@given(TEXTS)
def test_characters_are_checked_as_a_pattern_would(text):
    assert consists_of(text, ALPHANUMERIC, 4) == bool(re.fullmatch(r"[A-Za-z0-9]{1,4}", text))
    assert consists_of(text, HEXADECIMAL, 4) == bool(re.fullmatch(r"[0-9A-Fa-f]{1,4}", text))


@pytest.mark.parametrize(
    ("text", "expected"), [("0", True), ("123456789", True), ("1234567890", False), ("", False),
                           ("-1", False), ("\u0661", False), ("1 ", False)]
)  # fmt: skip
def test_a_number_is_ascii_digits_only(text, expected):
    assert is_number(text) is expected
