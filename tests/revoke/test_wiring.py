"""From a rule to what is revoked: detections, installed rows, messages, both who start it."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from revoke_samples import OPTIONS
from test_script import Manager, lay_python

from wazuh_pack import install, resources, source
from wazuh_pack.cli import main
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.render.compile import rule_keys
from wazuh_pack.revoke.providers import provider
from wazuh_pack.source import ids
from wazuh_pack.verify import execd, integratord
from wazuh_pack.verify.cases import expand

NUMBERS = ids.read(resources.content() / "ids.lock").ids()
CATALOG = source.load(resources.content())[0]
ASKING = [d for d in CATALOG.detections if d.response and d.response.action == "revoke-token"]
USED = ("github", "gitlab", "jenkins", "kubernetes")

# What the firing cases of each detection come to, as the alert's own words.
TOKEN_ID = ("dry_run", "github.organisation-token", "token_id 98765432")
NO_TARGET = ("no_target", "", "")
BINDING = "kubernetes.clusterrolebinding"
POD = ("dry_run", "kubernetes.pod", "name web-0, namespace production")
KEY = "SHA256:EXAMPLEexampleEXAMPLEexampleEXAMPLEexample0"
EXPECTED = {
    "github-defences-down": {NO_TARGET, TOKEN_ID},
    "github-deploy-key-writable": {
        (
            "dry_run",
            "github.deploy-key-fingerprint",
            f"fingerprint {KEY}, repository example-org/payments",
        )
    },
    "github-mass-clone": {TOKEN_ID},
    "github-repo-delete-burst": {TOKEN_ID},
    "github-repo-public-burst": {TOKEN_ID},
    "github-repo-public-migration": {TOKEN_ID},
    "gitlab-admin-granted": {("dry_run", "gitlab.user-block", "user_id 7")},
    "gitlab-runner-registered": {("dry_run", "gitlab.runner-pause", "runner_id 31")},
    "gitlab-token-for-other-user": {
        ("dry_run", "gitlab.token-id", "token_id 943"),
        ("dry_run", "gitlab.token-id", "token_id 944"),
    },
    "jenkins-script-console-used": {
        NO_TARGET,
        ("dry_run", "jenkins.user-tokens", "user ada"),
        ("dry_run", "jenkins.user-tokens", "user build-admin"),
    },
    "k8s-cluster-admin-bound": {
        ("dry_run", BINDING, "name helper-admin, resource clusterrolebindings"),
        ("dry_run", BINDING, "name cluster-admin, resource clusterrolebindings"),
        (
            "refused_allowlist",
            "kubernetes.rolebinding",
            "name helper-admin, namespace kube-system, resource rolebindings",
        ),
    },
    "k8s-exec-reverse-shell": {POD},
    "k8s-exec-token-read": {POD},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A manager's home with the pack, whose revoke-token execd starts."""
    home = tmp_path_factory.mktemp("wiring") / "manager"
    install.scaffold_home(home)
    assert main(["install", "--destdir", str(home)]) == 0
    return home


@pytest.fixture(scope="module")
def integrated(tmp_path_factory):
    """The same where integratord starts it."""
    home = tmp_path_factory.mktemp("wiring") / "manager"
    install.scaffold_home(home)
    assert main(["install", "--destdir", str(home), "--integration", "revoke-token"]) == 0
    return home


@pytest.fixture(scope="module")
def ruleset(installed):
    lists = {f"etc/lists/{path.name}": path for path in (installed / "etc/lists").iterdir()}
    return Ruleset.load(
        rules=[resources.stock() / "rules", installed / "etc/rules"],
        decoders=[resources.stock() / "decoders", installed / "etc/decoders"],
        lists=lists,
    )


def alerts(ruleset, detection):
    """Yield the alert of each firing case."""
    for case in detection.cases:
        if not case.fires:
            continue
        session = ruleset.session()
        result = None
        for sent in expand(CATALOG, detection.source, case):
            result = session.process(sent.line, location=sent.location, time=sent.time)
        assert str(result.rule_id) in {str(NUMBERS[key]) for key in rule_keys(detection)}
        yield result.as_alert()


def allow_everything(world):
    parts = []
    for name in USED:
        lines = [f"[{name}]", f"actions = {' '.join(provider(name).capabilities)}"]
        lines += [f"url = https://{name}.example.com"]
        lines += [f"{key} = {value}" for key, value in OPTIONS.get(name, {}).items()]
        parts.append("\n".join(lines))
    world.configure("\n".join(parts), mode="dry-run", general="max_actions = 1000")


