"""Line items of sessions and payment links, from prices or from `price_data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.checkout import products
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.funds.currencies import require_currency

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def priced(call: Call, given: Json, param: str) -> Json:
    if given.get("price"):
        return call.get("price", given["price"], param=f"{param}[price]")
    data = given.get("price_data")
    if not data:
        raise InvalidRequest(
            f"You must provide either `price` or `price_data` in {param}.",
            code="parameter_missing", param=param,
        )  # fmt: skip
    product = data.get("product")
    if product is None:
        details = data.get("product_data")
        if not details:
            raise InvalidRequest(
                f"Missing required param: {param}[price_data][product_data].",
                code="parameter_missing", param=f"{param}[price_data][product_data]",
            )  # fmt: skip
        product = products.new_product(call, details, active=False)["id"]
    if "unit_amount" not in data and "unit_amount_decimal" not in data:
        raise InvalidRequest(
            f"Missing required param: {param}[price_data][unit_amount].",
            code="parameter_missing", param=f"{param}[price_data][unit_amount]",
        )  # fmt: skip
    return products.new_price(call, {**data, "product": product}, active=False)


def new_items(call: Call, wanted: list[Json]) -> list[Json]:
    items = []
    for index, given in enumerate(wanted):
        param = f"line_items[{index}]"
        price = priced(call, given, param)
        quantity = given.get("quantity", 1)
        if quantity < 1:
            raise InvalidRequest(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer", param=f"{param}[quantity]",
            )  # fmt: skip
        items.append(new_item(call, price, quantity))
    if len({item["currency"] for item in items}) > 1:
        raise InvalidRequest("All line items must have the same currency.", param="line_items")
    return items


def new_item(call: Call, price: Json, quantity: int) -> Json:
    product = call.get("product", price["product"])
    amount = (price["unit_amount"] or 0) * quantity
    return {
        "id": call.new_id("li"), "object": "item", "adjustable_quantity": None,
        "amount_discount": 0, "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount,
        "currency": require_currency(price["currency"]), "description": product["name"],
        "metadata": {}, "price": price, "quantity": quantity,
    }  # fmt: skip
