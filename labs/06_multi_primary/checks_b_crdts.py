"""Lab 06, public checks of part B, replicated data types."""

from __future__ import annotations

from checks import HOSTILE, SHAPIRO, STORM, call, dice, ending, expect_laws, pairs, stormy
from given import (
    START,
    Ask,
    Cell,
    Counter,
    LastWriterMap,
    ObservedRemoveSet,
    Stamped,
    State,
    Tag,
    Text,
    VersionVector,
)

from labkit import System, Walk, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.verdict import trial

BIENIUSA = "Bieniusa et al. 2012"
ROH = "Roh et al. 2011"
IDS = ("n1", "n2", "n3")
SETTLED_MS = 1_500


class Life:
    """Some replicas of one data type that change, and merge states of each other, old ones and copies too.

    ``heard[id]`` are the numbers of the changes in a replica's state, ``before[number]`` those that
    were in it when the change was made.
    """

    def __init__(self, program, empty, change, draw):
        self.program, self.change, self.draw = program, change, draw
        self.states = dict.fromkeys(IDS, empty)
        self.heard = dict.fromkeys(IDS, frozenset())
        self.sent, self.changes, self.before = [(empty, frozenset())], [], []

    def step(self):
        """One change, or one merge; the replica that it happened to."""
        id = self.draw.choice(IDS)
        if self.draw.random() < 0.5:
            f, key, value, time_ms = self.change(self)
            state = call(self.program, self.states[id], "change", id, f, key, value, time_ms)
            self.before.append(self.heard[id])
            self.heard[id] |= {len(self.changes)}
            self.changes.append((id, f, key, value, time_ms))
        else:
            other, heard = self.draw.choice(self.sent[-6:] if self.draw.random() < 0.7 else self.sent)
            state = call(self.program, self.states[id], "merge", other)
            self.heard[id] |= heard
        self.states[id] = state
        self.sent.append((state, self.heard[id]))
        return id

    def told(self, id):
        """What a replica has heard of, for a message."""
        return [(*self.changes[number][:4],) for number in sorted(self.heard[id])]


def expect_strong_convergence(program, empty, change, wanted, *, lives, steps):
    """Replicas that have heard the same changes have equal states, and read what is `wanted` of them."""
    for number in range(trial().count(lives)):
        life, seen = Life(program, empty, change, dice(number)), {}
        for _ in range(steps):
            id = life.step()
            state = life.states[id]
            other, first = seen.setdefault(life.heard[id], (id, state))
            expect(
                first == state,
                f"{other} and {id} have heard the same changes, {life.told(id)}, "
                f"and have {first} and {state}",
            )
            got, right = call(program, state, "read", kind=object), wanted(life, life.heard[id])
            expect(got == right, f"{id} has heard {life.told(id)}, and reads {got!r}, not {right!r}")
        yield life


def reachable(program, empty, change, wanted, *, lives, steps):
    """Strong convergence, and then the laws of merge on the states that came up."""
    for life in expect_strong_convergence(program, empty, change, wanted, lives=lives, steps=steps):
        expect_laws(program, [state for state, _ in life.sent], 8)


# -- 6.5 Counters --------------------------------------------------------------------------------


def expect_counter(program, one, two, wanted, why):
    for a, b in ((one, two), (two, one)):
        got = call(program, a, "merge", b)
        expect(got == wanted, f"{a} merged with {b} gave {got}, not {wanted}: {why}")


@checks(
    "6.5",
    "each replica's entry is the higher of the two",
    points=2,
    source=SHAPIRO,
    look_at="what do two entries of one replica have in common?",
)
def counters_take_the_higher(program):
    for one, two, wanted in (
        (pairs(n1=3), pairs(n1=5), pairs(n1=5)),
        (pairs(n1=3, n2=4), pairs(n1=2, n2=7), pairs(n1=3, n2=7)),
        (pairs(n1=9), pairs(n1=9), pairs(n1=9)),
        (pairs(n1=1), pairs(n2=1), pairs(n1=1, n2=1)),
        ((), pairs(n3=8), pairs(n3=8)),
        (pairs(n1=2, n10=1), pairs(n2=1), pairs(n1=2, n10=1, n2=1)),
    ):
        why = "an entry only grows, and only its own replica makes it grow"
        expect_counter(program, Counter(one), Counter(two), Counter(wanted), why)


