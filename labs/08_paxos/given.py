"""Lab 08, given: Paxos for one value, and Multi-Paxos for a log, with the places that you fill in.

After Lamport, "Paxos Made Simple" (2001).  Ballots are his proposal numbers.  In part `single` the
acceptors are nodes, and each proposer is a client that is its own learner.  In part `log` every
replica is acceptor, proposer and learner in one (van Renesse and Altinbuken 2015 call it multi-Paxos).

Left out: replicas that join or leave; reads that do not go through the log (lab 10 has them).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from labkit import Client, Node, NodeId, Operation, message, unwritten

RETRY_MS = 60
BACKOFF_MS = 20
DOUBLINGS_MAX = 6
ELECTION_MS = (150, 300)
HEARTBEAT_MS = 40
ASK_MS = 120
CATCH_UP = 20
LOSSES = 1

Ballot = tuple[int, str]
"""A number, then its proposer's id.  (4, "p2") > (4, "p1") > (3, "p9"), and no two proposers share one."""

NO_BALLOT: Ballot = (0, "")
"""Lower than every ballot: what an acceptor begins with."""


def majority(count: int) -> int:
    """The smallest number of `count` nodes such that any two groups of that size share one.

    >>> [majority(count) for count in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return count // 2 + 1


# -- part single: the messages -------------------------------------------------------------------


@message
class Prepare:
    """Phase 1: will you promise to accept nothing below `ballot`?"""

    ballot: tuple[int, str]


@message
class Promise:
    """I will; and this is the highest-numbered proposal that I have accepted, if any."""

    ballot: tuple[int, str]
    accepted_ballot: tuple[int, str]
    accepted_value: str | None


@message
class Accept:
    """Phase 2: accept `value` in `ballot`, unless you have promised a higher one."""

    ballot: tuple[int, str]
    value: str


@message
class Accepted:
    """I have accepted `value` in `ballot`."""

    ballot: tuple[int, str]
    value: str


@message
class Nack:
    """Not in `ballot`: I have promised the higher ballot `promised`."""

    ballot: tuple[int, str]
    promised: tuple[int, str]


# -- part single: one value ------------------------------------------------------------------------


class Acceptor(Node):
    """Promises and accepts.  All of its state is on the disk, under these names."""

    on_prepare = unwritten("8.1")
    on_accept = unwritten("8.2")

    def on_start(self) -> None:
        self.promised: Ballot = self.storage.get("promised", NO_BALLOT)
        self.accepted_ballot: Ballot = self.storage.get("accepted_ballot", NO_BALLOT)
        self.accepted_value: str | None = self.storage.get("accepted_value")

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Prepare():
                self.on_prepare(source, message)
            case Accept():
                self.on_accept(source, message)
            case _:
                super().on_message(source, message)


class Proposer(Client):
    """Wants its value chosen, and learns which value was.  Its peers are the acceptors.

    `highest` is the highest ballot number that it has used or heard of; what it has used is on
    the disk.  `accepted` has, for each of its ballots, the acceptors that accepted it.
    """

    on_promise = unwritten("8.3")
    on_accepted = unwritten("8.4")
    on_nack = unwritten("8.5")

    def on_start(self) -> None:
        self.highest: int = self.storage.get("highest", 0)
        self.pending: Operation | None = None
        self.ballot: Ballot = NO_BALLOT
        self.value: str | None = None
        self.promises: dict[NodeId, Promise] = {}
        self.accepted: dict[Ballot, set[NodeId]] = {}
        self.refused: Ballot = NO_BALLOT
        self.refusals = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.refusals = operation, 0
        self.begin()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Promise():
                self.on_promise(source, message)
            case Accepted():
                self.on_accepted(source, message)
            case Nack():
                self.on_nack(source, message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "retry":
                self.begin()
            case _:
                super().on_timer(name)

    # -- to be called ------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a new ballot, higher than all that are known; it is used up before anyone is asked."""
        self.highest += 1
        self.storage.save(highest=self.highest)
        self.ballot, self.value, self.promises = (self.highest, self.id), None, {}
        self.broadcast(Prepare(self.ballot))
        self.set_timer("retry", RETRY_MS, 2 * RETRY_MS)

    def decide(self, value: str) -> None:
        """`value` is chosen: the pending operation ends with it."""
        self.cancel_timer("retry")
        self.complete(self.pending, value)
        self.pending = None


