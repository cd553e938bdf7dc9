"""Lab 09, part `membership`, public checks: who counts, and when that may change.

Names in brackets are those of TinyKV's tests, 3A and 3B.  Sections are those of Ongaro's
dissertation (2014).  Part M plays whole shops whose members change.
"""

from __future__ import annotations

from checks import CALM, TIMEOUT_MS, calm_down, leader_in, leaders_and_votes
from checks_b_log import (
    LOSSY,
    RECOVERY_MS,
    Completeness,
    answers_are_true,
    books_agree,
    cut_off,
    expect_leader,
    open_till,
    passes,
    tell,
    what_leaders_send,
)
from given import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    RequestVote,
    RequestVoteReply,
    Role,
    Submit,
    SubmitReply,
)

from labkit import System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream
from labkit.program import Unwritten

ROLE = "MemberRaft"
ALL = ("n1", "n2", "n3", "n4", "n5", "s1", "s2", "s3")

# -- one node in the hand ------------------------------------------------------------------------


def sale(term, name="tea"):
    return LogEntry(term, name)


def config(term, *members):
    return LogEntry(term, ("members", *members))


def node_with(program, *log, term=5, everyone=("n1", "n2", "n3", "s1", "s2"), id="n1"):
    """A node booted from a disk with this log, of which it does not know what is committed."""
    peers = [peer for peer in everyone if peer != id]
    disk = {"current_term": term, "voted_for": None, "log": tuple(log)}
    return by_hand(program, ROLE, id, peers=peers, clients=("c1", "c2"), storage=disk)


def fire(node, timer):
    """The timer fires; a rule of a later exercise that is not written yet ends the handler there."""
    try:
        node.fire(timer)
    except Unwritten as unwritten:
        if "9.17" in str(unwritten):
            raise


def asked(node):
    """Whom the node asks for votes when its election timer fires."""
    mark = len(node.sent)
    fire(node, "election")
    return tuple(sorted(to for to, message in node.sent[mark:] if isinstance(message, RequestVote)))


def vote(node, *voters):
    for voter in voters:
        tell(node, voter, RequestVoteReply(node.observe()["current_term"], True))


def leads(node):
    return node.observe()["role"] is Role.LEADER


def agree(node, *peers, upto=None):
    """These nodes have the leader's log, up to its end or to `upto`."""
    for peer in peers:
        seen = node.observe()
        tell(node, peer, AppendEntriesReply(seen["current_term"], True, upto or len(seen["log"])))


def committed(node):
    return node.observe()["commit_index"]


def names(ids):
    return ", ".join(ids) or "nobody"


# -- 9.17 Who is a member ---------------------------------------------------------------------------


def expect_members(node, *members, story):
    """The node speaks to these members, without itself."""
    wanted = tuple(sorted(id for id in members if id != node.id))
    got = asked(node)
    expect(got == wanted, f"{story}: the members in force are {names(members)}; {node.id} stood for election, and asked {names(got)}")


@checks(
    "9.17",
    "before any configuration entry, the first members are in force",
    points=1,
    look_at="self.first_members",
    source="the docstring",
)
def first_members(program):
    for log in ((), (sale(1), sale(2))):
        for everyone in (("n1", "n2", "n3", "s1", "s2"), ("n1", "n2"), ("n1", "n2", "n3", "n4", "s1")):
            node = node_with(program, *log, everyone=everyone)
            first = [id for id in everyone if id.startswith("n")]
            expect_members(node, *first, story=f"n1 has {len(log)} entries, and no configuration entry")


@checks(
    "9.17",
    "the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
    points=3,
    look_at="which entries are looked at, and from which end",
    source='section 4.1: "a server always uses the latest configuration in its log, regardless of whether the entry is committed"',
)
def last_entry_is_in_force(program):
    add, more, less = ("n1", "n2", "n3", "s1"), ("n1", "n2", "n3", "s1", "s2"), ("n1", "n3")
    for log, members in (
        ((config(1, *add),), add),
        ((sale(1), config(2, *add), sale(2), sale(3)), add),
        ((config(1, *add), sale(1), config(2, *more)), more),
        ((config(1, *add), config(3, *more), config(3, *add), sale(4)), add),
        ((sale(1), config(2, *less)), less),
    ):
        story = f"n1 has {len(log)} entries, of which nothing is known to be committed"
        expect_members(node_with(program, *log), *members, story=story)
    node = node_with(program, sale(1), config(1, *add), config(2, *more), sale(2))
    tell(node, "n2", AppendEntries(5, "n2", 4, 2, (), 2))
    expect_members(node, *more, story="n1 has two configuration entries, 2 and 3; up to 2 all is committed")
    node = node_with(program, config(1, *add), sale(1))
    tell(node, "n2", AppendEntries(5, "n2", 2, 1, (), 2))
    expect_members(node, *add, story="n1 has a configuration entry, 1; up to 2 all is committed")


