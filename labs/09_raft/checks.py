"""Lab 09, public checks.  The grader runs the same ones with other seeds, and hidden ones besides.

Sentences in quotation marks are those of Ongaro & Ousterhout 2014, "In search of an
understandable consensus algorithm"; the part checks judge a node by what it sends, and take
what it claims as one more witness.
"""

from __future__ import annotations

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
from labkit.explorer import Experiment
from labkit.facts import Violation
from labkit.frozen import NotComparable
from labkit.program import LocalProgram
from labkit.search import Bounds, search
from labkit.shrink import counterexample
from labkit.verdict import Broken, trial

TIMEOUT_MS = ELECTION_MS[1]
CALM = Link(delay_ms=(1, 10))
HOSTILE = Link(delay_ms=(1, 40), loss=0.1, duplication=0.1, tail=0.1, tail_ms=900)


# -- one node in the hand ------------------------------------------------------------------------


def node_in(program, term, *, voted_for=None, terms_of_log=(), nodes=3):
    """n1 of so many nodes, booted from a disk that says `term`, `voted_for`, and a log with these terms."""
    node = by_hand(program, "Raft", "n1", peers=[f"n{n}" for n in range(2, nodes + 1)])
    log = tuple(LogEntry(t, f"command {n}") for n, t in enumerate(terms_of_log, 1))
    node.storage.update(current_term=term, voted_for=voted_for, log=log)
    node.restart()
    return node


def asks(node, candidate, term, *, log=(0, 0)):
    """`candidate` asks for a vote, with a log of (last term, last index); the reply that it gets."""
    before = len(node.all_sent_to(candidate, RequestVoteReply))
    node.deliver(candidate, RequestVote(term, candidate, log[1], log[0]))
    replies = node.all_sent_to(candidate, RequestVoteReply)[before:]
    expect(
        len(replies) == 1, f"{candidate} asked n1 for its vote once, and got {len(replies)} replies"
    )
    return replies[0]


def grants(node, term, *voters):
    """The vote of each of `voters` for n1 in `term` arrives."""
    for voter in voters:
        node.deliver(voter, RequestVoteReply(term, True))


def is_leader(node):
    return node.observe()["role"] is Role.LEADER


def saves_before_sends(node, what):
    """In the last handler's effects, everything was saved before anything was sent."""
    kinds = [effect[0] for effect in node.effects if effect[0] in ("save", "send")]
    expect("save" in kinds, f"{what}, and n1 saved nothing: after a crash it knows nothing of it")
    expect("send" in kinds, f"{what}, and n1 sent nothing")
    expect(
        "save" not in kinds[kinds.index("send") :],
        f"{what}, and n1 sends before it has saved everything",
    )


# -- 9.1 The vote --------------------------------------------------------------------------------


@checks(
    "9.1",
    "one vote per term",
    points=2,
    look_at="self.voted_for",
    source='section 5.2: "Each server will vote for at most one candidate in a given term"',
)
def votes_once_per_term(program):
    for first, second in (("n2", "n3"), ("n3", "n2")):
        node = node_in(program, 1)
        expect(
            asks(node, first, 1).vote_granted,
            f"n1 refused {first}, the first candidate of term 1, though it had not voted",
        )
        expect(
            not asks(node, second, 1).vote_granted,
            f"n1 voted twice in term 1: for {first}, then for {second}",
        )


@checks(
    "9.1",
    "a vote may be given again to the same candidate",
    points=1,
    look_at="both values that voted_for may have",
    source='figure 2, RequestVote: "If votedFor is null or candidateId"',
)
def repeats_a_vote(program):
    node = node_in(program, 1)
    asks(node, "n2", 1)
    expect(
        asks(node, "n2", 1).vote_granted,
        "n2 asked twice, its first answer being lost, and n1 refused the second time",
    )
    node = node_in(program, 4, voted_for="n3")
    expect(
        asks(node, "n3", 4).vote_granted,
        "n1 voted for n3, crashed and came back; n3 asked again, and was refused",
    )


