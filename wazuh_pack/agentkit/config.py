"""Reads a script's INI file, and says of every mistake where it is and what to do.

The form is INI as ``configparser`` reads it, less what makes two readers disagree: no
interpolation, no default section, no key or section twice, ``=`` only, and a comment only on a line
of its own. Continuation lines are indented. It is read here because every value keeps its line,
and because importing ``configparser`` takes longer than a firewall change.
"""

from __future__ import annotations

from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.agentkit.files import read_trusted
from wazuh_pack.agentkit.text import DIGITS, LOWER, consists_of, is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_MAX_SIZE = 1 << 20
_LONGEST_NAME = 100
_SECTION = LOWER | DIGITS | {"-"}
_KEY = LOWER | DIGITS | {"_"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Value:
    """A value as written and the line of its key."""

    __slots__ = ("line", "text")

    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.line = line


class Ini:
    """The sections of one file; every problem found is collected in ``problems``."""

    __slots__ = ("path", "problems", "sections")

    def __init__(self, path: str, text: str = "") -> None:
        self.path = path
        self.problems: list[str] = []
        self.sections: dict[str, dict[str, Value]] = {}
        self._parse(text)

    def take(self, section: str, schema: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        """Return the given keys of a section as their parsers made them.

        A parser raises ValueError with what is wrong and what to do. A key that ``schema`` lacks
        is a problem. Keys that the file does not have are not in the result.
        """
        found = {}
        for key, value in self.sections.get(section, {}).items():
            parser = schema.get(key)
            if parser is None:
                known = ", ".join(sorted(schema))
                self._problem(value.line, f"unknown key '{key}' in [{section}]; use one of {known}")
                continue
            try:
                found[key] = parser(value.text)
            except ValueError as error:
                self._problem(value.line, f"'{key}': {error}")
        return found

    def finish(self, sections: tuple[str, ...]) -> None:
        """Check that the file has no other sections than these.

        Raises:
            ConfigError: There were problems, in this check or before.
        """
        for name, values in self.sections.items():
            if name not in sections:
                line = min((value.line for value in values.values()), default=1)
                self._problem(line, f"unknown section [{name}]; use {', '.join(sections)}")
        if self.problems:
            raise ConfigError(self.problems)

    def _problem(self, line: int, message: str) -> None:
        self.problems.append(f"{self.path}:{line}: {message}")

    def _parse(self, text: str) -> None:
        section: dict[str, Value] | None = None
        value: Value | None = None
        for number, line in enumerate(text.splitlines(), 1):
            content = line.strip()
            if not content or content[0] in "#;":
                continue
            if line[0].isspace():
                if value is None:
                    self._problem(number, "an indented line continues nothing; remove the blanks")
                else:
                    value.text = f"{value.text}\n{content}".strip()
                continue
            section, value = self._line(number, content, section)

    def _line(
        self, number: int, content: str, section: dict[str, Value] | None
    ) -> tuple[dict[str, Value] | None, Value | None]:
        if content[0] == "[" and content[-1] == "]" and _is_name(content[1:-1], _SECTION):
            return self._section(number, content[1:-1]), None
        key, equals, text = content.partition("=")
        key = key.rstrip()
        if not equals or not _is_name(key, _KEY):
            self._problem(number, "neither [section] nor key = value; put # before a comment")
            return section, None
        value = Value(text.strip(), number)
        if section is None:
            self._problem(number, f"'{key}' stands before the first [section]; move it")
        elif key in section:
            self._problem(number, f"'{key}' is there twice; remove one")
        else:
            section[key] = value
        return section, value

    def _section(self, number: int, name: str) -> dict[str, Value]:
        if name in self.sections:
            self._problem(number, f"section [{name}] is there twice; join them")
        return self.sections.setdefault(name, {})


def _is_name(text: str, allowed: frozenset[str]) -> bool:
    return consists_of(text, allowed, _LONGEST_NAME) and text[0] in LOWER


def load(path: str) -> Ini | None:
    """Read a configuration file that only root can have written; None when there is none.

    Raises:
        ConfigError: It is not UTF-8.
        UntrustedFileError: Its owner or mode, or that of its folder, is wrong.
    """
    try:
        content = read_trusted(path, _MAX_SIZE)
    except FileNotFoundError:
        return None
    try:
        return Ini(path, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: not UTF-8; save it as UTF-8"]) from None


def yes_or_no(text: str) -> bool:
    """Parse ``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise ValueError(f"'{text}' is neither yes nor no; write one of them")
    return text == "yes"


def duration(text: str) -> int:
    """Parse ``90``, ``90s``, ``15m``, ``1h`` or ``7d`` to seconds."""
    unit = _UNITS.get(text[-1:])
    number = text[:-1] if unit else text
    if not is_number(number) or number[0] == "0":
        raise ValueError(f"'{text}' is not a duration; write for example 90s, 15m, 1h or 7d")
    return int(number) * (unit or 1)


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers in a range."""

    def parse(text: str) -> int:
        if not is_number(text) or not low <= int(text) <= high:
            raise ValueError(f"'{text}' is not a whole number from {low} to {high}; write one")
        return int(text)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser of one word out of a few."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"'{text}' is not known; write one of {', '.join(choices)}")
        return text

    return parse


def words(text: str) -> tuple[str, ...]:
    """Parse a list: separated by blanks, commas or lines."""
    return tuple(text.replace(",", " ").split())
