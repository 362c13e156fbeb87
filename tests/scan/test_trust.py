import hashlib
import os

import pytest

from wazuh_pack.scan.config import Scanner
from wazuh_pack.scan.trust import TrustError, trusted_binary

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="changing an owner needs root")


@pytest.fixture
def binary(tmp_path):
    """Write a program that leaves a mark when it is run and then says a version."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    path = folder / "trivy"

    def write(says="Version: 0.74.0", built_as=b"", padding=0):
        script = f'#!/bin/sh\ntouch "$0.ran"\necho "{says}"\nexit 0\n'
        path.write_bytes(script.encode() + b"\0" * padding + built_as)
        path.chmod(0o755)
        return path

    return write


def ran(path):
    return path.with_name("trivy.ran").exists()


def refused(scanner):
    with pytest.raises(TrustError) as error:
        trusted_binary(scanner)
    return error.value.reason, str(error.value)


def go_module(version, kind="mod"):
    return f"\n{kind}\tgithub.com/aquasecurity/trivy\tv{version}\th1:abc\n".encode()


def test_a_good_binary_is_used_by_its_real_path(binary, tmp_path):
    path = binary()
    link = tmp_path / "link"
    link.symlink_to(path)

    found = trusted_binary(Scanner(binary=str(link)))

    assert (found.path, found.version) == (str(path), "0.74.0")


def test_the_version_is_read_from_the_file_before_anything_is_run(binary):
    path = binary(says="Version: 9.9.9", built_as=go_module("0.71.2"))

    assert trusted_binary(Scanner(binary=str(path))).version == "0.71.2"
    assert not ran(path)


@pytest.mark.parametrize("version", ["0.69.4", "0.69.5", "0.69.6"])
@pytest.mark.parametrize(
    "built_as",
    [
        "\nmod\tgithub.com/aquasecurity/trivy\tv{}\t\n",
        "\ndep\tgithub.com/aquasecurity/trivy\tv{}\t\n",
        "-X github.com/aquasecurity/trivy/pkg/version/app.ver={} -s",
    ],
)
def test_malicious_releases_are_refused_without_running_them(binary, version, built_as):
    path = binary(says="Version: 0.74.0", built_as=built_as.format(version).encode())

    reason, text = refused(Scanner(binary=str(path), minimum_version=(0, 1, 0)))

    assert reason == "bad_version"
    assert f"{version} is a malicious release" in text
    assert not ran(path)


@pytest.mark.parametrize("padding", [(1 << 20) - 120, (1 << 20) - 90, (1 << 20) - 60, 3 << 20])
def test_the_version_is_found_wherever_it_lies_in_the_file(binary, padding):
    path = binary(built_as=go_module("0.69.4"), padding=padding)

    assert refused(Scanner(binary=str(path)))[0] == "bad_version"


def test_one_bad_version_among_several_is_enough(binary):
    path = binary(built_as=go_module("0.74.0") + go_module("0.69.5", "dep"))

    assert refused(Scanner(binary=str(path)))[0] == "bad_version"


def test_a_malicious_release_that_only_says_so_is_refused(binary):
    path = binary(says="Version: v0.69.4")

    assert refused(Scanner(binary=str(path)))[0] == "bad_version"


def test_an_old_version_is_refused(binary):
    path = binary(says="Version: 0.58.1")

    assert refused(Scanner(binary=str(path))) == (
        "bad_version",
        "Trivy 0.58.1 is older than 0.69.2; update it",
    )
    assert trusted_binary(Scanner(binary=str(path), minimum_version=(0, 58, 0))).version


def test_a_version_that_nothing_tells_needs_a_pin(binary):
    path = binary(says="Version: dev")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    assert refused(Scanner(binary=str(path)))[0] == "bad_version"
    assert trusted_binary(Scanner(binary=str(path), sha256=digest)).version == "unknown"


def test_another_digest_than_the_pinned_one_is_refused_without_running_it(binary):
    path = binary()

    assert refused(Scanner(binary=str(path), sha256="0" * 64))[0] == "untrusted"
    assert not ran(path)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o644])
def test_a_binary_of_the_wrong_mode_is_refused_without_running_it(binary, mode):
    path = binary()
    path.chmod(mode)

    assert refused(Scanner(binary=str(path)))[0] == "untrusted"
    assert not ran(path)


def test_a_folder_that_others_may_write_to_is_refused(binary):
    path = binary()
    path.parent.chmod(0o777)

    reason, text = refused(Scanner(binary=str(path)))

    assert reason == "untrusted"
    assert str(path.parent) in text


@ROOT_ONLY
def test_a_binary_of_another_user_is_refused_without_running_it(binary):
    path = binary()
    os.chown(path, 65534, 65534)

    assert refused(Scanner(binary=str(path)))[0] == "untrusted"
    assert not ran(path)


def test_no_binary_is_a_reason_of_its_own(tmp_path):
    assert refused(Scanner(binary=str(tmp_path / "none")))[0] == "no_trivy"
