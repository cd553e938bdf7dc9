"""Lab 02, given: clerks with clocks, forums, a bank, and in each the places that you fill in.

Lamport, "Time, clocks, and the ordering of events in a distributed system" (1978), for the clocks
and the total order; Fidge (1988) and Mattern (1989) for vector clocks; Kulkarni and others (2014)
for hybrid logical clocks; Birman, Schiper and Stephenson (1991) for causal broadcast; Chandy and
Lamport (1985) for the snapshot.

Left out: lost messages (nobody asks again here), nodes that join, and clocks that survive a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from functools import partial
from math import floor
from typing import Any, ClassVar

from labkit import Node, NodeId, message, unwritten

Stamp = int | tuple[int, ...]


# -- part clocks: clerks ---------------------------------------------------------------------------


@message
class Letter:
    """Letter `number` of its sender; `stamp` is what the sender's clock said of the sending."""

    number: int
    stamp: int | tuple[int, ...]


@message
class Entry:
    """One event in a clerk's log: it works, sends or gets letter (`writer`, `number`).

    `stamp` is the time of the event on the clerk's clock of this lab, `wall` on the one that hangs
    on its wall (0 where nobody looks at it).
    """

    kind: str
    writer: str
    number: int
    stamp: int | tuple[int, ...]
    wall: int


class Order(Enum):
    """How two events lie to each other."""

    BEFORE = "before"
    AFTER = "after"
    SAME = "same"
    CONCURRENT = "concurrent"


class Clerk(Node):
    """Works, writes letters and gets letters, and notes each of these events in ``self.log``."""

    events, pace_ms = 8, (2, 20)  # work and letters of its own, and how long from one to the next

    def on_start(self) -> None:
        self.members = tuple(sorted((self.id, *self.peers)))
        self.place = self.members.index(self.id)
        self.log: list[Entry] = []
        self.letters, self.own = 0, 0
        self.set_timer("next", *self.pace_ms)

    def stamp(self, received: Any) -> Stamp:
        """The time of an event that happens now; `received` is the stamp of the letter, or None."""
        raise TypeError(f"{type(self).__name__} has no clock")

    def wall_ms(self) -> int:
        """What the clock on the wall says; a clerk without one says 0."""
        return 0

    def on_timer(self, name: str) -> None:
        self.own += 1
        if self.random.random() < 0.35:
            self._note("works")
        else:
            self.letters += 1
            entry = self._note("sends", self.id, self.letters)
            self.send(self.random.choice(self.peers), Letter(self.letters, entry.stamp))
        if self.own < self.events:
            self.set_timer("next", *self.pace_ms)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Letter():
                self._note("gets", source, message.number, message.stamp)
            case _:
                super().on_message(source, message)

    def _note(self, kind: str, writer: str = "", number: int = 0, received: Any = None) -> Entry:
        entry = Entry(kind, writer, number, self.stamp(received), self.wall_ms())
        self.log.append(entry)
        return entry


class LamportClerk(Clerk):
    """Its clock is one number, ``self.time``."""

    next_time = unwritten("2.1")

    def on_start(self) -> None:
        super().on_start()
        self.time = 0

    def stamp(self, received: Any) -> Stamp:
        return self.next_time(received)


class VectorClerk(Clerk):
    """Its clock has a number for each member, in the order of ``self.members``; ``self.place`` is its own."""

    next_vector = unwritten("2.2")

    def on_start(self) -> None:
        super().on_start()
        self.vector: tuple[int, ...] = (0,) * len(self.members)

    def stamp(self, received: Any) -> Stamp:
        return self.next_vector(received)


class WallClerk(Clerk):
    """Believes the clock on its wall."""

    def wall_ms(self) -> int:
        return floor(self.now_ms)

    def stamp(self, received: Any) -> Stamp:
        return self.wall_ms()


class HybridClerk(WallClerk):
    """Its clock is ``(self.l, self.c)``: milliseconds near those on the wall, and a count within one of them."""

    next_hybrid = unwritten("2.4")

    def on_start(self) -> None:
        super().on_start()
        self.l, self.c = 0, 0

    def stamp(self, received: Any) -> Stamp:
        return self.next_hybrid(received)


class LongHybridClerk(HybridClerk):
    """For real processes: many events, over seconds."""

    events, pace_ms = 40, (20, 60)


# -- part clocks: the opening story, and what is drawn ----------------------------------------------


@message
class Parcel:
    """Goes from hand to hand."""


