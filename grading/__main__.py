"""``python -m grading build``, grade, try, matrix, soak; exit status 0 all well, 1 not, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grading.answers import AnswersError
from grading.attempt import as_json, as_line, try_answers
from grading.build import both_ways, build, record, stale
from grading.course import ROOT, all_labs, open_lab
from grading.grade import Grading
from grading.judge import HOSTS
from grading.lint import SourceError
from grading.report import append, summary, write_views
from grading.settings import read_settings
from grading.soak import kills, matrix, soaked
from grading.submissions import find_submissions
from labkit.lab import CourseError
from labkit.verdict import BUDGETS


def main(argv: Sequence[str]) -> int:
    """Run one command."""
    given = _parser().parse_args(argv)
    try:
        return int(given.run(given))
    except (AnswersError, CourseError, SourceError) as error:
        print(error, file=sys.stderr)
        return 2


def _build(given: argparse.Namespace) -> int:
    problems: list[str] = []
    for id in given.labs or all_labs(given.root):
        lab = open_lab(id, given.root)
        if given.record:
            problems += record(lab)
        if given.check:
            problems += [*stale(lab), *both_ways(lab)]
        else:
            print(*(path.relative_to(given.root) for path in build(lab)), sep="\n")
    print(*problems, sep="\n", end="\n" if problems else "")
    return int(bool(problems))


def _release(given: argparse.Namespace) -> int:
    for id in given.labs:
        print(open_lab(id).release_answers(given.to))
    return 0


def _grade(given: argparse.Namespace) -> int:
    settings = read_settings(given.root, given.seed_file)
    labs = [open_lab(id, given.root) for id in ([given.lab] if given.lab else all_labs(given.root))]
    only = labs[0].id if given.lab else ""
    grading = Grading(settings, given.out, given.host, given.budget, given.nbval)
    if not settings.is_secret:
        print("These seeds are not secret; give --seed-file, or a secret in grading/course.toml.")
    records = []
    for submission in find_submissions(given.submissions, labs, only):
        records.append(grading.grade(submission))
        append(records[-1], given.out)
        print(summary(records[-1]), flush=True)
    write_views(records, given.out, settings)
    print(f"{len(records)} submissions; see {given.out / 'grades.csv'}")
    return int(any(record.get("failed") for record in records))


def _try(given: argparse.Namespace) -> int:
    lab = open_lab(given.lab, given.root)
    tried = []
    for one in try_answers(
        lab, given.answers, host=given.host, seed=given.seed, budget=given.budget
    ):
        tried.append(one)
        if not given.json:
            print(as_line(one), flush=True)
    if given.json:
        print(as_json(tried))
    return int(not all(one.ok for one in tried))


def _matrix(given: argparse.Namespace) -> int:
    lab = open_lab(given.lab, given.root)
    print(matrix(lab, kills(lab, given.budget)))
    return 0


def _soak(given: argparse.Namespace) -> int:
    return int(bool(soaked(open_lab(given.lab, given.root), given.seeds, given.budget)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m grading")
    parser.add_argument("--root", type=Path, default=ROOT, help="the course's folder")
    commands = parser.add_subparsers(required=True)

    one = commands.add_parser("build", help="make the notebooks from their sources")
    one.add_argument("labs", nargs="*", metavar="LAB", help="two digits; all labs if none is given")
    one.add_argument(
        "--check", action="store_true", help="change nothing: compare, and execute both ways"
    )
    one.add_argument(
        "--record", action="store_true", help="run the cluster cells and keep their runs"
    )
    one.set_defaults(run=_build)

    one = commands.add_parser("release", help="give a lab's answers to students of later labs")
    one.add_argument("labs", metavar="LAB", nargs="+")
    one.add_argument("--to", metavar="COURSE", type=Path, default=ROOT, help="the course that students have")
    one.set_defaults(run=_release)

    one = commands.add_parser("grade", help="judge a class's submissions")
    one.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="<student>/<lab>/<nb>")
    one.add_argument("--out", type=Path, required=True, metavar="DIR")
    one.add_argument(
        "--lab", default="", help="only this lab; who did not hand it in gets a row too"
    )
    one.add_argument("--seed-file", type=Path, metavar="F", help="a file with the course's secret")
    one.add_argument("--host", choices=HOSTS, default="process", help='"local" trusts the code')
    one.add_argument("--budget", choices=tuple(BUDGETS), default="hidden")
    one.add_argument("--nbval", action="store_true", help="run the notebooks in a kernel, too")
    one.set_defaults(run=_grade)

    one = commands.add_parser("try", help="judge an answers file")
    one.add_argument("lab", metavar="LAB")
    one.add_argument("--answers", type=Path, required=True, metavar="FILE")
    one.add_argument("--host", choices=HOSTS, default="process")
    one.add_argument("--seed", default="public")
    one.add_argument("--budget", choices=tuple(BUDGETS), default="public")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=_try)

    one = commands.add_parser("matrix", help="which check rejects which of the wrong answers")
    one.add_argument("lab", metavar="LAB")
    one.add_argument("--budget", choices=tuple(BUDGETS), default="small")
    one.set_defaults(run=_matrix)

    one = commands.add_parser("soak", help="right answers under many base seeds; goes on where it was")
    one.add_argument("lab", metavar="LAB")
    one.add_argument("--seeds", type=int, default=200)
    one.add_argument("--budget", choices=tuple(BUDGETS), default="small")
    one.set_defaults(run=_soak)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
