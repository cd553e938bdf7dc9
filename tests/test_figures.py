"""The figures: what they show, in every form, and that learners' text stays text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from labkit.counterexample import Counterexample, Step, Told
from labkit.figures import spacetime
from labkit.message import message
from labkit.trace import Trace


@message
class Put:
    key: str
    value: str


@message
class Done:
    key: str


HOSTILE = "</script><img src=x onerror=alert(1)>&\"'\x00"


def lost_reply(value: str = "a") -> Trace:
    """c1 asks n1 twice, because the first answer is lost."""
    ask, answer = Put("x", value), Done("x")
    return Trace(
        ("n1", "c1"),
        [
            (0, "start", "n1", None, None, 1),
            (0, "start", "c1", None, None, 1),
            (0, "invoke", "c1", None, ("put", "x", value), 0),
            (0, "send", "c1", "n1", ask, 1),
            (4_000, "deliver", "n1", "c1", ask, 1),
            (4_000, "save", "n1", None, {"log": (value,)}, 0),
            (4_000, "send", "n1", "c1", answer, 2),
            (4_000, "drop", "c1", "n1", answer, 2),
            (50_000, "timer", "c1", None, "retry", 0),
            (50_000, "send", "c1", "n1", ask, 3),
            (54_000, "deliver", "n1", "c1", ask, 3),
            (54_000, "save", "n1", None, {"log": (value, value)}, 0),
            (54_000, "send", "n1", "c1", answer, 4),
            (57_000, "deliver", "c1", "n1", answer, 4),
            (57_000, "ok", "c1", None, None, 0),
        ],
    )


def two_leaders() -> Counterexample:
    """Three steps: a vote, a crash that forgets it, a second vote."""
    ask = Put("vote", "n2")
    return Counterexample(
        check="9.E",
        rule="a node votes once",
        what="n1 voted twice",
        steps=(
            Told(
                Step("timer", "n2", None, "election"), (("term", "0", "1"),), (f"sends n1 {ask}",)
            ),
            Told(Step("deliver", "n1", "n2", ask), (("voted_for", "None", "n2"),)),
            Told(Step("start", "n1"), (("voted_for", "n2", "None"),)),
        ),
        events=90,
        seed="7",
        setup={},
    )


def words_of(svg: str) -> list[str]:
    return [
        element.text or ""
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("text")
    ]


class TestSpaceTime:
    def test_the_lost_reply_is_told_in_text(self) -> None:
        text = spacetime(lost_reply(), title="A reply is lost").text()
        assert text.splitlines()[0] == "A reply is lost"
        assert "4 messages, 1 lost" in text
        (lost,) = [line for line in text.splitlines() if line.endswith("  lost")]
        assert "●" in lost
        assert "✗" in lost
        assert "Done(key='x')" in lost

    def test_a_save_shows_what_was_stored_before_and_after(self) -> None:
        assert "log ('a',)→('a', 'a')" in spacetime(lost_reply()).text()

    def test_the_picture_has_an_arrow_for_each_message_and_a_cross_for_the_lost_one(self) -> None:
        scene = spacetime(lost_reply()).scene
        assert [arrow.fate for arrow in scene.arrows] == ["arrived", "lost", "arrived", "arrived"]
        assert {"n1", "c1", "Put", "Done", "lost"} <= set(words_of(spacetime(lost_reply()).svg()))

    def test_a_duplicate_is_a_second_arrow_from_the_same_moment(self) -> None:
        trace = lost_reply()
        trace.rows.append((60_000, "deliver", "c1", "n1", Done("x"), 4))
        *_, first, again = spacetime(trace).scene.arrows
        assert (first.start, again.fate) == (again.start, "again")

    def test_a_crash_is_a_gap_until_the_restart(self) -> None:
        trace = lost_reply()
        trace.rows += [
            (60_000, "crash", "n1", None, None, 0),
            (80_000, "start", "n1", None, None, 2),
        ]
        (span,) = spacetime(trace).scene.spans
        assert (span.kind, span.start, span.end) == ("down", 60, 80)

    def test_a_partition_is_a_band_until_it_heals(self) -> None:
        trace = lost_reply()
        trace.rows += [
            (60_000, "net", "", None, "n1 | c1", 0),
            (80_000, "net", "", None, "healed", 0),
        ]
        (span,) = spacetime(trace).scene.spans
        assert (span.kind, span.text, span.start, span.end) == ("cut", "n1 | c1", 60, 80)

    def test_a_counterexample_is_drawn_by_steps_with_their_differences(self) -> None:
        figure = spacetime(two_leaders())
        assert figure.title == "n1 voted twice"
        assert {"1", "2", "3", "step", "voted_for None→n2"} <= set(words_of(figure.svg()))
        assert [(arrow.start, arrow.end) for arrow in figure.scene.arrows] == [(0, 1)]

    def test_a_long_run_is_drawn_in_part_and_says_so(self) -> None:
        trace = Trace(("n1", "n2"), [(0, "start", "n1", None, None, 1)])
        trace.rows += [(i * 1000, "send", "n1", "n2", Done("x"), i) for i in range(1, 2000)]
        figure = spacetime(trace)
        assert len(figure.scene.arrows) == 1999
        assert len(figure.svg()) < 500_000

    def test_an_empty_trace_is_a_picture_too(self) -> None:
        figure = spacetime(Trace(("n1",)))
        ElementTree.fromstring(figure.svg())
        assert "0 messages" in figure.text()

    def test_something_without_a_trace_is_refused_with_what_to_give(self) -> None:
        with pytest.raises(TypeError, match="Give a run, a trace or a counterexample"):
            spacetime(3)


class TestBundle:
    @pytest.mark.parametrize("figure", [spacetime(lost_reply()), spacetime(two_leaders())])
    def test_every_figure_is_a_view_a_picture_and_text(self, figure: object) -> None:
        bundle = figure._repr_mimebundle_()  # type: ignore[attr-defined]
        assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
        ElementTree.fromstring(bundle["image/svg+xml"])
        assert str(figure) == bundle["text/plain"]

    def test_equal_runs_give_equal_bytes(self) -> None:
        assert (
            spacetime(lost_reply())._repr_mimebundle_()
            == spacetime(lost_reply())._repr_mimebundle_()
        )
        assert spacetime(lost_reply()).html() != spacetime(lost_reply("b")).html()

    def test_text_from_a_learner_cannot_leave_its_place(self) -> None:
        figure = spacetime(lost_reply(HOSTILE), title=HOSTILE)
        ElementTree.fromstring(figure.svg())
        html = figure.html()
        assert html.count("</script>") == 1
        assert html.endswith("</script>")
        assert "<img src=x" not in html

    def test_the_data_of_the_view_survives_the_escaping(self) -> None:
        html = spacetime(lost_reply(HOSTILE)).html()
        (data,) = re.findall(r"^mount\(\"\w+\", (\{.*\}), \"", html, re.MULTILINE)
        assert HOSTILE in json.loads(data)["arrows"][0][7].encode().decode("unicode_escape")


def test_the_package_loads_no_plotting_library() -> None:
    program = "import labkit.figures, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert not {"anywidget", "altair", "pandas", "ipywidgets", "vl_convert"} & set(
        done.stdout.split()
    )
