"""
Every way a request can be refused, each with the one HTTP status its code has.

PaymentsError
├── InternalError          500
├── Invalid                422  ValidationFailed, IdempotencyKeyRequired, AmountNotRepresentable,
│   │                           AmountTooSmall, AmountTooLarge, CurrencyNotSupported,
│   │                           KeyModeMismatch, KeysNotSameAccount, StripeRequestRefused,
│   │                           CustomerRefused, PanDetected, AddressRefused
│   ├── MalformedJson, MalformedEvent, InvalidSignature, InvalidState    400
│   ├── PayloadTooLarge                    413
│   ├── UnsupportedMediaType               415
│   └── PreconditionRequired               428
├── Unauthenticated        401
├── Forbidden              403  PermissionDenied, ModuleOff, CustomerNotEnabled, FeatureDisabled
├── Declined               402  CardDeclined, AuthenticationRequired, PaymentBlocked,
│                               PaymentCanceled
├── NotFound               404
├── Conflict               409  PaymentInProgress, AmountChanged, ExceedsOutstanding, ExceedsCredit,
│   │                           CertificationRequired,
│   │                           InvoiceNotPayable, NumberTaken, NameTaken, IdempotencyKeyReused,
│   │                           IdempotencyInProgress, StripeAccountRequired, AccountNotActive,
│   │                           PlatformNotConfigured, StripeAccountTaken,
│   │                           InvalidTransition, RefundExceedsPayment, PaymentDisputed,
│   │                           CustomerErased, AccountBusy, RefundRefused,
│   │                           InvoiceDisputed, DisputeNotAnswerable,
│   │                           DisputePastDue, TooManySubscriptions, AddressSuppressed
│   └── VersionMismatch    412
├── StripeRefused          424  StripeAccountError, StripePermissionMissing
├── VelocityLimited, MailLimited        429
└── Unavailable            503  StripeUnavailable, AwsUnavailable, TooMuchContention
"""

import re
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


class PaymentsError(Exception):
    """A refusal that a caller can understand; `code` follows from the class name."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **members: Any) -> None:
        """Keep the sentence and the further members of the problem document."""
        super().__init__(detail)
        self.detail = detail
        self.members = {name: value for name, value in members.items() if value is not None}

    @property
    def code(self) -> str:
        """The class name in snake case: renaming a class breaks callers."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def title(self) -> str:
        """The code as words."""
        return self.code.replace("_", " ").capitalize()

    def problem(self) -> dict[str, Any]:
        """Return the problem document (RFC 9457) of this refusal."""
        return {
            "type": f"https://receivable.example/errors/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "retryable": self.retryable,
            **self.members,
        }

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer: a refusal that will pass says when."""
        return {"Retry-After": str(self.members.get("retry_after_s", 2))} if self.retryable else {}


class InternalError(PaymentsError):
    """A bug happened; the answer holds nothing but the request's id, and somebody is paged."""


class Invalid(PaymentsError):
    """The request can never succeed as it stands."""

    status = 422


class ValidationFailed(Invalid):
    """A field is missing, unknown or of the wrong shape; `errors` lists where."""


class IdempotencyKeyRequired(Invalid):
    """A request that moves or asks for money needs an Idempotency-Key."""


class AmountNotRepresentable(Invalid):
    """The currency has no such amount, for example 12 fils or half a krona."""


class AmountTooSmall(Invalid):
    """An amount, or what a part leaves, is below the least that can be charged."""


class AmountTooLarge(Invalid):
    """The amount is above what one charge takes; it is asked for in parts."""


class CurrencyNotSupported(Invalid):
    """Nothing can be charged in this currency."""


class KeyModeMismatch(Invalid):
    """A test key was sent where a live key belongs, or the other way round."""


class KeysNotSameAccount(Invalid):
    """The publishable and the secret key belong to different Stripe accounts."""


class StripeRequestRefused(Invalid):
    """Stripe understood the request and refused it; its code is in `stripe_code`."""

    def misses(self, *params: str) -> bool:
        """Say whether Stripe has one of these no more that the request named."""
        missing = self.members.get("stripe_code") == "resource_missing"
        return missing and self.members.get("param") in params


class CustomerRefused(Invalid):
    """Stripe refuses the name or the address that is kept of the customer."""


class PanDetected(Invalid):
    """A card number was sent; it was neither kept nor logged."""


class AddressRefused(Invalid):
    """Events are sent only to https, a public host's name and port 443 or 8443, without a user."""


class MalformedJson(Invalid):
    """The body is not JSON."""

    status = 400


class MalformedEvent(Invalid):
    """A webhook is signed and is no event of Stripe's; it was not kept."""

    status = 400


class InvalidSignature(Invalid):
    """No signature of this webhook fits the bytes that were received."""

    status = 400


class InvalidState(Invalid):
    """The `state` of this way back from Stripe cannot be used; `reason` says why."""

    status = 400


class PayloadTooLarge(Invalid):
    """The body is over its limit."""

    status = 413


class UnsupportedMediaType(Invalid):
    """The body is not declared as JSON."""

    status = 415


