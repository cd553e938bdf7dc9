"""Lab 09, part `compaction`, public checks: a log that is cut, and a snapshot that stands for the rest.

Names in brackets are those of the tests that ask the same elsewhere: Go labs 3D, TinyKV 2C, etcd.
Quotations are from Ongaro & Ousterhout 2014, section 7.  In these checks each sale is one piece of an
article of its own, so that the book tells which sales are in it, and how often.
"""

from __future__ import annotations

from checks import CALM, TIMEOUT_MS, elected_properly, leader_in, leaders_and_votes
from checks_b_log import (
    LOSSY,
    Completeness,
    cut_off,
    expect_leader,
    expect_sold,
    passes,
    sold,
    tell,
    what_leaders_send,
)
from checks_c_persistence import crash_leaders, mend
from given import (
    SNAPSHOT_EVERY,
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    LogEntry,
    RequestVote,
    RequestVoteReply,
    Role,
    Snapshot,
    Submit,
)

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream

ROLE = "CompactingRaft"
FULL = SNAPSHOT_EVERY

# -- one node in the hand ------------------------------------------------------------------------


def entries_of(*terms, first=1):
    """Entries with these terms; one at the same index and of the same term is always the same."""
    return tuple(LogEntry(term, (f"{n} of term {term}", 1)) for n, term in enumerate(terms, first))


def snapshot_of(*terms):
    """The snapshot after entries of these terms."""
    return Snapshot(len(terms), (0, *terms)[-1], tuple(entry.command for entry in entries_of(*terms)))


def node_in(program, term, *, gone=(), terms=(), id="n1"):
    """A node of n1, n2, n3, booted with a snapshot after entries of terms `gone`, and then a log of `terms`."""
    peers = [peer for peer in ("n1", "n2", "n3") if peer != id]
    disk = {
        "current_term": term,
        "voted_for": None,
        "log": entries_of(*terms, first=len(gone) + 1),
        "snapshot": snapshot_of(*gone),
    }
    return by_hand(program, ROLE, id, peers=peers, clients=("c1", "c2"), storage=disk)


def commit(node, index, leader="n3"):
    """The leader of the node's term says that all up to `index` is committed, which is in its log."""
    seen = node.observe()
    start = seen["snapshot"].last_included_index
    prev = start + len(seen["log"])
    prev_term = seen["log"][-1].term if seen["log"] else seen["snapshot"].last_included_term
    tell(node, leader, AppendEntries(seen["current_term"], leader, prev, prev_term, (), index))


def leader_with(program, term, **disk):
    """n1 on such a disk, just elected in `term`."""
    node = node_in(program, term - 1, **disk)
    node.fire("election")
    tell(node, "n2", RequestVoteReply(term, True))
    return node


def summary(log, snapshot, book, committed, applied):
    """What a node has, in comparable form, under the words for it."""
    return {
        "the snapshot's last_included_index": snapshot.last_included_index,
        "the snapshot's last_included_term": snapshot.last_included_term,
        "the snapshot's book": dict(snapshot.book),
        "log": tuple(log),
        "book": dict(book),
        "commit_index": committed,
        "last_applied": applied,
    }


def has(node):
    seen = node.observe()
    return summary(seen["log"], seen["snapshot"], seen["book"], seen["commit_index"], seen["last_applied"])


def expect_has(node, story, *, gone, terms, applied):
    """The node's snapshot is after `gone`, its log has `terms`, and `applied` entries are in its book."""
    log = entries_of(*terms, first=len(gone) + 1)
    book = [entry.command for entry in entries_of(*gone, *terms)][:applied]
    wanted, got = summary(log, snapshot_of(*gone), book, applied, applied), has(node)
    for name, value in wanted.items():
        expect(got[name] == value, f"{story}: {name} should be {shown(value)}, and is {shown(got[name])}")


def shown(value):
    """Entries and books by the names of their sales, short enough for a message."""
    if isinstance(value, dict):
        value = [name if pieces == 1 else f"{name} × {pieces}" for name, pieces in sorted(value.items())]
    elif isinstance(value, tuple):
        value = [entry.command[0] for entry in value]
    return value if isinstance(value, int) else ", ".join(value) or "empty"


