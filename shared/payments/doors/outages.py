"""What AWS cannot do now and may do in a moment: told as that, whatever the door."""

from collections.abc import Iterator
from contextlib import contextmanager

from payments.doors.aws.answers import AwsFailed
from payments.doors.aws.wire import may_pass
from payments.errors import AwsUnavailable


@contextmanager
def told() -> Iterator[None]:
    """Raise AwsUnavailable in place of what may pass; everything else as it is."""
    try:
        yield
    except AwsFailed as error:
        raise told_of(error) from error


def told_of(error: AwsFailed) -> Exception:
    """Return what a failure is told as."""
    return unavailable() if may_pass(error) else error


def unavailable() -> AwsUnavailable:
    """Return the one sentence for it."""
    return AwsUnavailable(
        "A part of AWS that this needs did not answer. Send the request again, with the same "
        "Idempotency-Key if it had one: it goes on where it was."
    )
