"""A detection: what is looked for, why it matters, and how it is proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.model.condition import Condition, Matcher

if TYPE_CHECKING:
    from wazuh_pack.limits import Level
    from wazuh_pack.location import Location
    from wazuh_pack.model.case import Case


@dataclass(frozen=True, slots=True)
class Count:
    """``count`` events of the detections ``of`` within ``within`` seconds.

    Events are counted together that agree in every field of ``group_by`` and differ from the
    current one in every field of ``distinct``.
    """

    of: tuple[str, ...]
    count: int
    within: int
    group_by: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    across_agents: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """An event of a detection in ``then``, at most ``within`` seconds after one of ``first``.

    Both agree in every field of ``group_by``. Without ``then`` the detection's own matcher says
    what follows, and its rule hangs where a plain detection's would.
    """

    first: tuple[str, ...]
    then: tuple[str, ...]
    within: int
    group_by: tuple[str, ...] = ()
    across_agents: bool = False


@dataclass(frozen=True, slots=True)
class ResponseUse:
    """The response that a detection asks for.

    ``field`` names the alert field that holds the target.

    Of ``block-ip``: ``timeout`` is in seconds (0: for good). Of ``revoke-token``: ``revoke`` names
    what to do as ``provider.action``, in order of preference (none: go by the tokens found),
    ``sources`` the fields of what else that needs, ``pick`` a pattern whose first group is the part
    of the field that counts, ``location`` where the event must have come from.
    """

    action: str
    field: str
    timeout: int = 0
    revoke: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    pick: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing worth an alert; rendered as one rule or more."""

    id: str
    source: str
    title: str
    message: str
    why: str
    severity: Level
    cases: tuple[Case, ...]
    matcher: Matcher = field(default_factory=Matcher)
    unless: tuple[tuple[Condition, ...], ...] = ()
    refines: tuple[str, ...] = ()
    """Parents in place of the source's gate: ids of stock rules or of detections."""
    before: tuple[str, ...] = ()
    """Detections with the same parents and severity that this one is tried before."""
    correlation: Count | Sequence | None = None
    attack: tuple[str, ...] = ()
    cicd_sec: tuple[int, ...] = ()
    compliance: tuple[tuple[str, tuple[str, ...]], ...] = ()
    groups: tuple[str, ...] = ()
    catalogue: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    runbook: tuple[str, ...] = ()
    response: ResponseUse | None = None
    at: Location | None = field(default=None, compare=False)
