"""The pack and all that it imports, for the Python in the container, made on this machine.

A 4.14 image has Wazuh's own Python, without pip and perhaps without a network. So wheels for that
Python are unpacked here and copied there as a folder; what Wazuh's own site-packages hold is not
touched and not needed. The command that runs there is the one that ``make install`` runs.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack import resources
from wazuh_pack.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

_OLDEST_LIBC = 17
"""glibc 2.17: what the oldest wheels in use are built for (manylinux2014)."""
_TREE = ("rules_xml", "decoders", "active_response", "wodles")
_MESSAGE = re.compile(r"^message: [^\n\"'>|]+[^\n\"'>|\\ ](?=\n\w)", re.MULTILINE)
"""A message of one line without quotes."""
NEW_WORDS = " - as the later version says"
"""What the later version adds to a message."""
_LEFT_OUT = ("__pycache__", "*.pyc", "*.dist-info", "*.egg-info")


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter: its version, such as ``3.10.20``, machine and C library's version."""

    version: str
    machine: str
    libc: str

    @property
    def short(self) -> str:
        """Major and minor version."""
        return ".".join(self.version.split(".")[:2])

    def platforms(self) -> list[str]:
        """Return the platform tags of wheels that it can use, the newest first."""
        major, _, minor = self.libc.partition(".")
        if major != "2" or not minor.split(".")[0].isdecimal():
            raise HarnessError(f"no wheels are known for a C library {self.libc or '(not glibc)'}")
        newest = int(minor.split(".")[0])
        tags = [f"manylinux_2_{n}_{self.machine}" for n in range(newest, _OLDEST_LIBC - 1, -1)]
        return [*tags, f"manylinux2014_{self.machine}"]


class Closures:
    """Makes the folder of dependencies once for each kind of interpreter."""

    def __init__(self, scratch: Path, wheels: Path | None = None) -> None:
        self._scratch = scratch
        self._wheels = wheels
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], Path] = {}

    def of(self, python: Python) -> Path:
        """Return a folder with what the pack imports.

        Raises:
            HarnessError: Something is not to be had as a wheel for this interpreter.
        """
        key = (python.short, python.machine, python.libc)
        with self._lock:
            if key not in self._made:
                folder = self._scratch / f"closure-{len(self._made)}"
                _install(python, folder, self._wheels)
                self._made[key] = folder
            return self._made[key]


def _install(python: Python, folder: Path, wheels: Path | None) -> None:
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    tags = [word for tag in python.platforms() for word in ("--platform", tag)]
    argv = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-compile", "--only-binary=:all:", "--target", str(folder)),
        *("--implementation", "cp", "--python-version", python.short, *tags, *source),
        *requirements(metadata.requires("wazuh-pack") or ()),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(
            f"pip finds no wheels of the dependencies for Python {python.short}",
            details=done.stderr.strip().splitlines(),
            hint="--wheels FOLDER takes them from a folder instead of an index",
        )


def requirements(listed: Sequence[str]) -> list[str]:
    """Return what a distribution always needs, extras left out."""
    return [item.partition(";")[0].strip() for item in listed if "extra ==" not in item]


def make_pack(folder: Path) -> Path:
    """Copy the package into a folder, as a wheel holds it; return where it is."""
    package = folder / "wazuh_pack"
    ignore = shutil.ignore_patterns(*_LEFT_OUT)
    shutil.copytree(Path(__file__).parents[1], package, ignore=ignore)
    for name in _TREE:
        target = package / "_tree" / name
        if not target.exists():
            shutil.copytree(resources.tree() / name, target, ignore=ignore)
    return package


def make_later(package: Path) -> str:
    """Make a copied package a later version that says something new; return its version.

    The message of a detection is not part of what its rule means, so no id changes.
    """
    path = package / "__init__.py"
    text = path.read_text("utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    if found is None:
        raise HarnessError(f"{path} tells no version")
    later = f"{found[1]}.post1"
    path.write_text(text.replace(found[0], f'__version__ = "{later}"'), "utf-8")
    changed = next(
        path
        for path in sorted((package / "content").glob("*/*.yml"))
        if _MESSAGE.search(path.read_text("utf-8"))
    )
    content = changed.read_text("utf-8")
    changed.write_text(_MESSAGE.sub(rf"\g<0>{NEW_WORDS}", content, count=1), "utf-8")
    return later


def archive(folder: Path, place: PurePosixPath) -> bytes:
    """Return a tar archive of a folder's content, to be unpacked as ``place``, owned by root."""
    buffer = io.BytesIO()

    def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    with tarfile.open(fileobj=buffer, mode="w") as packed:
        packed.add(folder, str(place).lstrip("/"), filter=as_root)
    return buffer.getvalue()