@checks("6.5", "what was taken is merged like what was added, and apart from it", points=2, source=SHAPIRO)
def counters_merge_both_halves(program):
    for one, two, wanted in (
        (Counter(pairs(n1=5), pairs(n1=2)), Counter(pairs(n1=3), pairs(n1=4)), Counter(pairs(n1=5), pairs(n1=4))),
        (Counter((), pairs(n2=7)), Counter(pairs(n2=1), ()), Counter(pairs(n2=1), pairs(n2=7))),
        (Counter(pairs(n1=1), pairs(n1=1)), Counter((), ()), Counter(pairs(n1=1), pairs(n1=1))),
        (Counter((), pairs(n1=3)), Counter((), pairs(n2=3)), Counter((), pairs(n1=3, n2=3))),
    ):
        expect_counter(program, one, two, wanted, "both halves only grow")


def counting(life):
    return "add", None, life.draw.choice((1, 2, 5, -1, -3)), 0


def total(life, heard):
    return sum(life.changes[number][3] for number in heard)


@checks("6.5", "replicas that have heard the same count the same, whatever comes twice", points=3, source=SHAPIRO)
def counters_converge(program):
    reachable(program, Counter(), counting, total, lives=12, steps=25)


# -- 6.6 The observed-remove set -----------------------------------------------------------------


def change(program, state, replica, f, value, key=None, time_ms=0):
    return call(program, state, "change", replica, f, key, value, time_ms)


def merged(program, one, two):
    return call(program, one, "merge", two)


EMPTY_SET = ObservedRemoveSet()


@checks("6.6", "what both know as removed stays removed", points=2, source=BIENIUSA, look_at="a tag that one of them lacks")
def removed_stays_removed(program):
    there = change(program, EMPTY_SET, "n1", "add", "milk")
    here = merged(program, EMPTY_SET, there)
    removed = change(program, here, "n2", "remove", "milk")
    for one, two in ((removed, there), (there, removed), (removed, merged(program, removed, there))):
        got = merged(program, one, two)
        expect(
            got.read() == (),
            f"n2 had seen n1's milk and removed it; {one} merged with {two} reads {got.read()}",
        )
    bread = change(program, removed, "n2", "add", "bread")
    got = merged(program, there, bread)
    expect(got.read() == ("bread",), f"milk removed, bread added: merged with the old state it reads {got.read()}")


@checks(
    "6.6",
    "a remove takes only what it has seen",
    points=2,
    source=SHAPIRO,
    look_at="is the tag known to the one that lacks it?",
)
def unseen_adds_survive(program):
    there = change(program, EMPTY_SET, "n1", "add", "milk")
    here = change(program, merged(program, EMPTY_SET, there), "n2", "remove", "milk")
    again = change(program, there, "n1", "add", "milk")
    for one, two in ((here, again), (again, here)):
        got = merged(program, one, two)
        expect(
            got.read() == ("milk",),
            f"n2 removed milk, and n1 added it once more at the same time; merged it reads {got.read()}: "
            "n2 has never seen the second adding",
        )
    lone = change(program, EMPTY_SET, "n3", "add", "tea")
    got = merged(program, here, lone)
    expect(got.read() == ("tea",), f"n3's tea is new to n2, and merged it reads {got.read()}")


@checks("6.6", "what is known is known after a merge, removed or not", points=2, source=BIENIUSA, look_at="known")
def knowledge_is_joined(program):
    one = ObservedRemoveSet(frozenset({Tag("milk", "n1", 3)}), VersionVector(pairs(n1=3)))
    two = ObservedRemoveSet(frozenset({Tag("tea", "n2", 1)}), VersionVector(pairs(n1=1, n2=4)))
    wanted = VersionVector(pairs(n1=3, n2=4))
    for a, b in ((one, two), (two, one)):
        got = merged(program, a, b)
        expect(got.known == wanted, f"{a} merged with {b} knows {got.known}, not {wanted}")
    late = ObservedRemoveSet(frozenset({Tag("egg", "n2", 2)}), VersionVector(pairs(n2=2)))
    got = merged(program, merged(program, one, two), late)
    expect("egg" not in got.read(), f"egg was added as n2's second and removed before its fourth; it is back: {got}")


def shopping(life):
    return life.draw.choice(("add", "add", "remove")), None, life.draw.choice(("milk", "tea", "egg")), 0


