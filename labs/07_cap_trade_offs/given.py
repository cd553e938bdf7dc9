"""Lab 07, given: the stores of labs 04 to 06 behind one interface, what is measured, a tunable store.

The trade-off is that of Gilbert and Lynch, "Brewer's conjecture and the feasibility of consistent,
available, partition-tolerant web services" (2002); PACELC is Abadi's (2012).  The tunable store is in
the manner of Cassandra (Lakshman and Malik, 2010), with the tags and the write-back of Attiya, Bar-Noy
and Dolev (1995); the session guarantees are those of Terry and others (1994).

Left out: crashes (a partition is enough for this lab), and stores that are tuned while they run.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from labkit import (
    Client,
    History,
    Node,
    NodeId,
    Operation,
    check_linearizable,
    earlier_lab,
    message,
    unwritten,
)
from labkit.consistency import check_causal, check_convergence, check_sequential, check_sessions
from labkit.models import Register
from labkit.workload import reads_and_writes

JUDGES = check_linearizable, check_sequential, check_causal, check_sessions, check_convergence, Register
"""What exercise 7.2 asks, with the model of what it asks about."""

lab04 = earlier_lab("04")
lab05 = earlier_lab("05")
lab06 = earlier_lab("06")

Query, QueryReply, Update, UpdateReply = lab05.Query, lab05.QueryReply, lab05.Update, lab05.UpdateReply

PLACES = {
    "n1": "West Europe",
    "n2": "East US",
    "n3": "Brazil South",
    "n4": "Japan East",
    "n5": "Southeast Asia",
}
"""Where the five replicas stand.  Client c1 is in the region of n1, c2 in that of n2, and so on."""

CLIENTS = ("c1", "c2", "c3", "c4", "c5")
KEYS = ("coffee", "tea")
EAST = ("n4", "n5", "c4", "c5")
"""Whom a partition cuts off, unless a cell says otherwise: two replicas of five, and the clients there."""

CUT_MS = (800, 2_000)
UNTIL_MS = 24_000
GAP_MS = 50
SEARCH = 20_000
"""How many steps the search for a sequential order may take: it is exponential, and this is half a second."""

PROMPT_MS = 500
"""An operation that takes longer than this counts as not answered: nobody waits at a till for ever."""


# -- the stores of earlier labs, with read and write ------------------------------------------------


class Views(lab04.ViewService):
    """Lab 04's view service; it stands in the region of n1."""


class PrimaryBackup(lab04.Store):
    """Lab 04's store: a primary, a backup, and the rest in reserve."""


class PrimaryBackupClient(lab04.StoreClient):
    """Reads are gets and writes are puts; gives up after a second."""

    def on_invoke(self, operation: Operation) -> None:
        super().on_invoke(replace(operation, f="get" if operation.f == "read" else "put"))
        self.tries = lab04.TRIES_MAX - 12


@message
class Keyed:
    """One of lab 05's messages, about the register of this key."""

    key: str
    about: Query | QueryReply | Update | UpdateReply


class Keys:
    """Turns a replica of one register into one of many: each key's tag and value are put in their place."""

    def on_start(self) -> None:
        super().on_start()
        self.kept: dict[str, tuple[Any, Any]] = {}

    def on_message(self, source: NodeId, message: Keyed) -> None:
        self.key = message.key
        self.tag, self.value = self.kept.get(message.key, (lab05.NO_TAG, None))
        super().on_message(source, message.about)
        self.kept[message.key] = self.tag, self.value

    def send(self, peer: NodeId, message: Any) -> None:
        super().send(peer, Keyed(self.key, message))


class AboutOneKey:
    """Turns a client of one register into one of many: an operation is about one key."""

    def on_invoke(self, operation: Operation) -> None:
        self.key = operation.key
        super().on_invoke(operation)

    def on_message(self, source: NodeId, message: Keyed) -> None:
        if message.key == self.key:
            super().on_message(source, message.about)

    def send(self, peer: NodeId, message: Any) -> None:
        super().send(peer, Keyed(self.key, message))


