"""Where things are in this repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / "local"
RUN = LOCAL / ".run"
TEMPLATE = ROOT / "template.yaml"
STACK_FILE = RUN / "stack.json"
APP_PYTHON = ROOT / ".venv" / "bin" / "python"
AWS_PYTHON = LOCAL / ".aws-venv" / "bin" / "python"
AWS_REQUIREMENTS = LOCAL / "requirements-aws.txt"
