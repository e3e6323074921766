"""A state machine as a mermaid flowchart: `python -m localcloud.drawing` prints the one of docs/video.md."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.emulator import ROOT
from localcloud.localise import Template, parse

VIDEO = "infra/statemachines/video.asl.yaml"
_SHAPES = {"Task": "[{}]", "Choice": "{{{}}}", "Pass": "([{}])"}


def flowchart(machine: Template) -> str:
    """Return mermaid text; a dotted arrow is taken when the Retry of a state has given up."""
    return "\n".join(["flowchart TD", *_lines(machine, indent="    ")])


def _lines(machine: Template, *, indent: str) -> Iterator[str]:
    for name, state in machine["States"].items():
        yield from _state(name, state, indent=indent)
    for name, state in machine["States"].items():
        yield from (f"{indent}{_id(name)} {arrow} {_id(target)}" for arrow, target in _arrows(state))


def _state(name: str, state: Template, *, indent: str) -> Iterator[str]:
    inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]
    if not inner:
        shape = _SHAPES[state["Type"]].format(f'"{name}"')
        yield f"{indent}{_id(name)}{shape}"
        return
    yield f'{indent}subgraph {_id(name)}["{_title(name, state)}"]'
    for machine in inner:
        yield from _lines(machine, indent=indent + "    ")
    yield f"{indent}end"


def _title(name: str, state: Template) -> str:
    if state["Type"] != "Map":
        return f"{name}: side by side"
    distributed = state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    return f"{name}: {state['MaxConcurrency']} at a time{', each its own execution' if distributed else ''}"


def _arrows(state: Template) -> Iterator[tuple[str, str]]:
    if "Next" in state:
        yield "-->", state["Next"]
    for choice in state.get("Choices", []):
        yield "-->|yes|", choice["Next"]
    if "Default" in state:
        yield "-->|no|", state["Default"]
    yield from (("-.->", caught["Next"]) for caught in state.get("Catch", []))


def _id(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def main() -> None:
    """Print the video's state machine."""
    print(flowchart(parse((ROOT / VIDEO).read_text())))


if __name__ == "__main__":
    main()
