# %% part=persistence

# %% [markdown]
# # Lab 09: Raft, part three: persistence
# > A node crashes and comes back. What must it still know?

# %% setup
from labkit import check, check_linearizable, exercise, hint, panel, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from given import *

use_answers("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9")

# %% [markdown]
# ## 1. What comes back

# %% exercise=9.10
@exercise("9.10", into=DurableRaft)                     # about 7 lines
def on_start(self) -> None:
    """The node boots: for the first time, or after a crash (figure 2, state).

    What it had promised to others comes back from `self.storage`: `current_term` (0 if it was
    never saved), `voted_for` (None) and `log` (the empty tuple). All else begins as at first
    boot, since it can be learnt again: it follows (`role`) nobody that it knows (`leader_id` is
    None), has no `votes`, knows of nothing committed (`commit_index` and `last_applied` are 0),
    its `book` is an empty list, and `next_index`, `match_index` and `waiting` are empty dicts.
    The election timer is set. Nothing is sent.
    """
    # STUB: LogRaft.on_start(self) does it for a node that has lost its log
    # BEGIN SOLUTION
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    # END SOLUTION

# %% check=9.10
check("9.10")

# %% hints=9.10
# - Three attributes come from the disk. For each of the others, ask: what breaks if the node forgets it?
# - `LogRaft.on_start(self)` sets all of them as at the first boot, and forgets the log.
# - `LogRaft.on_start(self)`, and then `self.log = self.storage.get("log", ())`.

# %% [markdown]
# ## 2. Before a message leaves

# %% exercise=9.11
@exercise("9.11", into=DurableRaft)                     # about 4 lines
def send(self, peer: NodeId, message: Any) -> None:
    """Send `message` to `peer`, and before it leaves, put on the disk what it may promise.

    When the message leaves, the disk has this node's `current_term`, `voted_for` and `log`, under
    these names (figure 2: "Updated on stable storage before responding to RPCs"). All that has
    changed since is saved in one save. If nothing has, nothing is saved: a disk is slower than
    a network, and most messages are heartbeats.
    """
    # STUB: compare with self.storage.get(name); then LogRaft.send(self, peer, message)
    # BEGIN SOLUTION
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    if any(self.storage.get(name) != value for name, value in promised.items()):
        self.storage.save(**promised)
    LogRaft.send(self, peer, message)
    # END SOLUTION

# %% check=9.11
check("9.11")

# %% hints=9.11
# - What might a reply, a vote or an AppendEntries promise? Three attributes of figure 2.
# - `self.storage.get("log")` is what the disk has; compare it with what you have in memory, and save before you send.
# - A dict of the three; `if any(self.storage.get(name) != value for name, value in ...items()): self.storage.save(**...)`; then `LogRaft.send(self, peer, message)`.

# %% [markdown]
# ## 3. All together

# %% check=9.P
check("9.P")
