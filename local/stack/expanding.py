"""Expand a SAM template to plain CloudFormation: `python -m local.stack.expanding TEMPLATE RESULT`.

More arguments say how a deploy differs from the last one: `LogLevel=DEBUG` for a parameter,
`SharedLayer=s3://sources/other.zip` for a resource's source. It runs in the emulated AWS's
environment, where the translator is.
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


def expand(template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Parameters that are not given stay references: CloudFormation fills them in."""
    for name, resource in template["Resources"].items():
        if key := SOURCE_KEYS.get(resource["Type"]):
            resource["Properties"][key] = given.get(name, PLACEHOLDER)
    parameters = {name: given[name] for name in given.keys() & template["Parameters"].keys()}
    expanded: dict[str, Any] = transform(template, parameters, ManagedPolicies())
    return expanded


class ManagedPolicies:
    """The template writes its own statements, so no managed policy has to be looked up."""

    def load(self) -> dict[str, str]:
        return {}


def main() -> None:
    source, result = Path(sys.argv[1]), Path(sys.argv[2])
    given = dict(argument.split("=", 1) for argument in sys.argv[3:])
    unfinished = result.with_suffix(f".{os.getpid()}")
    try:
        expanded = expand(yaml_parse(source.read_text()), given)
    except (YAMLError, InvalidDocumentException) as error:
        sys.exit(" ".join(str(error).split()))
    unfinished.write_text(json.dumps(expanded))
    unfinished.rename(result)


if __name__ == "__main__":
    main()
