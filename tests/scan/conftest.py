"""Fixtures of the wodle's tests: reports of our own, a host to scan from, a Trivy that obeys."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from wazuh_pack.scan.places import Places
from wazuh_pack.scan.spool import Spool


@pytest.fixture
def clock():
    """A clock that stands still until it is set."""

    class Clock:
        moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)

        def __call__(self):
            return self.moment

    return Clock()


class Host:
    """A Wazuh home with a configuration and an obedient Trivy in it."""

    def __init__(self, folder):
        self.home = folder / "home"
        self.target = folder / "target"
        self.trivy = folder / "bin" / "trivy"
        for path in (self.home / "etc/wazuh-pack", self.target, self.trivy.parent):
            path.mkdir(parents=True, mode=0o755)
        self.places = Places(str(self.home))
        self.configure()
        self.behave("exit 1")

    def configure(self, **sections):
        """Write the configuration; sections override or add keys."""
        content = {
            "trivy": {"binary": self.trivy, "timeout": "60s"},
            "targets": {"filesystems": f"\n    {self.target}"},
        }
        for section, keys in sections.items():
            content[section] = {**content.get(section, {}), **keys}
        text = "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            for section, keys in content.items()
        )
        path = Path(self.places.config)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)

    def behave(self, script):
        """Make Trivy run a shell script; $5 is the report it has to write."""
        self.trivy.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "Version: 0.74.0"; exit 0; }}\n{script}\n',
            encoding="utf-8",
        )
        self.trivy.chmod(0o755)

    def report(self, path):
        """Make Trivy give this report."""
        self.behave(f"cp '{path}' \"$5\"")

    def spool(self):
        self.places.make()
        return Spool(self.places.spool)

    def waiting(self):
        """Return the events that wait in the spool, oldest first, without taking them."""
        lines = []
        for path in sorted(self.places.spool.glob("[0-9]*.jsonl")):
            lines += path.read_bytes().splitlines()
        return [json.loads(line)["security_scan"] for line in lines]

    def deliver(self):
        """Deliver everything and return it as events."""
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as end:
            # A pipe holds 64 KiB: enough for the tests that use this.
            self.spool().deliver(writer, max_lines=10**6)
            os.close(writer)
            return [json.loads(line)["security_scan"] for line in end]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)
