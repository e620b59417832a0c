"""The same seed is the same run: under any hash seed, after any other seed, on any interpreter."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from local.tools.environments import ENVIRONMENTS, STAMP, has_python, python_of
from tests.simulation.digest import digests

ROOT = Path(__file__).parents[2]
SEEDS = 20


def printed(python: str, hash_seed: str, *options: str, seeds: int = SEEDS) -> list[str]:
    """The digests as a process of its own finds them."""
    paths = [str(ROOT), str(ROOT / "shared"), str(ROOT / "functions")]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(paths)}
    ran = subprocess.run(
        [python, *options, "-m", "tests.simulation.digest", str(seeds)],
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


def test_a_seed_is_the_same_run_without_asserts(expected: list[str]) -> None:
    """Nothing that has to happen, and no check that the simulation rests on, is in an assert."""
    assert printed(sys.executable, "0", "-O", seeds=5) == expected[:5]


def test_a_seed_is_the_same_run_on_both_interpreters(expected: list[str]) -> None:
    """On this one and on the other of 3.11 and 3.13, with the packages that are locked."""
    version = "3.11" if sys.version_info[:2] == (3, 13) else "3.13"
    python = other_interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} beside this one")
    assert printed(python, "0") == expected


def other_interpreter(version: str) -> str | None:
    """Find the other version: the one that OTHER_PYTHON names, or an environment beside ours."""
    if named := os.environ.get("OTHER_PYTHON"):
        return shutil.which(named)
    folder, requirements = (ROOT / part for part in ENVIRONMENTS[f"simulation-{version}"])
    made_of = (folder / STAMP).read_text() if (folder / STAMP).exists() else ""
    up_to_date = made_of.endswith(f"{sha256(requirements.read_bytes()).hexdigest()}\n")
    return python_of(folder) if up_to_date and has_python(folder) else None