@checks(
    "9.1",
    "a candidate of an older term gets no vote",
    points=1,
    look_at="request.term and self.current_term",
    source='figure 2, RequestVote: "Reply false if term < currentTerm"',
)
def refuses_older_terms(program):
    for voted_for in (None, "n2"):
        for term in (1, 2):
            reply = asks(node_in(program, 3, voted_for=voted_for), "n2", term)
            expect(
                not reply.vote_granted,
                f"n1 is in term 3, and gave n2 a vote for term {term}: in term 3, as its reply says",
            )


@checks(
    "9.1",
    "a candidate whose log is behind gets no vote",
    points=2,
    look_at="self.up_to_date(request)",
    source='section 5.4.1: "the voter denies its vote if its own log is more up-to-date"',
)
def refuses_shorter_logs(program):
    mine = (1, 1, 3)  # so the last entry is number 3, of term 3
    for log, wanted in (
        ((3, 3), True),
        ((3, 4), True),
        ((4, 1), True),
        ((3, 2), False),
        ((2, 9), False),
        ((0, 0), False),
    ):
        node = node_in(program, 5, terms_of_log=mine)
        got = asks(node, "n2", 5, log=log).vote_granted
        said = f"n1's last entry is number 3 of term 3, n2's is number {log[1]} of term {log[0]}"
        expect(
            got == wanted,
            f"{said}, and n1 {'voted for' if got else 'refused'} n2; the later term wins, then the longer log",
        )
        if not wanted:
            expect(
                asks(node, "n3", 5, log=(3, 3)).vote_granted,
                "n1 refused n2, and then had no vote left for n3",
            )


# -- 9.2 Standing for election ---------------------------------------------------------------------


@checks(
    "9.2",
    "a candidate goes to the next term and votes for itself",
    points=2,
    look_at="the attributes, one by one",
    source='section 5.2: "To begin an election, a follower increments its current term and transitions to candidate state"',
)
def candidate_votes_for_itself(program):
    for term, voted_for in ((0, None), (4, "n3")):
        node = node_in(program, term, voted_for=voted_for)
        node.fire("election")
        seen = node.observe()
        expect(
            seen["current_term"] == term + 1,
            f"n1 was in term {term}, stood for election, and is in term {seen['current_term']}",
        )
        expect(
            seen["role"] is Role.CANDIDATE, f"n1 stood for election, and its role is {seen['role']}"
        )
        expect(
            seen["voted_for"] == "n1",
            f"n1 stands in term {term + 1}, and its vote there is {seen['voted_for']}'s",
        )
        expect(
            set(seen["votes"]) == {"n1"},
            f"n1 begins an election with the votes of {sorted(seen['votes']) or 'nobody'}, not of n1",
        )


@checks(
    "9.2",
    "it asks every other node for its vote",
    points=1,
    look_at="the fields of RequestVote",
    source='section 5.2: "... issues RequestVote RPCs in parallel to each of the other servers in the cluster"',
)
def candidate_asks_everyone(program):
    for terms in ((), (1, 1, 2)):
        node = node_in(program, 6, terms_of_log=terms, nodes=5)
        node.fire("election")
        asked = sorted(peer for peer, message in node.sent if isinstance(message, RequestVote))
        expect(
            asked == ["n2", "n3", "n4", "n5"],
            f"n1 of n1 to n5 stood for election and asked {', '.join(asked) or 'nobody'}",
        )
        wanted = RequestVote(7, "n1", len(terms), terms[-1] if terms else 0)
        expect(
            node.sent_to("n2") == wanted,
            f"n1 has {len(terms)} entries, went from term 6 to 7, and sent {node.sent_to('n2')}",
        )


