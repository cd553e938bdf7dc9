"""What a cluster cell finds where there is no Ray: a recorded run in the cluster's place."""

from __future__ import annotations

from types import SimpleNamespace

from labkit import panel
from labkit.cluster import Cluster
from labkit.start_cluster import Recorded

OTHER = {"lag_ms", "network", "observations", "recording", "save_recording", "is_paused", "crash_within"}
"""What no lab's cells use."""


def test_a_recorded_run_has_every_word_of_a_cluster_that_cells_use():
    """A cell that sets a clock or cuts a link must run where the run was recorded, too."""
    recording = SimpleNamespace(system=None, trace=None, history=None, violation=None, observations={})
    run = Recorded(recording)
    words = {name for name in vars(Cluster) if not name.startswith("_")} - OTHER
    assert "set_clock" in words
    assert [name for name in sorted(words) if not hasattr(run, name)] == []


def test_a_recorded_run_can_be_looked_at_in_a_panel():
    trace = SimpleNamespace(nodes=("n1",), rows=[])
    run = Recorded(SimpleNamespace(system=None, trace=trace, history=None, violation=None, observations={}))
    assert panel(run).cuts == frozenset()
