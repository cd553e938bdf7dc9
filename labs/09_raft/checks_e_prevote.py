"""Lab 09, part `prevote`, public checks: nobody raises a term that it cannot win.

Sentences in quotation marks are those of Ongaro's dissertation (2014), section 9.6.  The checks of
part `election` are played again, and a judge reads from the messages who was willing.
"""

from __future__ import annotations

from checks import (
    CALM,
    HOSTILE,
    TIMEOUT_MS,
    calm_down,
    elected_properly,
    expect_settled,
    hurt_the_leader,
    leader_in,
    leaders_and_votes,
)
from given import (
    ELECTION_MS,
    AppendEntries,
    LogEntry,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    Role,
)

from labkit import System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation

ROLE = "PreVoteRaft"


# -- one node in the hand ------------------------------------------------------------------------


def node_in(program, term, *, voted_for=None, terms_of_log=(), nodes=3):
    """n1 of so many nodes, booted from such a disk; it has heard of no leader."""
    log = tuple(LogEntry(t, f"command {n}") for n, t in enumerate(terms_of_log, 1))
    disk = {"current_term": term, "voted_for": voted_for, "log": log}
    return by_hand(program, ROLE, "n1", peers=[f"n{n}" for n in range(2, nodes + 1)], storage=disk)


def willing(node, *voters, next_term):
    """Each of `voters` answers that it would vote for n1."""
    for voter in voters:
        node.deliver(voter, PreVoteReply(next_term - 1, next_term, True))


def asks(node, candidate, next_term, log=(0, 0)):
    """`candidate` asks n1 whether it would vote, with a log of (last term, last index); the answer."""
    before = len(node.all_sent_to(candidate, PreVoteReply))
    node.deliver(candidate, PreVote(next_term, candidate, log[1], log[0]))
    replies = node.all_sent_to(candidate, PreVoteReply)[before:]
    expect(len(replies) == 1, f"{candidate} asked n1 once, and got {len(replies)} replies")
    return replies[0].vote_granted


# -- 9.15 Ask first --------------------------------------------------------------------------------


@checks(
    "9.15",
    "asking changes neither the term nor the vote",
    points=3,
    look_at="what promises something",
    source='"a candidate only increments its term if it first learns from a majority of the cluster that they would be willing"',
)
def asking_changes_nothing(program):
    for term, voted_for in ((0, None), (4, "n3"), (4, "n1")):
        node = node_in(program, term, voted_for=voted_for)
        before = node.observe()
        for turn in (1, 2, 3):
            node.fire("election")
            seen = node.observe()
            for name in ("current_term", "voted_for", "role"):
                expect(
                    seen[name] == before[name],
                    f"n1 was in term {term} and asked for the {turn}. time; its {name} went from {before[name]} to {seen[name]}",
                )
            saved = [effect for effect in node.effects if effect[0] == "save"]
            expect(not saved, f"n1 only asked, and saved something: {saved}")


@checks(
    "9.15",
    "everybody is asked about the next term, and nobody for a vote",
    points=2,
    look_at="the fields of PreVote",
    source="section 9.6",
)
def asks_everybody(program):
    for terms in ((), (1, 1, 2)):
        node = node_in(program, 6, terms_of_log=terms, nodes=5)
        node.fire("election")
        wanted = PreVote(7, "n1", len(terms), terms[-1] if terms else 0)
        for peer in ("n2", "n3", "n4", "n5"):
            got = node.all_sent_to(peer)
            expect(
                got == [wanted],
                f"n1 is in term 6, has {len(terms)} entries, and its timer fired; it should send {peer} {wanted}, and sent {got}",
            )


@checks(
    "9.15",
    "with a majority willing it stands, and with fewer it does not",
    points=2,
    look_at="who is in self.willing at the start",
    source="section 9.6",
)
def stands_if_it_can_win(program):
    for nodes in (3, 5, 4, 2):
        node, needed = node_in(program, 6, nodes=nodes), nodes // 2 + 1
        node.fire("election")
        for count in range(2, needed + 1):
            willing(node, f"n{count}", next_term=7)
            stood = node.observe()["current_term"] == 7
            expect(
                stood == (count == needed),
                f"of {nodes} nodes, {count} would vote for n1, itself among them, and it {'stands' if stood else 'does not stand'}; it takes {needed}",
            )
        asked = node.all_sent_to("n2", RequestVote)
        expect(asked == [RequestVote(7, "n1", 0, 0)], f"n1 stands in term 7, and sent n2 {asked}")


