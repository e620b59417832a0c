"""`python -m local.standin`: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from local.standin.core import BOOKS_AFTER_S, StandIn


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="0 takes any free port")
    parser.add_argument("--control", action="store_true", help="open the control surface")
    parser.add_argument("--seed", type=int, help="the same requests get the same ids")
    parser.add_argument(
        "--settlement-s", type=int, default=0, help="how long money stays pending (Stripe: days)"
    )
    parser.add_argument(
        "--books-after-s", type=float, default=BOOKS_AFTER_S,
        help="how long a payment has no balance transaction; 0 books at once",
    )  # fmt: skip
    return parser.parse_args()


def main() -> int:
    given = arguments()
    standin = StandIn(
        control=given.control, seed=given.seed,
        settlement_s=given.settlement_s, books_after_s=given.books_after_s,
    )  # fmt: skip
    try:
        server = standin.serve(given.port)
    except OSError as error:
        sys.stderr.write(
            f"The stand-in for Stripe cannot listen on port {given.port} ({error.strerror}): "
            "end the process that has it, or give another --port.\n"
        )
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sys.stdout.write(f"The stand-in for Stripe is ready on {server.url}\n")
    sys.stdout.flush()
    ended.wait()
    server.close()
    standin.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
