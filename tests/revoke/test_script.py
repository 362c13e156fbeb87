"""The built script, started as execd, integratord and people start it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from revoke_world import github_token

from wazuh_pack.bundle import build_bundle

ROOT = Path(__file__).resolve().parents[2]
NAME = "wazuh-pack-revoke-token"
TOKEN = github_token()
PACKAGES = Path(requests.__file__).parents[1]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / NAME
    return build_bundle(ROOT / "active_response/revoke_token", out).path


def lay_python(root):
    """Give a Wazuh home a Python of its own, with packages."""
    (root / "framework/python/bin").mkdir(parents=True)
    (root / "framework/python/bin/python3.13").symlink_to(Path(sys.executable).resolve())
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = root / "framework/python/lib" / version
    library.mkdir(parents=True)
    (library / "site-packages").symlink_to(PACKAGES)


class Manager:
    """A Wazuh home with the script among the responses and among the integrations."""

    def __init__(self, root, bundle, url):
        self.root = root
        for folder in ("active-response/bin", "integrations", "logs", "etc/wazuh-pack"):
            (root / folder).mkdir(parents=True)
        lay_python(root)
        (root / "var").mkdir(mode=0o750)
        (root / "var/wazuh-pack-integration").mkdir(mode=0o700)
        self.script = root / "active-response/bin" / NAME
        self.integration = root / "integrations/custom-wazuh-pack-revoke-token"
        for path in (self.script, self.integration):
            shutil.copy2(bundle, path)
        self.log = root / "logs/active-responses.log"
        self.configure(
            f"[github]\nurl = {url}\nactions = token workflow\n"
            f"[gitlab]\nurl = {url}\nactions = token\n"
            "[when-leak]\nrules = 110512\nfield = data.secret\n"
        )

    def configure(self, text, mode="enforce"):
        path = self.root / "etc/wazuh-pack/revoke.ini"
        path.write_text(f"[revoke-token]\nmode = {mode}\n{text}")
        path.chmod(0o640)
        secrets = path.with_name("revoke.secrets")
        secrets.write_text("[github]\ntoken = our-own-credential\n")
        secrets.chmod(0o640)

    def alert(self, secret=TOKEN):
        return {"rule": {"id": "110512"}, "id": "1.2", "data": {"secret": secret}}

    def respond(self, secret=TOKEN):
        """Start the script as execd does: one line, standard input left open."""
        message = {
            "version": 1,
            "origin": {"name": "node01", "module": "wazuh-execd"},
            "command": "add",
            "parameters": {
                "extra_args": [],
                "alert": self.alert(secret),
                "program": f"active-response/bin/{NAME}",
            },
        }
        script = subprocess.Popen(
            [f"active-response/bin/{NAME}"],
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        script.stdin.write(json.dumps(message).encode() + b"\n")
        script.stdin.flush()
        said = script.stdout.read()  # returns when nothing of ours holds the pipe any more
        script.stdin.close()
        script.stdout.close()
        return said, script.wait()

    def integrate(self, *arguments):
        return subprocess.run(
            [self.integration, *arguments], check=False, capture_output=True, cwd=self.root
        ).returncode

    def manage(self, *arguments):
        done = subprocess.run(
            [self.script, *arguments], check=False, capture_output=True, text=True, cwd=self.root
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def lines(self):
        if not self.log.exists():
            return []
        text = self.log.read_text()
        return [json.loads(line.partition(": ")[2])["wazuh_pack"] for line in text.splitlines()]

    def outcomes(self):
        return [line["outcome"] for line in self.lines()]

    def wait_for(self, outcome, count=1):
        deadline = time.monotonic() + 30
        while self.outcomes().count(outcome) < count:
            assert time.monotonic() < deadline, str(self.lines())
            time.sleep(0.01)

    def settle(self):
        """Wait until no lane is at work."""
        for lock in self.root.glob("var/**/*.lock"):
            with lock.open("w") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)


@pytest.fixture
def manager(tmp_path, bundle, fake):
    made = Manager(tmp_path / "ossec home", bundle, fake.url)
    yield made
    fake.release.set()
    (made.root / "etc/wazuh-pack/revoke.stop").touch()  # a lane that still waits ends
    made.settle()


@pytest.fixture
def github(fake):
    """A GitHub that knows one token."""
    live = {TOKEN}

    def revoke(body, _):
        live.difference_update(json.loads(body)["credentials"])
        return 202

    def user(_, headers):
        alive = headers["Authorization"].removeprefix("Bearer ") in live
        return (200, {"login": "x"}) if alive else 401

    fake.route("POST", "/credentials/revoke", revoke)
    fake.route("GET", "/user", user)
    return live


def test_from_execds_message_to_a_dead_token(manager, github):
    assert manager.respond() == (b"", 0)
    manager.wait_for("revoked")

    assert github == set()
    assert manager.outcomes() == ["accepted", "revoked"]
    assert TOKEN not in manager.log.read_text()


def test_the_log_has_the_form_that_the_stock_decoder_wants(manager, github):
    manager.respond()
    manager.wait_for("revoked")
    first = manager.log.read_text().splitlines()[0]

    assert f" active-response/bin/{NAME}: {{" in first
    assert '"srcip"' not in manager.log.read_text()
    assert github == set()


def test_a_provider_that_hangs_delays_neither_execd_nor_another_provider(manager, fake):
    fake.faults.append("hang")
    assert manager.respond() == (b"", 0)
    manager.wait_for("accepted")
    assert manager.respond("glpat-" + "a1B2" * 5) == (b"", 0)
    fake.route("DELETE", "/personal_access_tokens/self", lambda *_: 401)
    fake.route("GET", "/personal_access_tokens/self", lambda *_: 401)
    manager.wait_for("not_found")

    assert manager.outcomes().count("revoked") == 0


def test_the_state_is_for_its_owner_alone(manager, github):
    manager.respond()
    manager.wait_for("revoked")
    manager.settle()
    state = manager.root / "var/wazuh-pack/revoke/revoke-token"

    assert [p for p in state.rglob("*") if p.stat().st_mode & 0o077] == []
    assert not [p for p in state.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert github == set()


def test_the_first_run_leaves_compiled_modules_so_that_execd_waits_less(manager, github):
    code = manager.root / "var/wazuh-pack/code"
    manager.respond()
    manager.wait_for("revoked")
    deadline = time.monotonic() + 30
    while not [path for path in code.glob("*") if path.suffix != ".tmp"]:
        assert time.monotonic() < deadline, "no compiled modules were left"
        time.sleep(0.01)

    (kept,) = code.iterdir()
    assert kept.name.startswith(f"{NAME}-")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert manager.respond() == (b"", 0)
    manager.wait_for("duplicate")
    assert github == set()


def test_integratord_hands_over_a_file(manager, github, tmp_path):
    alert = tmp_path / "custom-x-1-2.alert"
    alert.write_text(json.dumps(manager.alert()))
    assert manager.integrate(alert, "", "", "", "", "10", "3") == 0
    manager.wait_for("revoked")

    assert github == set()
    assert not (manager.root / "var/wazuh-pack").exists(), "the user wazuh cannot enter it"


def test_an_alert_too_large_for_execd_is_taken_from_integratord(manager, github, tmp_path):
    alert = tmp_path / "large.alert"
    alert.write_text(json.dumps({**manager.alert(), "full_log": "x" * 500_000}))
    assert manager.integrate(alert) == 0
    manager.wait_for("revoked")

    assert github == set()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (str, "cannot be read: No such file"),
        (lambda path: path.write_text("{"), "not JSON"),
        (lambda path: path.write_text("[]"), "not a JSON object"),
        (lambda path: path.symlink_to("/etc/passwd"), "cannot be read: Too many levels"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.write_bytes(b"x" * (1 << 20) + b"x"), "larger than"),
        (lambda path: path.write_text(json.dumps({"data": "x" * 200_000})), "longer than"),
    ],
    ids=["absent", "no-json", "list", "link", "pipe", "huge", "huge-data"],
)
def test_a_file_that_is_no_alert_is_refused(manager, tmp_path, make, reason):
    path = tmp_path / "x.alert"
    make(path)
    assert manager.integrate(path) == 1
    (line,) = manager.lines()

    assert line["outcome"] == "refused_invalid"
    assert reason in line["reason"]


def test_without_its_folder_an_integration_says_what_is_wrong(manager, tmp_path):
    alert = tmp_path / "x.alert"
    alert.write_text(json.dumps(manager.alert()))
    (manager.root / "var/wazuh-pack-integration").rmdir()
    (manager.root / "var").chmod(0o777)
    (manager.root / "var/wazuh-pack-integration").mkdir()
    (manager.root / "var/wazuh-pack-integration").chmod(0o777)
    assert manager.integrate(alert) == 1

    assert "wazuh-pack-integration: writable for group or others" in manager.lines()[0]["reason"]


def test_what_a_reboot_left_open_is_gone_on_with(manager, github):
    inbox = manager.root / "var/wazuh-pack/revoke/revoke-token/inbox"
    for folder in [*reversed(inbox.relative_to(manager.root / "var").parents)][1:]:
        (manager.root / "var" / folder).mkdir(mode=0o700)
    inbox.mkdir(mode=0o700)
    message = {"version": 1, "origin": {}, "command": "add"}
    message["parameters"] = {"alert": manager.alert()}
    (inbox / "000000000001.message").write_text(json.dumps(message))
    assert manager.manage("--resume")[0] == 0
    manager.wait_for("revoked")
    assert github == set()


def workers(manager):
    """Return the processes that work in this manager's home: ours, and nobody else's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink() == manager.root and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def test_a_worker_killed_in_the_middle_of_a_call_loses_nothing(manager, github, fake):
    fake.faults.append("hang")
    manager.respond()
    deadline = time.monotonic() + 30
    while not fake.seen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for worker in workers(manager):
        os.kill(worker, signal.SIGKILL)
    assert manager.outcomes() == ["accepted"]
    assert github == {TOKEN}

    assert manager.manage("--resume")[0] == 0
    manager.wait_for("revoked")
    assert github == set()
    assert manager.outcomes() == ["accepted", "revoked"]


