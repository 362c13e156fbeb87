"""The errors of scripts; each message says what is wrong and what to do."""

from __future__ import annotations


class AgentError(Exception):
    """Something that keeps a script from doing its work."""


class MessageError(AgentError):
    """Input that is refused: malformed, too large or of the wrong type."""


class ConfigError(AgentError):
    """A configuration that cannot be used.

    ``problems`` holds one line per problem, ``path:line: what is wrong; what to do``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class UntrustedFileError(AgentError):
    """A file or folder that somebody other than root could have changed."""


class LockTimeoutError(AgentError):
    """Another process holds the lock for longer than we may wait."""


class ProcessError(AgentError):
    """A program that is missing or could not be started."""


class InboxError(AgentError):
    """A message that could not be kept for later."""


class PostponedError(AgentError):
    """Messages that cannot be dealt with now, and are to stay in the inbox.

    Attributes:
        done: How many messages before them have been dealt with.
    """

    def __init__(self, reason: str, done: int) -> None:
        super().__init__(reason)
        self.done = done
