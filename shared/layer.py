"""Build the Lambda layer: `python3.13 layer.py TARGET --architecture arm64`.

It stands beside the requirements because SAM hashes this folder to tell whether its layer is stale.
What is pruned here is pruned for cold starts: fewer files to open, less to parse.
A target that already holds these libraries only gets `payments` anew.
"""

import argparse
import ast
import compileall
import gzip
import hashlib
import json
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RUNTIME = (3, 13)
PLATFORMS = {
    "arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64"),
}
# All that `payments` asks AWS for; a test holds the two together. Each client reads its service's
# whole description before its first request.
AWS_SERVICES = {
    "dynamodb": {"BatchGetItem", "GetItem", "PutItem", "Query", "TransactWriteItems"},
    "events": {"PutEvents"},
    "secretsmanager": {"CreateSecret", "GetSecretValue", "PutSecretValue"},
    "sesv2": {"SendEmail"},
    "sqs": {"ChangeMessageVisibilityBatch", "SendMessage"},
}
UNUSED = (
    "bin",
    # Types for editors; the SDK itself imports none of them when it runs.
    "stripe/params",
    # All but those of OAuth and what they stand on.
    "stripe/_[!os]*_service.py",
    # Objects and services by subject: requests are made by name, and answers become values of ours.
    *(
        f"stripe/{subject}"
        for subject in (
            *("apps", "billing", "billing_portal", "checkout", "climate", "entitlements", "events"),
            *("financial_connections", "forwarding", "identity", "issuing", "product_catalog"),
            *("radar", "reporting", "reserve", "sigma", "tax", "terminal", "test_helpers"),
            *("three_d_secure", "treasury"),
        )
    ),
    # Events as models, caches, streams and locks; requests, queues and logs are all that is used.
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in (
            *("auth_alpha", "circuit_breaker", "data_masking", "feature_flags", "idempotency"),
            *("kafka", "metadata", "parameters", "streaming", "validation"),
        )
    ),
    # The interactive page; only the document is served.
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui-bundle.min.js",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui.min.css",
    # certifi's is the one that is read.
    "botocore/cacert.pem",
    "botocore/data/dynamodb/2011-12-05",
    # Only for models written for Pydantic 1, of which there are none.
    "pydantic/v1",
    "pydantic/mypy.py",
    # Lambda's own time zones come first.
    "dateutil/zoneinfo",
    # Catalogues of translations are made and read by tools; here only amounts and dates are.
    "babel/messages",
    # What is left of it stands below.
    "charset_normalizer",
)
# The languages that payers are addressed in; each with its regions is a hundredth of all of them.
LANGUAGES = ("root", "en", "de", "es", "fr", "ja", "pt")
# Imported wherever these libraries are, but nothing here ever asks for what the rest of them does.
REPLACED = {
    # HTTP/2: to say its version, it loads all that reads installed packages.
    "urllib3/http2/__init__.py": "",
    # Guesses the encoding of texts that do not say theirs: Stripe and AWS say it, it is UTF-8.
    "charset_normalizer/__init__.py": """
__version__ = "3.0.0"
def detect(_): return {"encoding": "utf-8"}
""",
    # Docstrings of the clients' methods, for `help()`: an HTML parser and a writer of manuals.
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": """
def ClientMethodDocstring(**_): return None
WaiterDocstring = PaginatorDocstring = ClientMethodDocstring
""",
    # Asks every installed package whether it extends pydantic; none of these does.
    "pydantic/plugin/_loader.py": "def get_plugins(): return ()",
    # Metrics, tracing, and a name for requests of botocore.
    "aws_lambda_powertools/__init__.py": """
from .logging import Logger
from .package_logger import set_package_logger_handler
from .shared.version import VERSION as __version__
set_package_logger_handler()
""",
    # A language for queries: the only one asked is the path of a request's id.
    "aws_lambda_powertools/utilities/jmespath_utils/__init__.py": """
def query(data, envelope, jmespath_options=None):
    for name in envelope.split("."):
        data = data.get(name) if data else None
    return data
""",
    # The events of forty services; the router compares with these seven.
    "aws_lambda_powertools/utilities/data_classes/__init__.py": """
from .alb_event import ALBEvent
from .api_gateway_proxy_event import APIGatewayProxyEvent, APIGatewayProxyEventV2
from .bedrock_agent_event import BedrockAgentEvent
from .lambda_function_url_event import LambdaFunctionUrlEvent
from .vpc_lattice import VPCLatticeEvent, VPCLatticeEventV2
def __getattr__(name):
    if name != "S3Event":
        raise AttributeError(name)
    from .s3_event import S3Event
    return S3Event
""",
    # AppSync, Bedrock and six more triggers; asyncio among what they load.
    "aws_lambda_powertools/event_handler/__init__.py": """
from .api_gateway import APIGatewayHttpResolver, ApiGatewayResolver, Response
""",
}
# Lines of a library that load at once what is not asked for: (is there once, put in its place).
CHANGED = {
    "stripe/_http_client.py": (
        # Only one client that waits asynchronously sleeps by it.
        ("import asyncio\n", ""),
        # Looks for five libraries and imports the first; requests go over connections of ours.
        ("_default_sync_client = _resolve_sync_client()", "_default_sync_client = RequestsClient"),
        (
            "_default_async_client = _resolve_async_client()",
            "_default_async_client = NoImportFoundAsyncClient",
        ),
    ),
}
# 78 classes that only name what a dict may hold: making them is a twentieth of a cold start.
TYPED_DICTS = "pydantic_core/core_schema.py"
# AWS answers with certificates of its own authority, and reading 5 roots is quicker than 120.
AMAZON_ROOTS = ("Amazon Root CA", "Starfield Services Root Certificate Authority")


def main() -> None:
    """Build for Lambda only with the Python that Lambda has."""
    if sys.version_info[:2] != RUNTIME:
        sys.exit("The layer is compiled for Lambda: run this with Python 3.13.")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--architecture", choices=PLATFORMS, default="arm64")
    arguments = parser.parse_args()
    build(arguments.target, arguments.architecture)


def build(target: Path, architecture: str) -> None:
    """Lambda mounts what is built here at /opt."""
    libraries, origin = target / "python", target / "built-from"
    if not (origin.exists() and origin.read_text() == state(architecture)):
        remove(target)
        install(libraries, architecture)
        write_amazon_roots(libraries / "certifi" / "cacert.pem", target / "amazon-roots.pem")
        prune(libraries)
        compile_libraries(libraries)
        origin.write_text(state(architecture))
    add_payments(libraries)


def state(architecture: str) -> str:
    """Say what the libraries follow from."""
    sources = (HERE / "requirements.txt").read_bytes() + Path(__file__).read_bytes()
    return f"{architecture} {hashlib.sha256(sources).hexdigest()}\n"


def install(libraries: Path, architecture: str) -> None:
    """Install what the lock names, as wheels for Lambda whatever this machine is."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["--root-user-action", "ignore", "--no-compile", "--target", str(libraries)]
    command += ["--require-hashes", "--requirement", str(HERE / "requirements.txt")]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.13"]
    for platform in PLATFORMS[architecture]:
        command += ["--platform", platform]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own arguments
        sys.exit("The layer's packages could not be installed; pip says why above.")


def prune(libraries: Path) -> None:
    """Take away what no request ever reads."""
    found = [path for name in UNUSED for path in libraries.glob(name)]
    found += [path for name in ("tests", "*.pyi", "py.typed") for path in libraries.rglob(name)]
    for path in found:
        remove(path)
    # The version is asked for at run time; the rest is for installers.
    for file in libraries.glob("*.dist-info/*"):
        if file.name not in {"METADATA", "licenses"}:
            remove(file)
    for name, source in REPLACED.items():
        (libraries / name).parent.mkdir(exist_ok=True)
        (libraries / name).write_text(source)
    for name, changes in CHANGED.items():
        change(libraries / name, changes)
    make_dicts(libraries / TYPED_DICTS)
    prune_aws_descriptions(libraries / "botocore" / "data")
    for file in (libraries / "babel" / "locale-data").iterdir():
        if file.stem.partition("_")[0] not in LANGUAGES:
            remove(file)


def change(file: Path, changes: tuple[tuple[str, str], ...]) -> None:
    """Put lines in the place of others; a library that has changed there ends the build."""
    source = file.read_text()
    for old, new in changes:
        if source.count(old) != 1:
            sys.exit(f"{file.name} is another now: look at what shared/layer.py changes in it.")
        source = source.replace(old, new)
    file.write_text(source)


def make_dicts(file: Path) -> None:
    """Have plain dicts in the place of the classes of a module that are typed dicts."""
    tree, named = ast.parse(file.read_text()), {"TypedDict"}
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.ClassDef) and named.issuperset(map(ast.unparse, node.bases)):
            named.add(node.name)
            name = ast.Name(node.name, ast.Store())
            tree.body[number] = ast.Assign([name], ast.Name("dict", ast.Load()))
    file.write_text(ast.unparse(ast.fix_missing_locations(tree)))


