"""Lab 02, public checks of part order: causal and total broadcast, and the snapshot."""

from __future__ import annotations

from itertools import permutations

from given import BALANCE, Ack, Marker, Post, Request, Transfer

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation

BIRMAN = "Birman, Schiper & Stephenson 1991"
LAMPORT = "Lamport 1978"
SNAPSHOT = "Chandy & Lamport 1985"
ANY_ORDER = Walk(steps_max=90, duplicates=True, timers=18)
OVERTAKEN = Walk(steps_max=90, timers=18, demotions=8)
LATE = Link(delay_ms=(1, 40), duplication=0.15, tail=0.2, tail_ms=300)
LATE_NEEDS = ("late", "duplication")
UNTIL_MS = 3_000


def members(program, role, id, count):
    """One member of a group of `count`."""
    everyone = [f"n{number}" for number in range(1, count + 1)]
    return by_hand(program, role, id, peers=[other for other in everyone if other != id])


def feed(node):
    return node.observe()["feed"]


# -- 2.5 Causal order: may this be read? -----------------------------------------------------------


def expect_read(node, post, wanted, why):
    """The post comes: is it read exactly if it is `wanted`?"""
    before = feed(node)
    node.deliver(post.author, post)
    after = feed(node)
    is_read = after[len(before) :] == (post.text,)
    done = "read" if is_read else "did not read"
    expect(
        is_read == wanted and len(after) <= len(before) + 1,
        f"{node.id} had read {before} and {done} {post}, but {why}",
    )


@checks(
    "2.5",
    "of each author, the next post and no other",
    points=2,
    source=BIRMAN,
    look_at="the author's own place",
)
def author_by_author(program):
    node = members(program, "ForgetfulForum", "n2", 4)
    steps = (
        (Post("n1", (2, 0, 0, 0), "n1.2"), False, "n1's first is missing"),
        (Post("n1", (1, 0, 0, 0), "n1.1"), True, "it is n1's first"),
        (Post("n1", (1, 0, 0, 0), "n1.1"), False, "it is a copy of one that was read"),
        (Post("n1", (3, 0, 0, 0), "n1.3"), False, "n1's second is missing"),
        (Post("n1", (2, 0, 0, 0), "n1.2"), True, "it is n1's second"),
        (Post("n4", (0, 0, 0, 2), "n4.2"), False, "n4's first is missing"),
        (Post("n4", (0, 0, 0, 1), "n4.1"), True, "it is n4's first"),
    )
    for post, wanted, why in steps:
        expect_read(node, post, wanted, why)


@checks(
    "2.5", "not before what its author had read", points=2, source=BIRMAN, look_at="the places of all others"
)
def author_had_read(program):
    node = members(program, "ForgetfulForum", "n2", 4)
    answer = Post("n3", (1, 0, 1, 0), "n3.1")
    last = Post("n4", (1, 0, 1, 1), "n4.1")
    steps = (
        (answer, False, "n3 had read n1's first when it wrote this, and n2 has not"),
        (last, False, "n4 had read n1's first and n3's first, and n2 has neither"),
        (Post("n1", (1, 0, 0, 0), "n1.1"), True, "nothing is missing"),
        (last, False, "n4 had read n3's first, and n2 has not"),
        (answer, True, "what n3 had read, n2 has read by now"),
        (last, True, "what n4 had read, n2 has read by now"),
    )
    for post, wanted, why in steps:
        expect_read(node, post, wanted, why)


@checks(
    "2.5",
    "the reader may have read more than the author",
    points=1,
    source=BIRMAN,
    look_at="equal, or at least",
)
def reader_knows_more(program):
    node = members(program, "ForgetfulForum", "n2", 4)
    node.fire("n2.1")
    for number in (1, 2):
        expect_read(node, Post("n1", (number, 0, 0, 0), f"n1.{number}"), True, "nothing is missing")
    expect_read(
        node,
        Post("n3", (1, 0, 1, 0), "n3.1"),
        True,
        "n3 had read one of the posts of n1, and n2 has read two",
    )
    expect_read(
        node, Post("n4", (0, 1, 0, 1), "n4.1"), True, "n4 had read n2's own first post, and n2 has too"
    )


