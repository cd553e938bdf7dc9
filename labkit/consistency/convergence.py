"""Convergence of replicas: eventual, once all is quiet, and strong, at any time.

Eventual consistency (Vogels, 2009) is judged after the faults have healed, no update is
under way, and time enough has passed; strong eventual consistency (Shapiro, Preguica,
Baquero and Zawirski, 2011) whenever two replicas have received the same updates.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from labkit.linearizability.judgement import Judgement, Violation, shortened
from labkit.models import canonical

Observation = tuple[str, Iterable[Hashable], Any]  # replica, updates it has received, its state


def check_convergence(replicas: Mapping[str, Any], expected: Iterable[Any] | None = None) -> Judgement:
    """Whether all replicas hold equal states; and, if given, one of the states `expected`.

    `expected` has more than one state if updates were never answered: they may be there or
    not, but the same on all replicas.
    """
    first: tuple[str, Any] | None = None
    for replica, state in replicas.items():
        if first is not None and canonical(state) != canonical(first[1]):
            return _differ("converged", first, (replica, state))
        first = first or (replica, state)
    if first is None or expected is None:
        return Judgement("ok", f"converged: {len(replicas)} replicas are equal")
    allowed = list(expected)
    if canonical(first[1]) in [canonical(state) for state in allowed]:
        return Judgement("ok", f"converged: {len(replicas)} replicas hold what was written")
    sentence = (
        f"not converged to what was written: all replicas hold {shortened(first[1])}, "
        f"but it should be {' or '.join(map(shortened, allowed[:4]))}"
    )
    return Judgement("violation", sentence, Violation(sentence))


def check_strong_convergence(observations: Iterable[Observation]) -> Judgement:
    """Whether replicas that had received the same updates always had equal states."""
    states: dict[Any, tuple[str, Any]] = {}
    count = 0
    for replica, received, state in observations:
        count += 1
        other = states.setdefault(frozenset(received), (replica, state))
        if canonical(other[1]) != canonical(state):
            return _differ("strongly converging after the same updates", other, (replica, state))
    return Judgement("ok", f"strongly converging: {count} observations")


def _differ(level: str, one: tuple[str, Any], two: tuple[str, Any]) -> Judgement:
    sentence = f"not {level}: {one[0]} holds {shortened(one[1])}, but {two[0]} holds {shortened(two[1])}"
    return Judgement("violation", sentence, Violation(sentence))
