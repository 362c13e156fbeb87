"""Loading decoders from XML, as analysisd 4.14.7 does it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.engine.decoder_model import Decoder, DecoderSet, Offset, Root
from wazuh_pack.engine.decoder_reader import read_decoder
from wazuh_pack.engine.loadlog import LoadLog, RefuseFile
from wazuh_pack.errors import DiagnosticsError, XmlError
from wazuh_pack.location import Location
from wazuh_pack.xmlio import apply_variables, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from wazuh_pack.xmlio import Node

__all__ = ["Decoder", "DecoderSet", "LoadError", "load_decoders"]

_USERS_FILE = "local_decoder.xml"
"""The one decoder file that may be empty."""

_BUILT_IN = (
    b"rootcheck",
    b"syscheck_integrity_changed",
    b"syscheck_new_entry",
    b"syscheck_deleted",
    b"syscheck_registry_key_modified",
    b"syscheck_registry_key_added",
    b"syscheck_registry_key_deleted",
    b"syscheck_registry_value_modified",
    b"syscheck_registry_value_added",
    b"syscheck_registry_value_deleted",
    b"hostinfo_new",
    b"hostinfo_modified",
    b"syscollector",
    b"ciscat",
    b"windows_eventchannel",
    b"sca",
)


class LoadError(DiagnosticsError):
    """Loading stops, as analysisd would; :attr:`diagnostics` also holds what was only warned of."""


def load_decoders(paths: Sequence[Path]) -> tuple[DecoderSet, list[Diagnostic]]:
    """Load decoders from files, in this order.

    Returns:
        The decoders, and what analysisd would log; a diagnostic's code is the message's number,
        empty for a message without one. Entries of severity error do not stop analysisd, but make
        it refuse a test session.

    Raises:
        LoadError: analysisd would not start.
    """
    notes = LoadLog()
    forest = _Forest(notes)
    try:
        for path in paths:
            _load_file(path, forest, notes)
        return forest.finish(), notes.diagnostics
    except RefuseFile:
        raise LoadError(notes.diagnostics) from None


def _load_file(path: Path, forest: _Forest, notes: LoadLog) -> None:
    try:
        nodes = _read(path, notes)
        for node in nodes:
            forest.add(read_decoder(node, notes), node.at)
    except RefuseFile:
        raise notes.refuse("the decoders cannot be loaded", Location(path), "1202") from None


def _read(path: Path, notes: LoadLog) -> Sequence[Node]:
    try:
        nodes = apply_variables(read_file(path))
    except XmlError as error:
        at = error.at or Location(path)
        if error.code == "1103":
            notes.warn(error.message, at, error.code)
            return ()
        raise notes.refuse(error.message, at, error.code) from error
    if not nodes and path.name != _USERS_FILE:
        if path.stat().st_size == 0:
            raise RefuseFile
        raise notes.refuse("the file has no elements", Location(path), "1231")
    return nodes


@dataclass(slots=True, eq=False)
class _Entry:
    """A decoder in the forest; children are shared by all roots of their parent's name."""

    decoder: Decoder
    children: list[_Entry] = field(default_factory=list)
    chained: bool = False


class _Forest:
    """The roots and children loaded so far."""

    def __init__(self, notes: LoadLog) -> None:
        self._notes = notes
        self._with_program: list[_Entry] = []
        self._without_program: list[_Entry] = []
        self._names: list[bytes] = []

    def add(self, decoder: Decoder, at: Location) -> None:
        self._names.append(decoder.name)
        entry = _Entry(decoder)
        try:
            if decoder.parent is None:
                self._add_root(entry, at)
            else:
                self._add_child(entry, at)
        except RefuseFile:
            raise self._notes.refuse("the decoder cannot be added", at, "2106") from None

    def _add_root(self, entry: _Entry, at: Location) -> None:
        has_program = entry.decoder.program_name is not None
        roots = self._with_program if has_program else self._without_program
        self._append(roots, entry, at)

    def _add_child(self, entry: _Entry, at: Location) -> None:
        """Attach the decoder to every root of its parent's name that is loaded already."""
        wanted = entry.decoder.parent or b""
        parents = [
            root
            for root in (*self._with_program, *self._without_program)
            if root.decoder.name == wanted
        ]
        if not parents:
            shown = wanted.decode("utf-8", "replace")
            raise self._notes.refuse(f"no decoder '{shown}' can be the parent", at, "2101")
        for root in parents:
            self._append(root.children, entry, at)

    def _append(self, siblings: list[_Entry], entry: _Entry, at: Location) -> None:
        try:
            self._chain(siblings, entry, at)
        except RefuseFile:
            raise self._notes.refuse("the decoder's options do not fit", at, "2105") from None
        siblings.append(entry)

    def _chain(self, siblings: Iterable[_Entry], entry: _Entry, at: Location) -> None:
        """Link a child to siblings of its name, so that it is run after them."""
        decoder = entry.decoder
        shown = decoder.name.decode("utf-8", "replace")
        follows_regex = False
        for sibling in siblings:
            before = sibling.decoder
            if before.name != decoder.name or decoder.parent is None:
                continue
            if (before.prematch or before.regex) and decoder.regex_offset is not Offset.WHOLE:
                follows_regex = True
            if decoder.prematch:
                message = f"decoder '{shown}' continues another and has a prematch"
                raise self._notes.refuse(message, at, "2102")
            if decoder.fts:
                message = f"decoder '{shown}' continues another and has fts"
                raise self._notes.refuse(message, at, "2103")
            if not (before.regex or before.plugin) or not (decoder.regex or decoder.plugin):
                message = f"decoder '{shown}' cannot be continued"
                raise self._notes.refuse(message, at, "2104")
            sibling.chained = True
        if decoder.regex_offset is Offset.REGEX and not follows_regex:
            raise self._notes.refuse(f"decoder '{shown}' follows no regex", at, "2120")

    def _missing(self) -> str:
        """Say what to add: analysisd wants decoders of both kinds."""
        if not self._with_program and not self._without_program:
            return "no file of decoders is loaded: name the stock decoders, or some of your own"
        if not self._with_program:
            return "no decoder has a <program_name>: add one that has"
        return "every decoder has a <program_name>: add one without, such as <prematch>^</prematch>"

    def finish(self) -> DecoderSet:
        """Give children their parents' names and everything its id.

        Raises:
            RefuseFile: One of the two lists of roots is empty.
        """
        if not self._with_program or not self._without_program:
            self._notes.diagnostics += [
                Diagnostic(
                    "2106",
                    "decoders with or without program_name are missing",
                    hint=self._missing(),
                ),
                Diagnostic("2105", "the decoders cannot be loaded"),
            ]
            raise RefuseFile
        names = sorted({*self._names, *_BUILT_IN})
        ids = {name: number for number, name in enumerate(names, start=1)}
        done: dict[_Entry, Decoder] = {}

        def finished(entry: _Entry) -> Decoder:
            if entry not in done:
                decoder = entry.decoder
                takes_name = decoder.parent is not None and not decoder.keeps_name
                name = (decoder.parent if takes_name else None) or decoder.name
                done[entry] = replace(decoder, name=name, id=ids[name], chained=entry.chained)
            return done[entry]

        def roots(entries: Iterable[_Entry]) -> tuple[Root, ...]:
            return tuple(
                Root(finished(entry), tuple(finished(child) for child in entry.children))
                for entry in entries
            )

        return DecoderSet(roots(self._with_program), roots(self._without_program), ids)
