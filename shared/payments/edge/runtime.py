"""
What the outside world gives a function: clients, clock, ids.

A simulation replaces this module's answers.
"""

import gc
import math
import os
import random
import ssl
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from payments.config import aws_access, is_lambda, settings
from payments.doors.aws.services import SERVICES
from payments.doors.aws.signing import Credentials
from payments.doors.aws.wire import Client, Surroundings, in_time
from payments.doors.keys import dated
from payments.doors.queue import Queue
from payments.doors.secrets import Secrets
from payments.doors.table import Table

if TYPE_CHECKING:
    from payments.doors.doors import Doors
    from payments.doors.gateway import Gateway
    from payments.doors.mail import Mailer
    from payments.doors.outbound import Outbound
    from payments.doors.platform import Platform
    from payments.doors.store import Store

_deadline = {"at": math.inf}
if is_lambda():
    # Nothing that is loaded is ever garbage: looking for it takes a twentieth of a cold start.
    gc.disable()


def begin(context: Any) -> None:
    """Store when this invocation ends; what was loaded before the first one is kept for good."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    _deadline["at"] = time.monotonic() + context.get_remaining_time_in_millis() / 1000


def time_left() -> float:
    """Return the seconds that are left to this invocation."""
    return _deadline["at"] - time.monotonic()


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_id(prefix: str) -> str:
    """Return an id that sorts by time and that nobody can guess."""
    return dated(prefix, time.time_ns() // 1_000_000, os.urandom(10))


@cache
def _client(service: str) -> Any:
    # SES knows no idempotency key: a second try could be a second mail.
    tries = 1 if service == "sesv2" else 3
    access = aws_access()
    if not access.is_plain:
        from payments.doors.aws import botocore_client  # noqa: PLC0415 - a third of a cold start, and seldom needed

        return botocore_client.make(service, tries, time_left)
    described = SERVICES[service]
    return Client(
        described,
        access.address(described.host, described.setting),
        credentials=Credentials(access.key_id, access.secret, access.token),
        region=access.region,
        # The jitter decides when to try again, nothing else.
        around=Surroundings(now, time.sleep, random.random, _new_token, time_left),
        tls=_tls,
        tries=tries,
    )


def _new_token() -> str:
    """Return the token by which AWS recognizes a repeated request."""
    return os.urandom(16).hex()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=aws_access().ca_bundle or None)


@cache
def table() -> Table:
    """Return the table."""
    # The jitter decides when to try again, nothing else.
    pause = in_time(time.sleep, time_left)
    return Table(_client("dynamodb"), settings().table_name, sleep=pause, jitter=random.random)


@cache
def secret_store() -> Secrets:
    """Return Secrets Manager; its cache lives as long as this execution environment."""
    return Secrets(
        lambda: _client("secretsmanager"),
        settings().stage,
        kms_key=settings().kms_key_arn,
        monotonic=time.monotonic,
    )


@cache
def event_queue() -> Queue:
    """Return the queue of stored events."""
    return Queue(lambda: _client("sqs"), settings().event_queue_url)


@cache
def reconcile_queue() -> Queue:
    """Return the queue of reconciliation runs."""
    return Queue(lambda: _client("sqs"), settings().reconcile_queue_url)


@cache
def mailer() -> "Mailer":
    """Return SES with this deployment's address."""
    from payments.doors.mail import Mailer  # noqa: PLC0415 - only one function sends mails

    return Mailer(
        lambda: _client("sesv2"), address=settings().mail_from, events=settings().mail_events
    )


def outbound() -> "Outbound":
    """Return the door to tenants' own systems; the local stack allows those on this machine."""
    from payments.doors.outbound import Outbound  # noqa: PLC0415 - as below

    return Outbound(monotonic=time.monotonic, local=settings().stage == "local")


@cache
def _stripe_connections() -> Any:
    """Return open connections to Stripe: they carry no key, so all tenants share them."""
    from payments.doors.stripe_api.transport import connections  # noqa: PLC0415 - as below

    return connections()


def gateway(secret_key: str, stripe_account: str | None = None) -> "Gateway":
    """Return a new gateway for a key: no tenant's client outlives its request."""
    from payments.doors.gateway import Gateway  # noqa: PLC0415 - a third of a cold start, and not every route needs it

    return Gateway(
        secret_key,
        api_base=settings().stripe_api_base,
        http_client=_stripe_connections(),
        stripe_account=stripe_account,
    )


def platform(keys: dict[str, str]) -> "Platform":
    """Return a gateway to the platform's own account."""
    from payments.doors.platform import Platform  # noqa: PLC0415 - as above

    return Platform(keys, api_base=settings().stripe_api_base, http_client=_stripe_connections())


@cache
def store() -> "Store":
    """Return the typed store."""
    from payments.doors.store import Store  # noqa: PLC0415 - pydantic stays out of the webhook intake

    return Store(table())


@cache
def doors() -> "Doors":
    """Return everything that a use case may reach."""
    from payments.doors.bus import Bus  # noqa: PLC0415 - as below
    from payments.doors.doors import Doors  # noqa: PLC0415 - pydantic stays out of the webhook intake

    return Doors(
        store=store(),
        secrets=secret_store(),
        stripe=gateway,
        stripe_platform=platform,
        events=event_queue(),
        reconciliations=reconcile_queue(),
        mail=mailer(),
        bus=Bus(lambda: _client("events"), settings().event_bus),
        now=now,
        new_id=new_id,
        time_left=time_left,
        outbound=outbound(),
    )