@checks(
    "9.2",
    "term and vote are saved before anyone is asked",
    points=2,
    look_at="the place of storage.save, and what it saves",
    source='figure 2, persistent state: "Updated on stable storage before responding to RPCs"',
)
def candidate_saves_first(program):
    node = node_in(program, 0)
    for term in (1, 2):
        node.fire("election")
        saves_before_sends(node, f"n1 stood for election in term {term}")
        on_disk = node.storage.get("current_term"), node.storage.get("voted_for")
        expect(
            on_disk == (term, "n1"),
            f"n1 voted for n1 in term {term}; its disk says: term {on_disk[0]}, vote for {on_disk[1]}",
        )


@checks(
    "9.2",
    "if nobody wins, it stands again",
    points=1,
    look_at="what ends the wait of a candidate",
    source='section 5.2: "each candidate will time out and start a new election by incrementing its term"',
)
def candidate_stands_again(program):
    node = node_in(program, 0)
    for term in (1, 2, 3):
        node.fire("election")
        expect(
            "election" in node.timers,
            f"n1 stood in term {term} and set no election timer: if nobody wins, it waits for ever",
        )
        asked = node.sent_to("n3", RequestVote).term
        expect(asked == term, f"n1 stood for the {term}. time, and asked for votes in term {asked}")


@checks(
    "9.2",
    "candidates do not all wait equally long",
    points=1,
    look_at="self.restart_election_timer()",
    source='section 5.2: "election timeouts are chosen randomly from a fixed interval (e.g., 150-300ms)"',
)
def candidate_waits_randomly(program):
    node, waits = node_in(program, 0), set()
    for _ in range(12):
        node.fire("election")
        least, most = (limit / 1000 for limit in node.timers.get("election", (0, 0)))
        waits |= {least, most}
        within = ELECTION_MS[0] <= least <= most <= ELECTION_MS[1]
        expect(
            within,
            f"n1 waits {least:g} to {most:g} ms for the end of its election; the election timeout is {ELECTION_MS} ms",
        )
    expect(
        len(waits) > 1,
        f"n1 waits {least:g} ms, each time; if all do, they stand together, and split the votes, for ever",
    )


# -- 9.3 Counting votes --------------------------------------------------------------------------


def candidate_of(program, nodes, term=1):
    """n1 of so many nodes, a candidate in `term`."""
    node = node_in(program, term - 1, nodes=nodes)
    node.fire("election")
    return node


@checks(
    "9.3",
    "more than half of all nodes make a leader, and no fewer",
    points=3,
    look_at="what you compare, and does it count n1?",
    source='section 5.2: "a candidate wins an election if it receives votes from a majority of the servers in the full cluster"',
)
def majority_wins(program):
    for nodes in (3, 5, 4, 2, 7, 6):
        node, needed = candidate_of(program, nodes), nodes // 2 + 1
        for count in range(2, needed + 1):
            grants(node, 1, f"n{count}")
            said = f"{count} of {nodes} nodes voted for n1, itself among them"
            expect(
                is_leader(node) or count < needed,
                f"{said}, and it is no leader; {needed} are a majority",
            )
            expect(
                not is_leader(node) or count == needed, f"{said}, and it leads; it takes {needed}"
            )
        told = [
            peer for peer in node.system[1:] if AppendEntries(1, "n1") in node.all_sent_to(peer)
        ]
        expect(
            len(told) == nodes - 1,
            f"n1 won term 1 and told {', '.join(told) or 'nobody'}; self.become_leader() tells everyone",
        )


@checks(
    "9.3",
    "a refusal is not a vote",
    points=1,
    look_at="reply.vote_granted",
    source="figure 2: voteGranted",
)
def refusals_do_not_count(program):
    node = candidate_of(program, 5)
    for voter in ("n2", "n3", "n4", "n5"):
        node.deliver(voter, RequestVoteReply(1, False))
    expect(not is_leader(node), "four of five nodes refused n1 their vote, and it leads")
    grants(node, 1, "n2", "n3")
    expect(
        is_leader(node),
        "n1, n2 and n3 voted for n1, two of them at the second try, and it is no leader",
    )


