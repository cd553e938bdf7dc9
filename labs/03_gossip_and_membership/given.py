"""Lab 03, given: the messages, and towers and members with the places that you fill in.

Rumours and anti-entropy after Demers et al., "Epidemic algorithms for replicated database
maintenance" (1987); the accrual detector after Hayashibara et al. (2004); membership after
Das, Gupta and Motivala, "SWIM" (2002), except that here a dead member may come back.

Left out: deleting what was said (death certificates), and members that were never listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any

from labkit import Client, Node, NodeId, Operation, message, unwritten

PATIENCE_MS = 400
ENTROPY_MS = 1_000
ROUND_MS = 100
FANOUT = 2
TIRED = 3
BATCH_MS = 250
GOSSIP_MS = 200

Sighting = tuple[str, int, str]
"""(who saw it, the how-manieth of that tower, what): ("n4", 2, "smoke").  Tuples can be sorted."""


# -- part gossip: the messages ---------------------------------------------------------------------


@message
class Request:
    """A client's operation; `number` counts the operations of one client, from 1."""

    number: int
    f: str
    value: str | int | None = None


@message
class Reply:
    """The result of operation `number`."""

    number: int
    result: int | tuple[str, ...] | None = None


@message
class News:
    """Have you heard?  One message, and any number of sightings in it."""

    sightings: tuple[tuple[str, int, str], ...]


@message
class Digest:
    """What I have, in short: for each tower, how far its sightings are complete in my book.

    ``(("n1", 3), ("n4", 1))``: the first three of n1, the first one of n4, none of anybody else.
    """

    have: tuple[tuple[str, int], ...]
    is_answer: bool = False


@message
class Known:
    """You told me these, and I knew them already."""

    sightings: tuple[tuple[str, int, str], ...]


@message
class Counts:
    """How much each tower has counted, as far as the sender knows."""

    counts: tuple[tuple[str, int], ...]


# -- part gossip: who talks to whom ----------------------------------------------------------------


def by_number(ids: Iterable[NodeId]) -> list[NodeId]:
    """n1, n2, ..., n10: shorter ids first."""
    return sorted(ids, key=lambda id: (len(id), id))


def grid(id: NodeId, peers: Iterable[NodeId]) -> list[NodeId]:
    """The neighbours of `id` when all stand in rows of a square: north, west, east, south.

    >>> grid("n5", ["n1", "n2", "n3", "n4", "n6", "n7", "n8", "n9"])
    ['n2', 'n4', 'n6', 'n8']
    """
    ids = by_number({id, *peers})
    width, at = math.isqrt(len(ids) - 1) + 1, ids.index(id)
    west, east = [at - 1] * (at % width > 0), [at + 1] * (at % width < width - 1)
    places = [at - width, *west, *east, at + width]
    return [ids[place] for place in places if 0 <= place < len(ids)]


def star(id: NodeId, peers: Iterable[NodeId]) -> list[NodeId]:
    """The neighbours of `id` when the first node is the hub, and all others know only the hub."""
    hub, *leaves = by_number({id, *peers})
    return leaves if id == hub else [hub]


# -- part gossip: towers -----------------------------------------------------------------------------


class Tower(Node):
    """Keeps a book of sightings, over crashes, and passes on what is new."""

    on_news = unwritten("3.1")

    def on_start(self) -> None:
        self.neighbours: list[NodeId] = grid(self.id, self.peers)
        self.book: set[Sighting] = set()
        self.pages: int = self.storage.get("pages", 0)
        for page in range(self.pages):
            self.book.update(self.storage.get(f"page {page}"))

    def keep(self, sightings: Sequence[Sighting]) -> None:
        """Write these into the book, and onto the disk."""
        self.book.update(sightings)
        self.storage.save(**{"pages": self.pages + 1, f"page {self.pages}": tuple(sightings)})
        self.pages += 1

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request(f="post"):
                number = 1 + sum(origin == self.id for origin, _, _ in self.book)
                self.on_news(source, News(((self.id, number, message.value),)))
                self.send(source, Reply(message.number))
            case Request(f="read"):
                texts = {text for _, _, text in self.book}
                self.send(source, Reply(message.number, tuple(sorted(texts))))
            case News():
                self.on_news(source, message)
            case _:
                super().on_message(source, message)


