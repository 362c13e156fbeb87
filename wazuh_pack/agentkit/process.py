"""Runs another program: no shell, a fixed environment, an end in sight."""

from __future__ import annotations

import os
import select
import stat
import time

from wazuh_pack.agentkit.errors import ProcessError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
"""Where programs are looked for; the caller's PATH does not matter."""

ENVIRONMENT = {"PATH": ":".join(FOLDERS), "LC_ALL": "C", "LANG": "C"}
"""All that a program is told."""

_PIPE = 65536
_SIGKILL = 9  # importing signal for two names takes 5 ms
_SIGPIPE = 13


class Result:
    """How a program ended.

    ``status`` is its exit status, negative for a signal; ``output`` and ``errors`` are cut off at
    the limit given; ``timed_out`` says that it was killed because its time was up.
    """

    __slots__ = ("errors", "output", "status", "timed_out")

    def __init__(self, *, status: int, output: bytes, errors: bytes, timed_out: bool) -> None:
        self.status = status
        self.output = output
        self.errors = errors
        self.timed_out = timed_out


def find_program(name: str, folders: Sequence[str] = FOLDERS) -> str:
    """Return the absolute path of a program that nobody but root can have changed.

    Args:
        name: A bare name to look for in ``folders``, or an absolute path.
        folders: Where to look.

    Raises:
        ProcessError: There is none, or its owner or mode is wrong.
    """
    paths = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in folders]
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 -- pathlib is too slow to import
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_IXUSR:
            continue
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ProcessError(f"{path}: others than root can change it; not started")
        return path
    where = "it is not there" if name.startswith("/") else f"not in {':'.join(folders)}"
    raise ProcessError(f"{name}: {where}; install it")


def run(argv: Sequence[str], *, stdin: bytes = b"", seconds: float, limit: int = 65536) -> Result:
    """Run a program to its end and return how that was.

    It runs in a process group of its own with :data:`ENVIRONMENT`; when ``seconds`` are over, the
    whole group is killed.

    Args:
        argv: Absolute path and arguments.
        stdin: What it reads.
        seconds: How long it may take.
        limit: Bytes kept of each of its outputs; the rest is read and dropped.

    Raises:
        ProcessError: It could not be started.
    """
    feed = _Pipes(stdin, limit)
    try:
        pid = feed.spawn(argv)
        deadline = time.monotonic() + seconds
        done = feed.exchange(deadline)
        status = _wait(pid, deadline) if done else None
        timed_out = status is None
        if status is None:
            status = _kill(pid)
    finally:
        feed.close()
    return Result(
        status=status, output=bytes(feed.output), errors=bytes(feed.errors), timed_out=timed_out
    )


class _Pipes:
    """The three pipes to one program."""

    __slots__ = ("_child", "_in", "_limit", "_parent", "_stdin", "errors", "output")

    def __init__(self, stdin: bytes, limit: int) -> None:
        self._stdin = memoryview(stdin)
        self._limit = limit
        self.output = bytearray()
        self.errors = bytearray()
        read_in, self._in = os.pipe()
        read_out, write_out = os.pipe()
        read_err, write_err = os.pipe()
        self._child: tuple[int, ...] = (read_in, write_out, write_err)
        self._parent: dict[int, bytearray | None] = {
            self._in: None,
            read_out: self.output,
            read_err: self.errors,
        }

    def spawn(self, argv: Sequence[str]) -> int:
        """Start the program with the pipes as its standard descriptors; return its process id."""
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(self._child)]
        try:
            pid = os.posix_spawn(
                argv[0],
                list(argv),
                ENVIRONMENT,
                file_actions=actions,
                setpgroup=0,
                setsigdef=[_SIGPIPE],  # Python ignores it, which a program would inherit
            )
        except OSError as error:
            raise ProcessError(f"{argv[0]}: cannot be started: {error.strerror}") from error
        for fd in self._child:
            os.close(fd)
        self._child = ()
        os.set_blocking(self._in, False)
        return pid

    def exchange(self, deadline: float) -> bool:
        """Write the input and read the outputs until they are closed; False when time is up."""
        poll = select.poll()
        for fd, buffer in self._parent.items():
            poll.register(fd, select.POLLOUT if buffer is None else select.POLLIN)
        while self._parent:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for fd, _ in poll.poll(left * 1000):
                if not self._move(fd):
                    poll.unregister(fd)
                    del self._parent[fd]
                    os.close(fd)
        return True

    def _move(self, fd: int) -> bool:
        """Move what can be moved through one descriptor; False when it has nothing left to do."""
        buffer = self._parent[fd]
        if buffer is None:
            return self._feed()
        part = os.read(fd, _PIPE)
        buffer += part[: max(0, self._limit - len(buffer))]
        return bool(part)

    def _feed(self) -> bool:
        if self._stdin:
            try:
                self._stdin = self._stdin[os.write(self._in, self._stdin[:_PIPE]) :]
            except BrokenPipeError:
                return False
        return bool(self._stdin)

    def close(self) -> None:
        """Close what is still open."""
        for fd in (*self._child, *self._parent):
            os.close(fd)


def _wait(pid: int, deadline: float) -> int | None:
    """Return the status of a program that closed its outputs, or None when time is up."""
    pause = 0.0005
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return _exit_status(status)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(pause * 2, 0.02)


def _kill(pid: int) -> int:
    os.killpg(pid, _SIGKILL)  # the group is there until its leader is waited for
    return _exit_status(os.waitpid(pid, 0)[1])


def _exit_status(status: int) -> int:
    if os.WIFSIGNALED(status):
        return -os.WTERMSIG(status)
    return os.WEXITSTATUS(status)
