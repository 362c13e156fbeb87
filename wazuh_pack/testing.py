"""A pytest plugin for repositories of Wazuh rules; no manager is needed.

It is loaded with pytest wherever wazuh-pack is installed. The ruleset under test is named in
pytest's configuration::

    [tool.pytest.ini_options]
    wazuh_rules = ["rules"]
    wazuh_decoders = ["decoders"]
    wazuh_lists = ["lists"]
    wazuh_stock = "/var/ossec/ruleset"

or by a fixture ``wazuh_ruleset_choice`` in ``conftest.py`` that returns a
:class:`~wazuh_pack.verify.choice.RulesetChoice`. A test then reads::

    def test_a_deleted_repository_alerts(wazuh_session):
        assert_rule(wazuh_session, {"action": "repo.destroy"}, rule_id=100200, level=8)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.engine import Result, Ruleset
    from wazuh_pack.verify.choice import RulesetChoice

__all__ = ["RuleSession", "assert_no_rule", "assert_rule"]

EPOCH = 1_767_225_600.0
"""When a session begins unless it is told otherwise: 2026-01-01, a Thursday, at midnight UTC."""

Event = str | bytes | dict[str, Any]
_EVENT_SHOWN = 200


class RuleSession:
    """A session over the ruleset under test, with a clock of its own and traces switched on."""

    def __init__(self, ruleset: Ruleset, *, begins: float = EPOCH) -> None:
        """Begin with empty counters and histories.

        Args:
            ruleset: The ruleset.
            begins: The time of the first event, in seconds since the epoch.
        """
        self.ruleset = ruleset
        self.now = begins
        self._session = ruleset.session(trace=True, manager="manager")

    def process(self, event: Event, *, location: str = "stdin", after: float = 0) -> Result:
        """Judge one event.

        Args:
            event: The log line; a dictionary becomes JSON.
            location: Where it comes from, ``[id] (name) ip->path`` for an agent's event.
            after: Seconds since the event before it.
        """
        self.now += after
        return self._session.process(_line(event), location=location, time=self.now)


def assert_rule(
    session: RuleSession,
    event: Event,
    *,
    rule_id: int,
    level: int | None = None,
    fields: Mapping[str, object] | None = None,
    location: str = "stdin",
    after: float = 0,
) -> Result:
    """Judge an event and fail unless this rule is the result; the message explains why.

    Args:
        session: The session; it remembers the event.
        event: See :meth:`RuleSession.process`.
        rule_id: The rule that must be the result.
        level: Its level.
        fields: Decoded fields and their values, nested ones by their dotted names.
        location: See :meth:`RuleSession.process`.
        after: See :meth:`RuleSession.process`.

    Returns:
        What became of the event.

    Raises:
        AssertionError: Another rule is the result, or none, or something else differs.
        TypeError: The rule's id is no number.
    """
    __tracebackhide__ = True
    _check_id(rule_id)
    result = session.process(event, location=location, after=after)
    problems = []
    if result.rule_id != rule_id:
        problems.append(f"expected rule {rule_id}, got {_described(result)}")
    elif level is not None and result.level != level:
        problems.append(f"expected level {level} of rule {rule_id}, got {result.level}")
    for name, wanted in (fields or {}).items():
        actual = _field(result.data, name)
        if actual is None:
            problems.append(f"expected field {name} = {wanted!r}, the event has none")
        elif actual != wanted:
            problems.append(f"expected field {name} = {wanted!r}, got {actual!r}")
    if problems:
        asked = rule_id if result.rule_id != rule_id else None
        raise AssertionError(_message(problems, session, event, result, asked))
    return result


def assert_no_rule(
    session: RuleSession,
    event: Event,
    *,
    rule_id: int | None = None,
    location: str = "stdin",
    after: float = 0,
) -> Result:
    """Judge an event and fail if a rule is the result; without one, if there is any alert.

    An event that was refused was not judged, so it fails as well.

    Args:
        session: The session; it remembers the event.
        event: See :meth:`RuleSession.process`.
        rule_id: The rule that must not be the result.
        location: See :meth:`RuleSession.process`.
        after: See :meth:`RuleSession.process`.

    Returns:
        What became of the event.

    Raises:
        AssertionError: The rule is the result, there is an alert, or the event was refused.
        TypeError: The rule's id is no number.
    """
    __tracebackhide__ = True
    if rule_id is not None:
        _check_id(rule_id)
    result = session.process(event, location=location, after=after)
    fired = result.alert if rule_id is None else result.rule_id == rule_id
    if fired or result.refused:
        wanted = f"not rule {rule_id}" if rule_id is not None else "no alert"
        problem = f"expected {wanted}, got {_described(result)}"
        raise AssertionError(_message([problem], session, event, result, None))
    return result


def _check_id(rule_id: object) -> None:
    """Refuse what no result's id can be equal to, such as the text that alerts have."""
    if type(rule_id) is not int:
        raise TypeError(f"rule_id must be a whole number, got {rule_id!r}")