@checks(
    "9.17",
    "an entry that is dropped is in force no longer",
    points=2,
    look_at="what is kept in an attribute, and should not be",
    source='section 4.1: "a server must be prepared to fall back to the previous configuration in its log"',
)
def falls_back(program):
    add, other = ("n1", "n2", "n3", "s1"), ("n1", "n2", "n3", "s2")
    for log, last, members in (
        ((sale(1), config(1, *add)), sale(3), ("n1", "n2", "n3")),
        ((config(1, *other), config(2, *other, "s1")), sale(3), other),
        ((sale(1), config(1, *add)), config(3, *other), other),
    ):
        node = node_with(program, *log, term=2)
        expect_members(node, *last_members(log), story=f"n1 has the entries {log}")
        tell(node, "n3", AppendEntries(6, "n3", 1, log[0].term, (last,), 0))
        expect_members(node, *members, story="n1's last entry was a configuration; the leader of a later term put another entry there")


def last_members(log):
    return next(entry.command[1:] for entry in reversed(log) if isinstance(entry.command, tuple))


@checks(
    "9.17",
    "a new entry is in force as soon as it arrives",
    points=1,
    look_at="when the log is looked at",
    source='section 4.1: "The new configuration takes effect on each server as soon as it is added to that server\'s log"',
)
def in_force_when_it_arrives(program):
    node = node_with(program, term=4, id="s1")
    expect(asked(node) == (), "s1 is a spare, and stood for election")
    members = ("n1", "n2", "s1", "s2")
    tell(node, "n2", AppendEntries(4, "n2", 0, 0, (sale(1), config(4, *members)), 0))
    expect_members(node, *members, story="s1 was a spare, and got a configuration entry with s1 in it")


# -- 9.18 What is a majority --------------------------------------------------------------------------


CASES = (
    (("n1", "n2", "n3"), 2),
    (("n1", "n2", "n3", "s1"), 3),
    (("n1", "n2", "n3", "s1", "s2"), 3),
    (("n1", "s1"), 2),
)


@checks(
    "9.18",
    "more than half of the members elect",
    points=2,
    look_at="how many members there are, and what is compared",
    source="section 4.1: a majority of the configuration",
)
def majority_elects(program):
    for members, needed in CASES:
        node = node_with(program, config(1, *members))
        fire(node, "election")
        for have, voter in enumerate([id for id in members if id != "n1"], 2):
            vote(node, voter)
            expect(
                leads(node) == (have >= needed),
                f"the members are {names(members)}, {have} of them voted for n1, which needs {needed}: it {'leads' if leads(node) else 'does not lead'}",
            )
    node = node_with(program, config(1, "n1"))
    fire(node, "election")
    expect(leads(node), "n1 is the only member, stood for election, and does not lead")


@checks(
    "9.18",
    "who is no member does not count",
    points=2,
    look_at="which of `nodes` are members",
    source="section 4.1: a majority of the configuration",
)
def strangers_do_not_count(program):
    node = node_with(program, config(1, "n1", "n2", "n3", "s1"))
    fire(node, "election")
    vote(node, "s2", "n2")
    expect(not leads(node), "the members are n1, n2, n3, s1; n1, n2 and the stranger s2 voted for n1, and it leads")
    vote(node, "s1")
    expect(leads(node), "the members are n1, n2, n3, s1; n1, n2, s1 and the stranger s2 voted for n1, and it does not lead")
    node = node_with(program, sale(1))
    fire(node, "election")
    vote(node, "s1", "s2")
    expect(not leads(node), "the members are n1, n2, n3; n1 and the spares s1 and s2 voted for n1, and it leads")
    vote(node, "n3")
    agree(node, "s1", "s2")
    expect(committed(node) == 0, "n1 leads n1, n2, n3; only the spares s1 and s2 have its entries, and it calls them committed")


