"""Lab 09, part `transfer`, public checks: a leader that hands over, and a node that stands when it is told.

Names in brackets are those of TinyKV's tests, 3A.  Quotations are from Ongaro's dissertation (2014),
section 3.10.  Part T plays whole shops; after every event it asks for what part `log` asks for.
"""

from __future__ import annotations

from checks import CALM, TIMEOUT_MS, calm_down, leader_in
from checks_b_log import (
    LOSSY,
    RECOVERY_MS,
    RULES,
    agree,
    close_tills,
    cut_off,
    expect_leader,
    follower_with,
    follows_figure_3,
    leader_with,
    open_till,
    passes,
    sold,
    submit,
    tell,
)
from given import (
    ELECTION_MS,
    AppendEntries,
    AppendEntriesReply,
    RequestVote,
    RequestVoteReply,
    Role,
    TimeoutNow,
    TransferDone,
    TransferLeadership,
)

from labkit import System, Walk, checks, expect, scenarios, walks
from labkit.network import Stream

ROLE = "TransferRaft"
LIMIT_US = TIMEOUT_MS * 1000

# -- one node in the hand ------------------------------------------------------------------------


def leader(program, *terms, term=5, nodes=3):
    """n1, just elected in `term`, with entries of these terms."""
    return leader_with(program, *terms, term=term, nodes=nodes, role=ROLE)


def ask(node, target, office="c2"):
    """The office asks n1 for a transfer; what n1 does."""
    before = len(node.all_sent_to(office, TransferDone))
    tell(node, office, TransferLeadership(target))
    return len(node.all_sent_to(office, TransferDone)) > before


def target_of(node):
    return node.observe()["transfer_to"]


def timed(node):
    """Did the last event set the timer `transfer`?"""
    return any(effect[:2] == ("set_timer", "transfer") for effect in node.effects)


def takes_commands(node):
    """A till submits; is its command in the log?"""
    before = len(node.observe()["log"])
    submit(node, "one more sale")
    return len(node.observe()["log"]) > before


def expect_transfer(node, target, story):
    """n1 leads, hands over to `target` or to nobody, and takes commands in the second case only."""
    got = target_of(node)
    expect(got == target, f"{story}: transfer_to should be {target}, and it is {got}")
    role = node.observe()["role"]
    expect(role is Role.LEADER, f"{story}: n1 leads until another is elected, and its role is {role}")
    takes = takes_commands(node)
    wanted = target is None
    expect(takes == wanted, f"{story}; then a till submits, and n1 {'takes' if takes else 'refuses'} the command")


# -- 9.20 The beginning --------------------------------------------------------------------------


@checks(
    "9.20",
    "a transfer is noted, and ends after an election timeout (TransferTimeout, IgnoreProposal)",
    points=2,
    look_at="self.transfer_to, and the timer",
    source='"If leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes accepting client requests"',
)
def transfer_is_noted_and_timed(program):
    for nodes, target in ((3, "n3"), (3, "n2"), (5, "n4")):
        node = leader(program, 1, 1, nodes=nodes)
        ask(node, target)
        story = f"n1 leads {nodes} nodes, and is asked to hand over to {target}"
        timer = node.timers.get("transfer")
        expect_transfer(node, target, story)
        expect(timer is not None, f"{story}, and set no timer `transfer`: if {target} is dead, no command is taken ever again")
        expect(
            tuple(timer) == (LIMIT_US, LIMIT_US),
            f"{story}: the timer should be set to {TIMEOUT_MS} ms, and is set to {timer[0] / 1000:g} to {timer[1] / 1000:g} ms",
        )
        node.fire("transfer")
        expect_transfer(node, None, f"{story}, {target} is dead, and {TIMEOUT_MS} ms are over")


@checks(
    "9.20",
    "to itself or to nobody is no transfer (TransferToSelf, TransferToNonExistingNode)",
    points=2,
    look_at="self.id and self.peers",
    source="the docstring; the dissertation has a target that is another server of the cluster",
)
def no_such_transfer(program):
    for target in ("n1", "n7", "c1"):
        node = leader(program, 1, 1)
        done = ask(node, target)
        expect_transfer(node, None, f"n1 leads n1, n2 and n3, and is asked to hand over to {target}")
        expect(
            done == (target == "n1"),
            f"n1 leads, and was asked to hand over to {target}; it {'told' if done else 'did not tell'} the office that {target} leads",
        )
        node = leader(program, 1, 1)
        ask(node, "n2")
        if target != "n1":
            ask(node, target)
            expect_transfer(node, "n2", f"n1 is handing over to n2, and then is asked for {target}")


