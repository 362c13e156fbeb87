"""A folder of content that tests fill."""

import textwrap

SOURCE = """\
id: {id}
title: A source
prefix: Src
order: {order}
rule_ids: {block}
delivery: {{summary: a file, location: /var/log/src.log}}
envelope: {{wrap: src}}
gate: {{decoded_as: json, match: {{src.kind: {kind}}}}}
"""

DETECTION = """\
id: {id}
title: Title of {id}
message: $(src.actor) did it
why: It matters.
severity: high
{what}
attack: [T1195]
cicd_sec: [1]
references: [https://example.org/]
tests:
  fires:
    - {{name: fires, from: made up, event: {event}}}
  quiet:
    - {{name: quiet, from: made up, event: {near}}}
"""


class Content:
    """A folder of content that a test fills."""

    def __init__(self, root):
        self.root = root

    def source(self, name="src", order=1, block="110000-110099", kind="event"):
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        text = SOURCE.format(id=name, order=order, block=block, kind=kind)
        (folder / "source.yml").write_text(text)
        return self

    def detection(
        self,
        name,
        what="match: {src.action: a}",
        source="src",
        event="{kind: event, action: a}",
        near="{kind: event, action: b}",
    ):
        what = textwrap.dedent(what).strip()
        text = DETECTION.format(id=name, what=what, event=event, near=near)
        return self.write(f"{source}/{name}.yml", text)

    def write(self, path, text):
        (self.root / path).write_text(text)
        return self
