"""Small Trivy reports in the shape of 0.74.0."""

import json


class TrivyReports:
    """Builds reports in a folder."""

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
