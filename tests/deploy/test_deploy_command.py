"""``wazuh-pack deploy`` with the whole pack."""

import json
import re
import signal
import stat
from pathlib import Path

import pytest
from fake import CONF, PASSWORD, USER, Fault
from lxml import etree

from wazuh_pack import resources
from wazuh_pack.cli import _exit, _load, main
from wazuh_pack.engine.ruleset import Ruleset

LOADED = _load.catalog()
BUILT = _load.build(LOADED)
LISTS = b"".join(
    b"<list>etc/lists/%s</list>\n" % name.encode() for name, _ in _load.pack_lists(LOADED)
)


@pytest.fixture
def engine(tmp_path):
    """Open a session of our engine on a manager's files, as its logtest would."""

    def open_session(files):
        home = tmp_path / "home"
        for name, content in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(content)
        ruleset = Ruleset.load(
            rules=[resources.stock() / "rules", home / "etc/rules"],
            decoders=[resources.stock() / "decoders", home / "etc/decoders"],
            lists={name: home / name for name in files if name.startswith("etc/lists/")},
        )
        session = ruleset.session()
        return lambda line, location: session.process(line, location=location).rule_id

    return open_session


@pytest.fixture
def deploy(site, monkeypatch, engine):
    """Run the command against the site, whose ossec.conf loads the pack's lists."""
    site.fake.open_session = engine
    monkeypatch.setattr(_load, "catalog", lambda: LOADED)
    monkeypatch.setattr(_load, "build", lambda _: BUILT)
    monkeypatch.setenv("WAZUH_API_USER", USER)
    monkeypatch.setenv("WAZUH_API_PASSWORD", PASSWORD)
    site.fake.master.conf = CONF.replace(b"  <ruleset>\n", b"  <ruleset>\n" + LISTS)
    return lambda *options: main(["deploy", "--api", site.url, "--ca", str(site.ca), *options])


def test_a_plan_of_the_whole_pack_changes_nothing(site, deploy, capsys):
    assert deploy("--plan") == _exit.OK

    out = capsys.readouterr().out
    assert "  create  etc/rules/9100-wazuh-pack-github-audit.xml  (" in out
    assert "not over the API: scripts (active-response/bin, wodles)" in out
    assert re.search(r"^\d+ changes, then reload$", out, re.MULTILINE)
    assert site.fake.master.files == {}


def test_the_whole_pack_is_deployed_and_then_there_is_nothing_to_do(site, deploy, capsys):
    assert deploy("--yes") == _exit.OK
    assert "and loaded by every node" in capsys.readouterr().out
    assert site.fake.master.loaded == site.fake.master.files
    assert site.fake.requests.count("PUT /logtest") == len(LOADED.sources)
    rules = [path for path in site.fake.master.files if path.startswith("etc/rules/")]
    assert len(rules) == len({rule.source for rule in BUILT.rules})

    assert deploy("--yes") == _exit.OK
    assert capsys.readouterr().out.endswith("nothing to change\n")


def test_a_decoder_of_the_sites_that_takes_our_events_is_found_before_rules_are_loaded(
    site, deploy, capsys
):
    thief = b'<decoder name="thief">\n  <prematch>^{</prematch>\n</decoder>\n'
    site.fake.master.files = {"etc/decoders/0000-thief.xml": thief}

    assert deploy("--yes") == _exit.ERROR

    err = capsys.readouterr().err
    assert re.search(r"github-audit: its event fires no rule, not 110\d+", err)
    assert "test 1" in err
    assert "rolled back, read again and found as before: " in err
    assert site.fake.master.files == {"etc/decoders/0000-thief.xml": thief}


def test_without_the_lists_in_ossec_conf_nothing_is_changed(site, deploy, capsys):
    site.fake.master.conf = CONF

    assert deploy("--yes") == _exit.CONTENT
    assert deploy("--plan") == _exit.CONTENT
    assert deploy("--plan", "--format", "json") == _exit.CONTENT

    assert "[WP661]" in capsys.readouterr().err
    assert site.fake.master.files == {}


def test_conf_brings_lists_collection_and_responses(site, deploy, capsys):
    site.fake.master.conf = CONF

    assert deploy("--yes", "--conf", "--collect", "app-security", "--responses") == _exit.OK

    conf = site.fake.master.conf
    assert b"/var/log/app/security.json" in conf
    assert b"<executable>wazuh-pack-block-ip</executable>" in conf
    assert b'<wodle name="command">' not in conf
    assert LISTS.splitlines()[0] in conf
    assert site.fake.restarts == {"manager": 1}
    assert "ossec.conf was left alone" not in capsys.readouterr().out