class NaiveShop(Node):
    """n1 takes an order, n2 packs, n3 delivers; each notes the time that its own wall shows."""

    WORK: ClassVar[Mapping[NodeId, str]] = {
        "n1": "the customer orders", "n2": "the parcel is packed", "n3": "the parcel is delivered",
    }  # fmt: skip

    def on_start(self) -> None:
        self.lines: list[tuple[float, str]] = []
        if self.id == "n1":
            self.set_timer("customer", 10)

    def on_timer(self, name: str) -> None:
        self._work()

    def on_message(self, source: NodeId, message: Any) -> None:
        self._work()

    def _work(self) -> None:
        self.lines.append((self.now_ms, self.WORK[self.id]))
        later = [peer for peer in self.peers if peer > self.id]
        if later:
            self.send(later[0], Parcel())


def print_by_time(run: Any) -> None:
    """All lines of the shop's three logs in one list, sorted by their times."""
    lines = [(*line, id) for id in run.system.node_ids for line in run.observe(id)["lines"]]
    for time_ms, text, id in sorted(lines):
        print(f"{time_ms:7.1f} ms  {id}  {text}")


def events_of(run: Any) -> list[tuple[float, NodeId, Entry]]:
    """The events in all clerks' logs, each with the true time at which it happened, in ms."""
    found = []
    for id in run.system.node_ids:
        steps = [e for e in run.trace if e.node == id and e.kind in ("timer", "deliver")]
        log = run.observe(id).get("log", ())
        found += [(step.time_us / 1000, id, entry) for step, entry in zip(steps, log, strict=False)]
    return sorted(found, key=lambda event: event[0])


def backwards(run: Any) -> dict[str, int]:
    """How many letters there were, and how many of them came before they were sent, by which clock."""
    events = events_of(run)
    sent = {(e.writer, e.number): e for _, _, e in events if e.kind == "sends"}
    pairs = [
        (sent[e.writer, e.number], e)
        for _, _, e in events
        if e.kind == "gets" and (e.writer, e.number) in sent
    ]
    return {
        "letters": len(pairs),
        "backwards by the wall": sum(got.wall <= was.wall for was, got in pairs),
        "backwards by the stamp": sum(got.stamp <= was.stamp for was, got in pairs),
    }


RELATIONS = {"before": "its past", "same": "the chosen event", "after": "its future", "concurrent": "neither"}


DRAWN_MAX = 30
"""How many events are drawn: the first ones of a run."""


def past_figure(run: Any, chosen: int, compare: Callable[[Any, Any], Order]) -> Any:
    """A run's first events; what `compare` says of each of them and event number `chosen` is its colour."""
    events = events_of(run)[:DRAWN_MAX]
    if not events:
        return "Nothing to draw: write exercise 2.2 first."
    point = events[min(chosen, len(events)) - 1][2].stamp
    try:
        told = [RELATIONS[compare(entry.stamp, point).value] for _, _, entry in events]
    except NotImplementedError:
        return "Nothing to colour: write exercise 2.3 first."
    return _past_chart(events, told)


def _past_chart(events: list[tuple[float, NodeId, Entry]], told: list[str]) -> Any:
    from labkit.figures.theme import FAINT, INK, NODE_COLOURS
    from labkit.figures.vega import enable, finished

    alt = enable()
    rows = [
        {
            "number": number,
            "clerk": id,
            "it is": word,
            "event": entry.kind,
            "vector": " ".join(map(str, entry.stamp)),
            "letter": f"{entry.writer} {entry.number}",
        }
        for number, ((_, id, entry), word) in enumerate(zip(events, told, strict=True), 1)
    ]
    arrived = [row["letter"] for row in rows if row["event"] == "gets"]
    letters = [row for row in rows if row["event"] != "works" and row["letter"] in arrived]
    axis = alt.Axis(values=list(range(1, len(rows) + 1)), grid=False)
    x = alt.X(
        "number:Q",
        title="events, in the order of true time",
        axis=axis,
        scale=alt.Scale(domain=[0, len(rows) + 1]),
    )
    y = alt.Y("clerk:N", title=None, scale=alt.Scale(padding=0.6), axis=alt.Axis(grid=True))
    words = list(RELATIONS.values())
    colours = alt.Scale(domain=words, range=[NODE_COLOURS[2], INK, NODE_COLOURS[3], "#C8C8C8"])
    shapes = alt.Scale(domain=words, range=["circle", "diamond", "square", "circle"])
    lines = alt.Chart(alt.Data(values=letters)).mark_line(color=FAINT, strokeWidth=1)
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y)
    points = base.mark_point(size=130, filled=True, opacity=1)
    look = {
        "color": alt.Color("it is:N", scale=colours, title=None),
        "shape": alt.Shape("it is:N", scale=shapes, title=None),
    }
    points = points.encode(**look, tooltip=["number:Q", "event:N", "letter:N", "vector:N"])
    stamps = base.mark_text(dy=-14, fontSize=10, color=INK).encode(text="vector:N")
    chart = alt.layer(lines.encode(x=x, y=y, detail="letter:N"), points, stamps)
    return finished(chart, rows, "What could the chosen event have known of?", width=780, height=230)


