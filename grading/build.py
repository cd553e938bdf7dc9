"""Building: from a lab's source to the notebooks and hints that students get.

The same source gives the same bytes on every machine; ``check`` compares what is there with what
would be built, and executes each notebook twice: solved, where every check passes, and as handed
out, where every exercise says that it is not written yet and nothing crashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from grading.course import ROOT, CourseLab, open_lab
from grading.execute import Executed, execute
from labkit.lab import CourseError

SILENT = ("not written yet", "waits for")


def build(lab: CourseLab) -> list[Path]:
    """Write the notebooks and hints of a lab into its folder; the files, whether changed or not.

    Notebooks of the lab that its source has no more are removed.
    """
    wanted = outputs(lab)
    for path in lab.lab.folder.glob("*.ipynb"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return list(wanted)


def outputs(lab: CourseLab) -> dict[Path, str]:
    """The files that building makes, as texts.  CourseError where checks and cells differ."""
    _same_questions(lab)
    folder = lab.lab.folder
    hints = {name: cell.hints for part in lab.parts for name, cell in part.of_kind("hints").items()}
    texts = {folder / name: text for name, text in lab.notebooks().items()}
    return texts | {folder / "hints.json": json.dumps(hints, ensure_ascii=False, indent=1) + "\n"}


def stale(lab: CourseLab) -> list[str]:
    """A sentence for each file in the lab's folder that differs from what would be built."""
    wanted = outputs(lab)
    found = [
        f"{path.relative_to(lab.lab.root)} is not what its source gives; run grading build"
        for path, text in wanted.items()
        if not path.exists() or path.read_bytes() != text.encode()
    ]
    extra = [path for path in sorted(lab.lab.folder.glob("*.ipynb")) if path not in wanted]
    found += [f"{path.relative_to(lab.lab.root)} has no source; remove it" for path in extra]
    missing = [path for path in recordings(lab) if not path.exists()]
    return found + [f"{path.name} is not recorded; run python -m grading build --record" for path in missing]


def recordings(lab: CourseLab) -> list[Path]:
    """The runs that cells with the head ``cluster recorded=NAME`` show where Ray is absent."""
    cells = [cell for part in lab.parts for cell in part.cells if cell.kind == "cluster"]
    return [lab.lab.folder / "recorded" / f"{cell.name}.json" for cell in cells]


def record(lab: CourseLab) -> Iterator[str]:
    """Run the solved notebooks where Ray is, and keep what they record; a sentence a failure.

    With LABKIT_RECORD=1 a cluster writes its run into ``recorded/`` beside the notebook.
    """
    for name, text in lab.notebooks(solved=True).items():
        run = execute(lab, name, text, "recorded", strict=False, cluster="ray", bring_back="recorded")
        yield from _failures(f"{name}, recorded", run)
    yield from (f"{path.name} was not recorded" for path in recordings(lab) if not path.exists())


def solved_notebook(id: str, root: Path = ROOT) -> list[Path]:
    """The notebooks of a lab with the course's answers in them, written below ``build/solved/``."""
    lab = open_lab(id, root)
    folder = root / "build" / "solved" / lab.name
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in lab.notebooks(solved=True).items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def both_ways(lab: CourseLab) -> Iterator[str]:
    """Execute each notebook solved and as handed out; a sentence for whatever is wrong then."""
    yield from solved_way(lab, "subprocess")
    for name, text in lab.notebooks().items():
        run = execute(lab, name, text, "released", strict=False, cluster="subprocess")
        yield from _failures(f"{name}, as handed out", run)
        yield from _written(name, run, lab)


def solved_way(lab: CourseLab, cluster: str) -> Iterator[str]:
    """Execute each notebook solved, its clusters on this launcher; a sentence for whatever is wrong then."""
    for name, text in lab.notebooks(solved=True).items():
        run = execute(lab, name, text, "solved", strict=True, cluster=cluster)
        yield from _failures(f"{name}, solved", run)


def _failures(name: str, run: Iterable[Executed]) -> Iterator[str]:
    for cell in run:
        if cell.error:
            yield f"{name}: cell {cell.id} raised {cell.error}"
        if cell.stderr:
            yield f"{name}: cell {cell.id} wrote to stderr: {cell.stderr.strip()[:200]}"


def _written(name: str, run: Iterable[Executed], lab: CourseLab) -> Iterator[str]:
    cells = [cell for part in lab.parts for cell in part.of_kind("check").values()]
    checks = {lab.ids[cell] for cell in cells if 'should="fail"' not in cell.text}
    for cell in run:
        if cell.id in checks and not cell.error and not any(s in cell.text for s in SILENT):
            said = cell.text.strip()[:200]
            yield f'{name}, as handed out: {cell.id} does not say "not written yet": {said}'


def _same_questions(lab: CourseLab) -> None:
    """Every check cell has checks, and every check a cell."""
    cells = {name for part in lab.parts for name in part.of_kind("check")}
    for name in sorted(cells - lab.points.keys()):
        raise CourseError(f"lab {lab.id} has a cell check={name}, but no @checks({name!r}, ...)")
    for name in sorted(lab.points.keys() - cells):
        raise CourseError(f"lab {lab.id} has @checks({name!r}, ...), but no cell check={name}")
