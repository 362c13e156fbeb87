"""Builds the stand-in image from this machine's files: a shell, a Python, our engine, no Wazuh.

It looks like Wazuh's image where the harness and the installer look: ``/var/ossec`` with owners and
modes, a bare Python of its own, ``bin/wazuh-*``, ``/init``. Nothing is pulled or downloaded.
"""

import json
import shutil
import site
import stat
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from wazuh_pack import resources
from wazuh_pack.harness.closure import make_pack
from wazuh_pack.harness.programs import find, libraries
from wazuh_pack.install import scaffold_home

HERE = Path(__file__).parent
HOME = "var/ossec"
LABEL = "org.wazuh-pack.stand-in"
WAZUH = 999
PROGRAMS = ("sh", "cat", "rm", "ls", "sleep", "mkdir", "chmod", "unzip")
PACKAGES = ("lxml", "pcre2", "yaml", "_yaml", "jinja2", "markupsafe", "click")
UNUSED = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "pydoc_data",
)
DAEMONS = ("wazuh-analysisd", "wazuh-execd", "wazuh-modulesd", "wazuh-logcollector")
PYTHON = f"/{HOME}/framework/python/bin/python3"
RUN = (
    f"PYTHONPATH=/opt/stand-in PYTHONPYCACHEPREFIX=/tmp/code exec {PYTHON} /opt/stand-in/manager.py"
)
CONTROL = f"""#!/bin/sh
VERSION="v4.14.7"
REVISION="stand-in"
TYPE="server"
{RUN} control "$@"
"""
PASSWD = f"root:x:0:0:root:/root:/bin/sh\nwazuh:x:{WAZUH}:{WAZUH}::/{HOME}:/sbin/nologin\n"
GROUP = f"root:x:0:\nwazuh:x:{WAZUH}:\n"
FOLLOWED = """
  <localfile>
    <log_format>syslog</log_format>
    <location>/var/ossec/logs/active-responses.log</location>
  </localfile>
</ossec_config>
"""


def build(client, tag, *, stock=None):
    """Build the image and return it.

    Args:
        client: The engine's client.
        tag: What it is called.
        stock: A stock ruleset in place of our minimal equivalents.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        fill(root, stock)
        archive = Path(folder) / "root.tar"
        with tarfile.open(archive, "w") as packed:
            packed.add(root, ".", filter=owned)
        said = client.api.import_image_from_file(
            str(archive), changes=['ENTRYPOINT ["/init"]', f"LABEL {LABEL}=true"]
        )
    found = client.images.get(json.loads(said.splitlines()[-1])["status"])
    # podman's service takes no tag at the import
    found.tag(*tag.rsplit(":", 1))
    return client.images.get(tag)


# As Wazuh's own installer (init/inst-functions.sh), its Dockerfile and its container's start
# (wazuh-docker v4.14.6, 0-wazuh-init) leave them.
MODES = {
    "": 0o750,
    "active-response/bin": 0o770,
    "etc": 0o770,
    "etc/client.keys": 0o640,
    "etc/local_internal_options.conf": 0o640,
    "queue": 0o750,
    "var": 0o750,
}
OF_WAZUH = ("etc", "etc/client.keys", "etc/lists", "logs", "queue/sockets")
OF_WAZUH_WITH_ALL = ("etc/lists/", "logs/")


def owned(entry):
    """Give Wazuh's files the owners that its packages and its container give them."""
    name = entry.name.removeprefix("./")
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if name == HOME or name.startswith(f"{HOME}/"):
        inner = name[len(HOME) + 1 :]
        entry.gid = WAZUH
        if inner in OF_WAZUH or inner.startswith(OF_WAZUH_WITH_ALL):
            entry.uid = WAZUH
        entry.mode = MODES.get(inner, entry.mode)
    return entry


def fill(root, stock):
    for name in (
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "usr/lib64",
        "tmp",
        "proc",
        "sys",
        "dev",
        "etc",
        "root",
    ):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    for name in PROGRAMS:
        if shutil.which(name):
            put(root, find(name), f"usr/bin/{name}")
    put_python(root)
    put_engine(root / "opt/stand-in", root)
    put_home(root / HOME, stock)
    program(root / "init", f"#!/bin/sh\n{RUN} init\n")


def put(root, source, name):
    """Copy a program or library, and the libraries that it loads to where they are here."""
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    for library in libraries(source):
        put_library(root, library)


def put_library(root, library):
    name = str(library).lstrip("/")
    if name.startswith(("lib/", "lib64/")):
        name = f"usr/{name}"
    target = root / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library.resolve(), target)


def put_python(root):
    """Copy the interpreter without any package, to where Wazuh has its own."""
    base = root / HOME / "framework/python"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    real = Path(sys.base_prefix) / "bin" / version
    put(root, real.resolve(), f"{HOME}/framework/python/bin/{version}")
    (base / "bin/python3").symlink_to(version)
    ignore = shutil.ignore_patterns(*UNUSED, "config-*", "*.a")
    standard = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    shutil.copytree(standard, base / "lib" / version, ignore=ignore)
    for module in (base / "lib" / version / "lib-dynload").glob("*.so"):
        for library in libraries(module):
            put_library(root, library)


def put_engine(folder, root):
    """Copy what the stand-in's daemons run on; none of it is on the bare Python's path."""
    make_pack(folder)
    shutil.copy(HERE / "manager.py", folder)
    packages = Path(next(path for path in site.getsitepackages() if Path(path, "lxml").is_dir()))
    for name in PACKAGES:
        shutil.copytree(packages / name, folder / name)
    for module in folder.rglob("*.so"):
        for library in libraries(module):
            put_library(root, library)


def put_home(home, stock):
    scaffold_home(home)
    for part in ("rules", "decoders", "lists"):
        source = (stock or resources.stock()) / part
        if source.is_dir():
            shutil.copytree(source, home / "ruleset" / part, dirs_exist_ok=True)
    conf = home / "etc/ossec.conf"
    conf.write_text(conf.read_text().replace("</ossec_config>\n", FOLLOWED.lstrip("\n")))
    (home / "etc/local_internal_options.conf").write_text("# local_internal_options.conf\n")
    for name in DAEMONS:
        program(home / "bin" / name, f'#!/bin/sh\n{RUN} test "${{0##*/}}"\n')
    program(home / "bin/wazuh-control", CONTROL)
    (home / "etc/client.keys").write_text("")
    (home / "logs/ossec.log").write_text("")
    (home / "logs/alerts/alerts.json").write_text("")


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP)