# -- part order: forums --------------------------------------------------------------------------------


@message
class Post:
    """What `author` writes to all; `clock` counts, for each member, the posts that it had read by then."""

    author: str
    clock: tuple[int, ...]
    text: str


BOILER = {"n1": ((10, "The boiler is leaking."), (40, "It is fixed.")), "n2": ((60, "Thank you!"),)}
"""Who writes what on the house's forum, and when (ms)."""


def slow_stairs(run: Any) -> None:
    """A script: from 30 ms on, what n1 sends to n3 takes 60 ms."""
    run.at(30, partial(run.network.set_link, "n1", "n3", delay_ms=(60, 60)))


class Forum(Node):
    """Members write, and read what others write; ``self.feed`` has what this one has read, in order.

    Each writes ``posts`` times within ``window_ms``, or what the ``story`` says.
    """

    posts, window_ms = 3, 150
    story: ClassVar[Mapping[NodeId, Iterable[tuple[float, str]]]] = {}

    def on_start(self) -> None:
        self.members = tuple(sorted((self.id, *self.peers)))
        self.place = self.members.index(self.id)
        self.feed: list[str] = []
        self.read_before: list[tuple[str, int]] = []
        for after_ms, text in self.story.get(self.id, ()):
            self.set_timer(text, after_ms)
        for number in range(0 if self.story else self.posts):
            self.set_timer(f"{self.id}.{number + 1}", 0, self.window_ms)

    def on_timer(self, name: str) -> None:
        self.read_before.append((name, len(self.feed)))
        self.write(name)

    def write(self, text: str) -> None:
        """Post `text` to all members, oneself included."""
        raise TypeError(f"{type(self).__name__} needs write")

    def facts(self) -> Iterable[tuple[Any, Any]]:
        for place, text in enumerate(self.feed, 1):
            yield (f"{self.id} reads as number", place), text


class NaiveForum(Forum):
    """Reads each post when it comes."""

    def write(self, text: str) -> None:
        self.feed.append(text)
        self.broadcast(Post(self.id, (), text))

    def on_message(self, source: NodeId, message: Any) -> None:
        self.feed.append(message.text)


class ForgetfulForum(Forum):
    """Reads a post if it may be read at once, and forgets it otherwise.

    ``self.count`` has the number of posts read so far, for each author in the order of ``self.members``.
    """

    may_deliver = unwritten("2.5")

    def on_start(self) -> None:
        super().on_start()
        self.count = [0] * len(self.members)

    def write(self, text: str) -> None:
        self.feed.append(text)
        self.count[self.place] += 1
        self.broadcast(Post(self.id, tuple(self.count), text))

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Post():
                self.on_post(message)
            case _:
                super().on_message(source, message)

    def on_post(self, post: Post) -> None:
        if self.may_deliver(post):
            self.deliver(post)

    # -- to be called --------------------------------------------------------------------------

    def deliver(self, post: Post) -> None:
        """Read `post`: it goes to the end of the feed, and is counted."""
        self.feed.append(post.text)
        self.count[self.members.index(post.author)] += 1


class CausalForum(ForgetfulForum):
    """Keeps what may not be read yet in ``self.held``, its hold-back queue."""

    on_post = unwritten("2.6")

    def on_start(self) -> None:
        super().on_start()
        self.held: list[Post] = []


# -- part order: first in, first out ---------------------------------------------------------------------


class FifoNode(Node):
    """Numbers what it sends on each channel, and takes what it gets in that order, once."""

    def on_start(self) -> None:
        self.told = dict.fromkeys(self.peers, 0)
        self.taken = dict.fromkeys(self.peers, 0)
        self.early: dict[tuple[NodeId, int], Any] = {}

    def tell(self, peer: NodeId, message: Any) -> None:
        """Send `message` to `peer`, to be taken there after all that was told before."""
        self.told[peer] += 1
        self.send(peer, replace(message, number=self.told[peer]))

    def tell_all(self, message: Any) -> None:
        """Tell every peer."""
        for peer in self.peers:
            self.tell(peer, message)

    def on_message(self, source: NodeId, message: Any) -> None:
        if message.number > self.taken[source]:
            self.early[source, message.number] = message
        while (source, self.taken[source] + 1) in self.early:
            self.taken[source] += 1
            self.on_next(source, self.early.pop((source, self.taken[source])))

    def on_next(self, source: NodeId, message: Any) -> None:
        """The next message of `source`, in the order in which it was told."""
        raise TypeError(f"{type(self).__name__} needs on_next")


@message
class Request:
    """Please put `text` into the one order of all posts, at `time` of `author`'s Lamport clock."""

    time: int
    author: str
    text: str
    number: int = 0