def still_there(life, heard):
    """An element is there if some adding of it is known that no known remove had seen."""
    removes = [n for n in heard if life.changes[n][1] == "remove"]
    return tuple(sorted({
        life.changes[n][3] for n in heard
        if life.changes[n][1] == "add"
        and not any(n in life.before[r] and life.changes[r][3] == life.changes[n][3] for r in removes)
    }))  # fmt: skip


@checks("6.6", "replicas that have heard the same have the same set, whatever comes twice", points=3, source=SHAPIRO)
def sets_converge(program):
    reachable(program, EMPTY_SET, shopping, still_there, lives=16, steps=30)


# -- 6.7 The map ---------------------------------------------------------------------------------


def put(program, state, key, value, time_ms, writer="n1"):
    return call(program, state, "put", key, value, time_ms, writer)


def entries(state):
    return dict(state.entries)


@checks("6.7", "one key is written, and all others stay", points=1, look_at="the other entries")
def other_keys_stay(program):
    state = LastWriterMap()
    for number, key in enumerate(("tea", "milk", "egg", "tea", "apple"), 1):
        before = entries(state)
        state = put(program, state, key, f"value {number}", 100 * number, "n2")
        wanted = {**before, key: Stamped(100 * number, "n2", f"value {number}")}
        expect(entries(state) == wanted, f"after put({key!r}, ...) the map is {entries(state)}, not {wanted}")
        names = [name for name, _ in state.entries]
        expect(names == sorted(set(names)), f"the entries are in the order {names}; sort them by key")


@checks(
    "6.7",
    "a write is later than what it replaces, whatever the clock says",
    points=2,
    source="Kulkarni et al. 2014",
    look_at="the time of the entry that is replaced",
)
def writes_are_later(program):
    for old, now, wanted in ((500, 600, 600), (500, 20, 501), (500, 500, 501), (500, 501, 501), (500, 499, 501)):
        state = put(program, LastWriterMap(), "milk", "old", old, "n1")
        state = put(program, state, "tea", "other", 9_000, "n1")
        got = entries(put(program, state, "milk", "new", now, "n2"))["milk"]
        expect(
            got == Stamped(wanted, "n2", "new"),
            f"milk was written at {old}; the clock says {now}, and the next write was stamped {got}: "
            f"its time should be {wanted}",
        )


@checks("6.7", "a deletion is a write, and wins like one", points=2, look_at="None")
def deletions_stay(program):
    old = put(program, put(program, LastWriterMap(), "milk", "2", 100), "tea", "1", 100)
    gone = put(program, old, "milk", None, 50, "n2")
    for one, two in ((gone, old), (old, gone)):
        got = call(program, one, "merge", two)
        expect(
            got.read() == (("tea", "1"),),
            f"n2 has read milk and deleted it; merged with an old copy the map reads {got.read()}",
        )
    again = put(program, gone, "milk", "3", 60, "n3")
    got = call(program, gone, "merge", again).read()
    expect(got == (("milk", "3"), ("tea", "1")), f"milk was written again after its deletion, and the map reads {got}")


def mapping(life):
    f = life.draw.choice(("put", "put", "remove"))
    return f, life.draw.choice(("a", "b")), f"v{len(life.changes)}", life.draw.randint(0, 30)


def highest_stamps(life, heard):
    """Replays all changes: the stamp of each follows from those that its replica knew."""
    stamps = []
    for number, (id, f, key, value, time_ms) in enumerate(life.changes):
        old = max((stamps[n][0] for n in life.before[number] if life.changes[n][2] == key), default=None)
        later = time_ms if old is None else max(time_ms, old[0] + 1)
        stamps.append(((later, id), key, value if f == "put" else None))
    newest = {}
    for _, key, value in sorted((stamps[n] for n in heard), key=lambda one: one[0]):
        newest[key] = value
    return tuple((key, newest[key]) for key in sorted(newest) if newest[key] is not None)


@checks("6.7", "replicas that have heard the same have the same map, whatever comes twice", points=3, source=SHAPIRO)
def maps_converge(program):
    reachable(program, LastWriterMap(), mapping, highest_stamps, lives=12, steps=25)


# -- 6.8 The sequence ----------------------------------------------------------------------------


def text_of(*cells, deleted=()):
    """Cells as (number, replica, id after which, character)."""
    made = frozenset(Cell((number, replica), after, character) for number, replica, after, character in cells)
    return Text(made, frozenset(deleted))


