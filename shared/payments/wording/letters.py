"""A mail before it is sent: its content, and the one layout of all mails."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from payments.wording.colours import readable_on

#: The colour of a merchant who has chosen none.
COLOUR = "#1f5fa8"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an invoice, with its amounts written out."""

    text: str
    quantity: str
    amount: str


@dataclass(frozen=True, slots=True)
class Look:
    """The merchant as a reader sees them."""

    name: str
    colour: str = COLOUR


@dataclass(frozen=True, slots=True)
class Letter:
    """
    The content of a mail, in plain text: the layouts escape it.

    `facts` are pairs of a label and a value, `button` a label and an address. `message` is the
    merchant's own text, and `notes` are the small print.
    """

    locale: str
    subject: str
    title: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    rows: tuple[Row, ...] = ()
    message: str | None = None
    message_from: str = ""
    button: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()


@cache
def _layouts() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "layouts"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["breaks"] = str.splitlines
    return made


def as_html(letter: Letter, look: Look) -> str:
    """Return the letter as HTML for a mail reader; it loads nothing from anywhere."""
    on = readable_on(look.colour)
    return _layouts().get_template("letter.html").render(letter=letter, look=look, on=on)


def as_text(letter: Letter, look: Look) -> str:
    """Return the letter for readers that show only text."""
    text = _layouts().get_template("letter.txt").render(letter=letter, look=look)
    # Parts that a letter does not have leave blank lines behind.
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