@checks(
    "9.15",
    "each time it asks, the count begins anew",
    points=2,
    look_at="self.willing",
    source="section 9.6; who was willing a while ago may hear a leader now",
)
def counts_anew(program):
    node = node_in(program, 6, nodes=5)
    node.fire("election")
    willing(node, "n2", next_term=7)
    node.fire("election")
    willing(node, "n3", next_term=7)
    expect(
        node.observe()["current_term"] == 6,
        "of five nodes, n2 was willing when n1 asked first, and n3 when it asked again; n1 stands, with two of five",
    )
    willing(node, "n2", next_term=7)
    expect(node.observe()["current_term"] == 7, "n1, n2 and n3 of five would vote for n1, and it does not stand")


@checks(
    "9.15",
    "if too few are willing, it asks again, after another random time",
    points=1,
    look_at="self.restart_election_timer()",
    source='section 5.2 of the paper: "election timeouts are chosen randomly from a fixed interval"',
)
def asks_again(program):
    node, waits = node_in(program, 6), set()
    for turn in range(1, 9):
        node.fire("election")
        expect("election" in node.timers, f"n1 asked for the {turn}. time, and set no election timer: it never asks again")
        least, most = (limit / 1000 for limit in node.timers["election"])
        waits |= {least, most}
        within = ELECTION_MS[0] <= least <= most <= ELECTION_MS[1]
        expect(within, f"n1 asks again after {least:g} to {most:g} ms; the election timeout is {ELECTION_MS} ms")
        asked = len(node.all_sent_to("n2", PreVote))
        expect(asked == turn, f"n1's timer fired {turn} times, and it asked n2 {asked} times")
    expect(len(waits) > 1, f"n1 asks again after {least:g} ms, each time; if all do, they get in each other's way for ever")


# -- 9.16 Who is willing ---------------------------------------------------------------------------


@checks(
    "9.16",
    "not while it hears a leader",
    points=3,
    look_at="self.hears_leader",
    source='"and the voters have not received heartbeats from a valid leader for at least a baseline election timeout"',
)
def unwilling_under_a_leader(program):
    node = node_in(program, 6)
    expect(asks(node, "n2", 7), "n1 has heard no leader, n2's log is as good, and n1 is not willing")
    node.deliver("n3", AppendEntries(6, "n3"))
    expect(not asks(node, "n2", 7), "n1 has just heard n3, the leader of its term, and is willing to vote for n2")
    expect(not asks(node, "n2", 9), "n1 has just heard n3, its leader, and is willing to vote for n2, in a much later term")
    node.fire("silence")
    expect(
        asks(node, "n2", 7),
        f"n1 heard the leader n3, and then nothing for {ELECTION_MS[0]} ms; n2's log is as good, and n1 is not willing",
    )


@checks(
    "9.16",
    "a leader is not willing either",
    points=1,
    look_at="who sets hears_leader on the leader",
    source="section 9.6; a leader knows of a valid leader",
)
def unwilling_as_a_leader(program):
    node = node_in(program, 6)
    node.fire("election")
    willing(node, "n2", next_term=7)
    node.deliver("n2", RequestVoteReply(7, True))
    expect(node.observe()["role"] is Role.LEADER, "n2 was willing and voted for n1, and n1 does not lead")
    expect(not asks(node, "n3", 8), "n1 leads term 7, and is willing to vote for n3 in term 8")


@checks(
    "9.16",
    "not for a log that is behind",
    points=2,
    look_at="self.up_to_date(request)",
    source='"(if the candidate\'s log is sufficiently up-to-date ...)"',
)
def unwilling_for_shorter_logs(program):
    for log, wanted in (((3, 3), True), ((3, 4), True), ((4, 1), True), ((3, 2), False), ((2, 9), False), ((0, 0), False)):
        node = node_in(program, 5, terms_of_log=(1, 1, 3))
        got = asks(node, "n2", 6, log)
        expect(
            got == wanted,
            f"n1's last entry is number 3 of term 3, n2's is number {log[1]} of term {log[0]}, and n1 is {'' if got else 'not '}willing",
        )


