"""From a source to notebooks: the same bytes each time, nbgrader's metadata, and clear refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from grading.__main__ import main
from grading.build import (
    both_ways,
    build,
    outputs,
    recordings,
    solved_notebook,
    solved_way,
    stale,
)
from grading.course import CourseLab, all_labs, open_lab
from grading.execute import course_copy
from grading.lint import SourceError, read_checked
from grading.notebook import checksum
from labkit import answers
from labkit.lab import CourseError, lab_of
from tests.tiny import copy_course

ROOT = Path(__file__).resolve().parent.parent
LABS = all_labs(ROOT)


@pytest.fixture
def lab(tmp_path: Path) -> CourseLab:
    return copy_course(tmp_path)


def notebook(lab: CourseLab) -> nbformat.NotebookNode:
    return nbformat.reads(next(iter(lab.notebooks().values())), as_version=4)


@pytest.mark.parametrize("id", LABS)
def test_what_is_committed_is_what_the_source_gives(id: str) -> None:
    assert stale(open_lab(id, ROOT)) == []


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=() if id in ("00", "01") else pytest.mark.slow) for id in LABS]
)
def test_each_notebook_runs_solved_and_as_handed_out(id: str) -> None:
    assert list(both_ways(open_lab(id, ROOT))) == []


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("id", LABS)
def test_each_notebook_with_a_cluster_runs_on_ray(id: str) -> None:
    """With the answers; as they are handed out, all notebooks run on Ray in the browser's tests."""
    lab = open_lab(id, ROOT)
    if not recordings(lab):
        pytest.skip(f"lab {id} has no cluster cell")
    assert list(solved_way(lab, "ray")) == []


def test_building_twice_in_processes_of_other_hash_seeds_gives_the_same_bytes(
    lab: CourseLab,
) -> None:
    before = {path: path.read_bytes() for path in outputs(lab)}
    for seed in ("1", "2"):
        for path in before:
            path.unlink()
        command = [sys.executable, "-m", "grading", "--root", str(lab.lab.root), "build"]
        subprocess.run(
            command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        )
        assert {path: path.read_bytes() for path in before} == before


def test_cell_ids_carry_kind_lab_and_exercise(lab: CourseLab) -> None:
    ids = [cell.id for cell in notebook(lab).cells]
    named = [id for id in ids if id.split("-")[0] in ("ex", "check", "hint")]
    assert named == [
        "ex-90-1",
        "check-90-1",
        "hint-90-1",
        "ex-90-2",
        "check-90-2",
        "hint-90-2",
        "check-90-E",
    ]
    assert len(set(ids)) == len(ids)


def test_metadata_is_nbgraders_with_checksums_and_locks(lab: CourseLab) -> None:
    for cell in notebook(lab).cells:
        about = cell.metadata.nbgrader
        kind = cell.id.split("-")[0]
        assert (about.grade, about.solution) == (kind == "check", kind == "ex")
        assert about.checksum == checksum(cell.source, cell.cell_type, about)
        assert cell.metadata.get("editable", True) == (kind == "ex")
        assert not cell.metadata.deletable
        assert about.get("points") == {"check-90-1": 3, "check-90-2": 1, "check-90-E": 2}.get(
            cell.id
        )


def test_the_checksum_covers_text_type_flags_id_and_points_in_nbgraders_order() -> None:
    """The md5 of check("1.1"), code, True, False, True, check-01-1, 3.0, one after the other."""
    about = {
        "grade": True,
        "solution": False,
        "locked": True,
        "grade_id": "check-01-1",
        "points": 3,
    }
    assert checksum('check("1.1")', "code", about) == "aeaab15bc746a747044a5bcbdc08f17a"


def test_a_learner_gets_the_stub_and_not_the_solution(lab: CourseLab) -> None:
    (cell,) = [cell for cell in notebook(lab).cells if cell.id == "ex-90-1"]
    assert cell.source.endswith('raise NotImplementedError("Exercise 90.1: add, save, send")')
    assert "self.total +=" not in json.dumps(notebook(lab))
    assert "SOLUTION" not in json.dumps(notebook(lab))
    assert "STUB" not in json.dumps(notebook(lab))


def test_solved_notebooks_have_the_answers_and_no_marks(lab: CourseLab) -> None:
    (path,) = solved_notebook("90", lab.lab.root)
    assert path.parent.name == lab.name
    assert "self.total += request.amount" in path.read_text()
    assert "SOLUTION" not in path.read_text()


def test_hints_go_into_a_file_of_their_own(lab: CourseLab) -> None:
    hints = json.loads((lab.lab.folder / "hints.json").read_text())
    assert hints["90.1"][1] == "Save before you answer."
    assert "Save before" not in next(iter(lab.notebooks().values()))


def test_parts_are_notebooks_of_their_own(lab: CourseLab) -> None:
    source = lab.own / "source.py"
    text = source.read_text()
    second = text.replace("90.1", "90.3").replace("90.2", "90.4").replace("90.E", "90.F")
    source.write_text(f"# %% part=first\n{text}\n# %% part=second\n{second}")
    parts = CourseLab(lab.lab, lab.own)
    assert list(parts.notebooks()) == ["90a_first.ipynb", "90b_second.ipynb"]
    assert parts.exercises_of("90.F") == {"90.3", "90.4"}