# -- part single: the opening story --------------------------------------------------------------


class NaiveAcceptor(Node):
    """Keeps whatever came last."""

    def on_start(self) -> None:
        self.accepted_value: str | None = None

    def on_message(self, source: NodeId, message: Any) -> None:
        self.accepted_value = message.value
        self.send(source, Accepted(message.ballot, message.value))


class NaiveProposer(Client):
    """Takes its value for chosen when two of three have it."""

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.heard = operation, 0
        self.broadcast(Accept((1, self.id), operation.value))

    def on_message(self, source: NodeId, message: Any) -> None:
        self.heard += 1
        if self.heard == 2:
            self.complete(self.pending, message.value)


SEAT_12 = {"p1": [("propose", None, "Ana")], "p2": [("propose", None, "Ben")]}
"""Two ticket offices, and one seat."""


def far_offices(run: Any) -> None:
    """A script: the office p1 is near to a1, p2 is near to a3, and each is far from the other two."""
    for office, near in (("p1", "a1"), ("p2", "a3")):
        for desk in ("a1", "a2", "a3"):
            ms = 5 if desk == near else 40 if office == "p2" and desk == "a2" else 20
            run.network.set_link(office, desk, delay_ms=(ms, ms))


# -- part log: the messages ----------------------------------------------------------------------


@message
class Command:
    """What client `client` wants done, as its `number`-th: f(key, value) on a map of texts."""

    client: NodeId
    number: int
    f: str
    key: str | None = None
    value: str | None = None


NO_OP = Command("", 0, "no-op")
"""The command that does nothing, for a slot in which nothing else can be chosen any more."""


@message
class Vote:
    """The highest-numbered proposal that an acceptor has accepted for `slot`."""

    slot: int
    ballot: tuple[int, str]
    command: Command


@message
class Request:
    """A client's command, on its way to the leader."""

    command: Command


@message
class Reply:
    """The result of the client's command `number`."""

    number: int
    result: str | None


@message
class PrepareAll:
    """Phase 1 for all slots from `first` on, at once."""

    ballot: tuple[int, str]
    first: int


@message
class PromiseAll:
    """I promise that; and these are my votes in the slots from `first` on, in order."""

    ballot: tuple[int, str]
    votes: tuple[Vote, ...]


@message
class AcceptSlot:
    """Phase 2 for one slot."""

    ballot: tuple[int, str]
    slot: int
    command: Command


@message
class AcceptedSlot:
    """I have accepted what `ballot` proposed for `slot`."""

    ballot: tuple[int, str]
    slot: int


@message
class Chosen:
    """`command` is chosen in `slot`, for ever."""

    slot: int
    command: Command


@message
class Heartbeat:
    """The leader of `ballot` is alive; every replica has applied the slots up to `forget`."""

    ballot: tuple[int, str]
    forget: int


@message
class HeartbeatReply:
    """I follow `ballot`, and have applied the slots up to `applied`."""

    ballot: tuple[int, str]
    applied: int


# -- part log: the replica -----------------------------------------------------------------------


