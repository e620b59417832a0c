"""Make the virtual environments a command needs: `python -m local.environments app aws`.

Runs on a bare Python 3.11, so it imports the standard library only.
"""

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
# Name: its folder, and the file that says what is in it. They differ because their botocores do.
ENVIRONMENTS = {
    "app": (".venv", "requirements-dev.txt"),
    "aws": ("local/.aws-venv", "local/requirements-aws.txt"),
    "sam": ("local/.sam-venv", "local/requirements-sam.txt"),
    "checkov": ("local/.checkov-venv", "local/requirements-checkov.txt"),
    "lock": ("local/.lock-venv", "local/requirements-lock.txt"),
}
STAMP = "ready"
# The file names everything, so nothing is left to be looked up.
INSTALL = (
    *("install", "--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
    *("--no-deps", "--require-hashes", "--requirement"),
)
PATIENCE_S = 15


class SetUpError(Exception):
    """Set-up cannot go on; the text says what to do."""


def make(names: list[str]) -> None:
    """Make the environments that are missing or out of date, side by side."""
    late = [name for name in names if not is_ready(name)]
    installs = {name: start_install(name) for name in late}
    try:
        for name, install in installs.items():
            finish(name, install)
    finally:
        for install in installs.values():
            install.kill()


def finish(name: str, install: subprocess.Popen[str]) -> None:
    errors = wait(name, install)
    if install.returncode:
        raise SetUpError(explain(name, errors))
    (ROOT / ENVIRONMENTS[name][0] / STAMP).write_text(stamp(name))
    print(f"  {ENVIRONMENTS[name][0]} is ready", flush=True)


def is_ready(name: str) -> bool:
    folder = ROOT / ENVIRONMENTS[name][0]
    written = folder / STAMP
    return written.exists() and written.read_text() == stamp(name) and has_python(folder)


def stamp(name: str) -> str:
    """Say what an environment was made of: its requirements and the interpreter."""
    requirements = (ROOT / ENVIRONMENTS[name][1]).read_bytes()
    return f"{sys.version}\n{hashlib.sha256(requirements).hexdigest()}\n"


def python_of(folder: Path) -> str:
    return str(folder / "bin" / "python")


def has_python(folder: Path) -> bool:
    """Tell whether the environment's interpreter still exists: it is a link to one outside."""
    return Path(python_of(folder)).exists()


def start_install(name: str) -> subprocess.Popen[str]:
    folder, requirements = (ROOT / part for part in ENVIRONMENTS[name])
    print(f"  making {folder.relative_to(ROOT)} from {requirements.relative_to(ROOT)}", flush=True)
    if not is_same_python(folder):
        create(folder)
    command = [python_of(folder), "-m", "pip", *INSTALL, str(requirements)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait(name: str, install: subprocess.Popen[str]) -> str:
    """Wait for an installation, and say now and then that it goes on."""
    started = time.monotonic()
    while True:
        try:
            return install.communicate(timeout=PATIENCE_S)[1]
        except subprocess.TimeoutExpired:
            waited_s = round(time.monotonic() - started)
            print(f"  still installing {ENVIRONMENTS[name][0]} ({waited_s} s)", flush=True)


def is_same_python(folder: Path) -> bool:
    """Tell whether the environment was made from this interpreter and has a pip."""
    probe = [python_of(folder), "-c", "import pip, sys; print(sys.version)"]
    if not has_python(folder):
        return False
    answer = subprocess.run(probe, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == sys.version


def create(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise SetUpError(
            f"{sys.executable} cannot make a virtual environment:"
            " install its venv package (python3-venv on Debian), or set PYTHON to another Python."
        )


def explain(name: str, errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.startswith("ERROR")]
    reason = (lines or errors.strip().splitlines() or ["no reason given"])[0]
    file = ENVIRONMENTS[name][1]
    return f"{file} could not be installed ({reason}): check the network, and run again."


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    sys.exit("Set-up was stopped: run again, and it goes on.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        make(sys.argv[1:])
    except SetUpError as error:
        sys.exit(str(error))
