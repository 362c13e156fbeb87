import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from wazuh_pack.reports.findings import Artifact
from wazuh_pack.scan.config import Config, Reporting, Scanner
from wazuh_pack.scan.targets import Job
from wazuh_pack.scan.trivy import Invocation, Runner, ScanError, classify, prepare, scope

IMAGE = Job(
    "image",
    "sha256:" + "a" * 64,
    Artifact("shop/web:1", "container_image"),
    ("--image-src", "docker"),
)
CLUSTER = Job("kubernetes", "", Artifact("current", "kubernetes"), ("--report", "all"))
SBOM = Job("sbom", "/srv/sbom.json", Artifact("/srv/sbom.json", "sbom"))


def config(**scanner):
    return Config(scanner=Scanner(cache_dir="/cache", **scanner))


def argv(job, settings):
    return prepare("/bin/trivy", job, settings, Path("/private")).argv


def test_trivy_is_called_the_same_way_every_time():
    assert argv(IMAGE, config(timeout=300)) == (
        *("/bin/trivy", "image", "--format", "json", "--output", "/private/report.json"),
        *("--no-progress", "--skip-version-check", "--disable-telemetry"),
        *("--list-all-pkgs=false", "--show-suppressed", "--exit-code", "0"),
        *("--cache-dir", "/cache", "--timeout", "300s"),
        *("--scanners", "vuln,misconfig,secret"),
        *("--image-src", "docker", "--", IMAGE.target),
    )


def test_an_sbom_is_asked_only_what_trivy_can_answer():
    arguments = argv(SBOM, config(offline=True, skip_dirs=("x",)))

    assert arguments[arguments.index("--scanners") + 1] == "vuln"
    assert "--skip-dirs" not in arguments
    assert "--skip-check-update" not in arguments
    assert "--image-src" not in arguments


def test_options_reach_trivy():
    arguments = argv(
        IMAGE,
        config(
            offline=True,
            server="https://trivy:4954",
            ignore_unfixed=True,
            ignore_file="/etc/ignore",
            skip_dirs=("a", "b"),
        ),
    )

    for expected in (
        ("--ignore-unfixed",),
        ("--ignorefile", "/etc/ignore"),
        ("--skip-dirs", "a", "--skip-dirs", "b"),
        ("--server", "https://trivy:4954"),
        ("--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-check-update"),
    ):
        at = arguments.index(expected[0])
        assert arguments[at : at + len(expected)] == expected


def test_trivy_gets_a_home_of_its_own_and_only_known_variables(monkeypatch):
    monkeypatch.setenv("TRIVY_FORMAT", "table")
    monkeypatch.setenv("LD_PRELOAD", "/srv/evil.so")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    invocation = prepare("/bin/trivy", IMAGE, config(), Path("/private"))

    assert invocation.environment["HOME"] == "/private"
    assert invocation.environment["TMPDIR"] == "/private/tmp"
    assert invocation.environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert not {"TRIVY_FORMAT", "LD_PRELOAD"} & set(invocation.environment)
    assert invocation.folder == Path("/private/cwd")


def test_a_cluster_is_asked_only_what_trivy_can_answer():
    settings = Config(
        scanner=Scanner(cache_dir="/cache", server="https://trivy:4954"),
        reporting=Reporting(scanners=("vuln", "license")),
    )
    arguments = argv(CLUSTER, settings)

    assert arguments[arguments.index("--scanners") + 1] == "vuln"
    assert "--server" not in arguments
    assert arguments[-2:] == ("--report", "all")


def test_mirrors_and_vex_documents_reach_trivy():
    arguments = argv(
        IMAGE,
        config(
            db_repository=("mirror/db:2", "other/db:2"),
            java_db_repository=("mirror/java:1",),
            checks_repository=("mirror/checks:2",),
            vex=("/etc/a.json", "/etc/b.json"),
        ),
    )

    text = " ".join(arguments)
    assert "--db-repository mirror/db:2 --db-repository other/db:2" in text
    assert "--java-db-repository mirror/java:1 --checks-bundle-repository mirror/checks:2" in text
    assert "--vex /etc/a.json --vex /etc/b.json" in text
    assert "--checks-bundle-repository" not in argv(SBOM, config(checks_repository=("m/c:2",)))


def test_credentials_reach_trivy_in_its_environment_only():
    given = {"TRIVY_PASSWORD": "canary-password", "DOCKER_CONFIG": "/etc/docker"}
    invocation = prepare("/bin/trivy", IMAGE, config(), Path("/private"), given)

    assert invocation.environment["TRIVY_PASSWORD"] == "canary-password"
    assert "canary" not in " ".join(invocation.argv)
    error = classify("FATAL\tlogin with canary-password failed", 1, ["canary-password"])
    assert str(error) == "login with *** failed"


