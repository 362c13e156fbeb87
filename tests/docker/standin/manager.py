"""A stand-in for a manager's daemons, inside the stand-in image: served by our own engine.

It speaks what the harness and the installer ask of Wazuh 4.14.7: logtest's and analysisd's sockets,
the queue, alerts.json, execd, command wodles, and logcollector for one file. It is no proof of
anything about Wazuh; it lets the harness's own code run where Wazuh's image cannot be had.

``manager.py run`` is all daemons in one process; ``control WORD`` and ``test NAME`` are what
``wazuh-control WORD`` and ``NAME -t`` do.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Queue

from wazuh_pack import xmlio
from wazuh_pack.diagnostics import Severity
from wazuh_pack.engine.result import Mode
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.errors import PackError
from wazuh_pack.serve import Responder, RulesetSource, Server, SessionStore
from wazuh_pack.verify.choice import RulesetChoice
from wazuh_pack.verify.execd import configured, execute, triggered

HOME = Path("/var/ossec")
DAEMON = "wazuh-analysisd"
LENGTH = struct.Struct("<I")
LOG = HOME / "logs/ossec.log"
ALERTS = HOME / "logs/alerts/alerts.json"
RESPONSES = HOME / "logs/active-responses.log"
LONGEST = 65_536 + 512
SECONDS = 30


def log(daemon, level, text):
    """Write a line as Wazuh's daemons do."""
    stamp = time.strftime("%Y/%m/%d %H:%M:%S")
    line = f"{stamp} {daemon}: {level}: {text}\n"
    with LOG.open("a") as stream:
        stream.write(line)
    sys.stderr.write(line)


def load(daemon=DAEMON):
    """Load what is on disk and log what analysisd would."""
    ruleset = Ruleset.from_manager_home(HOME)
    for found in ruleset.diagnostics:
        level = "WARNING" if found.severity is Severity.WARNING else "ERROR"
        log(daemon, level, f"({found.code}): {found.message}" if found.code else found.message)
    return ruleset


def compile_lists():
    """Make what analysisd makes of every list that the configuration names."""
    for root in xmlio.read_file(HOME / "etc/ossec.conf"):
        for section in root.children:
            for node in section.children if section.name == "ruleset" else ():
                path = HOME / node.content.decode()
                if node.name == "list" and path.is_file():
                    path.with_name(f"{path.name}.cdb").write_bytes(b"compiled")


