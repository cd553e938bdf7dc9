"""Lab 09, part `log`, hidden checks: logs, messages, sizes and faults that nobody has chosen.

Each step check holds the node against a few lines of its own, which say what figure 2 says.
"""

from __future__ import annotations

import random

from checks import leader_in
from checks_b_log import (
    LOSSY,
    RULES,
    calm_down,
    entries_of,
    expect_same_books,
    expect_sold,
    follower_with,
    indexes,
    leader_with,
    log_of,
    news,
    play_all,
    sent,
    shop,
    sold,
    submit,
    tell,
)
from given import BATCH_MAX, AppendEntries, AppendEntriesReply

from labkit import Walk, checks, expect, walks
from labkit.nemesis import LINKS, recovers, swarm
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def terms_up_to(draw, term, length):
    return tuple(sorted(draw.randint(1, term) for _ in range(length)))


# -- 9.5 to 9.9, one node in the hand ------------------------------------------------------------


class Follower:
    """Figure 2, AppendEntries, rules 2 to 4, on terms alone."""

    def __init__(self, terms):
        self.terms = list(terms)

    def take(self, prev, prev_term, terms):
        """What the answer must be, in term 9."""
        if prev > len(self.terms):
            return AppendEntriesReply(9, False, 0, len(self.terms) + 1, 0)
        there = self.terms[prev - 1] if prev else 0
        if there != prev_term:
            return AppendEntriesReply(9, False, 0, self.terms.index(there) + 1, there)
        for place, term in enumerate(terms, prev):
            if self.terms[place : place + 1] != [term]:
                self.terms[place:] = terms[place - prev :]
                break
        return AppendEntriesReply(9, True, prev + len(terms), 0, 0)


@checks("9.5", "any log, any requests of one leader", points=3, source="figure 2, AppendEntries")
def any_requests(program):
    draw = dice()
    for _ in range(40):
        leader, mine = (terms_up_to(draw, 9, draw.randint(0, 9)) for _ in range(2))
        same = draw.randint(0, min(len(leader), len(mine)))
        mine = tuple(sorted((*leader[:same], *(max(t, *leader[:same], 1) for t in mine[same:]))))
        node, book = follower_with(program, *mine, term=9), Follower(mine)
        for _ in range(5):
            prev = draw.randint(0, len(leader))
            terms = leader[prev : draw.randint(prev, len(leader))]
            prev_term = (0, *leader)[prev]
            wanted = book.take(prev, prev_term, terms)
            reply, log = sent(node, prev, prev_term, *terms)
            story = f"n1 first had {mine}; it got {terms} after index {prev}, term {prev_term}"
            expect(reply == wanted, f"{story}, should answer {wanted}, and answered {reply}")
            expect(log == tuple(book.terms), f"{story}, should have {book.terms}, and has {log}")


@checks("9.6", "any log, any number of sales", points=2, source="figure 2, leaders")
def any_news(program):
    draw = dice()
    for _ in range(15):
        nodes, length = draw.choice((2, 3, 5)), draw.randint(0, 6)
        terms = terms_up_to(draw, 6, length)
        node = leader_with(program, *terms, term=draw.randint(8, 12), nodes=nodes)
        term = node.observe()["current_term"]
        submit(node, *[f"sale {n}" for n in range(draw.choice((0, 1, 5, BATCH_MAX + 3)))])
        peer = draw.choice(node.system[1:nodes])
        log = node.observe()["log"]
        wanted = AppendEntries(
            term, "n1", length, (0, *terms)[length], tuple(log[length:][:BATCH_MAX]), 0
        )
        got = news(node, peer)
        expect(
            got == wanted,
            f"n1 leads term {term} with entries of terms {terms} and {len(log) - length} sales: it should send {wanted}, and sent {got}",
        )


@checks("9.7", "any answers of followers, in any order", points=3, source="figure 2, leaders; section 5.3")
def any_answers_of_followers(program):
    draw = dice()
    for _ in range(20):
        length, nodes = draw.randint(1, 12), draw.choice((3, 5))
        node = leader_with(program, *terms_up_to(draw, 7, length), term=9, nodes=nodes)
        known = dict.fromkeys(node.system[1:nodes], (0, length + 1))
        for _ in range(12):
            peer, term = draw.choice(list(known)), draw.choice((9, 9, 9, 8, 3))
            match, after = known[peer]
            if draw.random() < 0.5:
                reply = AppendEntriesReply(term, True, draw.randint(0, length))
                wanted = max(match, reply.match_index), max(after, reply.match_index + 1)
            else:
                reply = AppendEntriesReply(term, False, 0, draw.randint(1, length + 1), draw.randint(0, 6))
                wanted = match, max(min(after, reply.conflict_index), match + 1)
            known[peer] = wanted if term == 9 else (match, after)
            tell(node, peer, reply)
            got = {id: indexes(node, id) for id in known}
            expect(
                got == known,
                f"n1 leads term 9 with {length} entries, and {peer} answered {reply}: (match_index, next_index) should be {known}, and are {got}",
            )


