"""Write the requirements files anew from pyproject.toml, with hashes and no index address."""

import subprocess
import sys
from pathlib import Path

UV = Path(sys.executable).parent / "uv"
COMPILE = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--custom-compile-command", "make lock"),
)
FILES = {
    "shared/requirements.txt": ["pyproject.toml"],
    "requirements-dev.txt": ["pyproject.toml", "--group", "dev"],
    "tests/simulation/requirements.txt": ["pyproject.toml", "--group", "simulation"],
    "local/requirements-aws.txt": ["--group", "aws"],
    "local/requirements-sam.txt": ["--group", "sam"],
    "local/requirements-checkov.txt": ["--group", "checkov"],
    "local/requirements-lock.txt": ["--group", "lock"],
}


def main() -> None:
    for file, sources in FILES.items():
        print(f"  {file}", flush=True)
        if subprocess.run([UV, *COMPILE, *sources, "--output-file", file], check=False).returncode:
            sys.exit(f"{file} could not be resolved: correct pyproject.toml, and run again.")


if __name__ == "__main__":
    main()
