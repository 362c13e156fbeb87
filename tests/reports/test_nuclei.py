"""Nuclei's reports."""

import json

import pytest

from wazuh_pack.reports.findings import Artifact


def test_template_host_and_place_but_no_request(files, samples):
    _, head, findings = files.read(samples / "nuclei.jsonl")

    exposed, tech = findings
    assert head.artifact == Artifact("", "web_application")
    assert (exposed.finding_id, exposed.severity, exposed.category) == (
        "exposed-git",
        "medium",
        "config",
    )
    assert (exposed.resource, exposed.target) == (
        "shop.example.org",
        "https://shop.example.org/.git/config",
    )
    assert (exposed.aliases, exposed.cwe, exposed.cvss) == ("CVE-2026-0006", "CWE-538", "5.3")
    # In old versions, a single reference is a text.
    assert tech.url == "https://one.example.org"


def test_the_list_of_json_export_is_the_same(files, samples):
    lines = files.lines("nuclei.jsonl")

    assert files.read(json.dumps(lines))[2] == files.read(samples / "nuclei.jsonl")[2]


def test_matchers_of_a_template_are_findings_of_their_own(files):
    one, two = files.lines("nuclei.jsonl")[:2]
    two["template-id"] = one["template-id"]
    artifact = Artifact("shop", "web_application")

    found = files.read([one, two])[2]

    assert len({item.key(artifact, "nuclei") for item in found}) == 2


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("multiple_v3.json", 6),
        ("issue_9201.json", 1),
        ("many_findings_third.json", 2),
        ("scb-log4shell.jsonl", 1),
        ("scb-test.jsonl", 10),
        ("scb-with-request-response.jsonl", 1),
    ],
)
def test_recorded_reports(files, recorded, name, count):
    _, head, findings = files.read(recorded / "nuclei" / name)

    assert (len(findings), head.problems) == (count, ())
    assert "HTTP/1.1" not in repr(findings)
