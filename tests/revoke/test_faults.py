"""Every action of every provider against every kind of refusal and failure."""

import dataclasses
import json

import pytest
from revoke_samples import (
    LIVE,
    OPTIONS,
    POD,
    REFUSED,
    TARGETS,
    UUID,
    bound,
    denial,
    remembered,
    target,
)
from revoke_world import NOW, github_token
from test_http import ask, outcomes

from wazuh_pack.revoke.call import Reply
from wazuh_pack.revoke.context import load_context
from wazuh_pack.revoke.errors import Later
from wazuh_pack.revoke.intake import begin_undo
from wazuh_pack.revoke.jobs import JobStore
from wazuh_pack.revoke.providers import provider

SECRETS = "token = our-own-credential\npassword = our-own-credential\n"
SECRETS += "signing_key = our-own-credential\naccess_key_id = AKIAAAAAAAAAAAAAAAAA\n"
SECRETS += "secret_access_key = our-own-credential\n"
PASSING = {
    "500": (500,),
    "503 with a date": (503, {"retry-after": "Sun, 22 Nov 2026 08:00:00 GMT"}),
    "429": (429,),
    "403 with seconds": (403, {"retry-after": "30"}),
    "silence": Later("no answer in time"),
}
LASTING = [400, 401, 403, 404, 409, 422, 307]


ACTIONS = sorted(TARGETS)


def begin(world, action):
    """Let a job of this action be accepted; return its provider's name."""
    name, _, capability = action.partition(".")
    lines = [f"[{name}]", "url = https://provider.example.com", f"actions = {capability}"]
    lines += [f"{key} = {value}" for key, value in OPTIONS.get(name, {}).items()]
    world.configure("\n".join(lines), general="max_actions = 1000")
    kind = provider(name)
    wanted = [line for line in SECRETS.splitlines() if line.partition(" ")[0] in kind.secrets]
    world.secrets(f"[{name}]\n" + "\n".join(wanted) + "\n")
    (first, *_) = kind.capabilities[capability].parameters
    values = dict(TARGETS[action][0])
    (line,) = ask(world, action, values.pop(first.name), **values)
    assert line["outcome"] == "accepted"
    return name


def first_call(action):
    plan = bound(action.partition(".")[0]).plan(target(action))
    return plan.look or plan.act(remembered(action, plan))[0]


def before(action):
    """Return the answer about the responder itself, where there is one."""
    return [SOMEBODY_ELSE] if bound(action.partition(".")[0]).plan(target(action)).own else []


def answers(action):
    """Return what the provider answers when all goes well."""
    plan = bound(action.partition(".")[0]).plan(target(action))
    memory = remembered(action, plan)
    check = plan.check(memory)
    found = before(action)
    found += [Reply(200, {}, TARGETS[action][1])] if plan.look else []
    if plan.check_first:
        found.append(Reply(200, {}, ACTIVE_KEY))
    found += [Reply(min(call.ok), {}, {"revoked": True}) for call in plan.act(memory)]
    return [*found, *([holding(check, TARGETS[action][1])] if check else [])]


def holding(check, before):
    """Return a reply by which a check holds."""
    changes = [{}, {"state": "disabled_manually"}, {"suspended_at": "x"}, BLOCKED]
    changes += [{"paused": True}, {"status": "completed"}, {"status": "canceled"}, LABELS]
    changes += [{"revoked": True}, {"is_active": False}, {"buildable": False}, {"building": False}]
    changes += [{"data": {"disabled": True}}, {"spec": {"suspend": True}}]
    changes += [{"spec": {"unschedulable": True}}, denial("2999-01-01T00:00:00Z")]
    changes += [{"AccessKeyMetadata": [{**KEY, "Status": "Inactive"}]}, {"value": []}, REFUSED]
    bodies = [*({**before, **c} for c in changes if isinstance(before, dict)), *changes, []]
    statuses = sorted(check.call.ok | check.call.gone)
    replies = [Reply(status, {}, body) for status in statuses for body in bodies]
    genuine = check.call.genuine or (lambda _: True)
    return next(r for r in replies if check.holds(r) and (r.status != 200 or genuine(r)))


