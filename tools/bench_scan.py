"""Measure the Trivy wodle: large reports, memory of findings, overhead over bare Trivy.

    python tools/bench_scan.py [--write docs/performance-scan.md]

Every measurement runs in a process of its own; times are processor time, for the machine may be
busy, and the best of some runs. Memory is the peak above a bare interpreter's. The baseline for
reports is ``json.load`` of the same file in the same run. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINDINGS = 100_000
SIZE = 100 << 20
RUNS = 3
FILES, LINES = 16_000, 400
"""The target of the overhead's measurement: so much that Trivy is busy for seconds."""


@dataclass(frozen=True)
class Measured:
    """Processor seconds and peak memory in MB of one process, its children included."""

    seconds: float
    memory: float


def measure(*arguments: str | Path) -> Measured:
    """Run this file's job in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, __file__, "--job", *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, float(done.stdout.split()[-1]))


def best(*arguments: str | Path) -> Measured:
    """Return the quickest of some runs."""
    return min((measure(*arguments) for _ in range(RUNS)), key=lambda one: one.seconds)


def write_report(path: Path, title: str = "flaw") -> None:
    """Write a report of FINDINGS vulnerabilities and SIZE bytes, indented as Trivy does it."""
    head = {
        "SchemaVersion": 2,
        "ArtifactName": "shop/web:1",
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}},
    }
    size = len(json.dumps(vulnerability(FINDINGS - 1, ""), indent=2)) + 1
    filling = "x" * (SIZE // FINDINGS - size)
    with path.open("w", encoding="ascii") as file:
        file.write(json.dumps(head, indent=2)[:-2] + ',\n  "Results": [{"Target": "Node.js",')
        file.write('"Class": "lang-pkgs", "Type": "node-pkg", "Vulnerabilities": [\n')
        for number in range(FINDINGS):
            record = json.dumps({**vulnerability(number, filling), "Title": title}, indent=2)
            file.write(record + (",\n" if number + 1 < FINDINGS else "\n"))
        file.write("]}]}\n")


def vulnerability(number: int, filling: str) -> dict[str, object]:
    """Return one member of the report."""
    package = f"package-{number // 40}"
    return {
        "VulnerabilityID": f"CVE-2026-{number % 20_000:05}",
        "PkgName": package,
        "PkgIdentifier": {"PURL": f"pkg:npm/{package}@1.2.3"},
        "PkgPath": f"app/node_modules/{package}/{number}/package.json",
        "InstalledVersion": "1.2.3",
        "FixedVersion": "1.2.4",
        "Status": "fixed",
        "SeveritySource": "nvd",
        "PrimaryURL": f"https://avd.example.org/{number}",
        "Description": filling,
        "Severity": ("LOW", "MEDIUM", "HIGH", "CRITICAL")[number % 4],
        "CweIDs": ["CWE-79"],
        "CVSS": {"nvd": {"V3Vector": "CVSS:3.1/AV:N", "V3Score": 7.5}},
        "PublishedDate": "2026-01-02T03:04:05Z",
    }


def job(name: str, *arguments: str) -> None:
    """Do one thing that is measured, and print the peak memory in MB."""
    {"nothing": lambda: None, "load": load, "read": read, "record": record}[name](*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{peak}\n")


def load(path: str) -> None:
    """Read a report as everybody would."""
    with Path(path).open(encoding="utf-8") as file:
        json.load(file)


def read(path: str) -> None:
    """Read a report as the wodle does."""
    from wazuh_pack.reports.trivy import Report  # noqa: PLC0415 - not to be in other jobs' memory

    with Report(Path(path)) as report:
        if sum(1 for _ in report.findings()) != FINDINGS:
            raise SystemExit("findings are missing")


def record(path: str, folder: str, expected: str) -> None:
    """Take a report into a memory and tell of it; ``expected`` finding events have to come."""
    from wazuh_pack.reports.trivy import Report  # noqa: PLC0415 - not to be in other jobs' memory
    from wazuh_pack.scan.config import Reporting  # noqa: PLC0415
    from wazuh_pack.scan.events import Source  # noqa: PLC0415
    from wazuh_pack.scan.record import Recorder  # noqa: PLC0415
    from wazuh_pack.scan.spool import Spool  # noqa: PLC0415

    spool = Path(folder) / "spool"
    spool.mkdir(exist_ok=True)
    for batch in spool.glob("*.jsonl"):
        batch.unlink()
    recorder = Recorder(Path(folder) / "memory.db", Spool(spool), Reporting())
    now = datetime.now(timezone.utc)
    source = Source(os.urandom(8).hex(), "trivy", now=lambda: now)
    with Report(Path(path)) as report:
        recorder.record(report, source, artifact=report.head.artifact, scope="", facts={})
    found = sum(batch.read_bytes().count(b'"event":"finding"') for batch in spool.glob("*.jsonl"))
    if found != int(expected):
        raise SystemExit(f"{found} finding events instead of {expected}")


def reports(scratch: Path) -> list[list[str]]:
    """Measure a large report; return table rows."""
    path = scratch / "report.json"
    write_report(path)
    base = measure("nothing").memory
    plain = best("load", path)
    ours = best("read", path)
    memory = scratch / "memory"
    memory.mkdir()
    first = measure("record", path, memory, "20")
    again = best("record", path, memory, "0")
    other = scratch / "other.json"
    write_report(other, title="reworded")
    reworded = measure("record", other, memory, "0")
    rate = FINDINGS / ours.seconds
    return [
        [
            f"report of {path.stat().st_size >> 20} MB: findings read",
            f"{rate:,.0f}/s",
            f"{FINDINGS / plain.seconds:,.0f}/s (json.load)",
            f"{plain.seconds / ours.seconds:.2f}x",
            ">= 20,000/s",
        ],
        [
            "the same: memory above the interpreter",
            f"{ours.memory - base:.0f} MB",
            f"{plain.memory - base:.0f} MB (json.load)",
            f"{(ours.memory - base) / (plain.memory - base):.2f}x",
            "< 64 MB",
        ],
        [
            "first scan: read, remembered, told of",
            f"{first.seconds:.1f} s, {first.memory - base:.0f} MB",
            "",
            "",
            "< 64 MB",
        ],
        [
            f"second scan with {FINDINGS:,} remembered, nothing new: no events",
            f"{again.seconds:.2f} s, {again.memory - base:.0f} MB",
            f"{plain.seconds:.2f} s (json.load)",
            f"{again.seconds / plain.seconds:.2f}x",
            "< 2 s",
        ],
        [
            "the same, and every finding's title was reworded meanwhile",
            f"{reworded.seconds:.2f} s, {reworded.memory - base:.0f} MB",
            f"{plain.seconds:.2f} s (json.load)",
            f"{reworded.seconds / plain.seconds:.2f}x",
            "",
        ],
    ]


def overhead(scratch: Path) -> list[list[str]]:
    """Compare the wodle with bare Trivy on the same folder; return table rows."""
    trivy = os.environ.get("WAZUH_PACK_TRIVY") or shutil.which("trivy")
    if not trivy:
        sys.stderr.write("no Trivy (neither on PATH nor WAZUH_PACK_TRIVY): overhead not measured\n")
        return []
    target = scratch / "target"
    target.mkdir()
    for number in range(FILES):
        text = "".join(f"export NAME_{line}=value-{number}\n" for line in range(LINES))
        (target / f"{number}.sh").write_text(text, encoding="ascii")
    home = scratch / "home"
    config = home / "etc/wazuh-pack"
    config.mkdir(parents=True)
    (config / "trivy.ini").write_text(
        f"[targets]\nfilesystems = {target}\n[report]\nscanners = misconfig secret\n"
        f"[trivy]\nbinary = {trivy}\noffline = yes\nnice = 0\ntimeout = 1h\n",
        encoding="ascii",
    )
    report = scratch / "bare.json"
    bare = [
        *(trivy, "filesystem", "--format", "json", "--output", str(report), "--quiet"),
        *("--scanners", "misconfig,secret", "--offline-scan", "--skip-check-update"),
        *("--skip-version-check", "--disable-telemetry", "--cache-dir", str(scratch / "cache")),
        str(target),
    ]
    ours = [sys.executable, str(ROOT / "wodles/trivy"), "--home", str(home), "--wait"]
    pairs = [(spent(bare), spent(ours)) for _ in range(RUNS + 1)][1:]
    plain = min(one[0] for one, _ in pairs)
    wrapped = min(other[0] for _, other in pairs)
    wall = [min(times[side][1] for times in pairs) for side in (0, 1)]
    return [
        [
            f"scan of {FILES:,} files: processor time",
            f"{wrapped:.2f} s",
            f"{plain:.2f} s (bare trivy)",
            f"{(wrapped / plain - 1) * 100:+.1f} %",
            "< 5 %",
        ],
        [
            "the same: time on the clock",
            f"{wall[1]:.2f} s",
            f"{wall[0]:.2f} s (bare trivy)",
            f"{(wall[1] / wall[0] - 1) * 100:+.1f} %",
            "< 5 %",
        ],
    ]


def spent(command: list[str]) -> tuple[float, float]:
    """Return processor time and time on the clock that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def table(rows: list[list[str]]) -> str:
    """Return the rows as a Markdown table."""
    head = [["what", "measured", "baseline", "ratio", "target"], ["---"] * 5]
    return "".join("| " + " | ".join(row) + " |\n" for row in head + rows)


def main() -> None:
    """Measure, print, and write the page if asked to."""
    options = argparse.ArgumentParser()
    options.add_argument("--write", type=Path)
    options.add_argument("--job", nargs=argparse.REMAINDER)
    chosen = options.parse_args()
    if chosen.job:
        job(*chosen.job)
        return
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        rows = reports(Path(scratch)) + overhead(Path(scratch))
    sys.stdout.write("the Trivy wodle\n" + table(rows))
    if chosen.write:
        where = f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"
        chosen.write.write_text(
            "# Performance of the Trivy wodle\n\n"
            "Measured by `tools/bench_scan.py`; `make bench` measures again on your machine.\n"
            f"Times are processor time, the best of {RUNS} runs, each in a process of its own;\n"
            f"memory is the peak above a bare interpreter's. {where}.\n\n" + table(rows),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