@checks(
    "9.3",
    "a vote that comes twice is one vote",
    points=1,
    look_at="what kind of thing self.votes is",
    source='section 5.2: "Each server will vote for at most one candidate in a given term"',
)
def copies_do_not_count(program):
    node = candidate_of(program, 5)
    grants(node, 1, "n2", "n2", "n2", "n2")
    expect(
        not is_leader(node),
        "n2's vote came four times, nobody else's did, and n1 leads with 2 votes of 5",
    )


@checks(
    "9.3",
    "a vote of an earlier term does not count",
    points=2,
    look_at="reply.term; and what self.votes holds at the start",
    source='section 5.2: "votes from a majority of the servers in the full cluster for the same term"',
)
def stale_votes_do_not_count(program):
    node = candidate_of(program, 3)
    node.fire("election")
    grants(node, 1, "n2", "n3")
    expect(
        not is_leader(node),
        "n1 stands in term 2; the votes that it was given in term 1 arrive late, and it leads term 2",
    )
    node = candidate_of(program, 5)
    grants(node, 1, "n2")
    node.fire("election")
    grants(node, 2, "n3")
    expect(
        not is_leader(node),
        "n2 voted for n1 in term 1 and n3 in term 2; n1 leads term 2, with its own vote and n3's, of 5",
    )
    grants(node, 2, "n2")
    expect(is_leader(node), "n1, n2 and n3 voted for n1 in term 2, and it is no leader")


@checks(
    "9.3",
    "only a candidate is elected, and only once",
    points=1,
    look_at="self.role",
    source='figure 2, candidates: "If votes received from majority of servers: become leader"',
)
def only_candidates_are_elected(program):
    node = candidate_of(program, 5)
    grants(node, 1, "n2", "n3")
    before = len(node.sent)
    grants(node, 1, "n4", "n5")
    again = node.sent[before:]
    expect(
        not again,
        f"n1 led already when n4's vote came, and sent {again[:1]}: it became leader a second time",
    )
    node = candidate_of(program, 3)
    node.restart()
    grants(node, 1, "n2", "n3")
    expect(
        not is_leader(node),
        "n1 crashed and is a follower; votes from before the crash came, and it leads",
    )


# -- 9.4 Stepping down ---------------------------------------------------------------------------

NEWS = (
    ("a candidate's request", lambda term: RequestVote(term, "n2", 9, 9)),
    ("a refusal", lambda term: RequestVoteReply(term, False)),
    ("a heartbeat", lambda term: AppendEntries(term, "n2")),
    ("a follower's reply", lambda term: AppendEntriesReply(term, False)),
)


def leader_of(program, term=1):
    """n1 of three nodes, leader of `term`."""
    node = candidate_of(program, 3, term)
    grants(node, term, "n2")
    return node


@checks(
    "9.4",
    "a higher term is taken over, and nobody has its vote yet",
    points=2,
    look_at="voted_for, where the term changes",
    source="section 5.1: \"if one server's current term is smaller than the other's, then it updates its current term to the larger value\"",
)
def takes_over_higher_terms(program):
    for what, news in NEWS[1:]:
        for crash in (False, True):
            node = node_in(program, 1, voted_for="n3")
            node.deliver("n2", news(6))
            if crash:
                node.restart()
            came, term = (
                f"n1 was in term 1, {what} of term 6 came{', n1 crashed' if crash else ''}",
                node.observe()["current_term"],
            )
            expect(term == 6, f"{came}, and it is in term {term}")
            expect(
                asks(node, "n2", 6).vote_granted,
                f"{came}; n2 is the first to ask for its vote in term 6, and is refused",
            )
            expect(
                not asks(node, "n3", 6).vote_granted,
                f"{came}; n1 voted for n2 in term 6, and then for n3 as well",
            )


