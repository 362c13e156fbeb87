"""``wazuh-pack demo``."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack.cli import _load, _out
from wazuh_pack.demo import story
from wazuh_pack.demo.blocked import blocked_addresses
from wazuh_pack.demo.namespace import network_namespace
from wazuh_pack.demo.replay import AlertFired, Replay, Responded, SceneBegins
from wazuh_pack.demo.scan import scanner
from wazuh_pack.demo.stage import set_stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_pack.demo.replay import Happening
    from wazuh_pack.demo.scan import Scanner
    from wazuh_pack.demo.stage import Stage

_WIDTH = 96
_INDENT = "           "
_LEVELS = ((15, "CRITICAL", ("bold", "red")), (12, "HIGH", ("red",)), (7, "MEDIUM", ("yellow",)))


@click.command(help="Replay an attack on a pipeline and show what the pack does about it.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/manager"),
    show_default=True,
    help="Where the scratch manager is made; an earlier demo's is replaced.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(home: Path, form: str) -> None:
    """Set the stage, replay, sum up."""
    began = time.monotonic()
    loaded = _load.catalog()
    build = _load.build(loaded)
    home = home.resolve()
    with network_namespace() as enter:
        stage = set_stage(home, loaded, build, enforce=bool(enter))
        scan = scanner(home)
        replay = Replay(
            story=story.load(),
            catalog=loaded,
            ids=build.rule_ids(),
            ruleset=stage.ruleset,
            home=home,
            enter=enter,
            scan=lambda: _scans(scan, home.parent / "demo-target"),
        )
        if form == "json":
            _as_json(replay.run())
            return
        _opening(stage, len(loaded.detections), len(build.rules))
        _responding(enter)
        seen = list(_shown(replay.run(), scan))
        _closing(seen, replay.events, blocked_addresses(enter), time.monotonic() - began)


def _scans(scan: Scanner, target: Path) -> Iterator[dict[str, Any]]:
    yield from scan.recorded()
    if scan.trivy:
        yield from scan.real(target)


def _as_json(happenings: Iterator[Happening]) -> None:
    for happening in happenings:
        if isinstance(happening, AlertFired):
            _out.json_line(happening.alert)
        elif isinstance(happening, Responded):
            _out.json_line({"response": happening.response.name, **happening.outcome})


def _opening(stage: Stage, detections: int, rules: int) -> None:
    _out.line(_out.style("wazuh-pack: an attack on a pipeline, replayed", "bold"))
    _out.line()
    _out.line(f"  {detections} detections rendered to {rules} rules")
    _out.line(f"  installed into {_near(stage.home)} ({stage.changes} changes)")
    _out.line("  loaded from there by the offline engine, over our own stand-ins for stock rules")


def _responding(enter: Sequence[str]) -> None:
    if enter:
        _out.line("  responses act for real: nftables in a network namespace of the demo's own")
    else:
        _out.line("  responses decide but do not act: blocking for real needs root and nft")


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _shown(happenings: Iterator[Happening], scan: Scanner) -> Iterator[Happening]:
    before = ""
    for happening in happenings:
        if isinstance(happening, SceneBegins):
            _scene(happening, scan)
            before = ""
        elif isinstance(happening, AlertFired):
            said = happening.alert["rule"]["description"]
            _alert(happening, again=said == before)
            before = said
        else:
            _response(happening)
        yield happening


def _scene(happening: SceneBegins, scan: Scanner) -> None:
    scene = happening.scene
    _out.line()
    _out.line(_out.style(scene.title, "bold", "cyan"))
    text = scene.text
    if scene.scan:
        text += " The report is a recorded one; the wodle turns it into events."
        text += (
            f" Then the real Trivy ({scan.trivy}) scans a small folder."
            if scan.trivy
            else " (No trivy on PATH that could be run here.)"
        )
    for line in textwrap.wrap(text, _WIDTH - 2):
        _out.line(_out.style(f"  {line}", "dim"))


def _alert(fired: AlertFired, *, again: bool) -> None:
    rule = fired.alert["rule"]
    when = datetime.fromtimestamp(fired.time, timezone.utc).strftime("%H:%M:%S")
    badge = _badge(int(rule["level"]))
    title = fired.detection.title if fired.detection else ""
    head = f"  {when} {badge} {rule['id']}  {fired.source}: {_out.style(title, 'bold')}"
    if again:
        _out.line(f"{head} {_out.style('(the same again)', 'dim')}")
        return
    _out.line(head)
    for line in textwrap.wrap(rule["description"], _WIDTH - len(_INDENT)):
        _out.line(_INDENT + line)
    details = _attack(rule.get("mitre", {}))
    if details:
        _out.line(_INDENT + _out.style(details, "dim"))


def _badge(level: int) -> str:
    for lowest, name, style in _LEVELS:
        if level >= lowest:
            return _out.style(f"{name} {level}".ljust(12), *style)
    return f"LOW {level}".ljust(12)


def _attack(mitre: dict[str, Any]) -> str:
    pairs = zip(mitre.get("id", []), mitre.get("technique", []), strict=False)
    return "ATT&CK " + ", ".join(f"{number} {name}" for number, name in pairs) if mitre else ""


def _response(done: Responded) -> None:
    outcome = done.outcome.get("outcome", "no decision logged in time")
    target = " ".join(str(done.outcome.get(name, "")) for name in ("action", "target")).strip()
    text = {
        "blocked": f"{target} is blocked for {_span(done.outcome.get('timeout', 0))}",
        "refreshed": f"{target} was blocked; now for {_span(done.outcome.get('timeout', 0))}",
        "dry_run": f"dry run: would have {done.outcome.get('would', '')} {target}",
    }.get(outcome, f"{outcome} {target} {done.outcome.get('reason', '')}".strip())
    speed = f"execd free after {done.returned * 1000:.0f} ms, done after {done.took * 1000:.0f} ms"
    _out.line(f"{_INDENT}{_out.style('-> ' + text, 'green')} ({speed})")


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - an hour


def _closing(seen: list[Happening], events: int, blocked: Sequence[str], seconds: float) -> None:
    alerts = [item for item in seen if isinstance(item, AlertFired)]
    levels = Counter(_badge_name(int(item.alert["rule"]["level"])) for item in alerts)
    _out.line()
    _out.line(_out.style("In sum", "bold"))
    worst = ", ".join(f"{count} {name.lower()}" for name, count in levels.items())
    _out.line(f"  {events} events, {len(alerts)} alerts ({worst}), in {seconds:.1f} s")
    for address in blocked:
        _out.line(f"  nftables drops {address}")
    _out.line()
    _out.line(_out.style("Where to look next", "bold"))
    _out.line("  wazuh-pack list                    every rule, with ATT&CK and CICD-SEC")
    _out.line("  wazuh-pack show app-login-bruteforce")
    _out.line("  wazuh-pack explain FILE            why an event did, or did not, raise an alert")
    _out.line("  make install DESTDIR=/some/root    the files as a manager would get them")
    _out.line("  docs/architecture.md, docs/reference/detection-format.md")


def _badge_name(level: int) -> str:
    return next((name for lowest, name, _ in _LEVELS if level >= lowest), "LOW")
