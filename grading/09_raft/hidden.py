"""Lab 09, hidden checks: the same rules as the public ones, over more of what may happen.

Terms, logs, sizes and schedules are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from given import (
    ELECTION_MS,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    RequestVote,
    RequestVoteReply,
    Role,
)

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.verdict import trial

TIMEOUT_MS = ELECTION_MS[1]
REST_MS = 1_000


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def others_of(nodes):
    return [f"n{number}" for number in range(2, nodes + 1)]


def node_in(program, term, *, voted_for=None, terms_of_log=(), nodes=3):
    """n1 of so many nodes, booted from a disk that says `term`, `voted_for`, and a log with these terms."""
    node = by_hand(program, "Raft", "n1", peers=others_of(nodes))
    log = tuple(LogEntry(term, f"command {number}") for number, term in enumerate(terms_of_log, 1))
    node.storage.update(current_term=term, voted_for=voted_for, log=log)
    node.restart()
    return node


# -- 9.1 to 9.4, one node in the hand ----------------------------------------------------------------


@checks("9.1", "any voter, any request", points=2, source="figure 2, RequestVote")
def any_vote(program):
    draw = dice()
    for _ in range(120):
        term, voted_for = draw.randint(1, 9), draw.choice((None, None, "n2", "n3"))
        terms = sorted(draw.randint(1, term) for _ in range(draw.randint(0, 4)))
        node = node_in(program, term, voted_for=voted_for, terms_of_log=terms)
        asked = draw.choice((term, term, term, draw.randint(0, term)))
        last = draw.randint(0, asked)
        request = RequestVote(
            asked, draw.choice(("n2", "n3")), draw.randint(1, 5) if last else 0, last
        )
        node.deliver(request.candidate_id, request)
        newer = (last, request.last_log_index) >= (terms[-1] if terms else 0, len(terms))
        wanted = asked == term and voted_for in (None, request.candidate_id) and newer
        got = node.sent_to(request.candidate_id, RequestVoteReply).vote_granted
        expect(
            got == wanted,
            f"in term {term}, vote given to {voted_for}, log of terms {terms}: {request} was answered {got}",
        )


@checks("9.2", "any term, any log, any number of nodes", points=1, source="section 5.2")
def any_candidate(program):
    draw = dice()
    for _ in range(40):
        term, nodes = draw.randint(0, 50), draw.randint(2, 9)
        terms = sorted(draw.randint(1, term) for _ in range(draw.randint(0, 5))) if term else []
        node = node_in(
            program, term, voted_for=draw.choice((None, "n2")), terms_of_log=terms, nodes=nodes
        )
        for _ in range(draw.randint(1, 3)):
            term += 1
            node.sent.clear()
            node.fire("election")
            wanted = RequestVote(term, "n1", len(terms), terms[-1] if terms else 0)
            asked = sorted(node.sent, key=str)
            expect(
                asked == sorted(((peer, wanted) for peer in others_of(nodes)), key=str),
                f"n1 of {nodes} stood in term {term} and sent {asked}",
            )
            expect(
                (node.storage["current_term"], node.storage["voted_for"]) == (term, "n1"),
                f"n1 stood in term {term}; its disk says {node.storage['current_term']}, {node.storage['voted_for']}",
            )
            if draw.random() < 0.3:
                node.restart()


@checks("9.3", "any answers, in any order", points=2, source="section 5.2")
def any_answers(program):
    draw = dice()
    for _ in range(60):
        nodes, term = draw.randint(2, 9), draw.randint(2, 6)
        node = node_in(program, term - 2, nodes=nodes)
        node.fire("election")
        for voter in draw.sample(others_of(nodes), (nodes - 1) // 2):
            if draw.random() < 0.5 and 2 * (len(node.observe()["votes"]) + 1) <= nodes:
                node.deliver(voter, RequestVoteReply(term - 1, True))
        node.fire("election")
        yes = {"n1"}
        for _ in range(3 * nodes):
            voter, granted = draw.choice(others_of(nodes)), draw.random() < 0.6
            of_term = draw.choice((term, term, term - 1))
            if granted and of_term == term:
                yes.add(voter)
            node.deliver(voter, RequestVoteReply(of_term, granted))
            leads = node.observe()["role"] is Role.LEADER
            wins = 2 * len(yes) > nodes
            expect(
                leads == wins,
                f"{', '.join(sorted(yes))} of {nodes} nodes voted for n1 in term {term}, and it is {'the' if leads else 'no'} leader",
            )
            if wins:
                break


# -- 9.E ----------------------------------------------------------------------------------------------


class Book:
    """Figure 2, for one node with an empty log: what it must answer, whatever comes."""

    def __init__(self, nodes):
        self.nodes, self.term, self.voted, self.role, self.votes = nodes, 0, None, "follower", set()

    def hear(self, term):
        if term > self.term:
            self.term, self.voted, self.role = term, None, "follower"
        return term == self.term

    def stand(self):
        self.term, self.voted, self.role, self.votes = self.term + 1, "n1", "candidate", {"n1"}
        return RequestVote(self.term, "n1", 0, 0)

    def vote(self, request):
        current = self.hear(request.term)
        granted = current and self.voted in (None, request.candidate_id)
        if granted:
            self.voted = request.candidate_id
        return RequestVoteReply(self.term, granted)

    def count(self, voter, reply):
        if self.hear(reply.term) and self.role == "candidate" and reply.vote_granted:
            self.votes.add(voter)
            if 2 * len(self.votes) > self.nodes:
                self.role = "leader"
                return AppendEntries(self.term, "n1")
        return None

    def follow(self, heartbeat):
        current = self.hear(heartbeat.term)
        if current:
            self.role = "follower"
        return AppendEntriesReply(self.term, current)


@checks("9.E", "one node, any mixture of news, elections and crashes", points=3, source="figure 2")
def by_the_book(program):
    draw = dice()
    for _ in range(12):
        nodes = draw.choice((3, 5))
        node, book = by_hand(program, "Raft", "n1", peers=others_of(nodes)), Book(nodes)
        for _ in range(60):
            told, wanted = _one_step(node, book, draw)
            sent = sorted(node.sent, key=str)
            expect(
                sent == sorted(wanted, key=str), f"{told}; n1 should send {wanted}, and sent {sent}"
            )
            seen = node.observe()
            expect(
                seen["role"].value == book.role,
                f"{told}; n1 should be a {book.role}, and is a {seen['role'].value}",
            )
            expect(
                seen["current_term"] == book.term,
                f"{told}; n1 should be in term {book.term}, not {seen['current_term']}",
            )
            due = "heartbeat" if book.role == "leader" else "election"
            expect(
                list(node.timers) == [due],
                f"{told}; n1 is a {book.role}, and its timers are: {', '.join(node.timers)}",
            )


def _one_step(node, book, draw):
    """Something happens to the node: what, in words, and the (peer, message) pairs that must follow."""
    peers, peer = others_of(book.nodes), draw.choice(others_of(book.nodes))
    term = max(0, book.term + draw.choice((-1, 0, 0, 0, 1, 2)))
    node.sent.clear()
    what = draw.choice(("timer", "restart", "ask", "ask", "ask", "vote", "vote", "vote", "beat"))
    if what == "timer" and book.role != "leader":
        node.fire("election")
        asked = book.stand()
        return f"its election timer fired for term {book.term}", [(p, asked) for p in peers]
    if what == "restart" and draw.random() < 0.5:
        node.restart()
        book.role = "follower"
        return "it crashed and booted", []
    if what == "ask":
        request = RequestVote(term, peer, 0, 0)
        node.deliver(peer, request)
        return f"{peer} asked for its vote in term {term}", [(peer, book.vote(request))]
    if what == "beat" and not (book.role == "leader" and term == book.term):
        node.deliver(peer, AppendEntries(term, peer))
        return f"{peer}'s heartbeat of term {term} came", [
            (peer, book.follow(AppendEntries(term, peer)))
        ]
    reply = RequestVoteReply(term, draw.random() < 0.7 and term <= book.term)
    node.deliver(peer, reply)
    won = book.count(peer, reply)
    return f"{peer} answered {reply}", [(p, won) for p in peers] if won else []


def leaders_and_votes(event):
    """What a node's messages say: who leads a term, and whom it votes for in a term."""
    if event.kind != "send":
        return
    message = event.data
    if isinstance(message, AppendEntries):
        yield ("leader of term", message.term), event.node
    elif isinstance(message, RequestVote):
        yield ("vote", f"of {event.node} in term", message.term), event.node
    elif isinstance(message, RequestVoteReply) and message.vote_granted:
        yield ("vote", f"of {event.node} in term", message.term), event.peer