def disks(node, before):
    """The disk after each save of the last handler: where a crash may leave it."""
    disk, found = dict(before), []
    for effect in node.effects:
        if effect[0] == "save":
            disk = disk | effect[1]
            found.append(disk)
    return found


def expect_whole_disks(node, before, what):
    """At each moment of the last handler, log and snapshot on the disk fit, and what was there before still is."""
    index = before["snapshot"].last_included_index
    for disk in disks(node, before):
        first = disk["snapshot"].last_included_index + 1
        wrong = [
            f"entry {n} is called {entry.command[0]!r}"
            for n, entry in enumerate(disk["log"], first)
            if not str(entry.command[0]).startswith(f"{n} ")
        ]
        expect(
            not wrong,
            f"{what}; in a crash within this handler the disk has a snapshot up to {first - 1}, and after it a log in which {wrong and wrong[0]}",
        )
        expect(first > index, f"{what}; the disk had a snapshot up to {index}, and now one up to {first - 1}")


def expect_on_disk(node, what):
    """After a crash, snapshot and log are those that the node had."""
    seen, disk = node.observe(), node.storage
    kept, got = (seen["snapshot"], seen["log"]), (disk.get("snapshot"), disk.get("log"))
    there = got[0].last_included_index if got[0] else 0
    expect(
        got == kept,
        f"{what}; in memory it has a snapshot up to {kept[0].last_included_index} and {len(kept[1])} entries, and on its disk one up to {there} and {len(got[1] or ())} entries",
    )


# -- 9.12 Cutting the log --------------------------------------------------------------------------

OLD = (1,) * FULL
"""Enough applied entries for a snapshot."""


def full_node(program, *terms, gone=(), term=9, commits=None):
    """A node with entries of `terms` after `gone`, that has just heard of so many committed ones; its disk before."""
    node = node_in(program, term, gone=gone, terms=terms)
    before = dict(node.storage)
    commit(node, len(gone) + len(terms) if commits is None else commits)
    return node, before


@checks(
    "9.12",
    "what is applied is in the snapshot, and no longer in the log (SnapshotBasic)",
    points=2,
    look_at="the three fields of Snapshot",
    source='"Once a server completes writing a snapshot, it may delete all log entries up through the last included index"',
)
def cuts_the_log(program):
    for gone, terms in (((), OLD), ((), (*OLD[:-1], 2)), (OLD, (1, *[3] * (FULL - 1))), (OLD, (2,) * (FULL + 3))):
        node, _ = full_node(program, *terms, gone=gone)
        total = len(gone) + len(terms)
        story = f"n1 had a snapshot up to {len(gone)}, and entries up to {total}, all of which it has just applied"
        expect_has(node, story, gone=(*gone, *terms), terms=(), applied=total)


@checks(
    "9.12",
    "what is not applied yet stays in the log",
    points=2,
    look_at="which entries come after last_applied",
    source='"The snapshot includes ... the last entry in the log that the snapshot replaces (the last entry the state machine had applied)"',
)
def keeps_what_is_not_applied(program):
    for gone, extra in (((), (5,)), ((), (1, 5, 5)), (OLD, (5,)), (OLD, (5, 6, 7, 7))):
        done = len(gone) + FULL
        total = done + len(extra)
        node, _ = full_node(program, *OLD, *extra, gone=gone, commits=done)
        story = f"n1 had a snapshot up to {len(gone)} and entries up to {total}, and has applied {done}"
        expect_has(node, story, gone=(*gone, *OLD), terms=extra, applied=done)
        commit(node, total)
        book = node.observe()["last_applied"], len(dict(node.observe()["book"]))
        expect(
            book == (total, total),
            f"{story}; then the others were committed: last_applied and the lines of the book should be {total}, and are {book}",
        )


@checks(
    "9.12",
    "a crash at any moment finds a disk that fits together",
    points=3,
    look_at="how many saves, and of what",
    source="section 7; and the docstring: in one save",
)
def saves_both_at_once(program):
    for gone in ((), OLD):
        terms = (*[2] * FULL, 5, 5)
        node, before = full_node(program, *terms, gone=gone, commits=len(gone) + FULL)
        what = f"n1 had a snapshot up to {len(gone)}, and took one up to {len(gone) + FULL}"
        expect_whole_disks(node, before, what)
        expect_on_disk(node, what)
        node.restart()
        expect_has(node, f"{what}, crashed and booted", gone=(*gone, *[2] * FULL), terms=(5, 5), applied=len(gone) + FULL)


