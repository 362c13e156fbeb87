"""Reading a request as analysisd 4.14.7 does: what it requires, ignores and refuses.

Messages carry analysisd's numbers and the same quoted values; the words are ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum

from wazuh_pack.engine.cjson import JsonError, Object, Value, parse
from wazuh_pack.engine.cjson_print import print_compact

TOKEN_LENGTH = 8
_CONTEXT = 20
"""How many characters around the fault a parse error shows."""
_LOCATION_LIMIT = 2048


class Code(IntEnum):
    """``error`` of an answer."""

    OK = 0
    NOT_JSON = 1
    INVALID_FIELD = 2
    UNKNOWN_COMMAND = 3
    INVALID_TOKEN = 4
    TOO_LARGE = 5


class RequestError(Exception):
    """A request that is refused as a whole."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class LogRequest:
    """``log_processing``.

    Attributes:
        event: The log line.
        location: Where it comes from.
        token: The session; None opens one.
        rules_debug: Show every rule that is tried.
        warnings: What about the request is ignored.
    """

    event: bytes
    location: bytes
    token: str | None
    rules_debug: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveRequest:
    """``remove_session``."""

    token: str


def read_request(raw: bytes) -> LogRequest | RemoveRequest:
    """Return what a message asks for.

    Raises:
        RequestError: It is refused.
    """
    root = _parse(raw.partition(b"\0")[0])
    parameters = _required(root, "parameters")
    if not isinstance(parameters, tuple):
        raise _invalid("parameters")
    command = _required(root, "command")
    if not isinstance(command, str):
        raise _invalid("command")
    if command == "remove_session":
        return _remove_request(parameters)
    if command == "log_processing":
        return _log_request(parameters)
    raise RequestError(Code.UNKNOWN_COMMAND, "(7306): no such command")


def _parse(text: bytes) -> Object:
    try:
        root = parse(text)
    except JsonError:
        position = _fault(text)
        start = max(0, position - _CONTEXT // 2)
        context = text[start : start + _CONTEXT].decode("utf-8", "surrogateescape")
        message = f"(7307): not JSON at position {position}, ... {context} ..."
        raise RequestError(Code.NOT_JSON, message) from None
    return root if isinstance(root, tuple) else ()


def _fault(text: bytes) -> int:
    """Return about where a text stops being JSON."""
    try:
        json.JSONDecoder().raw_decode(text.decode("latin-1"))
    except json.JSONDecodeError as error:
        return error.pos
    except RecursionError:
        pass
    return 0


def _log_request(parameters: Object) -> LogRequest:
    location = _text(parameters, "location")
    _text(parameters, "log_format")
    event = _event(parameters)
    token, warnings = _token(parameters)
    rules_debug, more = _options(parameters)
    return LogRequest(event, location[:_LOCATION_LIMIT], token, rules_debug, (*warnings, *more))


def _remove_request(parameters: Object) -> RemoveRequest:
    token = _member(parameters, "token")
    if not isinstance(token, str):
        raise RequestError(
            Code.INVALID_TOKEN, "(7316): the session stays: the token must be a string"
        )
    if len(_encode(token)) != TOKEN_LENGTH:
        raise RequestError(Code.INVALID_TOKEN, _bad_token(token))
    return RemoveRequest(token)


def _event(parameters: Object) -> bytes:
    event = _required(parameters, "event")
    if isinstance(event, str) and event:
        return _encode(event)
    if isinstance(event, tuple) and event:
        return print_compact(event)
    raise _invalid("event")


def _token(parameters: Object) -> tuple[str | None, tuple[str, ...]]:
    if not _has(parameters, "token"):
        return None, ()
    token = _member(parameters, "token")
    if isinstance(token, str) and len(_encode(token)) == TOKEN_LENGTH:
        return token, ()
    shown = token if isinstance(token, str) else print_compact(token).decode("utf-8", "replace")
    return None, (_bad_token(shown),)


def _options(parameters: Object) -> tuple[bool, tuple[str, ...]]:
    if not _has(parameters, "options"):
        return False, ()
    options = _member(parameters, "options")
    if not isinstance(options, tuple):
        return False, ("(7005): 'options' is not an object and is ignored",)
    if not _has(options, "rules_debug"):
        return False, ()
    wanted = _member(options, "rules_debug")
    if not isinstance(wanted, bool):
        return False, ("(7006): 'rules_debug' is not a boolean and is ignored",)
    return wanted, ()


def _text(members: Object, name: str) -> bytes:
    value = _member(members, name)
    if isinstance(value, str) and value:
        return _encode(value)
    raise RequestError(Code.INVALID_FIELD, f"(7308): '{name}' must be there and be a string")


def _required(members: Object, name: str) -> Value:
    if not _has(members, name):
        raise RequestError(Code.INVALID_FIELD, f"(7313): '{name}' is missing")
    return _member(members, name)


def _has(members: Object, name: str) -> bool:
    return any(key == name for key, _ in members)


def _member(members: Object, name: str) -> Value:
    """Return the first member of a name; None when there is none."""
    return next((value for key, value in members if key == name), None)


def _invalid(name: str) -> RequestError:
    return RequestError(Code.INVALID_FIELD, f"(7317): '{name}' has a value that is not allowed")


def _bad_token(token: str) -> str:
    return f"(7309): '{token}' is no token"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