@checks("9.8", "any number of nodes, any answers", points=3, source="figure 2, leaders; section 5.4.2")
def any_commit(program):
    draw = dice()
    for _ in range(25):
        nodes, old, new = draw.randint(2, 9), draw.randint(0, 4), draw.randint(0, 5)
        node = leader_with(program, *terms_up_to(draw, 3, old), term=5, nodes=nodes)
        submit(node, *[f"sale {n}" for n in range(new)])
        agree = dict.fromkeys(node.system[1:nodes], 0)
        for _ in range(2 * nodes):
            peer = draw.choice(list(agree))
            agree[peer] = max(agree[peer], draw.randint(0, old + new))
            tell(node, peer, AppendEntriesReply(5, True, agree[peer]))
            mine = (n for n in range(old + 1, old + new + 1))
            wanted = max((n for n in mine if 2 * (1 + sum(a >= n for a in agree.values())) > nodes), default=0)
            got = node.observe()["commit_index"]
            expect(
                got == wanted,
                f"n1 leads {nodes} nodes with {old} old entries and {new} of its own term; they agree up to {agree}, so commit_index should be {wanted}, and it is {got}",
            )


@checks("9.9", "any news of what is committed", points=2, source="figure 2, all servers")
def any_commit_news(program):
    draw = dice()
    for _ in range(25):
        length = draw.randint(1, 8)
        terms = terms_up_to(draw, 5, length)
        node, wanted = follower_with(program, *terms, term=6), 0
        for _ in range(6):
            prev, commit = draw.randint(0, length), draw.randint(0, length + 2)
            end = draw.randint(prev, length)
            entries = entries_of(*terms[prev:end], first=prev + 1)
            tell(node, "n3", AppendEntries(6, "n3", prev, (0, *terms)[prev], entries, commit))
            wanted = max(wanted, min(commit, end))
            seen = node.observe()
            got = seen["commit_index"], seen["last_applied"], list(seen["book"])
            book = [entry.command for entry in seen["log"][:wanted]]
            expect(
                got == (wanted, wanted, book) and log_of(node) == terms,
                f"n1 knows that it agrees up to {end}, and the leader says that {commit} are committed: commit_index, last_applied and book should be {wanted}, {wanted}, {book}, and are {got}",
            )


# -- 9.R -----------------------------------------------------------------------------------------


def all_sell(run):
    """Everyone's book is the same, and has what was answered, and something was."""
    seen = [list(run.observe(id).get("book", ())) for id in run.system.node_ids]
    return bool(sold(run)) and all(book == seen[0] for book in seen) and set(sold(run)) <= set(seen[0])


@checks("9.R", "two, four and seven nodes, in any order of events", points=2, source="figure 3")
def other_sizes(program):
    for nodes, count in ((2, 60), (4, 60), (7, 20)):
        limits = Walk(steps_max=50 + 15 * nodes, duplicates=True, timers=12)
        walks(program, shop("LogRaft", nodes, 2, 2), count=count, limits=limits, **RULES)


@checks("9.R", "whatever happens to the links", points=3, source="figure 3")
def whatever_happens_to_links(program):
    def play(run):
        swarm(run, 2_000, kinds=LINKS, target=leader_in)
        run.run(2_000)
        met = recovers(run, lambda: all_sell(run), 8_000)
        expect(met, "the links are mended, and 8 s later the books differ, or lack a sale that was answered")

    play_all(program, shop("LogRaft", 5, 30, 30, gap_ms=30), play, runs=24, needs=("partition", "cut"))


@checks("9.R", "four nodes, split in halves again and again", points=2, source="section 5.3")
def split_in_halves(program):
    def play(run):
        chance, nodes = Stream(run.seed, "halves"), run.system.node_ids
        for _ in range(6):
            half = [leader_in(run), *chance.some(nodes)][:2]
            rest = [id for id in nodes if id not in half]
            run.partition((*half, "c1"), (*rest, "c2"))
            run.run(run.now_ms + chance.between(200, 900))
            run.heal()
            run.run(run.now_ms + chance.between(10, 500))
        calm_down(run)
        expect_sold(run, len(sold(run)) + 1, "four nodes are connected, for good")
        expect_same_books(run, nodes, "four nodes are connected, for good")

    play_all(program, shop("LogRaft", 4, 200, 200, gap_ms=30), play, runs=6, link=LOSSY, needs=("partition",))
