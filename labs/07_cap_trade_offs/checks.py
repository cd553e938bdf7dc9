"""Lab 07, public checks of part a, the stores side by side.  The grader runs them with other seeds."""

from __future__ import annotations

from collections import Counter
from functools import partial

from given import (
    CLIENTS,
    CUT_MS,
    EAST,
    GAP_MS,
    KEYS,
    SEARCH,
    STORES,
    Evidence,
    Measured,
    Seen,
    answered_in,
    cut_off,
    evidence_of,
    latency_of,
)

from labkit import Link, System, check_linearizable, checks, expect, scenarios
from labkit.consistency import check_causal, check_convergence, check_sequential, check_sessions
from labkit.models import Register
from labkit.network import Stream
from labkit.verdict import trial

LYNCH = "Gilbert & Lynch 2002"
ABADI = "Abadi 2012"
VIOTTI = "Viotti & Vukolić 2016, figure 1"
ORDERS = ((("c1", "c2"), ("tea",), 8), (CLIENTS, KEYS, 24), (("c1", "c11", "c2"), ("a", "b", "c"), 40))


# -- 7.1 The workload ----------------------------------------------------------------------------


def workload_of(program, clients, keys, each):
    """The learner's workload, each call as (f, key, value)."""
    made = program.call("make_workload", tuple(clients), tuple(keys), each)
    is_dict = isinstance(made, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in made)
    expect(
        is_dict and {id for id, _ in made} == set(clients),
        f"make_workload({clients}, {keys}, {each}) must be a dict with one entry a client, but is {str(made)[:90]}",
    )
    for id, calls in made:
        fits = isinstance(calls, tuple) and all(isinstance(c, tuple) and 2 <= len(c) <= 3 for c in calls)
        expect(fits, f"the calls of {id} must be a list of (f, key) or (f, key, value), but are {str(calls)[:90]}")
    work = {id: [(*call, None)[:3] for call in calls] for id, calls in made}
    for id, calls in work.items():
        expect(
            len(calls) == each, f"{id} was to make {each} calls of {sorted(keys)}, and makes {len(calls)}"
        )
    return work


@checks("7.1", "each client makes its calls: reads and writes of keys", points=1, look_at="the form of a call")
def calls_have_their_form(program):
    for clients, keys, each in ORDERS:
        for id, calls in workload_of(program, clients, keys, each).items():
            for f, key, value in calls:
                expect(f in ("read", "write"), f"a call of {id} is for {f!r}; it must be read or write")
                expect(key in keys, f"{id} asks for the key {key!r}, which is not among {keys}")
                expect(
                    isinstance(value, str) if f == "write" else value is None,
                    f"{id} is to {f} {key!r} with the value {value!r}; a write has a text, a read nothing",
                )


@checks(
    "7.1",
    "no two writes write the same value",
    points=2,
    source=VIOTTI,
    look_at="which writes could end up with one and the same text",
)
def values_differ(program):
    for clients, keys, each in ORDERS:
        work = workload_of(program, clients, keys, each)
        values = Counter(value for calls in work.values() for f, _, value in calls if f == "write")
        value, count = max(values.items(), key=lambda item: item[1], default=("", 0))
        expect(
            count <= 1,
            f"{len(clients)} clients with {each} calls each write {value!r} {count} times: "
            "whoever reads it cannot say which write that was",
        )


@checks("7.1", "every client reads and writes every key", points=1, look_at="which keys a client never touches")
def everybody_touches_everything(program):
    for clients, keys, each in ORDERS:
        for id, calls in workload_of(program, clients, keys, each).items():
            done = {(f, key) for f, key, _ in calls}
            missing = [f"{f} {key}" for f in ("read", "write") for key in keys if (f, key) not in done]
            expect(not missing, f"in its {each} calls, {id} does never {', '.join(missing)}")


