"""Reports of other tools get the memory that Trivy's scans have."""

import json
from pathlib import Path

import pytest

from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.report import ReportError, ReportFile
from wazuh_pack.scan.config import Reporting
from wazuh_pack.scan.events import KEY
from wazuh_pack.scan.ingest import Ingester, Order
from wazuh_pack.scan.record import Recorder
from wazuh_pack.scan.spool import Spool

SAMPLES = Path(__file__).resolve().parents[1] / "reports/samples"


class Desk:
    """Takes reports and returns the events that come of them."""

    def __init__(self, folder):
        self._folder = folder
        (folder / "spool").mkdir()
        self._spool = Spool(folder / "spool")
        self.recorder = Recorder(folder / "memory.db", self._spool, Reporting())
        self.ingester = Ingester()

    def take(self, content, **order):
        path = self._folder / "report"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        done = self.ingester.record(ReportFile(path), Order(**order), self.recorder)
        return done, self.events()

    def events(self):
        out = self._folder / "out"
        with out.open("wb") as file:
            self._spool.deliver(file.fileno(), max_lines=10**6)
        return [json.loads(line)[KEY] for line in out.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def told(events):
    return [(e["state"], e["finding_id"]) for e in events if e["event"] == "finding"]


def sample(name):
    return json.loads((SAMPLES / name).read_text("utf-8"))


def test_new_fixed_and_reopened(desk):
    leaks = sample("gitleaks.json")
    order = {"artifact": "shop"}

    assert told(desk.take(leaks, **order)[1]) == [
        ("new", "aws-access-token"),
        ("new", "private-key"),
    ]
    assert told(desk.take(leaks, **order)[1]) == []
    assert told(desk.take(leaks[:2], **order)[1]) == [("fixed", "private-key")]
    assert told(desk.take(leaks, **order)[1]) == [("reopened", "private-key")]


def suppressed(report):
    report["runs"][0]["results"][0]["suppressions"] = [{"kind": "external", "status": "accepted"}]
    return report


def analysed(report):
    report["findings"][0]["analysis"] = {"state": "FALSE_POSITIVE", "isSuppressed": True}
    return report


@pytest.mark.parametrize(
    ("name", "accept", "finding"),
    [
        ("sarif.json", suppressed, "sql-injection"),
        ("dependency-track.json", analysed, "CVE-2026-0002"),
    ],
)
def test_what_its_own_tool_suppresses_is_accepted_and_not_fixed(desk, name, accept, finding):
    desk.take(sample(name), artifact="shop")

    assert told(desk.take(accept(sample(name)), artifact="shop")[1]) == [("accepted", finding)]
    assert told(desk.take(accept(sample(name)), artifact="shop")[1]) == []
    assert told(desk.take(sample(name), artifact="shop")[1]) == [("acceptance_ended", finding)]


def trivy(*results):
    return {
        "SchemaVersion": 2,
        "ArtifactName": "shop",
        "ArtifactType": "filesystem",
        "Results": [{"Target": "x", "Type": "t", **result} for result in results],
    }


PACKAGES = {"Class": "os-pkgs"}
FLAWED = {
    **PACKAGES,
    "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "PkgName": "p", "Severity": "CRITICAL"}],
}
LEAKY = {"Class": "secret", "Secrets": [{"RuleID": "aws", "Severity": "HIGH"}]}
WRONG = {"Class": "config", "Misconfigurations": [{"ID": "DS-0001", "Severity": "HIGH"}]}


@pytest.mark.parametrize(
    ("before", "after", "fixed"),
    [
        (trivy(FLAWED, LEAKY), trivy(PACKAGES), ["CVE-1", "aws"]),
        (trivy(FLAWED), trivy(PACKAGES, LEAKY), ["CVE-1"]),
        # What was not looked for is not fixed.
        (trivy(FLAWED), trivy(LEAKY), []),
        (trivy(FLAWED), trivy(), []),
        (trivy(FLAWED), trivy({"Class": "lang-pkgs"}), []),
        (trivy(FLAWED, WRONG), trivy(PACKAGES), []),
        (trivy(FLAWED), [], []),
    ],
)
def test_what_a_trivy_report_did_not_look_for_is_not_fixed(desk, before, after, fixed):
    order = {"tool": "trivy", "artifact": "shop", "kind": "filesystem"}
    desk.take(before, **order)

    found = told(desk.take(after, **order)[1])

    assert sorted(finding for state, finding in found if state == "fixed") == fixed


@pytest.mark.parametrize(
    "change",
    [
        {"only-fixed": True},
        {"only-notfixed": True},
        {"ignore-wontfix": "wont-fix"},
        {"exclude": ["/app/**"]},
        {"by-cve": True},
        {"search": {"scope": "all-layers"}},
        {"match": {"java": {"using-cpes": True}}},
        {"match-upstream-kernel-headers": True},
        {"distro": "debian:12"},
        {"platform": "linux/arm64"},
        {"fix-channel": {"redhat-eus": {"apply": "auto"}}},
    ],
)
def test_what_another_configuration_of_grype_leaves_out_is_not_fixed(desk, change):
    report = sample("grype.json")
    usual = {"only-fixed": False, "exclude": [], "timestamp": "x", "db": {"dir": "/a"}}
    report["descriptor"]["configuration"] = usual
    desk.take(report)
    less = {**report, "matches": []}
    filtered = {**usual, **change}

    less["descriptor"] = {"configuration": filtered}
    assert told(desk.take(less)[1]) == []

    less["descriptor"] = {"configuration": usual}
    assert told(desk.take(report)[1]) == []
    less["descriptor"] = {"configuration": {**usual, "timestamp": "y", "db": {"dir": "/b"}}}
    assert {state for state, _ in told(desk.take(less)[1])} == {"fixed"}


def test_what_a_new_exception_of_conftest_leaves_out_is_not_fixed(desk):
    result = {"filename": "a", "successes": 0, "failures": [{"msg": "runs as root"}]}
    excepted = {"filename": "a", "successes": 0, "exceptions": [{"msg": "data.main.exception"}]}
    desk.take([result], artifact="shop")

    assert told(desk.take([excepted], artifact="shop")[1]) == []
    assert told(desk.take([result], artifact="shop")[1]) == []
    assert told(desk.take([{**excepted, "exceptions": []}], artifact="shop")[1]) == [
        ("fixed", "main")
    ]


def test_tools_and_artifacts_do_not_close_each_other_s_findings(desk):
    desk.take(sample("gitleaks.json"), artifact="shop")

    assert told(desk.take("[]", tool="conftest", artifact="shop")[1]) == []
    assert told(desk.take("[]", tool="gitleaks", artifact="other")[1]) == []
    assert len(told(desk.take("[]", tool="gitleaks", artifact="shop")[1])) == 2


def test_nothing_is_fixed_after_an_incomplete_report(desk):
    constraints = sample("gatekeeper-constraints.json")
    whole = json.loads(json.dumps(constraints))
    whole["items"][0]["status"]["totalViolations"] = 1
    desk.take(whole, artifact="cluster")
    constraints["items"][0]["status"]["violations"] = []

    _, events = desk.take(constraints, artifact="cluster")

    assert told(events) == []
    (problem,) = [e for e in events if e["event"] == "scan_failed"]
    assert (problem["reason"], problem["tool"]) == ("partial", "gatekeeper")
    assert events[-1]["complete"] is False


def test_the_event_names_tool_artifact_and_reader(desk):
    done, events = desk.take(sample("sarif.json"), artifact="shop", kind="service", digest="abc")

    assert (done.tool, done.artifact.name) == ("example-scan", "shop")
    finished = events[-1]
    assert finished["event"] == "scan_finished"
    assert (finished["tool"], finished["report"], finished["tool_version"]) == (
        "example-scan",
        "sarif",
        "4.2.0",
    )
    assert (finished["artifact_type"], finished["artifact_digest"]) == ("service", "abc")


def test_a_report_about_nothing_is_refused(desk):
    with pytest.raises(ReportError, match="does not say what was examined; name it"):
        desk.take(sample("conftest.json"))


def test_an_sbom_tells_what_was_added_and_removed(desk):
    sbom = sample("sbom.json")
    desk.take(sbom)
    gone = sbom["components"].pop(0)
    sbom["components"].append({"type": "library", "name": "new", "purl": "pkg:npm/new@1.0.0"})

    _, events = desk.take(sbom)

    assert [(e["state"], e["package"]) for e in events if e["event"] == "finding"] == [
        ("new", "new"),
        ("fixed", f"{gone['group']}/{gone['name']}"),
    ]


def test_a_component_on_the_list_is_critical_even_at_first_sight(desk, tmp_path):
    bad = tmp_path / "malicious.txt"
    bad.write_text("# known\npkg:npm/%40shop/cart@2.0.0 steals tokens\npkg:npm/other\n", "utf-8")
    desk.ingester = Ingester(Malicious.load(bad))

    _, events = desk.take(sample("sbom.json"))

    found = next(e for e in events if e["event"] == "finding")
    assert (found["finding_id"], found["severity"]) == ("malicious-component", "critical")
    assert found["message"] == "steals tokens"
    # The component itself is still there: that it became known as malicious removed nothing.
    desk.ingester = Ingester()
    assert told(desk.take(sample("sbom.json"))[1]) == [("fixed", "malicious-component")]


@pytest.mark.parametrize(
    ("entry", "hits"),
    [
        ("pkg:npm/%40shop/cart@2.0.0", 1),
        ("pkg:npm/%40shop/cart", 1),
        ("pkg:npm/@shop/cart@2.0.0", 1),
        ("pkg:npm/%40shop/cart@2.0.1", 0),
        ("pkg:npm/cart@2.0.0", 0),
        ("pkg:pypi/%40shop/cart@2.0.0", 0),
        ("pkg:deb/debian/openssl@3.0.1?arch=amd64", 1),
    ],
)
def test_type_name_and_version_have_to_fit(desk, tmp_path, entry, hits):
    bad = tmp_path / "malicious.txt"
    bad.write_text(f"{entry}\n", "utf-8")
    desk.ingester = Ingester(Malicious.load(bad))

    events = desk.take(sample("sbom.json"))[1]

    assert sum(finding == "malicious-component" for _, finding in told(events)) == hits


def test_a_wrong_line_in_the_list_is_named(tmp_path):
    bad = tmp_path / "malicious.txt"
    bad.write_text("pkg:npm/x\nleft-pad 1.0\n", "utf-8")

    with pytest.raises(ReportError, match=r"malicious\.txt:2: 'left-pad' is no package URL"):
        Malicious.load(bad)


def test_without_a_memory_everything_is_new(tmp_path):
    path = tmp_path / "r"
    path.write_text(json.dumps(sample("grype.json")), "utf-8")

    events = [e[KEY] for e in Ingester().show(ReportFile(path), Order(), "high")]

    assert told(events) == [("new", "GHSA-aaaa-bbbb-cccc")]
    assert events[-1]["counts"]["total"] == 2