@checks(
    "9.18",
    "a node that is being removed does not count itself (ConfChangeRemoveLeader)",
    points=3,
    look_at="self.id",
    source='section 4.2.2: "it replicates log entries but does not count itself in majorities"',
)
def does_not_count_itself(program):
    for members in (("n2", "n3", "n4"), ("n2", "n3"), ("n2", "n3", "n4", "n5")):
        needed = len(members) // 2 + 1
        node = node_with(program, sale(1), config(1, *members), everyone=("n1", *members))
        fire(node, "election")
        story = f"by its last entry, which is not committed, the members are {names(members)}, and n1 is none"
        for have, voter in enumerate(members[:needed], 1):
            vote(node, voter)
            expect(
                leads(node) == (have == needed),
                f"{story}; {have} of them voted for it, and n1 itself: it {'leads' if leads(node) else 'does not lead'}",
            )
        for have, peer in enumerate(members[-needed:], 1):
            agree(node, peer)
            wanted = 3 if have == needed else 0
            expect(
                committed(node) == wanted,
                f"{story}; n1 leads, and {have} of them have its 3 entries: commit_index should be {wanted}, and it is {committed(node)}",
            )
        expect(not leads(node), f"{story}; now all of that is committed, so that n1 has been removed, and it still leads")


@checks(
    "9.18",
    "more than half of the members commit",
    points=2,
    look_at="how many members there are now, and not at the start",
    source="section 4.1",
)
def majority_commits(program):
    for members, needed in CASES:
        node = node_with(program, config(1, *members))
        fire(node, "election")
        others = [id for id in members if id != "n1"]
        vote(node, *others)
        for have, peer in enumerate(others, 2):
            agree(node, peer)
            wanted = 2 if have >= needed else 0
            expect(
                committed(node) == wanted,
                f"the members are {names(members)}, and {have} of them have n1's entries up to 2: commit_index should be {wanted}, and it is {committed(node)}",
            )


# -- 9.19 When a change may begin ---------------------------------------------------------------------


def leader(program, *log, settled=True, term=5, everyone=("n1", "n2", "n3", "s1", "s2")):
    """n1, just elected by all first members; if `settled`, the first entry of its term is committed."""
    node = node_with(program, *log, term=term - 1, everyone=everyone)
    fire(node, "election")
    others = [id for id in everyone if id.startswith("n") and id != "n1"]
    vote(node, *others)
    if settled:
        agree(node, *others)
    return node


def change(node, *members, number=9):
    """An office asks for these members; was an entry made of it?"""
    before = len(node.observe()["log"])
    tell(node, "c2", Submit(number, ("members", *members)))
    log = node.observe()["log"]
    return len(log) > before and log[-1].command == ("members", *members)


def expect_refused(node, *members, story):
    made = change(node, *members)
    expect(not made, f"{story}; an office asks for the members {names(members)}, and n1 writes that entry")
    got = node.sent_to("c2", SubmitReply)
    expect(got.index is None, f"{story}; an office asks for the members {names(members)}, and n1 answers {got}")


def expect_made(node, *members, story):
    made = change(node, *members)
    expect(made, f"{story}; an office asks for the members {names(members)}, which may begin, and n1 writes no entry")


THREE = ("n1", "n2", "n3")


@checks(
    "9.19",
    "one member more, or one less (AddNode, RemoveNode)",
    points=2,
    look_at="what is in one list and not in the other",
    source='section 4.1: "only one server can be added or removed from the cluster at a time"',
)
def one_at_a_time(program):
    for members in ((*THREE, "s1"), (*THREE, "s2"), ("n1", "n2"), ("n1", "n3"), ("n2", "n3"), ("s2", "n3", "n2", "n1")):
        expect_made(leader(program, sale(1)), *members, story="n1 leads n1, n2, n3")
    for members in ((*THREE, "s1", "s2"), ("n1", "n2", "s1"), ("n3",), ("n1", "n2", "s1", "s2"), ("s1", "s2")):
        expect_refused(leader(program, sale(1)), *members, story="n1 leads n1, n2, n3")


