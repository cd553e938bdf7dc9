"""Is a history linearizable?  If not, which few operations prove it?

Every operation must seem to happen at one moment between its invocation and its response
(Herlihy and Wing, 1990).  Each key is judged alone; where all values written are different
a near-linear special algorithm decides (`chains`, `appends`, `queues`, `sets`,
`counters`), otherwise the general `search`.  An unanswered operation may have happened at
any moment after its invocation, or never; a failed one certainly did not.

The budget counts nodes of the search, never time: verdicts do not depend on the machine.
``unknown`` means that the budget ended first, and is never a pass.
"""

from labkit.linearizability.check import check_linearizable
from labkit.linearizability.judgement import Judgement, Violation, timeline

__all__ = ["Judgement", "Violation", "check_linearizable", "timeline"]
