import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from wazuh_pack.reports.report import ReportError
from wazuh_pack.reports.trivy import Report
from wazuh_pack.reports.trivy_records import check_id

CANARY = "canary-" + "c" * 20


def read(path):
    with Report(path) as report:
        return report.head, list(report.findings())


def golden(shared):
    return sorted((shared / "samples/scanners/trivy_golden").glob("*.golden"))


def is_report(document):
    return "SchemaVersion" in document and "spdxVersion" not in document


def expected(results):
    """Count findings as plainly as possible: (scanner, id) of each."""
    found = []
    for result in results or []:
        found += [
            ("vuln", record["VulnerabilityID"])
            for record in result.get("Vulnerabilities") or []
            if record.get("VulnerabilityID")
        ]
        found += [
            ("misconfig", check_id(record.get("AVDID") or record["ID"]))
            for record in result.get("Misconfigurations") or []
            if record.get("Status") == "FAIL"
        ]
        found += [("secret", record["RuleID"]) for record in result.get("Secrets") or []]
        found += [("license", record["Name"]) for record in result.get("Licenses") or []]
    return found


def test_every_golden_report_of_trivy_gives_exactly_its_findings(shared):
    count = 0
    for path in golden(shared):
        document = json.loads(path.read_bytes())
        if not is_report(document):
            continue
        head, findings = read(path)

        found = [(finding.scanner, finding.finding_id) for finding in findings]
        assert found == expected(document.get("Results")), path.name
        assert head.artifact.name == document["ArtifactName"], path.name
        count += 1
    assert count >= 55


def test_every_other_golden_file_is_refused_by_name(shared):
    refused = []
    for path in golden(shared):
        if not is_report(json.loads(path.read_bytes())):
            with pytest.raises(ReportError, match="SBOM; scan it with Trivy"):
                Report(path)
            refused.append(path.name)
    assert len(refused) >= 4


def test_reports_collected_by_others_are_read(shared):
    folder = shared / "samples/scanners/trivy"
    counts = {path.name: len(read(path)[1]) for path in folder.glob("*.json")}

    assert counts["all_statuses.json"] == 8
    assert counts["legacy_trivy_mix.json"] == 6
    assert counts["license_scheme.json"] == 19
    assert counts["legacy_no_vuln.json"] == 0
    assert counts["scb-no-results.json"] == 0
    assert counts["scb-repo.json"] == 43


def test_both_shapes_of_cluster_reports_are_read(shared):
    folder = shared / "samples/scanners/trivy"
    for name in ("issue_10991.json", "kubernetes.json"):
        document = json.loads((folder / name).read_bytes())
        resources = [
            resource
            for key in ("Resources", "Vulnerabilities", "Misconfigurations")
            for resource in document.get(key) or []
        ]
        head, findings = read(folder / name)

        assert [(finding.scanner, finding.finding_id) for finding in findings] == [
            found for resource in resources for found in expected(resource.get("Results"))
        ]
        assert head.artifact.kind == "kubernetes"
        assert all(finding.resource.count("/") >= 1 for finding in findings)


def test_reports_of_other_tools_are_refused(shared):
    tools = ("grype", "cyclonedx", "sarif", "gitleaks", "conftest", "zap", "nuclei", "slsa")
    tools += ("openvex", "dependency_track", "harbor", "trivy_operator", "cosign", "trufflehog")
    files = [
        path
        for tool in tools
        for path in (shared / "samples/scanners" / tool).iterdir()
        if path.suffix in (".json", ".sarif", ".jsonl")
        and path.read_bytes().strip() not in (b"[]", b"null")
    ]

    assert len(files) >= 20
    for path in files:
        with pytest.raises(ReportError):
            Report(path)


def test_an_image_is_named_without_digest_and_keeps_it_aside(reports):
    head, findings = read(reports.write(reports.image([reports.vulnerability()])))

    assert head.artifact.name == "registry.example.org/shop/web:1"
    assert head.artifact.digest == "sha256:" + "b" * 64
    assert head.artifact.os == "debian 12.5"
    assert head.tool_version == "0.74.0"
    (finding,) = findings
    assert finding.severity == "high"
    assert finding.cvss == "9.8"
    assert finding.cwe == "CWE-79,CWE-80"
    assert finding.published == "2026-01-02T03:04:05.06Z"
    assert finding.path == ""


