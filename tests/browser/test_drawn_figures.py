"""The figures in JupyterLab: each is drawn, obeys mouse and keyboard, and asks nobody else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from harness import ROOT, Lab, Notebook, chromium, jupyterlab, open_notebook
from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
CELLS = {
    "setup": "import sys; sys.path.insert(0, '.')\n"
    "from elections import cluster\n"
    "from test_figures import stale_read, two_leaders\n"
    "from labkit.figures import charts, history_figure, panel, predict_view, spacetime\n"
    "from labkit.linearizability import check_linearizable\n"
    "from labkit.models import Register\n"
    "run = cluster()\n"
    "run.at(600, run.partition, ('n1', 'n2', 'c1'), ('n3', 'n4', 'n5', 'c2')).at(1400, run.heal)\n"
    "run.at(2000, run.crash, 'n3').at(2400, run.restart, 'n3')\n"
    "run = run.run(3000)",
    "diagram": "spacetime(run, title='Two leaders, one of them alone')",
    "steps": "spacetime(two_leaders())",
    "widget": "linked = spacetime(two_leaders()).widget()\nlinked",
    "history": "history = stale_read()\n"
    "history_figure(history, check_linearizable(history, Register()))",
    "panel": "live = panel(cluster(), speed=0.3)\nlive",
    "chart": "charts.availability(run, sides={'c1': 'minority', 'c2': 'majority'}, within_ms=200)",
    "grid": "charts.quorum_grid([{'r': r, 'w': w, 'stale': max(0, 4 - r - w) / 10}\n"
    "    for r in (1, 2, 3) for w in (1, 2, 3)], 'stale', title='How often is a read stale?')",
    "predict": "class Asked:\n"
    "    question, options, before = 'How many leaders?', ('one', 'two'), None\n"
    "    def keep(self, guess): self.before = guess\n"
    "asked = Asked()\n"
    "display(predict_view(asked), raw=True)",
}
AXE = Path(os.environ.get("LABKIT_AXE", ROOT / "node_modules/axe-core/axe.min.js"))
NOTHING = "data:text/javascript,"
NUMBERS = {name: number for number, name in enumerate(CELLS)}


def write_notebook(folder: Path) -> None:
    """The notebook of all figures, and beside it what it imports."""
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    kernel = {"name": "python3", "display_name": "Python 3"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, folder / "figures.ipynb")
    shutil.copy(HERE / "elections.py", folder)
    shutil.copy(HERE.parent / "test_figures.py", folder)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("figures")
    write_notebook(folder)
    with jupyterlab(folder) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def notebook(lab: Lab, browser: Browser) -> Iterator[Notebook]:
    opened = open_notebook(browser, lab, "figures.ipynb")
    assert opened.run_all()
    opened.page.set_default_timeout(60_000)
    yield opened
    opened.close()


def output(notebook: Notebook, name: str) -> Locator:
    """The output of a cell, scrolled into view and drawn."""
    notebook.page.evaluate(
        "number => jupyterapp.shell.currentWidget.content.scrollToItem(number)", NUMBERS[name]
    )
    cell = notebook.page.locator(".jp-Cell").nth(NUMBERS[name]).locator(".jp-OutputArea")
    cell.first.wait_for()
    return cell.first


def evaluate(notebook: Notebook, code: str) -> str:
    """What the notebook's kernel answers to an expression."""
    script = """async code => {
      const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      const future = kernel.requestExecute({code: '', user_expressions: {it: code}});
      const reply = await future.done;
      const found = reply.content.user_expressions.it;
      return found.data ? found.data['text/plain'] : found.evalue;
    }"""
    return str(notebook.page.evaluate(script, code))


def press(target: Locator, *keys: str) -> None:
    target.click(trial=True)  # waits until it is there and enabled
    target.focus()
    for key in keys:
        target.page.keyboard.press(key)


class TestSpaceTime:
    def test_the_arrow_keys_step_through_the_events_and_light_their_past(
        self, notebook: Notebook
    ) -> None:
        figure = output(notebook, "steps")
        press(figure.locator("canvas[tabindex]"), "ArrowRight", "ArrowRight")
        assert "n2 → n1" in figure.locator(".lk-what").inner_text()
        assert "voted_for: None → n2" in figure.locator(".lk-words").inner_text()
        assert figure.locator(".lk-place").inner_text() == "2 of 3, step 2"
        press(figure.locator("canvas[tabindex]"), "Escape")
        assert "Click an event" in figure.locator(".lk-words").inner_text()

    def test_a_click_on_an_event_chooses_it(self, notebook: Notebook) -> None:
        figure = output(notebook, "steps")
        canvas = figure.locator("canvas[tabindex]")
        box = canvas.bounding_box()
        assert box is not None
        share = 0.5 / 3  # the first of three steps, half a step from the left
        canvas.click(position={"x": 84 + share * (box["width"] - 98), "y": 40 + 76})
        assert "n2 timer election" in figure.locator(".lk-what").inner_text()

    def test_a_search_counts_what_it_finds(self, notebook: Notebook) -> None:
        figure = output(notebook, "diagram")
        figure.locator("input[type=search]").fill("term = 2")
        assert int(figure.locator(".lk-found").inner_text().split()[0]) > 0

    def test_a_type_and_a_node_can_be_hidden(self, notebook: Notebook) -> None:
        figure = output(notebook, "diagram")
        chip = figure.get_by_role("button", name="Messages of type Append", exact=True)
        chip.click()
        assert chip.get_attribute("aria-pressed") == "false"
        lines = figure.locator(".lk-line").count()
        node = figure.get_by_role("button", name="Node n1", exact=True)
        node.click()
        assert figure.locator(".lk-line", has_text="n1 timer").count() == 0
        assert lines > 0
        node.click()
        chip.click()

    def test_scrubbing_says_where_it_is(self, notebook: Notebook) -> None:
        figure = output(notebook, "diagram")
        press(figure.locator("input[type=range]"), "Home", "ArrowRight")
        assert figure.locator(".lk-place").inner_text().startswith("2 of")

    def test_keys_in_a_figure_do_not_reach_the_notebook(self, notebook: Notebook) -> None:
        before = notebook.page.locator(".jp-Cell").count()
        press(output(notebook, "steps").locator("canvas[tabindex]"), "b", "a", "x")
        assert notebook.page.locator(".jp-Cell").count() == before

    def test_a_linked_view_tells_python_what_was_chosen(self, notebook: Notebook) -> None:
        figure = output(notebook, "widget")
        press(figure.locator("canvas[tabindex]"), "ArrowRight", "ArrowRight")
        wait_for(notebook, "linked.chosen", "1")


