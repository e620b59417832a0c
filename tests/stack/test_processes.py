"""A process of the stack that is gone is told of, with its last words."""

import os
import sys
from pathlib import Path

import pytest

from local.stack.processes import StackError, running


@pytest.mark.parametrize(
    ("end", "told"),
    [("sys.exit(3)", "ended by itself with status 3"), ("os.abort()", "was ended by SIGABRT")],
)
def test_a_process_that_ended_meanwhile_is_named_with_how_it_ended_and_its_last_words(
    tmp_path: Path, end: str, told: str
) -> None:
    program = f"import os, sys; print('no memory left', flush=True); {end}"

    with (
        pytest.raises(StackError, match=f"(?s)The engine {told}: .*no memory left"),
        running(
            [sys.executable, "-c", program],
            env=os.environ, log=tmp_path / "engine.log", name="The engine",
        ) as process,
    ):  # fmt: skip
        process.wait()


def test_a_process_that_runs_until_it_is_ended_is_none(tmp_path: Path) -> None:
    program = "import time; time.sleep(60)"
    log = tmp_path / "engine.log"

    with running([sys.executable, "-c", program], env=os.environ, log=log, name="It") as process:
        assert process.poll() is None
