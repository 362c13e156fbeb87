import errno
import hashlib
import json
import os

import pytest
from revoke_world import NOW, OneToken, github_token

from wazuh_pack.revoke.call import Reply
from wazuh_pack.revoke.context import load_context
from wazuh_pack.revoke.errors import Failure, Later
from wazuh_pack.revoke.intake import begin_undo
from wazuh_pack.revoke.jobs import JobStore

TOKEN = github_token()
INI = """
[github]
actions = token workflow runner
organisation = acme
[gitlab]
url = https://gitlab.example.com/api/v4
actions = runner-pause
[when-leak]
rules = 110512
field = data.secret
[when-workflow]
rules = 110513
action = github.workflow
field = data.id
from = repository=data.repo
[when-runner]
rules = 110514
action = github.runner
field = data.id
"""
WORKFLOW = {"rule": "110513", "data": {"id": "7", "repo": "acme/shop"}}
ACTIVE, DISABLED = (200, {}, {"state": "active"}), (200, {}, {"state": "disabled_manually"})
ALIVE, DEAD = (200, {}, {"login": "x"}), (401,)
SECRET = "our-own-credential"


@pytest.fixture
def manager(world):
    world.configure(INI)
    world.secrets(f"[github]\ntoken = {SECRET}\n")
    return world


def leak(manager, number=1):
    return manager.ask(data={"secret": github_token(number)})


def outcomes(lines):
    return [line["outcome"] for line in lines]


def test_a_token_is_revoked_and_the_effect_verified(manager):
    leak(manager)
    manager.script.answers += [ALIVE, (202,), DEAD]
    (line,) = manager.run("github")

    assert (line["outcome"], line["seconds"]) == ("revoked", 0.0)
    assert manager.script.calls == ["GET /user", "POST /credentials/revoke", "GET /user"]
    assert manager.script.asked[1][2] == {"credentials": [TOKEN]}


def test_our_own_credentials_go_only_where_they_are_needed(manager):
    leak(manager)
    manager.ask(**WORKFLOW)
    manager.script.answers += [ALIVE, (202,), DEAD, ACTIVE, (204,), DISABLED]
    manager.run("github")
    sent = [headers.get("Authorization") for *_, headers in manager.script.asked]

    assert sent == [f"Bearer {TOKEN}", None, f"Bearer {TOKEN}", *[f"Bearer {SECRET}"] * 3]


def test_the_token_is_not_kept_once_it_is_revoked(manager):
    leak(manager)
    assert TOKEN.encode() in manager.everything_written()
    manager.script.answers += [ALIVE, (202,), DEAD]
    manager.run("github")

    written = manager.everything_written()
    assert TOKEN.encode() not in written
    assert SECRET.encode() not in written


def test_the_line_of_the_outcome_names_the_target_as_the_decision_did(manager):
    (decision,) = leak(manager)
    manager.script.answers += [ALIVE, (202,), DEAD]
    (outcome,) = manager.run("github")
    (job,) = manager.jobs()
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]

    assert decision["target"] == f"token [redacted sha256:{digest} ...{TOKEN[-4:]}]"
    assert (outcome["target"], outcome["key"]) == (decision["target"], decision["key"])
    assert (job.target.label, job.key) == (decision["target"], decision["key"])


def test_an_effect_that_takes_its_time_is_waited_for(manager):
    leak(manager)
    manager.script.answers += [ALIVE, (202,), ALIVE, ALIVE, DEAD]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "revoked"]
    assert manager.script.calls[1:] == ["POST /credentials/revoke", *["GET /user"] * 3]
    assert [t - NOW for t in manager.script.times] == [0, 0, 0, 2, 6]


