"""How sharp and how steady a lab's checks are: the kill matrix, and right answers under many seeds.

Both run in this process: the answers are the course's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from grading.answers import Answer, read_answers
from grading.course import CourseLab
from labkit.bundle import Bundle
from labkit.program import LocalProgram
from labkit.verdict import Verdict, run_check


def kills(lab: CourseLab, budget: str = "small") -> dict[str, list[str]]:
    """For each wrong answer, the names of all checks, hidden ones too, that reject it.

    Asked are the checks of its exercise and of its notebook's parts; others do not see it.
    """
    answers = _answers(lab, "wrong")
    return {
        _row(answer): [
            verdict.check.name
            for verdict in _verdicts(lab, answer.bundle(lab), "public", budget, _seeing(lab, answer))
            if verdict.status == "failed"
        ]
        for answer in answers
    }


def witnesses(lab: CourseLab, budget: str = "small") -> dict[str, list[str]]:
    """For each check a wrong answer that it rejects, if there is one: a matrix with little in it.

    Whoever names a check is taken at its word (``try`` asks it); for other checks the wrong answers
    that they see are tried one after the other, up to the first that falls.
    """
    wrong = _answers(lab, "wrong")
    found: dict[str, list[str]] = {_row(answer): [] for answer in wrong}
    for check in lab.checks:
        named = [answer for answer in wrong if answer.rejected_by == check.title]
        seen = (answer for answer in wrong if check.name in _seeing(lab, answer))
        fallen = named or [next((answer for answer in seen if _falls(lab, answer, check.name, budget)), None)]
        for answer in filter(None, fallen):
            found[_row(answer)].append(check.name)
    return found


def _falls(lab: CourseLab, answer: Answer, name: str, budget: str) -> bool:
    return any(v.status == "failed" for v in _verdicts(lab, answer.bundle(lab), "public", budget, {name}))


def _seeing(lab: CourseLab, answer: Answer) -> set[str]:
    """The names of the checks of its exercises, and of the parts that these belong to."""
    return {c.name for c in lab.checks if set(answer.exercises) & lab.exercises_of(c.exercise)}


def _row(answer: Answer) -> str:
    return f"{answer.exercises[0]} {answer.name}"


def matrix(lab: CourseLab, rejected: Mapping[str, list[str]]) -> str:
    """The kill matrix as text: a row for each wrong answer, a column for each check, X where it rejects."""
    checks = lab.checks
    lines = [f"{number:>3}  {check.exercise} {check.title}" for number, check in enumerate(checks, 1)]
    lines += ["", " " * 52 + "".join(str(number % 10) for number in range(1, len(checks) + 1))]
    for answer, names in rejected.items():
        row = "".join("X" if check.name in names else "." for check in checks)
        lines.append(f"{answer[:50]:<50}  {row}")
    idle = [check.title for check in checks if not any(check.name in names for names in rejected.values())]
    return "\n".join([*lines, *(f"rejects nothing: {title}" for title in idle)])


def soak(lab: CourseLab, seeds: int, budget: str = "small") -> Iterator[str]:
    """Every right answer under base seeds 1 to `seeds`; a sentence for each that did not pass.

    Seeds that have passed are remembered below ``build/soak/`` while the text of lab and
    answers stays the same, so that an interrupted soak goes on where it was.
    """
    programs = [("the course's answers", lab.program(lab.submitted(), []), {c.name for c in lab.checks})]
    programs += [(one.name, one.bundle(lab), _seeing(lab, one)) for one in _answers(lab, "right")]
    memory = lab.lab.root / "build" / "soak" / f"{lab.id}.json"
    digest = "".join(bundle.digest for _, bundle, _ in programs)
    done = _remembered(memory, digest)
    for seed in range(done + 1, seeds + 1):
        for name, bundle, asked in programs:
            for verdict in _verdicts(lab, bundle, f"soak {seed}", budget, asked):
                if not verdict.passed:
                    yield f"seed {seed}, {name}: {verdict.check.title}: {verdict.status} {verdict.what}"
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps({"digest": digest, "done": seed}), encoding="utf-8")


def soaked(lab: CourseLab, seeds: int, budget: str) -> int:
    """Print what ``soak`` finds, and how long it took in CPU seconds; the number of findings."""
    start, found = time.process_time(), 0
    for line in soak(lab, seeds, budget):
        print(line, flush=True)
        found += 1
    spent = time.process_time() - start
    print(f"lab {lab.id}: base seeds 1 to {seeds}, {found} not passed, {spent:.0f} CPU s", flush=True)
    return found


def _answers(lab: CourseLab, name: str) -> list[Answer]:
    return [answer for path in lab.files(name) for answer in read_answers(lab, path)]


def _verdicts(
    lab: CourseLab, bundle: Bundle, seed: str, budget: str, names: Container[str]
) -> Iterator[Verdict]:
    """The verdicts of the checks of these names."""
    loaded = bundle.load()
    program = LocalProgram(loaded.namespace)
    for check in lab.checks_over(loaded.given):
        if check.name in names and check.runtime == "simulation":
            yield run_check(check, program, seed=seed, budget=budget)


def _remembered(memory: Path, digest: str) -> int:
    if not memory.exists():
        return 0
    kept = json.loads(memory.read_text(encoding="utf-8"))
    return int(kept["done"]) if kept.get("digest") == digest else 0
