"""Show that clients nobody here wrote work with the stand-in: `python -m local.tools.clients`.

They are installed in a folder of their own, from their registries; CI does without.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.paths import LOCAL
from local.standin import StandIn

SCRIPTS = LOCAL / "clients"
DJ_STRIPE = "dj-stripe==2.11.0"
NODE_MAJORS = (17, 18, 23)
INSTALL_S, RUN_S = 600, 300


def main() -> None:
    """Run each client, print what it says, and end with 1 if one of them does not get through."""
    standin = StandIn(control=True)
    server = standin.serve()
    failed = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            failed += not run_dj_stripe(server.url, Path(folder) / "django")
            for major in NODE_MAJORS:
                failed += not run_node(server.url, Path(folder) / f"node{major}", major)
    finally:
        server.close()
        standin.close()
    sys.exit(1 if failed else 0)


def run_dj_stripe(url: str, folder: Path) -> bool:
    """Sync one of everything into a Django of its own."""
    python = folder / "bin" / "python"
    return (
        done([sys.executable, "-m", "venv", str(folder)], INSTALL_S)
        and done([str(python), "-m", "pip", "install", "-qqq", DJ_STRIPE], INSTALL_S)
        and done([str(python), str(SCRIPTS / "dj_stripe.py"), url, str(folder)], RUN_S)
    )


def run_node(url: str, folder: Path, major: int) -> bool:
    """Do the main job with a version of Stripe's SDK for Node."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        print("Node is not installed: its clients are left out.")
        return True
    folder.mkdir()
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    return done([*install, f"stripe@{major}"], INSTALL_S) and done(
        [node, str(SCRIPTS / "main_job.mjs"), url], RUN_S, folder
    )


def done(command: list[str], limit_s: int, folder: Path | None = None) -> bool:
    """Run a command where it belongs; what it says is shown, and whether it ended well told."""
    quiet = os.environ | {"npm_config_update_notifier": "false"}
    try:
        ended = subprocess.run(command, cwd=folder, env=quiet, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        print(f"{command[0]} took more than {limit_s} s.")
        return False
    return ended.returncode == 0


if __name__ == "__main__":
    main()
