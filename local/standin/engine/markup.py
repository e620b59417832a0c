"""What every hosted page looks like, and that nothing gets into one unescaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from local.standin.engine.errors import InvalidRequest

WEB_URL = re.compile(r"https?://[^\s<>\"\\]+", re.IGNORECASE)


class Html(str):
    """Markup, which goes into a page as it is; any other text is escaped on its way."""

    __slots__ = ()


NOTHING = Html()


def html(markup: str, **values: object) -> Html:
    """Fill the `$names` of the markup."""
    ready = {
        name: value if isinstance(value, Html) else escape(str(value))
        for name, value in values.items()
    }
    return Html(Template(markup).substitute(ready))


@cache
def read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text("utf-8")


def filled(package: str, name: str, /, **values: object) -> Html:
    """Fill a template that lies beside a room's modules."""
    return html(read(package, name), **values)


def joined(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))


def whole(title: str, content: Html) -> str:
    here = "local.standin.engine"
    style = Html(read(here, "page.css"))
    return filled(here, "page.html", title=title, style=style, content=content)


def message(title: str, text: str, more: Html = NOTHING) -> str:
    return whole(title, html("<h1>$title</h1><p>$text</p>$more", title=title, text=text, more=more))


def link(url: str | None, text: str) -> Html:
    """Lead away from the page, to the web only: nobody's `javascript:` comes this way."""
    if not url or not WEB_URL.fullmatch(url):
        return NOTHING
    return html('<a class="back" href="$url">$text</a>', url=url, text=text)


def require_web_url(url: object, param: str) -> str:
    if not isinstance(url, str) or not WEB_URL.fullmatch(url):
        raise InvalidRequest("Not a valid URL", code="url_invalid", param=param)
    return url
