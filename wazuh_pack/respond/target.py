"""Finds in a request which address is meant and for how long."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.text import ALPHANUMERIC, HEXADECIMAL, consists_of, is_number
from wazuh_pack.respond.address import parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wazuh_pack.agentkit.protocol import Request
    from wazuh_pack.respond.address import Address

_KEY = ALPHANUMERIC | frozenset("_@-")
_LONGEST_KEY = 128
_DEEPEST = 16
_MAX_QUOTED = 80
_MAX_SEARCHED = 4096
_SEPARATORS = frozenset(".:/,;-[]() \t\r\n")
_DIGITS = HEXADECIMAL | frozenset("xX")
_LONGEST_GROUP = len("0xCB007109")


class Arguments:
    """What the administrator's ``<extra_args>`` say.

    Attributes:
        field: Dotted path of the alert's field that holds the address, or empty.
        timeout: Seconds to block for, or None.
    """

    __slots__ = ("field", "timeout")

    def __init__(self, field: str, timeout: int | None) -> None:
        self.field = field
        self.timeout = timeout


def parse_arguments(words: tuple[str, ...]) -> Arguments:
    """Read ``--field PATH`` and ``--timeout SECONDS``, each at most once.

    Raises:
        MessageError: Something else is there. Wazuh's API lets its callers choose these words.
    """
    found: dict[str, str] = {}
    rest = [word for word in words if word]  # execd splits at every single blank
    if len(rest) % 2:
        raise MessageError("the extra arguments are not pairs of an option and a value")
    for option, value in zip(rest[::2], rest[1::2]):
        fits = {"--field": _is_path, "--timeout": _is_seconds}.get(option)
        if fits is None:
            raise MessageError("an extra argument is neither --field nor --timeout")
        if option in found:
            raise MessageError(f"{option} is there twice")
        if not fits(value):
            raise MessageError(f"the value of {option} is malformed")
        found[option] = value
    timeout = found.get("--timeout")
    return Arguments(found.get("--field", ""), int(timeout) if timeout else None)


def _is_path(text: str) -> bool:
    keys = text.split(".")
    return len(keys) <= _DEEPEST and all(consists_of(key, _KEY, _LONGEST_KEY) for key in keys)


def _is_seconds(text: str) -> bool:
    return is_number(text) and text[0] != "0"


def find_text(request: Request, field: str) -> str:
    """Return the text of one of the alert's fields.

    Raises:
        MessageError: The alert has no such field or it is not text.
    """
    value: object = request.alert
    for key in field.split("."):
        if not isinstance(value, dict) or key not in value:
            raise MessageError(f"the alert has no field {field}")
        value = value[key]
    if not isinstance(value, str):
        raise MessageError(f"the field {field} is not text")
    return value


def find_address(request: Request, field: str) -> Address:
    """Return the address in one of the alert's fields.

    Raises:
        MessageError: There is none, or it is not written as one plain address.
    """
    text = find_text(request, field)
    try:
        return parse_address(text)
    except MessageError as error:
        raise MessageError(f"{error}: {_quote(text)}") from None


def _quote(text: str) -> str:
    """Return hostile text for the log: without secrets, short, on one line.

    What is not made of the characters and short groups of addresses may be anything, a password in
    the wrong field for instance, so only its length is told.
    """
    from wazuh_pack.agentkit.jsonlog import clean  # noqa: PLC0415 -- rarely needed

    words = "".join(" " if c in _SEPARATORS else c for c in text[:_MAX_SEARCHED]).split()
    if len(text) <= _MAX_SEARCHED and all(consists_of(w, _DIGITS, _LONGEST_GROUP) for w in words):
        return repr(clean(text, _MAX_QUOTED))
    return f"{len(text)} characters"
