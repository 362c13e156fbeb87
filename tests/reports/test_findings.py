from dataclasses import replace

import pytest

from wazuh_pack.reports.findings import Artifact, Finding, clean, public, severity_of

ARTIFACT = Artifact("shop/web:1", "container_image", digest="sha256:1")
FINDING = Finding(
    scanner="vuln",
    finding_id="CVE-2026-0001",
    severity="high",
    result_class="os-pkgs",
    package_type="debian",
    package="openssl",
    path="",
    installed_version="1.0",
)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "low"},
        {"installed_version": "2.0"},
        {"fixed_version": "2.1"},
        {"target": "shop/web:1 (debian 12.6)"},
        {"title": "other words"},
        {"line": 7},
        {"status": "affected"},
    ],
)
def test_what_a_rebuild_changes_leaves_a_finding_the_same(change):
    assert replace(FINDING, **change).key(ARTIFACT, "trivy") == FINDING.key(ARTIFACT, "trivy")


def test_what_two_tools_say_are_two_findings():
    assert FINDING.key(ARTIFACT, "trivy") != FINDING.key(ARTIFACT, "grype")


def test_the_digest_of_an_artifact_leaves_a_finding_the_same():
    assert FINDING.key(
        replace(ARTIFACT, digest="sha256:2", os="debian 13"), "trivy"
    ) == FINDING.key(ARTIFACT, "trivy")


@pytest.mark.parametrize(
    "change",
    [
        {"finding_id": "CVE-2026-0002"},
        {"package": "libssl3"},
        {"package_type": "npm"},
        {"result_class": "lang-pkgs"},
        {"path": "app/package-lock.json"},
        {"resource": "prod/Deployment/web"},
    ],
)
def test_another_problem_or_place_is_another_finding(change):
    assert replace(FINDING, **change).key(ARTIFACT, "trivy") != FINDING.key(ARTIFACT, "trivy")


def test_parts_of_an_identity_do_not_run_together():
    one = replace(FINDING, package="ab", path="c")
    other = replace(FINDING, package="a", path="bc")

    assert one.key(ARTIFACT, "trivy") != other.key(ARTIFACT, "trivy")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        (" two\nlines\t", "two lines"),
        ("nul\x00 and \x1b[31mred", "nul  and  [31mred"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("right\u202eto\u2066left\ufeff", "righttoleft"),
        (7, "7"),
        (True, "true"),
        (None, ""),
        ([1], ""),
    ],
)
def test_texts_become_one_harmless_line(raw, text):
    assert clean(raw) == text


def test_credentials_leave_addresses():
    assert public("https://bot:token@git.example.org/a https://x@y/") == (
        "https://git.example.org/a https://y/"
    )
    assert public("mail to a@b") == "mail to a@b"


def test_an_artifact_is_called_without_its_digest():
    name = "registry.example.org:5000/shop/web:1@sha256:" + "0" * 64

    assert Artifact.plain_name(name) == "registry.example.org:5000/shop/web:1"


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("CRITICAL", "critical"),
        ("Negligible", "info"),
        ("moderate", "medium"),
        ("", "unknown"),
        ("severe", "unknown"),
    ],
)
def test_severity_words_of_all_tools_become_ours(word, severity):
    assert severity_of(word) == severity


def test_a_field_that_there_is_not_is_refused():
    with pytest.raises(TypeError, match="no such field: colour"):
        Finding("vuln", "CVE-1", "low", colour="red")
