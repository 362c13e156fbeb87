"""From a response's log line to its alert, and no further: no answer leads to another."""

import functools
from pathlib import Path

import pytest

from wazuh_pack import render, resources, source, xmlio
from wazuh_pack.agentkit.jsonlog import format_line
from wazuh_pack.agentkit.protocol import Request
from wazuh_pack.respond import decision as words
from wazuh_pack.respond.decision import Decision
from wazuh_pack.source import ids
from wazuh_pack.source.scripts import response_scripts
from wazuh_pack.verify import execd as model
from wazuh_pack.verify.rulesets import load_pack

LOG = "/var/ossec/logs/active-responses.log"
NO_OUTCOMES = {"RESPONSE", "TYPE_CHECKING"}
OUTCOMES = sorted(vars(words)[k] for k in vars(words) if k.isupper() and k not in NO_OUTCOMES)
HOSTILE = ['1.2.3.4", "srcip":"1.2.3.4', '"data":{"srcip":"203.0.113.9"}', "srcip: 1.2.3.4"]


@functools.cache
def catalog():
    found, problems = source.load(resources.content())
    assert problems == ()
    return found


@functools.cache
def ruleset(stock=None):
    lists = {name: path for item in catalog().sources for name, path in item.lists}
    return load_pack(resources.tree(), stock=stock, lists=lists)


@pytest.fixture
def conf(tmp_path):
    """An ossec.conf with everything that the pack answers with."""
    scripts = [
        render.ossecconf.Script(s.action, s.executable, s.location)
        for s in response_scripts(resources.tree())
    ]
    numbers = ids.read(resources.content() / "ids.lock").ids()
    rows = render.ossecconf.response_rows(catalog(), numbers, scripts)
    path = tmp_path / "ossec.conf"
    text = render.ossecconf.fragment(responses=rows)
    path.write_text(f"<ossec_config>\n{text}</ossec_config>\n")
    return path


def alert_of(line, stock=None):
    result = ruleset(stock).session().process(line, location=LOG)
    assert result.alert, line
    return result.as_alert()


def line(outcome, **fields):
    request = Request(action="add", alert={}, rule_id="110001", alert_id="1.2", agent_id="004")
    decision = Decision(outcome, request=request, mode="enforce", target="203.0.113.9", **fields)
    decision.timeout, decision.until, decision.offences = 3600, 1_800_000_000.0, 1
    decision.would = "blocked" if outcome == "dry_run" else ""
    text = format_line("wazuh-pack-block-ip", decision.command, decision.fields(), 1_700_000_000.0)
    return text.rstrip(b"\n")


def test_the_packs_responses_are_bound_to_rules_by_number_alone(conf):
    """A level or a group would take in rules that are not ours, and those of later versions."""
    (root,) = xmlio.read_file(conf)
    uses = [node for node in root.children if node.name == "active-response"]

    assert uses
    assert {child.name for node in uses for child in node.children} == {
        *("command", "location", "rules_id"),
    }


def starts_nothing(alert, conf):
    assert "active_response" in alert["rule"]["groups"]
    assert list(model.triggered(model.configured(conf), alert["rule"]["id"])) == []
    assert "srcip" not in alert.get("data", {})


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_outcome_starts_a_response(conf, outcome):
    starts_nothing(alert_of(line(outcome)), conf)


@pytest.mark.parametrize("reason", HOSTILE)
def test_text_of_an_attacker_in_a_reason_makes_no_address(conf, reason):
    starts_nothing(alert_of(line("refused_invalid", reason=reason)), conf)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_real_ruleset_sees_it_so_too(conf, outcome, shared):
    starts_nothing(alert_of(line(outcome), shared / "wazuh-4.14.7/ruleset"), conf)


def test_the_scripts_own_line_starts_nothing(conf, execd):
    execd.respond("203.0.113.9")
    execd.respond('203.0.113.9"},"srcip":"203.0.113.9')
    lines = Path(execd.manager.log).read_bytes().splitlines()

    assert len(lines) == 2
    for text in lines:
        starts_nothing(alert_of(text), conf)
