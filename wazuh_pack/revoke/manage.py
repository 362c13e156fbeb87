"""What people and timers ask of the script; answers are JSON on standard output.

``--resume`` goes on with open jobs (after a reboot), ``--status`` lists them all, ``--undo KEY``
takes an action back, ``--retry KEY`` tries a failed one again, ``--providers`` shows what can be
done. The key is the one in the log; no secret is ever an argument.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.revoke.context import load_context
from wazuh_pack.revoke.intake import begin_undo
from wazuh_pack.revoke.jobs import FAILED, PENDING, Job, JobStore
from wazuh_pack.revoke.providers import NAMES, provider
from wazuh_pack.revoke.script import work_off

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_pack.revoke.script import Host

_USAGE = "usage: --resume | --status | --providers | --undo KEY | --retry KEY"


def manage(host: Host, words: Sequence[str]) -> int:
    """Do what the options say; return 0 when it could be done, 2 for wrong usage."""
    command, *values = words
    keyed = {"--undo": _undo, "--retry": _retry}
    plain = {"--resume": _resume, "--status": _status, "--providers": _providers}
    try:
        if command in plain and not values:
            answer = plain[command](host)
        elif command in keyed and len(values) == 1:
            answer = _change(host, values[0], keyed[command])
        else:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    except (AgentError, OSError) as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return 1 if isinstance(answer, dict) and "error" in answer else 0


def _store(host: Host) -> JobStore:
    return JobStore(host.make_state("enforce", "jobs"))


def _resume(host: Host) -> object:
    store = _store(host)
    store.purge(time.time())
    work_off(host)
    return {"open": sum(job.open for job in store.all())}


def _status(host: Host) -> object:
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
        for job in _store(host).all()
    ]


def _providers(host: Host) -> object:
    instances = load_context(host.place()).settings.instances
    enabled = {(i.kind.name, action) for i in instances.values() for action in i.actions}
    return [
        {
            "action": f"{name}.{capability.name}",
            "enabled": (name, capability.name) in enabled,
            "parameters": [parameter.name for parameter in capability.parameters],
            "effect": capability.effect,
            "rights": capability.rights,
            "undo": capability.undo,
            "verified": capability.verified,
            "calls": list(capability.calls),
        }
        for name in NAMES
        for capability in provider(name).capabilities.values()
    ]


def _change(host: Host, key: str, change: Callable[[Job, Host], str]) -> object:
    store = _store(host)
    job = next((job for job in store.all() if job.key == key), None)
    if job is None:
        return {"error": "no action has this key; --status lists them"}
    error = change(job, host)
    if error:
        return {"error": error}
    store.save(job)
    work_off(host)
    return {"accepted": key}


def _undo(job: Job, host: Host) -> str:
    return begin_undo(job, load_context(host.place()), time.time())


def _retry(job: Job, host: Host) -> str:
    del host
    if job.state != FAILED:
        return f"the action is {job.state}, not failed"
    job.state, job.attempts, job.ended, job.reason = PENDING, 0, None, ""
    job.created = job.due = time.time()
    return ""
