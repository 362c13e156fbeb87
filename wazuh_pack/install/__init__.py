"""Installs the pack: plan (pure data), apply, ossec.conf merge, RECORD.

A caller detects the target, repairs what an interrupted run may have left, plans, shows the plan
and applies it::

    target = detect(destdir=Path("build/manager"))
    recover(target)
    plan = make_plan(source, target, read_record(target))
    apply(plan)

On a manager in service ``apply_proved`` takes the place of ``apply``: it keeps the change only if
Wazuh's own programs agree. ``plan_uninstall`` gives the plan of the way back, ``compare`` what has
drifted.
"""

from wazuh_pack.install.apply import apply
from wazuh_pack.install.confblock import ConfBlock
from wazuh_pack.install.drift import Change, Drift, compare
from wazuh_pack.install.journal import recover
from wazuh_pack.install.ossecconf import merge, merge_checked, unmerge
from wazuh_pack.install.plan import make_plan
from wazuh_pack.install.prove import Canary, Expectation, apply_proved
from wazuh_pack.install.record import Entry, Record, read_record
from wazuh_pack.install.removal import plan_uninstall
from wazuh_pack.install.scaffold import scaffold_home
from wazuh_pack.install.service import Need, Service
from wazuh_pack.install.source import Kind, PackFile, PackSource
from wazuh_pack.install.steps import (
    ChangeMode,
    CreateFile,
    EditConf,
    KeepFile,
    MakeFolder,
    Plan,
    RemoveFile,
    RemoveFolder,
    ReplaceFile,
    Step,
)
from wazuh_pack.install.target import Target, detect

__all__ = [
    "Canary",
    "Change",
    "ChangeMode",
    "ConfBlock",
    "CreateFile",
    "Drift",
    "EditConf",
    "Entry",
    "Expectation",
    "KeepFile",
    "Kind",
    "MakeFolder",
    "Need",
    "PackFile",
    "PackSource",
    "Plan",
    "Record",
    "RemoveFile",
    "RemoveFolder",
    "ReplaceFile",
    "Service",
    "Step",
    "Target",
    "apply",
    "apply_proved",
    "compare",
    "detect",
    "make_plan",
    "merge",
    "merge_checked",
    "plan_uninstall",
    "read_record",
    "recover",
    "scaffold_home",
    "unmerge",
]
