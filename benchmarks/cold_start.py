"""Start a function as Lambda does, invoke it once, and say what that took."""

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.paths import ROOT
from local.stack import loopback, runtime_api
from local.tools import layer_here

#: After its answer a function asks for the next event and sleeps: nothing is burnt after that.
SETTLE_S = 0.04
#: The SDK brings a bundle of its own.
STRIPE_ROOTS = Path("python/stripe/data/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Function:
    """What is started, and the event it gets; events are signed when they are sent."""

    name: str
    entry: str
    event: Callable[[], dict[str, Any]]
    status: int


@dataclass(frozen=True, slots=True)
class Cost:
    """User and system CPU from `exec` to the first answer, and the most memory resident."""

    cpu_ms: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Place:
    """The layer and the functions as they are deployed, trusting loopback beside the real roots."""

    folder: Path
    env: Mapping[str, str]

    @property
    def layer(self) -> Path:
        """What Lambda mounts at /opt."""
        return self.folder / "layer"

    @property
    def functions(self) -> Path:
        """What Lambda mounts at /var/task."""
        return self.folder / "functions"


def prepare(folder: Path, root: str) -> Place:
    """Copy what is deployed: sources of the functions, bytecode of the layer."""
    place = Place(folder, {"AWS_CA_BUNDLE": str(folder / "amazon-roots.pem")})
    shutil.copytree(layer_here.LAYER, place.layer)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions", place.functions, ignore=ignored)
    shutil.copy(ROOT / "benchmarks" / "hello.py", place.functions)
    amazon = (place.layer / "amazon-roots.pem").read_text()
    (folder / "amazon-roots.pem").write_text(f"{amazon}\n{root}")
    stripe_roots = place.layer / STRIPE_ROOTS
    stripe_roots.write_text(f"{stripe_roots.read_text()}\n{root}")
    return place


def invoke_cold(function: Function, place: Place, env: Mapping[str, str]) -> Cost:
    """Start `function`, send its event, require its answer, and end it."""
    runtime = runtime_api.Runtime()
    with ExitStack() as stack:
        routes = runtime_api.routes(runtime)
        address = stack.enter_context(loopback.serving(loopback.bind(0, routes)))
        variables = _environment(place, address) | dict(place.env) | dict(env)
        process = stack.enter_context(_started(function.entry, place, variables))
        runtime.has_ended = lambda: process.poll() is not None
        answer = runtime.invoke(function.event())
        if answer["statusCode"] != function.status:
            raise runtime_api.HandlerFailed(f"{function.name} answered {answer}")
        time.sleep(SETTLE_S)
        memory_mb = _memory_mb(process.pid)
        return Cost(_cpu_ms_of_ended(process), memory_mb)


def _environment(place: Place, address: str) -> dict[str, str]:
    variables = runtime_api.environment(place.layer, place.folder)
    paths = [place.functions, place.layer / "python", runtime_api.image(place.folder)]
    return variables | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "LAMBDA_TASK_ROOT": str(place.functions),
        "AWS_LAMBDA_RUNTIME_API": address.removeprefix("http://"),
    }


@contextmanager
def _started(
    entry: str, place: Place, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (place.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [runtime_api.python(), "-S", "-m", "awslambdaric", entry],
            cwd=place.functions,
            env=variables,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _memory_mb(process: int) -> float:
    """In Lambda's megabytes. Not `ru_maxrss`, which begins with what the parent had."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    (most,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(most) / 1024


def _cpu_ms_of_ended(process: subprocess.Popen[bytes]) -> float:
    process.kill()
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    return (usage.ru_utime + usage.ru_stime) * 1000


@contextmanager
def serving_tls(routes: type[loopback.Handler], context: ssl.SSLContext) -> Iterator[str]:
    """Serve over TLS on loopback, and give the address."""
    server = loopback.bind(0, routes)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with loopback.serving(server) as address:
        yield address.replace("http://", "https://")
