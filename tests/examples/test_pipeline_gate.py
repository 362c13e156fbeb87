"""docs/examples/pipeline-gate: its scripts, with stand-ins for Trivy, cosign and the manager."""

import base64
import hashlib
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
import yaml

from wazuh_pack.bundle import build_gate
from wazuh_pack.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/pipeline-gate"
WORKFLOW = EXAMPLE / ".github/workflows/deploy.yml"
SAMPLES = ROOT / "tests/reports/samples"
IMAGE = "ghcr.io/example-org/shop"
DIGEST = "sha256:" + "a" * 64
PASSWORD = "canary-password"
REFUSED = 30
CLEAN = {
    "SchemaVersion": 2,
    "ArtifactName": f"{IMAGE}@{DIGEST}",
    "ArtifactType": "container_image",
    "Metadata": {"RepoDigests": [f"{IMAGE}@{DIGEST}"]},
}
OTHER = json.loads(json.dumps(CLEAN).replace(DIGEST, "sha256:" + "b" * 64))
SEVERE = {
    **CLEAN,
    "Results": [
        {
            "Target": "shop",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2026-0001",
                    "PkgName": "libshop",
                    "InstalledVersion": "1",
                    "Severity": "CRITICAL",
                }
            ],
        }
    ],
}
UNSIGNED = "Error: no signatures found\nerror during command execution: no signatures found\n"


def theirs(text):
    """Return what a verifier says with the example's repository in place of the sample's."""
    workflow = "https://github.com/example-org/shop/.github/workflows/build.yml"
    text = text.replace("https://github.com/shop/web/.github/workflows/release.yml", workflow)
    return text.replace("https://github.com/shop/web", "https://github.com/example-org/shop")


def proof():
    envelope = json.loads((SAMPLES / "cosign-attestation.jsonl").read_text(encoding="utf-8"))
    statement = theirs(base64.b64decode(envelope["payload"]).decode())
    return json.dumps({**envelope, "payload": base64.b64encode(statement.encode()).decode()})


class Job:
    """A checkout of the example with the gate in it, and tools that say what a test wants."""

    def __init__(self, folder):
        self.folder = shutil.copytree(EXAMPLE, folder / "checkout")
        self.tools = folder / "bin"
        self.tools.mkdir()
        build_gate(self.folder / "ci")
        self.says(json.dumps(CLEAN), "trivy")
        self.says(theirs((SAMPLES / "cosign-verified.json").read_text(encoding="utf-8")), "verify")
        self.says(proof(), "verify-attestation")
        copy = 'while [ "$1" != --output ]; do shift; done; cp "$folder/trivy" "$2"'
        self.tool("trivy", f'ls -A >"$folder/seen"; {copy}')
        self.tool("cosign", 'echo "$*" >>"$folder/asked"; cat "$folder/$1"')

    def says(self, text, what):
        (self.tools.parent / what).write_text(text, encoding="utf-8")

    def tool(self, name, body):
        path = self.tools / name
        path.write_text(f"#!/bin/sh\nset -e\nfolder={self.tools.parent}\n{body}\n", "utf-8")
        path.chmod(0o755)

    @property
    def asked(self):
        return (self.tools.parent / "asked").read_text(encoding="utf-8")

    def run(self):
        """Run the workflow's own gate step; return its status and the event."""
        (step,) = (
            step
            for step in yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["gate"]["steps"]
            if "gate.sh" in step.get("run", "")
        )
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", step["run"].replace("$RUNNER_TEMP/bin", str(self.tools))],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", **step["env"], "IMAGE": IMAGE, "DIGEST": DIGEST},
        )
        (line,) = (self.folder / "gate.jsonl").read_text(encoding="utf-8").splitlines()
        return done.returncode, json.loads(line)["security_scan"]


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_what_is_clean_signed_and_built_where_it_should_be_passes(job):
    status, event = job.run()

    assert (status, event["decision"], event["stage"]) == (0, "passed", "production")
    assert event["artifact_digest"] == DIGEST
    assert job.asked.count(f"{IMAGE}@{DIGEST}") == 2
    assert "--certificate-oidc-issuer https://token.actions.githubusercontent.com" in job.asked


