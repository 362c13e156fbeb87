import pytest

from wazuh_pack.agentkit.redact import fingerprint, redact

SECRETS = [
    "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",
    "gho_16C7e42F292c6912E7710c838347Ae178B4a",
    "ghs_" + "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnaXRodWIifQ.c2lnbmF0dXJl-_x",
    "github_pat_11ABCDEFG0aBcDeFgHiJkL_" + "x" * 59,
    "glpat-abcdefghijklmnopqrst",
    "glpat-" + "a" * 40 + ".01.0a1b2c3d4",
    "glrt-t1_abcdefghijklmnopqrst",
    "glcbt-64_abcdefghijklmnopqrst",
    "GR1348941abcdefghijklmnopqrst",
    "AKIAIOSFODNN7EXAMPLE"[:16] + "ABCD",
    "hvs." + "A" * 95,
    "s.Ke1vYN7qUMmc2fOnTNBp3cTd",
    "b.AAAAAQKe1vYN7qUMmc2fOnTNBp3cTd",
    "npm_" + "a" * 36,
    "pypi-AgEIcHlwaS5vcmc" + "a" * 60,
    "dckr_pat_abcdefghijklmnopqrstuvwxyz0",
    "xoxb-123456789012-abcdefghijkl",
    "sk_live_abcdefghijklmnop",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:8])
def test_a_token_is_replaced_as_a_whole(secret):
    assert redact(f"it was {secret}, seen") == f"it was {fingerprint(secret)}, seen"


@pytest.mark.parametrize("secret", SECRETS[:15], ids=lambda secret: secret[:8])
def test_a_letter_in_front_of_a_token_hides_nothing(secret):
    assert redact(f"x{secret} 0{secret}") == f"x{fingerprint(secret)} 0{fingerprint(secret)}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password=hunter22", "hunter22"),
        ('"token": "abc123def456"', "abc123def456"),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("api_key=0123456789abcdef", "0123456789abcdef"),
    ],
)
def test_a_value_after_a_telling_word_is_replaced(text, value):
    assert value not in redact(text)
    assert fingerprint(value) in redact(text)


def test_a_private_key_is_replaced_even_when_it_is_cut_off():
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAAB3Nza"

    assert "AAAAB3" not in redact(key)


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.9",
        "token expired",
        "acme/app",
        "",
        "ghp_short",
        "disk-usage-of-the-build-hosts",
        "task_test_of_something_long",
        "linuxapp-backend-service",
        "https://docs.averyveryverylongdomainname.example",
    ],
)
def test_other_text_stays(text):
    assert redact(text) == text


def test_the_end_of_a_short_secret_is_not_shown():
    assert "..." not in fingerprint("hunter22")
    assert fingerprint("x" * 12 + "abcd").endswith("...abcd]")


def test_equal_secrets_are_recognisable():
    assert fingerprint(SECRETS[0]) == fingerprint(SECRETS[0])
    assert fingerprint(SECRETS[0]) != fingerprint(SECRETS[1])
