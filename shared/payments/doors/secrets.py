"""The door to Secrets Manager: Stripe keys and webhook secrets, each under a prefix of its own."""

import json
from collections.abc import Callable
from typing import Any

from payments.doors import outages
from payments.doors.aws.answers import AwsFailed, Refused

#: In place of an account: the platform's own endpoint, which serves all connected accounts.
CONNECT = "connect"
CACHE_S = 300
#: The time between two looks for a new webhook secret: forged signatures must not cost a call each.
RECHECK_S = 10
#: Only used while Secrets Manager itself fails.
STALE_S = 3600


class SecretMissing(Exception):
    """The secret does not exist."""


class Secrets:
    """JSON secrets, cached for five minutes. `monotonic` returns seconds."""

    def __init__(
        self, client: Callable[[], Any], stage: str, *, kms_key: str, monotonic: Callable[[], float]
    ) -> None:
        """Keep what makes the client, the prefix, and the key that encrypts new secrets."""
        self._client, self._prefix, self._kms_key = client, f"receivable/{stage}", kms_key
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, dict[str, str]]] = {}

    def keys(self, tenant: str, account: str, mode: str) -> dict[str, str]:
        """Return `publishable_key` and `secret_key` of an account."""
        return self._read(self._keys_name(tenant, account, mode))

    def keys_again(self, tenant: str, account: str, mode: str) -> dict[str, str]:
        """Return an account's keys without the cache: Stripe may have refused a replaced key."""
        return self._read(self._keys_name(tenant, account, mode), cache_s=0)

    def put_keys(self, tenant: str, account: str, mode: str, value: dict[str, str]) -> None:
        """Store an account's keys."""
        self._write(self._keys_name(tenant, account, mode), value)

    def platform(self, mode: str) -> dict[str, str]:
        """Return `secret_key`, `publishable_key` and perhaps `client_id` of the platform."""
        return self._read(f"{self._prefix}/platform/{mode}")

    def webhook(self, account: str, mode: str) -> dict[str, str]:
        """
        Return `tenant`, `current` and perhaps `previous` of an account's webhook endpoint.

        `previous` may hold several secrets, with spaces between them.
        """
        return self._read(self._webhook_name(account, mode))

    def webhook_again(self, account: str, mode: str) -> dict[str, str]:
        """
        Return an endpoint's secret without the cache: a wrong signature may mean a new secret.

        Raise while Secrets Manager fails: an old secret would make a genuine event look forged.
        """
        return self._read(self._webhook_name(account, mode), cache_s=RECHECK_S, stale_s=0)

    def webhook_now(self, account: str, mode: str) -> dict[str, str]:
        """Return an endpoint's secret as it is now, or raise while Secrets Manager fails."""
        return self._read(self._webhook_name(account, mode), cache_s=0, stale_s=0)

    def empty_keys(self, tenant: str, account: str, mode: str) -> None:
        """Overwrite an account's keys with nothing; no function may delete a secret."""
        self._write(self._keys_name(tenant, account, mode), {})

    def empty_webhook(self, account: str, mode: str) -> None:
        """Overwrite an endpoint's secret with nothing: its events are then refused."""
        self._write(self._webhook_name(account, mode), {})

    def put_webhook(self, account: str, mode: str, value: dict[str, str]) -> None:
        """Store an endpoint's secret."""
        self._write(self._webhook_name(account, mode), value)

    def link_key(self) -> bytes:
        """Return the secret from which pay links' tokens are made; the template creates it."""
        return self._read(f"{self._prefix}/keys/pay-links")["key"].encode()

    def _keys_name(self, tenant: str, account: str, mode: str) -> str:
        return f"{self._prefix}/keys/{tenant}/{account}/{mode}"

    def _webhook_name(self, account: str, mode: str) -> str:
        return f"{self._prefix}/webhooks/{account}/{mode}"

    def _read(self, name: str, *, cache_s: int = CACHE_S, stale_s: int = STALE_S) -> dict[str, str]:
        now = self._monotonic()
        read_at, value = self._cache.get(name, (None, {}))
        if read_at is not None and now - read_at < cache_s:
            return value
        try:
            answer = self._client().get_secret_value(SecretId=name)
            value = dict(json.loads(answer["SecretString"]))
            if not value:
                self._cache.pop(name, None)
                raise SecretMissing(name)
        except AwsFailed as error:
            if isinstance(error, Refused) and error.code == "ResourceNotFoundException":
                raise SecretMissing(name) from None
            if read_at is None or now - read_at > stale_s:
                raise outages.told_of(error) from None
            return value
        self._cache[name] = (now, value)
        return value

    def _write(self, name: str, value: dict[str, str]) -> None:
        text = json.dumps(value)
        try:
            with outages.told():
                self._client().create_secret(Name=name, SecretString=text, KmsKeyId=self._kms_key)
        except Refused as error:
            if error.code != "ResourceExistsException":
                raise
            with outages.told():
                self._client().put_secret_value(SecretId=name, SecretString=text)
        self._cache.pop(name, None)
