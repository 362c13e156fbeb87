"""Runs an installation again and again, killed before each of its system calls that change a disk.

Called as ``killer.py HOME WORK ACTION``; HOME is a tree, ACTION ``install``, ``upgrade`` or
``uninstall``. For every n a copy of HOME is made in ``WORK/n`` and a child is killed with SIGKILL
before its n-th such call, until a child comes through. With ``recover`` as ACTION the same is done
to the repair of HOME. Prints the number of copies; the last is of the child that came through.
With ``-`` as WORK the action is done once, in HOME itself, and nobody is killed.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from wazuh_pack.install import (
    ConfBlock,
    Kind,
    PackFile,
    PackSource,
    apply,
    detect,
    make_plan,
    plan_uninstall,
    read_record,
    recover,
)

CALLS = ("open", "rename", "unlink", "mkdir", "rmdir", "fchmod", "fchown", "setxattr")


def pack(version, rule):
    """Return a small pack; the second version has other files than the first."""
    files = [
        PackFile.of(Kind.RULE, "9110-a.xml", rule),
        PackFile.of(Kind.LIST, "wazuh-pack/admins", b"alice:\n"),
        PackFile.of(Kind.RESPONSE, "block", b"#!/bin/sh\n"),
        PackFile.of(Kind.RESPONSE, "same", b"#!/bin/sh\n"),
    ]
    if version == "2":
        files[2] = PackFile.of(Kind.WODLE, "trivy", b"#!/bin/sh\n")
    xml = f"<command><name>{version}</name><executable>x</executable></command>"
    block = ConfBlock.of(version=version, xml=xml, lists=("etc/lists/wazuh-pack/admins",))
    return PackSource(version=version, files=tuple(files), conf=block)


def act(home, action):
    """Do one action with the tree."""
    target = detect(destdir=home)
    if action == "recover":
        recover(target)
        return
    record = read_record(target)
    if action == "uninstall":
        apply(plan_uninstall(target, record))
        return
    source = pack("1", b"<one/>") if action == "install" else pack("2", b"<two/>")
    apply(make_plan(source, target, record))


def kill_before(number):
    """Kill this process before its ``number``-th changing call."""
    left = number

    def watch(name):
        call = getattr(os, name)

        def watched(*args, **keywords):
            nonlocal left
            changes = name != "open" or args[1] & os.O_CREAT
            if changes:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **keywords)

        setattr(os, name, watched)

    for name in CALLS:
        watch(name)
    # Other processes see what was written without a sync, and syncing takes most of the time.
    os.fsync = lambda _: None


def main(home, work, action):
    """Kill one child after the other."""
    number = 0
    while True:
        copy = work / str(number)
        shutil.copytree(home, copy, symlinks=True)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                kill_before(number)
                act(copy, action)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        number += 1
        if os.WIFEXITED(status):
            sys.stdout.write(f"{number}\n")
            return os.WEXITSTATUS(status)


if __name__ == "__main__":
    if sys.argv[2] == "-":
        sys.exit(act(Path(sys.argv[1]), sys.argv[3]))
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
