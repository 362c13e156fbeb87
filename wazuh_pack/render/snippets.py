"""Parts of rendered files, for showing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from wazuh_pack.render.build import Build


def rule_snippets(build: Build, detection: str) -> list[str]:
    """Return the XML of every rule of a detection, exceptions included, in file order."""
    ids = build.rule_ids()
    wanted = {str(number) for key, number in ids.items() if key.partition("/")[0] == detection}
    snippets = []
    for name, content in build.files.items():
        if not name.startswith("rules_xml/"):
            continue
        for node in etree.fromstring(content).iter("rule"):
            if node.get("id") in wanted:
                text = etree.tostring(node, encoding="unicode", with_tail=False)
                snippets.append("  " + text)
    return snippets
