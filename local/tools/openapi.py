"""Write functions/openapi.json from the handlers' own routes; a test holds the two together."""

import importlib
import json
import sys
import tomllib
from typing import Any

from local.paths import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
DOCUMENT = ROOT / "functions" / "openapi.json"
VERBS = {"get", "post", "put", "patch", "delete"}
#: A retry without it may ask for money twice.
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "One for each intent. The same key and body get the stored answer again.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag of the version that was seen.",
}
_HEAD = "The same without its body, as link checkers ask for it."
PAGES = {
    "/p/{token}": {
        "get": "The payer's page of a pay link; reading it changes nothing.",
        "head": _HEAD,
    },
    "/p/{token}/pay": {"post": "Open a fresh Checkout Session and lead the payer to it (303)."},
    "/p/{token}/confirm": {"post": "Go on with a saved card's payment at its bank's page (303)."},
    "/p/{token}/return": {
        "get": "Ask Stripe how the session ended and lead back to the page (303).",
        "head": _HEAD,
    },
    "/p/saved-card": {
        "get": "Where a customer comes back to after saving a card.",
        "head": _HEAD,
    },
    "/v1/accounts/onboarding/return": {
        "get": "Come back from Stripe's onboarding: ask how it stands, and lead to the app (303)."
    },
    "/v1/accounts/onboarding/refresh": {
        "get": "Lead to a fresh onboarding link in the place of one that has expired (303)."
    },
    "/v1/accounts/oauth/callback": {
        "get": "Come back from Stripe's consent: connect the account, and lead to the app (303)."
    },
    "/webhooks/stripe/connect/{mode}": {"post": "Take in a signed event of a connected account."},
    "/webhooks/stripe/{account}/{mode}": {"post": "Take in a signed Stripe event."},
    "/health": {"get": "Say that the deployment answers."},
    "/openapi.json": {"get": "This document."},
}
#: Routes that take the key, and whether they insist on it.
KEYED = {
    "/v1/accounts": True,
    "/v1/accounts/{account_id}/credentials": False,
    "/v1/accounts/{account_id}/webhook-secret/rotate": False,
    "/v1/accounts/onboarding-sessions": True,
    "/v1/accounts/oauth-sessions": False,
    "/v1/payment-modules": False,
    "/v1/payment-modules/{module_id}/certify": False,
    "/v1/customers/{ref}/setup-sessions": False,
    "/v1/invoices": True,
    "/v1/invoices/{invoice_id}/pay-links": True,
    "/v1/pay-links/{link_id}/send": True,
    "/v1/invoices/{invoice_id}/checkout-sessions": True,
    "/v1/invoices/{invoice_id}/payment-intents": True,
    "/v1/invoices/{invoice_id}/charges": True,
    "/v1/payments/{payment_id}/allocations": True,
    "/v1/payments/{payment_id}/refunds": True,
    "/v1/invoices/{invoice_id}/offline-payments": True,
    "/v1/charges": True,
    "/v1/disputes/{dispute_id}/evidence": True,
    "/v1/disputes/{dispute_id}/submit": True,
    "/v1/disputes/{dispute_id}/accept": True,
    "/v1/reconciliation/runs": False,
    "/v1/subscriptions": True,
    "/v1/subscriptions/{subscription_id}/secret/rotate": True,
    "/v1/subscriptions/{subscription_id}/deliveries/{delivery_id}/redeliver": False,
}
#: Routes that may answer before Stripe has said how it ended.
PENDING = {
    "/v1/charges",
    "/v1/invoices/{invoice_id}/charges",
    "/v1/payments/{payment_id}/refunds",
    "/v1/payment-modules/{module_id}/certify",
    "/v1/customers/{ref}/erase",
}
#: Routes that hear for which version a request is meant, and do not insist on it.
VERSIONED = {path for path in KEYED if path.startswith("/v1/disputes/")}


def document() -> dict[str, Any]:
    """Return the whole API as OpenAPI 3.1."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Receivable",
            "version": VERSION,
            "description": "Stripe payments for the invoices a business already has.",
        },
        "security": [{"jwt": []}],
        "paths": {},
        "components": {
            "schemas": {},
            "securitySchemes": {"jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    for source in sorted((ROOT / "functions").glob("*.py")):
        _merge(importlib.import_module(source.stem), merged)
    for path, verbs in PAGES.items():
        merged["paths"][path] = {verb: _page(path, text) for verb, text in verbs.items()}
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = dict(sorted(merged["components"]["schemas"].items()))
    return merged


def _merge(handler: Any, merged: dict[str, Any]) -> None:
    app = getattr(handler, "app", None)
    if app is None:
        return
    found = json.loads(app.get_openapi_json_schema(title="Receivable", version=VERSION))
    for path, verbs in found["paths"].items():
        for verb, operation in verbs.items():
            if verb in VERBS:
                _complete(path, verb, operation)
        merged["paths"].setdefault(path, {}).update(verbs)
    for name, schema in found["components"]["schemas"].items():
        known = merged["components"]["schemas"].setdefault(name, schema)
        if known != schema:
            raise SystemExit(f"Two handlers mean different things by {name}: rename one.")


def _complete(path: str, verb: str, operation: dict[str, Any]) -> None:
    """Add what every route has beside its own shapes: refusals, and guarding headers."""
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A refusal (RFC 9457); `code` says which, and each code has one status.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    if verb == "post" and path in PENDING:
        (done,) = (shape for status, shape in operation["responses"].items() if status != "default")
        open_ = "Not ended yet: ask for the object, or send the same request again."
        operation["responses"]["202"] = done | {"description": open_}
    if verb == "post" and path in KEYED:
        operation.setdefault("parameters", []).append(KEY | {"required": KEYED[path]})
    if verb == "patch" or path in VERSIONED:
        required = verb == "patch"
        operation.setdefault("parameters", []).append(IF_MATCH | {"required": required})


def _page(path: str, text: str) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    shape = {"in": "path", "required": True, "schema": {"type": "string"}}
    page: dict[str, Any] = {
        "summary": text,
        "security": [],
        "responses": {"default": {"description": text}},
    }
    return {**page, "parameters": [{"name": name, **shape} for name in names]} if names else page


def _problem() -> dict[str, Any]:
    from payments.edge.api import Problem  # noqa: PLC0415 - needs the path that main() sets

    return Problem.model_json_schema()


def rendered() -> str:
    """Return the document as it is committed."""
    whole = document()
    whole["components"]["schemas"]["Problem"] = _problem()
    return json.dumps(whole, indent=1, sort_keys=False) + "\n"


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "shared"), str(ROOT / "functions")]
    DOCUMENT.write_text(rendered())
    print(f"Wrote {DOCUMENT.relative_to(ROOT)}.")
