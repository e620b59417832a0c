"""
Write what the layer is made of as a CycloneDX document, and ask for advisories: `make sbom`.

What is listed is the lock file that the layer is installed from, so the list cannot be another one.
"""

import http.client
import json
import re
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from local.paths import ROOT, RUN

LOCK = ROOT / "shared" / "requirements.txt"
FILE = RUN / "receivable.cdx.json"
ADVISORIES, PATH, TIMEOUT_S = "api.osv.dev", "/v1/querybatch", 10
_PACKAGE = re.compile(
    r"^([a-z0-9._-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)", re.MULTILINE
)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """One package of the lock file, with the digests of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(text: str) -> list[Package]:
    """Read a lock file."""
    return [
        Package(name, version, tuple(_HASH.findall(hashes)))
        for name, version, hashes in _PACKAGE.findall(text)
    ]


def document(packages: list[Package], version: str) -> dict[str, Any]:
    """Return the document: the same one for the same lock file."""
    named = json.dumps([each.purl for each in packages])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, named)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "receivable",
                "version": version,
                "bom-ref": "receivable",
            }
        },
        "components": [component(each) for each in packages],
        "dependencies": [
            {"ref": "receivable", "dependsOn": [each.purl for each in packages]},
        ],
    }


def component(package: Package) -> dict[str, Any]:
    found = {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "bom-ref": package.purl,
        "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
    }
    licence = licence_of(package.name)
    return found | ({"licenses": [{"expression": licence}]} if licence else {})


def licence_of(name: str) -> str | None:
    """Return the licence as a package itself names it, where it does so by SPDX."""
    try:
        return metadata.metadata(name).get("License-Expression")
    except metadata.PackageNotFoundError:
        return None


def advisories(packages: list[Package]) -> dict[str, list[str]] | None:
    """Return the advisories of each package that has some; None where nobody can be asked."""
    asked = json.dumps({"queries": [{"package": {"purl": each.purl}} for each in packages]})
    connection = http.client.HTTPSConnection(ADVISORIES, timeout=TIMEOUT_S)
    try:
        connection.request("POST", PATH, asked, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read()) if answer.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return dict(named(packages, told)) if told else None


def named(packages: list[Package], told: Any) -> Iterator[tuple[str, list[str]]]:
    for package, result in zip(packages, told["results"], strict=True):
        if found := [each["id"] for each in result.get("vulns", ())]:
            yield package.purl, found


def version() -> str:
    """Return this version of the product."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def main() -> None:
    packages = locked(LOCK.read_text())
    RUN.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document(packages, version()), indent=1) + "\n")
    print(f"Wrote {Path(FILE).relative_to(ROOT)}: {len(packages)} packages.")
    found = advisories(packages)
    if found is None:
        print(f"{ADVISORIES} cannot be reached from here: nothing was scanned for advisories.")
        return
    for purl, names in found.items():
        print(f"{purl}: {', '.join(names)}")
    if found:
        raise SystemExit("Some packages have advisories: read them, and lock newer versions.")
    print(f"{ADVISORIES} has no advisories for any of them.")


if __name__ == "__main__":
    main()