def reference(text):
    """What a text reads, by the letter of the exercise."""
    below = {}
    for cell in text.cells:
        below.setdefault(cell.after, []).append(cell)
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found += [c.character for c in text.cells if c.id == id and id not in text.deleted]
        waiting += sorted(cell.id for cell in below.get(id, ()))
    return "".join(found)


def expect_text(program, text, wanted, why):
    got = call(program, text, "order", kind=tuple)
    characters = {cell.id: cell.character for cell in text.cells}
    expect(all(id in characters for id in got), f"order gave {got}, and not all of these are ids of cells")
    read = "".join(characters[id] for id in got)
    expect(read == wanted, f"{sorted(map(str, text.cells))}, deleted {sorted(text.deleted)}, reads {read!r}: {why}")


A, B, C = (1, "n1"), (2, "n1"), (3, "n1")


@checks("6.8", "of those typed after one character, the newest stands first", points=2, source=ROH, look_at="the order of siblings")
def newest_first(program):
    why = "each was typed right after a, and the later one right there, before what stood there already"
    expect_text(program, text_of((1, "n1", START, "a"), (2, "n1", A, "c"), (3, "n1", A, "b")), "abc", why)
    expect_text(program, text_of((1, "n1", START, "c"), (2, "n2", START, "b"), (10, "n1", START, "a")), "abc", why)
    for low, high in (("n1", "n2"), ("n10", "n9"), ("a", "b"), ("n2", "n3"), ("x", "y"), ("p", "q"), ("c", "d")):
        for first, second in (("x", "y"), ("y", "x"), ("p", "q"), ("q", "p")):
            text = text_of((4, low, START, first), (4, high, START, second))
            expect_text(program, text, second + first, f"of equal numbers, {high!r} > {low!r} stands first")


@checks(
    "6.8",
    "what was typed after a character follows it, before anything else",
    points=2,
    source=ROH,
    look_at="what comes right after each cell?",
)
def words_stay_together(program):
    def word(replica, letters, start=START):
        cells, after = [], start
        for number, letter in enumerate(letters, start[0] + 1):
            cells.append((number, replica, after, letter))
            after = (number, replica)
        return cells

    why = "two people typed a word each; the letters of a word stay together"
    expect_text(program, text_of(*word("n1", "milk"), *word("n2", "bread")), "breadmilk", why)
    expect_text(program, text_of((1, "n1", START, "-"), *word("n1", "ab", A), *word("n2", "xyz", A)), "-xyzab", why)
    chain = text_of(*word("n1", "abcdefghijklmnopqrstuvwxyz" * 4))
    expect_text(program, chain, "abcdefghijklmnopqrstuvwxyz" * 4, "each letter was typed after the one before")


@checks("6.8", "what is deleted is not seen, and holds its place", points=2, source=ROH, look_at="cells after a deleted one")
def deleted_hold_their_place(program):
    cells = (1, "n1", START, "a"), (2, "n1", A, "b"), (3, "n1", B, "c"), (4, "n2", A, "x")
    for deleted, wanted in (((), "axbc"), ((B,), "axc"), ((A,), "xbc"), ((A, B), "xc"), ((A, B, C, (4, "n2")), "")):
        why = f"{list(deleted)} were deleted; what was typed after them stays where it is"
        expect_text(program, text_of(*cells, deleted=deleted), wanted, why)
    expect_text(program, Text(), "", "nothing was typed")


def typing(life):
    if life.draw.random() < 0.7:
        return "insert", life.draw.randint(0, 8), LETTERS[len(life.changes) % len(LETTERS)], 0
    return "delete", life.draw.randint(0, 8), None, 0


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def as_written(life, heard):
    """The reference on a state with these changes in it."""
    return next(reference(state) for state, other in reversed(life.sent) if other == heard)


@checks("6.8", "a character appears where it was typed", points=2, source=ROH)
def typed_where_it_was_typed(program):
    draw = dice()
    for _ in range(trial().count(8)):
        life = Life(program, Text(), typing, draw)
        for _ in range(24):
            before = {id: reference(state) for id, state in life.states.items()}
            count = len(life.changes)
            id = life.step()
            if len(life.changes) == count:
                continue
            _, f, position, character, _ = life.changes[-1]
            old = before[id]
            at = min(position, len(old) if f == "insert" else max(0, len(old) - 1))
            wanted = old[:at] + (character or "") + old[at + (f == "delete") :]
            got = call(program, life.states[id], "read", kind=str)
            expect(got == wanted, f"{id} read {old!r}; after {f} at {at} it reads {got!r}, not {wanted!r}")


