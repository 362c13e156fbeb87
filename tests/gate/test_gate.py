"""The deploy gate: what passes, what does not, and what it says."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.cli import main as cli
from wazuh_pack.gate.main import REFUSED, environment_pipeline, main

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/reports/samples"
DIGEST = "sha256:" + "a" * 64
NAME = "registry.example.org/shop/web:1.4.2"
CLEAN = {"SchemaVersion": 2, "ArtifactName": NAME, "ArtifactType": "container_image", "Results": []}


class Gate:
    """Runs the gate and returns exit status and event."""

    def __init__(self, folder, capfd):
        self.folder = folder
        self._capfd = capfd
        self.said = ""

    def __call__(self, *arguments):
        status = main(["--artifact", NAME, *map(str, arguments)])
        out, self.said = self._capfd.readouterr()
        (line,) = out.splitlines()
        return status, json.loads(line)["security_scan"]

    def write(self, content, name="report"):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path


@pytest.fixture
def gate(tmp_path, capfd):
    return Gate(tmp_path, capfd)


def test_a_clean_report_passes_and_is_told_of(gate):
    status, event = gate(gate.write(CLEAN), "--stage", "production", "--digest", DIGEST)

    assert status == 0
    assert (event["event"], event["tool"], event["decision"]) == ("gate", "gate", "passed")
    assert (event["artifact"], event["artifact_digest"], event["stage"]) == (
        NAME,
        DIGEST,
        "production",
    )
    assert "checks" not in event
    assert gate.said == "gate: passed\n"


def test_a_severe_finding_refuses_and_is_named(gate):
    status, event = gate(SAMPLES / "grype.json")

    assert (status, event["decision"], event["checks"]) == (REFUSED, "failed", "severity")
    assert event["error"] == "grype: GHSA-aaaa-bbbb-cccc"
    assert event["counts"]["critical"] == 1
    assert "gate: severity: grype: GHSA-aaaa-bbbb-cccc" in gate.said


@pytest.mark.parametrize(
    ("arguments", "passes"),
    [
        (("--fail-on", "critical"), False),
        (("--fail-on", "never"), True),
        (("--allow", "GHSA-aaaa-bbbb-cccc"), True),
        (("--allow", "CVE-2026-0003"), False),
    ],
)
def test_thresholds(gate, arguments, passes):
    status, event = gate(SAMPLES / "grype.json", *arguments)

    assert (status == 0) is passes
    assert event.get("allowed") == (1 if arguments[1].startswith("GHSA") else None)


def test_what_has_no_fix_may_be_let_through(gate):
    report = json.loads((SAMPLES / "grype.json").read_text("utf-8"))
    report["matches"][0]["vulnerability"]["fix"] = {"versions": [], "state": "not-fixed"}
    path = gate.write(report)

    assert gate(path)[0] == REFUSED
    assert gate(path, "--ignore-unfixed", "yes")[0] == 0


def trivy_without_fix(**more):
    flaw = {"VulnerabilityID": "CVE-2026-0009", "PkgName": "p", "Severity": "CRITICAL", **more}
    result = {"Target": "x", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [flaw]}
    return {**CLEAN, "Results": [result]}


@pytest.mark.parametrize(
    ("status", "passes"),
    [
        ("affected", True),
        ("will_not_fix", True),
        ("fix_deferred", True),
        ("end_of_life", True),
        ("under_investigation", True),
        ("fixed", False),
        ("unknown", False),
        (None, False),
    ],
)
def test_only_what_trivy_knows_to_be_unfixed_is_let_through(gate, status, passes):
    path = gate.write(trivy_without_fix(**({"Status": status} if status else {})))

    assert (gate(path, "--ignore-unfixed", "yes")[0] == 0) is passes


@pytest.mark.parametrize("state", ["unknown", "fixed", ""])
def test_what_grype_does_not_know_to_be_unfixed_counts(gate, state):
    report = json.loads((SAMPLES / "grype.json").read_text("utf-8"))
    report["matches"][0]["vulnerability"]["fix"] = {"versions": [], "state": state}

    assert gate(gate.write(report), "--ignore-unfixed", "yes")[1]["checks"] == "severity"


SARIF_RULE = {
    "id": "CVE-2021-44228",
    "properties": {"tags": ["vulnerability"], "security-severity": "10.0"},
}
SARIF_RUN = {
    "tool": {"driver": {"name": "Trivy", "rules": [SARIF_RULE]}},
    "results": [{"ruleId": "CVE-2021-44228", "message": {"text": "log4j-core 2.14.1"}}],
}


def suppressed_reports():
    run = {
        **SARIF_RUN,
        "results": [{**SARIF_RUN["results"][0], "suppressions": [{"kind": "inSource"}]}],
    }
    ignored = {"Type": "vulnerability", "Status": "ignored", "Source": ".trivyignore"}
    flaw = {"VulnerabilityID": "CVE-2026-0009", "PkgName": "p", "Severity": "CRITICAL"}
    result = {"Target": "x", "Class": "os-pkgs", "Type": "debian"}
    result["ExperimentalModifiedFindings"] = [{**ignored, "Finding": flaw}]
    export = json.loads((SAMPLES / "dependency-track.json").read_text("utf-8"))
    export["findings"][0]["analysis"] = {"isSuppressed": True}
    audits = json.loads((SAMPLES / "zizmor.json").read_text("utf-8"))
    site = json.loads((SAMPLES / "zap.json").read_text("utf-8"))
    site["site"][0]["alerts"][0]["confidence"] = "0"
    return [
        {"version": "2.1.0", "runs": [run]},
        {**CLEAN, "Results": [result]},
        export,
        [{**audits[0], "ignored": True}],
        site,
    ]


@pytest.mark.parametrize("report", suppressed_reports())
def test_what_a_report_suppresses_passes_only_when_the_policy_says_so(gate, report):
    """Whoever changes the code can write a suppression into it."""
    path = gate.write(report)

    status, event = gate(path)
    assert (status, event["checks"], event.get("allowed")) == (REFUSED, "severity", None)

    status, event = gate(path, "--ignore-suppressed", "yes")
    assert (status, event["allowed"]) == (0, 1)


@pytest.mark.parametrize(
    "content",
    [
        (SAMPLES / "dependency-track.json").read_text("utf-8"),
        (SAMPLES / "in-toto.jsonl").read_text("utf-8"),
        json.dumps({"version": "2.1.0", "runs": [SARIF_RUN]}),
    ],
)
def test_who_never_says_whether_there_is_a_fix_says_nothing_about_it(gate, content):
    report = (gate.write(content), "--fail-on", "low")

    assert gate(*report, "--ignore-unfixed", "yes")[1]["error"] == gate(*report)[1]["error"]


@pytest.mark.parametrize(
    ("sample", "arguments", "checks"),
    [
        ("cosign.txt", (), "signature"),
        ("slsa-verifier.txt", (), "provenance"),
        ("kyverno.json", (), "policy"),
        ("gatekeeper.log", (), "policy"),
        ("conftest.json", ("--policy", "never"), ""),
        ("gitleaks.json", (), "secret"),
        ("gitleaks.json", ("--secrets", "verified"), ""),
        ("trufflehog.jsonl", ("--secrets", "verified"), "secret"),
        ("zap.json", (), "severity"),
        ("nuclei.jsonl", (), ""),
        ("zizmor.json", (), "severity"),
        ("sarif.json", (), "severity"),
        ("sbom.json", (), ""),
        ("in-toto.jsonl", (), "policy,provenance,severity"),
    ],
)
def test_every_kind_of_report(gate, sample, arguments, checks):
    status, event = gate(SAMPLES / sample, *arguments)

    assert event.get("checks", "") == checks
    assert status == (REFUSED if checks else 0)


def test_warnings_of_policies_fail_only_when_asked(gate):
    report = [{"filename": "a", "successes": 0, "warnings": [{"msg": "w"}]}]
    path = gate.write(report)

    assert gate(path)[0] == 0
    assert gate(path, "--policy", "warn")[1]["checks"] == "policy"


def test_a_malicious_component_fails_whatever_its_severity_may(gate):
    listed = gate.write("pkg:npm/%40shop/cart\n", "malicious")

    status, event = gate(SAMPLES / "sbom.json", "--malicious", listed, "--fail-on", "never")

    assert (status, event["checks"]) == (REFUSED, "malicious")


@pytest.mark.parametrize(
    ("report", "finding", "check"),
    [
        (f"cosign={SAMPLES / 'cosign.txt'}", "image-unsigned", "signature"),
        (f"slsa-verifier={SAMPLES / 'slsa-verifier.txt'}", "source-mismatch", "provenance"),
        (f"sbom={SAMPLES / 'sbom.json'}", "malicious-component", "malicious"),
    ],
)
def test_what_always_fails_cannot_be_accepted(gate, report, finding, check):
    listed = gate.write("pkg:npm/%40shop/cart\n", "malicious")

    status, event = gate(report, "--malicious", listed, "--allow", finding)

    assert (status, event["checks"]) == (REFUSED, check)
    assert finding in event["error"]
    assert "allowed" not in event


PROOF = (
    f"cosign={SAMPLES / 'cosign-verified.json'}",
    f"cosign={SAMPLES / 'cosign-attestation.jsonl'}",
)


def test_proofs_of_this_digest_pass(gate):
    status, event = gate(
        *PROOF,
        *("--digest", DIGEST, "--require", "signature provenance"),
        *("--signers", "https://github.com/shop/web/.github/workflows/*@refs/tags/*"),
        *("--issuers", "https://token.actions.githubusercontent.com"),
        *("--builders", "https://github.com/actions/runner/*"),
        *("--sources", "https://github.com/shop/web"),
    )

    assert (status, event["decision"]) == (0, "passed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no digest to compare the signature with"),
        (("--digest", "sha256:" + "b" * 64), "the signature is that of another artifact"),
        (("--digest", DIGEST, "--signers", "https://github.com/other/*"), "the signer is 'https"),
        (("--digest", DIGEST, "--issuers", "https://issuer.example.org"), "the issuer is 'https"),
        (("--digest", DIGEST, "--builders", "x"), "the builder is 'https"),
        (("--digest", DIGEST, "--sources", "https://github.com/SHOP/web"), "the source is 'https"),
    ],
)
def test_proofs_of_something_else_do_not(gate, arguments, words):
    status, event = gate(*PROOF, "--require", "signature provenance", *arguments)

    assert (status, event["decision"]) == (REFUSED, "failed")
    assert words in event["error"]


SLSA = f"""\
Verifying artifact web: PASSED
{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",\
"subject":[{{"name":"web","digest":{{"sha256":"{DIGEST[7:]}"}}}}],"predicate":{{}}}}
PASSED: SLSA verification passed
"""


@pytest.mark.parametrize("prefix", ["", "auto="])
@pytest.mark.parametrize(
    ("content", "required"),
    [
        ((SAMPLES / "cosign-attestation.jsonl").read_text("utf-8"), "provenance"),
        ((SAMPLES / "cosign-verified.json").read_text("utf-8"), "signature"),
        (SLSA, "provenance"),
        ((SAMPLES / "sbom.json").read_text("utf-8"), "sbom"),
    ],
)
def test_what_only_looks_like_a_proof_is_none(gate, prefix, content, required):
    """Whoever may put a file among the reports could write one that looks like a verifier's."""
    path = gate.write(content)

    status, event = gate(f"{prefix}{path}", "--digest", DIGEST, "--require", required)

    assert (status, event["checks"]) == (REFUSED, required)
    assert f"there is no proof of {required}: what is there was not verified" in event["error"]


@pytest.mark.parametrize(
    ("tool", "content", "required"),
    [
        ("slsa-verifier", SLSA, "provenance"),
        ("sbom", (SAMPLES / "sbom.json").read_text("utf-8"), "sbom"),
    ],
)
def test_what_the_command_line_vouches_for_is_a_proof(gate, tool, content, required):
    path = gate.write(content)

    assert gate(f"{tool}={path}", "--digest", DIGEST, "--require", required)[0] == 0


def test_no_other_tool_s_report_can_call_itself_an_sbom(gate):
    path = gate.write({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "sbom"}}}]})

    assert gate(f"sarif={path}", "--require", "sbom")[1]["checks"] == "sbom"