@checks("7.1", "reads and writes are mixed from beginning to end", points=1, look_at="calls in a row of one kind")
def kinds_are_mixed(program):
    for clients, keys, each in ORDERS:
        for id, calls in workload_of(program, clients, keys, each).items():
            kinds = "".join(f[0] for f, _, _ in calls)
            expect(
                "rrrrr" not in kinds and "wwwww" not in kinds,
                f"{id} makes more than four calls of one kind in a row: {kinds}; "
                "a partition may fall right there, and would show half of the story",
            )
            for f in ("read", "write"):
                share = kinds.count(f[0]) / each
                expect(share >= 0.25, f"only {share:.0%} of the {each} calls of {id} are {f}s")


# -- 7.2 The level of a history --------------------------------------------------------------------


def evidence(text, *replicas):
    """``c1 write tea a 1-2`` lines as evidence; an end of ``?`` is an operation without an answer."""
    seen = []
    for line in text.strip().splitlines():
        process, f, key, what, span = line.split()
        invoked, returned = span.split("-")
        what = None if what == "None" else what
        answered = returned != "?"
        place = int(returned) if answered else None
        value, result = (what, None) if f == "write" else (None, what)
        seen.append(Seen(process, f, key, value, result, "ok" if answered else "info", int(invoked), place))
    return Evidence(tuple(seen), tuple((f"n{n}", held) for n, held in enumerate(replicas or ("same", "same"), 1)))


def level_of(evidence):
    """What the checkers say: the strongest level, and whether a search has ended without an answer."""
    history = evidence.history
    sequential = check_sequential(history, Register(), budget=SEARCH)
    judged = {
        "linearizable": check_linearizable(history, Register()),
        "sequential": sequential,
        "causal": check_causal(history),
        "session": check_sessions(history, ("RYW", "MR")),
        "eventual": check_convergence(evidence.contents),
    }
    level = next((name for name, judgement in judged.items() if judgement), "nothing")
    return level, sequential.verdict == "unknown"


def expect_level(program, evidence, about):
    """The learner's level is the one that the checkers give."""
    told = program.call("call_method", evidence, "level")
    level, is_open = level_of(evidence)
    allowed = {level, "sequential"} if is_open and level in ("causal", "session") else {level}
    expect(told in allowed, f"{about} shows {level!r}, by the checkers, and level() says {told!r}:\n{shown(evidence)}")


def shown(evidence):
    """The first operations of a history, one a line."""
    lines = [str(op) for op in sorted(evidence.history, key=lambda op: op.invoked)[:8]]
    held = ", ".join(f"{id} holds {what!r}" for id, what in evidence.replicas[:3])
    return "\n".join([*lines, f"at the end {held}"])


FRESH = "c1 write tea a 1-2\nc2 read tea a 3-4"
LATE = "c1 write tea a 1-2\nc2 read tea None 3-4\nc2 read tea a 5-6"
SPLIT = """c1 write tea a 1-3
c2 write tea b 2-4
c3 read tea a 5-6
c4 read tea b 7-8
c3 read tea b 9-10
c4 read tea a 11-12"""
HEARSAY = """c1 write tea a 1-2
c2 read tea a 3-4
c2 write milk b 5-6
c3 read milk b 7-8
c3 read tea None 9-10"""
FORGETFUL = "c1 write tea a 1-2\nc1 read tea None 3-4"
BACKWARDS = "c1 write tea a 1-2\nc2 read tea a 3-4\nc2 read tea None 5-6"
REORDERED = "c1 write tea a 1-2\nc1 write tea b 3-4\nc2 read tea b 5-6\nc2 read tea a 7-8"
TWICE = "c1 write tea a 1-2\nc1 write tea b 3-4\nc1 write tea a 5-6\nc1 read tea b 7-8"


@checks("7.2", "linearizable, and no more than that, when every read is fresh", points=1, source=VIOTTI)
def level_of_a_fresh_history(program):
    expect_level(program, evidence(FRESH), "a history in which the read is fresh")
    expect_level(program, evidence(FRESH, "a", "b"), "a fresh history (whose replicas still differ)")
    expect_level(program, evidence("c1 write tea a 1-?\nc2 read tea a 2-3"), "a history with an open write")
    expect_level(program, evidence("c1 write tea a 1-?\nc2 read tea None 2-3"), "a history with a lost write")


