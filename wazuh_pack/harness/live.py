"""Real events through the running manager: alerts, and responses that answer them."""

from __future__ import annotations

import ipaddress
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError, UnavailableError
from wazuh_pack.harness import compare, programs
from wazuh_pack.harness.container import HOME, HOSTNAME
from wazuh_pack.harness.sessions import in_order
from wazuh_pack.verify.execd import configured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePosixPath

    from wazuh_pack.harness.lane import Lane, Outcome
    from wazuh_pack.harness.sessions import Played, Script

ALERTS = "logs/alerts/alerts.json"
RESPONSES = "logs/active-responses.log"
CONFIG = "etc/wazuh-pack/respond.ini"
SCRIPT = "wazuh-pack-block-ip"
NFT = HOME.parent.parent / "usr/sbin/nft"

_END = "wazuh_pack_harness"
_MADE = f"active-response/bin/{SCRIPT}: "
"""In a line of the log that tells a decision."""
_DRY_RUN = "dry_run"
_SECONDS = 120.0


@dataclass(slots=True)
class Live:
    """Sends events and reads what came of them."""

    lane: Lane
    asking: frozenset[str] = frozenset()
    """Rules that ask for an address to be blocked."""
    alerts: list[dict[str, Any]] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    begun: dict[str, int] = field(default_factory=dict)
    """How long the logs were before the events were sent."""

    def queue(self) -> Outcome:
        """Send every case through the queue; the alerts must be the engine's, in its order."""
        ruleset = self.lane.ruleset()
        self.asking = self._asking()
        sent = [script for script in self.lane.world.scripts if not _is_answer(script)]
        token = secrets.token_hex(8)
        sent.append(self._ending(sent, token))
        self.played = in_order(sent, ruleset, manager=HOSTNAME, now=time.time())
        self.begun = {name: self._size(name) for name in (ALERTS, RESPONSES)}
        begin = self.begun[ALERTS]
        request = [event for script in sent for event in script.events]
        self.lane.manager.ask("queue", request=request)
        self._wait(ALERTS, begin, [token], "the last event raised no alert")
        places = {location for script in sent for _, location in script.events}
        self.alerts = [alert for alert in self._alerts(begin) if alert.get("location") in places]
        wrong = list(compare.alerted(self.played, self.alerts))
        if wrong:
            raise HarnessError(f"{len(wrong)} alerts differ", details=wrong)
        several = sum(len(script.events) > 1 for script in sent)
        return (
            f"{len(request)} events of {len(sent)} cases, {several} of them sequences:"
            f" {len(self.alerts)} alerts, as the engine says and in its order"
        ), ()

    def dry_run(self) -> Outcome:
        """Every alert that asks for a block got a decision, and each became an alert itself.

        analysisd gives a response the id of whichever alert was written last, as often as not
        another's (4.14.7, ``get_global_alert_second_id``), so they are compared by their rules.
        """
        wanted = Counter(a["rule"]["id"] for a in self.alerts if a["rule"]["id"] in self.asking)
        if not wanted:
            raise UnavailableError("no case that was sent asks for a response")
        begin = self.begun[RESPONSES]
        self._wait_lines(RESPONSES, wanted.total(), [_MADE], "decisions were logged")
        decisions = self._decisions(begin)
        wrong = list(_unlike(wanted, Counter(str(d.get("rule_id")) for d in decisions)))
        if wrong:
            raise HarnessError("not every alert was answered once", details=wrong)
        active = sorted({str(d.get("outcome")) for d in decisions if d.get("mode") != "dry-run"})
        if active:
            raise HarnessError(f"the mode is dry-run, but there are outcomes {', '.join(active)}")
        told = sum(d.get("outcome") == _DRY_RUN for d in decisions)
        if not told:
            raise HarnessError("nothing was decided", details=[str(d) for d in decisions])
        marks = [f'"location":"{HOME / RESPONSES}"', f'"outcome":"{_DRY_RUN}"']
        self._wait_lines(ALERTS, told, marks, "alerts came of decisions")
        asked = wanted.total()
        return f"{asked} alerts asked, {told} would have been blocked, each told", ()

    def enforce(self) -> Outcome:
        """With the mode enforce, the address is in the kernel's set."""
        self._need_firewall()
        script = self._single()
        edits = [["mode = dry-run", "mode = enforce"]]
        self.lane.manager.ask("edit", CONFIG, request=edits)
        try:
            begin = self._size(RESPONSES)
            self.lane.manager.ask("queue", request=list(script.events))
            self._wait(RESPONSES, begin, ['"mode":"enforce"'], "no decision was logged")
            decision = next(d for d in self._decisions(begin) if d.get("mode") == "enforce")
        finally:
            self.lane.manager.ask("edit", CONFIG, request=[list(reversed(edits[0]))])
        target = str(decision.get("target"))
        if decision.get("outcome") not in {"blocked", "refreshed"}:
            raise HarnessError(f"it was not blocked: {decision}")
        listed = self.lane.manager.run([str(NFT), "list", "table", "inet", "wazuh_pack"])
        if str(ipaddress.ip_address(target)) not in listed.output:
            raise HarnessError(f"{target} is not in the kernel's sets", details=listed.lines)
        return f"{target} was blocked for {decision.get('timeout')} s: nft lists it", ()

    def _need_firewall(self) -> None:
        """See to nft, and to the right to use it."""
        if not self.lane.world.options.net_admin:
            raise UnavailableError("the containers have no NET_ADMIN (--no-net-admin)")
        if not self.lane.facts["nft"]:
            files: dict[PurePosixPath, bytes] = programs.carried("nft", NFT)
            self.lane.manager.put(files, mode=0o755)
        done = self.lane.manager.run([str(NFT), "list", "tables"])
        if done.code:
            raise UnavailableError(f"nft does not work here: {' '.join(done.lines)}")

    def _asking(self) -> frozenset[str]:
        folder = self.lane.world.scratch / f"{self.lane.manager.name}-home"
        responses = configured(folder / "etc/ossec.conf")
        return frozenset(
            rule for item in responses if item.executable == SCRIPT for rule in item.rules
        )

    def _single(self) -> Script:
        for case in self.played:
            if len(case.expected) == 1 and str(case.expected[0].rule) in self.asking:
                return case.script
        raise UnavailableError("no single event that was sent asks for a response")

    def _ending(self, sent: list[Script], token: str) -> Script:
        """Return an event that raises an alert in which it can be found again."""
        for script in sent:
            if script.fires and len(script.events) == 1 and script.events[0][0].startswith("{"):
                line, location = script.events[0]
                marked = f'{{"{_END}":"{token}",{line[1:]}'
                return replace(script, case="the last event", events=((marked, location),))
        raise UnavailableError("no case of a single JSON event was chosen, so no end can be told")

    def _size(self, name: str) -> int:
        return int(self.lane.manager.ask_one("size", name)["size"])

    def _wait(self, name: str, begin: int, marks: list[str], problem: str) -> None:
        answer = self.lane.manager.ask_one("wait", name, str(begin), str(_SECONDS), *marks)
        missing = answer["missing"]
        if missing:
            raise HarnessError(
                f"{problem} within {_SECONDS:.0f} s ({len(missing)} of {len(marks)} missing)",
                details=[f"{name} has no {mark}" for mark in missing],
            )

    def _wait_lines(self, name: str, count: int, marks: list[str], what: str) -> None:
        words = (name, str(self.begun[name]), str(_SECONDS), str(count), *marks)
        found = self.lane.manager.ask_one("wait_lines", *words)["found"]
        if found < count:
            raise HarnessError(f"{found} of {count} {what} within {_SECONDS:.0f} s")

    def _alerts(self, begin: int) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lane.manager.ask("lines", ALERTS, str(begin))]

    def _decisions(self, begin: int) -> list[dict[str, Any]]:
        lines = self.lane.manager.ask("lines", RESPONSES, str(begin))
        return [
            json.loads(line.partition(": ")[2])["wazuh_pack"] for line in lines if _MADE in line
        ]


def _unlike(wanted: Counter[str], got: Counter[str]) -> Iterator[str]:
    """Yield the rules whose alerts were answered more or less often than once."""
    for rule in sorted({*wanted, *got}):
        if wanted[rule] != got[rule]:
            yield f"rule {rule}: {wanted[rule]} alerts asked, {got[rule]} decisions were logged"


def _is_answer(script: Script) -> bool:
    """Say whether a case is about what responses log: real ones answer these events meanwhile."""
    return any(location.endswith(RESPONSES) for _, location in script.events)
