"""``wazuh-pack ingest --compare``: two reports, no memory."""

import json
from pathlib import Path

import pytest

from wazuh_pack.cli import main

SAMPLES = Path(__file__).resolve().parents[1] / "reports/samples"


def cyclonedx(*purls):
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "container", "name": "shop/web"}},
        "components": [
            {"type": "library", "name": purl.split("/")[1].split("@")[0], "purl": purl}
            for purl in purls
        ],
    }


def spdx(*purls):
    return {
        "spdxVersion": "SPDX-2.3",
        "name": "shop/web",
        "packages": [
            {
                "name": purl.split("/")[1].split("@")[0],
                "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}],
            }
            for purl in purls
        ],
    }


@pytest.fixture
def compare(tmp_path, capfd):
    """Return a function that compares two reports: exit status, and events or printed lines."""

    def run(old, new, *arguments):
        for name, content in (("old.json", old), ("new.json", new)):
            (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
        status = main(
            ["ingest", "--compare", str(tmp_path / "old.json"), str(tmp_path / "new.json")]
            + [str(argument) for argument in arguments]
        )
        out, error = capfd.readouterr()
        if "text" in arguments:
            return status, out.splitlines()
        return status, [json.loads(line)["security_scan"] for line in out.splitlines()], error

    return run


@pytest.mark.parametrize("form", [cyclonedx, spdx])
def test_what_was_added_and_removed_is_told_and_an_upgrade_is_not(compare, form):
    old = form("pkg:npm/cart@1.0.0", "pkg:npm/left@1.0.0", "pkg:npm/same@1.0.0")
    new = form("pkg:npm/cart@2.0.0", "pkg:npm/right@1.0.0", "pkg:npm/same@1.0.0")

    status, events, _ = compare(old, new)

    assert status == 0
    told = [(e["state"], e["package"]) for e in events[:-1]]
    assert told == [("new", "right"), ("fixed", "left")]
    assert {e["finding_id"] for e in events[:-1]} == {"component"}
    assert events[-1]["event"] == "scan_finished"
    assert events[-1]["artifact"] == "shop/web"
    assert events[-1]["changes"] == {"new": 1, "fixed": 1}
    assert events[-1]["counts"]["info"] == 3


def test_the_same_in_other_words_is_no_change(compare):
    purls = ("pkg:npm/cart@1.0.0", "pkg:npm/left@1.0.0")

    status, events, _ = compare(cyclonedx(*purls), spdx(*reversed(purls)))

    assert status == 0
    assert [(e["event"], e["changes"]) for e in events] == [
        ("scan_finished", {"new": 0, "fixed": 0})
    ]


def test_a_component_that_is_there_twice_is_told_once(compare):
    new = cyclonedx("pkg:npm/cart@1.0.0", "pkg:npm/cart@2.0.0")

    _, events, _ = compare(cyclonedx(), new)

    assert [e["event"] for e in events] == ["finding", "scan_finished"]
    assert events[-1]["changes"]["new"] == events[-1]["counts"]["total"] == 1


def test_a_malicious_component_is_told_even_if_it_is_not_new(compare, tmp_path):
    listed = tmp_path / "malicious"
    listed.write_text("pkg:npm/cart@1.0.0 steals tokens\n", encoding="utf-8")
    bom = cyclonedx("pkg:npm/cart@1.0.0")

    _, events, _ = compare(bom, bom, "--malicious", listed)

    assert [(e["state"], e["finding_id"], e["severity"]) for e in events[:-1]] == [
        ("new", "malicious-component", "critical")
    ]


def test_an_added_component_fires_the_pack_s_rule(compare, tmp_path, capfd):
    compare(cyclonedx(), cyclonedx("pkg:npm/cart@1.0.0"), "--sink", tmp_path / "events")

    assert main(["logtest", "--format", "json", str(tmp_path / "events")]) == 0
    first = json.loads(capfd.readouterr().out.splitlines()[0])
    assert first["rule"]["level"] == 3
    assert first["rule"]["description"].endswith("cart 1.0.0 (npm) is new in shop/web")


def test_text_for_people(compare):
    status, lines = compare(
        cyclonedx("pkg:npm/left@1.0.0"), cyclonedx("pkg:npm/right@1.0.0"), "--format", "text"
    )

    assert status == 0
    assert lines == [
        "new     info      component  right  component right",
        "fixed   info      component  left  component left",
        "sbom: shop/web: 1 info, 1 total",
    ]


def test_any_tool_s_reports_can_be_compared(compare):
    report = json.loads((SAMPLES / "grype.json").read_text(encoding="utf-8"))
    fewer = {**report, "matches": report["matches"][1:]}

    _, events, _ = compare(report, fewer)

    assert [(e["state"], e["finding_id"]) for e in events[:-1]] == [
        ("fixed", "GHSA-aaaa-bbbb-cccc")
    ]


def test_reports_of_two_tools_are_refused(compare):
    grype = json.loads((SAMPLES / "grype.json").read_text(encoding="utf-8"))

    status, events, error = compare(cyclonedx(), grype)

    assert (status, events) == (1, [])
    assert "a report of sbom and one of grype: compare two of one tool" in error


@pytest.mark.parametrize("which", ["earlier", "later"])
def test_an_incomplete_report_says_nothing_of_what_is_gone(compare, which):
    whole, cut = cyclonedx("pkg:npm/cart@1.0.0"), cyclonedx("pkg:npm/cart@1.0.0")
    cut["components"].append({"type": "library"})

    status, events, error = compare(*((cut, whole) if which == "earlier" else (whole, cut)))

    assert (status, events) == (1, [])
    assert f"the {which} report is incomplete" in error


@pytest.mark.parametrize("other", [("--state", "state"), ("--home", "."), ("more.json",)])
def test_it_takes_one_file_and_no_memory(compare, tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.json").write_text("{}", encoding="utf-8")

    status, events, _ = compare(cyclonedx(), cyclonedx(), *other)

    assert (status, events) == (2, [])


def sarif(*suppressions):
    """Return a report with a result for each, in one place; ``None`` is not suppressed."""
    results = [
        {
            "ruleId": "r",
            "level": "error",
            "message": {"text": "m"},
            **({"suppressions": [{"kind": kind}]} if kind else {}),
        }
        for kind in suppressions
    ]
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "s"}}, "results": results}],
    }


@pytest.mark.parametrize(
    ("old", "new", "states"),
    [
        (sarif(None), sarif("inSource"), ["accepted"]),
        (sarif("inSource"), sarif(None), ["acceptance_ended"]),
        (sarif(), sarif("inSource"), ["accepted"]),
        (sarif("inSource"), sarif("inSource"), []),
        (sarif(), sarif("inSource", None), ["new"]),
        (sarif("inSource"), sarif(), ["fixed"]),
    ],
)
def test_what_the_tool_suppresses_is_accepted(compare, old, new, states):
    _, events, _ = compare(old, new, "--artifact", "shop")

    assert [e["state"] for e in events if e["event"] == "finding"] == states
