"""A small cluster to draw: leaders by majority vote, a log that grows, clients that append.

Enough of Raft for pictures (roles, terms, a commit index); it makes no claim to be correct.
"""

from __future__ import annotations

from labkit.message import message
from labkit.network import Link
from labkit.node import Client, Node
from labkit.program import LocalProgram
from labkit.simulation import Simulation
from labkit.system import System


@message
class RequestVote:
    term: int


@message
class Vote:
    term: int


@message
class Append:
    term: int
    log: tuple[str, ...]
    committed: int


@message
class Appended:
    term: int
    count: int


@message
class Put:
    id: int
    value: str


@message
class Done:
    id: int


class Elected(Node):
    def on_start(self) -> None:
        self.current_term = self.storage.get("current_term", 0)
        self.log = self.storage.get("log", ())
        self.role, self.commit_index = "follower", 0
        self._votes, self._counts, self._asked = set(), {}, {}
        self.set_timer("election", 150, 300)

    def on_message(self, source: str, message: object) -> None:
        if isinstance(message, Put):
            self._put(source, message)
            return
        if message.term > self.current_term:
            self._follow(message.term)
        match message:
            case RequestVote() if message.term == self.current_term and not self._votes:
                self._votes = {source}
                self.send(source, Vote(self.current_term))
            case Vote() if message.term == self.current_term and self.role == "candidate":
                self._votes.add(source)
                if 2 * len(self._votes) > len(self.peers) + 1:
                    self.role = "leader"
                    self._replicate()
            case Append() if message.term == self.current_term:
                self.log, self.commit_index = message.log, message.committed
                self.storage.save(log=self.log)
                self.set_timer("election", 150, 300)
                self.send(source, Appended(self.current_term, len(self.log)))
            case Appended() if self.role == "leader":
                self._counted(source, message.count)

    def on_timer(self, name: str) -> None:
        if self.role == "leader":
            self._replicate()
            return
        self._follow(self.current_term + 1)
        self.role, self._votes = "candidate", {self.id}
        self.broadcast(RequestVote(self.current_term))
        self.set_timer("election", 150, 300)

    def _put(self, source: str, message: Put) -> None:
        if self.role == "leader":
            self.log = (*self.log, message.value)
            self.storage.save(log=self.log)
            self._asked[len(self.log)] = source, message.id
            self._replicate()

    def _follow(self, term: int) -> None:
        self.current_term, self.role, self._votes = term, "follower", set()
        self.storage.save(current_term=term)

    def _replicate(self) -> None:
        self.broadcast(Append(self.current_term, self.log, self.commit_index))
        self.set_timer("election", 50)

    def _counted(self, source: str, count: int) -> None:
        self._counts[source] = count
        reached = sorted([len(self.log), *(self._counts.get(peer, 0) for peer in self.peers)])
        self.commit_index = max(self.commit_index, reached[(len(reached) - 1) // 2])
        for place in [place for place in self._asked if place <= self.commit_index]:
            client, id = self._asked.pop(place)
            self.send(client, Done(id))


class Asker(Client):
    def on_start(self) -> None:
        self._operation, self._tries = None, 0

    def on_invoke(self, operation: object) -> None:
        self._operation, self._tries = operation, 0
        self.on_timer("retry")

    def on_message(self, source: str, message: Done) -> None:
        if self._operation and message.id == self._operation.id:
            operation, self._operation = self._operation, None
            self.cancel_timer("retry")
            self.complete(operation, "done")

    def on_timer(self, name: str) -> None:
        self._tries += 1
        if self._tries > 12:
            operation, self._operation = self._operation, None
            self.give_up(operation)
            return
        for peer in self.peers:
            self.send(peer, Put(self._operation.id, self._operation.value))
        self.set_timer("retry", 100)


def cluster(nodes: int = 5, calls: int = 200, seed: int = 4, **link: float) -> Simulation:
    """A simulation of it in which nothing has happened yet; two clients append."""
    work = {c: [("put", "x", f"{c}{n}") for n in range(calls)] for c in ("c1", "c2")}
    system = System.of(nodes, "Elected", client="Asker", workload=work, gap_ms=120)
    program = LocalProgram.of(Elected, Asker)
    return Simulation(program, system, seed=seed, link=Link(**link), events_max=1_000_000)
