"""What an action is aimed at."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.redact import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

REDACTED = "[redacted "
"""How a fingerprint begins; no token does."""


@dataclass(frozen=True, slots=True)
class Target:
    """An action of an instance of a provider, and the values it needs.

    Attributes:
        instance: Name of the section of ``revoke.ini`` that says how to reach the provider.
        action: Name of the capability.
        values: Its parameters, checked against their patterns.
        secret: Names of those that must not be shown.
    """

    instance: str
    action: str
    values: Mapping[str, str] = field(repr=False)
    secret: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The action with its instance, as in ``github.token``."""
        return f"{self.instance}.{self.action}"

    @property
    def key(self) -> str:
        """What tells this target from every other one; the same text for the same target.

        A digest, because it names files and stands in logs.
        """
        text = json.dumps([self.name, dict(self.values)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def label(self) -> str:
        """The target as it may be shown."""
        return ", ".join(f"{name} {self._shown(name)}" for name in sorted(self.values))

    def _shown(self, name: str) -> str:
        value = self.values[name]
        # A job that has ended holds the fingerprint, and no longer the secret.
        if name not in self.secret or value.startswith(REDACTED):
            return value
        return fingerprint(value)
