"""Lab 09, part `log`, public checks: one node in the hand, then the scenarios of the Go labs by name.

Names in brackets are those of the tests that ask the same elsewhere: Go labs 3B, etcd, TinyKV.
Quotations are from Ongaro & Ousterhout 2014.  Not checked here: anything that crashes.
"""

from __future__ import annotations

from checks import CALM, TIMEOUT_MS, calm_down, elected_properly, leader_in, leaders_and_votes
from given import (
    BATCH_MAX,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    RequestVote,
    RequestVoteReply,
    Role,
    Submit,
    SubmitReply,
)
from given import figure_8 as tell_figure_8

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.explorer import Experiment
from labkit.facts import Violation
from labkit.frozen import NotComparable
from labkit.network import Stream
from labkit.program import LocalProgram, Unwritten
from labkit.search import search
from labkit.shrink import counterexample
from labkit.verdict import Broken, trial

LOSSY = Link(delay_ms=(1, 30), loss=0.1, duplication=0.1, tail=0.1, tail_ms=600)
RECOVERY_MS = 20 * TIMEOUT_MS

# -- one node in the hand ------------------------------------------------------------------------


def entries_of(*terms, first=1):
    """Entries with these terms; one at the same index and of the same term is always the same."""
    return tuple(LogEntry(term, f"{n} of term {term}") for n, term in enumerate(terms, first))


def log_of(node):
    """The terms of a node's log, and whether its commands are those of ``entries_of``."""
    log = node.observe()["log"]
    terms = tuple(entry.term for entry in log)
    return terms if tuple(log) == entries_of(*terms) else tuple(log)


def tell(node, source, message):
    """`message` arrives; a rule of a *later* exercise that is not written yet ends the handler there."""
    try:
        return node.deliver(source, message)
    except Unwritten as unwritten:
        if not _is_later(str(unwritten)):
            raise
    return []


def _is_later(text):
    now, found = trial().check.exercise, text.split()[1].rstrip(":")
    return now[2:].isdigit() and int(found.split(".")[1]) > int(now.split(".")[1])


def follower_with(program, *terms, term, nodes=3, role="LogRaft", id="n1"):
    """A follower of n2 in `term`, whose log has entries of these terms; they came in one request."""
    peers = [f"n{n}" for n in range(1, nodes + 1) if f"n{n}" != id]
    node = by_hand(program, role, id, peers=peers, clients=("c1", "c2"), storage={"current_term": term})
    if terms:
        leader = peers[1] if id == "n1" and nodes > 2 else peers[0]
        tell(node, leader, AppendEntries(term, leader, 0, 0, entries_of(*terms), 0))
        got = log_of(node)
        expect(got == terms, f"{id} had an empty log, was sent entries of terms {terms}, and has {got}")
    return node


