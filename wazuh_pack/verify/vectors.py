"""Reading conformance vectors, and laying their ruleset out as a manager has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wazuh_pack.engine.cjson import parse
from wazuh_pack.engine.cjson_print import print_compact
from wazuh_pack.engine.files import RulesetFiles, ruleset_files
from wazuh_pack.errors import PackError
from wazuh_pack.location import Location
from wazuh_pack.xmlio import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STOCK_LISTS = (
    "audit-keys",
    "amazon/aws-eventnames",
    "security-eventchannel",
    "malicious-ioc/malware-hashes",
    "malicious-ioc/malicious-ip",
    "malicious-ioc/malicious-domains",
)
_STOCK_EXCLUDED = "0215-policy_rules.xml"
_LONGEST_SLEEP = 1_000_000
_SUITE_RULESET = "<decoder_dir>etc/decoders</decoder_dir><rule_dir>etc/rules</rule_dir>"
_STOCK_RULESET = (
    "<decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir>"
    f"<rule_exclude>{_STOCK_EXCLUDED}</rule_exclude>"
    "<decoder_dir>etc/decoders</decoder_dir><rule_dir>etc/rules</rule_dir>"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a suite."""

    event: bytes
    session: str
    location: bytes
    sleep: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One event of a file of vectors, and what the real logtest said to it."""

    event: bytes
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StockVector:
    """A line of a file of vectors: the events of one session."""

    location: bytes
    steps: tuple[Answered, ...]


class Row(NamedTuple):
    """A line of an NDJSON file."""

    at: Location
    line: bytes
    data: dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the objects of an NDJSON file; nothing when there is no such file.

    Raises:
        PackError: A line is not a JSON object.
    """
    lines = path.read_bytes().split(b"\n") if path.is_file() else ()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            at = Location(path, number)
            yield Row(at, line, _object(line, at))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of an NDJSON file; empty when there is no such file.

    Raises:
        PackError: A line is not a JSON object.
    """
    return [row.data for row in read_rows(path)]


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        PackError: It holds none.
    """
    return _object(path.read_bytes(), Location(path))


def _object(text: bytes, at: Location) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PackError(f"not JSON: {error}", at=at) from None
    if not isinstance(found, dict):
        raise PackError("not a JSON object", at=at)
    return found


def read_steps(path: Path) -> Iterator[Step]:
    """Yield the events of a suite; an event given as an object is printed as logtest does.

    Raises:
        PackError: A line is not a JSON object, or has a member that is missing or of another type.
    """
    for at, line, data in read_rows(path):
        event = data.get("event")
        text = _print_object(line) if isinstance(event, dict) else _bytes(data, "event", at)
        location = _bytes({"location": "stdin"} | data, "location", at)
        session, sleep = data.get("session", ""), data.get("sleep", 0)
        if not isinstance(session, str):
            raise PackError("'session' is not a text", at=at)
        if type(sleep) not in (int, float) or not 0 <= sleep <= _LONGEST_SLEEP:
            raise PackError("'sleep' is not a number of seconds", at=at)
        yield Step(text, session, location, float(sleep))


def read_stock_vectors(path: Path) -> Iterator[StockVector]:
    """Yield the lines of a file of vectors over the stock ruleset.

    Raises:
        PackError: A line is not a JSON object, or has a member that is missing or of another type.
    """
    for at, _, data in read_rows(path):
        events = data.get("events") or [data]
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise PackError("'events' is not a list of objects", at=at)
        yield StockVector(
            _bytes(data, "location", at), tuple(_answered(event, at) for event in events)
        )


def _answered(event: dict[str, Any], at: Location) -> Answered:
    answer = event.get("actual")
    if not isinstance(answer, dict):
        raise PackError("'actual' is missing or not an object", at=at)
    return Answered(_bytes(event, "log", at), answer)


def _bytes(data: dict[str, Any], key: str, at: Location) -> bytes:
    value = data.get(key)
    if not isinstance(value, str):
        raise PackError(f"{key!r} is missing or not a text", at=at)
    try:
        return as_bytes(value)
    except PackError as error:
        raise PackError(f"{key!r}: {error.message}", at=at) from None


