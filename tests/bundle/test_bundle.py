import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wazuh_pack.bundle import build_bundle, bundle_all
from wazuh_pack.bundle.launcher import Place, prologue
from wazuh_pack.bundle.modules import collect
from wazuh_pack.errors import PackError

ROOT = Path(__file__).resolve().parents[2]
ENTRY = ROOT / "active_response/block_ip"
NAME = "wazuh-pack-block-ip"

BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from wazuh_pack.bundle import build_bundle
print(build_bundle(Path(sys.argv[2]), Path(sys.argv[3])).sha256)
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that makes a script's folder from the text of its entry point."""

    def make(source, kind="active_response"):
        folder = tmp_path / kind / "some_thing"
        folder.mkdir(parents=True)
        (folder / "__main__.py").write_text(source)
        return folder

    return make


def test_two_builds_are_the_same_bytes(tmp_path):
    (tmp_path / "b").mkdir()
    first = build_bundle(ENTRY, tmp_path / NAME)
    second = build_bundle(ENTRY, tmp_path / "b" / NAME)

    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()


def test_every_version_of_python_builds_the_same_bytes(tmp_path):
    pythons = sorted(Path.home().glob(".pyenv/versions/3.1[0-9].*/bin/python3"))
    here = build_bundle(ENTRY, tmp_path / NAME).sha256
    found = set()
    for number, python in enumerate(pythons):
        (tmp_path / str(number)).mkdir()
        out = tmp_path / str(number) / NAME
        done = subprocess.run(
            [python, "-I", "-c", BUILD, ROOT, ENTRY, out],
            check=True,
            capture_output=True,
            text=True,
            env={"TZ": f"UTC{number}", "LC_ALL": "C"},
        )
        found.add(done.stdout.strip())
    if not pythons:
        pytest.skip("only one Python on this machine")

    assert found == {here}


def test_the_file_can_be_run_by_its_owner_and_group_only(tmp_path):
    path = build_bundle(ENTRY, tmp_path / NAME).path

    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_the_archive_holds_sources_in_order_with_one_fixed_time(tmp_path):
    info = build_bundle(ENTRY, tmp_path / NAME)
    with zipfile.ZipFile(info.path) as archive:
        assert archive.testzip() is None
        members = archive.infolist()

    names = [member.filename for member in members]
    assert names == sorted(names)
    assert set(names) == {*info.modules, "MANIFEST"}
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert all(name == "MANIFEST" or name.endswith(".py") for name in names)


def test_the_manifest_gives_the_digest_of_each_member(tmp_path):
    info = build_bundle(ENTRY, tmp_path / NAME)
    with zipfile.ZipFile(info.path) as archive:
        listed = dict(
            reversed(line.split("  ")) for line in archive.read("MANIFEST").decode().splitlines()
        )
        found = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in info.modules}

    assert listed == found


def test_only_needed_modules_are_taken_and_never_the_tools(tmp_path):
    modules = build_bundle(ENTRY, tmp_path / NAME).modules

    assert "__main__.py" in modules
    assert "wazuh_pack/__init__.py" in modules
    assert "wazuh_pack/respond/backends/nftables.py" in modules
    assert "wazuh_pack/agentkit/redact.py" in modules, "imported inside a function"
    assert not [m for m in modules if re.search(r"wazuh_pack/(?!agentkit/|respond/|__init__)", m)]


def test_what_is_imported_for_type_checking_only_is_not_taken(script):
    source = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import yaml\nelse:\n    import json\n"

    assert collect(script(source) / "__main__.py") == {}


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("\nimport requests\n", "requests is not in the standard library", 2),
        ("def f():\n    from yaml import safe_load\n", "yaml is not in the standard library", 2),
        ("import tomllib\n", "tomllib is not in the standard library", 1),
        ("import distutils.util\n", "distutils is not in the standard library", 1),
        ("from wazuh_pack.engine import event\n", "engine.event is not for scripts", 1),
        ("import wazuh_pack\n", "wazuh_pack is not for scripts", 1),
        ("from wazuh_pack import errors\n", "wazuh_pack.errors is not for scripts", 1),
        ("from . import x\n", "a relative import", 1),
    ],
)
def test_an_import_that_an_agent_does_not_have_is_refused_at_its_line(
    script, source, message, line
):
    folder = script(source)
    with pytest.raises(PackError, match=message) as caught:
        build_bundle(folder, folder / "out")

    assert (caught.value.at.path, caught.value.at.line) == (folder / "__main__.py", line)
    assert caught.value.hint


