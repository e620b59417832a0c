"""Taste as a test: each rule says why it is one."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from payments.facts.caller import Role

ROOT = Path(__file__).parents[1]
FILES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for pattern in ("shared/payments/**/*.py", "functions/*.py")
    for path in sorted(ROOT.glob(pattern))
}
OWN = ("shared", "functions", "local", "tests", "benchmarks", "events")
FUNCTION_LINES_MAX, EDGE_LINES_MAX = 40, 250
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
CHANCE = {"time", "random", "uuid", "secrets"}
CLOCKS = {f"{kind}.{name}" for kind in ("datetime", "date") for name in ("now", "utcnow", "today")}
#: Where a bug becomes an answer that says nothing: the edges of the API, the payer and the stream.
LAST_LINES = {
    "shared/payments/edge/api.py",
    "shared/payments/edge/batches.py",
    "functions/finish_connection.py",
    "functions/open_pay_link.py",
}
#: Where Stripe's conversion of a currency is entered, the only thing that is called a settlement.
CONVERSION = {
    "shared/payments/facts/dispute.py",
    "shared/payments/facts/ledger.py",
    "shared/payments/facts/stripe_objects.py",
}


#: Phrases that a reader has to guess at: who hears what of whom, and from when.
RIDDLES = (
    "whoever",
    "hear of",
    "hears of",
    "heard of",
    "of before",
    "return the same ",
    "as ever,",
)
SENTENCE_WORDS_MAX = 32


def offences(breaks: Callable[[ast.AST], bool], *, but_in: set[str] = frozenset()) -> list[str]:
    """Return where something `breaks` a rule, except in the files that own it."""
    return [
        f"{name}:{getattr(node, 'lineno', 1)}"
        for name, tree in FILES.items()
        for node in ast.walk(tree)
        if name not in but_in and breaks(node)
    ]


def calls(name: str) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) == name


def imports_chance(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return bool({alias.name for alias in node.names} & CHANCE)
    return isinstance(node, ast.ImportFrom) and node.module in CHANCE


def swallows_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
    return broad and ast.unparse(node.body[-1]) != "raise"


def is_long(node: ast.AST) -> bool:
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return is_function and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [name for name, tree in FILES.items() if not ast.get_docstring(tree)]
    assert not silent, f"{silent}: a reader decides by that line whether to read on"


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the docstrings of a file and its comments, each on one line with its place."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = " ".join((ast.get_docstring(node) or "").split())
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'name', 1)}", text
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("#"):
            yield f"{path.relative_to(ROOT)}:{number}", line.strip()


def prose() -> list[tuple[str, str]]:
    places = (
        "shared/payments/**/*.py",
        "functions/*.py",
        "local/demo/*.py",
        "local/stack/*.py",
        "local/tools/*.py",
        "local/standin/**/*.py",
    )
    return [text for place in places for path in ROOT.glob(place) for text in texts(path)]


def test_no_docstring_and_no_comment_is_a_riddle() -> None:
    riddles = [
        f"{place}: {text}"
        for place, text in prose()
        if any(phrase in text.lower() for phrase in RIDDLES)
    ]
    assert not riddles, f"{riddles}: subject, verb, object, so that nobody reads it twice"


def test_a_sentence_of_a_docstring_is_read_in_one_breath() -> None:
    long = [
        f"{place}: {sentence}"
        for place, text in prose()
        for sentence in re.split(r"(?<=[.!?:;])\s+", text)
        if "─" not in text and len(sentence.split()) > SENTENCE_WORDS_MAX
    ]
    assert not long, f"{long}: what cannot be said shortly is not understood yet"


def test_a_room_is_entered_by_its_modules_and_its_own_file_says_only_what_it_is_for() -> None:
    furnished = [
        name for name, tree in FILES.items() if Path(name).stem == "__init__" and tree.body[1:]
    ]
    assert not furnished, f"{furnished}: the webhook intake would load it with every cold start"


def test_every_function_fits_on_a_screen() -> None:
    long = offences(is_long)
    assert not long, f"{long}: what cannot be seen whole is not understood whole"


def test_no_amount_can_become_a_float() -> None:
    floats = offences(calls("float"))
    assert not floats, f"{floats}: money is an integer of minor units, for 0.1 + 0.2 is not 0.3"


def test_a_bug_is_swallowed_nowhere_but_at_the_edges() -> None:
    broad = offences(swallows_everything, but_in=LAST_LINES)
    assert not broad, f"{broad}: what is caught without a name hides lost money"


def test_the_environment_is_read_in_one_place() -> None:
    reads = offences(
        lambda node: isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"},
        but_in={"shared/payments/config.py"},
    )
    assert not reads, f"{reads}: a setting that config.py does not name is known to nobody"


def loops_by_hand(node: ast.AST) -> bool:
    if not isinstance(node, ast.For) or not ast.unparse(node.iter).startswith("range("):
        return False
    caught = [each.type for each in ast.walk(node) if isinstance(each, ast.ExceptHandler)]
    return any(kind and "RowChanged" in ast.unparse(kind) for kind in caught)


def test_a_lost_race_is_run_again_in_one_place() -> None:
    by_hand = offences(loops_by_hand)
    assert not by_hand, f"{by_hand}: steps/retry knows how often, and says in whose words it failed"


def test_no_two_steps_share_a_functions_name() -> None:
    defined = Counter(
        node.name
        for name, tree in FILES.items()
        if name.startswith("shared/payments/steps/")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    )
    twice = {name for name, times in defined.items() if times > 1}
    assert not twice, f"{twice}: a reader who searches for the name finds the other one"


def test_to_settle_is_to_convert_a_currency() -> None:
    named = offences(
        lambda node: isinstance(node, ast.FunctionDef) and "settle" in node.name,
        but_in=CONVERSION,
    )
    assert not named, f"{named}: the word had eight meanings, and docs/words.md gives it one"


def test_a_role_is_named_in_one_place() -> None:
    named = offences(
        lambda node: isinstance(node, ast.Constant) and node.value in set(Role),
        but_in={"shared/payments/facts/caller.py"},
    )
    assert not named, f"{named}: a role that is misspelt beside the roles' table bars or lets in"


def test_nothing_is_printed() -> None:
    printed = offences(calls("print"))
    assert not printed, f"{printed}: a log line has named fields only, so that no secret gets in"


def test_time_and_chance_come_through_one_door() -> None:
    found = offences(
        lambda node: (
            imports_chance(node)
            or (isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS | {"os.urandom"})
        ),
        but_in={"shared/payments/edge/runtime.py"},
    )
    assert not found, f"{found}: a simulation owns the clock and the dice, or it proves nothing"


def test_an_edge_file_stays_thin() -> None:
    edges = ROOT.glob("functions/*.py")
    thick = [path.name for path in edges if path.read_text().count("\n") > EDGE_LINES_MAX]
    assert not thick, f"{thick}: the rules of the product belong in shared/payments"


def test_no_file_is_named_after_nothing() -> None:
    own = [
        path
        for folder in OWN
        for pattern in ("*", "[!.]*/**/*")
        for path in (ROOT / folder).glob(pattern)
    ]
    vague = [str(path) for path in own if path.stem in VAGUE]
    assert not vague, f"{vague}: such a name admits anything, so nobody finds what is in it"


def imported(tree: ast.AST) -> set[str]:
    """Return the top-level names that a module imports."""
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def test_a_handler_imports_no_other_handler_and_no_door_of_a_third_party() -> None:
    edges = {name: tree for name, tree in FILES.items() if name.startswith("functions/")}
    kept_out = {Path(name).stem for name in edges} | {"stripe", "boto3", "botocore"}
    crossing = [f"{name}: {found}" for name in edges if (found := imported(edges[name]) & kept_out)]
    assert not crossing, f"{crossing}: one file is one permission boundary, and doors have owners"
