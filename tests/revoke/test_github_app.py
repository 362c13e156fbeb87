"""The suspension of an app, which wants a signature by the app's key."""

import json

import pytest

jwt = pytest.importorskip("jwt", reason="no PyJWT (it is on every manager)")
rsa = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.rsa", reason="no cryptography (same)"
)


@pytest.fixture
def key(world):
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 -- may be missing

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = world.etc / "app.pem"
    path.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    return made


@pytest.fixture
def manager(world, fake):
    world.configure(
        f"[github]\nurl = {fake.url}\nactions = app-installation\napp_id = 12345\n"
        f"app_key_file = {world.etc}/app.pem\n"
    )
    return world


def ask(world, command="add"):
    arguments = ["--field", "data.id", "--action", "github.app-installation"]
    return world.ask(*arguments, command=command, data={"id": 9})


def test_an_installation_is_suspended_and_let_go(manager, fake, over_http, key):
    installation = {"id": 9, "suspended_at": None}
    path = "/app/installations/9"
    fake.route("GET", path, lambda *_: (200, installation))
    fake.route(
        "PUT", f"{path}/suspended", lambda *_: installation.update(suspended_at="now") or 204
    )
    fake.route(
        "DELETE", f"{path}/suspended", lambda *_: installation.update(suspended_at=None) or 204
    )
    ask(manager)
    assert [line["outcome"] for line in manager.run("github", over_http)] == ["revoked"]
    assert installation["suspended_at"]
    ask(manager, command="delete")
    assert [line["outcome"] for line in manager.run("github", over_http)] == ["restored"]
    assert installation["suspended_at"] is None

    token = fake.seen[0][3]["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    assert claims["iss"] == "12345"
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN RSA PRIVATE KEY-----\nx\n"])
def test_a_file_without_a_key_is_told(manager, content):
    path = manager.etc / "app.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    (line,) = ask(manager)

    assert line["reason"] == "app_key_file holds no private RSA key"
    assert "no key" not in json.dumps(line).replace("no private", "")


@pytest.mark.parametrize(
    ("mode", "reason"), [(0o662, "writable for group or others"), (0o644, "everybody can read it")]
)
def test_a_key_that_is_open_to_others_is_not_used(manager, key, mode, reason):
    (manager.etc / "app.pem").chmod(mode)
    (line,) = ask(manager)

    assert reason in line["reason"]
    assert key
