"""What Wazuh tells an active response, as one typed request.

Wazuh 4.x and 5.0 send different documents; one adapter each turns them into :class:`Request`, and
nothing else knows the difference. Everything in a message is hostile: whoever can write a log line
or call the manager's API shapes it.
"""

from __future__ import annotations

import os

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.files import write_all
from wazuh_pack.agentkit.jsontext import dumps, loads
from wazuh_pack.agentkit.text import ALPHANUMERIC, consists_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wazuh_pack.agentkit.stdin import LineReader

ADD = "add"
DELETE = "delete"

_MAX_ARGUMENTS = 32
_MAX_ARGUMENT = 2048
_MAX_IDENTIFIER = 64
_IDENTIFIER = ALPHANUMERIC | frozenset("_.:-")


class Request:
    """One request to act or to undo.

    Attributes:
        action: ``add`` or ``delete``, whatever this version of Wazuh calls them.
        arguments: The administrator's words (``<extra_args>``).
        alert: The alert or finding as Wazuh sent it; unchecked.
        address_field: Where this version of Wazuh keeps an event's source address.
        timeout: Seconds that the message itself asks for (5.0 only), or None.
        rule_id: Rule that fired, or empty.
        alert_id: The alert's own id, or empty.
        agent_id: Agent the event came from, or empty.
    """

    __slots__ = (
        "action",
        "address_field",
        "agent_id",
        "alert",
        "alert_id",
        "arguments",
        "rule_id",
        "timeout",
    )

    def __init__(
        self,
        *,
        action: str,
        arguments: Sequence[str] = (),
        alert: Mapping[str, Any],
        address_field: str = "data.srcip",
        timeout: int | None = None,
        rule_id: str = "",
        alert_id: str = "",
        agent_id: str = "",
    ) -> None:
        self.action = action
        self.arguments = tuple(arguments)
        self.alert = alert
        self.address_field = address_field
        self.timeout = timeout
        self.rule_id = rule_id
        self.alert_id = alert_id
        self.agent_id = agent_id


def parse(line: bytes) -> Request:
    """Return the request in one line from execd.

    Bytes that are not UTF-8 are replaced, not refused: analysisd passes them on from the log, and
    an attacker must not be able to switch the response off with one.

    Raises:
        MessageError: The line is not a message of a Wazuh version that we know.
    """
    document = _document(line)
    if isinstance(document.get("parameters"), dict):
        return _from_wazuh4(document)
    if isinstance(document.get("wazuh"), dict):
        return _from_wazuh5(document)
    raise MessageError("neither a message of Wazuh 4.x ('parameters') nor of 5.0 ('wazuh')")


def check_keys(reader: LineReader, answer_fd: int, program: str, keys: Sequence[str]) -> bool:
    """Ask execd whether these keys are new to it, and return its answer.

    Only a response that wants execd to keep its timeout (and to send the ``delete``) asks; one that
    keeps time itself must not. Nothing else may be written to ``answer_fd`` before.

    Args:
        reader: The reader that the request came from.
        answer_fd: Our standard output.
        program: Name of our executable, without its folder.
        keys: What makes this action distinct; execd compares them joined, within 4095 bytes.

    Returns:
        True for ``continue``, False for ``abort`` (execd has the key and restarted its timeout).

    Raises:
        MessageError: The answer is something else.
    """
    question = {
        "version": 1,
        "origin": {"name": program, "module": "active-response"},
        "command": "check_keys",
        "parameters": {"keys": list(keys)},
    }
    write_all(answer_fd, dumps(question).encode() + b"\n")
    command = _document(reader.read()).get("command")
    if command not in ("continue", "abort"):
        raise MessageError("execd answered check_keys with neither continue nor abort")
    return bool(command == "continue")


def program_name(argument0: str) -> str:
    """Return the name that execd and the log know a script by, from its ``argv[0]``.

    A name that would break the log's form becomes ``unnamed``.
    """
    name = os.path.basename(argument0)  # noqa: PTH119 -- pathlib is too slow to import
    return name if consists_of(name, _IDENTIFIER, _MAX_IDENTIFIER) else "unnamed"


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise MessageError("the message is not JSON, or nested too deeply") from None
    if not isinstance(document, dict):
        raise MessageError("the message is not a JSON object")
    return document


def _from_wazuh4(document: Mapping[str, Any]) -> Request:
    version = document.get("version")
    if isinstance(version, bool) or version != 1:
        raise MessageError("'version' is not 1")
    if not isinstance(document.get("origin"), dict):
        raise MessageError("'origin' is not an object")
    parameters = document["parameters"]
    alert = parameters.get("alert", {})
    if not isinstance(alert, dict):
        raise MessageError("'parameters.alert' is not an object")
    return Request(
        action=_action(document, {"add": ADD, "delete": DELETE}),
        arguments=_arguments(parameters.get("extra_args", [])),
        alert=alert,
        rule_id=_identifier(alert, "rule", "id"),
        alert_id=_identifier(alert, "id"),
        agent_id=_identifier(alert, "agent", "id"),
    )


def _from_wazuh5(document: Mapping[str, Any]) -> Request:
    """Read a message of 5.0: the finding's fields, the response's under ``wazuh``, ``command``.

    So wazuh-execd of 5.x writes it (``ExecdRun`` in wazuh/wazuh's main, 2026-08): it adds
    ``command`` to what the manager sent, which is the finding merged with the response's settings.
    ``stateful_timeout`` counts only where ``type`` is stateful, and ``extra_arguments`` is one text
    or null.
    """
    metadata = document["wazuh"].get("active_response")
    if not isinstance(metadata, dict):
        raise MessageError("'wazuh.active_response' is not an object")
    words = metadata.get("extra_arguments")
    stateful = metadata.get("type") == "stateful"
    return Request(
        action=_action(document, {"enable": ADD, "disable": DELETE}),
        arguments=_arguments(words.split(" ") if isinstance(words, str) and words else words or []),
        alert=document,
        address_field="source.ip",
        timeout=_timeout(metadata.get("stateful_timeout")) if stateful else None,
        rule_id=_identifier(document, "wazuh", "rule", "id"),
        alert_id=_identifier(document, "wazuh", "event", "id"),
        agent_id=_identifier(document, "wazuh", "agent", "id"),
    )


def _action(document: Mapping[str, Any], known: Mapping[str, str]) -> str:
    command = document.get("command")
    action = known.get(command) if isinstance(command, str) else None
    if action is None:
        raise MessageError(f"'command' is none of {', '.join(known)}")
    return action


def _arguments(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > _MAX_ARGUMENTS:
        raise MessageError(f"extra arguments are not a list of at most {_MAX_ARGUMENTS}")
    for word in value:
        if not isinstance(word, str) or len(word) > _MAX_ARGUMENT:
            raise MessageError(f"an extra argument is not text of at most {_MAX_ARGUMENT}")
    return value


def _timeout(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    return value


def _identifier(document: Mapping[str, Any], *path: str) -> str:
    value: object = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    known = isinstance(value, str) and consists_of(value, _IDENTIFIER, _MAX_IDENTIFIER)
    return str(value) if known else ""
