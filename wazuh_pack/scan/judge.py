"""What this host knows about findings beside the report: exceptions, exploitation, approved bases.

None of it is needed. What cannot be read is told of and the scan goes on: with what was read well
last time, so that a file that is damaged for a while neither ends nor repeats anything.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterable, Iterator

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import check_trusted_file
from wazuh_pack.scan import accept, kept
from wazuh_pack.scan.events import where
from wazuh_pack.scan.feeds import Estimates, Exploited, FeedError

if TYPE_CHECKING:
    from datetime import datetime

    from wazuh_pack.reports.findings import Artifact, Finding
    from wazuh_pack.scan.config import Config
    from wazuh_pack.scan.places import Places


@dataclass
class Judge:
    """Knowledge that holds for one run; without arguments it knows nothing."""

    exemptions: tuple[accept.Exemption, ...] = ()
    exploited: Exploited | None = None
    estimates: Estimates | None = None
    approved_bases: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    """What could not be read, one text each."""

    def findings(
        self, found: Iterable[Finding], artifact: Artifact, now: datetime
    ) -> Iterator[Finding]:
        """Yield an artifact's findings with what decides about them: exploited, accepted."""
        exemptions = accept.Exemptions(self.exemptions, artifact, now)
        for finding in found:
            judged = self.exploited.apply(finding) if self.exploited else finding
            if exemptions and not judged.accepted:
                judged = exemptions.apply(judged)
            yield judged

    def digest(self, artifact: Artifact, now: datetime) -> str:
        """Return a text that is another one whenever :meth:`findings` could judge otherwise."""
        exemptions = accept.Exemptions(self.exemptions, artifact, now)
        known = self.exploited.digest() if self.exploited else ""
        return hashlib.blake2b(f"{exemptions!r} {known}".encode(), digest_size=16).hexdigest()

    def described(self, finding: Finding) -> Finding:
        """Return a finding that is told of with what is only worth telling."""
        return self.estimates.apply(finding) if self.estimates else finding

    def close(self) -> None:
        """Close what is open."""
        if self.estimates:
            self.estimates.close()


def load(config: Config, places: Places, now: datetime) -> Judge:
    """Read everything that there is."""
    judge = Judge(approved_bases=config.targets.approved_bases)
    kev = _feed(config.reporting.kev, places.kev)
    epss = _feed(config.reporting.epss, places.epss)
    _read(judge, lambda: _take_exemptions(judge, places, now))
    if kev:
        _read(judge, lambda: _take_exploited(judge, kev, places.exploited))
    if epss:
        _read(judge, lambda: _take_estimates(judge, places.estimates, epss))
    return judge


def _take_exemptions(judge: Judge, places: Places, now: datetime) -> None:
    last = accept.restore(kept.load(places.accepted))
    judge.exemptions, problems = accept.load(places.exceptions, now, last)
    judge.problems.extend(problems)
    kept.save(places.accepted, accept.document(judge.exemptions))


def _take_exploited(judge: Judge, path: Path, last: Path) -> None:
    try:
        check_trusted_file(str(path))
        judge.exploited = Exploited.load(path)
    except Exception:
        # Else everything on the list would be told of anew when it is whole again.
        judge.exploited = Exploited.restore(kept.load(last))
        raise
    kept.save(last, judge.exploited.document())


def _take_estimates(judge: Judge, database: Path, path: Path) -> None:
    judge.estimates = Estimates(database)
    check_trusted_file(str(path))
    judge.estimates.refresh(path)


def _read(judge: Judge, read: Callable[[], None]) -> None:
    """Read one thing; what is wrong with it is a problem and no more."""
    try:
        read()
    except (FeedError, AgentError, sqlite3.Error) as error:
        judge.problems.append(str(error))
    except OSError as error:
        judge.problems.append(f"{error.filename}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - no file of somebody else's may stop the scan
        judge.problems.append(f"a fault in reading what is known: {where(error)}")


def _feed(configured: str, usual: Path) -> Path | None:
    """Return where a feed is; one that is configured has to be there."""
    if configured:
        return Path(configured)
    return usual if usual.is_file() else None
