"""Every call of ours against Prism, a mock server that Wazuh's API description drives.

Prism refuses requests that the description does not allow, and answers with the description's own
examples: names and shapes that nobody here made up. It keeps no state and speaks no TLS, so it sits
behind a proxy; what a deployment does over many requests is tested against the stateful fake.
"""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wazuh_pack.deploy import Api, Credentials, Manager
from wazuh_pack.errors import ApiRefusedError
from wazuh_pack.install import Kind

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = "openapi/wazuh-4.14.7-api.yaml"
KEPT = ("Authorization", "Content-Type", "Accept", "Content-Length")


class Forward(BaseHTTPRequestHandler):
    """Hands requests on to Prism."""

    protocol_version = "HTTP/1.1"

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: self.headers[name] for name in KEPT if name in self.headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.prism, timeout=60)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.server.seen.append((self.command, self.path, answer.status, content))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def prism():
    """The port of a running Prism."""
    node, program = shutil.which("node"), os.environ.get("WAZUH_PACK_PRISM", "")
    shared = Path(os.environ.get("WAZUH_PACK_SHARED", ROOT.parent / "shared")) / DESCRIPTION
    if node is None or not program:
        pytest.skip("needs Prism: WAZUH_PACK_PRISM is what tools/prism/install.sh prints")
    if not shared.is_file():
        pytest.skip(f"needs {shared}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [node, program, "mock", shared, "-h", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = threading.Thread(target=process.stdout.read)
    try:
        for line in process.stdout:
            if "Prism is listening" in line:
                break
        else:
            reader.start()
            pytest.fail("Prism ended")
        reader.start()
        yield port
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


@pytest.fixture
def proxy(prism, certificates):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    server.prism, server.seen = prism, []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def manager(proxy, certificates):
    url = f"https://127.0.0.1:{proxy.server_port}"
    api = Api(url, Credentials("wazuh", "wazuh"), ca=certificates / "ca.pem")
    yield Manager(api)
    api.close()
    assert [seen for seen in proxy.seen if seen[2] >= 400] == []


def test_questions_about_the_manager_and_its_cluster(manager):
    manager.version()  # accepted; the description's example leaves out the `data` around it
    nodes = manager.nodes()
    assert nodes[0].is_master
    assert {node.is_master for node in nodes[1:]} == {False}
    assert manager.asked_node().name
    assert manager.unsynced() == ()
    assert manager.invalid_nodes(cluster=True) == {}
    assert manager.invalid_nodes(cluster=False) == {}
    assert [line.tag for line in manager.log(None, level="error")]
    assert [line.tag for line in manager.log("worker1", level="info", search="Started (pid")]


@pytest.mark.parametrize("kind", [Kind.RULE, Kind.DECODER, Kind.LIST])
def test_files_are_listed_written_and_removed(manager, kind):
    name = "9100-wazuh-pack-ci" if kind is Kind.LIST else "9100-wazuh-pack-ci.xml"
    manager.file_names(kind)
    manager.upload(kind, name, b"a:b\n" if kind is Kind.LIST else b"<group/>\n")
    manager.delete(kind, name)


def test_ossec_conf_is_written_and_rules_are_loaded(manager):
    for node in (None, "worker1"):
        manager.write_configuration(node, b"<ossec_config></ossec_config>\n")
    for cluster in (False, True):
        assert isinstance(manager.reload(cluster=cluster), dict)
        manager.restart(cluster=cluster)


def test_events_are_tested_in_a_session(manager):
    tested = manager.logtest("an event", "/var/log/x", "")
    assert tested.token
    assert tested.rule > 0
    manager.end_logtest(tested.token)


def test_prism_refuses_what_the_description_does_not_allow(proxy, certificates):
    url = f"https://127.0.0.1:{proxy.server_port}"
    api = Api(url, Credentials("wazuh", "wazuh"), ca=certificates / "ca.pem")
    with pytest.raises(ApiRefusedError):
        api.call("GET", "/manager/logs", params={"level": "loud"})
    api.close()
