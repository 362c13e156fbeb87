"""A JSON-lines file that ``<localfile>`` reads, in place of standard output.

Wazuh 5 makes one event of a command's whole output; a file that its log collector reads gives one
event a line there too. The folder may belong to Wazuh's own user: what that user may have planted
in it is refused.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

from wazuh_pack.agentkit.files import open_log, write_all

MAX_BYTES = 20 << 20
"""A larger file is put aside as ``<path>.1`` before more is written, replacing the one before.

logcollector follows a file by its inode and reads within a second; deliveries are minutes apart, so
by then it has read it all.
"""


@contextmanager
def opened(path: str, *, max_bytes: int = MAX_BYTES) -> Iterator[int]:
    """Open the file for one delivery and yield its descriptor.

    Raises:
        OSError: It cannot be opened.
        UntrustedFileError: What is there is not a plain file of one name.
    """
    descriptor = open_log(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > max_bytes:
            os.replace(path, f"{path}.1")  # noqa: PTH105 - a str, as in agentkit
            os.close(descriptor)
            descriptor = open_log(path)
        elif size and not _ends_a_line(path, size):
            # A full disk cut the last line off; that event comes again, whole.
            write_all(descriptor, b"\n")
        yield descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ends_a_line(path: str, size: int) -> bool:
    reader = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.pread(reader, 1, size - 1) == b"\n"
    finally:
        os.close(reader)
