"""The figures: what they show, in every form, and that learners' text stays text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from labkit.counterexample import Counterexample, Step, Told, sendings
from labkit.figures import history_figure, spacetime
from labkit.history import History, Operation
from labkit.linearizability import check_linearizable
from labkit.message import message
from labkit.models import Register
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
                Step("timer", "n2", None, "election"),
                (("term", "0", "1"),),
                sendings([("n1", ask), ("n3", ask)]),
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


def stale_read() -> History:
    """c1 reads 1 after c3 has read 2, which c2 wrote and never got an answer for."""
    history = History()
    first = history.invoke("c1", "write", "x", 1, time_us=0)
    history.ok(first.id, time_us=10_000)
    history.invoke("c2", "write", "x", 2, time_us=12_000)
    fresh = history.invoke("c3", "read", "x", time_us=13_000)
    history.ok(fresh.id, 2, time_us=17_000)
    stale = history.invoke("c1", "read", "x", time_us=20_000)
    history.ok(stale.id, 1, time_us=25_000)
    history.annotate(12_000, 18_000, "n1 | n2")
    return history


class TestHistory:
    def test_each_operation_is_a_bar_and_the_unknown_one_says_so(self) -> None:
        words = words_of(history_figure(stale_read()).svg())
        assert {"write x 1", "write x 2 ?", "read x → 2", "read x → 1", "n1 | n2"} <= set(words)

    def test_the_operations_that_no_order_explains_are_marked(self) -> None:
        history = stale_read()
        figure = history_figure(history, check_linearizable(history, Register()))
        assert "cannot be placed" in words_of(figure.svg())
        assert [line[2] for line in figure.text().splitlines()[3:]] == ["!", "!", "!", "✗"]
        assert [row[8] for row in figure.data()["operations"]] == ["core", "core", "core", "stuck"]

    def test_an_order_that_explains_all_is_drawn_as_numbered_points(self) -> None:
        history = stale_read()
        order = [history.operations[index] for index in (0, 3, 1, 2)]
        figure = history_figure(history, Order(order))
        points = [row[9] for row in figure.data()["operations"]]
        assert [number for number, _ in points] == [1, 3, 4, 2]
        assert {"1", "2", "3", "4"} <= set(words_of(figure.svg()))

    def test_a_run_is_shaded_where_it_was_hurt(self) -> None:
        run = Run(lost_reply(), stale_read())
        run.trace.rows += [(60_000, "crash", "n1", None, None, 0)]
        assert [band[2] for band in history_figure(run).data()["bands"]] == [
            "n1 | n2",
            "n1 is down",
        ]

    def test_a_long_history_is_drawn_in_part(self) -> None:
        history = History()
        for number in range(2000):
            history.ok(
                history.invoke("c1", "write", "x", number, time_us=number).id, time_us=number
            )
        figure = history_figure(history)
        assert len(figure.svg()) < 100_000
        assert "... 1880 more" in figure.text()

    def test_something_without_a_history_is_refused(self) -> None:
        with pytest.raises(TypeError, match="Give a run, a cluster or a History"):
            history_figure(lost_reply())


@dataclass
class Order:
    """What a checker says of a legal history."""

    witness: list[Operation]
    violation: None = None
    reason: str = "linearizable"


@dataclass
class Run:
    trace: Trace
    history: History


FIGURES = [spacetime(lost_reply()), spacetime(two_leaders()), history_figure(stale_read())]


class TestBundle:
    @pytest.mark.parametrize("figure", FIGURES)
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
