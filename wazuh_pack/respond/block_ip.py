"""The active response ``wazuh-pack-block-ip``: blocks the address in an alert.

The script takes execd's message, keeps it in an inbox, starts a worker and exits: execd, which
serves one script at a time and waits for it without a limit, goes on after a few milliseconds
whatever the firewall does. The worker takes all waiting messages, decides, changes the firewall in
one transaction and logs one line per message.

Execd's own timeouts are not used: the kernel unblocks. ``delete`` messages are obeyed all the same.
"""

from __future__ import annotations

import os
import sys

from wazuh_pack.agentkit.codecache import needed, stamp
from wazuh_pack.agentkit.detach import detach
from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.files import exists, make_private
from wazuh_pack.agentkit.home import home_of
from wazuh_pack.agentkit.inbox import Inbox
from wazuh_pack.agentkit.stdin import LineReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.worker import Worker

STATE = "respond/block-ip"
WORK = "--work"
"""Argument with which the shell says that it has put the message into the inbox itself."""
HASTE = 10
"""By how much the work on an event goes before other work.

An attacker goes on meanwhile, and build hosts are busy.
"""
RESTORE = "--restore"
"""Argument for the time after a reboot and for every few minutes; no message is read."""


def main(argv: Sequence[str]) -> int:
    """Serve one message from execd; ``argv`` is ``sys.argv``.

    Returns:
        0 when the message was accepted. Execd ignores it; it is for people who try the script.
    """
    script = argv[0]
    home = home_of(script)
    if sys.platform != "linux":
        _worker(home, script).fail(
            f"block-ip works on Linux only, not on {sys.platform}; use Wazuh's own responses there"
        )
        return 1
    if argv[1:] == [RESTORE]:
        look_after(home, script)
        _worker(home, script).prepare_next()
        return 0
    _hurry(HASTE)
    lost = b""
    try:
        if argv[1:] != [WORK]:
            lost = _take(home)
    except MessageError as error:
        _worker(home, script).refuse(str(error))
        return 1
    except (AgentError, OSError) as error:
        _worker(home, script).fail(str(error))
        return 1

    def work() -> None:
        _work(home, script, lost, linger=True)

    if (lost or not inbox_of(home).ring()) and not detach(work, leaving=True):
        _work(home, script, lost, linger=False)
    return 0


def accept(home: Home, message: bytes) -> None:
    """Keep a message for the worker.

    Raises:
        AgentError: It cannot be kept.
        OSError: The folder for it cannot be made.
    """
    make_private(f"{home.root}/var", ("wazuh-pack", *STATE.split("/"), "inbox"))
    inbox_of(home).put(message)


def work_off(home: Home, script: str, *, linger: bool = False) -> None:
    """Deal with every accepted message, unless another process is doing so already.

    Args:
        home: Wazuh's home.
        script: The path by which the script was started; its last part is its name in the log.
        linger: Whether to wait for more messages afterwards, as long as the settings say.
    """
    workers: list[Worker] = []
    began = _state_of(script)
    rest = [needed()]

    def handle(messages: Sequence[bytes]) -> None:
        if not workers:
            workers.append(_worker(home, script))
        workers[0].handle(messages)

    def finish() -> None:
        for worker in workers:
            worker.maintain()
            if rest.pop():
                detach(lambda: _at_leisure(workers[0].prepare_next))
            rest.append(False)
            if worker.wants_inspection():
                detach(lambda: _at_leisure(lambda: look_after(home, script, only_missing=True)))

    def seconds() -> float:
        # A newer version of the script is not kept waiting.
        return workers[0].linger if workers and _state_of(script) == began else 0.0

    inbox_of(home).drain(handle, finish, linger=seconds if linger else None)


def look_after(home: Home, script: str, *, only_missing: bool = False) -> None:
    """Deal with messages whose worker was killed, and put back blocks that are gone.

    Blocks are gone after a reboot, or because somebody flushed them. Finding that out, which takes
    seconds when there are very many, holds up nobody; putting them back waits for its turn.

    Args:
        home: Wazuh's home.
        script: The path by which the script was started.
        only_missing: Leave it at that when no block is gone.
    """
    if not exists(f"{home.state(STATE)}/inbox"):
        return
    worker = _worker(home, script)
    missing = [worker.inspect(wait=not only_missing)]
    if only_missing and not missing[0]:
        return

    def finish() -> None:
        worker.attend(missing.pop() if missing else [])

    try:
        inbox_of(home).attend(worker.handle, finish)
    except (AgentError, OSError) as error:
        worker.fail(str(error))


def inbox_of(home: Home) -> Inbox:
    """Return the inbox of the messages to this response."""
    return Inbox(f"{home.state(STATE)}/inbox")


def _take(home: Home) -> bytes:
    """Keep the message on standard input, and return it when the disk does not take it.

    Raises:
        AgentError: There is none, or too many are waiting.
    """
    message = LineReader(0).read()
    try:
        accept(home, message)
    except (AgentError, OSError) as error:
        if isinstance(error, OSError) or isinstance(error.__cause__, OSError):
            return message
        raise
    return b""


def _work(home: Home, script: str, lost: bytes, *, linger: bool) -> None:
    """Deal with the messages; ``lost`` is one that could not be kept, or empty."""
    _hurry(0)
    try:
        if lost:
            _work_from_memory(home, script, lost)
        else:
            _work_and_wait(home, script, linger=linger)
    except (AgentError, OSError) as error:
        _worker(home, script).fail(str(error))
    except Exception as error:  # noqa: BLE001 -- nobody else would ever hear of it
        _worker(home, script).fail(f"internal error: {type(error).__name__}: {error}")


def _work_from_memory(home: Home, script: str, message: bytes) -> None:
    """Deal with a message that could not be kept, when its turn has come."""
    worker = _worker(home, script)
    rest = [message]

    def finish() -> None:
        while rest:
            worker.handle([rest.pop()])

    inbox_of(home).attend(worker.handle, finish)


def _work_and_wait(home: Home, script: str, *, linger: bool) -> None:
    try:
        work_off(home, script, linger=linger)
    except OSError:
        work_off(home, script)  # a full disk has no room for what a worker that waits needs


def _hurry(by: int) -> None:
    """Go before other processes, and our session before other sessions."""
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


def _at_leisure(work: Callable[[], object]) -> None:
    """Do what nobody waits for without holding up others."""
    _hurry(-2 * HASTE)
    work()


def _state_of(script: str) -> tuple[int, ...]:
    try:
        return stamp(os.stat(script))  # noqa: PTH116 -- pathlib is too slow to import
    except OSError:
        return ()


def _worker(home: Home, script: str) -> Worker:
    # Not before execd has its answer, and not where another process is at work already: what the
    # worker needs takes longer to import than everything else together.
    from wazuh_pack.respond.worker import Worker  # noqa: PLC0415 -- see above

    return Worker(home, home.state(STATE), script)