@checks(
    "9.20",
    "asked again for the same node, the clock runs on (SecondTransferToSameNode)",
    points=1,
    look_at="what is done if target is self.transfer_to",
    source="the docstring; else an office that asks often enough keeps the shop closed for ever",
)
def same_again(program):
    node = leader(program, 1, 1)
    ask(node, "n2")
    for _ in range(3):
        ask(node, "n2", office="c1")
        expect(not timed(node), "n1 is handing over to n2, was asked for n2 once more, and set the timer anew")
    expect_transfer(node, "n2", "n1 was asked three times to hand over to n2")
    node.fire("transfer")
    ask(node, "n2")
    expect(timed(node), "a transfer to n2 was given up; then n1 was asked again for n2, and set no timer")
    expect_transfer(node, "n2", "a transfer to n2 was given up; then n1 was asked again for n2")


@checks(
    "9.20",
    "another target takes the place of the first, with all its time (SecondTransferToAnotherNode)",
    points=1,
    look_at="what is done if another transfer is under way",
    source="the docstring; TinyKV 3A",
)
def another_target(program):
    node = leader(program, 1, 1, nodes=5)
    for target in ("n2", "n4", "n2", "n5"):
        ask(node, target)
        expect(timed(node), f"n1 is asked to hand over to {target}, not to whom it had before, and set no timer anew")
        expect_transfer(node, target, f"n1 was asked for other nodes, and then to hand over to {target}")


@checks(
    "9.20",
    "asked for itself, it calls off what is under way",
    points=1,
    look_at="self.id, while transfer_to is set",
    source="the docstring; etcd does the same",
)
def called_off(program):
    node = leader(program, 1, 1)
    ask(node, "n2")
    ask(node, "n1")
    expect_transfer(node, None, "n1 was handing over to n2, and then was asked for n1 itself")


# -- 9.21 When to hand over -------------------------------------------------------------------------


def told(node, peer):
    return node.all_sent_to(peer, TimeoutNow)


def expect_told(node, peer, count, story):
    """So far, n1 has told `peer` so often to stand, and nobody else."""
    got = len(told(node, peer))
    expect(got == count, f"{story}: n1 should have sent {peer} {count} TimeoutNow, and sent {got}")
    other = next((id for id in node.system[1:] if id != peer and told(node, id)), None)
    expect(other is None, f"{story}: only {peer} may be told to stand, and {other} was told, too")


@checks(
    "9.21",
    "a target that has everything is told at once (TransferToUpToDateNode)",
    points=2,
    look_at="self.match_index[self.transfer_to] and self.last_log_index",
    source='"The prior leader sends a TimeoutNow request to the target server"',
)
def up_to_date_is_told(program):
    for terms, target, nodes in (((1, 1), "n2", 3), ((1, 3, 3), "n3", 3), ((2,), "n5", 5)):
        node = leader(program, *terms, nodes=nodes)
        agree(node, **{target: len(terms)})
        ask(node, target)
        story = f"n1 leads term 5 with {len(terms)} entries, {target} has all of them, and is to take over"
        expect_told(node, target, 1, story)
        got = told(node, target)[0]
        expect(got == TimeoutNow(5, "n1"), f"{story}: n1 should send {TimeoutNow(5, 'n1')}, and sent {got}")
        expect_transfer(node, target, f"{story}; n1 has told it")


