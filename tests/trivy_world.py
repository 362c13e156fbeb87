"""What the real Trivy is given in tests: a vulnerability database and things that are vulnerable.

All of it is made up here. The names of the database's buckets are those of trivy-db (pkg/db and
pkg/vulnsrc/bucket); makedb, built beside Trivy, writes them in its format.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

DEBIAN = "debian 12"
NPM = "npm::GitHub Security Advisory npm"
PIP = "pip::GitHub Security Advisory pip"
FIXED, UNFIXED, LIBRARY = "CVE-2026-70001", "CVE-2026-70002", "CVE-2026-70003"
WHEEL = "CVE-2026-70004"
VULNERABLE = {("openssl", FIXED), ("zlib1g", UNFIXED), ("lodash", LIBRARY)}
LABELS = {"org.opencontainers.image.base.name": "registry.example.org/base/debian:12"}
_AFFECTED = 2  # trivy-db, pkg/types/status.go
_HIGH, _CRITICAL = 3, 4

_PACKAGES = """\
Package: openssl
Status: install ok installed
Architecture: amd64
Version: 3.0.9-1
Description: made up

Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib
Version: 1:1.2.13.dfsg-1
Description: made up
"""
_LOCK = {
    "name": "shop",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "shop", "version": "1.0.0", "dependencies": {"lodash": "4.17.20"}},
        "node_modules/lodash": {"version": "4.17.20"},
    },
}
_OS = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def _entries():
    for bucket, source, name in (
        (DEBIAN, "debian", "Debian Security Tracker"),
        (NPM, "ghsa", "GitHub Security Advisory npm"),
        (PIP, "ghsa", "GitHub Security Advisory pip"),
    ):
        yield ["data-source", bucket], {"ID": source, "Name": name, "URL": "https://example.org"}
    yield [DEBIAN, "openssl", FIXED], {"FixedVersion": "3.0.11-1~deb12u1"}
    yield [DEBIAN, "zlib", UNFIXED], {"Status": _AFFECTED}
    yield (
        [NPM, "lodash", LIBRARY],
        {"VulnerableVersions": ["<4.17.21"], "PatchedVersions": ["4.17.21"]},
    )
    yield (
        [PIP, "requests", WHEEL],
        {"VulnerableVersions": ["<3.0.0"], "PatchedVersions": ["3.0.0"]},
    )
    ratings = ((FIXED, _CRITICAL), (UNFIXED, _HIGH), (LIBRARY, _HIGH), (WHEEL, _CRITICAL))
    for number, severity in ratings:
        yield (
            ["vulnerability", number],
            {
                "Title": f"made up {number}",
                "VendorSeverity": {"nvd": severity, "ghsa": severity},
                "CVSS": {"nvd": {"V3Score": 9.8, "V3Vector": "CVSS:3.1/AV:N"}},
                "PublishedDate": "2026-01-02T03:04:05Z",
            },
        )


def write_database(trivy, cache):
    """Put the database into a cache folder of Trivy's; it is younger than any scan."""
    folder = Path(cache) / "db"
    folder.mkdir(parents=True, mode=0o700)
    lines = "".join(json.dumps({"path": p, "value": v}) + "\n" for p, v in _entries())
    subprocess.run(
        [Path(trivy).with_name("makedb"), folder / "trivy.db"], input=lines, text=True, check=True
    )
    metadata = {"Version": 2, "UpdatedAt": "2199-01-01T00:00:00Z"}
    metadata.update(NextUpdate="2199-01-02T00:00:00Z", DownloadedAt="2199-01-01T00:00:00Z")
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="ascii")


def files(*, library="4.17.20"):
    """Return the files of a small Debian system with one npm package in it."""
    manifest = {"name": "lodash", "version": library, "license": "MIT"}
    return {
        "etc/os-release": _OS,
        "etc/debian_version": "12.5\n",
        "var/lib/dpkg/status": _PACKAGES,
        "app/node_modules/lodash/package.json": json.dumps(manifest),
    }


def wheel(version):
    """Return the file by which Trivy knows an installed Python package."""
    text = f"Metadata-Version: 2.1\nName: requests\nVersion: {version}\n"
    return {f"usr/lib/python3/dist-packages/requests-{version}.dist-info/METADATA": text}


def write_root(folder, content):
    """Unpack files into a folder."""
    for name, text in content.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_lock(folder):
    """Write the lock file of an npm project."""
    write_root(folder, {"package-lock.json": json.dumps(_LOCK)})


def write_sbom(path):
    """Write a CycloneDX SBOM with the npm package in it."""
    component = {
        "bom-ref": "pkg:npm/lodash@4.17.20",
        "type": "library",
        "name": "lodash",
        "version": "4.17.20",
        "purl": "pkg:npm/lodash@4.17.20",
    }
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}
    path.write_text(json.dumps({**document, "components": [component]}), encoding="ascii")


def _tar(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def write_image(path, content, *, name="wp-wodle-test/shop:1"):
    """Write an image as ``docker save`` does; return its id."""
    layer = _tar({name: text.encode() for name, text in content.items()})
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Labels": LABELS, "Env": ["PASSWORD=canary-environment"]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "made up"}],
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        }
    ).encode()
    digest = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{digest}.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    whole = {
        f"{digest}.json": config,
        "layer.tar": layer,
        "manifest.json": json.dumps(manifest).encode(),
    }
    Path(path).write_bytes(_tar(whole))
    return f"sha256:{digest}"
