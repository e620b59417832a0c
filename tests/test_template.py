"""What template.yaml promises: every function on a leash of its own, nothing lost, nothing open."""

import functools
import json
import re
from typing import Any

import pytest

from local.paths import ROOT, TEMPLATE
from local.stack.deploying import expanding
from local.tools.check_template import SKIPS
from payments.edge.roles import ROUTES

PUBLIC = {
    "GET /health",
    "GET /openapi.json",
    "GET /p/saved-card",
    "HEAD /p/saved-card",
    "GET /p/{token}",
    "HEAD /p/{token}",
    "GET /p/{token}/return",
    "HEAD /p/{token}/return",
    "GET /v1/accounts/oauth/callback",
    "GET /v1/accounts/onboarding/refresh",
    "GET /v1/accounts/onboarding/return",
    "POST /p/{token}/pay",
    "POST /p/{token}/confirm",
    "POST /webhooks/stripe/connect/{mode}",
    "POST /webhooks/stripe/{account}/{mode}",
}
SETTINGS = {
    "AWS_CA_BUNDLE",
    "AWS_WIRE",
    "EVENT_BUS",
    "EVENT_QUEUE_URL",
    "KMS_KEY_ARN",
    "MAIL_EVENTS",
    "MAIL_FROM",
    "MFA_CLAIM",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_SERVICE_NAME",
    "PROFILE_CLAIM",
    "CLIENT_IP_HEADER",
    "PUBLIC_URL",
    "RECONCILE_QUEUE_URL",
    "ROLE_CLAIM",
    "STAGE",
    "STRIPE_API_BASE",
    "TABLE_NAME",
    "TENANT_CLAIM",
}
CALLS_STRIPE = {
    "apply_event",
    "charge_token",
    "connect_account",
    "create_checkout_link",
    "manage_customers",
    "manage_invoices",
    "open_checkout",
    "open_pay_link",
    "reconcile_account",
    "refund_payment",
    "sweep_attempts",
    "run_schedules",
    "check_accounts",
}
SERVICES = {"dynamodb", "events", "kms", "logs", "secretsmanager", "ses", "sqs", "xray"}
# The store puts new versions of rows; nothing else changes one, and nothing reads them all.
TABLE_ACTIONS = {"BatchGetItem", "GetItem", "PutItem", "Query"}
STREAM_ACTIONS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
READS_STREAM = {"send_notifications"}
SECRET_ACTIONS = {"CreateSecret", "GetSecretValue", "PutSecretValue"}
KEPT = {"Retain", "RetainExceptOnCreate"}
FOURTEEN_DAYS_S = 14 * 24 * 60 * 60
# Where the sources lie while nothing of them is changed.
PLACEHOLDER = "s3://sources/bootstrap.zip"
CAP = "ReservedConcurrentExecutions"

Resource = dict[str, Any]


@functools.cache
def template() -> dict[str, Any]:
    with expanding() as expanded:
        return expanded()


@functools.cache
def versions(*given: str) -> dict[str, tuple[str, str]]:
    """Each function with its version's logical id, and the layer by which it is described."""
    with expanding(TEMPLATE, *(given or ("Stage=prod",))) as expanded:
        resources = expanded()["Resources"]
    return {
        body["Properties"]["FunctionName"]["Ref"]: (name, body["Properties"]["Description"]["Ref"])
        for name, body in resources.items()
        if body["Type"] == "AWS::Lambda::Version"
    }


def versioned(function: Resource) -> Resource:
    """The properties that a version keeps: how many may run at once is the function's alone."""
    return {name: value for name, value in function.items() if name not in {CAP, "Role"}}


def parameters_of(value: Any) -> set[str]:
    """The names of the parameters that decide a value, those of its conditions too."""
    if isinstance(value, list):
        return set().union(*map(parameters_of, value))
    if not isinstance(value, dict):
        return set()
    found = parameters_of(list(value.values()))
    if (name := value.get("Ref")) in template()["Parameters"]:
        found.add(name)
    if name := value.get("Condition"):
        found |= parameters_of(template()["Conditions"][name])
    if chosen := value.get("Fn::If"):
        found |= parameters_of(template()["Conditions"][chosen[0]])
    if substituted := value.get("Fn::Sub"):
        names = re.findall(r"\$\{(\w+)\}", str(substituted))
        found |= template()["Parameters"].keys() & set(names)
    return found


