import sqlite3
from dataclasses import replace
from itertools import chain, permutations
from pathlib import Path

import pytest

from wazuh_pack.reports.findings import Artifact, Finding
from wazuh_pack.scan import state

IMAGE = Artifact("shop/web:1", "container_image")


def vuln(number, severity="high", **more):
    return Finding("vuln", f"CVE-2026-{number:04}", severity, package="openssl", **more)


class Notebook:
    """A memory, and scans of it in few words."""

    def __init__(self, path):
        self.path = path
        self.memory, self.problem = state.open_memory(path, "stamp")
        self.day = 0

    def scan(
        self,
        *findings,
        then=(),
        scope="all",
        complete=True,
        artifact=IMAGE,
        tool="trivy",
        floor="low",
        now=None,
    ):
        self.day += 1
        now = now or f"2026-01-{self.day:02}T00:00:00Z"
        with self.memory.scan(
            artifact,
            tool=tool,
            scan_id=f"scan-{self.day}",
            scope=scope,
            now=now,
            complete=complete,
        ) as scan:
            scan.take(chain(findings, then))
            return [
                (change.state, change.finding.finding_id[-4:], change.finding.severity)
                for change in scan.changes(floor, -1)
            ]

    def reopen(self):
        self.memory.close()
        self.memory, self.problem = state.open_memory(self.path, "stamp")


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path / "memory.db")
    yield notebook
    notebook.memory.close()


def test_the_first_scan_is_a_baseline_with_the_worst_first(notebook):
    findings = [
        vuln(1, "low"),
        vuln(2, "critical", cvss="9.1"),
        vuln(3, "critical", cvss="9.8"),
        vuln(4, "unknown"),
    ]
    with notebook.memory.scan(
        IMAGE, tool="trivy", scan_id="s", scope="", now="t", complete=True
    ) as scan:
        scan.take(findings)

        assert scan.baseline
        assert scan.counts() == {"low": 1, "critical": 2, "unknown": 1}
        assert scan.count_changes("low") == {"new": 3}
        assert [change.finding.finding_id for change in scan.changes("low", 2)] == [
            "CVE-2026-0003",
            "CVE-2026-0002",
        ]


def test_a_scan_with_nothing_new_says_nothing(notebook):
    notebook.scan(vuln(1), vuln(2))

    assert notebook.scan(vuln(2), vuln(1)) == []


def test_what_one_tool_found_no_other_tool_fixes(notebook):
    notebook.scan(vuln(1))

    assert notebook.scan(vuln(1), tool="grype") == [("new", "0001", "high")]
    assert notebook.scan(tool="grype") == [("fixed", "0001", "high")]
    assert notebook.scan(vuln(1)) == []


def test_a_finding_lives_from_new_over_fixed_to_reopened(notebook):
    notebook.scan(vuln(1))

    assert notebook.scan(vuln(1), vuln(2)) == [("new", "0002", "high")]
    assert notebook.scan(vuln(1)) == [("fixed", "0002", "high")]
    assert notebook.scan(vuln(1)) == []
    assert notebook.scan(vuln(1), vuln(2)) == [("reopened", "0002", "high")]


def test_first_seen_stays_over_a_fix(notebook):
    notebook.scan(vuln(1))
    notebook.scan()
    with notebook.memory.scan(
        IMAGE, tool="trivy", scan_id="s", scope="all", now="later", complete=True
    ) as scan:
        scan.take([vuln(1)])
        (change,) = scan.changes("low", -1)

    assert (change.state, change.first_seen) == ("reopened", "2026-01-01T00:00:00Z")


def test_a_changed_severity_is_told_with_the_one_before(notebook):
    notebook.scan(vuln(1, "medium"))
    with notebook.memory.scan(
        IMAGE, tool="trivy", scan_id="s", scope="all", now="t", complete=True
    ) as scan:
        scan.take([vuln(1, "critical")])
        (change,) = scan.changes("low", -1)

    assert change.state == "severity_changed"
    assert change.previous_severity == "medium"
    assert change.finding.severity == "critical"


def test_another_version_digest_or_text_is_no_change(notebook):
    notebook.scan(vuln(1, installed_version="1.0", title="a"))

    rebuilt = vuln(1, installed_version="1.2", title="b", target="web (debian 12.6)")
    assert notebook.scan(rebuilt, artifact=replace(IMAGE, digest="sha256:2")) == []
    assert notebook.scan() == [("fixed", "0001", "high")]


def test_what_is_told_of_a_fixed_finding_is_what_was_known_last(notebook):
    notebook.scan(vuln(1, installed_version="1.0"))
    notebook.scan(vuln(1, installed_version="1.2"))
    with notebook.memory.scan(
        IMAGE, tool="trivy", scan_id="s", scope="all", now="t", complete=True
    ) as scan:
        scan.take([])
        (change,) = scan.changes("low", -1)

    assert change.finding.installed_version == "1.2"


def test_nothing_is_fixed_by_an_incomplete_scan(notebook):
    notebook.scan(vuln(1), vuln(2))

    assert notebook.scan(vuln(1), complete=False) == []
    assert notebook.scan(vuln(1)) == [("fixed", "0002", "high")]


def test_nothing_is_fixed_by_looking_differently(notebook):
    notebook.scan(vuln(1), vuln(2), scope="vuln,secret")

    assert notebook.scan(vuln(1), scope="secret") == []
    assert notebook.scan(vuln(1), scope="secret") == []
    assert notebook.scan(vuln(1), vuln(2), scope="vuln,secret") == []
    assert notebook.scan(vuln(1), scope="vuln,secret") == [("fixed", "0002", "high")]


