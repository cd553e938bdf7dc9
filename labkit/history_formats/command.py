"""The command ``check-history``: prints whether a history is linearizable, and why not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn, TextIO

from labkit.history_formats.calls import CALLS
from labkit.history_formats.lines import parse_json
from labkit.history_formats.reading import ABSENT, read_history
from labkit.history_formats.recording import BadInput
from labkit.linearizability import check_linearizable
from labkit.linearizability.check import BUDGET

BAD_INPUT = 3
ANSWERS = {"ok": (0, "yes"), "violation": (1, "no"), "unknown": (2, "unknown")}


class _Parser(argparse.ArgumentParser):
    """Exits with 3 when the call is wrong: 2 means that the verdict is unknown."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BAD_INPUT, f"{self.prog}: {message}\n")


def main(argv: list[str]) -> int:
    """Exit status: 0 yes, 1 no, 2 unknown (budget used up), 3 the file or the call is wrong."""
    try:
        given = _arguments(argv)
    except SystemExit as stop:  # argparse has printed why
        return int(stop.code or 0)
    try:
        initial = ABSENT if given.initial is None else parse_json(given.initial)
        history, model = read_history(given.file, given.model, initial)
    except BadInput as error:
        _say(f"{given.file}: {error}", sys.stderr)
        return BAD_INPUT
    except OSError as error:
        _say(f"{given.file}: cannot be read: {error.strerror}", sys.stderr)
        return BAD_INPUT
    judgement = check_linearizable(history, model, given.budget)
    status, answer = ANSWERS[judgement.verdict]
    _say(f"{answer}: {judgement}")
    return status


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="python -m labkit check-history", description="Is a history linearizable?")
    parser.add_argument("file", type=Path, help="JSON lines, or a log of Porcupine's tests")
    parser.add_argument("--model", required=True, choices=CALLS, help="what the object is")
    parser.add_argument("--initial", metavar="JSON", help="its state at the beginning")
    parser.add_argument("--budget", type=int, default=BUDGET, help="nodes that the search may visit")
    return parser.parse_args(argv)


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print, whatever characters the file had and the terminal has not."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
