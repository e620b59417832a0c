"""Keep the stack running, with its addresses and tokens printed: `make serve`."""

import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from local.issuer import TENANTS
from local.paths import ROOT, STACK_FILE
from local.processes import StackError
from local.stack import Ports, Stack, running_stack, stripe_account

PORT = 8700


def main() -> None:
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    try:
        first = int(os.environ.get("PORT", PORT))
        signal.signal(signal.SIGTERM, raise_interrupt)
        with running_stack(ports=Ports(first, first + 1, first + 2, first + 3)) as stack:
            signal.signal(signal.SIGINT, stop)
            signal.signal(signal.SIGTERM, stop)
            try:
                announce(stack)
                stopped.wait()
            finally:
                STACK_FILE.unlink(missing_ok=True)
    except KeyboardInterrupt:
        sys.exit("Stopped while starting.")
    except (StackError, ValueError) as error:
        sys.exit(str(error))
    print("Stopped.")


def raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def announce(stack: Stack) -> None:
    facts = describe(stack)
    STACK_FILE.write_text(json.dumps(facts, indent=2) + "\n")
    for sentence in stack.deployment.left_out:
        print(f"Left out locally: {sentence}")
    print(
        f"API             {stack.api}\nDocumentation   {stack.docs}\nStripe stand-in {stack.stripe}"
    )
    for tenant, parts in facts["tenants"].items():
        print(f"\nTenant {tenant}, Stripe account {parts['stripe']['account']}")
        for role in ("admin", "operator", "viewer", "storefront"):
            print(f"  {role:<10} {parts[role]}")
    print(f"\nAll of it is in {STACK_FILE.relative_to(ROOT)}. Ctrl-C stops it.", flush=True)


def describe(stack: Stack) -> dict[str, Any]:
    tenants = {
        tenant: {**stack.issuer.tokens(tenant), "stripe": stripe_account(stack, tenant)}
        for tenant in TENANTS
    }
    return {
        "api": stack.api,
        "stripe": stack.stripe,
        "docs": stack.docs,
        "mail": None,
        "storefront": None,
        "tenants": tenants,
    }


if __name__ == "__main__":
    main()
