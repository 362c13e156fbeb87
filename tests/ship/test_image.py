"""The image layer and what is mounted instead of it, in a stand-in for the manager image.

The stand-in is busybox with a start-up that does what wazuh-docker 4.14.7's does: copy the config
mount, give the lists to wazuh, run the entry point scripts. It runs in a chroot, and once more as a
container where a Docker engine is at hand.
"""

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from archives import unpack

from wazuh_pack.cli import _exit, main
from wazuh_pack.errors import DeployError
from wazuh_pack.install import Kind, PackFile, scaffold_home, unmerge
from wazuh_pack.ship import image

WAZUH = 999
RULE = "etc/rules/9200-wazuh-pack-jenkins-audit.xml"
LIST = "etc/lists/wazuh-pack-k8s-exec-identities"
SCRIPT = "active-response/bin/wazuh-pack-block-ip"
SETTINGS = "etc/wazuh-pack/respond.ini"
RECORD = "etc/wazuh-pack/image.sums"
INIT = """\
#!/bin/sh
if [ -d /wazuh-config-mount ]; then cp -r /wazuh-config-mount/* /var/ossec; fi
chown -R wazuh:wazuh /var/ossec/etc/lists
for script in /entrypoint-scripts/*.sh; do sh "$script"; done
echo started
"""
ANALYSISD = """\
#!/bin/sh
ours=/var/ossec/etc/rules/9200-wazuh-pack-jenkins-audit.xml
if [ -s /refuse ] || { [ -e /refuse ] && [ -e "$ours" ]; }; then
  echo "2026/11/28 10:00:00 wazuh-analysisd: CRITICAL: (1220): Error loading the rules." >&2
  exit 1
fi
"""
WORKER = "<ossec_config><cluster><node_type>worker</node_type></cluster></ossec_config>\n"

BUSYBOX = shutil.which("busybox") or ""
needs_chroot = pytest.mark.skipif(
    not BUSYBOX or os.geteuid() != 0, reason="needs root and a static busybox"
)


