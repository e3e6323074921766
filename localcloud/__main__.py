"""python -m localcloud serve | demo | explain"""

from __future__ import annotations

import argparse
import sys

from localcloud.demo import DemoError, demo
from localcloud.deploy import DeployError
from localcloud.emulator import ROOT, EmulatorError
from localcloud.localise import Localised, localise, parse
from localcloud.serve import serve


def main() -> int:
    """Run one verb; returns the exit code."""
    arguments = _parser().parse_args()
    try:
        if arguments.verb == "explain":
            print(explain(localise(parse((ROOT / "template.yaml").read_text()))))
            return 0
        run = serve if arguments.verb == "serve" else demo
        return run(port=arguments.port, iam=arguments.iam)
    except (EmulatorError, DeployError, DemoError, OSError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1


def explain(localised: Localised) -> str:
    """Return every difference between template.yaml and the local deployment as a Markdown list."""
    return "\n".join(f"- **{change.resource}**: {change.what}. Why: {change.why}." for change in localised.changes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("explain", help="what the local deployment changes in template.yaml, and why")
    for name, text in (("serve", "the API on this machine until Ctrl-C"), ("demo", "three pictures, then the end")):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("--port", type=int, default=0, help="on 127.0.0.1; default: a free one")
        verb.add_argument("--iam", action="store_true", help="hold every function to its own role, as AWS does")
    return parser


if __name__ == "__main__":
    sys.exit(main())
