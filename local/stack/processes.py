"""Start the processes of the stack and end them, whatever happens."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.paths import ROOT

READY_S = 30
GRACE_S = 5
POLL_S = 0.02
LAST_LINES = 30


class StackError(Exception):
    """Something a person can put right; its text says how."""


@contextmanager
def running(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, name: str
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run `command` in a session of its own, and end the whole session afterwards.

    Had it ended by itself by then, that is what went wrong, whatever else was seen of it.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        ended = process.poll()
        end_group(process)
        if ended is not None:
            raise StackError(f"{name} {how(ended)}: read {log}.\n{tail(log, LAST_LINES)}")


def how(ended: int) -> str:
    """Say how a process ended."""
    if ended >= 0:
        return f"ended by itself with status {ended}"
    return f"was ended by {signal.Signals(-ended).name}"


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, then end whatever is left of its group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(
    is_ready: Callable[[], bool], process: subprocess.Popen[bytes], *, name: str, log: Path
) -> None:
    deadline = time.monotonic() + READY_S
    while not is_ready():
        if process.poll() is not None:
            # The caller that started it tells what it has written.
            raise StackError(f"{name} ended while starting.")
        if time.monotonic() > deadline:
            raise StackError(f"{name} was not ready after {READY_S} s: read {log}.\n{tail(log)}")
        time.sleep(POLL_S)


def tail(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