def test_an_effect_that_does_not_come_is_said(manager):
    leak(manager)
    manager.script.answers += [ALIVE, (202,), *[ALIVE] * 8]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "unverified"]
    assert manager.script.calls.count("POST /credentials/revoke") == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "malformed"),
        (401, "renew them in revoke.secrets"),
        (403, "grant what the action needs"),
        (404, "cannot revoke by value"),
        (405, "does not offer the call"),
        (422, "refuses the request"),
        (302, "not expected"),
        (200, "not expected"),
        (501, "not expected"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(manager, status, reason):
    leak(manager)
    manager.script.answers += [ALIVE, (status,)]
    (line,) = manager.run("github")

    assert line["outcome"] == "failed"
    assert reason in line["reason"]
    assert line["reason"].endswith(f"({status})")
    assert len(manager.script.asked) == 2


@pytest.mark.parametrize("status", [408, 409, 423, 425, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(manager, status):
    leak(manager)
    manager.script.answers += [(status,), (status,), ALIVE, (202,), DEAD]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "revoked"]
    assert lines[-1]["attempts"] == 2
    assert [t - NOW for t in manager.script.times] == [0, 2, 6, 6, 6]


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "30"}, 30),
        (403, {"retry-after": "30"}, 30),
        (503, {"retry-after": "30"}, 30),
        (429, {"retry-after": "Sat, 21 Nov 2026 23:26:12 GMT"}, 30),
        (429, {"retry-after": "Sat, 21 Nov 2020 23:26:12 GMT"}, 2),
        (429, {"retry-after": "soon"}, 60),
        (429, {}, 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 45)}, 45),
        (429, {"ratelimit-remaining": "0", "ratelimit-reset": str(int(NOW) + 45)}, 45),
        (429, {"x-retry-after": str(int(NOW) + 20)}, 20),
        (429, {"retry-after": "9" * 40}, 6 * 3600),
    ],
)
def test_a_provider_says_how_long_it_wants_to_be_left_alone(manager, status, headers, seconds):
    leak(manager)
    manager.script.answers += [(status, headers), ALIVE, (202,), DEAD]
    manager.configure(INI, general="give_up_after = 30d")
    manager.run("github")

    assert manager.script.times[1] - NOW == pytest.approx(seconds, abs=1)


def test_a_header_that_no_provider_sends_is_no_harm(manager):
    leak(manager)
    manager.script.answers += [(429, {"retry-after": "\u00b2"}), ALIVE, (202,), DEAD]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "revoked"]


def test_a_limit_holds_for_the_other_jobs_too(manager):
    leak(manager, 1)
    leak(manager, 2)
    manager.script.answers += [
        (429, {"retry-after": "30"}),
        ALIVE,
        (202,),
        DEAD,
        ALIVE,
        (202,),
        DEAD,
    ]
    manager.run("github")

    assert [t - NOW for t in manager.script.times] == [0, *[30] * 6]


def test_what_is_asked_with_a_leaked_token_does_not_use_up_nobodys_limit(manager):
    manager.configure(INI, general="max_actions = 100")
    for number in range(40):
        leak(manager, number)
    ended = set()

    def send(call, headers):
        if call.method == "POST":
            ended.update(call.json["credentials"])
            return Reply(202)
        token = {**headers, **call.headers}["Authorization"].removeprefix("Bearer ")
        return Reply(*(DEAD if token in ended else ALIVE))

    manager.script.send = send
    lines = manager.run("github")

    assert outcomes(lines).count("revoked") == 40
    assert manager.clock() - NOW < 300


def test_the_configured_rate_is_kept_to(manager):
    manager.configure(INI.replace("organisation = acme", "organisation = acme\nrate = 4/1m"))
    for number in (1, 2):
        manager.ask(rule="110513", data={"id": str(number), "repo": "acme/shop"})
    manager.script.answers += [ACTIVE, (204,), DISABLED] * 2
    lines = manager.run("github")

    assert outcomes(lines) == ["revoked", "retrying", "revoked"]
    assert [t - NOW for t in manager.script.times] == [0, 0, 0, 0, 60, 60]


