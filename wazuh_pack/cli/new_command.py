"""``wazuh-pack new``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from wazuh_pack import resources
from wazuh_pack.cli import _load, _out
from wazuh_pack.errors import UsageError

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SKELETON = """\
id: {id}
title: FILL IN {id}
message: FILL IN who did what, with $(field) placeholders
why: FILL IN what an attacker gains by this, and why it is worth somebody's time.
severity: medium
match:
  FILL-IN: the value that decides
attack: [T1195]
cicd_sec: [1]
catalogue: []
false_positives:
  - FILL IN
references:
  - https://example.org/FILL-IN
runbook:
  - FILL IN
tests:
  fires:
    - name: FILL IN what happens
      from: FILL IN where this event comes from
      event: {event}
  quiet:
    - name: FILL IN what makes this a near miss
      from: FILL IN where this event comes from
      event: {event}
"""


@click.command(help="Write the skeleton of a detection; `test` then fails until it is filled in.")
@click.argument("source")
@click.argument("detection")
@click.option("--content", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(source: str, detection: str, content: Path | None) -> None:
    """Scaffold."""
    if content is None:
        _load.require_checkout("--content")
    loaded = _load.catalog(content)
    if source not in {item.id for item in loaded.sources}:
        known = ", ".join(item.id for item in loaded.sources)
        raise UsageError(f"no source {source!r}", hint=f"one of: {known}")
    if not _SLUG.fullmatch(detection):
        raise UsageError(
            f"{detection!r} is no detection id", hint="lower-case words with dashes between them"
        )
    if detection in {item.id for item in loaded.detections}:
        raise UsageError(f"{detection!r} exists", hint=f"`wazuh-pack show {detection}`")
    path = (content or resources.content()) / source / f"{detection}.yml"
    text_source = not loaded.source(source).envelope.wrap and loaded.source(source).full_log
    event = "FILL IN the line" if text_source else "{fill: in}"
    path.write_text(_SKELETON.format(id=detection, event=event), encoding="utf-8")
    _out.line(f"wrote {path}")
    _out.line("fill it in, then: wazuh-pack build && wazuh-pack test " + detection)
