"""Lab 10, given: a key-value store on your Raft of lab 09, with the places that you fill in.

Part `store`: each command takes effect exactly once (Ongaro & Ousterhout 2014, section 8; Ongaro's
dissertation, section 6.3).  Part `reads`: reads that are not written into the log (dissertation,
section 6.4), at first by asking who leads, then by a lease.

Left out: sessions that expire, clients that crash, and snapshots of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labkit import Client, NodeId, Operation, check_linearizable, earlier_lab, message, simulate, unwritten
from labkit.models import KeyValue

lab09 = earlier_lab("09")

Role, LogEntry, ELECTION_MS = lab09.Role, lab09.LogEntry, lab09.ELECTION_MS
AppendEntries, AppendEntriesReply = lab09.AppendEntries, lab09.AppendEntriesReply
RequestVote, RequestVoteReply = lab09.RequestVote, lab09.RequestVoteReply

PATIENCE_MS = 300
PAUSE_MS = 20
TRIES_MAX = 100

Command = tuple[str, int, str, str, Any]
"""What the log holds: (client, number, f, key, value); `number` counts the client's own calls from 1."""

NOOP: Command = ("", 0, "no-op", "", None)
"""A command of nobody, that does nothing."""


# -- part STORE ------------------------------------------------------------------------------------


@message
class Request:
    """A client's call number `number`: get, put, append or cas, whose value is (expected, new)."""

    number: int
    f: str
    key: str
    value: str | tuple | None = None


@message
class Reply:
    """To call `number`: done, with this result; or not done here, and `leader_id` may know better."""

    number: int
    done: bool
    result: str | bool | None = None
    leader_id: NodeId | None = None


class Store(lab09.DurableRaft):
    """A replica of the store: Raft agrees on the commands, and each replica carries them out in that order.

    `data` has the value of each key.  `sessions` has, for each client, the number of its last
    command that was carried out, and the result: the pair (number, result).  Both are in memory
    only, as the book was in lab 09: after a crash they come again from the log.
    `waiting` has, by index, the (client, number) of a call that this node took as the leader and
    has not answered.  `last_result` is what the entry that was applied last came to.
    """

    execute = unwritten("10.1")
    answer = unwritten("10.2")

    def on_start(self) -> None:
        self.data: dict[str, str] = {}
        self.sessions: dict[NodeId, tuple[int, Any]] = {}
        self.last_result: Any = None
        super().on_start()
        self.waiting: dict[int, tuple[NodeId, int]] = {}

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request():
                self.on_request(source, message)
            case _:
                super().on_message(source, message)

    def on_request(self, client: NodeId, request: Request) -> None:
        if self.role is not Role.LEADER:
            self.refuse(client, request.number)
        elif request.f == "get":
            self.begin_read(client, request)
        else:
            self.propose(client, request)

    def begin_read(self, client: NodeId, request: Request) -> None:
        """A get, at the leader: through the log, like any other command."""
        self.propose(client, request)

    def propose(self, client: NodeId, request: Request) -> None:
        """The leader takes a command of `client`, who waits for the result."""
        index = self.take((client, request.number, request.f, request.key, request.value))
        self.waiting[index] = client, request.number

    def take(self, command: Command) -> int:
        """The leader appends `command` to its log and sends it; the index of its entry."""
        index = self.last_log_index + 1
        self.replace_from(index, (LogEntry(self.current_term, command),))
        for peer in self.peers:
            if self.next_index[peer] == index:  # to others, older news is on its way
                self.send_news(peer)
        return index

    def refuse(self, client: NodeId, number: int) -> None:
        """Tell `client` that its call is not done here, and who may know better."""
        self.send(client, Reply(number, False, None, self.leader_id))

    # -- the state machine -------------------------------------------------------------------

    def apply(self, index: int) -> None:
        """Entry `index` is committed, and all before it have been applied: now this one."""
        (entry,) = self.entries_from(index)[:1]
        self.last_result = None if entry.command == NOOP else self.execute(entry.command)
        if index in self.waiting:
            self.answer(index, entry.command, self.last_result)

    def perform(self, f: str, key: str, value: Any) -> Any:
        """Do this to `data`, whoever asked for it, and however often it was done before; its result."""
        now = self.data.get(key)
        match f:
            case "put":
                self.data[key] = value
            case "append":
                self.data[key] = (now or "") + value
            case "cas":
                if now == value[0]:
                    self.data[key] = value[1]
                return now == value[0]
        return now if f == "get" else None

    def facts(self) -> Iterable[tuple[Any, Any]]:
        """What must never have two answers: who leads a term, and the store after an entry."""
        yield from lab09.Raft.facts(self)
        yield ("store after entry", self.last_applied), tuple(sorted(self.data.items()))