OTHER = "sha256:" + "b" * 64
GRYPE = {"matches": [], "descriptor": {"name": "grype"}, "source": {"type": "image"}}


def trivy_of(name=NAME, kind="container_image", **metadata):
    return {**CLEAN, "ArtifactName": name, "ArtifactType": kind, "Metadata": metadata}


def grype_of(**target):
    return {**GRYPE, "source": {"type": "image", "target": {"userInput": NAME, **target}}}


@pytest.mark.parametrize(
    ("tool", "report"),
    [
        ("trivy", trivy_of(RepoDigests=[f"shop/old@{OTHER}", f"shop/web@{DIGEST}"])),
        ("trivy", trivy_of(f"shop/web@{DIGEST}", RepoDigests=[f"shop/web@{OTHER}"])),
        ("trivy", trivy_of(ImageID=DIGEST)),
        ("grype", grype_of(repoDigests=[f"shop/web@{DIGEST}"])),
        ("grype", grype_of(userInput=f"shop/web@{DIGEST}", manifestDigest=OTHER)),
        ("grype", grype_of(manifestDigest=DIGEST)),
    ],
)
def test_a_required_report_about_this_digest_counts(gate, tool, report):
    path = gate.write(report)

    assert gate(f"{tool}={path}", "--digest", DIGEST, "--require", tool)[0] == 0


