"""The one rule for addresses, at its edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.facts.email_address import ADDRESS_MAX, accepted


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ada@buyer.example", "ada@buyer.example"),
        ("Ada.O'Neil+tulips@Mail.Buyer.Example", "Ada.O'Neil+tulips@Mail.Buyer.Example"),
        ("a@b-c.co", "a@b-c.co"),
        ("info@m\u00fcller.example", "info@xn--mller-kva.example"),
        ("info@stra\u00dfe.example", "info@xn--strae-oqa.example"),
        ("info@M\u00dcLLER.example", "info@xn--mller-kva.example"),
        ("info@\u4f8b\u3048.\u30c6\u30b9\u30c8", "info@xn--r8jz45g.xn--zckzah"),
        ("info@xn--mller-kva.example", "info@xn--mller-kva.example"),
        ("x" * 64 + "@buyer.example", "x" * 64 + "@buyer.example"),
    ],
)
def test_an_address_that_stripe_and_ses_take_is_kept(written: str, kept: str) -> None:
    assert accepted(written) == kept


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("ada", "one address"),
        ("", "one address"),
        ("ada@shop@buyer.example", "one address"),
        ("a" * 60 + "@" + "b" * 190 + ".example", "one address"),
        ("ada@gmail", "a whole domain"),
        ("ada@.maie.com", "no domain name"),
        ("ada@buyer..example", "no domain name"),
        ("ada@buyer.example.", "no domain name"),
        ("ada@-buyer.example", "no domain name"),
        ("ada@buyer-.example", "no domain name"),
        ("ada@buy_er.example", "no domain name"),
        ("ada@buyer.example ", "no domain name"),
        ("ada@buyer.exam ple", "no domain name"),
        ("ada@\u200d.example", "no domain name"),
        ("ada@" + "\u00fc" * 80 + ".example", "no domain name"),
        ("ada@192.0.2.1", "ending"),
        ("ada@[192.0.2.1]", "no domain name"),
        ("ada@buyer.e", "ending"),
        (".ada@buyer.example", "before the @"),
        ("ada.@buyer.example", "before the @"),
        ("ada..b@buyer.example", "before the @"),
        ("@buyer.example", "before the @"),
        ("a da@buyer.example", "before the @"),
        ("\u00e4da@buyer.example", "before the @"),
        ("ada,bob@buyer.example", "before the @"),
        ("Ada <ada@buyer.example", "before the @"),
        ('"ada"@buyer.example', "before the @"),
        ("ada\n@buyer.example", "before the @"),
        ("x" * 65 + "@buyer.example", "before the @"),
    ],
)
def test_an_address_that_is_refused_later_is_refused_with_the_reason(
    written: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        accepted(written)


@given(st.text(max_size=300))
def test_what_is_kept_is_short_plain_and_kept_as_it_is(text: str) -> None:
    try:
        kept = accepted(text)
    except ValueError:
        return

    assert kept.isascii()
    assert kept.isprintable()
    assert len(kept) <= ADDRESS_MAX
    assert accepted(kept) == kept
