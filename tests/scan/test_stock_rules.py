"""Our events beside Wazuh's own vulnerability detection: neither takes the other's."""

import json

import pytest

from wazuh_pack import resources, source
from wazuh_pack.reports.findings import Artifact, Finding
from wazuh_pack.scan import compare
from wazuh_pack.scan.events import Source, encode
from wazuh_pack.verify.rulesets import load_pack

IMAGE = Artifact("shop/web:1", "container_image", "sha256:1", "debian 12.5", running=False)
STATES = (
    *(compare.NEW, compare.REOPENED, compare.FIXED, compare.PRESENT, compare.SEVERITY_CHANGED),
    *(compare.FIX_AVAILABLE, compare.EXPLOITED, compare.ACCEPTED, compare.ACCEPTANCE_ENDED),
    *(compare.SLA_DUE, compare.SLA_BREACHED),
)
STOCK = range(23501, 23509)
OURS = range(112600, 112900)


@pytest.fixture(scope="module")
def ruleset(shared):
    catalog, _ = source.load(resources.content())
    lists = {name: path for item in catalog.sources for name, path in item.lists}
    return load_pack(resources.tree(), stock=shared / "wazuh-4.14.7/ruleset", lists=lists)


def rule(ruleset, line):
    return ruleset.session().process(line, location="command_wazuh-pack-trivy").rule_id


@pytest.mark.parametrize("severity", ["critical", "high", "medium"])
@pytest.mark.parametrize("state", STATES)
def test_a_finding_gets_a_rule_of_ours_in_every_state(ruleset, state, severity):
    finding = Finding(
        "vuln", "CVE-2021-44228", severity, package="log4j", title="bad", fixed_version="2"
    )

    line = encode(Source("s", "trivy").finding(finding, IMAGE, state=state)).decode()

    assert rule(ruleset, line) in OURS


@pytest.mark.parametrize(
    ("severity", "expected"), [("Critical", 23506), ("High", 23505), ("Medium", 23504)]
)
def test_wazuhs_own_vulnerability_alerts_stay_wazuhs(ruleset, severity, expected):
    package = {"name": "log4j", "version": "1", "architecture": "amd64"}
    flaw = {"cve": "CVE-2021-44228", "severity": severity, "status": "Active", "package": package}

    assert rule(ruleset, json.dumps({"vulnerability": flaw})) == expected


def test_the_stock_rules_would_take_our_events_if_they_had_wazuhs_fields(ruleset):
    # Which is why they do not: 23506 is level 13 and sends mail, whatever we think of the finding.
    event = {"security_scan": {"event": "finding"}, "vulnerability": {"cve": "CVE-1"}}

    assert rule(ruleset, json.dumps(event)) in STOCK