SOMEBODY_ELSE = Reply(200, {}, {"id": 99, "data": {"accessor": "another"}})
KEY = {"AccessKeyId": "AKIAABCDEFGH234567ZZ", "Status": "Active"}
ACTIVE_KEY = {"AccessKeyMetadata": [KEY]}
BLOCKED = {"state": "blocked"}
LABELS = {"labels": [{"name": "quarantined-by-wazuh-pack", "type": "custom"}]}


def with_login(action, replies):
    """Docker Hub wants a login before the first call of each job."""
    login = Reply(200, {}, {"access_token": "session"})
    return [login, *replies] if action.startswith("dockerhub.") else replies


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("action", ACTIONS)
def test_what_passes_is_waited_for_and_then_it_is_done(world, action, fault):
    name = begin(world, action)
    answer = PASSING[fault]
    world.script.answers += with_login(action, [answer])
    world.script.answers += with_login(action, answers(action))
    lines = world.run(name)

    assert outcomes(lines) == ["retrying", "revoked"]
    assert not world.script.answers


@pytest.mark.parametrize("status", LASTING)
@pytest.mark.parametrize("action", ACTIONS)
def test_what_lasts_is_an_end_and_never_taken_for_done(world, action, status):
    name = begin(world, action)
    call = first_call(action)
    done = status in call.gone
    world.script.answers += with_login(action, [*before(action), (status,)])
    if done:
        world.script.answers += [(status,)]  # about the place where it would be
    elif status in call.ok:
        world.script.answers += answers(action)[len(before(action)) + 1 :]
    else:
        world.script.answers += with_login(action, answers(action))
    lines = world.run(name)

    if done:
        assert outcomes(lines) == ["not_found"]
        assert lines[0]["reason"].endswith(f"({status})")
    elif status in call.ok:
        assert outcomes(lines) == ["revoked"]
    elif status == 409 or status in call.later:
        assert outcomes(lines) == ["retrying", "revoked"]
    else:
        assert outcomes(lines) == ["failed"]
        assert lines[0]["reason"].endswith(f"({status})")
        assert "our-own-credential" not in json.dumps(lines)


def place_of(action):
    return bound(action.partition(".")[0]).plan(target(action)).place


PLACES = {
    *("github.deploy-key", "github.runner-labels", "github.runner", "github.run-cancel"),
    *("github.run-force-cancel", "github.workflow", "gitlab.token-id", "gitlab.project-token-id"),
    *("gitlab.group-token-id", "gitlab.project-deploy-token", "gitlab.group-deploy-token"),
    *("gitlab.pipeline-cancel", "gitlab.job-cancel", "jenkins.build-stop"),
}


def test_where_a_target_would_be_seen_is_known_for_these():
    assert {action for action in ACTIONS if place_of(action)} == PLACES


@pytest.mark.parametrize("action", sorted(PLACES))
def test_what_is_not_there_is_gone_once_its_place_was_seen(world, action):
    name = begin(world, action)
    place = next(
        body
        for body in ([], {"total_count": 0}, {"buildable": False})
        if place_of(action).genuine(Reply(200, {}, body))
    )
    own = before(action)
    world.script.answers += [*own, (404,), (503,), *own, (404,), (200, {}, place)]
    lines = world.run(name)

    assert outcomes(lines) == ["retrying", "already_revoked"]
    assert place_of(action).path == world.script.asked[-1][1]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_is_never_an_all_clear(world, action, status):
    name = begin(world, action)
    world.script.send = lambda *_: Reply(status, {}, {"message": "Not Found"})
    (line,) = world.run(name)

    assert line["outcome"] in {"not_found", "failed"}