class AntiEntropy(Tower):
    """Also compares its book with that of a random peer, every second."""

    on_digest = unwritten("3.2")

    def on_start(self) -> None:
        super().on_start()
        self.set_timer("compare", 0, ENTROPY_MS)

    def on_timer(self, name: Any) -> None:
        if name != "compare":
            return super().on_timer(name)
        if self.peers:
            self.send(self.random.choice(self.peers), Digest(self.have()))
        self.set_timer("compare", ENTROPY_MS)

    def have(self) -> tuple[tuple[str, int], ...]:
        """For each tower, the number up to which no sighting of it is missing here."""
        complete: dict[str, int] = {}
        for origin, number, _ in sorted(self.book):
            if number == complete.get(origin, 0) + 1:
                complete[origin] = number
        return tuple(sorted(complete.items()))

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Digest():
                self.on_digest(source, message)
            case _:
                super().on_message(source, message)


class Star(AntiEntropy):
    """The same towers; only the list of neighbours is another one."""

    def on_start(self) -> None:
        super().on_start()
        self.neighbours = star(self.id, self.peers)


class Monger(Tower):
    """Spreads rumours: in each round, what is hot goes to a few random peers.

    ``hot``: the rumours that it still spreads.  ``useless[rumour]``: how often it told
    somebody who knew.
    """

    fanout, tired = FANOUT, TIRED
    spread = unwritten("3.3")

    def on_start(self) -> None:
        super().on_start()
        self.hot: set[Sighting] = set()
        self.useless: dict[Sighting, int] = {}

    def on_news(self, source: NodeId, news: News) -> None:
        known = tuple(s for s in news.sightings if s in self.book)
        fresh = tuple(s for s in news.sightings if s not in self.book)
        if known:
            self.send(source, Known(known))
        if fresh:
            self.keep(fresh)
            if not self.hot:
                self.set_timer("round", 0, ROUND_MS)
            self.hot.update(fresh)
            self.useless.update(dict.fromkeys(fresh, 0))

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Known():
                for sighting in message.sightings:
                    self.useless[sighting] = self.useless.get(sighting, 0) + 1
            case _:
                super().on_message(source, message)

    def on_timer(self, name: Any) -> None:
        if name != "round":
            return super().on_timer(name)
        self.spread()


class BackedMonger(Monger, AntiEntropy):
    """Rumours for speed, anti-entropy for those whom the rumour missed."""


class Courier(Star):
    """Collects what is new, and sends it in parcels.  ``outbox``: what each neighbour is to get."""

    batch_ms = BATCH_MS
    queue = unwritten("3.4")

    def on_start(self) -> None:
        super().on_start()
        self.outbox: dict[NodeId, list[Sighting]] = {}

    def on_news(self, source: NodeId, news: News) -> None:
        fresh = tuple(s for s in news.sightings if s not in self.book)
        if fresh:
            self.keep(fresh)
            self.queue(source, fresh)

    def on_timer(self, name: Any) -> None:
        if name != "flush":
            return super().on_timer(name)
        for neighbour, sightings in sorted(self.outbox.items()):
            self.send(neighbour, News(tuple(sightings)))
        self.outbox = {}


