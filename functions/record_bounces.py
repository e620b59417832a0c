"""SES's reports on mails: bounces and complaints."""

from typing import Any

from payments.cases.notifications import bounces
from payments.doors.mail import names_of
from payments.edge import batches, runtime
from payments.facts.mailing import feedback_of


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return what was done; an event that fails comes again, and is kept in the end."""

    def work() -> dict[str, Any]:
        detail = event["detail"]
        tags = detail["mail"]["tags"]
        said = feedback_of(detail, names_of(tags)) if "notice" in tags else None
        if not said:
            return {"ended": "nothing"}
        done = bounces.record_report(said, runtime.doors())
        return {"ended": done, "tenant": said.report.tenant, "row": said.report.notice}

    return batches.run(context, "heard", work)
