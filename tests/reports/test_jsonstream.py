import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.reports.jsonstream import JsonError, JsonStream

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def walk(stream):
    """Rebuild a document by descending everywhere."""
    kind = stream.peek()
    if kind == "{":
        return {key: walk(stream) for key in stream.members()}
    if kind == "[":
        return [walk(stream) for _ in stream.elements()]
    return stream.value()


@given(document=DOCUMENTS, chunk=st.integers(1, 40), indent=st.sampled_from([None, 2]))
def test_walking_in_any_chunks_gives_what_json_gives(document, chunk, indent):
    text = json.dumps(document, indent=indent)
    stream = JsonStream(io.StringIO(text), chunk=chunk)

    assert walk(stream) == json.loads(text)
    stream.finish()


@given(document=DOCUMENTS, chunk=st.integers(1, 40))
def test_skipping_passes_exactly_one_value(document, chunk):
    stream = JsonStream(io.StringIO(json.dumps([document, "after"])), chunk=chunk)

    values = []
    for position, _ in enumerate(stream.elements()):
        if position:
            values.append(stream.value())
        else:
            stream.skip()

    assert values == ["after"]


def test_a_number_goes_on_in_the_next_chunk():
    stream = JsonStream(io.StringIO("[12345]"), chunk=3)

    assert walk(stream) == [12345]


def test_every_cut_is_noticed():
    text = json.dumps({"a": [1, {"b": "text"}], "c": None})

    for length in range(len(text)):
        with pytest.raises(JsonError):
            walk(JsonStream(io.StringIO(text[:length]), chunk=4))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a" 1}', "expected"),
        ('{"a": 1,}', "malformed"),
        ("{1: 2}", "not text"),
        ("[1 2]", "expected"),
        ("[" * 100_000, "nested too deeply"),
        ('["' + "x" * 3000 + '"]', "characters"),
        ("[" + "9" * 1500 + "x]", "expected"),
    ],
)
def test_malformed_text_is_refused(text, words):
    stream = JsonStream(io.StringIO(text), chunk=64, max_value=2000)
    steps = stream.elements() if text.startswith("[") else stream.members()

    with pytest.raises(JsonError, match=words):
        [stream.value() for _ in steps]


def test_text_after_the_document_is_refused():
    stream = JsonStream(io.StringIO("{} {}"))
    stream.skip()

    with pytest.raises(JsonError, match="follows"):
        stream.finish()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "document",
    [
        "[]",
        " [ ] ",
        '[{"a": 1}]',
        '[{"a": 1} , {}\n,\n{"b": [1, {"c": 2}]}]',
        '[1, {"a": 2}, "x", {}]',
    ],
)
def test_values_are_those_of_the_list(document, chunk):
    stream = JsonStream(io.StringIO(document), chunk=chunk)

    assert list(stream.values()) == json.loads(document)
    stream.finish()


@pytest.mark.parametrize("document", ["[{}", "[{},", '[{"a"', "[{} {}]", "[{},]", "[{}}"])
def test_a_damaged_list_of_objects_is_an_error(document):
    with pytest.raises(JsonError):
        list(JsonStream(io.StringIO(document)).values())