@checks(
    "9.12",
    "after a cut the node goes on as before (SnapshotInit)",
    points=1,
    look_at="last_included_index and last_included_term",
    source="figure 13: lastIncludedIndex, lastIncludedTerm",
)
def goes_on_after_a_cut(program):
    node, _ = full_node(program, *OLD[:-1], 4, term=4)
    for crashed in ("", ", crashed"):
        tell(node, "n3", AppendEntries(4, "n3", FULL, 4, entries_of(4, first=FULL + 1), FULL))
        reply = node.sent_to("n3", AppendEntriesReply)
        expect(
            reply == AppendEntriesReply(4, True, FULL + 1),
            f"n1 took a snapshot up to {FULL}, of term 4{crashed}, and was sent entry {FULL + 1}: it answered {reply}",
        )
        node.restart()
    node.fire("election")
    asked = node.sent_to("n2", RequestVote)
    expect(
        asked == RequestVote(5, "n1", FULL + 1, 4),
        f"n1 has a snapshot up to {FULL}, and entry {FULL + 1}, of term 4, and asked for votes with {asked}",
    )


# -- 9.13 Entries, or the snapshot -----------------------------------------------------------------

GONE = (1, 1, 1, 2, 2, 2, 2, 3)


def next_is(node, peer, index):
    """The peer refuses, and says that nothing is there from `index` on."""
    tell(node, peer, AppendEntriesReply(node.observe()["current_term"], False, 0, index, 0))


@checks(
    "9.13",
    "a follower that lacks what is gone gets the snapshot (SnapshotInstall)",
    points=2,
    look_at="next_index, and the last index in the snapshot",
    source='"the leader must occasionally send snapshots to followers that lag behind"',
)
def sends_the_snapshot(program):
    for index in (1, 4, len(GONE)):
        node = leader_with(program, 6, gone=GONE, terms=(5, 5))
        next_is(node, "n3", index)
        got = node.all_sent_to("n3")[-1]
        story = f"n1 leads term 6, with a snapshot up to {len(GONE)}; n3 has nothing from entry {index} on"
        expect(isinstance(got, InstallSnapshot), f"{story}; n1 sent it {got}, and entry {index} is gone")
        wanted = InstallSnapshot(6, "n1", node.observe()["snapshot"])
        expect(got == wanted, f"{story}; n1 should send {wanted}, and sent {got}")


@checks(
    "9.13",
    "whoever can be served from the log gets entries",
    points=2,
    look_at="next_index, not match_index; and is the comparison off by one?",
    source='"This happens when the leader has already discarded the next log entry that it needs to send to a follower"',
)
def sends_entries_if_it_can(program):
    node = leader_with(program, 6, gone=GONE, terms=(5, 5))
    for peer in ("n2", "n3"):
        got = node.sent_to(peer)
        expect(
            got == AppendEntries(6, "n1", 10, 5, (), 8),
            f"n1 has just been elected, and knows nothing of {peer}: it should ask whether they agree at 10, and sent {got}",
        )
    for index in (10, 9):
        next_is(node, "n3", index)
        got, prev = node.all_sent_to("n3")[-1], index - 1
        wanted = AppendEntries(6, "n1", prev, 3 if prev == 8 else 5, entries_of(5, 5, first=9)[prev - 8 :], 8)
        expect(
            got == wanted,
            f"n1 has a snapshot up to 8, of term 3, and entries 9 and 10; n3 needs entry {index}: n1 should send {wanted}, and sent {got}",
        )


@checks(
    "9.13",
    "the snapshot is sent until it is answered (SnapshotInstallUnreliable)",
    points=1,
    look_at="what changes when it is sent",
    source="the docstring; messages may be lost",
)
def sends_it_again(program):
    node = leader_with(program, 6, gone=GONE, terms=(5, 5))
    next_is(node, "n3", 2)
    for beat in (1, 2, 3):
        before = len(node.all_sent_to("n3"))
        node.fire("heartbeat")
        got = node.all_sent_to("n3")[before:]
        wanted = [InstallSnapshot(6, "n1", node.observe()["snapshot"])]
        expect(
            got == wanted,
            f"n3 needs the snapshot and has not answered; at heartbeat {beat} n1 should send it again, and sent {got}",
        )
    tell(node, "n3", AppendEntriesReply(6, True, 8))
    got = node.sent_to("n3")
    expect(
        got == AppendEntries(6, "n1", 8, 3, entries_of(5, 5, first=9), 8),
        f"n3 has the snapshot up to 8; n1 should send the entries after it, and sent {got}",
    )


