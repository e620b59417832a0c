"""Keep the stack running, with its addresses printed: `make serve`."""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from local.demo.storefront import open_storefront
from local.paths import STACK_FILE
from local.stack.issuer import TENANTS
from local.stack.processes import StackError
from local.stack.stack import Ports, Stack, running_stack, stripe_account

PORT = "8700"
PORT_MAX = 65532


def main() -> None:
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        serve(first_port(), Path(sys.argv[1]) if len(sys.argv) > 1 else STACK_FILE)
    except KeyboardInterrupt:
        print("\nStopped.")
    except StackError as error:
        sys.exit(str(error))


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Stop at the first signal; the next ones must not interrupt the stopping."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def first_port() -> int:
    text = os.environ.get("PORT", PORT)
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        raise StackError(f"PORT={text} is not a port: give the first of four, 1 to {PORT_MAX}.")
    return int(text)


def serve(port: int, file: Path) -> None:
    print("Starting the local stack ...", flush=True)
    ports = Ports(port, port + 1, port + 2, port + 3)
    with running_stack(ports=ports) as stack, open_storefront(stack) as storefront:
        facts = describe(stack) | {"storefront": storefront}
        try:
            file.write_text(json.dumps(facts, indent=2) + "\n")
            announce(stack, facts, file)
            signal.pause()
        finally:
            file.unlink(missing_ok=True)


def describe(stack: Stack) -> dict[str, Any]:
    return {
        "api": stack.api,
        "stripe": stack.stripe,
        "docs": stack.docs,
        "aws": stack.emulator.url,
        "table": stack.deployment.resources["Table"],
        "issuer": stack.issuer.url,
        "mail": stack.mail,
        "storefront": None,
        "tenants": {
            tenant: stack.issuer.tokens(tenant) | {"stripe": stripe_account(stack.stripe, tenant)}
            for tenant in TENANTS
        },
    }


def announce(stack: Stack, facts: dict[str, Any], file: Path) -> None:
    """Say where everything is; what to do first stands last, where the eye is."""
    for sentence in stack.deployment.left_out:
        print(f"Left out here: {sentence}")
    shown = os.path.relpath(file)
    read = f'import json; print(json.load(open("{shown}"))["tenants"]["tulips"]["admin"])'
    print(
        f"\nAPI     {stack.api} (readable: {stack.docs})\n"
        f"Stripe  {stack.stripe} (a stand-in; /_control steers it)\n"
        f"Tokens  of {' and '.join(facts['tenants'])}, and their Stripe keys: {shown}\n"
        f"        TOKEN=\"$(python3 -c '{read}')\"\n"
        f'        curl -H "Authorization: Bearer $TOKEN" {stack.api}/v1/invoices\n'
        f"Mail    {stack.mail} (every mail that it sends)\n"
        f"Shop    {facts['storefront']} (order something, pay, and see the order released)\n"
        "\nCtrl-C stops it.",
        flush=True,
    )


if __name__ == "__main__":
    main()
