"""An OpenID Connect issuer: one RSA key, its JWKS, and the tokens of two tenants."""

import json
import re
import time
import uuid
from functools import partial
from typing import Any, ClassVar

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from local.stack.loopback import Handler, address, bind

AUDIENCE = "receivable"
KEY_ID = "local"
KEY_BITS = 2048
LIFETIME_S = 24 * 3600
TENANTS = ("tulips", "bakery")
PEOPLE = ("admin", "operator", "viewer")
STOREFRONT = "storefront"


class IssuerHandler(Handler):
    """Serves the two documents that a verifier reads, and any person's tokens to any caller."""

    issuer: ClassVar["Issuer"]

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        documents = {
            "/.well-known/openid-configuration": self.issuer.configuration,
            "/.well-known/jwks.json": self.issuer.jwks,
        }
        tenant = re.fullmatch("/tokens/([a-z0-9-]{1,63})", self.path)
        if tenant:
            documents[self.path] = partial(self.issuer.tokens, tenant[1])
        document = documents.get(self.path)
        body = json.dumps(document() if document else {"error": "not_found"}).encode()
        self.answer(body, "application/json", 200 if document else 404)


class Issuer:
    """Signs tokens as a production issuer would; its private key never leaves this process."""

    def __init__(self, port: int = 0) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.server = bind(port, type("BoundIssuer", (IssuerHandler,), {"issuer": self}))
        self.url = address(self.server)

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def jwks(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: dict[str, Any], lifetime_s: int = LIFETIME_S) -> str:
        """Sign `claims`, which may replace any of the usual ones."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + lifetime_s,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(usual | claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def person(self, tenant: str, role: str, **claims: Any) -> str:
        """Sign the token of somebody who logged in; the role is also the name of the profile."""
        own = {
            "sub": f"{role}@{tenant}",
            "token_use": "id",
            "tenant": tenant,
            "role": role,
            "profile": role,
        }
        return self.sign(own | claims)

    def storefront(self, tenant: str, **claims: Any) -> str:
        """Sign a machine's token: it says who it is, and a row of the table what it may do."""
        client_id = client_of(tenant)
        return self.sign({"sub": client_id, "token_use": "access", "client_id": client_id} | claims)

    def tokens(self, tenant: str) -> dict[str, str]:
        return {role: self.person(tenant, role) for role in PEOPLE} | {
            STOREFRONT: self.storefront(tenant)
        }


def client_of(tenant: str) -> str:
    return f"{STOREFRONT}-{tenant}"


def client_row(tenant: str) -> dict[str, dict[str, str]]:
    """Make the row that gives a storefront's client its tenant, in DynamoDB's own JSON."""
    row = {
        "pk": f"P#CLIENT#{client_of(tenant)}",
        "sk": "POINTER",
        "tenant": tenant,
        "role": STOREFRONT,
        "profile": STOREFRONT,
    }
    return {name: {"S": value} for name, value in row.items()}