def test_an_incomplete_scan_with_another_scope_does_not_count_as_the_scan_before(notebook):
    notebook.scan(vuln(1), vuln(2), scope="a")
    notebook.scan(vuln(1), scope="b", complete=False)

    assert notebook.scan(vuln(1), scope="b") == []


def test_artifacts_do_not_mix(notebook):
    other = replace(IMAGE, name="shop/api:1")
    notebook.scan(vuln(1))

    assert notebook.scan(vuln(2), artifact=other) == [("new", "0002", "high")]
    assert notebook.scan(vuln(1)) == []


def test_duplicates_count_once_and_the_worse_one_counts_in_any_order(tmp_path):
    records = [vuln(1, "low"), vuln(1, "critical"), vuln(1, "medium")]
    for number, order in enumerate(permutations(records)):
        notebook = Notebook(tmp_path / f"{number}.db")

        assert notebook.scan(*order) == [("new", "0001", "critical")]
        assert notebook.scan(*reversed(order)) == []
        assert notebook.scan(vuln(1, "low")) == [("severity_changed", "0001", "low")]
        notebook.memory.close()


def test_findings_below_the_floor_are_remembered_silently(notebook):
    notebook.scan(vuln(1, "low"), floor="high")

    assert notebook.scan(vuln(1, "low"), vuln(2, "low"), floor="high") == []
    assert notebook.scan(vuln(1, "low"), vuln(2, "low"), floor="low") == []


def test_a_severity_that_crosses_the_floor_is_told_both_ways(notebook):
    notebook.scan(vuln(1, "low"), floor="high")

    assert notebook.scan(vuln(1, "critical"), floor="high") == [
        ("severity_changed", "0001", "critical")
    ]
    assert notebook.scan(vuln(1, "low"), floor="high") == [("severity_changed", "0001", "low")]


def test_what_is_still_there_can_be_listed(notebook):
    notebook.scan(vuln(1), vuln(2, "critical"))
    with notebook.memory.scan(
        IMAGE, tool="trivy", scan_id="s", scope="all", now="t", complete=True
    ) as scan:
        scan.take([vuln(2, "critical"), vuln(1), vuln(3)])

        assert [change.finding.finding_id for change in scan.present("low")] == [
            "CVE-2026-0002",
            "CVE-2026-0001",
        ]


def test_a_clock_that_goes_back_changes_nothing(notebook):
    notebook.scan(vuln(1), now="2026-06-01T00:00:00Z")

    assert notebook.scan(vuln(1), now="2020-01-01T00:00:00Z") == []
    assert notebook.scan(now="2020-01-01T00:00:00Z") == [("fixed", "0001", "high")]


def test_an_interrupted_scan_leaves_no_trace(notebook):
    def interrupted():
        yield vuln(2)
        raise RuntimeError("interrupted")

    notebook.scan(vuln(1))
    with pytest.raises(RuntimeError, match="interrupted"):
        notebook.scan(vuln(3), then=interrupted())

    assert not notebook.memory.committed("scan-2")
    assert notebook.scan(vuln(1)) == []


def test_a_committed_scan_is_known_after_reopening(notebook):
    notebook.scan(vuln(1))
    notebook.reopen()

    assert notebook.problem == ""
    assert notebook.memory.committed("scan-1")
    assert notebook.scan(vuln(1)) == []


@pytest.mark.parametrize("damage", ["not a database" * 100, "header", "schema"])
def test_a_damaged_or_outdated_file_is_set_aside_and_work_goes_on(tmp_path, damage):
    path = tmp_path / "memory.db"
    notebook = Notebook(path)
    notebook.scan(*(vuln(number) for number in range(400)))
    notebook.memory.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[4096:12288] = b"\xff" * 8192
        path.write_bytes(content)
    elif damage == "schema":
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        path.write_text(damage, encoding="ascii")
    before = path.read_bytes()

    notebook.reopen()

    assert notebook.problem.startswith("schema 99" if damage == "schema" else "corrupt: ")
    assert path.with_name("memory.db.set-aside-stamp").read_bytes() == before
    assert notebook.scan(vuln(1)) == [("new", "0001", "high")]
    notebook.memory.close()


def lose_all(path):
    for part in path.parent.glob("memory.db*"):
        part.unlink()


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b""), lose_all])
def test_a_lost_file_is_told_of_once_and_a_first_one_is_not(tmp_path, lose):
    path = tmp_path / "memory.db"
    notebook = Notebook(path)
    assert notebook.problem == ""
    notebook.scan(vuln(1))
    notebook.reopen()
    assert notebook.problem == ""
    notebook.memory.close()
    lose(path)

    notebook.reopen()
    assert notebook.problem == "lost: the file was gone or empty"
    assert notebook.scan(vuln(1)) == [("new", "0001", "high")]
    notebook.reopen()
    assert notebook.problem == ""
    notebook.memory.close()


def test_a_file_that_cannot_be_used_now_is_left_alone(tmp_path):
    path = tmp_path / "none" / "memory.db"

    with pytest.raises(sqlite3.OperationalError):
        state.open_memory(path, "stamp")


def test_more_findings_than_one_batch_are_compared(notebook):
    many = [vuln(number) for number in range(1500)]
    notebook.scan(*many)

    assert notebook.scan(*many[1:], vuln(9999)) == [
        ("new", "9999", "high"),
        ("fixed", "0000", "high"),
    ]