def test_what_narrows_a_scan_is_in_its_scope():
    settings = [
        config(),
        config(ignore_unfixed=True),
        config(skip_dirs=("a",)),
        Config(reporting=Reporting(scanners=("secret",))),
    ]

    assert len({scope(IMAGE, one) for one in settings}) == 4
    assert scope(IMAGE, config(timeout=1, nice=3)) == scope(IMAGE, config())
    assert scope(IMAGE, config(ignore_file="/x", vex=("/y",))) == scope(IMAGE, config())


FATAL = "2026-11-22T00:08:36Z\tFATAL\tFatal error\trun error: "


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("init error: DB error: failed to download vulnerability DB: OCI artifact", "db_download"),
        ("database error: --skip-db-update cannot be specified on the first run", "db_download"),
        ("failed to download vulnerability DB: TOOMANYREQUESTS: retry-after", "rate_limit"),
        ("unexpected status code 429 Too Many Requests", "rate_limit"),
        ("unable to find the specified image x in [docker]: docker error", "target_not_found"),
        ("lstat /none: no such file or directory", "target_not_found"),
        ("cache may be in use by another process: timeout", "lock"),
        ("failed to copy: write /tmp/x: no space left on device", "no_space"),
        ("semaphore acquire: context deadline exceeded", "timeout"),
        ("something new", "other"),
    ],
)
def test_failures_are_told_apart_by_trivys_own_words(errors, reason):
    error = classify(FATAL + errors, 1)

    assert error.reason == reason
    assert str(error) == "Fatal error run error: " + errors


def test_a_failure_without_words_tells_its_status():
    assert str(classify("", 3)) == "Trivy ended with status 3"


def test_no_secret_gets_into_a_failure():
    token = "ghp_" + "a" * 36
    error = classify(f"FATAL GET https://bot:{token}@git.example.org/x?token={token}", 1)

    assert token not in str(error)


@pytest.fixture
def invocation(tmp_path):
    """Make an invocation of a shell script."""

    def make(script):
        folder = tmp_path / "cwd"
        folder.mkdir(exist_ok=True)
        return Invocation(
            ("/bin/sh", "-c", script), {"PATH": "/usr/bin:/bin"}, folder, tmp_path / "report.json"
        )

    return make


def failure(runner, invocation, seconds=60.0):
    with pytest.raises(ScanError) as error:
        runner.run(invocation, seconds=seconds, nice=0)
    return error.value.reason


def test_a_report_that_was_written_is_a_success(invocation):
    one = invocation(": > ../report.json")

    Runner().run(one, seconds=60, nice=0)

    assert one.report.read_bytes() == b""


def test_a_fallback_to_built_in_checks_is_known_with_its_reason(invocation):
    log = (
        '2026-01-01T00:00:00Z\tERROR\t[misconfig] Falling back to embedded checks\terr="no canary"'
    )
    one = invocation(
        f"echo INFO >&2; printf '%s\\n' '{log}' >&2; echo WARN >&2; echo {{}} > ../report.json"
    )
    one = replace(one, environment={**one.environment, "TRIVY_TOKEN": "canary"})

    assert Runner().run(one, seconds=60, nice=0) == 'err="no ***"'


def test_no_report_no_start_and_a_signal_are_failures_of_their_own(invocation, tmp_path):
    missing = Invocation(("/none/trivy",), {}, tmp_path, tmp_path / "r")

    assert failure(Runner(), invocation("exit 0")) == "parse_error"
    assert failure(Runner(), invocation("kill -9 $$")) == "killed"
    assert failure(Runner(), invocation("echo 'FATAL no space left on device' >&2; exit 1")) == (
        "no_space"
    )
    assert failure(Runner(), missing) == "no_trivy"


def test_a_scan_over_its_time_limit_is_killed(invocation, tmp_path):
    os.mkfifo(tmp_path / "never")

    assert failure(Runner(), invocation("read x < ../never"), seconds=0.0) == "timeout"


def test_a_scan_that_is_stopped_takes_its_whole_family_with_it(invocation, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    runner = Runner()
    # The grandchild ignores SIGTERM and holds the pipe; only its end closes that.
    script = "exec 3> ../pipe; (trap '' TERM; echo up >&3; read x < ../never) & wait"
    os.mkfifo(tmp_path / "never")
    said = []

    def stop_when_up():
        with pipe.open("rb") as end:
            said.append(end.readline())
            runner.stop()
            said.append(end.read())

    thread = threading.Thread(target=stop_when_up)
    thread.start()
    reason = failure(runner, invocation(script))
    thread.join()

    assert reason == "killed"
    assert said == [b"up\n", b""]
    assert runner.stopping


def test_trivy_sees_neither_our_input_nor_our_output(invocation, capfd):
    Runner().run(
        invocation("cat; echo out; echo err >&2; ls /proc/self/fd > ../report.json"),
        seconds=60,
        nice=0,
    )

    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
