"""The lane that lives: installed, watched, upgraded and removed, and the tree as before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.errors import HarnessError
from wazuh_pack.harness import trees
from wazuh_pack.harness.closure import NEW_WORDS
from wazuh_pack.harness.container import HOME
from wazuh_pack.harness.lane import LATER
from wazuh_pack.harness.live import Live
from wazuh_pack.harness.wodle import scan_with, scan_without

if TYPE_CHECKING:
    from wazuh_pack.harness.lane import Lane, Outcome

_RECORD = HOME / "etc/wazuh-pack/RECORD.json"
_KILLED_AT = (".wazuh-pack-transaction/journal.json", "etc/lists/wazuh-pack-*.cdb")
"""The transaction has begun; all files are in place and analysisd loads them to test them."""
_THREADS = ("analysisd.event_threads=1", "analysisd.rule_matching_threads=1")
"""As many threads as processors by default, and then the order of events is anybody's guess."""


def run(lane: Lane) -> None:
    """Carry out the lane."""
    life = _Life(lane)
    live = Live(lane)
    lane.check("start", lane.start, needed=True)
    lane.check("bring", lane.bring, needed=True)
    lane.check("plan", life.plan, needed=True)
    lane.check("killed", life.killed)
    lane.check("install", lane.install, needed=True)
    lane.check("loading", lane.loading)
    lane.check("again", life.again)
    lane.check("doctor", life.doctor)
    lane.check("wodle", lambda: scan_without(lane))
    if lane.world.options.trivy is not None:
        lane.check("trivy", lambda: scan_with(lane))
    if lane.check("queue", live.queue):
        lane.check("dry run", live.dry_run)
        lane.check("enforce", live.enforce)
    lane.check("upgrade", life.upgrade)
    lane.check("uninstall", life.uninstall, needed=True)
    lane.check("as before", life.as_before)


@dataclass(slots=True)
class _Life:
    lane: Lane
    before: trees.Tree = field(default_factory=dict)

    def _tree(self) -> trees.Tree:
        return trees.read(self.lane.manager.ask("tree", *trees.WRITTEN))

    def plan(self) -> Outcome:
        """Remember the tree; a plan must not change it."""
        self.lane.manager.ask("append", "etc/local_internal_options.conf", *_THREADS)
        self.before = trees.compared(self._tree())
        said = self.lane.pack_or_fail("plan")
        changed = list(trees.changes(self.before, trees.compared(self._tree())))
        if changed:
            raise HarnessError("planning changed something", details=changed)
        return f"{len(said)} lines; {len(self.before)} paths remembered, none changed", ()

    def killed(self) -> Outcome:
        """Installations that are killed, early and late, are undone by the next run."""
        for pattern in _KILLED_AT:
            if not self.lane.kill_pack(pattern, "install", "--yes"):
                raise HarnessError(f"the installation ended before there was {pattern}")
            killed = trees.compared(self._tree())
            done = self.lane.pack("uninstall", "--yes")
            if "repaired an interrupted run was undone" not in done.lines:
                raise HarnessError("the next run repaired nothing", details=done.lines)
            self.lane.wait_until_ready()
            changed = list(trees.changes(self.before, trees.compared(self._tree())))
            if changed:
                raise HarnessError("the repair left something", details=changed)
            if killed == self.before:
                raise HarnessError(f"when {pattern} was there, nothing had changed yet")
        return f"killed at {len(_KILLED_AT)} moments, undone by the next run byte for byte", ()

    def again(self) -> Outcome:
        """A second installation changes nothing and restarts nothing."""
        pids = self.lane.wait_until_ready()
        tree = trees.compared(self._tree())
        said = self.lane.pack_or_fail("install", "--yes")
        if "nothing to do" not in said:
            raise HarnessError("the second installation had something to do", details=said)
        changed = list(trees.changes(tree, trees.compared(self._tree())))
        if changed:
            raise HarnessError("the second installation changed something", details=changed)
        if self.lane.wait_until_ready() != pids:
            raise HarnessError("the second installation restarted analysisd")
        return "nothing to do, nothing changed, nothing restarted", ()

    def doctor(self) -> Outcome:
        """The pack's own examination finds nothing that is wrong."""
        said = self.lane.pack_or_fail("doctor")
        warnings = [line for line in said if line.startswith("warn")]
        return f"healthy; {len(warnings)} warnings", warnings

    def upgrade(self) -> Outcome:
        """The later version takes the place of this one, and Wazuh loads it."""
        later = self.lane.world.later_version
        said = self.lane.pack_or_fail("install", "--yes", place=LATER)
        self.lane.wait_until_ready()
        record = json.loads(self.lane.manager.run(["cat", str(_RECORD)]).output)
        if record.get("version") != later:
            raise HarnessError(f"RECORD.json says {record.get('version')}, not {later}")
        if not self._has_new_words():
            raise HarnessError("the later version's rules are not there", details=said)
        self.lane.loading()
        changes = next((line for line in said if "changes made" in line), "")
        return f"{later}: {changes.partition(' in ')[0]}; no warning about ours", ()

    def _has_new_words(self) -> bool:
        rules = self.lane.manager.run(["sh", "-c", f"cat {HOME}/etc/rules/*wazuh-pack*"])
        return NEW_WORDS in rules.output

    def uninstall(self) -> Outcome:
        """Remove the pack; Wazuh must run afterwards."""
        said = self.lane.pack_or_fail("uninstall", "--yes", place=LATER)
        self.lane.wait_until_ready()
        changes = next((line for line in said if "changes made" in line), "")
        return f"{changes.partition(' in ')[0]}; Wazuh runs", ()

    def as_before(self) -> Outcome:
        """Every path is as it was: content, mode, owner, group."""
        tree = self._tree()
        changed = list(trees.changes(self.before, trees.compared(tree)))
        if changed:
            raise HarnessError(f"{len(changed)} paths differ from before", details=changed)
        left = trees.state(tree)
        note = f"; the scripts' memory stays ({len(left)} files in var/wazuh-pack)" if left else ""
        return f"{len(self.before)} paths, byte for byte, with modes and owners{note}", ()