def test_an_image_scanned_by_id_takes_its_tag_as_name(reports):
    document = reports.image(name="sha256:" + "a" * 64, RepoTags=["", "shop/web:2", "shop/web:1"])

    assert read(reports.write(document))[0].artifact.name == "shop/web:1"


def test_the_order_of_keys_does_not_matter(reports):
    document = reports.image([reports.vulnerability(1), reports.vulnerability(2)])
    backwards = json.loads(
        json.dumps(document), object_pairs_hook=lambda pairs: dict(reversed(pairs))
    )

    def told(path):
        head, findings = read(path)
        return replace(head, body=""), findings

    assert told(reports.write(backwards)) == told(reports.write(document))
    assert told(reports.write(document, sort_keys=True)) == told(reports.write(document))


def test_reports_with_the_same_results_have_the_same_body(reports):
    def body(vulnerability, number):
        created = f"2026-01-{number:02}T00:00:00Z"
        image = reports.image([vulnerability])
        return read(reports.write({"ReportID": number, **image, "CreatedAt": created}))[0].body

    one = body(reports.vulnerability(1), 1)
    assert one
    assert body(reports.vulnerability(1), 2) == one
    assert body(reports.vulnerability(1, FixedVersion=""), 2) != one


def test_a_cluster_has_no_body_for_names_stand_before_its_results(reports):
    resource = {"Kind": "Pod", "Name": "x", "Results": [{"Target": "t"}]}

    head, _ = read(reports.write({"ClusterName": "c", "Resources": [resource]}))

    assert head.body == ""


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"SchemaVersion": 2, "ArtifactName": "x", "Results": []},
        {"SchemaVersion": 2, "ArtifactName": "x", "Results": None},
        {"SchemaVersion": 2, "ArtifactName": "x"},
        {"SchemaVersion": 2, "Results": [{"Target": "x", "Class": "os-pkgs"}]},
        {"SchemaVersion": 2, "Results": [{"Target": "x", "Vulnerabilities": None}]},
        {"SchemaVersion": 2, "Results": [{"Target": "x", "Vulnerabilities": [None, 7, {}]}]},
        {"ClusterName": "c", "Resources": None},
    ],
)
def test_a_report_without_findings_has_many_shapes(reports, document):
    assert read(reports.write(document))[1] == []


def test_fields_of_wrong_types_and_unknown_fields_do_no_harm(reports):
    record = {
        "VulnerabilityID": "CVE-2026-0001",
        "PkgName": ["a"],
        "Severity": 9,
        "CVSS": {"nvd": "high", "ghsa": {"V3Score": "9.8"}, "z": {"V2Score": 5}},
        "CweIDs": "CWE-1",
        "References": {},
        "PublishedDate": "yesterday",
        "Tomorrow": {"a": [1]},
    }
    document = reports.image([record])
    document["Results"][0]["Tomorrow"] = [{"x": 1}]
    document["Tomorrow"] = {"x": [1]}

    (finding,) = read(reports.write(document))[1]

    assert (finding.package, finding.severity, finding.cvss) == ("", "unknown", "5.0")
    assert (finding.cwe, finding.url, finding.published) == ("", "", "")


def test_passed_and_excepted_checks_are_no_findings(reports):
    checks = [
        {"ID": "DS-0001", "Severity": "LOW", "Status": status}
        for status in ("PASS", "EXCEPTION", "FAIL")
    ]
    document = reports.image()
    document["Results"] = [{"Target": "Dockerfile", "Class": "config", "Misconfigurations": checks}]

    (finding,) = read(reports.write(document))[1]

    assert (finding.scanner, finding.finding_id, finding.path) == (
        "misconfig",
        "DS-0001",
        "Dockerfile",
    )


@pytest.mark.parametrize(
    ("raw", "now"),
    [
        ("KSV001", "KSV-0001"),
        ("AVD-KSV-0001", "KSV-0001"),
        ("DS-0002", "DS-0002"),
        ("AVD-AWS-0143", "AWS-0143"),
        ("my check", "my check"),
    ],
)
def test_a_check_has_one_id_over_all_versions(raw, now):
    assert check_id(raw) == now


def test_nothing_of_a_secret_but_its_rule_and_place_is_read(reports):
    secret = {
        "RuleID": "github-pat",
        "Category": "GitHub",
        "Severity": "CRITICAL",
        "Title": "GitHub Personal Access Token",
        "StartLine": 3,
        "Match": f"PAT={CANARY}",
        "Code": {"Lines": [{"Content": f"TOKEN={CANARY}"}]},
    }
    document = reports.image()
    document["Results"] = [{"Target": "deploy.sh", "Class": "secret", "Secrets": [secret]}]

    head, (finding,) = read(reports.write(document))

    assert (finding.finding_id, finding.path, finding.line) == ("github-pat", "deploy.sh", 3)
    assert "canary" not in repr((head, finding))


