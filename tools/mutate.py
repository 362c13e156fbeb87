"""Mutation testing: what of a module can be changed without a test noticing?

    python tools/mutate.py MODULE [MODULE ...] [--tests PATH ...]

MODULE is one of the engine's, or a path below the package such as ``verify/conformance``. Works on
a copy of the committed and changed files below ``build/mutate``, with mutmut from the extra
``mutate``. Survivors are written, as diffs, to ``build/mutate/MODULE.diff`` (a slash becomes a
dot). The exit status is 1 when there are any. See docs/howto/mutation-testing.md.
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
# Each mutant is judged by its module's own tests: all of the engine's would take hours. What
# survives them may still be caught by the others and by the recorded vectors (--tests).
_RULES = "test_tree.py test_rules_values.py test_session.py test_alert.py test_correlate.py"
JUDGES = {
    "osmatch": "test_expressions.py test_indexes.py",
    "osregex_scan": "test_expressions_osregex.py",
    "osregex_memo": "test_expressions_osregex.py",
    "cdb": "test_cdb.py",
    "schedule": "test_rules_values.py",
    "addresses": "test_rules_values.py",
    "rule_attributes": "test_rule_attributes.py",
    "conditions": f"{_RULES} test_cdb.py",
    "correlate": "test_correlate.py test_session.py test_tree.py",
    "memory": "test_corners.py test_correlate.py test_session.py",
    "occurrence": f"{_RULES}",
    "predecode": "test_predecode.py",
    "jsondecode": "test_json.py",
    "fields": "test_json.py test_decode.py",
    "cjson": "test_json.py",
    "cjson_print": "test_json.py",
    "expression": "test_expressions.py test_expressions_osregex.py test_indexes.py",
    "fts": "test_fts.py test_tree.py",
    "accumulator": "test_decode.py",
    "verify/conformance": "../verify/test_replay.py ../verify/test_conformance.py",
}
SURVIVOR = re.compile(r"^\s*(\S+): (survived|no tests|suspicious)$", re.MULTILINE)


def copy(folder: Path) -> None:
    """Copy what git knows of, as it is in the working tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tests(module: str) -> list[str]:
    """Return the tests that judge a module's mutants unless others are named."""
    named = JUDGES.get(module)
    return [f"tests/engine/{name}" for name in named.split()] if named else ["tests/engine"]


def source(module: str) -> str:
    """Return a module's path below the package, without its suffix."""
    return module if "/" in module else f"engine/{module}"


def configure(folder: Path, module: str, chosen: list[str]) -> None:
    """Tell mutmut what to change and how to judge it."""
    also = sorted({path.name for path in folder.iterdir()} - {"tests", "pyproject.toml"})
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(
            f"\n[tool.mutmut]\nsource_paths = ['wazuh_pack/{source(module)}.py']\n"
            f"also_copy = {also}\npytest_add_cli_args_test_selection = {chosen}\n"
            "pytest_add_cli_args = ['-n', '0', '-p', 'no:randomly']\n"
        )


def mutate(module: str, chosen: list[str]) -> int:
    """Judge the mutants of one module; return how many survive."""
    name = module.replace("/", ".")
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    copy(folder)
    configure(folder, module, chosen)
    shared = os.environ.get("WAZUH_PACK_SHARED", str(ROOT.parent / "shared"))
    environment = os.environ | {"WAZUH_PACK_SHARED": shared}
    mutmut = [str(Path(sys.executable).with_name("mutmut"))]
    with (WORK / f"{name}.log").open("wb") as log:
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
        raise SystemExit(f"{module}: mutmut failed, see {WORK / name}.log")
    survivors = SURVIVOR.findall(results)
    with (WORK / f"{name}.diff").open("wb") as file:
        for mutant, state in survivors:
            shown = subprocess.run(
                [*mutmut, "show", mutant], cwd=folder, check=False, capture_output=True
            ).stdout
            file.write(f"## {mutant}: {state}\n".encode() + shown + b"\n")
    sys.stdout.write(f"{module}: {judged} mutants, {len(survivors)} survive\n")
    sys.stdout.flush()
    return len(survivors)


def main() -> int:
    """Run; return 1 when something survives."""
    options = argparse.ArgumentParser()
    options.add_argument("modules", nargs="+", metavar="MODULE")
    options.add_argument("--tests", nargs="+")
    given = options.parse_args()
    return (
        1 if sum([mutate(module, given.tests or tests(module)) for module in given.modules]) else 0
    )


if __name__ == "__main__":
    raise SystemExit(main())
