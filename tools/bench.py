"""`make bench`: measurements, as ratios against a baseline named in the output.

The content tree of 1,000 detections is generated; nothing here is a test.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from wazuh_pack import render, source
from wazuh_pack.source import ids
from wazuh_pack.verify import cases, drift
from wazuh_pack.verify.rulesets import load_pack

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from content_folder import Content

SOURCES = 10
DETECTIONS = 100


def timed(work):
    """Return what ``work()`` returned and how many seconds it took."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def generate(folder: Path) -> Path:
    """Write a tree of SOURCES x DETECTIONS detections."""
    content = Content(folder)
    for number in range(SOURCES):
        first = 110000 + number * 200
        name = f"src{number}"
        content.source(name, order=number, block=f"{first}-{first + 199}", kind=f"event{number}")
        for index in range(DETECTIONS):
            content.detection(
                f"d{number}-{index}",
                f"match: {{src.action: a{index}}}",
                source=name,
                event=f"{{kind: event{number}, action: a{index}, actor: octo}}",
                near=f"{{kind: event{number}, action: a{index}x, actor: octo}}",
            )
    return folder


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        content = Path(scratch) / "content"
        tree = Path(scratch) / "tree"
        content.mkdir()
        generate(content)
        (catalog, problems), loading = timed(lambda: source.load(content))
        if problems:
            raise SystemExit(str(problems[0]))
        built, rendering = timed(lambda: render.build(catalog, ids.Lock()))
        drift.write(built, tree, content / "ids.lock")
        ruleset, compiling = timed(lambda: load_pack(tree, lists={}))
        outcomes, running = timed(
            lambda: list(cases.run(catalog, catalog.detections, built.rule_ids(), ruleset))
        )
    count = len(catalog.detections)
    failed = [item for item in outcomes if not item.passed]
    build = loading + rendering
    sys.stdout.write(
        f"content of {count} detections, against the targets of 5 s and 60 s\n"
        f"  build   {build:6.2f} s  ratio {build / 5:.2f}"
        f"  (read {loading:.2f}, render {rendering:.2f})\n"
        f"  test    {compiling + running:6.2f} s  ratio {(compiling + running) / 60:.2f}"
        f"  ({len(outcomes)} cases, {len(failed)} failed; load {compiling:.2f})\n"
    )


if __name__ == "__main__":
    main()
