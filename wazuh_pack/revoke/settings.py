"""Reads ``revoke.ini``: what may be done, where the providers are, and which alert means what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wazuh_pack.agentkit import config
from wazuh_pack.revoke.providers import NAMES, provider
from wazuh_pack.revoke.providers.base import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.revoke.providers.base import Provider

GENERAL = "revoke-token"
WHEN = "when-"
DRY_RUN = "dry-run"
ENFORCE = "enforce"

_PATH = r"[A-Za-z0-9_@-]{1,128}(?:\.[A-Za-z0-9_@-]{1,128}){0,15}"
_ACTION = r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*"
_RULE = r"[0-9]{1,8}"
_FROM = re.compile(rf"([a-z_]{{1,32}})=({_PATH})")
_RATE = re.compile(r"([1-9][0-9]{0,6})/(.+)")
_DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which alerts mean which action, and where in them the target is.

    Attributes:
        name: Of the section, or empty when the response's arguments say it.
        rules: Rule ids it is for; empty for any.
        path: Dotted path of the field with the target or with text that holds tokens.
        actions: ``instance.action`` in order of preference; empty to go by the tokens found.
        sources: Dotted paths of further parameters by name.
        pick: Pattern whose only group is the part of the field that counts, or None for all of it.
        decoder: Name that the alert's decoder must have, or empty.
        location: Location that the alert must have, or empty.
    """

    name: str = ""
    rules: frozenset[str] = frozenset()
    path: str = ""
    actions: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    pick: re.Pattern[str] | None = None
    decoder: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One provider as it is configured.

    Attributes:
        name: Of the section.
        kind: The provider's class.
        url: Base URL.
        actions: Actions that are allowed, in order of preference.
        rate: Limit of calls.
        ca_file: PEM file of the authorities to trust instead of the usual ones, or empty.
        proxy: URL of the proxy, or empty.
        options: The provider's own options.
    """

    name: str
    kind: type[Provider]
    url: str
    actions: tuple[str, ...]
    rate: Rate
    ca_file: str = ""
    proxy: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of ``revoke.ini``; durations are in seconds.

    Attributes:
        mode: ``dry-run`` (decide and log only) or ``enforce``.
        max_actions: How many actions of one instance may begin within ``window``.
        max_per_event: How many actions may begin because of one event.
        window: See there.
        repeat_after: How long after an action the same one is not done again.
        give_up_after: How long a failing action is tried.
        never: Values, and digests of tokens, that nothing is ever done about.
        instances: By name.
        whens: In the order of the file.
    """

    mode: str = DRY_RUN
    max_actions: int = 20
    max_per_event: int = 5
    window: int = 600
    repeat_after: int = 600
    give_up_after: int = _DAY
    never: tuple[str, ...] = ()
    instances: Mapping[str, Instance] = field(default_factory=dict)
    whens: tuple[When, ...] = ()


def load_settings(path: str) -> Settings:
    """Read the settings; without a file the defaults hold, and nothing is configured.

    Raises:
        ConfigError: The file has mistakes; all are named with their line.
        UntrustedFileError: Others than root can write it.
    """
    ini = config.load(path)
    if ini is None:
        return Settings()
    general = ini.take(GENERAL, _general())
    whens, instances = [], {}
    for section in ini.sections:
        if section == GENERAL:
            continue
        if section.startswith(WHEN):
            whens.append(_read_when(ini, section))
            continue
        instance = _instance(ini, section)
        if instance:
            instances[section] = instance
    _check_whens(ini, whens, instances)
    ini.finish(tuple(ini.sections))
    return Settings(instances=instances, whens=tuple(whens), **general)


def _read_when(ini: config.Ini, section: str) -> When:
    values = ini.take(section, _when())
    return When(
        name=section[len(WHEN) :],
        path=values.pop("field", ""),
        actions=values.pop("action", ()),
        sources=values.pop("from", {}),
        **values,
    )


def _instance(ini: config.Ini, section: str) -> Instance | None:
    given = ini.sections[section].pop("provider", None)
    name = given.text if given else section
    line = given.line if given else _line(ini, section)
    if name not in NAMES:
        known = ", ".join(NAMES)
        _problem(ini, line, f"no provider '{name}'; use one of {known}, or provider = one of them")
        return None
    kind = provider(name)
    values = ini.take(section, {**_reach(kind), **kind.options})
    base = {key: values.pop(key) for key in _reach(kind) if key in values}
    url = base.pop("url", kind.url)
    if not url and "url" not in ini.sections[section]:
        _problem(ini, line, f"[{section}] has no url; write the provider's base URL")
    return Instance(
        name=section,
        kind=kind,
        url=url,
        options=values,
        actions=base.pop("actions", ()),
        rate=base.pop("rate", kind.rate),
        **base,
    )


