import pytest

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.protocol import ADD, Request
from wazuh_pack.respond.target import find_address, find_text, parse_arguments


def request(**alert):
    return Request(action=ADD, alert=alert)


def test_no_arguments_leave_everything_open():
    found = parse_arguments(())

    assert (found.field, found.timeout) == ("", None)


@pytest.mark.parametrize(
    "words",
    [
        ("--field", "data.a-b.c_d@1", "--timeout", "3600"),
        ("--timeout", "3600", "--field", "data.a-b.c_d@1"),
        ("", "--timeout", "3600", "", "--field", "data.a-b.c_d@1"),
    ],
)
def test_field_and_timeout_are_read_in_any_order(words):
    found = parse_arguments(words)

    assert (found.field, found.timeout) == ("data.a-b.c_d@1", 3600)


@pytest.mark.parametrize(
    "words",
    [
        ("--field",),
        ("--timeout", "60", "--timeout", "61"),
        ("--timeout", "0"),
        ("--timeout", "-5"),
        ("--timeout", "1e9"),
        ("--timeout", "1h"),
        ("--timeout", "\u0661"),
        ("--timeout", "9" * 10),
        ("--timeout", "60\n"),
        ("--timeout=60", "x"),
        ("--field", "data..srcip"),
        ("--field", ".data"),
        ("--field", "data."),
        ("--field", "data/srcip"),
        ("--field", "__class__()"),
        ("--field", "a." * 16 + "a"),
        ("--field", "x" * 129),
        ("--home", "/tmp"),  # noqa: S108 -- not a file
        ("-", "x"),
        ("203.0.113.9", "x"),
    ],
)
def test_any_other_argument_is_refused(words):
    with pytest.raises(MessageError):
        parse_arguments(words)


def test_a_field_is_found_by_its_dotted_path():
    assert find_text(request(data={"app": {"ip": "x"}}), "data.app.ip") == "x"


@pytest.mark.parametrize(
    "alert",
    [
        {},
        {"data": None},
        {"data": "text"},
        {"data": ["203.0.113.9"]},
        {"data": {"srcip": None}},
        {"data": {"srcip": 3405803785}},
        {"data": {"srcip": ["203.0.113.9"]}},
        {"data": {"srcip": {"0": "203.0.113.9"}}},
        {"data": {"srcip": True}},
    ],
)
def test_a_field_that_is_absent_or_not_text_is_refused(alert):
    with pytest.raises(MessageError):
        find_text(request(**alert), "data.srcip")


def test_methods_and_attributes_are_no_fields():
    with pytest.raises(MessageError, match=r"no field data\.keys"):
        find_text(request(data={}), "data.keys")


def refusal(text):
    with pytest.raises(MessageError) as caught:
        find_address(request(data={"srcip": text}), "data.srcip")
    return str(caught.value)


def test_a_refused_address_is_quoted_on_one_short_line():
    assert refusal("203.0.113.9\n, 10.0.0.1").endswith("address: '203.0.113.9?, 10.0.0.1'")
    assert len(refusal("x" * 4000)) < 200
    assert refusal("x" * 70_000).endswith(": 70000 characters")


@pytest.mark.parametrize(
    "text",
    ["203.0.113.9:443", "[2001:db8::1]", "0xCB007109", "3405803785", "10.0.0.0/8", "010.1.2.3"],
)
def test_what_looks_like_an_address_is_quoted(text):
    assert refusal(text).endswith(f": '{text}'")


TOKENS = [
    "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",
    "x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",
    "s.Ke1vYN7qUMmc2fOnTNBp3cTd",
    "0123456789abcdef0123456789abcdef01234567",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "correct horse battery staple",
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_secret_in_place_of_an_address_is_not_logged(token):
    assert refusal(token).endswith(f"address: {len(token)} characters")
    assert token[:20] not in refusal("203.0.113.9 " + token)
