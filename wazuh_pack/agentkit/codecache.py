"""Keeps a script's compiled modules on this host, so that an event need not wait for the compiler.

A script is one file of sources: the same bytes for every Python, which is why it can be pinned and
checked. Compiling them takes longer than everything else that an event needs. So the first run
leaves the compiled modules in a folder of root's, ``var/wazuh-pack/code``, and the shell lines at
the script's head load them from there (``wazuh_pack.bundle.launcher`` says what they check). They
are used only for the very file that they were made from: its digest is in their name; its inode,
size and times are in them.

Until :func:`start` has run, nothing of ours can be imported, so the imports are in the functions.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from importlib.machinery import ModuleSpec
    from types import ModuleType

FOLDER = "code"
KEY_LENGTH = 16
HASH_KEY = 0x77617A7568
HASH_LENGTH = 8
MANIFEST = "MANIFEST"

_ModuleSpec = type(sys.__spec__)


class _Finder:
    """Imports modules from their compiled code."""

    def __init__(self, codes: dict[str, tuple[bool, bytes]]) -> None:
        self._codes = codes

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Return a module's specification, or None when it is not one of ours."""
        if name not in self._codes:
            return None
        return _ModuleSpec(name, self, is_package=self._codes[name][0])  # type: ignore[arg-type]  # same as in start()

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        exec(marshal.loads(self._codes[module.__name__][1]), module.__dict__)  # noqa: S102, S302 -- checked by the launcher


def start(codes: dict[str, tuple[bool, bytes]]) -> None:
    """Run a script from its compiled modules; each is a pair: whether it is a package, and code."""
    sys.meta_path.insert(0, _Finder(codes))  # type: ignore[arg-type]  # has what Python asks for
    exec(marshal.loads(codes["__main__"][1]), sys.modules["__main__"].__dict__)  # noqa: S102, S302 -- same


def stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells one state of a script's file from any other."""
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def needed() -> bool:
    """Return whether this process had to compile its modules from a script's archive."""
    return type(__loader__).__name__ == "zipimporter"  # type: ignore[name-defined]  # all have it


def remember(state: str, script: str) -> None:
    """Leave the compiled modules of a script for its next run.

    Does nothing in a process that runs from them, or not from a script's archive at all.

    Args:
        state: Folder of the pack's state, ``<home>/var/wazuh-pack``.
        script: Path of the script.

    Raises:
        OSError: The script cannot be read or the folder cannot be written.
        UntrustedFileError: Somebody other than root could write the folder.
    """
    if not needed():
        return
    import os  # noqa: PLC0415 -- see the module's docstring
    from hashlib import sha256  # noqa: PLC0415
    from zipfile import ZipFile  # noqa: PLC0415

    from wazuh_pack.agentkit.files import make_private, names, remove, write_atomic  # noqa: PLC0415

    with open(script, "rb") as file, ZipFile(file) as archive:  # noqa: PTH123 -- pathlib is slow
        made_from = stamp(os.fstat(file.fileno()))
        key = sha256(archive.read(MANIFEST)).hexdigest()[:KEY_LENGTH]
        codes = dict(
            _compiled(name, archive.read(name), script)
            for name in archive.namelist()
            if name.endswith(".py")
        )
    content = marshal.dumps((made_from, codes))
    base, _, folder = state.rpartition("/")
    make_private(base, (folder, FOLDER))
    name = os.path.basename(script)  # noqa: PTH119 -- same
    path = f"{state}/{FOLDER}/{name}-{key}.{sys.implementation.cache_tag}"
    write_atomic(path, digest(content) + content)
    for other in names(f"{state}/{FOLDER}"):
        if other.rpartition("-")[0].startswith(f"{name}-") and f"-{key}." not in other:
            remove(f"{state}/{FOLDER}/{other}")


def digest(content: bytes) -> bytes:
    """Return a checksum, against what a power cut may have left of a file."""
    import _imp  # noqa: PLC0415 -- see the module's docstring

    return _imp.source_hash(HASH_KEY, content)


def _compiled(name: str, source: bytes, script: str) -> tuple[str, tuple[bool, bytes]]:
    code = compile(source, f"{script}/{name}", "exec", dont_inherit=True, optimize=2)
    parts = name[: -len(".py")].split("/")
    package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if package else parts), (package, marshal.dumps(code))
