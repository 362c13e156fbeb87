"""The real Trivy, end to end. It is found on PATH or named by WAZUH_PACK_TRIVY.

Misconfigurations, secrets and licences work with what is built in; vulnerabilities with the
database of ``trivy_world``, if makedb lies beside Trivy (``tools/trivy/build.sh`` puts both there).
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trivy_world as world

from wazuh_pack.scan import config as configuration
from wazuh_pack.scan.trust import trusted_binary

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "ghp_" + "0123456789abcdefABCDEFGHIJ0123456789"


@pytest.fixture(scope="module")
def trivy():
    path = os.environ.get("WAZUH_PACK_TRIVY") or shutil.which("trivy")
    if not path:
        pytest.skip("no real Trivy (neither on PATH nor named by WAZUH_PACK_TRIVY)")
    return path


@pytest.fixture
def real(host, trivy):
    """A host with the real Trivy and something to find."""
    (host.target / "Dockerfile").write_text("FROM alpine:latest\nUSER root\n", encoding="ascii")
    (host.target / "deploy.sh").write_text(f"export GITHUB_PAT={TOKEN}\n", encoding="ascii")
    host.configure(
        trivy={"binary": trivy, "offline": "yes"}, report={"scanners": "misconfig secret"}
    )
    return host


def scan(host):
    done = subprocess.run(
        [sys.executable, str(ROOT / "wodles/trivy"), "--home", str(host.home), "--wait"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert TOKEN.encode() not in done.stdout
    return [json.loads(line)["security_scan"] for line in done.stdout.splitlines()]


def findings(events):
    return {
        (event["state"], event["scanner"], event["finding_id"])
        for event in events
        if event["event"] == "finding"
    }


def failure(events):
    (event,) = [event for event in events if event["event"] == "scan_failed"]
    return event["reason"]


def test_its_version_is_read_from_the_file(trivy):
    found = trusted_binary(configuration.Scanner(binary=trivy))

    said = subprocess.run([trivy, "--version"], capture_output=True, check=True, text=True).stdout
    assert found.version in said


def test_a_life_of_findings(real):
    first = scan(real)
    assert findings(first) >= {
        ("new", "misconfig", "DS-0002"),
        ("new", "secret", "github-pat"),
    }
    (finished,) = [event for event in first if event["event"] == "scan_finished"]
    assert finished["counts"]["critical"] == 1
    assert finished["complete"] is True

    assert findings(scan(real)) == set()

    (real.target / "deploy.sh").unlink()
    assert findings(scan(real)) == {("fixed", "secret", "github-pat")}

    (real.target / "deploy.sh").write_text(f"\n\nexport PAT={TOKEN}\n", encoding="ascii")
    assert findings(scan(real)) == {("reopened", "secret", "github-pat")}


def test_other_scanners_than_before_fix_nothing(real):
    scan(real)
    real.configure(
        trivy={"binary": configuration.load(real.places.config).scanner.binary, "offline": "yes"},
        report={"scanners": "secret"},
    )

    assert findings(scan(real)) == set()


CHECK = """# METADATA
# title: made up
# custom:
#   id: OURS-0001
#   avd_id: AVD-OURS-0001
#   severity: CRITICAL
#   short_code: ours
#   input:
#     selector:
#     - type: dockerfile
package builtin.dockerfile.OURS001
import rego.v1
deny contains res if { res := result.new("ours", {}) }
"""


def write_checks(cache, age):
    """Put a bundle of checks into a cache folder as if it was downloaded some days ago."""
    content = cache / "policy/content"
    (content / "policies").mkdir(parents=True, exist_ok=True)
    manifest = {"revision": "x", "roots": [""]}
    (content / ".manifest").write_text(json.dumps(manifest), encoding="ascii")
    (content / "policies/ours.rego").write_text(CHECK, encoding="ascii")
    when = (datetime.now(timezone.utc) - timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = {"Digest": f"sha256:{0:064}", "MajorVersion": 2, "DownloadedAt": when}
    (cache / "policy/metadata.json").write_text(json.dumps(facts), encoding="ascii")


def test_checks_that_cannot_be_renewed_fix_nothing_and_are_told_of(real, trivy, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    real.configure(
        trivy={"binary": trivy, "cache_dir": cache, "checks_repository": "127.0.0.1:1/none:2"},
        report={"scanners": "misconfig"},
    )
    write_checks(cache, age=0)
    assert findings(scan(real)) == {("new", "misconfig", "OURS-0001")}

    write_checks(cache, age=3)
    events = scan(real)
    assert ("new", "misconfig", "DS-0002") in findings(events)
    assert {state for state, *_ in findings(events)} == {"new"}
    assert failure(events) == "db_download"

    write_checks(cache, age=0)
    assert findings(scan(real)) == set()


def test_what_is_scanned_cannot_tell_trivy_what_to_ignore(real):
    (real.target / ".trivyignore").write_text("DS-0002\ngithub-pat\n", encoding="ascii")
    (real.target / "trivy.yaml").write_text("severity: [LOW]\n", encoding="ascii")
    (real.target / "trivy-secret.yaml").write_text(
        "disable-rules: [github-pat]\n", encoding="ascii"
    )

    assert findings(scan(real)) >= {
        ("new", "misconfig", "DS-0002"),
        ("new", "secret", "github-pat"),
    }


def test_no_database_is_told_as_such(real, trivy):
    real.configure(trivy={"binary": trivy, "offline": "yes"}, report={"scanners": "vuln"})

    assert failure(scan(real)) == "db_download"


def test_too_little_time_is_told_as_such(real, trivy):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a server that never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        real.configure(
            trivy={"binary": trivy, "server": address, "timeout": "1s"},
            report={"scanners": "vuln"},
        )
        events = scan(real)

    assert failure(events) == "timeout"


def test_an_image_that_is_not_there_is_told_as_such(real, trivy):
    real.configure(
        trivy={"binary": trivy, "offline": "yes"},
        targets={"filesystems": "", "images": "list", "image_list": "127.0.0.1:1/none/such:1"},
        report={"scanners": "secret"},
    )

    assert failure(scan(real)) == "target_not_found"


def test_an_sbom_and_a_repository_are_scanned(real, trivy, tmp_path):
    sbom = tmp_path / "sbom.json"
    sbom.write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}),
        encoding="ascii",
    )
    real.configure(
        trivy={"binary": trivy, "offline": "yes"},
        targets={"filesystems": "", "sboms": sbom, "repositories": real.target},
        report={"scanners": "license secret"},
    )

    events = scan(real)

    finished = [event["artifact_type"] for event in events if event["event"] == "scan_finished"]
    assert finished == ["sbom", "repository"]
    assert ("new", "secret", "github-pat") in findings(events)


@pytest.fixture(scope="module")
def database(trivy, tmp_path_factory):
    """A cache folder with the vulnerability database in it."""
    if not Path(trivy).with_name("makedb").is_file():
        pytest.skip("no makedb beside Trivy (tools/trivy/build.sh builds both)")
    cache = tmp_path_factory.mktemp("cache")
    cache.chmod(0o700)
    world.write_database(trivy, cache)
    return cache


@pytest.fixture
def vulnerable(host, trivy, database):
    """A host whose Trivy knows vulnerabilities; call it with what to scan."""

    def scan_of(report=None, sla=None, **targets):
        host.configure(
            trivy={"binary": trivy, "offline": "yes", "cache_dir": database, **scan_of.trivy},
            targets={"filesystems": "", **targets},
            report={"scanners": "vuln", **(report or {})},
            sla=sla or {},
        )
        return scan(host)

    scan_of.trivy = {}
    scan_of.host = host
    return scan_of


def packages(events, state="new"):
    return {
        (event["package"], event["finding_id"])
        for event in events
        if event["event"] == "finding" and event["state"] == state
    }


def test_vulnerabilities_of_an_image_archive_are_found_and_fixed(vulnerable, tmp_path):
    archive = tmp_path / "image.tar"
    image = world.write_image(archive, world.files())

    first = vulnerable(archives=archive)

    assert packages(first) == world.VULNERABLE
    (openssl,) = [event for event in first if event.get("finding_id") == world.FIXED]
    assert openssl["severity"] == "critical"
    assert openssl["fix_available"] is True
    assert openssl["fixed_version"] == "3.0.11-1~deb12u1"
    assert openssl["artifact_digest"] == image
    assert openssl["base"] == world.LABELS["org.opencontainers.image.base.name"]
    assert openssl["os"] == "debian 12.5"
    assert "canary" not in json.dumps(first)
    assert packages(vulnerable(archives=archive)) == set()

    world.write_image(archive, world.files(library="4.17.21"))
    rebuilt = vulnerable(archives=archive)
    assert packages(rebuilt, "fixed") == {("lodash", world.LIBRARY)}
    assert packages(rebuilt) == set()


def test_an_upgrade_that_does_not_help_is_no_news(vulnerable, tmp_path):
    archive = tmp_path / "image.tar"
    world.write_image(archive, {**world.files(), **world.wheel("2.0.0")})
    first = vulnerable(archives=archive)
    assert ("requests", world.WHEEL) in packages(first)

    world.write_image(archive, {**world.files(), **world.wheel("2.1.0")})
    assert [event for event in vulnerable(archives=archive) if event["event"] == "finding"] == []

    world.write_image(archive, {**world.files(), **world.wheel("3.0.0")})
    events = vulnerable(archives=archive)
    (fixed,) = [event for event in events if event["event"] == "finding"]
    assert (fixed["state"], fixed["installed_version"]) == ("fixed", "2.1.0")
    assert fixed["path"] == "usr/lib/python3/dist-packages/requests-2.1.0.dist-info/METADATA"


def test_vulnerabilities_of_a_file_system_an_sbom_and_a_root_are_found(vulnerable, tmp_path):
    world.write_root(tmp_path / "root", world.files())
    world.write_lock(tmp_path / "work")
    world.write_sbom(tmp_path / "sbom.json")

    events = vulnerable(
        filesystems=tmp_path / "work", rootfs=tmp_path / "root", sboms=tmp_path / "sbom.json"
    )

    library = ("lodash", world.LIBRARY)
    for kind, expected in (
        ("filesystem", {library}),
        ("sbom", {library}),
        ("rootfs", world.VULNERABLE),
    ):
        assert packages(event for event in events if event.get("artifact_type") == kind) == expected


def test_what_is_ignored_or_explained_away_is_accepted_and_not_fixed(vulnerable, tmp_path):
    archive = tmp_path / "image.tar"
    world.write_image(archive, world.files())
    vulnerable(archives=archive)
    ignore = tmp_path / "ignore"
    ignore.write_text(f"{world.UNFIXED}\n", encoding="ascii")
    vex = tmp_path / "vex.json"
    statement = {
        "vulnerability": {"name": world.LIBRARY},
        "products": [{"@id": "pkg:npm/lodash@4.17.20"}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
    }
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex-1",
        "author": "somebody",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [statement],
    }
    vex.write_text(json.dumps(document), encoding="ascii")
    vulnerable.trivy = {"ignore_file": ignore, "vex": vex}

    events = vulnerable(archives=archive)

    accepted = {
        event["finding_id"]: event["accepted"]
        for event in events
        if event["event"] == "finding" and event["state"] == "accepted"
    }
    assert accepted == {world.UNFIXED: "ignore_file", world.LIBRARY: "vex"}
    assert packages(events, "fixed") == set()
    (finished,) = [event for event in events if event["event"] == "scan_finished"]
    assert (finished["accepted"], finished["counts"]["total"]) == (2, 1)

    vulnerable.trivy = {}
    assert packages(vulnerable(archives=archive), "acceptance_ended") == {
        ("zlib1g", world.UNFIXED),
        ("lodash", world.LIBRARY),
    }


def test_a_vulnerability_that_becomes_known_as_exploited_is_told_of(vulnerable, tmp_path):
    archive = tmp_path / "image.tar"
    world.write_image(archive, world.files())
    vulnerable(archives=archive)
    feed = tmp_path / "kev.json"
    entry = {
        "cveID": world.UNFIXED,
        "dateAdded": "2026-11-01",
        "dueDate": "2026-11-22",
        "knownRansomwareCampaignUse": "Known",
    }
    feed.write_text(json.dumps({"vulnerabilities": [entry]}), encoding="ascii")

    events = vulnerable(archives=archive, report={"kev": feed})

    (event,) = [event for event in events if event["event"] == "finding"]
    assert (event["state"], event["finding_id"]) == ("exploited", world.UNFIXED)
    assert (event["kev"], event["kev_due"], event["kev_ransomware"]) == (True, "2026-11-22", True)


def test_an_ignored_secret_and_an_ignored_check_are_accepted(real, tmp_path):
    scan(real)
    ignore = tmp_path / "ignore"
    ignore.write_text("DS-0002\ngithub-pat\n", encoding="ascii")
    config = configuration.load(real.places.config).scanner
    real.configure(
        trivy={"binary": config.binary, "offline": "yes", "ignore_file": ignore},
        report={"scanners": "misconfig secret"},
    )

    assert findings(scan(real)) >= {
        ("accepted", "misconfig", "DS-0002"),
        ("accepted", "secret", "github-pat"),
    }


def _containerd(folder):
    """Start a containerd of our own and return process and address."""
    config = folder / "config.toml"
    config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n', "ascii")
    address = folder / "c.sock"
    process = subprocess.Popen(
        [
            *("containerd", "--config", config, "--address", address),
            *("--root", folder / "root", "--state", folder / "state"),
        ],
        stderr=subprocess.PIPE,
    )
    for line in process.stderr:
        if b"containerd successfully booted" in line:
            break
    else:
        pytest.skip("containerd does not start here")
    return process, address


def test_images_of_a_real_containerd_are_found(vulnerable, tmp_path, tmp_path_factory):
    if os.geteuid() or not (shutil.which("containerd") and shutil.which("ctr")):
        pytest.skip("no containerd here, or not root")
    archive = tmp_path / "image.tar"
    world.write_image(archive, world.files(), name="example.org/shop/web:1")
    process, address = _containerd(tmp_path_factory.mktemp("c"))
    try:
        subprocess.run(
            [
                shutil.which("ctr"),
                "--address",
                address,
                "--namespace",
                "k8s.io",
                "images",
                "import",
                archive,
            ],
            check=True,
            capture_output=True,
        )
        events = vulnerable(images="all", engines="containerd", containerd_address=address)
    finally:
        process.terminate()
        process.communicate()

    assert packages(events) == world.VULNERABLE
    assert {event["artifact"] for event in events if "artifact" in event} == {
        "example.org/shop/web:1"
    }


def test_a_server_matches_vulnerabilities_for_a_host_without_a_database(
    vulnerable, trivy, database, tmp_path
):
    archive = tmp_path / "image.tar"
    world.write_image(archive, world.files())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    server = subprocess.Popen(
        [
            *(trivy, "server", "--listen", address, "--cache-dir", database),
            *("--skip-db-update", "--token", "example-token", "--no-progress"),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        for line in server.stderr:
            if b"Listening" in line:
                break
        secrets = tmp_path / "trivy.env"
        secrets.write_text("TRIVY_TOKEN=example-token\n", encoding="ascii")
        secrets.chmod(0o600)
        cache = tmp_path / "empty"
        vulnerable.trivy = {
            "server": f"http://{address}",
            "environment": secrets,
            "cache_dir": cache,
            "offline": "no",
        }
        events = vulnerable(archives=archive)
    finally:
        server.kill()
        server.communicate()

    assert packages(events) == world.VULNERABLE
    assert "example-token" not in json.dumps(events)
    assert not (cache / "db").exists()


def test_licences_are_found(vulnerable, tmp_path):
    world.write_root(tmp_path / "root", world.files())

    events = vulnerable(report={"scanners": "license"}, rootfs=tmp_path / "root")

    assert ("new", "license", "MIT") in findings(events)


def test_images_of_a_real_docker_are_found(vulnerable, tmp_path):
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker here")
    name = f"wp-wodle-{os.getpid()}/shop:1"
    archive = tmp_path / "image.tar"
    image = world.write_image(archive, world.files(), name=name)
    subprocess.run([docker, "load", "--input", archive], check=True, capture_output=True)
    try:
        events = vulnerable(images="all", engines="docker", allow=name)
    finally:
        subprocess.run([docker, "image", "rm", name], check=True, capture_output=True)

    assert packages(events) == world.VULNERABLE
    (finished,) = [event for event in events if event["event"] == "scan_finished"]
    assert (finished["artifact"], finished["artifact_digest"]) == (name, image)
    assert finished["running"] is False


def test_images_of_a_real_podman_are_found(vulnerable, tmp_path, tmp_path_factory):
    podman = shutil.which("podman")
    if not podman or os.geteuid():
        pytest.skip("no Podman here, or not root")
    name = f"localhost/wp-wodle-{os.getpid()}/shop:1"
    archive = tmp_path / "image.tar"
    world.write_image(archive, world.files(), name=name)
    loaded = subprocess.run(
        [podman, "load", "--input", archive], check=False, capture_output=True, text=True
    )
    if loaded.returncode:
        pytest.skip(f"Podman does not work here: {loaded.stderr.strip()}")
    runtime = tmp_path_factory.mktemp("run")
    (runtime / "podman").mkdir()
    address = runtime / "podman/podman.sock"
    service = subprocess.Popen(
        [podman, "--log-level", "info", "system", "service", "--time", "0", f"unix://{address}"],
        stderr=subprocess.PIPE,
    )
    try:
        for line in service.stderr:
            if b"API service listening" in line:
                break
        secrets = tmp_path / "trivy.env"
        secrets.write_text(f"XDG_RUNTIME_DIR={runtime}\n", encoding="ascii")
        secrets.chmod(0o600)
        vulnerable.trivy = {"environment": secrets}
        events = vulnerable(images="all", engines="podman", allow=name)
    finally:
        service.kill()
        service.communicate()
        subprocess.run([podman, "image", "rm", name], check=True, capture_output=True)

    assert packages(events) == world.VULNERABLE


PASSWORD = "registry-password-canary"
# htpasswd -nbB ci registry-password-canary
LOGIN = "ci:$2y$05$lYHJGMbEoMwTe5jU2pSSB.KWLLHwuYwI.p5m4Vo5VEHW6B.91ZhwK"


@pytest.fixture
def private_registry(tmp_path):
    """Address of a real registry that asks for a login and holds one image."""
    registry, skopeo = shutil.which("docker-registry"), shutil.which("skopeo")
    if not registry or not skopeo:
        pytest.skip("no docker-registry or no skopeo here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "logins").write_text(f"{LOGIN}\n", encoding="ascii")
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "blobs")}},
        "http": {"addr": address},
        "auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "logins")}},
    }
    (tmp_path / "registry.yml").write_text(json.dumps(config), encoding="ascii")
    login = {"auths": {address: {"auth": base64.b64encode(f"ci:{PASSWORD}".encode()).decode()}}}
    (tmp_path / "auth.json").write_text(json.dumps(login), encoding="ascii")
    archive = tmp_path / "pushed.tar"
    world.write_image(archive, world.files(), name="shop:1")
    served = subprocess.Popen(
        [registry, "serve", tmp_path / "registry.yml"], stderr=subprocess.PIPE, text=True
    )
    try:
        for line in served.stderr:
            if "listening on" in line:
                break
        subprocess.run(
            [
                *(skopeo, "copy", "--quiet", "--dest-tls-verify=false"),
                *("--dest-authfile", tmp_path / "auth.json"),
                *(f"docker-archive:{archive}", f"docker://{address}/shop:1"),
            ],
            check=True,
            capture_output=True,
        )
        yield address
    finally:
        served.kill()
        served.communicate()


def test_an_image_of_a_private_registry_is_scanned_with_a_login_from_a_file(
    vulnerable, private_registry, tmp_path
):
    targets = {"images": "list", "image_list": f"{private_registry}/shop:1"}
    refused = vulnerable(**targets)
    assert failure(refused) == "target_not_found"
    (why,) = [event["error"] for event in refused if event["event"] == "scan_failed"]
    assert "UNAUTHORIZED" in why

    secrets = tmp_path / "trivy.env"
    secrets.write_text(f"TRIVY_USERNAME=ci\nTRIVY_PASSWORD={PASSWORD}\n", encoding="ascii")
    secrets.chmod(0o640)
    vulnerable.trivy = {"environment": secrets}
    events = vulnerable(**targets)

    assert packages(events) == world.VULNERABLE
    assert PASSWORD not in json.dumps(events)
