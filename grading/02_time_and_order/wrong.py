"""Lab 02, part clocks: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 2.1 -------------------------------------------------------------------------------------------


@answer(
    "2.1", misconception="a receipt is no event of mine", rejected_by="a letter comes later than it was sent"
)
def next_time(self, received):
    if received is None:
        self.time += 1
    else:
        self.time = max(self.time, received)
    return self.time


@answer("2.1", misconception="my own count is enough", rejected_by="a letter comes later than it was sent")
def next_time(self, received):
    self.time += 1
    return self.time


@answer("2.1", misconception="a letter sets the clock", rejected_by="each event is later than the one before")
def next_time(self, received):
    self.time = (self.time if received is None else received) + 1
    return self.time


@answer(
    "2.1", misconception="the clock need not remember", rejected_by="each event is later than the one before"
)
def next_time(self, received):
    return max(self.time, received or 0) + 1


@answer(
    "2.1", misconception="an old letter takes no time", rejected_by="each event is later than the one before"
)
def next_time(self, received):
    if received is None:
        self.time += 1
    elif received >= self.time:
        self.time = received + 1
    return self.time


@answer("2.1", misconception="times add up", rejected_by="it counts by one from the later of the two")
def next_time(self, received):
    self.time += (received or 0) + 1
    return self.time


@answer(
    "2.1",
    misconception="first count, then believe the letter",
    rejected_by="a letter comes later than it was sent",
)
def next_time(self, received):
    self.time = max(self.time + 1, received or 0)
    return self.time


# -- 2.2 -------------------------------------------------------------------------------------------


@answer(
    "2.2",
    misconception="a receipt does not count",
    rejected_by="a receipt knows all that the letter knew, and itself",
)
def next_vector(self, received):
    known = list(self.vector)
    if received is None:
        known[self.place] += 1
    else:
        known = list(map(max, known, received))
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="the letter's vector is the newer one",
    rejected_by="a receipt knows all that the letter knew, and itself",
)
def next_vector(self, received):
    known = list(received or self.vector)
    known[self.place] = self.vector[self.place] + 1
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="knowledge adds up",
    rejected_by="a receipt knows all that the letter knew, and itself",
)
def next_vector(self, received):
    known = [a + b for a, b in zip(self.vector, received or (0,) * len(self.vector))]
    known[self.place] += 1
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="the larger vector wins",
    rejected_by="a receipt knows all that the letter knew, and itself",
)
def next_vector(self, received):
    known = list(max(self.vector, received or self.vector))
    known[self.place] += 1
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="a receipt is two events",
    rejected_by="a receipt knows all that the letter knew, and itself",
)
def next_vector(self, received):
    known = list(self.vector)
    known[self.place] += 1
    if received is not None:
        known = list(map(max, known, received))
        known[self.place] += 1
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="everybody's clock ticks",
    rejected_by="an event of one's own counts in one's own place",
)
def next_vector(self, received):
    self.vector = tuple(max(a, b) + 1 for a, b in zip(self.vector, received or self.vector))
    return self.vector


@answer("2.2", misconception="I am the first", rejected_by="an event of one's own counts in one's own place")
def next_vector(self, received):
    known = list(map(max, self.vector, received or self.vector))
    known[0] += 1
    self.vector = tuple(known)
    return self.vector


@answer(
    "2.2",
    misconception="only my event, the vector need not remember letters",
    rejected_by="vectors: smaller exactly if it happened before",
)
def next_vector(self, received):
    own = list(self.vector)
    own[self.place] += 1
    self.vector = tuple(own)
    return tuple(map(max, self.vector, received or self.vector))


# -- 2.3 -------------------------------------------------------------------------------------------


@answer(
    "2.3",
    misconception="tuples compare themselves",
    rejected_by="concurrent: each has something that the other has not",
)
def compare(left, right):
    if left == right:
        return Order.SAME
    return Order.BEFORE if left < right else Order.AFTER


@answer(
    "2.3",
    misconception="before means smaller everywhere",
    rejected_by="before: nowhere larger, and somewhere smaller",
)
def compare(left, right):
    if left == right:
        return Order.SAME
    if all(a < b for a, b in zip(left, right)):
        return Order.BEFORE
    if all(a > b for a, b in zip(left, right)):
        return Order.AFTER
    return Order.CONCURRENT


@answer(
    "2.3",
    misconception="who knows more is later",
    rejected_by="concurrent: each has something that the other has not",
)
def compare(left, right):
    if left == right:
        return Order.SAME
    if sum(left) == sum(right):
        return Order.CONCURRENT
    return Order.BEFORE if sum(left) < sum(right) else Order.AFTER


@answer("2.3", misconception="an event is before itself", rejected_by="a vector is the same as itself")
def compare(left, right):
    if all(a <= b for a, b in zip(left, right)):
        return Order.BEFORE
    if all(a >= b for a, b in zip(left, right)):
        return Order.AFTER
    return Order.CONCURRENT


@answer(
    "2.3",
    misconception="what is not before is after",
    rejected_by="concurrent: each has something that the other has not",
)
def compare(left, right):
    if left == right:
        return Order.SAME
    return Order.BEFORE if all(a <= b for a, b in zip(left, right)) else Order.AFTER


@answer(
    "2.3",
    misconception="before and after, the wrong way round",
    rejected_by="compare finds the past of real events",
)
def compare(left, right):
    ahead = any(a > b for a, b in zip(left, right))
    behind = any(a < b for a, b in zip(left, right))
    if ahead and behind:
        return Order.CONCURRENT
    return Order.BEFORE if ahead else Order.AFTER if behind else Order.SAME


@answer(
    "2.3",
    misconception="somewhere smaller is before",
    rejected_by="concurrent: each has something that the other has not",
)
def compare(left, right):
    if left == right:
        return Order.SAME
    if any(a < b for a, b in zip(left, right)):
        return Order.BEFORE
    return Order.AFTER


# -- 2.4 -------------------------------------------------------------------------------------------


@answer(
    "2.4",
    misconception="the wall is right",
    rejected_by="within one millisecond, and before an old wall, it counts",
)
def next_hybrid(self, received):
    self.l, self.c = self.wall_ms(), 0
    return self.l, self.c


@answer(
    "2.4",
    misconception="a good wall needs no letters",
    rejected_by="a receipt is later than its letter and than all before",
)
def next_hybrid(self, received):
    wall = self.wall_ms()
    self.l, self.c = (wall, 0) if wall > self.l else (self.l, self.c + 1)
    return self.l, self.c


@answer(
    "2.4",
    misconception="the count goes on for ever",
    rejected_by="where the wall has gone on, it is what the wall says",
)
def next_hybrid(self, received):
    l, c = max((self.l, self.c), received or (0, 0))
    self.l, self.c = max(l, self.wall_ms()), max(c, self.c) + 1
    return self.l, self.c


@answer(
    "2.4",
    misconception="a time that comes from elsewhere begins at zero",
    rejected_by="a receipt is later than its letter and than all before",
)
def next_hybrid(self, received):
    latest = max(self.l, (received or (0, 0))[0], self.wall_ms())
    self.l, self.c = latest, (self.c + 1 if latest == self.l else 0)
    return self.l, self.c


@answer(
    "2.4",
    misconception="of equal times my own count goes on",
    rejected_by="a receipt is later than its letter and than all before",
)
def next_hybrid(self, received):
    l, c = received or (0, 0)
    latest = max(self.l, l, self.wall_ms())
    if latest == self.l:
        self.c += 1
    elif latest == l:
        self.c = c + 1
    else:
        self.c = 0
    self.l = latest
    return self.l, self.c


@answer(
    "2.4",
    misconception="Lamport's clock in milliseconds",
    rejected_by="within one millisecond, and before an old wall, it counts",
)
def next_hybrid(self, received):
    self.l = max(self.l + 1, (received or (0, 0))[0] + 1, self.wall_ms())
    self.c = 0
    return self.l, self.c


@answer(
    "2.4",
    misconception="the same millisecond is a new time",
    rejected_by="within one millisecond, and before an old wall, it counts",
)
def next_hybrid(self, received):
    wall = self.wall_ms()
    l, c = max((self.l, self.c), received or (0, 0))
    self.l, self.c = (wall, 0) if wall >= l else (l, c + 1)
    return self.l, self.c


@answer(
    "2.4",
    misconception="each letter moves the time on",
    rejected_by="hybrid: never ahead of the fastest wall it can know of",
)
def next_hybrid(self, received):
    wall = self.wall_ms()
    l, c = max((self.l, self.c), received or (0, 0))
    if received is not None and received[0] >= wall:
        l += 1
    self.l, self.c = (wall, 0) if wall > l else (l, c + 1)
    return self.l, self.c


@answer(
    "2.4",
    misconception="a clock that was set back is the new truth",
    rejected_by="hybrid: later than all that happened before, on wrong clocks too",
)
def next_hybrid(self, received):
    wall = self.wall_ms()
    if received is None and wall < self.l:
        self.l, self.c = wall, 0
        return self.l, self.c
    l, c = max((self.l, self.c), received or (0, 0))
    self.l, self.c = (wall, 0) if wall > l else (l, c + 1)
    return self.l, self.c