@checks(
    "9.13",
    "what is sent is the newest snapshot, in the present term",
    points=1,
    look_at="self.snapshot, self.current_term",
    source="figure 13: term, leaderId",
)
def sends_the_newest(program):
    node = leader_with(program, 6, gone=GONE)
    next_is(node, "n3", 2)
    for n in range(FULL):
        tell(node, "c1", Submit(n, (f"{len(GONE) + n + 1} of term 6", 1)))
    tell(node, "n2", AppendEntriesReply(6, True, len(GONE) + FULL))
    node.fire("heartbeat")
    got, wanted = node.sent_to("n3", InstallSnapshot), node.observe()["snapshot"]
    expect(
        got == InstallSnapshot(6, "n1", wanted) and wanted.last_included_index == len(GONE) + FULL,
        f"n1 took a new snapshot, up to {wanted.last_included_index}, and sent n3 {got}",
    )


# -- 9.14 Installing it ----------------------------------------------------------------------------


def installs(program, story, *, mine, snapshot, wanted, term=9):
    """A snapshot of n3 arrives at n1, which had (gone, terms, applied) and then must have `wanted`, at every crash."""
    gone, terms, applied = mine
    node = node_in(program, term, gone=gone, terms=terms)
    commit(node, applied)
    before = dict(node.storage)
    tell(node, "n3", InstallSnapshot(term, "n3", snapshot_of(*snapshot)))
    heard = f"{story}; a snapshot up to {len(snapshot)}, of term {(0, *snapshot)[-1]}, arrived"
    expect_has(node, heard, gone=wanted[0], terms=wanted[1], applied=wanted[2])
    expect_whole_disks(node, before, heard)
    expect_on_disk(node, heard)
    reply, should = node.sent_to("n3", AppendEntriesReply), AppendEntriesReply(term, True, len(snapshot))
    expect(reply == should, f"{heard}; n1 should answer {should}, and answered {reply}")
    return node


@checks(
    "9.14",
    "a node that lacks everything takes it over (RestoreSnapshot)",
    points=2,
    look_at="snapshot, log, open_book",
    source='figure 13, 8: "Reset state machine using snapshot contents (and load snapshot\'s cluster configuration)"',
)
def takes_it_over(program):
    new = (1, 1, 2, 2, 3)
    for story, mine in (
        ("n1 had nothing", ((), (), 0)),
        ("n1 had two entries, one applied", ((), (1, 1), 1)),
        ("n1 had a snapshot up to 2, and nothing else", ((1, 1), (), 2)),
        ("n1 had a snapshot up to 2, and entry 3, applied", ((1, 1), (2,), 3)),
    ):
        node = installs(program, story, mine=mine, snapshot=new, wanted=(new, (), 5))
        node.restart()
        expect_has(node, f"{story}, took over a snapshot up to 5, crashed and booted", gone=new, terms=(), applied=5)


@checks(
    "9.14",
    "an old snapshot changes nothing (RestoreIgnoreSnapshot)",
    points=2,
    look_at="commit_index",
    source='"If instead the follower receives a snapshot that describes a prefix of its log"; it may arrive late',
)
def ignores_old_ones(program):
    for story, mine, old in (
        ("n1 had a snapshot up to 5", ((1, 1, 2, 2, 3), (), 5), (1, 1, 2)),
        ("n1 had just that snapshot", ((1, 1, 2, 2, 3), (3,), 5), (1, 1, 2, 2, 3)),
        ("n1 had a snapshot up to 2, and had applied up to 5", ((1, 1), (2, 2, 3, 3), 5), (1, 1, 2, 2)),
        ("n1 had applied up to 5", ((), (1, 1, 2, 2, 3), 5), (1, 1, 2, 2, 3)),
    ):
        node = installs(program, story, mine=mine, snapshot=old, wanted=mine)
        before = has(node)
        tell(node, "n2", InstallSnapshot(8, "n2", snapshot_of(1, 1, 2, 2, 3, 3, 7)))
        expect(has(node) == before, "n1 is in term 9, and took over a snapshot from the leader of term 8")


