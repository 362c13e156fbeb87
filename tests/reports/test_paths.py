"""Paths of packages, before and after an upgrade."""

import pytest

from wazuh_pack.reports.paths import steady

SITE = "usr/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{SITE}/requests-{{}}.dist-info/METADATA", ("2.31.0", "2.32.0rc1")),
        (f"{SITE}/foo-{{}}-py3.11.egg-info/PKG-INFO", ("1.0", "1.1.post1")),
        ("app/lib/log4j-core-{}.jar", ("2.14.1", "2.15.0-rc.1")),
        ("shop-{}.war/WEB-INF/lib/commons-text-1.9.jar", ("1.4.0", "1.4.1-SNAPSHOT")),
        ("usr/lib/ruby/gems/3.1.0/specifications/rake-{}.gemspec", ("13.0.6", "13.1.0")),
        ("w/node_modules/.pnpm/lodash@{}/node_modules/lodash/package.json", ("4.17.20", "4.17.21")),
        ("opt/conda/conda-meta/openssl-{}-h7f8727e_0.json", ("1.1.1q", "1.1.1w")),
        ("go/pkg/mod/example.org/x@v{}/go.mod", ("1.2.3", "1.2.4")),
        ("cache/foo_{}.tgz", ("1.2", "1.3")),
        ("opt/node-{}/package.json", ("18.1.0", "18.2.0")),
    ],
)
def test_an_upgrade_is_the_same_place(before, after):
    paths = [before.format(version) for version in after]

    assert len({steady(path, version) for path, version in zip(paths, after, strict=True)}) == 1
    assert steady(paths[0], after[0]) != paths[0]


def test_another_build_of_a_conda_package_is_the_same_place():
    builds = [f"opt/conda/conda-meta/openssl-1.1.1q-{build}_0.json" for build in ("h7f", "h8a")]

    assert len({steady(path, "1.1.1q") for path in builds}) == 1


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("package-lock.json", "1.0.0"),
        (f"{SITE}/x.py", "3.11"),
        ("srv/app-2/package-lock.json", ""),
        ("lib/a.jar", "1.0"),
        ("lib/2.0.1.1/x", "2.0.1.12"),
        ("x/10.2/y", "0.2"),
        ("x/2.0.1/y", "2.0"),
        ("usr/lib/llvm/18/x", "18"),
        ("", "1"),
    ],
)
def test_other_paths_stay(path, version):
    assert steady(path, version) == path


def test_different_packages_stay_apart():
    assert steady("lib/log4j-core-2.1.jar", "2.1") != steady("lib/log4j-api-2.1.jar", "2.1")
    assert steady("a/x-1.jar", "1") != steady("b/x-1.jar", "1")


def test_what_is_no_path_at_all_stays():
    path = "-1" * 200_000

    assert steady(path, "1" * 100_000) == path