def prune_aws_descriptions(folder: Path) -> None:
    """Keep five of 440 services: botocore looks through all of them for each client."""
    for service in folder.iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            remove(service)
    endpoints = folder / "endpoints.json"
    described = json.loads(endpoints.read_text())
    for partition in described["partitions"]:
        partition["services"] = {
            name: service for name, service in partition["services"].items() if name in AWS_SERVICES
        }
    endpoints.write_text(json.dumps(described, separators=(",", ":")))
    for file in folder.rglob("service-2.json.gz"):
        model = without_documentation(json.loads(gzip.decompress(file.read_bytes())))
        keep_operations(model, AWS_SERVICES[file.parts[-3]])
        text = json.dumps(model, separators=(",", ":"))
        file.write_bytes(gzip.compress(text.encode(), mtime=0))


def keep_operations(model: dict[str, Any], names: set[str]) -> None:
    """Take away the other operations, and the shapes that only they have."""
    model["operations"] = {name: model["operations"][name] for name in names}
    shapes, reached, waiting = model["shapes"], set(), shape_names(model["operations"])
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= shape_names(shapes[name]) - reached
    model["shapes"] = {name: shapes[name] for name in shapes if name in reached}


def shape_names(model: Any) -> set[str]:
    """Return the shapes that a part of a model refers to."""
    if isinstance(model, list):
        return set().union(*map(shape_names, model))
    if not isinstance(model, dict):
        return set()
    own = {model["shape"]} if isinstance(model.get("shape"), str) else set()
    return own.union(*map(shape_names, model.values()))


