import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.agentkit import jsontext

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NOT_JSON = ["", " ", "{", "[1,", '{"a":}', '{"a":1}x', "1 2", "nul", "NaN", "[Infinity]", '"\n"',
            '"\\x"', "'a'", "[" * 20, "\ufeff{}", "{'a':1}", '"\\ud8"']  # fmt: skip


@given(VALUES)
def test_what_is_written_is_read_by_json_and_by_us(value):
    text = jsontext.dumps(value)

    assert text.isascii()
    assert text == json.dumps(value, separators=(",", ":"))
    assert jsontext.loads(text) == json.loads(text) == value


@given(st.text(alphabet='{}[]":,\\ntrue1.-e \n', max_size=12))
def test_every_text_is_taken_or_refused_as_json_does(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            jsontext.loads(text)
    else:
        assert jsontext.loads(text) == expected


@pytest.mark.parametrize("text", NOT_JSON)
@pytest.mark.parametrize("with_scanner", [True, False])
def test_what_is_no_json_is_refused(monkeypatch, text, with_scanner):
    if not with_scanner:
        monkeypatch.setattr(jsontext, "_scan", None)
    with pytest.raises(ValueError, match=r".+"):
        jsontext.loads(text)


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), float("nan"), float("inf")])
def test_what_json_does_not_have_is_not_written(value):
    with pytest.raises(TypeError):
        jsontext.dumps({"a": [value]})
