"""Takes a program of this machine into a container that lacks it, with its libraries and loader.

An image of 4.14 has neither nft nor iptables, and a container has no network to install one from.
The libraries go into a folder of their own, so nothing of the container's changes but one new name.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

from wazuh_pack.errors import UnavailableError
from wazuh_pack.harness.container import OURS

_LIBRARY = re.compile(r"(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)")
_LOADER = re.compile(r"/ld-linux[^/]*$")
_SEARCHED = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def find(name: str) -> Path:
    """Return the path of a program of this machine.

    Raises:
        UnavailableError: It is not there.
    """
    found = shutil.which(name, path=_SEARCHED)
    if found is None:
        raise UnavailableError(f"neither the image nor this machine has {name}")
    return Path(found).resolve()


def libraries(program: Path) -> list[Path]:
    """Return what the loader loads for a program or library, the loader included."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)  # noqa: S607 - glibc's own
    return [Path(found[1]) for found in map(_LIBRARY.search, done.stdout.splitlines()) if found]


def carried(name: str, place: PurePosixPath) -> dict[PurePosixPath, bytes]:
    """Return the files that make a program of this machine run in a container, by their places.

    ``place`` gets two lines of shell that start it with the loader that it was built for.

    Raises:
        UnavailableError: It is not there, or is not a program of the GNU C library.
    """
    program = find(name)
    needed = libraries(program)
    loader = next((path for path in needed if _LOADER.search(str(path))), None)
    if loader is None:
        raise UnavailableError(f"{program} cannot be taken into another system")
    folder = OURS / name
    files = {folder / path.name: path.read_bytes() for path in [program, *needed]}
    start = f"{folder / loader.name} --library-path {folder} {folder / program.name}"
    files[place] = f'#!/bin/sh\nexec {start} "$@"\n'.encode()
    return files
