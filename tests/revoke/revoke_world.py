"""A manager to revoke on: configuration, a clock that never waits, providers that are made up."""

import base64
import json
import threading
import zlib
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from wazuh_pack.agentkit.jsonlog import DecisionLog
from wazuh_pack.revoke.audit import Audit
from wazuh_pack.revoke.call import Reply
from wazuh_pack.revoke.context import Place
from wazuh_pack.revoke.intake import Intake
from wazuh_pack.revoke.jobs import JobStore
from wazuh_pack.revoke.lane import Lane

NOW = 1_795_303_542.0
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github_token(number=1, prefix="ghp_"):
    """Return a classic GitHub token that was never given to anybody, with a right checksum."""
    secret = f"{number:030d}"
    rest, digits = zlib.crc32(secret.encode()), ""
    while rest:
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    return prefix + secret + digits.rjust(6, "0")


def service_account_token(claims):
    def part(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.{'c2lnbmF0dXJl' * 4}"


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self):
        self.now = NOW
        self.pauses = []

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


class Scripted:
    """A transport that answers from a list, and remembers what it was asked."""

    def __init__(self, clock):
        self.answers = deque()
        self.asked = []
        self.times = []
        self._clock = clock

    def send(self, call, headers):
        self.asked.append((call.method, call.path, call.json, {**headers, **call.headers}))
        self.times.append(self._clock())
        answer = self.answers.popleft()
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(*answer)

    def close(self):
        pass

    @property
    def calls(self):
        return [f"{method} {path}" for method, path, _, _ in self.asked]


class OneToken:
    """A transport to a GitHub that knows one token, until that is revoked."""

    def __init__(self):
        self.live = True

    def send(self, call, _):
        if call.method == "POST":
            self.live = False
            return Reply(202)
        return Reply(200, {}, {"login": "x"}) if self.live else Reply(401)

    def close(self):
        pass


class World:
    """One manager."""

    def __init__(self, root):
        self.root = root
        self.etc = root / "etc"
        self.etc.mkdir(parents=True)
        (root / "state").mkdir()
        self.log = root / "log"
        self.clock = Clock()
        self.script = Scripted(self.clock)
        self.place = Place(str(self.etc), str(root / "state"), {})

    def configure(self, text, *, mode="enforce", general=""):
        path = self.etc / "revoke.ini"
        path.write_text(f"[revoke-token]\nmode = {mode}\n{general}\n{text}")
        path.chmod(0o640)

    def secrets(self, text):
        path = self.etc / "revoke.secrets"
        path.write_text(text)
        path.chmod(0o640)

    def with_environment(self, **variables):
        """Return this manager's place as a process with these variables finds it."""
        return Place(self.place.etc, self.place.state, variables)

    def message(self, *arguments, command="add", rule="110512", **alert):
        document = {
            "version": 1,
            "origin": {"name": "node01", "module": "wazuh-execd"},
            "command": command,
            "parameters": {
                "extra_args": list(arguments),
                "alert": {
                    "rule": {"id": rule, "level": 12},
                    "id": "1795303542.0",
                    "agent": {"id": "000"},
                    "decoder": {"name": "json"},
                    "location": "/var/log/leaks.json",
                    **alert,
                },
                "program": "active-response/bin/wazuh-pack-revoke-token",
            },
        }
        return json.dumps(document).encode()

    def audit(self):
        return Audit(DecisionLog(str(self.log), "wazuh-pack-revoke-token"))

    def ask(self, *arguments, **options):
        """Let an alert be decided about; return the log's new lines."""
        return self.take(self.message(*arguments, **options))

    def take(self, message):
        before = len(self.lines())
        Intake(self.place, self.audit(), self.clock).handle([message])
        return self.lines()[before:]

    def run(self, instance, connect=None):
        """Work off an instance's jobs; return the log's new lines."""
        before = len(self.lines())
        self.lane(instance, connect).run()
        return self.lines()[before:]

    def lane(self, instance, connect=None):
        return Lane(
            instance,
            self.place,
            self.audit(),
            connect=connect or (lambda *_: self.script),
            clock=self.clock,
            pause=self.clock.pause,
            jitter=lambda: 1.0,
        )

    def lines(self):
        if not self.log.exists():
            return []
        return [
            json.loads(line.partition(": ")[2])["wazuh_pack"]
            for line in self.log.read_text().splitlines()
        ]

    def jobs(self):
        return JobStore(f"{self.root}/state/enforce/jobs").all()

    def everything_written(self):
        """Return all bytes that are on the disk of this manager, its configuration left out."""
        files = [p for p in self.root.rglob("*") if p.is_file() and p.parent != self.etc]
        return b"".join(path.read_bytes() for path in files)


class Fake:
    """A provider on the loopback: routes with state behind them, and faults on demand."""

    def __init__(self):
        self.routes = {}
        self.faults = deque()
        self.seen = []
        self.release = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                fake.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 -- the library's names

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def route(self, method, path, answer):
        """Answer a request with ``answer(body, headers) -> status[, body[, headers]]``."""
        self.routes[method, path] = answer

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = urlsplit(handler.path).path
        self.seen.append((handler.command, handler.path, body, dict(handler.headers)))
        fault = self.faults.popleft() if self.faults else None
        if fault == "drop":
            handler.connection.close()
            handler.close_connection = True
            return
        if fault == "hang":
            self.release.wait()
            handler.close_connection = True
            return
        if fault == "trickle":
            self._trickle(handler)
            return
        answer = fault or self.routes.get((handler.command, path), lambda *_: 404)
        found = answer(body, handler.headers) if callable(answer) else answer
        status, content, headers = (*((found,) if isinstance(found, int) else found), None, None)[
            :3
        ]
        data = b"" if content is None else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if status != 204:
            handler.wfile.write(data)

    def _trickle(self, handler):
        """Send a byte now and then, so that no silence is ever long."""
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(200):
            if self.release.wait(0.05):
                return
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    def calls(self):
        return [f"{method} {path}" for method, path, _, _ in self.seen]

    def close(self):
        self.release.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