@checks(
    "9.4",
    "in its own term, its vote stays given",
    points=2,
    look_at="what you do when the term is *not* higher",
    source='section 5.2: "Each server will vote for at most one candidate in a given term"',
)
def keeps_its_vote_in_its_term(program):
    for given, leader in (("n2", "n2"), ("n3", "n2"), ("n1", "n2")):
        node = candidate_of(program, 3) if given == "n1" else node_in(program, 1, voted_for=given)
        node.deliver(leader, AppendEntries(1, leader))
        for crashed in ("", ", crashed"):
            for candidate in sorted({"n2", "n3"} - {given}):
                granted = asks(node, candidate, 1).vote_granted
                story = f"n1 gave its vote of term 1 to {given}, heard from the leader {leader}{crashed}, and voted for {candidate}"
                expect(
                    not granted,
                    f"{story}, in term 1; an election is over, and its late requests may still arrive",
                )
            node.restart()


@checks(
    "9.4",
    "whoever hears of a higher term follows",
    points=2,
    look_at="role, and both timers",
    source='section 5.1: "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state"',
)
def steps_down(program):
    for was, make in (
        ("the leader", leader_of),
        ("a candidate", lambda program: candidate_of(program, 3)),
    ):
        for what, news in NEWS:
            node = make(program)
            node.deliver("n2", news(5))
            heard = f"n1, {was} of term 1, got {what} of term 5"
            expect(
                node.observe()["role"] is Role.FOLLOWER,
                f"{heard}, and its role is {node.observe()['role']}",
            )
            expect(
                "heartbeat" not in node.timers,
                f"{heard}, and its heartbeat timer still runs: it will speak as a leader of term 5",
            )
            expect(
                "election" in node.timers,
                f"{heard}, and has no election timer: if the new leader dies, n1 never notices",
            )


@checks(
    "9.4",
    "a candidate gives way to the leader of its term",
    points=1,
    look_at="role and leader_id",
    source='section 5.2: "the candidate recognizes the leader as legitimate and returns to follower state"',
)
def candidate_gives_way(program):
    node = candidate_of(program, 3)
    node.deliver("n3", AppendEntries(1, "n3"))
    seen = node.observe()
    expect(
        seen["role"] is Role.FOLLOWER,
        f"n1 stood in term 1, n3 won, its heartbeat came, and n1's role is {seen['role']}",
    )
    expect(
        seen["leader_id"] == "n3",
        f"n1 heard from n3, the leader of its term, and holds {seen['leader_id']} for the leader",
    )


@checks(
    "9.4",
    "no leader is named for a term that has none",
    points=1,
    look_at="leader_id, here and in exercise 9.2",
    source='section 5.2: "a candidate wins an election if it receives votes from a majority"; until then nobody leads',
)
def names_no_stale_leader(program):
    for what, happens in (
        (
            "n2 asked for its vote in term 2",
            lambda node: node.deliver("n2", RequestVote(2, "n2", 0, 0)),
        ),
        ("n1 stood for election in term 2", lambda node: node.fire("election")),
    ):
        node = node_in(program, 1)
        node.deliver("n3", AppendEntries(1, "n3"))
        happens(node)
        leader = node.observe()["leader_id"]
        expect(
            leader is None,
            f"n3 led term 1, {what}, which nobody has won yet, and n1 says that {leader} leads",
        )


@checks(
    "9.4",
    "a heartbeat restarts the election timer",
    points=1,
    look_at="self.restart_election_timer()",
    source='section 5.2: "A server remains in follower state as long as it receives valid RPCs from a leader or candidate"',
)
def heartbeats_restart_the_timer(program):
    for term in (1, 1, 2):
        node = node_in(program, 1)
        for _ in range(2):
            node.deliver("n2", AppendEntries(term, "n2"))
            restarted = any(effect[:2] == ("set_timer", "election") for effect in node.effects)
            expect(
                restarted,
                "the leader's heartbeat came, and n1's election timer runs on: it will stand against a living leader",
            )