@checks(
    "9.21",
    "one that is behind gets the entries first (TransferToSlowFollower)",
    points=3,
    look_at="a number that is known, not one that is guessed",
    source='"The prior leader fully updates the target server\'s log to match its own log"',
)
def slow_is_brought_up_first(program):
    node = leader(program, 1, 1, 2)
    ask(node, "n3")
    expect_told(node, "n3", 0, "n1 has three entries, and was elected just now: it knows nothing of n3 yet")
    node = leader(program, 1, 1, 2, nodes=5)
    submit(node, "tea", "jam")
    agree(node, n2=5, n4=5)  # so all five entries are committed
    ask(node, "n3")
    expect_told(node, "n3", 0, "n1 has 5 entries, all committed, and n3 has not answered yet")
    node.fire("heartbeat")
    expect_told(node, "n3", 0, "n1 has 5 entries, and n3 has not answered yet; a heartbeat was due")
    tell(node, "n3", AppendEntriesReply(5, False, 0, 2, 0))
    expect_told(node, "n3", 0, "n3 has one entry of five")
    agree(node, n3=4)
    expect_told(node, "n3", 0, "n3 has four entries of five")
    agree(node, n2=5)
    expect_told(node, "n3", 0, "n3 has four entries of five, and n2 has all five")
    agree(node, n3=5)
    expect_told(node, "n3", 1, "n3 has all five entries")
    node = leader(program, 1, 1)
    submit(node, "tea")
    agree(node, n2=2)
    ask(node, "n2")
    expect_told(node, "n2", 0, "n1 has three entries, two of which n2 has, and nothing is committed")


@checks(
    "9.21",
    "it is told again until it stands",
    points=2,
    look_at="what changes when TimeoutNow is sent",
    source="the docstring; a message may be lost",
)
def told_again(program):
    node = leader(program, 1, 1)
    agree(node, n2=2)
    ask(node, "n2")
    for beat in (2, 3, 4):
        node.fire("heartbeat")
        expect_told(node, "n2", beat, f"n2 has everything, and has not stood; heartbeat {beat - 1} was due")
        expect_transfer(node, "n2", f"n2 was told {beat} times, and has not stood")
    tell(node, "n2", RequestVote(6, "n2", 2, 1))
    vote = node.sent_to("n2", RequestVoteReply)
    expect(vote == RequestVoteReply(6, True), f"n1 told n2 to stand; n2 asked for its vote, and got {vote}")
    expect(target_of(node) is None, f"n1 follows now, and its transfer_to is {target_of(node)}")


# -- 9.22 Standing at once --------------------------------------------------------------------------


@checks(
    "9.22",
    "who is told to stand stands at once, in the next term",
    points=2,
    look_at="self.stand_for_election()",
    source='"This request has the same effect as the target server\'s election timer firing: the target server starts a new election (incrementing its term and becoming a candidate)"',
)
def stands_at_once(program):
    for terms in ((), (1, 2, 2)):
        node = follower_with(program, *terms, term=4, nodes=5, role=ROLE)
        tell(node, "n3", AppendEntries(4, "n3", len(terms), terms[-1] if terms else 0, (), 0))
        sent = tell(node, "n3", TimeoutNow(4, "n3"))
        seen = node.observe()
        story = f"n1 follows n3 in term 4, with {len(terms)} entries, and n3 tells it to stand"
        got = seen["role"], seen["current_term"]
        expect(got == (Role.CANDIDATE, 5), f"{story}: n1 should be a candidate in term 5, and is {got[0].value} in term {got[1]}")
        wanted = [RequestVote(5, "n1", len(terms), terms[-1] if terms else 0)] * 4
        expect(sent == wanted, f"{story}: n1 should ask four nodes with {wanted[0]}, and sent {sent}")
        tell(node, "n2", RequestVoteReply(5, True))
        expect(node.observe()["role"] is Role.CANDIDATE, f"{story}: it has two votes of five, and leads")
        tell(node, "n3", RequestVoteReply(5, True))
        expect(node.observe()["role"] is Role.LEADER, f"{story}: it has three votes of five, and does not lead")


@checks(
    "9.22",
    "a request of an older term changes nothing (OldMessages)",
    points=2,
    look_at="request.term and self.current_term",
    source="section 3.3 (and 5.1 of the paper): a request with a stale term number is rejected",
)
def late_requests_change_nothing(program):
    for terms in ((1, 1), ()):
        node = follower_with(program, *terms, term=6, role=ROLE)
        tell(node, "n3", AppendEntries(6, "n3", len(terms), terms[-1] if terms else 0, (), 0))
        expect_unmoved(node, "n1 follows n3 in term 6", "n2", TimeoutNow(5, "n2"))
    node = leader(program, 1, 1, term=6)
    expect_unmoved(node, "n1 leads term 6", "n2", TimeoutNow(5, "n2"))
    expect_unmoved(node, "n1 leads term 6", "n3", TimeoutNow(2, "n3"))


