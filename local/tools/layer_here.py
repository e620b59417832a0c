"""
Build the Lambda layer for this machine: `python -m local.tools.layer_here`.

The deployed layer is built for another processor. The tests of the artefact and the benchmarks
start handlers from this layer, which the same script makes.
"""

import platform
import subprocess
import sys

from local.paths import ROOT, RUN
from local.stack.processes import StackError

LAYER = RUN / "layer"
ARCHITECTURES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64"}


def reason_against() -> str | None:
    """Say why the layer cannot run here, if it cannot: it is bytecode of Lambda's own Python."""
    if sys.version_info[:2] != (3, 13):
        return "the layer runs on Python 3.13 only: install it, then `make clean`, and run again"
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        return "the layer's wheels are for Linux on x86-64 or arm64"
    return None


def build() -> None:
    """Build it; libraries that are already there stay, so only the first time needs a network."""
    script = str(ROOT / "shared" / "layer.py")
    command = [sys.executable, script, str(LAYER)]
    command += ["--architecture", ARCHITECTURES[platform.machine()]]
    if subprocess.run(command, check=False).returncode:
        raise StackError("The layer could not be built: check the network, and run again.")


def main() -> None:
    """Build it where it can run; elsewhere its tests are skipped, and say why."""
    if reason_against() is None:
        build()


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))