@pytest.mark.parametrize("action", ["pod", "secret", "rolebinding", "clusterrolebinding"])
@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"kind": "Status", "reason": "NotFound"}, "already_revoked"),
        ({"kind": "Status", "reason": "NotFound", "details": {"name": "other"}}, "not_found"),
        ({"kind": "Status", "reason": "Forbidden"}, "not_found"),
        ({}, "not_found"),
        (None, "not_found"),
    ],
)
def test_a_cluster_says_by_name_that_an_object_is_not_there(world, action, said, outcome):
    name = begin(world, f"kubernetes.{action}")
    values = TARGETS[f"kubernetes.{action}"][0]
    body = {"details": {"name": values["name"]}, **said} if said else said
    world.script.answers += [(404, {}, body)]

    assert outcomes(world.run(name)) == [outcome]


def check_of(action):
    plan = bound(action.partition(".")[0]).plan(target(action))
    return plan.check(remembered(action, plan))


@pytest.mark.parametrize("action", [action for action in ACTIONS if check_of(action)])
def test_a_refusal_of_the_check_is_no_success(world, action):
    check = check_of(action)
    refused = next(s for s in (418, 405) if s not in check.call.ok | check.call.gone)
    name = begin(world, action)
    world.script.answers += with_login(action, [*answers(action)[:-1], (refused,)])

    assert outcomes(world.run(name)) == ["failed"]


class Provider:
    """A provider on the loopback that remembers one thing: whether its target is still alive."""

    def __init__(self, fake):
        self.alive = True
        self.fake = fake

    def end(self, status):
        def answer(*_):
            self.alive = False
            return status

        return answer

    def look(self, alive, dead):
        return lambda *_: alive if self.alive else dead


