"""What people ask of revoke-token and tell it; no event comes this way.

No secret is ever an argument, and none is in an answer: a job goes by the key in the log.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.files import exists, names
from wazuh_pack.revoke.audit import Audit, Recorder
from wazuh_pack.revoke.context import load_context
from wazuh_pack.revoke.intake import Intake, begin_undo, breaker_of
from wazuh_pack.revoke.jobs import FAILED, HELD, PENDING, Job, JobStore
from wazuh_pack.revoke.providers import NAMES, provider
from wazuh_pack.revoke.script import accept, start_lanes, work_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wazuh_pack.revoke.script import Host

RESPONSE = "revoke-token"


def status(host: Host) -> dict[str, object]:
    """Return how revoke-token stands on this manager; nothing is changed.

    Raises:
        AgentError: The configuration is wrong.
        OSError: The state cannot be read; it is root's, or wazuh's.
    """
    place = host.place()
    settings = load_context(place).settings
    now = time.time()
    found = _jobs(host)
    folder = f"{host.state}/{settings.mode}"
    breakers = [breaker_of(instance, folder, settings) for instance in settings.instances]
    return {
        "response": RESPONSE,
        "home": host.home.root,
        "installed": exists(host.script),
        "started_by": "integratord" if host.integration else "execd",
        "mode": settings.mode,
        "stopped": exists(place.stop),
        "providers": ", ".join(settings.instances),
        "open": sum(job.open for job in found),
        "failed": sum(job.state == FAILED for job in found),
        "held": sum(job.state == HELD for job in found),
        "max_actions": settings.max_actions,
        "window": settings.window,
        "limit_reached": not all(breaker.has_room(now) for breaker in breakers),
        "waiting": sum(name.endswith(".message") for name in names(f"{host.state}/inbox")),
    }


def jobs(host: Host) -> list[dict[str, object]]:
    """Return what was accepted and what became of it, oldest first, secrets redacted.

    Raises:
        OSError: The state cannot be read.
    """
    return [
        {
            "key": job.key,
            "action": job.target.name,
            "target": job.target.label,
            "state": job.state,
            "reason": job.reason,
            "attempts": job.attempts,
            "rule_id": job.rule_id,
            "alert_id": job.alert_id,
        }
        for job in _jobs(host)
    ]


def capabilities() -> list[dict[str, Any]]:
    """Return everything that can be done, provider by provider."""
    return [
        {
            "action": f"{name}.{one.name}",
            "needs": [p.name + ("?" if p.optional else "") for p in one.parameters],
            "secret": one.parameters[0].secret,
            "effect": one.effect,
            "rights": one.rights,
            "reversible": one.reversible,
            "undo": one.undo,
            "verified": one.verified,
            "calls": list(one.calls),
        }
        for name in NAMES
        for one in provider(name).capabilities.values()
    ]


def providers(host: Host) -> list[dict[str, Any]]:
    """Return everything that can be done, and whether this manager's configuration allows it.

    Raises:
        AgentError: The configuration is wrong.
    """
    instances = load_context(host.place()).settings.instances
    enabled = {(i.kind.name, action) for i in instances.values() for action in i.actions}
    return [
        {**row, "enabled": tuple(row["action"].split(".", 1)) in enabled} for row in capabilities()
    ]


def revoke(
    host: Host, action: str, value: str, sources: Mapping[str, str]
) -> list[dict[str, object]]:
    """Ask for an action as if an event had, and return the decisions.

    Args:
        host: Where.
        action: ``instance.action``; empty to go by the tokens in the value.
        value: The target, or text that holds tokens.
        sources: Further parameters by name.

    Returns:
        One line of the log per target; nothing when another process took the request up first.

    Raises:
        AgentError: It could not be accepted.
        OSError: The state cannot be written.
    """
    label = f"manual-{time.time():.6f}-{os.getpid()}"
    words = ["--field", "data.value", *(["--action", action] if action else [])]
    words += [word for name in sources for word in ("--from", f"{name}=data.more.{name}")]
    alert = {"id": label, "data": {"value": value, "more": dict(sources)}}
    accept(host, json.dumps(message(words, alert)).encode("ascii"))
    log = Recorder(host.log())
    work_off(host, audit=Audit(log))
    return [line for line in log.lines if line.get("alert_id") == label]


def preview(
    host: Host, document: Mapping[str, Any], words: Sequence[str] = ()
) -> list[dict[str, object]]:
    """Say what an alert would lead to now; changes, counts and logs nothing.

    Args:
        host: Where.
        document: An alert as in ``alerts.json``, or a whole message of execd.
        words: The ``<extra_args>`` to go with an alert.

    Raises:
        AgentError: The configuration is wrong.
    """
    known = "command" in document and ("parameters" in document or "wazuh" in document)
    whole = document if known else message(words, document)
    log = Recorder(None)
    Intake(host.place(), Audit(log)).preview(json.dumps(whole).encode("ascii"))
    return log.lines


def message(words: Sequence[str], alert: Mapping[str, Any]) -> dict[str, object]:
    """Return the message that execd of Wazuh 4.x would send."""
    return {
        "version": 1,
        "origin": {"name": "", "module": "wazuh-pack"},
        "command": "add",
        "parameters": {"extra_args": list(words), "alert": alert, "program": ""},
    }


def resume(host: Host) -> dict[str, object]:
    """Go on with what is open, after a reboot for example.

    Raises:
        AgentError: A folder of the state could be written by somebody else.
        OSError: The state cannot be written.
    """
    host.make_state("enforce", "jobs")
    work_off(host)
    return {"open": sum(job.open for job in _jobs(host))}


def undo(host: Host, key: str) -> dict[str, object]:
    """Take back the action of this key.

    Raises:
        MessageError: There is none, or it cannot be.
        AgentError: The configuration is wrong.
        OSError: The state cannot be written.
    """
    return _change(host, key, lambda job: begin_undo(job, load_context(host.place()), time.time()))


def retry(host: Host, key: str) -> dict[str, object]:
    """Try the failed action of this key again, or begin one that a limit has held.

    Raises:
        MessageError: There is none, or it is neither.
        OSError: The state cannot be written.
    """
    return _change(host, key, _again)


def _again(job: Job) -> str:
    if job.state not in (FAILED, HELD):
        return f"the action is {job.state}, neither failed nor held"
    job.state, job.attempts, job.ended, job.reason = PENDING, 0, None, ""
    if job.stage == "check":
        job.step = 0  # where the looks are counted
    job.created = job.due = time.time()
    return ""


def _change(host: Host, key: str, change: Callable[[Job], str]) -> dict[str, object]:
    job = next((job for job in _jobs(host) if job.key == key), None)
    if job is None:
        raise MessageError("no action has this key; look at the list of jobs")
    reason = change(job)
    if reason:
        raise MessageError(reason)
    JobStore(host.make_state("enforce", "jobs")).save(job)
    start_lanes(host)
    return {"accepted": key}


def _jobs(host: Host) -> list[Job]:
    return JobStore(f"{host.state}/enforce/jobs").all()
