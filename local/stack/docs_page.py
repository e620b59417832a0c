"""A readable page of an OpenAPI document: no script, no request to anybody."""

import json
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { font: 600 1rem ui-monospace, monospace; border-top: 1px solid #ddd; padding-top: 1rem }
pre { background: #f6f6f6; padding: .75rem; overflow-x: auto; font-size: .85rem }
dt { font-family: ui-monospace, monospace } nav a { margin-right: 1rem; white-space: nowrap }
"""
METHODS = ("get", "post", "put", "patch", "delete")


def render(document: dict[str, Any]) -> str:
    operations = [
        (f"{method.upper()} {path}", item[method])
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    ]
    title = escape(document.get("info", {}).get("title", "API"))
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a> ' for name, _ in operations)
    sections = "".join(section(name, operation) for name, operation in operations)
    schemas = listing("Schemas", document.get("components", {}).get("schemas", {}))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><h1>{title}</h1><nav>{links}</nav>{sections}{schemas}</html>"
    )


def section(name: str, operation: dict[str, Any]) -> str:
    text = operation.get("description") or operation.get("summary", "")
    parts = {
        "Parameters": operation.get("parameters"),
        "Request": operation.get("requestBody", {}).get("content"),
        "Responses": operation.get("responses"),
    }
    listings = "".join(listing(title, part) for title, part in parts.items())
    return f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{escape(text)}</p>{listings}'


def listing(title: str, part: Any) -> str:
    if not part:
        return ""
    text = escape(json.dumps(part, indent=2))
    return f"<details><summary>{title}</summary><pre>{text}</pre></details>"
