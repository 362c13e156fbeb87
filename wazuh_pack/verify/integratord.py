"""Who else answers an alert: the integrations of an ossec.conf, and a model of integratord.

The model does what wazuh-integratord 4.14.7 does: it writes alert and options into files of its
own, starts the script with their names among nine words, waits without a limit, and removes the
files.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack import xmlio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_pack.xmlio import Node

_TIMEOUT, _RETRIES = "10", "3"
"""What integratord says when ``<timeout>`` and ``<retries>`` are not there."""


@dataclass(frozen=True, slots=True)
class Integration:
    """A configured integration; no ``rules`` stand for all."""

    name: str
    rules: frozenset[int]
    options: str


def configured(conf: Path) -> tuple[Integration, ...]:
    """Return the integrations of an ossec.conf.

    Raises:
        XmlError: Wazuh could not read the file.
    """
    return tuple(
        Integration(
            name=_text(node, "name"),
            rules=frozenset(int(word) for word in _text(node, "rule_id").split(",") if word),
            options=_text(node, "options"),
        )
        for root in xmlio.read_file(conf)
        for node in root.children
        if node.name == "integration"
    )


def _text(node: Node, name: str) -> str:
    for child in node.children:
        if child.name == name:
            return child.content.decode().strip()
    return ""


def triggered(integrations: Sequence[Integration], rule_id: str) -> Iterator[Integration]:
    """Yield the integrations that a rule's alert is handed to."""
    return (one for one in integrations if not one.rules or int(rule_id) in one.rules)


def execute(
    integration: Integration, alert: dict[str, Any], home: Path, prefix: Sequence[str] = ()
) -> int:
    """Run an integration as integratord would and return its exit status.

    ``prefix`` is put before the script's own name (to become another user).
    """
    with tempfile.TemporaryDirectory(prefix="integratord-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        alert_file, options_file = folder / "x.alert", folder / "x.options"
        alert_file.write_text(json.dumps(alert, separators=(",", ":")) + "\n", "utf-8")
        options_file.write_text(integration.options + "\n", "utf-8")
        options = str(options_file) if integration.options else ""
        done = subprocess.run(
            [
                *(*prefix, f"integrations/{integration.name}"),
                *(str(alert_file), "", "", "", options, _TIMEOUT, _RETRIES),
                "> /dev/null 2>&1",  # meant for a shell, but none is there: it is the last word
            ],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return done.returncode
