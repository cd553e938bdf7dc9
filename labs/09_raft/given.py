"""Lab 09, given: Raft's messages, and the classes whose missing methods you write.

Names are those of figure 2 in Ongaro & Ousterhout 2014, in snake case.  Part `election` uses
the terms and the votes; the log is there because a vote depends on it, but nothing writes it.
Part `log` writes it, and part `persistence` puts it on the disk.

Not done here: commands are not executed exactly once (lab 10), and logs never get shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from labkit import Client, Node, NodeId, Operation, System, message, unwritten
from labkit.search import Stage

ELECTION_MS = (150, 300)
HEARTBEAT_MS = 50


class Role(Enum):
    """What a node is just now; it starts as a follower."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


@message
class LogEntry:
    """A command, and the term in which a leader received it."""

    term: int
    command: str | tuple


@message
class RequestVote:
    """`candidate_id` stands for election in `term`, and says how far its log goes."""

    term: int
    candidate_id: NodeId
    last_log_index: int
    last_log_term: int


@message
class RequestVoteReply:
    """The voter's current term, and whether it gave its vote."""

    term: int
    vote_granted: bool


@message
class AppendEntries:
    """The leader of `term` is alive; with entries (from part `log` on), it has news too."""

    term: int
    leader_id: NodeId
    prev_log_index: int = 0
    prev_log_term: int = 0
    entries: tuple[LogEntry, ...] = ()
    leader_commit: int = 0


@message
class AppendEntriesReply:
    """The follower's current term, and whether it took what was sent.

    From part `log` on: after a success, its log agrees with the leader's up to `match_index`.
    After a refusal, it has an entry of `conflict_term` where another was expected, and the
    first of that term is at `conflict_index`; or it has none there (`conflict_term` is 0), and
    `conflict_index` is the first index that it has nothing at.
    """

    term: int
    success: bool
    match_index: int = 0
    conflict_index: int = 0
    conflict_term: int = 0