@pytest.mark.parametrize(
    ("tool", "report", "checks"),
    [
        ("trivy", trivy_of(ImageID=DIGEST, RepoDigests=[f"shop/web@{OTHER}"]), "missing,report"),
        ("trivy", trivy_of(f"shop/web@{OTHER}"), "missing,report"),
        ("trivy", trivy_of(ImageID=OTHER), "missing"),
        ("trivy", trivy_of(), "missing"),
        ("trivy", trivy_of(".", "filesystem"), "missing"),
        ("grype", grype_of(repoDigests=[f"shop/web@{OTHER}"]), "missing,report"),
        ("grype", grype_of(manifestDigest=OTHER), "missing"),
    ],
)
def test_a_required_report_about_something_else_does_not(gate, tool, report, checks):
    path = gate.write(report)

    status, event = gate(f"{tool}={path}", "--digest", DIGEST, "--require", tool)

    assert (status, event["checks"]) == (REFUSED, checks)
    assert f"there is no whole report of {tool} about {DIGEST}" in event["error"]


def test_a_report_about_another_image_fails_even_where_none_is_required(gate):
    path = gate.write(trivy_of(RepoDigests=[f"shop/web@{OTHER}"]))

    status, event = gate(path, "--digest", DIGEST)

    assert (status, event["checks"]) == (REFUSED, "report")
    assert event["error"] == f"report: it is about another image, {OTHER}"


