"""Runs inside the container, in Wazuh's own Python: asks its daemons, reads its files.

It is copied there as one file and imports nothing but the standard library. Its answers are lines
of JSON on standard output. Requests come from a file, because their size has no bound.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

POLL = 0.2
"""Seconds between two questions to a daemon that is not ready."""
KILL_POLL = 0.01
ORPHAN_SECONDS = 60.0
CONTROL_LOCK = "var/start-script-lock"
"""There while wazuh-control starts or stops daemons, analysisd before most others."""
ASK_SECONDS = 300.0
"""A new session of logtest loads the whole ruleset before it answers."""
LENGTH = struct.Struct("<I")
COMM_LENGTH = 15
READ_SIZE = 1 << 20


def say(value: Any) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(value, separators=(",", ":")) + "\n")


def facts(home: Path) -> None:
    """Say what this container is."""
    try:
        version = json.loads((home / "VERSION.json").read_text("utf-8")).get("version", "")
    except (OSError, ValueError):
        version = ""
    say(
        {
            "version": version,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "libc": list(platform.libc_ver()),
            "host": socket.gethostname(),
            "nft": shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin") or "",
        }
    )


def ready(home: Path, seconds: str) -> None:
    """Wait until analysisd runs, logtest judges an event and the queue takes events."""
    started = time.monotonic()
    while True:
        why = _not_ready(home)
        waited = time.monotonic() - started
        if not why or waited > float(seconds):
            say({"why": why, "waited": waited, "analysisd": _pids(home)})
            return
        time.sleep(POLL)


def _not_ready(home: Path) -> str:
    """Return what is missing; empty when all is there."""
    if not _pids(home):
        return "analysisd does not run"
    if (home / CONTROL_LOCK).exists():
        return "wazuh-control is still starting daemons"
    request = _request("log_processing", {"event": "x", "log_format": "syslog", "location": "x"})
    try:
        answer = ask(home / "queue/sockets/logtest", request)
        token = answer.get("data", {}).get("token")
        if not token:
            return f"logtest opens no session: {json.dumps(answer)[:500]}"
        ask(home / "queue/sockets/logtest", _request("remove_session", {"token": token}))
    except (OSError, ValueError) as error:
        return f"logtest does not answer: {error}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
            queue.connect(str(home / "queue/sockets/queue"))
    except OSError as error:
        return f"the queue takes no events: {error}"
    return ""


def _pids(home: Path) -> list[int]:
    """Return the processes of analysisd that run."""
    found = []
    for path in (home / "var/run").glob("wazuh-analysisd-*.pid"):
        name, _, number = path.stem.rpartition("-")
        try:
            comm = Path(f"/proc/{int(number)}/comm").read_text("utf-8").strip()
        except (OSError, ValueError):
            continue
        if comm == name[:COMM_LENGTH]:
            found.append(int(number))
    return found


def _request(command: str, parameters: Any) -> Any:
    origin = {"name": "wazuh-pack", "module": "harness"}
    return {"version": 1, "origin": origin, "command": command, "parameters": parameters}


def ask(path: Path, request: Any) -> Any:
    """Send one request to a socket of analysisd and return the answer."""
    body = json.dumps(request, separators=(",", ":")).encode("utf-8", "surrogateescape")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_SECONDS)
        connection.connect(str(path))
        connection.sendall(LENGTH.pack(len(body)) + body)
        (size,) = LENGTH.unpack(_receive(connection, LENGTH.size))
        return json.loads(_receive(connection, size))


def _receive(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("it closed the connection early")
        data += part
    return bytes(data)


def logtest(home: Path, file: str) -> None:
    """Let logtest judge sessions: a list of lists of ``[line, location]``; answer every event."""
    path = home / "queue/sockets/logtest"
    for session in json.loads(Path(file).read_text("utf-8")):
        token = ""
        for line, location in session:
            parameters = {"event": line, "log_format": "syslog", "location": location}
            if token:
                parameters["token"] = token
            try:
                answer = ask(path, _request("log_processing", parameters))
            except (OSError, ValueError) as error:
                answer = {"error": -1, "message": f"{type(error).__name__}: {error}"}
            data = answer.get("data")
            data = data if isinstance(data, dict) else {}
            token = data.get("token", token)
            say({"error": answer.get("error"), "message": answer.get("message"), **data})
        if token:
            ask(path, _request("remove_session", {"token": token}))


def queue(home: Path, file: str) -> None:
    """Send events, ``[line, location]``, to analysisd as the other daemons do."""
    sent = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect(str(home / "queue/sockets/queue"))
        for line, location in json.loads(Path(file).read_text("utf-8")):
            place = location.replace("|", "||").replace(":", "|:")
            connection.send(f"1:{place}:{line}".encode("utf-8", "surrogateescape"))
            sent += 1
    say({"sent": sent})


def size(home: Path, name: str) -> None:
    """Say how long a file is, up to the end of its last whole line."""
    path = home / name
    say({"size": path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0})


def lines(home: Path, name: str, offset: str) -> None:
    """Say the whole lines of a file from an offset on."""
    for line in _lines(home / name, int(offset)):
        say(line.decode("utf-8", "replace"))


def _lines(path: Path, offset: int) -> list[bytes]:
    """Return the whole lines of a file from an offset on; a daemon may be writing the last one."""
    data = path.read_bytes()[offset:] if path.exists() else b""
    return data.split(b"\n")[:-1]


def wait(home: Path, name: str, offset: str, seconds: str, *marks: str) -> None:
    """Wait until every mark stands in a file behind an offset; say which are still missing."""
    deadline = time.monotonic() + float(seconds)
    while True:
        data = b"\n".join(_lines(home / name, int(offset)))
        missing = [mark for mark in marks if mark.encode() not in data]
        if not missing or time.monotonic() > deadline:
            say({"missing": missing})
            return
        time.sleep(POLL)


def wait_lines(home: Path, name: str, offset: str, seconds: str, count: str, *marks: str) -> None:
    """Wait until ``count`` lines of a file behind an offset hold every mark; say how many do."""
    deadline = time.monotonic() + float(seconds)
    while True:
        whole = _lines(home / name, int(offset))
        found = sum(all(mark.encode() in line for mark in marks) for line in whole)
        if found >= int(count) or time.monotonic() > deadline:
            say({"found": found})
            return
        time.sleep(POLL)


def kill(home: Path, pattern: str, *argv: str) -> None:
    """Run a program and kill it as soon as a file appears; say whether it did before its end.

    What it had started is not killed: its end is waited for, so that it does not go on unseen.
    """
    program = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while program.poll() is None and next(home.glob(pattern), None) is None:
        time.sleep(KILL_POLL)
    killed = program.poll() is None
    started = _descendants(program.pid)
    program.kill()
    program.wait()
    deadline = time.monotonic() + ORPHAN_SECONDS
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < deadline:
        time.sleep(POLL)
    say({"killed": killed})


def _descendants(ancestor: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text("utf-8", "replace").rpartition(")")[2]
        except OSError:
            continue
        parents[int(path.parent.name)] = int(after_name.split()[1])
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found - {ancestor}
        found |= more


def append(home: Path, name: str, *added: str) -> None:
    """Append lines to a file; its owner and mode stay."""
    with (home / name).open("a", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in added)
    say({"added": len(added)})


def edit(home: Path, name: str, file: str) -> None:
    """Replace texts in a file, ``[old, new]``, and leave its owner and mode; say what was there."""
    path = home / name
    before = path.read_text("utf-8")
    text = before
    for old, new in json.loads(Path(file).read_text("utf-8")):
        if old not in text:
            raise SystemExit(f"{path} has no {old!r}")
        text = text.replace(old, new)
    with path.open("r+", encoding="utf-8") as stream:
        stream.write(text)
        stream.truncate()
    say({"before": before})


def tree(home: Path, *unread: str) -> None:
    """Say of everything below the home: path, kind, mode, owner, group, content.

    Of what lies in the folders ``unread`` the content is left out. What goes away while it is
    looked at was never there.
    """
    for path in _walk(home):
        try:
            info = path.lstat()
        except FileNotFoundError:
            continue
        content = ""
        if stat.S_ISREG(info.st_mode) and path.relative_to(home).parts[0] not in unread:
            content = _digest(path)
        elif stat.S_ISLNK(info.st_mode):
            content = str(path.readlink())
        mode = stat.filemode(info.st_mode)
        say([str(path.relative_to(home)), mode, info.st_uid, info.st_gid, content])


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while True:
                part = stream.read(READ_SIZE)
                if not part:
                    return found.hexdigest()
                found.update(part)
    except OSError as error:
        return f"unreadable: {error.strerror}"


COMMANDS = {
    command.__name__: command
    for command in (
        *(facts, ready, logtest, queue, size, lines, wait, wait_lines),
        *(kill, append, edit, tree),
    )
}


def main(arguments: Sequence[str]) -> None:
    """Carry out one command: its name, Wazuh's home, its arguments."""
    name, home, *rest = arguments
    COMMANDS[name](Path(home), *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
