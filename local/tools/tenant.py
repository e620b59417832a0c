"""
Write a tenant, its first administrator and its machine client: `make tenant NAME=… ADMIN=…`.

On AWS where STACK names a stack, or else on the local stack that `make serve` keeps running. What
is there already stays as it is, so the command can be run again, for another administrator too.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.paths import STACK_FILE
from local.stack.client import Client
from local.stack.emulator import Emulator
from local.stack.issuer import client_of
from local.stack.processes import StackError

ADMIN, STOREFRONT = "admin", "storefront"


@dataclass(frozen=True)
class Place:
    """Where a tenant is written; without a pool, the tokens come from somebody else's issuer."""

    dynamodb: Any
    table: str
    cognito: Any = None
    pool: str | None = None
    #: The template's own machine client.
    machine: str | None = None
    #: The local stack's issuer.
    issuer: str | None = None


def main() -> None:
    name, admin = os.environ.get("NAME", ""), os.environ.get("ADMIN", "")
    try:
        require(name, admin)
        stack = os.environ.get("STACK")
        file = Path(sys.argv[1]) if len(sys.argv) > 1 else STACK_FILE
        place = on_aws(stack) if stack else on_this_machine(file)
        print("\n".join(make(place, name, admin, os.environ.get("CLIENT"))))
    except (StackError, ClientError, BotoCoreError) as error:
        sys.exit(str(error))


def require(name: str, admin: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise StackError("NAME is the tenant's id: lower-case letters, digits and dashes.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", admin):
        raise StackError("ADMIN is the e-mail address of the first administrator.")


def on_aws(stack: str) -> Place:
    """Find a deployed stack's table and pool with the AWS credentials of the present user."""
    session = boto3.Session()
    described = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    return Place(
        dynamodb=session.client("dynamodb"),
        table=outputs["TableName"],
        cognito=session.client("cognito-idp"),
        pool=outputs.get("UserPoolId"),
        machine=outputs.get("MachineClientId"),
    )


def on_this_machine(file: Path) -> Place:
    """Find the stack that `make serve` keeps running."""
    if not file.exists():
        raise StackError(
            "Nothing is served here. Run `make serve` beside this, "
            "or name the stack on AWS: STACK=receivable."
        )
    facts = json.loads(file.read_text())
    emulator = Emulator(int(facts["aws"].rpartition(":")[2]))
    return Place(emulator.client("dynamodb"), facts["table"], issuer=facts["issuer"])


def make(place: Place, name: str, admin: str, client: str | None) -> list[str]:
    """Write everything and return what to tell."""
    machine = client or place.machine or (client_of(name) if place.issuer else None)
    put(place, {"pk": f"T#{name}#SET#own", "sk": "SETTINGS", "tenant": name, "name": name})
    told = [f"Tenant {name} is there."]
    if place.pool:
        told += add_person(place, name, admin)
    elif not place.issuer:
        told += instructions(name, admin)
    if machine:
        told += add_machine(place, name, machine)
    else:
        told.append(f"For the storefront, run this again with CLIENT=<its client id> NAME={name}.")
    if place.issuer:
        tokens = Client(place.issuer).get(f"/tokens/{name}").json
        told += [f"  {role:<10} {token}" for role, token in tokens.items()]
    return [*told, "Next: connect an account, POST /v1/accounts."]


def put(place: Place, row: dict[str, str]) -> dict[str, str] | None:
    """Write a row unless there is one, which is then returned."""
    values: dict[str, Any] = {field: {"S": value} for field, value in row.items()}
    if row["sk"] == "SETTINGS":
        values |= {"version": {"N": "1"}, "schema_v": {"N": "1"}}
    try:
        place.dynamodb.put_item(
            TableName=place.table,
            Item=values,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found = error.response.get("Item") or {}
        return {field: str(next(iter(value.values()))) for field, value in found.items()}
    return None


def add_person(place: Place, name: str, admin: str) -> list[str]:
    """Make the administrator in the template's own pool; Cognito mails a temporary password."""
    wanted = {
        "email": admin,
        "email_verified": "true",
        "custom:tenant": name,
        "custom:profile": ADMIN,
    }
    try:
        place.cognito.admin_create_user(
            UserPoolId=place.pool,
            Username=admin,
            UserAttributes=[{"Name": key, "Value": value} for key, value in wanted.items()],
        )
        told = f"{admin} is invited; the mail holds a password that is good for three days."
    except place.cognito.exceptions.UsernameExistsException:
        found = place.cognito.admin_get_user(UserPoolId=place.pool, Username=admin)
        known = {each["Name"]: each["Value"] for each in found["UserAttributes"]}
        if known.get("custom:tenant") != name:
            raise StackError(f"{admin} belongs to tenant {known.get('custom:tenant')}.") from None
        told = f"{admin} was there already."
    place.cognito.admin_add_user_to_group(UserPoolId=place.pool, Username=admin, GroupName=ADMIN)
    return [told]


def instructions(name: str, admin: str) -> list[str]:
    """Say what an issuer of one's own has to put into the administrator's token."""
    return [
        f"Have your issuer put these claims into the tokens of {admin}, under the names that the",
        "stack's parameters TenantClaim, RoleClaim and ProfileClaim give them:",
        f"  tenant = {name}    role = {ADMIN}    profile = {ADMIN}",
    ]


def add_machine(place: Place, name: str, client: str) -> list[str]:
    """Say of which tenant a machine client is; a client is of one tenant for good."""
    row = {"tenant": name, "role": STOREFRONT, "profile": STOREFRONT}
    found = put(place, {"pk": f"P#CLIENT#{client}", "sk": "POINTER", **row})
    if found and found["tenant"] != name:
        if client == place.machine:
            return [f"The pool's machine client is of tenant {found['tenant']} already."]
        raise StackError(f"Client {client} belongs to tenant {found['tenant']}.")
    return [f"Machine client {client} is the storefront of {name}."]


if __name__ == "__main__":
    main()
