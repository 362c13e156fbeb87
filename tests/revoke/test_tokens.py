import string

import pytest
from revoke_world import github_token, service_account_token

from wazuh_pack.agentkit.redact import redact
from wazuh_pack.revoke.tokens import FORMATS, find_tokens, github_checksum, kind_of

# The one whose checksum is published; it was never valid.
PUBLISHED = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"

A20, A40, A64 = "a1B2" * 5, "0f" * 20, "Zz09" * 16
SAMPLES = {
    "github-personal": github_token(),
    "github-oauth": github_token(2, "gho_"),
    "github-user": github_token(3, "ghu_"),
    "github-refresh": github_token(4, "ghr_"),
    "github-fine-grained": "github_pat_" + "a" * 22 + "_" + "b" * 59,
    "github-installation": "ghs_" + "eyJ0" * 20 + "." + "ab-_" * 60 + "." + "cd09" * 20,
    "gitlab-access": "glpat-" + A20,
    "gitlab-deploy": "gldt-" + A20,
    "gitlab-trigger": "glptt-" + A40,
    "gitlab-runner": "glrt-" + A20,
    "gitlab-feed": "glft-" + A20,
    "gitlab-mail": "glimt-" + A20 + "abcde",
    "gitlab-agent": "glagent-" + "a" * 50,
    "gitlab-application-secret": "gloas-" + A64,
    "vault-service": "hvs." + "C" * 95,
    "vault-batch": "hvb." + "A" * 150,
    "aws-access-key": "AKIA" + "ABCDEFGH234567ZZ",
    "aws-session-key": "ASIA" + "ABCDEFGH234567ZZ",
    "dockerhub-personal": "dckr_pat_" + "a" * 27,
    "dockerhub-organisation": "dckr_oat_" + "a" * 32,
    "jwt": service_account_token({"iss": "kubernetes/serviceaccount", "sub": "x" * 20}),
}


def test_there_is_a_sample_of_every_format():
    assert set(SAMPLES) == {form.kind for form in FORMATS}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("around", ["{}", "token={} x", '"{}"', "https://u:{}@host/", "a\n{}\nb"])
def test_a_token_is_found_whole_wherever_it_stands(kind, around):
    (found,) = find_tokens(around.format(SAMPLES[kind]))

    assert (found.kind, found.value) == (kind, SAMPLES[kind])


@pytest.mark.parametrize("kind", SAMPLES)
def test_what_is_found_is_also_redacted(kind):
    assert SAMPLES[kind] not in redact(f"leaked {SAMPLES[kind]} here")


@pytest.mark.parametrize(
    "kind",
    sorted(
        set(SAMPLES)
        - {"github-installation", "jwt", "vault-service", "vault-batch", "gitlab-access"}
    ),
)
@pytest.mark.parametrize(("before", "after"), [("x", ""), ("", "x"), ("", "_"), ("", "-")])
def test_a_part_of_something_longer_is_not_taken_for_a_token(kind, before, after):
    assert list(find_tokens(before + SAMPLES[kind] + after)) == []


def test_routable_tokens_of_gitlab_are_found_whole():
    access = "glpat-" + "A-b_9" * 6 + ".01abcdefg"
    runner = "glrt-t1_" + "A-b_9" * 6 + ".01abcdefg"

    assert [(t.kind, t.value) for t in find_tokens(f"{access} {runner}")] == [
        ("gitlab-access", access),
        ("gitlab-runner", runner),
    ]


def test_a_sentence_ends_after_an_installation_token():
    token = "ghs_" + "a" * 36

    assert [t.value for t in find_tokens(f"leaked {token}.")] == [token]


def test_the_published_checksum_is_right():
    assert github_checksum("ghp_" + PUBLISHED)


@pytest.mark.parametrize("position", range(36))
def test_any_changed_character_breaks_the_checksum(position):
    old = PUBLISHED[position]
    new = "a" if old != "a" else "b"
    changed = PUBLISHED[:position] + new + PUBLISHED[position + 1 :]

    assert not github_checksum("ghp_" + changed)
    assert list(find_tokens("ghp_" + changed)) == []


def test_equal_tokens_count_once_and_there_is_an_upper_limit():
    text = " ".join(github_token(number) for number in range(100))

    assert len(list(find_tokens(text))) == 32
    assert len(list(find_tokens(f"{github_token()} {github_token()}"))) == 1


def test_only_a_whole_text_has_a_kind():
    assert kind_of(github_token()) == "github-personal"
    assert kind_of(f" {github_token()}") == ""


@pytest.mark.parametrize("unit", ["ghs_", "ey", "ghp_", ".", "glpat-", "hvs.", *string.punctuation])
def test_long_hostile_text_ends_without_a_token(unit):
    assert list(find_tokens(unit * (65_536 // len(unit)))) == []
