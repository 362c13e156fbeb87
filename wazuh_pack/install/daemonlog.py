"""What Wazuh's daemons say while they load: lines of their log, and which of them concern us."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE = re.compile(
    r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (?P<daemon>[\w:.-]+)"
    r"(?:\[\d+\] \S+ at \S+)?: (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL): (?P<text>.*)"
)
_CODE = re.compile(r"\((\d{4})\): ")
_RULE = re.compile(r"\b[Rr]ule(?: ID)? '?(\d+)\b")
_NUMBER = re.compile(r"(?<![\w.])\d{5,6}(?!\w|[.-]\d)")
_PATH_PART = re.compile(r"[^\s'\"/:,()]+")
BAD = frozenset({"WARNING", "ERROR", "CRITICAL"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a daemon.

    ``level`` is Wazuh's word in capitals, empty where it is not told; ``code`` its message number,
    empty for those without; ``time`` is local, ``YYYY/MM/DD HH:MM:SS``, empty where it is not told.
    """

    text: str
    level: str = ""
    daemon: str = ""
    time: str = ""

    @property
    def code(self) -> str:
        """The message's number, such as ``7612``."""
        found = _CODE.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        """Return daemon and text."""
        return f"{self.daemon}: {self.text}" if self.daemon else self.text


@dataclass(frozen=True, slots=True)
class Ours:
    """What is ours: rule ids and base names of files."""

    rules: frozenset[int] = frozenset()
    names: frozenset[str] = field(default=frozenset())

    def concerned(self, message: Message) -> bool:
        """Say whether a message is about a rule or a file of ours.

        A message that says which rule is affected is about that one only: a user's rule that
        cannot hang from one of ours is the user's affair.
        """
        affected = {int(number) for number in _RULE.findall(message.text)}
        if affected:
            return not affected.isdisjoint(self.rules)
        numbers = {int(number) for number in _NUMBER.findall(message.text)}
        words = {word.rstrip(".") for word in _PATH_PART.findall(message.text)}
        return not (numbers.isdisjoint(self.rules) and words.isdisjoint(self.names))

    def complaints(self, messages: Iterable[Message]) -> list[Message]:
        """Return the warnings and errors that concern us, each once."""
        found = (m for m in messages if m.level in BAD | {""} and self.concerned(m))
        return list(dict.fromkeys(found))


def parse(output: str) -> list[Message]:
    """Return the messages of a daemon's output or ``logs/ossec.log``; drop other lines."""
    return [message for line in output.splitlines() for message in _plain(line)]


def parse_json(output: str) -> list[Message]:
    """Return the messages of ``logs/ossec.json``; other lines are dropped."""
    return [message for line in output.splitlines() for message in _json(line)]


def reported(texts: Iterable[object]) -> list[Message]:
    """Return messages that a socket's answer lists, with the level in front or without any."""
    found = []
    for text in texts:
        level, colon, rest = str(text).partition(": ")
        known = colon and level in {"INFO", *BAD}
        found.append(Message(rest if known else str(text), level if known else ""))
    return found


def _plain(line: str) -> Iterator[Message]:
    found = _LINE.match(line)
    if found:
        yield Message(found["text"], found["level"], found["daemon"], found["time"])


def _json(line: str) -> Iterator[Message]:
    try:
        data = json.loads(line)
    except ValueError:
        return
    if isinstance(data, dict):
        yield Message(
            str(data.get("description", "")),
            str(data.get("level", "")).upper(),
            str(data.get("tag", "")),
            str(data.get("timestamp", "")),
        )
