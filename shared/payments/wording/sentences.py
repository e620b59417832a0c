"""The sentences of the mails and pages in each language."""

import json
from functools import cache
from pathlib import Path

from payments.wording.locales import language_of


@cache
def _texts(language: str) -> dict[str, str]:
    """Return all sentences of a language: mails and pages have a file each."""
    found: dict[str, str] = {}
    for file in sorted((Path(__file__).parent / "texts").glob(f"*{language}.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def say(name: str, locale: str, **values: str) -> str:
    """Return a sentence in the language of `locale`, with `values` filled in unchanged."""
    return _texts(language_of(locale))[name].format(**values)