@checks(
    "9.19",
    "no change before the last one is committed",
    points=3,
    look_at="the entries after self.commit_index",
    source="section 4.1: the next change may begin when the last one is committed",
)
def one_after_the_other(program):
    node = leader(program, sale(1))
    four, five = (*THREE, "s1"), (*THREE, "s1", "s2")
    expect_made(node, *four, story="n1 leads n1, n2, n3")
    story = "n1 leads, and has begun to add s1, which is not committed"
    expect_refused(node, *five, story=story)
    expect_refused(node, *THREE, story=story)
    tell(node, "c1", Submit(1, "tea"))
    expect_refused(node, *five, story=f"{story}; then it took a sale")
    agree(node, "n2", "n3", upto=3)
    expect_made(node, *five, story="n1 leads, has added s1, and that is committed, though the sale after it is not")
    node = leader(program, config(1, *four), sale(2), settled=False)
    expect_refused(node, *five, story="n1 has just been elected, with a configuration entry that may or may not be committed")


@checks(
    "9.19",
    "no change before an entry of its own term is committed",
    points=3,
    look_at="the term of the last committed entry",
    source='Ongaro, "bug in single-server membership changes" (raft-dev, 2015): "a leader may not append a new configuration entry until it has committed an entry from its current term"',
)
def first_an_entry_of_its_own(program):
    for log in ((), (sale(1),), (sale(4), sale(4))):
        node = leader(program, *log, settled=False)
        story = f"n1 has just been elected in term 5, with {len(log)} older entries, and nothing of term 5 is committed"
        expect_refused(node, *THREE, "s1", story=story)
        agree(node, "n2")
        expect_made(node, *THREE, "s1", story="n1 leads term 5, and an entry of term 5 is committed")
    node = node_with(program, sale(4), sale(4), term=4)
    tell(node, "n2", AppendEntries(4, "n2", 2, 4, (), 2))
    fire(node, "election")
    vote(node, "n2")
    expect_refused(node, *THREE, "s1", story="n1 has two entries of term 4, both committed, has just been elected in term 5, and nothing of term 5 is committed")


@checks(
    "9.19",
    "a change that was made is answered when it is committed, and asked for again it is done",
    points=1,
    look_at="nothing else: on_submit does it",
    source="the docstring",
)
def answers_the_office(program):
    node = leader(program, sale(1))
    members = (*THREE, "s1")
    expect_made(node, *members, story="n1 leads n1, n2, n3")
    early = node.all_sent_to("c2", SubmitReply)
    expect(not early, f"n1 has begun to add s1, nobody else has that entry, and the office was told {early}")
    agree(node, "n3", "s1")
    got = node.all_sent_to("c2", SubmitReply)
    expect(got == [SubmitReply(9, 3, "n1")], f"n1, n3 and s1, three of four, have the entry that adds s1; the office was told {got}")
    change(node, *members)
    got = node.sent_to("c2", SubmitReply)
    expect(got.index is not None, f"s1 is a member already, the office asked for it again, and was told {got}")


# -- Part M: facts and judges ------------------------------------------------------------------------


class SalesOnly:
    """A run, as seen by those who ask for sales only."""

    def __init__(self, run):
        self._run = run
        self.history = [op for op in run.history if isinstance(op.value, str)]

    def __getattr__(self, name):
        return getattr(self._run, name)


def follows_chapter_4(run):
    """The judge of a run: leader completeness; books that agree; answers that are true."""
    known = Completeness()
    for at, (_, kind, node, _, message, _) in enumerate(run.trace.rows):
        what = known.hear(node, message) if kind == "send" else None
        if what:
            return Violation("a leader has all that was committed", what, at)
    return books_agree(run) or answers_are_true(SalesOnly(run))


SAFE = {"derive": [leaders_and_votes, what_leaders_send], "judge": follows_chapter_4}

# -- Part M: scenarios -------------------------------------------------------------------------------


def shop(first, spares, *turns, lists=(), gap_ms=10):
    """So many first members and spares, a till for each of `turns`, and offices o1, o2, ... with lists of members."""
    ids = [f"n{n}" for n in range(1, first + 1)] + [f"s{n}" for n in range(1, spares + 1)]
    work = {f"c{t}": [("submit", None, f"c{t}.{n}") for n in range(1, turn + 1)] for t, turn in enumerate(turns, 1)}
    for number, wanted in enumerate(lists, 1):
        work[f"o{number}"] = [("submit", None, ("members", *members)) for members in wanted]
    return System.of(ids, ROLE, client="ShopClient", workload=work, gap_ms=gap_ms)