@checks(
    "9.14",
    "entries after a snapshot that fits stay",
    points=3,
    look_at="self.term_at(last_included_index)",
    source='figure 13, 6: "If existing log entry has same index and term as snapshot\'s last included entry, retain log entries following it"',
)
def keeps_what_fits(program):
    for mine, new in (
        (((), (1, 1, 2, 2, 3, 3), 1), (1, 1, 2)),
        (((), (1, 1, 2, 2, 3, 3), 0), (1, 1, 2, 2, 3, 3)),
        (((1, 1), (2, 2, 3, 3, 4), 3), (1, 1, 2, 2)),
        (((1, 1), (2, 2), 2), (1, 1, 2)),
    ):
        gone, terms, applied = mine
        rest = (*gone, *terms)[len(new) :]
        story = f"n1 had a snapshot up to {len(gone)}, then entries of terms {terms}, and had applied {applied}"
        node = installs(program, story, mine=mine, snapshot=new, wanted=(new, rest, len(new)))
        commit(node, len(new) + len(rest))
        seen = node.observe()["last_applied"]
        expect(
            seen == len(new) + len(rest),
            f"{story}; a snapshot up to {len(new)} came, then all was committed: last_applied should be {len(new) + len(rest)}, and is {seen}",
        )


@checks(
    "9.14",
    "entries that do not fit go, all of them",
    points=2,
    look_at="what is compared: only the index, or the term as well?",
    source='figure 13, 7: "Discard the entire log"',
)
def drops_what_does_not_fit(program):
    for mine, new in (
        (((), (1, 1, 2, 2, 2, 2), 1), (1, 1, 3)),
        (((), (1, 1, 2, 2), 2), (1, 1, 3, 3, 3)),
        (((1, 1), (2, 2, 2, 2), 2), (1, 1, 3, 4)),
        (((1, 1), (2, 2), 2), (1, 1, 3)),
    ):
        gone, terms, applied = mine
        story = f"n1 had a snapshot up to {len(gone)}, then entries of terms {terms}, and had applied {applied}"
        installs(program, story, mine=mine, snapshot=new, wanted=(new, (), len(new)))


def converse(leader, follower, rounds=12):
    """Leader and follower talk until the leader has no more to say."""
    leader.fire("heartbeat")
    said = leader.all_sent_to(follower.id)[-1]
    for _ in range(rounds):
        before = len(leader.all_sent_to(follower.id))
        for reply in tell(follower, leader.id, said):
            if isinstance(reply, AppendEntriesReply):
                tell(leader, follower.id, reply)
        more = leader.all_sent_to(follower.id)[before:]
        if not more:
            return
        said = more[-1]


@checks(
    "9.14",
    "leader and follower get together, however far behind it was (SlowNodeRestore)",
    points=2,
    look_at="9.13 and 9.14, one after the other",
    source="section 7",
)
def slow_node_restore(program):
    for gone, terms, follower in (
        (GONE, (5, 5), ((), ())),
        (GONE, (5, 5), ((), (1, 1, 1))),
        (GONE, (), ((), (1, 1, 1, 2, 2, 2, 2))),
        (GONE, (5, 5), ((1, 1, 1), (2, 2))),
        (GONE, (5, 5), ((), (1, 1, 1, 2, 2, 4, 4, 4, 4, 4, 4))),
        (GONE[:4], (*GONE[4:], 5, 5), (GONE, (5,))),
        (GONE[:4], (*GONE[4:], 5, 5), (GONE, (4, 4, 4))),
    ):
        leader = leader_with(program, 6, gone=gone, terms=terms)
        slow = node_in(program, 5, gone=follower[0], terms=follower[1], id="n3")
        converse(leader, slow)
        seen = slow.observe()
        mine = (*slow.observe()["log"],)
        wanted = entries_of(*gone, *terms)[seen["snapshot"].last_included_index :]
        expect(
            mine == wanted,
            f"the leader had a snapshot up to {len(gone)}, then terms {terms}; n3 had one up to {len(follower[0])}, then terms {follower[1]}. They talked, and n3's log is {shown(mine)}; it should be {shown(wanted)}",
        )


