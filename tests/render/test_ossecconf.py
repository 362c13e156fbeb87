"""The pack's part of ossec.conf."""

import json
from dataclasses import replace

import pytest
from lxml import etree

from wazuh_pack import render, source
from wazuh_pack.errors import PackError
from wazuh_pack.render.ossecconf import Wodle, collection, fragment
from wazuh_pack.render.responses import ResponseRow, Script
from wazuh_pack.render.responses import rows as response_rows
from wazuh_pack.source import ids

BLOCK = Script(action="block-ip", executable="wazuh-pack-block-ip", location="local")
RESPONSE = "response: {{action: block-ip, field: {}, timeout: {}}}"


REVOKE = Script(action="revoke-token", executable="wazuh-pack-revoke-token", location="server")


def all_rows(content, scripts):
    catalog, found = source.load(content.root)
    assert found == ()
    build = render.build(catalog, ids.Lock())
    return response_rows(catalog, build.rule_ids(), scripts)


def rows(content, scripts=(BLOCK,)):
    return all_rows(content, scripts)[0]


def test_detections_with_the_same_response_share_a_row(content):
    content.detection("a", "match: {src.x: a}\n" + RESPONSE.format("src.ip", "1h"))
    content.detection("b", "match: {src.x: b}\n" + RESPONSE.format("src.ip", "1h"))
    content.detection("c", "match: {src.x: c}\n" + RESPONSE.format("srcip", "10m"))

    assert rows(content) == (
        ResponseRow(
            name="wazuh-pack-block-ip-src-ip-3600",
            executable="wazuh-pack-block-ip",
            arguments="--field data.src.ip --timeout 3600",
            location="local",
            rules=(110001, 110002),
        ),
        ResponseRow(
            name="wazuh-pack-block-ip-srcip-600",
            executable="wazuh-pack-block-ip",
            arguments="--field data.srcip --timeout 600",
            location="local",
            rules=(110003,),
        ),
    )


REVOCATION = (
    "match: {{src.x: a}}\nresponse: {{action: revoke-token, field: src.key, "
    "revoke: [github.deploy-key, github.workflow], from: {{repository: {}}}, "
    "pick: 'id: ([0-9]+)', location: github}}"
)
WORDS = (
    "--field data.src.key --action github.deploy-key --action github.workflow"
    r" --from repository=data.src.repo --pick id:\x20([0-9]+) --location github"
)


def test_a_revocation_says_everything_in_its_arguments(content):
    content.detection("a", REVOCATION.format("src.repo"))
    (row,) = rows(content, scripts=(REVOKE,))

    assert row == ResponseRow(
        name="wazuh-pack-revoke-token-src-key-github-deploy-key-github-workflow",
        executable="wazuh-pack-revoke-token",
        arguments=WORDS,
        location="server",
        rules=(110001,),
    )


def test_integratord_is_told_the_same_in_its_options(content):
    content.detection("a", REVOCATION.format("src.repo"))
    content.detection("b", "match: {src.x: b}\n" + RESPONSE.format("src.ip", "1h"))
    custom = replace(REVOKE, integration="custom-wazuh-pack-revoke-token")
    responses, integrations = all_rows(content, (BLOCK, custom))

    assert [row.executable for row in responses] == ["wazuh-pack-block-ip"]
    (row,) = integrations
    assert (row.name, row.rules) == ("custom-wazuh-pack-revoke-token", (110001,))
    assert json.loads(row.options) == {"arguments": WORDS}
    root = etree.fromstring(f"<x>{fragment(integrations=integrations)}</x>")
    assert [child.tag for child in root[0]] == ["name", "rule_id", "alert_format", "options"]
    assert root.findtext("integration/rule_id") == "110001"
    assert json.loads(root.findtext("integration/options")) == {"arguments": WORDS}


def test_rows_that_would_have_one_name_are_refused(content):
    content.detection("a", REVOCATION.format("src.repo"))
    content.detection("b", REVOCATION.format("src.other"))

    with pytest.raises(PackError, match="differ in their further fields only"):
        rows(content, scripts=(REVOKE,))


def test_arguments_that_execd_would_cut_off_are_refused(content):
    content.detection("a", REVOCATION.format(".".join(["x" * 128] * 16)))

    with pytest.raises(PackError, match="longer than execd passes on"):
        rows(content, scripts=(REVOKE,))


def test_a_response_without_a_script_is_refused(content):
    content.detection("a", "match: {src.x: a}\n" + RESPONSE.format("src.ip", "1h"))

    with pytest.raises(PackError, match="no script offers the response 'block-ip'"):
        rows(content, scripts=())


def test_more_rows_than_execd_holds_are_refused(content):
    for number in range(65):
        name = f"d{number}"
        content.detection(name, "match: {src.x: a}\n" + RESPONSE.format("src.ip", f"{number + 1}m"))

    with pytest.raises(PackError, match="65 kinds of response"):
        rows(content)


def test_the_fragment_is_well_formed_and_complete():
    text = fragment(
        responses=[ResponseRow("n", "e", "--field x", "local", (1, 2))],
        wodles=[Wodle("t", "/w run", "1h", 60, "yes", "0" * 64)],
        fragments=["<localfile>\n  <location>/x</location>\n</localfile>"],
    )
    root = etree.fromstring(f"<ossec_config>{text}</ossec_config>")

    assert root.findtext("active-response/rules_id") == "1,2"
    assert root.findtext("wodle/verify_sha256") == "0" * 64
    assert root.findtext("localfile/location") == "/x"


def test_what_wazuhs_reader_cannot_carry_is_refused():
    with pytest.raises(PackError, match="cannot carry"):
        fragment(responses=[ResponseRow("a<b", "e", "", "local", (1,))])


def test_collection_fills_in_parameters(content):
    text = (content.root / "src/source.yml").read_text()
    delivery = """\
delivery:
  summary: a file
  location: x
  parameters: {path: /var/log/a}
  config: |
    <localfile><location>{{ path }}</location></localfile>
"""
    content.write(
        "src/source.yml",
        text.replace("delivery: {summary: a file, location: /var/log/src.log}\n", delivery),
    )
    content.detection("one")
    catalog, found = source.load(content.root)

    assert found == ()
    assert collection(catalog, {"src": {"path": "/b"}}) == (
        "<localfile><location>/b</location></localfile>",
    )
    with pytest.raises(PackError, match="no source 'nope'"):
        collection(catalog, {"nope": {}})
