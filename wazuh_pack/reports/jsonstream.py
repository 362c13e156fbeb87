"""Walks a JSON document of any size while holding one member of it.

The caller descends into the containers it knows by name and lets everything else pass. Elements
are decoded by the standard library's own scanner, so that a large list costs what ``json.load``
costs in time and one element in memory.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, TextIO

CHUNK = 1 << 17
"""Characters that are read at a time."""

MAX_VALUE = 8 << 20
"""Characters one member may have that is decoded whole; real reports have at most 8,000."""

_PAST_SPACE = re.compile(r"[^ \t\n\r]")
_NEXT_OBJECT = re.compile(r"[ \t\n\r]*(?:,[ \t\n\r]*\{|\])")
_BEYOND_NUMBER = re.compile(r"[^0-9+.eE-]")


class JsonError(Exception):
    """The text is not JSON, ends too early, or has a member that is too large."""


class JsonStream:
    """A cursor in a JSON document.

    Every method expects the cursor in front of a value and leaves it behind that value. Iterators
    must be used up, and each step of :meth:`members` or :meth:`elements` must consume its value.
    """

    def __init__(self, source: TextIO, *, chunk: int = CHUNK, max_value: int = MAX_VALUE) -> None:
        self._source = source
        self._chunk = chunk
        self._max_value = max_value
        self._text = ""
        self._at = 0
        self._ended = False
        self._scan = json.JSONDecoder().raw_decode
        self._scan_once = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # typeshed lacks it

    def peek(self) -> str:
        """Return the first character of the next token; ``""`` at the end of the document."""
        while True:
            character = self._text[self._at : self._at + 1]
            if character and character not in " \t\n\r":
                return character
            found = _PAST_SPACE.search(self._text, self._at)
            if found:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if not self._more(self._chunk):
                return ""

    def value(self, *, at_most: int = 0) -> Any:
        """Decode the next value whole; ``at_most`` characters, by default the stream's limit.

        Raises:
            JsonError: It is malformed, cut off, nested too deeply or longer than the limit.
        """
        self.peek()
        want = self._chunk
        limit = at_most or self._max_value
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except ValueError as error:
                problem = str(error)
            except RecursionError:
                raise JsonError("the document is nested too deeply") from None
            else:
                # What looks like a number at the end of the buffer may go on in the next chunk.
                if self._ended or _BEYOND_NUMBER.search(self._text, end):
                    self._at = end
                    return value
                problem = ""
            if len(self._text) - self._at > limit:
                raise JsonError(f"a member is malformed or longer than {limit} characters")
            if not self._more(want) and problem:
                raise JsonError(f"the document is cut off or malformed: {problem}")
            want *= 2

    def members(self) -> Iterator[str]:
        """Yield the keys of the object at the cursor.

        Raises:
            JsonError: There is no object, or it is malformed or cut off.
        """
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise JsonError("an object has a key that is not text")
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def elements(self) -> Iterator[None]:
        """Step through the array at the cursor.

        Raises:
            JsonError: There is no array, or it is malformed or cut off.
        """
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield None
            if self._take(",]") == "]":
                return

    def values(self) -> Iterator[Any]:
        """Decode the elements of the array at the cursor one by one.

        Raises:
            JsonError: As for :meth:`elements` and :meth:`value`.
        """
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            value, closed = self._quick_element()
            if closed is None:
                value = self.value()
                closed = self._take(",]") == "]"
            yield value
            if closed:
                return

    def _quick_element(self) -> tuple[Any, bool | None]:
        """Decode an object that lies in the buffer with what follows it; ``None`` if it does not.

        Then nothing has moved, and the careful way finds out why.
        """
        text = self._text
        try:
            value, end = self._scan_once(text, self._at)
        except (StopIteration, ValueError, RecursionError):
            return None, None
        found = _NEXT_OBJECT.match(text, end) if value.__class__ is dict else None
        if found is None:
            return None, None
        closed = found[0][-1] == "]"
        self._at = found.end() if closed else found.end() - 1
        return value, closed

    def skip(self) -> None:
        """Pass over the next value; only its direct members have to fit into the limit."""
        kind = self.peek()
        if kind == "{":
            for _ in self.members():
                self.value()
        elif kind == "[":
            for _ in self.values():
                pass
        else:
            self.value()

    def finish(self) -> None:
        """Check that nothing follows the document.

        Raises:
            JsonError: Something does.
        """
        if self.peek():
            raise JsonError("text follows the end of the document")

    def _take(self, choices: str) -> str:
        found = self.peek()
        if not found:
            raise JsonError("the document is cut off")
        if found not in choices:
            raise JsonError(f"found {found!r} where one of {choices!r} is expected")
        self._at += 1
        return found

    def _more(self, count: int) -> bool:
        """Read on; ``False`` at the end of the source."""
        if self._ended:
            return False
        fresh = self._source.read(count)
        self._ended = not fresh
        self._text = self._text[self._at :] + fresh
        self._at = 0
        return bool(fresh)
