import os

from wazuh_pack.revoke.jobs import Job, JobStore


def test_what_was_accepted_is_on_the_disk_when_saved(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))  # noqa: PTH115 -- a number
    store = JobStore(str(tmp_path))
    store.save(
        Job(key="k", instance="github", action="token", values={}, secret=[], created=1.0, due=1.0)
    )

    assert [job.key for job in store.all()] == ["k"]
    assert synced[-1] == str(tmp_path)
