"""The kit on the command line: ``python -m labkit check NOTEBOOK``, ``check-history FILE``, ``demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from labkit.answers import bases
from labkit.bundle import Bundle
from labkit.cells import program_cells, read_notebook
from labkit.check import check_bundle
from labkit.earlier import with_earlier
from labkit.lab import CourseError, Lab, load_lab


def main(argv: Sequence[str]) -> int:
    """Exit status: 0 all passed, 1 something did not, 2 the call or the notebook is wrong."""
    if argv and argv[0] == "check-history":
        from labkit.history_formats import main as check_history

        return check_history(list(argv[1:]))
    parser = argparse.ArgumentParser(prog="python -m labkit", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check", help="run a saved notebook's public checks on what is written in it")
    one.add_argument("notebook", type=Path)
    one.add_argument("--budget", choices=("small", "public"), default="public")
    commands.add_parser("check-history", help="is a recorded history consistent?")
    tour = commands.add_parser("demo", help="the tour of lab 00 in this terminal, on real processes")
    tour.add_argument("--launcher", choices=("ray", "subprocess"), default="ray")
    given = parser.parse_args(argv)
    if given.command == "demo":
        from labkit.demo import main as demo

        return demo(given.launcher)
    try:
        return check_notebook(given.notebook, given.budget)
    except (CourseError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def check_notebook(path: Path, budget: str) -> int:
    """Print a report on every exercise of a notebook, as it is saved."""
    lab = _lab_of(path)
    sections = tuple(program_cells(with_earlier(read_notebook(path))))
    bundle = Bundle(lab.given_source, sections, bases(lab.given_source, lab.root))
    exercises = dict.fromkeys(c.exercise for c in lab.load_checks(bundle.load().given))
    passed = 0
    for exercise in exercises:
        report = check_bundle(lab, bundle, exercise, budget=budget)
        passed += report.passed
        print(report, end="\n\n")
    print(f"{passed} of {len(exercises)} passed")
    return 0 if passed == len(exercises) else 1


def _lab_of(path: Path) -> Lab:
    for part in (path.stem, path.resolve().parent.name):
        if part[:2].isdigit():
            return load_lab(part[:2])
    raise CourseError(
        f"{path} does not say which lab it is; its name, or its folder's, begins with two digits"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
