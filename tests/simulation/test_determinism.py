"""The same seed is the same run: under any hash seed, after any other seed, on any interpreter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.digest import digests

ROOT = Path(__file__).parents[2]
SEEDS = 20


def printed(python: str, hash_seed: str, seeds: int = SEEDS, **more: str) -> list[str]:
    """The digests as a process of its own finds them."""
    paths = [str(ROOT), str(ROOT / "shared"), str(ROOT / "functions"), more.get("packages", "")]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(paths)}
    ran = subprocess.run(
        [python, "-m", "tests.simulation.digest", str(seeds)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.split()


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return digests(range(SEEDS))


@pytest.mark.parametrize("hash_seed", ["5", "99"])
def test_a_seed_is_the_same_run_under_any_hash_seed(expected: list[str], hash_seed: str) -> None:
    assert printed(sys.executable, hash_seed) == expected


def test_a_seed_does_not_depend_on_those_before_it(expected: list[str]) -> None:
    assert digests(range(5)) == expected[:5]


def test_a_seed_is_the_same_run_on_both_interpreters(expected: list[str]) -> None:
    """On this one and on the other of 3.11 and 3.13, with the packages that are locked."""
    version = "3.11" if sys.version_info[:2] == (3, 13) else "3.13"
    python, packages = other_interpreter(version)
    if python is None:
        pytest.skip(f"only one of Python 3.11 and 3.13 is here with its packages: {version} is not")
    assert printed(python, "0", packages=packages) == expected


def other_interpreter(version: str) -> tuple[str | None, str]:
    """Find an environment of the other version: one that OTHER_PYTHON names, or one beside ours."""
    named = os.environ.get("OTHER_PYTHON") or str(ROOT / f".venv-{version}" / "bin" / "python")
    found = shutil.which(named)
    return found, ""
