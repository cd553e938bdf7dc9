"""Lab 10, part `store`, public checks: one replica or one client in the hand, then the Go lab's scenarios by name.

Names in brackets are those of the Go labs 4A and 4B.  Histories are judged by the linearizability
checker; what the replicas hold is judged too.  Not checked here: sessions that expire.
"""

from __future__ import annotations

from given import (
    NOOP,
    TRIES_MAX,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Reply,
    Request,
    RequestVoteReply,
    Role,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import KeyValue
from labkit.network import Stream
from labkit.verdict import Undecided

ELECTION_MAX_MS = 300
RECOVERY_MS = 20 * ELECTION_MAX_MS
CALM = Link(delay_ms=(1, 10))
LOSSY = Link(delay_ms=(1, 27), loss=0.1, duplication=0.05, tail=0.1, tail_ms=600)

# -- one replica in the hand ---------------------------------------------------------------------


def replica(program, role="Store"):
    """n1, a follower of n3 in term 1, with an empty log."""
    peers = ("n2", "n3")
    return by_hand(program, role, "n1", peers=peers, clients=("c1", "c2"), storage={"current_term": 1})


def commit(node, *commands, leader="n3", term=1):
    """The leader of the node's term sends these commands, one by one, each as committed; the results."""
    results = []
    for command in commands:
        log = node.observe()["log"]
        before = log[-1].term if log else 0
        entry = LogEntry(term, command)
        node.deliver(leader, AppendEntries(term, leader, len(log), before, (entry,), len(log) + 1))
        results.append(node.observe()["last_result"])
    return results


def told(commands):
    """Commands as a reader knows them: ``c1's 3: append x a``."""
    return "; ".join(f"{c[0]}'s {c[1]}: {' '.join(str(p) for p in c[2:] if p is not None)}" for c in commands)


def holds(node, data, story):
    got = dict(node.observe()["data"])
    expect(got == data, f"{story}: n1 should have {data}, and has {got}")


# -- 10.1 Once -----------------------------------------------------------------------------------


@checks(
    "10.1",
    "each new command is carried out, and its result given",
    points=1,
    look_at="self.perform, and what comes back",
    source="Ongaro's dissertation, section 6.3",
)
def carries_out_commands(program):
    node = replica(program)
    story = (
        (("c1", 1, "put", "x", "a"), None, {"x": "a"}),
        (("c1", 2, "get", "x", None), "a", {"x": "a"}),
        (("c2", 1, "append", "x", "b"), None, {"x": "ab"}),
        (("c2", 2, "cas", "x", ("ab", "z")), True, {"x": "z"}),
        (("c2", 3, "cas", "x", ("ab", "q")), False, {"x": "z"}),
        (("c1", 3, "append", "y", "n"), None, {"x": "z", "y": "n"}),
        (("c1", 9, "get", "y", None), "n", {"x": "z", "y": "n"}),
    )
    for command, result, data in story:
        (got,) = commit(node, command)
        holds(node, data, f"after {told([command])}")
        expect(got == result, f"{told([command])}: the result should be {result!r}, and is {got!r}")


@checks(
    "10.1",
    "a command that comes again changes nothing",
    points=2,
    look_at="what is compared with self.sessions",
    source='section 8: "If it receives a command whose serial number has already been executed, it responds immediately without re-executing the request"',
)
def repeats_change_nothing(program):
    one, two, other = ("c1", 1, "append", "x", "a"), ("c1", 2, "append", "x", "b"), ("c2", 1, "append", "x", "c")
    for commands, value in (
        ((one, one), "a"),
        ((one, other, one), "ac"),
        ((one, two, two, other, other), "abc"),
        ((one, one, one, two, two), "ab"),
    ):
        node = replica(program)
        commit(node, *commands)
        holds(node, {"x": value}, f"the log says {told(commands)}")


@checks(
    "10.1",
    "a command that comes again is answered as the first time",
    points=2,
    look_at="the result in self.sessions",
    source="dissertation, section 6.3: the table keeps the response, so that it can be given again",
)
def repeats_are_answered(program):
    cas, lost, get = ("c1", 1, "cas", "x", (None, "a")), ("c2", 1, "cas", "x", (None, "b")), ("c2", 2, "get", "x", None)
    change = ("c1", 2, "put", "x", "z")
    node = replica(program)
    for command, result in (
        (cas, True),
        (cas, True),
        (lost, False),
        (cas, True),
        (lost, False),
        (get, "a"),
        (change, None),
        (get, "a"),
        (change, None),
    ):
        (got,) = commit(node, command)
        expect(
            got == result,
            f"{told([command])}: the result should be {result!r}, as the first time, and is {got!r}",
        )


@checks(
    "10.1",
    "an old copy of an older command changes nothing",
    points=2,
    look_at="numbers that are lower than the last one",
    source="section 8; a copy may come after its client has gone on",
)
def older_copies_change_nothing(program):
    first, second, fifth = ("c1", 1, "append", "x", "a"), ("c1", 2, "put", "x", "b"), ("c1", 5, "append", "x", "c")
    node = replica(program)
    commit(node, first, second)
    (got,) = commit(node, first)
    holds(node, {"x": "b"}, f"the log says {told((first, second, first))}")
    expect(got is None, f"an old copy of {told([first])} came; nobody waits, and it came to {got!r} and not to None")
    commit(node, second, fifth)
    holds(node, {"x": "bc"}, f"then it says {told((second, fifth))}")
    (got,) = commit(node, second)
    holds(node, {"x": "bc"}, f"then it says {told((second,))}")
    expect(got is None, f"an old copy of {told([second])} came; nobody waits, and it came to {got!r} and not to None")


@checks(
    "10.1",
    "each client has numbers of its own",
    points=1,
    look_at="the key of self.sessions",
    source='section 8: "clients assign unique serial numbers to every command"',
)
def clients_count_for_themselves(program):
    node = replica(program)
    commands = (("c1", 7, "append", "x", "a"), ("c2", 3, "append", "x", "b"), ("c2", 7, "append", "x", "c"))
    commit(node, *commands, ("c1", 8, "append", "x", "d"))
    holds(node, {"x": "abcd"}, f"the log says {told(commands)}, and then c1's 8: append x d")


@checks(
    "10.1",
    "the table has the last number and result of each client",
    points=1,
    look_at="self.sessions, and what writes it",
    source="the docstring; dissertation, section 6.3",
)
def keeps_the_table(program):
    node = replica(program)
    commit(node, ("c1", 1, "put", "x", "a"), ("c2", 4, "cas", "x", ("a", "b")), ("c1", 2, "get", "x", None), ("c1", 1, "put", "x", "q"))
    got, wanted = dict(node.observe()["sessions"]), {"c1": (2, "b"), "c2": (4, True)}
    got = {client: tuple(pair) for client, pair in got.items()}
    expect(got == wanted, f"c1 got to number 2, a get of b, and c2 to 4, a cas that succeeded: the table should be {wanted}, and is {got}")


# -- 10.2 Whom to answer -------------------------------------------------------------------------


def leader(program, role="Store", nodes=3):
    """n1, which has just been elected in term 2; its log is empty."""
    peers = [f"n{n}" for n in range(2, nodes + 1)]
    node = by_hand(program, role, "n1", peers=peers, clients=("c1", "c2"), storage={"current_term": 1})
    node.fire("election")
    for peer in peers[: nodes // 2]:
        node.deliver(peer, RequestVoteReply(2, True))
    return node


def agree(node, index, *peers, term=2):
    """These peers tell the leader that their logs agree with its own up to `index`."""
    for peer in peers or ("n2",):
        node.deliver(peer, AppendEntriesReply(term, True, index))


def replies(node, client="c1"):
    return node.all_sent_to(client, Reply)


@checks(
    "10.2",
    "a client gets its result when its command is applied, and not before (Basic)",
    points=2,
    look_at="the Reply",
    source='section 5.3: "the leader applies the entry to its state machine and returns the result of that execution to the client"; Go lab 4A',
)
def answers_after_applying(program):
    node = leader(program)
    node.deliver("c1", Request(5, "cas", "x", (None, "a")))
    node.deliver("c2", Request(1, "get", "x"))
    node.deliver("c1", Request(6, "append", "x", "b"))
    expect(not replies(node) and not replies(node, "c2"), "n1 took three commands that nobody else has, and answered already")
    agree(node, 2)
    expect(replies(node) == [Reply(5, True, True, "n1")], f"c1's cas was applied and succeeded: c1 should hear {Reply(5, True, True, 'n1')}, and heard {replies(node)}")
    expect(replies(node, "c2") == [Reply(1, True, "a", "n1")], f"c2's get was applied: c2 should hear {Reply(1, True, 'a', 'n1')}, and heard {replies(node, 'c2')}")
    agree(node, 3)
    expect(replies(node)[1:] == [Reply(6, True, None, "n1")], f"then c1's append was applied; c1 heard {replies(node)[1:]}")


@checks(
    "10.2",
    "who lost the lead does not answer with another's command (LeaderFailure)",
    points=3,
    look_at="command[:2]",
    source="Go lab 4A: another command at the index that Start returned means that leadership was lost",
)
def lost_lead_is_no_answer(program):
    for other in (("c2", 9, "get", "x", None), ("c2", 5, "put", "x", "z"), ("c1", 4, "put", "x", "q"), NOOP):
        node = leader(program)
        node.deliver("c1", Request(5, "put", "x", "a"))
        entry = LogEntry(3, other)
        node.deliver("n3", AppendEntries(3, "n3", 0, 0, (entry,), 1))
        story = f"n1 took c1's number 5 as entry 1, lost the lead, and entry 1 is {other} of n3"
        expect(
            replies(node) == [Reply(5, False, None, "n3")],
            f"{story}: c1 should hear {Reply(5, False, None, 'n3')}, and heard {replies(node)}",
        )
        heard = replies(node, "c2")
        expect(not heard, f"{story}; c2 waits for nothing here, and was sent {heard}")


@checks(
    "10.2",
    "who was answered does not wait any more",
    points=1,
    look_at="self.waiting.pop(index)",
    source="the docstring",
)
def nobody_waits_after_an_answer(program):
    node = leader(program)
    node.deliver("c1", Request(1, "put", "x", "a"))
    node.deliver("c2", Request(1, "put", "x", "b"))
    agree(node, 1)
    left = dict(node.observe()["waiting"])
    expect(set(left) == {2}, f"entry 1 was applied, and c1 was answered; entry 2 was not: `waiting` should have an entry for 2 only, and has {left}")
    node.deliver("n3", AppendEntries(3, "n3", 1, 2, (LogEntry(3, NOOP),), 2))
    left = dict(node.observe()["waiting"])
    expect(not left, f"then entry 2 was replaced and applied, and c2 was refused; still waiting: {left}")


@checks(
    "10.2",
    "a call that was sent twice is answered twice, with one result",
    points=1,
    look_at="the result that execute gives for a command that comes again",
    source="dissertation, section 6.3",
)
def answers_both_copies(program):
    node = leader(program)
    for _ in range(2):
        node.deliver("c1", Request(3, "cas", "x", (None, "a")))
    agree(node, 2)
    got, wanted = replies(node), [Reply(3, True, True, "n1")] * 2
    expect(got == wanted, f"c1's cas is in the log twice, and succeeded: c1 should hear {wanted}, and heard {got}")


# -- 10.3 The client -----------------------------------------------------------------------------


def clerk(program):
    return by_hand(program, "Clerk", "c1", peers=("n1", "n2", "n3"))


def asked(node):
    """All requests of the client so far, as (whom, request)."""
    return [(to, m) for to, m in node.sent if isinstance(m, Request)]


def asks_next(node, count):
    """The client's request number `count`, once its pause is over."""
    if len(asked(node)) < count and "pause" in node.timers:
        node.fire("pause")
    expect(len(asked(node)) >= count, f"the client should ask again, for the {count}th time, and does not")
    return asked(node)[count - 1]


@checks(
    "10.3",
    "an answer ends the call, whatever the result is",
    points=1,
    look_at="reply.done, not reply.result",
    source="the docstring",
)
def answers_end_calls(program):
    node = clerk(program)
    for number, (f, value, result) in enumerate((("get", None, "a"), ("cas", ("q", "r"), False), ("put", "b", None), ("get", None, None)), 1):
        call = node.invoke(f, "x", value)
        whom, request = asked(node)[-1]
        expect(request == Request(number, f, "x", value), f"call {number} is {f}; the client sent {request}")
        node.deliver(whom, Reply(number, True, result, whom))
        got = node.outcome(call)
        expect(got == ("ok", result), f"{whom} answered {f} with {result!r}; the call should end with that, and its outcome is {got}")


@checks(
    "10.3",
    "refused, it asks the node that the reply names, under the same number",
    points=2,
    look_at="self.asked, and self.number",
    source='section 8: "the first server will reject the client\'s request and supply information about the most recent leader it has heard from"',
)
def follows_the_hint(program):
    for hint, wanted in (("n3", "n3"), ("n2", "n2"), ("n1", "n1"), (None, "n2")):
        node = clerk(program)
        call = node.invoke("append", "x", "a")
        node.deliver("n1", Reply(1, False, None, hint))
        whom, request = asks_next(node, 2)
        story = f"n1 refused and named {hint or 'nobody'} as leader"
        expect(whom == wanted, f"{story}: the client should ask {wanted}, and asks {whom}")
        expect(request == Request(1, "append", "x", "a"), f"{story}: the client should ask the same under the same number, and sends {request}")
        node.deliver(whom, Reply(1, True, None, whom))
        expect(node.outcome(call) == ("ok", None), f"{story}; {whom} then did it, and the call's outcome is {node.outcome(call)}")


@checks(
    "10.3",
    "without a reply, it asks the next node, under the same number",
    points=2,
    look_at="reply is None",
    source='section 8: "If the client\'s request times out, clients try again with randomly-chosen servers"; here: the next one',
)
def goes_on_after_silence(program):
    node = clerk(program)
    node.invoke("append", "x", "a")
    for count, wanted in enumerate(("n2", "n3", "n1", "n2"), 2):
        node.fire("patience")
        whom, request = asks_next(node, count)
        expect(whom == wanted, f"nobody answered {count - 1} times: the client should ask {wanted} next, and asks {whom}")
        expect(request == Request(1, "append", "x", "a"), f"the client should ask the same under the same number, and sends {request}")


@checks(
    "10.3",
    "late replies change nothing",
    points=2,
    look_at="reply.number, and self.pending",
    source="the docstring; any reply may come twice, or much later",
)
def ignores_late_replies(program):
    node = clerk(program)
    first = node.invoke("get", "x")
    node.deliver("n1", Reply(1, True, "a", "n1"))
    for late in (Reply(1, True, "a", "n1"), Reply(1, False, None, "n3")):
        node.deliver("n1", late)
    expect(len(asked(node)) == 1 and node.outcome(first) == ("ok", "a"), "the call was over, and a late reply moved the client to something")
    second = node.invoke("get", "x")
    whom, count = asked(node)[-1][0], len(asked(node))
    for late in (Reply(1, True, "old", "n1"), Reply(1, False, None, "n3")):
        node.deliver("n2", late)
        got = node.outcome(second)
        expect(got is None, f"call 2 is open; a late reply to call 1 came, and call 2 ended: {got}")
    expect("pause" not in node.timers and len(asked(node)) == count, "call 2 is open; a late refusal of call 1 came, and the client asks again")
    node.deliver(whom, Reply(2, True, "new", whom))
    expect(node.outcome(second) == ("ok", "new"), f"{whom} answered call 2, and its outcome is {node.outcome(second)}")


@checks(
    "10.3",
    "after TRIES_MAX it gives up: the end is unknown",
    points=2,
    look_at="self.tries, and give_up rather than fail",
    source="dissertation, section 6.3: a client that got no answer cannot know whether its command was carried out",
)
def gives_up_as_unknown(program):
    node = clerk(program)
    call = node.invoke("append", "x", "a")
    for count in range(1, TRIES_MAX + 1):
        got = node.outcome(call)
        expect(got is None, f"the client has asked {count} of {TRIES_MAX} times, and the call has ended: {got}")
        expect(len(asked(node)) == count, f"the client should have asked {count} times, and has asked {len(asked(node))} times")
        if count % 3:
            node.fire("patience")
        else:
            node.deliver(asked(node)[-1][0], Reply(1, False, None, "n2"))
        if count < TRIES_MAX:
            asks_next(node, count + 1)
    expect(node.outcome(call) == ("info", None), f"the client has asked {TRIES_MAX} times without an answer; the call's end should be unknown, and is {node.outcome(call)}")
    expect("pause" not in node.timers and len(asked(node)) == TRIES_MAX, "the client gave up, and asks again all the same")
    node.deliver("n1", Reply(1, True, None, "n1"))
    second = node.invoke("get", "x")
    number = asked(node)[-1][1].number
    expect(number == 2 and node.outcome(second) is None, f"the next call should have number 2, and has {number}")


# -- Part S: judges ------------------------------------------------------------------------------


def is_linearizable(run):
    """The judge of every run of this lab."""
    judgement = check_linearizable(run.history, KeyValue())
    if judgement.verdict == "unknown":
        raise Undecided(f"the history of {len(run.history)} calls could not be judged: {judgement.reason}")
    if judgement.verdict == "violation":
        return Violation("the history is linearizable", str(judgement.violation))
    return carried_out_once(run)


def data_of(run, id):
    """What this replica holds."""
    return dict(run.observe(id).get("data", ()))


def carried_out_once(run):
    """Every token, which one append alone has written, stands in each replica's value at most once."""
    for id in run.system.node_ids:
        data = data_of(run, id) if run.is_up(id) else {}
        for key, value in data.items():
            tokens = str(value).split(";")[:-1]
            twice = next((token for token in tokens if tokens.count(token) > 1), None)
            if twice:
                return Violation("each command is carried out once", f"{id} has {value!r} under {key}: {twice} was appended twice")
    return None


def one_result(event):
    """A call has one result, whoever answers it and how often: for stores that do not answer a get twice."""
    if event.kind == "send" and isinstance(event.data, Reply) and event.data.done and event.data.result is not None:
        yield ("result of", f"{event.peer}'s call", event.data.number), repr(event.data.result)


RULES = {"judge": is_linearizable}
ONCE = {"judge": is_linearizable, "derive": [one_result]}


# -- Part S: scenarios ---------------------------------------------------------------------------


def store(role, nodes, clients, each, *, keys=("x",), f=("append", "get"), gap_ms=5):
    """So many clients, each with so many calls, which take turns through `f` and the keys."""
    work = {}
    for c in range(1, clients + 1):
        calls = [(f[n % len(f)], keys[(n + c) % len(keys)], f"{c}.{n};") for n in range(each)]
        work[f"c{c}"] = [(g, key, None if g == "get" else value) for g, key, value in calls]
    return System.of(nodes, role, client="Clerk", workload=work, gap_ms=gap_ms)


def done(run, *clients):
    """The calls of these clients (all, if none is named) that were answered."""
    return [op for op in run.history if op.outcome == "ok" and (not clients or op.client in clients)]


def passes(run, condition, within_ms):
    """Does `condition` come about in time?  Also true where a rule broke: the judge says so."""
    limit = run.now_ms + within_ms
    while run.violation is None and not condition():
        if run.now_ms >= limit:
            return False
        run.run(min(limit, run.now_ms + 20))
    return True


def expect_done(run, count, story, *clients, within_ms=RECOVERY_MS):
    """`count` calls of these clients are answered in time."""
    met = passes(run, lambda: len(done(run, *clients)) >= count, within_ms)
    expect(met, f"{story}; {within_ms:g} ms later, {len(done(run, *clients))} of {count} calls are answered")


def expect_all_done(run, story, within_ms=RECOVERY_MS):
    """Each client has ended all its calls, in time."""
    total = sum(len(run.system.calls(client)) for client in run.system.client_ids)

    def over():
        return sum(op.outcome == "ok" or op.returned_us is not None for op in run.history) >= total

    met = passes(run, over, within_ms)
    expect(met, f"{story}; {within_ms:g} ms later, only {len(done(run))} of {total} calls are answered")


def expect_none_done(run, story, *clients, for_ms=4 * ELECTION_MAX_MS):
    """None of these clients is answered for a while."""
    before = len(done(run, *clients))
    run.run(run.now_ms + for_ms)
    got = len(done(run, *clients)) - before
    expect(run.violation or not got, f"{story}; and yet {got} calls were answered")


def expect_same_data(run, story):
    """All replicas have equal data, in time."""

    def same():
        seen = [data_of(run, id) for id in run.system.node_ids if run.is_up(id)]
        return all(one == seen[0] for one in seen)

    expect(passes(run, same, RECOVERY_MS), f"{story}; {RECOVERY_MS:g} ms later the replicas still differ")


def leads(run):
    """Who says that it leads, of the highest term; n1 if nobody does."""
    seen = {id: run.observe(id) for id in run.system.node_ids if run.is_up(id)}
    leaders = [id for id, one in seen.items() if one.get("role") is Role.LEADER]
    return max(leaders, key=lambda id: seen[id]["current_term"], default="n1")


def expect_leader(run, story):
    """Somebody leads, in time; who."""
    met = passes(run, lambda: any(run.observe(id).get("role") is Role.LEADER for id in run.system.node_ids if run.is_up(id)), RECOVERY_MS)
    expect(met, f"{story}; {RECOVERY_MS:g} ms later nobody leads")
    return leads(run)


def split(run, *side):
    """These members on one side, all others on the other."""
    run.partition(side, [id for id, _ in run.system.members if id not in side])


def mend(run):
    """From now on everything is connected, nobody is down, and nothing is lost."""
    run.heal()
    run.network.set_link(loss=0, duplication=0, tail=0, delay_ms=(1, 10))
    for id in run.system.node_ids:
        run.crash_within(id, None)
        run.restart(id)


def play_all(program, system, play, *, runs, link=CALM, needs=(), rules=None):
    scenarios(program, system, play, runs=runs, link=link, needs=needs, **(rules or ONCE))


def crash_all(run, pause_ms=50):
    for id in run.system.node_ids:
        run.crash(id)
    run.run(run.now_ms + pause_ms)
    for id in run.system.node_ids:
        run.restart(id)


def trouble(run, *, rounds, cuts=False, crashes=False, aim=0.5):
    """Again and again: the nodes are split at random, or all crash and come back; clients reach everybody."""
    chance, nodes = Stream(run.seed, "trouble"), run.system.node_ids
    for _ in range(rounds):
        run.run(run.now_ms + chance.between(150, 500))
        if cuts:
            run.heal()
            side = [leads(run), *chance.some(nodes)][: len(nodes) // 2] if chance.chance(aim) else chance.some(nodes)
            run.partition(side, [id for id in nodes if id not in side])
        if crashes and chance.chance(0.6):
            crash_all(run, chance.between(10, 100))
        elif crashes:
            one = chance.choice(nodes)
            run.crash_within(one, chance.below(4))
            run.run(run.now_ms + 30)
            run.restart(one)
    mend(run)


def under_trouble(program, role, *, nodes=5, clients=1, each=12, link=CALM, runs=10, rounds=4, cuts=False, crashes=False, rules=None, **work):
    """The Go lab's generic test: clients at work, trouble, calm; then all is answered, and judged."""
    needs = [name for name, wanted in (("partition", cuts), ("crash", crashes), ("loss", link is not CALM)) if wanted]

    def play(run):
        trouble(run, rounds=rounds, cuts=cuts, crashes=crashes)
        expect_all_done(run, "the faults have ended")
        expect_same_data(run, "the faults have ended")

    system = store(role, nodes, clients, each, gap_ms=80, **work)
    play_all(program, system, play, runs=runs, link=link, needs=needs, rules=rules)


@checks("10.S", "one client, and all replicas have the same (Basic)", points=1, look_at="10.1 to 10.3, one after the other", source="Go lab 4A and 4B")
def basic(program, role="Store"):
    def play(run):
        expect_all_done(run, "three nodes, one client, nothing failed")
        expect_same_data(run, "nothing failed")

    play_all(program, store(role, 3, 1, 10), play, runs=12)


@checks("10.S", "many clients at once (Concurrent)", points=1, look_at="who is answered for which entry", source="Go lab 4A: 50 submits at once; 4B")
def concurrent(program, role="Store"):
    def play(run):
        expect_all_done(run, "three nodes, ten clients, nothing failed")
        expect_same_data(run, "nothing failed")

    play_all(program, store(role, 3, 10, 5, keys=("x", "y")), play, runs=6)


@checks("10.S", "of many that compare and swap, one wins (PutConcurrent)", points=1, look_at="the result of a command that comes again", source="Go lab 2: ten clients race on one key")
def one_wins(program, role="Store"):
    race = {f"c{c}": [("cas", key, (None, f"{c}.{key}")) for key in "uvw"] for c in range(1, 7)}

    def play(run):
        expect_all_done(run, "three nodes and six clients, on lossy links")
        for key in "uvw":
            winners = [op.client for op in done(run) if op.key == key and op.result is True]
            expect(run.violation or len(winners) == 1, f"six clients swapped {key} from None to their own; those who heard True: {winners}")

    play_all(program, System.of(3, role, client="Clerk", workload=race), play, runs=12, link=LOSSY, needs=("loss",))


@checks("10.S", "clients are answered again after the leader is gone (LeaderFailure)", points=1, look_at="10.3: whom to ask next", source="Go lab 4A")
def leader_failure(program, role="Store"):
    def play(run):
        expect_done(run, 4, "three nodes booted")
        old = leads(run)
        split(run, old)
        expect_done(run, len(done(run)) + 4, f"the leader, {old}, was cut off")
        run.heal()
        expect_all_done(run, f"{old} is back")
        expect_same_data(run, f"{old} is back")

    play_all(program, store(role, 3, 2, 10, gap_ms=40), play, runs=12, needs=("partition",))


@checks("10.S", "a leader without a majority completes nothing until it is healed (LeaderPartition)", points=2, look_at="10.2: when a call is answered", source="Go lab 4A: 100 submits at a minority leader")
def leader_partition(program, role="Store"):
    many = [f"m{n}" for n in range(1, 101)]
    calls = {"c1": [("append", "x", f"c1.{n};") for n in range(6)], **{m: [("append", m[:2], f"{m};")] for m in many}}

    def play(run):
        split(run, *many)  # they reach the leader alone, and only once it is cut off
        expect_done(run, 2, "three nodes booted", "c1")
        old = leads(run)
        run.heal()
        split(run, old, *many)
        for m in many:
            for id in run.system.node_ids:
                if id != old:
                    run.network.cut(m, id)
        expect_none_done(run, f"{old} led, was cut off, and got 100 calls", *many)
        expect_done(run, 4, f"{old} was cut off", "c1")
        run.heal()
        expect_all_done(run, f"{old} is back")
        expect_same_data(run, f"{old} is back")

    play_all(program, System.of(3, role, client="Clerk", workload=calls, gap_ms=200), play, runs=3, needs=("partition",))


@checks("10.S", "after all have crashed, the log brings everything back (RestartReplay)", points=1, look_at="nothing: sessions and data come from the log", source="Go lab 4A")
def restart_replay(program, role="Store"):
    def play(run):
        expect_done(run, 8, "three nodes booted")
        crash_all(run)
        expect_all_done(run, "all three nodes crashed and came back")
        expect_same_data(run, "all three nodes crashed and came back")

    play_all(program, store(role, 3, 2, 8, gap_ms=30), play, runs=12, needs=("crash", "restart"))


@checks("10.S", "a client of a store that is down for good ends as unknown (Shutdown)", points=1, look_at="TRIES_MAX, and give_up", source="Go lab 4A: a submit returns after the server is killed")
def shutdown(program, role="Store"):
    def play(run):
        expect_done(run, 2, "three nodes booted")
        for id in run.system.node_ids:
            run.crash(id)
        run.run(run.now_ms + 2.2 * TRIES_MAX * 300)
        open_calls = [op for op in run.history if op.outcome == "info" and op.returned_us is None]
        expect(run.violation or not open_calls, f"all nodes have been down for a long time, and the client still waits: {open_calls}")
        failed = [op for op in run.history if op.outcome == "fail"]
        expect(run.violation or not failed, f"the client says that calls failed, but cannot know it: {failed}")
        ended = len([op for op in run.history if op.outcome == "info"])
        expect(run.violation or ended, "all nodes went down for good, and no call of the client is unknown")

    play_all(program, store(role, 3, 1, 4), play, runs=6, needs=("crash",))


@checks("10.S", "calls under way when all crash are done once (RestartSubmit)", points=2, look_at="10.1, and the same number in 10.3", source="Go lab 4A")
def restart_submit(program, role="Store"):
    def play(run):
        for count in (3, 9, 15):
            expect_done(run, count, "all nodes were up")
            for id in run.system.node_ids:
                run.crash_within(id, len(done(run)) % 5)
            run.run(run.now_ms + 40)
            crash_all(run)
        mend(run)
        expect_all_done(run, "all nodes are up for good")
        expect_same_data(run, "all nodes are up for good")

    play_all(program, store(role, 3, 4, 8, f=("append",)), play, runs=12, needs=("crash", "restart"))


@checks("10.S", "sixty calls in a row, 50 ms each at most (Speed)", points=1, look_at="pauses that are not needed", source="Go lab 4B: 1,000 calls, under 33 ms each")
def speed(program, role="Store"):
    def play(run):
        expect_leader(run, "three nodes booted")
        start, before = run.now_ms, len(done(run))
        expect_done(run, 60, "three nodes, one client, nothing failed", within_ms=8_000)
        each = (run.now_ms - start) / max(1, len(done(run)) - before)
        expect(run.violation or each <= 50, f"with links of 1 to 10 ms, a call took {each:.0f} ms on average")

    play_all(program, store(role, 3, 1, 60, f=("append",), gap_ms=0), play, runs=3)


@checks("10.S", "five clients on lossy links (Unreliable)", points=1, look_at="what a lost answer leads to", source="Go lab 4B")
def unreliable(program, role="Store"):
    under_trouble(program, role, clients=5, each=6, link=LOSSY, rounds=3, keys=("x", "y", "z"))


@checks("10.S", "five clients append to one key on lossy links: none twice, each client's in order (UnreliableOneKey)", points=2, look_at="10.1", source="Go lab 4 of 2022")
def unreliable_one_key(program, role="Store"):
    def play(run):
        expect_all_done(run, "five nodes and five clients, on lossy links")
        tokens = data_of(run, leads(run)).get("x", "").split(";")[:-1]
        for client in "12345":
            mine = [int(token.split(".")[1]) for token in tokens if token.startswith(f"{client}.")]
            expect(run.violation or mine == sorted(mine), f"client c{client} appended in order, and the value has {mine}")

    play_all(program, store(role, 5, 5, 8, f=("append",)), play, runs=12, link=LOSSY, needs=("loss", "duplication", "late"))


@checks("10.S", "progress in the majority, none in the minority, and all after it is healed (OnePartition)", points=2, look_at="10.2, and 10.3: going on to another node", source="Go lab 4B")
def one_partition(program, role="Store"):
    calls = {c: [("append", "x", f"{c}.{n};") if n % 2 else ("get", "x") for n in range(5)] for c in ("c1", "c2", "c3")}

    def play(run):
        few = run.system.node_ids[:2]
        leader = None
        while leader not in few:
            split(run, "c1", "c2", "c3")
            leader = expect_leader(run, "five nodes booted")
            few = (leader, next(id for id in run.system.node_ids if id != leader))
        run.heal()
        split(run, *few, "c1", "c2")
        expect_done(run, 5, f"{few} were cut off, the other three were not", "c3")
        expect_none_done(run, f"{few} of five nodes were cut off with two clients", "c1", "c2")
        run.heal()
        expect_all_done(run, "all are connected again")
        expect_same_data(run, "all are connected again")

    play_all(program, System.of(5, role, client="Clerk", workload=calls), play, runs=10, needs=("partition",))


@checks("10.S", "one client, the nodes split again and again (ManyPartitionsOneClient)", points=1, look_at="10.3", source="Go lab 4B")
def many_partitions_one_client(program, role="Store"):
    under_trouble(program, role, cuts=True)


@checks("10.S", "four clients, the nodes split again and again (ManyPartitionsManyClients)", points=1, look_at="10.2, and the numbered steps", source="Go lab 4B")
def many_partitions_many_clients(program, role="Store"):
    under_trouble(program, role, clients=4, each=8, cuts=True, rounds=5, keys=("x", "y"))


@checks("10.S", "one client, the nodes crash (PersistOneClient)", points=1, look_at="what is asked again after a crash", source="Go lab 4B")
def persist_one_client(program, role="Store"):
    under_trouble(program, role, crashes=True)


@checks("10.S", "four clients, the nodes crash (PersistConcurrent)", points=1, look_at="the sessions of all clients", source="Go lab 4B")
def persist_concurrent(program, role="Store"):
    under_trouble(program, role, clients=4, each=8, crashes=True, keys=("x", "y"))


@checks("10.S", "the same on lossy links (PersistConcurrentUnreliable)", points=1, look_at="the sessions of all clients", source="Go lab 4B")
def persist_concurrent_unreliable(program, role="Store"):
    under_trouble(program, role, clients=4, each=6, crashes=True, link=LOSSY, keys=("x", "y"))


@checks("10.S", "the nodes are split and crash (PersistPartition)", points=1, look_at="the numbered steps", source="Go lab 4B")
def persist_partition(program, role="Store"):
    under_trouble(program, role, clients=3, each=8, cuts=True, crashes=True, keys=("x", "y"))


@checks("10.S", "the same on lossy links (PersistPartitionUnreliable)", points=1, look_at="the numbered steps", source="Go lab 4B")
def persist_partition_unreliable(program, role="Store"):
    under_trouble(program, role, clients=3, each=6, cuts=True, crashes=True, link=LOSSY, keys=("x", "y"))


@checks("10.S", "all of it at once, seven nodes, eight clients (PersistPartitionUnreliableLinearizable)", points=2, look_at="the numbered steps", source="Go lab 4B: 15 clients, 7 servers, random keys")
def everything_at_once(program, role="Store"):
    under_trouble(program, role, nodes=7, clients=8, each=5, cuts=True, crashes=True, link=LOSSY, runs=6, rounds=3, keys=("u", "v", "w", "x"))


@checks("10.S", "in any order of events, with crashes anywhere, each call is done once", points=3, look_at="the numbered steps: which copy came late?", source="section 8; linearizability as in Herlihy & Wing 1990", not_shown="that any call is ever answered")
def once_in_any_order(program, role="Store"):
    for system, limits, count in (
        (store(role, 3, 2, 3, f=("append", "append", "get")), Walk(steps_max=110, duplicates=True, timers=14), 120),
        (store(role, 3, 2, 3, f=("append", "get")), Walk(steps_max=130, restarts=2, timers=14, demotions=8), 100),
        (store(role, 3, 3, 2, f=("append",)), Walk(steps_max=120, restarts=3, cuts=2, timers=12), 60),
    ):
        walks(program, system, count=count, limits=limits, **ONCE)