# -- Part C: facts and judges ----------------------------------------------------------------------


def what_snapshots_say(event):
    """Facts from messages: who leads, and what the book is after an entry."""
    if event.kind == "send" and isinstance(event.data, InstallSnapshot):
        said = event.data.snapshot
        yield ("leader of term", event.data.term), event.node
        yield ("book after entry", said.last_included_index), tuple(sorted(said.book))
        yield ("term of entry", said.last_included_index), said.last_included_term


def follows_section_7(run):
    """The judge of a run: figure 3 for leaders; books that add up; answers that are true."""
    return elected_properly(run) or leaders_are_complete(run) or books_add_up(run) or answers_are_true(run)


def leaders_are_complete(run):
    known = Completeness()
    for at, event in enumerate(run.trace):
        what = event.kind == "send" and known.hear(event.node, event.data)
        if what:
            return Violation("a leader has all that was committed", what, at)
    return None


def up_nodes(run):
    return {id: run.observe(id) for id in run.system.node_ids if run.is_up(id)}


def books_add_up(run):
    """Each sale is one piece, so a book has as many pieces as entries were applied."""
    for id, seen in up_nodes(run).items():
        pieces = sum(dict(seen["book"]).values())
        if pieces != seen["last_applied"]:
            what = f"{id} has applied {seen['last_applied']} entries, each of one piece, and its book has {pieces}"
            return Violation("the book is the sum of the log", what)
    return None


def answers_are_true(run):
    """What was answered is in the longest book, at one place each, in the order of the answers."""
    seen = up_nodes(run)
    longest = max(seen.values(), key=lambda view: view["last_applied"], default=None)
    book = dict(longest["book"]) if longest else {}
    done = [op for op in run.history if op.outcome == "ok"]
    for op in done:
        if longest and op.result <= longest["last_applied"] and op.value[0] not in book:
            return Violation("a sale that was answered is in the book", f"{op}, and no book has it")
        late = next((o for o in done if o.returned < op.invoked and o.result >= op.result), None)
        if late:
            return Violation("the index never goes back", f"{late}, and only then {op}")
    return None


RULES = {
    "derive": [leaders_and_votes, what_leaders_send, what_snapshots_say],
    "judge": follows_section_7,
}

# -- Part C: scenarios -----------------------------------------------------------------------------


def shop(nodes, *turns, gap_ms=5, role=ROLE):
    """So many nodes, and a till for each of `turns`, which makes so many sales."""
    tills = {
        f"c{t}": [("submit", None, (f"c{t}.{n}", 1)) for n in range(1, turn + 1)]
        for t, turn in enumerate(turns, 1)
    }
    return System.of(nodes, role, client="ShopClient", workload=tills, gap_ms=gap_ms)


def play_all(program, system, play, *, runs, link=CALM, needs=()):
    scenarios(program, system, play, runs=runs, link=link, needs=needs, **RULES)


def expect_same_books(run, story):
    """All nodes have equal books in time, with all that was answered, and none has a long log."""
    nodes = run.system.node_ids

    def same():
        seen = [run.observe(id) for id in nodes]
        books = [dict(view.get("book", ())) for view in seen]
        answered = {article for article, _ in sold(run)}
        return all(book == books[0] for book in books) and answered <= set(books[0])

    met = passes(run, same, 20 * TIMEOUT_MS)
    applied = ", ".join(f"{id} {run.observe(id).get('last_applied')}" for id in nodes)
    expect(met, f"{story}; {20 * TIMEOUT_MS:g} ms later the books still differ, or lack a sale (entries applied: {applied})")
    expect_short_logs(run, story)


def expect_short_logs(run, story):
    """A log has fewer applied entries than are worth a snapshot."""
    for id in run.system.node_ids:
        seen = run.observe(id) if run.violation is None else {}
        kept = seen.get("last_applied", 0) - seen["snapshot"].last_included_index if seen else 0
        expect(
            kept < FULL,
            f"{story}; {id} still has {kept} entries in its log that are in its book, and {FULL} are worth a snapshot",
        )