def of_type(kind: str) -> dict[str, Resource]:
    resources = template()["Resources"].items()
    return {name: body["Properties"] for name, body in resources if body["Type"] == kind}


def functions() -> dict[str, Resource]:
    """Each function under the name of its file."""
    found = of_type("AWS::Lambda::Function").values()
    return {body["Handler"].removesuffix(".handler"): body for body in found}


def logical_id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def role_of(name: str) -> Resource:
    role: Resource = of_type("AWS::IAM::Role")[functions()[name]["Role"]["Fn::GetAtt"][0]]
    return role


def grants(role: Resource) -> list[tuple[str, str]]:
    """Every action of a role with every resource it is allowed on, the resource as text."""
    return [
        (action, text(resource))
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A reference as `Name.Attribute`, and the text of a substitution."""
    if isinstance(value, str):
        return value
    ((kind, argument),) = value.items()
    return ".".join(argument) if kind == "Fn::GetAtt" else str(argument)


def operations() -> dict[str, tuple[dict[str, Any], str]]:
    """Each route with its operation and the name of the function that answers it."""
    body = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]
    return {
        f"{method.upper()} {path}": (operation, target(operation))
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }


def target(operation: dict[str, Any]) -> str:
    uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    found = re.search(r"\$\{(\w+)\}/invocations$", uri)
    assert found
    return behind(found[1])


def behind(alias: str) -> str:
    """The function that an alias stands for."""
    name: str = of_type("AWS::Lambda::Alias")[alias]["FunctionName"]["Ref"]
    return name


def mappings() -> list[Resource]:
    return list(of_type("AWS::Lambda::EventSourceMapping").values())


def dead_letters() -> set[str]:
    queues = of_type("AWS::SQS::Queue")
    return {name for name, queue in queues.items() if "RedrivePolicy" not in queue}


every_function = pytest.mark.parametrize(
    "name", sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
)


def test_nothing_of_the_local_stack_can_be_deployed() -> None:
    """The stand-in for Stripe would take any test card for money."""
    deployed = re.findall(r"(?:Code|Content)Uri: (\S+)", TEMPLATE.read_text())
    sources = [path for folder in deployed for path in (ROOT / folder).rglob("*.py")]

    assert sorted(deployed) == ["functions/", "shared/"]
    assert not [str(path) for path in sources if re.search(r"\blocal\.\w", path.read_text())]


def test_every_handler_has_a_function_an_event_and_a_test() -> None:
    handlers = {path.stem for path in (ROOT / "functions").glob("*.py")}
    tests = (ROOT / "tests" / "functions").glob("test_*.py")

    assert set(functions()) == handlers
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == handlers
    assert handlers <= {path.stem.removeprefix("test_") for path in tests}


@every_function
def test_a_function_is_called_what_its_file_is_called(name: str) -> None:
    resource = template()["Resources"][f"{logical_id(name)}Function"]

    assert resource["Properties"]["Handler"] == f"{name}.handler"


@every_function
def test_a_sample_event_fits_what_starts_its_function(name: str) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    routes = {
        route for route, (_, owner) in operations().items() if owner.startswith(logical_id(name))
    }

    if "routeKey" in event:
        assert event["routeKey"] in routes
        assert ("authorizer" in event["requestContext"]) == (event["routeKey"] not in PUBLIC)
    else:
        assert not routes
        assert (
            "Records" in event or "job" in event or event["source"] in {"aws.scheduler", "aws.ses"}
        )


def test_only_the_listed_routes_are_public() -> None:
    open_routes = {
        route
        for route, (operation, _) in operations().items()
        if operation["security"] != [{"Jwt": []}]
    }

    assert open_routes == PUBLIC


def test_the_public_functions_have_no_route_that_needs_a_token() -> None:
    public = {owner for route, (_, owner) in operations().items() if route in PUBLIC}

    assert {route for route, (_, owner) in operations().items() if owner in public} == PUBLIC


def test_every_route_that_needs_a_token_says_which_roles_may_call_it() -> None:
    assert operations().keys() - PUBLIC == ROUTES.keys()


def test_every_route_stands_in_the_published_document() -> None:
    document = json.loads((ROOT / "functions" / "openapi.json").read_text())
    published = {
        f"{method.upper()} {re.sub('{.*?}', '{}', path)}"
        for path, methods in document["paths"].items()
        for method in methods
    }

    assert {re.sub("{.*?}", "{}", route) for route in operations()} == published


def test_tokens_are_accepted_from_one_issuer_for_a_named_audience() -> None:
    schemes = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]["components"]["securitySchemes"]
    settings = schemes["Jwt"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"]

    assert schemes.keys() == {"Jwt"}
    assert settings["issuer"]["Fn::If"][2] == {"Ref": "JwtIssuer"}
    assert settings["audience"]["Fn::If"][2] == [{"Ref": "JwtAudience"}]
    assert "AnIssuerHasAnAudience" in template()["Rules"]


def test_the_access_log_names_the_route_and_never_the_path_or_the_token() -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    logged = json.loads(stage["AccessLogSettings"]["Format"])

    assert logged["route"] == "$context.routeKey"
    assert not [entry for entry in logged.values() if "path" in entry.lower()]
    assert not [entry for entry in logged.values() if "claims" in entry or "header" in entry]


def test_every_request_is_throttled() -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()

    for settings in (stage["DefaultRouteSettings"], *stage["RouteSettings"].values()):
        assert settings["ThrottlingRateLimit"] > 0
        assert settings["ThrottlingBurstLimit"] > 0
    assert stage["RouteSettings"].keys() <= operations().keys()


def test_nobody_signs_up_and_nobody_writes_their_own_tenant() -> None:
    (pool,) = of_type("AWS::Cognito::UserPool").values()

    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    for client in of_type("AWS::Cognito::UserPoolClient").values():
        assert client["WriteAttributes"]
        assert not [name for name in client["WriteAttributes"] if name.startswith("custom:")]
        assert "ALLOW_USER_PASSWORD_AUTH" not in client["ExplicitAuthFlows"]


def test_administrators_sign_in_with_a_second_factor_unless_the_owner_says_otherwise() -> None:
    (pool,) = of_type("AWS::Cognito::UserPool").values()
    parameter = template()["Parameters"]["AdminMfa"]

    assert pool["MfaConfiguration"] == {"Fn::If": ["AskForMfa", "ON", "OPTIONAL"]}
    assert template()["Conditions"]["AskForMfa"] == {
        "Fn::Equals": [{"Ref": "AdminMfa"}, "required"]
    }
    assert (parameter["Default"], parameter["AllowedValues"]) == (
        "required",
        ["required", "optional"],
    )


def test_the_user_pool_is_made_only_where_no_issuer_is_given() -> None:
    resources = template()["Resources"].values()
    cognito = [body for body in resources if body["Type"].startswith("AWS::Cognito::")]

    assert cognito
    assert {body.get("Condition") for body in cognito} == {"OwnPool"}
    assert template()["Conditions"]["OwnPool"] == {"Fn::Equals": [{"Ref": "JwtIssuer"}, ""]}


def test_the_stand_in_for_stripe_cannot_be_deployed() -> None:
    allowed = re.compile(template()["Parameters"]["StripeApiBase"]["AllowedPattern"])
    rule = template()["Rules"]["TheStandInIsLocal"]

    for address in ("", "http://127.0.0.1:8701"):
        assert allowed.search(address)
    for address in (
        "https://api.stripe.com.example",
        "http://localhost:8701",
        "http://127.0.0.1:8701@example.com",
        "http://127.0.0.1:8701.example.com",
        "x http://127.0.0.1:8701",
    ):
        assert not allowed.search(address)
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "Stage"}, "local"]}


def test_every_function_has_a_role_of_its_own() -> None:
    roles = [text(function["Role"]) for function in functions().values()]

    assert len(set(roles)) == len(functions())
    for name in functions():
        trusted = role_of(name)["AssumeRolePolicyDocument"]["Statement"]
        assert [entry["Principal"] for entry in trusted] == [{"Service": "lambda.amazonaws.com"}]
        assert "ManagedPolicyArns" not in role_of(name)


def test_no_role_has_an_action_with_a_wildcard() -> None:
    for role in of_type("AWS::IAM::Role").values():
        assert not [action for action, _ in grants(role) if "*" in action]


def test_no_role_reaches_further_than_named_resources() -> None:
    wide = {
        (action, resource)
        for role in of_type("AWS::IAM::Role").values()
        for action, resource in grants(role)
        if "*" in resource
        and not resource.endswith(
            ("/keys/*", "/pay-links-*", "/platform/*", "/stream/*", "/webhooks/*")
        )
    }

    # Traces have no resources in IAM.
    assert wide == {("xray:PutTraceSegments", "*")}


@every_function
def test_a_function_writes_to_its_own_log_group_only(name: str) -> None:
    logs = {resource for action, resource in grants(role_of(name)) if action.startswith("logs:")}

    assert logs == {f"{logical_id(name)}Logs.Arn"}
    assert functions()[name]["LoggingConfig"]["LogGroup"] == {"Ref": f"{logical_id(name)}Logs"}


def test_nobody_may_scan_change_in_place_or_delete() -> None:
    for name in functions():
        may = TABLE_ACTIONS | (STREAM_ACTIONS if name in READS_STREAM else set())
        on_table = {action for action, _ in grants(role_of(name)) if action.startswith("dynamodb:")}
        assert on_table <= {f"dynamodb:{action}" for action in may}


def test_only_one_function_sends_mails_and_only_under_the_address_of_the_deployment() -> None:
    senders = {
        (name, resource.rsplit(":", 1)[1])
        for name in functions()
        for action, resource in grants(role_of(name))
        if action.startswith("ses:")
    }

    assert senders == {
        ("send_notifications", "identity/${MailIdentity}"),
        ("send_notifications", "configuration-set/receivable-${Stage}"),
    }


def test_the_stream_says_which_rows_were_written_and_nothing_of_them() -> None:
    table = template()["Resources"]["Table"]["Properties"]

    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}


def test_a_row_that_the_stream_cannot_bring_is_kept_and_keeps_no_other_waiting() -> None:
    streamed = [mapping for mapping in mappings() if "StartingPosition" in mapping]

    assert {behind(mapping["FunctionName"]["Ref"]) for mapping in streamed} == {
        f"{logical_id(name)}Function" for name in READS_STREAM
    }
    for mapping in streamed:
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] > 0
        assert mapping["MaximumRecordAgeInSeconds"] > 0
        kept = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert kept["Fn::GetAtt"][0] in dead_letters()
        assert mapping["FilterCriteria"]["Filters"]


def test_only_those_who_connect_and_mend_accounts_write_secrets() -> None:
    may = {
        name: {action for action, _ in grants(role_of(name)) if action.startswith("secretsmanager")}
        for name in functions()
    }

    writers = (may.pop("connect_account"), may.pop("check_accounts"))
    assert writers == ({f"secretsmanager:{action}" for action in SECRET_ACTIONS},) * 2
    assert set().union(*may.values()) == {"secretsmanager:GetSecretValue"}
    # Whoever mends an endpoint changes nobody's keys.
    mended = {
        resource.rsplit("/", 2)[1]
        for action, resource in grants(role_of("check_accounts"))
        if action in {"secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"}
    }
    assert mended == {"webhooks"}


def test_signing_secrets_and_stripe_keys_are_read_by_different_functions() -> None:
    reads = {
        name: {
            resource.rsplit("/", 2)[1]
            for action, resource in grants(role_of(name))
            if action == "secretsmanager:GetSecretValue"
        }
        for name in functions()
        if name not in {"connect_account", "check_accounts"}
    }

    assert reads["receive_webhook"] == {"webhooks"}
    assert [name for name, kinds in reads.items() if "webhooks" in kinds] == ["receive_webhook"]


def test_only_the_functions_that_call_stripe_read_its_keys() -> None:
    readers = {
        name
        for name in functions()
        for action, resource in grants(role_of(name))
        if action == "secretsmanager:GetSecretValue" and resource.endswith("/keys/*")
    }
    platform = {
        name
        for name in functions()
        for action, resource in grants(role_of(name))
        if resource.endswith("/platform/*")
    }

    assert readers == CALLS_STRIPE
    # Whoever comes back from Stripe brings no keys and needs none of a merchant.
    assert platform == CALLS_STRIPE | {"finish_connection"}


def test_nobody_writes_the_platforms_own_keys() -> None:
    for role in of_type("AWS::IAM::Role").values():
        on_keys = {action for action, resource in grants(role) if "/platform/" in resource}
        assert on_keys <= {"secretsmanager:GetSecretValue"}


def test_no_function_speaks_to_a_service_it_does_not_need() -> None:
    for name in functions():
        assert {action.split(":")[0] for action, _ in grants(role_of(name))} <= SERVICES


def test_the_public_documents_touch_no_data() -> None:
    services = {action.split(":")[0] for action, _ in grants(role_of("public_docs"))}

    assert services == {"logs", "xray", "kms"}


def test_the_key_is_used_through_named_services_only() -> None:
    for role in of_type("AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if any(action.startswith("kms:") for action in as_list(statement["Action"])):
                    assert statement["Resource"] == {"Fn::GetAtt": ["Key", "Arn"]}
                    assert statement["Condition"]["StringEquals"]["kms:ViaService"]


@every_function
def test_a_function_that_knows_a_queue_may_send_to_it_or_hide_its_messages(name: str) -> None:
    variables = functions()[name]["Environment"]["Variables"]
    known = {text(variables[key]) for key in variables if key.endswith("_QUEUE_URL")}
    may = {
        resource.removesuffix(".Arn")
        for action, resource in grants(role_of(name))
        if action in {"sqs:SendMessage", "sqs:ChangeMessageVisibility"}
    }

    assert known == may - dead_letters()


@every_function
def test_a_function_says_how_long_how_large_and_how_many(name: str) -> None:
    function = functions()[name]

    assert function["Runtime"] == "python3.13"
    assert 0 < function["Timeout"] <= 300
    assert 128 <= function["MemorySize"] <= 1024
    assert function[CAP]["Fn::If"][0] == "CapConcurrency"
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_the_caps_add_up_to_what_the_parameter_says() -> None:
    reserved = sum(function[CAP]["Fn::If"][1] for function in functions().values())
    description = template()["Parameters"]["ConcurrencyCaps"]["Description"]

    assert str(reserved) in description
    # AWS keeps 100 of a new account's 1,000 for functions without a cap.
    assert reserved <= 900


def test_a_route_is_answered_before_the_gateway_gives_up() -> None:
    owners = {owner for _, owner in operations().values()}

    assert {template()["Resources"][owner]["Properties"]["Timeout"] for owner in owners} == {29}


@every_function
def test_the_environment_holds_settings_and_no_secret(name: str) -> None:
    variables = functions()[name]["Environment"]["Variables"]

    assert variables.keys() <= SETTINGS
    assert not re.search(r"(sk|rk|pk|whsec)_|AKIA|password", json.dumps(variables))
    # Empty would switch off the check of AWS's certificates.
    assert variables["AWS_CA_BUNDLE"]["Fn::If"][1:] == [
        "/opt/amazon-roots.pem",
        {"Ref": "AWS::NoValue"},
    ]


def test_the_same_deploy_again_publishes_no_version() -> None:
    assert versions() == versions("Stage=prod", f"SharedLayer={PLACEHOLDER}")


def test_a_change_of_the_layers_content_alone_reaches_every_alias() -> None:
    changed = versions("Stage=prod", "SharedLayer=s3://sources/other.zip")

    assert len(changed) == len(functions())
    assert {name for name in changed if changed[name] == versions()[name]} == set()
    # CloudFormation takes another logical id for another resource, whatever it refers to.
    assert not {logical for logical, _ in changed.values()} & {
        logical for logical, _ in versions().values()
    }


def test_a_change_of_what_starts_one_function_reaches_its_alias_alone() -> None:
    changed = versions("Stage=prod", "PublicDocsFunction=s3://sources/other.zip")

    assert {name for name in changed if changed[name] != versions()[name]} == {"PublicDocsFunction"}


def test_a_change_of_one_parameter_alone_reaches_every_alias() -> None:
    """CloudFormation replaces a version whose description is another."""
    changed = versions("Stage=prod", "LogLevel=DEBUG")

    assert {name for name in changed if changed[name] == versions()[name]} == set()


def test_each_parameter_that_a_function_reads_stands_in_what_its_version_follows() -> None:
    read = set().union(*(parameters_of(versioned(body)) for body in functions().values()))
    with expanding(TEMPLATE, *(f"{name}=<{name}>" for name in sorted(read))) as expanded:
        resources = expanded()["Resources"].values()
    (layer,) = [body for body in resources if body["Type"] == "AWS::Lambda::LayerVersion"]

    assert {"TableName", "PublicUrl", "LogLevel", "MailFrom", "SnapStart"} <= read
    assert set(re.findall(r"<(\w+)>", str(layer["Properties"]["Description"]))) == read


def test_snapshots_are_off_unless_asked_for() -> None:
    assert template()["Parameters"]["SnapStart"]["Default"] == "None"


def test_no_function_refers_to_the_api_that_calls_it() -> None:
    assert '"Ref": "Api"' not in json.dumps(functions())


def test_the_table_survives_its_stack() -> None:
    table = template()["Resources"]["Table"]
    properties = table["Properties"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_the_key_that_reads_the_table_survives_with_it() -> None:
    key = template()["Resources"]["Key"]

    assert {key["DeletionPolicy"], key["UpdateReplacePolicy"]} <= KEPT
    assert key["Properties"]["EnableKeyRotation"] is True


def test_a_first_deploy_that_fails_leaves_no_protected_table() -> None:
    table = template()["Resources"]["Table"]

    assert set(table["DependsOn"]) == of_type("AWS::Lambda::Function").keys()


def test_every_log_is_encrypted_and_ends() -> None:
    groups = of_type("AWS::Logs::LogGroup")

    assert len(groups) == len(functions()) + 1
    for group in groups.values():
        assert group["KmsKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_a_message_that_fails_five_times_is_kept_for_two_weeks() -> None:
    queues = of_type("AWS::SQS::Queue")

    assert dead_letters() == {name for name in queues if name.endswith("DeadLetters")}
    for name, queue in queues.items():
        assert queue["KmsMasterKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
        if name in dead_letters():
            assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS_S
        else:
            redrive = queue["RedrivePolicy"]
            assert redrive["maxReceiveCount"] == 5
            assert redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] in dead_letters()


def test_a_queue_waits_for_its_function_and_takes_back_single_messages() -> None:
    queued = [mapping for mapping in mappings() if "StartingPosition" not in mapping]

    assert len(queued) == 2
    for mapping in queued:
        queue = of_type("AWS::SQS::Queue")[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        function = of_type("AWS::Lambda::Function")[behind(mapping["FunctionName"]["Ref"])]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        cap = function[CAP]["Fn::If"][1]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] <= cap


def test_a_scheduled_run_is_tried_again_and_then_kept() -> None:
    schedules = of_type("AWS::Scheduler::Schedule").values()
    started = {behind(schedule["Target"]["Arn"]["Ref"]) for schedule in schedules}

    assert started == {
        "CheckAccountsFunction",
        "DeliverEventsFunction",
        "ReconcileAccountsFunction",
        "RunSchedulesFunction",
        "SendNotificationsFunction",
        "SweepAttemptsFunction",
    }
    for schedule in schedules:
        assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert schedule["Target"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in dead_letters()
    for name in started:
        function = of_type("AWS::Lambda::Function")[name]
        assert function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0] in dead_letters()


def test_somebody_hears_of_every_dead_letter() -> None:
    watched = {
        text(dimension["Value"]).removesuffix(".QueueName")
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }

    assert watched == dead_letters()


def test_at_most_three_checks_are_skipped_and_each_says_why() -> None:
    assert len(SKIPS) <= 3
    assert all(reason.endswith(".") and len(reason.split()) > 10 for reason in SKIPS.values())
