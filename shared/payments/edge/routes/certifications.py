"""/v1/payment-modules/{id}/certify: the test payments that have to succeed before On."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from payments.cases.modules import certify
from payments.edge import api, runtime
from payments.edge.shapes import CertificationOut, show_certification

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/v1/payment-modules/<module_id>/certify")
def certify_module(module_id: api.PathName) -> Response[CertificationOut]:
    """Certify a module in test mode: payments, a decline, 3-D Secure, a refund, reconciliation."""
    caller, doors = api.caller(router), runtime.doors()

    def run(run_id: str) -> CertificationOut | api.Pending:
        found = certify.certify(module_id, run_id=run_id, caller=caller, doors=doors)
        shown = show_certification(found)
        return api.Pending(shown) if found.status == "running" else shown

    return api.answer_once(router, "crt", 200, run, moves_money=False)