def _check_whens(ini: config.Ini, whens: list[When], instances: Mapping[str, Instance]) -> None:
    for when in whens:
        line = _line(ini, WHEN + when.name)
        if not when.rules:
            _problem(ini, line, f"[{WHEN}{when.name}] has no rules; name those it is for")
        if not when.path:
            _problem(ini, line, f"[{WHEN}{when.name}] has no field; name the one with the target")
        for action in when.actions:
            name, _, capability = action.partition(".")
            instance = instances.get(name)
            if instance is None or capability not in instance.kind.capabilities:
                _problem(ini, line, f"[{WHEN}{when.name}] wants {action}, which does not exist")


def _general() -> dict[str, Any]:
    return {
        "mode": config.one_of(DRY_RUN, ENFORCE),
        "max_actions": config.whole_number(1, 100_000),
        "max_per_event": config.whole_number(1, 100_000),
        "window": _duration,
        "repeat_after": _duration,
        "give_up_after": _duration,
        "never": config.words,
    }


def _reach(kind: type[Provider]) -> dict[str, Any]:
    return {
        "url": _url,
        "actions": _actions(kind),
        "rate": _rate,
        "ca_file": _absolute,
        "proxy": _proxy,
    }


def _when() -> dict[str, Any]:
    return {
        "rules": lambda text: frozenset(_matching(_RULE, "110512")(text)),
        "field": _one(_PATH, "data.leak.secret"),
        "action": _matching(_ACTION, "github.token"),
        "from": parse_sources,
        "pick": parse_pattern,
        "decoder": _one(r"[A-Za-z0-9_.-]{1,128}", "json"),
        "location": str,
    }


def parse_sources(text: str) -> dict[str, str]:
    """Parse ``name=path`` words.

    Raises:
        ValueError: A word is something else.
    """
    found = {}
    for item in config.words(text):
        match = _FROM.fullmatch(item)
        if not match:
            raise ValueError(f"'{item}' is malformed; write for example id=data.key.id")
        found[match[1]] = match[2]
    return found


def parse_pattern(text: str) -> re.Pattern[str]:
    """Parse a pattern with one group.

    Raises:
        ValueError: It is none, or has another number of groups.
    """
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise ValueError("not a pattern; write for example token_id: '([0-9]+)'") from None
    if pattern.groups != 1:
        raise ValueError("the pattern needs one (group): the part that counts")
    return pattern


def is_path(text: str) -> bool:
    """Return whether a text is the dotted path of a field."""
    return bool(re.fullmatch(_PATH, text))


def is_action(text: str) -> bool:
    """Return whether a text has the form ``instance.action``."""
    return bool(re.fullmatch(_ACTION, text))


def _one(pattern: str, example: str) -> Any:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is malformed; write for example {example}")
        return text

    return parse


def _matching(pattern: str, example: str) -> Any:
    one = _one(pattern, example)
    return lambda text: tuple(one(item) for item in config.words(text))


def _actions(kind: type[Provider]) -> Any:
    known = config.one_of(*kind.capabilities)
    return lambda text: tuple(known(item) for item in config.words(text))


def _duration(text: str) -> int:
    seconds = config.duration(text)
    if seconds > 30 * _DAY:
        raise ValueError(f"'{text}' is longer than 30 days; write at most 30d")
    return seconds


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is malformed; write for example 60/1h")
    return Rate(int(match[1]), _duration(match[2]))


def _url(text: str) -> str:
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError(f"'{text}' is not https://; tokens must not travel in the clear")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the URL holds more than host, port and path; remove the rest")
    return text.rstrip("/")


def _proxy(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.password:
        raise ValueError("not a proxy; write http://host:port, without a password")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"'{text}' is not an absolute path; write one")
    return text


def _line(ini: config.Ini, section: str) -> int:
    return min((value.line for value in ini.sections[section].values()), default=1)


def _problem(ini: config.Ini, line: int, message: str) -> None:
    ini.problems.append(f"{ini.path}:{line}: {message}")
