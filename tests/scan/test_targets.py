import pytest

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.scan.config import Targets
from wazuh_pack.scan.targets import plan

A, B, C, D = ("sha256:" + letter * 64 for letter in "abcd")

LISTING = "\n".join(
    [
        f"{A}\tshop/web\tlatest",
        f"{A}\tshop/web\t1.2",
        f"{B}\tshop/api\t3",
        f"{C}\t<none>\t<none>",
        f"{D}\tregistry.example.org/base\t<none>",
    ]
)


def engines(running=(), **listings):
    """Stand for the command line programs of container engines."""

    def ask(engine, arguments):
        if engine not in listings:
            raise ProcessError(f"{engine}: not in /usr/bin; install it")
        if arguments[0] == "image":
            return listings[engine]
        if arguments[0] == "ps":
            return "\n".join(f"container-{number}" for number, _ in enumerate(running))
        assert arguments[:4] == ("container", "inspect", "--format", "{{.Image}}")
        return "\n".join(running)

    return ask


def names(result):
    return [(job.artifact.name, job.target, job.options[1]) for job in result.jobs]


def test_every_image_is_scanned_once_by_id_whatever_it_is_called():
    result = plan(Targets(images="all"), engines(docker=LISTING))

    assert names(result) == [
        ("shop/web:1.2", A, "docker"),
        ("shop/api:3", B, "docker"),
        ("registry.example.org/base", D, "docker"),
    ]
    assert result.problems == []


def test_images_in_use_are_marked_and_may_have_no_name():
    result = plan(Targets(images="all"), engines(running=[C, A], docker=LISTING))

    running = {job.artifact.name: job.artifact.running for job in result.jobs}
    assert running == {
        "shop/web:1.2": True,
        "shop/api:3": False,
        C: True,
        "registry.example.org/base": False,
    }


def test_only_images_in_use():
    result = plan(Targets(images="running"), engines(running=[B], docker=LISTING))

    assert names(result) == [("shop/api:3", B, "docker")]


def test_podman_leaves_the_kind_of_digest_out():
    ask = engines(running=["b" * 64], podman=LISTING.replace("sha256:", ""))

    assert names(plan(Targets(images="running"), ask)) == [("shop/api:3", B, "podman")]


def test_an_image_in_two_engines_is_scanned_once():
    docker, podman = f"{A}\tshop/web\t1", f"{A[7:]}\tlocalhost/shop/web\t1\n{B[7:]}\tx\t1"

    result = plan(Targets(images="all"), engines(running=[A], docker=docker, podman=podman))

    assert names(result) == [("localhost/shop/web:1", A, "docker"), ("x:1", B, "podman")]
    assert [job.artifact.running for job in result.jobs] == [True, False]


def test_two_images_of_one_name_in_two_engines_have_names_of_their_own():
    ask = engines(docker=f"{A}\tshop/web\t1", podman=f"{B}\tshop/web\t1")

    assert names(plan(Targets(images="all"), ask)) == [
        ("shop/web:1", A, "docker"),
        ("shop/web:1 (podman)", B, "podman"),
    ]


def test_two_images_of_one_name_in_two_namespaces_have_names_of_their_own():
    def ask(_engine, arguments):
        if "namespaces" in arguments:
            return "default k8s.io"
        digest = A if "k8s.io" in arguments else B
        return f"REF TYPE DIGEST\nweb:1 type {digest}\n" if "images" in arguments else "\n"

    result = plan(Targets(images="all", engines=("containerd",)), ask)

    assert [(job.artifact.name, job.target) for job in result.jobs] == [
        ("web:1", A),
        ("web:1 (containerd default)", B),
    ]


def test_patterns_allow_and_deny_names():
    result = plan(
        Targets(images="all", allow=("shop/*",), deny=("*:latest", "*/api:*")),
        engines(docker=LISTING),
    )

    assert names(result) == [("shop/web:1.2", A, "docker")]


def test_a_missing_engine_is_told_only_if_it_is_missed():
    one = plan(Targets(images="all"), engines(docker=LISTING))
    none = plan(Targets(images="all"), engines())
    named = plan(Targets(images="all", engines=("docker", "podman")), engines(docker=LISTING))

    assert one.problems == []
    assert [reason for reason, _ in none.problems] == ["no_engine"] * 3
    assert named.problems == [("no_engine", "podman: not in /usr/bin; install it")]
    assert len(named.jobs) == 3


def test_listed_images_come_from_wherever_they_are():
    digest = "@sha256:" + "0" * 64
    result = plan(Targets(images="list", image_list=("b:1" + digest, "a:1", "a:1")), engines())

    assert names(result) == [
        ("a:1", "a:1", "docker,podman,remote"),
        ("b:1", "b:1" + digest, "docker,podman,remote"),
    ]


