"""Line items of sessions and payment links, from prices or from `price_data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.checkout import products
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import as_list, limit_of
from local.standin.engine.messages import Json
from local.standin.funds.currencies import require_currency

if TYPE_CHECKING:
    from local.standin.engine.call import Call


ITEMS_MAX = 100


def page_of(call: Call, items: list[Json]) -> Json:
    """List them in their order; they are no objects that the store could list."""
    limit = limit_of(call.params)
    places = {item["id"]: place for place, item in enumerate(items)}
    if cursor := call.params.get("ending_before"):
        end = places.get(cursor, 0)
        return as_list(call.url, items[max(end - limit, 0) : end], has_more=end > limit)
    begin = places.get(call.params.get("starting_after") or "", -1) + 1
    return as_list(call.url, items[begin : begin + limit], has_more=begin + limit < len(items))


def priced(call: Call, given: Json, param: str) -> Json:
    if given.get("price"):
        price = call.get("price", given["price"], param=f"{param}[price]")
        if not price["active"]:
            raise InvalidRequest(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{param}[price]",
            )
        return price
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


def new_items(call: Call, wanted: list[Json], most: int = ITEMS_MAX) -> list[Json]:
    if len(wanted) > most:
        raise InvalidRequest(f"You may only specify up to {most} line items.", param="line_items")
    items = []
    for index, given in enumerate(wanted):
        param = f"line_items[{index}]"
        price = priced(call, given, param)
        items.append(new_item(call, price, quantity_of(given, param), given))
    if len({item["currency"] for item in items}) > 1:
        raise InvalidRequest("All line items must have the same currency.", param="line_items")
    return items


def quantity_of(given: Json, param: str) -> int:
    quantity = given.get("quantity")
    if quantity is None:
        raise InvalidRequest(
            f"Quantity is required. Add `quantity` to `{param}`", param=f"{param}[quantity]"
        )
    if quantity < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer", param=f"{param}[quantity]",
        )  # fmt: skip
    return int(quantity)


def new_item(call: Call, price: Json, quantity: int, given: Json) -> Json:
    product = call.get("product", price["product"])
    amount = (price["unit_amount"] or 0) * quantity
    return {
        "id": call.new_id("li"), "object": "item",
        "adjustable_quantity": given.get("adjustable_quantity"),
        "amount_discount": 0, "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount,
        "currency": require_currency(price["currency"]), "description": product["name"],
        "metadata": given.get("metadata") or {}, "price": price, "quantity": quantity,
    }  # fmt: skip