def test_what_is_no_image_has_no_digest_that_a_scanner_could_name(gate):
    report = f"trivy={gate.write(trivy_of('.', 'filesystem'))}"
    arguments = ("--digest", DIGEST, "--require", "trivy", "--type", "file")

    assert gate(report, *arguments)[0] == 0


def test_a_sarif_report_in_a_scanner_s_name_is_about_no_digest(gate):
    path = gate.write({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Trivy"}}}]})

    assert gate(f"sarif={path}", "--require", "trivy")[0] == 0
    assert gate(f"sarif={path}", "--require", "trivy", "--digest", DIGEST)[1]["checks"] == "missing"


@pytest.mark.parametrize(
    ("tool", "content"),
    [("trivy", "[]"), ("trivy", "null"), ("sarif", '{"version": "2.1.0", "runs": []}')],
)
def test_a_report_that_nothing_stands_in_is_not_whole(gate, tool, content):
    path = gate.write(content)

    assert gate(f"{tool}={path}", "--require", tool)[1]["checks"] == "incomplete,missing"


@pytest.mark.parametrize(
    ("result", "check"),
    [(trivy_without_fix(), "severity"), ({"other": 1}, "incomplete")],
)
def test_a_verified_attestation_of_a_scan_counts_as_the_scan(gate, result, check):
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
        "subject": [{"name": "shop/web", "digest": {"sha256": DIGEST[7:]}}],
        "predicate": {"scanner": {"uri": "", "result": result}},
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    path = gate.write({"payloadType": "application/vnd.in-toto+json", "payload": payload})

    status, event = gate(f"cosign={path}", "--digest", DIGEST)

    assert (status, event["checks"]) == (REFUSED, check)


def test_the_digest_may_stand_in_the_name(gate, capfd):
    status = main(["--artifact", f"web@{DIGEST}", PROOF[0], "--require", "signature"])
    event = json.loads(capfd.readouterr().out)["security_scan"]

    assert (status, event["artifact"], event["artifact_digest"]) == (0, "web", DIGEST)
    assert gate.folder


@pytest.mark.parametrize("required", ["signature", "provenance", "sbom", "trivy", "codeql"])
def test_what_is_required_and_missing_fails(gate, required):
    status, event = gate(SAMPLES / "nuclei.jsonl", "--require", required, "--digest", DIGEST)

    assert (status, event["decision"]) == (REFUSED, "failed")
    assert event["checks"] in (required, "missing")


def test_the_tool_behind_sarif_can_be_required(gate):
    assert gate(SAMPLES / "sarif.json", "--require", "example-scan", "--fail-on", "never")[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no known report"),
        ("[]", "an empty list"),
        ("", "the file is empty"),
        (None, "No such"),
    ],
)
def test_a_report_that_cannot_be_read_fails(gate, content, words):
    path = gate.folder / "absent" if content is None else gate.write(content)

    status, event = gate(path, gate.write(CLEAN, "clean"))

    assert (status, event["checks"]) == (REFUSED, "report")
    assert words in event["error"]


def test_what_a_named_tool_has_not_found_is_nothing(gate):
    path = gate.write("")

    assert gate(f"trufflehog={path}", "--require", "trufflehog")[0] == 0
    assert gate(f"gitleaks={path}")[1]["error"] == "report: the file is empty"


def test_an_incomplete_report_fails(gate):
    text = "getting trusted root: dial tcp: i/o timeout"
    path = gate.write(f"Error: {text}\nerror during command execution: {text}\n")

    assert gate(path)[1]["checks"] == "incomplete"


def test_nothing_to_judge_by_fails(gate):
    assert gate()[1]["checks"] == "report"


POLICY = "[gate]\nrequire = nuclei\nfail_on = low\noverride = yes\n"


def test_a_policy_file_that_flags_overrule(gate):
    config = gate.write(POLICY, "gate.ini")
    report = SAMPLES / "nuclei.jsonl"

    assert gate(report, "--config", config)[1]["checks"] == "severity"
    assert gate(report, "--config", config, "--fail-on", "high")[0] == 0


def test_an_override_passes_and_is_told_of(gate):
    config = gate.write(POLICY, "gate.ini")

    status, event = gate(
        SAMPLES / "nuclei.jsonl",
        *("--config", config, "--override", "hotfix 4711", "--override-by", "alice"),
    )

    assert (status, event["decision"], event["checks"]) == (0, "overridden", "severity")
    assert (event["override_reason"], event["override_by"]) == ("hotfix 4711", "alice")


def test_an_override_needs_the_policy_s_leave(gate):
    status, event = gate(SAMPLES / "grype.json", "--override", "please")

    assert (status, event["decision"], event["override_reason"]) == (REFUSED, "failed", "please")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gate]\nfail_on = bad\n", "gate.ini:2: 'fail_on': 'bad' is not known"),
        ("[gate]\ncolour = red\n", "unknown key 'colour' in [gate]"),
        ("", "there is no [gate]"),
        ("[gate]\n[other]\nx = 1\n", "unknown section [other]"),
    ],
)
def test_a_wrong_policy_fails_even_with_an_override(gate, text, words):
    config = gate.write(text, "gate.ini")

    status, event = gate(gate.write(CLEAN), "--config", config, "--override", "x")

    assert (status, event["decision"], event["checks"]) == (REFUSED, "failed", "configuration")
    assert words in event["error"]