def test_machines_get_the_plan_and_the_outcome_as_json(deploy, capsys):
    assert deploy("--yes", "--format", "json") == _exit.OK

    plan, outcome = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert plan["action"] == "deploy"
    assert {step["verb"] for step in plan["steps"]} == {"create"}
    assert outcome["status"] == "deployed"
    assert len(outcome["changes"]) == len(plan["steps"])


def test_a_rollback_is_an_error_and_says_why(site, deploy, capsys):
    complaint = "(7617): Signature ID '5' was not found and will be ignored in the 'if_sid' option"
    site.fake.warn = lambda node: [f"{complaint} of rule '110000'."] if node.files else []
    site.fake.master.files = {}

    code = deploy("--yes", "--format", "json")

    captured = capsys.readouterr()
    outcome = json.loads(captured.out.splitlines()[1])
    assert code == _exit.ERROR
    assert outcome["status"] == "rolled-back"
    assert "rule '110000'" in captured.err
    assert "rolled back, read again and found as before: " in captured.err
    assert site.fake.master.files == {}


def test_what_could_not_be_restored_is_kept_for_its_owner_only(
    site, deploy, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    former = b'<group name="x,">\n</group>\n'
    path = "etc/rules/9100-wazuh-pack-github-audit.xml"
    site.fake.master.files = {path: former}
    site.fake.invalid = {"manager"}
    site.fake.faults = [Fault("DELETE", 403, times=999)]

    assert deploy("--yes") == _exit.ERROR

    folder = Path(capsys.readouterr().err.rstrip().rpartition(" ")[2])
    assert (folder / path).read_bytes() == former
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert site.fake.master.files[path] == former


def test_sigterm_puts_everything_back(site, deploy, capsys, monkeypatch):
    def terminate(_):
        monkeypatch.setattr("wazuh_pack.deploy.watch.Watch.validate", lambda _: None)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("wazuh_pack.deploy.watch.Watch.validate", terminate)
    before = signal.getsignal(signal.SIGTERM)

    assert deploy("--yes") == _exit.ERROR

    assert "interrupted" in capsys.readouterr().err
    assert site.fake.master.files == {}
    assert signal.getsignal(signal.SIGTERM) is before


def test_options_about_ossec_conf_need_conf(deploy, capsys):
    assert deploy("--responses") == _exit.USAGE
    assert "add --conf" in capsys.readouterr().err


def test_credentials_may_come_from_a_file_only(site, deploy, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("WAZUH_API_PASSWORD")
    assert deploy("--plan") == _exit.ERROR
    assert "no WAZUH_API_PASSWORD" in capsys.readouterr().err

    path = tmp_path / "api.env"
    path.write_text(f"WAZUH_API_USER={USER}\nWAZUH_API_PASSWORD={PASSWORD}\n")
    path.chmod(0o600)
    assert deploy("--plan", "--credentials", str(path)) == _exit.OK
    assert site.fake.logins == 1


def test_no_value_of_ours_is_one_that_the_api_rewrites():
    """An upload gets a quote before a text that begins like a formula and holds quotes."""
    for name, content in BUILT.files.items():
        root = etree.fromstring(b"<root>" + content + b"</root>")
        texts = [node.text or "" for node in root.iter()]
        wrong = [t for t in texts if t.startswith(("=", "+", "-", "@")) and ("'" in t or '"' in t)]
        assert wrong == [], name


def test_a_file_of_choices_says_which_sources_and_which_ids(site, deploy, tmp_path):
    config = tmp_path / "wazuh-pack.yml"
    config.write_text("sources: [jenkins-audit]\nresponses: false\nid_base: 130000\n")

    assert deploy("--yes", "--config", str(config)) == _exit.OK

    files = site.fake.master.files
    assert set(files) == {
        "etc/rules/9200-wazuh-pack-jenkins-audit.xml",
        "etc/decoders/9200-wazuh-pack-jenkins-audit_decoders.xml",
    }
    numbers = {int(n) for n in re.findall(rb'<rule id="(\d+)"', b"".join(files.values()))}
    assert {130000 <= number < 140000 for number in numbers} == {True}
