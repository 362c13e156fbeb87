"""The pack as agents get it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack import resources
from wazuh_pack.cli import _load
from wazuh_pack.errors import UsageError
from wazuh_pack.install.assemble import assemble
from wazuh_pack.install.choices import Choices
from wazuh_pack.install.secrets import SECRETS
from wazuh_pack.source.scripts import response_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.install import PackSource


@contextmanager
def pack_for_agents(home: PurePosixPath, collect: tuple[str, ...]) -> Iterator[PackSource]:
    """Give the pack with its scripts, which are there until the block ends."""
    loaded = _load.catalog()
    for name in collect:
        parameters = dict(_load.source(loaded, name).delivery.parameters)
        if not SECRETS.keys().isdisjoint(parameters):
            raise UsageError(
                f"{name} needs a secret, which agents of a group must not get",
                hint="collect this source on the manager: wazuh-pack install --collect",
            )
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        yield assemble(
            loaded,
            _load.build(loaded),
            tree=resources.tree(),
            scratch=Path(scratch),
            home=home,
            choices=Choices(
                collect={name: {} for name in collect}, responses=_responses_on_agents()
            ),
        )


def _responses_on_agents() -> tuple[str, ...]:
    """Return the actions whose scripts run where the event is seen, not on the manager."""
    scripts = response_scripts(resources.tree())
    return tuple(script.action for script in scripts if script.location != "server")
