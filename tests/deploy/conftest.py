"""A manager's API on loopback, and a small pack to deploy to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.deploy import Api, Clock, Credentials, Manager
from wazuh_pack.install import ConfBlock, Kind, PackFile, PackSource

sys.path.insert(0, str(Path(__file__).parent))

from fake import PASSWORD, USER, FakeClock, FakeManager, Server
from spec import Spec

DESCRIPTION = "openapi/wazuh-4.14.7-api.yaml"


def openssl(folder, *arguments):
    subprocess.run(["/usr/bin/openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with ``ca.pem`` and ``server.pem``, which is for 127.0.0.1."""
    if not Path("/usr/bin/openssl").exists():
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = "keyUsage=critical,keyCertSign"
    openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA",
        "-days", "2", "-addext", usage,
    )  # fmt: skip
    openssl(
        folder, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=manager"
    )
    extensions = "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
    (folder / "names").write_text(extensions + "subjectKeyIdentifier=hash\n")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt",
    )  # fmt: skip
    parts = [(folder / name).read_text() for name in ("server.key", "server.crt")]
    (folder / "server.pem").write_text("".join(parts))
    return folder


@pytest.fixture(scope="session")
def spec():
    """Wazuh's API description, None without the reference data."""
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("WAZUH_PACK_SHARED", root.parent / "shared")) / DESCRIPTION
    return Spec(path) if path.is_file() else None


class Site:
    """A fake manager that runs, and ways to it."""

    def __init__(self, fake, server, certificates):
        self.fake = fake
        self.url = server.url
        self.ca = certificates / "ca.pem"
        self.clock = FakeClock()
        self.apis = []

    def api(self, **options):
        options = {"ca": self.ca, "clock": Clock(self.clock.now, self.clock.sleep), **options}
        credentials = options.pop("credentials", Credentials(USER, PASSWORD))
        api = Api(options.pop("url", self.url), credentials, **options)
        self.apis.append(api)
        return api

    def manager(self, **options):
        return Manager(self.api(**options))


@pytest.fixture
def start(certificates, spec):
    """Start a site of the named nodes; every request and answer is checked afterwards."""
    running = []

    def run(*names):
        fake = FakeManager(*names)
        fake.spec = spec
        server = Server(fake, certificates / "server.pem").__enter__()
        site = Site(fake, server, certificates)
        running.append((server, site))
        return site

    yield run
    for server, site in running:
        for api in site.apis:
            api.close()
        server.__exit__()
    assert [text for _, site in running for text in site.fake.violations] == []


@pytest.fixture
def site(start):
    """One manager, in no cluster."""
    return start()


@pytest.fixture
def cluster(start):
    """A master and a worker."""
    return start("master", "worker")


RULES = b'<group name="ci,">\n  <rule id="110001" level="3">\n  </rule>\n</group>\n'
DECODERS = b'<decoder name="wazuh-pack-ci">\n</decoder>\n'


def pack(*files, elements=(), lists=()):
    """A pack of (kind, name, content), by default rules, decoders and a list."""
    files = files or (
        (Kind.RULE, "9100-wazuh-pack-ci.xml", RULES),
        (Kind.DECODER, "9100-wazuh-pack-ci_decoders.xml", DECODERS),
        (Kind.LIST, "ci-runners", b"a remark\nrunner-1:yes\n"),
    )
    return PackSource(
        version="1.0",
        files=tuple(PackFile.of(*file) for file in files),
        conf=ConfBlock(version="1.0", elements=elements, lists=lists),
    )


@pytest.fixture
def small_pack():
    """A function that makes a pack."""
    return pack
