import hashlib

import pytest
from revoke_world import github_token, service_account_token

TOKEN = github_token()
INI = """
[github]
actions = token workflow
[when-leak]
rules = 110512
field = data.leak.secret
[when-workflow]
rules = 110513
action = github.workflow
field = data.id
from = repository=data.repo
"""
LEAK = {"data": {"leak": {"secret": f"push of {TOKEN}"}}}
WORKFLOW = {"rule": "110513", "data": {"id": "7", "repo": "acme/shop"}}


def only(lines):
    (line,) = lines
    return line


def test_a_dry_run_says_what_would_be_done_and_keeps_no_job(world):
    world.configure(INI, mode="dry-run")
    line = only(world.ask(**LEAK))
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]

    assert line | {"key": ""} == {
        "response": "revoke-token",
        "outcome": "dry_run",
        "would": "revoked",
        "mode": "dry-run",
        "action": "github.token",
        "target": f"token [redacted sha256:{digest} ...{TOKEN[-4:]}]",
        "key": "",
        "reversible": "no",
        "calls": "POST /credentials/revoke",
        "rule_id": "110512",
        "alert_id": "1795303542.0",
        "agent_id": "000",
    }
    assert world.jobs() == []


def test_without_a_configuration_everything_is_refused(world):
    assert only(world.ask(**LEAK))["outcome"] == "refused_invalid"


def test_what_is_accepted_is_kept_with_its_token(world):
    world.configure(INI)
    line = only(world.ask(**LEAK))
    (job,) = world.jobs()

    assert line["outcome"] == "accepted"
    assert (job.key, job.values, job.state) == (line["key"], {"token": TOKEN}, "pending")


def test_the_log_never_holds_the_token(world):
    world.configure(INI)
    world.ask(**LEAK)

    assert TOKEN not in world.log.read_text()


def test_the_same_again_is_a_duplicate_while_under_way(world):
    world.configure(INI)
    world.ask(**LEAK)

    assert only(world.ask(**LEAK))["outcome"] == "duplicate"
    assert len(world.jobs()) == 1


def test_the_same_is_done_again_only_after_a_while(world):
    world.configure(INI, general="repeat_after = 10m")
    world.secrets("[github]\ntoken = our-own-credential\n")
    world.ask(**WORKFLOW)
    world.script.answers += [(200, {}, {"state": "active"}), (204,)]
    world.script.answers += [(200, {}, {"state": "disabled_manually"})]
    world.run("github")
    world.clock.now += 599
    early = only(world.ask(**WORKFLOW))
    world.clock.now += 1
    late = only(world.ask(**WORKFLOW))

    assert (early["outcome"], late["outcome"]) == ("duplicate", "accepted")


@pytest.mark.parametrize(
    "never",
    [
        "acme/shop",
        "ACME/Shop",
        "repository:acme/shop",
        "workflow_id:7",
        "x\n    7",
        "sha256:" + hashlib.sha256(b"acme/shop").hexdigest(),
    ],
)
def test_what_is_protected_is_left_alone(world, never):
    world.configure(INI, general=f"never = {never}")
    line = only(world.ask(**WORKFLOW))

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "never")


@pytest.mark.parametrize(
    "never", ["sha256:" + hashlib.sha256(b"7").hexdigest()[:11], "run_id:7", "77"]
)
def test_what_only_looks_alike_is_not_protected(world, never):
    world.configure(INI, general=f"never = {never}")

    assert only(world.ask(**WORKFLOW))["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("never", "prefix", "outcome"),
    [
        ("aws/creds/deploy", "aws/creds/deploy", "refused_allowlist"),
        ("aws/creds/deploy", "aws/creds", "refused_allowlist"),
        ("prefix:aws/creds/deploy", "aws/creds", "refused_allowlist"),
        ("lease_id:aws/creds/deploy/abc", "aws/creds/deploy", "refused_allowlist"),
        ("aws/creds", "aws/creds/deploy", "refused_allowlist"),
        ("AWS/Creds/", "aws/creds/deploy", "refused_allowlist"),
        ("aws/creds/dep", "aws/creds/deploy", "accepted"),
        ("db/creds", "aws/creds/deploy", "accepted"),
    ],
)
def test_what_is_protected_protects_what_holds_it_and_what_is_below(world, never, prefix, outcome):
    world.configure(
        "[vault]\nurl = https://v.example.com/v1\nactions = lease-prefix\n"
        "lease_prefixes = aws/creds db/creds\n",
        general=f"never = {never}",
    )
    arguments = ["--field", "data.x", "--action", "vault.lease-prefix"]

    assert only(world.ask(*arguments, data={"x": prefix}))["outcome"] == outcome


def test_a_lease_below_a_protected_path_is_protected(world):
    ini = "[vault]\nurl = https://v.example.com/v1\nactions = lease\n"
    world.configure(ini, general="never = aws/creds/deploy")
    arguments = ["--field", "data.x", "--action", "vault.lease"]
    line = only(world.ask(*arguments, data={"x": "aws/creds/deploy/abc"}))

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "never")


