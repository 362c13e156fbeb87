"""Asks a running analysisd over its local sockets (4.14.7).

A request and its answer are each a length (unsigned, 32 bits, little endian) and JSON; analysisd
closes the connection after one answer.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import InstallError
from wazuh_pack.install.daemonlog import Message, reported

if TYPE_CHECKING:
    from pathlib import Path

LOGTEST = "queue/sockets/logtest"
ANALYSIS = "queue/sockets/analysis"
MAX_ANSWER = 8 * 1024 * 1024
SECONDS = 120.0
"""A new logtest session loads the whole ruleset before it answers."""

_LENGTH = struct.Struct("<I")
_RELOAD_OK = 0
_RELOAD_REFUSED = 1
_CALLER = {"name": "wazuh-pack", "module": "install"}


def ask(path: Path, request: dict[str, Any], *, seconds: float = SECONDS) -> dict[str, Any]:
    """Send one request to a socket and return the answer.

    Raises:
        InstallError: Nobody answers, or what comes is no answer.
    """
    body = json.dumps(request, separators=(",", ":")).encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(path))
            connection.sendall(_LENGTH.pack(len(body)) + body)
            (length,) = _LENGTH.unpack(_receive(connection, _LENGTH.size))
            if length > MAX_ANSWER:
                raise InstallError(f"{path} announces an answer of {length} bytes")
            answer = json.loads(_receive(connection, length))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InstallError(f"{path} does not answer: {reason}") from error
    except ValueError as error:
        raise InstallError(f"{path} answered with something else than JSON") from error
    if not isinstance(answer, dict):
        raise InstallError(f"{path} answered with something else than a JSON object")
    return answer


def listens(path: Path) -> bool:
    """Say whether somebody accepts connections at a socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(path))
    except OSError:
        return False
    return True


def _receive(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("it closed the connection early")
        data += chunk
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """analysisd's answer to a hot reload; ``known`` is false when it cannot do that."""

    known: bool
    done: bool
    messages: tuple[Message, ...] = ()


def reload_ruleset(home: Path) -> Reloaded:
    """Let the running analysisd load rules, decoders and lists afresh (4.13 and later).

    Raises:
        InstallError: Nobody answers.
    """
    answer = ask(home / ANALYSIS, {"command": "reload-ruleset"})
    code, data = answer.get("error"), answer.get("data")
    return Reloaded(
        known=code in {_RELOAD_OK, _RELOAD_REFUSED},
        done=code == _RELOAD_OK,
        messages=tuple(reported(data if isinstance(data, list) else ())),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What logtest makes of an event: the rule, and what it said (when a session opens: on load).

    ``problem`` says why there is no verdict, empty when there is one.
    """

    rule: int | None
    messages: tuple[Message, ...]
    problem: str = ""


class Logtest:
    """A session of the running analysisd's logtest, opened by its first event.

    It loads the files that are on disk now, so it tells what a reload would bring, without touching
    what judges the real events. Use it as a context manager.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / LOGTEST
        self._token = ""

    def __enter__(self) -> Logtest:  # noqa: PYI034 typing.Self is 3.11's
        return self

    def __exit__(self, *_: object) -> None:
        if self._token:
            token, self._token = self._token, ""
            # analysisd ends idle sessions itself, so a failure here is nobody's problem
            with contextlib.suppress(InstallError):
                self._ask("remove_session", {"token": token})

    def judge(self, event: str, location: str) -> Verdict:
        """Return what becomes of an event.

        Raises:
            InstallError: Nobody answers.
        """
        parameters = {"event": event, "log_format": "syslog", "location": location}
        if self._token:
            parameters["token"] = self._token
        answer = self._ask("log_processing", parameters)
        data = answer.get("data")
        data = data if isinstance(data, dict) else {}
        listed = data.get("messages")
        messages = tuple(reported(listed if isinstance(listed, list) else ()))
        self._token = str(data.get("token", self._token))
        output = data.get("output")
        if not isinstance(output, dict):
            reason = answer.get("message") or "; ".join(m.text for m in messages) or "no output"
            return Verdict(None, messages, str(reason))
        return Verdict(_rule_id(output), messages)

    def _ask(self, command: str, parameters: dict[str, str]) -> dict[str, Any]:
        request = {"version": 1, "origin": _CALLER, "command": command, "parameters": parameters}
        return ask(self._path, request)


def _rule_id(output: dict[str, Any]) -> int | None:
    rule = output.get("rule")
    number = str(rule.get("id", "")) if isinstance(rule, dict) else ""
    return int(number) if number.isdecimal() else None
