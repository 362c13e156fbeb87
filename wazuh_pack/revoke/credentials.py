"""The responder's own secrets: from a file that only root and Wazuh can read, or the environment.

The file ``revoke.secrets`` beside ``revoke.ini`` has one section per instance of a provider. A
variable ``WAZUH_PACK_<INSTANCE>_<NAME>`` goes before it. Nothing else is looked at: no argument, no
``.netrc``. A secret may be ``vault:<path>#<member>``, which names where in Vault or OpenBao it is;
it is read there for each job, and kept nowhere.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.agentkit import config
from wazuh_pack.agentkit.errors import UntrustedFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

LENDER = "vault"
"""The kind of provider that secrets are read from."""

_SHORTEST = 8
_REFERENCE = re.compile(
    r"vault:(?!(?:.*/)?\.{1,2}[/#])(?P<path>[A-Za-z0-9_.@-]{1,128}(?:/[A-Za-z0-9_.@-]{1,128}){1,12})#(?P<member>[\w.@-]{1,128})"
)


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
    else:
        check_unreadable(path)
    found = {}
    for instance, names in wanted.items():
        given = ini.take(instance, dict.fromkeys(names, _secret))
        for name in names:
            variable = variable_of(instance, name)
            if variable in environment:
                given[name] = environment[variable]
        found[instance] = given
    ini.finish(tuple(ini.sections))  # one of a provider that is configured no more does no harm
    return found


def variable_of(instance: str, name: str) -> str:
    """Return the name of the variable that goes before the file."""
    return f"WAZUH_PACK_{instance}_{name}".upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in Vault: a path below its base URL, and a member of what is there."""

    path: str
    member: str


def reference(text: str) -> Reference | None:
    """Return the place in Vault that a secret names, or None when it is one itself."""
    match = _REFERENCE.fullmatch(text)
    return Reference(match["path"], match["member"]) if match else None


def check_unreadable(path: str) -> None:
    """Refuse a file of secrets that everybody on the machine can read.

    Raises:
        UntrustedFileError: It is one.
    """
    if os.stat(path).st_mode & stat.S_IRWXO:  # noqa: PTH116 -- as in agentkit
        raise UntrustedFileError(f"{path}: everybody can read it; chmod 0640 {path}, renew them")


def _secret(text: str) -> str:
    if text.startswith("vault:") and not reference(text):
        raise ValueError("no place in Vault; write vault:<path>#<member>")
    if len(text) < _SHORTEST:
        raise ValueError(f"shorter than {_SHORTEST} characters; write the whole secret")
    return text
