"""The entry point of ``wazuh-pack-revoke-token``: revokes what an alert gives away.

It is started in three ways. By execd as an active response: it takes the message, keeps it in an
inbox, starts a worker and exits, so execd goes on after a few milliseconds whatever a provider
does. By integratord, with an alert's file as first argument: the same. By people and timers, with
one of the options of :mod:`wazuh_pack.revoke.options`.

The worker turns messages into jobs, and then works off each provider's jobs in a process of its
own.
"""

from __future__ import annotations

import os
import sys
import time

from wazuh_pack.agentkit.detach import detach
from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.files import make_private, remove_leftovers
from wazuh_pack.agentkit.haste import HASTE, hurry
from wazuh_pack.agentkit.home import Home, home_of
from wazuh_pack.agentkit.inbox import Inbox
from wazuh_pack.agentkit.stdin import LineReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.agentkit.jsonlog import DecisionLog
    from wazuh_pack.revoke.audit import Audit
    from wazuh_pack.revoke.context import Place

_OLDEST = (3, 10)
_INTEGRATIONS = "/integrations"


def main(argv: Sequence[str]) -> int:
    """Serve one start; ``argv`` is ``sys.argv``.

    Returns:
        0 when the message was accepted. Execd ignores it; it is for people and integratord.
    """
    host = Host(argv[0])
    if sys.version_info < _OLDEST:
        _write_failure(host, "needs Python 3.10 or later, as the manager's own; run it there")
        return 1
    host.add_packages()
    if len(argv) > 1 and argv[1].startswith("-"):
        from wazuh_pack.revoke.options import serve  # noqa: PLC0415 -- execd must not wait for it

        host.become_owner()
        return serve(host, argv[1:])
    return _serve(host, argv)


class Host:
    """Where one start of the script works.

    Attributes:
        script: The path it was started by.
        path: The same from the root, wherever a worker may stand.
        foreign: Whether this process runs in another Python than the script's own.
        home: Wazuh's home.
        integration: Whether it lies among integratord's integrations.
    """

    __slots__ = ("foreign", "home", "integration", "path", "script")

    def __init__(self, script: str, *, foreign: bool = False) -> None:
        folder = os.path.realpath(os.path.dirname(os.path.abspath(script)))  # noqa: PTH100, PTH120 -- pathlib is too slow to import
        self.script = script
        self.path = f"{folder}/{os.path.basename(script)}"  # noqa: PTH119 -- same
        self.foreign = foreign
        self.integration = folder.endswith(_INTEGRATIONS)
        root = folder[: -len(_INTEGRATIONS)]
        self.home = Home(root) if self.integration else home_of(script)

    @property
    def state(self) -> str:
        """The folder of our state; integratord's user cannot enter root's."""
        if self.integration:
            return f"{self.home.root}/var/wazuh-pack-integration/revoke-token"
        return self.home.state("revoke/revoke-token")

    def make_state(self, *below: str) -> str:
        """Make a folder below the state's, and return it.

        Raises:
            AgentError: A folder on the way could be written by somebody else.
            OSError: It cannot be made.
        """
        if self.integration:
            # The installation makes this one: only root may make folders in var.
            return make_private(
                f"{self.home.root}/var/wazuh-pack-integration", ("revoke-token", *below)
            )
        names = ("wazuh-pack", "revoke", "revoke-token", *below)
        return make_private(f"{self.home.root}/var", names)

    def become_owner(self) -> None:
        """Let root go on as the user whose state it is, which root's files would lock out.

        Raises:
            OSError: It cannot be.
        """
        folder = f"{self.home.root}/var/wazuh-pack-integration"
        if not self.integration or os.geteuid() != 0 or not os.path.isdir(folder):  # noqa: PTH112 -- as above
            return
        owner = os.stat(folder)  # noqa: PTH116 -- as above
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)

    def add_packages(self) -> None:
        """Let the packages of the manager's own Python be found; the launcher leaves them out."""
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        path = f"{self.home.root}/framework/python/lib/{version}/site-packages"
        if path not in sys.path:
            sys.path.append(path)

    def place(self) -> Place:
        """Return where configuration and state are."""
        from wazuh_pack.revoke.context import Place  # noqa: PLC0415 -- execd must not wait for it

        return Place(etc=f"{self.home.root}/etc/wazuh-pack", state=self.state)

    def log(self) -> DecisionLog:
        """Return the log that Wazuh reads."""
        from wazuh_pack.agentkit.jsonlog import DecisionLog  # noqa: PLC0415 -- execd must not wait for it
        from wazuh_pack.agentkit.protocol import program_name  # noqa: PLC0415 -- same

        return DecisionLog(self.home.log, program_name(self.script))

    def audit(self) -> Audit:
        """Return where outcomes are written."""
        from wazuh_pack.revoke.audit import Audit  # noqa: PLC0415 -- execd must not wait for it

        return Audit(self.log())