def test_every_detection_that_asks_is_known_here():
    assert {detection.id for detection in ASKING} == set(EXPECTED)


@pytest.mark.parametrize("detection", ASKING, ids=lambda d: d.id)
def test_a_detection_asks_for_actions_that_exist_and_says_where_all_they_need_is(detection):
    use = detection.response
    sources = dict(use.sources)
    for name in use.revoke:
        instance, _, action = name.partition(".")
        first, *others = provider(instance).capabilities[action].parameters
        needed = {p.name for p in others if not p.optional}
        assert needed <= set(sources), name
        assert first.pattern
    known = {
        parameter.name
        for name in use.revoke
        for parameter in provider(name.partition(".")[0])
        .capabilities[name.partition(".")[2]]
        .parameters[1:]
    }
    assert set(sources) <= known


@pytest.mark.parametrize("detection", ASKING, ids=lambda d: d.id)
@pytest.mark.parametrize("how", ["execd", "integratord"])
def test_each_alert_comes_to_its_action(
    installed, integrated, ruleset, world, detection, how, tmp_path
):
    allow_everything(world)
    found = {
        (line["outcome"], line.get("action", ""), line.get("target", ""))
        for alert in alerts(ruleset, detection)
        for message in messages(how, installed, integrated, alert, tmp_path)
        for line in world.take(message)
    }

    assert found == EXPECTED[detection.id]


def messages(how, installed, integrated, alert, scratch):
    """Return what the script is told about an alert, by the installed configuration."""
    rule = alert["rule"]["id"]
    if how == "execd":
        rows = execd.configured(installed / "etc/ossec.conf")
        hit = [r for r in execd.triggered(rows, rule) if r.executable.endswith("revoke-token")]
        return [execd.message(row, alert).encode() for row in hit]
    from wazuh_pack.revoke.integration import message_from  # noqa: PLC0415 -- only for this way

    rows = integratord.configured(integrated / "etc/ossec.conf")
    found = []
    for row in integratord.triggered(rows, rule):
        (scratch / "a").write_text(json.dumps(alert))
        (scratch / "o").write_text(row.options)
        found.append(message_from(["x", str(scratch / "a"), "", "", "", str(scratch / "o")]))
    return found


def test_a_message_has_the_form_of_a_real_execds(shared, installed, ruleset):
    path = shared / "samples/active-response/execd-messages.ndjson"
    real = [json.loads(line)["message"] for line in path.read_text().splitlines()]
    (detection,) = (d for d in ASKING if d.id == "github-deploy-key-writable")
    (alert,) = alerts(ruleset, detection)
    (message,) = messages("execd", installed, None, alert, None)
    ours = json.loads(message)
    theirs = next(m for m in real if m["parameters"]["alert"]["rule"]["id"] == "91311")

    assert list(ours) == list(theirs)
    assert list(ours["origin"]) == list(theirs["origin"])
    assert list(ours["parameters"]) == list(theirs["parameters"])
    assert list(ours["parameters"]["alert"]) == [
        key for key in theirs["parameters"]["alert"] if key != "full_log"
    ]
    assert ours["parameters"]["extra_args"] == [
        *("--field", "data.github.fingerprint"),
        *("--action", "github.deploy-key-fingerprint"),
        *("--from", "repository=data.github.repo"),
        *("--location", "github"),
    ]


def test_messages_of_a_real_execd_are_understood(shared, world):
    """Captured from 4.14.7: a stock GitHub rule, without arguments; a large id as a double."""
    path = shared / "samples/active-response/execd-messages.ndjson"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    sent = [line["message"] for line in lines if line["direction"] == "execd to script"]
    world.configure(
        "[github]\nactions = run-cancel organisation-token\norganisation = acme\n"
        "[when-a]\nrules = 91311\naction = github.organisation-token\n"
        "field = data.github.token_id\n"
        "[when-b]\nrules = 110900\naction = github.run-cancel\nfield = data.actor.id\n"
        "from = repository=data.repo\n",
        mode="dry-run",
    )
    found = {
        (line["outcome"], line.get("target", ""))
        for message in sent
        for line in world.take(json.dumps(message).encode())
        if message["parameters"]["alert"]["rule"]["id"] in {"91311", "110900"}
    }

    assert found == {
        ("no_target", ""),
        ("dry_run", "repository acme/app, run_id 12345678901"),
    }