def test_the_event_can_go_to_a_file(gate, capfd):
    sink = gate.folder / "gate.jsonl"
    for _ in range(2):
        assert main(["--artifact", "x", str(gate.write(CLEAN)), "--sink", str(sink)]) == 0

    assert capfd.readouterr().out == ""
    decisions = [
        json.loads(line)["security_scan"]["decision"] for line in sink.read_text().splitlines()
    ]
    assert decisions == ["passed", "passed"]


def test_the_file_may_be_named_without_a_folder(gate, monkeypatch):
    monkeypatch.chdir(gate.folder)

    assert main(["--artifact", "x", str(gate.write(CLEAN)), "--sink", "gate.jsonl"]) == 0
    assert "passed" in (gate.folder / "gate.jsonl").read_text(encoding="utf-8")


def test_an_event_that_cannot_be_written_refuses(gate):
    status, event = gate(gate.write(CLEAN), "--sink", gate.folder / "absent/gate.jsonl")

    assert (status, event["decision"]) == (REFUSED, "passed")
    assert "could not be written" in gate.said


def test_nothing_secret_and_no_address_s_credentials_are_told(gate):
    _, event = gate(
        SAMPLES / "gitleaks.json",
        SAMPLES / "trufflehog.jsonl",
        *("--pipeline", "https://user:canary-token@ci.example.org/1"),
    )

    assert "canary-" not in json.dumps(event)
    assert event["pipeline"] == "https://ci.example.org/1"


