"""Unpacking of archives that our own code made."""

import tarfile


def unpack(archive, folder):
    """Unpack an open tar archive as it is, which Pythons before 3.11.4 always do."""
    known = hasattr(tarfile, "fully_trusted_filter")
    archive.extractall(folder, **({"filter": "fully_trusted"} if known else {}))  # noqa: S202 - ours