# -- 2.6 The hold-back queue -----------------------------------------------------------------------


CHAIN = (
    Post("n1", (1, 0, 0, 0), "n1.1"),
    Post("n3", (1, 0, 1, 0), "n3.1"),
    Post("n1", (2, 0, 1, 0), "n1.2"),
    Post("n4", (2, 0, 1, 1), "n4.1"),
)
"""Each of these answers the one before it."""


@checks(
    "2.6",
    "what waits is read when its turn comes, in whatever order it came",
    points=3,
    source=BIRMAN,
    look_at="what one delivery makes possible",
)
def chain_in_any_order(program):
    wanted = tuple(post.text for post in CHAIN)
    for order in permutations(CHAIN):
        node = members(program, "CausalForum", "n2", 4)
        for post in order:
            node.deliver(post.author, post)
        came = ", ".join(post.text for post in order)
        expect(
            feed(node) == wanted,
            f"posts came in the order {came}, and n2 has read {feed(node)}; the causal order is {wanted}",
        )


@checks("2.6", "what need not wait is read at once", points=1, source=BIRMAN, look_at="the end of on_post")
def no_needless_waiting(program):
    node = members(program, "CausalForum", "n2", 4)
    for number, post in enumerate((CHAIN[0], Post("n4", (0, 0, 0, 1), "n4.1"), CHAIN[1], CHAIN[2]), 1):
        node.deliver(post.author, post)
        expect(
            len(feed(node)) == number, f"nothing is missing before {post}, and n2 has read only {feed(node)}"
        )


@checks(
    "2.6",
    "a copy is read once, and not kept",
    points=2,
    source=BIRMAN,
    look_at="posts that were read, or are held, already",
)
def copies_are_dropped(program):
    first, second, third, _ = CHAIN
    node = members(program, "CausalForum", "n2", 4)
    for post, held in (
        (third, 1),
        (third, 1),
        (second, 2),
        (third, 2),
        (first, 0),
        (third, 0),
        (first, 0),
        (second, 0),
    ):
        node.deliver(post.author, post)
        kept = node.observe()["held"]
        expect(len(kept) == held, f"after {post} came, n2 holds {kept}; {held} posts are waiting")
    wanted = (first.text, second.text, third.text)
    expect(feed(node) == wanted, f"with copies of some posts, n2 has read {feed(node)}, not {wanted}")


# -- 2.7 Total order: when is the head stable? -----------------------------------------------------


class Numbered:
    """Tells a node of a FIFO class things in order, as its peers would."""

    def __init__(self, node):
        self.node, self.told = node, {}

    def __call__(self, source, cls, *fields):
        self.told[source] = number = self.told.get(source, 0) + 1
        self.node.deliver(source, cls(*fields, number))


@checks(
    "2.7",
    "not before every peer was heard with a time as late",
    points=2,
    source=LAMPORT,
    look_at="all peers, and which time of theirs",
)
def waits_for_all(program):
    node = members(program, "TotalForum", "n2", 4)
    tell = Numbered(node)
    tell("n3", Ack, 2)
    tell("n1", Request, 5, "n1", "first")
    for source, time in (("n3", 3), ("n4", 9), ("n1", 20)):
        tell(source, Ack, time)
        expect(
            not feed(node),
            f"n2 has read {feed(node)} at time 5, and the last that it heard of n3 is time 3 (and of n4: 0 or 9); "
            "n3 may still have sent something at time 4",
        )
    tell("n3", Ack, 8)
    expect(
        feed(node) == ("first",),
        f"n1, n3 and n4 were all heard with times after 5, and n2 has read {feed(node)}",
    )


