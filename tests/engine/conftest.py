"""Fixtures of the engine's tests, and the conformance summary."""

import pytest

from wazuh_pack.engine import Ruleset

ROOT_RULE = """
<group name="base,">
  <rule id="1" level="0" noalert="1">
    <category>syslog</category>
    <description>root</description>
  </rule>
</group>
"""
DECODERS = """
<decoder name="json">
  <prematch>^{</prematch>
  <plugin_decoder>JSON_Decoder</plugin_decoder>
</decoder>
<decoder name="named">
  <program_name>\\.+</program_name>
</decoder>
<decoder name="other">
  <prematch>^</prematch>
</decoder>
"""


@pytest.fixture
def write_ruleset(tmp_path):
    """Return a function that loads rules (XML text), with a JSON decoder and a catch-all."""

    def write(*groups, lists=None, root=ROOT_RULE, decoders=DECODERS, indexes=True):
        rules = []
        for number, text in enumerate((root, *groups)):
            path = tmp_path / f"{number:02}_rules.xml"
            path.write_text(text, encoding="utf-8")
            rules.append(path)
        decoder_file = tmp_path / "decoders.xml"
        decoder_file.write_text(decoders, encoding="utf-8")
        files = {}
        for name, content in (lists or {}).items():
            files[f"etc/lists/{name}"] = tmp_path / name
            (tmp_path / name).write_text(content, encoding="utf-8")
        return Ruleset.load(rules, [decoder_file], files, indexes=indexes)

    return write


class Watcher:
    """Writes down what a watched session tells of itself."""

    def __init__(self):
        self.told = []

    def decoded(self, event, _state):
        self.told.append(event.log)

    def shares(self, what, key):
        self.told.append((what, key))

    def searches(self, rule, oldest):
        self.told.append((rule.id, oldest and oldest.event.log))


@pytest.fixture
def watcher():
    """Return a watch that keeps what it is told."""
    return Watcher()


def pytest_terminal_summary(terminalreporter):
    """Show what tests recorded as ``conformance``: area, vectors passed, vectors in all."""
    rows = [
        value
        for outcome in ("passed", "failed")
        for test in terminalreporter.stats.get(outcome, ())
        for name, value in getattr(test, "user_properties", ())
        if name == "conformance"
    ]
    if not rows:
        return
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    terminalreporter.section("agreement with analysisd 4.14.7")
    for area, passed, total in sorted(rows[:-1]) + rows[-1:]:
        share = 100 * passed / total if total else 0
        terminalreporter.write_line(f"{area:<28} {passed:>6} of {total:>6}  {share:6.2f} %")
