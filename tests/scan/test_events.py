import json
import os
import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.reports.findings import SCANNERS, SEVERITIES, Artifact, Finding
from wazuh_pack.scan.events import KEY, MAX_LINE, Source, counts_by_severity, encode
from wazuh_pack.scan.replay import events_from_report

LONG = ("x" * 5000, '"\\' * 3000, "\U0001f41f" * 2000, "\x00" * 3000, "[" * 3000)
TEXTS = st.text(max_size=20) | st.sampled_from(LONG)
FINDINGS = st.builds(
    Finding,
    scanner=st.sampled_from(SCANNERS),
    severity=st.sampled_from(SEVERITIES),
    line=st.integers(0, 2**40),
    **{
        item.name: TEXTS
        for item in fields(Finding)
        if item.name not in ("scanner", "severity", "line")
    },
)


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)


@given(finding=FINDINGS, name=TEXTS, title=TEXTS)
def test_whatever_a_report_says_the_event_is_one_that_wazuh_takes(finding, name, title):
    artifact = Artifact(name, "container_image", os=title, running=True)
    line = encode(Source("s", "trivy").finding(finding, artifact, state="new", first_seen=title))

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) < 20_000 < MAX_LINE
    assert line.isascii()
    event = json.loads(line)
    assert list(event) == [KEY]
    names = list(keys(event))
    assert not [name for name in names if "." in name]
    assert len({name.lower() for name in names}) == len(names)
    for value in event[KEY].values():
        assert isinstance(value, (str, int))
        assert value != ""
        if isinstance(value, int):
            assert abs(value) < 2**31
        else:
            assert not re.search("[\x00-\x1f\ud800-\udfff]", value)


def test_a_real_report_gives_events_below_eight_kilobytes(shared):
    folder = shared / "samples/scanners"
    lines = [
        encode(event)
        for path in (*folder.glob("trivy/*.json"), folder / "trivy_golden/bun.json.golden")
        for event in events_from_report(path)
    ]

    assert len(lines) > 100
    assert max(map(len, lines)) < 8000


def test_a_shortened_field_is_marked_and_named():
    finding = Finding("vuln", "CVE-1", "low", title="t" * 400, path="p" * 2000)

    event = Source("s", "trivy").finding(finding, Artifact("a", "filesystem"), state="new")[KEY]

    assert event["title"] == "t" * 297 + "..."
    assert len(event["path"]) == 1000
    assert event["shortened"] == "title,path"


def test_a_text_beyond_ascii_is_measured_as_it_is_written():
    finding = Finding("vuln", "CVE-1", "low", title="\u20ac" * 100)

    title = Source("s", "trivy").finding(finding, Artifact("a", "b"), state="new")[KEY]["title"]

    assert title.endswith("...")
    assert len(json.dumps(title)) <= 302


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('[{"a": 1}]', '\'[{"a": 1}]'),
        ('[{"a":01}]', '\'[{"a":01}]'),
        ("[1]", "'[1]"),
        ("[]", "'[]"),
        ("[ null]", "'[ null]"),
        ("[Privilege escalation]", "[Privilege escalation]"),
    ],
)
def test_a_text_that_wazuh_would_read_as_a_list_is_broken_up(text, written):
    finding = Finding("vuln", "CVE-1", "low", title=text)

    assert (
        Source("s", "trivy").finding(finding, Artifact("a", "b"), state="new")[KEY]["title"]
        == written
    )


def test_events_of_a_scan_are_numbered_and_dated(clock):
    source = Source("abc", "trivy", "run", clock)

    events = [source.event("scan_started", {})[KEY] for _ in range(2)]

    assert events[1] == {
        "event": "scan_started",
        "tool": "trivy",
        "host": os.uname().nodename,
        "time": "2026-03-04T05:06:07Z",
        "event_id": "abc.2",
        "scan_id": "abc",
        "run_id": "run",
    }


def test_counts_name_every_severity():
    assert counts_by_severity({"high": 2, "unknown": 1}) == {
        "critical": 0,
        "high": 2,
        "medium": 0,
        "low": 0,
        "info": 0,
        "unknown": 1,
        "total": 3,
    }


def test_no_stock_rule_is_woken(reports):
    path = reports.write(reports.image([reports.vulnerability()]))

    for event in events_from_report(path):
        assert set(event) == {KEY}


def test_a_replayed_report_gives_its_findings_and_a_summary(reports, clock):
    path = reports.write(
        reports.image([reports.vulnerability(1, "CRITICAL"), reports.vulnerability(2, "LOW")])
    )

    events = [
        event[KEY]
        for event in events_from_report(
            path, artifact="shop/web:9", running=True, severity="medium", scan_id="s", now=clock
        )
    ]

    assert [event["event"] for event in events] == ["finding", "scan_finished"]
    assert events[0]["finding_id"] == "CVE-2026-0001"
    assert events[0]["state"] == "new"
    assert events[0]["artifact"] == "shop/web:9"
    assert events[0]["running"] is True
    assert events[0]["fix_available"] is True
    assert events[1]["counts"]["total"] == 2
    assert "canary" not in json.dumps(events)
