"""Make the environments a command needs: `python -m local.tools.environments app aws`.

Runs on a bare Python 3.11, so it imports the standard library only.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
# Name: its folder, and the file that says what is in it. They differ because their botocores do.
ENVIRONMENTS = {
    "app": (".venv", "requirements-dev.txt"),
    # Beside it, to see that a seed is the same run on both interpreters.
    "simulation-3.11": (".venv-3.11", "tests/simulation/requirements.txt"),
    "simulation-3.13": (".venv-3.13", "tests/simulation/requirements.txt"),
    "aws": ("local/.aws-venv", "local/requirements-aws.txt"),
    "sam": ("local/.sam-venv", "local/requirements-sam.txt"),
    "checkov": ("local/.checkov-venv", "local/requirements-checkov.txt"),
    "lock": ("local/.lock-venv", "local/requirements-lock.txt"),
    "cli": ("local/stripe_cli/node_modules", "local/stripe_cli/package-lock.json"),
    "browser": ("local/axe/node_modules", "local/axe/package-lock.json"),
}
# Stripe's own CLI and the rules of accessibility come from npm; everything else is Python's.
NODE = {
    "cli": "the tests with Stripe's CLI are skipped",
    "browser": "the tests in a browser are skipped",
}
STAMP = "ready"
# The file names everything, so nothing is left to be looked up.
INSTALL = (
    *("install", "--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
    *("--no-deps", "--require-hashes", "--requirement"),
)
NPM_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
APT_INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")
# Debian's and Ubuntu's names of a browser; CHROMIUM names any other one.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 15


class SetUpError(Exception):
    """Set-up cannot go on; the text says what to do."""


def make(names: list[str]) -> None:
    """Make the environments that are missing or out of date, side by side."""
    late = [name for name in names if not is_ready(name) and has_installer(name)]
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
    if not written.exists() or written.read_text() != stamp(name):
        return False
    return name in NODE or has_python(folder)


def stamp(name: str) -> str:
    """Say what an environment was made of: its requirements and the interpreter."""
    requirements = (ROOT / ENVIRONMENTS[name][1]).read_bytes()
    interpreter = "node" if name in NODE else sys.version
    return f"{interpreter}\n{hashlib.sha256(requirements).hexdigest()}\n"


def has_installer(name: str) -> bool:
    """Tell whether it can be installed; all else works without npm, so a lack is only said."""
    if name not in NODE:
        return True
    if name == "browser" and not has_browser():
        print(f"  a browser is missing, so {NODE[name]}: install the package chromium.", flush=True)
        return False
    if shutil.which("npm") or (apt_installs("nodejs", "npm") and shutil.which("npm")):
        return True
    print(
        f"  npm is missing, so {NODE[name]}: install the packages nodejs and npm, and run again.",
        flush=True,
    )
    return False


def has_browser() -> bool:
    return bool(find_browser() or (apt_installs("chromium") and find_browser()))


def find_browser() -> str | None:
    """Return the browser that the tests drive."""
    named = (os.environ.get("CHROMIUM"), *BROWSERS)
    return next((found for name in named if name and (found := shutil.which(name))), None)


def apt_installs(*packages: str) -> bool:
    """Install packages where that asks nobody for a password."""
    root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if not shutil.which("apt-get") or (root and not shutil.which("sudo")):
        return False
    print(f"  installing {' and '.join(packages)} by apt", flush=True)
    return all(
        subprocess.run([*root, *command], capture_output=True, check=False).returncode == 0
        for command in (("apt-get", "update"), (*APT_INSTALL, *packages))
    )


def python_of(folder: Path) -> str:
    return str(folder / "bin" / "python")


def has_python(folder: Path) -> bool:
    """Tell whether the environment's interpreter still exists: it is a link to one outside."""
    return Path(python_of(folder)).exists()


def start_install(name: str) -> subprocess.Popen[str]:
    folder, requirements = (ROOT / part for part in ENVIRONMENTS[name])
    print(f"  making {folder.relative_to(ROOT)} from {requirements.relative_to(ROOT)}", flush=True)
    if name in NODE:
        return start([*NPM_INSTALL, "--prefix", str(folder.parent)])
    if not is_same_python(folder):
        create(folder)
    return start([python_of(folder), "-m", "pip", *INSTALL, str(requirements)])


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


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
    lines = [line for line in errors.splitlines() if line.startswith(("ERROR", "npm error"))]
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