def accept(host: Host, message: bytes) -> None:
    """Keep a message until a worker has dealt with it.

    Raises:
        AgentError: It cannot be kept.
        OSError: The state cannot be written.
    """
    Inbox(host.make_state("inbox")).put(message)


def work_off(host: Host, audit: Audit | None = None) -> None:
    """Turn every accepted message into jobs, and start the lanes that have open ones.

    Raises:
        AgentError: Messages could not be dealt with and stay.
        OSError: The state cannot be written.
    """
    from wazuh_pack.revoke.intake import Intake  # noqa: PLC0415 -- execd must not wait for it

    audit = audit or host.audit()
    intake = Intake(host.place(), audit)
    try:
        Inbox(host.make_state("inbox")).drain(intake.handle, lambda: None, batch=64)
    finally:
        start_lanes(host)
    _prepare_next(host, audit)


def _prepare_next(host: Host, audit: Audit) -> None:
    """Spare the next start the compiler; integratord's user has no folder that the shell trusts."""
    from wazuh_pack.agentkit.codecache import remember  # noqa: PLC0415 -- execd must not wait for it
    from wazuh_pack.revoke.audit import FAILED  # noqa: PLC0415 -- same

    if host.integration or host.foreign:
        return
    try:
        remember(host.home.state("").rstrip("/"), host.path)
    except (AgentError, OSError) as error:
        audit.decision(FAILED, reason=f"compiled modules cannot be kept: {error}")


def start_lanes(host: Host) -> None:
    """Start a process for each provider that has open jobs."""
    from wazuh_pack.revoke.jobs import JobStore  # noqa: PLC0415 -- execd must not wait for it

    store = JobStore(host.make_state("enforce", "jobs"))
    if host.foreign and os.access(host.script, os.X_OK):
        # The script's own Python has the packages that this one may lack.
        detach(lambda: os.execv(host.script, [host.script, "--resume"]))  # noqa: S606 -- no shell is wanted
        return
    for instance in sorted({job.instance for job in store.open_jobs()}):
        if not detach(lambda name=instance: run_lane(host, name)):  # type: ignore[misc] # a default binds the loop's variable
            run_lane(host, instance)
    store.purge(time.time())
    for folder in ("enforce", "enforce/lanes", "dry-run"):
        remove_leftovers(f"{host.state}/{folder}")


def run_lane(host: Host, instance: str) -> None:
    """Work off the jobs of one instance; never raises."""
    from wazuh_pack.revoke import audit as words  # noqa: PLC0415 -- execd must not wait for it
    from wazuh_pack.revoke.lane import Lane  # noqa: PLC0415 -- same

    audit = host.audit()
    try:
        Lane(instance, host.place(), audit).run()
    except (AgentError, OSError) as error:
        audit.decision(words.FAILED, reason=str(error))
    except Exception as error:  # noqa: BLE001 -- nobody else would ever hear of it
        audit.decision(words.FAILED, reason=f"internal error: {type(error).__name__}")


def _serve(host: Host, argv: Sequence[str]) -> int:
    level = os.nice(0)
    if not host.integration:
        hurry(HASTE)  # execd waits, and integratord's user has no right to
    try:
        if host.integration:
            from wazuh_pack.revoke.integration import message_from  # noqa: PLC0415 -- not for execd

            message = message_from(argv)
        else:
            message = LineReader(0).read()
        accept(host, message)
    except MessageError as error:
        from wazuh_pack.revoke.audit import REFUSED_INVALID  # noqa: PLC0415 -- rarely needed

        host.audit().decision(REFUSED_INVALID, reason=str(error))
        return 1
    except (AgentError, OSError) as error:
        _write_failure(host, str(error))
        return 1

    def work() -> None:
        hurry(os.nice(0) - level)  # providers take longer than any processor
        try:
            work_off(host)
        except Exception as error:  # noqa: BLE001 -- nobody else would ever hear of it
            text = str(error) if isinstance(error, (AgentError, OSError)) else "internal error"
            _write_failure(host, f"{text} ({type(error).__name__})")

    if not detach(work, leaving=True):
        work()
    return 0


def _write_failure(host: Host, reason: str) -> None:
    fields = {"response": "revoke-token", "outcome": "failed", "reason": reason}
    host.log().write("", fields)
