"""Adapt an expanded template to the emulated AWS, and say what had to be left out."""

import copy
import re
from typing import Any

API_ID = "receivable"
RUNTIME = "provided.al2023"
METHODS = {
    "get",
    "head",
    "put",
    "post",
    "delete",
    "patch",
    "options",
    "x-amazon-apigateway-any-method",
}
# What the emulator's CloudFormation refuses, and what stands in for it here.
REFUSED = {
    "AWS::Lambda::LayerVersion": "functions import shared/ from this repository instead",
    "AWS::SecretsManager::RotationSchedule": "secrets do not rotate locally",
    "AWS::SecretsManager::ResourcePolicy": "secrets have no policy of their own locally",
    "AWS::CloudWatch::CompositeAlarm": "alarms are not combined locally",
    "AWS::CodeDeploy::Application": "functions are replaced at once locally",
    "AWS::CodeDeploy::DeploymentGroup": "functions are replaced at once locally",
}

Template = dict[str, Any]
Resource = dict[str, Any]


def adapt(
    template: Template, *, bucket: str, key: str, environment: dict[str, str]
) -> tuple[Template, list[str]]:
    """Return the template that can be created locally, and a sentence for each thing left out."""
    adapted = copy.deepcopy(template)
    left_out = strip_refused(adapted["Resources"])
    for resource in of_type(adapted, "AWS::Lambda::Function").values():
        run_locally(resource["Properties"], bucket=bucket, key=key, environment=environment)
    for version in of_type(adapted, "AWS::Lambda::Version").values():
        # It names the layer, which is left out.
        version["Properties"].pop("Description", None)
    for role in of_type(adapted, "AWS::IAM::Role").values():
        let_send_mail(role["Properties"])
    for name, api in of_type(adapted, "AWS::ApiGatewayV2::Api").items():
        adapted["Resources"].update(native_routes(name, api["Properties"]))
    return adapted, left_out


def of_type(template: Template, resource_type: str) -> dict[str, Resource]:
    resources = template["Resources"].items()
    return {name: resource for name, resource in resources if resource["Type"] == resource_type}


def strip_refused(resources: dict[str, Resource]) -> list[str]:
    reasons = {name: refusal(resource) for name, resource in sorted(resources.items())}
    refused = {name: reason for name, reason in reasons.items() if reason}
    left_out = [f"{name} ({resources.pop(name)['Type']}): {why}." for name, why in refused.items()]
    for resource in resources.values():
        drop_dependencies(resource, set(refused))
    return left_out


def refusal(resource: Resource) -> str | None:
    if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
        return "alarms do not calculate locally"
    return REFUSED.get(resource["Type"])


def drop_dependencies(resource: Resource, refused: set[str]) -> None:
    depends_on = resource.get("DependsOn", [])
    names = [depends_on] if isinstance(depends_on, str) else depends_on
    resource["DependsOn"] = [name for name in names if name not in refused]


def run_locally(
    function: dict[str, Any], *, bucket: str, key: str, environment: dict[str, str]
) -> None:
    """Run the handler under the real runtime interface client: the bootstrap starts it."""
    function["Runtime"] = RUNTIME
    function["Code"] = {"S3Bucket": bucket, "S3Key": key}
    function.pop("Layers", None)
    function.setdefault("Environment", {}).setdefault("Variables", {}).update(environment)


def let_send_mail(role: dict[str, Any]) -> None:
    """Name no identity to send from: the emulator asks for the right to send from any."""
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == "ses:SendEmail":
                statement["Resource"] = "*"


def native_routes(api_name: str, api: dict[str, Any]) -> dict[str, Resource]:
    """Write the API's OpenAPI body as native resources, because the emulator ignores bodies."""
    body = api.pop("Body", {})
    api.pop("FailOnWarnings", None)
    api |= {"Name": API_ID, "ProtocolType": "HTTP", "Tags": {"ms-custom-id": API_ID}}
    if cors := body.get("x-amazon-apigateway-cors"):
        api["CorsConfiguration"] = {key[0].lower() + key[1:]: value for key, value in cors.items()}
    schemes = body.get("components", {}).get("securitySchemes", {})
    resources = {
        f"{api_name}{clean(name)}Authorizer": authorizer(api_name, name, scheme)
        for name, scheme in schemes.items()
    }
    for path, methods in body["paths"].items():
        for method in sorted(METHODS & methods.keys()):
            resources |= route(api_name, path, method, methods[method], schemes)
    return resources


def authorizer(api_name: str, name: str, scheme: dict[str, Any]) -> Resource:
    settings = scheme["x-amazon-apigateway-authorizer"]
    token = settings["jwtConfiguration"]
    properties = {
        "ApiId": {"Ref": api_name},
        "Name": name,
        "AuthorizerType": "JWT",
        "IdentitySource": [settings["identitySource"]],
        "JwtConfiguration": {"Issuer": token["issuer"], "Audience": token["audience"]},
    }
    return {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": properties}


def route(
    api_name: str, path: str, method: str, operation: dict[str, Any], schemes: dict[str, Any]
) -> dict[str, Resource]:
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    integration = operation["x-amazon-apigateway-integration"]
    name = f"{api_name}{verb}{clean(path)}"
    properties = {
        "ApiId": {"Ref": api_name},
        "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
        "Target": {"Fn::Sub": f"integrations/${{{name}Integration}}"},
    }
    for scheme in {
        key for choice in operation.get("security", []) for key in choice
    } & schemes.keys():
        properties["AuthorizationType"] = "JWT"
        properties["AuthorizerId"] = {"Ref": f"{api_name}{clean(scheme)}Authorizer"}
    target = {
        "ApiId": {"Ref": api_name},
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": integration["uri"],
        "PayloadFormatVersion": integration["payloadFormatVersion"],
    }
    return {
        f"{name}Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": target},
        f"{name}Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties},
    }


def clean(text: str) -> str:
    """Turn a path or a name into part of a logical id, which holds letters and digits only."""
    return "".join(part[0].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", text))
