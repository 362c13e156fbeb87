"""What the pages show of plan and doctor is what these print, but for numbers and digests."""

import re

import pytest

from wazuh_pack import resources
from wazuh_pack.cli import main

PAGES = ("README.md", "docs/howto/install.md")
NUMBER = re.compile(r"\b[0-9a-f]{16}\b|\d+")
HOME = re.compile(r"/var/ossec|/tmp/wp-\w+")
PYTHON = re.compile(r"\(\S*python\S*\)")
CONSOLE = re.compile(
    r"^```(?:console)?\n\$ sudo wazuh-pack (?P<command>plan|doctor)(?P<arguments>.*)\n"
    r"(?P<shown>[^`]*)```",
    re.MULTILINE,
)


def plain(line):
    return NUMBER.sub("N", HOME.sub("HOME", PYTHON.sub("(PYTHON)", line))).strip()


def shown_on(page, command):
    """Yield the arguments and the lines of every block that shows a command's output."""
    text = (resources.tree() / page).read_text(encoding="utf-8")
    for block in CONSOLE.finditer(text):
        if block["command"] == command:
            lines = block["shown"].partition("\n$ ")[0].splitlines()
            yield block["arguments"].split(), [ln for ln in lines if ln and ln != "[...]"]


def missing(shown, printed):
    """Return the lines that were not printed; ``[...]`` in one stands for its rest."""
    known = {plain(line) for line in printed.splitlines()}
    heads = {line: plain(line).partition("[...]") for line in shown}
    return [
        line
        for line, (head, gap, _) in heads.items()
        if not (any(one.startswith(head) for one in known) if gap else head in known)
    ]


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("page", PAGES)
def test_plans_are_printed_as_shown(capsys, page):
    blocks = [b for b in shown_on(page, "plan") if not any(": error: " in line for line in b[1])]
    assert blocks
    for arguments, lines in blocks:
        main(["plan", *arguments])
        assert missing(lines, capsys.readouterr().out) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_doctors_words_are_as_shown(manager, capsys, page):
    manager.start()
    main(["install", "--yes", "--collect", "app-security"])
    (manager.home / "active-response/bin/wazuh-pack-block-ip").chmod(0o777)
    capsys.readouterr()
    main(["doctor"])
    printed = capsys.readouterr().out
    ((_, lines),) = shown_on(page, "doctor")
    assert missing(lines, printed) == []