def test_a_folder_without_entry_point_is_refused(tmp_path):
    with pytest.raises(PackError, match=r"no __main__\.py"):
        build_bundle(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("name", ["a b", "x;rm", "", "$(id)", "A", "-x", "x" * 64, "x\n"])
def test_a_name_that_is_not_fit_for_a_shell_is_refused(name):
    with pytest.raises(PackError, match="is no name for a script"):
        prologue(name, Place.RESPONSE)


def test_all_scripts_of_a_tree_are_built(script, tmp_path):
    script("import json\n")
    folder = tmp_path / "wodles/trivy"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text("import json\n")
    built = bundle_all(tmp_path, tmp_path / "out/deeper")

    assert [info.path.name for info in built] == ["wazuh-pack-some-thing", "wazuh-pack-trivy"]
    assert all(info.path.exists() for info in built)


def test_our_own_scripts_are_all_built(tmp_path):
    names = [info.path.name for info in bundle_all(ROOT, tmp_path)]

    assert NAME in names


def run(path, *arguments, home=None):
    return subprocess.run(
        [path, *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "/proc/nonexistent"},
    )


@pytest.fixture
def installed(tmp_path):
    """Return a function that installs a script in a home with one Python of its own."""

    def install(entry, python):
        home = tmp_path / "home with blank"
        for folder in ("active-response/bin", "logs", "framework/python/bin"):
            (home / folder).mkdir(parents=True)
        (home / "framework/python/bin/python3.13").symlink_to(python)
        path = home / "active-response/bin/wazuh-pack-some-thing"
        build_bundle(entry, path)
        return home, path

    return install


SAY = """\
import json, os, sys
json.dump({"argv": sys.argv, "isolated": sys.flags.isolated, "site": "site" in sys.modules,
           "version": sys.version_info[:2], "cwd": os.getcwd()}, sys.stdout)
sys.exit(7)
"""


def test_the_file_runs_in_the_homes_own_python_isolated_and_passes_everything_on(script, installed):
    home, path = installed(script(SAY), Path(sys.executable).resolve())
    done = run(path, "a b", "*", "$HOME")
    found = json.loads(done.stdout)

    assert done.returncode == 7
    assert found["argv"] == [str(path), "a b", "*", "$HOME"]
    assert (found["isolated"], found["site"]) == (1, False)
    assert found["version"] == list(sys.version_info[:2])
    assert run("active-response/bin/wazuh-pack-some-thing", home=home).returncode == 7


@pytest.mark.parametrize("started_as", ["{folder}/custom-x", "{home}/{folder}/custom-x"])
@pytest.mark.parametrize("folder", ["integrations", "wodles"])
def test_among_integrations_and_wodles_the_home_is_one_folder_up(
    script, installed, started_as, folder
):
    home, path = installed(script(SAY), "/proc/nonexistent")
    own = home / "framework/python/bin/python3.13"
    own.unlink()
    own.write_text("#!/bin/sh\nexit 9\n")
    own.chmod(0o755)
    (home / folder).mkdir()
    path.rename(home / folder / "custom-x")

    assert run(started_as.format(home=home, folder=folder), home=home).returncode == 9


def test_without_a_python_in_the_home_the_systems_is_used(script, installed):
    _, path = installed(script(SAY), "/proc/nonexistent")
    if not list(Path("/usr/bin").glob("python3.*")):
        pytest.skip("no Python in /usr/bin")

    assert run(path).returncode == 7


@pytest.fixture
def without_python(script, installed):
    """A script that looks for Python only where there is none that fits."""

    def make(kind, version_check):
        home, path = installed(script(SAY, kind), "/proc/nonexistent")
        content = path.read_bytes()
        for tail in (b"", b"/python3"):
            content = content.replace(b" /usr/bin%b /usr/local/bin%b;" % (tail, tail), b";")
        path.write_bytes(content)
        old = home / "framework/python/bin/python3"
        old.write_text(f"#!/bin/sh\n{version_check}\n")
        old.chmod(0o755)
        return home, path

    return make


def test_without_a_fitting_python_one_line_in_the_log_says_so(without_python):
    home, path = without_python("active_response", "exit 1")
    done = run(path)
    (line,) = (home / "logs/active-responses.log").read_text().splitlines()

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    prefix = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d active-response/bin/wazuh-pack-some-thing: "
    assert re.match(prefix, line)
    assert json.loads(line.partition(": ")[2]) == {
        "parameters": {"program": "active-response/bin/wazuh-pack-some-thing"},
        "wazuh_pack": {
            "response": "some-thing",
            "outcome": "failed",
            "reason": "no Python 3.8 or later; install one as /usr/bin/python3",
        },
    }


def test_the_line_is_not_written_through_a_link(without_python, tmp_path):
    home, path = without_python("active_response", "exit 1")
    (home / "logs/active-responses.log").symlink_to(tmp_path / "target")

    assert run(path).returncode == 1
    assert not (tmp_path / "target").exists()


def test_a_wodle_without_python_says_so_on_standard_error(without_python):
    home, path = without_python("wodles", "exit 1")
    done = run(path)

    assert done.returncode == 1
    assert done.stderr == (
        "wazuh-pack-some-thing: no Python 3.8 or later found; install one as /usr/bin/python3\n"
    )
    assert not os.listdir(home / "logs")  # noqa: PTH208 -- names are enough


def test_the_description_fits_the_script():
    yaml = pytest.importorskip("yaml")
    response = yaml.safe_load((ENTRY / "response.yml").read_text())

    assert response["executable"] == response["name"] == NAME
    assert response["stateful"] is False
    assert response["default_location"] in response["locations"]
    assert (ENTRY / response["config_file"]["template"]).is_file()


PACKAGES = "requires:\n  packages: [requests]\n"


@pytest.mark.parametrize(
    ("source", "described", "refused"),
    [
        ("def f():\n    import requests\n", PACKAGES, False),
        ("def f():\n    from requests.auth import AuthBase\n", PACKAGES, False),
        (
            "class A:\n    def f(self):\n        if self:\n            import requests\n",
            PACKAGES,
            False,
        ),
        ("import requests\n", PACKAGES, True),
        ("try:\n    import requests\nexcept ImportError:\n    pass\n", PACKAGES, True),
        ("class A:\n    import requests\n", PACKAGES, True),
        ("def f():\n    import httpx\n", PACKAGES, True),
        ("def f():\n    import requests\n", "requires:\n  programs: []\n", True),
        ("def f():\n    import requests\n", None, True),
    ],
)
def test_a_package_that_the_description_names_may_be_imported_in_functions_only(
    script, source, described, refused
):
    folder = script(source)
    if described is not None:
        (folder / "response.yml").write_text(described)
    try:
        found = build_bundle(folder, folder / "out").modules
    except PackError as error:
        found = str(error)

    if refused:
        assert "is not in the standard library" in found
    else:
        assert found == ("__main__.py",)
