"""Amounts, languages and sentences as a payer of some country reads and types them."""

import json
import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import wording
from payments.money import SUPPORTED, WHOLE_UNITS, step
from payments.steps.links.payability import LinkState
from payments.wording import colours, locales, reading, sentences

FOLDER = Path(wording.__file__).parent
TEXTS = sorted(
    {file.name.rpartition(".json")[0][:-2] for file in (FOLDER / "texts").glob("*.json")}
)


def texts(kind: str, language: str) -> dict[str, str]:
    return dict(json.loads((FOLDER / "texts" / f"{kind}{language}.json").read_text()))


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", locales.LANGUAGES)
@pytest.mark.parametrize("kind", TEXTS)
def test_no_language_lacks_a_sentence_or_a_blank(kind: str, language: str) -> None:
    english, here = texts(kind, "en"), texts(kind, language)

    assert here.keys() == english.keys()
    assert {name: blanks(text) for name, text in here.items()} == {
        name: blanks(text) for name, text in english.items()
    }
    assert all(text.strip() for text in here.values())


def test_every_sentence_of_the_pages_is_used() -> None:
    sources = [*FOLDER.glob("*.py"), *FOLDER.parent.glob("edge/pages.py")]
    sources.append(FOLDER.parents[2] / "functions" / "open_pay_link.py")
    code = "\n".join(source.read_text() for source in sources)
    stems = {name.removeprefix("page.").split(".")[0] for name in texts("page.", "en")}
    states = {state.value for state in LinkState}

    unused = {
        stem
        for stem in stems - states
        if not re.search(rf'["._]{stem.removeprefix("wrong_")}\b', code)
    }

    assert unused - {"wrong_too_small", "wrong_too_large"} == set()


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (4000, "eur", "en", "€40.00"),
        (123456, "eur", "de", "1.234,56\xa0€"),
        (123456, "eur", "de-AT", "€\xa01.234,56"),
        (500, "jpy", "ja", "\N{FULLWIDTH YEN SIGN}500"),
        (1234560, "kwd", "en", "KWD\xa01,234.560"),
        (100000, "isk", "en", "ISK\xa01,000"),
        (4050, "rsd", "en", "RSD\xa040.50"),
        (-1500, "usd", "en", "-$15.00"),
        # As CLDR has it, where Babel does not follow.
        (123456, "eur", "es", "1234,56\xa0€"),
        (1234567, "eur", "es-ES", "12.345,67\xa0€"),
        (123456, "mxn", "es-MX", "$1,234.56"),
        (123456, "eur", "pt-PT", "1234,56\xa0€"),
        (1234567, "eur", "pt-PT", "12\xa0345,67\xa0€"),
        (123456, "brl", "pt-BR", "R$\xa01.234,56"),
        (123456, "chf", "fr-CH", "1\u202f234.56\xa0CHF"),
        (123456, "chf", "fr", "1\u202f234,56\xa0CHF"),
        (123456, "ars", "es-AR", "$\xa01.234,56"),
        (-123456, "usd", "es-AR", "-US$\xa01.234,56"),
        (20_000_050, "inr", "en-IN", "₹2,00,000.50"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(
    minor: int, currency: str, locale: str, shown: str
) -> None:
    assert locales.amount(minor, currency, locale) == shown


#: Of every language, and those of its countries that write otherwise.
LOCALES = (
    *("en", "en-GB", "en-IN", "en-CA", "de", "de-AT", "de-CH", "es", "es-AR", "es-MX"),
    *("fr", "fr-CA", "fr-CH", "ja", "pt", "pt-BR", "pt-PT"),
)


@given(
    units=st.integers(1, 999_999_999),
    currency=st.sampled_from(sorted(SUPPORTED)),
    locale=st.sampled_from(
        [
            "en",
            "en-GB",
            "en-IN",
            "en-CA",
            "de",
            "de-AT",
            "de-CH",
            "es",
            "es-AR",
            "es-MX",
            "fr",
            "fr-CA",
            "fr-CH",
            "ja",
            "pt",
            "pt-BR",
            "pt-PT",
        ]
    ),
)
def test_what_a_page_writes_can_be_typed(units: int, currency: str, locale: str) -> None:
    minor = units * (100 if currency in WHOLE_UNITS else step(currency))

    for typed in (
        reading.plain(minor, currency, locale),
        locales.amount(minor, currency, locale),
    ):
        assert reading.minor_units(typed, currency, locale) == minor


@pytest.mark.parametrize(
    ("typed", "currency", "locale", "minor"),
    [
        ("12", "eur", "en", 1200),
        ("12.5", "eur", "de", 1250),
        ("12,50", "eur", "en", 1250),
        ("1.234", "eur", "de", 123400),
        ("1,234", "eur", "en", 123400),
        ("1.234,50", "eur", "en", 123450),
        ("1 234,50", "eur", "fr", 123450),
        ("1'234.50", "eur", "de-CH", 123450),
        ("1.234.567", "eur", "de", 123456700),
        ("1.234", "kwd", "en", 1234),
        ("1,234.500", "kwd", "en", 1234500),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}", "jpy", "ja", 12),
        ("1,500", "jpy", "ja", 1500),
        # India groups in twos.
        ("1,00,000.50", "inr", "en-IN", 10_000_050),
        ("2,00,00,000", "inr", "en", 2_000_000_000),
        ("5,00,00", "inr", "en-IN", None),
        # The currency stands where its reader's country writes it.
        ("₹1,00,000.50", "inr", "en-IN", 10_000_050),
        ("Rs. 500", "inr", "en-IN", 50_000),
        ("€ 12,50", "eur", "de", 1250),
        ("12,50 EUR", "eur", "de", 1250),
        ("eur12.5", "eur", "en", 1250),
        ("12€50", "eur", "fr", 1250),
        ("12 euros", "eur", "fr", 1200),
        ("R$ 1.234,50", "brl", "pt-BR", 123_450),
        ("CHF 1\u2019234.50", "chf", "de-CH", 123_450),
        ("1,000円", "jpy", "ja", 1000),
        ("\uffe5\uff11\uff0c\uff10\uff10\uff10", "jpy", "ja", 1000),
        ("100 kr.", "dkk", "en", 10_000),
        ("10,-", "eur", "de", 1000),
        ("\u200e€10\u200f", "eur", "en", 1000),
        # Another currency is another amount, and so is a sign that is another's here.
        ("$10", "eur", "en", None),
        ("10 GBP", "eur", "en", None),
        ("$10", "usd", "en", 1000),
        ("$10", "usd", "en-CA", None),
        ("US$10", "usd", "en-CA", 1000),
        # Digits of every script, and what is none.
        ("\u0967,\u0966\u0966,\u0966\u0966\u0966.\u096b\u0966", "inr", "en-IN", 10_000_050),
        ("\u0661\u066c\u0662\u0663\u0664\u066b\u0665\u0660", "eur", "en", 123_450),
        ("10\u00b2", "eur", "en", None),
        ("10 50", "eur", "en", None),
        ("1,2,3", "eur", "en", None),
        # What could mean two amounts, or none, is not guessed.
        ("1.234", "eur", "en", None),
        ("1,234", "eur", "de", None),
        ("12.345", "eur", "en", None),
        ("1.23.4", "eur", "en", None),
        ("12.", "eur", "en", None),
        ("500.5", "jpy", "en", None),
        ("-5", "eur", "en", None),
        ("1e5", "eur", "en", None),
        ("", "eur", "en", None),
        ("ten", "eur", "en", None),
        ("9" * 40, "eur", "en", None),
    ],
)
def test_a_typed_amount_is_read_as_its_writer_means_it(
    typed: str, currency: str, locale: str, minor: int | None
) -> None:
    assert reading.minor_units(typed, currency, locale) == minor