@checks(
    "9.16",
    "not for a term that it is in, or beyond",
    points=1,
    look_at="request.next_term and self.current_term",
    source="section 9.6; the asker learns the term from the answer, and asks again",
)
def unwilling_for_old_terms(program):
    for next_term, wanted in ((6, False), (5, False), (1, False), (7, True), (9, True)):
        node = node_in(program, 6)
        got = asks(node, "n2", next_term)
        expect(got == wanted, f"n1 is in term 6, n2 asked about term {next_term}, and n1 is {'' if got else 'not '}willing")
        term = node.sent_to("n2", PreVoteReply).term
        expect(term == 6, f"n1 is in term 6, n2 asked about term {next_term}, and n1's answer is of term {term}")


@checks(
    "9.16",
    "to be willing is no vote: it binds nobody",
    points=2,
    look_at="self.voted_for",
    source="section 9.6; a vote is given only when the candidate stands",
)
def binds_nobody(program):
    for voted_for in (None, "n1", "n2", "n3"):
        node = node_in(program, 6, voted_for=voted_for)
        before, timers = node.observe(), dict(node.timers)
        for candidate, next_term in (("n2", 7), ("n3", 7), ("n2", 7), ("n3", 8), ("n2", 7)):
            expect(
                asks(node, candidate, next_term),
                f"n1 voted for {voted_for} in term 6; {candidate} asked about term {next_term}, and n1 is not willing. It has promised term {next_term} to nobody",
            )
        after = node.observe()
        for name in ("current_term", "voted_for", "role", "leader_id"):
            expect(after[name] == before[name], f"n1 only said that it is willing, and its {name} went from {before[name]} to {after[name]}")
        expect(node.timers == timers, f"n1 only said that it is willing, and its timers went from {timers} to {node.timers}")
        saved = [effect for effect in node.effects if effect[0] == "save"]
        expect(not saved, f"n1 only said that it is willing, and saved something: {saved}")


@checks(
    "9.16",
    "a candidate that lost is willing, too",
    points=1,
    look_at="the role",
    source="section 9.6; after a split vote, everybody is a candidate",
)
def willing_as_a_candidate(program):
    node = node_in(program, 6)
    node.fire("election")
    willing(node, "n2", next_term=7)
    role = node.observe()["role"]
    expect(role is Role.CANDIDATE, f"n1 asked, n2 was willing, and n1's role is {role}")
    expect(asks(node, "n3", 8), "n1 stood in term 7 and has not won; n3 asks about term 8, and n1 is not willing")


# -- Part V: the peace -----------------------------------------------------------------------------


def asked_properly(run):
    """The judge of a whole run: who stands in a term has been told before that a majority is willing."""
    said = {}
    for at, event in enumerate(run.trace):
        message = event.data
        if event.kind == "deliver" and isinstance(message, PreVoteReply) and message.vote_granted:
            said.setdefault((event.node, message.next_term), {event.node}).add(event.peer)
        if event.kind == "send" and isinstance(message, RequestVote):
            have = said.get((event.node, message.term), {event.node})
            if 2 * len(have) <= len(run.system.node_ids):
                what = f"{event.node} stands in term {message.term}; willing were {', '.join(sorted(have))} only"
                return Violation("who stands has asked", what, at)
    return None


def keeps_the_peace(run):
    return elected_properly(run) or asked_properly(run)


PEACE = {"derive": [leaders_and_votes], "judge": keeps_the_peace}


def term_of(run, id):
    return run.observe(id).get("current_term", 0)


def expect_peace(run, story, for_ms, *, since=None):
    """Nobody stands for election, and the leader stays, for so long; the term is that of `since`, if given."""
    leader = leader_in(run)
    term = since or term_of(run, leader)
    run.run(run.now_ms + for_ms)
    if run.violation is None:
        highest = max(term_of(run, id) for id in run.system.node_ids if run.is_up(id))
        expect(
            highest == term and leader_in(run) == leader,
            f"{leader} led term {term}, and {story}; later somebody is in term {highest}, and {leader_in(run)} leads",
        )


def play_all(program, nodes, play, *, runs, link=CALM, needs=()):
    scenarios(program, System.of(nodes, ROLE), play, runs=runs, link=link, needs=needs, **PEACE)


def a_follower(run):
    return next(id for id in reversed(run.system.node_ids) if id != leader_in(run))


@checks(
    "9.V",
    "at most one leader per term, and nobody stands without having asked",
    points=3,
    look_at="which line raised a term?",
    source='figure 3, election safety: "at most one leader can be elected in a given term"; section 9.6',
    not_shown="that anybody is ever elected",
)
def safe_in_any_order(program):
    for nodes, steps, count in ((3, 60, 200), (5, 90, 80)):
        limits = Walk(steps_max=steps, restarts=2, cuts=2, duplicates=True, timers=14)
        walks(program, System.of(nodes, ROLE), count=count, limits=limits, **PEACE)


