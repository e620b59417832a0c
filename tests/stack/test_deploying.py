"""What runs locally is the template, and what had to be left out is said."""

from pathlib import Path
from typing import Any

import pytest

from local.paths import ROOT
from local.stack.adapting import adapt
from local.stack.processes import StackError
from local.stack.stack import Stack, running_stack

INTEGRATION = {"uri": {"Fn::Sub": "arn"}, "payloadFormatVersion": "2.0"}
EXPANDED: dict[str, Any] = {
    "Resources": {
        "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {}},
        "Sum": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"Metrics": [{"Id": "a", "Expression": "b+c"}]},
        },
        "Pay": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": ["Layer", "Table"],
            "Properties": {
                "Handler": "pay.handler",
                "Runtime": "python3.13",
                "Layers": [{"Ref": "Layer"}],
                "Environment": {"Variables": {"STAGE": "local"}},
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Body": {
                    "paths": {
                        "/health": {"get": {"x-amazon-apigateway-integration": INTEGRATION}},
                        "/v1/pay/{id}": {
                            "post": {
                                "x-amazon-apigateway-integration": INTEGRATION,
                                "security": [{"Jwt": []}],
                            }
                        },
                    },
                    "components": {
                        "securitySchemes": {
                            "Jwt": {
                                "x-amazon-apigateway-authorizer": {
                                    "identitySource": "$request.header.Authorization",
                                    "jwtConfiguration": {"issuer": "i", "audience": ["a"]},
                                }
                            }
                        }
                    },
                    "x-amazon-apigateway-cors": {"AllowOrigins": ["https://x.example"]},
                }
            },
        },
    }
}
BROKEN = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String}}
Resources:
  Gate: %s
"""


@pytest.fixture
def adapted() -> tuple[dict[str, Any], list[str]]:
    template, left_out = adapt(EXPANDED, bucket="b", key="k", environment={"AWS_ENDPOINT_URL": "u"})
    return template["Resources"], left_out


def test_what_the_emulator_refuses_is_left_out_and_named(
    adapted: tuple[dict[str, Any], list[str]],
) -> None:
    resources, left_out = adapted

    assert not {"Layer", "Sum"} & resources.keys()
    assert [sentence.split(":")[0] for sentence in left_out] == [
        "Layer (AWS",
        "Sum (AWS",
    ]
    assert resources["Pay"]["DependsOn"] == ["Table"]


def test_a_function_keeps_its_handler_and_environment_and_gets_the_local_runtime(
    adapted: tuple[dict[str, Any], list[str]],
) -> None:
    function = adapted[0]["Pay"]["Properties"]

    assert function["Handler"] == "pay.handler"
    assert function["Runtime"] == "provided.al2023"
    assert function["Code"] == {"S3Bucket": "b", "S3Key": "k"}
    assert function["Environment"]["Variables"] == {"STAGE": "local", "AWS_ENDPOINT_URL": "u"}
    assert "Layers" not in function


def test_a_route_with_a_security_asks_for_a_token_and_a_public_one_does_not(
    adapted: tuple[dict[str, Any], list[str]],
) -> None:
    resources, _ = adapted
    private = resources["ApiPOSTV1PayIdRoute"]["Properties"]
    public = resources["ApiGETHealthRoute"]["Properties"]

    assert private["RouteKey"] == "POST /v1/pay/{id}"
    assert private["AuthorizationType"] == "JWT"
    assert private["AuthorizerId"] == {"Ref": "ApiJwtAuthorizer"}
    assert public["RouteKey"] == "GET /health"
    assert "AuthorizationType" not in public


def test_cors_is_written_as_the_emulator_reads_it(
    adapted: tuple[dict[str, Any], list[str]],
) -> None:
    api = adapted[0]["Api"]["Properties"]

    assert api["CorsConfiguration"] == {"allowOrigins": ["https://x.example"]}
    assert "Body" not in api


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("{Type: AWS::Fantasy::Gate}", "Unrecognized resource types: [AWS::Fantasy::Gate]"),
        ("{Type: AWS::SSM::Parameter, Properties: {Type: Odd, Value: v}}", "Gate (AWS::SSM::"),
    ],
)
def test_a_template_that_cannot_be_created_fails_with_one_sentence(
    tmp_path: Path, resource: str, reason: str
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(BROKEN % resource)

    with pytest.raises(StackError) as failure, running_stack(template=template):
        pass

    assert str(failure.value).startswith("The deploy failed: ")
    assert reason in str(failure.value)
    assert str(failure.value).endswith(": correct template.yaml, and run again.")


def test_every_function_of_the_template_is_deployed(stack: Stack) -> None:
    deployed = [name for name in stack.deployment.resources if name.endswith("Function")]
    handlers = {path.stem for path in (ROOT / "functions").glob("*.py")}

    assert {
        "".join(part.title() for part in name.split("_")) + "Function" for name in handlers
    } == {*deployed}
