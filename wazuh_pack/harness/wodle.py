"""The command wodle, run by modulesd: without a Trivy, and with a real one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError
from wazuh_pack.harness.container import HOME, OURS
from wazuh_pack.harness.live import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wazuh_pack.harness.lane import Lane, Outcome

CONFIG = "etc/wazuh-pack/trivy.ini"
LOCATION = "command_wazuh-pack-trivy"

_TRIVY = PurePosixPath("/usr/local/bin/trivy")
_TARGET = OURS / "target"
_SECRET = "ghp_" + "0123456789abcdefABCDEFGHIJ0123456789"
_SECONDS = 20.0
_RUNS = 8
_NOW = [["interval = 1d", "interval = 1s"], ["jitter = 30m", "jitter = 1s"]]
"""A start that was put off further than that counts as put off by a wrong clock, so it is due."""
_LOCAL = [
    *_NOW,
    ["images = all", "images = none"],
    ["#filesystems =\n#    /srv/jenkins/workspace/*", f"filesystems =\n    {_TARGET}"],
    ["scanners = vuln misconfig secret", "scanners = misconfig secret"],
    ["offline = no", "offline = yes"],
]


def scan_without(lane: Lane) -> Outcome:
    """Without a Trivy in the image, the failure to scan becomes an alert."""
    alerts = _scan(lane, _NOW, '"reason":"no_trivy"')
    return _summary(alerts), ()


def scan_with(lane: Lane) -> Outcome:
    """With the Trivy that was given, what is wrong in a folder becomes alerts."""
    binary = lane.world.options.trivy
    if binary is None:
        raise HarnessError("no Trivy was given")
    _put_target(lane, binary)
    try:
        alerts = _scan(lane, _LOCAL, '"finding_id":"DS-0002"')
    finally:
        lane.manager.run(["rm", str(_TRIVY)])
    if any(_SECRET in json.dumps(alert) for alert in alerts):
        raise HarnessError("the secret that was found stands in an alert")
    return _summary(alerts), ()


def _put_target(lane: Lane, binary: Path) -> None:
    lane.manager.put({_TRIVY: binary.read_bytes()}, mode=0o755)
    lane.manager.put(
        {
            _TARGET / "Dockerfile": b"FROM alpine:latest\nUSER root\n",
            _TARGET / "deploy.sh": f"export GITHUB_PAT={_SECRET}\n".encode(),
        }
    )


def _scan(lane: Lane, edits: list[list[str]], mark: str) -> list[dict[str, Any]]:
    """Let modulesd scan and deliver; return the alerts of the wodle.

    A run of the wodle starts a scan that is due, and delivers what is there when it leaves; the
    rest comes with the next run. That would be minutes later, so Wazuh is restarted in its place.
    """
    begin = str(lane.manager.ask_one("size", ALERTS)["size"])
    with _configured(lane, edits):
        done = any(_delivered(lane, begin, mark) for _ in range(_RUNS))
    lines = lane.manager.ask("lines", ALERTS, begin)
    alerts = [alert for alert in map(json.loads, lines) if alert.get("location") == LOCATION]
    if not done:
        said = [alert["rule"]["description"] for alert in alerts]
        raise HarnessError(f"no alert with {mark} came of {_RUNS} runs", details=said)
    return alerts


def _delivered(lane: Lane, begin: str, mark: str) -> bool:
    _restart(lane)
    return not lane.manager.ask_one("wait", ALERTS, begin, str(_SECONDS), mark)["missing"]


@contextmanager
def _configured(lane: Lane, edits: list[list[str]]) -> Iterator[None]:
    """Change the wodle's configuration for a while."""
    before = lane.manager.ask_one("edit", CONFIG, request=edits)["before"]
    try:
        yield
    finally:
        now = lane.manager.run(["cat", str(HOME / CONFIG)]).output
        lane.manager.ask("edit", CONFIG, request=[[now, before]])


def _restart(lane: Lane) -> None:
    done = lane.manager.run([str(HOME / "bin/wazuh-control"), "restart"])
    if done.code:
        raise HarnessError(f"wazuh-control restart ended with {done.code}", details=done.lines)
    lane.wait_until_ready()


def _summary(alerts: list[dict[str, Any]]) -> str:
    rules = sorted({f"{a['rule']['id']} ({a['rule']['description']})" for a in alerts})
    return f"modulesd ran it: {len(alerts)} alerts, of rules {', '.join(rules)}"
