"""ZAP's reports; XML may be hostile."""

import pytest

from wazuh_pack.reports import zap
from wazuh_pack.reports.report import ReportError

START = '<?xml version="1.0"?>'
ALERT = (
    '<OWASPZAPReport version="2"><site name="https://shop.example.org"><alerts><alertitem>'
    "<pluginid>1</pluginid><riskcode>2</riskcode>{}</alertitem></alerts></site></OWASPZAPReport>"
)


@pytest.mark.parametrize("name", ["zap.json", "zap.xml"])
def test_both_forms_say_the_same(files, samples, name):
    _, head, findings = files.read(samples / name)

    found = findings[0]
    assert (head.artifact.name, head.tool_version) == ("https://shop.example.org", "2.17.0")
    assert (found.finding_id, found.severity, found.status) == ("40018-1", "high", "medium")
    assert (found.resource, found.target) == (
        "https://shop.example.org",
        "https://shop.example.org/cart",
    )
    assert (found.title, found.resolution, found.cwe) == (
        "SQL Injection",
        "Use parameters.",
        "CWE-89",
    )


def test_false_positives_are_accepted(files, samples):
    _, head, findings = files.read(samples / "zap.json")

    assert head.suppressed == 1
    assert [(item.accepted, item.accepted_reason) for item in findings] == [
        ("", ""),
        ("tool", "false_positive"),
    ]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_document_type_is_refused(files, declaration):
    with pytest.raises(ReportError, match="declares a document type or entities"):
        files.read(START + declaration + ALERT.format("<alert>&b;</alert>"), "zap")


def test_deep_nesting_is_refused(files):
    with pytest.raises(ReportError, match="nested deeper than 50"):
        files.read(START + ALERT.format("<a>" * 100 + "</a>" * 100))


@pytest.mark.parametrize("token", ["<!--{}-->", '<a b="{}"/>', "<?p {}?>"])
def test_an_endless_token_is_refused(files, monkeypatch, token):
    monkeypatch.setattr(zap, "_MAX_TOKEN", 200_000)

    with pytest.raises(ReportError, match="an XML token is longer"):
        files.read(START + ALERT.format(token.format("x" * 500_000)))


def test_a_long_text_is_cut(files):
    _, _, findings = files.read(START + ALERT.format(f"<desc>{'x' * 3_000_000}</desc>"))

    assert 0 < len(findings[0].message) < 200_000


@pytest.mark.parametrize("content", ["<OWASPZAPReport>", "<other/>", "<OWASPZAPReport/>x"])
def test_what_is_not_whole_is_refused(files, content):
    with pytest.raises(ReportError, match=r"not a (whole )?ZAP report"):
        files.read(START + content, "zap")


def test_recorded_reports(files, recorded):
    content = (recorded / "zap/scb-example.com.xml").read_text(encoding="utf-8")

    # The project that recorded it put a comment before the declaration, which is not XML.
    _, head, findings = files.read(content[content.index("<?xml") :])

    assert head.artifact.name == "http://example.com"
    assert {item.severity for item in findings} == {"medium", "low", "info"}
    assert [item.finding_id for item in findings][:3] == ["10036", "10050", "10038"]