def expect_unmoved(node, story, source, request):
    before = node.observe()
    sent = tell(node, source, request)
    after = node.observe()
    asked = [message for message in sent if isinstance(message, RequestVote)]
    got, was = (after["current_term"], after["role"]), (before["current_term"], before["role"])
    expect(
        got == was and not asked,
        f"{story}, and {request} came late: n1 should stay {was[1].value} in term {was[0]}, and is {got[1].value} in term {got[0]}",
    )


@checks(
    "9.22",
    "a request of a newer term is followed in that term",
    points=1,
    look_at="the order: first the term, then the election",
    source="section 3.3 (and 5.1 of the paper): the larger term is taken over",
)
def newer_terms_are_followed(program):
    node = follower_with(program, 1, 1, term=4, role=ROLE)
    tell(node, "n2", TimeoutNow(7, "n2"))
    seen = node.observe()
    got = seen["role"], seen["current_term"], seen["voted_for"]
    expect(
        got == (Role.CANDIDATE, 8, "n1"),
        f"n1 is in term 4, and the leader of term 7 tells it to stand: it should stand in term 8, and is {got[0].value} in term {got[1]}, with its vote for {got[2]}",
    )


# -- Part T: scenarios -----------------------------------------------------------------------------


def shop(nodes, *turns, offices=None, gap_ms=5):
    """Tills c1, c2, ... that sell so often; and an office o1, o2, ... that wants n1, n2, ... to lead."""
    work = {f"c{t}": [("submit", None, f"c{t}.{n}") for n in range(1, turn + 1)] for t, turn in enumerate(turns, 1)}
    wanted = offices or {f"o{n}": [f"n{n}"] for n in range(1, nodes + 1)}
    work |= {office: [("transfer", None, target) for target in targets] for office, targets in wanted.items()}
    return System.of(nodes, ROLE, client="TransferClient", workload=work, gap_ms=gap_ms)


def offices(run):
    return [id for id in run.system.client_ids if id.startswith("o")]


def close_offices(run):
    """No office reaches any node, until ``open_till``."""
    for office in offices(run):
        for id in run.system.node_ids:
            run.network.cut(office, id)
            run.network.cut(id, office)


def speaks(run, mark, nodes=()):
    """The nodes that spoke as leaders since `mark`, newest term last."""
    rows = [row for row in run.trace.rows[mark:] if row[1] == "send" and isinstance(row[4], AppendEntries)]
    return [row[2] for row in sorted(rows, key=lambda row: row[4].term) if not nodes or row[2] in nodes]


def hands_over(run, target, story, within_ms=RECOVERY_MS):
    """The office of `target` is opened, and `target` leads within so much time from the moment it is asked for."""
    mark = len(run.trace)
    open_till(run, f"o{target[1:]}")
    heard = passes(run, lambda: _asked(run, mark, target), RECOVERY_MS)
    expect(heard, f"{story}; no office reached the leader")
    met = passes(run, lambda: target in speaks(run, mark), within_ms)
    expect(met, f"{story}; the office asked for {target}, and {within_ms:g} ms later it does not lead")
    passes(run, lambda: _done(run, target), RECOVERY_MS)
    close_offices(run)


def _asked(run, mark, target):
    """Has somebody who leads heard the office's wish?"""
    leader = leader_in(run)
    return any(
        row[1] == "deliver" and row[2] == leader and row[4] == TransferLeadership(target)
        for row in run.trace.rows[mark:]
    )


def _done(run, target):
    return any(op.f == "transfer" and op.value == target and op.outcome == "ok" for op in run.history)


def another(run, *not_these):
    """A node that does not lead."""
    return next(id for id in run.system.node_ids if id not in (leader_in(run), *not_these))


def sales_of(run):
    return len(sold(run, *[id for id in run.system.client_ids if id.startswith("c")]))