@checks(
    "9.V",
    "the same while leaders are cut off, crash and come back",
    points=1,
    look_at="what an old leader does when it is back",
    source='figure 3, election safety: "at most one leader can be elected in a given term"; section 9.6',
)
def safe_with_faults(program):
    def play(run):
        for at_ms in range(400, 3_600, 400):
            run.run(at_ms)
            hurt_the_leader(run, at_ms // 400)
        run.run(4_000)

    needs = ("partition", "cut link", "crash", "restart", "late", "loss", "duplication")
    play_all(program, 5, play, runs=12, link=HOSTILE, needs=needs)


@checks(
    "9.V",
    "a node that was cut off comes back, and nothing happens (DisruptiveFollower)",
    points=3,
    look_at="where the term grows; then who is willing",
    source="section 9.6",
)
def disruptive_follower(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "the nodes booted")
        for _ in range(3):
            away, term = a_follower(run), term_of(run, "n1")
            run.isolate(away)
            expect_peace(run, f"{away} was cut off", 8 * TIMEOUT_MS)
            run.heal()
            expect_peace(run, f"{away} is back", 4 * TIMEOUT_MS, since=term)
        expect_settled(run, run.system.node_ids, "a follower was away three times")

    for nodes in (3, 5):
        play_all(program, nodes, play, runs=4, needs=("partition",))


@checks(
    "9.V",
    "a node that hears nothing and still can send does no harm",
    points=2,
    look_at="who is willing while the leader lives",
    source="section 9.6",
)
def deaf_follower(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "the nodes booted")
        deaf, term = a_follower(run), term_of(run, "n1")
        for other in run.system.node_ids:
            if other != deaf:
                run.cut(other, deaf)
        expect_peace(run, f"{deaf} heard nothing any more", 15 * TIMEOUT_MS)
        run.heal()
        expect_peace(run, f"{deaf} could hear again", 4 * TIMEOUT_MS, since=term)

    for nodes in (3, 5):
        play_all(program, nodes, play, runs=4, needs=("cut link",))


@checks(
    "9.V",
    "a node that reaches all but the leader does no harm",
    points=2,
    look_at="who is willing while the leader lives",
    source="section 9.6; Lianza & Snook 2020, for the night when this happened",
)
def cut_from_the_leader(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "the nodes booted")
        leader, far = leader_in(run), a_follower(run)
        run.cut(leader, far)
        expect_peace(run, f"{far} could not hear it any more", 10 * TIMEOUT_MS)
        run.cut(far, leader)
        expect_peace(run, f"{far} could neither hear nor reach it", 10 * TIMEOUT_MS)

    for nodes in (3, 5):
        play_all(program, nodes, play, runs=4, needs=("cut link",))


@checks(
    "9.V",
    "when the leader is gone, the majority finds another one, each time",
    points=2,
    look_at="is there a node that is never willing again?",
    source="section 9.6",
)
def replaces_the_leader(program):
    def play(run):
        nodes = run.system.node_ids
        expect_settled(run, nodes, "the nodes booted")
        for how in ("crashed", "was cut off", "was cut off with a friend", "could not send"):
            old = leader_in(run)
            rest = [id for id in nodes if id != old]
            if how == "crashed":
                run.crash(old)
            elif how == "could not send":
                for other in rest:
                    run.cut(old, other)
            else:
                friends = rest[:1] if "friend" in how and len(nodes) > 3 else []
                rest = [id for id in rest if id not in friends]
                run.partition((old, *friends), rest)
            mark = len(run.trace)
            run.run(run.now_ms + 20 * TIMEOUT_MS)
            speak = {row[2] for row in run.trace.rows[mark:] if row[1] == "send" and isinstance(row[4], AppendEntries)}
            expect(run.violation or speak & set(rest), f"the leader {old} {how}; 20 election timeouts later no other leads")
            run.heal()
            run.restart(old)
            expect_settled(run, nodes, f"the leader {old} {how}, and is back")

    for nodes in (3, 5):
        play_all(program, nodes, play, runs=3, needs=("partition", "crash"))


@checks(
    "9.V",
    "when the faults end, a leader is found within 20 election timeouts",
    points=2,
    look_at="what a refusal teaches; what is left in self.willing",
    source="section 5.2 of the paper",
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
    play_all(program, 5, play, runs=8, link=HOSTILE, needs=needs)