class Raft(Node):
    """One node of Raft: who leads, and how the others know.

    `current_term`, `voted_for` and `log` are on the disk under these names; all else is lost
    in a crash.  `leader_id` is the leader of the current term, if this node has heard of it;
    `votes` is the set of nodes that voted for this one, while it is a candidate.
    """

    grants_vote = unwritten("9.1")
    stand_for_election = unwritten("9.2")
    on_request_vote_reply = unwritten("9.3")
    become_follower = unwritten("9.4")

    def on_start(self) -> None:
        self.current_term: int = self.storage.get("current_term", 0)
        self.voted_for: NodeId | None = self.storage.get("voted_for")
        self.log: tuple[LogEntry, ...] = self.storage.get("log", ())
        self.role = Role.FOLLOWER
        self.leader_id: NodeId | None = None
        self.votes: set[NodeId] = set()
        self.restart_election_timer()

    def on_message(self, source: NodeId, message: Any) -> None:
        if message.term > self.current_term:
            self.become_follower(message.term)
        match message:
            case RequestVote():
                self.on_request_vote(source, message)
            case RequestVoteReply():
                self.on_request_vote_reply(source, message)
            case AppendEntries():
                self.on_append_entries(source, message)
            case AppendEntriesReply():
                self.on_append_entries_reply(source, message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "election":
                self.stand_for_election()
            case "heartbeat":
                self.send_heartbeats()
            case _:
                super().on_timer(name)

    def on_request_vote(self, source: NodeId, request: RequestVote) -> None:
        granted = self.grants_vote(request)
        if granted:
            self.voted_for = request.candidate_id
            self.storage.save(voted_for=self.voted_for)
            self.restart_election_timer()
        self.send(source, RequestVoteReply(self.current_term, granted))

    def on_append_entries(self, source: NodeId, request: AppendEntries) -> None:
        is_current = request.term == self.current_term
        if is_current:
            self.become_follower(request.term, request.leader_id)
        self.send(source, AppendEntriesReply(self.current_term, is_current))

    def on_append_entries_reply(self, source: NodeId, reply: AppendEntriesReply) -> None:
        """A leader without a log learns nothing from it; see part `log`."""

    def become_leader(self) -> None:
        self.role, self.leader_id = Role.LEADER, self.id
        self.cancel_timer("election")
        self.send_heartbeats()

    def send_heartbeats(self) -> None:
        self.broadcast(AppendEntries(self.current_term, self.id))
        self.set_timer("heartbeat", HEARTBEAT_MS)

    def restart_election_timer(self) -> None:
        self.set_timer("election", *ELECTION_MS)

    @property
    def last_log_index(self) -> int:
        """The index of the last entry; the first one has index 1."""
        return len(self.log)

    @property
    def last_log_term(self) -> int:
        """The term of the last entry, 0 for an empty log."""
        return self.log[-1].term if self.log else 0

    def up_to_date(self, request: RequestVote) -> bool:
        """Is the candidate's log at least as up to date as this one?  (Section 5.4.1.)"""
        theirs = request.last_log_term, request.last_log_index
        return theirs >= (self.last_log_term, self.last_log_index)

    def facts(self) -> Iterable[tuple[Any, Any]]:
        """What must never have two answers: who leads a term."""
        if self.role is Role.LEADER:
            yield ("leader of term", self.current_term), self.id


@message
class IAmLeader:
    """What a leader of the naive cluster says, ten times a second."""


class NaiveElection(Node):
    """Whoever misses the leader for 200 ms *is* the leader.  At first, that is n1."""

    def on_start(self) -> None:
        self.role = Role.FOLLOWER
        self.set_timer("silence", 0 if self.id == "n1" else 200)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case IAmLeader():
                if self.role is Role.FOLLOWER:
                    self.set_timer("silence", 200)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        self.role = Role.LEADER
        self.broadcast(IAmLeader())
        self.set_timer("silence", 100)


# -- part LOG: the messages ------------------------------------------------------------------------

BATCH_MAX = 64
"""So many entries at most travel in one AppendEntries."""

PATIENCE_MS = 300
PAUSE_MS = 20
TRIES_MAX = 100


@message
class Submit:
    """A client's command, to be put into the log; the answer repeats the client's own `number`."""

    number: int
    command: str | tuple


@message
class SubmitReply:
    """To request `number`: applied, from place `index` of the log; or, without an index, not here.

    Then `leader_id` is who may know better, or None.
    """

    number: int
    index: int | None
    leader_id: NodeId | None = None


# -- part LOG: one log on many nodes ---------------------------------------------------------------


class LogRaft(Raft):
    """A node of Raft with a log: the same commands, in the same order, on every node.

    index          1    2    3    4    5
    log          [ a1 | b1 | c2 | d4 | e4 ]    a command, and the term in which a leader took it
                        ^         ^     ^
           last_applied 2         |     last_log_index 5
                       commit_index 4

    Entries up to `commit_index` will never change, on any node.  Those up to `last_applied` are
    in the `book`, the state machine of our shop.  A leader keeps for each peer the `next_index`
    to send, a guess, and the `match_index` up to which their logs agree, which is known.
    `waiting` has, by index, the (term, client, number) of a Submit that is not answered yet.

    The log is in memory only: in this part, a node that crashes has lost it.
    """

    take_entries = unwritten("9.5")
    news_for = unwritten("9.6")
    note_reply = unwritten("9.7")
    committable = unwritten("9.8")
    learn_commit = unwritten("9.9")

    def on_start(self) -> None:
        super().on_start()
        self.log = ()
        self.commit_index, self.last_applied = 0, 0
        self.next_index: dict[NodeId, int] = {}
        self.match_index: dict[NodeId, int] = {}
        self.book: list[str | tuple] = []
        self.waiting: dict[int, tuple[int, NodeId, int]] = {}

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Submit():
                self.on_submit(source, message)
            case _:
                super().on_message(source, message)

    # -- the follower ------------------------------------------------------------------------

    def on_append_entries(self, source: NodeId, request: AppendEntries) -> None:
        if request.term < self.current_term:
            self.send(source, AppendEntriesReply(self.current_term, False))
            return
        self.become_follower(request.term, request.leader_id)
        reply = self.take_entries(request)
        self.send(source, reply)
        if reply.success and request.leader_commit > self.commit_index:
            self.learn_commit(request.leader_commit, reply.match_index)

    def refusal(self, index: int) -> AppendEntriesReply:
        """What this log has at `index`, where the leader expects something else (end of section 5.3)."""
        mine = self.term_at(index)
        if mine is None:
            return AppendEntriesReply(self.current_term, False, 0, self.last_log_index + 1, 0)
        return AppendEntriesReply(self.current_term, False, 0, self.first_of_term(index), mine)

    # -- the leader --------------------------------------------------------------------------

    def become_leader(self) -> None:
        self.next_index = {peer: self.last_log_index + 1 for peer in self.peers}
        self.match_index = {peer: 0 for peer in self.peers}
        super().become_leader()

    def on_submit(self, client: NodeId, request: Submit) -> None:
        if self.role is not Role.LEADER:
            self.send(client, SubmitReply(request.number, None, self.leader_id))
            return
        index = self.last_log_index + 1
        self.replace_from(index, (LogEntry(self.current_term, request.command),))
        self.waiting[index] = self.current_term, client, request.number
        for peer in self.peers:
            if self.next_index[peer] == index:  # to others, older news is on its way
                self.send_news(peer)

    def send_heartbeats(self) -> None:
        for peer in self.peers:
            self.send_news(peer)
        self.set_timer("heartbeat", HEARTBEAT_MS)

    def send_news(self, peer: NodeId) -> None:
        self.send(peer, self.news_for(peer))

    def on_append_entries_reply(self, source: NodeId, reply: AppendEntriesReply) -> None:
        self.note_reply(source, reply)
        if self.role is not Role.LEADER:
            return
        if self.next_index[source] <= self.last_log_index:
            self.send_news(source)
        index = self.committable()
        if index > self.commit_index:
            self.commit_index = index
            self.learn_commit(index, self.last_log_index)

    # -- the state machine -------------------------------------------------------------------

    def apply(self, index: int) -> None:
        """Write the command at `index` into the book, and answer the client that waits for it here."""
        (entry,) = self.entries_from(index)[:1]
        self.book.append(entry.command)
        if index in self.waiting:
            term, client, number = self.waiting.pop(index)
            is_theirs = term == entry.term  # or another leader has put something else there
            self.send(client, SubmitReply(number, index if is_theirs else None, self.leader_id))

    # -- the log -----------------------------------------------------------------------------

    def term_at(self, index: int) -> int | None:
        """The term of the entry at `index`: 0 before the first one, None where there is no entry."""
        if index == 0:
            return 0
        return self.log[index - 1].term if 1 <= index <= self.last_log_index else None

    def first_of_term(self, index: int) -> int:
        """The first index whose entry is of the same term as the one at `index`."""
        while index > 1 and self.term_at(index - 1) == self.term_at(index):
            index -= 1
        return index

    def entries_from(self, index: int) -> tuple[LogEntry, ...]:
        """The entry at `index` and all after it."""
        return self.log[index - 1 :]

    def replace_from(self, index: int, entries: tuple[LogEntry, ...]) -> None:
        """Drop the entry at `index` and all after it, and put `entries` there."""
        self.log = self.log[: index - 1] + entries

    def facts(self) -> Iterable[tuple[Any, Any]]:
        """What must never have two answers: who leads a term, and which command has which place."""
        yield from super().facts()
        if self.commit_index:
            (entry,) = self.entries_from(self.commit_index)[:1] or (None,)
            yield ("command at index", self.commit_index), entry and entry.command
        if self.book:
            yield ("command at index", len(self.book)), self.book[-1]


class ShopClient(Client):
    """Submits one command after the other, each until a leader says that it is in the book.

    A call is ("submit", first, command): `first` is the node to ask first, or None for the one
    that answered last.  Its result is the command's index.  A command that has to be submitted
    again may get into the log twice; lab 10 mends that.
    """

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.asked = self.peers[0]
        self.number = self.tries = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        self.asked = operation.key or self.asked
        self.number, self.tries = self.number + 1, 0
        self.ask()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case SubmitReply():
                self.on_reply(message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        if name == "patience":
            self.asked = self.after(self.asked)
        self.ask()

    def ask(self) -> None:
        self.tries += 1
        if self.tries > TRIES_MAX:
            self.give_up(self.pending)
            self.pending = None
            return
        self.send(self.asked, Submit(self.number, self.pending.value))
        self.set_timer("patience", PATIENCE_MS)

    def on_reply(self, reply: SubmitReply) -> None:
        if self.pending is None or reply.number != self.number:
            return  # an answer to what it asked before
        self.cancel_timer("patience")
        if reply.index is None:
            self.asked = reply.leader_id or self.after(self.asked)
            self.set_timer("pause", PAUSE_MS)
            return
        self.cancel_timer("pause")
        self.complete(self.pending, reply.index)
        self.pending = None

    def after(self, node: NodeId) -> NodeId:
        """The next node in a circle."""
        return self.peers[(self.peers.index(node) + 1) % len(self.peers)]


class NaiveLog(Node):
    """n1 leads for ever: it writes a command down, tells the others once, and says that it is done."""

    def on_start(self) -> None:
        self.log: tuple[LogEntry, ...] = ()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Submit() if self.id == "n1":
                self.log += (LogEntry(1, message.command),)
                self.broadcast(self.log[-1])
                self.send(source, SubmitReply(message.number, len(self.log)))
            case Submit():
                self.send(source, SubmitReply(message.number, None, "n1"))
            case LogEntry():
                self.log += (message,)
            case _:
                super().on_message(source, message)


def figure_8_by_stages(role: str) -> tuple[System, tuple[Stage, ...], Any]:
    """The story of the paper's figure 8 with three nodes: the system, its stages, and bounds for a search.

    In term 1 n1 has `a`, in term 2 n3 has `b`, in term 3 n1 brings `a` to n2, in term 4 n3 brings `b`.
    """
    calls = {"c1": [("submit", "n1", "a")], "c2": [("submit", "n3", "b")]}

    def leads(id: NodeId, term: int) -> Any:
        return lambda seen: (seen[id]["role"], seen[id]["current_term"]) == (Role.LEADER, term)

    def has(id: NodeId, *commands: str) -> Any:
        return lambda seen: tuple(entry.command for entry in seen[id]["log"]) == commands

    stages = (
        Stage(leads("n1", 1), only=("n1", "n2")),
        Stage(has("n1", "a"), only=("n1", "c1")),
        Stage(leads("n3", 2), only=("n2", "n3")),
        Stage(has("n3", "b"), only=("n3", "c2")),
        Stage(leads("n1", 3), only=("n1", "n2")),
        Stage(has("n2", "a"), only=("n1", "n2")),
        Stage(leads("n3", 4), only=("n2", "n3")),
        Stage(has("n2", "b"), only=("n2", "n3")),
    )
    return System.of(3, role, client="ShopClient", workload=calls), stages, _is_small


def _is_small(_: NodeId, seen: Mapping[str, Any]) -> bool:
    """Up to term 4, and nobody asks twice."""
    return seen.get("current_term", 0) <= 4 and seen.get("tries", 0) <= 1


# -- part PERSISTENCE: what a crash may not take -----------------------------------------------------


class DurableRaft(LogRaft):
    """LogRaft, whose log is on the disk like its term and its vote, before anybody hears of it.

    On the disk are `current_term`, `voted_for` and `log`, under these names.
    """

    on_start = unwritten("9.10")
    send = unwritten("9.11")