def received(run, id):
    """How many snapshots this node has got by now."""
    return sum(row[1] == "deliver" and row[2] == id and isinstance(row[4], InstallSnapshot) for row in run.trace.rows)


def expect_more_sold(run, count, story):
    expect_sold(run, len(sold(run)) + count, story)


@checks(
    "9.C",
    "the log stays short, and the books agree (SnapshotBasic)",
    points=1,
    look_at="9.12",
    source="Go lab 3D",
)
def snapshot_basic(program):
    def play(run):
        for _ in range(4):
            expect_more_sold(run, FULL + 1, "three nodes, two tills, nothing failed")
            run.run(run.now_ms + 200)
            expect_short_logs(run, "nothing failed")
        expect_same_books(run, "nothing failed")

    play_all(program, shop(3, 200, 200, gap_ms=10), play, runs=5)


def snapshots_in_common(program, *, crash, link, needs=()):
    """One node is away, in turn a follower or the leader, for more sales than a log keeps; then it is back."""

    def play(run):
        chance = Stream(run.seed, "who is away")
        for turn in range(5):
            leader = expect_leader(run, f"round {turn}: three nodes were up")
            others = [id for id in run.system.node_ids if id != leader]
            away = leader if turn % 3 == 1 else chance.choice(others)
            before = received(run, away)
            run.crash(away) if crash else cut_off(run, away)
            story = f"round {turn}: {away} was {'down' if crash else 'cut off'}"
            expect_more_sold(run, 2 * FULL + chance.below(FULL), story)
            run.restart(away) if crash else run.heal()
            expect_same_books(run, f"{story}, and is back")
            expect(
                run.violation or received(run, away) > before,
                f"{story} for more than {2 * FULL} sales, and was sent no snapshot",
            )

    system = shop(3, 200, 200, gap_ms=5)
    play_all(program, system, play, runs=3, link=link, needs=(("crash", "restart") if crash else ("partition",)) + needs)


@checks(
    "9.C",
    "a node that was cut off gets the snapshot (SnapshotInstall)",
    points=2,
    look_at="9.13, then 9.14",
    source="Go lab 3D",
)
def snapshot_install(program):
    snapshots_in_common(program, crash=False, link=CALM)


@checks(
    "9.C",
    "the same on lossy links (SnapshotInstallUnreliable)",
    points=2,
    look_at="a snapshot that comes late, twice, or never",
    source="Go lab 3D",
)
def snapshot_install_unreliable(program):
    snapshots_in_common(program, crash=False, link=LOSSY, needs=("loss", "late", "duplication"))


@checks(
    "9.C",
    "a node that crashed gets the snapshot (SnapshotInstallCrash)",
    points=1,
    look_at="9.13, then 9.14",
    source="Go lab 3D",
)
def snapshot_install_crash(program):
    snapshots_in_common(program, crash=True, link=CALM)


@checks(
    "9.C",
    "the same on lossy links (SnapshotInstallUnCrash)",
    points=1,
    look_at="a snapshot that comes late, twice, or never",
    source="Go lab 3D",
)
def snapshot_install_un_crash(program):
    snapshots_in_common(program, crash=True, link=LOSSY, needs=("loss", "late"))


