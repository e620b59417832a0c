"""What the deployment tells a function, read once from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    mfa_claim: str
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
        mfa_claim=read("MFA_CLAIM", ""),
        client_ip_header=read("CLIENT_IP_HEADER", ""),
    )


_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
#: Addresses that botocore alone knows.
_SWITCHES = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """How AWS is reached: what Lambda tells a function, and where a stack of one's own is."""

    region: str
    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    ca_bundle: str
    #: By the name that AWS gives a service in these settings; empty names all services.
    addresses: Mapping[str, str]
    is_plain: bool

    def address(self, host: str, setting: str) -> str:
        """Return the address of a service by the first part of its own, or the one that is set."""
        if given := self.addresses.get(setting) or self.addresses.get(""):
            return given.rstrip("/")
        end = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{host}.{self.region}.{end}"


@cache
def aws_access() -> AwsAccess:
    """
    Return how AWS is reached.

    It is plain where the environment holds keys and a region, and names nothing that only botocore
    can do. SnapStart hands keys out by another way, which is one of those things.
    """
    read = os.environ.get
    region = read("AWS_REGION") or read("AWS_DEFAULT_REGION", "")
    named = "AWS_ENDPOINT_URL"
    return AwsAccess(
        region=region,
        key_id=read("AWS_ACCESS_KEY_ID", ""),
        secret=read("AWS_SECRET_ACCESS_KEY", ""),
        token=read("AWS_SESSION_TOKEN", ""),
        ca_bundle=read("AWS_CA_BUNDLE", ""),
        addresses={
            name.removeprefix(named).removeprefix("_"): value
            for name, value in os.environ.items()
            if name.startswith(named) and value
        },
        is_plain=read("AWS_WIRE", "own") == "own"
        and bool(region and read("AWS_ACCESS_KEY_ID") and read("AWS_SECRET_ACCESS_KEY"))
        and "-iso" not in region
        and not has_proxy()
        and not any(read(name, "").lower() == "true" for name in _SWITCHES),
    )


def has_proxy() -> bool:
    """Tell whether requests go through a proxy: then the libraries that know how to send them."""
    return any(os.environ.get(name) for name in _PROXIES)


def is_lambda() -> bool:
    """Tell whether this process is a function's, which Lambda gives a name."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ
