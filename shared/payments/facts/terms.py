"""The terms on which a payment module takes money: methods, currencies, amounts."""

from collections.abc import Iterable

from payments.errors import AmountTooLarge, AmountTooSmall, CurrencyNotSupported
from payments.facts.fact import Fact
from payments.money import Money


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Stripe's payment method types that a Checkout Session can be limited to.
METHODS = _names(
    """
    acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact
    billie bizum blik boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal
    kakao_pay klarna konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo
    p24 pay_by_bank payco paynow paypal paypay payto pix promptpay revolut_pay samsung_pay satispay
    scalapay sepa_debit sequra sofort sunbit swish twint upi us_bank_account wechat_pay zip
    """
)


class AmountLimit(Fact):
    """The least and the most of one charge, in minor units of a currency."""

    currency: str
    min: int | None = None
    max: int | None = None


class Terms(Fact):
    """
    A module's terms; an empty member limits nothing.

    `methods` narrow what the account's own settings at Stripe and the payment allow; they never
    widen it.
    """

    methods: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    limits: tuple[AmountLimit, ...] = ()

    def bounds(self, currency: str) -> tuple[int, int | None]:
        """Return the least and the most of one charge; None means no bound."""
        limit = next((each for each in self.limits if each.currency == currency), None)
        return ((limit.min or 0), limit.max) if limit else (0, None)

    def require_money(self, money: Money) -> None:
        """Refuse a currency or an amount that is not taken, before Stripe is asked."""
        if self.currencies and money.currency not in self.currencies:
            taken = ", ".join(self.currencies).upper()
            raise CurrencyNotSupported(f"Only {taken} can be paid here.", currency=money.currency)
        limit = next((each for each in self.limits if each.currency == money.currency), None)
        if limit and limit.min is not None and money.amount < limit.min:
            least = Money(limit.min, money.currency)
            raise AmountTooSmall(f"At least {least} is paid here at once.", minimum=limit.min)
        if limit and limit.max is not None and money.amount > limit.max:
            most = Money(limit.max, money.currency)
            raise AmountTooLarge(f"At most {most} is paid here at once.", maximum=limit.max)


def unknown(methods: Iterable[str]) -> list[str]:
    """Return the methods that are none of Stripe's payment method types."""
    return sorted(set(methods) - METHODS)