@checks(
    "9.C",
    "all crash, and the index never goes back (SnapshotAllCrash)",
    points=2,
    look_at="what is on the disk, in one save",
    source="Go lab 3D",
)
def snapshot_all_crash(program):
    def play(run):
        nodes, chance = run.system.node_ids, Stream(run.seed, "how many")
        for turn in range(5):
            expect_more_sold(run, FULL // 2 + chance.below(FULL), f"round {turn}: three nodes were up")
            for id in nodes:
                if chance.chance(0.5):
                    run.crash_within(id, chance.below(4))
            run.run(run.now_ms + 30)
            for id in nodes:
                run.crash(id)
            for id in nodes:
                run.restart(id)
        mend(run)
        expect_more_sold(run, 1, "all had crashed, and are up again")
        expect_same_books(run, "all had crashed, and are up again")

    play_all(program, shop(3, 100, 100), play, runs=8, needs=("crash", "restart"))


@checks(
    "9.C",
    "a snapshot outlives the next crash as well (SnapshotInit)",
    points=1,
    look_at="what is in memory after a boot, and what is saved next",
    source="Go lab 3D",
)
def snapshot_init(program):
    def play(run):
        expect_more_sold(run, FULL + 2, "three nodes booted")
        run.run(run.now_ms + 200)
        for turn in range(3):
            for id in run.system.node_ids:
                run.crash(id)
            for id in run.system.node_ids:
                run.restart(id)
            expect_more_sold(run, 1, f"all nodes crashed for the {turn + 1}. time")
        expect_same_books(run, "all nodes had crashed three times")

    play_all(program, shop(3, 200, gap_ms=20), play, runs=5, needs=("crash", "restart"))


def crash_cutters(run, chance):
    """A leader that is about to cut its log crashes within one of its next handlers, and boots soon after."""
    for id in run.system.node_ids:
        seen = run.observe(id) if run.is_up(id) else {}
        due = seen and seen["last_applied"] - seen["snapshot"].last_included_index >= FULL - 1
        leads = seen and seen["role"] is Role.LEADER
        run.crash_within(id, 1 + chance.below(8) if due and leads else None)
    run.run(run.now_ms + 6)
    for id in run.system.node_ids:
        run.restart(id)


@checks(
    "9.C",
    "a crash in the very act of cutting the log",
    points=2,
    look_at="how many saves, and in which order",
    source="section 7; the docstrings: in one save",
)
def crashes_in_the_act(program):
    def play(run):
        chance = Stream(run.seed, "cutters")
        run.run(600)
        for _ in range(250):
            crash_cutters(run, chance)
        mend(run)
        expect_more_sold(run, 1, "all three nodes are up again, for good")
        expect_same_books(run, "all three nodes are up again, for good")

    needs = ("crash within a handler", "restart")
    play_all(program, shop(3, *[200] * 5), play, runs=8, needs=needs)


@checks(
    "9.C",
    "leaders that crash soon after a sale, while logs are cut",
    points=3,
    look_at="what is saved, and when",
    source="figure 3: all five properties; section 7",
)
def crashes_while_logs_are_cut(program):
    def play(run):
        crash_leaders(run, 20, Stream(run.seed, "figure 8"))
        mend(run)
        expect_more_sold(run, 1, "all five nodes are up again, for good")
        expect_same_books(run, "all five nodes are up again, for good")

    needs = ("crash", "restart", "crash within a handler")
    play_all(program, shop(5, 200, 200, 200), play, runs=6, needs=needs)


@checks(
    "9.C",
    "cut off, crashed and late at random, and nothing that was sold is lost",
    points=3,
    look_at="the numbered steps",
    source="figure 3: all five properties; section 7",
)
def churn(program):
    link = Link(delay_ms=(1, 30), loss=0.05, duplication=0.1, tail=0.1, tail_ms=900)

    def play(run):
        chance, nodes = Stream(run.seed, "churn"), run.system.node_ids
        for _ in range(16):
            run.run(run.now_ms + chance.between(50, 300))
            match chance.below(5):
                case 0:
                    run.crash(chance.choice(nodes))
                case 1:
                    run.crash_within(chance.choice(nodes), chance.below(4))
                case 2:
                    cut_off(run, chance.choice((leader_in(run), *nodes)))
                case _:
                    run.heal(chance.choice(nodes))
                    run.restart(chance.choice(nodes))
        mend(run)
        expect_more_sold(run, 1, "all three nodes are up and connected, for good")
        expect_same_books(run, "all three nodes are up and connected, for good")

    needs = ("crash", "restart", "partition", "late", "loss")
    play_all(program, shop(3, 300, 300, 300), play, runs=8, link=link, needs=needs)


@checks(
    "9.C",
    "in any order of events, with crashes anywhere, all books agree",
    points=3,
    look_at="the numbered steps: which message came late?",
    source="figure 3: all five properties; section 7",
    not_shown="that anything is ever sold",
)
def same_books_in_any_order(program):
    for limits, count in (
        (Walk(steps_max=320, restarts=2, cuts=2, duplicates=True, timers=50), 60),
        (Walk(steps_max=320, restarts=2, cuts=2, timers=50, demotions=8), 60),
    ):
        walks(program, shop(3, 5, 5, 5, 5, 5), count=count, limits=limits, **RULES)
