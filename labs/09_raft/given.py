"""Lab 09, given: Raft's messages, and the classes whose missing methods you write.

Names are those of figure 2 in Ongaro & Ousterhout 2014, in snake case.  Part `election` uses
the terms and the votes; the log is there because a vote depends on it, but nothing writes it.
Part `log` writes it, part `persistence` puts it on the disk, and part `compaction` cuts it short.

Not done here: commands are not executed exactly once (lab 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple

from labkit import Client, Node, NodeId, Operation, System, message, unwritten
from labkit.explorer import Experiment, Walk, random_walk
from labkit.message import canonical, encode
from labkit.program import LocalProgram, Unwritten
from labkit.search import Bounds, Goal, Stage, search
from labkit.shrink import shrink
from labkit.states import Within
from labkit.world import World

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
        self.next_index = dict.fromkeys(self.peers, self.last_log_index + 1)
        self.match_index = dict.fromkeys(self.peers, 0)
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
        self.enter(entry.command)
        if index in self.waiting:
            term, client, number = self.waiting.pop(index)
            is_theirs = term == entry.term  # or another leader has put something else there
            self.send(client, SubmitReply(number, index if is_theirs else None, self.leader_id))

    def enter(self, command: str | tuple) -> None:
        """Write one command into the book."""
        self.book.append(command)

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


class Story(NamedTuple):
    """A small system, the stages of a story in it, and how far to search from its end."""

    system: System
    stages: tuple[Stage, ...]
    bounds: Bounds


def figure_8(role: str) -> Story:
    """The paper's figure 8, with three nodes.

    In term 1 n1 has tea, in term 2 n3 has jam, in term 3 n1 brings tea to n2, in term 4 n3 brings jam.
    """
    stages = (
        Stage(_leads("n1", 1), only=("n1", "n2")),
        Stage(_has("n1", "tea"), only=("n1", "c1")),
        Stage(_leads("n3", 2), only=("n2", "n3")),
        Stage(_has("n3", "jam"), only=("n3", "c2")),
        Stage(_leads("n1", 3), only=("n1", "n2")),
        Stage(_has("n2", "tea"), only=("n1", "n2")),
        Stage(_leads("n3", 4), only=("n2", "n3")),
        Stage(_has("n2", "jam"), only=("n2", "n3")),
    )
    return Story(_two_tills(role), stages, Bounds(states_max=40_000, within=_up_to(4)))


def one_crash(role: str) -> Story:
    """n1 and n2 have tea, and it is committed; then a node crashes; n1 and n3 do not hear of each other."""
    stages = (
        Stage(_leads("n1", 1), only=("n1", "n2")),
        Stage(_has("n1", "tea"), only=("n1", "c1")),
        Stage(_has("n2", "tea"), only=("n1", "n2")),
        Stage(lambda seen: seen["n1"]["commit_index"] == 1, only=("n1", "n2")),
    )
    return Story(_two_tills(role), stages, Bounds(restarts=1, states_max=150_000, within=_apart))


def find_loss(node: type[LogRaft], story: Callable[[str], Story]) -> World | None:
    """A short run after `story` in which nodes of this class lose a committed entry; None if none was found."""
    system, stages, bounds = story(node.__name__)
    experiment = Experiment(LocalProgram.of(node, ShopClient), system)
    try:
        found = search(experiment, bounds, stages)
    except Unwritten:
        return random_walk(experiment, 0, Walk(steps_max=300))[0]  # it ends where something is missing
    if found.violation is None:
        return None
    short = shrink(experiment, found.schedule, found.violation.rule)
    return experiment.replay(short or found.schedule)[0]


def _two_tills(role: str) -> System:
    calls = {"c1": [("submit", "n1", "tea")], "c2": [("submit", "n3", "jam")]}
    return System.of(3, role, client="ShopClient", workload=calls)


def _leads(id: NodeId, term: int) -> Goal:
    return lambda seen: (seen[id]["role"], seen[id]["current_term"]) == (Role.LEADER, term)


def _has(id: NodeId, command: str) -> Goal:
    return lambda seen: [entry.command for entry in seen[id]["log"]] == [command]


def _up_to(term: int) -> Within:
    """No higher terms than this, and nobody asks twice."""
    return lambda _, seen: seen.get("current_term", 0) <= term and seen.get("tries", 0) <= 1


def _apart(id: NodeId, seen: Mapping[str, Any]) -> bool:
    """n1 leads term 1 and never learns that it does not; n3 never hears of it; n2 does not stand."""
    follows = seen.get("role") is Role.FOLLOWER
    allowed = {
        "n1": not follows or seen.get("current_term") == 0,
        "n2": follows,
        "n3": seen.get("leader_id") != "n1",
    }
    return allowed.get(id, True) and _up_to(2)(id, seen)


# -- part PERSISTENCE: what a crash may not take -----------------------------------------------------


class DurableRaft(LogRaft):
    """LogRaft, whose log is on the disk like its term and its vote, before anybody hears of it.

    On the disk are `current_term`, `voted_for` and `log`, under these names.
    """

    on_start = unwritten("9.10")
    send = unwritten("9.11")


# -- part COMPACTION: a log that does not grow -------------------------------------------------------

SNAPSHOT_EVERY = 8
"""So many entries that are in the book already are worth a snapshot."""


@message
class Snapshot:
    """The book as it was after entry `last_included_index`, whose term was `last_included_term`.

    It stands for that entry and all before it.  `book` has a pair for each article.
    """

    last_included_index: int
    last_included_term: int
    book: tuple[tuple[str, int], ...]


NOTHING = Snapshot(0, 0, ())
"""The snapshot that a new node starts from."""


@message
class InstallSnapshot:
    """The leader of `term` has no longer what comes next; this stands for all of it (figure 13)."""

    term: int
    leader_id: NodeId
    snapshot: Snapshot


class CompactingRaft(DurableRaft):
    """DurableRaft, whose log begins after a snapshot of the book.

    index          1 .. 5      6    7    8
    snapshot     [ tea 9,  ]
                 [ jam 4   ]
    log                      [ d4 | e4 | f4 ]     `self.log` is this part only
                        ^            ^    ^
     last_included_index 5           |    last_log_index 8
                             last_applied 7

    A command is a sale, such as ("tea", 2).  The book is a dict now, and has one line for each
    article: how many were sold.  On the disk are `current_term`, `voted_for`, `log` and
    `snapshot`, under these names; `log` there begins after `snapshot` there.
    """

    take_snapshot = unwritten("9.12")
    news_for = unwritten("9.13")
    install = unwritten("9.14")

    def on_start(self) -> None:
        self.snapshot: Snapshot = self.storage.get("snapshot", NOTHING)
        super().on_start()
        self.open_book()

    def open_book(self) -> None:
        """The book is what the snapshot says, and nothing after it is committed or applied yet."""
        self.book: dict[str, int] = dict(self.snapshot.book)
        self.commit_index = self.last_applied = self.snapshot.last_included_index

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case InstallSnapshot():
                self.on_install_snapshot(source, message)
            case _:
                super().on_message(source, message)

    def on_install_snapshot(self, source: NodeId, request: InstallSnapshot) -> None:
        if request.term < self.current_term:
            self.send(source, AppendEntriesReply(self.current_term, False))
            return
        self.become_follower(request.term, request.leader_id)
        self.install(request.snapshot)
        agreed = request.snapshot.last_included_index
        self.send(source, AppendEntriesReply(self.current_term, True, agreed))

    def on_append_entries(self, source: NodeId, request: AppendEntries) -> None:
        super().on_append_entries(source, self.beyond_snapshot(request))

    def beyond_snapshot(self, request: AppendEntries) -> AppendEntries:
        """The request without what is in the snapshot here: that is committed, so the leader has it, too."""
        known = self.snapshot.last_included_index - request.prev_log_index
        if known <= 0:
            return request
        return AppendEntries(
            request.term,
            request.leader_id,
            self.snapshot.last_included_index,
            self.snapshot.last_included_term,
            request.entries[known:],
            request.leader_commit,
        )

    def learn_commit(self, leader_commit: int, verified: int) -> None:
        super().learn_commit(leader_commit, verified)
        if self.last_applied - self.snapshot.last_included_index >= SNAPSHOT_EVERY:
            self.take_snapshot()

    def enter(self, command: str | tuple) -> None:
        article, pieces = command
        self.book[article] = self.book.get(article, 0) + pieces

    # -- the log, whose first entry is the one after the snapshot ----------------------------

    @property
    def last_log_index(self) -> int:
        return self.snapshot.last_included_index + len(self.log)

    @property
    def last_log_term(self) -> int:
        return self.log[-1].term if self.log else self.snapshot.last_included_term

    def term_at(self, index: int) -> int | None:
        """The term of the entry at `index`; None where there is none, or none any more."""
        if index == self.snapshot.last_included_index:
            return self.snapshot.last_included_term
        place = index - self.snapshot.last_included_index - 1
        return self.log[place].term if 0 <= place < len(self.log) else None

    def entries_from(self, index: int) -> tuple[LogEntry, ...]:
        """The entry at `index` and all after it; `index` lies after the snapshot."""
        return self.log[self._place(index) :]

    def replace_from(self, index: int, entries: tuple[LogEntry, ...]) -> None:
        """Drop the entry at `index` and all after it, and put `entries` there; after the snapshot."""
        self.log = self.log[: self._place(index)] + entries

    def _place(self, index: int) -> int:
        place = index - self.snapshot.last_included_index - 1
        if place < 0:
            raise IndexError(
                f"{self.id} looked for entry {index}, but its log begins after "
                f"{self.snapshot.last_included_index}. Look into the snapshot for what is before."
            )
        return place

    def facts(self) -> Iterable[tuple[Any, Any]]:
        """What must never have two answers: who leads a term, and the book after an entry."""
        yield from Raft.facts(self)
        yield ("book after entry", self.last_applied), tuple(sorted(self.book.items()))


class NaiveCutting(CompactingRaft):
    """Throws away what is in the book already, and keeps no word of it."""

    def take_snapshot(self) -> None:
        index, term = self.last_applied, self.term_at(self.last_applied)
        self.log = self.entries_from(index + 1)
        self.snapshot = Snapshot(index, term, ())

    def news_for(self, peer: NodeId) -> AppendEntries:
        first = max(self.next_index[peer], self.snapshot.last_included_index + 1)
        entries = self.entries_from(first)[:BATCH_MAX]
        return AppendEntries(
            self.current_term, self.id, first - 1, self.term_at(first - 1), entries, self.commit_index
        )


def sales(count: int, first: int = 1) -> list[tuple[str, None, tuple[str, int]]]:
    """Calls for a till: so many sales of tea, jam and tar, in turn."""
    articles = ("tea", "jam", "tar")
    return [("submit", None, (articles[n % 3], 1)) for n in range(first - 1, first - 1 + count)]


def pages(seen: Mapping[str, Any]) -> dict[str, Any]:
    """A node's view with a cell for every entry, so that `log_table` can draw it: those in the snapshot say so."""
    snapshot = seen.get("snapshot", NOTHING)
    gone = ("in snapshot",) * snapshot.last_included_index
    return {"log": gone + tuple(seen.get("log", ())), "commit_index": seen.get("commit_index", 0)}


