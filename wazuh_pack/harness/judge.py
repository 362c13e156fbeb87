"""The lane in which the manager's logtest judges every event of every case."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError
from wazuh_pack.harness import compare
from wazuh_pack.harness.container import HOSTNAME
from wazuh_pack.harness.sessions import share_sessions
from wazuh_pack.install.daemonlog import BAD, reported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.harness.lane import Lane, Outcome
    from wazuh_pack.harness.sessions import Played


def run(lane: Lane) -> None:
    """Carry out the lane."""
    lane.check("start", lane.start, needed=True)
    lane.check("bring", lane.bring, needed=True)
    lane.check("install", lane.install, needed=True)
    lane.check("loading", lane.loading)
    lane.check("logtest", lambda: _logtest(lane))


def _logtest(lane: Lane) -> Outcome:
    ruleset = lane.ruleset()
    sessions = share_sessions(lane.world.scripts, ruleset, manager=HOSTNAME, now=time.time())
    request = [
        [event for played in session for event in played.script.events] for session in sessions
    ]
    answers = lane.manager.ask("logtest", request=request)
    played = [case for session in sessions for case in session]
    wrong = [*compare.judged(played, answers), *_complaints(lane, answers), *unlike(played)]
    events = sum(len(case.expected) for case in played)
    if wrong:
        raise HarnessError(f"{len(wrong)} of {events} events differ", details=wrong)
    waiting = [case.script.name for case in played if not case.as_written]
    summary = (
        f"{len(played)} cases, {events} events in {len(sessions)} sessions: decoder, fields, rule,"
        " level and groups as the engine says"
    )
    if not waiting:
        return summary, ()
    return (
        f"{summary}; {len(waiting)} cases need time to pass and were compared without",
        [f"needs time: {name}" for name in waiting],
    )


def _complaints(lane: Lane, answers: Sequence[dict[str, Any]]) -> list[str]:
    """Return warnings about ours with which logtest opened its sessions."""
    texts = [text for answer in answers for text in answer.get("messages") or ()]
    bad = [message for message in reported(texts) if message.level in BAD]
    return [f"logtest: {message}" for message in lane.world.ours.complaints(bad)]


def unlike(played: Sequence[Played]) -> list[str]:
    """Return the cases that single events decide and that do not do what they say.

    Whether a case of several events may depend on time is not known here; one of a single event
    cannot.
    """
    return [
        f"{case.script.name}: the ruleset in the image answers with rule {case.expected[-1].rule}"
        for case in played
        if not case.as_written and len(case.expected) == 1
    ]
