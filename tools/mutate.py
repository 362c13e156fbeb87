"""Mutation testing of engine modules: what can be changed without a test noticing?

    python tools/mutate.py MODULE [MODULE ...] [--tests PATH ...]

Works on a copy of the committed and changed files below ``build/mutate``, with mutmut from the
extra ``mutate``. Survivors are printed and written, as diffs, to ``build/mutate/MODULE.diff``. The
exit status is 1 when there are any.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build/mutate"
# Slow ones find nothing that the others do not; the recorded vectors are for survivors.
LEFT_OUT = ("test_hostile.py", "test_conformance.py", "test_expressions_vectors.py")
SURVIVOR = re.compile(r"^\s*(\S+): (survived|no tests|timeout|suspicious)$", re.MULTILINE)


def copy(folder: Path) -> None:
    """Copy what git knows of, as it is in the working tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tests() -> list[str]:
    """Return the tests that judge mutants unless others are named."""
    found = sorted((ROOT / "tests/engine").glob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in found if path.name not in LEFT_OUT]


def configure(folder: Path, module: str, chosen: list[str]) -> None:
    """Tell mutmut what to change and how to judge it."""
    also = sorted({path.name for path in folder.iterdir()} - {"tests", "pyproject.toml"})
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(
            f"\n[tool.mutmut]\nsource_paths = ['wazuh_pack/engine/{module}.py']\n"
            f"also_copy = {also}\npytest_add_cli_args_test_selection = {chosen}\n"
            "pytest_add_cli_args = ['-n', '0', '-p', 'no:randomly']\n"
        )


def mutate(module: str, chosen: list[str]) -> int:
    """Judge the mutants of one module; return how many survive."""
    folder = WORK / module
    shutil.rmtree(folder, ignore_errors=True)
    copy(folder)
    configure(folder, module, chosen)
    shared = os.environ.get("WAZUH_PACK_SHARED", str(ROOT.parent / "shared"))
    environment = os.environ | {"WAZUH_PACK_SHARED": shared}
    mutmut = [str(Path(sys.executable).with_name("mutmut"))]
    with (WORK / f"{module}.log").open("wb") as log:
        done = subprocess.run(
            [*mutmut, "run", "--max-children", "1"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    results = subprocess.run(
        [*mutmut, "results", "--all", "true"], cwd=folder, check=False, capture_output=True
    ).stdout.decode()
    judged = results.count("__mutmut_")
    if done.returncode or not judged:
        raise SystemExit(f"{module}: mutmut failed, see {WORK / module}.log")
    survivors = SURVIVOR.findall(results)
    with (WORK / f"{module}.diff").open("wb") as file:
        for name, state in survivors:
            shown = subprocess.run(
                [*mutmut, "show", name], cwd=folder, check=False, capture_output=True
            ).stdout
            file.write(f"## {name}: {state}\n".encode() + shown + b"\n")
    sys.stdout.write(f"{module}: {judged} mutants, {len(survivors)} survive\n")
    sys.stdout.flush()
    return len(survivors)


def main() -> int:
    """Run; return 1 when something survives."""
    options = argparse.ArgumentParser()
    options.add_argument("modules", nargs="+", metavar="MODULE")
    options.add_argument("--tests", nargs="+", default=tests())
    given = options.parse_args()
    return 1 if sum([mutate(module, given.tests) for module in given.modules]) else 0


if __name__ == "__main__":
    raise SystemExit(main())
