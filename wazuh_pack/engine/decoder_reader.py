"""One ``<decoder>`` element -> one decoder, with analysisd 4.14.7's checks in its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.engine.decoder_model import Decoder, Offset, Plugin, Target
from wazuh_pack.engine.event import STATIC_FIELDS
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.loadlog import LoadLog, RefuseFile
    from wazuh_pack.engine.matching import Expression
    from wazuh_pack.xmlio import Node

ORDER_LIMIT = 256
"""How many fields an ``<order>`` may name (``analysisd.decoder_order_size``)."""

_TEXT_LIMIT = 1023
_TYPES = (
    *("firewall", "ids", "web-log", "syslog", "squid", "windows"),
    *("host-information", "ossec"),
)
_KINDS = {b"osregex": Kind.OSREGEX, b"osmatch": Kind.OSMATCH, b"pcre2": Kind.PCRE2}
_OFFSETS = {
    offset.value.encode(): offset for offset in (Offset.PARENT, Offset.PREMATCH, Offset.REGEX)
}
_SLOTS: dict[bytes, str] = {name.encode(): name for name in STATIC_FIELDS} | {b"user": "dstuser"}
_FTS_SLOTS: dict[bytes, str] = {
    b"dstuser": "dstuser",
    b"user": "dstuser",
    b"srcuser": "srcuser",
    b"srcip": "srcip",
    b"dstip": "dstip",
    b"id": "id",
    b"location": "location",
    b"data": "data",
    b"extra_data": "data",
    b"system_name": "system_name",
    # The decoder's name is part of every key.
    b"name": "name",
}


def read_decoder(node: Node, notes: LoadLog) -> Decoder:
    """Return the decoder that an element describes, under its own name and without an id.

    Raises:
        RefuseFile: analysisd gives up; the log says why.
    """
    _check_attributes(node, notes)
    if not node.children:
        raise notes.refuse("the decoder is empty", node.at, "1231")
    draft = _Draft(node, notes)
    for option in node.children:
        draft.take(option)
    return draft.finish()


def _check_attributes(node: Node, notes: LoadLog) -> None:
    names = [name.lower() for name, _ in node.attributes]
    if node.name.lower() != "decoder" or names not in (["name"], ["name", "status"]):
        raise notes.refuse(f"'{node.shown}' is not allowed like this", node.at, "1230")


@dataclass(slots=True)
class _Pattern:
    """The texts of one kind of tag, joined; kind and offset are those of the last that had one."""

    kind: Kind
    text: bytes | None = None
    offset: Offset = Offset.WHOLE


@dataclass(slots=True)
class _Draft:
    """A decoder while its element is read."""

    node: Node
    notes: LoadLog
    name: bytes = b""
    parent: bytes | None = None
    ftscomment: bytes | None = None
    type: str = "syslog"
    keeps_name: bool = False
    accumulate: bool = False
    keep_null: bool = True
    arrays_as_csv: bool = False
    plugin: Plugin | None = None
    plugin_offset: Offset = Offset.WHOLE
    order: list[Target] | None = None
    fts_slots: set[str] = field(default_factory=set)
    fts_fields: dict[int, bytes] = field(default_factory=dict)
    program_name: _Pattern = field(default_factory=lambda: _Pattern(Kind.OSMATCH))
    prematch: _Pattern = field(default_factory=lambda: _Pattern(Kind.OSREGEX))
    regex: _Pattern = field(default_factory=lambda: _Pattern(Kind.OSREGEX))

    def __post_init__(self) -> None:
        self.name = self.node.attributes[0][1]

    @property
    def shown(self) -> str:
        """The name for messages."""
        return self.name.decode("utf-8", "replace")

    def refuse(self, message: str = "", code: str = "") -> RefuseFile:
        """Note why the decoder is impossible, and that it is."""
        if message:
            self.notes.error(message, self.node.at, code)
        return self.notes.refuse(f"decoder '{self.shown}' is impossible", self.node.at, "2107")

    def take(self, option: Node) -> None:
        """Read one child element."""
        # <type> is the one element whose case matters.
        name = option.name if option.name.lower() == "type" else option.name.lower()
        reader = _READERS.get(name)
        if reader is None:
            message = f"element '{option.shown}' in '{self.node.name}' is unknown"
            raise self.notes.refuse(message, option.at)
        reader(self, option)

    def joined(self, before: bytes | None, option: Node) -> bytes | None:
        """Join a text to those before it; one that gets too long is gone, with all before it."""
        after = (before or b"") + option.content
        if len(after) <= _TEXT_LIMIT:
            return after
        self.notes.error("text too long", option.at, "1104")
        return None

    def finish(self) -> Decoder:
        """Check what is only known at the end, and compile."""
        self._check_parts()
        self._check_regex_offset()
        self._check_other_offsets()
        prematch = self._compile(self.prematch)
        program_name = self._compile(self.program_name)
        regex = self._compile(self.regex, captures=True)
        if self.plugin and (regex or self.order is not None):
            message = f"plug-in decoder '{self.shown}' also has a regex"
            raise self.notes.refuse(message, self.node.at, "2111")
        return Decoder(
            name=self.name,
            type=self.type,
            parent=self.parent,
            keeps_name=self.keeps_name,
            program_name=program_name,
            prematch=prematch,
            prematch_offset=self.prematch.offset,
            regex=regex,
            regex_offset=self.regex.offset,
            order=tuple(self.order or ()),
            plugin=self.plugin,
            plugin_offset=self.plugin_offset,
            keep_null=self.keep_null,
            arrays_as_csv=self.arrays_as_csv,
            accumulate=self.accumulate,
            fts=bool(self.fts_slots or self.fts_fields),
            fts_slots=frozenset(self.fts_slots),
            fts_fields=tuple(name for _, name in sorted(self.fts_fields.items())),
            ftscomment=self.ftscomment,
        )

    def _check_parts(self) -> None:
        if all(x is None for x in (self.prematch.text, self.parent, self.program_name.text)):
            raise self.refuse(f"no 'prematch' in decoder '{self.shown}'", "2108")
        has_order = self.order is not None
        if self.regex.text is None:
            if has_order or self.fts_slots or self.fts_fields:
                raise self.refuse()
        elif not has_order:
            raise self.refuse()

    def _check_regex_offset(self) -> None:
        regex, is_root = self.regex, self.parent is None
        impossible = {
            Offset.PARENT: is_root,
            Offset.PREMATCH: not is_root and self.prematch.text is None,
            Offset.REGEX: is_root or regex.text is None,
        }
        if impossible.get(regex.offset, False):
            raise self._bad_offset(regex.offset)
        if regex.offset is Offset.PREMATCH and is_root:
            regex.offset = Offset.PARENT

    def _check_other_offsets(self) -> None:
        if self.prematch.offset is Offset.PARENT and self.parent is None:
            raise self._bad_offset(Offset.PARENT)
        if self.prematch.offset not in (Offset.WHOLE, Offset.PARENT):
            raise self.refuse()
        if self.plugin_offset is Offset.PARENT and self.parent is None:
            raise self._bad_offset(Offset.PARENT)
        if self.plugin_offset is Offset.PREMATCH and self.prematch.text is None:
            raise self._bad_offset(Offset.PREMATCH)

    def _bad_offset(self, offset: Offset) -> RefuseFile:
        return self.refuse(f"offset '{offset.value}' is impossible here", "2120")

    def _compile(self, pattern: _Pattern, *, captures: bool = False) -> Expression | None:
        if pattern.text is None:
            return None
        shown = pattern.text.decode("utf-8", "replace")
        try:
            return compile_expression(pattern.text, pattern.kind, captures=captures)
        except ExpressionError as error:
            message = f"expression '{shown}' is wrong"
            self.notes.diagnostics.append(
                Diagnostic("1452", message, self.node.at, hint=error.message)
            )
            raise self.refuse() from error


def _read_parent(draft: _Draft, option: Node) -> None:
    draft.parent = draft.joined(draft.parent, option)


def _read_ftscomment(draft: _Draft, option: Node) -> None:
    draft.ftscomment = draft.joined(draft.ftscomment, option)


def _read_program_name(draft: _Draft, option: Node) -> None:
    allowed = (Kind.OSMATCH, Kind.OSREGEX, Kind.PCRE2)
    draft.program_name.kind = _kind(draft, option, allowed)
    draft.program_name.text = draft.joined(draft.program_name.text, option)


def _read_prematch(draft: _Draft, option: Node) -> None:
    offset = _offset(option)
    if offset is Offset.INVALID:
        draft.notes.error(_bad_value("offset", option, draft), option.at, "7601")
        offset = Offset.WHOLE
    _read_pattern(draft, option, draft.prematch, offset)


def _read_regex(draft: _Draft, option: Node) -> None:
    offset = _offset(option)
    if offset is Offset.INVALID:
        draft.notes.warn(_bad_value("offset", option, draft), option.at, "7601")
        offset = Offset.WHOLE
    _read_pattern(draft, option, draft.regex, offset)


def _read_pattern(draft: _Draft, option: Node, pattern: _Pattern, offset: Offset) -> None:
    if offset is not Offset.WHOLE:
        if pattern.text is not None:
            raise draft.refuse(f"a second offset in decoder '{draft.shown}'", "2109")
        pattern.offset = offset
    pattern.kind = _kind(draft, option, (Kind.OSREGEX, Kind.PCRE2))
    pattern.text = draft.joined(pattern.text, option)


def _offset(option: Node) -> Offset:
    value = option.attribute("offset")
    return Offset.WHOLE if value is None else _OFFSETS.get(value.lower(), Offset.INVALID)


def _kind(draft: _Draft, option: Node, allowed: tuple[Kind, ...]) -> Kind:
    """Return the expression language; the first allowed is the default."""
    value = option.attribute("type")
    kind = allowed[0] if value is None else _KINDS.get(value.lower())
    if kind in allowed:
        return kind
    draft.notes.warn(_bad_value("type", option, draft), option.at, "7601")
    return allowed[0]


def _bad_value(attribute: str, option: Node, draft: _Draft) -> str:
    tag = option.name.lower()
    return f"the value of '{attribute}' in '{tag}' of decoder {draft.shown} is ignored"


def _read_own_name(draft: _Draft, option: Node) -> None:
    if option.content == b"true":
        draft.keeps_name = True


def _read_plugin(draft: _Draft, option: Node) -> None:
    name = option.content.decode("utf-8", "replace")
    try:
        draft.plugin = Plugin(name)
    except ValueError:
        if draft.plugin is None:
            raise draft.notes.refuse(f"no plug-in is called '{name}'", option.at, "2110") from None
    draft.plugin_offset = _offset(option)
    if draft.plugin_offset is Offset.INVALID:
        raise draft.refuse()


def _read_null_field(draft: _Draft, option: Node) -> None:
    value = option.content.lower()
    if value == b"empty":
        _warn_of_content(draft, option, "7603", "json_null_field")
    elif value not in (b"discard", b"string"):
        _warn_of_content(draft, option, "7602", "json_null_field")
    draft.keep_null = value != b"discard"


def _read_array_structure(draft: _Draft, option: Node) -> None:
    value = option.content.lower()
    if value not in (b"csv", b"array"):
        _warn_of_content(draft, option, "7602", "json_array_structure")
    draft.arrays_as_csv = value == b"csv"


def _warn_of_content(draft: _Draft, option: Node, code: str, tag: str) -> None:
    value = option.content.decode("utf-8", "replace")
    message = f"the value '{value}' of '{tag}' in decoder {draft.shown} is not used"
    draft.notes.warn(message, option.at, code)


def _read_type(draft: _Draft, option: Node) -> None:
    value = option.content.decode("utf-8", "replace")
    if value not in _TYPES:
        raise draft.notes.refuse(f"'{value}' is no type of decoder", option.at)
    draft.type = value


def _read_order(draft: _Draft, option: Node) -> None:
    if option.content.count(b",") >= ORDER_LIMIT:
        raise draft.notes.refuse("the order names too many fields", option.at)
    words = (_word(draft, option, part) for part in _split(option.content))
    draft.order = [_SLOTS.get(word, word) for word in words]


def _read_fts(draft: _Draft, option: Node) -> None:
    """Take the fields of the key.

    A dynamic field must be in the ``<order>`` before, and before the first static one there;
    without an ``<order>`` before, dynamic fields are ignored.
    """
    for part in _split(option.content):
        word = _word(draft, option, part)
        if word in _FTS_SLOTS:
            draft.fts_slots.add(_FTS_SLOTS[word])
        elif draft.order is not None:
            dynamic = takewhile(lambda target: isinstance(target, bytes), draft.order)
            names = [name.lower() for name in dynamic]
            if word.lower() not in names:
                raise _wrong_field(draft, option, part)
            draft.fts_fields[names.index(word.lower())] = word


def _split(content: bytes) -> list[bytes]:
    """Split at commas; a backslash before a comma keeps it and vanishes."""
    first, *rest = content.split(b",")
    parts = [first]
    for piece in rest:
        if len(parts) == ORDER_LIMIT:
            parts[-1] += b"," + piece
        elif parts[-1].endswith(b"\\"):
            parts[-1] = parts[-1][:-1] + b"," + piece
        else:
            parts.append(piece)
    return parts


def _word(draft: _Draft, option: Node, part: bytes) -> bytes:
    word = part.lstrip(b" ").partition(b" ")[0]
    if not word:
        raise _wrong_field(draft, option, part)
    return word


def _wrong_field(draft: _Draft, option: Node, part: bytes) -> RefuseFile:
    shown = part.decode("utf-8", "replace")
    message = f"field '{shown}' cannot stand in '{draft.shown}'"
    return draft.notes.refuse(message, option.at)


def _read_accumulate(draft: _Draft, _: Node) -> None:
    draft.accumulate = True


_READERS: dict[str, Callable[[_Draft, Node], None]] = {
    "parent": _read_parent,
    "regex": _read_regex,
    "prematch": _read_prematch,
    "program_name": _read_program_name,
    "ftscomment": _read_ftscomment,
    "use_own_name": _read_own_name,
    "plugin_decoder": _read_plugin,
    "json_null_field": _read_null_field,
    "json_array_structure": _read_array_structure,
    "type": _read_type,
    "order": _read_order,
    "accumulate": _read_accumulate,
    "fts": _read_fts,
}