@checks(
    "2.7",
    "in the order of (time, author)",
    points=2,
    source=f"{LAMPORT}: total order",
    look_at="which request you look at first",
)
def by_time_and_author(program):
    node = members(program, "TotalForum", "n2", 4)
    tell = Numbered(node)
    wanted = [(9, "n3", "a"), (10, "n1", "z"), (10, "n3", "c"), (10, "n4", "b"), (11, "n1", "a2")]
    for time, author, text in (wanted[0], wanted[3], wanted[2], wanted[1], wanted[4]):
        tell(author, Request, time, author, text)
    for peer in ("n1", "n3", "n4"):
        tell(peer, Ack, 50)
    texts = tuple(text for _, _, text in wanted)
    expect(feed(node) == texts, f"the requests are, in order, {wanted}; n2 has read {feed(node)}")


@checks(
    "2.7",
    "no longer than needed",
    points=2,
    source=LAMPORT,
    look_at="the author's request tells its time, too; and an empty queue",
)
def not_for_ever(program):
    node = members(program, "TotalForum", "n2", 3)
    tell = Numbered(node)
    tell("n3", Ack, 1)
    node.fire("n2.1")
    time = node.sent_to("n1", Request).time
    tell("n1", Ack, time + 1)
    tell("n3", Ack, time + 1)
    expect(
        feed(node) == ("n2.1",),
        f"n2's own request of time {time} was heard by both peers, and n2 has read {feed(node)}",
    )
    tell("n3", Request, time + 5, "n3", "n3.1")
    tell("n1", Ack, time + 8)
    expect(
        feed(node) == ("n2.1", "n3.1"),
        f"n3's request has time {time + 5}, so n3 was heard with that time, and n1 with {time + 8}; n2 has read {feed(node)}",
    )


# -- Part O: the orders together -------------------------------------------------------------------


def feeds_of(run):
    views = {id: run.observe(id) for id in run.system.node_ids}
    return {id: view["feed"] for id, view in views.items()}, {
        id: view["read_before"] for id, view in views.items()
    }


def needed_before(feeds, read_before):
    """For each post, those that its author had read or written when it wrote it."""
    needs = {}
    for id, written in read_before.items():
        own = []
        for text, count in written:
            needs[text] = {*feeds[id][:count], *own}
            own.append(text)
    return needs


def reads_causes_first(run):
    """The judge: does each member read a post after all that its author had read?"""
    feeds, read_before = feeds_of(run)
    needs = needed_before(feeds, read_before)
    for id, texts in feeds.items():
        for at, text in enumerate(texts):
            if text in texts[:at]:
                return Violation("a post is read once", f"{id} has read {text} twice: {texts}")
            missing = needs.get(text, set()) - set(texts[:at])
            if missing:
                what = f"{id} has read {text} before {min(missing)}, which its author had read or written before: {texts}"
                return Violation("nobody reads a post before its causes", what)
    return None


def everything_read(run):
    """All members have read all posts of all."""
    run.run(UNTIL_MS)
    feeds, read_before = feeds_of(run)
    written = {text for posts in read_before.values() for text, _ in posts}
    for id, texts in feeds.items():
        missing = written - set(texts)
        expect(
            run.violation or not missing,
            f"nothing was lost, all has arrived long ago, and {id} has not read {', '.join(sorted(missing))}",
        )


def forum(count, role):
    return System.of(count, role)


@checks(
    "2.O",
    "causal: no cause after its effect, in any order",
    points=3,
    source=BIRMAN,
    look_at="may_deliver",
    not_shown="that everything is read in the end",
)
def causal_in_any_order(program):
    for count, limits in ((3, ANY_ORDER), (4, OVERTAKEN)):
        walks(program, forum(count, "CausalForum"), count=160, limits=limits, judge=reads_causes_first)


@checks(
    "2.O", "causal: everybody reads everything", points=2, source=BIRMAN, look_at="what stays in self.held"
)
def causal_reads_all(program):
    for count in (3, 5):
        scenarios(
            program,
            forum(count, "CausalForum"),
            everything_read,
            runs=30,
            link=LATE,
            judge=reads_causes_first,
            needs=LATE_NEEDS,
        )


