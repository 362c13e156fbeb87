"""The elements inside ``<rule>``: one function per option, each adding to a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions
from wazuh_pack.engine.addresses import parse_network
from wazuh_pack.engine.compiled import PREDICATES
from wazuh_pack.engine.expression import Kind
from wazuh_pack.engine.loadlog import BAD_CATEGORY, BAD_TIME, RefuseFile
from wazuh_pack.engine.rule_attributes import as_int, is_number
from wazuh_pack.engine.rule_draft import TEXT_OPTIONS, AddressList, Draft, compile_text, join
from wazuh_pack.engine.rule_list import read_list
from wazuh_pack.engine.rule_mitre import read_mitre
from wazuh_pack.engine.rule_same import DIFFERENT, EXACT_NAMES, NO_LONGER, SAME
from wazuh_pack.engine.rule_surroundings import Surroundings, invalid_value
from wazuh_pack.engine.rules import RULE_CATEGORIES
from wazuh_pack.engine.schedule import parse_days, parse_time
from wazuh_pack.xmlio import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.xmlio import Node

MAX_FIELDS = 256

_KINDS = {b"osregex": Kind.OSREGEX, b"osmatch": Kind.OSMATCH, b"pcre2": Kind.PCRE2}

_NOT_FIELDS = frozenset(
    {
        *(b"srcip", b"dstip", b"srcgeoip", b"dstgeoip", b"srcport", b"dstport", b"user"),
        *(b"srcuser", b"dstuser", b"url", b"id", b"data", b"extra_data", b"status"),
        *(b"protocol", b"system_name", b"action"),
    }
)
"""Static fields: ``<field>`` refuses their names."""

_EXTRA_TEXTS = frozenset(
    {"user", "srcgeoip", "dstgeoip", "status", "hostname", "data", "extra_data"}
)


def read_option(draft: Draft, node: Node, around: Surroundings) -> None:
    """Add one element to a draft.

    Raises:
        SkipRule: analysisd drops the rule.
        RefuseFile: analysisd would not start.
    """
    name = node.name.lower()
    if name in EXACT_NAMES and node.name != name:
        raise _unknown(draft, node, around)
    if name in TEXT_OPTIONS:
        _text(draft, node, name, around.notes)
    elif name in SAME:
        draft.same.append(SAME[name])
    elif name in DIFFERENT:
        draft.different.append(DIFFERENT[name])
    elif name in NO_LONGER:
        around.notes.warn(f"{name} is no longer supported and ignored", node.at)
    elif name in _OPTIONS:
        _OPTIONS[name](draft, node, around)
    else:
        raise _unknown(draft, node, around)


def _unknown(draft: Draft, node: Node, around: Surroundings) -> Exception:
    message = f"'{node.shown}' is no option of rule '{draft.attributes.id}'"
    return around.notes.refuse(message, node.at)


def _negate(draft: Draft, node: Node, notes: LoadLog) -> bool:
    value = node.attribute("negate")
    if value is not None and value.lower() not in (b"yes", b"no"):
        _bad_attribute(draft, node, value, "negate", notes)
    return value is not None and value.lower() == b"yes"


def _kind(draft: Draft, node: Node, default: Kind, notes: LoadLog) -> Kind:
    value = node.attribute("type")
    if value is None:
        return default
    if value.lower() not in _KINDS:
        _bad_attribute(draft, node, value, "type", notes)
    return _KINDS.get(value.lower(), default)


def _bad_attribute(draft: Draft, node: Node, value: bytes, name: str, notes: LoadLog) -> None:
    message = f"'{conditions.text(value)}' is no value of '{name}' in rule {draft.attributes.id}."
    notes.warn(message, node.at, "7600")


def _text(draft: Draft, node: Node, option: str, notes: LoadLog) -> None:
    joined = draft.text(option)
    joined.append(node.content, node, notes)
    joined.negate = _negate(draft, node, notes)
    joined.kind = _kind(draft, node, TEXT_OPTIONS[option], notes)
    draft.extra = draft.extra or option in _EXTRA_TEXTS


def _decoded_as(draft: Draft, node: Node, around: Surroundings) -> None:
    decoder_id = around.decoders.id_of(node.content)
    if decoder_id == 0:
        message = f"no decoder is called '{conditions.text(node.content)}'"
        raise around.notes.refuse(message, node.at)
    draft.single["decoded_as"] = conditions.DecodedAs(node.content, decoder_id)


def _field(draft: Draft, node: Node, around: Surroundings) -> None:
    rule_id = draft.attributes.id
    if len(draft.fields) >= MAX_FIELDS:
        raise around.notes.refuse(f"too many fields in rule {rule_id}", node.at)
    name = node.attribute("name")
    if name is None:
        if node.attributes:
            around.notes.error(f"rule {rule_id}. A field lacks its 'name'", node.at)
        raise RefuseFile
    if name.lower() in _NOT_FIELDS:
        message = f"rule {rule_id}. Field '{conditions.text(name)}' is static"
        raise around.notes.refuse(message, node.at)
    kind = _kind(draft, node, Kind.OSREGEX, around.notes)
    negate = _negate(draft, node, around.notes)
    expression = compile_text(node.content, kind, conditions.text(name), draft, around.notes)
    read = conditions.dynamic_field(name)
    draft.fields.append(conditions.ValueCondition("field", read, expression, negate, name))


def _address(draft: Draft, node: Node, around: Surroundings) -> None:
    network = parse_network(node.content)
    if network is None:
        message = f"'{conditions.text(node.content)}' is no address"
        raise around.notes.refuse(message, node.at, "1237")
    entry = draft.addresses.setdefault(node.name.lower(), AddressList())
    entry.networks.append(network)
    entry.texts.append(node.content)
    entry.negate = _negate(draft, node, around.notes)


def _time(draft: Draft, node: Node, around: Surroundings) -> None:
    found, complaints = parse_time(node.content)
    for complaint in complaints:
        message = f"'{conditions.text(complaint)}' is no time of day"
        around.notes.error_at_once(message, node.at, BAD_TIME)
    if found is None:
        raise invalid_value(node, around)
    draft.single["time"] = conditions.TimeCondition(found)
    draft.extra = True


def _weekday(draft: Draft, node: Node, around: Surroundings) -> None:
    days = parse_days(node.content)
    if days is None:
        message = f"'{conditions.text(node.content)}' names no days"
        around.notes.error(message, node.at, "1241")
        raise invalid_value(node, around)
    draft.single["weekday"] = conditions.WeekdayCondition(days)
    draft.extra = True


def _compiled_rule(draft: Draft, node: Node, around: Surroundings) -> None:
    predicate = PREDICATES.get(node.content)
    if predicate is None:
        message = f"there is no built-in rule '{conditions.text(node.content)}'"
        around.notes.error(message, node.at)
        raise invalid_value(node, around)
    draft.single["compiled_rule"] = conditions.CompiledRule(node.content, predicate)
    draft.extra = True


def _category(draft: Draft, node: Node, around: Surroundings) -> None:
    if node.content not in RULE_CATEGORIES:
        message = f"'{conditions.text(node.content)}' is no category"
        around.notes.error_at_once(message, node.at, BAD_CATEGORY)
        raise RefuseFile
    draft.category = node.content.decode()


def _group(draft: Draft, node: Node, around: Surroundings) -> None:
    joined = join(draft.groups, node.content, node, around.notes)
    draft.groups = joined.replace(b"\n", b"") if joined is not None else None


def _description(draft: Draft, node: Node, around: Surroundings) -> None:
    content = node.content.replace(b"\n", b" ", 1)
    draft.description = join(draft.description, content, node, around.notes)


def _cve(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.cve = join(draft.cve, node.content, node, around.notes)


def _info(draft: Draft, node: Node, around: Surroundings) -> None:
    for name, value in node.attributes[:1]:
        if name.lower() != "type":
            around.notes.error(f"<info> has no attribute '{shown(name)}'", node.at)
        elif value not in (b"text", b"link", b"cve", b"osvdb"):
            message = f"<info> attribute '{name}' cannot be '{conditions.text(value)}'"
            around.notes.error(message, node.at)
    draft.info = join(draft.info, node.content, node, around.notes)


def _if_sid(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.if_sid = join(draft.if_sid, node.content, node, around.notes)


def _if_level(draft: Draft, node: Node, around: Surroundings) -> None:
    if not is_number(node.content):
        raise _bad_level(draft, node.content, node, around.notes)
    draft.if_level = join(draft.if_level, node.content, node, around.notes)


def _bad_level(draft: Draft, value: bytes, node: Node, notes: LoadLog) -> Exception:
    message = (
        f"'if_level' cannot be '{conditions.text(value)}'; rule '{draft.attributes.id}' is dropped"
    )
    return notes.skip(message, node.at, "7609")


def _if_group(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.if_group = join(draft.if_group, node.content, node, around.notes)


def _if_matched_sid(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.context = True
    if not is_number(node.content):
        message = (
            f"'if_matched_sid' cannot be '{conditions.text(node.content)}';"
            f" rule '{draft.attributes.id}' is dropped"
        )
        raise around.notes.skip(message, node.at, "7615")
    draft.if_matched_sid = as_int(node.content)


def _if_matched_group(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.context = True
    draft.if_matched_group = join(draft.if_matched_group, node.content, node, around.notes)


def _if_matched_regex(draft: Draft, node: Node, around: Surroundings) -> None:
    draft.context = True
    draft.if_matched_regex = join(draft.if_matched_regex, node.content, node, around.notes)


def _check_diff(draft: Draft, _node: Node, _around: Surroundings) -> None:
    draft.context = draft.check_diff = draft.extra = True
    draft.single["check_diff"] = conditions.CheckDiff(draft.attributes.id)


def _if_fts(draft: Draft, _node: Node, _around: Surroundings) -> None:
    draft.single["if_fts"] = conditions.FirstTimeSeen()


def _global_frequency(draft: Draft, _node: Node, _around: Surroundings) -> None:
    draft.everywhere = True


def _same_field(draft: Draft, node: Node, _around: Surroundings) -> None:
    draft.same_fields.append(node.content.lower())


def _different_field(draft: Draft, node: Node, _around: Surroundings) -> None:
    draft.different_fields.append(node.content.lower())


def _alert_options(draft: Draft, node: Node, around: Surroundings) -> None:
    """``options``: switching mail or log off also switches ``no_counter`` off, if they were on."""
    match node.content:
        case b"alert_by_email":
            draft.mail = True
        case b"no_email_alert":
            draft.counter = draft.counter or draft.mail
            draft.mail = False
        case b"log_alert":
            draft.log = True
        case b"no_log":
            draft.counter = draft.counter or draft.log
            draft.log = False
        case b"no_ar":
            draft.active_response = False
        case b"no_full_log":
            draft.full_log = False
        case b"no_counter":
            draft.counter = False
        case _:
            message = f"invalid value of '{node.name.lower()}': {conditions.text(node.content)}."
            around.notes.error(message, node.at, "1235")
            raise _unknown(draft, node, around)


def _muting_fields(_draft: Draft, node: Node, around: Surroundings) -> None:
    """``ignore`` and ``check_if_ignored``: checked, but they never have an effect."""
    for word in node.content.split(b","):
        if not word.lstrip(b" ").partition(b" ")[0]:
            message = f"an empty name in '{conditions.text(node.content)}'"
            raise around.notes.refuse(message, node.at)


def _mitre(draft: Draft, node: Node, around: Surroundings) -> None:
    read_mitre(draft, node, around.notes)


_OPTIONS: dict[str, Callable[[Draft, Node, Surroundings], None]] = {
    "decoded_as": _decoded_as,
    "field": _field,
    "srcip": _address,
    "dstip": _address,
    "time": _time,
    "weekday": _weekday,
    "compiled_rule": _compiled_rule,
    "category": _category,
    "group": _group,
    "description": _description,
    "cve": _cve,
    "info": _info,
    "if_sid": _if_sid,
    "if_level": _if_level,
    "if_group": _if_group,
    "if_matched_sid": _if_matched_sid,
    "if_matched_group": _if_matched_group,
    "if_matched_regex": _if_matched_regex,
    "check_diff": _check_diff,
    "if_fts": _if_fts,
    "global_frequency": _global_frequency,
    "same_field": _same_field,
    "different_field": _different_field,
    "not_same_field": _different_field,
    "options": _alert_options,
    "ignore": _muting_fields,
    "check_if_ignored": _muting_fields,
    "mitre": _mitre,
    "list": read_list,
}
