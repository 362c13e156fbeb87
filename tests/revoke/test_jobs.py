import os
import signal

import pytest
from revoke_world import OneToken, github_token

from wazuh_pack.revoke import jobs
from wazuh_pack.revoke.jobs import DONE, Job, JobStore


def job(key="k", **values):
    given = {"instance": "github", "action": "token", "values": {}, "secret": [], "due": 1.0}
    return Job(key=key, created=1.0, **{**given, **values})


def test_what_was_accepted_is_on_the_disk_when_saved(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))  # noqa: PTH115 -- a number
    store = JobStore(str(tmp_path))
    store.save(job())

    assert [job.key for job in store.all()] == ["k"]
    assert synced[-1] == str(tmp_path)


def test_a_token_that_a_killed_process_left_behind_goes_when_lanes_are_started(world):
    token = github_token()
    world.configure("[github]\nactions = token\n")
    world.ask("--field", "data.n", data={"n": token})
    child = os.fork()
    if not child:
        real = os.replace

        def replace(new, old):
            if "/jobs/" in old:
                os.kill(os.getpid(), signal.SIGKILL)
            real(new, old)

        os.replace = replace
        try:
            world.run("github", lambda *_: OneToken())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    world.run("github", lambda *_: OneToken())
    assert token.encode() in world.everything_written()
    JobStore(f"{world.root}/state/enforce/jobs").purge(world.clock.now)

    assert [job.state for job in world.jobs()] == ["done"]
    assert token.encode() not in world.everything_written()


def test_who_looks_for_work_does_not_read_what_has_ended(tmp_path, monkeypatch):
    store = JobStore(str(tmp_path))
    store.save(job("open"))
    for number in range(3):
        store.save(job(f"{number}"))
        store.save(job(f"{number}", state=DONE, ended=5.0))
    real, seen = jobs.read, []
    monkeypatch.setattr(jobs, "read", lambda path, limit: seen.append(path) or real(path, limit))

    assert [found.key for found in store.open_of("github")] == ["open"]
    assert seen == [f"{tmp_path}/open.json"]
    assert [found.key for found in store.all()] == ["0", "1", "2", "open"]
    assert store.get("1") == job("1", state=DONE, ended=5.0)


def test_a_job_that_goes_on_after_its_end_is_open_again(tmp_path):
    store = JobStore(str(tmp_path))
    store.save(job(state=DONE, ended=5.0))
    store.save(job())

    assert store.get("k") == job()
    assert store.all() == store.open_jobs() == [job()]


def test_a_job_whose_process_was_killed_while_it_ended_is_still_open(tmp_path, monkeypatch):
    store = JobStore(str(tmp_path))
    store.save(job())

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save(job(state=DONE, ended=5.0))
    monkeypatch.undo()

    assert store.get("k") == job()
    assert store.all() == store.open_jobs() == [job()]


@pytest.mark.parametrize("marker", [b"", b"nonsense", b"1e12"])
def test_what_ended_long_ago_goes_whatever_the_note_of_the_last_time_says(tmp_path, marker):
    store = JobStore(str(tmp_path))
    store.save(job(state=DONE, ended=5.0))
    (tmp_path / "ended/purged").write_bytes(marker)
    store.purge(31 * 86_400.0)

    assert store.all() == []


def test_what_has_ended_is_looked_through_once_an_hour(tmp_path):
    store = JobStore(str(tmp_path))
    store.purge(31 * 86_400.0)
    store.save(job("a", state=DONE, ended=5.0))
    store.purge(31 * 86_400.0)
    store.save(job("b", state=DONE, ended=5.0))
    store.purge(31 * 86_400.0 + 3599)
    assert [found.key for found in store.all()] == ["b"]

    store.purge(31 * 86_400.0 + 3600)
    assert store.all() == []
