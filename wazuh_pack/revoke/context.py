"""What decisions are taken by: settings, secrets and providers, read together."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.revoke.credentials import load_credentials
from wazuh_pack.revoke.errors import Failure
from wazuh_pack.revoke.providers.base import Access
from wazuh_pack.revoke.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.revoke.providers.base import Provider
    from wazuh_pack.revoke.settings import Settings
    from wazuh_pack.revoke.target import Target

CONFIG = "revoke.ini"
SECRETS = "revoke.secrets"
STOP = "revoke.stop"
"""While this file lies beside the configuration, nothing is begun or gone on with.

Taking back goes on."""

_MIN_DIGEST = 12
OWN = "own_credential"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are: the configuration's folder, the state's, and the environment."""

    etc: str
    state: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def config(self) -> str:
        """The configuration file."""
        return f"{self.etc}/{CONFIG}"

    @property
    def stop(self) -> str:
        """The kill switch."""
        return f"{self.etc}/{STOP}"


@dataclass(frozen=True, slots=True)
class Context:
    """Settings with the credentials of every instance."""

    settings: Settings
    credentials: Mapping[str, Mapping[str, str]] = field(repr=False)

    def provider(self, instance: str, credentials: Mapping[str, str] | None = None) -> Provider:
        """Return the provider of an instance, with its own credentials or with those given.

        Raises:
            Failure: The configuration does not have it any more.
        """
        found = self.settings.instances.get(instance)
        if found is None:
            raise Failure(f"revoke.ini has no section [{instance}] any more")
        return found.kind(
            Access(
                url=found.url,
                options=found.options,
                credentials=self.credentials.get(instance, {})
                if credentials is None
                else credentials,
            )
        )

    def protected(self, target: Target) -> str:
        """Return why nothing may be done about a target, or an empty string."""
        own = [secret for given in self.credentials.values() for secret in given.values()]
        if is_one_of(target, own):
            return OWN
        kind = self.settings.instances[target.instance].kind
        paths = {p.name for p in kind.capabilities[target.action].parameters if p.below}
        for name, value in target.values.items():
            if any(_matches(word, name, value) for word in self.settings.never):
                return "never"
            if name in paths and any(_overlaps(word, value) for word in self.settings.never):
                return "never"
        return ""


def is_one_of(target: Target, secrets: Iterable[str]) -> bool:
    """Return whether a target is one of our own secrets."""
    own = [secret.encode() for secret in secrets]
    return any(
        hmac.compare_digest(value.encode(), secret)
        for value in target.values.values()
        for secret in own
    )


def load_context(place: Place) -> Context:
    """Read everything.

    Raises:
        ConfigError: A file has mistakes.
        UntrustedFileError: A file could have been written, or the secrets read, by somebody else.
    """
    settings = load_settings(place.config)
    wanted = {name: instance.kind.secrets for name, instance in settings.instances.items()}
    return Context(settings, load_credentials(f"{place.etc}/{SECRETS}", wanted, place.environment))


def _overlaps(word: str, path: str) -> bool:
    """Return whether an entry of ``never`` lies on a path, above it or below it."""
    one, other = (f"{text.lower().strip('/')}/" for text in (word.rpartition(":")[2], path))
    return one.startswith(other) or other.startswith(one)


def _matches(word: str, name: str, value: str) -> bool:
    """Return whether an entry of ``never`` means a value: itself, or ``name:value``, or a digest.

    Upper and lower case count as the same: protecting too much is the safe side.
    """
    kind, _, rest = word.partition(":")
    if kind == "sha256":
        digest = hashlib.sha256(value.encode()).hexdigest()
        return len(rest) >= _MIN_DIGEST and digest.startswith(rest.lower())
    return word.lower() in (value.lower(), f"{name}:{value}".lower())
