"""What the deployment tells a function, read once from its environment."""

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Names, addresses and claim names; never a secret.

    A dataclass, not a pydantic model: the webhook intake reads it and must start fast.
    """

    stage: str
    table_name: str
    event_queue_url: str
    reconcile_queue_url: str
    kms_key_arn: str
    mail_from: str
    event_bus: str
    mail_events: str
    stripe_api_base: str
    public_url: str
    tenant_claim: str
    role_claim: str
    profile_claim: str
    client_ip_header: str


@cache
def settings() -> Settings:
    """Return the settings; what was not given reads as empty and fails where it is used."""
    read = os.environ.get
    return Settings(
        stage=read("STAGE", ""),
        table_name=read("TABLE_NAME", ""),
        event_queue_url=read("EVENT_QUEUE_URL", ""),
        reconcile_queue_url=read("RECONCILE_QUEUE_URL", ""),
        kms_key_arn=read("KMS_KEY_ARN", ""),
        mail_from=read("MAIL_FROM", ""),
        event_bus=read("EVENT_BUS", ""),
        mail_events=read("MAIL_EVENTS", ""),
        stripe_api_base=read("STRIPE_API_BASE", ""),
        public_url=read("PUBLIC_URL", ""),
        tenant_claim=read("TENANT_CLAIM", "tenant"),
        role_claim=read("ROLE_CLAIM", "role"),
        profile_claim=read("PROFILE_CLAIM", "profile"),
        client_ip_header=read("CLIENT_IP_HEADER", ""),
    )