@checks("6.8", "replicas that have heard the same read the same, whatever comes twice", points=3, source=SHAPIRO)
def texts_converge(program):
    reachable(program, Text(), typing, as_written, lives=10, steps=30)


# -- Part D: data types --------------------------------------------------------------------------


def observations(run):
    """Each moment at which a replica's state shows: (replica, the changes that it has heard of, its state)."""
    heard, done, sent = {id: frozenset() for id in run.system.node_ids}, {}, {}
    for event in run.trace:
        node, data = event.node, event.data
        if event.kind == "deliver" and isinstance(data, Ask) and data.f != "read":
            if data.number > done.get((node, event.peer), 0):
                done[node, event.peer] = data.number
                heard[node] |= {(event.peer, data.number)}
        elif event.kind == "deliver" and isinstance(data, State):
            heard[node] |= sent[event.id]
        elif event.kind == "send" and isinstance(data, State):
            sent[event.id] = heard[node]
            yield node, heard[node], data.state
    for id in run.system.node_ids:
        yield id, heard[id], run.observe(id)["state"]


def strongly_convergent(run):
    """The judge: replicas that have heard the same changes have equal states, at any moment."""
    seen = {}
    for node, heard, state in observations(run):
        other, first = seen.setdefault(heard, (node, state))
        if first != state:
            what = f"{other} and {node} have heard {len(heard)} same changes, and have {first} and {state}"
            return Violation("replicas that have heard the same agree", what)
    return None


@checks(
    "6.D",
    "in any order, with any copies, the same changes make the same state",
    points=3,
    source=SHAPIRO,
    look_at="is merge commutative, associative and idempotent?",
    not_shown="that the state is the right one",
)
def same_changes_same_state(program):
    limits = Walk(steps_max=90, restarts=1, duplicates=True, timers=5)
    words = (("add", None, "milk"), ("remove", None, "milk"), ("add", None, "milk"))
    letters = (("insert", 0, "a"), ("insert", 1, "b"), ("delete", 0))
    numbers = tuple(("add", None, n) for n in (5, -2, 3))
    for role, work in (("Replicated", numbers), ("SetReplica", words), ("TextReplica", letters)):
        system = callers(role, work, work[::-1], reads=0)
        walks(program, system, count=100, limits=limits, judge=strongly_convergent)


def callers(role, *works, reads=45):
    """Three replicas, and a caller for each list of calls, which goes on reading until long after the storm."""
    work = {f"c{number}": [*calls, *[("read",)] * reads] for number, calls in enumerate(works, 1)}
    return System.of(3, role, client="Caller", workload=work, gap_ms=30)


def last_reads(history):
    """What all clients read last, or a Violation if they differ or were not answered."""
    reads = [op for op in history if op.f == "read" and op.invoked_us > SETTLED_MS * 1_000]
    last = {op.client: op.result for op in reads if op.outcome == "ok"}
    if len(last) < len({op.client for op in history}):
        return Violation("after the storm all are answered", f"only {sorted(last)} were, long after all was well")
    if len(set(last.values())) > 1:
        return Violation("replicas that have heard the same agree", f"long after the storm they read {last}")
    return next(iter(last.values()))


def judged(final):
    """A judge for the end: all last reads agree, and `final(history, what they read)` finds nothing."""

    def judge(run):
        found = last_reads(run.history)
        return found if isinstance(found, Violation) else final(run.history, found)

    return judge


def weather(program, system, final, runs=12):
    scenarios(program, system, ending(stormy(600), judged(final)), runs=runs, link=HOSTILE, needs=STORM)


def within_bounds(history, result):
    adds = [op for op in history if op.f == "add"]
    sure = sum(op.value for op in adds if op.outcome == "ok")
    perhaps = [op.value for op in adds if op.outcome != "ok"]
    least, most = (sure + sum(filter(sign, perhaps)) for sign in (lambda v: v < 0, lambda v: v > 0))
    if not least <= result <= most:
        what = f"the confirmed adds make {sure}, the unknown ones are {perhaps}, and all read {result}"
        return Violation("every confirmed add counts once", what)
    return None