class Majority(Keys, lab05.Replica):
    """Lab 05's replica of part b."""


class MajorityClient(AboutOneKey, lab05.RegisterClient):
    """Lab 05's atomic register: majorities, and a write-back in each read."""


class FirstReply(Keys, lab05.Shelf):
    """Lab 05's replica of part a."""


class FirstReplyClient(AboutOneKey, lab05.R1W1):
    """Lab 05's client with R = W = 1, and read repair."""


class LastWriter(lab06.LastWriterStore):
    """Lab 06's multi-primary store: every replica takes writes, and the latest time wins."""


class LastWriterClient(lab06.Writer):
    """Asks the replica of its own region, and no other."""

    def on_invoke(self, operation: Operation) -> None:
        super().on_invoke(replace(operation, f="get" if operation.f == "read" else "put"))

    def on_answer(self, answer: Any) -> None:
        values = answer.values if isinstance(answer, lab06.Got) else ()
        self.end(values[-1] if values else None)


class Made(NamedTuple):
    """What a store is made of: the role of each node, and its clients' role."""

    nodes: Mapping[NodeId, type[Node]]
    client: type[Client]


def five(role: type[Node]) -> dict[NodeId, type[Node]]:
    """n1 to n5, all in this role."""
    return dict.fromkeys(PLACES, role)


STORES = {
    "primary-backup": Made({lab04.VIEW_SERVICE: Views, **five(PrimaryBackup)}, PrimaryBackupClient),
    "majority": Made(five(Majority), MajorityClient),
    "R = W = 1": Made(five(FirstReply), FirstReplyClient),
    "last writer wins": Made(five(LastWriter), LastWriterClient),
}


# -- a run --------------------------------------------------------------------------------------------


def places_of(members: Iterable[NodeId]) -> dict[NodeId, str]:
    """The region of each member: c2 is where n2 is, and the view service where n1 is."""
    return {id: PLACES.get("n" + id[1:], PLACES["n1"]) for id in members}


def play(
    store: str | Made,
    workload: Mapping[NodeId, Sequence[Sequence[Any]]],
    *,
    cut_ms: tuple[float, float] | None = CUT_MS,
    far: Iterable[NodeId] = EAST,
    until_ms: float = UNTIL_MS,
    seed: int = 0,
) -> Any:
    """A run of one store, links as long as measured; from cut_ms[0] to cut_ms[1] `far` is cut off."""
    from labkit import Simulation, System
    from labkit.datasets import one_way_ms
    from labkit.network import Link
    from labkit.program import LocalProgram

    made = STORES[store] if isinstance(store, str) else store
    roles = {id: role.__name__ for id, role in made.nodes.items()}
    system = System.of(roles, client=made.client.__name__, workload=workload, gap_ms=GAP_MS)
    program = LocalProgram.of(*made.nodes.values(), made.client)
    run = Simulation(program, system, seed=seed, link=Link(delay_ms=(0.5, 1.0)), events_max=200_000)
    members = [id for id, _ in system.members]
    for (one, other), ms in one_way_ms(places_of(members)).items():
        run.network.set_link(one, other, delay_ms=(ms, ms + 1))
    if cut_ms is not None:
        cut_off(run, *cut_ms, [id for id in far if id in members])
    return run.run(until_ms)


def cut_off(run: Any, from_ms: float, to_ms: float, far: Sequence[NodeId]) -> None:
    """From `from_ms` to `to_ms` nothing passes between `far` and everybody else; a cluster can do it, too."""
    near = [id for id, _ in run.system.members if id not in far]
    if far and near and from_ms < to_ms:
        run.at(from_ms, run.partition, near, list(far)).at(to_ms, run.heal)


