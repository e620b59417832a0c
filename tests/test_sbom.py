"""What the layer is made of is told in full, and whether it was scanned."""

import http.client
import json
import re
from typing import Any

import pytest

from local.tools import sbom


def test_every_locked_package_is_listed_with_version_and_digests() -> None:
    text = sbom.LOCK.read_text()
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    made = sbom.document(sbom.locked(text), "1.0")

    listed = {each["name"]: each for each in made["components"]}
    assert {name: each["version"] for name, each in listed.items()} == pinned
    assert all(each["hashes"] for each in listed.values())
    assert sum(len(each["hashes"]) for each in listed.values()) == text.count("--hash=sha256:")
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert listed["stripe"]["purl"] == f"pkg:pypi/stripe@{pinned['stripe']}"


def test_the_same_lock_file_makes_the_same_document() -> None:
    packages = sbom.locked(sbom.LOCK.read_text())

    assert sbom.document(packages, "1.0") == sbom.document(packages, "1.0")


class Answer:
    """A database of advisories: it answers, or nobody is there."""

    def __init__(self, body: Any) -> None:
        self.status, self.body = 200, body

    def read(self) -> bytes:
        return json.dumps(self.body).encode()


def asked(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    def answer(*_: Any) -> Answer:
        if body is None:
            raise OSError
        return Answer(body)

    monkeypatch.setattr(http.client.HTTPSConnection, "request", lambda *_: None)
    monkeypatch.setattr(http.client.HTTPSConnection, "getresponse", answer)


PACKAGES = [sbom.Package("one", "1.0", ()), sbom.Package("two", "2.0", ())]


def test_an_advisory_is_told_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, {"results": [{}, {"vulns": [{"id": "PYSEC-1"}]}]})

    assert sbom.advisories(PACKAGES) == {"pkg:pypi/two@2.0": ["PYSEC-1"]}


def test_where_nobody_can_be_asked_that_is_said_and_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, None)

    sbom.main()

    assert "nothing was scanned" in capsys.readouterr().out
    asked(monkeypatch, {"results": [{} for _ in sbom.locked(sbom.LOCK.read_text())]})
    sbom.main()
    assert "has no advisories" in capsys.readouterr().out