@checks("6.D", "every add counts once", points=2, source=SHAPIRO, look_at="exercise 6.5")
def adds_count_once(program):
    weather(program, callers("Replicated", *([("add", None, n * s) for n in (1, 10, 100)] for s in (1, -1, 7))), within_bounds)


def as_removed(history, result):
    """Each element is added once: present if confirmed and never removed; absent if removed by who had seen it."""
    seen, removed, tried, added = {}, set(), set(), set()
    for op in history:
        if op.f == "read" and op.outcome == "ok":
            seen.setdefault(op.client, set()).update(op.result)
        elif op.f == "remove":
            tried.add(op.value)
            if op.outcome == "ok" and op.value in seen.get(op.client, ()):
                removed.add(op.value)
        elif op.f == "add":
            added.add((op.value, op.outcome))
    lost = {e for e, outcome in added if outcome == "ok"} - tried - set(result)
    back = removed & set(result)
    if lost or back or set(result) - {e for e, _ in added}:
        return Violation("adds and removes are kept", f"lost {sorted(lost)}, back again {sorted(back)}: {result}")
    return None


@checks("6.D", "what is added is there, what is removed does not come back", points=3, source=BIENIUSA, look_at="exercise 6.6")
def sets_in_a_storm(program):
    works = []
    for c in (1, 2, 3):
        others = [n for n in (1, 2, 3) if n != c]
        work = [("add", None, f"c{c}.{n}") for n in range(4)]
        work += [("read",), ("remove", None, f"c{others[0]}.0"), ("read",), ("remove", None, f"c{others[1]}.1")]
        works.append([*work, ("remove", None, f"c{c}.2"), ("add", None, f"c{c}.9"), ("read",)])
    weather(program, callers("SetReplica", *works), as_removed)


def jump_back(run, id, by_ms):
    run.set_clock(id, skew_ms=-by_ms)


def own_writes_in_order(history, result):
    """Each key has one writer: its value is the last confirmed one, or one tried later."""
    have = dict(result)
    for key in {op.key for op in history if op.f != "read"}:
        tried = [op for op in history if op.key == key]
        since = max((n for n, op in enumerate(tried) if op.outcome == "ok"), default=None)
        possible = {op.value if op.f == "put" else None for op in tried[since or 0 :]} | (set() if since is not None else {None})
        if have.get(key) not in possible:
            what = f"{key!r} is {have.get(key)!r}, but its only writer wrote {', '.join(map(str, tried))}"
            return Violation("nobody loses to himself", what)
    return None


@checks(
    "6.D",
    "nobody's write loses to his own earlier one, whatever the clocks do",
    points=3,
    source="Kulkarni et al. 2014",
    look_at="exercise 6.7",
)
def maps_in_a_storm(program):
    def play(run):
        for place, id in enumerate(run.system.node_ids):
            run.at(100 + 80 * place, jump_back, run, id, 400 * (place + 1))
        stormy(600)(run)

    works = [[("remove" if n == 4 else "put", f"c{c}", None if n == 4 else f"c{c}.{n}") for n in range(8)] for c in (1, 2, 3)]
    system = callers("MapReplica", *works)
    whole = ending(play, judged(own_writes_in_order))
    scenarios(program, system, whole, runs=12, link=HOSTILE, needs=(*STORM, "clock"))


def all_typed(history, result):
    """Each character is typed once; confirmed ones are there unless there were deletions enough to explain it."""
    typed = {op.value: op.outcome for op in history if op.f == "insert"}
    missing = [c for c, outcome in typed.items() if outcome == "ok" and c not in result]
    deletions = sum(op.f == "delete" for op in history)
    if len(missing) > deletions or len(set(result)) < len(result) or set(result) - set(typed):
        return Violation("what is typed is there, once", f"all read {result!r}; typed were {typed}")
    return None


@checks("6.D", "all read the same text, with every letter in it once", points=3, source=ROH, look_at="exercise 6.8")
def texts_in_a_storm(program):
    works = []
    for c, letters in enumerate(("abcdefgh", "ijklmnop", "qrstuvwx"), 1):
        work = [("insert", (n * c) % 5, letter) for n, letter in enumerate(letters)]
        works.append([*work[:5], ("delete", 1), *work[5:]])
    weather(program, callers("TextReplica", *works), all_typed)
