"""One page for one file that shows why: HTML that needs nothing else, no script, no network, every text escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
COLOURS = {"synthetic": "#b3261e", "manipulated": "#b3261e", "authentic": "#1b6e3c", "inconclusive": "#7a5c00"}
OTHER_COLOUR = "#444"
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1d1d1f;background:#fff}
h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.6rem 0 .4rem}
.verdict{display:inline-block;padding:.2rem .7rem;border-radius:.3rem;color:#fff;font-weight:600}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.25rem .5rem}
td,th{text-align:left;vertical-align:top}
td{overflow-wrap:anywhere}figure{margin:1rem 0;position:relative;display:inline-block;max-width:100%}
figure img,figure svg{max-width:100%;display:block}figure svg{position:absolute;left:0;top:0;width:100%}figcaption{color:#555}
rect{fill:none;stroke:#b3261e;stroke-width:.4%}rect.face{stroke:#1a56db}footer{color:#666;margin-top:2rem;font-size:.85rem}
"""


@dataclass(frozen=True)
class Box:
    """A rectangle: `kind` is region | face, `score` what the hot region's P(fake) or the face's detection is worth, 0..1."""

    kind: str
    x: float
    y: float
    w: float
    h: float
    score: float


@dataclass(frozen=True)
class Figure:
    """A picture on the page, what it shows, and boxes over it; `size` is that of the media, whose pixels the boxes count in."""

    data: bytes
    content_type: str
    caption: str
    boxes: Sequence[Box] = ()
    size: tuple[int, int] | None = None


def explanation_page(line: Mapping[str, Any], figures: Iterable[Figure]) -> str:
    """Return the page of a result line (the contract's object and `input`)."""
    name, verdict = _text(line["input"]), str(line["verdict"])
    colour = COLOURS.get(verdict, OTHER_COLOUR)
    parts = [
        f"<h1>{name}</h1>",
        f'<p><span class="verdict" style="background:{colour}">{_text(verdict)}</span> '
        f"confidence {line['confidence']:.2f}, P(fake) {line['score']:.2f}{_generator(line)}</p>",
        _list("Reasons", line["reasons"]),
        *(_figure(figure) for figure in figures),
        _table("Signals", ("signal", "value", "score", "what"), line["signal_details"]),
        _table("Flagged segments", ("start", "end", "kind", "score", "track"), line["flagged_segments"]),
        _table("Regions", ("x", "y", "w", "h", "score"), line["regions"]),
        _table("Models", ("name", "version", "score", "status", "latency_ms"), line["models"]),
        _table("What the file says of itself", ("source", "claim", "strength", "what"), line["provenance"]["evidence"]),
        _list("Warnings", line["warnings"]),
        _facts("Media", line["media"]),
        _facts("Thresholds of P(fake)", {**line["thresholds"], "strict": line["strict_mode"]}),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{CSP}">'
        f'<meta name="viewport" content="width=device-width"><title>{name}</title><style>{STYLE}</style>'
    )
    foot = f"<footer>{_text(line['job_id'])}, {_text(line['completed_at'])}. A verdict is a probability, not a proof.</footer>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{"".join(filter(None, parts))}\n{foot}</body></html>\n'


def _figure(figure: Figure) -> str:
    source = f"data:{figure.content_type};base64,{base64.b64encode(figure.data).decode()}"
    caption = f"<figcaption>{_text(figure.caption)}</figcaption>"
    return f'<figure><img alt="{_text(figure.caption)}" src="{source}">{_boxes(figure)}{caption}</figure>'


def _boxes(figure: Figure) -> str:
    if not figure.boxes or figure.size is None:
        return ""
    rects = "".join(
        f'<rect class="{_text(b.kind)}" x="{b.x:g}" y="{b.y:g}" width="{b.w:g}" height="{b.h:g}">'
        f"<title>{_text(b.kind)} {b.score:.2f}</title></rect>"
        for b in figure.boxes
    )
    return f'<svg viewBox="0 0 {figure.size[0]} {figure.size[1]}">{rects}</svg>'


def _generator(line: Mapping[str, Any]) -> str:
    return f", generator {_text(line['generator'])}" if line["generator"] else ""


def _list(title: str, items: Sequence[object]) -> str:
    return f"<h2>{title}</h2><ul>{''.join(f'<li>{_text(item)}</li>' for item in items)}</ul>" if items else ""


def _table(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    shown = [name for name in columns if any(row.get(name) is not None for row in rows)]
    head = "".join(f"<th>{name}</th>" for name in shown)
    body = "".join(f"<tr>{''.join(f'<td>{_text(_short(row.get(name)))}</td>' for name in shown)}</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>"


def _facts(title: str, facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{_text(name)}</th><td>{_text(_short(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<h2>{title}</h2><table>{rows}</table>"


def _short(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else value


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