def test_a_burst_is_dealt_with_once_each(manager, github):
    github.update(github_token(number) for number in range(2, 10))
    for number in [*range(1, 10), *range(1, 10)]:
        assert manager.respond(github_token(number)) == (b"", 0)
    manager.wait_for("revoked", 9)
    manager.wait_for("duplicate", 9)
    manager.settle()

    assert github == set()
    assert sorted(manager.outcomes()) == ["accepted"] * 9 + ["duplicate"] * 9 + ["revoked"] * 9


def test_people_see_retry_and_take_back(manager, fake):
    workflow = {"state": "active"}
    path = "/repos/acme/shop/actions/workflows/7"
    fake.route("GET", path, lambda *_: (200, workflow))
    fake.route("PUT", f"{path}/disable", lambda *_: workflow.update(state="disabled_x") or 204)
    fake.route("PUT", f"{path}/enable", lambda *_: workflow.update(state="active") or 204)
    manager.configure(
        f"[github]\nurl = {fake.url}\nactions = workflow\n[when-w]\nrules = 110512\n"
        "action = github.workflow\nfield = data.secret\nfrom = repository=data.repo\n"
    )
    manager.alert = lambda secret: {
        "rule": {"id": "110512"},
        "data": {"secret": secret, "repo": "acme/shop"},
    }
    fake.faults.append(403)
    manager.respond("7")
    manager.wait_for("failed")
    manager.settle()
    code, ((job),) = manager.manage("--status")
    assert (code, job["state"], job["target"]) == (
        0,
        "failed",
        "repository acme/shop, workflow_id 7",
    )
    assert manager.manage("--retry", job["key"]) == (0, {"accepted": job["key"]})
    manager.wait_for("revoked")
    manager.settle()
    assert workflow["state"] == "disabled_x"
    assert manager.manage("--undo", job["key"]) == (0, {"accepted": job["key"]})
    manager.wait_for("restored")

    assert workflow["state"] == "active"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--undo", "nothing"], 1, "no action has this key"),
        (["--retry", "../../etc/passwd"], 1, "no action has this key"),
        (["--undo"], 2, "usage:"),
        (["--evil"], 2, "usage:"),
        (["--status", "x"], 2, "usage:"),
    ],
)
def test_wrong_usage_is_told(manager, arguments, code, said):
    found, answer = manager.manage(*arguments)

    assert found == code
    assert said in str(answer)


