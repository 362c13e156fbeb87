"""The shell lines of the script: compiled modules, and a worker that waits for more messages."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from wazuh_pack.agentkit import codecache
from wazuh_pack.agentkit.haste import HASTE


@pytest.fixture
def compiled(any_execd, wait_until):
    """Run the script once; return the file with its compiled modules."""
    any_execd.respond("203.0.113.9")
    folder = any_execd.manager.root / "var/wazuh-pack/code"
    return wait_until(lambda: [p for p in folder.glob("*") if p.suffix != ".tmp"])[0]


SAY = """
import _imp, marshal, sys
path, size, key = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
made_from, codes = marshal.loads(open(path, "rb").read()[size:])
codes["__main__"] = (False, marshal.dumps(compile("print('compiled')", "", "exec")))
content = marshal.dumps((made_from, codes))
open(path, "wb").write(_imp.source_hash(key, content) + content)
"""


def say(execd, path):
    """Change the compiled modules so that they only print something."""
    python = execd.manager.root / "framework/python/bin/python3.13"
    constants = (codecache.HASH_LENGTH, codecache.HASH_KEY)
    subprocess.run([python, "-I", "-c", SAY, path, *map(str, constants)], check=True)


def said(execd):
    return execd.finish(execd.start(execd.message()))


def test_the_first_run_leaves_compiled_modules_for_root_alone(compiled):
    name = r"wazuh-pack-block-ip-[0-9a-f]{16}\.cpython-3\d+"

    assert re.fullmatch(name, compiled.name)
    assert compiled.stat().st_mode & 0o777 == 0o600
    assert compiled.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in compiled.parent.iterdir()] == [compiled.name]


def test_the_next_run_uses_them(compiled, any_execd):
    say(any_execd, compiled)

    assert said(any_execd) == (b"compiled\n", 0)


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "a bit is wrong": _flip,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "empty": lambda path: path.write_bytes(b""),
    "others may write the file": lambda path: path.chmod(0o620),
    "others may write the folder": lambda path: path.parent.chmod(0o770),
    "others may write the folder above": lambda path: path.parent.parent.chmod(0o770),
    "somebody else's file": lambda path: os.chown(path, 65534, -1),
    "somebody else's folder": lambda path: os.chown(path.parent, 65534, -1),
    "a link": lambda path: path.rename(path.parent / "x") and path.symlink_to("x"),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="changing owners needs root")
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_modules_that_are_damaged_or_could_be_forged_are_not_used(compiled, any_execd, damage):
    say(any_execd, compiled)
    damage(compiled)

    assert said(any_execd)[0] == b""


def test_modules_of_another_state_of_the_script_are_not_used(compiled, any_execd):
    say(any_execd, compiled)
    (any_execd.manager.root / "active-response/bin/wazuh-pack-block-ip").touch()

    assert said(any_execd)[0] == b""
    any_execd.settle(2)


class Burst:
    """A worker that waits, and a Python that tells when it is started."""

    def __init__(self, execd, wait_until):
        self.execd = execd
        self.wait_until = wait_until
        self.manager = execd.manager
        execd.run(execd.message())
        inbox = self.manager.state / "inbox"
        wait_until(lambda: (inbox / "worker").exists() and not list(inbox.glob("*.message")))
        self.started = self.manager.root / "started"
        link = self.manager.root / "framework/python/bin/python3.13"
        self.real = link.resolve()
        link.unlink()
        link.write_text(f'#!/bin/sh\necho >>{self.started}\nexec {self.real} "$@"\n')
        link.chmod(0o755)

    def kill(self):
        """Kill the worker and wait until it is gone."""
        worker = Path(f"/proc/{self.worker}")
        os.kill(self.worker, signal.SIGKILL)
        self.wait_until(lambda: not worker.exists())

    @property
    def worker(self):
        return int((self.manager.state / "inbox/worker").read_text().split()[0])


@pytest.fixture
def burst(execd, wait_until):
    execd.manager.configure("mode = dry-run\nlinger = 600\n")
    burst = Burst(execd, wait_until)
    yield burst
    execd.leave()


def test_while_a_worker_waits_no_python_is_started(burst):
    targets = [f"203.0.113.{number}" for number in range(10, 30)]
    for target in targets:
        assert burst.execd.run(burst.execd.message(target)) == (b"", 0)
    burst.execd.settle(21)

    assert not burst.started.exists()
    decisions = [line["wazuh_pack"] for line in burst.manager.decisions()]
    assert [d["target"] for d in decisions[1:]] == targets


HOSTILE = [
    r"\n\0101\\ \c %s %d",
    "$(touch started) `touch started` $HOME ${x:-y}",
    "'; touch started; '",
    '" && touch started',
    "* ? [a] ~ !! \\",
    "  blanks  ",
    "\u00e9\u202e\u4e2d",
    "-n -e",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_shell_passes_a_message_on_as_it_is(burst, text):
    os.kill(burst.worker, signal.SIGSTOP)
    line = burst.execd.message(full_log=text)
    assert burst.execd.run(line) == (b"", 0)
    (kept,) = (burst.manager.state / "inbox").glob("*.message")
    content = kept.read_bytes()
    os.kill(burst.worker, signal.SIGCONT)

    assert content == line + b"\n"
    assert kept.name[0] == "1"
    assert kept.stat().st_mode & 0o777 == 0o600 if kept.exists() else True
    assert not burst.started.exists()
    burst.execd.settle(2)


@pytest.mark.skipif(os.geteuid() != 0, reason="going before others needs root")
def test_the_worker_goes_before_other_work(burst):
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    level = max(-20, ours - HASTE)

    assert os.getpriority(os.PRIO_PROCESS, burst.worker) == level
    group = Path(f"/proc/{burst.worker}/autogroup")
    if group.exists():
        assert group.read_text().endswith(f" nice {level}\n")


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel has no sessions")
@pytest.mark.skipif(os.geteuid() != 0, reason="going before others needs root")
def test_only_a_session_of_its_own_goes_before_others(execd):
    """What somebody tries by hand leaves their session as it is."""
    python = execd.manager.root / "framework/python/bin/python3.13"
    python.unlink()
    python.write_text("#!/bin/sh\ncat /proc/self/autogroup\n")
    python.chmod(0o755)
    script = execd.manager.root / "active-response/bin/wazuh-pack-block-ip"

    def said(**options):
        done = subprocess.run([script], input=b"", capture_output=True, check=True, **options)
        return done.stdout.decode()

    # Empty where nobody made a session since the machine started, as on a small build machine.
    ours = Path("/proc/self/autogroup").read_text()
    assert said(start_new_session=True).endswith(" nice -10\n")
    assert said() == ours


def test_the_longest_message_is_passed_on(burst):
    assert burst.execd.run(burst.execd.message(full_log="x" * 65_000)) == (b"", 0)
    burst.execd.settle(2)

    assert burst.manager.outcomes() == ["dry_run", "dry_run"]
    assert not burst.started.exists()


def test_what_is_no_message_is_refused_by_the_worker_too(burst):
    burst.execd.run(b"{")
    burst.execd.run(b"")
    burst.execd.run(b"x" * 200_000)
    burst.execd.settle(4)

    found = [line["wazuh_pack"].get("reason") for line in burst.manager.decisions()]
    assert sorted(map(str, found)) == [
        "None",
        "no message on standard input",
        "the message is not JSON, or nested too deeply",
        "the message is not JSON, or nested too deeply",
    ]


def test_after_a_worker_was_killed_python_is_started_again(burst):
    burst.kill()
    burst.execd.run(burst.execd.message("203.0.113.10"))
    burst.execd.settle(2)

    assert burst.started.exists()
    assert burst.manager.outcomes() == ["dry_run", "dry_run"]


def test_the_file_of_a_killed_worker_does_not_fool_the_shell(burst):
    worker = burst.manager.state / "inbox/worker"
    left = worker.read_text()
    burst.kill()
    for text in (left, f"{os.getpid()} 0\n", "x y\n", "", "1 1\n"):
        worker.write_text(text)
        before = len(burst.manager.decisions())
        burst.execd.run(burst.execd.message())
        burst.execd.settle(before + 1)

    assert burst.manager.outcomes() == ["dry_run"] * 6


def test_a_new_version_of_the_script_is_not_kept_from_work_by_an_old_worker(burst, wait_until):
    worker = Path(f"/proc/{burst.worker}")
    script = burst.manager.root / "active-response/bin/wazuh-pack-block-ip"
    os.utime(script)
    burst.execd.run(burst.execd.message("203.0.113.10"))

    wait_until(lambda: not worker.exists())
    burst.execd.settle(2)
    assert burst.manager.outcomes() == ["dry_run", "dry_run"]


def test_the_switches_are_looked_at_for_every_message(burst):
    burst.execd.run(burst.execd.message("203.0.113.10"))
    burst.execd.run(burst.execd.message("203.0.113.11"))
    os.kill(burst.worker, signal.SIGSTOP)
    burst.manager.stop.touch()
    burst.execd.run(burst.execd.message("203.0.113.12"))
    os.kill(burst.worker, signal.SIGCONT)
    burst.execd.settle(4)

    assert burst.manager.outcomes()[-1] == "refused_stopped"
    assert json.loads((burst.manager.state / "dry-run/breaker.json").read_text())
