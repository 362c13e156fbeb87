"""AWS against moto, which keeps users, keys and policies."""

import json
from datetime import datetime, timezone

import pytest
from revoke_samples import denial
from revoke_world import NOW

boto3 = pytest.importorskip("boto3", reason="no boto3 (it is on every manager)")
moto = pytest.importorskip("moto", reason="no moto (pip install moto[iam])")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

INI = "[aws]\nactions = access-key role-sessions user-sessions\n"
SECRETS = "[aws]\naccess_key_id = AKIAAAAAAAAAAAAAAAAA\nsecret_access_key = our-own-credential\n"


@pytest.fixture
def iam(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with moto.mock_aws():
        yield boto3.client(
            "iam",
            region_name="us-east-1",
            aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
            aws_secret_access_key="x",
        )


@pytest.fixture
def manager(world):
    world.configure(INI)
    world.secrets(SECRETS)
    return world


def ask(world, action, value, command="add"):
    arguments = ["--field", "data.x", "--action", action]
    return world.ask(*arguments, command=command, data={"x": value})


def work(world):
    """Work the lane off with the provider's own transport."""
    lines = world.run("aws", lambda provider, instance: provider.transport(instance))
    return [line["outcome"] for line in lines]


def status(iam, key):
    found = iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
    return {item["AccessKeyId"]: item["Status"] for item in found}[key]


def test_a_key_is_made_inactive_and_active_again(manager, iam, monkeypatch):
    # moto's own may hold digits that real ones have not
    monkeypatch.setattr(
        "moto.iam.models.generate_access_key_id_from_account_id",
        lambda *_, **__: "AKIAABCDEFGH234567ZZ",
    )
    iam.create_user(UserName="ci")
    key = iam.create_access_key(UserName="ci")["AccessKey"]["AccessKeyId"]
    assert key == "AKIAABCDEFGH234567ZZ"
    assert [x["outcome"] for x in ask(manager, "aws.access-key", f"leaked {key}")] == ["accepted"]
    assert work(manager) == ["revoked"]
    assert status(iam, key) == "Inactive"
    ask(manager, "aws.access-key", key, command="delete")

    assert work(manager) == ["restored"]
    assert status(iam, key) == "Active"


def test_a_key_that_was_inactive_before_stays_so(manager):
    key = "AKIAABCDEFGH234567ZZ"
    inactive = {"AccessKeyMetadata": [{"AccessKeyId": key, "Status": "Inactive"}]}
    ask(manager, "aws.access-key", key)
    manager.script.answers += [(200, {}, {"UserName": "ci"}), (200, {}, inactive)]
    lines = manager.run("aws")
    (line,) = ask(manager, "aws.access-key", key, command="delete")

    assert [line["outcome"] for line in lines] == ["already_revoked"]
    assert manager.script.calls == ["GetAccessKeyLastUsed ", "ListAccessKeys "]
    assert line["reason"] == "somebody else had done it before; take it back by hand"


def test_a_key_is_taken_back_after_a_repeated_event_too(manager):
    key = "AKIAABCDEFGH234567ZZ"
    owner = (200, {}, {"UserName": "ci"})
    active, inactive = (
        (200, {}, {"AccessKeyMetadata": [{"AccessKeyId": key, "Status": status}]})
        for status in ("Active", "Inactive")
    )
    ask(manager, "aws.access-key", key)
    manager.script.answers += [owner, active, (200,), inactive]
    assert [line["outcome"] for line in manager.run("aws")] == ["revoked"]
    manager.clock.now += 601
    ask(manager, "aws.access-key", key)
    manager.script.answers += [owner, inactive]
    assert [line["outcome"] for line in manager.run("aws")] == ["already_revoked"]
    ask(manager, "aws.access-key", key, command="delete")
    manager.script.answers += [(200,)]

    assert [line["outcome"] for line in manager.run("aws")] == ["restored"]
    assert manager.script.asked[-1][2] == {
        "UserName": "ci",
        "AccessKeyId": key,
        "Status": "Active",
    }


def test_a_key_of_nobody_here_may_be_another_accounts(manager, iam):
    ask(manager, "aws.access-key", "AKIAABCDEFGH234567ZZ")

    assert work(manager) == ["not_found"]
    assert iam.list_users()["Users"] == []


@pytest.mark.parametrize("kind", ["role", "user"])
def test_older_sessions_are_denied_and_let_in_again(manager, iam, kind):
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument="{}")
    iam.create_user(UserName="ci")
    who = {f"{kind.title()}Name": "ci", "PolicyName": "AWSRevokeOlderSessions"}
    get = getattr(iam, f"get_{kind}_policy")
    ask(manager, f"aws.{kind}-sessions", "ci")
    assert work(manager) == ["revoked"]
    (statement,) = get(**who)["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    before = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert datetime.strptime(before, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    ask(manager, f"aws.{kind}-sessions", "ci", command="delete")

    assert work(manager) == ["restored"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        get(**who)


def test_an_earlier_revocation_is_put_back_by_the_undo(manager, iam):
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument="{}")
    condition = {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}
    statement = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}
    earlier = {"Version": "2012-10-17", "Statement": [statement]}
    which = {"RoleName": "deploy", "PolicyName": "AWSRevokeOlderSessions"}
    iam.put_role_policy(**which, PolicyDocument=json.dumps(earlier))
    ask(manager, "aws.role-sessions", "deploy")
    assert work(manager) == ["revoked"]
    assert iam.get_role_policy(**which)["PolicyDocument"] != earlier
    ask(manager, "aws.role-sessions", "deploy", "delete")

    assert work(manager) == ["restored"]
    assert iam.get_role_policy(**which)["PolicyDocument"] == earlier


