"""Watched folders, in which everything is hostile."""

import json
import os
import time
from pathlib import Path

import pytest

from wazuh_pack.scan import config, folders, inbox
from wazuh_pack.scan.config import ReportFolder
from wazuh_pack.scan.events import KEY
from wazuh_pack.scan.folders import Ledger, survey, waiting
from wazuh_pack.scan.ingest import Ingester
from wazuh_pack.scan.places import Places
from wazuh_pack.scan.spool import Spool

SAMPLES = Path(__file__).resolve().parents[1] / "reports/samples"
LATER = 10**6


class Mailbox:
    """A watched folder and what comes of it."""

    def __init__(self, folder):
        self.folder = folder / "in"
        self.folder.mkdir()
        home = folder / "home"
        home.mkdir()
        self.places = Places(str(home))
        self.places.make()
        self._out = folder / "out"

    def put(self, name, sample="gitleaks.json"):
        path = self.folder / name
        path.write_bytes((SAMPLES / sample).read_bytes())
        return path

    def run(self, **settings):
        """Take what waits; return the events."""
        watched = ReportFolder(str(self.folder), **{"settle": 0, **settings})
        done = inbox.take_reports(config.Config(reports=(watched,)), self.places)
        with self._out.open("wb") as out:
            Spool(self.places.spool).deliver(out.fileno(), max_lines=LATER)
        events = [json.loads(line)[KEY] for line in self._out.read_text().splitlines()]
        return done, events


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path)


def names(folder, path, now=None):
    """Return the file names that wait in a folder."""
    found = []
    for one in waiting(
        survey((folder,)), Ledger(path), time.time() + LATER if now is None else now
    ):
        found.append((Path(one.path).name, one.problem))
        if one.descriptor >= 0:
            os.close(one.descriptor)
    return found


def test_a_report_is_taken_once_and_again_when_it_changes(mailbox):
    path = mailbox.put("shop.json")
    (taken, failed), events = mailbox.run()

    assert (taken, failed) == (1, 0)
    assert {e["artifact"] for e in events} == {"shop"}
    assert {e["tool"] for e in events} == {"gitleaks"}
    assert mailbox.run() == ((0, 0), [])
    path.write_text("[]", "utf-8")
    assert mailbox.run()[0] == (1, 1)  # an empty list does not say whose it is
    path.write_text("[] ", "utf-8")
    states = [e["state"] for e in mailbox.run(tool="gitleaks")[1] if e["event"] == "finding"]
    assert states == ["fixed", "fixed"]


def test_the_file_s_name_tells_the_artifact(mailbox):
    mailbox.put("web-2026-03-02-leaks.json")
    mailbox.put("other.txt")

    done, events = mailbox.run(files="{artifact}-????-??-??-leaks.json", artifact_type="service")

    assert done == (1, 0)
    assert {(e["artifact"], e["artifact_type"]) for e in events} == {("web", "service")}


def test_older_reports_come_first(mailbox):
    mailbox.put("b.json")
    mailbox.put("a.json", "zizmor.json")
    order = [e["tool"] for e in mailbox.run(artifact="x")[1] if e["event"] == "scan_finished"]

    assert order == ["gitleaks", "zizmor"]


def test_a_file_that_has_not_rested_waits(mailbox, tmp_path):
    path = mailbox.put("shop.json")
    changed = path.stat().st_ctime
    folder = ReportFolder(str(mailbox.folder), settle=30)
    # The time of modification is the writer's to choose and counts for nothing.
    os.utime(path, (0, 0))

    assert names(folder, tmp_path / "ledger", changed + 10) == []
    assert names(folder, tmp_path / "ledger", path.stat().st_ctime + 31) == [("shop.json", "")]


@pytest.mark.parametrize("name", [".hidden.json", "shop.json.tmp", "shop.part", "shop.json~"])
def test_unfinished_files_are_passed_over(mailbox, tmp_path, name):
    mailbox.put(name)

    assert names(ReportFolder(str(mailbox.folder)), tmp_path / "ledger") == []


def make_link(path):
    path.symlink_to("/etc/passwd")


def make_hard_link(path):
    path.with_name(".real").write_text("[]", "utf-8")
    os.link(path.with_name(".real"), path)


def make_writable(path):
    path.write_text("[]", "utf-8")
    path.chmod(0o666)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_link, "no plain file"),
        (os.mkfifo, "no plain file"),
        (make_hard_link, "several names"),
        (make_writable, "writable for everybody"),
    ],
)
def test_what_is_not_to_be_trusted_is_told_of_once(mailbox, make, words):
    make(mailbox.folder / "shop.json")

    done, events = mailbox.run()

    assert done == (1, 1)
    assert [(e["event"], e["reason"], e["tool"]) for e in events] == [
        ("scan_failed", "untrusted_report", "report")
    ]
    assert words in events[0]["error"]
    assert mailbox.run() == ((0, 0), [])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_stranger_s_file_needs_leave(mailbox):
    os.chown(mailbox.put("shop.json"), 12345, -1)

    assert mailbox.run()[1][0]["reason"] == "untrusted_report"
    os.chown(mailbox.put("shop.json"), 12345, -1)
    assert mailbox.run(owners=(12345,))[0] == (1, 0)


def test_a_name_that_is_no_text_is_taken_like_any_other(mailbox):
    path = mailbox.folder / os.fsdecode(b"a-\xff.json")
    path.write_bytes((SAMPLES / "gitleaks.json").read_bytes())
    mailbox.put("shop.json")

    done, events = mailbox.run(files="{artifact}.json")

    assert done == (2, 0)
    assert {e["artifact"] for e in events} == {"a-\ufffd", "shop"}
    assert mailbox.run(files="{artifact}.json") == ((0, 0), [])


