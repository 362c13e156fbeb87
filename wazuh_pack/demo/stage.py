"""Sets the stage: a scratch manager with the pack installed by the real installer."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack import install, resources
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.errors import InstallError
from wazuh_pack.install.assemble import assemble

if TYPE_CHECKING:
    from wazuh_pack.model import Catalog
    from wazuh_pack.render import Build

_MARK = ".wazuh-pack-demo"
_ALLOWED = """
[github]
actions = deploy-key-fingerprint

[jenkins]
url = https://jenkins.example.com
user = wazuh
actions = user-tokens
"""
"""What revoke-token may do in the demo, were it not a dry run: nobody is there to be called."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A manager's home with the pack in it, and its rules as the engine loads them."""

    home: Path
    changes: int
    ruleset: Ruleset


def set_stage(home: Path, catalog: Catalog, build: Build, *, enforce: bool) -> Stage:
    """Make ``home`` anew, install the pack into it and load what was installed.

    Stock rules are our own minimal equivalents; they stay outside the home, as nothing of ours
    replaces a manager's ruleset. ``enforce`` switches the responder on in this home only.

    Raises:
        PackError: something could not be installed or loaded.
    """
    _clear(home)
    install.scaffold_home(home)
    (home / _MARK).touch()
    target = install.detect(destdir=home)
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        source = assemble(
            catalog,
            build,
            tree=resources.tree(),
            scratch=Path(scratch),
            home=PurePosixPath("/var/ossec"),
        )
        plan = install.make_plan(source, target, install.read_record(target))
        install.apply(plan)
    _allow(home / "etc/wazuh-pack/revoke.ini")
    if enforce:
        _enforce(home / "etc/wazuh-pack/respond.ini")
    return Stage(home=home, changes=len(plan.changes), ruleset=_load(home, catalog))


def _clear(home: Path) -> None:
    """Delete what an earlier demo left, and nothing else."""
    if not home.exists() or not any(home.iterdir()):
        return
    if not (home / _MARK).is_file():
        raise InstallError(
            f"{home} holds something that is not a demo's",
            hint="name a folder that is empty or not there yet",
        )
    shutil.rmtree(home)


def _enforce(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("mode = dry-run", "mode = enforce"), encoding="utf-8")


def _allow(config: Path) -> None:
    config.write_text(config.read_text(encoding="utf-8") + _ALLOWED, encoding="utf-8")


def _load(home: Path, catalog: Catalog) -> Ruleset:
    names = [name for source in catalog.sources for name, _ in source.lists]
    return Ruleset.load(
        rules=[resources.stock() / "rules", home / "etc/rules"],
        decoders=[resources.stock() / "decoders", home / "etc/decoders"],
        lists={f"etc/lists/{name}": home / "etc/lists" / name for name in names},
    )
