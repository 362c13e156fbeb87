"""``wazuh-pack image``."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from wazuh_pack import resources
from wazuh_pack.cli import _load, _out
from wazuh_pack.diagnostics import Severity
from wazuh_pack.errors import DiagnosticsError, UsageError
from wazuh_pack.install import merge_checked
from wazuh_pack.install.assemble import prepare
from wazuh_pack.install.choices import Choices, read_choices
from wazuh_pack.install.managerconf import ManagerConf
from wazuh_pack.ship.image import Conf, build_image

if TYPE_CHECKING:
    from wazuh_pack.install import PackSource

_HOME = PurePosixPath("/var/ossec")


@click.command(
    help="Build what containers of a manager need: an image layer with its Dockerfile, files to "
    "mount instead, a kustomize component, and each ossec.conf with the pack's part in it."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/image"),
    show_default=True,
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What to install, as in wazuh-pack.yml  [all but log collection and scanners]",
)
@click.option(
    "--conf",
    "conf_paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="OSSEC_CONF",
    help="A manager's ossec.conf as it is mounted today; may be repeated, one a role.",
)
@click.option("--force", is_flag=True, help="Discard what was edited in our part of an ossec.conf.")
def command(out: Path, config: Path | None, conf_paths: tuple[Path, ...], force: bool) -> None:
    """Build."""
    names = [path.name for path in conf_paths]
    if len(set(names)) < len(names):
        raise UsageError("two files of --conf have the same name", hint="rename one of them")
    if any(path.resolve().parent == (out / "conf").resolve() for path in conf_paths):
        raise UsageError("--conf is in the folder that is written to", hint="name another --out")
    choices = read_choices(config) if config else Choices(wodles=())
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        source = _source(choices, Path(scratch))
        worker = _source(replace(choices, collect={}), Path(scratch))
        confs = [_merged(path, source, worker, force=force) for path in conf_paths]
        for written in build_image(source, out, confs):
            _out.line(f"{written.sha256}  {written.path}")


def _source(choices: Choices, scratch: Path) -> PackSource:
    return prepare(
        _load.catalog(),
        _load.lock(),
        tree=resources.tree(),
        scratch=scratch,
        home=_HOME,
        target=Path.cwd(),
        choices=choices,
    ).source


def _merged(path: Path, source: PackSource, worker: PackSource, *, force: bool) -> Conf:
    """Return a configuration with our part in it; a worker collects no logs.

    Raises:
        DiagnosticsError: Something in it stands in the way.
        InstallError: It is malformed, or our part was edited.
    """
    content = path.read_bytes()
    role = ManagerConf.parse(content, path).role
    block = (worker if role == "worker" else source).conf
    merged = merge_checked(content, block, path=path, force=force)
    errors = [finding for finding in merged.findings if finding.severity is Severity.ERROR]
    if errors:
        raise DiagnosticsError(errors)
    for finding in merged.findings:
        _out.diagnostic(finding)
    return Conf(path.name, merged.data)
