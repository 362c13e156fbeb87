"""Showing a plan, asking, applying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wazuh_pack import install
from wazuh_pack.cli import _out
from wazuh_pack.errors import DiagnosticsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def report_repair(repaired: Sequence[str]) -> None:
    """Say what an interrupted run had left and was put right."""
    for text in repaired:
        _out.note(f"repaired {text}")


def carry_out(plan: install.Plan, *, only_plan: bool, yes: bool, form: str) -> None:
    """Show a plan and, unless only shown, apply it after asking.

    Raises:
        DiagnosticsError: something stands in the way; nothing was changed.
    """
    if form == "json":
        _out.json_line(plan.as_json())
    else:
        for text in plan.lines():
            _out.line(text)
    if only_plan or plan.is_empty:
        return
    if plan.errors:
        raise DiagnosticsError(plan.errors)
    if not yes:
        click.confirm(f"change {plan.target.home}?", abort=True, err=True)
    install.apply(plan)
    _out.note(f"{len(plan.changes)} changes made in {plan.target.home}")