def _described(result: Result) -> str:
    if result.refused:
        return f"a refusal: {result.refused}"
    if result.rule is None:
        return "no rule"
    return f"rule {result.rule_id} (level {result.level}): {result.rule['description']}"


def _message(
    problems: list[str], session: RuleSession, event: Event, result: Result, rule_id: int | None
) -> str:
    from wazuh_pack.verify.explain import explain  # noqa: PLC0415 - for failures only

    shown = repr(_line(event))
    if len(shown) > _EVENT_SHOWN:
        shown = shown[:_EVENT_SHOWN] + "..."
    parts = [*problems, f"event: {shown}", ""]
    return "\n".join([*parts, *map(str, explain(session.ruleset, result, rule_id))])


def _field(data: object, name: str) -> object:
    """Return a decoded field by its dotted name; None when there is none."""
    if not isinstance(data, dict):
        return None
    if name in data:
        return data[name]
    head, dot, rest = name.partition(".")
    return _field(data.get(head), rest) if dot else None


def _line(event: Event) -> str | bytes:
    if isinstance(event, dict):
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return event


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the settings that name the ruleset; paths are relative to the configuration."""
    for name, what in (
        ("wazuh_rules", "Folders or files of the rules under test."),
        ("wazuh_decoders", "Folders or files of the decoders under test."),
        ("wazuh_lists", "Folders or files of the CDB lists under test."),
        ("wazuh_stock", "Stock ruleset (a manager's ruleset folder) below the rules under test."),
        ("wazuh_home", "An installed manager's folder, in place of all others."),
    ):
        parser.addini(name, what, type="paths", default=[])
    parser.addini("wazuh_no_stock", "Load no stock ruleset.", type="bool", default=False)
    parser.addini(
        "wazuh_allow_warnings",
        "Run even if analysisd would warn about the rules under test.",
        type="bool",
        default=False,
    )


@pytest.fixture(scope="session")
def wazuh_ruleset_choice(pytestconfig: pytest.Config) -> RulesetChoice:
    """Which ruleset is under test, from pytest's configuration; override it to say otherwise."""
    from wazuh_pack.verify.choice import RulesetChoice  # noqa: PLC0415 - keeps pytest fast

    def paths(name: str) -> tuple[Any, ...]:
        return tuple(pytestconfig.getini(name))

    def single(name: str) -> Any:
        found = paths(name)
        if len(found) > 1:
            raise pytest.UsageError(f"{name} names more than one folder")
        return found[0] if found else None

    return RulesetChoice(
        rules=paths("wazuh_rules"),
        decoders=paths("wazuh_decoders"),
        lists=paths("wazuh_lists"),
        stock=single("wazuh_stock"),
        bare=pytestconfig.getini("wazuh_no_stock"),
        home=single("wazuh_home"),
    )


@pytest.fixture(scope="session")
def wazuh_ruleset(pytestconfig: pytest.Config, wazuh_ruleset_choice: RulesetChoice) -> Ruleset:
    """The ruleset under test; what analysisd would refuse or warn about fails the tests.

    Warnings may be allowed. With an error wazuh-logtest opens no session: nothing would be judged.
    """
    from wazuh_pack.errors import DiagnosticsError, PackError  # noqa: PLC0415 - keeps pytest fast

    try:
        ruleset = wazuh_ruleset_choice.load()
    except DiagnosticsError as error:
        pytest.fail(_listed("analysisd would not start", error.diagnostics), pytrace=False)
    except PackError as error:
        pytest.fail(f"{error}\n{error.hint}".rstrip(), pytrace=False)
    folder = wazuh_ruleset_choice.stock_folder() if wazuh_ruleset_choice.home is None else None
    found = [
        item
        for item in ruleset.diagnostics
        if folder is None or item.at is None or not item.at.path.is_relative_to(folder)
    ]
    if found and not pytestconfig.getini("wazuh_allow_warnings"):
        pytest.fail(_listed("analysisd would complain", found), pytrace=False)
    if ruleset.refusal:
        head = f"{ruleset.refusal}; wazuh-logtest would open no session"
        pytest.fail(_listed(head, ruleset.diagnostics), pytrace=False)
    return ruleset


@pytest.fixture
def wazuh_session(wazuh_ruleset: Ruleset) -> RuleSession:
    """A session for one test, with nothing remembered."""
    return RuleSession(wazuh_ruleset)


def _listed(head: str, diagnostics: Any) -> str:
    return "\n".join([f"{head}:", *map(str, diagnostics)])
