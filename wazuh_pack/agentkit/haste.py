"""Goes before other work, so that execd gets its answer soon on a busy machine too."""

from __future__ import annotations

import os

HASTE = 10
"""By how much the work on an event goes before other work.

An attacker goes on meanwhile, execd waits, and build hosts are busy.
"""


def hurry(by: int) -> None:
    """Go before other processes, and our session before other sessions; nothing without the right.

    Args:
        by: By how much; negative to stand back again, and 0 for a new session to go where the
            process does.
    """
    try:
        level = os.nice(-by)
        if os.getsid(0) != os.getpid():
            return  # somebody tries the script by hand: their session is not ours to change
        # Kernels that share the processor among sessions first look at this; execd and detach()
        # make one for each process.
        fd = os.open("/proc/self/autogroup", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % level)
        finally:
            os.close(fd)
    except OSError:
        return  # a kernel that does not, or root of a container that may not: it takes longer there
