# %% [markdown]
# # Lab 00: Start here
# > Five processes, one of them in charge. What could go wrong?
#
# | | |
# |---|---|
# | Time | 30 minutes, most of it watching |
# | You need | to press Shift+Enter |
# | You will be able to | start a cluster of real processes, kill one, cut a link, and read the picture of what happened; say why a node that hears nothing knows nothing |
# | Read first | nothing |

# %% setup
from labkit import check, panel, predict, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Five processes
# The next cell starts five programs on this machine, each a process of its own, which talk to each other over sockets.
# They have one thing to agree on: who is the captain.
# The first cluster of a notebook takes a few seconds, because Ray, which looks after the processes, has to start; every later one takes less than one.

# %% cluster recorded=crew
cluster = start_cluster(Crew, nodes=5, delay_ms=(2, 12), recorded="crew")
await cluster.until(lambda: all(cluster.observe(id).get("captain") == "n1" for id in cluster.system.node_ids))
panel(cluster)

# %% [markdown]
# That is your cluster, live.
# Each circle is a process; the lines between them are links; n1 is the captain, because the rule of this crew is that the first in the alphabet leads.
#
# Go on and hurt it: click a link to cut it, click a node to kill it, and click again to bring it back.
# Nothing here can break anything but the crew.

# %% [markdown]
# ## 2. Kill the captain
# Now from code, so that everybody sees the same.
# `cluster.crash("n1")` sends the process of n1 the signal SIGKILL: it has no chance to say goodbye.

# %% predict
predict("0.C", "n1 is dead. Who leads, and how does anybody find out?", options=["n2, the others tell it", "n2, everybody notices", "nobody"])

# %% run
cluster.heal()
cluster.crash("n1")
await cluster.until(lambda: all(cluster.observe(id)["captain"] == "n2" for id in ("n2", "n3", "n4", "n5")))
{id: cluster.observe(id)["captain"] for id in ("n2", "n3", "n4", "n5")}

# %% [markdown]
# Each node, and whom it follows.
# Nobody was told that n1 died.
# For 350 ms there was silence, and each node drew its own conclusion; all of them drew the same one.
# It looks as if it works.
# Bring n1 back, and it leads again:

# %% run
cluster.restart("n1")
await cluster.until(lambda: all(cluster.observe(id).get("captain") == "n1" for id in cluster.system.node_ids))
{id: cluster.observe(id)["captain"] for id in cluster.system.node_ids}

# %% [markdown]
# ## 3. Cut the cable
# This time nobody dies.
# We only pull a cable: n1 and n2 on one side, n3, n4 and n5 on the other.

# %% predict
predict("0.C", "How many captains are there a second later?", options=["none", "one", "two"])

# %% run
cluster.partition(("n1", "n2"), ("n3", "n4", "n5"))
await cluster.until(lambda: cluster.observe("n3")["captain"] == "n3")
{id: cluster.observe(id)["captain"] for id in cluster.system.node_ids}

# %% [markdown]
# Two captains.
# Everybody followed the rule, nothing crashed, no message was wrong, and the crew has two captains who each give orders.
# If the captain decides what is in your bank account, that is two bank accounts.
#
# Here is what happened, as a **space-time diagram**: a line for each node, time from left to right, an arrow for each message.
# Find the grey band, where the cable is out, and follow n3 into it.

# %% run
cluster.close()
spacetime(cluster, title="One cable, two captains")

# %% [markdown]
# To n3, the silence of a dead n1 and the silence of a cut cable are the same silence.
# No cleverness inside n3 can tell them apart, and that is what makes this subject a subject.

# %% [markdown]
# ## 4. The same class, in a simulator
# What you watched took real seconds, and no two runs are alike.
# The class that did it knows nothing of processes and sockets, though: it is told what happened, and says what to send.

# %% run
show_source(Crew)

# %% [markdown]
# So it can just as well run in a **simulator**, where time is a number, chance comes from a seed, and the same seed gives the same run, on every machine and for ever.
# A second and a half of the crew's life, with the same cable pulled for half of it:

# %% run
run = simulate(Crew, nodes=5, seed=7, until_ms=1_400, delay_ms=(2, 12),
               script=lambda run: run.at(300, run.partition, ("n1", "n2"), ("n3", "n4", "n5")).at(900, run.heal))
spacetime(run, title="The same, in the simulator")

# %% [markdown]
# ## 5. A check that fails
# In this course, what you write is judged by **properties**, such as "there is one captain", over many runs.
# A check looks for a run that breaks the property, makes it as short as it can, and shows you the way there.
# Here is one, on the crew as it is:

# %% check=0.C
check("0.C", should="fail")

# %% [markdown]
# Read the steps.
# No crash, no cut cable, not even a lost message: one timer that fired before a letter came is enough.
# The line at the end replays exactly this; in the labs you will change your code, replay, and see whether it still breaks.
#
# A captain who asks before giving orders, and crews that answer only once, come in lab 09.
# Until then there are more urgent matters: in lab 01 a café charges table 4 for two espressos, and nobody did anything wrong there either.

# %% [markdown]
# ## 6. How a lab works
# - **Predict** first. Nobody scores it; it is there so that you notice when you were wrong.
# - **Write** the few lines that an exercise asks for. The text under the name of the function says exactly what it must do.
# - **Check**. A circle means not written yet, a tick means that the property held in all runs that were tried, and a cross comes with a way to break it.
# - **Hint**, if you are stuck: three of them, from a nudge to nearly the line.
#
# `progress()` shows how far you are, over all labs.

# %% run
from labkit import progress

progress()