def contents(run: Any) -> dict[NodeId, str]:
    """What each replica holds at the end of a run, as text; a primary-backup's reserve does not count."""
    views = {id: run.observe(id) for id in run.system.node_ids}
    seats = views.get(lab04.VIEW_SERVICE, {}).get("view")
    if seats is not None:
        holders = [member[0] for member in (seats.primary, seats.backup) if member]
        return {id: as_text(views[id]["data"]) for id in holders}
    return {id: as_text(view.get("kept", view.get("data", {}))) for id, view in views.items()}


def as_text(kept: Any) -> str:
    """A replica's keys and values as one text.

    >>> as_text({"tea": ((3, "c1"), "4 €"), "coffee": "5 €"})
    'coffee: 5 €, tea: 4 €'
    """
    return ", ".join(f"{key}: {_value(what)}" for key, what in sorted(dict(kept).items()))


def _value(what: Any) -> Any:
    if isinstance(what, lab06.Stamped):
        return what.value
    return what[1] if isinstance(what, tuple) else what


# -- part a: a history as evidence ---------------------------------------------------------------------


@message
class Seen:
    """One operation, as its process saw it; `invoked` and `returned` are places in the history."""

    process: str
    f: str
    key: str
    value: str | None
    result: str | None
    outcome: str
    invoked: int
    returned: int | None


@message
class Evidence:
    """All operations of a run, and what each replica held when all had been quiet for a while."""

    seen: tuple[Seen, ...]
    replicas: tuple[tuple[str, str], ...] = ()

    level = unwritten("7.2")

    @property
    def history(self) -> list[Operation]:
        """The operations, for the checkers."""
        return [
            Operation(
                number, one.process, one.process, one.f, one.key, one.value, one.result,
                one.outcome, one.invoked, one.returned,
            )
            for number, one in enumerate(self.seen)
        ]  # fmt: skip

    @property
    def contents(self) -> dict[str, str]:
        """What each replica held at the end, as text."""
        return dict(self.replicas)


def evidence_of(run: Any) -> Evidence:
    """What a run leaves behind for a judge."""
    seen = [
        Seen(
            str(op.process), op.f, op.key, op.value, op.result if op.f == "read" else None,
            op.outcome, op.invoked, op.returned,
        )
        for op in run.history
    ]  # fmt: skip
    return Evidence(tuple(seen), tuple(sorted(contents(run).items())))


def call_method(value: Any, method: str, *given: Any) -> Any:
    """How checks call a method of a value, wherever the program that they judge is."""
    return getattr(value, method)(*given)


# -- part a: PACELC ---------------------------------------------------------------------------------------


@message
class Measured:
    """One store, measured in two runs: one in peace, and one with a partition.

    `answered` has, for each side of the partition, its name and how many percent of what was asked
    there during the partition was answered.  `cut_level` and `peace_level` are what `Evidence.level`
    says of the two runs.  `latency_ms` is the median of the peaceful run, and `trip_ms` the median
    client's round trip to a majority.
    """

    store: str
    answered: tuple[tuple[str, int], ...]
    cut_level: str
    peace_level: str
    latency_ms: int
    trip_ms: int

    place = unwritten("7.3")


def answer_of(value: Any, method: str) -> str:
    """What an exercise's method says, or that it is not written yet; for cells that only show it."""
    try:
        return str(getattr(value, method)())
    except NotImplementedError as unwritten_yet:
        return str(unwritten_yet)


def workload_by(make: Any, each: int) -> dict[NodeId, Any]:
    """The workload that `make` makes; a random one, for cells that only show something, if it is not written."""
    try:
        return dict(make(CLIENTS, KEYS, each))
    except NotImplementedError as unwritten_yet:
        print(f"{unwritten_yet}; here is a random workload instead")
        return reads_and_writes(len(CLIENTS), each, keys=KEYS)


def side_of(client: NodeId, far: Iterable[NodeId] = EAST) -> str:
    """The side of the partition where a client is."""
    return "east" if client in far else "west"


SIDES = {client: side_of(client) for client in CLIENTS}


def is_prompt(op: Operation) -> bool:
    """Was the operation answered, and soon enough?"""
    return op.outcome == "ok" and op.returned_us - op.invoked_us <= PROMPT_MS * 1000


