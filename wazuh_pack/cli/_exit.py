"""Exit codes; documented in docs/reference/cli.md and tested one by one."""

OK = 0
ERROR = 1
"""Something could not be done: an unreadable file, a refused configuration."""
USAGE = 2
"""The command line is wrong."""
DRIFT = 10
"""Committed files differ from what the content renders to."""
CONTENT = 11
"""The content, or the XML made from it, has problems."""
FAILED = 20
"""A detection did not do what its cases say."""
UNHEALTHY = 21
"""An installation is not healthy."""
READER_GONE = 141
"""Nobody reads the output any more, as in ``| head``; a shell says so of what SIGPIPE ends."""