@pytest.mark.parametrize(
    ("listed", "prefix", "reason"),
    [
        ("", "aws/creds", "revoke.ini does not say the 'lease_prefixes' for this action"),
        ("aws/creds", "aws/creds-other", "lease_prefixes of revoke.ini does not hold it"),
        ("aws/creds/deploy", "aws/creds", "lease_prefixes of revoke.ini does not hold it"),
        ("aws/creds", "auth/token", "leases below auth/ are tokens, the responder's among them"),
    ],
)
def test_an_event_does_not_choose_how_many_leases_end(world, listed, prefix, reason):
    option = f"lease_prefixes = {listed}\n" if listed else ""
    world.configure(f"[vault]\nurl = https://v.example.com/v1\nactions = lease-prefix\n{option}")
    arguments = ["--field", "data.x", "--action", "vault.lease-prefix"]
    line = only(world.ask(*arguments, data={"x": prefix}))

    assert line["outcome"] == ("refused_allowlist" if listed else "failed")
    assert line["reason"] == reason


@pytest.mark.parametrize("text", ["aws", "auth/token", "aws/creds auth", "/aws/creds", "aws/../x"])
def test_a_list_of_prefixes_that_would_end_too_much_is_a_mistake(world, text):
    world.configure(
        f"[vault]\nurl = https://v.example.com/v1\nactions = lease\nlease_prefixes = {text}\n"
    )
    line = only(world.ask("--field", "data.x", "--action", "vault.lease", data={"x": "aws/c/d"}))

    assert line["outcome"] == "failed"
    assert "write for example aws/creds" in line["reason"]


def test_the_responder_does_not_revoke_its_own_token(world):
    world.configure(INI)
    world.secrets(f"[github]\ntoken = {TOKEN}\n")
    line = only(world.ask(**LEAK))

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "own_credential")
    assert world.jobs() == []


@pytest.mark.parametrize("mode", ["dry-run", "enforce"])
def test_a_flood_is_stopped_by_the_breaker_until_the_window_is_over(world, mode):
    world.configure(INI, mode=mode, general="max_actions = 3\nwindow = 10m")
    flood = [f"{github_token(number)}" for number in range(5)]
    outcomes = [line["outcome"] for line in world.ask(data={"leak": {"secret": flood}})]
    world.clock.now += 600
    after = only(world.ask(data={"leak": {"secret": github_token(77)}}))["outcome"]

    begun = "dry_run" if mode == "dry-run" else "accepted"
    assert outcomes == [begun] * 3 + ["refused_rate_limit"] * 2
    assert after == begun


def test_a_clock_that_was_set_back_does_not_keep_the_breaker_open(world):
    world.configure(INI, general="max_actions = 1")
    world.ask(**LEAK)
    world.clock.now -= 86_400

    assert only(world.ask(**WORKFLOW))["outcome"] == "accepted"


def test_the_kill_switch_refuses_everything_new(world):
    world.configure(INI)
    (world.etc / "revoke.stop").touch()

    assert only(world.ask(**LEAK))["outcome"] == "refused_stopped"


@pytest.mark.parametrize("message", [b"{", b"[]", b"", b'{"version":2,"parameters":{}}'])
def test_what_is_no_message_is_refused(world, message):
    assert only(world.take(message))["outcome"] == "refused_invalid"


def test_a_mistake_in_the_configuration_is_a_failure_and_nothing_is_done(world):
    world.configure("[github]\nactions = everything\n")
    line = only(world.ask(**LEAK))

    assert line["outcome"] == "failed"
    assert "'everything' is not known" in line["reason"]


def test_an_option_that_is_missing_is_said_before_anything_is_promised(world):
    world.configure("[github]\nactions = sso-authorisation\n")
    arguments = ["--field", "data.id", "--action", "github.sso-authorisation"]
    line = only(world.ask(*arguments, data={"id": "1"}))

    assert (line["outcome"], line["reason"]) == (
        "failed",
        "revoke.ini does not say the 'organisation' for this action",
    )


def test_what_was_not_done_cannot_be_taken_back(world):
    world.configure(INI)

    assert only(world.ask(command="delete", **WORKFLOW))["reason"].startswith("nothing is known")
    world.ask(**LEAK)
    assert only(world.ask(command="delete", **LEAK))["reason"] == (
        "github.token cannot be taken back"
    )


def test_one_target_that_is_refused_does_not_keep_the_others_alive(world):
    jwt = service_account_token({"iss": "https://elsewhere.example.com", "sub": "x" * 20})
    world.configure(
        "[kubernetes]\nurl = https://k8s.example.com\nactions = token\n"
        "[github]\nactions = token\n[when-leak]\nrules = 110512\nfield = data.secret\n"
    )
    lines = world.ask(data={"secret": f"{jwt} {TOKEN}"})

    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("kubernetes.token", "refused_invalid"),
        ("github.token", "accepted"),
    ]
