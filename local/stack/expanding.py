"""Expand a SAM template to plain CloudFormation: `python -m local.stack.expanding TEMPLATE RESULT`.

Runs in the emulated AWS's environment, where the translator is.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import (  # type: ignore[import-not-found]
    InvalidDocumentException,
)
from samtranslator.translator.transform import transform  # type: ignore[import-not-found]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found]
from yaml import YAMLError

# The translator wants an S3 address; where the sources really are is decided when deploying.
PLACEHOLDER = "s3://sources/bootstrap.zip"
SOURCE_KEYS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """Parameters stay references: CloudFormation fills them in."""
    for resource in template["Resources"].values():
        if key := SOURCE_KEYS.get(resource["Type"]):
            resource["Properties"][key] = PLACEHOLDER
    expanded: dict[str, Any] = transform(template, {}, ManagedPolicies())
    return expanded


class ManagedPolicies:
    """The template writes its own statements, so no managed policy has to be looked up."""

    def load(self) -> dict[str, str]:
        return {}


def main() -> None:
    source, result = Path(sys.argv[1]), Path(sys.argv[2])
    unfinished = result.with_suffix(f".{os.getpid()}")
    try:
        expanded = expand(yaml_parse(source.read_text()))
    except (YAMLError, InvalidDocumentException) as error:
        sys.exit(" ".join(str(error).split()))
    unfinished.write_text(json.dumps(expanded))
    unfinished.rename(result)


if __name__ == "__main__":
    main()
