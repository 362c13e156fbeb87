"""Finds in an alert what is to be revoked.

The alert is hostile: whoever can write a log line chooses its values. So it never says which action
to take, which rule means what or which host to call; all that is the administrator's, and a value
must have exactly the form that its parameter has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.revoke.errors import NoTarget, NotEnabled
from wazuh_pack.revoke.settings import When, is_action, is_path, parse_pattern, parse_sources
from wazuh_pack.revoke.target import Target
from wazuh_pack.revoke.tokens import Token, find_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_pack.agentkit.protocol import Request
    from wazuh_pack.revoke.providers.base import Capability, Parameter
    from wazuh_pack.revoke.settings import Instance, Settings

_MAX_TEXT = 65_536
_MAX_PICKED = 4096  # an administrator's pattern meets an attacker's text
_MAX_ITEMS = 50
_OPTIONS = ("--when", "--field", "--action", "--from", "--pick", "--decoder", "--location")
_ONCE = ("--when", "--field", "--pick", "--decoder", "--location")


def find_targets(request: Request, settings: Settings) -> list[Target]:
    """Return what is meant by a request, each target once.

    Raises:
        MessageError: Nothing, or nothing that is acceptable, is meant; the message holds no value
            from the alert.
    """
    targets: dict[str, Target] = {}
    for when in _whens(request, settings):
        _check_origin(request, when)
        for target in _targets(request, when, settings):
            targets.setdefault(target.key, target)
    return list(targets.values())


def parse_arguments(words: Sequence[str]) -> When:
    """Read ``<extra_args>``: ``--when``, or ``--field`` with others of a ``[when-...]`` section.

    Returns:
        What they say; with ``--when`` only its name.

    Raises:
        MessageError: Something else is there. Wazuh's API lets its callers choose these words.
    """
    found = _pairs(words)
    if found["--when"]:
        if any(found[option] for option in _OPTIONS[1:]):
            raise MessageError("--when goes with no other argument")
        return When(name=found["--when"][0])
    if not found["--field"] or not is_path(found["--field"][0]):
        raise MessageError("--field is missing or malformed")
    if not all(is_action(action) for action in found["--action"]):
        raise MessageError("the value of --action is malformed")
    try:
        sources = parse_sources(" ".join(found["--from"]))
    except ValueError:
        raise MessageError("the value of --from is malformed") from None
    try:
        pick = parse_pattern(found["--pick"][0]) if found["--pick"] else None
    except ValueError:
        raise MessageError("the value of --pick is malformed") from None
    return When(
        path=found["--field"][0],
        actions=tuple(found["--action"]),
        sources=sources,
        pick=pick,
        decoder="".join(found["--decoder"]),
        location="".join(found["--location"]),
    )


def _pairs(words: Sequence[str]) -> dict[str, list[str]]:
    rest = [word for word in words if word]  # execd splits at every single blank
    if len(rest) % 2:
        raise MessageError("the extra arguments are not pairs of an option and a value")
    found: dict[str, list[str]] = {option: [] for option in _OPTIONS}
    for option, value in zip(rest[::2], rest[1::2], strict=True):
        if option not in found:
            raise MessageError(f"an extra argument is none of {', '.join(_OPTIONS)}")
        found[option].append(value)
    for option in _ONCE:
        if len(found[option]) > 1:
            raise MessageError(f"{option} is there twice")
    return found


def _whens(request: Request, settings: Settings) -> list[When]:
    found = [when for when in settings.whens if request.rule_id in when.rules]
    if not request.arguments:
        if not found:
            rule = request.rule_id or "(none)"
            raise MessageError(f"no [when-...] section of revoke.ini names rule {rule}")
        return found
    said = parse_arguments(request.arguments)
    if not said.name:
        return found or [said]  # what the host's administrator wrote goes before the pack's words
    for when in settings.whens:
        if when.name == said.name:
            if request.rule_id not in when.rules:
                raise MessageError(f"[when-{when.name}] does not name the rule of this alert")
            return [when]
    raise MessageError("revoke.ini has no section of the name that --when gives")


def _check_origin(request: Request, when: When) -> None:
    if when.decoder and _lookup(request, "decoder.name") != when.decoder:
        raise MessageError(f"the alert's decoder is not {when.decoder}")
    if when.location and _lookup(request, "location") != when.location:
        raise MessageError(f"the alert's location is not {when.location}")


def _targets(request: Request, when: When, settings: Settings) -> list[Target]:
    allowed = _allowed(when.actions, settings)
    text = _picked(_text(request, when.path), when)
    if not when.actions:
        return _by_tokens(text, settings)
    reasons: dict[str, MessageError] = {}
    for instance, capability in allowed:
        try:
            return list(_fill(request, when, text, instance, capability))
        except MessageError as error:  # noqa: PERF203 -- a few actions at most
            reasons[f"{instance.name}.{capability.name}"] = error
    kind = NoTarget if all(isinstance(r, NoTarget) for r in reasons.values()) else MessageError
    raise kind("; ".join(f"{name}: {error}" for name, error in reasons.items()))


def _picked(text: str, when: When) -> str:
    if when.pick is None:
        return text
    match = when.pick.search(text[:_MAX_PICKED])
    if not match or not match[1]:
        raise MessageError("the field does not hold what 'pick' looks for")
    return match[1]


def _allowed(actions: tuple[str, ...], settings: Settings) -> list[tuple[Instance, Capability]]:
    """Return the actions that are allowed, in the order given."""
    allowed = []
    for name in actions:
        section, _, action = name.partition(".")
        instance = settings.instances.get(section)
        if instance and action not in instance.kind.capabilities:
            raise MessageError(f"the provider of [{section}] has no action '{action}'")
        if instance and action in instance.actions:
            allowed.append((instance, instance.kind.capabilities[action]))
    if actions and not allowed:
        raise NotEnabled(f"not enabled in revoke.ini: {', '.join(actions)}")
    return allowed


def _fill(
    request: Request, when: When, text: str, instance: Instance, capability: Capability
) -> Iterator[Target]:
    first, *others = capability.parameters
    values = {}
    for parameter in others:
        value = _parameter(request, when, parameter)
        if value is not None:
            values[parameter.name] = value
    if first.tokens:
        mains = [token.value for token in find_tokens(text) if token.kind in first.tokens]
        if not mains:
            raise MessageError("the field holds no token of the kind wanted")
    else:
        mains = [_shaped(first, text, "the field")]
    for main in mains:
        yield _target(instance, capability, {first.name: main, **values})


def _parameter(request: Request, when: When, parameter: Parameter) -> str | None:
    path = when.sources.get(parameter.name)
    if path is None:
        if parameter.optional:
            return None
        raise MessageError(f"'from' does not say where '{parameter.name}' is")
    return _shaped(parameter, _text(request, path), f"the field {path}")


def _shaped(parameter: Parameter, text: str, what: str) -> str:
    value = parameter.take(text)
    if value is None:
        raise MessageError(f"{what} is not of the form of '{parameter.name}'")
    return value


def _by_tokens(text: str, settings: Settings) -> list[Target]:
    tokens = list(find_tokens(text))
    if not tokens:
        raise NoTarget("the field holds no token of a known form")
    targets = [target for token in tokens for target in _for_token(token, settings)]
    if not targets:
        kinds = ", ".join(sorted({token.kind for token in tokens}))
        raise NotEnabled(f"not enabled in revoke.ini: any action for {kinds}")
    return targets


def _for_token(token: Token, settings: Settings) -> Iterator[Target]:
    """Yield at most one target per instance: reversible actions first, then as configured."""
    for instance in settings.instances.values():
        known = instance.kind.capabilities
        fit = [
            known[action]
            for action in instance.actions
            if token.kind in known[action].parameters[0].tokens
            and all(parameter.optional for parameter in known[action].parameters[1:])
        ]
        if fit:
            chosen = min(fit, key=lambda capability: not capability.reversible)
            yield _target(instance, chosen, {chosen.parameters[0].name: token.value})


def _target(instance: Instance, capability: Capability, values: dict[str, str]) -> Target:
    secret = frozenset(p.name for p in capability.parameters if p.secret)
    return Target(instance.name, capability.name, values, secret)


def _text(request: Request, path: str) -> str:
    """Return the text of a field; several texts are joined by line feeds."""
    value = _lookup(request, path)
    if isinstance(value, list):
        if len(value) > _MAX_ITEMS or not all(isinstance(item, str) for item in value):
            raise MessageError(f"the field {path} is a list of something else than a few texts")
        value = "\n".join(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        raise NoTarget(f"the alert has no field {path}")
    if not isinstance(value, str):
        raise MessageError(f"the field {path} is not text")
    if len(value) > _MAX_TEXT:
        raise MessageError(f"the field {path} is longer than {_MAX_TEXT} characters")
    return value


def _lookup(request: Request, path: str) -> object:
    value: object = request.alert
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
