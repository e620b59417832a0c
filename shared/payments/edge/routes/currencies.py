"""/v1/currencies: the amounts that each currency allows, so that no caller keeps such a table."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from payments.money import SUPPORTED, decimals, least_charge, most_charge, step

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class CurrencyOut(BaseModel):
    """
    An amount is an integer of minor units, `decimals` of which stand behind the point.

    An amount to be charged is a multiple of `step`, from `least` to `most`. Where Stripe's least
    depends on the account's own currency, `least` is only the step.
    """

    currency: str
    decimals: int
    step: int
    least: int
    most: int


class CurrencyList(BaseModel):
    """All currencies that Stripe presents and whose minor unit is certain."""

    data: list[CurrencyOut]
    next_cursor: None = None


@router.get("/v1/currencies")
def list_currencies() -> CurrencyList:
    """List the currencies and the rules for their amounts; a module may take fewer."""
    return CurrencyList(
        data=[
            CurrencyOut(
                currency=name,
                decimals=decimals(name),
                step=step(name),
                least=least_charge(name),
                most=most_charge(name),
            )
            for name in sorted(SUPPORTED)
        ]
    )