TOKEN = github_token()
LOOKS = {
    # action: (value, other values, how it is ended, status, how it is looked at, alive, dead)
    "github.token": (
        *(TOKEN, {}, ("POST", "/credentials/revoke"), 202),
        *(("GET", "/user"), (200, {"login": "x"}), 401),
    ),
    "gitlab.token-id": (
        *("5", {}, ("DELETE", "/personal_access_tokens/5"), 204),
        *(("GET", "/personal_access_tokens/5"), (200, LIVE), 404),
    ),
    "vault.accessor": (
        *("zEva6EblXXckKKg91hj6xJrp", {}, ("POST", "/auth/token/revoke-accessor"), 204),
        *(("POST", "/auth/token/lookup-accessor"), (200, {"data": {}}), 403),
    ),
    "kubernetes.pod": (
        *("build-1", {"namespace": "ci"}, ("DELETE", "/api/v1/namespaces/ci/pods/build-1"), 200),
        *(("GET", "/api/v1/namespaces/ci/pods/build-1"), (200, POD), 404),
    ),
    "jenkins.job-disable": (
        *("deploy", {}, ("POST", "/job/deploy/disable"), 302),
        *(("GET", "/job/deploy/api/json"), (200, {"buildable": True}), (200, {"buildable": False})),
    ),
    "azuredevops.token": (
        *(UUID, {"subject": "aad.VXNlckRl"}, ("POST", "/acme/_apis/tokenadmin/revocations"), 204),
        ("GET", "/acme/_apis/tokenadmin/personalaccesstokens/aad.VXNlckRl"),
        *((200, {"value": [{"authorizationId": UUID, "isValid": True}]}), (200, {"value": []})),
    ),
    "dockerhub.token-deactivate": (
        *(UUID, {}, ("PATCH", f"/v2/access-tokens/{UUID}"), 200),
        ("GET", f"/v2/access-tokens/{UUID}"),
        *((200, {"is_active": True}), (200, {"is_active": False})),
    ),
    "webhook.identifier": ("session:5", {}, ("POST", "/"), 202, ("GET", "/"), 200, 200),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize(
    "faults",
    [["drop"], ["hang"], ["trickle"], [(503, None)], [None, "drop"], [(429, None), (502, None)]],
    ids=str,
)
def test_slow_and_broken_connections_do_not_keep_it_alive(world, fake, over_http, name, faults):
    value, others, end, status, look, alive, dead = LOOKS[name]
    served = Provider(fake)
    fake.route(*end, served.end(status))
    fake.route(*look, served.look(alive, dead))
    fake.route("GET", "/auth/token/lookup-self", lambda *_: (200, SOMEBODY_ELSE.body))
    fake.route("GET", "/personal_access_tokens/self", lambda *_: (200, SOMEBODY_ELSE.body))
    fake.route("POST", "/v2/auth/token", lambda *_: (200, {"access_token": "session"}))
    if end == look:
        fake.route(*end, served.end(status))
    kind, _, capability = name.partition(".")
    lines = [f"[{kind}]", f"url = {fake.url}", f"actions = {capability}"]
    lines += [f"{key} = {text}" for key, text in OPTIONS.get(kind, {}).items()]
    world.configure("\n".join(lines))
    wanted = [s for s in SECRETS.splitlines() if s.partition(" ")[0] in provider(kind).secrets]
    world.secrets(f"[{kind}]\n" + "\n".join(wanted) + "\n")
    ask(world, name, value, **others)
    fake.faults.extend(faults)
    found = outcomes(world.run(kind, over_http))

    assert served.alive is False
    assert found[-1] in {"revoked", "already_revoked"}
    assert set(found[:-1]) <= {"retrying"}


def test_a_call_shows_nothing_but_its_template():
    for action in TARGETS:
        call = first_call(action)
        shown = dataclasses.replace(call, headers={"X": "secret"}, path="/secret")
        assert "secret" not in repr(shown).replace("secret-id", "").replace("/secrets", "").replace(
            call.template, ""
        )


GARBAGE = {
    "a login page": Reply(200, {"content-type": "text/html;charset=utf-8"}, None),
    "an empty object": Reply(200, {"content-type": "application/json"}, {}),
    "an empty list": Reply(200, {"content-type": "application/json"}, []),
    "somebody else's object": Reply(200, {}, {"status": "ok", "data": "x", "value": 1}),
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("action", [a for a in ACTIONS if not a.startswith("webhook.")])
def test_an_answer_that_is_not_the_providers_is_no_success(world, action, garbage):
    name = begin(world, action)
    world.script.send = lambda *_: GARBAGE[garbage]
    lines = world.run(name)
    listed = action in {"github.organisation-token", "github.deploy-key-fingerprint"}

    if listed and garbage == "an empty list":
        assert outcomes(lines) == ["already_revoked"], "it is what the provider says of none"
    else:
        assert outcomes(lines) == ["failed"]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_login_page_after_the_look_is_no_success(world, action):
    name = begin(world, action)
    plan = bound(name).plan(target(action))
    looked = world.script.answers
    looked += with_login(action, answers(action)[: bool(plan.own) + bool(plan.look)])
    page = GARBAGE["a login page"]
    world.script.send = lambda *_: looked.popleft() if looked else page

    assert outcomes(world.run(name))[-1] in {"failed", "unverified"}


SILENT = [a for a in ACTIONS if not check_of(a) and not a.startswith("webhook.")]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("action", SILENT)
def test_what_cannot_be_verified_wants_an_answer_that_says_done(world, action, status):
    name = begin(world, action)
    plan = bound(name).plan(target(action))
    world.script.answers += answers(action)[: bool(plan.look)]
    world.script.answers += [(status,)]

    assert outcomes(world.run(name))[0] in {"failed", "not_found"}


REVERSIBLE = [a for a in ACTIONS if bound(a.partition(".")[0]).plan(target(a)).undo]
# The policy that denied everything is not there, which is what was wanted.
BACK = {"aws.role-sessions", "aws.user-sessions"}


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("action", [a for a in REVERSIBLE if a not in BACK])
def test_what_is_not_there_is_not_called_restored(world, action, status):
    name = begin(world, action)
    world.script.answers += with_login(action, answers(action))
    assert outcomes(world.run(name)) == ["revoked"]
    (job,) = world.jobs()
    assert begin_undo(job, load_context(world.place), NOW) == ""
    JobStore(f"{world.root}/state/enforce/jobs").save(job)
    world.script.answers += with_login(action, [(status,)])

    assert outcomes(world.run(name)) == ["failed"]