@pytest.mark.parametrize("before", [None, "2026-01-01T00:00:00Z"])
def test_a_repeated_event_does_not_make_a_revocation_last(manager, iam, before):
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument="{}")
    which = {"RoleName": "deploy", "PolicyName": "AWSRevokeOlderSessions"}
    if before:
        iam.put_role_policy(**which, PolicyDocument=json.dumps(denial(before)["PolicyDocument"]))
    for _ in range(3):
        ask(manager, "aws.role-sessions", "deploy")
        assert work(manager) == ["revoked"]
        manager.clock.now += 601
    ask(manager, "aws.role-sessions", "deploy", "delete")

    assert work(manager) == ["restored"]
    if before:
        assert iam.get_role_policy(**which)["PolicyDocument"] == denial(before)["PolicyDocument"]
    else:
        assert iam.list_role_policies(RoleName="deploy")["PolicyNames"] == []


def test_the_environments_proxy_has_no_say(manager, iam, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    iam.create_user(UserName="ci")
    ask(manager, "aws.user-sessions", "ci")

    assert work(manager) == ["revoked"]


def test_a_policy_of_somebody_else_is_not_overwritten(manager, iam):
    iam.create_user(UserName="ci")
    statement = {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    who = {"UserName": "ci", "PolicyName": "AWSRevokeOlderSessions"}
    iam.put_user_policy(PolicyDocument=document, **who)
    ask(manager, "aws.user-sessions", "ci")

    assert work(manager) == ["failed"]
    assert iam.get_user_policy(**who)["PolicyDocument"] == json.loads(document)


def test_a_role_that_is_not_there_fails(manager, iam):
    ask(manager, "aws.role-sessions", "nobody")

    assert work(manager) == ["failed"]
    assert manager.lines()[-1]["reason"].startswith("PutRolePolicy iam: not found")
    assert iam.list_roles()["Roles"] == []


def test_our_own_key_is_not_touched(manager):
    manager.secrets(SECRETS.replace("AKIAAAAAAAAAAAAAAAAA", "AKIAABCDEFGH234567ZZ"))
    (line,) = ask(manager, "aws.access-key", "AKIAABCDEFGH234567ZZ")

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "own_credential")
    assert manager.clock() == NOW


def test_an_old_revocation_is_not_taken_for_the_new_one(manager):
    old = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}},
    }
    stale = (200, {}, {"PolicyDocument": {"Version": "2012-10-17", "Statement": [old]}})
    ask(manager, "aws.role-sessions", "deploy")
    manager.script.answers += [stale, (200, {}, {}), *[stale] * 8]
    lines = manager.run("aws")

    assert [line["outcome"] for line in lines] == ["retrying", "unverified"]
