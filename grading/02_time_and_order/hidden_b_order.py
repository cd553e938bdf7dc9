"""Lab 02, part order, hidden checks: the same rules, over more of what may happen."""

from __future__ import annotations

import random

from checks_b_order import (
    LATE,
    LATE_NEEDS,
    Numbered,
    everything_read,
    expect_read,
    reads_causes_first,
    snapshot_ends,
    snapshot_is_consistent,
)
from given import BALANCE, Ack, Marker, Post, Request, Transfer

from labkit import System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.verdict import trial

NAMES = ("zoe", "ada", "n10", "n2", "bob", "n1")
MANY = (Walk(steps_max=160, duplicates=True, timers=20), Walk(steps_max=160, timers=20, demotions=12))


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def some_posts(draw, names, length):
    """A causal history: members write at random, having read some of what there is."""
    members = sorted(names)
    read = {name: [0] * len(members) for name in members}
    written = []
    for number in range(length):
        author = draw.choice(names[1:])
        for post in written:
            if draw.random() < 0.5 and may_read(post, members, read[author]):
                read[author][members.index(post.author)] += 1
        read[author][members.index(author)] += 1
        written.append(Post(author, tuple(read[author]), f"post {number} of {author}"))
    return members, written


def may_read(post, members, count):
    """The definition."""
    return all(
        theirs <= mine + (m == post.author)
        for m, theirs, mine in zip(members, post.clock, count, strict=True)
    ) and (post.clock[members.index(post.author)] > count[members.index(post.author)])


