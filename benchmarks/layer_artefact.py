"""The layer as it is uploaded, and whether its bytecode is what Python loads."""

import os
import subprocess
import tempfile
import zipfile
from pathlib import Path

from benchmarks.cold_start import Place
from local.stack import runtime_api
from local.tools import layer_here

LOAD = (
    "import sys; sys.path[:0] = {paths!r}; "
    "import receive_webhook, charge_token, refund_payment, payments.doors.gateway"
)


def zipped_mb() -> float:
    """Return the size of what `sam deploy` uploads."""
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(layer_here.LAYER.rglob("*")):
                packed.write(path, path.relative_to(layer_here.LAYER))
        return archive.tell() / 1e6


def count_loaded(place: Place) -> tuple[int, int]:
    """Return how many modules of the layer were loaded, and how many of them were compiled."""
    script = LOAD.format(paths=[str(place.functions), str(place.layer / "python")])
    loaded = subprocess.run(
        [runtime_api.python(), "-S", "-B", "-v", "-c", script],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    files = [
        Path(line.split("'")[1])
        for line in loaded.stderr.splitlines()
        if line.startswith("# code object from '")
    ]
    ours = [file for file in files if file.is_relative_to(place.layer)]
    return len(ours), len([file for file in ours if file.suffix != ".pyc"])