@pytest.mark.parametrize(
    ("what", "text", "checks"),
    [
        ("trivy", json.dumps(SEVERE), "severity"),
        ("trivy", "", "missing,report"),
        ("trivy", json.dumps(OTHER), "missing,report"),
        ("verify", UNSIGNED, "signature"),
        ("verify-attestation", UNSIGNED, "provenance"),
    ],
)
def test_what_is_not_is_refused_and_told_of(job, what, text, checks):
    job.says(text, what)

    status, event = job.run()

    assert (status, event["decision"]) == (REFUSED, "failed")
    assert set(checks.split(",")) <= set(event["checks"].split(","))


@pytest.mark.parametrize("name", [".trivyignore", "trivy.yaml", "trivy-secret.yaml"])
def test_the_repository_that_is_deployed_does_not_configure_trivy(job, name):
    """Trivy reads these files in the folder it runs in, and they can hide any finding."""
    (job.folder / name).write_text("CVE-2026-0001\n", encoding="utf-8")

    assert job.run()[0] == 0
    assert (job.tools.parent / "seen").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("tool", ["trivy", "cosign"])
def test_a_tool_that_could_not_be_installed_is_a_refusal(job, tool):
    (job.tools / tool).unlink()

    status, event = job.run()

    assert (status, event["decision"]) == (REFUSED, "failed")


COSIGN = """\
#!/bin/sh
echo "$*" >>"$CALLS"
exit "$VERDICT"
"""
CURL = """\
#!/bin/sh
while [ "$1" != --output ]; do shift; done
case $2 in
cosign.new) cp "$SERVED/cosign" "$2" ;;
*.tar.gz) cp "$SERVED/trivy.tar.gz" "$2" ;;
*) echo bundle >"$2" ;;
esac
"""


@pytest.fixture
def install(tmp_path):
    """Return a function that runs tools.sh against downloads of ours."""
    served, out = tmp_path / "served", tmp_path / "out"
    served.mkdir()
    (served / "cosign").write_text(COSIGN, encoding="utf-8")
    (served / "curl").write_text(CURL, encoding="utf-8")
    (served / "curl").chmod(0o755)
    (served / "trivy").write_text("#!/bin/sh\n", encoding="utf-8")
    with tarfile.open(served / "trivy.tar.gz", "w:gz") as archive:
        archive.add(served / "trivy", "trivy")
    text = (EXAMPLE / "ci/tools.sh").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"cosign_sha256=([0-9a-f]{64})\n", text)
    script = tmp_path / "tools.sh"
    ours = hashlib.sha256(COSIGN.encode()).hexdigest()

    def run(*, trusted=True, verdict=0):
        script.write_text(text.replace(pinned, ours) if trusted else text, encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", script, out],
            check=False,
            capture_output=True,
            env={
                "PATH": f"{served}:/usr/bin:/bin",
                "SERVED": str(served),
                "CALLS": str(tmp_path / "calls"),
                "VERDICT": str(verdict),
            },
        )
        return done.returncode, {path.name for path in out.iterdir()}

    return run


def test_tools_that_are_what_they_should_be_are_installed(install, tmp_path):
    assert install() == (0, {"cosign", "trivy"})

    asked = (tmp_path / "calls").read_text(encoding="utf-8")
    assert asked.startswith("verify-blob trivy_")
    assert "/.github/workflows/reusable-release.yaml@refs/tags/v" in asked


def test_another_cosign_is_never_run(install, tmp_path):
    status, installed = install(trusted=False)

    assert status != 0
    assert installed == {"cosign.new"}
    assert not (tmp_path / "calls").exists()


def test_a_trivy_that_its_project_did_not_sign_is_not_unpacked(install):
    status, installed = install(verdict=1)

    assert status != 0
    assert "trivy" not in installed


class Manager(http.server.ThreadingHTTPServer):
    """Answers the two requests of the API as 4.14.7's specification says."""

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), Answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.events = []
        self.sizes = []
        self.failing = 0

    def handle_error(self, *_):
        """Say nothing of clients that do not trust us."""


