#!/bin/sh
# stripe-python: what raw_request keeps to itself, and where the code of a 403 is.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qqq --disable-pip-version-check stripe==16.1.0
"$folder/venv/bin/python" - <<'PY'
import json, sys
import stripe
stripe.enable_telemetry = False
class Recorder(stripe.HTTPClient):
    """Answers 200, or Stripe's refusal of a platform that may not act for an account."""
    name, status, sent = "recorder", 200, []
    def request(self, method, url, headers, post_data=None, **_):
        self.sent.append(post_data)
        error = {"type": "invalid_request_error", "code": "account_invalid", "message": "No."}
        return json.dumps({"id": "seti_1"} if self.status == 200 else {"error": error}), self.status, {}
recorder = Recorder()
client = stripe.StripeClient("sk_test_" + "x" * 24, http_client=recorder, max_network_retries=0)
print("Python", sys.version.split()[0], "stripe", stripe.VERSION)
print("raw_request drops a parameter that is named `usage` (a SetupIntent's) or `base`, without a word;")
print("and of a 403 (PermissionError) `code` is None, though the body has one: it is in `error.error.code`.")
client.raw_request("post", "/v1/setup_intents", usage="on_session", description="x")
recorder.status = 403
try:
    client.raw_request("get", "/v1/account")
except stripe.PermissionError as refused:
    error = refused
print("  sent of usage=on_session&description=x:", recorder.sent[0])
print("  of a 403 with code account_invalid: error.code", error.code, "error.error.code", error.error.code)
sys.exit(0 if recorder.sent[0] == "description=x" and error.code is None and error.error.code == "account_invalid" else 1)
PY
