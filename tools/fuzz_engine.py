"""Feeds hostile lines to the engine: nothing may raise, and long lines may not take too long.

    python tools/fuzz_engine.py [--count N] [--seed N] [--stock DIR] [--seconds S]

Lines are real ones with parts repeated up to 64 KiB, cut, crossed and spoilt, and ones made for an
osregex of the rulesets: pieces that its tokens accept, thousands of times, and an end that they do
not. Both modes judge them in turn. What takes longer than the bound is printed with the seed that
repeats it, and makes the exit status 1. PCRE2's own match limit is the one thing that may take
long: it bounds analysisd as well, and is reported. See docs/howto/fuzz-the-engine.md.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench_engine import default_stock, load, pack_lines, stock_lines

from wazuh_pack.engine import Mode
from wazuh_pack.engine.osregex import OsRegex
from wazuh_pack.engine.osregex_parse import Op

if TYPE_CHECKING:
    from wazuh_pack.engine.osregex_parse import Token

LONGEST = 65535
UNITS = (
    *(
        b"a",
        b" ",
        b"1",
        b"1 ",
        b"a=1 ",
        b'a="1" ',
        b'":',
        b"\xff",
        b"\0",
        b"x:[",
        b"((",
        b"{",
        b"[",
    ),
    *(b'{"a":', b"[1,", b"\\", b"../", b"1.1.1.1 ", b"\t", b"%", b"-", b"a:b ", b",", b"\n", b"a."),
    *(b"\xc3\xa9", b"\xed\xa0\x80", b'{"a":"\\ud800"}', b"$(", b"<", b"&amp;", b"'", b"!", b"|"),
)
LOCATIONS = (
    b"stdin",
    b"/var/log/x",
    b"[001] (n) 10.0.0.1->/x",
    b"[1] (",
    b"[",
    b"(s) u@h->/x",
    b"\0",
)


def repeated(line: bytes, chance: random.Random) -> bytes:
    """Repeat a piece of the line, or a unit, somewhere in it."""
    at = chance.randrange(len(line) + 1)
    size = chance.choice((1, 2, 5, 20))
    unit = chance.choice((chance.choice(UNITS), line[at : at + size] or b"x"))
    times = chance.choice((2, 50, LONGEST)) // len(unit) + 1
    return line[:at] + unit * times + line[at:]


def spoilt(line: bytes, chance: random.Random) -> bytes:
    """Replace a few bytes by any bytes."""
    data = bytearray(line or b" ")
    for _ in range(chance.choice((1, 3, 20))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def crossed(line: bytes, other: bytes, chance: random.Random) -> bytes:
    """Join the beginning of one line and the end of another."""
    return line[: chance.randrange(len(line) + 1)] + other[chance.randrange(len(other) + 1) :]


def token_lists(ruleset) -> list[tuple[Token, ...]]:
    """Return the tokens of every alternative of every osregex."""
    decoders = ruleset.decoders
    found = [
        expression
        for root in (*decoders.with_program, *decoders.without_program)
        for decoder in (root.decoder, *root.children)
        for expression in (decoder.prematch, decoder.regex)
    ]
    found += [
        getattr(check, "expression", None)
        for rule in ruleset.rules.values()
        for check in rule.checks
    ]
    patterns = {one.pattern: one for one in found if isinstance(one, OsRegex)}
    return [part.tokens for _, one in sorted(patterns.items()) for part in one._alternatives]  # noqa: SLF001 - what is attacked


def made_for(tokens: tuple[Token, ...], line: bytes, chance: random.Random) -> bytes:
    """Return what an osregex begins to match again and again, behind the header of a real line."""
    accepted = [
        sorted(token.members) for token in tokens if token.members and token.op is not Op.GROUP
    ]
    parts = [line[: chance.choice((0, 0, 20, 40))].decode("latin-1")]
    for _ in range(chance.choice((1, 2, 2, 3))):
        begin = chance.choice((0, chance.randrange(len(accepted) + 1)))
        some = accepted[begin : begin + chance.choice((1, 2, 3, 99))] or [["a"]]
        unit = "".join(chance.choice(one) for one in some)
        parts.append(unit * (LONGEST // 3 // len(unit) + 1))
    parts.append(chance.choice((" ", "\n", "!", "|", "")))
    return "".join(parts).encode("latin-1", "replace")


def hostile(lines: list[bytes], patterns: list[tuple[Token, ...]], chance: random.Random) -> bytes:
    """Return a line made of real ones, or for a pattern."""
    line = chance.choice(lines)
    if patterns and not chance.randrange(3):
        return made_for(chance.choice(patterns), line, chance)[:LONGEST]
    for _ in range(chance.choice((1, 1, 2))):
        kind = chance.choice(("repeat", "repeat", "spoil", "cross"))
        if kind == "repeat":
            line = repeated(line, chance)
        elif kind == "spoil":
            line = spoilt(line, chance)
        else:
            line = crossed(line, chance.choice((b"", *lines)), chance)
    return line[:LONGEST]


def main() -> int:
    """Run; return 1 when a line took too long."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, default=1.0, help="processor time for one line")
    options.add_argument("--stock", type=Path, default=default_stock())
    given = options.parse_args()
    ruleset = load(given.stock)
    lines = [line for line, _ in (*pack_lines(), *stock_lines(given.stock))]
    patterns = token_lists(ruleset)
    slow = 0
    sessions = [ruleset.session(mode=mode, manager="m") for mode in Mode]
    for number in range(given.count):
        chance = random.Random(f"{given.seed}/{number}")  # noqa: S311 - repeatable, not secret
        line, location = hostile(lines, patterns, chance), chance.choice(LOCATIONS)
        begin = time.process_time()
        result = sessions[number % 2].process(line, location=location, time=float(number))
        json.dumps(result.as_logtest())
        taken = time.process_time() - begin
        if taken > given.seconds:
            limited = f"; match limit hit: {result.exhausted[:3]}" if result.exhausted else ""
            slow += not result.exhausted
            sys.stdout.write(
                f"{number}: {taken:.2f} s, {len(line)} bytes{limited}: {line[:80]!r}\n"
            )
    sys.stdout.write(f"{given.count} lines, seed {given.seed}: {slow} too slow\n")
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
