"""The gate's command line, on runners and behind ``wazuh-pack gate``.

The event goes to standard output or, with ``--sink``, to a file; what people read goes to standard
error. Whatever happens, there is an event, and only a decision to let the artifact pass ends with
0.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
from pathlib import Path
from typing import Sequence

from wazuh_pack.agentkit.errors import AgentError, ConfigError
from wazuh_pack.agentkit.files import write_all
from wazuh_pack.gate.judge import Case, Check
from wazuh_pack.gate.policy import NEVER, PROOFS, Policy, load, with_flags
from wazuh_pack.reports.findings import SEVERITIES, Artifact, public
from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.registry import AUTO, BY_NAME
from wazuh_pack.reports.report import ReportError
from wazuh_pack.scan import sink
from wazuh_pack.scan.events import Source, counts_by_severity, describe, encode

PASSED = 0
USAGE = 2
REFUSED = 30
"""Exit statuses; everything but 0 means that the artifact must not go on."""

TOOL = "gate"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE = "container_image"
_OUT, _ERROR = 1, 2
_PATTERN = "a shell pattern that has to fit"
_FLAGS = {
    "require": f"what must be there: {', '.join(PROOFS)}, or names of tools",
    "fail_on": f"lowest severity that fails: {', '.join(SEVERITIES)} or {NEVER} [high]",
    "policy": f"denials of policy engines: fail, warn (warnings fail too) or {NEVER} [fail]",
    "secrets": f"secrets that fail: any, verified or {NEVER} [any]",
    "ignore_unfixed": "yes: let pass what has no fix yet [no]",
    "ignore_suppressed": "yes: let pass what the tool was told to put up with [no]",
    "signers": f"who must have signed, {_PATTERN}",
    "issuers": f"who must vouch for the signer, {_PATTERN}",
    "builders": f"what must have built it, {_PATTERN}",
    "sources": f"what it must be built from, {_PATTERN}",
    "allow": "ids of findings that are accepted",
}


def main(arguments: Sequence[str]) -> int:
    """Judge; return the exit status.

    Args:
        arguments: The command line without the program's name.
    """
    options = _parse(arguments)
    case, problems = _case(options)
    if not problems:
        for tool, path in map(_source_of, options.reports):
            case.read(path, tool)
    checks = tuple(Check("configuration", text) for text in problems) or case.decide()
    decision = _decision(options, case.policy, checks)
    _explain(decision, checks)
    told = _tell(options, case, checks, decision)
    return PASSED if decision != "failed" and told else REFUSED


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wazuh-pack gate",
        description="Fail a pipeline step when reports and proofs do not suffice.",
        epilog="Exit status: 0 passed or overridden, 30 refused, 2 wrong command line.",
    )
    parser.add_argument(
        "reports", nargs="*", metavar="[TOOL=]FILE", help="reports and outputs of verifiers"
    )
    parser.add_argument("--config", metavar="FILE", help="the policy; flags overrule it")
    parser.add_argument("--artifact", default="", help="its name; may end with @sha256:...")
    parser.add_argument("--type", default=_IMAGE, help=f"[{_IMAGE}]")
    parser.add_argument("--digest", default="", help="sha256:..., what proofs have to be about")
    parser.add_argument("--stage", default="", help="where it is to go, such as production")
    parser.add_argument(
        "--pipeline", default=environment_pipeline(), help="the address of the pipeline's run"
    )
    parser.add_argument("--malicious", metavar="FILE", help="package URLs that are malicious")
    parser.add_argument("--sink", metavar="FILE", help="append the event to a file")
    parser.add_argument("--override", metavar="REASON", default="", help="pass all the same")
    parser.add_argument("--override-by", metavar="NAME", default="", help="who says so")
    for flag, meaning in _FLAGS.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", metavar="VALUE", help=meaning)
    return parser.parse_args(list(arguments))


def _case(options: argparse.Namespace) -> tuple[Case, list[str]]:
    """Return the empty case, and what is wrong with the configuration."""
    digest = options.digest or options.artifact.rpartition("@")[2]
    problems = []
    if options.digest and not _DIGEST.fullmatch(options.digest):
        problems.append("--digest is not sha256: and 64 digits")
    policy, malicious = Policy(), Malicious()
    try:
        policy = load(options.config) if options.config else policy
        policy = with_flags(policy, {flag: getattr(options, flag) for flag in _FLAGS})
        malicious = Malicious.load(Path(options.malicious)) if options.malicious else malicious
    except ConfigError as error:
        problems += error.problems
    except (AgentError, ReportError) as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"{error.filename}: {error.strerror}")
    if not options.artifact:
        problems.append("give --artifact, the name of what is judged")
    digest = digest if _DIGEST.fullmatch(digest) else ""
    return Case(policy, digest, malicious, image=options.type == _IMAGE), problems


def _source_of(text: str) -> tuple[str, Path]:
    tool, equals, path = text.partition("=")
    return (
        (tool, Path(path)) if equals and (tool in BY_NAME or tool == AUTO) else (AUTO, Path(text))
    )


def _decision(options: argparse.Namespace, policy: Policy, checks: tuple[Check, ...]) -> str:
    if not checks:
        return "passed"
    configured = all(check.name != "configuration" for check in checks)
    return "overridden" if options.override and policy.override and configured else "failed"


def _tell(
    options: argparse.Namespace, case: Case, checks: tuple[Check, ...], decision: str
) -> bool:
    """Make the event; return whether it went where it should."""
    source = Source(secrets.token_hex(8), TOOL)
    name = Artifact.plain_name(options.artifact) or "unknown"
    fields: dict[str, object] = {
        "decision": decision,
        **describe(Artifact(name, options.type, case.digest)),
        "stage": options.stage,
        "pipeline": public(options.pipeline),
        "checks": ",".join(sorted({check.name for check in checks})),
        "error": "; ".join(check.reason for check in checks),
        "reports": case.reports,
        "allowed": case.allowed or None,
        "counts": counts_by_severity(case.counts),
        "override_reason": options.override,
        "override_by": options.override_by,
    }
    line = encode(source.event("gate", fields))
    if not options.sink:
        write_all(_OUT, line)
        return True
    try:
        with sink.opened(options.sink) as output:
            write_all(output, line)
    except (AgentError, OSError) as error:
        # The log of the pipeline is better than nothing, but nobody watches it.
        write_all(_OUT, line)
        write_all(_ERROR, f"the event could not be written to {options.sink}: {error}\n".encode())
        return False
    return True


def _explain(decision: str, checks: tuple[Check, ...]) -> None:
    text = "".join(f"gate: {check.name}: {check.reason}\n" for check in checks)
    write_all(_ERROR, f"{text}gate: {decision}\n".encode("utf-8", "replace"))


def environment_pipeline(environment: dict[str, str] | None = None) -> str:
    """Return the address of the run that a GitHub or GitLab runner tells of, else ``""``."""
    given = os.environ if environment is None else environment
    if given.get("CI_PIPELINE_URL"):
        return given["CI_PIPELINE_URL"]
    parts = [given.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""
