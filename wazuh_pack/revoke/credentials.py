"""The responder's own secrets: from a file that only root and Wazuh can read, or the environment.

The file ``revoke.secrets`` beside ``revoke.ini`` has one section per instance of a provider. A
variable ``WAZUH_PACK_<INSTANCE>_<NAME>`` goes before it. Nothing else is looked at: no argument, no
``.netrc``.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from wazuh_pack.agentkit import config
from wazuh_pack.agentkit.errors import UntrustedFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORTEST = 8


def load_credentials(
    path: str, wanted: Mapping[str, tuple[str, ...]], environment: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the secrets of each instance, as far as they are given.

    Args:
        path: Of the file; it need not exist.
        wanted: Names of secrets by instance.
        environment: The process's environment.

    Raises:
        ConfigError: The file has mistakes; messages hold no value.
        UntrustedFileError: Others than root could have written it, or everybody can read it.
    """
    ini = config.load(path)
    if ini is None:
        ini = config.Ini(path)
    elif os.stat(path).st_mode & stat.S_IRWXO:  # noqa: PTH116 -- as in agentkit
        raise UntrustedFileError(f"{path}: everybody can read it; chmod 0640 {path}, renew them")
    found = {}
    for instance, names in wanted.items():
        given = ini.take(instance, dict.fromkeys(names, _secret))
        for name in names:
            variable = f"WAZUH_PACK_{instance}_{name}".upper().replace("-", "_")
            if variable in environment:
                given[name] = environment[variable]
        found[instance] = given
    ini.finish(tuple(ini.sections))  # one of a provider that is configured no more does no harm
    return found


def _secret(text: str) -> str:
    if len(text) < _SHORTEST:
        raise ValueError(f"shorter than {_SHORTEST} characters; write the whole secret")
    return text
