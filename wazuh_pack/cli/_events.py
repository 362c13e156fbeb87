"""Events as logtest and explain take them: lines, or a vendor's own export."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from wazuh_pack.errors import PackError
from wazuh_pack.verify.backtest_input import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.model import Source


def events(file: IO[bytes], source: Source | None) -> Iterator[bytes]:
    """Yield events as Wazuh gets them: without ``source`` the lines, else what its collector sends.

    Lines end with a line feed alone, as for Wazuh's agents; they are read one by one.

    Raises:
        PackError: What should be an export of the source is none.
    """
    if source is None or source.full_log:
        for raw in file:
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
