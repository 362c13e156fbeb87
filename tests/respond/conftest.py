"""A host to respond on: a Wazuh home with the built script, a model of execd, namespaces."""

import ctypes
import fcntl
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGTERM

import pytest

from wazuh_pack.bundle import build_bundle

ROOT = Path(__file__).resolve().parents[2]
OWN_HOSTS = ["127.0.0.1", "::1", "198.51.100.0/24", "2001:db8::/32", "10.99.0.0/24"]
"""Where the tests' own hosts live, in network namespaces; everything else stays shut."""
NAME = "wazuh-pack-block-ip"
IP = shutil.which("ip") or "ip"
LIST_SET = ("nft", "-j", "list", "set", "inet", "wazuh_pack")


def pytest_collection_modifyitems(items):
    """Skip what needs network namespaces where there are none."""
    marked = [item for item in items if item.get_closest_marker("network_namespace")]
    for item in marked:
        item.add_marker(pytest.mark.allow_hosts(OWN_HOSTS))
    if marked and not _namespaces_work():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root, ip and nft"))


def _namespaces_work():
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"):
        return False
    name = f"wp-probe-{os.getpid()}"
    steps = [
        (IP, "netns", "add", name),
        (IP, "netns", "exec", name, "nft", "add", "table", "inet", "probe"),
    ]
    done = [subprocess.run(step, check=False, capture_output=True).returncode for step in steps]
    subprocess.run([IP, "netns", "del", name], check=False, capture_output=True)
    return done == [0, 0]


@pytest.fixture(scope="session")
def wait_until():
    """Return a function that waits for a condition, and fails when it does not come about."""

    def wait(condition, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.005)
        return value

    return wait


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The script as it is installed: one file."""
    out = tmp_path_factory.mktemp("bundle") / NAME
    return build_bundle(ROOT / "active_response/block_ip", out).path


def interpreter(version):
    """Return a Python of this version, or None."""
    if version == "{}.{}".format(*sys.version_info):
        return Path(sys.executable).resolve()
    places = [Path("/usr/bin"), Path("/usr/local/bin")]
    places += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    found = [place / f"python{version}" for place in places]
    return next((path.resolve() for path in found if path.exists()), None)


class Manager:
    """A Wazuh home with the script installed, run by the interpreter given."""

    def __init__(self, root, bundle, python):
        self.root = root
        for folder in ("active-response/bin", "logs", "etc/wazuh-pack", "framework/python/bin"):
            (root / folder).mkdir(parents=True)
        (root / "var").mkdir(mode=0o750)
        shutil.copy2(bundle, root / "active-response/bin" / NAME)
        # Where the manager's own Python is; the script tries it first.
        (root / "framework/python/bin/python3.13").symlink_to(python)
        self.log = root / "logs/active-responses.log"
        self.state = root / "var/wazuh-pack/respond/block-ip"
        for folder in (*reversed(self.state.parents[:2]), self.state):
            folder.mkdir(mode=0o700)
        # No process beside the tests' own looks after anything.
        (self.state / "inspected").write_text(repr(time.time()))
        (self.state / "inspected").chmod(0o600)

    def configure(self, text="mode = enforce\n"):
        path = self.root / "etc/wazuh-pack/respond.ini"
        path.write_text(f"[block-ip]\n{text}")
        path.chmod(0o640)

    @property
    def stop(self):
        return self.root / "etc/wazuh-pack/respond.stop"

    def decisions(self):
        """What was logged: the JSON of each line."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        return [json.loads(line.partition(": ")[2]) for line in lines]

    def outcomes(self):
        return [line["wazuh_pack"]["outcome"] for line in self.decisions()]


