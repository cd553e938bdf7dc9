"""Lab 10, part `reads`, hidden checks: rounds, clocks, sizes and faults that nobody has chosen."""

from __future__ import annotations

from checks import (
    LOSSY,
    RULES,
    agree,
    expect_leader,
    leads,
    mend,
    play_all,
    replies,
    split,
    store,
    under_trouble,
)
from checks_b_reads import LEASE_MS, MODES, PUT, ask, beat, elected, lease_is, newsroom, reads, ready
from given import NOOP, LogEntry, Ping, Pong, Reply, Request
from hidden import dice

from labkit import Walk, checks, expect, walks
from labkit.network import Stream


@checks("10.4", "any log, any number of nodes", points=2, source="section 6.4, step 1")
def any_log_gets_a_noop(program):
    draw = dice()
    for _ in range(12):
        log, nodes = (PUT,) * draw.randint(0, 5), draw.choice((3, 5, 7))
        node = elected(program, log=log, nodes=nodes)
        got = tuple(node.observe()["log"])
        expect(len(got) == len(log) + 1 and got[-1] == LogEntry(2, NOOP), f"n1 of {nodes} had {len(log)} entries and was elected: its log is {got}")
        agree(node, len(log) + 1, *node.system[1 : nodes // 2 + 1])
        said = node.observe()["commit_index"]
        expect(said == len(log) + 1, f"a majority of {nodes} has all {len(log) + 1} entries, and commit_index is {said}")


@checks("10.6", "any reads, and any order in which rounds are confirmed", points=3, source="section 6.4, steps 2 to 5")
def any_rounds(program):
    draw = dice()
    for _ in range(20):
        nodes = draw.choice((3, 5))
        node, best, begun, answered = ready(program, nodes=nodes), {}, {}, set()
        peers = node.system[1:nodes]
        for _ in range(14):
            if not begun or draw.random() < 0.4:
                number = len(begun) + 1
                begun[number] = ask(node, number, draw.choice(("x", "y")))
            else:
                peer, of = draw.choice(peers), draw.choice([0, *begun.values()])
                node.deliver(peer, Pong(2, of))
                best[peer] = max(of, best.get(peer, 0))
            confirmed = sorted([10**6, *(best.get(peer, 0) for peer in peers)])[nodes // 2]
            answered |= {number for number, of in begun.items() if of <= confirmed}
            got = sorted(reply.number for reply in replies(node))
            expect(got == sorted(answered), f"reads began rounds {begun}; peers have confirmed {best}; of {nodes} nodes a majority is needed: reads {sorted(answered)} should be answered, and {got} are")
        left = sorted(read.number for read in reads(node))
        expect(left == sorted(set(begun) - answered), f"reads {sorted(answered)} of {len(begun)} were answered, and these wait: {left}")


@checks("10.7", "any rounds, any delays", points=3, source="section 6.4.1")
def any_leases(program):
    draw = dice()
    for _ in range(15):
        nodes = draw.choice((3, 5))
        node = ready(program, "LeaseStore", nodes=nodes, at_ms=500)
        now, peers, best = 500.0, node.system[1:nodes], {}
        sent = {node.sent_to("n2", Ping).round: 500.0}
        for _ in range(8):
            after = draw.randint(1, 60)
            now += after
            sent[beat(node, after)] = now
            peer, of = draw.choice(peers), draw.choice(list(sent))
            node.deliver(peer, Pong(2, of))
            best[peer] = max(of, best.get(peer, 0))
            confirmed = sorted([10**6, *(best.get(one, 0) for one in peers)])[nodes // 2]
            wanted = sent[confirmed] + LEASE_MS if confirmed else 0.01
            lease_is(node, wanted, f"of {nodes} nodes, these confirmed rounds: {best}; rounds were sent at {sent}")


@checks("10.8", "any moment before or after the end of a lease", points=2, source="section 6.4.1")
def any_moment(program):
    draw = dice()
    for _ in range(15):
        node = ready(program, "LeaseStore", at_ms=draw.randint(100, 5_000))
        node.deliver(draw.choice(("n2", "n3")), Pong(2, node.sent_to("n2", Ping).round))
        after = draw.choice((draw.randint(0, int(LEASE_MS) - 3), draw.randint(int(LEASE_MS) + 2, 400)))
        node.pass_ms(after)
        node.deliver("c1", Request(4, "get", "x"))
        wanted = [Reply(4, True, "a", "n1")] if after < LEASE_MS else []
        expect(replies(node) == wanted, f"{after} ms after the last confirmed pings were sent a get came: the client should have heard {wanted}, and heard {replies(node)}")
        expect(len(reads(node)) == (not wanted), f"{after} ms after them, reads are {reads(node)}")


@checks("10.R", "any size, any trouble, three ways", points=3, source="section 6.4; linearizability")
def any_trouble_three_ways(program):
    draw = dice()
    for role in MODES:
        under_trouble(
            program, role, nodes=draw.choice((3, 5)), clients=draw.randint(2, 5), each=draw.randint(6, 10),
            link=LOSSY, runs=8, rounds=5, cuts=True, crashes=True, f=("append", "get", "get"),
        )  # fmt: skip


@checks("10.R", "leases on any clocks within the bound, leaders cut off with their readers", points=3, source="section 6.4.1")
def any_clocks(program):
    def play(run):
        chance = Stream(run.seed, "clocks")
        for id in run.system.node_ids:
            run.set_clock(id, skew_ms=chance.between(-200, 9_000), drift_ppm=chance.between(-45_000, 45_000))
        for _ in range(3):
            expect_leader(run, "all are connected")
            run.run(run.now_ms + chance.between(50, 400))
            split(run, leads(run), "r0", "r1")
            run.run(run.now_ms + chance.between(300, 900))
            run.heal()
        mend(run)

    system = newsroom("LeaseStore", nodes=3, writes=70, looks=80, readers=2)
    play_all(program, system, play, runs=16, needs=("partition", "clock"), rules=RULES)


@checks("10.R", "reads by rounds, in longer orders of events", points=2, source="section 6.4")
def longer_orders_of_reads(program):
    for role, clients, each in (("IndexStore", 3, 3), ("LateStore", 2, 4)):
        limits = Walk(steps_max=190, restarts=2, cuts=1, duplicates=True, timers=18, demotions=8)
        walks(program, store(role, 3, clients, each, f=("append", "get")), count=80, limits=limits, **RULES)
