"""SBOMs."""

from wazuh_pack.reports.findings import Artifact


def test_cyclonedx_components_nested_ones_too(files, samples):
    _, head, findings = files.read(samples / "sbom.json")

    assert head.artifact == Artifact("registry.example.org/shop/web:1.4.2", "sbom")
    assert [(item.package_type, item.package, item.installed_version) for item in findings] == [
        ("npm", "@shop/cart", "2.0.0"),
        ("deb", "debian/openssl", "3.0.1"),
        ("library", "inner", "1"),
    ]
    assert {(item.scanner, item.severity) for item in findings} == {("component", "info")}


def test_spdx_packages(files, samples):
    _, head, findings = files.read(samples / "sbom-spdx.json")

    assert head.artifact == Artifact("shop-web", "sbom")
    assert [(item.package_type, item.package, item.installed_version) for item in findings] == [
        ("deb", "debian/openssl", "3.0.1")
    ]


def test_an_upgrade_is_the_same_component(files):
    sbom = files.sample("sbom.json")
    artifact = Artifact("a", "sbom")
    before = files.read(sbom)[2][0].key(artifact, "sbom")
    sbom["components"][0].update(version="3.0.0", purl="pkg:npm/%40shop/cart@3.0.0?x=y#z")

    after = files.read(sbom)[2][0]

    assert (after.installed_version, after.key(artifact, "sbom")) == ("3.0.0", before)


def test_recorded_sboms(files, recorded):
    _, _, findings = files.read(recorded / "cyclonedx/valid-vulnerability-1.4.json")

    assert [item.package for item in findings] == ["com.fasterxml.jackson.core/jackson-databind"]