def bytes_kept(seen: Mapping[str, Any]) -> int:
    """How much of a node's log and snapshot is on the disk, as this kit writes it."""
    return len(canonical(encode((seen.get("log", ()), seen.get("snapshot", NOTHING)))))


# -- part PRE-VOTE: would you vote for me? ------------------------------------------------------------


@message
class PreVote:
    """Would you vote for `candidate_id`, if it stood in `next_term`?  It does not stand yet."""

    next_term: int
    candidate_id: NodeId
    last_log_index: int
    last_log_term: int


@message
class PreVoteReply:
    """The voter's current term, and whether it would vote in `next_term`.  It has promised nothing."""

    term: int
    next_term: int
    vote_granted: bool


class PreVoteRaft(Raft):
    """Raft, whose nodes ask before they raise their term (Ongaro's dissertation, section 9.6).

    `hears_leader` says whether a leader spoke within the shortest election timeout.  `willing` is
    the set of nodes that would vote for this one in its next term, while it asks; else it is empty.
    """

    ask_first = unwritten("9.15")
    is_willing = unwritten("9.16")

    def on_start(self) -> None:
        super().on_start()
        self.hears_leader = False
        self.willing: set[NodeId] = set()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case PreVote():  # its term is nobody's yet, so nobody moves to it
                answer = self.is_willing(message)
                self.send(source, PreVoteReply(self.current_term, message.next_term, answer))
            case PreVoteReply():
                self.on_pre_vote_reply(source, message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "election":
                self.ask_first()
            case "silence":
                self.hears_leader = False
            case _:
                super().on_timer(name)

    def on_pre_vote_reply(self, source: NodeId, reply: PreVoteReply) -> None:
        if reply.term > self.current_term:
            self.become_follower(reply.term)
        asked = self.id in self.willing and reply.next_term == self.current_term + 1
        if not asked or not reply.vote_granted:
            return
        self.willing.add(source)
        if 2 * len(self.willing) > len(self.peers) + 1:
            self.willing = set()
            self.stand_for_election()

    def become_follower(self, term: int, leader_id: NodeId | None = None) -> None:
        super().become_follower(term, leader_id)
        self.willing = set()
        if leader_id is not None:
            self.hears_leader = True
            self.set_timer("silence", ELECTION_MS[0])

    def become_leader(self) -> None:
        self.willing = set()
        super().become_leader()


# -- part MEMBERSHIP: nodes that come and go ------------------------------------------------------------

NEW_LEADER = "a new leader"
"""The command that a leader writes first in its term, so that something of its own term is committed soon."""


def members_in(entry: LogEntry) -> tuple[NodeId, ...] | None:
    """Who is a member by a configuration entry: its command is ("members", "n1", "n2", ...); None for others."""
    command = entry.command
    return command[1:] if isinstance(command, tuple) and command[:1] == ("members",) else None


class MemberRaft(DurableRaft):
    """DurableRaft, whose members change, one at a time (Ongaro's dissertation, chapter 4).

    index          1     2     3                4
    log          [ a1 | b1 | n1 n2 n3 s1 : 1 | c2 ]     entry 3 is a configuration
    members       n1 n2 n3  |  n1 n2 n3 s1

    Nodes called n1, n2, ... are `first_members`; those called s1, s2, ... are spares.  `peers` are the
    *other members*, as of now, so that whatever you wrote in parts one to three speaks to members only.
    An office changes the members by Submit(number, ("members", *all_members_from_now_on)).
    """

    configuration = unwritten("9.17")
    is_majority = unwritten("9.18")
    may_change = unwritten("9.19")

    @property
    def everyone(self) -> tuple[NodeId, ...]:
        """All nodes of the system, members or not."""
        return tuple(sorted((self.id, *Node.peers.__get__(self))))

    @property
    def first_members(self) -> tuple[NodeId, ...]:
        """The members before there is any configuration entry."""
        return tuple(id for id in self.everyone if id.startswith("n"))

    @property
    def peers(self) -> tuple[NodeId, ...]:
        """The other members."""
        return tuple(id for id in self.configuration() if id != self.id)

    @peers.setter
    def peers(self, others: tuple[NodeId, ...]) -> None:
        Node.peers.__set__(self, others)

    def changes_pending(self) -> bool:
        """Is the configuration in force not committed yet?"""
        return any(members_in(entry) is not None for entry in self.entries_from(self.commit_index + 1))

    # -- elections ---------------------------------------------------------------------------

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case RequestVote() if message.candidate_id not in self.configuration():
                pass  # whoever was removed may not know it, and must not disturb those who do
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "election" if self.id in self.configuration() or self.changes_pending():
                self.stand_for_election()
                if self.is_majority(self.votes):
                    self.become_leader()
            case "election":
                self.restart_election_timer()  # a spare, or a node that was removed, waits to be a member
            case _:
                super().on_timer(name)

    def on_request_vote_reply(self, source: NodeId, reply: RequestVoteReply) -> None:
        is_vote = self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted
        if not is_vote:
            return
        self.votes.add(source)
        if self.is_majority(self.votes):
            self.become_leader()

    def become_leader(self) -> None:
        others = [id for id in self.everyone if id != self.id]
        self.next_index = dict.fromkeys(others, self.last_log_index + 1)
        self.match_index = dict.fromkeys(others, 0)
        self.replace_from(self.last_log_index + 1, (LogEntry(self.current_term, NEW_LEADER),))
        Raft.become_leader(self)
        self.advance()

    # -- the leader --------------------------------------------------------------------------

    def on_submit(self, client: NodeId, request: Submit) -> None:
        members = members_in(LogEntry(0, request.command))
        if members is None or self.role is not Role.LEADER:
            super().on_submit(client, request)
        elif set(members) == set(self.configuration()) and not self.changes_pending():
            self.send(client, SubmitReply(request.number, self.commit_index, self.id))  # done already
        elif members and set(members) <= set(self.everyone) and self.may_change(members):
            super().on_submit(client, request)
        else:
            self.send(client, SubmitReply(request.number, None, self.id))
        if self.role is Role.LEADER:
            self.advance()

    def committable(self) -> int:
        """Part two's rule, where a majority is one of the members in force."""
        for index in range(self.last_log_index, self.commit_index, -1):
            have = {peer for peer, match in self.match_index.items() if match >= index} | {self.id}
            if self.is_majority(have):
                return index if self.term_at(index) == self.current_term else self.commit_index
        return self.commit_index

    def advance(self) -> None:
        """Commit what can be committed now: with fewer members, this may be more than before."""
        index = self.committable()
        if index > self.commit_index:
            self.learn_commit(index, self.last_log_index)

    def learn_commit(self, leader_commit: int, verified: int) -> None:
        super().learn_commit(leader_commit, verified)
        is_removed = self.id not in self.configuration() and not self.changes_pending()
        if self.role is Role.LEADER and is_removed:
            self.become_follower(self.current_term)  # its work is done, and its successor will be elected


class NaiveMembers(MemberRaft):
    """Takes every list of members that it is told, at once, and writes it on its own disk only."""

    def configuration(self) -> tuple[NodeId, ...]:
        return self.storage.get("members", self.first_members)

    def is_majority(self, nodes: set[NodeId]) -> bool:
        return 2 * len(nodes) > len(self.configuration())

    def on_submit(self, client: NodeId, request: Submit) -> None:
        members = members_in(LogEntry(0, request.command))
        if members is None:
            super().on_submit(client, request)
        else:
            self.storage.save(members=members)
            self.send(client, SubmitReply(request.number, 0))


def two_at_once(role: str) -> Story:
    """n3 leads n1, n2, n3 and adds two spares in one entry; n1 and n2 do not hear of it."""
    everyone = ("n1", "n2", "n3", "s1", "s2")

    def has_new(id: NodeId) -> Any:
        return lambda seen: len(seen[id]["log"]) == 2

    stages = (
        Stage(_leads("n3", 1), only=("n2", "n3")),
        Stage(lambda seen: seen["n3"]["commit_index"] == 1, only=("n2", "n3")),
        Stage(has_new("n3"), only=("n3", "c1")),
        Stage(has_new("s1"), only=("n3", "s1")),
        Stage(has_new("s2"), only=("n3", "s2")),
        Stage(_leads("s1", 2), only=("n3", "s1", "s2")),
        Stage(_leads("n1", 2), only=("n1", "n2")),
    )
    calls = {"c1": [("submit", "n3", ("members", *everyone))]}
    system = System.of(everyone, role, client="ShopClient", workload=calls)
    return Story(system, stages, Bounds(states_max=60_000, within=_up_to(2)))


def two_leaders_change(role: str) -> Story:
    """The bug of 2015: n1 removes n4 and is cut off; n2, elected by the others, removes n1; both go on."""
    stages = (
        Stage(_leads("n1", 1), only=("n1", "n2", "n3")),
        Stage(lambda seen: len(seen["n1"]["log"]) == 2, only=("n1", "c1")),
        Stage(_leads("n2", 2), only=("n2", "n3", "n4")),
        Stage(lambda seen: len(seen["n2"]["log"]) == 2, only=("n2", "c2")),
        Stage(lambda seen: seen["n2"]["commit_index"] == 2, only=("n2", "n4")),
        Stage(_leads("n1", 3), only=("n1", "n3")),
        Stage(_leads("n4", 3), only=("n2", "n4")),
    )
    calls = {
        "c1": [("submit", "n1", ("members", "n1", "n2", "n3"))],
        "c2": [("submit", "n2", ("members", "n2", "n3", "n4"))],
    }
    system = System.of(4, role, client="ShopClient", workload=calls)
    return Story(system, stages, Bounds(states_max=60_000, within=_up_to(3)))


# -- part TRANSFER: a planned change of leader ----------------------------------------------------------

ASK_AGAIN_MS = 1_000
"""So long an office waits until it asks for a transfer once more."""


@message
class TransferLeadership:
    """An office asks: let `target` lead.  It goes to all nodes, and the leader acts on it."""

    target: NodeId


@message
class TransferDone:
    """To an office: `target` leads, and says so itself."""

    target: NodeId


@message
class TimeoutNow:
    """The leader of `term` tells a node that its log is complete: do not wait, stand for election now."""

    term: int
    leader_id: NodeId


class TransferRaft(DurableRaft):
    """DurableRaft, whose leader can hand over to another node (Ongaro's dissertation, section 3.10).

    `transfer_to` is the node that a leader is handing over to, or None.  While it is set, no command
    is taken, and the timer `transfer` runs; when it fires, the transfer is given up.
    """

    start_transfer = unwritten("9.20")
    hand_over = unwritten("9.21")
    on_timeout_now = unwritten("9.22")

    def on_start(self) -> None:
        super().on_start()
        self.transfer_to: NodeId | None = None

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case TransferLeadership():
                self.on_transfer_leadership(source, message.target)
            case TimeoutNow():
                if message.term > self.current_term:
                    self.become_follower(message.term, message.leader_id)
                self.on_timeout_now(message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        match name:
            case "transfer":
                self.transfer_to = None
            case _:
                super().on_timer(name)

    def on_transfer_leadership(self, office: NodeId, target: NodeId) -> None:
        if self.role is not Role.LEADER:
            return
        if target == self.id:
            self.send(office, TransferDone(self.id))
        self.start_transfer(target)
        if self.transfer_to is not None:
            self.hand_over()

    def on_submit(self, client: NodeId, request: Submit) -> None:
        if self.transfer_to is None:
            super().on_submit(client, request)
        else:
            self.send(client, SubmitReply(request.number, None, self.transfer_to))

    def on_append_entries_reply(self, source: NodeId, reply: AppendEntriesReply) -> None:
        super().on_append_entries_reply(source, reply)
        if source == self.transfer_to:
            self.hand_over()

    def send_heartbeats(self) -> None:
        super().send_heartbeats()
        if self.transfer_to is not None:
            self.hand_over()

    def become_leader(self) -> None:
        self.transfer_to = None
        super().become_leader()

    def become_follower(self, term: int, leader_id: NodeId | None = None) -> None:
        super().become_follower(term, leader_id)
        self.transfer_to = None
        self.cancel_timer("transfer")


class TransferClient(ShopClient):
    """A till, and an office: a call ("transfer", None, target) ends when `target` says that it leads."""

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case TransferDone():
                self.on_transfer_done(message)
            case _:
                super().on_message(source, message)

    def ask(self) -> None:
        if self.pending.f != "transfer":
            super().ask()
            return
        self.broadcast(TransferLeadership(self.pending.value))
        self.set_timer("patience", ASK_AGAIN_MS)

    def on_transfer_done(self, done: TransferDone) -> None:
        if self.pending is not None and self.pending.f == "transfer" and self.pending.value == done.target:
            self.cancel_timer("patience")
            self.complete(self.pending, done.target)
            self.pending = None


def longest_gap(run: Any, after_ms: float) -> float:
    """The longest time after `after_ms` in which no sale was answered, in milliseconds."""
    done = [op.returned_us / 1000 for op in run.history if op.f == "submit" and op.outcome == "ok"]
    times = [after_ms, *sorted(time for time in done if time > after_ms)]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
