"""Write the table of docs/access.md anew, from the matrix that is deployed."""

from local.paths import ROOT
from payments.edge.roles import MATRIX, Row
from payments.facts.caller import Role

PAGE = ROOT / "docs" / "access.md"
BEGIN, END = "<!-- matrix: written by `make openapi` -->\n", "<!-- matrix end -->"
HEAD = f"| route | {' | '.join(Role)} | of which module, or why a role is enough |\n"
RULE = f"|---|{'---|' * len(Role)}---|\n"
NO, ROLE, ANY = "no", "role", "any grant"


def table() -> str:
    """Return the table as the page has it."""
    return HEAD + RULE + "".join(_line(route, row) for route, row in MATRIX.items())


def with_table(text: str) -> str:
    """Return `text` with the table of today between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{PAGE.name} lacks `{BEGIN.strip()}` or `{END}`: put them back.")
    return f"{before}{BEGIN}{table()}{END}{after}"


def _line(route: str, row: Row) -> str:
    cells = " | ".join(_cell(role, row) for role in Role)
    asked = [row.ask.of.capitalize() + "."] if row.ask else []
    return f"| `{route}` | {cells} | {' '.join([*asked, row.why]).strip()} |\n"


def _cell(role: Role, row: Row) -> str:
    if role not in row.roles:
        return NO
    ask = row.ask_of(role)
    if not ask:
        return ROLE
    return f"`{ask.permission}`" if ask.permission else ANY


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
    print(f"Wrote the matrix in {PAGE.relative_to(ROOT)}.")