@checks(
    "7.2",
    "each weaker level has its name",
    points=3,
    source=VIOTTI,
    look_at="the order in which you ask, and what you return for each",
)
def level_of_weaker_histories(program):
    for text, about in (
        (LATE, "a history with a stale read, but one order for all"),
        (SPLIT, "a history in which two readers see two writes in different orders"),
        (HEARSAY, "a history in which the effect is seen before its cause"),
    ):
        expect_level(program, evidence(text), about)


@checks(
    "7.2",
    "session means these two guarantees, and no others",
    points=1,
    source="Terry and others 1994",
    look_at="which guarantees you ask check_sessions for",
)
def session_is_two_guarantees(program):
    expect_level(program, evidence(REORDERED), "a history that breaks monotonic writes only")
    for text in (FORGETFUL, BACKWARDS):
        expect_level(program, evidence(text), "a history that breaks a session guarantee")


@checks("7.2", "without any order there is still convergence, or nothing", points=2, look_at="self.contents")
def level_of_the_weakest(program):
    for text in (FORGETFUL, BACKWARDS):
        expect_level(program, evidence(text, "a", "a", "a"), "a history without guarantees, replicas equal,")
        expect_level(program, evidence(text, "a", "a", "b"), "a history without guarantees, replicas unequal,")


@checks(
    "7.2",
    "unknown is not yes",
    points=2,
    look_at="what a checker answers that could not decide: look at .verdict",
)
def level_with_unknown_verdicts(program):
    expect_level(program, evidence(TWICE), "a history with a value written twice, which some checkers cannot judge,")
    expect_level(program, evidence(TWICE, "a", "b"), "the same with unequal replicas")


def random_evidence(chance):
    """A few operations by three processes on two keys, with answers drawn by chance."""
    seen, place, written = [], 0, {"tea": [None], "milk": [None]}
    for number in range(chance.between(4, 8)):
        process, key = f"c{chance.between(1, 3)}", chance.choice(("tea", "tea", "milk"))
        if chance.chance(0.45):
            seen.append(Seen(process, "write", key, f"v{number}", None, "ok", place + 1, place + 2))
            written[key].append(f"v{number}")
        else:
            newest = chance.chance(0.6)
            result = written[key][-1] if newest else chance.choice(written[key])
            seen.append(Seen(process, "read", key, None, result, "ok", place + 1, place + 2))
        place += 2
    return Evidence(tuple(seen), (("n1", "x"), ("n2", chance.choice(("x", "y")))))


@checks("7.2", "the checkers agree, on many histories", points=2, source=VIOTTI, look_at="the history below")
def level_of_many(program):
    chance, met = Stream(trial().seed, "histories"), Counter()
    for _ in range(120):
        drawn = random_evidence(chance)
        expect_level(program, drawn, "a history drawn by chance")
        met[level_of(drawn)[0]] += 1
    trial().evidence.append(", ".join(f"{count} × {name}" for name, count in sorted(met.items())))


# -- 7.3 PACELC ------------------------------------------------------------------------------------


def place_of(measured):
    """Where the docstring puts this store."""
    shares = [share for _, share in measured.answered]
    refused = "C" if measured.cut_level == "linearizable" else "-"
    partition = "A" if min(shares) >= 90 else refused
    if measured.peace_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if measured.latency_ms < measured.trip_ms else '-'}"


def expect_place(program, measured):
    told = program.call("call_method", measured, "place")
    expect(told == place_of(measured), f"{measured}\nis {place_of(measured)}, and place() says {told!r}")


def store(west, east, cut_level, peace_level, latency_ms=2, trip_ms=185):
    return Measured("a store", (("east", east), ("west", west)), cut_level, peace_level, latency_ms, trip_ms)


@checks(
    "7.3",
    "under a partition: A if every side is answered, C if the answers are right",
    points=2,
    source=LYNCH,
    look_at="all sides, or some side?",
)
def places_under_a_partition(program):
    for west, east in ((100, 100), (90, 97), (100, 0), (0, 100), (89, 100), (95, 60), (40, 40)):
        for level in ("linearizable", "sequential", "causal", "nothing"):
            expect_place(program, store(west, east, level, "linearizable", 200))