@pytest.fixture
def manager(tmp_path, bundle):
    """A Wazuh home; the tests' own interpreter runs the script."""
    return Manager(tmp_path / "ossec", bundle, Path(sys.executable).resolve())


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def any_manager(request, tmp_path, bundle):
    """A Wazuh home for each of several versions of Python."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"no Python {request.param} on this machine")
    return Manager(tmp_path / "ossec", bundle, python)


class Execd:
    """Runs scripts as execd does: one at a time, one line in, standard input left open.

    It reads a line from the script, finds the end of the stream instead (that is the stateless
    form), and waits for the script without a limit.
    """

    def __init__(self, manager, namespace=None):
        self.manager = manager
        self._namespace = namespace

    def message(self, target="203.0.113.9", command="add", extra_args=(), **alert):
        document = {
            "version": 1,
            "origin": {"name": "node01", "module": "wazuh-execd"},
            "command": command,
            "parameters": {
                "extra_args": list(extra_args),
                "alert": {
                    "rule": {"id": "110001", "level": 12},
                    "id": "1795303542.0",
                    "agent": {"id": "000", "name": "manager01"},
                    "data": {"srcip": target},
                    **alert,
                },
                "program": f"active-response/bin/{NAME}",
            },
        }
        return json.dumps(document, separators=(",", ":")).encode()

    def start(self, line):
        """Start the script and write its line; stdin stays open."""
        with self._namespace.entered() if self._namespace else ExitStack():
            script = subprocess.Popen(
                [f"active-response/bin/{NAME}"],
                cwd=self.manager.root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        with suppress(BrokenPipeError):  # it ended without reading, which execd does not mind
            script.stdin.write(line + b"\n")
            script.stdin.flush()
        return script

    def finish(self, script):
        """Return what the script said and its status."""
        said = script.stdout.readline()
        with suppress(BrokenPipeError):
            script.stdin.close()
        script.stdout.close()
        return said, script.wait()

    def run(self, line):
        return self.finish(self.start(line))

    def respond(self, *arguments, **options):
        """Run the script for one message and wait until its worker is done with it."""
        before = len(self.manager.decisions())
        assert self.run(self.message(*arguments, **options)) == (b"", 0)
        self.settle(before + 1)
        return self.manager.decisions()[before]["wazuh_pack"]

    def settle(self, lines):
        """Wait until there are as many decisions, and no worker any more."""
        deadline = time.monotonic() + 60
        while len(self.manager.decisions()) < lines or self._waiting():
            assert time.monotonic() < deadline, self.manager.decisions()
            time.sleep(0.005)
        self.leave()

    def leave(self):
        """Have the worker not wait for more messages, and wait until it is gone."""
        with (self.manager.state / "inbox/worker.lock").open("w") as lock:
            while not _lock(lock):
                self._tell_the_worker_to_leave()
                time.sleep(0.005)

    def _tell_the_worker_to_leave(self):
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self.manager.state / "inbox/worker").read_text().split()[0]), SIGTERM)

    def _waiting(self):
        return list((self.manager.state / "inbox").glob("*.message"))


def _lock(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.fixture
def execd(manager):
    """Execd, in the tests' own network namespace."""
    return Execd(manager)


@pytest.fixture
def any_execd(any_manager):
    return Execd(any_manager)