@given(typed=st.text(max_size=30), locale=st.sampled_from(["en", "de", "ja"]))
def test_whatever_is_typed_is_an_amount_or_none(typed: str, locale: str) -> None:
    found = reading.minor_units(typed, "eur", locale)

    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de-AT"),
        ("nl,fr;q=0.5", "fr"),
        ("en;q=0.1, de;q=0.9", "de"),
        ("de;q=0, es;q=0.1", "es"),
        ("pt-br", "pt-BR"),
        ("nl", "en"),
        ("*", "en"),
        ("de;q=nonsense", "en"),
        ("../../etc", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_browser_is_answered_in_the_first_language_there_is(
    accepted: str | None, locale: str
) -> None:
    assert reading.preferred(accepted) == locale


def test_a_browser_without_a_wish_is_answered_as_the_customer_is_written_to() -> None:
    assert reading.preferred("nl", "ja") == "ja"


@given(st.text(max_size=50))
def test_no_header_is_a_bug(accepted: str) -> None:
    assert locales.language_of(reading.preferred(accepted)) in locales.LANGUAGES


def test_a_day_is_written_out() -> None:
    days = {tag: locales.day(date(2026, 10, 5), tag) for tag in ("en", "de", "fr", "ja")}

    assert days == {
        "en": "October 5, 2026",
        "de": "5. Oktober 2026",
        "fr": "5 octobre 2026",
        "ja": "2026\u5e7410\u67085\u65e5",
    }


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_a_button_can_be_read_whatever_colour_a_merchant_chooses(colour: str) -> None:
    ground, text = colours.luminance(colour), colours.luminance(colours.readable_on(colour))

    assert (max(ground, text) + 0.05) / (min(ground, text) + 0.05) >= 4.5


def test_a_sentence_takes_what_is_put_into_it_as_it_is() -> None:
    assert "{x} <b>" in sentences.say("page.message", "en", merchant="{x} <b>")
