"""Lambda's Runtime API on loopback: hands one event at a time to a handler under awslambdaric."""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from local.paths import ROOT
from local.stack import loopback

ANSWER_S = 20
POLL_S = 0.2
DEADLINE_MS = 29_000
# What Lambda's image brings; everything else has to be in the layer.
IMAGE = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


class HandlerFailed(Exception):
    """The function ended in an error, or never answered."""


class Runtime:
    """A function, as seen by who invokes it."""

    def __init__(self) -> None:
        """Begin with nothing asked, before the function has started."""
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.has_ended: Callable[[], bool] = lambda: False

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's answer to `event`."""
        self.events.put(event)
        kind, answer = self._answer()
        if kind != "response":
            raise HandlerFailed(json.dumps(answer))
        return answer

    def _answer(self) -> tuple[str, Any]:
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                return self.answers.get(timeout=POLL_S)
            if self.has_ended():
                raise HandlerFailed("it ended without an answer: read its log")
        raise HandlerFailed(f"no answer within {ANSWER_S} s")


def routes(runtime: Runtime) -> type[loopback.Handler]:
    """Return the Runtime API: GET .../invocation/next and POST .../{response,error}."""

    class Routes(loopback.Handler):
        """Lets the function wait for an event, and takes its answer."""

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            event = json.dumps(runtime.events.get()).encode()
            deadline = int(time.time() * 1000) + DEADLINE_MS
            self.send_response(200)
            # The client crashes on an event without a type.
            self.send_header("Content-Type", "application/json")
            self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
            self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:here"
            )
            self.send_header("Content-Length", str(len(event)))
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:  # noqa: N802 - the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            runtime.answers.put((self.path.rsplit("/", 1)[1], json.loads(body)))
            self.answer(b"", "application/json", 202)

    return Routes


@contextmanager
def started(
    handler: str, layer: Path, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[Runtime]:
    """
    Start a built handler as Lambda does, with nothing importable but the layer and the functions.

    `folder` is scratch space; what the function logs is in `folder`/log.
    """
    runtime = Runtime()
    with loopback.serving(loopback.bind(0, routes(runtime))) as address:
        variables = environment(layer, folder) | dict(env or {})
        variables["AWS_LAMBDA_RUNTIME_API"] = address.removeprefix("http://")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [python(), "-S", "-m", "awslambdaric", handler],
                cwd=ROOT / "functions",
                env=variables,
                stdout=log,
                stderr=log,
            )
        runtime.has_ended = lambda: process.poll() is not None
        try:
            yield runtime
        finally:
            process.kill()
            process.wait()


def python() -> str:
    """Return the interpreter below the virtual environment: it has no packages of its own."""
    return str(getattr(sys, "_base_executable", sys.executable))


def environment(layer: Path, folder: Path) -> dict[str, str]:
    """Return what Lambda sets for every function."""
    paths = [ROOT / "functions", layer / "python", image(folder)]
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "here",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "LAMBDA_TASK_ROOT": str(ROOT / "functions"),
        "PATH": os.defpath,
        "POWERTOOLS_SERVICE_NAME": "receivable",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": ":UTC",
    }


def image(folder: Path) -> Path:
    """Put what Lambda's image brings into a folder of its own."""
    packages = folder / "image"
    packages.mkdir(exist_ok=True)
    for origin in map(origin_of, IMAGE):
        link = packages / origin.name
        if not link.exists():
            link.symlink_to(origin)
    return packages


def origin_of(package: str) -> Path:
    """Return where this interpreter has a package: its folder, or its one file."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise HandlerFailed(f"{package} is not installed: run `make test`.")
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin
