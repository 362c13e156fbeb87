import os
import signal

from revoke_world import github_token

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


def test_a_token_that_a_killed_process_left_behind_goes_when_lanes_are_started(world):
    token = github_token()
    world.configure("[github]\nactions = token\n")
    world.ask("--field", "data.n", data={"n": token})
    child = os.fork()
    if not child:
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        try:
            world.run("github")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    world.script.answers += [(202,), (401,)]
    world.run("github")
    assert token.encode() in world.everything_written()
    JobStore(f"{world.root}/state/enforce/jobs").purge(world.clock.now)

    assert [job.state for job in world.jobs()] == ["done"]
    assert token.encode() not in world.everything_written()
