"""Products and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.engine.search import answer_search
from local.standin.funds.currencies import require_currency

if TYPE_CHECKING:
    from local.standin.engine.call import Call

PLAIN = ("active", "description", "images", "name", "shippable", "statement_descriptor",
         "tax_code", "unit_label", "url")  # fmt: skip


def new_product(call: Call, given: Json, *, active: bool = True) -> Json:
    product = {
        "id": given.get("id") or call.new_id("prod", 14), "object": "product",
        "active": active,
        "attributes": [], "created": call.now, "default_price": None, "description": None,
        "images": [],
        "livemode": call.livemode, "marketing_features": [],
        "metadata": given.get("metadata") or {}, "name": given["name"],
        "package_dimensions": None, "shippable": None, "statement_descriptor": None,
        "tax_code": None, "type": given.get("type") or "service", "unit_label": None,
        "updated": call.now, "url": None,
    }  # fmt: skip
    product.update({name: given[name] for name in PLAIN if name in given})
    return call.insert(product)


def new_price(call: Call, given: Json, *, active: bool = True) -> Json:
    amount = given.get("unit_amount")
    decimal = given.get("unit_amount_decimal")
    if amount is not None and amount < 0:
        raise InvalidRequest(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer", param="unit_amount",
        )  # fmt: skip
    recurring = given.get("recurring")
    price = {
        "id": call.new_id("price"), "object": "price", "active": active,
        "billing_scheme": "per_unit", "created": call.now,
        "currency": require_currency(given["currency"]), "custom_unit_amount": None,
        "livemode": call.livemode, "lookup_key": given.get("lookup_key"),
        "metadata": given.get("metadata") or {}, "nickname": given.get("nickname"),
        "product": given["product"],
        "recurring": {
            "interval_count": 1, "meter": None, "trial_period_days": None,
            "usage_type": "licensed", **recurring,
        } if recurring else None,
        "tax_behavior": given.get("tax_behavior") or "unspecified", "tiers_mode": None,
        "transform_quantity": None, "type": "recurring" if recurring else "one_time",
        "unit_amount": int(float(decimal)) if amount is None and decimal else amount,
        "unit_amount_decimal": decimal or (None if amount is None else str(amount)),
    }  # fmt: skip
    return call.insert(price)


def check_lookup_key(call: Call, own: str | None = None) -> None:
    """Let one price have a key; another gets it only by taking it away."""
    key = call.params.get("lookup_key")
    for holder in call.store.select(call.scope, "price", [("lookup_key", "=", key)]) if key else []:
        if holder["id"] == own:
            continue
        if not call.params.get("transfer_lookup_key"):
            raise InvalidRequest(
                f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key"
            )
        holder["lookup_key"] = None
        call.change(holder, "price.updated")


@route("POST", "/v1/products", "ProductCreateParams")
def create_product(call: Call) -> Json:
    product = new_product(call, call.params)
    call.emit("product.created", product)
    if data := call.params.get("default_price_data"):
        price = new_price(call, {**data, "product": product["id"]})
        call.emit("price.created", price)
        product["default_price"] = price["id"]
        call.save(product)
    return product


@route("GET", "/v1/products/search", "ProductSearchParams")
def search_products(call: Call) -> Json:
    return answer_search(call, "product")


@route("GET", "/v1/products", "ProductListParams")
def list_products(call: Call) -> Json:
    return answer_list(call, "product", "active", "url")


@route("GET", "/v1/products/{id}", "ProductRetrieveParams")
def retrieve_product(call: Call) -> Json:
    return call.named("product")


@route("POST", "/v1/products/{id}", "ProductUpdateParams")
def update_product(call: Call) -> Json:
    product = call.named("product")
    product.update({name: call.params[name] for name in PLAIN if name in call.params})
    if call.params.get("default_price"):
        price = call.get("price", call.params["default_price"], param="default_price")
        if price["product"] != product["id"]:
            raise InvalidRequest(
                f"The price specified ({price['id']}) does not belong to this product.",
                param="default_price",
            )
    if "default_price" in call.params:
        product["default_price"] = call.params["default_price"]
    call.merge_metadata(product)
    product["updated"] = call.now
    return call.change(product, "product.updated")


@route("DELETE", "/v1/products/{id}", "ProductDeleteParams")
def delete_product(call: Call) -> Json:
    product = call.named("product")
    if call.store.select(call.scope, "price", [("product", "=", product["id"])], limit=1):
        raise InvalidRequest(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    call.store.delete(call.scope, product["id"])
    call.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


@route("GET", "/v1/products/{id}/features", "ProductFeatureListParams")
def list_features(call: Call) -> Json:
    """List none: what a product unlocks for its buyers belongs to Billing."""
    call.named("product")
    return {"object": "list", "data": [], "has_more": False, "url": call.url}


@route("POST", "/v1/prices", "PriceCreateParams")
def create_price(call: Call) -> Json:
    given = dict(call.params)
    if data := given.pop("product_data", None):
        given["product"] = new_product(call, data)["id"]
    if "product" not in given:
        raise InvalidRequest(
            "Missing required param: product.", code="parameter_missing", param="product"
        )
    call.get("product", given["product"], param="product")
    check_lookup_key(call)
    price = new_price(call, given)
    call.emit("price.created", price)
    return price


@route("GET", "/v1/prices/search", "PriceSearchParams")
def search_prices(call: Call) -> Json:
    return answer_search(call, "price")


@route("GET", "/v1/prices", "PriceListParams")
def list_prices(call: Call) -> Json:
    keys = call.params.get("lookup_keys")
    conditions = [("lookup_key", "IN", keys)] if keys else []
    return answer_list(call, "price", "active", "currency", "product", "type",
                       conditions=conditions)  # fmt: skip


@route("GET", "/v1/prices/{id}", "PriceRetrieveParams")
def retrieve_price(call: Call) -> Json:
    return call.named("price", "price")


@route("POST", "/v1/prices/{id}", "PriceUpdateParams")
def update_price(call: Call) -> Json:
    price = call.named("price", "price")
    check_lookup_key(call, price["id"])
    for name in ("active", "lookup_key", "nickname", "tax_behavior"):
        if name in call.params:
            price[name] = call.params[name]
    call.merge_metadata(price)
    return call.change(price, "price.updated")
