"""Who answers an alert: the active responses of an ossec.conf, and a model of wazuh-execd.

The model does what execd 4.14.7 does with a stateless script: starts it in the manager's home with
the relative path as its name, writes one line of JSON, leaves standard input open and waits without
a limit.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack import xmlio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wazuh_pack.xmlio import Node


@dataclass(frozen=True, slots=True)
class Response:
    """A configured response."""

    name: str
    executable: str
    arguments: tuple[str, ...]
    location: str
    rules: frozenset[str]


def configured(conf: Path) -> tuple[Response, ...]:
    """Return the active responses of an ossec.conf that name a command which is there.

    Raises:
        XmlError: Wazuh could not read the file.
    """
    commands: dict[str, Node] = {}
    uses: list[Node] = []
    for root in xmlio.read_file(conf):
        for node in root.children:
            if node.name == "command":
                commands[_text(node, "name")] = node
            elif node.name == "active-response":
                uses.append(node)
    known = ((node, commands.get(_text(node, "command"))) for node in uses)
    return tuple(_response(use, command) for use, command in known if command is not None)


def _response(use: Node, command: Node) -> Response:
    rules = _text(use, "rules_id")
    return Response(
        name=_text(command, "name"),
        executable=_text(command, "executable"),
        arguments=tuple(_text(command, "extra_args").split()),
        location=_text(use, "location"),
        rules=frozenset(rules.split(",")) if rules else frozenset(),
    )


def _text(node: Node, name: str) -> str:
    for child in node.children:
        if child.name == name:
            return child.content.decode().strip()
    return ""


def triggered(responses: Sequence[Response], rule_id: str) -> Iterator[Response]:
    """Yield the responses that a rule sets off."""
    return (response for response in responses if rule_id in response.rules)


def message(response: Response, alert: dict[str, Any]) -> str:
    """Return the line that execd writes to a script's standard input."""
    return (
        json.dumps(
            {
                "version": 1,
                "origin": {"name": "node01", "module": "wazuh-execd"},
                "command": "add",
                "parameters": {
                    "extra_args": list(response.arguments),
                    "alert": alert,
                    "program": f"active-response/bin/{response.executable}",
                },
            },
            separators=(",", ":"),
        )
        + "\n"
    )


def execute(
    response: Response, alert: dict[str, Any], home: Path, prefix: Sequence[str] = ()
) -> int:
    """Run a response's script as execd would and return its exit status.

    ``prefix`` is put before the script's own name (to enter a network namespace).
    """
    program = f"active-response/bin/{response.executable}"
    with subprocess.Popen(
        [*prefix, program],
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if process.stdin is None:
            raise RuntimeError(program)
        process.stdin.write(message(response, alert).encode())
        process.stdin.flush()
        return process.wait()
