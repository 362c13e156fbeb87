"""A disk that is full, for whoever cannot mount one."""

import resource
from contextlib import contextmanager


@contextmanager
def full_disk():
    """Let no file of this process grow beyond a byte: writes fail half-way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