def test_after_five_faults_a_provider_is_left_alone_for_a_while(manager):
    leak(manager)
    manager.script.answers += [Later("no answer")] * 5 + [ALIVE, (202,), DEAD]
    manager.run("github")

    assert [t - NOW for t in manager.script.times] == [0, 2, 6, 14, 30, *[330] * 3]


def test_one_who_never_answers_is_given_up(manager):
    manager.configure(INI, general="give_up_after = 1h")
    leak(manager)
    manager.script.answers += [Later("no answer")] * 100
    lines = manager.run("github")

    assert outcomes(lines)[-1] == "failed"
    assert lines[-1]["reason"].startswith("given up: ")
    assert 3600 <= manager.clock.now - NOW < 4200


def test_a_job_that_was_given_up_is_tried_anew_when_it_is_asked_for_again(manager):
    leak(manager)
    manager.script.answers += [Failure("no"), ALIVE, (202,), DEAD]
    manager.run("github")
    assert outcomes(leak(manager)) == ["accepted"]

    assert outcomes(manager.run("github")) == ["revoked"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(3))
def test_a_killed_worker_loses_nothing(manager, at):
    manager.ask(**WORKFLOW)
    answers = [ACTIVE, (204,), DISABLED]
    manager.script.answers += [*answers[:at], Killed(), *answers[at:]]
    with pytest.raises(Killed):
        manager.run("github")
    lines = manager.run("github")

    assert outcomes(lines) == ["revoked"]
    assert len(manager.script.asked) == 4, "what was done is not done again"


def test_a_job_whose_file_was_damaged_does_not_stop_the_others(manager):
    leak(manager)
    (manager.root / "state/enforce/jobs/0.json").write_text("{")
    manager.script.answers += [ALIVE, (202,), DEAD]

    assert outcomes(manager.run("github")) == ["revoked"]


def test_an_error_of_ours_fails_one_job_and_not_the_next(manager):
    leak(manager, 1)
    leak(manager, 2)
    manager.script.answers += [RuntimeError(github_token(1)), ALIVE, (202,), DEAD]
    lines = manager.run("github")

    assert outcomes(lines) == ["failed", "revoked"]
    assert lines[0]["reason"] == "internal error: RuntimeError"


def test_a_fault_of_this_host_puts_a_job_off(manager):
    leak(manager)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    manager.script.answers += [full, ALIVE, (202,), DEAD]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "revoked"]
    assert lines[0]["reason"] == "this host: No space left on device"


def test_what_is_as_wanted_already_is_not_touched_and_not_taken_back(manager):
    manager.ask(**WORKFLOW)
    manager.script.answers += [DISABLED]

    assert outcomes(manager.run("github")) == ["already_revoked"]
    (line,) = manager.ask(command="delete", **WORKFLOW)
    assert line["reason"] == "somebody else had done it before; take it back by hand"


def test_an_action_is_taken_back(manager):
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, (204,), DISABLED, (204,)]
    manager.run("github")
    assert outcomes(manager.ask(command="delete", **WORKFLOW)) == ["accepted"]

    assert outcomes(manager.run("github")) == ["restored"]
    assert manager.script.calls[-1] == "PUT /repos/acme/shop/actions/workflows/7/enable"
    (early,) = manager.ask(**WORKFLOW)
    manager.clock.now += 600
    (late,) = manager.ask(**WORKFLOW)

    assert (early["outcome"], late["outcome"]) == ("duplicate", "accepted")
    assert early["reason"] == "the same action was done or taken back a short while ago"


def test_taking_back_that_fails_can_be_asked_for_again(manager):
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, (204,), DISABLED, (403,), (204,)]
    manager.run("github")
    manager.ask(command="delete", **WORKFLOW)
    assert outcomes(manager.run("github")) == ["failed"]
    manager.ask(command="delete", **WORKFLOW)

    assert outcomes(manager.run("github")) == ["restored"]


