"""The OpenAPI document as one page for people: plain HTML made on the server, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

Node = Mapping[str, Any]  # a part of the OpenAPI document

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h2{margin-top:2.5rem}
details{border:1px solid #8886;border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}
code,pre{font:.875em/1.4 ui-monospace,monospace}
pre{overflow:auto;background:#8881;padding:.6rem;border-radius:.4rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #8883}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def docs_page(document: Node) -> str:
    """Return the whole page; every text of the document is escaped."""
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{_introduction(document)}</p>{_contents(document)}"
        f"{''.join(_groups(document))}<h2 id=events>Webhooks</h2>{''.join(_webhooks(document))}"
        f"<h2 id=schemas>Schemas</h2>{''.join(_schemas(document))}</body></html>"
    )


def _introduction(document: Node) -> str:
    (scheme,) = document["components"]["securitySchemes"].values()
    return (
        f"OpenAPI {escape(document['openapi'])}, as <a href=v1/openapi.json>openapi.json</a>. "
        f"<code>Authorization: Bearer {escape(scheme['bearerFormat'])}</code>: {escape(scheme['description'])}."
    )


def _contents(document: Node) -> str:
    names = [*_tags(document), "events", "schemas"]
    links = (f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)
    return f"<nav>{' · '.join(links)}</nav>"


def _operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _tags(document: Node) -> list[str]:
    return list(dict.fromkeys(operation["tags"][0] for _, _, operation in _operations(document)))


def _groups(document: Node) -> Iterator[str]:
    for tag in _tags(document):
        yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
        for method, path, operation in _operations(document):
            if operation["tags"][0] == tag:
                yield _operation(method, path, operation, document)


def _operation(method: str, path: str, operation: Node, document: Node) -> str:
    key = "" if operation.get("security") != [] else "<p>Needs no key.</p>"
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><span class=method>{method}</span> '
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>{key}"
        f"{_parameters(operation.get('parameters', []))}{_body('Request', operation.get('requestBody', {}), document)}"
        f"{''.join(_answers(operation['responses'], document))}</details>"
    )


def _webhooks(document: Node) -> Iterator[str]:
    for kind, item in document["webhooks"].items():
        operation = item["post"]
        yield (
            f"<details><summary><code>{escape(kind)}</code> {escape(operation['summary'])}</summary>"
            f"{_parameters(operation['parameters'])}{_body('Message', operation['requestBody'], document)}</details>"
        )


def _schemas(document: Node) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f'<details id="schema-{escape(name)}"><summary>{escape(name)}</summary>{_fields(schema)}</details>'


def _parameters(parameters: Iterable[Node]) -> str:
    rows = [
        (
            f"{p['name']}{'' if p.get('required') else ' ?'}",
            p["in"],
            _kind(p["schema"]),
            escape(p.get("description", "")),
        )
        for p in parameters
    ]
    return _table(("parameter", "in", "type", ""), rows) if rows else ""


def _answers(responses: Node, document: Node) -> Iterator[str]:
    for status, response in responses.items():
        yield _body(f"{status} · {response['description']}", response, document)


def _body(title: str, body: Node, document: Node) -> str:
    if not body:
        return ""
    shown = [f"<details><summary>{escape(title)}</summary>"]
    for kind, content in body.get("content", {}).items():
        shown.append(f"<p><code>{escape(kind)}</code> {_kind(content['schema'])}</p>{_fields(content['schema'])}")
        shown += [_example(name, example, document) for name, example in content.get("examples", {}).items()]
    return "".join([*shown, "</details>"])


def _example(name: str, example: Node, document: Node) -> str:
    if "$ref" in example:
        example = document["components"]["examples"][example["$ref"].rpartition("/")[2]]
    text = json.dumps(example["value"], indent=2, ensure_ascii=False)
    return f"<details><summary>Example: {escape(name)}</summary><pre>{escape(text)}</pre></details>"


def _fields(schema: Node) -> str:
    needed = schema.get("required", ())
    rows = [
        (f"{name}{'' if name in needed else ' ?'}", _kind(field), escape(field.get("description", "")))
        for name, field in schema.get("properties", {}).items()
    ]
    text = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    return text + (_table(("member", "type", ""), rows) if rows else "")


def _kind(schema: Node) -> str:
    """Return a schema's type in short, with links to the named ones, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema and "properties" not in schema:
            return " or ".join(_kind(one) for one in schema[several])
    if "const" in schema or "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(v))}</code>" for v in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(" ".join(filter(None, (str(schema.get("type", "any")), schema.get("format")))))


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; the first cell of a row is text, the others are HTML."""
    lines = (
        f"<tr><td><code>{escape(row[0])}</code></td>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{''.join(lines)}</table>"