class PreconditionRequired(Invalid):
    """A change needs If-Match, so that nobody overwrites what they have not seen (RFC 6585)."""

    status = 428


class Unauthenticated(PaymentsError):
    """The token names no tenant or role of this service."""

    status = 401


class Forbidden(PaymentsError):
    """Known, and not allowed."""

    status = 403


class PermissionDenied(Forbidden):
    """The role or the profile does not have this permission."""


class ModuleOff(Forbidden):
    """The payment module is Off."""


class CustomerNotEnabled(Forbidden):
    """The customer may not pay online yet."""


class FeatureDisabled(Forbidden):
    """The payment module does not offer this way of paying."""


class Declined(PaymentsError):
    """The payment was tried and did not succeed; no money moved."""

    status = 402


class CardDeclined(Declined):
    """The card's bank declined."""


class AuthenticationRequired(Declined):
    """The bank wants the card's owner to confirm, and the charge was not to wait for that."""


class PaymentBlocked(Declined):
    """Stripe's fraud rules blocked the payment before the bank saw it."""


class PaymentCanceled(Declined):
    """The attempt ended before the bank was asked."""


class NotFound(PaymentsError):
    """The tenant has no such thing; whether another tenant has it is not said."""

    status = 404


def require_found(found: T | None, name: str) -> T:
    """Return what was read, or raise NotFound in the one sentence for whatever is not there."""
    if not found:
        raise NotFound(f"There is no such {name}.")
    return found


class Conflict(PaymentsError):
    """The request and the present state exclude each other."""

    status = 409


class PaymentInProgress(Conflict):
    """Another attempt is collecting for the invoice."""

    retryable = True


class ExceedsOutstanding(Conflict):
    """The amount is more than can be collected."""


class ExceedsCredit(Conflict):
    """The amount is more than the payment has left, or than the invoice can take."""


class InvoiceNotPayable(Conflict):
    """The invoice is a draft, paid, void or written off."""


class InvoiceDisputed(Conflict):
    """A payment of the invoice is in dispute, so nothing is collected until that is decided."""


class DisputeNotAnswerable(Conflict):
    """The bank takes no answer to this dispute any more; `dispute_status` says why."""


class DisputePastDue(Conflict):
    """The bank's deadline has passed."""


class AmountChanged(Conflict):
    """The amount to be paid is not the one that the caller expects; `amount` holds it."""


class NumberTaken(Conflict):
    """Another invoice of this tenant has the number."""


class CertificationRequired(Conflict):
    """The module has not passed its certification; `checks` lists what is missing."""


class NameTaken(Conflict):
    """Another account of this tenant has the name."""


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""


class IdempotencyInProgress(Conflict):
    """The first request with this key has not ended yet."""

    retryable = True


class StripeAccountRequired(Conflict):
    """The tenant has to connect a Stripe account first."""


class CustomerErased(Conflict):
    """The customer's data was erased, so nothing new can be begun for them."""


class AccountNotActive(Conflict):
    """The account is in error or disconnected."""


class PlatformNotConfigured(Conflict):
    """The deployment has no Stripe keys of its own, or no client id for OAuth."""


class StripeAccountTaken(Conflict):
    """The Stripe account is connected already, and cannot be connected twice."""


class AccountBusy(Conflict):
    """Another request examines the account, or changes its keys or its endpoint."""

    retryable = True


class InvalidTransition(Conflict):
    """The object is not in a state from which this is possible."""


class RefundExceedsPayment(Conflict):
    """The amount is more than is left of the payment after refunds and disputes."""


class PaymentDisputed(Conflict):
    """The payer's bank has taken the money back, so a refund would pay it twice."""


class RefundRefused(Conflict):
    """Stripe does not give the money back; `reason` says why, and nothing stays reserved."""


class TooManySubscriptions(Conflict):
    """The tenant has as many subscriptions as it can have; remove one first."""


class AddressSuppressed(Conflict):
    """Mails to this address are stopped, since one came back or was complained about (`reason`)."""


class VersionMismatch(Conflict):
    """Somebody changed the object after it was read."""

    status = 412


class StripeRefused(PaymentsError):
    """Stripe does not let this account do it."""

    status = 424


class StripeAccountError(StripeRefused):
    """Stripe refuses the account's keys."""


class StripePermissionMissing(StripeRefused):
    """A restricted key lacks a permission; `permission` names it."""


class VelocityLimited(PaymentsError):
    """There were too many tries in too short a time; Stripe was not asked."""

    status = 429
    retryable = True


class MailLimited(PaymentsError):
    """Too many mails were sent in 24 hours; `limit` says how many, and `scope` by what."""

    status = 429
    retryable = True


class Unavailable(PaymentsError):
    """Nothing happened; try again."""

    status = 503
    retryable = True


class StripeUnavailable(Unavailable):
    """Stripe could not be asked."""


class AwsUnavailable(Unavailable):
    """A part of AWS did not answer; send the request again with the same Idempotency-Key."""


class TooMuchContention(Unavailable):
    """Other requests changed the same rows at the same time."""