def test_a_busy_runner_is_removed_when_its_job_has_ended(manager):
    manager.ask(rule="110514", data={"id": "9"})
    manager.script.answers += [(200, {}, {"id": 9}), (422,), (204,), (404,)]
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", "revoked"]
    assert manager.script.calls[1] == "DELETE /orgs/acme/actions/runners/9"


def test_the_kill_switch_stops_what_is_under_way_and_keeps_it(manager):
    leak(manager)
    (manager.etc / "revoke.stop").touch()
    assert manager.run("github") == []
    assert [job.state for job in manager.jobs()] == ["pending"]

    (manager.etc / "revoke.stop").unlink()
    manager.script.answers += [ALIVE, (202,), DEAD]
    assert outcomes(manager.run("github")) == ["revoked"]


def test_going_back_to_a_dry_run_stops_what_is_under_way(manager):
    leak(manager)
    manager.configure(INI, mode="dry-run")

    assert manager.run("github") == []
    assert manager.script.asked == []


def test_a_provider_that_was_removed_fails_its_jobs(manager):
    leak(manager)
    manager.configure("[gitlab]\nurl = https://x\n")
    (line,) = manager.run("github")

    assert (line["outcome"], line["reason"]) == (
        "failed",
        "revoke.ini has no section [github] any more",
    )


FORBIDDEN = [
    ("never = workflow_id:7", "token workflow", "refused_allowlist", "never"),
    ("", "token", "failed", "revoke.ini does not allow github.workflow any more"),
]


@pytest.mark.parametrize(("general", "actions", "outcome", "reason"), FORBIDDEN)
def test_what_was_forbidden_since_it_was_accepted_is_not_done(
    manager, general, actions, outcome, reason
):
    manager.ask(**WORKFLOW)
    manager.configure(INI.replace("token workflow runner", actions), general=general)
    (line,) = manager.run("github")

    assert (line["outcome"], line["reason"]) == (outcome, reason)
    assert manager.script.asked == []


@pytest.mark.parametrize(("general", "actions", "outcome", "reason"), FORBIDDEN)
def test_what_is_forbidden_after_a_call_is_not_tried_again_and_the_log_says_so(
    manager, general, actions, outcome, reason
):
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, Later("no answer")]
    paused = []

    def forbid(seconds):
        paused.append(seconds)
        manager.configure(INI.replace("token workflow runner", actions), general=general)
        manager.clock.now += seconds

    manager.clock.pause = forbid
    lines = manager.run("github")

    assert outcomes(lines) == ["retrying", outcome]
    assert lines[1]["reason"] == f"{reason}, but a call may have had its effect before"
    assert paused


@pytest.mark.parametrize(("general", "actions", "outcome", "reason"), FORBIDDEN)
def test_what_is_forbidden_when_it_is_done_is_still_verified_and_can_be_taken_back(
    manager, general, actions, outcome, reason
):
    del outcome, reason
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, (204,), ACTIVE, DISABLED]

    def forbid(seconds):
        manager.configure(INI.replace("token workflow runner", actions), general=general)
        manager.clock.now += seconds

    manager.clock.pause = forbid
    assert outcomes(manager.run("github")) == ["retrying", "revoked"]

    manager.ask(command="delete", **WORKFLOW)
    manager.script.answers += [(204,)]
    if not general:  # an event cannot ask for what is not allowed; people can
        (job,) = manager.jobs()
        assert not begin_undo(job, load_context(manager.place), manager.clock.now)
        JobStore(f"{manager.root}/state/enforce/jobs").save(job)
    assert outcomes(manager.run("github")) == ["restored"]


def test_a_missing_credential_is_named(manager):
    manager.secrets("")
    manager.ask(**WORKFLOW)
    (line,) = manager.run("github")

    assert line["reason"] == "no 'token' in revoke.secrets for this provider"


