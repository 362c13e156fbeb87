"""The actions that were accepted and what became of them, one file each.

A job is written before its message leaves the inbox and after every step, so a killed process or a
power cut loses none; what it was at is done again, which comes to the same. The token itself is
taken out of the file as soon as the job has ended well.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from wazuh_pack.agentkit.files import names, read, remove, write_atomic
from wazuh_pack.agentkit.redact import fingerprint
from wazuh_pack.revoke.target import REDACTED, Target

PENDING = "pending"
DONE = "done"
FAILED = "failed"
UNDOING = "undoing"
UNDONE = "undone"

_OPEN = (PENDING, UNDOING)
_MAX_FILE = 1 << 20
_SUFFIX = ".json"
_KEEP = 30 * 86400
_KEEP_FAILED = 7 * 86400  # with their secrets, so that people can try them again


@dataclass(slots=True, kw_only=True)
class Job:
    """An action on one target; times are seconds since the epoch.

    Attributes:
        key: The target's.
        instance: The target's.
        action: The target's.
        values: The target's.
        secret: The target's.
        state: One of this module's words.
        created: When it was accepted; decides the order.
        due: When it may go on.
        stage: How far it got: ``look``, ``act`` or ``check``; irrelevant when it is not open.
        step: How many calls of the stage are done.
        memory: What is remembered of how things were.
        earlier: What an action of ours that stands remembered, until this one has acted.
        attempts: How often it had to be put off.
        already: Whether the target was found to be as wanted.
        ended: When it ended, or None.
        reason: Why it ended or was put off.
        rule_id: The rule that asked for it.
        alert_id: The alert that asked for it.
        agent_id: The agent whose event it was.
    """

    key: str
    instance: str
    action: str
    values: dict[str, str]
    secret: list[str]
    created: float
    due: float
    state: str = PENDING
    stage: str = "look"
    step: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] | None = None
    attempts: int = 0
    already: bool = False
    ended: float | None = None
    reason: str = ""
    rule_id: str = ""
    alert_id: str = ""
    agent_id: str = ""

    @property
    def target(self) -> Target:
        """What it is aimed at."""
        return Target(self.instance, self.action, self.values, frozenset(self.secret))

    @property
    def open(self) -> bool:
        """Whether there is something left to do."""
        return self.state in _OPEN

    def forget_secrets(self) -> None:
        """Replace the values that must not be shown by their fingerprints."""
        for name in self.secret:
            if not self.values[name].startswith(REDACTED):
                self.values[name] = fingerprint(self.values[name])


_FIELDS = tuple(item.name for item in fields(Job))


class JobStore:
    """The jobs in one folder that only its owner can enter."""

    __slots__ = ("_folder",)

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, key: str) -> Job | None:
        """Return a job, or None when there is none or its file is damaged."""
        content = read(f"{self._folder}/{key}{_SUFFIX}", _MAX_FILE)
        if content is None:
            return None
        try:
            found = json.loads(content)
            return Job(**{name: found[name] for name in _FIELDS if name in found})
        except (ValueError, TypeError):
            return None

    def save(self, job: Job) -> None:
        """Write a job in place of an older one of the same key; after a power cut it is there.

        Raises:
            OSError: The folder cannot be written.
        """
        content = json.dumps(asdict(job)).encode()
        write_atomic(f"{self._folder}/{job.key}{_SUFFIX}", content, durable=True)

    def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        found = [
            self.get(name[: -len(_SUFFIX)])
            for name in names(self._folder)
            if name.endswith(_SUFFIX)
        ]
        return sorted((job for job in found if job), key=lambda job: (job.created, job.key))

    def open_of(self, instance: str) -> list[Job]:
        """Return the open jobs of an instance, oldest first."""
        return [job for job in self.all() if job.open and job.instance == instance]

    def changed_at(self) -> int:
        """Return when a job was last written, in nanoseconds."""
        return os.stat(self._folder).st_mtime_ns  # noqa: PTH116 -- as in agentkit

    def purge(self, now: float) -> None:
        """Forget what ended long ago."""
        for job in self.all():
            keep = _KEEP_FAILED if job.state == FAILED and job.earlier is None else _KEEP
            if job.ended is not None and now - job.ended > keep:
                remove(f"{self._folder}/{job.key}{_SUFFIX}")
