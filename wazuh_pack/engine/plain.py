"""The plain engine: no indexes, no translated patterns.

It evaluates step by step what the fast one decides by indexes. Property tests compare the two, and
the benchmark measures the one against the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import LogCondition, ValueCondition
from wazuh_pack.engine.decoder_model import Decoder, DecoderSet, Root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.matching import Expression
    from wazuh_pack.engine.rules import Rule


def plain_rules(rules: Iterable[Rule]) -> None:
    """Let rules check plain expressions."""
    for rule in rules:
        rule.checks = tuple(map(_plain_condition, rule.checks))


def plain_decoders(decoders: DecoderSet) -> DecoderSet:
    """Return the same decoders with plain expressions; what they share they still share."""
    done: dict[Decoder, Decoder] = {}

    def plain(decoder: Decoder) -> Decoder:
        if decoder not in done:
            done[decoder] = replace(
                decoder,
                program_name=_plain(decoder.program_name),
                prematch=_plain(decoder.prematch),
                regex=_plain(decoder.regex),
            )
        return done[decoder]

    def roots(found: Iterable[Root]) -> tuple[Root, ...]:
        return tuple(Root(plain(root.decoder), tuple(map(plain, root.children))) for root in found)

    return DecoderSet(
        roots(decoders.with_program), roots(decoders.without_program), decoders.ids, plain=True
    )


def _plain(expression: Expression | None) -> Expression | None:
    return None if expression is None else expression.plain()


def _plain_condition(condition: Condition) -> Condition:
    if isinstance(condition, (LogCondition, ValueCondition)):
        return replace(condition, expression=condition.expression.plain())
    return condition
