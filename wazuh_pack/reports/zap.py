"""ZAP's traditional reports, JSON and XML.

Requests, responses, ``attack``, ``evidence``, ``param`` and ``otherinfo`` are never read; of the
instances only their number and the first address without its query are. Identity is alert and site.
Alerts that somebody marked as false positive (confidence 0) are accepted.

XML is read by expat in pieces; a document type, entities of its own, deep nesting and endless
tokens are refused.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator
from xml.parsers import expat

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean
from wazuh_pack.reports.reader import (
    MAX_PLACES,
    MAX_RECORD,
    Nested,
    RecordError,
    RecordReport,
    Top,
)
from wazuh_pack.reports.report import Head, ReportError, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import (
    Record,
    at,
    cwes,
    first,
    mapping,
    origin,
    place,
    plain,
    sequence,
    time,
)

NAME = "zap"
TITLE = "ZAP report"
SCANNERS = ("dast",)

_RISKS = {"0": "info", "1": "low", "2": "medium", "3": "high"}
_CONFIDENCES = {"0": "false_positive", "1": "low", "2": "medium", "3": "high", "4": "confirmed"}
_FALSE_POSITIVE = "0"
_FIELDS = (
    "pluginid",
    "alertRef",
    "alert",
    "name",
    "riskcode",
    "confidence",
    "desc",
    "solution",
    "reference",
    "cweid",
    "count",
)
_MAX_DEPTH = 50
_MAX_FIELD = 20_000
_MAX_TOKEN = 2 << 20


def recognise(sketch: Sketch) -> bool:
    """Tell a ZAP report by XML's root, or by the program's name."""
    return (
        sketch.root == "OWASPZAPReport"
        or sketch.members.get("@programName") == "ZAP"
        or (sketch.has("site[].@name", "site[].alerts"))
    )


def open(file: ReportFile) -> RecordReport:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Xml(file) if sketch_of(file).form == "xml" else _Json(file)


class _Json(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._nested = Nested("site", "alerts", ("@name",))
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        for site, alert in self._nested.walk(stream, ("@version", "created"), top):
            yield clean(site.get("@name")), alert

    def _read(self, record: Any) -> Iterable[Finding]:
        alert = mapping(record[1])
        instances = sequence(alert.get("instances"))
        addresses = sorted(filter(None, (place(at(item, "uri")) for item in instances)))
        return _finding(record[0], alert, first(iter(addresses)))

    def _head(self, top: Top) -> Head:
        self._require(top, "site")
        sites = [clean(site.get("@name")) for site in self._nested.places]
        return _head(sites, clean(top.get("@version")), time(top.get("created")))


class _Xml(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        parser = _AlertParser()
        for block in self._file.blocks():
            yield from parser.feed(block)
        yield from parser.finish()
        top["sites"] = parser.sites
        top["version"] = parser.version

    def _read(self, record: Any) -> Iterable[Finding]:
        site, alert, uri = record
        return _finding(site, alert, uri)

    def _head(self, top: Top) -> Head:
        return _head(top["sites"], top["version"], "")


class _AlertParser:
    """Collects the alerts of an XML report, each as soon as it is complete."""

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.version = ""
        self._path: list[str] = []
        self._alert: dict[str, str] = {}
        self._uri = ""
        self._text: list[str] = []
        self._length = 0
        self._done: list[Any] = []
        self._quiet = 0
        self._expat = expat.ParserCreate()
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._data
        self._expat.DefaultHandler = self._other
        self._expat.StartDoctypeDeclHandler = _refuse
        self._expat.EntityDeclHandler = _refuse

    def feed(self, block: bytes) -> list[Any]:
        """Take the next bytes; return the alerts that are complete now."""
        self._quiet += len(block)
        self._parse(block, last=False)
        if self._quiet > _MAX_TOKEN:
            raise ReportError(f"not a {TITLE}: an XML token is longer than {_MAX_TOKEN} bytes")
        done, self._done = self._done, []
        return done

    def finish(self) -> list[Any]:
        """Check that the document is complete."""
        self._parse(b"", last=True)
        return self._done

    def _parse(self, block: bytes, *, last: bool) -> None:
        try:
            self._expat.Parse(block, last)
        except expat.ExpatError as error:
            raise ReportError(f"not a whole {TITLE}: {expat.ErrorString(error.code)}") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._quiet = 0
        if not self._path and name != "OWASPZAPReport":
            raise ReportError(f"not a {TITLE}: its root is <{clean(name)[:60]}>")
        if len(self._path) >= _MAX_DEPTH:
            raise ReportError(f"not a {TITLE}: nested deeper than {_MAX_DEPTH} elements")
        if not self._path:
            self.version = clean(attributes.get("version"))
        elif name == "site" and len(self._path) == 1:
            if len(self.sites) >= MAX_PLACES:
                raise ReportError(f"not a {TITLE}: more than {MAX_PLACES} sites")
            self.sites.append(clean(attributes.get("name"))[:500])
        elif name == "alertitem":
            self._alert, self._uri = {}, ""
        self._path.append(name)
        self._text, self._length = [], 0

    def _end(self, name: str) -> None:
        self._quiet = 0
        parent = self._path[-2] if len(self._path) > 1 else ""
        if name == "alertitem":
            self._done.append((self.sites[-1] if self.sites else "", self._alert, self._uri))
        elif parent == "alertitem" and name in _FIELDS:
            self._alert[name] = "".join(self._text)
        elif parent == "instance" and name == "uri":
            found = place("".join(self._text))
            self._uri = min(found, self._uri) if self._uri else found
        self._path.pop()
        self._text, self._length = [], 0

    def _data(self, text: str) -> None:
        self._quiet = 0
        if self._length < _MAX_FIELD:
            self._text.append(text)
            self._length += len(text)

    def _other(self, _text: str) -> None:
        self._quiet = 0


def _refuse(*_: object) -> None:
    raise ReportError(
        f"not a {TITLE}: it declares a document type or entities, which ZAP never does"
    )


def _finding(site: str, alert: Record, uri: str) -> Iterator[Finding]:
    plugin = clean(alert.get("alertRef")) or clean(alert.get("pluginid"))
    risk = clean(alert.get("riskcode"))
    if not plugin or risk not in _RISKS:
        raise RecordError
    confidence = clean(alert.get("confidence"))
    accepted = confidence == _FALSE_POSITIVE
    yield Finding(
        scanner="dast",
        finding_id=plugin,
        severity=_RISKS[risk],
        resource=origin(site or uri),
        target=uri,
        title=clean(alert.get("name")) or clean(alert.get("alert")),
        message=plain(alert.get("desc")),
        resolution=plain(alert.get("solution")),
        status=_CONFIDENCES.get(confidence, ""),
        cwe=cwes(alert.get("cweid")),
        accepted=BY_TOOL if accepted else "",
        accepted_by=NAME if accepted else "",
        accepted_reason=_CONFIDENCES[confidence] if accepted else "",
    )


def _head(sites: list[str], version: str, created: str) -> Head:
    names = sorted({origin(site) for site in sites if site})
    return Head(
        artifact=Artifact(names[0] if len(names) == 1 else "", "web_application"),
        created=created,
        tool_version=version,
    )
