"""Lab 09, given: Raft's messages, and the class whose missing methods you write.

Names are those of figure 2 in Ongaro & Ousterhout 2014, in snake case.  Part `election` uses
the terms and the votes; the log is here because a vote depends on it, but nothing writes it yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from labkit import Node, NodeId, message, unwritten

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
    """The follower's current term, and whether it took what was sent."""

    term: int
    success: bool


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
                pass  # a leader learns from it in part `log`
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
