"""Lab 10, part `reads`, public checks: a leader in the hand, then three stores judged and counted.

Section numbers are those of Ongaro's dissertation (2014).  Not checked here: clocks worse than
CLOCK_RATIO allows, for which the lease promises nothing.
"""

from __future__ import annotations

from checks import (
    LOSSY,
    RULES,
    agree,
    done,
    expect_all_done,
    expect_done,
    expect_leader,
    expect_none_done,
    expect_same_data,
    leads,
    mend,
    play_all,
    replies,
    split,
    store,
    under_trouble,
)
from given import (
    CLOCK_RATIO,
    ELECTION_MS,
    NOOP,
    AppendEntries,
    LogEntry,
    Ping,
    Pong,
    Read,
    Reply,
    Request,
    RequestVoteReply,
)

from labkit import System, Walk, by_hand, checks, expect, walks
from labkit.network import Stream

LEASE_MS = ELECTION_MS[0] / CLOCK_RATIO

# -- 10.4 The first entry ------------------------------------------------------------------------


def elected(program, role="IndexStore", nodes=3, log=(), at_ms=0):
    """n1, elected in term 2, with these entries of term 1 in its log."""
    peers = [f"n{n}" for n in range(2, nodes + 1)]
    disk = {"current_term": 1, "log": tuple(LogEntry(1, command) for command in log)}
    node = by_hand(program, role, "n1", peers=peers, clients=("c1", "c2"), storage=disk)
    node.pass_ms(at_ms)
    node.fire("election")
    for peer in peers[: nodes // 2]:
        node.deliver(peer, RequestVoteReply(2, True))
    return node


PUT = ("c2", 1, "put", "x", "a")


@checks("10.4", "a new leader has a no-op of its own term at the end of its log, once", points=2, look_at="self.take(NOOP)", source='section 8 of the paper: "a blank no-op entry into the log at the start of its term"')
def appends_a_noop(program):
    for log in ((), (PUT,), (PUT, NOOP, PUT)):
        node = elected(program, log=log)
        got = tuple(node.observe()["log"])
        wanted = (*(LogEntry(1, command) for command in log), LogEntry(2, NOOP))
        expect(got == wanted, f"n1 had {len(log)} entries of term 1 and was elected in term 2: its log should be {wanted}, and is {got}")
        node.fire("heartbeat")
        expect(tuple(node.observe()["log"]) == wanted, "n1 sent its heartbeats, and its log is another one now")
        waiting = dict(node.observe()["waiting"])
        expect(not waiting, f"no client has asked for anything, and some wait: {waiting}")


@checks("10.4", "the no-op is sent at once, and commits what was before it", points=2, look_at="the order: what does take need to know?", source="section 6.4, step 1")
def sends_the_noop(program):
    for log in ((), (PUT, PUT)):
        node = elected(program, log=log)
        for peer in ("n2", "n3"):
            sent = [entry for m in node.all_sent_to(peer, AppendEntries) for entry in m.entries]
            expect(LogEntry(2, NOOP) in sent, f"n1 was elected, with {len(log)} entries; it should have sent its no-op to {peer}, and sent the entries {sent}")
        agree(node, len(log) + 1)
        got = node.observe()["commit_index"]
        expect(got == len(log) + 1, f"n2 has n1's {len(log)} old entries and the no-op: {len(log) + 1} entries are committed, and n1 says {got}")


# -- 10.5 Beginning a read -----------------------------------------------------------------------


def ready(program, role="IndexStore", nodes=3, at_ms=0):
    """n1, which leads term 2 and has committed its no-op, as entry 2, after a put of a under x."""
    node = elected(program, role, nodes, (PUT,), at_ms)
    agree(node, 2, *node.system[1 : nodes // 2 + 1])
    return node


def pings(node, peer="n2"):
    return node.all_sent_to(peer, Ping)


def reads(node):
    return list(node.observe()["reads"])


@checks("10.5", "a read remembers what is committed now, and a round that begins now", points=2, look_at="the five values of a Read", source="section 6.4, steps 2 and 3")
def remembers_index_and_round(program):
    node = ready(program)
    for count, (client, number, key) in enumerate((("c1", 7, "x"), ("c2", 3, "y"), ("c1", 8, "x")), 1):
        before = [len(pings(node, peer)) for peer in ("n2", "n3")]
        node.deliver(client, Request(number, "get", key))
        new = [pings(node, peer)[n:] for peer, n in zip(("n2", "n3"), before, strict=True)]
        story = f"{client}'s get of {key} came to n1, which leads term 2 and has committed 2 entries"
        expect(all(len(one) == 1 for one in new), f"{story}: it should ping each peer once, and sent {new}")
        wanted = Read(client, number, key, 2, new[0][0].round)
        got = reads(node)
        expect(len(got) == count and got[-1] == wanted, f"{story}, and began round {new[0][0].round}: reads should end with {wanted}, and are {got}")
        expect(not replies(node) and not replies(node, "c2"), f"{story}; nobody has confirmed that it leads, and it answered")


@checks("10.5", "each read has a round that began after it came", points=1, look_at="self.start_round(), and when", source="section 6.4, step 3: a round that is under way may have been confirmed before the read began")
def rounds_begin_after_reads(program):
    node, last = ready(program), 0
    for number in (1, 2, 3):
        node.deliver("c1", Request(number, "get", "x"))
        got = reads(node)[-1:]
        expect(got and got[0].round > last, f"read {number} came after round {last} had begun, and relies on round {got[0].round if got else None}")
        last = got[0].round


@checks("10.5", "before an entry of its term is committed, a leader takes no read", points=3, look_at="self.term_at(self.commit_index)", source="section 6.4, step 1")
def waits_for_its_own_term(program):
    for log in ((), (PUT,), (PUT, PUT)):
        node = elected(program, log=log)
        count = len(pings(node))
        node.deliver("c1", Request(1, "get", "x"))
        story = f"n1 has {len(log)} entries of term 1, was elected in term 2, and its no-op is not committed yet; a get came"
        expect(replies(node) == [Reply(1, False, None, "n1")], f"{story}: the client should hear {Reply(1, False, None, 'n1')}, and heard {replies(node)}")
        expect(not reads(node) and len(pings(node)) == count, f"{story} and was refused; but reads are {reads(node)}, and pings were sent: {pings(node)[count:]}")
        agree(node, len(log) + 1)
        node.deliver("c1", Request(1, "get", "x"))
        expect(len(reads(node)) == 1, f"then its no-op was committed and the get came again: reads are {reads(node)}")


# -- 10.6 Answering ------------------------------------------------------------------------------


def ask(node, number, key="x", client="c1"):
    """A get comes; the round that was begun for it."""
    node.deliver(client, Request(number, "get", key))
    return node.sent_to("n2", Ping).round


@checks("10.6", "a read is answered when a majority has confirmed its round", points=2, look_at="self.confirmed_round()", source="section 6.4, step 3")
def answers_confirmed_reads(program):
    for nodes in (3, 5):
        node = ready(program, nodes=nodes)
        number = ask(node, 1)
        for n, peer in enumerate(node.system[1:nodes], 2):
            node.deliver(peer, Pong(2, number))
            got, wanted = replies(node), [Reply(1, True, "a", "n1")] if 2 * n > nodes else []
            expect(got == wanted, f"{n} of {nodes} nodes, n1 included, say that n1 led when the read came: the client should have heard {wanted}, and heard {got}")
        expect(not reads(node), f"the read was answered, and reads are {reads(node)}")


@checks("10.6", "answers to earlier rounds confirm nothing", points=2, look_at="read.round", source="section 6.4, step 3")
def earlier_rounds_confirm_nothing(program):
    node = ready(program)
    first, second = ask(node, 1), ask(node, 2, client="c2")
    node.deliver("n3", Pong(2, 0))
    expect(not replies(node) and not replies(node, "c2"), "n3 said that it follows nobody, and n1 answered a read")
    node.deliver("n3", Pong(2, first))
    expect(replies(node) == [Reply(1, True, "a", "n1")], f"round {first}, of c1's read, was confirmed: c1 should hear its answer, and heard {replies(node)}")
    expect(not replies(node, "c2"), f"round {first} was confirmed; c2's read came after it began and needs round {second}, and it was answered")
    expect([read.number for read in reads(node)] == [2], f"c2's read waits for round {second}, and reads are {reads(node)}")
    node.deliver("n2", Pong(2, second))
    expect(replies(node, "c2") == [Reply(2, True, "a", "n1")], f"round {second} was confirmed too; c2 heard {replies(node, 'c2')}")


@checks("10.6", "one answer can confirm many reads, and each is answered once", points=1, look_at="what becomes of self.reads", source="section 6.4")
def answers_many_at_once(program):
    node = ready(program)
    for number in range(1, 6):
        last = ask(node, number, "x" if number % 2 else "nothing")
    node.deliver("n3", Pong(2, last))
    now = len(replies(node))
    expect(now == 5, f"five reads wait for rounds up to {last}, and round {last} was confirmed: all five should be answered now, and {now} are")
    for peer in ("n2", "n3"):
        node.deliver(peer, Pong(2, last))
    wanted = [Reply(number, True, "a" if number % 2 else None, "n1") for number in range(1, 6)]
    got = sorted(replies(node), key=lambda reply: reply.number)
    expect(got == wanted, f"five reads came, of x and of a key without a value, and the last round was confirmed: the client should hear {wanted}, and heard {got}")
    expect(not reads(node), f"all were answered, and reads are {reads(node)}")


@checks("10.6", "a read waits until everything up to its index is applied", points=2, look_at="read.index and self.last_applied", source="section 6.4, step 4")
def waits_until_applied(program):
    node = elected(program, "LateStore", log=(PUT,))
    agree(node, 2)
    number = ask(node, 1)
    node.deliver("n2", Pong(2, number))
    expect(not replies(node), f"2 entries are committed, none is applied yet, and the read's round is confirmed: n1 answered {replies(node)}")
    node.fire("apply")
    expect(replies(node) == [Reply(1, True, "a", "n1")], f"then they were applied: the client should hear that x is a, and heard {replies(node)}")
    node.deliver("c2", Request(2, "put", "x", "b"))
    agree(node, 3)
    number = ask(node, 2)
    node.deliver("n3", Pong(2, number))
    node.fire("apply")
    expect(replies(node)[1:] == [Reply(2, True, "b", "n1")], f"a put of b was committed, then a read came, then the put was applied: the read should give b, and the client heard {replies(node)[1:]}")


# -- 10.7 The lease ------------------------------------------------------------------------------


def lease_is(node, end_ms, story):
    """`lease_until` is `end_ms`, up to a rounding; never later."""
    got = node.observe()["lease_until"]
    expect(isinstance(got, (int, float)) and end_ms - 1 <= got <= end_ms + 0.01, f"{story}: the lease should end at {end_ms:.1f} ms on n1's clock, and ends at {got}")


def beat(node, after_ms):
    """Some time passes, and the leader sends its heartbeats; the number of their round."""
    node.pass_ms(after_ms)
    node.fire("heartbeat")
    return node.sent_to("n2", Ping).round


@checks("10.7", "a lease counts from when the pings were sent", points=3, look_at="self.sent_ms, not self.now_ms", source="section 6.4.1: the lease is extended from the time at which the heartbeats were sent")
def counts_from_sending(program):
    for late_ms in (0, 30, 90):
        node = ready(program, "LeaseStore", at_ms=1_000)
        number = beat(node, 50)
        node.pass_ms(late_ms)
        node.deliver("n3", Pong(2, number))
        lease_is(node, 1_050 + LEASE_MS, f"n1 sent pings at 1050 ms by its clock, and n3's answer came {late_ms} ms later")


@checks("10.7", "it is shorter than the shortest election timeout, by the clocks' ratio", points=2, look_at="ELECTION_MS[0] / CLOCK_RATIO", source="section 6.4.1: election timeout / clock drift bound")
def is_shortened(program):
    node = ready(program, "LeaseStore", at_ms=1_000)
    number = beat(node, 50)
    node.deliver("n2", Pong(2, number))
    got = node.observe()["lease_until"] - 1_050
    expect(got <= LEASE_MS + 0.01, f"a peer's {ELECTION_MS[0]} ms may last {LEASE_MS:.1f} ms on n1's clock, and n1 counts on {got:.1f} ms")
    expect(got >= LEASE_MS - 1, f"the promise lasts at least {LEASE_MS:.1f} ms on n1's clock, and n1 counts on {got:.1f} ms only")


@checks("10.7", "the latest round counts that a majority has confirmed", points=2, look_at="self.confirmed_round()", source="section 6.4.1: once a majority has acknowledged")
def counts_the_confirmed_round(program):
    node = ready(program, "LeaseStore", nodes=5, at_ms=1_000)
    first = node.sent_to("n2", Ping).round
    second, third = beat(node, 50), beat(node, 50)
    node.deliver("n2", Pong(2, third))
    lease_is(node, 0.01, "of five nodes, n1 and n2 say that n1 leads, which is no majority")
    node.deliver("n3", Pong(2, second))
    lease_is(node, 1_050 + LEASE_MS, "n2 confirmed the round of 1100 ms, n3 that of 1050 ms, n4 and n5 none")
    node.deliver("n4", Pong(2, first))
    node.deliver("n3", Pong(2, first))
    lease_is(node, 1_050 + LEASE_MS, "then older answers came, of the round of 1000 ms")
    node.deliver("n5", Pong(2, third))
    lease_is(node, 1_100 + LEASE_MS, "then n5 confirmed the round of 1100 ms, as n2 had")


# -- 10.8 Reading on the lease -------------------------------------------------------------------


@checks("10.8", "on the lease, a read is answered at once, and nobody is asked", points=2, look_at="self.now_ms < self.lease_end()", source="section 6.4.1")
def reads_on_the_lease(program):
    node = ready(program, "LeaseStore", at_ms=1_000)
    node.deliver("n2", Pong(2, node.sent_to("n2", Ping).round))
    for number, key, value in ((1, "x", "a"), (2, "y", None)):
        node.pass_ms(60)
        count = len(pings(node))
        node.deliver("c1", Request(number, "get", key))
        got = replies(node)[number - 1 :]
        expect(got == [Reply(number, True, value, "n1")], f"{60 * number} ms after it sent pings that a majority confirmed, n1 got a get of {key}: it should answer at once, {value!r}, and sent {got}")
        expect(len(pings(node)) == count and not reads(node), "n1 answered on its lease, and asked its peers all the same, or noted the read")


@checks("10.8", "when the lease is over, the peers are asked", points=2, look_at="the other branch", source="section 6.4.1: without a lease, as in section 6.4")
def asks_without_a_lease(program):
    node = ready(program, "LeaseStore", at_ms=1_000)
    node.deliver("n2", Pong(2, node.sent_to("n2", Ping).round))
    node.pass_ms(LEASE_MS + 1)
    number = ask(node, 1)
    expect(not replies(node), f"{LEASE_MS + 1:.0f} ms after the last confirmed pings were sent, a get came, and n1 answered {replies(node)}")
    node.deliver("n3", Pong(2, number))
    expect(replies(node) == [Reply(1, True, "a", "n1")], f"then n3 confirmed the round of that read, and the client heard {replies(node)}")


@checks("10.8", "a lease alone is not enough: an entry of the term must be committed", points=2, look_at="the second condition", source="section 6.4, step 1")
def lease_needs_its_own_term(program):
    node = elected(program, "LeaseStore", log=(PUT,), at_ms=1_000)
    node.deliver("n2", Pong(2, node.sent_to("n2", Ping).round))
    node.deliver("c1", Request(1, "get", "x"))
    expect(replies(node) == [Reply(1, False, None, "n1")], f"n1 holds a lease, and its no-op is not committed: it cannot know that x is a, and the client should be refused; it heard {replies(node)}")
    agree(node, 2)
    node.deliver("c1", Request(1, "get", "x"))
    expect(replies(node)[1:] == [Reply(1, True, "a", "n1")], f"then its no-op was committed, and the client heard {replies(node)[1:]}")


# -- Part R --------------------------------------------------------------------------------------

MODES = ("IndexStore", "LateStore", "LeaseStore")


def newsroom(role, *, nodes=5, writes=25, looks=60, readers=1, gap_ms=5):
    """One writer, and some readers of the same key."""
    work = {"writer": [("put", "x", f"v{n}") for n in range(writes)]}
    work |= {f"r{n}": [("get", "x")] * looks for n in range(readers)}
    return System.of(nodes, role, client="Clerk", workload=work, gap_ms=gap_ms)


def old_leader_with_reader(run):
    """The leader is cut off with a reader, alone and then with a follower, for a second each."""
    for friends in (0, 1):
        expect_leader(run, "all are connected")
        run.run(run.now_ms + Stream(run.seed, f"when {run.now_ms}").between(100, 400))
        old = leads(run)
        split(run, old, *[id for id in run.system.node_ids if id != old][:friends], "r0")
        run.run(run.now_ms + 900)
        run.heal()
        run.run(run.now_ms + 200)
    mend(run)


@checks("10.R", "by rounds: an old leader with a reader shows nothing old", points=2, look_at="which round a read waits for", source="section 6.4")
def old_leader_by_round(program):
    play_all(program, newsroom("IndexStore", writes=60, looks=90), old_leader_with_reader, runs=10, needs=("partition",), rules=RULES)


@checks("10.R", "by lease: an old leader with a reader shows nothing old, on good clocks", points=2, look_at="when the lease ends", source="section 6.4.1")
def old_leader_by_lease(program):
    play_all(program, newsroom("LeaseStore", writes=60, looks=90), old_leader_with_reader, runs=16, needs=("partition",), rules=RULES)


@checks("10.R", "by lease: the same on clocks that differ as much as CLOCK_RATIO allows", points=2, look_at="CLOCK_RATIO", source="section 6.4.1: bounded clock drift")
def lease_on_drifting_clocks(program):
    def play(run):
        chance = Stream(run.seed, "clocks")
        for id in run.system.node_ids:
            run.set_clock(id, skew_ms=chance.between(0, 5_000), drift_ppm=chance.choice((-45_000, 45_000)))
        old_leader_with_reader(run)

    play_all(program, newsroom("LeaseStore", writes=60, looks=90), play, runs=16, needs=("partition", "clock"), rules=RULES)


@checks("10.R", "readers are answered by a new leader though nobody writes", points=2, look_at="10.4", source="section 6.4, step 1")
def answers_without_writes(program):
    def play(run):
        expect_done(run, 1, "five nodes booted", "writer")
        old = leads(run)
        split(run, old)
        count = len(done(run, "r0")) + 5
        expect_done(run, count, f"the writer has done its work, and {old}, the leader, was cut off", "r0")
        run.heal()

    for role in ("IndexStore", "LeaseStore"):
        play_all(program, newsroom(role, writes=1, looks=90, gap_ms=20), play, runs=4, needs=("partition",), rules=RULES)


@checks("10.R", "three ways: the nodes are split and crash (PersistPartition)", points=2, look_at="the numbered steps", source="Go lab 4B, with the reads of section 6.4")
def split_and_crash(program):
    for role in MODES:
        under_trouble(program, role, clients=3, each=10, cuts=True, crashes=True, keys=("x", "y"), runs=6, rules=RULES)


@checks("10.R", "three ways: the same on lossy links (PersistPartitionUnreliable)", points=2, look_at="the numbered steps", source="Go lab 4B, with the reads of section 6.4")
def split_crash_and_loss(program):
    for role in MODES:
        under_trouble(program, role, clients=4, each=8, cuts=True, crashes=True, link=LOSSY, runs=6, rules=RULES)


@checks("10.R", "without a majority no read is answered, once a lease is over (OnePartition)", points=1, look_at="when a lease ends", source="section 6.4; Go lab 4B")
def no_reads_in_minority(program):
    def play(run):
        expect_done(run, 3, "five nodes booted", "r0")
        old = leads(run)
        split(run, old, "r0")
        run.run(run.now_ms + 200)
        expect_none_done(run, f"{old} has been cut off from all other nodes for 200 ms, with a reader", "r0")
        run.heal()
        expect_all_done(run, f"{old} is back")
        expect_same_data(run, f"{old} is back")

    for role in MODES:
        play_all(program, newsroom(role, looks=40), play, runs=4, needs=("partition",), rules=RULES)


def cost(run, story):
    """Messages that nodes send for a read, above what they send when nothing happens; ms a read; entries in the log."""
    close(run)
    leader_id = expect_leader(run, story)
    run.run(run.now_ms + 400)
    idle, until, mark = len(run.trace), run.now_ms + 1_000, run.now_ms
    run.run(until)
    quiet = sends(run, idle)
    entries = len(run.observe(leader_id).get("log", ()))
    busy, begin = len(run.trace), run.now_ms
    run.heal()
    run.run(begin + until - mark)
    answered = [op for op in done(run) if op.returned_us / 1000 > begin]
    expect(run.violation or len(answered) > 5, f"{story}; in one second only {len(answered)} reads were answered")
    ms = sorted((op.returned_us - max(op.invoked_us, begin * 1000)) / 1000 for op in answered)
    return (sends(run, busy) - quiet) / max(1, len(answered)), ms[len(ms) // 2] if ms else 0, len(run.observe(leader_id).get("log", ())) - entries


def close(run):
    for client in run.system.client_ids:
        for id in run.system.node_ids:
            run.network.cut(client, id)
            run.network.cut(id, client)


def sends(run, since):
    """How many messages nodes have sent since this place in the trace."""
    return sum(row[1] == "send" and row[2] in run.system.node_ids for row in run.trace.rows[since:])


def read_costs(program, role, messages, ms, *, in_log):
    def play(run):
        said, took, entries = cost(run, f"five nodes, one reader, reads as in {role}")
        expect(run.violation or said <= messages, f"{role}: a read cost the nodes {said:.1f} messages; at most {messages} are needed")
        expect(run.violation or took <= ms, f"{role}: with links of 1 to 10 ms a read took {took:.0f} ms; {ms} are enough")
        expect(run.violation or in_log or not entries, f"{role}: reads do not belong into the log, and it grew by {entries} entries")

    system = newsroom(role, writes=0, looks=90)
    play_all(program, system, play, runs=3, rules=RULES)


@checks("10.S", "a read through the log costs a round trip to a majority (Speed)", points=1, look_at="10.2: is it answered when it is applied?", source="section 6.4, introduction")
def cost_of_log(program):
    read_costs(program, "Store", 12, 45, in_log=True)


@checks("10.R", "a read by a round costs the same messages, and no entry in the log", points=1, look_at="how many rounds a read begins", source="section 6.4")
def cost_of_round(program):
    read_costs(program, "IndexStore", 10, 45, in_log=False)


@checks("10.R", "a read on a lease costs one message, and no round trip to the others", points=1, look_at="what is sent though the lease holds", source="section 6.4.1")
def cost_of_lease(program):
    read_costs(program, "LeaseStore", 2, 25, in_log=False)


@checks("10.R", "by rounds: in any order of events, with crashes anywhere, no read is old", points=3, look_at="the numbered steps: when did the read begin, and who led?", source="section 6.4; linearizability as in Herlihy & Wing 1990", not_shown="that any read is ever answered")
def fresh_in_any_order(program):
    def mixed(role, clients, each):
        return store(role, 3, clients, each, f=("append", "get", "get"))

    for system, limits, count in (
        (mixed("IndexStore", 2, 4), Walk(steps_max=140, duplicates=True, timers=14), 80),
        (mixed("IndexStore", 2, 3), Walk(steps_max=150, restarts=2, timers=14, demotions=8), 80),
        (mixed("LateStore", 2, 3), Walk(steps_max=150, restarts=1, timers=16, demotions=6), 60),
    ):
        walks(program, system, count=count, limits=limits, **RULES)
