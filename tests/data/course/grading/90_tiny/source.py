# %% [markdown]
# # Lab 90: Tiny
# > What is the least that a lab can be?
#
# A lab for tests: two exercises and a part.

# %% setup
from labkit import check, exercise, hint
from given import *

# %% [markdown]
# ## 1. Adding
# ### Exercise 90.1: add
# A counter answers each number with the sum of all.

# %% exercise=90.1
@exercise("90.1", into=Counter)                 # about 3 lines
def on_add(self, source: str, request: Add) -> None:
    """Add `request.amount` to `self.total`, keep it over a crash, and answer with a Sum."""
    # STUB: add, save, send
    # BEGIN SOLUTION
    self.total += request.amount
    self.storage.save(total=self.total)
    self.send(source, Sum(self.total))
    # END SOLUTION

# %% check=90.1
check("90.1")

# %% hints=90.1
# - What is lost in a crash?
# - Save before you
#   answer.
# - `self.storage.save(total=self.total)`, then send.

# %% [markdown]
# ### Exercise 90.2: double

# %% exercise=90.2
@exercise("90.2")                               # about 1 line
def double(number: int) -> int:
    """Twice `number`."""
    # BEGIN SOLUTION
    return 2 * number
    # END SOLUTION

# %% check=90.2
check("90.2")

# %% hints=90.2
# - How often?
# - Two times.
# - `2 * number`.

# %% [markdown]
# ## All together

# %% check=90.E
check("90.E")
