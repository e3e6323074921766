"""deepfake-detect: verdicts for files, URLs and folders, in this process, no server.

Exit status: 0 every input was analysed; 1 some input could not be (its line carries a problem); 2 the command itself was
wrong or the models are not installed. A verdict does not change the status. 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from forensics.cli.detector import LineMaker
from forensics.cli.explain import FindFaces, no_faces, write_explanation
from forensics.cli.inputs import expand, is_url
from forensics.cli.output import ResultFile, as_block, as_line
from forensics.cli.progress import Progress
from forensics.domain.job import DetectOptions
from forensics.settings import ModelSettings

MAX_FILE_BYTES = 500_000_000  # of the largest medium; each pipeline has its own limit
EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    args = _parser().parse_args(arguments)
    try:
        return _run(args)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): leave quietly, without Python's own complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def _run(args: argparse.Namespace) -> int:
    from forensics.detect.onnx import ModelUnavailable

    inputs = list(expand(args.inputs))
    show = Progress()
    try:
        make_line = _line_maker(args, show)
    except ModelUnavailable as error:
        print(f"deepfake-detect: {error}", file=sys.stderr)
        return EXIT_USAGE
    results = ResultFile(args.resume) if args.resume else None
    todo = [item for item in inputs if results is None or item not in results.done]
    status = EXIT_OK
    for item in show.files(todo, total=len(todo)):
        line, analysis = make_line(item)
        if analysis is None:
            status = EXIT_SOME_FAILED
        elif args.explain:
            data = None if is_url(item) else Path(item).read_bytes()
            write_explanation(args.explain, line, data, analysis.artifacts, find_faces=_faces(args.threads))
        if results is not None:
            results.add(line)
        if args.jsonl or results is None:
            sys.stdout.write(as_line(line) if args.jsonl else as_block(line))
            sys.stdout.flush()
    if results is not None:
        results.close()
    return status


def _line_maker(args: argparse.Namespace, show: Progress) -> LineMaker:
    # Imported here so that --help and usage errors answer at once.
    from forensics.net.fetch import GuardedFetch
    from forensics.usecases.ports import Clock
    from forensics.wiring.media import media_analyser

    models = replace(ModelSettings.from_env(), threads=args.threads)
    return LineMaker(
        analyse=media_analyser(models, hearing=show.hearing, watching=show.watching),
        fetch=GuardedFetch(allow_loopback=args.allow_loopback),
        options=DetectOptions(strict_mode=args.strict, explain=args.explain is not None),
        max_bytes=MAX_FILE_BYTES,
        clock=Clock(),
        verbose=args.verbose,
    )


@cache
def _faces(threads: int) -> FindFaces:
    """Return the face detector, loaded when the first page needs it; a page without faces' frames is a page too."""
    from forensics.detect.faces import FaceDetector
    from forensics.detect.onnx import ModelUnavailable

    settings = ModelSettings.from_env()
    try:
        return FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=threads).detect
    except ModelUnavailable:
        return no_faces


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deepfake-detect",
        description="Say whether pictures, speech and videos are authentic, synthetic or manipulated, and why.",
        epilog="exit status: 0 all analysed, 1 some could not be, 2 wrong usage or models missing",
    )
    parser.add_argument("inputs", nargs="+", metavar="FILE|URL|DIR")
    parser.add_argument(
        "--jsonl", action="store_true", help="print one JSON object a line: the API's result plus `input`"
    )
    parser.add_argument("--strict", action="store_true", help="lower thresholds: more recall, perhaps less precision")
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="write per file a page that shows why, its heat map, spectrogram or contact sheet, and the JSON",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="OUT", help="append JSON lines to OUT, skipping inputs it already has"
    )
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="threads for the models (default: all)"
    )
    parser.add_argument("--allow-loopback", action="store_true", help="let URLs lead to this machine (for tests)")
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an unexpected failure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
