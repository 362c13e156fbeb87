"""Commands on a manager in service, played by a stand-in whose logtest is our engine."""

import io
import json
import os
import shutil
import signal
import stat

import pytest
from standin_manager import standin

from wazuh_pack.cli import _exit, main

PLACES = ("active-response", "etc", "wodles")
RECORD = "etc/wazuh-pack/RECORD.json"


@pytest.fixture(scope="module")
def installed(tmp_path_factory, play):
    """What an installation leaves in a home, to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as monkeypatch, standin() as made:
        play(made, monkeypatch)
        assert main(["install", "--yes"]) == _exit.OK
        for name in PLACES:
            shutil.copytree(made.home / name, folder / name)
    return folder


@pytest.fixture
def content_of():
    def read(folder):
        return {
            str(path.relative_to(folder)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
            for path in folder.rglob("*")
            if path.is_file()
        }

    return read


@pytest.fixture
def record(manager):
    return lambda: json.loads((manager.home / RECORD).read_text())


def user_rules(manager, text):
    path = manager.home / "etc/rules/local_rules.xml"
    path.write_text(f'<group name="local,">\n{text}\n</group>\n')
    return path


def test_every_source_answers_its_canary_and_wazuh_is_restarted_once(manager, capsys):
    manager.start()
    assert main(["install", "--yes"]) == _exit.OK
    err = capsys.readouterr().err
    assert "logtest answered 12 events, one a source, with our rules" in err
    assert "Wazuh was restarted" in err
    assert [call for call in manager.calls if "control" in call] == ["wazuh-control restart"]


def test_every_canary_is_answered_on_the_real_ruleset(manager, shared, capsys):
    shutil.rmtree(manager.home / "ruleset")
    shutil.copytree(shared / "wazuh-4.14.7/ruleset", manager.home / "ruleset")
    lists = shared / "wazuh-4.14.7/ruleset/lists"
    if lists.is_dir():
        shutil.copytree(lists, manager.home / "etc/lists", dirs_exist_ok=True)
    manager.start()
    assert main(["install", "--yes", "--no-restart"]) == _exit.OK
    assert "logtest answered 12 events, one a source, with our rules" in capsys.readouterr().err


def test_a_second_installation_runs_nothing(manager, capsys):
    manager.start()
    main(["install", "--yes"])
    calls, asked = manager.calls, list(manager.asked)
    capsys.readouterr()
    assert main(["install", "--yes"]) == _exit.OK
    assert (manager.calls, manager.asked) == (calls, asked)
    assert "nothing to do" in capsys.readouterr().out


def test_a_plan_runs_nothing(manager, content_of):
    manager.start()
    before = content_of(manager.home)
    assert main(["plan"]) == _exit.OK
    assert content_of(manager.home) == before
    assert (manager.calls, manager.asked) == ([], [])


def test_a_plan_tells_what_happens_to_wazuh(manager, capsys):
    main(["plan"])
    assert "service Wazuh restarts\n" in capsys.readouterr().out
    main(["install", "--yes"])
    (manager.home / "etc/rules/9600-wazuh-pack-security-scan.xml").unlink()
    capsys.readouterr()
    main(["plan", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["service"] == "reload"


def test_uninstalling_restores_every_byte(manager, content_of):
    manager.start()
    before = content_of(manager.home / "etc")
    main(["install", "--yes"])
    assert main(["uninstall", "--yes"]) == _exit.OK
    assert content_of(manager.home / "etc") == before
    assert manager.calls[-1] == "wazuh-control restart"


def test_uninstalling_keeps_what_was_edited_in_our_part_and_says_so(manager, content_of, capsys):
    manager.start()
    before = content_of(manager.home / "etc/rules")
    main(["install", "--yes"])
    conf = manager.home / "etc/ossec.conf"
    conf.write_text(conf.read_text().replace("<interval>5m<", "<interval>7m<"))
    capsys.readouterr()
    assert main(["uninstall", "--yes"]) == _exit.OK

    shown = capsys.readouterr().out
    assert "<wodle>: changed or added since we wrote it; yours now)" in shown
    assert "keep    wodles/wazuh-pack-trivy  (ossec.conf still names it)" in shown
    assert "<interval>7m<" in conf.read_text()
    assert "<active-response>" not in conf.read_text().rpartition("<ossec_config>")[2]
    assert (manager.home / "wodles/wazuh-pack-trivy").exists()
    assert not (manager.home / "active-response/bin/wazuh-pack-block-ip").exists()
    assert not (manager.home / RECORD).exists()
    assert content_of(manager.home / "etc/rules") == before
    assert manager.calls[-1] == "wazuh-control restart"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [("n\n", _exit.ERROR, "nothing was changed"), ("", _exit.USAGE, "say --yes to go on unasked")],
)
def test_without_a_yes_nothing_is_changed(manager, monkeypatch, capsys, answer, code, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert main(["install"]) == code
    assert said in capsys.readouterr().err
    assert not (manager.home / RECORD).exists()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    "moment", ["prove._Prover._test", "prove.check_canaries", "service.Service.activate"]
)
def test_killed_while_wazuh_is_asked_it_is_repaired_by_the_next_run(
    manager, monkeypatch, content_of, capsys, moment
):
    """Also while ``wazuh-analysisd -t``, logtest or the restart is under way."""
    manager.start()
    before = content_of(manager.home / "etc")
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            f"wazuh_pack.install.{moment}", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        )
        main(["install", "--yes"])
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert content_of(manager.home / "etc") != before

    assert main(["uninstall", "--yes"]) == _exit.USAGE
    assert "repaired an interrupted run was undone" in capsys.readouterr().err
    assert content_of(manager.home / "etc") == before
    assert main(["install", "--yes"]) == _exit.OK


def test_a_cancelled_job_leaves_the_old_state(manager, monkeypatch, content_of, capsys):
    manager.start()
    before = content_of(manager.home / "etc")

    def cancel(*_):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("wazuh_pack.install.prove.check_canaries", cancel)
    assert main(["install", "--yes"]) == _exit.ERROR
    assert "interrupted" in capsys.readouterr().err
    assert content_of(manager.home / "etc") == before


def test_a_second_installation_finds_the_same_whatever_the_order_of_the_flags(manager, capsys):
    manager.start()
    wanted = ["--collect", "gitlab-audit", "--collect", "app-security"]
    assert main(["install", "--yes", *wanted]) == _exit.OK
    capsys.readouterr()
    assert main(["plan"]) == _exit.OK
    assert capsys.readouterr().out == "nothing to do\n"


def test_a_failed_proof_leaves_the_old_state_and_exits_with_an_error(manager, content_of, capsys):
    manager.start()
    manager.script(
        "wazuh-analysisd",
        when="etc/rules/9100-wazuh-pack-github-audit.xml",
        say="2026/11/22 01:00:00 wazuh-analysisd: WARNING: (7612): Rule ID '110001' is duplicated."
        " Only the first occurrence will be considered.\n",
    )
    before = content_of(manager.home / "etc")
    assert main(["install", "--yes"]) == _exit.ERROR
    assert "(7612): Rule ID '110001' is duplicated" in capsys.readouterr().err
    assert content_of(manager.home / "etc") == before


def test_all_conflicts_of_rule_ids_are_listed_and_a_free_base_is_named(manager, capsys):
    path = user_rules(
        manager,
        '<rule id="110001" level="3"><description>a</description></rule>\n'
        '<rule id="100100" level="3"><description>b</description></rule>\n'
        '<rule id="110003" level="3"><description>c</description></rule>',
    )
    assert main(["plan"]) == _exit.CONTENT
    err = capsys.readouterr().err
    assert f"{path}:2: error: rule 110001 is defined here" in err
    assert f"{path}:4: error: rule 110003 is defined here" in err
    assert "rule 100100" not in err
    assert "--id-base 120000" in err
    assert main(["install", "--yes"]) == _exit.CONTENT
    assert not (manager.home / RECORD).exists()


def test_a_conflict_in_another_rule_folder_is_found(manager, capsys):
    (manager.home / "etc/team").mkdir()
    path = manager.home / "etc/team/x.xml"
    path.write_text(
        '<group name="x,"><rule id="110001" level="3"><description>a</description></rule></group>'
    )
    conf = manager.home / "etc/ossec.conf"
    conf.write_text(
        conf.read_text().replace("</ruleset>", "<rule_dir>etc/team</rule_dir></ruleset>")
    )
    assert main(["plan"]) == _exit.CONTENT
    assert f"{path}:1: error: rule 110001 is defined here" in capsys.readouterr().err


def test_an_overwriting_rule_of_the_user_is_no_conflict(manager, capsys):
    user_rules(
        manager,
        '<rule id="110001" level="9" overwrite="yes"><description>a</description></rule>',
    )
    assert main(["plan"]) == _exit.OK
    assert "is defined here" not in capsys.readouterr().err


def test_another_base_moves_rules_and_responses_alike_and_is_remembered(manager, record, capsys):
    manager.start()
    user_rules(manager, '<rule id="110001" level="3"><description>a</description></rule>')
    assert main(["install", "--yes", "--id-base", "130000"]) == _exit.OK
    assert "logtest answered 12 events" in capsys.readouterr().err
    xml = "".join(path.read_text() for path in (manager.home / "etc/rules").glob("9*.xml"))
    conf = (manager.home / "etc/ossec.conf").read_text()
    ours = [line for line in (xml + conf).splitlines() if "11000" in line or "1123" in line]
    assert '<rule id="130001"' in xml
    assert ours == []
    template = (manager.home / "etc/wazuh-pack/revoke.ini").read_text()
    assert "#rules = 130611 130612" in template
    assert "110611" not in template
    assert record()["options"]["id_base"] == "130000"
    assert main(["install", "--yes"]) == _exit.OK
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize("base", ["1", "110001", "999000"])
@pytest.mark.usefixtures("manager")
def test_a_base_that_cannot_be_is_refused(base, capsys):
    assert main(["plan", "--id-base", base]) == _exit.USAGE
    assert "cannot be the first rule id" in capsys.readouterr().err


def test_a_rules_file_that_wazuh_cannot_read_is_named(manager, capsys):
    path = manager.home / "etc/rules/local_rules.xml"
    path.write_text('<group name="x,">\n<rule id="1">\n</group>\n')
    assert main(["plan"]) == _exit.CONTENT
    assert f"{path}:3" in capsys.readouterr().err


def test_an_exclusion_of_one_of_our_files_is_named(manager, capsys):
    conf = manager.home / "etc/ossec.conf"
    conf.write_text(
        conf.read_text().replace(
            "</ruleset>",
            "<rule_exclude>9600-wazuh-pack-security-scan.xml</rule_exclude>\n"
            "<rule_exclude>0215-policy_rules.xml</rule_exclude>\n"
            "<decoder_exclude>etc/decoders/9200-wazuh-pack-jenkins-audit_decoders.xml"
            "</decoder_exclude></ruleset>",
        )
    )
    assert main(["plan"]) == _exit.CONTENT
    err = capsys.readouterr().err
    assert "<rule_exclude> keeps 9600-wazuh-pack-security-scan.xml from being loaded" in err
    assert "<decoder_exclude> keeps 9200-wazuh-pack-jenkins-audit_decoders.xml" in err
    assert "0215" not in err


def test_a_full_disk_is_noticed_first(manager, monkeypatch, capsys):
    info = os.statvfs(manager.home)
    full = os.statvfs_result((*info[:3], 10, 10, *info[5:]))
    monkeypatch.setattr("wazuh_pack.install.preflight.os.statvfs", lambda _: full)
    assert main(["install", "--yes"]) == _exit.CONTENT
    assert "KiB are needed" in capsys.readouterr().err


def test_a_folder_without_write_access_is_noticed_first(manager, monkeypatch, capsys):
    monkeypatch.setattr(
        "wazuh_pack.install.preflight.os.access", lambda path, _: path.name != "decoders"
    )
    assert main(["install", "--yes"]) == _exit.CONTENT
    assert f"{manager.home}/etc/decoders: error: this folder cannot" in capsys.readouterr().err


def test_a_worker_gets_scripts_and_ossec_conf_only(manager, capsys):
    conf = manager.home / "etc/ossec.conf"
    conf.write_text(
        conf.read_text()
        + "<ossec_config><cluster><node_type>worker</node_type><disabled>no</disabled></cluster>"
        "</ossec_config>"
    )
    manager.start()
    assert main(["plan"]) == _exit.CONTENT
    assert "etc/lists/wazuh-pack-k8s-secret-readers has not arrived" in capsys.readouterr().err
    for name in ("exec-identities", "secret-readers"):
        (manager.home / f"etc/lists/wazuh-pack-k8s-{name}").write_text("a:\n")
    assert main(["install", "--yes"]) == _exit.OK
    assert "a cluster's worker" in capsys.readouterr().err
    assert list((manager.home / "etc/rules").iterdir()) == []
    assert (manager.home / "active-response/bin/wazuh-pack-block-ip").exists()
    assert "<executable>wazuh-pack-block-ip</executable>" in conf.read_text()


def test_a_master_is_told_what_its_workers_need(manager, capsys):
    conf = manager.home / "etc/ossec.conf"
    conf.write_text(
        conf.read_text()
        + "<ossec_config><cluster><node_type>master</node_type></cluster></ossec_config>"
    )
    assert main(["plan"]) == _exit.OK
    assert "install with the same choices on every worker" in capsys.readouterr().err


def test_some_sources_bring_what_they_need_and_nothing_else(manager, record, capsys):
    assert main(["install", "--yes", "--source", "jenkins-audit"]) == _exit.OK
    files = {path.name for path in (manager.home / "etc/rules").iterdir()}
    assert "9200-wazuh-pack-jenkins-audit.xml" in files
    assert "9900-wazuh-pack-response.xml" in files
    assert "9600-wazuh-pack-security-scan.xml" in files
    assert "9100-wazuh-pack-github-audit.xml" not in files
    assert record()["options"]["sources"] == ["jenkins-audit"]
    assert "also installed, because others need it: " in capsys.readouterr().err


def test_without_responses_and_wodles_their_sources_are_not_needed(manager):
    args = ["install", "--yes", "--source", "app-security", "--no-responses", "--no-wodles"]
    assert main(args) == _exit.OK
    files = {path.name for path in (manager.home / "etc/rules").iterdir()}
    assert files == {"9500-wazuh-pack-app-security.xml"}
    assert list((manager.home / "active-response/bin").iterdir()) == []


def test_choices_come_from_a_file_and_are_remembered(manager, record, tmp_path):
    config = tmp_path / "wazuh-pack.yml"
    config.write_text(
        "sources: [app-security, security-scan]\n"
        "collect:\n"
        "  app-security: {path: /srv/app/security.json}\n"
        "responses: false\n"
        "wodles: [wazuh-pack-trivy]\n"
    )
    assert main(["install", "--yes", "--config", str(config)]) == _exit.OK
    conf = (manager.home / "etc/ossec.conf").read_text()
    assert "<location>/srv/app/security.json</location>" in conf
    assert record()["options"] == {
        "collect": ["app-security"],
        "collect.app-security.path": "/srv/app/security.json",
        "responses": [],
        "sources": ["app-security", "security-scan"],
        "wodles": ["wazuh-pack-trivy"],
    }
    main(["install", "--yes", "--set", "app-security.path=/srv/b.json"])
    assert "<location>/srv/b.json</location>" in (manager.home / "etc/ossec.conf").read_text()
    assert record()["options"]["sources"] == ["app-security", "security-scan"]
    main(["install", "--yes", "--reset"])
    assert record()["options"] == {"collect": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: [x]\n", "unknown key 'source'"),
        ("collect: [x]\n", "expected a mapping"),
        ("id_base: x\n", "expected a whole number"),
    ],
)
@pytest.mark.usefixtures("manager")
def test_a_malformed_file_of_choices_is_refused_with_its_place(tmp_path, capsys, text, said):
    config = tmp_path / "wazuh-pack.yml"
    config.write_text(text)
    assert main(["plan", "--config", str(config)]) == _exit.CONTENT
    err = capsys.readouterr().err
    assert f"{config}:1:" in err
    assert said in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--source", "nope"], "no source 'nope'"),
        (["--set", "app-security.nope=1"], "app-security has no parameter 'nope'"),
        (["--set", "app-security.path=<a>"], "cannot stand in ossec.conf"),
        (["--set", "app-security.path=a\nb"], "cannot stand in ossec.conf"),
        (["--set", "path=1"], "is not SOURCE.NAME=VALUE"),
        (["--set", "github-audit.api_token=gh_x"], "github-audit has no parameter 'api_token'"),
    ],
)
@pytest.mark.usefixtures("manager")
def test_a_choice_that_cannot_be_is_refused(capsys, args, said):
    assert main(["plan", *args]) == _exit.USAGE
    assert said in capsys.readouterr().err


def test_a_secret_goes_from_its_file_into_ossec_conf_and_nowhere_else(manager, tmp_path, capsys):
    secret = tmp_path / "token"
    secret.write_text("ghp_Secret123\n")
    secret.chmod(0o600)
    args = ["--collect", "github-audit", "--set", f"github-audit.token_file={secret}"]
    assert main(["install", "--yes", *args]) == _exit.OK
    out, err = capsys.readouterr()
    holders = [
        str(path.relative_to(manager.home))
        for path in manager.home.rglob("*")
        if path.is_file() and b"ghp_Secret123" in path.read_bytes()
    ]
    assert holders == ["etc/ossec.conf"]
    assert "ghp_Secret123" not in out + err
    assert "<api_token>***" in out


@pytest.mark.parametrize(
    ("mode", "text", "said"),
    [
        (0o644, "ghp_Secret123", "others can read or change it"),
        (0o600, "ghp_Secret<123", "holds no secret"),
        (0o600, "", "holds no secret"),
        (0o600, "ghp_Secret\n123", "holds no secret"),
        (0o600, "ghp_Secret" * 1000, "too long"),
    ],
)
@pytest.mark.usefixtures("manager")
def test_a_secret_that_is_open_or_none_is_refused(tmp_path, capsys, mode, text, said):
    secret = tmp_path / "token"
    secret.write_text(text)
    secret.chmod(mode)
    args = ["--collect", "github-audit", "--set", f"github-audit.token_file={secret}"]
    assert main(["install", "--yes", *args]) == _exit.ERROR
    err = capsys.readouterr().err
    assert said in err
    assert "ghp_Secret" not in err


@pytest.mark.usefixtures("manager")
def test_a_missing_or_linked_secret_is_refused(tmp_path, capsys):
    assert main(["plan", "--collect", "github-audit"]) == _exit.ERROR
    assert "github-audit.token_file" in capsys.readouterr().err
    link = tmp_path / "link"
    link.symlink_to("/etc/hostname")
    args = ["--collect", "github-audit", "--set", f"github-audit.token_file={link}"]
    assert main(["plan", *args]) == _exit.ERROR
    assert "cannot read" in capsys.readouterr().err


def test_a_secret_is_not_written_into_a_file_that_everybody_reads(manager, tmp_path, capsys):
    secret = tmp_path / "token"
    secret.write_text("ghp_Secret123")
    secret.chmod(0o600)
    (manager.home / "etc/ossec.conf").chmod(0o644)
    args = ["--collect", "github-audit", "--set", f"github-audit.token_file={secret}"]
    assert main(["plan", *args]) == _exit.CONTENT
    assert "everybody on this machine can read this file (mode 0644)" in capsys.readouterr().err


def test_a_repair_restarts_what_may_run_the_undone_state(manager, monkeypatch, capsys):
    manager.start()
    monkeypatch.setattr("wazuh_pack.install.recover", lambda _: ("an interrupted run was undone",))
    main(["install", "--yes"])
    assert "repaired an interrupted run was undone" in capsys.readouterr().err
    assert manager.calls[0] == "wazuh-control restart"


def test_diff_tells_what_changed_by_its_exit_code(manager, capsys):
    assert main(["diff"]) == _exit.ERROR
    main(["install", "--yes"])
    capsys.readouterr()
    assert main(["diff"]) == _exit.OK
    assert capsys.readouterr().out == "nothing has changed since the installation\n"
    (manager.home / "etc/rules/9600-wazuh-pack-security-scan.xml").write_text("<group/>")
    (manager.home / "active-response/bin/wazuh-pack-block-ip").chmod(0o777)
    assert main(["diff"]) == _exit.DRIFT
    out = capsys.readouterr().out
    assert "etc/rules/9600-wazuh-pack-security-scan.xml: content changed" in out
    assert "active-response/bin/wazuh-pack-block-ip: mode or owner changed (0777" in out


def test_diff_expects_what_the_user_may_change(manager, capsys):
    main(["install", "--yes"])
    (manager.home / "etc/wazuh-pack/respond.ini").write_text("[block-ip]\nmode = enforce\n")
    capsys.readouterr()
    assert main(["diff", "--format", "json"]) == _exit.OK
    data = json.loads(capsys.readouterr().out)
    assert data["drift"] == [
        {
            "path": "etc/wazuh-pack/respond.ini",
            "change": "content changed",
            "detail": "",
            "expected": True,
        }
    ]


@pytest.fixture
def examined(manager, installed, capsys):
    """Return a function that gives doctor's exit code and verdicts by check, of a sound start."""
    for name in PLACES:
        shutil.copytree(installed / name, manager.home / name, dirs_exist_ok=True)
    manager.start()

    def examine(*args):
        code = main(["doctor", "--format", "json", *args])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return code, {check["check"]: check for check in checks}

    return examine