def as_bytes(text: str) -> bytes:
    """Return the bytes of a recorded text.

    Raises:
        PackError: It holds half of a surrogate pair that stands for no byte.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise PackError(f"{half} is no character and stands for no byte") from None


def as_text(data: bytes) -> str:
    """Return bytes as a recorded text has them."""
    return data.decode("utf-8", "surrogateescape")


def _print_object(line: bytes) -> bytes:
    whole = parse(line)
    members = dict(whole) if isinstance(whole, tuple) else {}
    return print_compact(members["event"])


def needs_stock(suite: Path) -> bool:
    """Tell whether a suite's own configuration names the stock ruleset."""
    own = suite / "ruleset.xml"
    return own.is_file() and b"ruleset/" in own.read_bytes().replace(b"</ruleset", b"")


def stage_suite(suite: Path, home: Path, stock: Path | None) -> RulesetFiles:
    """Lay a suite's files out below ``home`` and return what would be loaded.

    The suites over the stock ruleset were recorded where Wazuh's own rule tests had run: a file of
    the testing ruleset beside the stock one stands in place of the stock file of its name.
    """
    suite = suite.resolve()
    etc = home / "etc"
    etc.mkdir(parents=True)
    for kind in ("rules", "decoders"):
        single = suite / f"{kind}.xml"
        if single.is_file():
            (etc / kind).mkdir()
            (etc / kind / f"{kind}.xml").symlink_to(single)
        else:
            _link(suite / kind, etc / kind)
    _link(suite / "dirs", etc / "dirs")
    _link(suite / "lists", etc / "lists")
    if stock is not None:
        _link(stock / "lists", etc / "lists")
        _link(stock / "decoders", home / "ruleset/decoders")
        testing = stock.parent / "testing-ruleset"
        _link_stock_rules(stock, home, {file.name: file for file in testing.glob("*.xml")})
    own = suite / "ruleset.xml"
    return _files(own.read_bytes() if own.is_file() else _default(suite).encode(), home)


def _default(suite: Path) -> str:
    lists = "".join(
        f"<list>etc/lists/{file.name}</list>" for file in sorted((suite / "lists").glob("*"))
    )
    return f"<ruleset>{_SUITE_RULESET}{lists}</ruleset>"


def stage_stock(stock: Path, home: Path, extra: Path | None) -> RulesetFiles:
    """Lay the stock ruleset out below ``home``, with a folder of testing rules where given.

    A file of the testing folder replaces the stock rule file of its name; ``*_rules.xml`` and
    ``*_decoders.xml`` become the user's own.
    """
    for folder in ("etc/rules", "etc/decoders"):
        (home / folder).mkdir(parents=True)
    _link(stock / "lists", home / "etc/lists")
    _link(stock / "decoders", home / "ruleset/decoders")
    added = {file.name: file for file in extra.glob("*.xml")} if extra else {}
    _link_stock_rules(stock, home, added)
    for name, file in sorted(added.items()):
        kind = "decoders" if name.endswith("_decoders.xml") else "rules"
        (home / "etc" / kind / name).symlink_to(file.resolve())
    lists = "".join(f"<list>etc/lists/{name}</list>" for name in _STOCK_LISTS)
    return _files(f"<ruleset>{_STOCK_RULESET}{lists}</ruleset>".encode(), home)


def _link_stock_rules(stock: Path, home: Path, instead: dict[str, Path]) -> None:
    """Link the stock rules; takes from ``instead`` what stands in place of a file of its name."""
    folder = home / "ruleset/rules"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((stock / "rules").glob("*.xml")):
        (folder / file.name).symlink_to(instead.pop(file.name, file).resolve())


def _files(text: bytes, home: Path) -> RulesetFiles:
    conf = home / "etc/ossec.conf"
    elements = [node for node in read_text(text, conf) if node.name == "ruleset"]
    if len(elements) != 1:
        raise PackError("not one <ruleset> element", at=Location(conf))
    return ruleset_files(elements, home)


def _link(source: Path, target: Path) -> None:
    if source.is_dir() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve())
