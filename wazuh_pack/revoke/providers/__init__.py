"""The providers that are known; each is one module, imported when it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.revoke.providers.base import Provider

NAMES = (
    "aws",
    "azuredevops",
    "dockerhub",
    "github",
    "gitlab",
    "jenkins",
    "kubernetes",
    "vault",
    "webhook",
)


def provider(name: str) -> type[Provider]:  # noqa: PLR0911 -- one line per provider
    """Return the class of a provider.

    The imports are spelled out, because that is how the bundle learns of the modules.

    Raises:
        KeyError: There is none of this name.
    """
    # ruff: noqa: PLC0415 -- an alert needs one provider; the others would only take time
    if name == "aws":
        from wazuh_pack.revoke.providers.aws import Aws

        return Aws
    if name == "azuredevops":
        from wazuh_pack.revoke.providers.azuredevops import AzureDevOps

        return AzureDevOps
    if name == "dockerhub":
        from wazuh_pack.revoke.providers.dockerhub import DockerHub

        return DockerHub
    if name == "github":
        from wazuh_pack.revoke.providers.github import GitHub

        return GitHub
    if name == "gitlab":
        from wazuh_pack.revoke.providers.gitlab import GitLab

        return GitLab
    if name == "jenkins":
        from wazuh_pack.revoke.providers.jenkins import Jenkins

        return Jenkins
    if name == "kubernetes":
        from wazuh_pack.revoke.providers.kubernetes import Kubernetes

        return Kubernetes
    if name == "vault":
        from wazuh_pack.revoke.providers.vault import Vault

        return Vault
    if name == "webhook":
        from wazuh_pack.revoke.providers.webhook import Webhook

        return Webhook
    raise KeyError(name)
