"""The ports that a real Docker engine publishes, on real packets.

The engine is the test's own and runs in the defended host's namespace, so that neither the
machine's firewall nor an engine that others use is touched. Its one image is made of a static
busybox; nothing is pulled.
"""

import io
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.network_namespace

PROGRAMS = ("docker", "dockerd", "containerd", "iptables")
PORT = 5310
ECHO = ["/busybox", "nc", "-ll", "-p", "80", "-e", "/busybox", "cat"]
LOADER = b"/ld-linux"


@pytest.fixture
def busybox():
    """A busybox that runs where there is nothing else."""
    path = Path(shutil.which("busybox") or "/bin/busybox")
    if not path.exists() or LOADER in path.read_bytes():
        pytest.skip("no static busybox on this machine (Debian: busybox-static)")
    return path


class Engine:
    """A Docker engine in a namespace."""

    def __init__(self, namespace, folder):
        self.folder = folder
        self.socket = f"unix://{folder}/docker.sock"
        self.log = (folder / "log").open("wb")
        self.namespace = namespace
        self.processes = []
        # Started here, because the engine gives its own only a few seconds to come up.
        self._start(
            *("containerd", "--address", f"{folder}/containerd.sock"),
            *("--root", f"{folder}/containerd", "--state", f"{folder}/tasks"),
        )

    def begin(self):
        folder = self.folder
        self._start(
            *("dockerd", "--host", self.socket, "--pidfile", f"{folder}/pid"),
            *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
            *("--containerd", f"{folder}/containerd.sock"),
            *("--storage-driver", "vfs", "--bip", "172.31.200.1/24"),
        )

    def _start(self, name, *words):
        # Not with ip netns exec: that mounts a /sys without cgroups.
        with self.namespace.entered():
            argv = [shutil.which(name), *words]
            self.processes.append(subprocess.Popen(argv, stdout=self.log, stderr=self.log))

    def __call__(self, *words, stdin=None, check=True):
        done = subprocess.run(
            [shutil.which("docker"), "--host", self.socket, *words],
            check=False,
            input=stdin,
            capture_output=True,
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def ended(self):
        return any(process.poll() is not None for process in self.processes)

    def answers(self):
        return self.ended() or self("version", check=False)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(60)
        self.log.close()
        # The engine leaves its folder mounted on itself, so that nobody could remove it.
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in sorted(mounts, reverse=True):
            if place.startswith(f"{self.folder}/"):
                subprocess.run([shutil.which("umount"), place], check=True)


@pytest.fixture
def engine(network, tmp_path, wait_until):
    """A Docker engine on the defended host."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        pytest.skip(f"no {missing[0]} on this machine")
    engine = Engine(network.host, tmp_path)
    try:
        wait_until(lambda: engine.ended() or (tmp_path / "containerd.sock").exists(), seconds=60)
        engine.begin()
        wait_until(engine.answers, seconds=60)
        if engine.ended():
            said = (tmp_path / "log").read_text().splitlines()
            pytest.skip(f"no engine can be started here: {said[-1] if said else 'no word'}")
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def published(engine, network, busybox, wait_until):
    """A container that echoes what is sent to the host's published port."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(busybox, "busybox")
    engine("import", "-", "wp-block-echo", stdin=stream.getvalue())
    where = f"{network.HOST}:{PORT}:80"
    container = engine("run", "--detach", "--publish", where, "wp-block-echo", *ECHO)
    wait_until(lambda: _listens(network))
    yield container
    engine("rm", "--force", container)


def _listens(network):
    with network.attacker.socket(socket.SOCK_STREAM) as client:
        client.settimeout(5)
        return client.connect_ex((network.HOST, PORT)) == 0 and _echo(client)


def _echo(client):
    try:
        client.send(b"hello")
        return client.recv(5) == b"hello"
    except OSError:
        return False  # the engine's proxy listens before the container does


class Client:
    """A connection to the published port from one address."""

    def __init__(self, network, source):
        self.socket = network.attacker.socket(socket.SOCK_STREAM)
        self.socket.bind((source, 0))
        self.socket.connect_ex((network.HOST, PORT))

    def echoes(self, text):
        """Send something; return whether it comes back, now or by what was sent before."""
        try:
            self.socket.send(text)
            return text in self.socket.recv(1000)
        except (BlockingIOError, OSError):
            return False


@pytest.fixture
def connect(network):
    clients = []

    def connect(source):
        clients.append(Client(network, source))
        return clients[-1]

    yield connect
    for client in clients:
        client.socket.close()


def test_a_blocked_address_does_not_reach_a_published_port(
    network, host, published, connect, wait_until
):
    assert published
    bad, good = connect(network.ATTACKER), connect(network.OTHER)
    for client in (bad, good):
        wait_until(lambda client=client: client.echoes(b"before"))

    assert host.respond(network.ATTACKER)["outcome"] == "blocked"
    dropped = network.host.dropped()
    bad.echoes(b"established")
    wait_until(lambda: network.host.dropped() > dropped)
    dropped = network.host.dropped()
    late = connect(network.ATTACKER)
    wait_until(lambda: network.host.dropped() > dropped)
    wait_until(lambda: good.echoes(b"during"))
    assert (bad.echoes(b"x"), late.echoes(b"x")) == (False, False)

    host.respond(network.ATTACKER, command="delete")
    wait_until(lambda: late.echoes(b"after"))