def test_an_event_from_elsewhere_is_not_believed(world, installed, ruleset):
    allow_everything(world)
    (detection,) = (d for d in ASKING if d.id == "github-deploy-key-writable")
    (alert,) = alerts(ruleset, detection)
    forged = {**alert, "location": "/var/log/app.json"}
    (message,) = messages("execd", installed, None, forged, None)
    (line,) = world.take(message)

    assert (line["outcome"], line["reason"]) == (
        "refused_invalid",
        "the alert's location is not github",
    )


def test_the_installation_lays_down_what_integratord_needs(integrated):
    script = integrated / "integrations/custom-wazuh-pack-revoke-token"
    folder = integrated / "var/wazuh-pack-integration"

    assert stat.S_IMODE(script.stat().st_mode) == 0o750
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not (integrated / "active-response/bin/wazuh-pack-revoke-token").exists()
    assert (integrated / "etc/wazuh-pack/revoke.ini").is_file()
    rows = execd.configured(integrated / "etc/ossec.conf")
    assert {row.executable for row in rows} == {"wazuh-pack-block-ip"}
    found = integratord.configured(integrated / "etc/ossec.conf")
    assert {one.name for one in found} == {"custom-wazuh-pack-revoke-token"}
    asked = {NUMBERS[key] for detection in ASKING for key in rule_keys(detection)}
    assert {rule for one in found for rule in one.rules} == asked


def test_the_choice_is_remembered_and_can_be_taken_back(tmp_path):
    home = tmp_path / "manager"
    install.scaffold_home(home)
    script = home / "integrations/custom-wazuh-pack-revoke-token"
    main(["install", "--destdir", str(home), "--integration", "revoke-token"])
    main(["install", "--destdir", str(home)])
    assert script.exists()
    main(["install", "--destdir", str(home), "--reset"])

    assert not script.exists()
    assert (home / "active-response/bin/wazuh-pack-revoke-token").exists()
    assert integratord.configured(home / "etc/ossec.conf") == ()


class Wired(Manager):
    """An installed manager, with the packages of its Python and a provider to call."""

    def __init__(self, home, url):
        self.root = home
        self.script = home / "active-response/bin/wazuh-pack-revoke-token"
        self.log = home / "logs/active-responses.log"
        lay_python(home)
        self.configure(f"[gitlab]\nurl = {url}\nactions = runner-pause\n")
        secrets = home / "etc/wazuh-pack/revoke.secrets"
        secrets.write_text("[gitlab]\ntoken = our-own-credential\n")


@pytest.fixture
def start(installed, integrated, tmp_path, fake):
    """Return a function that gives a manager whose script one of the two starts."""
    made = []

    def start(how):
        home = tmp_path / "manager"
        shutil.copytree(installed if how == "execd" else integrated, home, symlinks=True)
        made.append(Wired(home, fake.url))
        return made[0]

    yield start
    for manager in made:
        fake.release.set()
        (manager.root / "etc/wazuh-pack/revoke.stop").touch()
        manager.settle()


def hand_over(how, home, alert):
    """Let everybody who is asked about an alert be started; return the exit statuses."""
    model = execd if how == "execd" else integratord
    rows = model.configured(home / "etc/ossec.conf")
    return [model.execute(row, alert, home) for row in model.triggered(rows, alert["rule"]["id"])]


@pytest.mark.parametrize("how", ["execd", "integratord"])
def test_a_rogue_runner_is_paused(start, fake, ruleset, how):
    manager = start(how)
    runner = {"paused": False}
    fake.route("GET", "/runners/31", lambda *_: (200, runner))
    fake.route("PUT", "/runners/31", lambda body, _: (200, runner.update(json.loads(body))))
    (detection,) = (d for d in ASKING if d.id == "gitlab-runner-registered")
    alert = next(iter(alerts(ruleset, detection)))
    assert hand_over(how, manager.root, alert) == [0]
    manager.wait_for("revoked")

    assert runner["paused"] is True
    assert manager.outcomes() == ["accepted", "revoked"]