def test_a_fresh_installation_is_healthy(examined):
    code, checks = examined()
    assert code == _exit.OK
    bad = {name for name, check in checks.items() if check["verdict"] == "failure"}
    assert bad == set()
    assert checks["detections"]["details"] == ["logtest answered 12 events with our rules"]
    assert checks["responses"]["details"][0] == "block-ip: dry-run"
    assert "fit Python 3" in checks["scripts"]["details"][0]
    assert checks["configuration"]["verdict"] == "ok"


def test_doctor_without_running_anything_asks_nobody(manager, examined):
    calls, asked = manager.calls, list(manager.asked)
    code, checks = examined("--no-live")
    assert code == _exit.OK
    assert "detections" not in checks
    assert (manager.calls, manager.asked) == (calls, asked)


def test_a_configuration_that_is_newer_than_what_runs_is_told(manager, examined):
    conf = manager.home / "etc/ossec.conf"
    later = manager.pid_file.stat().st_mtime + 5
    os.utime(conf, (later, later))

    code, checks = examined()

    assert code == _exit.OK
    assert checks["running"]["verdict"] == "warning"
    assert checks["running"]["details"] == ["analysisd was started before ossec.conf changed"]


def test_doctor_of_nothing_says_so(manager, capsys):
    assert main(["doctor"]) == _exit.ERROR
    assert f"wazuh-pack is not installed in {manager.home}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hurt", "check", "verdict", "said"),
    [
        (
            lambda home: (home / "etc/rules/9600-wazuh-pack-security-scan.xml").write_text(""),
            "files",
            "failure",
            "9600-wazuh-pack-security-scan.xml: content changed",
        ),
        (
            lambda home: (home / "active-response/bin/wazuh-pack-block-ip").write_text("#!/bin/sh"),
            "scripts",
            "failure",
            "wazuh-pack-block-ip: zipfile.BadZipFile",
        ),
        (
            lambda home: (home / "active-response/bin").chmod(0o770),
            "folders",
            "warning",
            "active-response/bin: others than root may replace scripts",
        ),
        (
            lambda home: (home / "etc/wazuh-pack/respond.stop").touch(),
            "responses",
            "warning",
            "respond.stop is there",
        ),
        (
            lambda home: (home / "etc/wazuh-pack/respond.ini").write_text("mode = enforce"),
            "responses",
            "failure",
            "malformed",
        ),
        (
            lambda home: next((home / "var/run").glob("wazuh-analysisd-*.pid")).unlink(),
            "running",
            "warning",
            "analysisd does not run",
        ),
        (
            lambda home: (home / "etc/rules/local_rules.xml").write_text(
                '<group name="l,"><rule id="110001" level="3"><description>x</description></rule>'
                "</group>"
            ),
            "ruleset",
            "failure",
            "local_rules.xml:1: defines rule 110001 too",
        ),
        (
            lambda home: (home / "logs/ossec.log").write_text(
                "2001/01/01 00:00:00 wazuh-analysisd: WARNING: (7612): Rule ID '110002' is"
                " duplicated.\n"
                "2099/01/01 00:00:00 wazuh-execd: ERROR: (1312): Active response command not"
                " present: 'active-response/bin/wazuh-pack-block-ip'. Not using it.\n"
                "2099/01/01 00:00:00 wazuh-analysisd: WARNING: (7612): Rule ID '5710' is"
                " duplicated.\n"
            ),
            "log",
            "warning",
            "2099/01/01 00:00:00 wazuh-execd: (1312)",
        ),
        (
            lambda home: (home / "logs/ossec.json").write_text(
                '{"timestamp":"2099/01/01 00:00:00","tag":"wazuh-analysisd","level":"warning",'
                '"description":"(7612): Rule ID \'110001\' is duplicated."}\nnonsense\n'
            ),
            "log",
            "warning",
            "wazuh-analysisd: (7612)",
        ),
    ],
)
def test_what_is_wrong_is_found(manager, examined, hurt, check, verdict, said):
    hurt(manager.home)
    code, checks = examined()
    assert checks[check]["verdict"] == verdict
    assert said in "\n".join(checks[check]["details"])
    assert code == (_exit.UNHEALTHY if verdict == "failure" else _exit.OK)