def play_all(program, system, play, *, runs, link=CALM, needs=()):
    scenarios(program, system, play, runs=runs, link=link, needs=needs, **SAFE)


def close_offices(run):
    for office in run.system.client_ids:
        for id in run.system.node_ids if office.startswith("o") else ():
            run.network.cut(office, id)
            run.network.cut(id, office)


def sales(run):
    return [op.value for op in run.history if op.outcome == "ok" and isinstance(op.value, str)]


def changed(run):
    """How often an office was told that its list is in force."""
    return sum(op.outcome == "ok" and isinstance(op.value, tuple) for op in run.history)


def expect_more(run, count, story, within_ms=RECOVERY_MS):
    wanted = len(sales(run)) + count
    met = passes(run, lambda: len(sales(run)) >= wanted, within_ms)
    expect(met, f"{story}; {within_ms:g} ms later, {count - wanted + len(sales(run))} of {count} more sales are answered")


def expect_changed(run, count, story):
    met = passes(run, lambda: changed(run) >= count, RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later, {changed(run)} of {count} changes are answered")


def expect_books(run, members, story):
    """The books of these nodes have all that was answered, in time; sales may go on."""

    def have():
        sold = set(sales(run))
        return all(sold <= set(map(_plain, run.observe(id).get("book", ()))) for id in members)

    met = passes(run, have, RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later, one of {names(members)} still lacks a sale that was answered")


def _plain(command):
    return command if isinstance(command, str) else " ".join(command)


@checks(
    "9.M",
    "spares become members, and then two old ones may fail (AddNode, BasicConfChange)",
    points=2,
    look_at="9.17 on the new node; 9.18 with five members",
    source="section 4.1; TinyKV 3A, 3B",
)
def adds_nodes(program):
    four, five = (*THREE, "s1"), (*THREE, "s1", "s2")

    def play(run):
        expect_changed(run, 2, "three nodes sell, and an office adds s1, then s2")
        expect_books(run, five, "s1 and s2 were added")
        leader = leader_in(run)
        for id in [id for id in five if id != leader][:1]:
            run.crash(id)
        run.crash(leader)
        expect_more(run, 4, f"two of the five members, {leader} among them, have crashed")

    play_all(program, shop(3, 2, 70, 70, lists=[(four, five)]), play, runs=6, needs=("crash",))


@checks(
    "9.M",
    "members go, and the rest is a smaller shop (RemoveNode)",
    points=2,
    look_at="9.18 with fewer members than nodes",
    source="section 4.1; TinyKV 3A",
)
def removes_nodes(program):
    lists = (("n1", "n2", "n3", "n4"), ("n1", "n2", "n3"))

    def play(run):
        expect_changed(run, 2, "five nodes sell, and an office removes n5, then n4")
        for id in ("n4", "n5"):
            run.crash(id)
        leader = expect_leader(run, "n1, n2 and n3 are members", ("n1", "n2", "n3"))
        run.crash(next(id for id in ("n1", "n2", "n3") if id != leader))
        expect_more(run, 5, "two of the three members are up, and the removed ones are down")

    play_all(program, shop(5, 0, 80, 80, lists=[lists]), play, runs=6, needs=("crash",))


@checks(
    "9.M",
    "what waited for a removed node is committed without it (CommitAfterRemoveNode)",
    points=1,
    look_at="9.18: who is a member while the entry is committed",
    source="TinyKV 3A",
)
def commits_after_removal(program):
    node = leader(program, everyone=("n1", "n2"))
    tell(node, "c1", Submit(1, "tea"))
    expect(committed(node) == 1, "n1 leads n1 and n2, n2 is silent, and the sale of n1 is committed")
    expect_made(node, "n1", story="n1 leads n1 and n2, n2 is silent")
    expect(committed(node) == 3, f"n1 has removed n2 and is the only member: its three entries are committed, and commit_index is {committed(node)}")
    got = node.sent_to("c1", SubmitReply)
    expect(got == SubmitReply(1, 2, "n1"), f"n1 has removed n2, and the sale from before is committed; the till was told {got}")
    tell(node, "c1", Submit(2, "jam"))
    expect(committed(node) == 4, "n1 is the only member, took a sale, and did not commit it")


@checks(
    "9.M",
    "a leader removes itself, and does not disturb the others (ConfChangeRemoveLeader)",
    points=2,
    look_at="9.18: does the leader count itself?",
    source="section 4.2.2; TinyKV 3B",
)
def removes_the_leader(program):
    def play(run):
        close_offices(run)
        old = expect_leader(run, "four nodes booted")
        expect_more(run, 3, "four nodes booted")
        open_till(run, f"o{old[1:]}")
        expect_changed(run, 1, f"{old} leads, and an office removes it")
        rest = [id for id in run.system.node_ids if id != old]
        expect_leader(run, f"{old} was removed", rest)
        expect_more(run, 4, f"{old} led, and was removed")
        run.run(run.now_ms + 3 * TIMEOUT_MS)
        term = max(run.observe(id).get("current_term", 0) for id in rest)
        run.run(run.now_ms + 5 * TIMEOUT_MS)
        later = max(run.observe(id).get("current_term", 0) for id in rest)
        expect(run.violation or later == term, f"{old} was removed long ago, and the members are driven from term {term} to {later}")
        run.crash(old)
        expect_more(run, 3, f"{old} was removed, and is switched off")

    everyone = ("n1", "n2", "n3", "n4")
    lists = [[tuple(id for id in everyone if id != gone)] for gone in everyone]
    play_all(program, shop(4, 0, 150, 150, lists=lists, gap_ms=30), play, runs=6, needs=("crash",))


COMINGS_AND_GOINGS = (
    (*THREE, "s1"),
    ("n2", "n3", "s1"),
    ("n2", "n3", "s1", "s2"),
    ("n3", "s1", "s2"),
    ("n1", "n3", "s1", "s2"),
    ("n1", "n2", "n3", "s1", "s2"),
)


def churn(program, *, link, crashes, runs, needs):
    """The members change six times; nodes crash or are cut off meanwhile; in the end all are members."""

    def play(run):
        chance, nodes = Stream(run.seed, "churn"), run.system.node_ids
        for _ in range(12):
            run.run(run.now_ms + chance.between(50, 250))
            victim = chance.choice((leader_in(run), *nodes))
            if chance.chance(0.4):
                run.crash(victim) if crashes else cut_off(run, victim)
            else:
                run.heal()
                for id in nodes:
                    run.restart(id)
        calm_down(run)
        expect_changed(run, len(COMINGS_AND_GOINGS), "all five nodes are up and connected, for good")
        expect_more(run, 2, "all five nodes are up and connected, for good, and members")
        expect_books(run, nodes, "all five nodes are up and connected, for good, and members")

    play_all(program, shop(3, 2, 120, 120, lists=[COMINGS_AND_GOINGS], gap_ms=60), play, runs=runs, link=link, needs=needs)


@checks(
    "9.M",
    "members change while nodes crash (ConfChangeRecover, RecoverManyClients)",
    points=2,
    look_at="9.17 after a boot, and after a rollback",
    source="TinyKV 3B",
)
def conf_change_recover(program):
    churn(program, link=CALM, crashes=True, runs=12, needs=("crash", "restart"))


@checks(
    "9.M",
    "members change on lossy links, with leaders cut off (ConfChangeUnreliable)",
    points=2,
    look_at="9.19: which change may begin?",
    source="TinyKV 3B",
)
def conf_change_unreliable(program):
    churn(program, link=LOSSY, crashes=False, runs=12, needs=("partition", "loss", "late"))


@checks(
    "9.M",
    "members change on lossy links while nodes crash (ConfChangeUnreliableRecover)",
    points=2,
    look_at="the numbered steps",
    source="TinyKV 3B",
)
def conf_change_unreliable_recover(program):
    churn(program, link=LOSSY, crashes=True, runs=12, needs=("crash", "restart", "loss"))


@checks(
    "9.M",
    "two offices, in any order of events: one leads a term, and all books agree",
    points=3,
    look_at="the numbered steps: who led, with whose votes, and by which configuration?",
    source="figure 3: all five properties; section 4.1",
    not_shown="that any change is ever made",
)
def safe_in_any_order(program):
    lists = [((*THREE, "s1"), ("n2", "n3", "s1"), THREE), (("n1", "n2"), THREE, (*THREE, "s1"))]
    for limits, count in (
        (Walk(steps_max=150, restarts=1, duplicates=True, timers=14), 120),
        (Walk(steps_max=150, restarts=1, timers=14, demotions=8), 120),
    ):
        walks(program, shop(3, 1, 2, 2, lists=lists), count=count, limits=limits, **SAFE)
