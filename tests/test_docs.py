"""What the documentation says is what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from local.tools import access_table, openapi, route_table
from payments import errors
from payments.edge import roles
from payments.steps.accounts import key_probes
from tests.doubles.invocations import PUBLIC, owner_of

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
]
FAMILIES = {
    errors.Invalid,
    errors.Forbidden,
    errors.Declined,
    errors.Conflict,
    errors.StripeRefused,
    errors.Unavailable,
}


#: Words that make a reader guess: each has a plain one.
RIDDLES = re.compile(
    r"\b(whoever|hears? of|of before|return the same|set right|is nobody's business)\b",
    re.IGNORECASE,
)
WORDS_MAX = 25
#: How many groups each chapter of ASVS 5.0.0 has that has a row for each.
ASVS_GROUPS = (5, 4, 7, 4, 4, 8, 6, 4, 2, 7, 7, 3, 4, 3, 4, 5)
#: Each standard of docs/security.md with the groups that its table has to answer.
STANDARDS = {
    "OWASP ASVS 5.0": [
        *(
            f"V{chapter}.{group}"
            for chapter, count in enumerate(ASVS_GROUPS, 1)
            for group in range(1, count + 1)
        ),
        "V17",
    ],
    "OWASP API Security Top 10 (2023)": [f"API{number}" for number in range(1, 11)],
    "PCI DSS 4.0.1, SAQ A": [
        *["Eligibility"] * 3,
        *("2.2", "3.1", "6.3", "8.2", "9.4", "11.3", "12.8", "12.10"),
    ],
}


def refusals(kind: type[errors.PaymentsError] = errors.PaymentsError) -> set[tuple[str, int]]:
    found = set()
    for child in kind.__subclasses__():
        if child not in FAMILIES and child.__module__ == errors.__name__:
            found.add((child("").code, child.status))
        found |= refusals(child)
    return found


def test_every_code_stands_in_the_documentation_with_its_one_status() -> None:
    listed = re.findall(
        r"^\| `(\w+)` \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
    )

    assert len(listed) == len({code for code, _ in listed})
    assert {(code, int(status)) for code, status in listed} == refusals()


def test_the_permissions_of_a_restricted_key_are_the_ones_that_are_tried() -> None:
    listed = re.findall(
        r"^\| `(\w+\.\w+)` \| (.+) \|$", (ROOT / "docs/accounts.md").read_text(), re.MULTILINE
    )

    assert dict(listed) == key_probes.NEEDED_FOR


def test_the_openapi_document_is_the_one_that_the_routes_make() -> None:
    assert openapi.DOCUMENT.read_text() == openapi.rendered(), "run `make openapi`"


def test_every_route_with_a_role_stands_in_the_openapi_document() -> None:
    paths = openapi.document()["paths"]
    shapes = {
        f"{verb.upper()} {re.sub('{[^}]*}', '{}', path)}" for path in paths for verb in paths[path]
    }

    assert {re.sub("{[^}]*}", "{}", route) for route in roles.ROUTES} <= shapes


def test_the_readme_says_which_function_serves_which_routes() -> None:
    text = route_table.README.read_text()

    assert text == route_table.with_table(text), "run `make openapi`"
    assert route_table.routes_named() == roles.ROUTES.keys() | set(PUBLIC)


def test_the_page_of_grants_shows_the_matrix_that_is_deployed() -> None:
    text = access_table.PAGE.read_text()

    assert text == access_table.with_table(text), "run `make openapi`"


def test_a_request_of_the_tests_is_served_by_the_function_that_the_template_names() -> None:
    owners = route_table.owners()

    assert {route: owner_of(route) for route in owners} == owners


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_picture_that_a_page_links_to_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_module_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"`((?:functions|shared/payments)/[\w/]+\.py)`", text))

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_names_no_version_that_was_not_released() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert all(entry <= version for entry in released)


def test_every_test_that_proves_a_defence_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/security.md").read_text()))
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    assert named
    assert [name for name in named if f"def {name}(" not in written] == []


def standard(name: str) -> list[list[str]]:
    """Return the rows of a standard's table: its group, the answer, and the evidence."""
    text = (ROOT / "docs/security.md").read_text()
    section = text.partition(f"## {name}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" |")] for row in rows[1:] if "---" not in row]


@pytest.mark.parametrize("name", STANDARDS)
def test_every_row_of_a_standard_has_evidence_or_says_why_not(name: str) -> None:
    rows = standard(name)
    without = [
        group
        for group, answer, evidence in rows
        if not evidence
        and not answer.startswith("does not apply, because ")
        and not answer.endswith(": not covered")
    ]
    named = {file for *_, evidence in rows for file in re.findall(r"`([\w/]+\.\w+)`", evidence)}

    assert without == []
    assert [file for file in named if not (ROOT / file).exists()] == []


@pytest.mark.parametrize(("name", "groups"), STANDARDS.items())
def test_no_group_of_a_standard_is_left_out(name: str, groups: list[str]) -> None:
    assert [group.partition(" ")[0].rstrip(":") for group, *_ in standard(name)] == groups


def plain(text: str) -> str:
    """Return a text without code, addresses and comments, each code being one word."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "x", text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a page's paragraphs and lists; its tables and headings have none."""
    found = []
    for block in re.split(r"\n\s*\n", plain(text)):
        lines = [line for line in block.split("\n") if not line.startswith(("|", "#"))]
        for item in re.split(r"\n(?=- |\d+\. )", "\n".join(lines)):
            found += re.split(r"(?<=[.!?])\s+(?=[A-Zx*\[])", " ".join(item.split()))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_sentence_has_at_most_25_words(page: str) -> None:
    text = (ROOT / page).read_text()

    assert [each for each in sentences(text) if len(each.split()) > WORDS_MAX] == []


@pytest.mark.parametrize("page", [*PAGES, "shared/payments/errors.py"])
def test_a_page_has_no_riddles(page: str) -> None:
    text = plain((ROOT / page).read_text())

    assert [found[0] for found in RIDDLES.finditer(text)] == []


def test_the_changelog_begins_with_what_is_unreleased_and_an_entry_is_one_sentence() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    entries = re.findall(r"^- (.+(?:\n  .+)*)", plain(text), re.MULTILINE)

    assert re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)[0] == "Unreleased"
    assert entries
    assert [
        each for each in entries if not each.endswith(".") or re.search(r"\. [A-Z]", each)
    ] == []


def test_the_documentation_explains_a_code_in_the_words_of_its_class() -> None:
    listed = re.findall(
        r"^\| `(\w+)` \| \d{3} \| (.+) \|$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
    )
    said = {code: (kind.__doc__ or "") for code, kind in kinds().items()}

    assert [code for code, meaning in listed if not meaning.startswith(said[code])] == []


def kinds(kind: type[errors.PaymentsError] = errors.PaymentsError) -> dict[str, type]:
    found: dict[str, type] = {}
    for child in kind.__subclasses__():
        found |= {child("").code: child} | kinds(child)
    return found
