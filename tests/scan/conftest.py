"""Fixtures of the wodle's tests: reports of our own, a host to scan from, a Trivy that obeys."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from wazuh_pack.scan.places import Places
from wazuh_pack.scan.spool import Spool


class Reports:
    """Builds small Trivy reports in the shape of 0.74.0."""

    def __init__(self, folder):
        self._folder = folder
        self._count = 0

    @staticmethod
    def vulnerability(number=1, severity="HIGH", package="openssl", **more):
        return {
            "VulnerabilityID": f"CVE-2026-{number:04}",
            "PkgID": f"{package}@1.0",
            "PkgName": package,
            "InstalledVersion": "1.0",
            "FixedVersion": "1.1",
            "Status": "fixed",
            "SeveritySource": "nvd",
            "PrimaryURL": f"https://avd.example.org/{number}",
            "Title": f"flaw {number} in {package}",
            "Severity": severity,
            "CweIDs": ["CWE-79", "CWE-80"],
            "CVSS": {"nvd": {"V3Vector": "CVSS:3.1/AV:N", "V3Score": 9.8, "V2Score": 7.5}},
            "References": ["https://example.org/a"],
            "PublishedDate": "2026-01-02T03:04:05.06Z",
            **more,
        }

    @staticmethod
    def image(vulnerabilities=(), name="registry.example.org/shop/web:1", **metadata):
        return {
            "SchemaVersion": 2,
            "Trivy": {"Version": "0.74.0"},
            "CreatedAt": "2026-02-03T04:05:06Z",
            "ArtifactName": name,
            "ArtifactType": "container_image",
            "Metadata": {
                "OS": {"Family": "debian", "Name": "12.5"},
                "ImageID": "sha256:" + "a" * 64,
                "RepoDigests": ["registry.example.org/shop/web@sha256:" + "b" * 64],
                "ImageConfig": {"config": {"Env": ["DB_PASSWORD=canary-environment"]}},
                **metadata,
            },
            "Results": [
                {
                    "Target": f"{name} (debian 12.5)",
                    "Class": "os-pkgs",
                    "Type": "debian",
                    "Packages": [{"Name": "openssl", "Version": "1.0"}],
                    "Vulnerabilities": list(vulnerabilities),
                }
            ],
        }

    def write(self, document, **options):
        self._count += 1
        path = self._folder / f"report-{self._count}.json"
        path.write_text(json.dumps(document, **options), encoding="utf-8")
        return path


@pytest.fixture
def reports(tmp_path):
    return Reports(tmp_path)


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
    umask = os.umask(0o022)
    try:
        yield Host(tmp_path)
    finally:
        os.umask(umask)
