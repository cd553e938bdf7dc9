"""Lab 00: one check, of a given system, and it fails: that is the point of the tour."""

from __future__ import annotations

from labkit import System, checks, walks
from labkit.facts import Violation


def one_captain(run):
    """Do two nodes that run hold themselves for the captain?"""
    captains = [id for id in run.system.node_ids if run.observe(id).get("role") == "captain"]
    if len(captains) <= 1:
        return None
    return Violation("there is one captain", f"{' and '.join(captains)} both hold themselves for the captain")


@checks(
    "0.C",
    "there is one captain",
    look_at="what a node knows when it has not heard from n1: is n1 gone, or is the link?",
)
def never_two_captains(program):
    walks(program, System.of(5, "Crew"), count=50, judge=one_captain)
