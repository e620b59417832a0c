"""Where a payer may be sent back to: a corpus of addresses that look right and are not."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import ValidationFailed
from payments.facts.origin import require_origin, require_picture, require_return_url

SHOP = "https://shop.example"
GOOD = (
    SHOP,
    "https://pay.shop.example",
    "https://shop.example:8443",
    "https://xn--bcher-kva.example",
)
BAD = (
    "",
    "shop.example",
    "//shop.example",
    "https:shop.example",
    "https:/shop.example",
    "https:///shop.example",
    "http://shop.example",
    "HTTPS://shop.example",
    "https://Shop.example",
    "https://shop.example/",
    "https://shop.example/path",
    "https://shop.example?x",
    "https://shop.example#x",
    "https://shop.example.",
    "https://shop..example",
    "https://-shop.example",
    "https://shop_a.example",
    "https://localhost",
    "https://127.0.0.1",
    "https://2130706433",
    "https://0x7f.1",
    "https://[::1]",
    "https://user@shop.example",
    "https://user:pass@shop.example",
    "https://shop.example@evil.example",
    "https://shop.example\\@evil.example",
    "https://shop.example\\.evil.example",
    "https://shop.example\r\nX: 1",
    "https://shop.example\n",
    "https://shop.example\t",
    " https://shop.example",
    "https://shop.example ",
    "https://shop%2eexample",
    "https://bücher.example",
    "https://shop。example",
    "https://shop.example:",
    "https://shop.example:0",
    "https://shop.example:443",
    "https://shop.example:65536",
    "https://shop.example:8443x",
    "https://*.example",
    "https://" + "a." * 200 + "example",
    "javascript:alert(1)",
    "data:text/html,x",
    "null",
    "*",
)
LOCAL = "http://127.0.0.1:8700"
#: Each begins as an origin of the tenant does, or is one of its pages seen crookedly.
ELSEWHERE = (
    "https://shop.example.evil.example/",
    "https://shop.example@evil.example/",
    "https://shop.example:pass@evil.example/",
    "https://shop.example:8443/",
    "https://shop.example\\@evil.example/",
    "https://shop.example/\\evil.example",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/a b",
    "https://shop.example/\t",
    "https://evil.example/https://shop.example",
    "https://evil.example/?https://shop.example",
    "http://shop.example/",
    "HTTPS://SHOP.EXAMPLE/",
    "//shop.example/",
    "/thanks",
    "https://shop.example/<script>",
    "https://shop.example/" + "x" * 2000,
    "javascript://shop.example/%0aalert(1)",
)


@pytest.mark.parametrize("origin", GOOD)
def test_an_origin_is_https_a_name_and_perhaps_a_port(origin: str) -> None:
    assert require_origin(origin, local=False) == origin
    assert require_return_url(f"{origin}/thanks?order=1#top", (origin,), local=False)


@pytest.mark.parametrize("origin", BAD)
@pytest.mark.parametrize("local", [True, False])
def test_what_only_looks_like_an_origin_is_refused(origin: str, *, local: bool) -> None:
    with pytest.raises(ValidationFailed):
        require_origin(origin, local=local)


def test_pages_on_this_machine_are_the_local_stacks_alone() -> None:
    assert require_origin(LOCAL, local=True) == LOCAL
    for origin in ("http://127.0.0.2:1", "http://localhost:1", "http://127.0.0.1:1@evil.example"):
        with pytest.raises(ValidationFailed):
            require_origin(origin, local=True)
    with pytest.raises(ValidationFailed):
        require_origin(LOCAL, local=False)
    with pytest.raises(ValidationFailed):
        require_return_url(f"{LOCAL}/x", (LOCAL,), local=False)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_payer_is_never_sent_elsewhere(url: str) -> None:
    with pytest.raises(ValidationFailed):
        require_return_url(url, (SHOP,), local=True)


@given(st.text(max_size=40) | st.from_regex(r"[/\\@:.?#a-z0-9%\r\n\t ]{0,40}", fullmatch=True))
def test_whatever_follows_an_origin_a_reader_of_addresses_is_still_led_there(rest: str) -> None:
    url = SHOP + rest
    try:
        require_return_url(url, (SHOP,), local=False)
    except ValidationFailed:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname, parts.username, parts.port) == (
        "https",
        "shop.example",
        None,
        None,
    )
    assert url.isascii()
    assert not set(url) & set("\\\r\n\t <>\"'") - {"'"}


@given(st.text(max_size=60))
def test_nothing_but_an_origin_passes_for_one(text: str) -> None:
    try:
        require_origin(text, local=True)
    except ValidationFailed:
        return
    parts = urlsplit(text)
    assert f"{parts.scheme}://{parts.netloc}" == text


def test_a_logo_is_a_picture_at_https() -> None:
    assert require_picture("https://cdn.shop.example/logo.png?v=2")
    for url in (
        "http://shop.example/l.png",
        "data:image/png;base64,",
        "https://1.2.3.4/l.png",
        "x",
    ):
        with pytest.raises(ValidationFailed):
            require_picture(url)
