"""A payer's page before it is sent: its content, and the one layout of all pages."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from payments.wording.colours import readable_on
from payments.wording.locales import LANGUAGES, language_of
from payments.wording.sentences import say

#: The colour of a merchant who has chosen none.
COLOUR = "#1f5fa8"
#: What each language calls itself.
NAMES = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ja": "日本語",
    "pt": "Português",
}
_LAYOUTS = Path(__file__).parent / "layouts"
_WORDS = ("open", "details", "item", "amount", "history", "payment", "language")


@dataclass(frozen=True, slots=True)
class Note:
    """A message to the payer; `mood` is good, bad, or none of these."""

    text: str
    title: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The field in which a payer types a part, and what was wrong with the typed amount."""

    label: str
    currency: str
    value: str
    hint: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The only button of a page, and the text below it."""

    action: str
    button: str
    note: str
    choice: Choice | None = None
    #: What the answer says beside it, by its name alone.
    field: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment; `receipt` is a text, an address, and the text for screen readers."""

    date: str
    how: str
    amount: str
    back: str = ""
    receipt: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The content of a page, in plain text: the layout escapes it."""

    locale: str
    title: str
    merchant: str = ""
    logo: str | None = None
    colour: str = COLOUR
    test: str = ""
    notes: tuple[Note, ...] = ()
    sum: str = ""
    due: str = ""
    message: tuple[str, str] | None = None
    form: Form | None = None
    #: A button for payers who want to go another way.
    other: Form | None = None
    again: tuple[str, str] | None = None
    lines: tuple[tuple[str, str], ...] = ()
    sums: tuple[tuple[str, str], ...] = ()
    history: tuple[Paid, ...] = ()
    #: What the page's own address asks for besides the language.
    query: str = ""

    @property
    def languages(self) -> list[dict[str, object]]:
        """The page in each language."""
        current = language_of(self.locale)
        return [
            {
                "tag": tag,
                "name": NAMES[tag],
                "query": f"{self.query}lang={tag}",
                "current": tag == current,
            }
            for tag in LANGUAGES
        ]


def rendered(sheet: Sheet, form_origins: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return a page and its headers; its form may lead only to `form_origins`."""
    style = _style(sheet.colour)
    words = {name: say(f"page.{name}", sheet.locale) for name in _WORDS}
    html = (
        _layouts()
        .get_template("page.html")
        .render(
            page=sheet,
            words=words,
            style=Markup(style),  # noqa: S704 - our own, and a checked colour
        )
    )
    return html, _headers(sheet, style, form_origins)


@cache
def _layouts() -> Environment:
    return Environment(
        loader=FileSystemLoader(_LAYOUTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style(colour: str) -> str:
    text = (_LAYOUTS / "page.css").read_text(encoding="utf-8")
    return f":root{{--accent:{colour};--on:{readable_on(colour)}}}\n{text}"


def _headers(sheet: Sheet, style: str, form_origins: tuple[str, ...]) -> dict[str, str]:
    """Return headers that allow no script, no frame, one style, and the merchant's picture."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    logo = urlsplit(sheet.logo or "")
    pictures = f"data: {logo.scheme}://{logo.netloc}" if sheet.logo else "data:"
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src {pictures}; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {' '.join(form_origins)}"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