@pytest.mark.parametrize("how", ["execd", "integratord"])
def test_a_provider_that_hangs_does_not_delay_the_next_block(start, fake, ruleset, how):
    manager = start(how)
    fake.faults.append("hang")
    by_name = {detection.id: detection for detection in CATALOG.detections}
    runner = next(iter(alerts(ruleset, by_name["gitlab-runner-registered"])))
    attack = next(iter(alerts(ruleset, by_name["app-login-bruteforce"])))
    assert hand_over(how, manager.root, runner) == [0]
    manager.wait_for("accepted")
    assert hand_over("execd", manager.root, attack) == [0]
    manager.wait_for("dry_run")  # block-ip's decision, while the provider still says nothing

    assert [line["response"] for line in manager.lines()] == ["revoke-token", "block-ip"]
    assert not fake.release.is_set()


@pytest.mark.parametrize("how", ["execd", "integratord"])
def test_what_a_person_asks_for_is_done_by_the_installed_script(start, fake, how, capsys):
    manager = start(how)
    runner = {"paused": False}
    fake.route("GET", "/runners/31", lambda *_: (200, runner))
    fake.route("PUT", "/runners/31", lambda body, _: (200, runner.update(json.loads(body))))
    words = ["--home", str(manager.root), "--format", "json"]
    assert main(["respond", "revoke", "gitlab.runner-pause", "31", *words]) == 0
    key = json.loads(capsys.readouterr().out)["key"]
    manager.wait_for("revoked")
    manager.settle()
    assert runner["paused"] is True
    assert main(["respond", "undo", key, *words]) == 0
    manager.wait_for("restored")

    assert runner["paused"] is False


def test_the_units_start_what_there_is_and_let_the_lanes_live():
    folder = resources.tree() / "active_response/revoke_token"
    service = (folder / "wazuh-pack-revoke.service").read_text()
    script = "/var/ossec/active-response/bin/wazuh-pack-revoke-token"

    assert f"ExecStart={script} --resume\n" in service
    assert f"ConditionFileIsExecutable={script}\n" in service
    assert "KillMode=process\n" in service
    assert "OnUnitActiveSec=" in (folder / "wazuh-pack-revoke.timer").read_text()


SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534


def system_python_is_fit():
    if not SYSTEM_PYTHON.exists() or os.geteuid() != 0 or not shutil.which("setpriv"):
        return False
    code = "import sys; sys.exit(sys.version_info < (3, 10))"
    return subprocess.run([SYSTEM_PYTHON, "-I", "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not system_python_is_fit(), reason="needs root, setpriv and Python 3.10")
def test_integratord_s_user_may_do_what_it_must(integrated, ruleset):
    """With the modes of a real installation: configuration root:wazuh, state wazuh's own."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="wazuh-pack-") as folder:
        home = Path(folder) / "ossec"
        shutil.copytree(integrated, home, symlinks=True)
        for path in [Path(folder), home, *home.rglob("*")]:
            os.chown(path, 0, NOBODY, follow_symlinks=False)
        Path(folder).chmod(0o755)
        for name in ("var/wazuh-pack-integration", "logs/active-responses.log", "logs"):
            os.chown(home / name, NOBODY, NOBODY)
        config = home / "etc/wazuh-pack/revoke.ini"
        config.write_text(
            config.read_text() + "[gitlab]\nurl = https://g\nactions = runner-pause\n"
        )
        (detection,) = (d for d in ASKING if d.id == "gitlab-runner-registered")
        alert = next(iter(alerts(ruleset, detection)))
        (row,) = integratord.triggered(
            integratord.configured(home / "etc/ossec.conf"), alert["rule"]["id"]
        )
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        assert integratord.execute(row, alert, home, drop) == 0
        log = home / "logs/active-responses.log"
        deadline = time.monotonic() + 30
        while not log.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        state = home / "var/wazuh-pack-integration/revoke-token"

        assert '"outcome":"dry_run"' in log.read_text()
        assert {path.stat().st_uid for path in state.rglob("*")} == {NOBODY}


def test_the_how_to_names_every_detection_that_asks_and_for_what():
    page = (resources.tree() / "docs/howto/revoke-token.md").read_text()
    table = page.partition("## Which detections ask")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    said = {
        (detection.strip("|` "), action.strip("` "))
        for names, actions, _ in rows
        for detection in names.split(", ")
        for action in actions.split(", ")
    }

    assert said == {(d.id, action) for d in ASKING for action in d.response.revoke}
