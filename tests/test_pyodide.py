"""Lab 01 works where there are no threads, processes, sockets, pandas or compiled helpers.

That is a browser: Pyodide.  A fresh Python is told to refuse them, and runs the lab's exercises.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

IN_A_BROWSER = r"""
import socket, subprocess, sys, threading

BLOCKED = ("multiprocessing", "msgpack", "pandas", "vl_convert", "ray", "anywidget", "altair",
           "ipywidgets", "fcntl", "numpy", "IPython")

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not there, in a browser")

for name in [n for n in sys.modules if n.split(".")[0] in BLOCKED]:
    del sys.modules[name]
sys.meta_path.insert(0, Block())
def refuse(*_, **__):
    raise RuntimeError("not in a browser")
threading.Thread.start = subprocess.Popen.__init__ = socket.socket.__init__ = refuse  # they import there

sys.path.insert(0, ".")
from pathlib import Path
from labkit.bundle import Bundle, Section
from labkit.check import check_bundle
from labkit.lab import load_lab
from labkit import simulate, spacetime

lab = load_lab("01", Path("."))
source = (Path("grading") / lab.folder.name / "source.py").read_text()
cells = [c.partition("\n") for c in source.split("\n# %% ")[1:]]
sections = [Section(head, body) for head, _, body in cells if head.startswith(("setup", "exercise"))]
bundle = Bundle(lab.given_source, tuple(sections))
for head, _, _ in cells:
    if head.startswith("check="):
        report = check_bundle(lab, bundle, head.split("=")[1], budget="small")
        print(head, report.passed)
names = bundle.load().namespace
work = {"c1": [("append", "table 4", "tea;")]}
run = simulate(names["DurableServer"], 1, client=names["RetryingClient"], workload=work, loss=0.2)
print(spacetime(run)._repr_mimebundle_().keys() >= {"text/html", "image/svg+xml", "text/plain"})
"""


def test_lab_01_runs_without_threads_processes_sockets_and_compiled_packages():
    done = subprocess.run(
        [sys.executable, "-c", IN_A_BROWSER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 13
    assert all(line.endswith("True") for line in lines), done.stdout
