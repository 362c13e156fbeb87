"""A stateful stand-in for a manager's API, or a cluster's: TLS on loopback, faults on demand."""

import base64
import json
import re
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from spec import ViolationError

USER, PASSWORD = "deployer", "correct horse"
KINDS = {"rules": "etc/rules", "decoders": "etc/decoders", "lists": "etc/lists"}
ABSENT = {"rules": 1415, "decoders": 1503, "lists": 1802}
RULE = re.compile(rb'<rule id="(\d+)"')
CONF = b"""<ossec_config>
  <global>
    <jsonout_output>yes</jsonout_output>
  </global>
  <ruleset>
    <decoder_dir>ruleset/decoders</decoder_dir>
    <rule_dir>ruleset/rules</rule_dir>
    <list>etc/lists/audit-keys</list>
    <decoder_dir>etc/decoders</decoder_dir>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
</ossec_config>
"""


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.time = 1000.0
        self.slept = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class FakeNode:
    """What one node has on disk and has logged; ``loaded`` are the rules in force."""

    name: str
    role: str = "master"
    conf: bytes = CONF
    files: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    loaded: dict = field(default_factory=dict)
    lag: float = 0
    """How many more questions about synchronisation until it has the master's files."""
    loads: bool = True


@dataclass
class Fault:
    """What goes wrong the next ``times`` times that a request matches."""

    match: str
    status: int = 0
    """Status to answer with; 0: close the connection."""
    times: float = 1
    done: bool = False
    """Carry out the request before."""