def leader_with(program, *terms, term, nodes=3, role="LogRaft"):
    """n1, which has entries of these terms and has just been elected in `term`."""
    node = follower_with(program, *terms, term=term - 1, nodes=nodes, role=role)
    node.fire("election")
    for peer in node.system[1 : nodes // 2 + 1]:
        tell(node, peer, RequestVoteReply(term, True))
    return node


def submit(node, *commands, client="c1"):
    for number, command in enumerate(commands, 1):
        tell(node, client, Submit(number, command))


def news(node, peer):
    """What the leader says to `peer` with its next heartbeat."""
    before = len(node.all_sent_to(peer, AppendEntries))
    node.fire("heartbeat")
    said = node.all_sent_to(peer, AppendEntries)[before:]
    expect(len(said) == 1, f"n1's heartbeat timer fired, and it sent {peer} {len(said)} AppendEntries")
    return said[0]


# -- 9.5 The follower ----------------------------------------------------------------------------


def sent(node, prev, prev_term, *terms, leader="n3"):
    """The leader of the node's term sends these entries; (the answer, the log's terms after it)."""
    term = node.observe()["current_term"]
    before = len(node.all_sent_to(leader, AppendEntriesReply))
    tell(node, leader, AppendEntries(term, leader, prev, prev_term, entries_of(*terms, first=prev + 1), 0))
    replies = node.all_sent_to(leader, AppendEntriesReply)[before:]
    expect(len(replies) == 1, f"n1 got one AppendEntries of {leader}, and answered {len(replies)} times")
    return replies[0], log_of(node)


def expect_taken(program, mine, prev, prev_term, terms, wanted):
    """n1 with log `mine` is sent `terms` after (prev, prev_term), and must take them: log `wanted`."""
    node = follower_with(program, *mine, term=9)
    reply, log = sent(node, prev, prev_term, *terms)
    story = f"n1 had entries of terms {mine}, and was sent {terms or 'none'} after index {prev}, term {prev_term}"
    expect(reply.success, f"{story}, which fits; n1 refused")
    expect(log == wanted, f"{story}; it should have {wanted}, and has {log}")
    agree = prev + len(terms)
    expect(
        reply.match_index == agree,
        f"{story}; the leader knows that they agree up to {agree}, and n1 says {reply.match_index}",
    )
    expect(reply.term == 9, f"{story}, in term 9; the answer is of term {reply.term}")


@checks(
    "9.5",
    "what does not fit is refused, and changes nothing (FollowerCheckMsgAppend)",
    points=2,
    look_at="self.term_at(request.prev_log_index)",
    source="figure 2, AppendEntries: \"Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm\"",
)
def refuses_what_does_not_fit(program):
    cases = (
        ((1, 2, 2), 4, 2, AppendEntriesReply(9, False, 0, 4, 0)),
        ((1, 2, 2), 7, 2, AppendEntriesReply(9, False, 0, 4, 0)),
        ((), 1, 1, AppendEntriesReply(9, False, 0, 1, 0)),
        ((1, 2, 2, 2), 4, 3, AppendEntriesReply(9, False, 0, 2, 2)),
        ((1, 2, 2, 2), 3, 1, AppendEntriesReply(9, False, 0, 2, 2)),
        ((4, 4), 2, 3, AppendEntriesReply(9, False, 0, 1, 4)),
    )
    for mine, prev, prev_term, wanted in cases:
        for terms in ((), (9, 9)):
            node = follower_with(program, *mine, term=9)
            reply, log = sent(node, prev, prev_term, *terms)
            story = f"n1 has entries of terms {mine or '()'}, and was sent {len(terms)} entries after index {prev}, term {prev_term}"
            expect(not reply.success, f"{story}; that does not fit, and it took them")
            expect(log == mine, f"{story}; it refused, and yet its log is now {log}")
            expect(reply == wanted, f"{story}; it should answer {wanted}, and answered {reply}")


@checks(
    "9.5",
    "what is new is appended (FollowerAppendEntries)",
    points=1,
    look_at="the entries beyond the end of the log",
    source='figure 2, AppendEntries: "Append any new entries not already in the log"',
)
def appends_what_is_new(program):
    for mine, terms in (((), (1,)), ((), (1, 1, 9)), ((1, 2), (9, 9)), ((1, 2), ())):
        expect_taken(program, mine, len(mine), mine[-1] if mine else 0, terms, mine + terms)
    expect_taken(program, (1, 1, 2), 1, 1, (1, 2, 9), (1, 1, 2, 9))


@checks(
    "9.5",
    "what conflicts is dropped with all after it",
    points=2,
    look_at="what replace_from keeps and drops",
    source='figure 2, AppendEntries: "delete the existing entry and all that follow it"',
)
def drops_what_conflicts(program):
    expect_taken(program, (1, 2, 2, 2), 1, 1, (3,), (1, 3))
    expect_taken(program, (1, 2, 2, 2), 0, 0, (3, 3), (3, 3))
    expect_taken(program, (1, 1, 2, 2, 2), 1, 1, (1, 3, 3), (1, 1, 3, 3))
    expect_taken(program, (1, 1, 4), 2, 1, (3, 3, 9), (1, 1, 3, 3, 9))


@checks(
    "9.5",
    "an old or repeated request takes nothing away (OldMessages)",
    points=3,
    look_at="what happens to entries beyond the request's last one",
    source='figure 2, AppendEntries: "If an existing entry conflicts with a new one (same index but different terms)", and only then',
)
def old_requests_drop_nothing(program):
    mine = (1, 1, 2, 2, 9)
    for prev, terms in ((0, ()), (0, (1,)), (1, (1, 2)), (2, (2,)), (3, (2,)), (3, ())):
        expect_taken(program, mine, prev, (0, *mine)[prev], terms, mine)
    node = follower_with(program, *mine, term=9)
    for prev, terms in ((5, (9, 9)), (5, (9,)), (4, (9,)), (5, (9, 9)), (0, (1, 1))):
        _, log = sent(node, prev, (0, *mine)[prev], *terms)
        expect(
            log == (*mine, 9, 9),
            f"n1 took entries up to 7; then an older request of the same leader came late, with {len(terms)} entries after {prev}, and its log is {log}",
        )


@checks(
    "9.5",
    "every request is answered as figure 2 says (HandleMessageType_MsgAppend)",
    points=1,
    look_at="the order of the rules",
    source="figure 2, AppendEntries, rules 1 to 4",
)
def handles_every_append(program):
    node = follower_with(program, 1, 2, 2, term=4)
    reply = tell(node, "n3", AppendEntries(3, "n3", 3, 2, entries_of(3, first=4), 0))
    expect(
        log_of(node) == (1, 2, 2) and reply and not reply[-1].success,
        f"n1 is in term 4; the leader of term 3 sent an entry, and n1 has {log_of(node)} and answered {reply}",
    )
    for prev, prev_term, terms, fits, wanted in (
        (2, 3, (4,), False, (1, 2, 2)),
        (3, 2, (), True, (1, 2, 2)),
        (0, 0, (1,), True, (1, 2, 2)),
        (2, 2, (4,), True, (1, 2, 4)),
        (3, 4, (4, 4), True, (1, 2, 4, 4, 4)),
        (6, 4, (4,), False, (1, 2, 4, 4, 4)),
    ):
        reply, log = sent(node, prev, prev_term, *terms)
        story = f"{len(terms)} entries came after index {prev}, term {prev_term}"
        expect(reply.success == fits, f"{story}; n1 {'took' if reply.success else 'refused'} them")
        expect(log == wanted, f"{story}; n1's terms should be {wanted}, and are {log}")


# -- 9.6 What the leader says --------------------------------------------------------------------


@checks(
    "9.6",
    "a new leader asks everyone whether the logs agree",
    points=1,
    look_at="prev_log_index, and next_index at an election",
    source='section 5.3: "the leader includes the index and term of the entry in its log that immediately precedes the new entries"',
)
def greets_with_its_last_entry(program):
    for terms in ((), (1,), (1, 1, 3)):
        node = leader_with(program, *terms, term=5)
        wanted = AppendEntries(5, "n1", len(terms), terms[-1] if terms else 0, (), 0)
        for peer in ("n2", "n3"):
            got = node.sent_to(peer, AppendEntries)
            expect(
                got == wanted,
                f"n1 was elected in term 5, with entries of terms {terms or '()'}: its heartbeat to {peer} should be {wanted}, and is {got}",
            )


@checks(
    "9.6",
    "entries from next_index on are sent, and what comes right before them (LeaderStartReplication)",
    points=3,
    look_at="the indexes: which entry is the first one sent?",
    source='figure 2, leaders: "send AppendEntries RPC with log entries starting at nextIndex"',
)
def sends_from_next_index(program):
    for terms in ((), (1, 1, 3)):
        node, last = leader_with(program, *terms, term=5), len(terms)
        mine = ()
        for command in ("tea", "jam", "tar"):
            submit(node, command)
            mine += (LogEntry(5, command),)
            wanted = AppendEntries(5, "n1", last, terms[-1] if terms else 0, mine, 0)
            got = news(node, "n3")
            expect(
                got == wanted,
                f"n1 leads term 5, has entries of terms {(*terms, *[5] * len(mine))}, and next_index is {last + 1} for n3: it should send {wanted}, and sent {got}",
            )


@checks(
    "9.6",
    "one message has at most BATCH_MAX entries, and as many as there are",
    points=1,
    look_at="BATCH_MAX",
    source="the docstring; the paper leaves it open",
)
def sends_batches(program):
    node = leader_with(program, 1, 1, term=5)
    for turn, count in enumerate((1, BATCH_MAX - 1, 1, 2, BATCH_MAX)):
        submit(node, *[f"sale {turn}.{n}" for n in range(count)])
        entries = node.observe()["log"][2 : 2 + BATCH_MAX]
        got = news(node, "n2")
        there = len(node.observe()["log"]) - 2
        expect(
            got.entries == entries,
            f"{there} entries are there from next_index on; n1 should send the first {len(entries)}, and sent {len(got.entries)}",
        )


@checks(
    "9.6",
    "every message says how far the log is committed",
    points=1,
    look_at="leader_commit",
    source='figure 2, AppendEntries: "leaderCommit: leader\'s commitIndex"',
)
def says_what_is_committed(program):
    node = follower_with(program, 1, 2, 2, term=3)
    tell(node, "n3", AppendEntries(3, "n3", 3, 2, (), 2))
    node.fire("election")
    tell(node, "n2", RequestVoteReply(4, True))
    for _ in range(2):
        got, wanted = news(node, "n2").leader_commit, node.observe()["commit_index"]
        expect(got == wanted, f"n1 leads, its commit_index is {wanted}, and its heartbeat says {got}")
        submit(node, "tea")


# -- 9.7 What the answers teach ------------------------------------------------------------------


def indexes(node, peer):
    seen = node.observe()
    return dict(seen["match_index"])[peer], dict(seen["next_index"])[peer]


def answers(node, peer, reply, wanted, story):
    """`peer` answers the leader, which then must hold `wanted`: (match_index, next_index)."""
    tell(node, peer, reply)
    got = indexes(node, peer)
    expect(
        got == wanted,
        f"{story}: (match_index, next_index) of {peer} should be {wanted}, and are {got}",
    )


TERMS = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
"""The log of the leader for term 8 in the paper's figure 7."""


@checks(
    "9.7",
    "a success raises match_index and next_index",
    points=2,
    look_at="reply.match_index",
    source='figure 2, leaders: "If successful: update nextIndex and matchIndex for follower"',
)
def learns_from_success(program):
    node = leader_with(program, *TERMS, term=8)
    answers(node, "n2", AppendEntriesReply(8, True, 10), (10, 11), "n2 has all of n1's 10 entries")
    submit(node, "tea", "jam")
    answers(node, "n2", AppendEntriesReply(8, True, 11), (11, 12), "n2 has 11 of n1's 12 entries")
    answers(node, "n2", AppendEntriesReply(8, True, 12), (12, 13), "n2 has all of n1's 12 entries")
    got = indexes(node, "n3")
    expect(got == (0, 11), f"n3 has not answered yet, and n1 holds (match_index, next_index) = {got}")


@checks(
    "9.7",
    "a refusal skips the whole term at once",
    points=2,
    look_at="reply.conflict_index",
    source='section 5.3: "one AppendEntries RPC will be required for each term with conflicting entries, rather than one RPC per entry"',
)
def backs_up_fast(program):
    for conflict in ((3, 2), (9, 0), (6, 5), (1, 1), (10, 7)):
        node = leader_with(program, *TERMS, term=8)
        reply = AppendEntriesReply(8, False, 0, *conflict)
        answers(node, "n3", reply, (0, conflict[0]), f"n3 refused: {reply}")
        again = node.sent_to("n3", AppendEntries)
        expect(
            again.prev_log_index == conflict[0] - 1 and len(again.entries) == 11 - conflict[0],
            f"n3 refused with conflict_index {conflict[0]}, and n1 then sent {len(again.entries)} entries after index {again.prev_log_index}",
        )


@checks(
    "9.7",
    "answers that come late take nothing back (OldMessages)",
    points=3,
    look_at="max and min",
    source='figure 2, volatile state on leaders: matchIndex "increases monotonically"',
)
def late_answers_take_nothing_back(program):
    node = leader_with(program, *TERMS, term=8)
    refused = AppendEntriesReply(8, False, 0, 4, 0)
    answers(node, "n2", refused, (0, 4), "n2 has 3 entries")
    answers(node, "n2", AppendEntriesReply(8, True, 10), (10, 11), "n2 took all")
    late = "n2 has all 10 entries, and an older answer came late"
    answers(node, "n2", AppendEntriesReply(8, True, 6), (10, 11), f"{late}, a success up to 6")
    answers(node, "n2", refused, (10, 11), f"{late}, a refusal at 4")
    answers(node, "n2", AppendEntriesReply(8, True, 0), (10, 11), f"{late}, a success up to 0")
    node = leader_with(program, *TERMS, term=8)
    answers(node, "n3", AppendEntriesReply(8, False, 0, 2, 1), (0, 2), "n3 refused at 2")
    answers(
        node, "n3", AppendEntriesReply(8, False, 0, 7, 5), (0, 2), "n3 refused at 2; an older refusal, at 7, came late"
    )
    answers(node, "n3", AppendEntriesReply(8, True, 3), (3, 4), "n3 agrees up to 3")
    answers(node, "n3", AppendEntriesReply(8, False, 0, 2, 1), (3, 4), "n3 agrees up to 3, and an older refusal, at 2, came late")


@checks(
    "9.7",
    "an answer of an older term teaches nothing",
    points=2,
    look_at="reply.term, and the role",
    source="section 5.1: a server that receives a request or reply with a stale term number ignores it",
)
def ignores_answers_of_older_terms(program):
    node = leader_with(program, *TERMS, term=8)
    for reply in (AppendEntriesReply(7, True, 10), AppendEntriesReply(7, False, 0, 2, 1)):
        answers(node, "n2", reply, (0, 11), f"n1 leads term 8; from its time before came {reply}")
    node = follower_with(program, *TERMS, term=8)
    before = node.observe()
    tell(node, "n2", AppendEntriesReply(8, True, 10))
    after = node.observe()
    same = all(before[name] == after[name] for name in ("match_index", "next_index", "commit_index"))
    expect(
        same and after["role"] is Role.FOLLOWER,
        "n1 follows, an answer of n2 to an AppendEntries came to it, and it did something with that",
    )


def converse(leader, follower, rounds):
    """Leader and follower talk, from a heartbeat on, until one has no more to say; the rounds it took."""
    said = news(leader, follower.id)
    for number in range(1, rounds + 1):
        (reply,) = (m for m in tell(follower, leader.id, said) if isinstance(m, AppendEntriesReply))
        before = len(leader.all_sent_to(follower.id, AppendEntries))
        tell(leader, follower.id, reply)
        more = leader.all_sent_to(follower.id, AppendEntries)[before:]
        if not more:
            return number
        said = more[-1]
    return rounds + 1


FIGURE_7 = {
    "a": TERMS[:9],
    "b": TERMS[:4],
    "c": (*TERMS, 6),
    "d": (*TERMS, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4),
    "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}


@checks(
    "9.7",
    "the followers of figure 7 get the leader's log (LeaderSyncFollowerLog)",
    points=3,
    look_at="where next_index goes after a refusal; then what is sent",
    source="figure 7, and section 5.3",
)
def repairs_figure_7(program):
    for name, terms in FIGURE_7.items():
        leader = leader_with(program, *TERMS, term=8)
        follower = follower_with(program, *terms, term=7, id="n3")
        rounds = converse(leader, follower, 12)
        got, wanted = log_of(follower), (*TERMS, *terms[len(TERMS) :])
        story = f"follower ({name}) of figure 7, with entries of terms {terms}"
        expect(
            got[: len(TERMS)] == TERMS,
            f"{story}: after {rounds} rounds it should have the leader's 10 entries, {wanted[:10]}, and has {got}",
        )
        limit = len(set(terms)) + 2
        expect(
            rounds <= limit,
            f"{story}: {rounds} rounds to repair it; skipping a term at a time takes at most {limit}",
        )


# -- 9.8 The commit rule -------------------------------------------------------------------------


def committed(node):
    return node.observe()["commit_index"]


def agree(node, **match):
    for peer, index in match.items():
        tell(node, peer, AppendEntriesReply(node.observe()["current_term"], True, index))


@checks(
    "9.8",
    "a majority is needed, and is enough (LeaderAcknowledgeCommit)",
    points=2,
    look_at="which place in the sorted list",
    source='section 5.3: "once the leader that created the entry has replicated it on a majority of the servers"',
)
def commits_by_majority(program):
    for nodes in (2, 3, 4, 5, 7):
        node = leader_with(program, term=2, nodes=nodes)
        submit(node, "tea")
        have = 1
        for peer in node.system[1:nodes]:
            agree(node, **{peer: 1})
            have += 1
            wanted = int(2 * have > nodes)
            expect(
                committed(node) == wanted,
                f"{have} of {nodes} nodes have entry 1, so commit_index should be {wanted}, and it is {committed(node)}",
            )


@checks(
    "9.8",
    "the highest such index counts",
    points=1,
    look_at="an index for each node: up to where do more than half agree?",
    source='figure 2, leaders: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N"',
)
def commits_the_highest(program):
    for match, wanted in (
        ((7, 7, 0, 0), 7),
        ((7, 5, 3, 0), 5),
        ((2, 6, 1, 1), 2),
        ((4, 4, 4, 4), 4),
        ((1, 0, 0, 9), 1),
        ((0, 0, 9, 0), 0),
    ):
        node = leader_with(program, term=2, nodes=5)
        submit(node, *[f"sale {n}" for n in range(9)])
        agree(node, **{f"n{n}": index for n, index in enumerate(match, 2) if index})
        expect(
            committed(node) == wanted,
            f"n1 has 9 entries, its four peers agree up to {match}: up to {wanted} a majority agrees, and commit_index is {committed(node)}",
        )


@checks(
    "9.8",
    "copies of an older term's entry do not count (LeaderOnlyCommitsLogFromCurrentTerm)",
    points=3,
    look_at="self.term_at(index) and self.current_term",
    source='section 5.4.2: "Only log entries from the leader\'s current term are committed by counting replicas"',
)
def commits_its_own_term_only(program):
    for nodes in (3, 5):
        node = leader_with(program, 1, 2, 2, term=4, nodes=nodes)
        for index in (1, 2, 3):
            agree(node, **dict.fromkeys(node.system[1:nodes], index))
            expect(
                committed(node) == 0,
                f"all {nodes} nodes have entry {index}, of term {node.observe()['log'][index - 1].term}; n1 leads term 4, and calls entries up to {committed(node)} committed. A later leader may still overwrite them (figure 8)",
            )


@checks(
    "9.8",
    "an entry of its own term commits all before it (CommitWithoutNewTermEntry)",
    points=2,
    look_at="what commit_index becomes when the first entry of the term is everywhere",
    source='section 5.4.2: "all prior entries are committed indirectly because of the Log Matching Property"',
)
def commits_what_precedes(program):
    node = leader_with(program, 1, 2, 2, term=4, nodes=5)
    agree(node, n2=3, n3=3, n4=3, n5=3)
    submit(node, "tea", "jam")
    agree(node, n2=4)
    expect(committed(node) == 0, f"two of five nodes have entry 4, and commit_index is {committed(node)}")
    agree(node, n5=4)
    expect(
        committed(node) == 4,
        f"n1, n2 and n5 have entry 4, of n1's own term 4, so commit_index should be 4, and it is {committed(node)}",
    )


# -- 9.9 Into the book ---------------------------------------------------------------------------


def book_is(node, count, story):
    """The node has committed and applied `count` entries of its log, in order, once each."""
    seen = node.observe()
    wanted = [entry.command for entry in seen["log"][:count]]
    expect(
        seen["commit_index"] == count,
        f"{story}: commit_index should be {count}, and it is {seen['commit_index']}",
    )
    expect(list(seen["book"]) == wanted, f"{story}: the book should say {wanted}, and says {seen['book']}")
    expect(
        seen["last_applied"] == count,
        f"{story}: {count} entries are in the book, and last_applied is {seen['last_applied']}",
    )


@checks(
    "9.9",
    "what the leader has committed is applied, in order, once (FollowerCommitEntry)",
    points=2,
    look_at="the loop, and last_applied",
    source='figure 2, all servers: "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state machine"',
)
def applies_in_order(program):
    node = follower_with(program, 1, 1, 2, 2, 3, term=3)
    for commit, wanted in ((0, 0), (1, 1), (1, 1), (4, 4), (4, 4), (5, 5)):
        tell(node, "n3", AppendEntries(3, "n3", 5, 3, (), commit))
        book_is(node, wanted, f"n1 has 5 entries, all verified, and heard that {commit} are committed")


@checks(
    "9.9",
    "no further than the log is known to agree",
    points=3,
    look_at="min",
    source='figure 2, AppendEntries: "set commitIndex = min(leaderCommit, index of last new entry)"',
)
def commits_what_is_verified(program):
    for prev, terms, commit, wanted in ((3, (), 5, 3), (3, (2,), 9, 4), (0, (), 5, 0), (0, (1,), 2, 1), (5, (3,), 9, 6)):
        node = follower_with(program, 1, 1, 2, 2, 3, term=3)
        prev_term = (0, 1, 1, 2, 2, 3)[prev]
        tell(node, "n3", AppendEntries(3, "n3", prev, prev_term, entries_of(*terms, first=prev + 1), commit))
        book_is(
            node, wanted,
            f"n1 has 5 entries; the leader sent {len(terms)} after index {prev}, and says that {commit} are committed: n1 knows that they agree up to {prev + len(terms)}",
        )  # fmt: skip


@checks(
    "9.9",
    "commit_index never goes back",
    points=1,
    look_at="max",
    source='figure 2, volatile state: commitIndex "increases monotonically"',
)
def commit_never_goes_back(program):
    node = follower_with(program, 1, 1, 2, 2, 3, term=3)
    tell(node, "n3", AppendEntries(3, "n3", 5, 3, (), 3))
    for prev, prev_term, commit in ((1, 1, 5), (2, 1, 4), (5, 3, 1), (0, 0, 4)):
        tell(node, "n3", AppendEntries(3, "n3", prev, prev_term, (), commit))
        book_is(node, 3, f"three entries are committed, and a late heartbeat says: {commit}, and we agree up to {prev}")


@checks(
    "9.9",
    "the till hears of its sale when it is committed, not before (LeaderCommitEntry)",
    points=1,
    look_at="self.apply(index)",
    source='section 5.3: "the leader applies the entry to its state machine and returns the result of that execution to the client"',
)
def answers_the_client(program):
    node = leader_with(program, 1, 1, term=2, nodes=5)
    for number, client in enumerate(("c1", "c2", "c1"), 1):
        tell(node, client, Submit(number, f"sale {number}"))
    agree(node, n2=5)
    early = [m for m in node.all_sent_to("c1") + node.all_sent_to("c2") if isinstance(m, SubmitReply)]
    expect(not early, f"only n1 and n2 of five nodes have the sales, and n1 told a till: {early}")
    agree(node, n3=4)
    book_is(node, 4, "n1, n2 and n3 have entries up to 4, and n1 leads their term")
    for client, wanted in (("c1", [SubmitReply(1, 3, "n1")]), ("c2", [SubmitReply(2, 4, "n1")])):
        got = node.all_sent_to(client, SubmitReply)
        expect(got == wanted, f"entries up to 4 are committed: {client} should hear {wanted}, and heard {got}")


# -- Part R: facts and judges --------------------------------------------------------------------


def what_leaders_send(event):
    """Facts from messages: log matching, and that a leader never changes what it has (figure 3)."""
    if event.kind != "send" or not isinstance(event.data, AppendEntries):
        return
    said = event.data
    before = said.prev_log_term
    for index, entry in enumerate(said.entries, said.prev_log_index + 1):
        yield ("entry", f"{index} of term {entry.term}, with what precedes it"), (entry.command, before)
        yield ("entry of a leader", f"of term {said.term} at index", index), entry
        before = entry.term


class Completeness:
    """Figure 3, leader completeness, from messages alone: what was committed is in every later leader's log."""

    def __init__(self):
        self.before, self.stood = {}, {}  # (index, term) to the term before; (term, node) to its last entry
        self.logs, self.committed = {}, {}

    def hear(self, node, message):
        """What is wrong, in words, or None."""
        if isinstance(message, RequestVote):
            self.stood[message.term, node] = message.last_log_index, message.last_log_term
        if not isinstance(message, AppendEntries):
            return None
        wrong = None if message.term in self.logs else self._elected(message.term, node)
        before = message.prev_log_term
        for index, entry in enumerate(message.entries, message.prev_log_index + 1):
            self.before[index, entry.term] = before
            before = entry.term
        log = self.logs[message.term]
        for index in range(len(self.committed) + 1, message.leader_commit + 1):
            self.committed[index] = log.get(index, message.term), message.term
        return wrong

    def _elected(self, term, node):
        index, of = self.stood.get((term, node), (0, 0))
        log = self.logs[term] = {}
        while index > 0:
            log[index] = of
            of, index = self.before.get((index, of)), index - 1
        for index, (wanted, since) in self.committed.items():
            if since < term and wanted and log.get(index, 0) not in (wanted, None):
                has = f"has one of term {log[index]} there" if index in log else "has none there"
                return f"entry {index} of term {wanted} was committed; {node}, elected in term {term}, {has}"
        return None


def follows_figure_3(run):
    """The judge of a run: leader completeness; books that agree; answers that are true."""
    wrong = elected_properly(run)
    known = Completeness()
    for at, (_, kind, node, _, message, _) in enumerate(run.trace.rows):
        if kind == "send" and wrong is None:
            what = known.hear(node, message)
            wrong = what and Violation("a leader has all that was committed", what, at)
    return wrong or books_agree(run) or answers_are_true(run)


def books(run):
    """The books of the nodes that are up."""
    return {id: list(run.observe(id)["book"]) for id in run.system.node_ids if run.is_up(id)}


def books_agree(run):
    """State-machine safety: each book is the beginning of the longest."""
    seen = books(run)
    if not seen:
        return None
    most = max(seen, key=lambda id: len(seen[id]))
    for id, book in seen.items():
        place = next((n for n, (a, b) in enumerate(zip(book, seen[most], strict=False), 1) if a != b), None)
        if place:
            what = f"entry {place} is {book[place - 1]!r} in {id}'s book, and {seen[most][place - 1]!r} in {most}'s"
            return Violation("all books are the same", what)
    return None


def answers_are_true(run):
    """A till's answer: its command is in the book there, and after all that was answered before it asked."""
    book = dict(enumerate(max(books(run).values(), key=len, default=[]), 1))
    done = [op for op in run.history if op.outcome == "ok"]
    for op in done:
        there = book.get(op.result) or run.facts.value(("command at index", op.result))
        if there not in (op.value, None):  # None: everyone has just crashed
            return Violation("a sale that was answered is in the book", f"{op}, but entry {op.result} is {there!r}")
        late = next((o for o in done if o.returned < op.invoked and o.result >= op.result), None)
        if late:
            return Violation("the book is in the order of the sales", f"{late}, and only then {op}")
    return None


RULES = {"derive": [leaders_and_votes, what_leaders_send], "judge": follows_figure_3}


# -- Part R: scenarios ---------------------------------------------------------------------------


def shop(role, nodes, *turns, gap_ms=5):
    """So many nodes, and a till for each of `turns`, which makes so many sales."""
    tills = {f"c{t}": [("submit", None, f"c{t}.{n}") for n in range(1, turn + 1)] for t, turn in enumerate(turns, 1)}
    return System.of(nodes, role, client="ShopClient", workload=tills, gap_ms=gap_ms)


def close_tills(run):
    """No till reaches any node, until ``open_till``."""
    for till in run.system.client_ids:
        for id in run.system.node_ids:
            run.network.cut(till, id)
            run.network.cut(id, till)


def open_till(run, till, *ids):
    """The till reaches these nodes and no other (all, if none is named)."""
    run.heal(till)
    for id in run.system.node_ids:
        if ids and id not in ids:
            run.network.cut(till, id)


def sold(run, *tills):
    """The commands of these tills (all, if none is named) that were answered."""
    return [op.value for op in run.history if op.outcome == "ok" and (not tills or op.client in tills)]


def passes(run, condition, within_ms):
    """Does `condition` come about within so much virtual time?  Also true where a rule broke: the judge says so."""
    limit = run.now_ms + within_ms
    while run.violation is None and not condition():
        if run.now_ms >= limit:
            return False
        run.run(min(limit, run.now_ms + 20))
    return True


def expect_sold(run, count, story, *tills):
    """`count` sales of these tills are answered in time."""
    met = passes(run, lambda: len(sold(run, *tills)) >= count, RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later, {len(sold(run, *tills))} of {count} sales are answered")


def expect_same_books(run, nodes, story):
    """`nodes` have equal books in time, with all that was answered."""

    def same():
        seen = [list(run.observe(id).get("book", ())) for id in nodes]
        return all(book == seen[0] for book in seen) and set(sold(run)) <= set(seen[0])

    met = passes(run, same, RECOVERY_MS)
    lengths = ", ".join(f"{id} {len(run.observe(id).get('book', ()))}" for id in nodes)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later the books still differ, or lack a sale that was answered (their lengths: {lengths})")


def expect_idle(run, story):
    """Nothing is answered, or comes into a book, for some election timeouts."""
    before = max(map(len, books(run).values()), default=0), len(sold(run))
    run.run(run.now_ms + 5 * TIMEOUT_MS)
    after = max(map(len, books(run).values()), default=0), len(sold(run))
    expect(
        run.violation or before == after,
        f"{story}; and yet {after[0] - before[0]} sales came into a book, and {after[1] - before[1]} were answered",
    )


def expect_leader(run, story, nodes=()):
    """One of `nodes` (all, if none is named) leads from now on, or still does; who."""
    nodes, mark = nodes or run.system.node_ids, len(run.trace)

    def speaks():
        return [row for row in run.trace.rows[mark:] if row[1] == "send" and row[2] in nodes and isinstance(row[4], AppendEntries)]

    met = passes(run, speaks, RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later nobody leads")
    return max(speaks(), key=lambda row: row[4].term)[2] if run.violation is None else nodes[0]


def expect_taken_by(run, node, count):
    """A node that is cut off with tills gets so many entries, which nobody else has."""
    met = passes(run, lambda: len(run.observe(node)["log"]) >= count, RECOVERY_MS)
    expect(met, f"{count} tills sold at a leader that was cut off, and {node}, which hears it, has no {count} entries")


def cut_off(run, *ids, tills=()):
    """These nodes reach no other node, and nobody but `tills`."""
    for id in ids:
        for other in (*run.system.node_ids, *run.system.client_ids):
            if other not in ids and other not in tills:
                run.network.cut(id, other)
                run.network.cut(other, id)
    run.faults["partition"] += 1


def play_all(program, system, play, *, runs, link=CALM, needs=()):
    scenarios(program, system, play, runs=runs, link=link, needs=needs, **RULES)


@checks(
    "9.R",
    "three sales get the first three places in every book (BasicAgree)",
    points=1,
    look_at="9.5 to 9.9, one after the other",
    source="section 5.3; Go lab 3B",
)
def basic_agree(program, role="LogRaft"):
    def play(run):
        close_tills(run)
        expect_leader(run, "three nodes booted")
        expect_idle(run, "nothing has been sold yet")
        open_till(run, "c1")
        expect_sold(run, 3, "three nodes, one till, nothing failed")
        expect_same_books(run, run.system.node_ids, "three sales were made")
        got = [op.result for op in run.history]
        expect(run.violation or got == [1, 2, 3], f"the three sales were answered with the places {got}")

    play_all(program, shop(role, 3, 3), play, runs=6)


@checks(
    "9.R",
    "a sale crosses to each follower about once (RPCBytes)",
    points=1,
    look_at="which entries are sent again though they were answered",
    source="Go lab 3B: at most a budget of bytes per agreement",
)
def rpc_bytes(program, role="LogRaft"):
    system = shop(role, 3, 12, gap_ms=40)

    def play(run):
        expect_sold(run, 12, "three nodes, one till, nothing failed")
        run.run(run.now_ms + 300)
        carried = sum(len(e.data.entries) for e in run.trace.of_kind("send") if isinstance(e.data, AppendEntries))
        expect(
            run.violation or carried <= 3 * 12 + 12,
            f"12 sales, two followers: 24 entries have to travel, and {carried} did",
        )

    play_all(program, system, play, runs=6)


@checks(
    "9.R",
    "without a follower it goes on, without two it waits (FollowerFailure)",
    points=1,
    look_at="the majority in 9.8",
    source="section 5.3; Go lab 3B",
)
def follower_failure(program, role="LogRaft"):
    lose_one_by_one(program, role, leader_too=False)


@checks(
    "9.R",
    "without its leader it goes on, without a majority it waits (LeaderFailure)",
    points=1,
    look_at="the majority in 9.8, and next_index after an election",
    source="section 5.3; Go lab 3B",
)
def leader_failure(program, role="LogRaft"):
    lose_one_by_one(program, role, leader_too=True)


def lose_one_by_one(program, role, *, leader_too):
    """Five nodes lose two, and go on; they lose a third, and stop; then all come back."""

    def play(run):
        close_tills(run)
        left = list(run.system.node_ids)
        for till in ("c1", "c2", "c3"):
            story = f"of five nodes, {', '.join(left)} were connected"
            leader = expect_leader(run, story, left)
            open_till(run, till, *left)
            expect_sold(run, 2, story, till)
            close_tills(run)
            lost = leader if leader_too else next(id for id in left if id != leader)
            left.remove(lost)
            cut_off(run, lost)
        open_till(run, "c4", *left)
        expect_idle(run, "three of five nodes were cut off")
        run.heal()
        expect_sold(run, 2, "all five nodes were connected again", "c4")
        expect_same_books(run, run.system.node_ids, "all five nodes were connected again")

    play_all(program, shop(role, 5, 2, 2, 2, 2), play, runs=5, needs=("partition",))


@checks(
    "9.R",
    "a follower that was away gets what it missed (FailAgree)",
    points=1,
    look_at="next_index after a refusal",
    source="section 5.3; Go lab 3B",
)
def fail_agree(program, role="LogRaft"):
    def play(run):
        expect_sold(run, 2, "three nodes booted")
        leader = leader_in(run)
        away = next(id for id in run.system.node_ids if id != leader)
        cut_off(run, away)
        expect_sold(run, 8, f"of three nodes, {away} was cut off")
        run.run(run.now_ms + 2 * TIMEOUT_MS)
        run.heal()
        expect_same_books(run, run.system.node_ids, f"{away} missed some sales, and is back")
        expect_sold(run, 12, f"{away} is back")
        expect_same_books(run, run.system.node_ids, f"{away} is back")

    play_all(program, shop(role, 3, 12, gap_ms=60), play, runs=6, needs=("partition",))


@checks(
    "9.R",
    "three of five away: nothing is sold until they are back (FailNoAgree)",
    points=1,
    look_at="the majority in 9.8",
    source="section 5.3; Go lab 3B",
)
def fail_no_agree(program, role="LogRaft"):
    def play(run):
        close_tills(run)
        expect_leader(run, "five nodes booted")
        open_till(run, "c1")
        expect_sold(run, 1, "five nodes booted")
        close_tills(run)
        leader = leader_in(run)
        cut_off(run, *[id for id in run.system.node_ids if id != leader][:3])
        open_till(run, "c2", leader)
        expect_idle(run, "the leader of five has one follower left")
        run.heal()
        expect_sold(run, 2, "all five nodes are connected again", "c2")
        expect_same_books(run, run.system.node_ids, "all five nodes are connected again")

    play_all(program, shop(role, 5, 1, 2), play, runs=6, needs=("partition",))


@checks(
    "9.R",
    "ten tills at once, and no sale is lost (ConcurrentStarts)",
    points=1,
    look_at="on_submit sends at once; what follows is sent on an answer",
    source="Go lab 3B",
)
def concurrent_starts(program, role="LogRaft"):
    def play(run):
        close_tills(run)
        expect_leader(run, "three nodes booted")
        for till in run.system.client_ids:
            open_till(run, till)
        expect_sold(run, 30, "three nodes, ten tills, nothing failed")
        expect_same_books(run, run.system.node_ids, "ten tills sold three times each")

    play_all(program, shop(role, 3, *[3] * 10), play, runs=4)


@checks(
    "9.R",
    "a leader that was away drops what it alone had (Rejoin)",
    points=2,
    look_at="the first entry that conflicts, in 9.5",
    source="section 5.3; Go lab 3B",
)
def rejoin(program, role="LogRaft"):
    def play(run):
        close_tills(run)
        old = expect_leader(run, "three nodes booted")
        cut_off(run, old)
        for till in ("c1", "c2", "c3"):
            open_till(run, till, old)  # what they sell there, nobody else hears of
        expect_taken_by(run, old, 3)
        rest = [id for id in run.system.node_ids if id != old]
        open_till(run, "c4", *rest)
        expect_sold(run, 3, f"{old} led, and was cut off with three tills")
        expect(
            run.violation or not sold(run, "c1", "c2", "c3"),
            f"{old} was cut off from both other nodes, and told a till that its sale is done",
        )
        run.heal()
        expect_same_books(run, run.system.node_ids, f"{old} is back, with sales that nobody else has")
        expect_sold(run, 8, f"{old} is back, with its tills")
        expect_same_books(run, run.system.node_ids, f"{old} is back, with its tills")

    play_all(program, shop(role, 3, 1, 1, 1, 5), play, runs=6, needs=("partition",))


@checks(
    "9.R",
    "long wrong logs are repaired term by term, not entry by entry (Backup)",
    points=2,
    look_at="conflict_index, in 9.7",
    source="section 5.3; Go lab 3B",
)
def backup(program, role="LogRaft"):
    many = [f"c{n}" for n in range(1, 25)]

    def play(run):
        close_tills(run)
        old = expect_leader(run, "five nodes booted")
        friend, *rest = [id for id in run.system.node_ids if id != old]
        cut_off(run, old, friend)
        for till in many:
            open_till(run, till, old)
        expect_taken_by(run, friend, 24)
        open_till(run, "c25", *rest)
        expect_sold(run, 20, f"{old} led, and was cut off with {friend} and 24 tills", "c25")
        second = expect_leader(run, f"{old} and {friend} were cut off", rest)
        run.run(run.now_ms + 100)
        close_tills(run)
        mark = len(run.trace)
        run.heal(old, friend)
        cut_off(run, second)
        story = f"{old} and {friend} are back, with 24 wrong entries each; {second} was cut off, so there is a new leader"
        four = [id for id in run.system.node_ids if id != second]
        open_till(run, "c26", *four)
        expect_sold(run, 1, story, "c26")
        expect_same_books(run, four, story)
        refused = sum(_is_refusal(row, friend) for row in run.trace.rows[mark:])
        expect(
            run.violation or refused <= 6,
            f"{friend} came back with 24 wrong entries of one term, and had to refuse {refused} times until it was repaired",
        )

    play_all(program, shop(role, 5, *[1] * 24, 20, 1, gap_ms=20), play, runs=3, needs=("partition",))


def _is_refusal(row, node):
    _, kind, sender, _, message, _ = row
    return kind == "send" and sender == node and isinstance(message, AppendEntriesReply) and not message.success


@checks(
    "9.R",
    "no more messages than needed (Count)",
    points=1,
    look_at="what is sent for one sale, and what when nothing is sold",
    source="Go lab 3B: few messages to elect, to agree, and in an idle second",
)
def count_messages(program, role="LogRaft"):
    def sends(run, kinds, since):
        return sum(isinstance(row[4], kinds) and row[1] == "send" for row in run.trace.rows[since:])

    def play(run):
        close_tills(run)
        expect_leader(run, "three nodes booted")
        asked = sends(run, (RequestVote, AppendEntries), 0)
        expect(run.violation or asked <= 30, f"to elect a leader of three, {asked} requests were sent")
        mark = len(run.trace)
        open_till(run, "c1")
        expect_sold(run, 10, "three nodes, one till, nothing failed")
        needed, beats = 10 * 2, 2 * (run.now_ms / 50 + 2)
        said = sends(run, AppendEntries, mark)
        expect(
            run.violation or said <= 2 * needed + beats,
            f"10 sales need {needed} AppendEntries to two followers, and heartbeats; {said} were sent",
        )
        close_tills(run)
        mark = len(run.trace)
        run.run(run.now_ms + 1_000)
        idle = sends(run, (RequestVote, AppendEntries), mark)
        expect(run.violation or idle <= 60, f"in one second in which nothing was sold, {idle} requests were sent")

    play_all(program, shop(role, 3, 10), play, runs=4)


@checks(
    "9.R",
    "in any order of events, all books are the same",
    points=3,
    look_at="the numbered steps: which message came late?",
    source="figure 3: all five properties",
    not_shown="that anything is ever sold",
)
def same_books_in_any_order(program, role="LogRaft"):
    for system, limits, count in (
        (shop(role, 3, 2, 2), Walk(steps_max=110, duplicates=True, timers=10), 200),
        (shop(role, 3, 2, 2, 2), Walk(steps_max=130, timers=12, demotions=8), 150),
        (shop(role, 5, 2, 1), Walk(steps_max=130, duplicates=True), 60),
    ):
        walks(program, system, count=count, limits=limits, **RULES)


@checks(
    "9.R",
    "on lossy links, with leaders cut off, nothing that was sold is lost",
    points=3,
    look_at="what an old leader's messages and answers do",
    source="figure 3: all five properties",
)
def safe_on_lossy_links(program, role="LogRaft"):
    def play(run):
        chance = Stream(run.seed, "who is cut off")
        for at_ms in range(400, 3_000, 300):
            run.run(at_ms)
            run.heal()
            some = [leader_in(run), *chance.some(run.system.node_ids)][: chance.between(1, 2)]
            run.partition((*some, *chance.some(run.system.client_ids)[:1]), [
                id for id, _ in run.system.members if id not in some
            ]) if chance.chance(0.7) else run.cut(some[0], chance.choice(run.system.node_ids))  # fmt: skip
        calm_down(run)
        expect_same_books(run, run.system.node_ids, "the faults have ended")

    needs = ("partition", "cut", "late", "loss", "duplication")
    play_all(program, shop(role, 5, 9, 9, 9, gap_ms=60), play, runs=16, link=LOSSY, needs=needs)


# -- Part R: figure 8 ----------------------------------------------------------------------------


@checks(
    "9.R",
    "figure 8: what an old term left behind is never lost once it is committed",
    points=3,
    look_at="the condition on the term, in 9.8",
    source="figure 8, and section 5.4.2",
)
def figure_8(program, role="LogRaft"):
    search_story(program, tell_figure_8(role))


def search_story(program, story):
    """Search by stages: from the end of a story, every order within its bounds, where the program is in this process."""
    if not isinstance(program, LocalProgram):
        return
    experiment, check = Experiment(program, story.system, tuple(RULES["derive"])), trial().check.exercise
    try:
        found = search(experiment, story.bounds, story.stages)
    except NotComparable as reason:
        trial().evidence.append(f"no search of all orders: {reason}")
        return
    except LookupError as reason:
        raise Broken(f"the story does not get so far: {reason}") from reason
    trial().evidence.append(f"by stages: {found}")
    if found.violation:
        told = counterexample(experiment, found.schedule, found.violation, check=check, seed="all orders")
        raise Broken(told.what, told)