class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        right = "Basic " + base64.b64encode(f"gate:{PASSWORD}".encode()).decode()
        if self.path == "/security/user/authenticate?raw=true":
            self.answer("token" if self.headers["Authorization"] == right else None)
        elif self.headers["Authorization"] == "Bearer token" and self.path == "/events":
            events = json.loads(body)["events"]
            self.server.events += events
            self.server.sizes.append(len(events))
            self.answer(json.dumps({"error": self.server.failing}))
        else:
            self.answer(None)

    def answer(self, text):
        self.send_response(200 if text else 401)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not Path("/usr/bin/openssl").exists():
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-subj", "/CN=manager", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1",
         "-addext", "keyUsage=critical,keyCertSign,digitalSignature"],
        cwd=folder,
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = [(folder / name).read_text(encoding="utf-8") for name in ("key.pem", "cert.pem")]
    (folder / "both.pem").write_text("".join(both), encoding="utf-8")
    return folder


@pytest.fixture
def manager(certificate):
    with Manager(certificate / "both.pem") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hand_on(file, manager, ca, password):
    return subprocess.run(
        [sys.executable, "-I", "-S", EXAMPLE / "ci/hand-on.py", file],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "WAZUH_API": f"127.0.0.1:{manager.server_port}",
            "WAZUH_USER": "gate",
            "WAZUH_PASSWORD": password,
            "WAZUH_CA": str(ca),
        },
    )


def test_the_manager_gets_the_event_and_a_rule_of_the_pack_fires(
    job, manager, certificate, tmp_path, capsys
):
    job.says(json.dumps(SEVERE), "trivy")
    job.run()
    file = job.folder / "gate.jsonl"

    done = hand_on(file, manager, certificate / "cert.pem", PASSWORD)

    assert (done.returncode, done.stderr) == (0, "")
    assert manager.events == file.read_text(encoding="utf-8").splitlines()
    received = tmp_path / "received"
    received.write_text("".join(f"{event}\n" for event in manager.events), encoding="utf-8")
    assert cli(["logtest", "--format", "json", "--location", "API-Webhook", str(received)]) == 0
    alert = json.loads(capsys.readouterr().out)
    assert alert["rule"]["level"] == 8
    assert IMAGE in alert["rule"]["description"]


def test_many_events_go_in_batches_that_the_manager_takes(manager, certificate, tmp_path):
    file = tmp_path / "gate.jsonl"
    file.write_text("".join(f'{{"number": {number}}}\n' for number in range(250)), "utf-8")

    assert hand_on(file, manager, certificate / "cert.pem", PASSWORD).returncode == 0
    assert manager.sizes == [100, 100, 50]
    assert [json.loads(event)["number"] for event in manager.events] == list(range(250))


@pytest.mark.parametrize("wrong", ["password", "certificate", "answer", "file"])
def test_what_was_not_handed_on_fails_the_job_and_shows_no_password(
    manager, certificate, tmp_path, wrong
):
    file = tmp_path / "gate.jsonl"
    if wrong != "file":
        file.write_text("{}\n", encoding="utf-8")
    manager.failing = 2 if wrong == "answer" else 0
    ca = "" if wrong == "certificate" else certificate / "cert.pem"

    done = hand_on(file, manager, ca, "canary-wrong" if wrong == "password" else PASSWORD)

    assert done.returncode == 1
    assert done.stderr.startswith("hand-on: ")
    assert "canary-" not in done.stdout + done.stderr


def test_both_pipelines_run_the_same_scripts_in_the_same_order():
    steps = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["gate"]["steps"]
    job = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text("utf-8"))["gate"]
    scripts = ("ci/tools.sh", "ci/gate.sh", "ci/hand-on.py")

    for lines in ([step.get("run", "") for step in steps], job["script"]):
        used = [script for line in lines for script in scripts if script in line]
        assert used == list(scripts)
    assert all((EXAMPLE / script).is_file() for script in scripts)