def without_documentation(model: Any) -> Any:
    """Return a service's model without the prose, which is most of it; a member may be named so."""
    if isinstance(model, list):
        return [without_documentation(entry) for entry in model]
    if not isinstance(model, dict):
        return model
    return {
        name: without_documentation(value)
        for name, value in model.items()
        if name != "documentation" or not isinstance(value, str)
    }


def compile_libraries(libraries: Path) -> None:
    """Ship bytecode alone: half the size, and Lambda could not keep what it compiles itself."""
    compiled = compileall.compile_dir(
        libraries,
        quiet=1,
        legacy=True,
        stripdir=libraries,
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        sys.exit("A package of the layer does not compile; the file is named above.")
    for source in libraries.rglob("*.py"):
        source.unlink()


def add_payments(libraries: Path) -> None:
    """Our own sources travel with their bytecode, so that a traceback shows the line."""
    package = libraries / "payments"
    remove(package)
    shutil.copytree(HERE / "payments", package, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(
        package,
        quiet=1,
        stripdir=libraries,
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def write_amazon_roots(every_root: Path, amazon_roots: Path) -> None:
    """Keep the roots of trust that AWS itself is signed by, for AWS_CA_BUNDLE."""
    kept = [
        block
        for block in every_root.read_text().split("\n\n")
        if any(f'# Label: "{name}' in block for name in AMAZON_ROOTS)
    ]
    amazon_roots.write_text("\n\n".join(kept) + "\n")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
