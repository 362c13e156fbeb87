"""Writes a script and the modules it needs as one executable file, the same bytes every time.

The file is a shell prologue followed by a zip archive of sources, which Python runs as it is. It is
one file because Wazuh can pin the digest of one file only, because there is then no folder of
modules whose mode could be wrong, and because it is replaced at once.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from wazuh_pack.bundle.launcher import PREFIX, Place, prologue
from wazuh_pack.bundle.modules import collect
from wazuh_pack.errors import PackError

MANIFEST = "MANIFEST"
_GATE = Path(__file__).resolve().parents[1] / "gate"
_KEY_LENGTH = 16
_MAIN = "__main__.py"
_DESCRIPTION = "response.yml"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip archive can hold
_UNIX = 3
_FILE_MODE = 0o100644
_MODE = 0o750


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """A file that was built.

    ``modules`` are the names of the archive's members, sorted, without the manifest.
    """

    path: Path
    sha256: str
    modules: tuple[str, ...]


def build_bundle(entry: Path, out: Path) -> BundleInfo:
    """Build the executable of one script.

    Args:
        entry: Folder of the script (``active_response/<name>`` or ``wodles/<name>``).
        out: File to write, mode 0750; its name is the script's name on the host.

    Raises:
        PackError: There is no such script, or it imports what an agent does not have.
    """
    place = Place.WODLE if entry.resolve().parent.name == "wodles" else Place.RESPONSE
    return _build(entry, out, place)


def build_gate(out_dir: Path) -> BundleInfo:
    """Build the deploy gate for runners that have neither Wazuh nor this package.

    Args:
        out_dir: Where ``wazuh-pack-gate`` goes; made when absent.

    Raises:
        PackError: The gate imports what a runner does not have.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    return _build(_GATE, out_dir / executable_name(_GATE), Place.TOOL)


def _build(entry: Path, out: Path, place: Place) -> BundleInfo:
    main = entry / _MAIN
    if not main.is_file():
        raise PackError(f"{entry} has no {_MAIN}", hint="name the folder of a script")
    members = {_MAIN: main.read_bytes(), **collect(main, _packages(entry / _DESCRIPTION))}
    manifest = _manifest(members)
    key = hashlib.sha256(manifest).hexdigest()[:_KEY_LENGTH]
    content = prologue(out.name, place, key).encode("ascii")
    content += _archive({**members, MANIFEST: manifest}, offset=len(content))
    _write(out, content)
    return BundleInfo(out, hashlib.sha256(content).hexdigest(), tuple(sorted(members)))


def bundle_all(tree: Path, out_dir: Path) -> list[BundleInfo]:
    """Build the executables of all scripts below ``active_response`` and ``wodles``.

    Each gets the name :func:`executable_name` gives.

    Args:
        tree: Folder that holds the two.
        out_dir: Where the files go; made when absent.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    entries = [
        main.parent
        for kind in ("active_response", "wodles")
        for main in sorted((tree / kind).glob(f"*/{_MAIN}"))
    ]
    return [build_bundle(entry, out_dir / executable_name(entry)) for entry in entries]


def executable_name(entry: Path) -> str:
    """Return the name on the host of the script in a folder.

    The script in ``block_ip`` is ``wazuh-pack-block-ip``.
    """
    return PREFIX + entry.name.replace("_", "-")


def _packages(description: Path) -> frozenset[str]:
    """Return what a script's description names as ``requires.packages``."""
    text = description.read_text(encoding="utf-8") if description.is_file() else ""
    if "packages:" not in text:
        return frozenset()
    import yaml  # noqa: PLC0415 -- most scripts need no package, and can be built without it

    return frozenset(yaml.safe_load(text)["requires"]["packages"])


def _manifest(members: dict[str, bytes]) -> bytes:
    lines = (
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(members.items())
    )
    return "".join(lines).encode("ascii")


def _archive(members: dict[str, bytes], *, offset: int) -> bytes:
    """Return an archive that begins at ``offset`` of its file."""
    stream = io.BytesIO(bytes(offset))
    stream.seek(offset)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = _UNIX
            info.external_attr = _FILE_MODE << 16
            archive.writestr(info, content)
    return stream.getvalue()[offset:]


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.chmod(_MODE)
    temporary.replace(path)
