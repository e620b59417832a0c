"""Answer a payer's bank: keep evidence at Stripe, send it, or accept the dispute."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from payments.doors.doors import Doors
from payments.doors.keys import made_at
from payments.doors.table import RowChanged
from payments.errors import (
    DisputeNotAnswerable,
    InvalidTransition,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.caller import Caller
from payments.facts.dispute import Dispute
from payments.facts.outcome import FailedAtStripe, OutcomeUnknown
from payments.steps.attempts.provenance import Slot
from payments.steps.disputes.apply_dispute import apply_dispute
from payments.steps.retry import retrying

if TYPE_CHECKING:
    # Not at run time: a dispute is read without loading Stripe's SDK.
    from payments.doors.gateway import Gateway

Write = Callable[["Gateway", str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """
    Who asks; `id` belongs to the request and is the same for every repeat.

    `seen` is the version of the dispute that the caller has seen, where the caller names one.
    """

    id: str
    caller: Caller
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file for one of Stripe's slots for evidence; its content is never shown."""

    slot: str
    name: str
    content: bytes = field(repr=False)


def save_evidence(
    dispute_id: str,
    fields: Mapping[str, str],
    files: tuple[EvidenceFile, ...],
    *,
    request: Request,
    doors: Doors,
) -> Dispute:
    """Keep evidence with the dispute at Stripe, unseen by the bank yet; return the dispute."""
    dispute, began = _begin(dispute_id, request, doors)
    _require_stage(dispute, began)

    def write(gateway: "Gateway", key: str) -> None:
        uploaded = {}
        for file in files:
            _require_time(doors)
            uploaded[file.slot] = gateway.create_file(file.name, file.content, f"{key}:{file.slot}")
        _require_time(doors)
        evidence = {**fields, **uploaded}
        gateway.answer_dispute(dispute.stripe_id, evidence, submit=False, key=f"{key}:evidence")

    # Evidence at Stripe proves nothing where there was some before: the outcome is then unknown.
    return _answer(
        dispute, request, write, lambda now: now.has_evidence and not dispute.has_evidence, doors
    )


def submit(dispute_id: str, *, request: Request, doors: Doors) -> Dispute:
    """Send the stored evidence to the bank, which is possible once, and return the dispute."""
    dispute, began = _begin(dispute_id, request, doors)
    if began and (not dispute.is_answerable or dispute.is_answered_since(began)):
        return dispute
    _require_stage(dispute, began)
    if not dispute.has_evidence and not _ask(dispute, doors).has_evidence:
        raise InvalidTransition("There is no evidence to submit.")

    def write(gateway: "Gateway", key: str) -> None:
        _require_time(doors)
        gateway.answer_dispute(dispute.stripe_id, {}, submit=True, key=f"{key}:submit")

    return _answer(
        dispute, request, write, lambda found: found.submissions > dispute.submissions, doors
    )


def accept(dispute_id: str, *, request: Request, doors: Doors) -> Dispute:
    """Accept the dispute and return it: it is lost, and its amount is owed again."""
    dispute, began = _begin(dispute_id, request, doors)
    if began and not dispute.is_open:
        return dispute
    _require_stage(dispute, began)

    def write(gateway: "Gateway", key: str) -> None:
        _require_time(doors)
        gateway.close_dispute(dispute.stripe_id, f"{key}:close")

    return _answer(dispute, request, write, lambda found: not found.is_open, doors)


def _begin(dispute_id: str, request: Request, doors: Doors) -> tuple[Dispute, str | None]:
    """
    Note the request with the dispute, and return the dispute.

    A new request has to name the dispute's present version, if it names one. A repeat first asks
    Stripe how far it got. It also gets the stage in which it began.
    """

    def step() -> tuple[Dispute, str | None]:
        dispute = doors.store.named(Dispute, request.caller.tenant, dispute_id)
        dispute.require_seen(request.id, request.seen)
        began = dispute.began(request.id, made_at(request.id))
        if began:
            dispute = _ask(dispute, doors)
        if dispute.is_answerable or not began:
            dispute.require_answerable(doors.now())
        return doors.store.save(dispute.begin(request.id, began), dispute), began

    detail = f"Dispute {dispute_id} kept changing; nothing was sent to the bank."
    return retrying(step, doors, detail)


def _require_stage(dispute: Dispute, began: str | None) -> None:
    """
    Refuse a repeat that began before the bank's present question.

    A chargeback can be answered once, while accepting an inquiry gives no money away.
    """
    if began and dispute.is_answerable and dispute.stage != began:
        raise DisputeNotAnswerable(
            "The bank has asked anew since this request began; answer that with a new one.",
            dispute_status=dispute.status,
        )


def _answer(
    dispute: Dispute,
    request: Request,
    write: Write,
    is_done: Callable[[Dispute], bool],
    doors: Doors,
) -> Dispute:
    """Write at Stripe and return the dispute as Stripe then has it; without an answer, ask."""
    gateway = doors.gateway(dispute.tenant, dispute.account, dispute.mode)
    try:
        write(gateway, dispute.stripe_key(request.id))
    except (OutcomeUnknown, StripeUnavailable) as silence:
        found = _ask(dispute, doors)
        if is_done(found):
            return found
        if isinstance(silence, FailedAtStripe):
            _note_failure(found, request, doors)
        raise StripeUnavailable(
            "Stripe did not say whether it took it; send the request again."
        ) from None
    except StripeRequestRefused:
        _ask(dispute, doors).require_answerable(doors.now())
        raise
    return _ask(dispute, doors)


def _note_failure(dispute: Dispute, request: Request, doors: Doors) -> None:
    """Let the request's next try have another key; where this is lost, the one after has it."""
    with suppress(RowChanged):
        doors.store.save(dispute.fail(request.id), dispute)


def _ask(dispute: Dispute, doors: Doors) -> Dispute:
    return apply_dispute(dispute.stripe_id, Slot.of(dispute), doors)


def _require_time(doors: Doors) -> None:
    if not doors.may_write:
        raise StripeUnavailable("There is not enough time left; send the request again.")