def test_a_line_that_an_engine_should_not_give_is_passed_over():
    listing = f"WARNING: something\n{A}\tshop/web\t1\textra\n{B}\tshop/api\t3"

    assert names(plan(Targets(images="all"), engines(docker=listing))) == [
        ("shop/api:3", B, "docker")
    ]


# What `ctr` of containerd 1.6 prints, with Kubernetes' names for one image.
CTR = {
    ("namespaces", "list", "--quiet"): "k8s.io\nmoby\n",
    ("k8s.io", "images", "list"): (
        "REF TYPE DIGEST SIZE PLATFORMS LABELS \n"
        f"shop/web:1 application/vnd.oci.image.index.v1+json {A} 3.2 MiB linux/amd64,linux/arm64"
        " io.cri-containerd.image=managed \n"
        f"shop/web@{A} application/vnd.oci.image.index.v1+json {A} 3.2 MiB linux/amd64 - \n"
        f"{C} application/vnd.oci.image.index.v1+json {A} 3.2 MiB linux/amd64 - \n"
        f"pause:3.9 application/vnd.oci.image.index.v1+json {B} 310.5 KiB linux/amd64 - \n"
    ),
    ("k8s.io", "tasks", "list"): (
        "TASK    PID     STATUS    \none     7148    RUNNING\ntwo     7149    STOPPED\n"
    ),
    ("k8s.io", "containers", "list"): (
        f"CONTAINER    IMAGE    RUNTIME    \none    {C}    io.containerd.runc.v2    \n"
        "two    pause:3.9    io.containerd.runc.v2    \nthree    -    io.containerd.runc.v2    \n"
    ),
}


def ask_ctr(engine, arguments):
    assert engine == "containerd"
    assert arguments[:2] == ("--address", "/run/x.sock")
    rest = [word for word in arguments[2:] if word != "--namespace"]
    return CTR[tuple(rest)]


def test_images_of_containerd_are_scanned_by_digest_in_their_namespace():
    result = plan(
        Targets(images="all", engines=("containerd",), containerd_address="/run/x.sock"), ask_ctr
    )

    assert names(result) == [("shop/web:1", A, "containerd"), ("pause:3.9", B, "containerd")]
    assert [job.artifact.running for job in result.jobs] == [True, False]
    assert result.jobs[0].environment == {
        "CONTAINERD_ADDRESS": "/run/x.sock",
        "CONTAINERD_NAMESPACE": "k8s.io",
    }


def test_image_archives_are_given_as_input(tmp_path):
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(b"")

    result = plan(Targets(archives=(f"{tmp_path}/*.tar", f"{tmp_path}/none")), engines())

    assert [(job.command, job.target, job.options) for job in result.jobs] == [
        ("image", "", ("--input", f"{tmp_path}/a.tar")),
        ("image", "", ("--input", f"{tmp_path}/b.tar")),
    ]
    assert result.jobs[0].artifact.kind == "container_image"
    assert [reason for reason, _ in result.problems] == ["target_not_found"]


def test_clusters_are_contexts_of_a_kubeconfig():
    result = plan(Targets(clusters=("prod", "current"), kubeconfig="/etc/kube"), engines())

    assert [(job.command, job.target, job.artifact.name) for job in result.jobs] == [
        ("kubernetes", "prod", "prod"),
        ("kubernetes", "", "current"),
    ]
    assert result.jobs[0].options == (
        *("--report", "all", "--disable-node-collector"),
        *("--kubeconfig", "/etc/kube"),
    )


def test_paths_are_patterns_of_the_right_kind(tmp_path):
    for name in ("one", "two", "-rf"):
        (tmp_path / "ws" / name).mkdir(parents=True)
    (tmp_path / "ws/file.json").write_text("{}", encoding="utf-8")

    result = plan(
        Targets(
            filesystems=(f"{tmp_path}/ws/*",),
            sboms=(f"{tmp_path}/ws/*",),
            rootfs=(str(tmp_path),),
            repositories=("https://git.example.org/shop",),
        ),
        engines(),
    )

    assert [(job.command, job.artifact.kind, job.target) for job in result.jobs] == [
        ("filesystem", "filesystem", f"{tmp_path}/ws/-rf"),
        ("filesystem", "filesystem", f"{tmp_path}/ws/one"),
        ("filesystem", "filesystem", f"{tmp_path}/ws/two"),
        ("rootfs", "rootfs", str(tmp_path)),
        ("sbom", "sbom", f"{tmp_path}/ws/file.json"),
        ("repository", "repository", "https://git.example.org/shop"),
    ]


@pytest.mark.parametrize("kind", ["filesystems", "sboms", "rootfs", "repositories"])
def test_a_pattern_that_matches_nothing_is_a_problem(tmp_path, kind):
    result = plan(Targets(**{kind: (f"{tmp_path}/none*",)}), engines())

    assert result.jobs == []
    assert result.problems == [("target_not_found", f"nothing to scan matches {tmp_path}/none*")]