def test_a_changed_notebook_is_noticed_and_put_right(lab: CourseLab) -> None:
    (path,) = lab.lab.folder.glob("*.ipynb")
    path.write_text(path.read_text().replace("Tiny", "Small"))
    (lab.lab.folder / "90z_old.ipynb").write_text("{}")
    assert [line.partition(" ")[0] for line in stale(lab)] == [
        "labs/90_tiny/90_tiny.ipynb",
        "labs/90_tiny/90z_old.ipynb",
    ]
    build(lab)
    assert stale(lab) == []


def test_checks_without_a_cell_and_cells_without_checks_are_refused(lab: CourseLab) -> None:
    checks = lab.lab.folder / "checks.py"
    checks.write_text(checks.read_text().replace('@checks("90.E"', '@checks("90.F"'))
    with pytest.raises(CourseError, match=r"has a cell check=90\.E, but no @checks"):
        outputs(CourseLab(lab.lab, lab.own))


def test_a_notebook_that_goes_wrong_either_way_is_reported(lab: CourseLab) -> None:
    source = lab.own / "source.py"
    text = source.read_text().replace("return 2 * number", "return 3 * number")
    source.write_text(text.replace("# %% check=90.E", "# %% run\n1 / 0\n\n# %% check=90.E"))
    found = list(both_ways(CourseLab(lab.lab, lab.own)))
    assert [line.partition(" raised ")[2].partition(":")[0] for line in found] == [
        "CheckFailed", "ZeroDivisionError", "CheckFailed", "ZeroDivisionError",
    ]  # fmt: skip


WRONG_SOURCES = {
    "# %% setup": ("# %% set-up", "unknown cell head 'set-up'; there are: [markdown], setup"),
    "# %% check=90.2\n": ("# %% run\n", "exercise 90.2 has no check; add a cell # %% check=90.2"),
    "# %% hints=90.2": ("# %% hints=90.7", "hints=90.7" and "hints for 90.7, which is no exercise"),
    "# %% exercise=90.2": ("# %% exercise=90.1", "a second cell exercise=90.1"),
    "    # END SOLUTION\n\n# %% check=90.2": (
        "\n# %% check=90.2",
        "needs one # BEGIN SOLUTION and then",
    ),
    "# A counter answers": ("# BEGIN SOLUTION A counter", "prose holds the words of a marker"),
    "A lab for tests": ("\nA lab", "a line of prose does not begin with #"),
    "    return 2 * number": ("    %time 2", "exercise 90.2 is not plain Python"),
    '    """Twice `number`."""\n': ("", "exercise 90.2 has no docstring"),
    '@exercise("90.2")': ('@exercise("90.9")', "its id and its cell's differ"),
    "# - Two times.\n": ("", "2 hints; write 3"),
    "# ## All together": ("# # All together", "a notebook has one title"),
    "# %% [markdown]\n# ## All": ("# %% run\n# ## All", "4 code cells in a row"),
    "from given import *": ("\n".join(f"x{n} = {n}" for n in range(30)), "a code cell of 31 lines"),
    "# %% check=90.E": ("# %% check=90.9", "check 90.9 belongs to no exercise"),
    "# %% check=90.E\n": ("# %% check=7.E\n", "check=7.E stands in lab 90"),
}


@pytest.mark.parametrize("old", WRONG_SOURCES)
def test_a_wrong_source_is_refused_in_a_sentence_with_its_place(lab: CourseLab, old: str) -> None:
    new, sentence = WRONG_SOURCES[old]
    source = lab.own / "source.py"
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    with pytest.raises(SourceError) as refused:
        read_checked([source])
    assert any(
        sentence in line and line.startswith("source.py:")
        for line in str(refused.value).splitlines()
    ), str(refused.value)


def test_the_commands_refuse_a_lab_that_is_not_there(
    lab: CourseLab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(lab.lab.root), "build", "77"]) == 2
    assert "there is no lab '77'" in capsys.readouterr().err


def test_released_answers_are_what_later_labs_build_on(lab: CourseLab, tmp_path: Path, monkeypatch) -> None:
    course = tmp_path / "students"
    shutil.copytree(lab.lab.root / "labs", course / "labs")
    monkeypatch.setenv("LABKIT_ROOT", str(course))
    id = next(iter(lab.exercises))
    origin, cells = answers.find(lab_of(id), id)
    assert (origin, cells) == (answers.NOBODY, [])
    lab.release_answers(course)
    origin, (cell,) = answers.find(lab_of(id), id)
    assert origin == answers.RELEASED
    assert cell.source == lab.exercises[id].solved


def test_a_notebook_is_run_with_the_answers_before_it_and_never_its_own() -> None:
    def released(notebook: str) -> list[str]:
        with course_copy(open_lab("05", ROOT), notebook) as folder:
            assert not (folder.parent.parent / "grading").exists()
            return sorted(json.loads((folder / "answers.json").read_text()))

    assert released("05a_nrw.ipynb") == released("renamed.ipynb") == []
    assert released("05b_abd.ipynb") == ["5.1", "5.2", "5.3", "5.4", "5.5"]
    with course_copy(open_lab("10", ROOT), "10a_store.ipynb") as folder:
        assert "9.1" in json.loads((folder.parent / "09_raft" / "answers.json").read_text())
