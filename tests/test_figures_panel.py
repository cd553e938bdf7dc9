"""The cluster panel, charts and predictions: what they say, do, and leave to the notebook."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from labkit.figures import charts, panel, predict_view
from labkit.figures.panel import Panel
from tests.browser.elections import cluster


def led_cluster() -> Panel:
    """A panel of five nodes that have elected a leader."""
    live = Panel(cluster(), speed=1)
    while "leader" not in [node["role"] for node in live.step()["nodes"]]:
        pass
    return live


class TestPanel:
    def test_a_step_lets_a_simulation_go_on_in_slow_motion(self) -> None:
        live = Panel(cluster(), speed=0.1, tick_s=0.2)
        assert live.step()["now"] == pytest.approx(20)
        live.apply({"do": "play", "given": [False]})
        assert live.step()["now"] == pytest.approx(20)

    def test_a_link_goes_through_four_states(self) -> None:
        live = Panel(cluster())
        seen = []
        for _ in range(4):
            live.apply({"do": "link", "given": ["n1", "n2"]})
            seen.append({ends for ends in live.cuts if set(ends) == {"n1", "n2"}})
        there, back = ("n1", "n2"), ("n2", "n1")
        assert seen == [{there, back}, {there}, {back}, set()]

    def test_other_cuts_stay_when_one_link_is_mended(self) -> None:
        live = Panel(cluster())
        live.cluster.partition(("n1",), ("n2", "n3"))
        for _ in range(4):
            live.apply({"do": "link", "given": ["n4", "n5"]})
        assert len(live.cuts) == 4

    @pytest.mark.parametrize(("preset", "cut"), [("split", 12), ("bridge", 8), ("ring", 10)])
    def test_a_preset_cuts_what_its_name_says(self, preset: str, cut: int) -> None:
        live = Panel(cluster())
        live.apply({"do": "preset", "given": [preset]})
        assert len(live.cuts) == cut

    def test_the_leader_is_isolated(self) -> None:
        live = led_cluster()
        leader = live._leader()
        live.apply({"do": "preset", "given": ["isolate"]})
        assert all(leader in ends for ends in live.cuts)
        assert len(live.cuts) == 8

    def test_a_node_is_down_paused_and_up_again(self) -> None:
        live = Panel(cluster())
        live.step()
        seen = []
        for act in ("crash", "restart", "pause", "resume"):
            live.apply({"do": "node", "given": [act, "n2"]})
            seen.append(live.look()["nodes"][1]["status"])
        assert seen == ["down", "up", "paused", "up"]

    def test_every_click_is_a_line_of_code_that_does_the_same(self) -> None:
        live, run = Panel(cluster()), cluster()
        for do, *given in (("link", "n1", "n3"), ("preset", "split"), ("tune", "loss", 0.25)):
            live.apply({"do": do, "given": given})
        for line in live.actions:
            eval(line, {"run": run})
        assert run.network.cuts == live.cuts
        assert run.trace.rows == live.cluster.trace.rows

    def test_where_a_cluster_takes_operations_the_reader_is_a_client(self) -> None:
        live, asked = Panel(cluster()), []
        live.cluster.invoke = lambda *given: asked.append(given)
        assert live.look()["canInvoke"]
        live.apply({"do": "invoke", "given": ["c1", "put", "x", ""]})
        assert asked == [("c1", "put", "x", None)]

    def test_an_unknown_command_is_ignored(self) -> None:
        live = Panel(cluster())
        live.apply({"do": "cluster", "given": []})
        live.apply({})
        assert live.actions == []

    def test_messages_fly_once_and_the_log_is_marked_up_to_the_commit(self) -> None:
        live = led_cluster()
        for _ in range(3):
            state = live.step()
        assert {"Append", "Appended"} <= {type for _, _, type, _ in state["flights"]}
        assert live.look()["flights"] == []
        leader = state["nodes"][live.nodes.index(live._leader())]
        assert 0 < leader["committed"] <= len(leader["log"])

    def test_where_nobody_can_click_it_is_a_picture_and_a_table(self) -> None:
        bundle = panel(cluster())._repr_mimebundle_()
        ElementTree.fromstring(bundle["image/svg+xml"])
        assert "no link is cut" in bundle["text/plain"]

    def test_the_last_frame_stays_when_it_stops(self) -> None:
        live = led_cluster()
        live.apply({"do": "preset", "given": ["split"]})
        assert "n1 ✗ n3" in live.stop().text()


@pytest.fixture(scope="module")
def run() -> Any:
    """Two seconds of a cluster, cut in two for a while."""
    hurt = cluster()
    hurt.at(600, hurt.partition, ("n1", "n2", "c1"), ("n3", "n4", "n5", "c2"))
    return hurt.at(1400, hurt.heal).run(2000)


class TestCharts:
    def test_the_minority_is_not_answered_in_time_while_the_network_is_cut(self, run: Any) -> None:
        sides = {"c1": "minority", "c2": "majority"}
        spec = charts.availability(run, within_ms=200, sides=sides).to_dict()
        rows = spec["layer"][-1]["data"]["values"]
        cut = [row["answered"] for row in rows if 600 <= row["time_ms"] < 1400]
        assert min(cut) == 0
        assert {row["side"] for row in rows if row["answered"] == 0 and row["time_ms"] > 0} == {
            "minority"
        }
        assert spec["layer"][0]["data"]["values"][0]["to"] == 1400

    def test_a_chart_is_shown_as_vega_lite_5_a_picture_and_a_table(self, run: Any) -> None:
        bundle, _ = charts.message_counts(run)._repr_mimebundle_()
        assert set(bundle) == {charts.V5, "image/svg+xml", "text/plain"}
        assert bundle[charts.V5]["$schema"].endswith("v5.json")
        ElementTree.fromstring(bundle["image/svg+xml"])
        assert bundle["text/plain"].splitlines()[1].split() == ["type", "measure", "each"]

    def test_without_vl_convert_a_chart_lacks_only_its_picture(
        self, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "vl_convert", None)
        bundle, _ = charts.latency(run)._repr_mimebundle_()
        assert set(bundle) == {charts.V5, "text/plain"}

    @pytest.mark.parametrize(
        "chart",
        [
            lambda: charts.quorum_grid(CELLS, "stale", title="?"),
            lambda: charts.sweep(CELLS, "w", "stale", by="r", theory=CELLS[:2], title="?"),
            lambda: charts.staleness([{"time_ms": 1, "staleness_ms": 3}]),
            lambda: charts.pacelc(STORES, theory=[{"latency_ms": 4, "line": "round trip"}]),
            lambda: charts.log_table({"n1": {"log": ("a", "b"), "commit_index": 1}}),
        ],
    )
    def test_every_chart_can_be_drawn(self, chart: Any) -> None:
        bundle, _ = chart()._repr_mimebundle_()
        ElementTree.fromstring(bundle["image/svg+xml"])

    def test_a_frame_is_as_good_as_records(self) -> None:
        import pandas

        frame = pandas.DataFrame(CELLS)
        same = charts.quorum_grid(frame, "stale", title="?").to_dict()
        assert same == charts.quorum_grid(CELLS, "stale", title="?").to_dict()


CELLS = [{"r": r, "w": w, "stale": (4 - r - w) / 10} for r in (1, 2) for w in (1, 2)]
STORES = [{"store": "s", "latency_ms": 4, "availability": 0.5, "consistency": "eventual"}]


@dataclass
class Asked:
    """What a lab asks before a run."""

    question: str = "How many <leaders>?"
    options: tuple[str, ...] = ("one", "two")
    before: Any = None

    def keep(self, guess: Any) -> None:
        self.before = guess


class TestPrediction:
    def test_without_ipywidgets_it_is_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
        assert set(predict_view(Asked())) == {"text/plain"}

    def test_with_ipywidgets_it_is_a_widget_and_text(self) -> None:
        bundle = predict_view(Asked())
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert "leaders" in bundle["text/plain"]