def test_a_file_that_trips_us_is_told_of_once_and_the_others_are_read(mailbox, monkeypatch):
    mailbox.put("a.json")
    mailbox.put("b.json")
    original = Ingester.record

    def record(self, file, order, recorder):
        if order.fallback == "a":
            file.close()
            raise ZeroDivisionError
        return original(self, file, order, recorder)

    monkeypatch.setattr(Ingester, "record", record)

    done, events = mailbox.run(tool="gitleaks")

    assert done == (2, 1)
    assert (events[0]["reason"], events[0]["artifact"]) == ("internal", "a")
    assert events[0]["error"].startswith("ZeroDivisionError at test_inbox.py:")
    assert {e["artifact"] for e in events[1:]} == {"b"}
    assert mailbox.run(tool="gitleaks") == ((0, 0), [])


def test_a_file_that_is_too_large_is_told_of(mailbox):
    with (mailbox.folder / "shop.json").open("wb") as file:
        file.truncate((1 << 20) + 1)

    (event,) = mailbox.run(max_megabytes=1)[1]

    assert event["reason"] == "parse_error"
    assert "larger than 1048576 bytes" in event["error"]


def test_a_wrong_file_says_what_it_looks_like(mailbox):
    mailbox.put("shop.json")

    (event,) = mailbox.run(tool="grype")[1]

    assert (event["reason"], event["tool"], event["artifact"]) == ("parse_error", "grype", "shop")
    assert "use --tool gitleaks" in event["error"]


def test_a_run_takes_so_many_and_leaves_the_rest(mailbox, monkeypatch):
    monkeypatch.setattr(folders, "MAX_FILES", 2)
    for number in range(3):
        mailbox.put(f"{number}.json")

    assert mailbox.run()[0] == (2, 0)
    assert mailbox.run()[0] == (1, 0)


def troubles(folder):
    found = survey((ReportFolder(str(folder)),))
    return [(reason, text) for _, reason, text in found.troubles]


def test_a_folder_that_is_a_link_is_not_followed_but_told_of(mailbox, tmp_path):
    mailbox.put("shop.json")
    (tmp_path / "link").symlink_to(mailbox.folder)

    assert names(ReportFolder(str(tmp_path / "link")), tmp_path / "ledger") == []
    assert troubles(tmp_path / "link") == [
        (
            "target_not_found",
            f"{tmp_path}/link: a link, which is not followed; name the folder itself",
        )
    ]


@pytest.mark.parametrize("name", ["none", "file", "none*"])
def test_a_folder_that_is_none_is_told_of(mailbox, tmp_path, name):
    (tmp_path / "file").write_bytes(b"")

    assert troubles(mailbox.folder) == []
    assert troubles(tmp_path / name) == [
        ("target_not_found", f"there is no folder {tmp_path}/{name}")
    ]


def test_names_that_are_not_ours_do_not_use_up_the_limit_and_reports_beyond_it_are_told_of(
    mailbox, tmp_path, monkeypatch
):
    monkeypatch.setattr(folders, "MAX_ENTRIES", 2)
    for number in range(20):
        mailbox.put(f".{number}.json")
    mailbox.put("a.json")
    mailbox.put("b.json")
    assert len(names(ReportFolder(str(mailbox.folder)), tmp_path / "ledger")) == 2
    assert troubles(mailbox.folder) == []

    mailbox.put("c.json")

    ((reason, text),) = troubles(mailbox.folder)
    assert reason == "partial"
    assert f"{mailbox.folder}: more than 2 reports" in text


def test_only_a_report_that_can_be_read_counts_as_one_that_came(mailbox):
    mailbox.put("shop.json")

    mailbox.run(expect=10, tool="grype")
    assert not mailbox.places.arrivals.exists()
    mailbox.put("other.json")
    mailbox.run(expect=10)
    assert len(json.loads(mailbox.places.arrivals.read_text())) == 1


def test_the_ledger_forgets_what_is_gone(mailbox):
    mailbox.put("shop.json").unlink()
    path = mailbox.put("other.json")
    mailbox.run()
    path.unlink()
    mailbox.run()

    assert json.loads(mailbox.places.reports.read_text()) == {}


def test_a_damaged_ledger_reads_reports_again_and_tells_nothing_twice(mailbox):
    mailbox.put("shop.json")
    mailbox.run()
    mailbox.places.reports.write_text("{", "utf-8")

    done, events = mailbox.run()

    assert done == (1, 0)
    assert [e["event"] for e in events] == ["scan_finished"]


def test_a_spool_that_is_full_leaves_the_report_for_later(mailbox, monkeypatch):
    mailbox.put("shop.json")
    with monkeypatch.context() as patch:
        patch.setattr("wazuh_pack.scan.spool.Spool.size", lambda _: 1 << 62)
        assert mailbox.run() == ((1, 0), [])

    assert mailbox.run()[0] == (1, 0)


@pytest.mark.parametrize("name", ["absent", "writable"])
def test_a_list_that_cannot_be_read_or_trusted_is_told_of(mailbox, tmp_path, name):
    mailbox.put("shop.json", "sbom.json")
    make_writable(tmp_path / "writable")
    (tmp_path / "writable").write_text("pkg:npm/evil\n", "utf-8")
    watched = ReportFolder(str(mailbox.folder), settle=0)
    reporting = config.Reporting(malicious=str(tmp_path / name))
    inbox.take_reports(config.Config(reports=(watched,), reporting=reporting), mailbox.places)

    events = mailbox.run()[1]

    assert events[0]["reason"] == "configuration"
    assert events[-1]["event"] == "scan_finished"
