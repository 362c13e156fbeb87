"""The import rules of docs/architecture.md."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "wazuh_pack"

GROUND = frozenset({"errors", "location", "diagnostics", "limits", "resources", ""})
ALLOWED = {
    "agentkit": frozenset(),
    "respond": frozenset({"agentkit"}),
    "revoke": frozenset({"agentkit"}),
    "reports": frozenset({"agentkit"}),
    "scan": frozenset({"agentkit", "reports"}),
    "gate": frozenset({"agentkit", "reports", "scan"}),
    "model": GROUND,
    "source": GROUND | {"model"},
    "xmlio": GROUND,
    "render": GROUND | {"model", "source", "xmlio"},
    "engine": GROUND | {"xmlio"},
    "verify": GROUND | {"model", "source", "xmlio", "render", "engine"},
    "serve": GROUND | {"xmlio", "engine", "verify"},
    "bundle": GROUND,
    "install": GROUND | {"model", "source", "xmlio", "render", "engine", "bundle"},
}
ALLOWED["deploy"] = ALLOWED["install"] | {"install"}
ALLOWED["ship"] = ALLOWED["deploy"] | {"deploy"}
ALLOWED["harness"] = ALLOWED["install"] | {"install", "verify"}
ALLOWED["demo"] = frozenset().union(*ALLOWED.values()) | {
    "verify",
    "install",
    "bundle",
    "reports",
    "respond",
    "scan",
}
STANDARD_LIBRARY_ONLY = ("agentkit", "gate", "reports", "respond", "scan")


def imports(path):
    """Yield the dotted names that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "wazuh_pack":
                yield from (f"wazuh_pack.{alias.name}" for alias in node.names)
            else:
                yield node.module


def modules(package):
    return sorted((PACKAGE / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_the_architecture_allows(package):
    allowed = ALLOWED[package] | {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.startswith("wazuh_pack.") and name.split(".")[1] not in allowed
        if name != "wazuh_pack.__version__"
    ]

    assert wrong == []


@pytest.mark.parametrize("package", STANDARD_LIBRARY_ONLY)
def test_what_runs_on_agents_needs_the_standard_library_only(package):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "wazuh_pack"}
    ]

    assert wrong == []


def test_every_package_has_a_rule():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert packages - {"cli"} <= set(ALLOWED)


def test_only_the_command_line_prints():
    printing = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]

    assert printing == []