class Clerk(Client):
    """A client of the store: one call after the other, each with a number of its own.

    `pending` is the call that it works on, or None; `number` is that call's; `asked` is the node
    that it asks, and `tries` says how often it has asked for this call.
    """

    go_on = unwritten("10.3")

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.asked = self.peers[0]
        self.number = self.tries = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.number, self.tries = operation, self.number + 1, 0
        self.ask()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Reply():
                self.go_on(message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        if name == "patience":
            self.go_on(None)
        else:
            self.ask()

    # -- to be called ------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask `asked` for the pending call, under its number."""
        self.tries += 1
        call = self.pending
        self.send(self.asked, Request(self.number, call.f, call.key, call.value))
        self.set_timer("patience", PATIENCE_MS)

    def ask_soon(self) -> None:
        """The same, after a short pause."""
        self.cancel_timer("patience")
        self.set_timer("pause", PAUSE_MS)

    def end(self, result: Any) -> None:
        """The pending call took effect, with this result."""
        self.complete(self.pending, result)
        self.stop()

    def stop(self) -> None:
        """Work on no call any more."""
        self.cancel_timer("patience")
        self.cancel_timer("pause")
        self.pending = None

    def after(self, node: NodeId) -> NodeId:
        """The next node in a circle."""
        return self.peers[(self.peers.index(node) + 1) % len(self.peers)]


class NaiveStore(Store):
    """Carries out whatever the log says, as often as the log says it."""

    def execute(self, command: Command) -> Any:
        _, _, f, key, value = command
        return self.perform(f, key, value)

    def answer(self, index: int, command: Command, result: Any) -> None:
        client, number = self.waiting.pop(index)
        self.send(client, Reply(number, True, result, self.leader_id))


class NaiveClerk(Clerk):
    """Asks around until somebody says that it is done."""

    def go_on(self, reply: Reply | None) -> None:
        if self.pending is None or (reply and reply.number != self.number):
            return
        if reply and reply.done:
            self.end(reply.result)
            return
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


# -- part READS ------------------------------------------------------------------------------------

CLOCK_RATIO = 1.1
"""No clock in the cluster is more than so many times as fast as another: what a lease relies on."""


@message
class Ping:
    """The leader of `term` asks, in its round `round`: do you still follow me?"""

    term: int
    leader_id: NodeId
    round: int


@message
class Pong:
    """I am in `term`, and I follow whoever began round `round`; round 0 confirms nobody."""

    term: int
    round: int


@message
class Read:
    """A get that is not answered yet.

    The store must have applied entry `index`, and round `round` must be confirmed.
    """

    client: NodeId
    number: int
    key: str
    index: int
    round: int


class IndexStore(Store):
    """A store whose reads are not in the log: the leader asks instead whether it still leads.

    `reads` are the gets that are not answered yet.  `round` counts this node's rounds of pings,
    and `confirmed` has the latest round that each peer has confirmed, in this term.
    """

    become_leader = unwritten("10.4")
    begin_read = unwritten("10.5")
    serve_reads = unwritten("10.6")

    def on_start(self) -> None:
        self.reads: list[Read] = []
        self.round = 0
        self.confirmed: dict[NodeId, int] = {}
        super().on_start()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Ping() | Pong():
                if message.term > self.current_term:
                    self.become_follower(message.term)
                hear = self.on_ping if isinstance(message, Ping) else self.on_pong
                hear(source, message)
            case _:
                super().on_message(source, message)

    def start_round(self) -> int:
        """Ask all peers whether this node still leads; the number of this round."""
        self.round += 1
        self.broadcast(Ping(self.current_term, self.id, self.round))
        return self.round

    def on_ping(self, source: NodeId, ping: Ping) -> None:
        follows = ping.term == self.current_term
        if follows:
            self.become_follower(ping.term, ping.leader_id)
        self.send(source, Pong(self.current_term, ping.round if follows else 0))

    def on_pong(self, source: NodeId, pong: Pong) -> None:
        if self.role is Role.LEADER and pong.term == self.current_term:
            self.confirmed[source] = max(pong.round, self.confirmed.get(source, 0))
            self.serve_reads()

    def confirmed_round(self) -> int:
        """The latest round in which a majority, this node included, said that it leads; 0 if none."""
        rounds = sorted([self.round, *(self.confirmed.get(peer, 0) for peer in self.peers)])
        return rounds[(len(rounds) - 1) // 2]

    def learn_commit(self, leader_commit: int, verified: int) -> None:
        super().learn_commit(leader_commit, verified)
        if self.reads:
            self.serve_reads()

    def become_follower(self, term: int, leader_id: NodeId | None = None) -> None:
        super().become_follower(term, leader_id)
        self.confirmed = {}
        for read in self.reads:
            self.refuse(read.client, read.number)
        self.reads = []


class LateStore(IndexStore):
    """An IndexStore that applies what is committed only some time later, as one with a slow disk would."""

    def learn_commit(self, leader_commit: int, verified: int) -> None:
        self.commit_index = max(self.commit_index, min(leader_commit, verified))
        self.set_timer("apply", 20)

    def on_timer(self, name: str) -> None:
        match name:
            case "apply":
                super().learn_commit(self.commit_index, self.commit_index)
            case _:
                super().on_timer(name)


class LeaseStore(IndexStore):
    """A store whose leader reads without asking, as long as nobody else can have been elected.

    A node that got a ping votes for nobody during the shortest election timeout, ELECTION_MS[0],
    on its own clock; then `hears_leader` is true.  With each heartbeat the leader begins a round;
    `sent_ms` says, on its clock, when it sent the pings of a round.  `lease_until` is what
    `lease_end()` was after the last pong, for whoever looks at this node.
    """

    lease_end = unwritten("10.7")
    begin_read = unwritten("10.8")

    def on_start(self) -> None:
        self.sent_ms: dict[int, float] = {}
        self.lease_until = 0.0
        super().on_start()
        self.promise()  # perhaps it had promised, before it crashed

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case RequestVote() if self.hears_leader:
                pass  # as if it had been lost: no vote, and no higher term
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "promise":
                self.hears_leader = False
            case _:
                super().on_timer(name)

    def promise(self) -> None:
        """Vote for nobody during the shortest election timeout."""
        self.hears_leader = True
        self.set_timer("promise", ELECTION_MS[0])

    def on_ping(self, source: NodeId, ping: Ping) -> None:
        super().on_ping(source, ping)
        if ping.term == self.current_term:
            self.promise()

    def on_pong(self, source: NodeId, pong: Pong) -> None:
        super().on_pong(source, pong)
        self.lease_until = self.lease_end()

    def send_heartbeats(self) -> None:
        super().send_heartbeats()
        self.start_round()

    def start_round(self) -> int:
        self.sent_ms = {r: ms for r, ms in self.sent_ms.items() if r >= self.confirmed_round()}
        self.sent_ms[self.round + 1] = self.now_ms
        return super().start_round()

    def become_follower(self, term: int, leader_id: NodeId | None = None) -> None:
        super().become_follower(term, leader_id)
        self.sent_ms = {}


class BlindStore(Store):
    """The opening story of part two: whoever thinks that it leads reads what it has."""

    def begin_read(self, client: NodeId, request: Request) -> None:
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))