@checks(
    "2.O",
    "total: one order for all, in any order of arrival",
    points=3,
    source=LAMPORT,
    look_at="next_stable",
    not_shown="that everything is read in the end",
)
def total_in_any_order(program):
    for count, limits in ((3, ANY_ORDER), (4, OVERTAKEN)):
        walks(program, forum(count, "TotalForum"), count=160, limits=limits, judge=reads_causes_first)


@checks(
    "2.O",
    "total: everybody reads everything, causes first",
    points=2,
    source=LAMPORT,
    look_at="who must be heard with which time",
    not_shown="what happens when a member dies; section 4 shows that",
)
def total_reads_all(program):
    for count in (3, 5):
        scenarios(
            program,
            forum(count, "TotalForum"),
            everything_read,
            runs=24,
            link=LATE,
            judge=reads_causes_first,
            needs=LATE_NEEDS,
        )


# -- 2.8 to 2.10 The snapshot ----------------------------------------------------------------------


def branch(program, id="n1", count=3):
    return members(program, "Bank", id, count)


def markers(sent):
    return [message for message in sent if isinstance(message, Marker)]


@checks(
    "2.8", "it records what the branch has at this moment", points=1, source=SNAPSHOT, look_at="self.recorded"
)
def records_its_balance(program):
    node = branch(program)
    for payment in ("pay 1", "pay 2"):
        node.fire(payment)
    has = node.observe()["balance"]
    node.fire("snapshot")
    got = node.observe()["recorded"]
    expect(got == has, f"n1 had {has} when the snapshot began, and recorded {got}")
    node.fire("pay 3")
    seen = node.observe()
    expect(
        seen["recorded"] == has and seen["balance"] < has,
        f"n1 recorded {has}, paid, and its record says {seen['recorded']}",
    )


@checks(
    "2.8",
    "a marker on every channel, before anything else",
    points=2,
    source=f"{SNAPSHOT}: marker-sending rule",
    look_at="self.tell_all",
)
def sends_markers_first(program):
    node = branch(program, count=4)
    for payment in ("pay 1", "pay 2", "pay 3"):
        node.fire(payment)
    told = {peer: len(node.all_sent_to(peer)) for peer in ("n2", "n3", "n4")}
    sent = node.fire("snapshot")
    for peer, before in told.items():
        new = node.all_sent_to(peer)[before:]
        expect(
            len(new) == 1 and markers(new), f"the snapshot began, and n1 sent {peer} {new}, not one Marker"
        )
        expect(
            new[0].number == before + 1,
            f"n1 told {peer} {before} things before, and its marker has number {new[0].number}: it would not be taken in order",
        )
    expect(len(sent) == 3, f"three peers need a marker each, and n1 sent {sent}")


@checks(
    "2.8",
    "every channel to the branch is recorded from now on",
    points=1,
    source=SNAPSHOT,
    look_at="self.open and self.channels",
)
def opens_all_channels(program):
    node = branch(program, count=4)
    node.fire("snapshot")
    seen = node.observe()
    expect(
        set(seen["open"]) == {"n2", "n3", "n4"},
        f"n1 began a snapshot, and records the channels from {sorted(seen['open'])}",
    )
    recorded = dict(seen["channels"])
    expect(
        recorded == {"n2": (), "n3": (), "n4": ()},
        f"nothing has come yet, and self.channels is {recorded}; give each peer an empty list",
    )


@checks(
    "2.9",
    "the first marker begins the snapshot here, and its channel is empty",
    points=2,
    source=f"{SNAPSHOT}: marker-receiving rule",
    look_at="the case that nothing is recorded yet",
)
def first_marker_begins(program):
    node = branch(program, "n2", 4)
    tell = Numbered(node)
    node.fire("pay 1")
    before = len(node.sent)
    tell("n3", Marker)
    seen = node.observe()
    expect(
        seen["recorded"] == seen["balance"],
        f"n2 had {seen['balance']} when the first marker came, and recorded {seen['recorded']}",
    )
    to = sorted(peer for peer, message in node.sent[before:] if isinstance(message, Marker))
    expect(
        to == ["n1", "n3", "n4"], f"the first marker came, and n2 sent markers to {', '.join(to) or 'nobody'}"
    )
    expect(
        set(seen["open"]) == {"n1", "n4"},
        f"the marker of n3 ends that channel, and n2 still records {sorted(seen['open'])}",
    )