def fill(root):
    """Make the stand-in's file system in a folder."""
    for name in ("bin", "etc", "tmp", "proc", "dev"):
        (root / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    for name in set(names.split()) - {"busybox"}:
        (root / "bin" / name).symlink_to("busybox")
    lines = f"root:x:0:0::/:/bin/sh\nwazuh:x:{WAZUH}:{WAZUH}::/:/bin/sh\n"
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text(lines)
    home = root / "var/ossec"
    home.mkdir(parents=True)
    scaffold_home(home)
    for path, text in ((root / "init", INIT), (home / "bin/wazuh-analysisd", ANALYSISD)):
        path.write_text(text)
        path.chmod(0o755)


class Chroot:
    """The stand-in in a folder."""

    def __init__(self, root):
        fill(root)
        self.root = root
        self.home = root / "var/ossec"

    def start(self):
        done = subprocess.run(
            ["/bin/chroot" if Path("/bin/chroot").exists() else "/usr/sbin/chroot",
             self.root, "/bin/sh", "/init"],
            capture_output=True, text=True, check=False, env={"PATH": "/bin"},
        )  # fmt: skip
        assert done.stdout.endswith("started\n"), done.stdout + done.stderr
        return done.stdout + done.stderr

    def add_layer(self, folder):
        (layer,) = folder.glob("*.tar")
        with tarfile.open(layer) as tar:
            unpack(tar, self.root)

    def access(self, name):
        info = (self.home / name).stat()
        return f"{info.st_mode & 0o7777:04o}", info.st_uid, info.st_gid

    def files(self):
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file()
        }


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The output of the command for everything but scanners."""
    out = tmp_path_factory.mktemp("image")
    assert main(["image", "--out", str(out)]) == _exit.OK
    return out


@pytest.fixture
def chroot(tmp_path):
    return Chroot(tmp_path / "root")


def with_files(pack, *, drop=(), extra=()):
    """Return a pack with other files."""
    kept = tuple(f for f in pack.files if str(f.destination) not in drop)
    return type(pack)(version="0.2.0", files=(*kept, *extra), conf=pack.conf)


def test_it_is_the_same_bytes_at_every_build(built, tmp_path):
    assert main(["image", "--out", str(tmp_path)]) == _exit.OK

    files = {p.relative_to(built): p.read_bytes() for p in built.rglob("*") if p.is_file()}
    assert {
        p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()
    } == files
    assert {p.name for p in built.iterdir()} == {
        "Dockerfile", "entrypoint-scripts", "kubernetes", "wazuh-pack-layer-0.1.0.tar",
    }  # fmt: skip


def test_the_config_mount_has_what_may_be_overwritten_and_everybody_can_read_it(built):
    (layer,) = built.glob("*.tar")
    with tarfile.open(layer) as tar:
        members = {m.name.removeprefix("./"): m for m in tar.getmembers()}
    mounted = {n for n, m in members.items() if n.startswith("wazuh-config-mount/") and m.islnk()}

    assert f"wazuh-config-mount/{RULE}" in mounted
    assert f"wazuh-config-mount/{SCRIPT}" in mounted
    assert f"wazuh-config-mount/{LIST}" not in members
    assert f"wazuh-config-mount/{SETTINGS}" not in members
    assert {(m.uid, m.gid, m.mtime) for m in members.values()} == {(0, 0, 315532800)}
    assert {m.mode for m in members.values()} == {0o644, 0o755}


@needs_chroot
def test_the_start_gives_files_owners_and_modes_and_keeps_what_is_the_users(chroot, built):
    chroot.add_layer(built)

    said = chroot.start()

    assert chroot.access(RULE) == ("0660", WAZUH, WAZUH)
    assert chroot.access(LIST) == ("0660", WAZUH, WAZUH)
    assert chroot.access(SCRIPT) == ("0750", 0, WAZUH)
    assert chroot.access(SETTINGS) == ("0640", 0, WAZUH)
    assert "has no block of the pack" in said

    first = chroot.files()
    (chroot.home / LIST).write_text("alice:\n")
    (chroot.home / SETTINGS).write_text("mode = enforce\n")
    (chroot.home / RULE).write_text("<group/>\n")
    chroot.start()

    assert chroot.files() == {**first, LIST: b"alice:\n", SETTINGS: b"mode = enforce\n"}
    assert chroot.access(RULE) == ("0660", WAZUH, WAZUH)


@needs_chroot
def test_mounted_scripts_do_without_an_image(chroot, built):
    shutil.copytree(built / "entrypoint-scripts", chroot.root / "entrypoint-scripts")

    chroot.start()

    assert chroot.access(RULE) == ("0660", WAZUH, WAZUH)
    assert chroot.access(SCRIPT) == ("0750", 0, WAZUH)
    assert list((chroot.root / "tmp").iterdir()) == []


@needs_chroot
def test_what_an_older_pack_brought_goes(chroot, built, small_manager_pack, tmp_path):
    shutil.copytree(built / "entrypoint-scripts", chroot.root / "entrypoint-scripts")
    chroot.start()
    shutil.rmtree(chroot.root / "entrypoint-scripts")
    extra = (PackFile.of(Kind.RULE, "9999-wazuh-pack-new.xml", b"<group/>\n"),)
    image.build_image(with_files(small_manager_pack, extra=extra), tmp_path / "new", ())
    shutil.copytree(tmp_path / "new/entrypoint-scripts", chroot.root / "entrypoint-scripts")

    said = chroot.start()

    assert f"remove  /var/ossec/{RULE}" in said
    ours = {n for n in chroot.files() if "wazuh-pack" in n and not n.endswith(".sums")}
    assert ours == {"etc/rules/9999-wazuh-pack-new.xml", SCRIPT}


@needs_chroot
def test_a_ruleset_that_analysisd_refuses_is_taken_out_again(chroot, built):
    before = chroot.files()
    shutil.copytree(built / "entrypoint-scripts", chroot.root / "entrypoint-scripts")
    (chroot.root / "refuse").touch()

    said = chroot.start()

    assert "Error loading the rules" in said
    assert "the pack is taken out" in said
    assert chroot.files() == before


@needs_chroot
def test_a_ruleset_that_is_refused_without_the_pack_too_is_not_its_fault(chroot, built):
    shutil.copytree(built / "entrypoint-scripts", chroot.root / "entrypoint-scripts")
    (chroot.root / "refuse").write_text("always")

    said = chroot.start()

    assert "the pack is not the cause, and is put back" in said
    assert RULE in chroot.files()


@needs_chroot
def test_what_stands_in_the_way_never_keeps_a_manager_from_starting(chroot, built, tmp_path):
    chroot.add_layer(built)
    shutil.rmtree(chroot.root / "wazuh-config-mount")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(chroot.home / "etc/lists")
    (chroot.home / "etc/lists").symlink_to(elsewhere)

    assert "is a link; remove it first" in chroot.start()
    assert list(elsewhere.iterdir()) == []

    (chroot.home / "etc/lists").unlink()
    (chroot.home / "etc/lists").mkdir()
    (chroot.home / "etc/wazuh-pack").mkdir(exist_ok=True)
    (chroot.home / "etc/wazuh-pack/RECORD.json").write_text("{}")
    assert "uninstall that first" in chroot.start()
    assert not (chroot.home / RULE).exists()


@needs_chroot
def test_a_scanner_that_ossec_conf_does_not_know_is_told(chroot, tmp_path):
    conf = tmp_path / "ossec.conf"
    conf.write_bytes((chroot.home / "etc/ossec.conf").read_bytes())
    config = tmp_path / "wazuh-pack.yml"
    config.write_text("wodles: true\n")
    out = tmp_path / "out"
    arguments = ["image", "--out", str(out), "--config", str(config), "--conf", str(conf)]
    assert main(arguments) == _exit.OK
    chroot.add_layer(out)

    merged = (out / "conf/ossec.conf").read_bytes()
    (chroot.home / "etc/ossec.conf").write_bytes(merged)
    assert "pins another" not in chroot.start()

    digest = merged.partition(b"<verify_sha256>")[2][:64]
    (chroot.home / "etc/ossec.conf").write_bytes(merged.replace(digest, b"0" * 64))
    assert "pins another wodles/wazuh-pack-trivy" in chroot.start()


@needs_chroot
def test_an_integration_gets_a_folder_of_its_users(chroot, tmp_path):
    config = tmp_path / "wazuh-pack.yml"
    config.write_text("wodles: false\nintegrations: [revoke-token]\n")
    out = tmp_path / "out"
    assert main(["image", "--out", str(out), "--config", str(config)]) == _exit.OK
    shutil.copytree(out / "entrypoint-scripts", chroot.root / "entrypoint-scripts")
    (chroot.home / "integrations").mkdir(mode=0o750)
    before = chroot.files()

    chroot.start()

    assert chroot.access("integrations/custom-wazuh-pack-revoke-token") == ("0750", 0, WAZUH)
    assert chroot.access("var/wazuh-pack-integration") == ("0700", WAZUH, WAZUH)
    assert chroot.access("var/wazuh-pack-integration/README") == ("0640", WAZUH, WAZUH)
    assert "nothing to change" in chroot.start()

    (chroot.root / "refuse").touch()
    chroot.start()
    assert chroot.files() == before
    assert not (chroot.home / "var/wazuh-pack-integration").exists()


def test_configurations_get_our_part_and_workers_collect_nothing(tmp_path):
    scaffold_home(tmp_path)
    master = tmp_path / "etc/ossec.conf"
    worker = tmp_path / "worker.conf"
    worker.write_text(WORKER)
    config = tmp_path / "wazuh-pack.yml"
    config.write_text("collect: {app-security: {path: /srv/app.json}}\n")
    out = tmp_path / "out"

    arguments = ["--config", config, "--conf", master, "--conf", worker, "--out", out]
    assert main(["image", *map(str, arguments)]) == _exit.OK

    merged = (out / "conf/ossec.conf").read_bytes()
    assert unmerge(merged) == master.read_bytes()
    assert b"<location>/srv/app.json</location>" in merged
    assert b"<list>etc/lists/wazuh-pack-k8s-exec-identities</list>" in merged
    on_worker = (out / "conf/worker.conf").read_bytes()
    assert unmerge(on_worker) == WORKER.encode()
    assert b"/srv/app.json" not in on_worker
    assert b"<active-response>" in on_worker
    for path in (out / "conf").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("names", [("a/x.conf", "b/x.conf"), ("out/conf/x.conf",)])
def test_configurations_that_would_overwrite_one_another_are_refused(tmp_path, names):
    arguments = ["image", "--out", str(tmp_path / "out")]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("<ossec_config></ossec_config>\n")
        arguments += ["--conf", str(path)]

    assert main(arguments) == _exit.USAGE
    assert not (tmp_path / "out/Dockerfile").exists()


def test_a_pack_too_big_for_a_config_map_is_refused(small_manager_pack, tmp_path):
    noise = PackFile.of(Kind.RULE, "9999-wazuh-pack-big.xml", os.urandom(1_100_000))

    with pytest.raises(DeployError, match="do not fit into a ConfigMap"):
        image.build_image(with_files(small_manager_pack, extra=(noise,)), tmp_path, ())


def test_the_component_names_the_files_beside_it(built):
    folder = built / "kubernetes"
    component = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (generator,) = component["configMapGenerator"]
    (patch,) = component["patches"]
    spec = yaml.safe_load(patch["patch"])["spec"]["template"]["spec"]

    assert set(generator["files"]) == {p.name for p in folder.iterdir()} - {"kustomization.yaml"}
    assert spec["volumes"][0]["configMap"]["name"] == generator["name"]
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/entrypoint-scripts"


@pytest.fixture
def docker_client():
    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except docker.errors.DockerException:
        pytest.skip("needs a Docker engine")
    with contextlib.closing(client):
        yield client


@needs_chroot
def test_an_image_built_from_the_dockerfile_installs_the_pack(docker_client, built, tmp_path):
    tag = f"wp-ship-{os.getpid()}"
    fill(tmp_path / "root")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add(tmp_path / "root", arcname=".")
    docker_client.api.import_image_from_data(stream.getvalue(), repository=tag, tag="base")
    container = None
    try:
        docker_client.images.build(
            path=str(built),
            tag=f"{tag}:pack",
            rm=True,
            buildargs={"WAZUH_IMAGE": tag, "WAZUH_VERSION": "base"},
        )
        container = docker_client.containers.create(
            f"{tag}:pack", ["/bin/sh", "/init"], environment={"PATH": "/bin"}, network_mode="none"
        )
        for _ in range(2):
            container.start()
            assert container.wait()["StatusCode"] == 0
        log = container.logs().decode()
        data, _ = container.get_archive("/var/ossec")
        with tarfile.open(fileobj=io.BytesIO(b"".join(data))) as tar:
            found = {
                m.name.removeprefix("ossec/"): (m.mode & 0o7777, m.uid, m.gid)
                for m in tar.getmembers()
            }
    finally:
        if container is not None:
            container.remove(force=True)
        for name in ("pack", "base"):
            with contextlib.suppress(Exception):
                docker_client.images.remove(f"{tag}:{name}", force=True)

    assert log.count("started\n") == 2
    assert log.count("nothing to change") == 1
    assert found[RULE] == (0o660, WAZUH, WAZUH)
    assert found[LIST] == (0o660, WAZUH, WAZUH)
    assert found[SCRIPT] == (0o750, 0, WAZUH)
    assert found[RECORD] == (0o640, 0, WAZUH)
