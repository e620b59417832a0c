"""
Check the template: `python -m local.tools.check_template`.

cfn-lint and checkov read it as it is written and as SAM expands it: a policy that is too wide
shows in the second only.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.paths import APP_PYTHON, LOCAL, ROOT, RUN, TEMPLATE
from local.stack.deploying import expanding
from local.stack.processes import StackError

EXPANDED = RUN / "template.expanded.json"
CHECKOV = LOCAL / ".checkov-venv" / "bin" / "checkov"
CFN_LINT = APP_PYTHON.with_name("cfn-lint")
# Each with its reason; tests/test_template.py holds that there are three at most.
SKIPS = {
    "CKV_AWS_116": (
        "A function's own dead-letter queue is for invocations that nobody waits for. The "
        "scheduled functions have one; the others answer a caller, or a queue with its own."
    ),
    "CKV_AWS_117": (
        "No function reaches into a VPC: AWS and Stripe are called over TLS, and a NAT gateway "
        "would cost more while idle than everything else together."
    ),
}
# Fewer than this were not the whole template.
CHECKS_MIN = 400
COUNTED = ("passed", "failed", "skipped", "parsing_errors")


def main() -> None:
    """Print each tool's verdict, and end with 1 if one of them found something."""
    expand()
    files = [str(TEMPLATE), str(EXPANDED)]
    lint = start([str(CFN_LINT), "--", *files])
    scan = start(checkov(files))
    findings = [*cfn_lint_findings(lint), *checkov_findings(scan)]
    for finding in findings:
        print(finding)
    if findings:
        sys.exit(f"The template has {len(findings)} findings.")


def expand() -> None:
    """Write the template as CloudFormation gets it."""
    RUN.mkdir(exist_ok=True)
    with expanding() as expanded:
        EXPANDED.write_text(json.dumps(expanded(), indent=1))


def checkov(files: Sequence[str]) -> list[str]:
    """Return the command: no platform, nothing downloaded, nothing sent."""
    command = [str(CHECKOV), "--skip-download", "--output", "json"]
    command += ["--framework", "cloudformation", "serverless", "secrets"]
    command += ["--skip-check", ",".join(SKIPS)]
    for file in files:
        command += ["--file", file]
    return command


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a tool; the two run side by side."""
    if not Path(command[0]).exists():
        raise StackError(f"{command[0]} is not there: `make check` installs it.")
    quiet = os.environ | {"LOG_LEVEL": "ERROR"}
    return subprocess.Popen(
        command, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def cfn_lint_findings(lint: subprocess.Popen[str]) -> list[str]:
    """Return what cfn-lint says; nothing is all right."""
    found, errors = lint.communicate()
    lines = (found + errors).splitlines() if lint.returncode else []
    print(f"cfn-lint: {'no findings' if not lines else 'findings'}")
    return lines


def checkov_findings(scan: subprocess.Popen[str]) -> list[str]:
    """Return a line for each failed check, and for each thing that was not checked."""
    answer, errors = scan.communicate()
    try:
        reports = parsed(answer)
    except json.JSONDecodeError:
        return [f"checkov gave no report: {errors.strip() or answer.strip()}"]
    findings = [
        f"{failed['check_id']} {failed['resource']}: {failed['check_name']}"
        for report in reports
        for failed in report["results"]["failed_checks"]
    ]
    totals = {key: sum(report["summary"][key] for report in reports) for key in COUNTED}
    print("checkov: " + ", ".join(f"{number} {key}" for key, number in totals.items()))
    for check, reason in SKIPS.items():
        print(f"  without {check}: {reason}")
    if totals["passed"] < CHECKS_MIN or totals["parsing_errors"] or totals["skipped"]:
        findings.append("checkov did not check the whole template.")
    return findings


def parsed(answer: str) -> list[dict[str, Any]]:
    """Return the reports, one for each framework; a single one comes without its list."""
    reports = json.loads(answer)
    return reports if isinstance(reports, list) else [reports]


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))