def test_the_table_of_capabilities_is_shown(manager):
    code, table = manager.manage("--providers")
    enabled = [row["action"] for row in table if row["enabled"]]

    assert code == 0
    assert enabled == ["github.token", "github.workflow", "gitlab.token"]
    assert {row["action"] for row in table if not row["undo"]} >= {"github.token", "gitlab.token"}


def test_without_the_managers_packages_the_log_says_so(manager, github):
    (
        manager.root
        / "framework/python/lib"
        / f"python{sys.version_info[0]}.{sys.version_info[1]}"
        / "site-packages"
    ).unlink()
    manager.respond()
    manager.wait_for("failed")

    assert manager.lines()[-1]["reason"] == (
        "the Python package requests is missing; run this on a manager"
    )
    assert github == {TOKEN}


def test_an_agents_old_python_is_refused_with_a_line(manager):
    old = next(iter(Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8")), None)
    if old is None:
        pytest.skip("no Python 3.8 on this machine")
    own = manager.root / "framework/python/bin/python3.13"
    own.unlink()
    own.symlink_to(old)

    assert manager.respond() == (b"", 1)
    assert "needs Python 3.10 or later" in manager.lines()[0]["reason"]


@pytest.mark.parametrize("how", ["execd", "integratord"])
def test_the_script_runs_on_the_managers_python_3_10(manager, github, tmp_path, how):
    python = next(iter(Path.home().glob(".pyenv/versions/3.10.*/bin/python3.10")), None)
    if python is None:
        pytest.skip("no Python 3.10 on this machine")
    own = manager.root / "framework/python/bin/python3.13"
    own.unlink()
    own.symlink_to(python)
    library = manager.root / "framework/python/lib"
    for found in library.iterdir():
        (found / "site-packages").unlink()  # the system's Python is not to be the one
    (library / "python3.10").mkdir(exist_ok=True)
    (library / "python3.10/site-packages").symlink_to(PACKAGES)
    if how == "execd":
        manager.respond()
    else:
        (tmp_path / "x.alert").write_text(json.dumps(manager.alert()))
        manager.integrate(tmp_path / "x.alert")
    manager.wait_for("revoked")

    assert github == set()


def test_what_execd_waits_for_imports_no_package_and_no_provider():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import wazuh_pack.revoke.script; "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, ROOT], check=True, capture_output=True, text=True
    )
    found = set(done.stdout.split())

    assert found & {"requests", "dataclasses", "json", "re", "wazuh_pack.revoke.intake"} == set()
