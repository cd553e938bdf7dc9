"""A JupyterLab of its own and a headless Chromium in front of it, for tests and for looking.

    with jupyterlab(root) as lab, chromium() as browser:
        notebook = open_notebook(browser, lab, "01_messages/01_messages.ipynb")
        notebook.run_all()
        notebook.errors(), notebook.foreign_requests, notebook.console_errors
        notebook.screenshots(out)

The server has empty folders for configuration, data and state, so that nothing of the machine's
user shows; the settings of the course (``jupyter/``) are passed by hand, so that it looks the
same where the kit is not installed.  JupyterLab saves a notebook when it likes: give it a copy.

Does not judge: the tests beside it do.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "labkit-browser-tests"
READY_S = 60
PAGE_HEIGHT, PAGE_OVERLAP = 1400, 40
# Pixels from the top of the visible part to the end of the last cell; many while that is not drawn.
LEFT_BELOW = """element => {
  const last = jupyterapp.shell.currentWidget.content.widgets.at(-1).node;
  const top = element.getBoundingClientRect().top;
  return last.isConnected ? Math.max(40, last.getBoundingClientRect().bottom - top + 16) : 1e6;
}"""
CHROMIUM_ARGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# Harmless, from packages older than JupyterLab's own copy of the same; nothing to do with us.
KNOWN_CONSOLE = ("Unsatisfied version", "@jupyter/ydoc", "@jupyter-widgets/base")


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab server: its address, and the folder that it serves."""

    base: str
    root: Path


@dataclass
class Notebook:
    """An open notebook in a page, and what the page did on the way."""

    page: Page
    lab: Lab
    path: str
    foreign_requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)

    def run_all(self, timeout_s: float = 300) -> bool:
        """Run every cell as Run All does; False where a cell raised and the rest was not run."""
        self.page.set_default_timeout(timeout_s * 1000)
        ran = self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self._settle()
        return bool(ran)

    def cells(self) -> list[dict[str, Any]]:
        """The cells as they would be saved now, outputs included."""
        return self.page.evaluate("() => jupyterapp.shell.currentWidget.content.model.toJSON()")[
            "cells"
        ]

    def errors(self) -> list[str]:
        """One line for each error output or text on stderr, with the number of its cell."""
        found = []
        for number, cell in enumerate(self.cells()):
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    found.append(f"cell {number}: {output['ename']}: {output['evalue']}")
                elif output.get("name") == "stderr":
                    found.append(f"cell {number}: on stderr: {_text(output['text'])}")
        return found

    def screenshots(self, folder: Path, stem: str = "") -> list[Path]:
        """Pictures of the notebook from top to bottom, one page after the other."""
        folder.mkdir(parents=True, exist_ok=True)
        scroller = self.page.locator(".jp-NotebookPanel:visible .jp-WindowedPanel-outer").first
        self.page.evaluate("() => document.activeElement?.blur()")
        box = scroller.bounding_box()
        assert box is not None, "the notebook is not on the page"
        pictures: list[Path] = []
        left = box["height"] + 1  # of the notebook, below the top of the page
        while left > box["height"]:
            top = len(pictures) * (box["height"] - PAGE_OVERLAP)
            scroller.evaluate("(element, top) => { element.scrollTop = top }", top)
            self._settle()
            left = scroller.evaluate(LEFT_BELOW)
            pictures.append(folder / f"{stem or Path(self.path).stem}-{len(pictures) + 1:02}.png")
            clip = box | {"height": min(left, box["height"])}
            self.page.screenshot(path=pictures[-1], clip=clip)
        return pictures

    def close(self) -> None:
        """Close the page and end its kernel, which would outlive it."""
        self.page.close()
        for session in _call(self.lab, "GET", "/api/sessions"):
            _call(self.lab, "DELETE", f"/api/sessions/{session['id']}")

    def _settle(self) -> None:
        """Wait until the kernel is idle, and fonts, pictures and two frames are drawn."""
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
        )
        self.page.evaluate(
            """async () => {
                 await document.fonts.ready;
                 await Promise.all([...document.images].map(i => i.decode().catch(() => null)));
                 for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame);
               }"""
        )

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.netloc != self._host():
            self.foreign_requests.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in KNOWN_CONSOLE):
            self.console_errors.append(message.text)

    def _host(self) -> str:
        return urlsplit(self.lab.base).netloc


def _text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _call(lab: Lab, method: str, path: str) -> Any:
    """One request to the server's own interface; its JSON answer, None where it has none."""
    request = urllib.request.Request(lab.base + path, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(home: Path, dark: bool) -> dict[str, str]:
    """The environment of a server that finds nothing of its user's; `dark` sets the theme."""
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "IPYTHONDIR": home / "ipython",
    }
    for folder in folders.values():
        folder.mkdir()
    if dark:
        themes = home / "settings" / "@jupyterlab" / "apputils-extension"
        themes.mkdir(parents=True)
        (themes / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    paths = {name: str(folder) for name, folder in folders.items()}
    # The kit is found where it is not installed, too.
    return kept | paths | {"PYTHONPATH": str(ROOT), "JUPYTER_PREFER_ENV_PATH": "1"}


def _command(root: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={TOKEN}"),
        f"--LabApp.app_settings_dir={ROOT / 'jupyter'}",
        f"--config={ROOT / 'jupyter' / 'jupyter_lab_config.json'}",
        "--LabApp.expose_app_in_browser=True",
    ]


def _wait_until_ready(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            _call(lab, "GET", "/api/status")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"JupyterLab did not come up at {lab.base}. Its log:\n{log.read_text()}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and, by its process group, whatever it started."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@contextmanager
def jupyterlab(root: Path, dark: bool = False) -> Iterator[Lab]:
    """A JupyterLab that serves `root` on a free port of this machine until the block ends."""
    with TemporaryDirectory(prefix="jupyter-") as home:
        lab = Lab(f"http://127.0.0.1:{_free_port()}", root)
        log = Path(home) / "server.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                _command(root, urlsplit(lab.base).port or 0),
                env=_environment(Path(home), dark),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_ready(lab, server, log)
            yield lab
        finally:
            _end(server)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium that finds no host but this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        try:
            yield browser
        finally:
            browser.close()


def open_notebook(browser: Browser, lab: Lab, path: str, width: int = 1280) -> Notebook:
    """Open a notebook by its path below the server's root, and wait for its kernel."""
    page = browser.new_page(viewport={"width": width, "height": PAGE_HEIGHT})
    page.set_default_timeout(READY_S * 1000)
    notebook = Notebook(page, lab, path)
    page.on("request", notebook._on_request)
    page.on("websocket", lambda socket: notebook._on_request(socket))
    page.on("console", notebook._on_console)
    page.on("pageerror", lambda error: notebook.console_errors.append(str(error)))
    page.goto(f"{lab.base}/doc/tree/{quote(path)}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell")
    notebook._settle()
    return notebook