@checks(
    "2.9",
    "a later marker ends its channel and nothing else",
    points=2,
    source=f"{SNAPSHOT}: marker-receiving rule",
    look_at="the case that the balance is recorded already",
)
def later_markers_end(program):
    node = branch(program, "n1", 4)
    tell = Numbered(node)
    node.fire("snapshot")
    recorded = node.observe()["recorded"]
    still = {"n2", "n3", "n4"}
    for source in ("n3", "n2", "n4"):
        node.fire(f"pay {source[1]}")
        before = len(node.sent)
        tell(source, Marker)
        still.discard(source)
        seen = node.observe()
        expect(
            set(seen["open"]) == still,
            f"the marker of {source} came, and n1 records the channels from {sorted(seen['open'])}, not {sorted(still)}",
        )
        expect(
            seen["recorded"] == recorded,
            f"n1 recorded {recorded}; then the marker of {source} came, and the record says {seen['recorded']}",
        )
        expect(
            len(node.sent) == before,
            f"n1 has sent its markers, and sent {node.sent[before:]} when that of {source} came",
        )


@checks(
    "2.9", "a branch that has nothing records nothing, once", points=1, source=SNAPSHOT, look_at="0 and None"
)
def empty_branch_begins_once(program):
    node = members(program, "EmptyBank", "n1", 3)
    tell = Numbered(node)
    for source in ("n3", "n2"):
        before = len(node.sent)
        tell(source, Marker)
        new, seen = len(node.sent) - before, node.observe()
        wanted = 2 if source == "n3" else 0
        expect(
            new == wanted,
            f"n1 has no money, the marker of {source} came, and n1 sent {new} messages, not {wanted}",
        )
        expect(
            source not in seen["open"] and seen["recorded"] == 0,
            f"n1 recorded {seen['recorded']}, and records the channels from {sorted(seen['open'])}",
        )


@checks(
    "2.10",
    "what comes before its channel's marker is on the channel",
    points=2,
    source=SNAPSHOT,
    look_at="self.channels",
)
def records_channels(program):
    node = branch(program, "n2", 3)
    tell = Numbered(node)
    tell("n1", Marker)
    for amount in (7, 30, 7):
        tell("n3", Transfer, amount)
    got = dict(node.observe()["channels"]).get("n3")
    expect(
        got == (7, 30, 7),
        f"between n2's record and n3's marker came 7, 30 and 7, and the channel from n3 has {got}",
    )


@checks(
    "2.10",
    "nothing before the record, nothing after the marker",
    points=2,
    source=SNAPSHOT,
    look_at="self.open",
)
def records_nothing_else(program):
    node = branch(program, "n2", 3)
    tell = Numbered(node)
    tell("n3", Transfer, 5)
    tell("n1", Transfer, 6)
    tell("n1", Marker)
    tell("n1", Transfer, 8)
    tell("n3", Transfer, 9)
    tell("n3", Marker)
    tell("n3", Transfer, 11)
    seen = node.observe()
    recorded = {peer: amounts for peer, amounts in seen["channels"] if amounts}
    expect(recorded == {"n3": (9,)}, f"only 9 was under way, from n3; n2 has recorded {recorded}")
    expect(
        seen["recorded"] == BALANCE + 11,
        f"n2 had {BALANCE + 11} at its moment, and recorded {seen['recorded']}",
    )


# -- Part S: the snapshot as a whole ---------------------------------------------------------------


