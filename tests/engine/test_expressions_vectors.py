"""The vectors taken from Wazuh's own library."""

import json

import pytest

from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError


def encoded(text):
    return text.encode("utf-8", "surrogateescape")


def decoded(data):
    return data.decode("utf-8", "surrogateescape")


def rows(shared, name):
    lines = (shared / "conformance" / "regex" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def answer(vector, kind):
    """What the engine says about a vector, in the vector's own terms."""
    pattern, text = encoded(vector["pattern"]), encoded(vector["string"])
    try:
        capturing = compile_expression(pattern, kind, captures=True)
        plain = compile_expression(pattern, kind)
    except ExpressionError:
        return {"error": True}
    found = capturing.search(text)
    result = {"match": capturing.matches(text)}
    if kind is Kind.OSMATCH:
        return result
    result["end"] = None if found is None else found.end
    result["captures"] = [] if found is None else [decoded(part) for part in found.captures]
    if kind is Kind.OSREGEX:
        found = plain.search(text)
        result["match_nosub"] = plain.matches(text)
        result["end_nosub"] = None if found is None else found.end
    return result


@pytest.mark.parametrize("kind", [Kind.OSMATCH, Kind.OSREGEX, Kind.PCRE2], ids=lambda k: k.value)
def test_every_vector_is_answered_as_by_wazuh(shared, kind):
    vectors = rows(shared, f"{kind.value}.ndjson")
    wrong = []
    for vector in vectors:
        expected = {key: vector[key] for key in vector.keys() - {"pattern", "string"}}
        got = answer(vector, kind)
        if got != expected:
            wrong.append((vector, got))
    assert vectors
    assert wrong[:10] == []


def test_what_crashes_the_daemon_is_no_match(shared):
    for vector in rows(shared, "osregex_crash.ndjson"):
        assert answer(vector, Kind.OSREGEX)["match"] is False


def test_every_escape_accepts_the_bytes_that_wazuh_accepts(shared):
    name = shared / "conformance" / "regex" / "byte_classes.json"
    reference = json.loads(name.read_text(encoding="utf-8"))
    for escape, expected in reference["classes"].items():
        expression = compile_expression(escape.encode(), Kind.OSREGEX)
        accepted = [byte for byte in range(256) if expression.matches(bytes((byte,)))]
        assert (escape, accepted) == (escape, expected)


def test_every_literal_matches_the_bytes_that_wazuh_matches(shared):
    name = shared / "conformance" / "regex" / "byte_classes.json"
    reference = json.loads(name.read_text(encoding="utf-8"))["literals_matching_other_bytes"]
    for kind, listed in reference.items():
        for literal, expected in listed:
            expression = compile_expression(bytes((literal,)), Kind(kind))
            accepted = [byte for byte in range(1, 256) if expression.matches(bytes((byte,)))]
            assert (kind, literal, accepted) == (kind, literal, expected)
