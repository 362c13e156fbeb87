"""What Trivy finds in its environment: credentials come this way, never on a command line.

The file has ``NAME=value`` lines and belongs to root, mode 0640 or less. Only names are taken that
say who one is and how to get out; Trivy's other options have keys in ``trivy.ini``, so that a
change of what is looked for is noticed as one.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Iterable, Mapping

from wazuh_pack.agentkit.errors import ConfigError, UntrustedFileError
from wazuh_pack.agentkit.files import read_trusted

NAMES = frozenset(
    (
        *("TRIVY_USERNAME", "TRIVY_PASSWORD", "TRIVY_REGISTRY_TOKEN", "TRIVY_TOKEN"),
        *("TRIVY_TOKEN_HEADER", "TRIVY_INSECURE", "TRIVY_CACERT"),
        *("DOCKER_CONFIG", "DOCKER_HOST", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"),
        *("GITHUB_TOKEN", "GITLAB_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
        *("AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
        *("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    )
)
_SECRET = re.compile("PASSWORD|TOKEN|SECRET|PROXY|proxy")
_SHORTEST_SECRET = 6
_LIMIT = 1 << 16


def load(path: str) -> dict[str, str]:
    """Read the file.

    Raises:
        ConfigError: It is missing or has mistakes; no value is in the message.
        UntrustedFileError: Somebody else could have written it, or everybody can read it.
    """
    try:
        content = read_trusted(path, _LIMIT)
    except FileNotFoundError:
        raise ConfigError([f"{path}:1: there is no such file; write it or drop the key"]) from None
    if stat.S_IMODE(os.stat(path).st_mode) & stat.S_IRWXO:  # noqa: PTH116 - a str, as elsewhere here
        raise UntrustedFileError(f"{path}: readable for everybody; chmod 0640 {path}")
    problems = []
    found = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or name not in NAMES:
            problems.append(
                f"{path}:{number}: not NAME=value with one of {', '.join(sorted(NAMES))}"
            )
        elif "\0" in value:
            problems.append(f"{path}:{number}: the value has a NUL byte; remove it")
        else:
            found[name] = value
    if problems:
        raise ConfigError(problems)
    return found


def secrets(environment: Mapping[str, str]) -> Iterable[str]:
    """Yield the values that must not appear in an event."""
    for name, value in environment.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET:
            yield value