# -- part READS: the old leader and its reader -------------------------------------------------------

READER, WRITER = "reader", "writer"
NEWS = {
    WRITER: [("put", "door", f"code {n}") for n in range(1, 100)],
    READER: [("get", "door")] * 150,
}
"""One changes the code of a door, again and again; one asks for it."""


def old_leader(at_ms: float, slow_ppm: int = 0) -> Callable[[Any], None]:
    """A script: at `at_ms`, the leader is cut off from all but the reader, who asks it on.

    From then on its clock is slower by `slow_ppm` parts in a million.
    """

    def script(run: Any) -> None:
        run.at(at_ms, _split, run, slow_ppm)

    return script


def leader_of(run: Any) -> NodeId:
    """The leader of the highest term; the first node, if there is none."""
    seen = {id: run.observe(id) for id in run.system.node_ids if run.is_up(id)}
    leaders = [id for id, one in seen.items() if one.get("role") is Role.LEADER]
    return max(leaders, key=lambda id: seen[id]["current_term"], default=run.system.node_ids[0])


def _split(run: Any, slow_ppm: int) -> None:
    old = leader_of(run)
    rest = [id for id in run.system.node_ids if id != old]
    run.partition((old, READER), (*rest, WRITER))
    if slow_ppm:  # slower from now on, and not set back: the clock shows the same as before
        run.set_clock(old, skew_ms=run.now_ms * slow_ppm / 1e6, drift_ppm=-slow_ppm)


def find_stale_read(node: type[Store], client: type[Clerk], *, slow_ppm: int = 0, seeds: int = 40) -> Any:
    """A run of `old_leader` with a history that is not linearizable, and the judgement; None if none is found."""
    for seed in range(seeds):
        script = old_leader(800 + 10 * seed, slow_ppm)
        run = simulate(node, client=client, workload=NEWS, seed=seed, script=script, until_ms=2_500)
        judgement = check_linearizable(run.history, KeyValue())
        if judgement.verdict == "violation":
            return run, judgement
    return None