def elected_properly(run):
    """No term goes back, and a leader has the votes of a majority."""
    term, votes = {}, {}
    for at, event in enumerate(run.trace):
        message = event.data
        if (
            event.kind == "deliver"
            and isinstance(message, RequestVoteReply)
            and message.vote_granted
        ):
            votes.setdefault((event.node, message.term), {event.node}).add(event.peer)
        if event.kind != "send":
            continue
        if message.term < term.setdefault(event.node, 0):
            return Violation(
                "a term never goes back",
                f"{event.node} was in term {term[event.node]}, and now speaks in term {message.term}",
                at,
            )
        term[event.node] = message.term
        have = votes.get((event.node, message.term), {event.node})
        if isinstance(message, AppendEntries) and 2 * len(have) <= len(run.system.node_ids):
            return Violation(
                "a majority elects",
                f"{event.node} leads term {message.term} with the votes of {', '.join(sorted(have))} only",
                at,
            )
    return None


SAFETY = {"derive": [leaders_and_votes], "judge": elected_properly}


@checks(
    "9.E",
    "at most one leader per term, with two, four and seven nodes",
    points=2,
    source="figure 3, election safety",
)
def safety_of_other_sizes(program):
    for nodes, count in ((2, 80), (4, 120), (7, 40)):
        limits = Walk(steps_max=20 + 8 * nodes, restarts=3, cuts=3, duplicates=True)
        walks(program, System.of(nodes, "Raft"), count=count, limits=limits, **SAFETY)


