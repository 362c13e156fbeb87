"""Goes on working after execd got its answer.

execd runs one response at a time and waits for it without a limit; on a manager a slow one ends up
stopping the alerts. So a script accepts its message, starts this and exits.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def detach(work: Callable[[], object], *, leaving: bool = False) -> bool:
    """Run ``work`` in a process of its own that nothing of the caller's holds on to.

    The process is in a session of its own without a terminal and has no descriptor of the caller:
    standard input, output and error are ``/dev/null``, everything else is closed, so that a pipe's
    other end sees the caller go. The current folder stays: execd starts a script by a relative
    path, and Python 3.8 looks for the modules in its archive by that path.

    Args:
        work: What to do.
        leaving: The caller ends at once, so that nobody has to wait for the process; without it,
            one more process in between takes care of that, which costs a few milliseconds.

    Returns:
        False when no process could be started; then nothing has been done.
    """
    try:
        child = os.fork()
    except OSError:
        return False
    if child:
        return leaving or os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        os.setsid()
        if leaving or os.fork() == 0:
            _leave_everything()
            work()
        status = 0
    finally:
        os._exit(status)


def _leave_everything() -> None:
    os.umask(0o077)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 -- pathlib is too slow to import
        number = int(name)
        if number > 2:  # noqa: PLR2004 -- the three standard descriptors
            try:
                os.close(number)
            except OSError:
                continue  # the one that listed the folder
