"""The actions that were accepted and what became of them, one file each.

A job is written before its message leaves the inbox and after every step, so a killed process or a
power cut loses none; what it was at is done again, which comes to the same. The token itself is
taken out of the file as soon as the job has ended well.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from wazuh_pack.agentkit.files import (
    exists,
    make_private,
    names,
    read,
    remove,
    remove_leftovers,
    write_atomic,
)
from wazuh_pack.agentkit.redact import fingerprint
from wazuh_pack.revoke.target import REDACTED, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PENDING = "pending"
DONE = "done"
FAILED = "failed"
UNDOING = "undoing"
UNDONE = "undone"
HELD = "held"
"""Refused by a limit, and kept for a person to release."""

_OPEN = (PENDING, UNDOING)
_MAX_FILE = 1 << 20
_SUFFIX = ".json"
_ENDED = "ended"
_PURGED = "purged"
_PURGE_EVERY = 3600.0
_KEEP = 30 * 86400
_KEEP_SECRETS = 7 * 86400  # so that people can try again what failed, or release what is held


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
        variables: Secrets it needs that came from the environment, as ``instance.name``.
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
    variables: list[str] = field(default_factory=list)

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
    """The jobs below a folder that only its owner can enter.

    Open jobs lie in the folder itself, and those that have ended in one below it: who looks for
    work need not read through them. Of a job whose process was killed on the way from one to the
    other there are two copies; then it is open, and its last step is done again.
    """

    __slots__ = ("_ended", "_folder")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._ended = f"{folder}/{_ENDED}"

    def get(self, key: str) -> Job | None:
        """Return a job, or None when there is none or its file is damaged."""
        return _load(self._folder, key) or _load(self._ended, key)

    def save(self, job: Job) -> None:
        """Write a job in place of an older one of the same key; after a power cut it is there.

        Raises:
            AgentError: The folder of ended jobs could be written by somebody else.
            OSError: The folder cannot be written.
        """
        make_private(self._folder, (_ENDED,))
        place, other = (self._folder, self._ended)[:: 1 if job.open else -1]
        content = json.dumps(asdict(job)).encode()
        write_atomic(f"{place}/{job.key}{_SUFFIX}", content, durable=True)
        remove(f"{other}/{job.key}{_SUFFIX}")

    def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        found = {job.key: job for place in (self._ended, self._folder) for job in _jobs_in(place)}
        return _sorted(found.values())

    def open_jobs(self) -> list[Job]:
        """Return the open jobs, oldest first."""
        return _sorted(job for job in _jobs_in(self._folder) if job.open)

    def open_of(self, instance: str) -> list[Job]:
        """Return the open jobs of an instance, oldest first."""
        return [job for job in self.open_jobs() if job.instance == instance]

    def changed_at(self) -> int:
        """Return when an open job was last written, in nanoseconds."""
        return os.stat(self._folder).st_mtime_ns  # noqa: PTH116 -- as in agentkit

    def purge(self, now: float) -> None:
        """Forget what killed processes left half-written and, once an hour, what ended long ago."""
        for place in (self._folder, self._ended):
            remove_leftovers(place)
        if not self._purge_is_due(now):
            return
        for job in _jobs_in(self._ended):
            nothing_done = job.state in (FAILED, HELD) and job.earlier is None
            keep = _KEEP_SECRETS if nothing_done else _KEEP
            if job.ended is not None and now - job.ended > keep:
                remove(f"{self._ended}/{job.key}{_SUFFIX}")

    def _purge_is_due(self, now: float) -> bool:
        path = f"{self._ended}/{_PURGED}"
        try:
            last = float(read(path, 64) or b"0")
        except ValueError:
            last = 0.0
        if 0 <= now - last < _PURGE_EVERY or not exists(self._ended):
            return False
        write_atomic(path, repr(now).encode())
        return True


def _load(folder: str, key: str) -> Job | None:
    content = read(f"{folder}/{key}{_SUFFIX}", _MAX_FILE)
    if content is None:
        return None
    try:
        found = json.loads(content)
        return Job(**{name: found[name] for name in _FIELDS if name in found})
    except (ValueError, TypeError):
        return None


def _jobs_in(folder: str) -> Iterator[Job]:
    for name in names(folder):
        job = _load(folder, name[: -len(_SUFFIX)]) if name.endswith(_SUFFIX) else None
        if job:
            yield job


def _sorted(jobs: Iterable[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (job.created, job.key))