def answered_in(history: Iterable[Operation], span_ms: tuple[float, float]) -> dict[str, int]:
    """For each side: how many percent of the operations that began in this span were answered."""
    found: dict[str, list[bool]] = {"west": [], "east": []}
    for op in history:
        if span_ms[0] * 1000 <= op.invoked_us < span_ms[1] * 1000:
            found[side_of(op.client)].append(is_prompt(op))
    return {side: round(100 * statistics.fmean(told)) if told else 0 for side, told in found.items()}


def latency_of(history: Iterable[Operation]) -> int:
    """The median time to an answer, in milliseconds."""
    waits = [op.returned_us - op.invoked_us for op in history if op.outcome == "ok"]
    return round(statistics.median(waits) / 1000) if waits else 0


def trips_ms(count: int) -> list[float]:
    """For each client: the round trip to the `count`-th nearest replica, which is not its own region's."""
    from labkit.datasets import one_way_ms

    ways = one_way_ms(PLACES)
    return [sorted(2 * ways.get((one, other), 0.5) for other in PLACES)[count - 1] for one in PLACES]


def measured(store: str, peace: Any, cut: Any) -> Measured:
    """What two runs of a store say about it."""
    answered = tuple(sorted(answered_in(cut.history, CUT_MS).items()))
    levels = [answer_of(evidence_of(run), "level") for run in (cut, peace)]
    return Measured(store, answered, *levels, latency_of(peace.history), round(statistics.median(trips_ms(3))))


def pacelc_rows(found: Iterable[Measured]) -> list[dict[str, Any]]:
    """For the scatter: availability is the mean of the sides; stores at one point share its name."""
    rows: dict[Any, dict[str, Any]] = {}
    for one in found:
        share = statistics.fmean(percent for _, percent in one.answered) / 100
        name = f"{one.store} {answer_of(one, 'place')}"
        row = {"store": name, "latency_ms": one.latency_ms, "availability": share, "consistency": one.cut_level}
        spot = one.latency_ms, share, one.cut_level
        rows[spot] = row | {"store": f"{rows[spot]['store']}; {name}"} if spot in rows else row
    return list(rows.values())


def stale_rows(run: Any, far: Iterable[NodeId] = EAST) -> list[dict[str, Any]]:
    """How old the answer of each read was, by the time when it was asked, for the staleness chart."""
    from labkit.consistency import staleness

    return [
        {"time_ms": s.read.invoked_us / 1000, "staleness_ms": s.ms or 0, "side": side_of(s.read.client, far)}
        for s in staleness(plain_history(run.history))
    ]


def timeline(
    run: Any, *, far: Iterable[NodeId] = EAST, cut_ms: tuple[float, float] = CUT_MS, until_ms: float = 3_200
) -> Any:
    """Three charts of one run, per side: who is answered, how soon, and how old the answers are."""
    from labkit.figures import charts

    early = History([op for op in run.history if op.invoked_us < until_ms * 1000])
    early.annotate(round(cut_ms[0] * 1000), round(cut_ms[1] * 1000), "partition")
    sides = {client: side_of(client, far) for client in run.system.client_ids}
    stale = [row for row in stale_rows(run, far) if row["time_ms"] < until_ms]
    answered = charts.availability(early, bin_ms=200, within_ms=PROMPT_MS, sides=sides)
    waits = charts.latency(early, bin_ms=200, quantiles=(0.5,), sides=sides)
    first, second, third = (
        chart.properties(height=100) for chart in (answered, waits, charts.staleness(stale, early))
    )
    return (first & second & third).resolve_scale(color="independent", strokeDash="independent")