_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """One network namespace."""

    def __init__(self, name):
        self.name = name
        self("ip", "link", "set", "lo", "up", outside=(IP, "netns", "add", name))

    def __call__(self, *argv, outside=None, stdin=None):
        if outside:
            subprocess.run(outside, check=True)
        done = subprocess.run(
            [IP, "netns", "exec", self.name, *argv],
            check=True,
            text=True,
            input=stdin,
            stdout=subprocess.PIPE,
        )
        return done.stdout

    @contextmanager
    def entered(self):
        """Sockets and processes made within belong to the namespace."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as ns:  # noqa: PTH123 -- handles of the kernel
            _setns(ns.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def socket(self, kind, family=socket.AF_INET):
        with self.entered():
            sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        return sock

    def elements(self, name):
        """Return the timeouts of a set's elements by address; none when there is no such set."""
        done = subprocess.run(
            [IP, "netns", "exec", self.name, *LIST_SET, name],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            return {}
        (found,) = [x["set"] for x in json.loads(done.stdout)["nftables"] if "set" in x]
        return {e["elem"]["val"]: e["elem"]["timeout"] for e in found.get("elem", [])}

    def dropped(self, name="hosts4"):
        """Return how many packets were dropped because of a set."""
        found = json.loads(self("nft", "-j", "list", "counters", "table", "inet", "wazuh_pack"))
        counters = [x["counter"] for x in found["nftables"] if "counter" in x]
        return next(c["packets"] for c in counters if c["name"] == name)

    def remove(self):
        subprocess.run([IP, "netns", "del", self.name], check=False)


class Network:
    """An attacker, the host we defend, and a container behind it.

    The attacker (198.51.100.2 and .3, 2001:db8:5::2) reaches the host (198.51.100.1, 2001:db8:5::1
    and 10.99.0.1), which forwards to the container (10.99.0.2).
    """

    ATTACKER, OTHER, ATTACKER6 = "198.51.100.2", "198.51.100.3", "2001:db8:5::2"
    HOST, HOST6, CONTAINER = "198.51.100.1", "2001:db8:5::1", "10.99.0.2"

    def __init__(self, stack):
        def namespace(kind):
            made = Namespace(f"wp-{kind}-{os.getpid()}-{next(_numbers)}")
            stack.callback(made.remove)
            return made

        self.attacker, self.host, self.container = map(namespace, ("attacker", "host", "box"))
        self._join(self.attacker, self.host)
        self._join(self.container, self.host)
        self._address(self.attacker, "to-host", f"{self.ATTACKER}/24", f"{self.OTHER}/24")
        self._address(self.attacker, "to-host", f"{self.ATTACKER6}/64")
        self._address(self.host, "to-attacker", f"{self.HOST}/24", f"{self.HOST6}/64")
        self._address(self.host, "to-box", "10.99.0.1/24")
        self._address(self.container, "to-host", f"{self.CONTAINER}/24")
        self.attacker("ip", "route", "add", "10.99.0.0/24", "via", self.HOST)
        self.container("ip", "route", "add", "default", "via", "10.99.0.1")
        self.host("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    @staticmethod
    def _join(guest, host):
        kind = guest.name.split("-")[1]
        subprocess.run(
            [
                *(IP, "link", "add", "to-host", "netns", guest.name, "type", "veth"),
                *("peer", "name", f"to-{kind}", "netns", host.name),
            ],
            check=True,
        )
        guest("ip", "link", "set", "to-host", "up")
        host("ip", "link", "set", f"to-{kind}", "up")

    @staticmethod
    def _address(where, link, *addresses):
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            where("ip", "addr", "add", address, "dev", link, *nodad)


@pytest.fixture
def network():
    """Three namespaces joined by veth pairs."""
    with ExitStack() as stack:
        yield Network(stack)


@pytest.fixture
def host(network, manager):
    """Execd on the defended host, in enforcing mode."""
    manager.configure()
    return Execd(manager, network.host)


class Udp:
    """A UDP server and a client of it; every datagram says whether it came through."""

    def __init__(self, stack, *, server, address, client, source, port=5300):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.server = stack.enter_context(server.socket(socket.SOCK_DGRAM, family))
        self.server.bind((address, port))
        self.client = stack.enter_context(client.socket(socket.SOCK_DGRAM, family))
        self.client.bind((source, 0))
        self.client.connect((address, port))
        self._number = 0

    def passes(self):
        """Send one datagram; return whether it is there."""
        self._number += 1
        text = b"%d" % self._number
        self.client.send(text)
        try:
            while self.server.recv(100) != text:
                continue
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def udp():
    """Return a function that makes a UDP flow."""
    with ExitStack() as stack:
        yield lambda **options: Udp(stack, **options)


@pytest.fixture
def attack(network, udp):
    """Return a function that makes a UDP flow from the attacker to the host."""

    def flow(source=network.ATTACKER, **options):
        ends = {"server": network.host, "address": network.HOST, "client": network.attacker}
        return udp(**ends, source=source, **options)

    return flow


class Tcp:
    """An established TCP connection."""

    def __init__(self, stack, wait_until, *, server, address, client, source, port=5301):
        listener = stack.enter_context(server.socket(socket.SOCK_STREAM))
        listener.bind((address, port))
        listener.listen()
        self.client = stack.enter_context(client.socket(socket.SOCK_STREAM))
        self.client.bind((source, 0))
        self.client.connect_ex((address, port))
        self.server = stack.enter_context(wait_until(lambda: self._accept(listener)))
        self.server.setblocking(False)

    @staticmethod
    def _accept(listener):
        try:
            return listener.accept()[0]
        except BlockingIOError:
            return None

    def received(self):
        """Return what the server got so far and has not returned yet."""
        try:
            return self.server.recv(1000)
        except BlockingIOError:
            return b""


@pytest.fixture
def tcp(wait_until):
    """Return a function that makes a TCP connection."""
    with ExitStack() as stack:
        yield lambda **options: Tcp(stack, wait_until, **options)