class Role(Enum):
    """What a replica is just now; it starts as a follower."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Replica(Node):
    """Acceptor, proposer and learner of a log of commands, and the map that they are applied to.

    `promised` is the highest ballot that it knows of; as an acceptor it accepts nothing below, and as
    a leader it leads this ballot.  `accepted` has its vote for each slot, `chosen` the command of
    each slot in which it knows one; slots up to `applied` have been applied to `data`.  These are
    on the disk, with the last answer to each client; all else is lost in a crash.
    """

    recover = unwritten("8.6")
    on_chosen = unwritten("8.7")
    on_request = unwritten("8.8")
    step_down = unwritten("8.9")
    forget = unwritten("8.10")

    def on_start(self) -> None:
        get = self.storage.get
        self.promised: Ballot = get("promised", NO_BALLOT)
        self.accepted: dict[int, Vote] = {vote.slot: vote for vote in get("accepted", ())}
        self.chosen: dict[int, Command] = dict(get("chosen", ()))
        self.applied: int = get("applied", 0)
        self.data: dict[str, str] = dict(get("data", ()))
        self.answers: dict[NodeId, Reply] = dict(get("answers", ()))
        self.role = Role.FOLLOWER
        self.leader_id: NodeId | None = None
        self.promises: dict[NodeId, PromiseAll] = {}
        self.next_slot = 0
        self.proposals: dict[int, Command] = {}
        self.voters: dict[int, set[NodeId]] = {}
        self.applied_by: dict[NodeId, int] = {}
        self.set_timer("election", *ELECTION_MS)

    @property
    def everyone(self) -> tuple[NodeId, ...]:
        """All replicas, this one first."""
        return (self.id, *self.peers)

    def phase1_quorum(self) -> int:
        """How many promises make a leader."""
        return majority(len(self.everyone))

    def phase2_quorum(self) -> int:
        """How many acceptors choose a command."""
        return majority(len(self.everyone))

    def on_message(self, source: NodeId, message: Any) -> None:
        seen = message.promised if isinstance(message, Nack) else getattr(message, "ballot", NO_BALLOT)
        if seen > self.promised:
            self.step_down(seen)
        match message:
            case Request():
                self.on_request(source, message)
            case PrepareAll():
                self.on_prepare_all(source, message)
            case PromiseAll():
                self.on_promise_all(source, message)
            case AcceptSlot():
                self.on_accept_slot(source, message)
            case AcceptedSlot():
                self.on_accepted_slot(source, message)
            case Chosen():
                self.on_chosen(message.slot, message.command)
            case Heartbeat():
                self.on_heartbeat(source, message)
            case HeartbeatReply():
                self.on_heartbeat_reply(source, message)
            case Nack():
                pass  # it was seen above
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "election":
                self.campaign()
            case "heartbeat":
                self.ask_again()
                self.send_heartbeats()
            case _:
                super().on_timer(name)

    # -- the acceptor, as in part single, but with slots -------------------------------------------

    def on_prepare_all(self, source: NodeId, request: PrepareAll) -> None:
        if request.ballot == self.promised:
            self.tell(source, PromiseAll(request.ballot, self.votes_from(request.first)))
        else:
            self.tell(source, Nack(request.ballot, self.promised))

    def on_accept_slot(self, source: NodeId, request: AcceptSlot) -> None:
        if request.ballot != self.promised:
            self.tell(source, Nack(request.ballot, self.promised))
            return
        if request.slot > self.applied:  # what is applied is chosen: nothing else can be voted for there
            self.accepted[request.slot] = Vote(request.slot, request.ballot, request.command)
            self.storage.save(accepted=self.votes_from(0))
        self.tell(source, AcceptedSlot(request.ballot, request.slot))

    def votes_from(self, first: int) -> tuple[Vote, ...]:
        """The votes in the slots from `first` on, in order."""
        return tuple(self.accepted[slot] for slot in sorted(self.accepted) if slot >= first)

    # -- the proposer --------------------------------------------------------------------------

    def campaign(self) -> None:
        """Try to lead, in a ballot above all that are known: phase 1 for all slots at once."""
        self.promised = (self.promised[0] + 1, self.id)
        self.storage.save(promised=self.promised)
        self.role, self.leader_id, self.promises = Role.CANDIDATE, None, {}
        self.set_timer("election", *ELECTION_MS)
        for node in self.everyone:
            self.tell(node, PrepareAll(self.promised, self.applied + 1))

    def on_promise_all(self, source: NodeId, promise: PromiseAll) -> None:
        if self.role is not Role.CANDIDATE or promise.ballot != self.promised:
            return  # an answer to a campaign that is over
        self.promises[source] = promise
        if len(self.promises) == self.phase1_quorum():
            self.lead()

    def lead(self) -> None:
        self.role, self.leader_id = Role.LEADER, self.id
        self.proposals, self.voters, self.applied_by = {}, {}, {}
        self.cancel_timer("election")
        self.recover()
        self.send_heartbeats()

    def propose(self, slot: int, command: Command) -> None:
        """Phase 2: ask every replica to accept `command` in `slot`."""
        self.proposals[slot], self.voters[slot] = command, set()
        for node in self.everyone:
            self.tell(node, AcceptSlot(self.promised, slot, command))

    def on_accepted_slot(self, source: NodeId, reply: AcceptedSlot) -> None:
        if self.role is not Role.LEADER or reply.ballot != self.promised or reply.slot not in self.proposals:
            return  # of an earlier ballot, or of a slot that is chosen already
        self.voters[reply.slot].add(source)
        if len(self.voters[reply.slot]) == self.phase2_quorum():
            command = self.proposals.pop(reply.slot)
            for node in self.everyone:
                self.tell(node, Chosen(reply.slot, command))

    def send_heartbeats(self) -> None:
        """Say that the leader lives, and what every replica has applied."""
        self.applied_by[self.id] = self.applied
        everywhere = min(self.applied_by.get(node, 0) for node in self.everyone)
        self.broadcast(Heartbeat(self.promised, everywhere))
        if everywhere:
            self.forget(everywhere)
        self.set_timer("heartbeat", HEARTBEAT_MS)

    def ask_again(self) -> None:
        """Repeat the open proposals to those who have not voted yet: messages are lost."""
        for slot, command in sorted(self.proposals.items()):
            for node in self.peers:
                if node not in self.voters[slot]:
                    self.send(node, AcceptSlot(self.promised, slot, command))

    def on_heartbeat_reply(self, source: NodeId, reply: HeartbeatReply) -> None:
        """Tell a replica that is behind what it has missed."""
        if self.role is not Role.LEADER or reply.ballot != self.promised:
            return  # an answer to an earlier leader
        self.applied_by[source] = max(reply.applied, self.applied_by.get(source, 0))
        for slot in range(reply.applied + 1, min(reply.applied + CATCH_UP, self.applied) + 1):
            if slot in self.chosen:  # else it has it by now: all had, or it would not be forgotten
                self.send(source, Chosen(slot, self.chosen[slot]))

    # -- the follower ----------------------------------------------------------------------------

    def on_heartbeat(self, source: NodeId, message: Heartbeat) -> None:
        if message.ballot != self.promised:
            self.send(source, Nack(message.ballot, self.promised))
            return
        self.role, self.leader_id = Role.FOLLOWER, source
        self.set_timer("election", *ELECTION_MS)
        if message.forget:
            self.forget(message.forget)
        self.send(source, HeartbeatReply(message.ballot, self.applied))

    # -- to be called ------------------------------------------------------------------------

    def tell(self, node: NodeId, message: Any) -> None:
        """Send `message`; what a replica tells itself, it does at once."""
        if node == self.id:
            self.on_message(node, message)
        else:
            self.send(node, message)

    def execute(self, command: Command) -> None:
        """Apply `command` to the map, once, however often it was chosen; save; a leader answers its client."""
        last = self.answers.get(command.client)
        if command != NO_OP and (last is None or last.number < command.number):
            self.answers[command.client] = Reply(command.number, _applied(self.data, command))
        self.storage.save(
            applied=self.applied,
            chosen=tuple(sorted(self.chosen.items())),
            data=tuple(sorted(self.data.items())),
            answers=tuple(sorted(self.answers.items())),
        )
        if self.role is Role.LEADER:
            self.answer_again(command)

    def answer_again(self, command: Command) -> bool:
        """Was this command executed before?  Then its client gets the same answer again."""
        last = self.answers.get(command.client)
        if last is None or last.number < command.number:
            return False
        if last.number == command.number:
            self.send(command.client, last)
        return True


def _applied(data: dict[str, str], command: Command) -> str | None:
    """Apply `command` to `data`; its result."""
    key, value = command.key or "", command.value or ""
    match command.f:
        case "get":
            return data.get(key)
        case "put":
            data[key] = value
        case "append":
            data[key] = data.get(key, "") + value
    return None


class Flexible(Replica):
    """A replica whose commands are on few disks, LOSSES + 1, and whose leaders ask all the more."""

    is_safe = unwritten("8.11")

    def on_start(self) -> None:
        Replica.on_start(self)
        sizes = range(1, len(self.everyone) + 1)
        self.safe_pairs = tuple((one, two) for one in sizes for two in sizes if self.is_safe(one, two))

    def phase2_quorum(self) -> int:
        return min(LOSSES + 1, len(self.everyone))

    def phase1_quorum(self) -> int:
        return min(one for one, two in self.safe_pairs if two == self.phase2_quorum())


class LogClient(Client):
    """Asks one replica after the other until one answers; a command keeps its number, however often sent."""

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.command = NO_OP
        self.at = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        number = self.command.number + 1
        self.command = Command(self.id, number, operation.f, operation.key, operation.value)
        self.ask()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Reply():
                if self.pending is not None and message.number == self.command.number:
                    self.cancel_timer("ask")
                    self.at = self.peers.index(source)
                    self.complete(self.pending, message.result)
                    self.pending = None
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        self.at = (self.at + 1) % len(self.peers)
        self.ask()

    def ask(self) -> None:
        self.send(self.peers[self.at], Request(self.command))
        self.set_timer("ask", ASK_MS)


# -- part log: the opening story -----------------------------------------------------------------


class NaiveLog(Node):
    """n1 leads, and n2 does when n1 is silent; a leader writes into the first slot that it knows to be free."""

    def on_start(self) -> None:
        self.log: list[str] = []
        self.commands: dict[int, Command] = {}
        self.leads = self.id == "n1"
        if self.leads:
            self.on_timer("heartbeat")
        elif self.id == "n2":
            self.set_timer("silence", 200)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request():
                if self.leads:
                    self.write(len(self.log) + 1, message.command)
                    self.broadcast(AcceptSlot((1, self.id), len(self.log), message.command))
            case AcceptSlot():
                self.write(message.slot, message.command)
                self.send(source, AcceptedSlot(message.ballot, message.slot))
            case AcceptedSlot():
                command = self.commands.pop(message.slot, None)
                if command is not None:  # with its own, that makes two copies of three
                    self.send(command.client, Reply(command.number, None))
            case Heartbeat():
                if self.id == "n2":
                    self.set_timer("silence", 200)

    def on_timer(self, name: str) -> None:
        self.leads = True
        self.broadcast(Heartbeat((1, self.id), 0))
        self.set_timer("heartbeat", HEARTBEAT_MS)

    def write(self, slot: int, command: Command) -> None:
        self.log[slot - 1 :] = [command.value or ""]
        self.commands[slot] = command


SALES = {"c1": [("append", "sold", guest + " ") for guest in ("Ana", "Ben", "Cem", "Dee")]}
"""Four sales, one after the other, by one office."""


def loses_its_leader(cut_ms: float, crash_ms: float) -> Callable[[Any], None]:
    """A script: nothing passes from n1 to n2 from `cut_ms` on, and n1 crashes at `crash_ms`."""

    def script(run: Any) -> None:
        run.at(cut_ms, partial(run.cut, "n1", "n2")).at(crash_ms, run.crash, "n1")

    return script
