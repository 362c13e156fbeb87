"""From a request's bytes to an answer's bytes."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wazuh_pack.diagnostics import Severity
from wazuh_pack.engine import DiffStore, LoadFailure
from wazuh_pack.engine.conditions import text
from wazuh_pack.errors import PackError
from wazuh_pack.serve.requests import (
    Code,
    LogRequest,
    RemoveRequest,
    RequestError,
    read_request,
)
from wazuh_pack.serve.sessions import at_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wazuh_pack.diagnostics import Diagnostic
    from wazuh_pack.engine import Trace
    from wazuh_pack.serve.sessions import OpenSession, RulesetSource, SessionStore

_ERROR = -1
_WARNING = 1
_DESCRIPTION_LIMIT = 1024

Answer = dict[str, Any]


class _Messages:
    """What an answer says beside its result, and the code that follows from it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.code = 0

    def error(self, message: str) -> None:
        self.texts.append(f"ERROR: {message}")
        self.code = _ERROR

    def warn(self, message: str) -> None:
        self.texts.append(f"WARNING: {message}")
        self.code = self.code or _WARNING

    def tell(self, message: str) -> None:
        self.texts.append(f"INFO: {message}")

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        for item in found:
            say = self.error if item.severity is Severity.ERROR else self.warn
            say(f"({item.code}): {item.message}" if item.code else item.message)


class Responder:
    """Answers requests. Safe to use from several threads."""

    def __init__(
        self,
        ruleset: RulesetSource,
        sessions: SessionStore,
        *,
        clock: Callable[[], float] = time.time,
        manager: str | None = None,
    ) -> None:
        """Answer with new sessions of a ruleset.

        Args:
            ruleset: Where new sessions come from.
            sessions: Keeps them.
            clock: The time of events, in seconds since the epoch.
            manager: The manager's host name; this machine's by default.
        """
        self._ruleset = ruleset
        self._sessions = sessions
        self._clock = clock
        self._manager = manager
        self._diffs = DiffStore()
        self._zone = datetime.now(timezone.utc).astimezone().tzinfo or timezone.utc

    def answer(self, raw: bytes) -> bytes:
        """Return the answer to a message; it never raises for what a message says."""
        try:
            request = read_request(raw)
        except RequestError as error:
            return _encode({"message": error.message, "error": int(error.code), "data": {}})
        if isinstance(request, RemoveRequest):
            return _encode({"error": int(Code.OK), "data": self._remove(request)})
        return _encode({"error": int(Code.OK), "data": self._judge(request)})

    def too_large(self) -> bytes:
        """Return the answer to a message that was not read for its size."""
        return _encode({"message": "(7315): the message is too long", "error": int(Code.TOO_LARGE)})

    def _remove(self, request: RemoveRequest) -> Answer:
        messages = _Messages()
        removed = self._sessions.remove(request.token)
        if removed:
            messages.tell(f"(7206): session '{request.token}' is closed")
        elif removed is None:
            messages.error(f"(7004): there is no session '{request.token}'")
        else:
            messages.error(f"(7318): session '{request.token}' is at work and stays")
        return {"messages": messages.texts, "codemsg": messages.code}

    def _judge(self, request: LogRequest) -> Answer:
        messages = _Messages()
        for warning in request.warnings:
            messages.warn(warning)
        held = self._session(request, messages)
        data: Answer = {"messages": messages.texts} if messages.texts else {}
        if held is None:
            return data | {"codemsg": messages.code}
        data["token"] = held.token
        with at_work(held) as session:
            session.tracing = request.rules_debug
            result = session.process(request.event, location=request.location)
        if not result.refused and not result.is_too_deep:
            data["output"] = result.as_alert()
        else:
            messages.error("(7312): the event could not be judged")
        if request.rules_debug:
            data["rules_debug"] = list(_debug(result.trace)) if result.trace else []
        for _ in range(result.mitre_warnings - result.load_warnings):
            messages.warn(f"rule '{result.rule_id}' names what ATT&CK does not have")
        if messages.texts:
            data["messages"] = messages.texts
        if messages.code >= 0:
            data["alert"] = result.alert
        data["codemsg"] = messages.code
        return data

    def _session(self, request: LogRequest, messages: _Messages) -> OpenSession | None:
        """Return the session asked for, else a new one; None when no ruleset can be had."""
        held = None
        if request.token is not None:
            held = self._sessions.find(request.token)
            if held is None:
                messages.warn(f"(7003): session '{request.token}' is over")
        return held or self._open(messages)

    def _open(self, messages: _Messages) -> OpenSession | None:
        try:
            ruleset = self._ruleset.current()
        except PackError as error:
            if isinstance(error, LoadFailure):
                messages.diagnostics(error.diagnostics)
            else:
                messages.error(str(error))
            messages.error("(7311): no session without a ruleset")
            return None
        messages.diagnostics(ruleset.diagnostics)
        if messages.code < 0:
            return None
        session = ruleset.session(
            clock=self._clock, manager=self._manager, tz=self._zone, diffs=self._diffs
        )
        held = self._sessions.add(session)
        messages.tell(f"(7202): session opened with token '{held.token}'")
        return held


def _debug(trace: Trace) -> Iterator[str]:
    """Yield what logtest's verbose mode prints for every rule that was tried."""
    for step in trace.steps:
        description = text(step.rule.definition.description[:_DESCRIPTION_LIMIT])
        yield f"Trying rule: {step.rule.id} - {description}"
        if step.matched:
            yield f"*Rule {step.rule.id} matched"
            if step.has_children:
                yield "*Trying child rules"


def _encode(answer: Answer) -> bytes:
    printed = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return printed.encode("utf-8", "surrogateescape")