def wait_for(notebook: Notebook, code: str, wanted: str) -> None:
    """Until the kernel answers `wanted`; a failure says what it answered last."""
    for _ in range(300):
        found = evaluate(notebook, code)
        if found == wanted:
            return
        notebook.page.wait_for_timeout(100)
    pytest.fail(f"{code} is {found}, not {wanted}")


class TestHistory:
    def test_the_operation_that_cannot_be_placed_is_told(self, notebook: Notebook) -> None:
        figure = output(notebook, "history")
        press(figure.locator("canvas[tabindex]"), *["ArrowRight"] * 4)
        assert "cannot be placed" in figure.locator(".lk-words").inner_text()


class TestPanel:
    def test_a_link_is_cut_by_the_keyboard_and_mended_by_a_click(self, notebook: Notebook) -> None:
        figure = output(notebook, "panel")
        link = figure.get_by_role("button", name="link n1 to n2")
        press(link, "Enter")
        wait_for(notebook, "('n1', 'n2') in live.cuts and ('n2', 'n1') in live.cuts", "True")
        figure.locator("[aria-label='link n1 to n2: cut']").wait_for()
        figure.get_by_role("button", name="Mend every link").click()
        wait_for(notebook, "len(live.cuts)", "0")

    def test_a_node_is_crashed_restarted_paused_and_resumed(self, notebook: Notebook) -> None:
        figure = output(notebook, "panel")
        for act, seen in (
            ("crash", "down"),
            ("restart", "up"),
            ("pause", "paused"),
            ("resume", "up"),
        ):
            press(figure.get_by_role("button", name=f"{act} n5", exact=True), "Enter")
            wait_for(notebook, "live.look()['nodes'][4]['status']", repr(seen))

    def test_a_preset_isolates_the_leader(self, notebook: Notebook) -> None:
        figure = output(notebook, "panel")
        figure.get_by_role("button", name="Isolate the leader").click()
        wait_for(notebook, "len(live.cuts)", "8")
        figure.get_by_role("button", name="Mend every link").click()

    def test_a_slider_changes_the_links_and_the_click_becomes_code(
        self, notebook: Notebook
    ) -> None:
        figure = output(notebook, "panel")
        press(figure.locator("label", has_text="Loss").locator("input"), "ArrowRight")
        wait_for(notebook, "live.link['loss']", "0.05")
        wait_for(notebook, "'set_link(loss=0.05)' in live.actions[-1]", "True")

    def test_time_goes_on_while_a_cell_awaits(self, notebook: Notebook) -> None:
        wait_for(notebook, "live.cluster.now_ms > 100", "True")


class TestAnswers:
    def test_a_prediction_is_kept_by_a_click(self, notebook: Notebook) -> None:
        output(notebook, "predict").get_by_role("button", name="two").click()
        wait_for(notebook, "asked.before", "'two'")

    def test_charts_are_drawn_by_the_notebook_itself(self, notebook: Notebook) -> None:
        assert output(notebook, "chart").locator("canvas, svg.marks").count() > 0


def test_no_figure_asks_another_host_and_none_complains(notebook: Notebook) -> None:
    for name in list(NUMBERS)[1:]:
        output(notebook, name)
    assert notebook.foreign_requests == []
    assert notebook.console_errors == []
    assert notebook.errors() == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install --no-save axe-core")
@pytest.mark.parametrize("name", ["diagram", "steps", "history", "panel", "predict"])
def test_axe_finds_nothing_to_say(notebook: Notebook, name: str) -> None:
    output(notebook, name).evaluate("element => element.setAttribute('data-judged', '')")
    notebook.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = notebook.page.evaluate("""async () => {
      const {violations, passes} = await axe.run('[data-judged]');
      document.querySelectorAll('[data-judged]').forEach(e => e.removeAttribute('data-judged'));
      return [violations.map(v => [v.id, v.impact, v.nodes[0].html]), passes.length];
    }""")
    assert found[0] == []
    assert found[1] > 0, "axe looked at nothing"


def test_a_saved_notebook_is_read_without_a_kernel(notebook: Notebook, browser: Browser) -> None:
    exported = export_html(notebook)
    page = browser.new_page()
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(exported.as_uri())
    page.wait_for_selector(".lk-spacetime canvas")
    assert page.locator(".lk-history canvas").count() == 1
    assert page.locator("svg, img").count() >= 4
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


def export_html(notebook: Notebook) -> Path:
    """The notebook as it would be saved now, as a page, by nbconvert without any network."""
    from nbconvert import HTMLExporter

    notebook.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    saved = notebook.lab.root / notebook.path
    exporter = HTMLExporter(
        require_js_url="", mathjax_url="", mermaid_js_url="", widget_renderer_url=NOTHING
    )
    body, _ = exporter.from_filename(str(saved))
    target = saved.with_suffix(".html")
    target.write_text(body, encoding="utf-8")
    return target
