"""Reading conformance vectors, and laying their ruleset out as a manager has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of an NDJSON file; empty when there is no such file.

    Raises:
        PackError: A line is not a JSON object.
    """
    return [row for _, row in _rows(path)]


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        PackError: It holds none.
    """
    return _object(path.read_bytes(), Location(path))


def _rows(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    lines = path.read_bytes().split(b"\n") if path.is_file() else ()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield line, _object(line, Location(path, number))


def _object(text: bytes, at: Location) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise PackError(f"not JSON: {error}", at=at) from None
    if not isinstance(found, dict):
        raise PackError("not a JSON object", at=at)
    return found


def read_steps(path: Path) -> Iterator[Step]:
    """Yield the events of a suite; an event given as an object is printed as logtest does.

    Raises:
        PackError: A line is not a JSON object.
    """
    for line, data in _rows(path):
        event = data["event"]
        text = _print_object(line) if isinstance(event, dict) else as_bytes(event)
        location = as_bytes(data.get("location", "stdin"))
        yield Step(text, data.get("session", ""), location, float(data.get("sleep", 0)))


def as_bytes(text: str) -> bytes:
    """Return the bytes of a recorded text."""
    return text.encode("utf-8", "surrogateescape")


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
    return _files(own.read_text(encoding="utf-8") if own.is_file() else _default(suite), home)


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
    return _files(f"<ruleset>{_STOCK_RULESET}{lists}</ruleset>", home)


def _link_stock_rules(stock: Path, home: Path, instead: dict[str, Path]) -> None:
    """Link the stock rules; takes from ``instead`` what stands in place of a file of its name."""
    folder = home / "ruleset/rules"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((stock / "rules").glob("*.xml")):
        (folder / file.name).symlink_to(instead.pop(file.name, file).resolve())


def _files(text: str, home: Path) -> RulesetFiles:
    (element,) = read_text(text.encode(), home / "etc/ossec.conf")
    return ruleset_files(element, home)


def _link(source: Path, target: Path) -> None:
    if source.is_dir() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve())
