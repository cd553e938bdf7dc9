"""Lab 04, given: the messages, and stores, a view service and clients with places to fill in.

Primary and backup are those of Alsberg and Day, "A principle for resilient sharing of distributed
resources" (1976); the view service, which says who is which, is in the manner of the Google File
System's master (2003).

Left out: a view service that is lost for good (part 3 of the course replaces it by consensus), and
stores with a disk: what a store keeps is in its memory, and a crash loses it.
"""

from __future__ import annotations

from typing import Any

from labkit import Client, Node, NodeId, Operation, message, unwritten

VIEW_SERVICE = "vs"
PING_MS = 50
DEAD_TICKS = 4
RETRY_MS = 80
TRIES_MAX = 60

Member = tuple[str, int]
"""A node in one of its lives: ("n1", 2) is n1 after its first restart, and remembers nothing of ("n1", 1)."""


# -- what clients and stores say to each other ---------------------------------------------------


@message
class Request:
    """A client's operation; `number` counts the operations of one `session`, from 1."""

    session: str
    number: int
    f: str
    key: str
    value: str | None = None


@message
class Reply:
    """The result of operation `number` of `session`."""

    session: str
    number: int
    result: str | None


def apply(data: dict[str, str], request: Request) -> str | None:
    """Do what `request` asks for to `data`; the result is what a get finds, and None for the rest."""
    if request.f == "get":
        return data.get(request.key)
    before = data.get(request.key, "") if request.f == "append" else ""
    data[request.key] = before + str(request.value)
    return None


# -- part views: the opening story, a copy that is made later --------------------------------------


@message
class Shipment:
    """n1 to n2: the writes that follow the first `after` ones."""

    after: int
    requests: tuple[Request, ...]


@message
class ShipmentReply:
    """n2 to n1: I have so many of your writes."""

    count: int


class AsyncStore(Node):
    """Two nodes: n1 serves, and every `ship_every_ms` sends n2 what it has done since.

    `data` maps keys to texts.  `log` holds all writes in their order; n2 has the first `confirmed`.
    """

    ship_every_ms = 100
    on_request = unwritten("4.1")

    def on_start(self) -> None:
        self.data: dict[str, str] = {}
        self.log: list[Request] = []
        self.confirmed = 0
        if self.id == "n1":
            self.set_timer("ship", self.ship_every_ms)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request():
                self.on_request(source, message)
            case Shipment():
                self.on_shipment(source, message)
            case ShipmentReply():
                self.confirmed = max(self.confirmed, message.count)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        if len(self.log) > self.confirmed:
            self.send("n2", Shipment(self.confirmed, tuple(self.log[self.confirmed :])))
        self.set_timer("ship", self.ship_every_ms)

    def on_shipment(self, source: NodeId, shipment: Shipment) -> None:
        for request in shipment.requests[len(self.log) - shipment.after :]:
            apply(self.data, request)
            self.log.append(request)
        self.send(source, ShipmentReply(len(self.log)))


class FailoverClient(Client):
    """Asks n1; when three tries in a row got no answer, n1 is dead, and it asks n2 for ever after."""

    def on_start(self) -> None:
        self.store, self.number, self.tries = "n1", 0, 0
        self.pending: Operation | None = None

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.number, self.tries = operation, self.number + 1, 0
        self.on_timer("no reply")

    def on_timer(self, name: str) -> None:
        self.tries += 1
        if self.tries > 3:
            self.store = "n2"
        operation = self.pending
        self.send(self.store, Request(self.id, self.number, operation.f, operation.key, operation.value))
        self.set_timer("no reply", RETRY_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.pending is not None and message.number == self.number:
            self.cancel_timer("no reply")
            self.complete(self.pending, message.result)
            self.pending = None


# -- part views: the view service ------------------------------------------------------------------


@message
class View:
    """Who is primary and who is backup, from view `number` on.  View 0 is the one before the first."""

    number: int
    primary: tuple[str, int] | None
    backup: tuple[str, int] | None


NO_VIEW = View(0, None, None)


@message
class Ping:
    """A store to the view service: I am alive, in my life `life`, and have settled in view `number`."""

    life: int
    number: int


@message
class GetView:
    """A client to the view service: who is primary?"""


@message
class ViewReply:
    """The view service's present view: the answer to a Ping, and to a GetView."""

    view: View


class Watch(Node):
    """Hears pings.  `silent` counts, for each member ever heard, the ticks since its last ping."""

    is_alive = unwritten("4.2")

    def on_start(self) -> None:
        self.silent: dict[Member, int] = {}
        self.set_timer("tick", PING_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Ping():
                self.on_ping(source, message)
            case _:
                super().on_message(source, message)

    def on_ping(self, source: NodeId, ping: Ping) -> None:
        self.silent[source, ping.life] = 0

    def on_timer(self, name: str) -> None:
        self.silent = {member: ticks + 1 for member, ticks in self.silent.items()}
        self.set_timer("tick", PING_MS)

    @property
    def alive(self) -> list[Member]:
        """Who is alive, first heard first."""
        return [member for member in self.silent if self.is_alive(member)]


@message
class Roll:
    """Who is alive."""

    alive: tuple[tuple[str, int], ...]


class RollCall(Watch):
    """A watch that tells whom it takes to be alive, and does nothing about it."""

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, GetView):
            self.send(source, Roll(tuple(sorted(self.alive))))
        else:
            super().on_message(source, message)


class Seating(Watch):
    """Gives out the two seats.  Whoever pings is told the present view, and so is any client that asks.

    `acknowledged` is the number of the newest view that the primary of the present one has said
    it has settled in.  Both are on the disk.
    """

    next_view = unwritten("4.3")

    def on_start(self) -> None:
        super().on_start()
        self.view: View = self.storage.get("view", NO_VIEW)
        self.acknowledged: int = self.storage.get("acknowledged", 0)
        for member in (self.view.primary, self.view.backup):
            if member is not None:
                self.silent[member] = 0  # it has a whole time-out to show that it lives

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, GetView):
            self.send(source, ViewReply(self.view))
        else:
            super().on_message(source, message)

    def on_ping(self, source: NodeId, ping: Ping) -> None:
        super().on_ping(source, ping)
        if self.view.primary == (source, ping.life) and ping.number > self.acknowledged:
            self.acknowledged = ping.number
            self.storage.save(acknowledged=ping.number)
        self.reconsider()
        self.send(source, ViewReply(self.view))

    def on_timer(self, name: str) -> None:
        super().on_timer(name)
        self.reconsider()

    def reconsider(self) -> None:
        """Somebody pinged, or time has passed."""
        self.install(self.next_view())

    def install(self, view: View) -> None:
        """Let `view` be the present one, from now on and over crashes."""
        if view != self.view:
            self.view = view
            self.storage.save(view=view)

    def facts(self) -> Any:
        """What must never have two answers: who sits where in a view."""
        yield ("view", self.view.number), (self.view.primary, self.view.backup)