def cut_controls(show: Any) -> Any:
    """Controls that call ``show(store, far, length_ms)``; where there are no widgets, it is called once."""
    start: dict[str, Any] = {"store": "primary-backup", "far": ("n1", "n2"), "length_ms": 1_200}
    try:
        import ipywidgets
    except ImportError:
        return show(**start)
    regions = [(region, id) for id, region in PLACES.items()]
    return ipywidgets.interactive(
        show,
        store=ipywidgets.Dropdown(options=list(STORES), value=start["store"], description="store"),
        far=ipywidgets.SelectMultiple(options=regions, value=start["far"], description="cut off"),
        length_ms=ipywidgets.IntSlider(
            1_200, min=0, max=2_400, step=200, description="ms", continuous_update=False
        ),
    )


# -- part b: a tunable store --------------------------------------------------------------------------------

Tag = tuple[int, str]
"""How new a value is: a number, then its writer's id, as in lab 05."""

NO_TAG: Tag = (0, "")
PATIENCE_MS = 400
GOSSIP_MS = 100
LEVELS = ("ONE", "QUORUM", "ALL", "LINEARIZABLE")


def majority(count: int) -> int:
    """The smallest number of `count` replicas such that any two groups of that size share one."""
    return count // 2 + 1


@message
class Look:
    """What have you got under this key?  `phase` is the client's own number, which the answer repeats."""

    phase: int
    key: str


@message
class Found:
    """The newest that this replica has: the answer to `phase`."""

    phase: int
    tag: tuple[int, str]
    value: str | None


@message
class Keep:
    """Keep this under `key`, unless you have something newer."""

    phase: int
    key: str
    tag: tuple[int, str]
    value: str | None


@message
class Kept:
    """I have that, or something newer: the answer to `phase`."""

    phase: int


@message
class Rumour:
    """Replica to replica, now and then: this is what I have under `key`."""

    key: str
    tag: tuple[int, str]
    value: str | None