class FakeManager:
    """The state, and what requests do to it."""

    def __init__(self, *names):
        names = names or ("manager",)
        self.cluster = len(names) > 1
        self.nodes = {
            name: FakeNode(name, "worker" if index else "master")
            for index, name in enumerate(names)
        }
        self.asked = names[0]
        self.version = "4.14.7"
        self.faults = []
        self.violations = []
        self.requests = []
        self.tokens = set()
        self.logins = 0
        self.invalid = set()
        self.warn = lambda _node: []
        self.rewrite = lambda content: content
        self.spec = None
        self.ticks = 0
        self.restarts = Counter()
        self.hidden = b""
        self.checks_tell = True
        self.sessions = {}
        self.listed = {}
        """What listings show until the next login; Wazuh keeps names for ten seconds."""
        self.open_session = lambda _files: lambda _line, _location: 110001

    @property
    def master(self):
        return next(iter(self.nodes.values()))

    def answer(self, method, target, headers, body):
        """Return (status, content type, bytes), or None to close the connection."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        self.requests.append(f"{method} {parts.path}")
        if self.spec:
            try:
                self.spec.check_request(method, parts.path, query, headers, body)
            except ViolationError as error:
                self.violations.append(str(error))
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.match, f"{method} {target}"):
                fault.times -= 1
                if fault.done:
                    self.handle(method, parts.path, query, headers, body)
                if not fault.status:
                    return None
                return problem(fault.status, "made to fail")
        status, content_type, content = self.handle(method, parts.path, query, headers, body)
        if self.spec and status < 500:
            try:
                self.spec.check_answer(method, parts.path, status, content_type, content)
            except ViolationError as error:
                self.violations.append(f"the fake: {error}")
        return status, content_type, content

    def handle(self, method, path, query, headers, body):
        if path == "/security/user/authenticate":
            return self.log_in(headers)
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return problem(401, "No authorization token provided")
        return self.authorised(method, path.strip("/").split("/"), query, body)

    def authorised(self, method, parts, query, body):
        if parts[0] in KINDS:
            return self.files(method, parts, query, body)
        if parts[0] == "logtest":
            return self.logtest(method, parts, body)
        if parts[0] == "manager":
            return self.node(self.master, method, parts[1:], query, body)
        if parts[0] == "cluster":
            return self.of_cluster(method, parts[1:], query, body)
        return reply({"data": {"title": "Wazuh API REST", "api_version": self.version}})

    def log_in(self, headers):
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("Authorization") != f"Basic {wanted}":
            return problem(401, "Invalid credentials")
        self.logins += 1
        self.listed.clear()
        token = f"token-{self.logins}"
        self.tokens.add(token)
        return reply({"data": {"token": token}, "error": 0})

    def logtest(self, method, parts, body):
        if method == "DELETE":
            self.sessions.pop(parts[2])
            return reply({"error": 0, "data": {"messages": [], "codemsg": 0}})
        asked = json.loads(body)
        token = asked.get("token") or f"8cd2d6d{len(self.sessions)}"
        messages = []
        if token not in self.sessions:
            self.sessions[token] = self.open_session(dict(self.master.files))
            messages = [f"INFO: (7202): Session initialized with token '{token}'"]
            messages += [f"WARNING: {text}" for text in self.warn(self.master)]
        rule = self.sessions[token](asked["event"], asked["location"])
        output = {"full_log": asked["event"], "location": asked["location"]}
        if rule:
            output["rule"] = {"id": str(rule), "level": 3}
        data = {"messages": messages, "token": token, "output": output, "alert": bool(rule)}
        return reply({"error": 0, "data": {**data, "codemsg": 0}})

    def of_cluster(self, method, parts, query, body):
        if parts == ["status"]:
            word = "yes" if self.cluster else "no"
            return reply({"data": {"enabled": word, "running": word}, "error": 0})
        if parts == ["nodes"]:
            nodes = [{"name": node.name, "type": node.role} for node in self.nodes.values()]
            return items(nodes, query)
        if parts == ["local", "info"]:
            node = self.nodes[self.asked]
            return items([{"node": node.name, "cluster": "wazuh", "type": node.role}])
        if parts == ["ruleset", "synchronization"]:
            return items([self.synced(node) for node in self.nodes.values()])
        if parts[0] in self.nodes:
            return self.node(self.nodes[parts[0]], method, parts[1:], query, body)
        return self.everywhere(list(self.nodes.values()), parts)

    def synced(self, node):
        if node.lag > 0:
            node.lag -= 1
        elif node is not self.master:
            node.files = dict(self.master.files)
        return {"name": node.name, "synced": node.files == self.master.files}

    def node(self, node, method, parts, query, body):
        if parts == ["configuration"]:
            if method == "GET":
                content = self.hidden or node.conf
                return 200, "application/xml", content.replace(b"\r\n", b"\n")
            if b"</ossec_config>" not in body:
                return failed(1113, "XML syntax error", node.name)
            node.conf = body
            return items([node.name])
        if parts == ["logs"]:
            return self.logs(node, query)
        return self.everywhere([node], parts)

    def everywhere(self, nodes, parts):
        if parts == ["configuration", "validation"]:
            for node in nodes if self.checks_tell else ():
                for text in self.warn(node):
                    self.write(node, "warning", text)
            return items(
                [
                    {"name": n.name, "status": "KO" if n.name in self.invalid else "OK"}
                    for n in nodes
                ]
            )
        if parts == ["analysisd", "reload"]:
            return items([{"name": n.name, "msg": self.reload(n)} for n in nodes])
        assert parts == ["restart"]
        for node in nodes:
            self.restarts[node.name] += 1
            for text in self.warn(node):
                self.write(node, "warning", text)
            if node.loads:
                self.write(node, "info", "Started (pid: 4711).")
                node.loaded = dict(node.files)
        return reply(json.loads(items([n.name for n in nodes])[2]), status=202)

    def reload(self, node):
        """Load: the master tells its warnings, a worker keeps them to itself."""
        if node.loads:
            node.loaded = dict(node.files)
            self.write(node, "info", "Ruleset reloaded successfully")
        if node is self.master and self.warn(node):
            return ", ".join(self.warn(node))
        return "Ruleset reload request sent successfully."

    def write(self, node, level, text):
        self.ticks += 1
        stamp = f"2026-11-22T01:{self.ticks // 60:02}:{self.ticks % 60:02}Z"
        node.log.append(
            {"timestamp": stamp, "tag": "wazuh-analysisd", "level": level, "description": text}
        )

    def logs(self, node, query):
        lines = [
            line
            for line in node.log
            if line["level"] == query.get("level", line["level"])
            and line["tag"] == query.get("tag", line["tag"])
            and query.get("search", "") in line["description"]
        ]
        return items(lines[::-1], query)

    def files(self, method, parts, query, body):
        kind, folder = parts[0], KINDS[parts[0]]
        files = self.master.files
        if parts[1:] == []:
            return self.rules(query)
        if len(parts) == 2:
            names = [path.rpartition("/")[2] for path in sorted(files) if folder in path]
            known = self.listed.setdefault(kind, frozenset(names))
            rows = [
                {"filename": name, "relative_dirname": folder, "status": "enabled"}
                for name in names
                if name in known
            ]
            return items(rows, query)
        return self.file(method, kind, f"{folder}/{parts[2]}", query, body)

    def rules(self, query):
        rows = [
            {"id": int(number), "filename": path.rpartition("/")[2]}
            for path, content in sorted(self.master.files.items())
            if path.startswith("etc/rules/")
            for number in RULE.findall(content)
        ]
        return items(rows, query)

    def file(self, method, kind, path, query, body):
        files = self.master.files
        if method == "GET":
            if path not in files:
                return failed(ABSENT[kind], "file not found", path)
            text = "text/plain" if kind == "lists" else "application/xml"
            return 200, text, files[path].replace(b"\r\n", b"\n")
        if method == "DELETE":
            if path not in files:
                return failed(1906, "File does not exist", path)
            del files[path]
            return items([path])
        return self.upload(kind, path, query, body)

    def upload(self, kind, path, query, body):
        if kind == "lists":
            if any(":" not in line for line in body.decode().splitlines()):
                return failed(1800, "Bad format in CDB list", path)
        elif b"<broken" in body:
            return failed(1113, "XML syntax error", path)
        if path in self.master.files and query.get("overwrite") != "true":
            return failed(1905, "File could not be updated, it already exists", path)
        self.master.files[path] = self.rewrite(body)
        return items([path])


def reply(body, status=200):
    return status, "application/json", json.dumps(body).encode()


def problem(status, detail):
    return reply({"title": "Error", "detail": detail}, status)


def items(rows, query=None):
    query = query or {}
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 500))
    data = {
        "affected_items": rows[offset : offset + limit],
        "total_affected_items": len(rows),
        "failed_items": [],
        "total_failed_items": 0,
    }
    return reply({"data": data, "message": "done", "error": 0})


def failed(code, message, name):
    error = {"code": code, "message": message, "remediation": "see the documentation"}
    data = {
        "affected_items": [],
        "total_affected_items": 0,
        "failed_items": [{"error": error, "id": [name]}],
        "total_failed_items": 1,
    }
    return reply({"data": data, "message": "not done", "error": 1})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def serve(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        answer = self.server.manager.answer(self.command, self.path, dict(self.headers), body)
        if answer is None:
            self.close_connection = True
            return
        status, content_type, content = answer
        self.send_response(status)
        self.send_header("Content-Type", content_type + "; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if status == 302:
            self.send_header("Location", "https://elsewhere.example.org/")
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    """Serves a FakeManager over TLS."""

    def __init__(self, manager, certificate):
        super().__init__(("127.0.0.1", 0), Handler)
        self.manager = manager
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self):
        return f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.shutdown()
        self.thread.join()
        self.server_close()
