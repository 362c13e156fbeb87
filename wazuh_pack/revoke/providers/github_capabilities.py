"""What can be done at GitHub; :mod:`wazuh_pack.revoke.providers.github` does it."""

from __future__ import annotations

from wazuh_pack.revoke.providers.base import NUMBER, Capability, Parameter, number, table, token

_REPOSITORY = Parameter(
    name="repository", pattern=r"[A-Za-z0-9-]{1,39}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
)
_WORKFLOW = Parameter(
    name="workflow_id", pattern=rf"{NUMBER}|[A-Za-z0-9_][A-Za-z0-9_.-]{{0,99}}\.ya?ml"
)
_FINGERPRINT = Parameter(name="fingerprint", pattern=r"SHA256:[A-Za-z0-9+/]{43}")
_OPTIONAL_REPOSITORY = Parameter(name="repository", pattern=_REPOSITORY.pattern, optional=True)
_PUBLIC = ("github-personal", "github-fine-grained", "github-oauth", "github-user")
_REFRESH = "github-refresh"


CAPABILITIES = table(
    Capability(
        name="token",
        parameters=(token(*_PUBLIC, _REFRESH),),
        effect="revokes a personal, OAuth or user token; its owner gets a mail",
        rights="",
        verified="the token is no longer accepted (not for refresh tokens)",
        calls=("POST /credentials/revoke",),
    ),
    Capability(
        name="installation-token",
        parameters=(token("github-installation"),),
        effect="revokes an installation's token, a job's GITHUB_TOKEN included",
        rights="",
        verified="the token is no longer accepted",
        calls=("DELETE /installation/token",),
    ),
    Capability(
        name="organisation-token",
        parameters=(number("token_id"),),
        effect="takes a fine-grained personal token's access to the organisation",
        rights="GitHub App with the organisation permission 'Personal access tokens': write",
        verified="the organisation no longer lists it",
        calls=("POST /orgs/{org}/personal-access-tokens/{pat_id}",),
    ),
    Capability(
        name="sso-authorisation",
        parameters=(number("credential_id"),),
        effect="takes a credential's single sign-on; its owner can authorise it anew",
        rights="owner of the organisation, scope admin:org",
        verified="a second removal finds nothing",
        calls=("DELETE /orgs/{org}/credential-authorizations/{credential_id}",),
    ),
    Capability(
        name="deploy-key",
        parameters=(number("key_id"), _REPOSITORY),
        effect="removes a deploy key; whatever clones with it stops",
        rights="repository permission 'Administration': write",
        undo="the same public key is added again, under a new id",
        verified="the key is not there",
        calls=("DELETE /repos/{repository}/keys/{key_id}",),
    ),
    Capability(
        name="deploy-key-fingerprint",
        parameters=(_FINGERPRINT, _REPOSITORY),
        effect="removes the deploy key that has this fingerprint; whatever clones with it stops",
        rights="repository permission 'Administration': write",
        undo="the same public key is added again, under a new id",
        verified="the key is not there",
        calls=("DELETE /repos/{repository}/keys/{key_id}",),
    ),
    Capability(
        name="runner-labels",
        parameters=(number("runner_id"), _OPTIONAL_REPOSITORY),
        effect=(
            "replaces a self-hosted runner's own labels, so jobs that ask for them go "
            "elsewhere; jobs that ask for 'self-hosted' alone still reach it"
        ),
        rights="'Administration': write (repository) or 'Self-hosted runners': write",
        undo="the labels are put back",
        verified="the runner has the quarantine label only",
        calls=("PUT /{owner}/actions/runners/{runner_id}/labels",),
    ),
    Capability(
        name="runner",
        parameters=(number("runner_id"), _OPTIONAL_REPOSITORY),
        effect="removes a self-hosted runner; it must be registered anew",
        rights="'Administration': write (repository) or 'Self-hosted runners': write",
        verified="the runner is not there",
        calls=("DELETE /{owner}/actions/runners/{runner_id}",),
    ),
    Capability(
        name="run-cancel",
        parameters=(number("run_id"), _REPOSITORY),
        effect="cancels a workflow run; steps with always() still run",
        rights="'Actions': write",
        verified="the run is completed",
        calls=("POST /repos/{repository}/actions/runs/{run_id}/cancel",),
    ),
    Capability(
        name="run-force-cancel",
        parameters=(number("run_id"), _REPOSITORY),
        effect="cancels a workflow run whatever its steps say",
        rights="'Actions': write",
        verified="the run is completed",
        calls=("POST /repos/{repository}/actions/runs/{run_id}/force-cancel",),
    ),
    Capability(
        name="workflow",
        parameters=(_WORKFLOW, _REPOSITORY),
        effect="disables a workflow; nothing starts it until it is enabled",
        rights="'Actions': write",
        undo="the workflow is enabled",
        verified="its state is disabled",
        calls=("PUT /repos/{repository}/actions/workflows/{workflow_id}/disable",),
    ),
    Capability(
        name="app-installation",
        parameters=(number("installation_id"),),
        effect="suspends an installation of your own app; all its tokens stop working",
        rights="the app's private key (app_id and app_key_file)",
        undo="the suspension is lifted",
        verified="the installation has a time of suspension",
        calls=("PUT /app/installations/{installation_id}/suspended",),
    ),
)
