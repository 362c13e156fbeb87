"""Finds the modules that a script needs, and refuses those that an agent does not have."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = Path(__file__).resolve().parents[1]
_OURS = _PACKAGE.name
_ALLOWED = ("agentkit", "gate", "reports", "respond", "revoke", "scan")

# A script runs on Python 3.8 to 3.13 and later: what one of them lacks is not to be relied on.
_TOO_NEW = frozenset({"annotationlib", "compression", "graphlib", "tomllib", "zoneinfo"})
_REMOVED = frozenset(
    {
        "_bootlocale",
        "aifc",
        "asynchat",
        "asyncore",
        "audioop",
        "binhex",
        "cgi",
        "cgitb",
        "chunk",
        "crypt",
        "distutils",
        "formatter",
        "imghdr",
        "imp",
        "lib2to3",
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
        "ossaudiodev",
        "parser",
        "pipes",
        "smtpd",
        "sndhdr",
        "spwd",
        "sunau",
        "symbol",
        "telnetlib",
        "uu",
        "xdrlib",
    }
)
_STANDARD = sys.stdlib_module_names - _TOO_NEW - _REMOVED


def collect(main: Path, packages: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Return the modules of ours that a script imports, directly or not.

    Imports inside functions count; imports under ``if TYPE_CHECKING:`` do not, they never happen.

    Args:
        main: The script's entry point.
        packages: Packages besides the standard library that there are where the script runs. They
            may be imported inside functions only: a script must be able to say that one is missing.

    Returns:
        Content by name in the archive, such as ``wazuh_pack/agentkit/locks.py``.

    Raises:
        PackError: An import is neither of the standard library, nor of ``agentkit``, ``gate``,
            ``reports``, ``respond``, ``revoke`` or ``scan``, nor of ``packages`` and inside a
            function.
    """
    members: dict[str, bytes] = {}
    todo = [main]
    while todo:
        path = todo.pop()
        name = path.relative_to(_PACKAGE.parent).as_posix() if path != main else ""
        if name in members:
            continue
        source = path.read_bytes()
        if name:
            members[name] = source
        for module, line, late in _imports(ast.parse(source, str(path)), path):
            if not (late and module.split(".")[0] in packages):
                todo += _files(module, Location(path, line))
    return members


def _imports(tree: ast.AST, path: Path, *, late: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Yield the dotted names that are imported, with their lines and whether in a function.

    ``from a import b`` yields ``a.b``, which is a module or something in ``a``.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise PackError(
                    "a relative import in a script's code",
                    at=Location(path, node.lineno),
                    hint=f"write the full name, from {_OURS} on",
                )
            yield from ((f"{node.module}.{alias.name}", node.lineno, late) for alias in node.names)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for other in node.orelse:
                yield from _imports(ast.Module([other], []), path, late=late)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(node, path, late=late or inside)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return bool(name == "TYPE_CHECKING")


def _files(module: str, at: Location) -> Iterator[Path]:
    """Yield the files of ours that importing ``module`` runs: its packages and itself."""
    parts = module.split(".")
    if parts[0] != _OURS:
        if parts[0] not in _STANDARD:
            raise PackError(
                f"{parts[0]} is not in the standard library of every Python from 3.8 on",
                at=at,
                hint="a script on an agent has nothing else; do without it",
            )
        return
    yield _PACKAGE / "__init__.py"
    folder, rest = _PACKAGE, parts[1:]
    if not rest or rest[0] not in _ALLOWED:
        raise PackError(
            f"{module} is not for scripts",
            at=at,
            hint=f"use {', '.join(f'{_OURS}.{name}' for name in _ALLOWED)} only",
        )
    for part in rest:
        if (folder / part / "__init__.py").is_file():
            folder /= part
            yield folder / "__init__.py"
        else:
            if (folder / f"{part}.py").is_file():
                yield folder / f"{part}.py"
            return