@message
class Ack:
    """I have heard a request; this is the time on my Lamport clock."""

    time: int
    number: int = 0


class TotalForum(FifoNode, Forum):
    """All members read all posts in one order, that of the requests' (time, author).

    ``self.queue`` has the requests that are not read yet; ``self.heard`` the last time that each
    peer was heard with.
    """

    next_stable = unwritten("2.7")

    def on_start(self) -> None:
        FifoNode.on_start(self)
        Forum.on_start(self)
        self.time = 0
        self.queue: list[Request] = []
        self.heard = dict.fromkeys(self.peers, 0)

    def write(self, text: str) -> None:
        self.time += 1
        request = Request(self.time, self.id, text)
        self.queue.append(request)
        self.tell_all(request)

    def on_next(self, source: NodeId, message: Request | Ack) -> None:
        self.time = max(self.time, message.time) + 1
        self.heard[source] = message.time
        if isinstance(message, Request):
            self.queue.append(message)
            self.time += 1
            self.tell_all(Ack(self.time))
        while (request := self.next_stable()) is not None:
            self.queue.remove(request)
            self.feed.append(request.text)

    def facts(self) -> Iterable[tuple[Any, Any]]:
        for place, text in enumerate(self.feed, 1):
            yield ("post number", place), text


class LongCausalForum(CausalForum):
    """For real processes: many posts, over seconds."""

    posts, window_ms = 15, 3_000


class LongTotalForum(TotalForum):
    """The same, in one order."""

    posts, window_ms = 15, 3_000


# -- part order: the bank --------------------------------------------------------------------------------

BALANCE, PAYMENTS = 100, 6


@message
class Transfer:
    """`amount` is on its way: its sender has it no more, its receiver does not have it yet."""

    amount: int
    number: int = 0


@message
class Marker:
    """What its sender told on this channel before it belongs to the time before its snapshot."""

    number: int = 0


class Bank(FifoNode):
    """Branches that pay each other, and now and then record what they have.

    ``self.recorded`` is the balance at this branch's moment of the snapshot (None before);
    ``self.open`` has the peers whose channels to here are still being recorded, and
    ``self.channels[peer]`` the amounts found on that channel.
    """

    begin_snapshot = unwritten("2.8")
    on_marker = unwritten("2.9")
    note_transfer = unwritten("2.10")
    first_balance = BALANCE

    def on_start(self) -> None:
        super().on_start()
        self.balance = self.first_balance
        self.recorded: int | None = None
        self.open: set[NodeId] = set()
        self.channels: dict[NodeId, list[int]] = {}
        for number in range(PAYMENTS):
            self.set_timer(f"pay {number + 1}", 0, 90)
        members = sorted((self.id, *self.peers))
        if self.id in (members[0], members[-1]):  # two may begin at once: it is one snapshot
            self.set_timer("snapshot", 30, 60)

    def on_timer(self, name: str) -> None:
        if name != "snapshot":
            self._pay()
        elif self.recorded is None:
            self.begin_snapshot()

    def on_next(self, source: NodeId, message: Any) -> None:
        match message:
            case Transfer():
                self.balance += message.amount
                self.note_transfer(source, message.amount)
            case Marker():
                self.on_marker(source)

    def _pay(self) -> None:
        if self.balance:
            amount = self.random.randint(1, max(1, self.balance // 3))
            self.balance -= amount
            self.tell(self.random.choice(self.peers), Transfer(amount))


class EmptyBank(Bank):
    """A bank on its first morning."""

    first_balance = 0


@message
class Count:
    """How much have you got?"""


@message
class Counted:
    """So much, at the moment."""

    balance: int


class NaiveBank(Bank):
    """Counts its money by asking all branches at once."""

    def begin_snapshot(self) -> None:
        self.recorded = self.balance
        self.counted: dict[NodeId, int] = {self.id: self.balance}
        self.broadcast(Count())

    def note_transfer(self, source: NodeId, amount: int) -> None:
        pass

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Count():
                self.send(source, Counted(self.balance))
            case Counted():
                self.counted[source] = message.balance
            case _:
                super().on_message(source, message)


def money(run: Any) -> list[dict[str, Any]]:
    """What the snapshot has found, place by place: at each branch, and on each channel to it."""
    rows: list[dict[str, Any]] = []
    for id in run.system.node_ids:
        seen = run.observe(id)
        rows.append({"where": f"branch {id}", "amount": seen.get("recorded") or 0})
        for peer, amounts in seen.get("channels", ()):
            rows.append({"where": f"from {peer} to {id}", "amount": sum(amounts)})
    return rows


def total(run: Any) -> int:
    """All the money that the snapshot has found."""
    return sum(row["amount"] for row in money(run))