class Manager:
    """All daemons."""

    def __init__(self):
        self.lock = threading.Lock()
        self.jobs = Queue()
        self.written = "0.0"
        self.load()

    def load(self):
        compile_lists()
        session = load().session(mode=Mode.DAEMON)
        with self.lock:
            self.session = session
            self.responses = configured(HOME / "etc/ossec.conf")

    def judge(self, line, location):
        """Do what analysisd does with an event."""
        with self.lock:
            result = self.session.process(line, location=location, time=time.time())
            if not result.alert:
                return
            alert = result.as_alert()
            with ALERTS.open("a") as stream:
                stream.write(json.dumps(alert, separators=(",", ":")) + "\n")
            for response in triggered(self.responses, str(result.rule_id)):
                # analysisd's threads mostly give the id of what was written last
                self.jobs.put((response, {**alert, "id": self.written}))
            self.written = alert["id"]

    def receive(self, server):
        """Read the queue: ``1:location:message``, with ``|`` in front of ``|`` and ``:``."""
        while True:
            message = server.recv(LONGEST)
            place, line = split(message[2:])
            self.judge(line, place)

    def execd(self):
        """Run responses, one after the other."""
        while True:
            execute(*self.jobs.get(), HOME)

    def answer_analysis(self, server):
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                head = client.recv(LENGTH.size, socket.MSG_WAITALL)
                if len(head) < LENGTH.size:
                    continue
                client.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
                self.load()
                body = json.dumps({"error": 0, "message": "ok", "data": []}).encode()
                client.sendall(LENGTH.pack(len(body)) + body)

    def wodles(self):
        """Run every command wodle that runs on start, once."""
        for root in xmlio.read_file(HOME / "etc/ossec.conf"):
            for node in root.children:
                if node.name == "wodle" and dict(node.attributes).get("name") == b"command":
                    self.wodle({child.name: child.content.decode() for child in node.children})

    def wodle(self, settings):
        if settings.get("disabled") == "yes" or settings.get("run_on_start") != "yes":
            return
        done = subprocess.run(settings["command"].split(), stdout=subprocess.PIPE, check=False)
        if done.returncode:
            text = f"Command '{settings['tag']}' returned exit code {done.returncode}."
            log("wazuh-modulesd:command", "WARNING", text)
        for line in done.stdout.splitlines():
            self.judge(line, f"command_{settings['tag']}")

    def logcollector(self):
        """Follow the file that a default configuration follows."""
        with RESPONSES.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            while True:
                line = stream.readline()
                if line.endswith(b"\n"):
                    self.judge(line.rstrip(b"\n"), str(RESPONSES))
                else:
                    stream.seek(-len(line), os.SEEK_CUR)
                    time.sleep(0.2)

    def run(self):
        """Serve until a signal comes."""
        threading.excepthook = lambda told: log(DAEMON, "CRITICAL", f"(1): {told.exc_value!r}")
        Path("/proc/self/comm").write_text(DAEMON)
        pid_file = HOME / f"var/run/{DAEMON}-{os.getpid()}.pid"
        queue = bind("queue", socket.SOCK_DGRAM)
        analysis = bind("analysis", socket.SOCK_STREAM)
        analysis.listen()
        choice = RulesetChoice(home=HOME)
        sessions = SessionStore()
        path = HOME / "queue/sockets/logtest"
        with Server(
            path, Responder(RulesetSource(choice.load, choice.stamp), sessions), sessions
        ) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            for work in (
                lambda: self.receive(queue),
                lambda: self.answer_analysis(analysis),
                self.execd,
                self.wodles,
                self.logcollector,
            ):
                threading.Thread(target=work, daemon=True).start()
            pid_file.write_text(f"{os.getpid()}\n")
            log(DAEMON, "INFO", f"Started (pid: {os.getpid()}).")
            server.run()
        pid_file.unlink(missing_ok=True)


def split(message):
    """Return location and text of a message of the queue."""
    place = bytearray()
    index = 0
    while message[index : index + 1] != b":":
        if message[index : index + 1] == b"|":
            index += 1
        place += message[index : index + 1]
        index += 1
    return bytes(place), message[index + 1 :]


def bind(name, kind):
    path = HOME / "queue/sockets" / name
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(str(path))
    path.chmod(0o660)
    return server


def running():
    """Return the process of the daemons, None when they do not run."""
    for path in (HOME / "var/run").glob(f"{DAEMON}-*.pid"):
        number = path.stem.rpartition("-")[2]
        with contextlib.suppress(OSError):
            if Path(f"/proc/{number}/comm").read_text().strip() == DAEMON:
                return int(number)
    return None


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"it did not {what}")
        time.sleep(0.05)


def start():
    if running() is None:
        argv = [sys.executable, __file__, "run"]
        null = subprocess.DEVNULL
        subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True)
        until(running, "start")


def stop():
    pid = running()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until(lambda: running() is None, "stop")
        # authd writes it anew when it ends, and does not give it back to wazuh
        os.chown(HOME / "etc/client.keys", 0, -1)


def control(word):
    if word in {"stop", "restart"}:
        stop()
    if word in {"start", "restart"}:
        start()
    if word == "status":
        print(f"{DAEMON} {'is running' if running() else 'not running'}...")  # noqa: T201 - its output


def test(name):
    """Load the configuration, as ``-t`` does."""
    try:
        if name == DAEMON:
            compile_lists()
            load(name)
        else:
            list(xmlio.read_file(HOME / "etc/ossec.conf"))
    except PackError as error:
        log(name, "CRITICAL", f"(1202): {error}")
        sys.exit(1)


def init():
    """Be the first process of a container: start the daemons, then collect what ends."""
    control("start")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        signal.sigtimedwait([signal.SIGCHLD], 1.0)


if __name__ == "__main__":
    {"run": lambda: Manager().run(), "control": control, "test": test, "init": init}[sys.argv[1]](
        *sys.argv[2:]
    )