def expect_more(run, count, story):
    wanted = sales_of(run) + count
    met = passes(run, lambda: sales_of(run) >= wanted, RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later, only {sales_of(run) - wanted + count} of {count} more sales are answered")


def expect_end(run, story):
    """Sales go on; then the tills are closed, and all books become the same."""
    expect_more(run, 2, story)
    close_tills(run)
    met = passes(run, lambda: _same_books(run), RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later the books still differ, or lack a sale that was answered")


def _same_books(run):
    seen = [list(run.observe(id).get("book", ())) for id in run.system.node_ids]
    answered = {op.value for op in SalesOnly(run).history if op.outcome == "ok"}
    return all(book == seen[0] for book in seen) and answered <= set(seen[0])


class SalesOnly:
    """A run, as seen by those who ask for sales only."""

    def __init__(self, run):
        self._run = run
        self.history = [op for op in run.history if op.f == "submit"]

    def __getattr__(self, name):
        return getattr(self._run, name)


SAFE = {"derive": RULES["derive"], "judge": lambda run: follows_figure_3(SalesOnly(run))}


def play_all(program, system, play, *, runs, link=CALM, needs=()):
    scenarios(program, system, play, runs=runs, link=link, needs=needs, **SAFE)


QUICK_MS = ELECTION_MS[0]


@checks(
    "9.T",
    "the target leads before an election timer could fire (LeaderTransferToUpToDateNode)",
    points=2,
    look_at="9.21, then 9.22: who waits for what?",
    source="section 3.10; TinyKV 3A",
)
def to_up_to_date_node(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "three nodes booted")
        expect_more(run, 3, "three nodes booted")
        hands_over(run, another(run), "three nodes, good links, two tills", QUICK_MS)
        expect_end(run, "the leader handed over")

    play_all(program, shop(3, 400, 400, gap_ms=10), play, runs=8)


@checks(
    "9.T",
    "there and back again (TransferLeaderBack)",
    points=1,
    look_at="transfer_to, after the first transfer",
    source="TinyKV 3A",
)
def there_and_back(program):
    def play(run):
        close_offices(run)
        first = expect_leader(run, "five nodes booted")
        second = another(run)
        expect_more(run, 2, "five nodes booted")
        hands_over(run, second, f"{first} leads", QUICK_MS)
        expect_more(run, 3, f"{first} handed over to {second}")
        hands_over(run, first, f"{first} handed over to {second}", QUICK_MS)
        expect_end(run, f"{second} handed back to {first}")

    play_all(program, shop(5, 500, 500, gap_ms=10), play, runs=6)


@checks(
    "9.T",
    "a follower that was away catches up, then leads (LeaderTransferToSlowFollower)",
    points=2,
    look_at="9.21: what must the target have?",
    source="section 3.10; TinyKV 3A",
)
def to_slow_follower(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "three nodes booted")
        away = another(run)
        cut_off(run, away)
        expect_more(run, 15, f"of three nodes, {away} was cut off")
        run.heal()
        close_offices(run)
        hands_over(run, away, f"{away} was away for 15 sales, and is back")
        expect_end(run, f"{away} was away, and was to lead")

    play_all(program, shop(3, 400, 400, gap_ms=10), play, runs=8, needs=("partition",))


@checks(
    "9.T",
    "to a node that is down: the shop is closed for one timeout, no longer (LeaderTransferTimeout)",
    points=2,
    look_at="the timer of 9.20",
    source='"resumes accepting client requests"; TinyKV 3A',
)
def to_a_dead_node(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "three nodes booted")
        expect_more(run, 3, "three nodes booted")
        old, away = leader_in(run), another(run)
        run.crash(away)
        mark = len(run.trace)
        open_till(run, f"o{away[1:]}")
        passes(run, lambda: _asked(run, mark, away), RECOVERY_MS)
        close_offices(run)
        run.run(run.now_ms + TIMEOUT_MS + 20)
        expect_more(run, 5, f"{old} leads, and was asked to hand over to {away}, which is down")
        expect(
            run.violation or leader_in(run) == old,
            f"{old} was asked to hand over to {away}, which is down; it should go on after {TIMEOUT_MS} ms, and {leader_in(run)} leads",
        )
        run.restart(away)
        expect_end(run, f"{away} is up again")

    play_all(program, shop(3, 400, 400, gap_ms=10), play, runs=8, needs=("crash",))


@checks(
    "9.T",
    "to itself, and to a node that is not there (TransferToSelf, TransferToNonExistingNode)",
    points=1,
    look_at="9.20: which targets?",
    source="TinyKV 3A",
)
def to_self_or_nobody(program):
    def play(run):
        close_offices(run)
        old = expect_leader(run, "three nodes booted")
        expect_more(run, 2, "three nodes booted")
        hands_over(run, old, f"{old} leads, and is asked for itself", QUICK_MS)
        open_till(run, "o9")
        expect_more(run, 10, f"{old} leads, and an office asks for n9")
        expect(
            run.violation or leader_in(run) == old,
            f"{old} leads; offices asked for {old} and for n9, and now {leader_in(run)} leads",
        )
        expect_end(run, "offices asked for the leader itself, and for n9")

    wanted = {f"o{n}": [f"n{n}"] for n in (1, 2, 3, 9)}
    play_all(program, shop(3, 400, 400, offices=wanted, gap_ms=10), play, runs=6)


@checks(
    "9.T",
    "the first target is down, so the office names another (SecondTransferToAnotherNode)",
    points=1,
    look_at="9.20: a transfer is under way, and another is asked for",
    source="TinyKV 3A",
)
def names_another(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "five nodes booted")
        expect_more(run, 2, "five nodes booted")
        down = another(run)
        second = another(run, down)
        run.crash(down)
        mark = len(run.trace)
        open_till(run, f"o{down[1:]}")
        passes(run, lambda: _asked(run, mark, down), RECOVERY_MS)
        close_offices(run)
        hands_over(run, second, f"{down} is down, and was to lead")
        run.restart(down)
        expect_end(run, f"{second} was named after {down}")

    play_all(program, shop(5, 400, 400, gap_ms=10), play, runs=6, needs=("crash",))


@checks(
    "9.T",
    "a higher term ends the transfer (LeaderTransferReceiveHigherTermVote)",
    points=1,
    look_at="become_follower, and 9.22",
    source="TinyKV 3A",
)
def higher_term_vote(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "three nodes booted")
        expect_more(run, 2, "three nodes booted")
        old, down = leader_in(run), another(run)
        third = another(run, down)
        cut_off(run, third)
        run.run(run.now_ms + 3 * TIMEOUT_MS)  # it stands, in vain, in ever higher terms
        run.crash(down)
        mark = len(run.trace)
        open_till(run, f"o{down[1:]}")
        passes(run, lambda: _asked(run, mark, down), RECOVERY_MS)
        run.heal()
        close_offices(run)
        expect_more(run, 3, f"{old} was asked to hand over to {down}, which is down, when {third} came with a higher term")
        run.restart(down)
        expect_end(run, "all three nodes are up again")

    play_all(program, shop(3, 600, 600, gap_ms=10), play, runs=6, needs=("partition", "crash"))


@checks(
    "9.T",
    "in any order of events, one leads a term, and all books are the same",
    points=3,
    look_at="the numbered steps: who led, and with whose votes?",
    source="figure 3: all five properties",
    not_shown="that anybody ever takes over",
)
def safe_in_any_order(program):
    wanted = {"o1": ["n2", "n3"], "o2": ["n1", "n2"]}
    for limits, count in (
        (Walk(steps_max=120, restarts=1, duplicates=True, timers=12), 150),
        (Walk(steps_max=140, restarts=1, timers=14, demotions=8), 120),
    ):
        walks(program, shop(3, 2, 2, offices=wanted), count=count, limits=limits, **SAFE)


@checks(
    "9.T",
    "offices that change their minds, links that lose and delay, nodes that crash",
    points=3,
    look_at="what a late TimeoutNow does",
    source="figure 3: all five properties",
)
def storm_of_transfers(program):
    def play(run):
        chance, nodes = Stream(run.seed, "storm"), run.system.node_ids
        for _ in range(14):
            run.run(run.now_ms + chance.between(60, 250))
            match chance.below(4):
                case 0:
                    run.crash(chance.choice(nodes))
                case 1:
                    cut_off(run, chance.choice((leader_in(run), *nodes)))
                case _:
                    run.heal()
                    for id in nodes:
                        run.restart(id)
        for id in nodes:
            run.restart(id)
        calm_down(run)
        close_offices(run)
        expect_end(run, "five nodes are up and connected, for good")

    many = {f"o{n}": [f"n{1 + (n + m) % 5}" for m in range(40)] for n in (1, 2)}
    needs = ("crash", "restart", "partition", "loss", "late")
    play_all(program, shop(5, 400, 400, offices=many, gap_ms=40), play, runs=12, link=LOSSY, needs=needs)