class ViewService(Seating):
    """Goes to another primary only when the present one has said that all is well."""

    reconsider = unwritten("4.4")


class Obedient(Node):
    """A store without data: it pings, and settles in whatever view it is told."""

    def on_start(self) -> None:
        self.life: int = self.storage.get("life", 0) + 1
        self.storage.save(life=self.life)
        self.settled = 0
        self.on_timer("ping")

    def on_timer(self, name: str) -> None:
        self.send(VIEW_SERVICE, Ping(self.life, self.settled))
        self.set_timer("ping", PING_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case ViewReply():
                self.settled = max(self.settled, message.view.number)
            case _:
                super().on_message(source, message)


# -- part replication: the messages between stores ---------------------------------------------------


@message
class Forward:
    """Primary to backup: the requests that follow the first `after` ones of all that there are."""

    view: int
    after: int
    requests: tuple[Request, ...]


@message
class ForwardReply:
    """Backup to primary: I have executed everything up to `index`."""

    view: int
    index: int


@message
class State:
    """Primary to backup, at the beginning of a view: everything I have, after `executed` requests."""

    view: int
    executed: int
    data: tuple[tuple[str, str], ...]
    answered: tuple[Reply, ...]


@message
class StateReply:
    """Backup to primary: I have that, for this view."""

    view: int


# -- part replication: the stores --------------------------------------------------------------------


class Pair(Node):
    """A primary and a backup that hold the same, as long as the backup was there from the beginning.

    `me` is this node in its present life.  `executed` counts the requests that this store has
    executed; `answered` holds the last reply of each session; `waiting` holds what the primary has
    taken and not executed yet: index to (client, request).  `settled` is what the pings report.
    """

    execute = unwritten("4.5")
    on_request = unwritten("4.6")
    on_forward = unwritten("4.7")
    on_forward_reply = unwritten("4.8")

    def on_start(self) -> None:
        self.life: int = self.storage.get("life", 0) + 1
        self.storage.save(life=self.life)
        self.me: Member = (self.id, self.life)
        self.view, self.settled = NO_VIEW, 0
        self.data: dict[str, str] = {}
        self.answered: dict[str, Reply] = {}
        self.executed = 0
        self.waiting: dict[int, tuple[NodeId, Request]] = {}
        self.on_timer("ping")

    def on_timer(self, name: str) -> None:
        self.send(VIEW_SERVICE, Ping(self.life, self.settled))
        self.resend()
        self.set_timer("ping", PING_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case ViewReply():
                if message.view.number > self.view.number:
                    self.enter(message.view)
            case Request():
                if self.is_primary:
                    self.on_request(source, message)
            case Forward():
                self.on_forward(source, message)
            case ForwardReply():
                self.on_forward_reply(source, message)
            case _:
                super().on_message(source, message)

    def enter(self, view: View) -> None:
        """`view` is newer than `self.view`; whoever comes to sit in it starts with what it has."""
        self.view, self.settled = view, view.number
        if not self.is_primary:
            self.waiting = {}
        elif view.backup is None:
            self.settle_all()
        self.resend()

    # -- to be called ----------------------------------------------------------------------------

    @property
    def is_primary(self) -> bool:
        """Is this node, in this life, the primary of its view?"""
        return self.view.primary == self.me

    def perform(self, index: int, request: Request) -> Reply:
        """Execute `request` as number `index`."""
        self.executed = index
        return self.execute(request)

    def settle(self, index: int) -> None:
        """Execute what waits under `index`, and answer its client."""
        client, request = self.waiting.pop(index)
        self.send(client, self.perform(index, request))

    def settle_all(self) -> None:
        """Execute and answer everything that waits, in the order of the indexes."""
        for index in sorted(self.waiting):
            self.settle(index)

    def forward(self) -> None:
        """Send the backup, in one message, everything that waits, if this node has settled in its view."""
        if self.waiting and self.settled == self.view.number and self.view.backup is not None:
            requests = tuple(self.waiting[index][1] for index in sorted(self.waiting))
            forward = Forward(self.view.number, min(self.waiting) - 1, requests)
            self.send(self.view.backup[0], forward)

    def resend(self) -> None:
        """Send again what the backup has not confirmed: messages get lost."""
        self.forward()


class Alone(Pair):
    """A store that nobody copies: `execute`, and a network around it."""

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, Request):
            self.send(source, self.perform(self.executed + 1, message))
        else:
            super().on_message(source, message)


class RejoiningStore(Pair):
    """A primary that brings each new backup up to date.  `state_of` is the view whose State this node took."""

    enter = unwritten("4.9")

    def on_start(self) -> None:
        super().on_start()
        self.state_of = 0

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case State():
                self.on_state(source, message)
            case StateReply():
                self.on_state_reply(message)
            case _:
                super().on_message(source, message)

    def send_state(self) -> None:
        """Send the backup everything that this node has, but not what waits."""
        answered = tuple(self.answered[session] for session in sorted(self.answered))
        data = tuple(sorted(self.data.items()))
        self.send(self.view.backup[0], State(self.view.number, self.executed, data, answered))

    def on_state(self, source: NodeId, state: State) -> None:
        if self.state_of != state.view:  # a copy must not take back what was executed since
            self.state_of, self.executed = state.view, state.executed
            self.data = dict(state.data)
            self.answered = {reply.session: reply for reply in state.answered}
        self.send(source, StateReply(state.view))

    def on_state_reply(self, reply: StateReply) -> None:
        if self.settled < reply.view == self.view.number:
            self.settled = reply.view
            self.resend()

    def resend(self) -> None:
        """Send again what the backup has not confirmed: the State first, and only then requests."""
        if self.is_primary and self.settled < self.view.number:
            self.send_state()
        else:
            super().resend()


class Store(RejoiningStore):
    """Listens only to stores of its own view."""

    belongs = unwritten("4.10")

    def on_message(self, source: NodeId, message: Any) -> None:
        from_a_store = isinstance(message, Forward | ForwardReply | State | StateReply)
        if from_a_store and not self.belongs(message):
            return  # from another view: nobody may count on an answer
        super().on_message(source, message)


class StoreClient(Client):
    """Asks the primary, and the view service only when there is no answer; the same number in each try."""

    def on_start(self) -> None:
        self.view, self.number, self.tries = NO_VIEW, 0, 0
        self.pending: Operation | None = None

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.number, self.tries = operation, self.number + 1, 1
        if self.view.primary is None:
            self.send(VIEW_SERVICE, GetView())
        self.ask()

    def ask(self) -> None:
        """Send the pending operation to the primary, if one is known."""
        operation = self.pending
        if self.view.primary is not None:
            request = Request(self.id, self.number, operation.f, operation.key, operation.value)
            self.send(self.view.primary[0], request)
        self.set_timer("no reply", RETRY_MS)

    def on_timer(self, name: str) -> None:
        if self.tries == TRIES_MAX:
            self.give_up(self.pending)
            self.pending = None
            return
        self.tries += 1
        self.send(VIEW_SERVICE, GetView())
        self.ask()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case ViewReply():
                self.on_view(message.view)
            case Reply():
                self.on_reply(message)
            case _:
                super().on_message(source, message)

    def on_view(self, view: View) -> None:
        if view.number > self.view.number:
            self.view = view
            if self.pending is not None:
                self.ask()

    def on_reply(self, reply: Reply) -> None:
        if self.pending is not None and reply.number == self.number:
            self.cancel_timer("no reply")
            self.complete(self.pending, reply.result)
            self.pending = None


# -- for the notebooks -------------------------------------------------------------------------------


def primary_of(run: Any) -> NodeId:
    """Who is primary just now, as the view service has it; n1, if nobody is."""
    primary = run.observe(VIEW_SERVICE)["view"].primary
    return primary[0] if primary else "n1"


def members(store: str, count: int = 2, service: str = "ViewService") -> dict[str, str]:
    """The roles of a view service and `count` stores: ``simulate(Store, nodes=members("Store"), ...)``."""
    return {VIEW_SERVICE: service} | {f"n{number}": store for number in range(1, count + 1)}