def test_a_secret_of_the_environment_is_waited_for_by_a_process_that_lacks_it(manager):
    manager.secrets("")
    bare, manager.place = manager.place, manager.with_environment(WAZUH_PACK_GITHUB_TOKEN=SECRET)
    manager.ask(**WORKFLOW)
    leak(manager)
    whole, manager.place = manager.place, bare
    lines = manager.run("github", lambda *_: OneToken()) + manager.run("github")
    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("github.workflow", "retrying"),
        ("github.token", "revoked"),
    ]
    assert lines[0]["reason"] == (
        "WAZUH_PACK_GITHUB_TOKEN is not in the environment of this process, nor its value in "
        "revoke.secrets; left to one that has it"
    )

    manager.place = whole
    manager.script.answers += [ACTIVE, (204,), DISABLED]
    assert outcomes(manager.run("github")) == ["revoked"]


def test_a_secret_that_moves_from_the_environment_to_the_file_is_enough(manager):
    manager.secrets("")
    bare, manager.place = manager.place, manager.with_environment(WAZUH_PACK_GITHUB_TOKEN=SECRET)
    manager.ask(**WORKFLOW)
    manager.place = bare
    manager.secrets(f"[github]\ntoken = {SECRET}\n")
    manager.script.answers += [ACTIVE, (204,), DISABLED]

    assert outcomes(manager.run("github")) == ["revoked"]


def test_a_secret_that_does_not_come_back_is_not_waited_for_for_ever(manager):
    manager.secrets("")
    bare, manager.place = manager.place, manager.with_environment(WAZUH_PACK_GITHUB_TOKEN=SECRET)
    manager.ask(**WORKFLOW)
    manager.place = bare
    manager.clock.now += 86_400
    (line,) = manager.run("github")

    assert (line["outcome"], line["reason"]) == (
        "failed",
        "no 'token' in revoke.secrets for this provider",
    )


def test_two_workers_do_not_do_the_same_job(manager):
    leak(manager)
    second = []
    manager.script.answers += [ALIVE, (202,), DEAD]

    class Watching:
        def send(self, call, headers):
            second.append(manager.run("github"))
            return manager.script.send(call, headers)

        def close(self):
            pass

    manager.run("github", lambda *_: Watching())

    assert second == [[], [], []]
    assert len(manager.script.asked) == 3


def test_jobs_are_done_in_the_order_they_came(manager):
    for number in (3, 1, 2):
        leak(manager, number)
        manager.clock.now += 1
    manager.script.answers += [ALIVE, (202,), DEAD] * 3
    manager.run("github")
    sent = [json["credentials"][0] for _, path, json, _ in manager.script.asked if json]

    assert sent == [github_token(number) for number in (3, 1, 2)]


def test_no_reason_in_the_log_holds_a_secret(manager):
    leak(manager)
    manager.script.answers += [Failure(f"said {TOKEN} and {SECRET}")]
    (line,) = manager.run("github")

    assert TOKEN not in json.dumps(line)


def test_what_ended_is_forgotten_after_a_while(manager):
    leak(manager, 1)
    manager.ask(**WORKFLOW)
    manager.script.answers += [Failure("no"), ACTIVE, (204,), DISABLED]
    manager.run("github")
    store = JobStore(f"{manager.root}/state/enforce/jobs")
    counts = []
    for days in (6, 8, 29, 31):
        store.purge(NOW + days * 86_400)
        counts.append(len(store.all()))

    assert counts == [2, 1, 1, 0]


def test_a_job_of_another_version_is_still_known(manager):
    leak(manager)
    (path,) = (manager.root / "state/enforce/jobs").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "later_invention": 1}))
    manager.script.answers += [ALIVE, (202,), DEAD]

    assert outcomes(manager.run("github")) == ["revoked"]


@pytest.mark.parametrize("how", ["stop", "dry-run"])
def test_taking_back_works_while_nothing_else_does(manager, how):
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, (204,), DISABLED]
    manager.run("github")
    leak(manager)
    manager.ask(command="delete", **WORKFLOW)
    if how == "stop":
        (manager.etc / "revoke.stop").touch()
    else:
        manager.configure(INI, mode="dry-run")
    manager.script.answers += [(204,)]

    assert outcomes(manager.run("github")) == ["restored"]
    assert [job.state for job in manager.jobs() if job.open] == ["pending"]