class Audit:
    """Follows a run's trace, and says what its snapshot should contain.

    A branch's moment is its timer "snapshot" or the first marker that it takes.  Messages are
    taken in the order of their numbers, as the given class does.
    """

    def __init__(self, run):
        ids = run.system.node_ids
        self.balance = dict.fromkeys(ids, BALANCE)
        self.recorded = dict.fromkeys(ids)
        self.channels = {id: {} for id in ids}
        self.early, self.taken, self.sent_before = {}, {}, set()
        self.violation = None
        for event in run.trace:
            self._follow(event)

    def _follow(self, event):
        if event.kind == "timer" and event.data == "snapshot":
            self._moment(event.node)
        elif event.kind == "send" and isinstance(event.data, Transfer):
            self.balance[event.node] -= event.data.amount
            if self.recorded[event.node] is None:
                self.sent_before.add((event.node, event.peer, event.data.number))
        elif event.kind == "deliver" and isinstance(event.data, Transfer | Marker):
            self._arrive(event.peer, event.node, event.data)

    def _moment(self, id):
        if self.recorded[id] is None:
            self.recorded[id] = self.balance[id]

    def _arrive(self, source, id, message):
        channel = source, id
        if message.number > self.taken.get(channel, 0):
            self.early[(*channel, message.number)] = message
        while (found := self.early.pop((*channel, self.taken.get(channel, 0) + 1), None)) is not None:
            self.taken[channel] = found.number
            self._take(source, id, found)

    def _take(self, source, id, message):
        if isinstance(message, Marker):
            self._moment(id)
            return
        self.balance[id] += message.amount
        was_before = (source, id, message.number) in self.sent_before
        if self.recorded[id] is None and not was_before:
            self.violation = self.violation or Violation(
                "no effect without its cause",
                f"{id} had {message} of {source} before its moment, and {source} sent it after its own",
            )
        if self.recorded[id] is not None and was_before:
            self.channels[id].setdefault(source, []).append(message.amount)


def snapshot_is_consistent(run):
    """The judge: does what the branches recorded describe one possible moment?"""
    audit, found, complete = Audit(run), 0, True
    if audit.violation:
        return audit.violation
    for id in run.system.node_ids:
        seen = run.observe(id)
        channels = {peer: list(amounts) for peer, amounts in seen["channels"] if amounts}
        if seen["recorded"] != audit.recorded[id]:
            return Violation(
                "a branch records what it has at its moment",
                f"{id} had {audit.recorded[id]} and recorded {seen['recorded']}",
            )
        if channels != audit.channels[id]:
            what = f"sent before and taken after: {audit.channels[id] or 'nothing'} to {id}, which recorded {channels or 'nothing'}"
            return Violation(
                "a channel holds what was sent before one moment and taken after the other", what
            )
        complete = complete and seen["recorded"] is not None and not seen["open"]
        found += (seen["recorded"] or 0) + sum(map(sum, channels.values()))
    wanted = BALANCE * len(run.system.node_ids)
    if complete and found != wanted:
        return Violation("no money is lost or made", f"the bank has {wanted}, and the snapshot {found}")
    return None


def snapshot_ends(run):
    """The snapshot ends at every branch, and the money is all there."""
    run.run(UNTIL_MS)
    for id in run.system.node_ids:
        seen = run.observe(id)
        expect(
            run.violation or (seen["recorded"] is not None and not seen["open"]),
            f"all messages have arrived, and {id} has recorded {seen['recorded']} and still waits for the markers of {sorted(seen['open'])}",
        )


@checks(
    "2.S",
    "in any order, the snapshot is a consistent cut",
    points=3,
    source=f"{SNAPSHOT}, theorem 1",
    look_at="what is recorded when, and where the markers go",
    not_shown="that it ever ends",
)
def consistent_in_any_order(program):
    for count, limits in ((3, ANY_ORDER), (4, OVERTAKEN)):
        system = System.of(count, "Bank")
        walks(program, system, count=160, limits=limits, judge=snapshot_is_consistent)


@checks(
    "2.S",
    "the snapshot ends, and has all the money",
    points=3,
    source=SNAPSHOT,
    look_at="who sends markers, and when a channel ends",
    not_shown="losses: a lost marker would be waited for",
)
def snapshot_has_all_the_money(program):
    for count in (2, 3, 5):
        scenarios(
            program,
            System.of(count, "Bank"),
            snapshot_ends,
            runs=40,
            link=LATE,
            judge=snapshot_is_consistent,
            needs=LATE_NEEDS,
        )