@checks(
    "9.4",
    "a new term is saved before it is answered, whole or not at all",
    points=2,
    look_at="how many saves, and of what",
    source='figure 2, persistent state: "Updated on stable storage before responding to RPCs"',
)
def saves_the_new_term(program):
    node = node_in(program, 1, voted_for="n3")
    node.deliver("n2", AppendEntries(6, "n2"))
    effects = node.effects
    saves_before_sends(node, "n1 took over term 6")
    disk = {"current_term": 1, "voted_for": "n3"}
    for effect in (effect for effect in effects if effect[0] == "save"):
        disk |= effect[1]
        crashed = node_in(program, disk["current_term"], voted_for=disk["voted_for"])
        granted = disk["current_term"] == 1 and asks(crashed, "n2", 1).vote_granted
        expect(
            not granted,
            "n1 voted for n3 in term 1; it crashed between its saves for term 6, and voted for n2, in term 1",
        )
    expect(
        disk == {"current_term": 6, "voted_for": None}, f"n1 took over term 6; its disk says {disk}"
    )


# -- Part E: the election is safe ----------------------------------------------------------------


def leaders_and_votes(event):
    """What a node's messages say, whatever it claims: who leads a term, and whom it votes for in a term."""
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
    """The judge of a whole run: no term goes back, and a leader has the votes of a majority."""
    term, votes = {}, {}
    for at, event in enumerate(run.trace):
        message = event.data
        if (
            event.kind == "deliver"
            and isinstance(message, RequestVoteReply)
            and message.vote_granted
        ):
            votes.setdefault((event.node, message.term), {event.node}).add(event.peer)
        if event.kind != "send" or not hasattr(message, "term"):
            continue
        if message.term < term.setdefault(event.node, 0):
            return Violation(
                "a term never goes back",
                f"{event.node} was in term {term[event.node]} and now speaks in term {message.term}",
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


def every_order(program, system, *, term):
    """All orders of `system` up to `term`, with one crash anywhere: where the program is in this process."""
    if not isinstance(program, LocalProgram):
        return
    experiment = Experiment(program, system, (leaders_and_votes,))
    small = Bounds(
        restarts=1,
        cuts=True,
        states_max=trial().count(160_000),
        within=lambda _, seen: seen["current_term"] <= term,
    )
    try:
        found = search(experiment, small)
    except NotComparable as reason:
        trial().evidence.append(f"no search of all orders: {reason}")
        return
    trial().evidence.append(f"three nodes up to term {term}: {found}")
    if found.violation:
        short = counterexample(
            experiment, found.schedule, found.violation, check="9.E", seed="all orders"
        )
        raise Broken(short.what, short)


@checks(
    "9.E",
    "at most one leader per term",
    points=3,
    look_at="what on_start reads back, and what was saved before an answer was sent",
    source='figure 3, election safety: "at most one leader can be elected in a given term"',
    not_shown="that anybody is ever elected; check 9.L is about that",
)
def election_safety(program):
    walks(
        program,
        System.of(3, "Raft"),
        count=300,
        limits=Walk(steps_max=45, restarts=2, cuts=2, duplicates=True),
        **SAFETY,
    )
    walks(
        program,
        System.of(5, "Raft"),
        count=120,
        limits=Walk(steps_max=60, restarts=2, cuts=2, duplicates=True),
        **SAFETY,
    )
    every_order(program, System.of(3, "Raft"), term=2)


@checks(
    "9.E",
    "at most one leader per term while leaders are cut off and come back",
    points=2,
    look_at="what an old leader does when it is back",
    source='figure 3, election safety: "at most one leader can be elected in a given term"',
)
def safety_with_leaders_cut_off(program):
    def play(run):
        for at_ms in range(400, 3_600, 400):
            run.run(at_ms)
            hurt_the_leader(run, at_ms // 400)
        run.run(4_000)

    needs = ("partition", "cut link", "crash", "restart", "late", "loss", "duplication")
    scenarios(program, System.of(5, "Raft"), play, runs=24, link=HOSTILE, needs=needs, **SAFETY)


def leader_in(run):
    """The last node that spoke as a leader, or n1 if nobody has."""
    for event in reversed(run.trace.of_kind("send")):
        if isinstance(event.data, AppendEntries):
            return event.node
    return "n1"


def hurt_the_leader(run, turn):
    """One fault at a time, in turn: cut off with one friend, mute, deaf, crashed within a handler; then mended."""
    leader = leader_in(run)
    others = [id for id in run.system.node_ids if id != leader]
    run.heal()
    for id in run.system.node_ids:
        run.restart(id)
    match turn % 4:
        case 0:
            run.partition((leader, others[0]), others[1:])
        case 1:
            for other in others:
                run.cut(leader, other)
        case 2:
            for other in others:
                run.cut(other, leader)
        case 3:
            run.crash_within(others[0], turn % 3)
            run.crash(leader)


# -- Part L: and somebody is elected --------------------------------------------------------------

REST_MS = 1_000


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
    """`nodes` have had 20 election timeouts to find a leader; one more second must be quiet."""
    run.run(run.now_ms + 20 * TIMEOUT_MS + REST_MS)
    if run.violation is None:
        roles = ", ".join(
            f"{id} {run.observe(id)['role'].value} in term {run.observe(id)['current_term']}"
            for id in nodes
        )
        expect(
            settled(run, nodes),
            f"{story}; 20 election timeouts later there is still no leader whom all follow: {roles}",
        )


@checks(
    "9.L",
    "a leader is found, and stays while it lives",
    points=1,
    look_at="what restarts the election timer",
    source='section 5.2: "A server remains in follower state as long as it receives valid RPCs from a leader or candidate"',
)
def leader_stays(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "five nodes booted, and nothing failed")
        term = run.observe("n1")["current_term"] if run.violation is None else 0
        run.run(run.now_ms + 3_000)
        expect(
            run.violation or run.observe("n1")["current_term"] == term,
            "a new election began, though the leader was alive and heard",
        )

    scenarios(program, System.of(5, "Raft"), play, runs=12, link=CALM)


@checks(
    "9.L",
    "the majority replaces a leader that is cut off, a minority never does",
    points=2,
    look_at="the majority; the timer of a candidate",
    source="section 5.2",
)
def majority_goes_on(program):
    def play(run):
        nodes = run.system.node_ids
        expect_settled(run, nodes, "five nodes booted")
        old = leader_in(run)
        friend, *rest = [id for id in nodes if id != old]
        run.partition((old, friend), rest)
        expect_settled(run, rest, f"{old} led and was cut off with {friend}")
        run.heal()
        expect_settled(run, nodes, f"{old} and {friend} came back")
        run.partition(nodes[:2], nodes[2:4], nodes[4:])
        run.run(run.now_ms + 20 * TIMEOUT_MS)

    scenarios(
        program,
        System.of(5, "Raft"),
        play,
        runs=8,
        link=CALM,
        needs=("partition", "cut"),
        judge=elected_properly,
    )


@checks(
    "9.L",
    "when the faults end, a leader is found within 20 election timeouts",
    points=2,
    look_at="is there a path that leaves a node without an election timer?",
    source="section 5.2",
    not_shown="that a log survives: nothing writes one yet",
)
def leader_after_faults(program):
    def play(run):
        for at_ms in range(400, 2_000, 400):
            run.run(at_ms)
            hurt_the_leader(run, at_ms // 400)
        run.run(2_000)
        calm_down(run)
        expect_settled(run, run.system.node_ids, "the network was mended and all nodes were up")

    needs = ("partition", "cut link", "crash", "restart", "late", "loss", "duplication")
    scenarios(program, System.of(5, "Raft"), play, runs=16, link=HOSTILE, needs=needs)


def calm_down(run):
    """Mend every link and boot every node; from now on nothing is lost or late."""
    run.heal()
    run.network.set_link(loss=0, duplication=0, tail=0, delay_ms=(1, 10))
    for id in run.system.node_ids:
        run.restart(id)
