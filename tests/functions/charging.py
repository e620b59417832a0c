"""What the tests of charges share."""

from tests.functions.world import Json


def charges(invoice: Json) -> str:
    return f"/v1/invoices/{invoice['id']}/charges"