def leader_in(run):
    """The last node that spoke as a leader, or n1 if nobody has."""
    sent = reversed(run.trace.of_kind("send"))
    return next((event.node for event in sent if isinstance(event.data, AppendEntries)), "n1")


def settled(run, nodes):
    """Is there one leader, whom all `nodes` follow, as the messages of the last second tell?"""
    since_us = (run.now_ms - REST_MS) * 1000
    sent = [
        event
        for event in run.trace.of_kind("send")
        if event.time_us >= since_us and event.node in nodes
    ]
    speak = {event.node for event in sent if isinstance(event.data, AppendEntries)}
    answer = {event.node for event in sent if isinstance(event.data, AppendEntriesReply)}
    return (
        len(speak) == 1
        and speak | answer == set(nodes)
        and len({event.data.term for event in sent}) == 1
    )


def expect_settled(run, nodes, story):
    run.run(run.now_ms + 20 * TIMEOUT_MS + REST_MS)
    expect(
        run.violation or settled(run, nodes),
        f"{story}; 20 election timeouts later there is still no leader whom all follow",
    )


@checks(
    "9.E",
    "a leader that dies in the act of being elected",
    points=2,
    source="figure 3, election safety",
)
def dies_while_elected(program):
    def play(run):
        draw = random.Random(f"{run.seed} faults")
        for turn in range(1, 13):
            node = draw.choice(run.system.node_ids)
            run.crash_within(node, draw.randint(0, 4))
            run.run(300 * turn + 150)
            for id in run.system.node_ids:
                run.restart(id)
            run.crash(leader_in(run))
            run.run(300 * turn + 200)
            run.restart(leader_in(run))

    link = Link(delay_ms=(1, 30), duplication=0.15, tail=0.15, tail_ms=700)
    needs = ("crash", "crash within a handler", "restart", "late", "duplication")
    scenarios(program, System.of(3, "Raft"), play, runs=20, link=link, needs=needs, **SAFETY)


# -- 9.L ----------------------------------------------------------------------------------------------


@checks(
    "9.L", "many elections: seven nodes, three cut off at a time", points=2, source="section 5.2"
)
def many_elections(program):
    def play(run):
        draw, nodes = random.Random(f"{run.seed} faults"), run.system.node_ids
        for _ in range(4):
            away = [leader_in(run), *draw.sample([id for id in nodes if id != leader_in(run)], 2)]
            left = [id for id in nodes if id not in away]
            run.partition(left, *((id,) for id in away))
            expect_settled(run, left, f"{', '.join(sorted(away))} were cut off, each alone")
            run.heal()
        expect_settled(run, nodes, "all seven were connected again")

    scenarios(
        program,
        System.of(7, "Raft"),
        play,
        runs=3,
        link=Link(delay_ms=(1, 12)),
        needs=("partition", "cut"),
    )


@checks(
    "9.L",
    "a leader that is mute or deaf, or stopped, is replaced or followed again",
    points=2,
    source="section 5.2",
)
def half_a_leader(program):
    def play(run):
        nodes = run.system.node_ids
        for how in ("mute", "deaf", "stopped"):
            run.run(run.now_ms + 600)
            leader = leader_in(run)
            for other in nodes:
                if other != leader and how != "stopped":
                    run.cut(*((leader, other) if how == "mute" else (other, leader)))
            if how == "stopped":
                run.pause(leader)
            run.run(run.now_ms + 900)
            run.heal()
            run.resume(leader)
            expect_settled(run, nodes, f"the leader {leader} was {how} for 900 ms, and is back")

    scenarios(
        program,
        System.of(5, "Raft"),
        play,
        runs=6,
        link=Link(delay_ms=(1, 12)),
        needs=("cut link", "pause"),
    )
