"""Consistency levels other than linearizability: what each process may see, and when.

`sequential` (Lamport 1979), `causal` and PRAM (Lipton and Sandberg 1988; Ahamad et al.
1995), the four `sessions` guarantees (Terry et al. 1994), bounded `staleness`, and
`convergence` of replicas.  Isolation of transactions is another matter: see `isolation`.
"""

from labkit.consistency.causal import check_causal, check_pram
from labkit.consistency.convergence import check_convergence, check_strong_convergence
from labkit.consistency.sequential import check_sequential
from labkit.consistency.sessions import check_sessions
from labkit.consistency.staleness import check_bounded_staleness, staleness

__all__ = [
    "check_bounded_staleness",
    "check_causal",
    "check_convergence",
    "check_pram",
    "check_sequential",
    "check_sessions",
    "check_strong_convergence",
    "staleness",
]