def done(manager):
    """Let the workflow be disabled, and the time until it may be asked for again pass."""
    manager.ask(**WORKFLOW)
    manager.script.answers += [ACTIVE, (204,), DISABLED]
    assert outcomes(manager.run("github")) == ["revoked"]
    manager.clock.now += 601


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([DISABLED], "already_revoked"),
        ([(404,), (404,)], "not_found"),
        ([(403,)], "failed"),
        ([ACTIVE, (403,)], "failed"),
        ([ACTIVE, (204,), DISABLED], "revoked"),
    ],
)
def test_a_repeated_event_does_not_take_the_undo_away(manager, answers, outcome):
    done(manager)
    for _ in range(2):
        manager.ask(**WORKFLOW)
        manager.script.answers += answers
        assert outcomes(manager.run("github")) == [outcome]
        manager.clock.now += 601
    assert outcomes(manager.ask(command="delete", **WORKFLOW)) == ["accepted"]
    manager.script.answers += [(204,)]

    assert outcomes(manager.run("github")) == ["restored"]
    assert manager.script.calls[-1] == "PUT /repos/acme/shop/actions/workflows/7/enable"


def test_what_stands_is_remembered_as_long_as_what_was_done(manager):
    done(manager)
    manager.ask(**WORKFLOW)
    manager.script.answers += [(403,)]
    manager.run("github")
    store = JobStore(f"{manager.root}/state/enforce/jobs")
    store.purge(manager.clock.now + 29 * 86_400)

    assert len(store.all()) == 1


def test_taking_back_does_not_wait_for_the_secrets_of_others(manager):
    key = "AKIAABCDEFGH234567ZZ"
    ini = "[aws]\nactions = access-key\n[vault]\nurl = https://v.example.com/v1\n"
    ask = {"data": {"key": key}}
    manager.configure(ini)
    manager.secrets(
        "[aws]\naccess_key_id = AKIAAAAAAAAAAAAAAAAA\n[vault]\ntoken = our-own-credential\n"
    )
    words = ["--field", "data.key", "--action", "aws.access-key"]
    metadata = {"AccessKeyId": key, "Status": "Active"}
    manager.ask(*words, **ask)
    manager.script.answers += [
        (200, {}, {"UserName": "ci"}),
        (200, {}, {"AccessKeyMetadata": [metadata]}),
        (200,),
        (200, {}, {"AccessKeyMetadata": [{**metadata, "Status": "Inactive"}]}),
    ]
    assert outcomes(manager.run("aws")) == ["revoked"]
    manager.configure(ini + "[github]\nactions = token\n")
    with (manager.etc / "revoke.secrets").open("a") as secrets:
        secrets.write("[github]\ntoken = vault:kv/data/x#token\n")
    manager.ask(*words, command="delete", **ask)
    manager.script.answers += [(200,)]

    assert outcomes(manager.run("aws")) == ["restored"]


def test_nothing_is_taken_back_while_it_is_done_again(manager):
    done(manager)
    manager.ask(**WORKFLOW)
    (line,) = manager.ask(command="delete", **WORKFLOW)

    assert (line["outcome"], line["reason"]) == (
        "refused_invalid",
        "the same action is under way; try again when it has ended",
    )


def test_what_others_undid_and_we_took_back_is_not_taken_back_twice(manager):
    done(manager)
    manager.ask(command="delete", **WORKFLOW)
    manager.script.answers += [(204,)]
    manager.run("github")
    manager.clock.now += 601
    manager.ask(**WORKFLOW)
    manager.script.answers += [DISABLED]
    manager.run("github")
    (line,) = manager.ask(command="delete", **WORKFLOW)

    assert line["reason"] == "somebody else had done it before; take it back by hand"
