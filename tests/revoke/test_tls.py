"""Whom the responder trusts with a token: certificates, private authorities, proxies."""

import ipaddress
import json
import ssl
from datetime import datetime, timedelta, timezone

import pytest
from revoke_world import github_token
from test_http import ask, outcomes

x509 = pytest.importorskip("cryptography.x509", reason="no cryptography (it is on every manager)")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402 -- may be absent
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402 -- same

TOKEN = github_token()


def certificate(name, key, issuer, issuer_key, *, names=(), authority=False):
    now = datetime.now(timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
    else:
        usage = dict.fromkeys(
            (
                *("digital_signature", "content_commitment", "key_encipherment"),
                *("data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
            ),
            False,
        )
        usage |= {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    return builder.sign(issuer_key or key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A private authority: its PEM file, and a function that makes a server's context."""
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    own = certificate("Example Authority", key, None, None, authority=True)
    pem = folder / "ca.pem"
    pem.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def context(address):
        server_key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(address))]
        signed = certificate("server", server_key, own.subject, key, names=names)
        chain = folder / f"{address}.pem"
        chain.write_bytes(
            signed.public_bytes(serialization.Encoding.PEM)
            + server_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.load_cert_chain(chain)
        return found

    return pem, context


@pytest.fixture
def leaked(world, fake):
    """Return a function that configures GitHub at a URL, and lets a token be found."""
    live = {TOKEN}
    revoke = "/credentials/revoke"
    fake.route(
        "POST",
        revoke,
        lambda body, _: live.difference_update(json.loads(body)["credentials"]) or 202,
    )
    fake.route("GET", "/user", lambda *_: (200, {"login": "x"}) if live else 401)

    def leaked(url, *options):
        lines = ["[github]", f"url = {url}", "actions = token", *options]
        world.configure("\n".join(lines), general="give_up_after = 1m")
        ask(world, "github.token", TOKEN)
        return live

    return leaked


def serve_tls(fake, context):
    fake.server.socket = context.wrap_socket(fake.server.socket, server_side=True)
    return fake.url.replace("http://", "https://")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("address", "trusts", "outcome"),
    [
        ("127.0.0.1", True, "revoked"),
        ("127.0.0.1", False, "failed"),
        ("127.0.0.2", True, "failed"),
    ],
    ids=["trusted", "unknown authority", "other host"],
)
def test_a_token_goes_to_nobody_whose_certificate_is_not_trusted(
    world, fake, over_http, leaked, authority, address, trusts, outcome
):
    pem, context = authority
    url = serve_tls(fake, context(address))
    live = leaked(url, *([f"ca_file = {pem}"] if trusts else []))
    lines = world.run("github", over_http)

    assert outcomes(lines) == [outcome]
    assert (live == set()) == (outcome == "revoked")
    if outcome == "failed":
        assert fake.seen == []
        assert "certificate is not trusted; check url and ca_file" in lines[0]["reason"]


def test_the_configured_proxy_is_used(world, fake, over_http, leaked):
    live = leaked("http://127.0.0.1:9", f"proxy = {fake.url}")

    assert outcomes(world.run("github", over_http)) == ["revoked"]
    assert live == set()
    assert {path for _, path, _, _ in fake.seen} == {
        "http://127.0.0.1:9/credentials/revoke",
        "http://127.0.0.1:9/user",
    }