class Counter(Node):
    """Counts, together with all others.  ``counts``: what each tower has counted, as far as known here.

    ``added``: the last addition of each client, so that a copy of it is not added again.
    """

    on_counts = unwritten("3.5")

    def on_start(self) -> None:
        self.counts: dict[NodeId, int] = dict(self.storage.get("counts", ()))
        self.added: dict[NodeId, int] = dict(self.storage.get("added", ()))
        self.set_timer("gossip", 0, GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Counts():
                self.on_counts(source, message)
            case Request(f="add"):
                self.on_add(source, message)
            case Request(f="total"):
                self.send(source, Reply(message.number, sum(self.counts.values())))
            case _:
                super().on_message(source, message)

    def on_add(self, source: NodeId, request: Request) -> None:
        if request.number > self.added.get(source, 0):
            self.added[source] = request.number
            self.counts[self.id] = self.counts.get(self.id, 0) + request.value
            self.save()
        self.send(source, Reply(request.number))

    def on_timer(self, name: Any) -> None:
        if self.peers:
            self.send(self.random.choice(self.peers), Counts(self.pairs()))
        self.set_timer("gossip", GOSSIP_MS)

    def pairs(self) -> tuple[tuple[str, int], ...]:
        """`self.counts` as a message carries it."""
        return tuple(sorted(self.counts.items()))

    def save(self) -> None:
        """Keep `counts` and `added` over a crash."""
        self.storage.save(counts=self.pairs(), added=tuple(sorted(self.added.items())))


class Watcher(Client):
    """Asks the node that is the key of its operation, once; after PATIENCE_MS it is unknown."""

    def on_start(self) -> None:
        self.number = 0
        self.pending: Operation | None = None

    def on_invoke(self, operation: Operation) -> None:
        self.number, self.pending = self.number + 1, operation
        self.send(operation.key, Request(self.number, operation.f, operation.value))
        self.set_timer("no reply", PATIENCE_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.pending is not None and message.number == self.number:
            self.cancel_timer("no reply")
            self.complete(self.pending, message.result)
            self.pending = None

    def on_timer(self, name: Any) -> None:
        self.give_up(self.pending)
        self.pending = None


class NaiveTower(Node):
    """Telephones each tower once about what it sees, and never talks of it again."""

    def on_start(self) -> None:
        self.texts: tuple[str, ...] = ()

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, Request) and message.f == "read":
            return self.send(source, Reply(message.number, self.texts))
        if isinstance(message, Request):
            self.texts = (*self.texts, message.value)
            self.broadcast(News(((self.id, len(self.texts), message.value),)))
            return self.send(source, Reply(message.number))
        self.texts = (*self.texts, message.sightings[0][2])


SMOKE = {"c1": [("post", "n3", "smoke in the north")]}
"""The keeper of n3 sees something."""


# -- part gossip: pictures ---------------------------------------------------------------------------


def heard_at(run: Any) -> dict[Sighting, dict[NodeId, float]]:
    """When each tower first had each sighting, in ms: from the messages of a run."""
    first: dict[Sighting, dict[NodeId, float]] = {}
    for event in run.trace.of_kind("send", "deliver"):
        if isinstance(event.data, News):
            who = event.node
            for sighting in event.data.sightings:
                first.setdefault(sighting, {}).setdefault(who, event.time_us / 1000)
    return first


def messages_between_nodes(run: Any) -> int:
    """How many messages nodes sent to nodes, clients not counted: what Maelstrom counts."""
    nodes = set(run.system.node_ids)
    return sum(row[1] == "send" and row[2] in nodes and row[3] in nodes for row in run.trace.rows)


def slowest_ms(run: Any) -> float:
    """How long it took, at most, until all who heard of a sighting had heard of it."""
    return max((max(times.values()) - min(times.values()) for times in heard_at(run).values()), default=0)


def epidemic_figure(run: Any, *, rate: float) -> Any:
    """How many towers know the first sighting, over time, beside the logistic curve of that `rate`."""
    from labkit.figures import charts

    alt = charts.enable()
    times = sorted(time for heard in list(heard_at(run).values())[:1] for time in heard.values()) or [0]
    n = len(run.system.node_ids)
    rows = [{"time_ms": t - times[0], "know": i, "curve": "counted"} for i, t in enumerate(times, 1)]
    steps = range(0, int(times[-1] - times[0]) + 2 * ROUND_MS, 20)
    rows += [{"time_ms": t, "know": logistic(t, n, rate), "curve": "theory"} for t in steps]
    lines = alt.Chart(alt.Data(values=rows)).mark_line().encode(
        x=alt.X("time_ms:Q", title="time since the first tower knew, in ms"),
        y=alt.Y("know:Q", title=f"towers that know, of {n}"),
        color=alt.Color("curve:N", title=None),
        strokeDash=alt.StrokeDash("curve:N", title=None),
    )  # fmt: skip
    return lines.properties(title="How fast does a rumour spread?", description=_curve(rows, n))


def logistic(time_ms: float, n: int, rate: float) -> float:
    """Who knows at `time_ms`, if all meet all and each who knows tells `rate` others in a round.

    The solution of di/dt = rate * i * (1 - i/n), with i(0) = 1 and a round as the unit of time.
    """
    return n / (1 + (n - 1) * math.exp(-rate * time_ms / ROUND_MS))


def _curve(rows: Sequence[dict[str, Any]], n: int) -> str:
    half = {row["curve"]: row["time_ms"] for row in reversed(rows) if row["know"] >= n / 2}
    return f"{n} towers; half of them knew after, in ms: {half}"


# -- part membership: the messages -------------------------------------------------------------------

HEARTBEAT_MS = 100
TIMEOUT_MS = 350
WINDOW = 200
SIGMA_MIN_MS = 5
PHI_MAX = 100.0
PHI_LIMIT = 8.0

PERIOD_MS = 200
PING_MS = 60
HELPERS = 3
SUSPECT_MS = 3_000
UPDATES_MAX = 6
TRY_DEAD_EVERY = 4


class Status(Enum):
    """What is thought of a member."""

    ALIVE = 0
    SUSPECT = 1
    DEAD = 2


@message
class Heartbeat:
    """I am here."""


@message
class Update:
    """What is said of a `member`.  Only the member itself raises its `incarnation`."""

    member: str
    status: Status
    incarnation: int


@message
class Ping:
    """Are you there?  `asker` wants to know, and numbers its questions."""

    number: int
    asker: str
    updates: tuple[Update, ...] = ()


@message
class PingReply:
    """I am here: the answer to ping `number` of `asker`, perhaps by way of somebody else."""

    number: int
    asker: str
    updates: tuple[Update, ...] = ()


@message
class PingRequest:
    """Please ping `target` for me; this is my question `number`."""

    number: int
    target: str
    updates: tuple[Update, ...] = ()


@message
class Leave:
    """The keeper goes home."""


# -- part membership: detectors ------------------------------------------------------------------------


class Heartbeats(Node):
    """Says to all that it is here, ten times a second, and suspects who has been silent for too long.

    ``heard_ms``: when each peer was last heard; at the start, now.  ``suspected``: a set of peers.
    ``limit_ms``: how long a silence is too long.
    """

    limit_ms = TIMEOUT_MS
    look = unwritten("3.6")

    def on_start(self) -> None:
        self.heard_ms: dict[NodeId, float] = dict.fromkeys(self.peers, self.now_ms)
        self.suspected: set[NodeId] = set()
        self.set_timer("beat", HEARTBEAT_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Heartbeat():
                self.on_heartbeat(source)
            case _:
                super().on_message(source, message)

    def on_heartbeat(self, source: NodeId) -> None:
        self.heard_ms[source] = self.now_ms

    def on_timer(self, name: Any) -> None:
        self.broadcast(Heartbeat())
        self.look()
        self.set_timer("beat", HEARTBEAT_MS)


def chance_of_later(silence_ms: float, mean_ms: float, sigma_ms: float) -> float:
    """How likely a heartbeat comes even later than after `silence_ms`, if intervals are normally distributed.

    >>> round(chance_of_later(100, 100, 10), 3), round(chance_of_later(120, 100, 10), 3)
    (0.5, 0.023)
    """
    return 0.5 * math.erfc((silence_ms - mean_ms) / (sigma_ms * math.sqrt(2)))


class PhiDetector(Heartbeats):
    """Learns how regular each peer's heartbeats are, and says *how much* it is suspected.

    ``intervals[peer]``: the times between its last WINDOW heartbeats, in ms; two guesses at first.
    ``levels[peer]``: φ, as of the last look.
    """

    limit = PHI_LIMIT
    phi = unwritten("3.7")

    def on_start(self) -> None:
        super().on_start()
        guesses = [0.75 * HEARTBEAT_MS, 1.25 * HEARTBEAT_MS]
        self.intervals: dict[NodeId, list[float]] = {peer: list(guesses) for peer in self.peers}
        self.levels: dict[NodeId, float] = dict.fromkeys(self.peers, 0.0)

    def on_heartbeat(self, source: NodeId) -> None:
        recent = [*self.intervals[source], self.now_ms - self.heard_ms[source]]
        self.intervals[source] = recent[-WINDOW:]
        super().on_heartbeat(source)

    def observe(self) -> dict[str, Any]:
        """What it thinks, without the window that it thinks it from."""
        return {"suspected": self.suspected, "levels": self.levels}

    def look(self) -> None:
        self.levels = {peer: self.phi(peer) for peer in self.peers}
        self.suspected = {peer for peer, level in self.levels.items() if level > self.limit}


class Swim(Node):
    """One member of a group that watches itself.

    ``table``: the Update that is believed of each peer.  ``incarnation``: one's own, over crashes.
    ``news``: the members whose update is still being spread, and how often it has been sent.
    ``probe``, ``target``, ``acked``: the number of the current ping, whom it is for, and whether
    it has been answered.  ``accusers``: who has called this member suspect or dead.
    """

    ask_others = unwritten("3.8")
    refute = unwritten("3.9")
    apply = unwritten("3.10")

    def on_start(self) -> None:
        self.incarnation: int = self.storage.get("incarnation", -1) + 1
        self.storage.save(incarnation=self.incarnation)
        self.table: dict[NodeId, Update] = {peer: Update(peer, Status.ALIVE, 0) for peer in self.peers}
        self.news: dict[NodeId, int] = {self.id: 0}
        self.probe, self.acked, self.has_left = 0, True, False
        self.target: NodeId | None = None
        self.turns: list[NodeId] = []
        self.accusers: set[NodeId] = set()
        self.set_timer("period", 0, PERIOD_MS)

    def observe(self) -> dict[str, Any]:
        """Who is a member, in the eyes of this one: all that are not dead."""
        dead = {peer for peer, update in self.table.items() if update.status is Status.DEAD}
        suspects = {peer for peer, update in self.table.items() if update.status is Status.SUSPECT}
        members = tuple(by_number({self.id, *self.peers} - dead))
        return {
            "members": members,
            "suspects": tuple(by_number(suspects)),
            "incarnation": self.incarnation,
        }

    # -- hearing -----------------------------------------------------------------------------

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.has_left:
            return
        for update in getattr(message, "updates", ()):
            self.hear(source, update)
        match message:
            case Ping():
                self.send(source, PingReply(message.number, message.asker, self.updates_for(source)))
            case PingReply():
                self.on_reply(message)
            case PingRequest() if message.target in self.peers:
                self.send(message.target, Ping(message.number, source, self.updates_for(message.target)))
            case Leave():
                self.leave()
            case _:
                super().on_message(source, message)

    def hear(self, source: NodeId, update: Update) -> None:
        """`source` says this; of oneself one knows better, and will tell it so."""
        if update.member == self.id:
            if update.status is not Status.ALIVE:
                self.accusers.add(source)
            self.refute(update)
        elif update.member in self.table:
            self.apply(update)

    def on_reply(self, reply: PingReply) -> None:
        if reply.asker != self.id:
            self.send(reply.asker, PingReply(reply.number, reply.asker, self.updates_for(reply.asker)))
        elif reply.number == self.probe:
            self.acked = True
            self.cancel_timer("no reply")

    def leave(self) -> None:
        last = Update(self.id, Status.DEAD, self.incarnation)
        for peer in self.random.sample(self.peers, min(HELPERS, len(self.peers))):
            self.send(peer, Ping(0, self.id, (last,)))
        self.has_left = True

    # -- asking ------------------------------------------------------------------------------

    def on_timer(self, name: Any) -> None:
        if self.has_left:
            return
        match name:
            case "period":
                self.end_period()
                self.begin_period()
            case "no reply":
                self.ask_others()
            case ("suspect", member):
                if self.table[member].status is Status.SUSPECT:
                    self.apply(Update(member, Status.DEAD, self.table[member].incarnation))
            case _:
                super().on_timer(name)

    def end_period(self) -> None:
        """Nobody has heard from the target, in a whole period: it is suspect."""
        if self.target is not None and not self.acked:
            known = self.table[self.target]
            if known.status is Status.ALIVE:
                self.apply(Update(known.member, Status.SUSPECT, known.incarnation))

    def begin_period(self) -> None:
        self.set_timer("period", PERIOD_MS)
        self.probe, self.target = self.probe + 1, self.next_target()
        self.acked = self.target is None
        if self.target is not None:
            self.send(self.target, Ping(self.probe, self.id, self.updates_for(self.target)))
            self.set_timer("no reply", PING_MS)

    def next_target(self) -> NodeId | None:
        """All members in turn, in an order shuffled anew each time; now and then one of the dead."""
        dead = [peer for peer in self.peers if self.table[peer].status is Status.DEAD]
        if dead and self.probe % TRY_DEAD_EVERY == 0:
            return self.random.choice(dead)
        self.turns = [peer for peer in self.turns if peer not in dead]
        if not self.turns:
            living = [peer for peer in self.peers if peer not in dead]
            self.turns = self.random.sample(living, len(living))
        return self.turns.pop() if self.turns else None

    # -- to be called ------------------------------------------------------------------------

    def spread(self, member: NodeId) -> None:
        """From now on, tell others what is believed of `member`."""
        self.news[member] = 0

    def updates_for(self, peer: NodeId) -> tuple[Update, ...]:
        """What to say along with a message to `peer`: what it should know of itself, then the newest."""
        about_peer = self.table.get(peer)
        told = [about_peer] if about_peer and about_peer.status is not Status.ALIVE else []
        if peer in self.accusers:
            self.accusers.discard(peer)
            told.append(self.opinion(self.id))
        for member in sorted(self.news, key=lambda id: (self.news[id], id))[:UPDATES_MAX]:
            told.append(self.opinion(member))
            self.news[member] += 1
            if self.news[member] > 3 * len(self.peers).bit_length():
                del self.news[member]
        return tuple(dict.fromkeys(told))

    def opinion(self, member: NodeId) -> Update:
        """What is believed of `member`; of oneself, that one is alive."""
        return Update(self.id, Status.ALIVE, self.incarnation) if member == self.id else self.table[member]


def first_said(run: Any, member: NodeId) -> dict[str, int]:
    """When each thing was first said of `member` by anybody, and when it crashed and booted, in ms."""
    first: dict[str, int] = {}
    for event in run.trace.of_kind("start", "crash", "send"):
        said = [
            f"{u.status.name} {u.incarnation}"
            for u in getattr(event.data, "updates", ())
            if u.member == member
        ]
        if event.kind != "send":
            said = [f"{event.kind} {event.id}".removesuffix(" 0")] if event.node == member else []
        for what in said:
            first.setdefault(what, round(event.time_us / 1000))
    return first


class Keeper(Client):
    """Tells a tower that its keeper goes home: ``("leave", "n3")``."""

    def on_invoke(self, operation: Operation) -> None:
        self.send(operation.key, Leave())
        self.complete(operation)


class NaiveWatch(Node):
    """Rings every tower each 100 ms; who has not answered by the next ring is struck off the list."""

    def on_start(self) -> None:
        self.members: tuple[NodeId, ...] = self.peers
        self.answered: set[NodeId] = set(self.peers)
        if self.id == "n1":
            self.set_timer("ring", 0)

    def on_timer(self, name: Any) -> None:
        self.members = tuple(peer for peer in self.members if peer in self.answered)
        self.answered = set()
        for peer in self.members:
            self.send(peer, Ping(0, self.id))
        self.set_timer("ring", 100)

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, Ping):
            self.send(source, PingReply(0, source))
        else:
            self.answered.add(source)


# -- part membership: the measurement ------------------------------------------------------------------


class Beater(Node):
    """Only beats, somewhat irregularly, as a machine does that has other work to do."""

    def on_start(self) -> None:
        self.set_timer("beat", HEARTBEAT_MS)

    def on_timer(self, name: Any) -> None:
        self.broadcast(Heartbeat())
        self.set_timer("beat", 0.8 * HEARTBEAT_MS, 1.2 * HEARTBEAT_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        pass  # heartbeats of others


def measured(detector: type[Heartbeats], seed: int = 1, quiet_s: int = 40) -> dict[str, float]:
    """n1 watches six peers over links that are sometimes slow; then all six crash, one after the other."""
    from labkit import simulate

    peers = [f"n{number}" for number in range(2, 8)]
    seen: list[tuple[float, frozenset[str]]] = []
    died_ms = {peer: 1_000 * quiet_s + 137 * place for place, peer in enumerate(peers)}

    def script(run: Any) -> None:
        for peer, at_ms in died_ms.items():
            run.at(at_ms, run.crash, peer)
        for at_ms in range(0, 1_000 * quiet_s + 3_000, 25):
            run.at(
                at_ms + 0.5,
                lambda: seen.append((run.now_ms, run.observe("n1").get("suspected", frozenset()))),
            )

    nodes = {"n1": detector.__name__, **dict.fromkeys(peers, "Beater")}
    links: dict[str, Any] = {"delay_ms": (5, 60), "tail": 0.05, "tail_ms": 400}
    simulate(detector, nodes, script=script, seed=seed, until_ms=1_000 * quiet_s + 3_000, **links)
    first = [
        next((t for t, who in seen if t > died and p in who), math.inf) - died for p, died in died_ms.items()
    ]
    alarms = sum(len(now - before) for (_, before), (at_ms, now) in pairwise(seen) if at_ms < 1_000 * quiet_s)
    mean_ms = sum(first) / len(first)
    return {"detection_ms": min(mean_ms, 9_999.0), "false_alarms": alarms * 60 / quiet_s}


def detection_figure(rows: Sequence[dict[str, Any]]) -> Any:
    """``detector``, ``limit``, ``detection_ms`` and ``false_alarms`` of each setting, as two curves."""
    from labkit.figures import charts

    alt = charts.enable()
    colour, shape = alt.Color("detector:N", title=None), alt.Shape("detector:N", legend=None)
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X("detection_ms:Q", title="mean time until a crash is suspected, in ms"),
        y=alt.Y("false_alarms:Q", title="false alarms in a minute, all peers"),
        color=colour,
    )
    lines = base.mark_line().encode(order="limit:Q")
    points = base.mark_point(size=70, filled=True, opacity=1).encode(shape=shape)
    limits = base.mark_text(align="left", dx=7, dy=-7).encode(text="limit:N")
    told = "; ".join(
        f"{r['detector']} {r['limit']}: {r['detection_ms']:.0f} ms, {r['false_alarms']:.1f}" for r in rows
    )
    return alt.layer(lines, points, limits).properties(
        title="What does a quicker alarm cost?", description=told
    )
