"""`make tenant` writes what the functions read, and leaves alone what is there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from local.stack.processes import StackError
from local.tools.tenant import Place, make, require
from payments.doors.aws.answers import Refused
from payments.doors.store import Store
from payments.doors.table import Table
from tests.doubles.dynamo import Dynamo

ADMIN, POOL = "ada@shop.example", "us-east-1_EXAMPLE"
USER = {"UserPoolId": POOL, "Username": ADMIN}


class Boto(Dynamo):
    """The table in a dict, refusing as boto3's client does: the command has that one."""

    def put_item(self, **put: Any) -> None:
        try:
            super().put_item(**put)
        except Refused as refused:
            told = {"Error": {"Code": refused.code}, **refused.answer}
            raise ClientError(told, "PutItem") from None


@dataclass
class Cloud:
    """The table in a dict, and Cognito as botocore's own model of it."""

    dynamo: Dynamo
    stub: Stubber
    place: Place

    @property
    def store(self) -> Store:
        return Store(Table(self.dynamo, "receivable", sleep=lambda _: None, jitter=lambda: 0.0))

    def expect_grouping(self) -> None:
        self.stub.add_response("admin_add_user_to_group", {}, USER | {"GroupName": "admin"})

    def expect_known(self, tenant: str) -> None:
        self.stub.add_client_error("admin_create_user", "UsernameExistsException")
        attributes = [{"Name": "custom:tenant", "Value": tenant}]
        self.stub.add_response("admin_get_user", {"Username": ADMIN, "UserAttributes": attributes})


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cognito = boto3.client(
        "cognito-idp", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    dynamo, stub = Boto(), Stubber(cognito)
    with stub:
        yield Cloud(dynamo, stub, Place(dynamo, "receivable", cognito, POOL, machine="template"))
    stub.assert_no_pending_responses()


def invite(cloud: Cloud, tenant: str = "shop") -> list[str]:
    wanted = {
        "email": ADMIN,
        "email_verified": "true",
        "custom:tenant": tenant,
        "custom:profile": "admin",
    }
    attributes = [{"Name": key, "Value": value} for key, value in wanted.items()]
    cloud.stub.add_response("admin_create_user", {}, USER | {"UserAttributes": attributes})
    cloud.expect_grouping()
    return make(cloud.place, tenant, ADMIN, None)


def test_a_tenant_its_administrator_and_its_machine_are_written(cloud: Cloud) -> None:
    told = invite(cloud)

    assert cloud.store.settings("shop").name == "shop"
    found = cloud.store.find_client("template")
    assert found
    assert (found["tenant"], found["role"], found["profile"]) == (
        "shop",
        "storefront",
        "storefront",
    )
    assert [line for line in told if ADMIN in line and "invited" in line]


def test_written_again_it_changes_nothing(cloud: Cloud) -> None:
    invite(cloud)
    store = cloud.store
    store.save(store.settings("shop").having(name="The Shop"), store.settings("shop"))
    before = dict(cloud.dynamo.rows)
    cloud.expect_known("shop")
    cloud.expect_grouping()

    make(cloud.place, "shop", ADMIN, None)

    assert cloud.dynamo.rows == before


def test_nobody_is_moved_from_one_tenant_to_another(cloud: Cloud) -> None:
    cloud.expect_known("bakery")

    with pytest.raises(StackError, match="belongs to tenant bakery"):
        make(cloud.place, "shop", ADMIN, None)


def test_a_machine_client_is_of_one_tenant_for_good(cloud: Cloud) -> None:
    invite(cloud)
    told = invite(cloud, "bakery")

    assert [line for line in told if "is of tenant shop already" in line]
    assert (cloud.store.find_client("template") or {})["tenant"] == "shop"
    place = Place(cloud.dynamo, "receivable")
    make(place, "shop", ADMIN, "mine")
    with pytest.raises(StackError, match="belongs to tenant shop"):
        make(place, "bakery", ADMIN, "mine")


def test_with_an_issuer_of_ones_own_it_says_what_a_token_needs(cloud: Cloud) -> None:
    told = " ".join(make(Place(cloud.dynamo, "receivable"), "shop", ADMIN, "storefront-1"))

    assert re.search("tenant = shop .* role = admin .* profile = admin", told)
    assert (cloud.store.find_client("storefront-1") or {})["tenant"] == "shop"


@pytest.mark.parametrize("name", ["", "Shop", "sh#op", "a b", "-a", "x" * 64])
def test_what_is_no_name_of_a_tenant_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="NAME"):
        require(name, ADMIN)


@pytest.mark.parametrize("admin", ["", "ada", "ada @shop.example"])
def test_who_has_no_address_is_no_administrator(admin: str) -> None:
    with pytest.raises(StackError, match="ADMIN"):
        require("shop", admin)
