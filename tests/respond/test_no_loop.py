"""From a response's log line to its alert, and no further: no answer leads to another."""

import functools
from pathlib import Path

import pytest

from wazuh_pack import resources, source, xmlio
from wazuh_pack.agentkit.jsonlog import format_line
from wazuh_pack.agentkit.protocol import Request
from wazuh_pack.render.ossecconf import fragment
from wazuh_pack.render.responses import Script, rows
from wazuh_pack.respond import decision as words
from wazuh_pack.respond.decision import Decision
from wazuh_pack.source import ids
from wazuh_pack.source.scripts import response_scripts
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


@pytest.fixture(params=["execd", "integratord"])
def conf(request, tmp_path):
    """An ossec.conf with everything that the pack answers with, in both ways to start it."""
    scripts = [
        Script(
            *(s.action, s.executable, s.location),
            integration=s.integration if request.param == "integratord" else "",
        )
        for s in response_scripts(resources.tree())
    ]
    numbers = ids.read(resources.content() / "ids.lock").ids()
    responses, integrations = rows(catalog(), numbers, scripts)
    path = tmp_path / "ossec.conf"
    text = fragment(responses=responses, integrations=integrations)
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


def elements(conf, kind):
    """Return what stands in each element of a kind, as name -> text."""
    (root,) = xmlio.read_file(conf)
    return [
        {child.name: child.content.decode().strip() for child in node.children}
        for node in root.children
        if node.name == kind
    ]


def test_the_packs_responses_are_bound_to_rules_by_number_alone(conf):
    """A level or a group would take in rules that are not ours, and those of later versions."""
    uses, integrations = elements(conf, "active-response"), elements(conf, "integration")

    assert uses
    assert {name for use in uses for name in use} == {"command", "location", "rules_id"}
    assert not any({"level", "group"} & use.keys() for use in integrations)
    assert all(use["rule_id"] for use in integrations)


def starts_nothing(alert, conf):
    rule = alert["rule"]["id"]
    asked = [use["rules_id"] for use in elements(conf, "active-response")]
    asked += [use["rule_id"] for use in elements(conf, "integration")]
    assert "active_response" in alert["rule"]["groups"]
    assert not any(rule in numbers.split(",") for numbers in asked)
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