@checks(
    "7.3",
    "else: C if peace is linearizable, L if it is only fast",
    points=2,
    source=ABADI,
    look_at="which of the two runs, and which number is compared with which",
)
def places_in_peace(program):
    for latency_ms in (2, 184, 185, 186, 400):
        for peace in ("linearizable", "sequential", "causal", "session", "eventual", "nothing"):
            for cut in ("linearizable", "causal"):
                expect_place(program, store(100, 100, cut, peace, latency_ms))
                expect_place(program, store(100, 3, cut, peace, latency_ms, trip_ms=90))


# -- Part C: all stores ------------------------------------------------------------------------------

FAR_MS = 60


def system_of(name, workload):
    """One of the given stores, and its clients with this workload."""
    made = STORES[name]
    roles = {id: role.__name__ for id, role in made.nodes.items()}
    return System.of(roles, client=made.client.__name__, workload=workload, gap_ms=GAP_MS)


def set_apart(run):
    """Two members are near if their numbers are the same, and FAR_MS apart if not."""
    members = [id for id, _ in run.system.members]
    for one in members:
        for other in members:
            near = one == other or (one[1:] if one != "vs" else "1") == (other[1:] if other != "vs" else "1")
            ms = 1 if near else FAR_MS
            run.network.set_link(one, other, delay_ms=(ms, ms + 1))


def play_store(program, name, workload, then, *, cut=True):
    """Run a store through a partition (or none), and hand the run to `then`."""

    def play(run):
        set_apart(run)
        if cut:
            cut_off(run, *CUT_MS, [id for id, _ in run.system.members if id in EAST])
        run.run(12_000)
        if run.violation is None:
            then(run)

    scenarios(program, system_of(name, workload), play, runs=1, link=Link(delay_ms=(1, 2)))


@checks(
    "7.C",
    "the level of each store agrees with the checkers, with a partition and without",
    points=3,
    source=VIOTTI,
    look_at="7.2, on long histories with unknown operations",
)
def levels_of_all_stores(program):
    work = workload_of(program, CLIENTS, KEYS, 40)
    for name in STORES:
        for cut in (True, False):

            def then(run, name=name, cut=cut):
                about = f"the store {name!r} {'through a partition' if cut else 'in peace'}"
                expect_level(program, evidence_of(run), about)

            play_store(program, name, work, then, cut=cut)


@checks(
    "7.C",
    "the workload tells a store that answers everywhere from one that is right",
    points=2,
    source=LYNCH,
    look_at="7.1: who reads during the partition what the other side has written?",
    not_shown="which trade-off is the better one",
)
def the_workload_tells_stores_apart(program):
    work = workload_of(program, CLIENTS, KEYS, 40)

    def is_available(run):
        answered = answered_in(run.history, CUT_MS)
        expect(min(answered.values()) >= 90, f"R = W = 1 answers on both sides, but here it is {answered}")
        verdict = check_linearizable(run.history, Register())
        expect(not verdict, "two sides that never met were answered, and the workload shows nothing wrong")

    def is_right(run):
        answered = answered_in(run.history, CUT_MS)
        expect(min(answered.values()) < 50 < max(answered.values()), f"answered with majorities was {answered}")
        verdict = check_linearizable(run.history, Register())
        expect(verdict.verdict != "violation", f"the majority store of lab 05 is {verdict}")

    play_store(program, "R = W = 1", work, is_available)
    play_store(program, "majority", work, is_right)


@checks("7.C", "each store has its place, as measured", points=2, source=ABADI, look_at="7.3, on real figures")
def places_of_all_stores(program):
    work = workload_of(program, CLIENTS, KEYS, 40)
    for name in STORES:
        found = []
        for cut in (True, False):
            play_store(program, name, work, partial(note_facts, found), cut=cut)
        if len(found) == 2:  # a replay plays one of the two
            (answered, cut_level, _), (_, peace_level, latency_ms) = found
            expect_place(program, Measured(name, answered, cut_level, peace_level, latency_ms, 2 * FAR_MS))


def note_facts(found, run):
    """Add to `found`: answered by side, level, median latency."""
    answered = tuple(sorted(answered_in(run.history, CUT_MS).items()))
    found.append((answered, level_of(evidence_of(run))[0], latency_of(run.history)))
