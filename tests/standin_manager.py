"""A tree that answers like a manager: programs for ``-t``, sockets served by our engine.

``bin/`` holds small programs that note their calls in ``calls`` and do what a script says.
"""

import contextlib
import json
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from pytest_socket import socket_allow_hosts

from wazuh_pack import resources
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.install import scaffold_home

DAEMONS = ("wazuh-analysisd", "wazuh-execd", "wazuh-modulesd", "wazuh-logcollector")
PROGRAM = """\
#!/bin/sh
VERSION="v4.14.7"
TYPE="server"
name=${0##*/}
home=${0%/*}/..
echo "$name $*" >>"$home/calls"
if [ "$name $*" = "wazuh-control restart" ]; then
  for file in "$home"/var/run/*.pid; do [ ! -f "$file" ] || touch "$file"; done
fi
if [ -f "$home/script/$name" ]; then . "$home/script/$name"; fi
"""
LENGTH = struct.Struct("<I")


@dataclass
class StandIn:
    """The manager; use :meth:`start` to let it run."""

    home: object
    process: object = None
    servers: list = field(default_factory=list)
    reload_answer: dict = field(default_factory=lambda: {"error": 0, "message": "ok", "data": []})
    asked: list = field(default_factory=list)
    sessions: dict = field(default_factory=dict)

    def build(self, version="4.14.7"):
        scaffold_home(self.home)
        (self.home / "VERSION.json").write_text(json.dumps({"version": version}))
        for part in ("rules", "decoders"):
            shutil.copytree(
                resources.stock() / part, self.home / "ruleset" / part, dirs_exist_ok=True
            )
        for name in (*DAEMONS, "wazuh-control"):
            program = self.home / "bin" / name
            program.write_text(PROGRAM)
            program.chmod(0o750)
        (self.home / "script").mkdir()
        (self.home / "logs/ossec.log").write_text("")
        return self

    def script(self, name, *, when="", say="", code=0, hang=False, flood=False):
        """Let a program do this from now on, or only while the file ``when`` exists."""
        lines = [f"printf '%s' {shlex.quote(say)} >&2"]
        lines += ["sleep 600"] if hang else []
        lines += (
            ["while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"] if flood else []
        )
        lines += [f"exit {code}"]
        if when:
            lines = [f'if [ -e "$home/{when}" ]; then', *lines, "fi"]
        (self.home / "script" / name).write_text("\n".join(lines) + "\n")

    @property
    def calls(self):
        path = self.home / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *, reloads=True, logtest=True):
        """Let it seem to run: a process of analysisd's name with its pid file, and the sockets."""
        folder = self.home / "script/bin"
        folder.mkdir(exist_ok=True)
        shutil.copy(shutil.which("sleep"), folder / DAEMONS[0])
        self.process = subprocess.Popen([folder / DAEMONS[0], "600"])
        self.pid_file.write_text("")
        if reloads:
            self.serve("analysis", self.answer_analysis)
        if logtest:
            self.serve("logtest", self.answer_logtest)
        return self

    @property
    def pid_file(self):
        return self.home / "var/run" / f"{DAEMONS[0]}-{self.process.pid}.pid"

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for server, thread in self.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
        self.servers.clear()

    def serve(self, name, answer):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(self.home / "queue/sockets" / name))
        server.listen()
        thread = threading.Thread(target=self._accept, args=(server, answer), daemon=True)
        thread.start()
        self.servers.append((server, thread))

    def _accept(self, server, answer):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                head = client.recv(LENGTH.size, socket.MSG_WAITALL)
                if len(head) < LENGTH.size:
                    continue
                (length,) = LENGTH.unpack(head)
                request = json.loads(client.recv(length, socket.MSG_WAITALL))
                body = answer(request)
                if isinstance(body, dict):
                    body = json.dumps(body).encode()
                    body = LENGTH.pack(len(body)) + body
                client.sendall(body)

    def answer_analysis(self, request):
        self.asked.append(request["command"])
        return self.reload_answer

    def answer_logtest(self, request):
        """Answer as analysisd 4.14.7's logtest; a session loads what is on disk when it opens."""
        parameters = request["parameters"]
        if request["command"] == "remove_session":
            self.sessions.pop(parameters["token"], None)
            return {"error": 0, "data": {"codemsg": 0}}
        token = parameters.get("token")
        data = {}
        if token not in self.sessions:
            ruleset = Ruleset.from_manager_home(self.home)
            token = f"{len(self.asked):08x}"
            self.sessions[token] = ruleset.session()
            data["messages"] = [
                f"{d.severity.name}: ({d.code}): {d.message}" for d in ruleset.diagnostics
            ]
        self.asked.append("logtest")
        result = self.sessions[token].process(parameters["event"], location=parameters["location"])
        output = result.output()
        return {
            "error": 0,
            "data": {**data, "token": token, "output": output, "alert": result.alert, "codemsg": 0},
        }


@contextlib.contextmanager
def standin():
    """Yield a stand-in that does not run yet; its path is short enough for sockets."""
    home = Path(tempfile.mkdtemp(prefix="wp-"))
    manager = StandIn(home).build()
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    try:
        yield manager
    finally:
        manager.stop()
        shutil.rmtree(home)