def test_a_runner_s_pipeline_is_found():
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "shop/web",
        "GITHUB_RUN_ID": "7",
    }

    assert environment_pipeline(github) == "https://github.com/shop/web/actions/runs/7"
    assert environment_pipeline({"CI_PIPELINE_URL": "https://g/1"}) == "https://g/1"
    assert environment_pipeline({}) == ""


def test_it_runs_with_nothing_but_python(tmp_path):
    """A runner has the sources and no package of anybody else."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "wazuh_pack.gate", "--artifact", "x", SAMPLES / "grype.json"],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == REFUSED
    assert json.loads(done.stdout)["security_scan"]["decision"] == "failed"


def test_the_help_says_what_every_flag_takes(capfd):
    assert cli(["gate", "--help"]) == 0
    said = " ".join(capfd.readouterr().out.split())

    for words in (
        "signature, provenance, sbom, or names of tools",
        "unknown, info, low, medium, high, critical or never [high]",
        "fail, warn (warnings fail too) or never [fail]",
        "any, verified or never [any]",
    ):
        assert words in said


def test_the_command_of_the_pack_is_the_same(capfd):
    assert cli(["gate", "--artifact", "x", str(SAMPLES / "grype.json")]) == REFUSED
    assert json.loads(capfd.readouterr().out)["security_scan"]["checks"] == "severity"
    assert cli(["gate", "--help"]) == 0
    assert "[TOOL=]FILE" in capfd.readouterr().out
    assert cli(["gate", "--unknown"]) == 2
