"""Every line that the script writes has a rule of its own, and starts nothing."""

import pytest
from revoke_world import github_token

from wazuh_pack import resources, source
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.revoke import audit
from wazuh_pack.source import ids

LOG = "/var/ossec/logs/active-responses.log"
NUMBERS = ids.read(resources.content() / "ids.lock").ids()
NAMES = {number: key.partition("/")[0] for key, number in NUMBERS.items()}
INI = """
[github]
actions = token workflow
organisation = acme
[when-leak]
rules = 110512
field = data.secret
[when-workflow]
rules = 110513
action = github.workflow
field = data.id
from = repository=data.repo
[when-other]
rules = 110514
action = github.runner
field = data.id
"""
SECRET = github_token(99)
WORKFLOW = {"rule": "110513", "data": {"id": "7", "repo": "acme/shop"}}
ALIVE = (200, {}, {"login": "x"})
ACTIVE, DISABLED = (200, {}, {"state": "active"}), (200, {}, {"state": "disabled_manually"})
EXPECTED = {
    audit.ACCEPTED: "revoke-token-accepted",
    audit.REVOKED: "revoke-token-revoked",
    audit.ALREADY: "revoke-token-already-revoked",
    audit.NOT_FOUND: "revoke-token-not-found",
    audit.RESTORED: "revoke-token-restored",
    audit.DRY_RUN: "revoke-token-dry-run",
    audit.RETRYING: "revoke-token-retrying",
    audit.UNVERIFIED: "revoke-token-unverified",
    audit.FAILED: "revoke-token-failed",
    audit.NO_TARGET: "revoke-token-no-target",
    audit.NOT_ENABLED: "revoke-token-not-enabled",
    audit.REFUSED_ALLOWLIST: "revoke-token-refused-protected",
    audit.REFUSED_INVALID: "revoke-token-refused-invalid",
    audit.REFUSED_RATE_LIMIT: "revoke-token-refused-rate-limit",
    audit.REFUSED_STOPPED: "revoke-token-refused-stopped",
    audit.DUPLICATE: None,
}


@pytest.fixture(scope="session")
def fired():
    """Return a function that gives the detection and the alert of one line of the log."""
    content, tree = resources.content(), resources.tree()
    catalog = source.load(content)[0]
    ruleset = Ruleset.load(
        rules=[resources.stock() / "rules", tree / "rules_xml"],
        decoders=[resources.stock() / "decoders", tree / "decoders"],
        lists={f"etc/lists/{name}": path for item in catalog.sources for name, path in item.lists},
    )

    def fired(line):
        result = ruleset.session().process(line, location=LOG, time=1_795_303_542)
        return NAMES.get(result.rule_id), result.as_alert()

    return fired


def leak(world, number=1):
    return world.ask(data={"secret": github_token(number)})


def live(world):
    """Let everything happen that can; the log holds a line of every outcome afterwards."""
    general = "max_actions = 7\nnever = workflow_id:8"
    world.configure(INI, general=general)
    world.secrets(f"[github]\ntoken = {SECRET}\n")
    leak(world)
    world.script.answers += [(503,), ALIVE, (202,), (401,)]
    world.run("github")  # accepted, retrying, revoked
    leak(world, 6)
    world.script.answers += [(401,)]
    world.run("github")  # not_found
    world.ask(**WORKFLOW)
    world.script.answers += [DISABLED]
    world.run("github")  # already_revoked
    world.clock.now += 3600
    world.ask(**WORKFLOW)
    world.ask(**WORKFLOW)  # duplicate
    world.script.answers += [ACTIVE, (204,), DISABLED, (204,)]
    world.run("github")
    world.ask(command="delete", **WORKFLOW)
    world.run("github")  # restored
    leak(world, 2)
    world.script.answers += [ALIVE, (202,), *[ALIVE] * 8]
    world.run("github")  # unverified
    leak(world, 3)
    world.script.answers += [ALIVE, (400,)]
    world.run("github")  # failed
    world.ask(rule="110513", data={"id": "8", "repo": "acme/shop"})  # refused_allowlist
    world.ask(rule="110513", data={"id": "x y", "repo": "acme/shop"})  # refused_invalid
    world.ask(rule="110513", data={})  # no_target
    world.ask(rule="110514", data={"id": "5"})  # not_enabled
    for number in range(10, 20):
        leak(world, number)  # refused_rate_limit
    stop = world.etc / "revoke.stop"
    stop.touch()
    leak(world, 4)  # refused_stopped
    stop.unlink()
    world.configure(INI, mode="dry-run")
    leak(world, 5)  # dry_run


def test_every_outcome_of_the_script_has_its_rule(world, fired):
    live(world)
    found = {}
    for raw, line in zip(world.log.read_text().splitlines(), world.lines(), strict=True):
        found.setdefault(line["outcome"], set()).add(fired(raw)[0])

    assert found == {outcome: {name} for outcome, name in EXPECTED.items()}


def test_a_line_about_the_responders_own_credential_is_critical(world, fired):
    world.configure(INI)
    world.secrets(f"[github]\ntoken = {SECRET}\n")
    world.ask(data={"secret": f"found: {SECRET}"})
    name, alert = fired(world.log.read_text().rstrip("\n"))

    assert (name, alert["rule"]["level"]) == ("revoke-token-own-credential-leaked", 15)
    assert SECRET not in str(alert)


def test_no_alert_about_an_outcome_can_start_a_response(world, fired):
    live(world)
    for raw in world.log.read_text().splitlines():
        _, alert = fired(raw)
        if alert:
            assert "active_response" in alert["rule"]["groups"]
            assert "srcip" not in alert["data"]
    asking = {d.id for d in source.load(resources.content())[0].detections if d.response}

    assert asking & {name for name in EXPECTED.values() if name} == set()


def test_every_outcome_is_described():
    text = (resources.tree() / "active_response/revoke_token/response.yml").read_text()
    described = text.partition("\n  outcomes:\n")[2]
    constants = {n: v for n, v in vars(audit).items() if n.isupper() and isinstance(v, str)}
    words = {value for name, value in constants.items() if name != "RESPONSE"}

    assert {word for word in words if f"    {word}:" not in described} == set()
    assert words == set(EXPECTED)
