"""The list of malicious components."""

import pytest

from wazuh_pack.reports.findings import Finding
from wazuh_pack.reports.malicious import FINDING, Malicious
from wazuh_pack.reports.values import purl_parts


def found(files, listed, component):
    """Return what a list says of a component, both given as package URLs."""
    kind, name, version = purl_parts(component)
    finding = Finding(
        "component",
        "component",
        "info",
        package_type=kind,
        package=name,
        installed_version=version,
    )
    known = Malicious.load(files.write(f"{listed} known for it\n"))
    return [one for one in known.apply([finding]) if one.finding_id == FINDING]


@pytest.mark.parametrize(
    ("listed", "component"),
    [
        ("pkg:npm/%40shop/cart@1.0.0", "pkg:npm/%40shop/cart@1.0.0"),
        ("pkg:npm/%40shop/cart", "pkg:npm/%40shop/cart@9"),
        ("pkg:pypi/Evil_Pkg@1.0.0", "pkg:pypi/evil-pkg@1.0.0"),
        ("pkg:pypi/evil-pkg@1.0RC1", "pkg:pypi/Evil..Pkg@1.0rc1"),
        ("pkg:pypi/evil.pkg", "pkg:pypi/evil--pkg@2"),
        ("pkg:composer/Shop/Cart", "pkg:composer/shop/cart@1"),
        ("pkg:nuget/Evil.Core", "pkg:nuget/evil.core@1"),
        ("pkg:github/Shop/Web", "pkg:github/shop/web@v1"),
    ],
)
def test_what_is_on_the_list_is_found_however_it_is_written(files, listed, component):
    (finding,) = found(files, listed, component)

    assert (finding.severity, finding.message) == ("critical", "known for it")
    # The finding shows the component as the SBOM writes it.
    assert finding.package == purl_parts(component)[1]


@pytest.mark.parametrize(
    ("listed", "component"),
    [
        ("pkg:npm/cart@1.0.0", "pkg:npm/cart@1.0.1"),
        ("pkg:npm/cart", "pkg:pypi/cart@1"),
        # Of these, names that differ so are different packages.
        ("pkg:npm/JSONStream", "pkg:npm/jsonstream@1"),
        ("pkg:npm/evil_pkg", "pkg:npm/evil-pkg@1"),
        ("pkg:golang/example.org/Shop", "pkg:golang/example.org/shop@v1"),
        ("pkg:nuget/Evil.Core", "pkg:nuget/evil-core@1"),
    ],
)
def test_what_is_not_on_the_list_is_not_found(files, listed, component):
    assert found(files, listed, component) == []