def test_the_daemons_verdict_and_logtests_are_told(manager, examined):
    manager.script(
        "wazuh-modulesd",
        say="2026/11/22 01:00:00 wazuh-modulesd: ERROR: (1230): Invalid element.\n",
        code=1,
    )
    code, checks = examined()
    assert code == _exit.UNHEALTHY
    assert "wazuh-modulesd -t failed (1)" in checks["configuration"]["details"][0]


def test_doctor_prints_a_line_a_check_and_what_to_do(manager, capsys):
    main(["install", "--yes"])
    (manager.home / "active-response/bin/wazuh-pack-block-ip").chmod(0o777)
    capsys.readouterr()
    assert main(["doctor"]) == _exit.UNHEALTHY
    out = capsys.readouterr().out
    assert "FAIL  files         active-response/bin/wazuh-pack-block-ip: mode or owner" in out
    assert "hint: wazuh-pack install puts them back" in out
    assert "ok    pack          " in out


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_root_gives_every_file_its_owner_and_needs_nothing_a_second_time(monkeypatch, capsys):
    monkeypatch.setattr("wazuh_pack.install.target._wazuh_ids", lambda _: (64998, 64997))
    monkeypatch.setattr("wazuh_pack.install.service._unit", lambda _: "")
    with standin() as made:
        made.start()
        home = ["--home", str(made.home)]
        assert main(["install", "--yes", *home]) == _exit.OK
        owners = {
            name: (made.home / name).stat()[4:6]
            for name in (
                "etc/rules/9600-wazuh-pack-security-scan.xml",
                "active-response/bin/wazuh-pack-block-ip",
                "wodles/wazuh-pack-trivy",
                RECORD,
            )
        }
        assert list(owners.values()) == [(64998, 64997), *[(0, 64997)] * 3]
        assert main(["diff", *home]) == _exit.OK
        capsys.readouterr()
        assert main(["install", "--yes", *home]) == _exit.OK
        assert "nothing to do" in capsys.readouterr().out
        assert main(["uninstall", "--yes", *home]) == _exit.OK
        assert not (made.home / RECORD).exists()