@checks("2.5", "any history, asked at any moment", points=3)
def any_history(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        names = draw.sample(NAMES, size)
        members, written = some_posts(draw, names, 14)
        node, count = by_hand(program, "ForgetfulForum", names[0], peers=names[1:]), [0] * size
        for _ in range(60):
            post = draw.choice(written)
            wanted = may_read(post, members, count)
            expect_read(node, post, wanted, f"it has read {count} of the members' posts")
            count[members.index(post.author)] += wanted


@checks("2.6", "any history, any order, any copies", points=3)
def any_arrival(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        for _ in range(6):
            names = draw.sample(NAMES, size)
            members, written = some_posts(draw, names, 10)
            arrivals = written + draw.choices(written, k=8)
            draw.shuffle(arrivals)
            _expect_reference(by_hand(program, "CausalForum", names[0], peers=names[1:]), members, arrivals)


def _expect_reference(node, members, arrivals):
    count, waiting, read = [0] * len(members), [], set()
    for post in arrivals:
        if post.text not in read and post not in waiting:
            waiting.append(post)
        while ready := [one for one in waiting if may_read(one, members, count)]:
            waiting.remove(ready[0])
            read.add(ready[0].text)
            count[members.index(ready[0].author)] += 1
        node.deliver(post.author, post)
        seen = node.observe()
        expect(
            set(seen["feed"]) == read,
            f"after {post} came, {sorted(read)} may be read, and {node.id} has read {seen['feed']}",
        )
        expect(len(seen["feed"]) == len(read), f"{node.id} has read something twice: {seen['feed']}")
        expect(
            set(seen["held"]) == set(waiting), f"{waiting} are waiting, and {node.id} holds {seen['held']}"
        )
        expect(len(seen["held"]) == len(waiting), f"{node.id} holds something twice: {seen['held']}")


@checks("2.7", "any requests and acknowledgements", points=3)
def any_requests(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        names = draw.sample(NAMES, size)
        node = by_hand(program, "TotalForum", names[0], peers=names[1:])
        tell, heard, asked = Numbered(node), dict.fromkeys(names[1:], 0), []
        for number in range(50):
            peer = draw.choice(names[1:])
            heard[peer] += draw.choice((1, 1, 2, 4))
            if draw.random() < 0.4:
                asked.append((heard[peer], peer, f"text {draw.randint(0, 99)}, {number}"))
                tell(peer, Request, *asked[-1])
            else:
                tell(peer, Ack, heard[peer])
            _expect_between(node, asked, heard)


def _expect_between(node, asked, heard):
    """What must have been read by now, and what may have been: nothing smaller can come."""
    least = _stable(asked, lambda time, author: all(time <= last for last in heard.values()))
    most = _stable(
        asked, lambda time, author: all((time, author) < (last + 1, peer) for peer, last in heard.items())
    )
    feed = list(node.observe()["feed"])
    expect(
        feed == most[: len(feed)],
        f"heard are {heard}, asked was {asked}; {node.id} has read {feed}; only {most} can be stable",
    )
    expect(
        len(feed) >= len(least),
        f"heard are {heard}, asked was {asked}; {node.id} has read {feed}, and {least} are stable",
    )


def _stable(asked, is_stable):
    texts = []
    for time, author, text in sorted(asked, key=lambda one: one[:2]):
        if not is_stable(time, author):
            break
        texts.append(text)
    return texts


@checks("2.O", "causal: other groups, other orders", points=3)
def other_causal_groups(program):
    for limits in MANY:
        walks(program, System.of(NAMES[:5], "CausalForum"), count=60, limits=limits, judge=reads_causes_first)
    scenarios(
        program,
        System.of(NAMES, "CausalForum"),
        everything_read,
        runs=15,
        link=LATE,
        judge=reads_causes_first,
        needs=LATE_NEEDS,
    )


@checks("2.O", "total: other groups, other orders", points=3)
def other_total_groups(program):
    for limits in MANY:
        walks(program, System.of(NAMES[:3], "TotalForum"), count=60, limits=limits, judge=reads_causes_first)
    scenarios(
        program,
        System.of(NAMES, "TotalForum"),
        everything_read,
        runs=8,
        link=LATE,
        judge=reads_causes_first,
        needs=LATE_NEEDS,
    )


def a_branch(program, draw, size):
    names = draw.sample(NAMES, size)
    ends = min(names), max(names)
    if names[0] not in ends:  # only the first and the last member have the timer "snapshot"
        names.remove(ends[0])
        names.insert(0, ends[0])
    return by_hand(program, "Bank", names[0], peers=names[1:])


@checks("2.8", "any branch, any moment", points=2)
def begins_anywhere(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        node, peers = a_branch(program, draw, size), ()
        peers = set(node.system[1:])
        for payment in range(draw.randint(0, 5)):
            node.fire(f"pay {payment + 1}")
        before, has = len(node.sent), node.observe()["balance"]
        node.fire("snapshot")
        seen, new = node.observe(), node.sent[before:]
        expect(seen["recorded"] == has, f"{node.id} had {has} and recorded {seen['recorded']}")
        expect(
            sorted(to for to, _ in new) == sorted(peers),
            f"{node.id} sent {new}; each of {sorted(peers)} gets one marker",
        )
        numbers = {to: len(node.all_sent_to(to)) for to in peers}
        expect(
            all(m == Marker(numbers[to]) for to, m in new),
            f"{node.id} sent {new}, and the next numbers are {numbers}",
        )
        expect(
            set(seen["open"]) == peers and dict(seen["channels"]) == dict.fromkeys(peers, ()),
            f"{node.id} records {seen}",
        )


def play_branch(program, draw, size):
    """Markers and transfers in any order; yields what is expected of the branch after each, and what it shows."""
    node = a_branch(program, draw, size)
    tell, balance, recorded, channels, open_ones = Numbered(node), BALANCE, None, {}, set()
    peers = node.system[1:]
    marked = list(peers)
    draw.shuffle(marked)
    for _ in range(30):
        peer, amount = draw.choice(peers), draw.randint(1, 9)
        if marked and draw.random() < 0.2:
            peer = marked.pop()
            if recorded is None:
                recorded, open_ones = balance, set(peers)
            open_ones.discard(peer)
            tell(peer, Marker)
        else:
            balance += amount
            if peer in open_ones:
                channels.setdefault(peer, []).append(amount)
            tell(peer, Transfer, amount)
        yield node, recorded, open_ones, channels


@checks("2.9", "any markers between any transfers", points=3)
def any_markers(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        for node, recorded, open_ones, _ in play_branch(program, draw, size):
            seen, sent = node.observe(), len([m for _, m in node.sent if isinstance(m, Marker)])
            expect(
                seen["recorded"] == recorded,
                f"{node.id} should have recorded {recorded}, and has {seen['recorded']}",
            )
            expect(
                set(seen["open"]) == open_ones,
                f"{node.id} should record {open_ones}, and records {seen['open']}",
            )
            wanted = 0 if recorded is None else size - 1
            expect(
                sent == wanted, f"{node.id} has sent {sent} markers to {size - 1} peers; {wanted} were due"
            )


@checks("2.10", "any transfers between any markers", points=3)
def any_transfers(program):
    draw = dice()
    for size in (2, 3, 4, 6):
        for node, _, _, channels in play_branch(program, draw, size):
            got = {peer: list(amounts) for peer, amounts in node.observe()["channels"] if amounts}
            expect(got == channels, f"under way to {node.id} was {channels}, and it recorded {got}")


@checks("2.S", "more branches, other orders", points=3)
def more_branches(program):
    for limits in MANY:
        walks(program, System.of(NAMES[:5], "Bank"), count=60, limits=limits, judge=snapshot_is_consistent)
    scenarios(
        program,
        System.of(NAMES, "Bank"),
        snapshot_ends,
        runs=20,
        link=LATE,
        judge=snapshot_is_consistent,
        needs=LATE_NEEDS,
    )
