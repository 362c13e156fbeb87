"""What rule writers trip over: a word of advice about a condition that does not hold."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import ListCondition, LogCondition, ValueCondition, text
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.matching import Expression
    from wazuh_pack.engine.occurrence import Occurrence

_LONGEST_PATTERN = 400
_LONGEST_VALUE = 4096
_SHOWN = 60


def hints(condition: Condition, seen: Occurrence) -> Iterator[str]:
    """Yield advice about a condition that does not hold; often there is none."""
    value = condition.value(seen)
    if isinstance(condition, ListCondition):
        if value is not None:
            yield from _about_list(condition, value)
    elif not isinstance(condition, (ValueCondition, LogCondition)) or condition.negate:
        return
    elif value is not None:
        yield from about_pattern(condition.expression, value[:_LONGEST_VALUE])
    if value is None:
        yield from _about_absence(getattr(condition, "name", b""), seen.event)


def about_pattern(expression: Expression, value: bytes) -> Iterator[str]:
    """Yield why a pattern does not match a value, if one thing alone prevents it."""
    faults = _string_faults if expression.kind is Kind.STRING else _pattern_faults
    found = next(faults(expression.kind, expression.pattern, value), None)
    if found is not None:
        yield found
        return
    reached = _reached(expression.kind, expression.pattern, value)
    if reached is not None:
        yield reached


def _string_faults(_: Kind, pattern: bytes, value: bytes) -> Iterator[str]:
    if pattern.lower() == value.lower():
        yield "only upper and lower case differ"
    elif pattern.strip() == value.strip():
        yield "only blanks around it differ"
    elif pattern and pattern in value:
        yield "it is only a part of the value; string compares the whole"


def _pattern_faults(kind: Kind, pattern: bytes, value: bytes) -> Iterator[str]:
    if kind is Kind.PCRE2 and _matches(kind, b"(?i)" + pattern, value):
        yield "only upper and lower case differ; (?i) at the beginning of the pattern ignores them"
    elif value != value.strip() and _matches(kind, pattern, value.strip()):
        yield "it would match without the blanks around the value"
    elif pattern.endswith(b"$") and _matches(kind, pattern[:-1], value):
        yield "it would match without the $"
    elif pattern.startswith(b"^") and _matches(kind, pattern[1:], value):
        yield "it would match without the ^"
    elif pattern[:1] == b"^" and pattern[-1:] == b"$" and _matches(kind, pattern[1:-1], value):
        yield "it would match without ^ and $"
    elif kind is not Kind.PCRE2 and _matches(Kind.PCRE2, b"(?i)" + pattern, value):
        yield (
            f'it would match as type="pcre2"; {kind.value} knows no brackets, braces, dots or '
            "groups of that language"
        )
    elif kind is Kind.OSMATCH and _matches(Kind.OSREGEX, pattern, value):
        yield 'it would match as type="osregex"; osmatch knows no escapes'


def _reached(kind: Kind, pattern: bytes, value: bytes) -> str | None:
    """Say how far into the pattern the value goes along."""
    if kind not in (Kind.OSREGEX, Kind.PCRE2) or b"|" in pattern:
        return None
    for end in range(min(len(pattern), _LONGEST_PATTERN) - 1, 0, -1):
        beginning = pattern[:end]
        if beginning.endswith((b"\\", b"(", b"^")):
            continue
        if _matches(kind, beginning + b")" * _open_groups(beginning), value):
            rest = text(pattern[end : end + _SHOWN])
            return f"it matches up to {text(beginning)[-_SHOWN:]!r}, but not {rest!r} behind that"
    return None


def _open_groups(pattern: bytes) -> int:
    plain = pattern.replace(b"\\\\", b"").replace(b"\\(", b"").replace(b"\\)", b"")
    return max(0, plain.count(b"(") - plain.count(b")"))


def _matches(kind: Kind, pattern: bytes, value: bytes) -> bool:
    try:
        return bool(pattern) and compile_expression(pattern, kind).matches(value)
    except ExpressionError:
        return False


def _about_absence(name: bytes, event: Event) -> Iterator[str]:
    """Name the field that was perhaps meant."""
    if not name:
        return
    wanted = text(name)
    known = [text(found) for found in event.lookup] + list(event.static)
    if not known:
        by = f"decoder {text(event.decoder.name)}" if event.decoder else "no decoder"
        yield f"the event has no fields at all: {by} took it"
        return
    last = wanted.rpartition(".")[2].lower()
    alike = [found for found in known if found.rpartition(".")[2].lower() == last]
    alike += get_close_matches(wanted.lower(), known, n=1, cutoff=0.75)
    if alike:
        yield f"the event has a field {alike[0]}"


def _about_list(condition: ListCondition, value: bytes) -> Iterator[str]:
    entries = condition.list.entries
    if value in entries:
        return
    if value.strip() in entries:
        yield "the list has it without the blanks around it"
        return
    alike = next((key for key in entries if key.lower() == value.lower()), None)
    if alike is not None:
        yield f"the list has {text(alike)}: keys are compared byte for byte"
    elif value + b"." in entries:
        yield f"the list has {text(value)}. with a dot, which stands for what begins so"
    else:
        yield f"no key of the list is like it; it has {len(entries)}"