def test_packages_of_one_name_in_two_lock_files_are_two_findings(reports):
    document = reports.image()
    document["Results"] = [
        {
            "Target": target,
            "Class": "lang-pkgs",
            "Type": "npm",
            "Vulnerabilities": [reports.vulnerability(package="lodash")],
        }
        for target in ("a/package-lock.json", "b/package-lock.json")
    ]

    head, findings = read(reports.write(document))

    assert len({finding.key(head.artifact, "trivy") for finding in findings}) == 2


def test_resources_that_could_not_be_scanned_make_a_report_incomplete(reports):
    document = {
        "ClusterName": "prod",
        "Resources": [
            {"Namespace": "a", "Kind": "Pod", "Name": "b", "Error": "no access"},
            {"Namespace": "a", "Kind": "Pod", "Name": "c", "Results": []},
        ],
    }

    assert read(reports.write(document))[0].problems == ("a/Pod/b: no access",)


def test_suppressed_findings_are_counted(reports):
    document = reports.image()
    document["Results"][0]["ExperimentalModifiedFindings"] = [{"Type": "vulnerability"}] * 3

    assert read(reports.write(document))[0].suppressed == 3


def test_every_truncation_is_refused(reports, tmp_path):
    text = reports.write(reports.image([reports.vulnerability()])).read_bytes()
    path = tmp_path / "cut.json"

    for length in range(0, len(text), 7):
        path.write_bytes(text[:length])
        with pytest.raises(ReportError):
            Report(path)


def test_a_report_that_grows_while_it_is_read_is_refused(reports):
    path = reports.write(reports.image([reports.vulnerability(n) for n in range(50)]))

    with Report(path) as report:
        findings = report.findings()
        next(findings)
        with path.open("ab") as file:
            file.write(b" ")
        with pytest.raises(ReportError, match="changed"):
            list(findings)


def test_a_report_that_is_replaced_is_read_as_it_was_opened(reports, tmp_path):
    path = reports.write(reports.image([reports.vulnerability()]))

    with Report(path) as report:
        other = tmp_path / "other"
        other.write_text("[]", encoding="utf-8")
        other.replace(path)

        assert len(list(report.findings())) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"not json", "JSON"),
        ('{"SchemaVersion": 2}'.encode("utf-16"), "JSON"),
        (b"7", "object or a list"),
        (b'{"SchemaVersion": 2} {}', "follows"),
        (b'{"findings": []}', "found: findings"),
        (b'[{"RuleID": "x"}]', "other list"),
    ],
)
def test_other_files_are_refused_with_a_reason(tmp_path, content, words):
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ReportError, match=words):
        Report(path)


def test_a_byte_order_mark_and_broken_utf8_do_no_harm(tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(b'\xef\xbb\xbf{"SchemaVersion": 2, "ArtifactName": "a\xff"}')

    assert read(path)[0].artifact.name == "a\ufffd"


def test_a_pipe_and_a_large_file_are_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 20)

    with pytest.raises(ReportError, match="regular"):
        Report(pipe)
    with pytest.raises(ReportError, match="larger than 1000 bytes"):
        Report(large, max_bytes=1000)


def test_a_missing_report_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Report(Path(tmp_path / "none"))


def test_a_package_in_another_version_is_the_same_finding(tmp_path):
    def keys(version):
        path = f"app/lib/log4j-core-{version}.jar"
        flaw = {"VulnerabilityID": "CVE-2026-1", "PkgName": "log4j-core", "PkgPath": path}
        licence = {"Name": "GPL-3.0", "PkgName": "log4j-core", "FilePath": path}
        result = {
            "Class": "lang-pkgs",
            "Vulnerabilities": [{**flaw, "InstalledVersion": version}],
            "Licenses": [licence],
        }
        report = tmp_path / "report.json"
        report.write_text(json.dumps({"SchemaVersion": 2, "Results": [result]}), encoding="ascii")
        head, findings = read(report)
        assert {found.path for found in findings} == {path}
        return [found.key(head.artifact, "trivy") for found in findings]

    assert keys("2.14.1") == keys("2.15.0")
