#!/bin/sh
# SAM names a function's version after what the template says, not after what it comes to.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qqq --disable-pip-version-check aws-sam-translator==1.115.0
AWS_DEFAULT_REGION=eu-central-1 "$folder/venv/bin/python" - 2> /dev/null <<'PY'
import sys
from importlib.metadata import version
from samtranslator.translator.transform import transform
class NoPolicies:
    load = staticmethod(dict)
def versions(layer="s3://b/one.zip", level="INFO", **more):
    """The function's version and the layer, by their logical ids."""
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Level": {"Type": "String", "Default": "INFO"}},
        "Resources": {
            "Shared": {"Type": "AWS::Serverless::LayerVersion",
                       "Properties": {"ContentUri": layer, **more}},
            "Work": {"Type": "AWS::Serverless::Function",
                     "Properties": {"Runtime": "python3.13", "Handler": "work.handler",
                                    "CodeUri": "s3://b/code.zip", "Layers": [{"Ref": "Shared"}],
                                    "Environment": {"Variables": {"LEVEL": {"Ref": "Level"}}},
                                    "AutoPublishAlias": "live", "AutoPublishAliasAllProperties": True}}}}
    made = transform(template, {"Level": level}, NoPolicies())["Resources"].items()
    return [name for kind in ("Version", "LayerVersion") for name, body in made if body["Type"] == f"AWS::Lambda::{kind}"]
print("Python", sys.version.split()[0], "aws-sam-translator", version("aws-sam-translator"))
print("With AutoPublishAliasAllProperties, a deploy that changes only the layer's content, or only the value of a parameter")
print("in the environment, publishes no version: the alias stays on the old one. PublishLambdaVersion on the layer")
print("mends the first, and nothing in SAM the second.")
before, layer, level = versions(), versions("s3://b/two.zip"), versions(level="DEBUG")
told = {"PublishLambdaVersion": True}
fixed, fixed_layer, fixed_level = versions(**told), versions("s3://b/two.zip", **told), versions(level="DEBUG", **told)
for what, seen in {"first deploy": before, "other layer": layer, "other parameter": level, "first deploy, PublishLambdaVersion": fixed,
                   "other layer, PublishLambdaVersion": fixed_layer, "other parameter, PublishLambdaVersion": fixed_level}.items():
    print(f"  {what:38}", *seen)
held = (before[0] == layer[0], before[1] != layer[1], before[0] == level[0], fixed[0] != fixed_layer[0], fixed[0] == fixed_level[0])
sys.exit(0 if all(held) else 1)
PY
