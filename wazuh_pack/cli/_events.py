"""Events as logtest and explain take them: lines, or a vendor's own export."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from wazuh_pack.cli import _out
from wazuh_pack.errors import PackError
from wazuh_pack.verify.backtest_input import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.model import Source


_LONGEST_DOCUMENT = 16 * 1024 * 1024


def events(file: IO[bytes], source: Source | None, *, printed: bool = False) -> Iterator[bytes]:
    """Yield events as Wazuh gets them: without ``source`` the lines, else what its collector sends.

    Lines end with a line feed alone, as for Wazuh's agents; they are read one by one.

    Args:
        file: Holds them.
        source: Whose export it is.
        printed: Lines that are together one JSON object are one event, printed for reading.

    Raises:
        PackError: What should be an export of the source is none, or a printed array is no event.
    """
    if source is None or source.full_log:
        for raw in _joined(file) if printed and source is None else file:
            if raw.strip():
                line = raw.rstrip(b"\r\n")
                yield line if source is None else encode(source.envelope.apply(_text(line)))
        return
    for place, event in _export(_text(file.read())):
        if not isinstance(event, dict):
            raise _not_an_export(f"{place}: not a JSON object")
        try:
            yield encode(source.envelope.apply(event))
        except RecursionError:
            raise _not_an_export(f"{place}: nests too deeply") from None


def _joined(file: IO[bytes]) -> Iterator[bytes]:
    lines = file.readlines(_LONGEST_DOCUMENT)
    text = b"".join(map(bytes.strip, lines))  # no token of JSON goes on in the next line
    if text[:1] in {b"{", b"["} and sum(bool(line.strip()) for line in lines) > 1:
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(_text(text)), list):
                raise PackError(
                    "this is one JSON array over several lines, but events are lines",
                    hint="`jq -c '.[]'` gives each its own; --source takes a vendor's arrays",
                )
            _out.note("this is one JSON object over several lines: it is taken as one event")
            lines = [text]
    yield from lines
    yield from file


def _export(text: str) -> Iterator[tuple[str, Any]]:
    """Yield what an export holds, with where it stands: one JSON document, or one a line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"line {number}", _parse(line, number)
        return
    if not isinstance(whole, list):
        yield "line 1", whole
        return
    for number, event in enumerate(whole, start=1):
        yield f"element {number} of the array", event


def _parse(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        reason = f"line {number}, column {error.colno}: not JSON: {error.msg}"
    except RecursionError:
        reason = f"line {number}: nests too deeply"
    except ValueError:
        reason = f"line {number}: a number has too many digits"
    raise _not_an_export(reason)


def _not_an_export(reason: str) -> PackError:
    return PackError(reason, hint="give one JSON object a line, or one JSON array of objects")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