class TunableReplica(Node):
    """Keeps the newest of each key on its disk, answers everything, and tells its peers in turn."""

    def on_start(self) -> None:
        self.kept: dict[str, tuple[Tag, str | None]] = dict(self.storage.get("kept", ()))
        self.turn = 0
        self.set_timer("gossip", GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Look():
                self.send(source, Found(message.phase, *self.kept.get(message.key, (NO_TAG, None))))
            case Keep():
                self.keep(message)
                self.send(source, Kept(message.phase))
            case Rumour():
                self.keep(message)
            case _:
                super().on_message(source, message)

    def keep(self, what: Keep | Rumour) -> None:
        if what.tag > self.kept.get(what.key, (NO_TAG, None))[0]:
            self.kept[what.key] = what.tag, what.value
            self.storage.save(kept=tuple(sorted(self.kept.items())))

    def on_timer(self, name: str) -> None:
        self.turn += 1
        for key, pair in sorted(self.kept.items()):
            self.send(self.peers[self.turn % len(self.peers)], Rumour(key, *pair))
        self.set_timer("gossip", GOSSIP_MS)


class TunableClient(Client):
    """Each call names its level: ``("read QUORUM", "tea")``, ``("write ONE", "tea", "4 €")``.

    A read looks; a write looks and then keeps.  Each phase asks all replicas, and waits for as many as
    the level says.  `level` is that of the pending operation, and `is_read` says which kind it is;
    `request` is the present phase's; `replies` are its answers so far, by replica.
    """

    needed = unwritten("7.4")
    on_enough = unwritten("7.5")
    on_timer = unwritten("7.6")

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.is_read, self.level, self.phase, self.highest = False, "", 0, 0
        self.request: Look | Keep | None = None
        self.replies: dict[NodeId, Found | Kept] = {}

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        kind, self.level = operation.f.split()
        self.is_read = kind == "read"
        self._begin(Look(self.phase + 1, operation.key))

    def on_message(self, source: NodeId, message: Found | Kept) -> None:
        if isinstance(message, Found):
            self.highest = max(self.highest, message.tag[0])
        if self.pending is None or message.phase != self.phase:
            return  # an answer to what is over
        self.replies[source] = message
        if len(self.replies) >= self.needed(self.level, len(self.peers)):
            self.on_enough()

    # -- to be called -----------------------------------------------------------------------------

    def new_tag(self) -> Tag:
        """A tag that is higher than all that this client has met."""
        self.highest += 1
        return self.highest, self.id

    def newest(self) -> Found:
        """Of the answers to a Look, the one with the highest tag."""
        return max(self.replies.values(), key=lambda found: found.tag)

    def keep(self, tag: Tag, value: str | None) -> None:
        """Begin a phase that asks all replicas to keep `value` under `tag`."""
        self._begin(Keep(self.phase + 1, self.pending.key, tag, value))

    def end(self, tag: Tag, value: str | None) -> None:
        """End the pending operation: this is what it wrote, or what it read."""
        self.cancel_timer("patience")
        self.complete(self.pending, value if self.is_read else None)
        self.pending = None

    def _begin(self, request: Look | Keep) -> None:
        self.phase, self.request, self.replies = request.phase, request, {}
        self.broadcast(request)
        self.set_timer("patience", PATIENCE_MS)


class Counted(TunableClient):
    """Ends each operation when its first phase has its answers: exercise 7.4 alone, to be tried."""

    def on_enough(self) -> None:
        self.end(NO_TAG, None)


class Remembering(TunableClient):
    """For a customer with a memory: `seen` has, for each key, the newest tag that it wrote or read."""

    note = unwritten("7.7")

    def on_start(self) -> None:
        super().on_start()
        self.seen: dict[str, Tag] = {}

    def end(self, tag: Tag, value: str | None) -> None:
        self.note(self.pending.key, tag)
        super().end(tag, value)


class SessionClient(Remembering):
    """Makes use of the memory: it does not accept an answer that is older."""

    on_enough = unwritten("7.8")

    def go_on(self) -> None:
        """What any tunable client does when enough replicas have answered."""
        super().on_enough()


TUNABLE = Made(five(TunableReplica), TunableClient)
SESSIONS = Made(five(TunableReplica), SessionClient)


def at_level(
    workload: Mapping[NodeId, Sequence[Sequence[Any]]], read: str, write: str
) -> dict[NodeId, list[tuple[Any, ...]]]:
    """The same calls, reads at level `read` and writes at level `write`."""
    level = {"read": read, "write": write}
    return {id: [(f"{f} {level[f]}", *rest) for f, *rest in calls] for id, calls in workload.items()}


def head_office(each: int) -> dict[NodeId, list[tuple[Any, ...]]]:
    """Prices of tea are written by c1 only; everybody reads them."""
    writes = [("write", "tea", f"€{n}") if n % 2 else ("read", "tea") for n in range(each)]
    return {"c1": writes} | {client: [("read", "tea")] * each for client in CLIENTS[1:]}


def plain_history(history: Iterable[Operation], level: str = "") -> History:
    """The operations with ``read`` and ``write`` for their names; only those of one `level`, if given."""
    kept = [op for op in history if op.f.endswith(level)]
    return History([replace(op, f=op.f.split()[0]) for op in kept])


def shopper(reads: int = 6) -> dict[NodeId, list[tuple[Any, ...]]]:
    """The opening story: Kim changes a price and looks at it, all at ONE."""
    return {"c4": [("write ONE", "tea", "€4"), *[("read ONE", "tea")] * reads]}


def travels(run: Any, client: NodeId, visits: Sequence[tuple[float, NodeId]]) -> None:
    """From each of these times on, `client` is near to that replica (1 ms), and the others are 60 ms away."""

    def arrive(home: NodeId) -> None:
        for id in run.system.node_ids:
            ms = 1 if id == home else 60
            run.network.set_link(client, id, delay_ms=(ms, ms))
            run.network.set_link(id, client, delay_ms=(ms, ms))

    for time_ms, home in visits:
        run.at(time_ms, arrive, home)


def each_of(function: Any, tasks: Iterable[tuple[Any, ...]]) -> list[Any]:
    """``function(*task)`` for each of the tasks, one after the other."""
    return [function(*task) for task in tasks]
