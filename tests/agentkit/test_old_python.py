"""The scripts' code is valid on the oldest Python, and light on every one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIGHT = ("agentkit", "respond")
ALL = (*LIGHT, "gate", "reports", "scan")
HEAVY = {"dataclasses", "typing", "pathlib", "subprocess", "configparser", "socket", "inspect"}
HOT = {"re", "json", "ipaddress", "enum", "collections", "functools", "signal", "zlib", "struct"}
"""Slow to import as well; ``redact`` needs some, but only what is rare imports that."""

IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def modules(packages):
    for package in packages:
        for path in sorted((ROOT / "wazuh_pack" / package).rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            yield name.removesuffix(".__init__")


def loaded(python, *names):
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", IMPORT, ROOT, *names],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.fixture(params=["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def python(request):
    version = request.param
    found = [
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"),
        *Path("/usr/bin").glob(f"python{version}"),
    ]
    if not found:
        pytest.skip(f"no Python {version} on this machine")
    return found[0]


def test_every_module_loads(python):
    assert set(modules(ALL)) <= loaded(python, *modules(ALL))


def test_no_module_of_a_response_brings_in_what_is_slow_to_import(python):
    light = list(modules(LIGHT))

    assert loaded(python, *light) & HEAVY == set()
    hot = [name for name in light if not name.endswith(".redact")]
    assert loaded(python, *hot) & HOT == set()


def test_what_execd_waits_for_loads_neither_json_nor_re():
    found = loaded(sys.executable, "wazuh_pack.respond.block_ip")

    assert found & {*HEAVY, "json", "re", "ipaddress", "wazuh_pack.respond.worker"} == set()
