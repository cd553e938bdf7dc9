"""Raft with one switch a bug: leader election and log replication (Ongaro & Ousterhout 2014, figure 2).

Clients append commands, each unique; an answer carries the index.  Left out: snapshots,
membership, reads.  ``BUG`` names the one guard that is broken; "" is the right version.
"""

from __future__ import annotations

from labkit import Client, Node, message

ELECTION_MS = (150, 300)
HEARTBEAT_MS = 50


@message
class Entry:
    term: int
    command: str


@message
class RequestVote:
    term: int
    last_index: int
    last_term: int


@message
class Vote:
    term: int
    granted: bool


@message
class Append:
    term: int
    prev_index: int
    prev_term: int
    entries: tuple[Entry, ...]
    commit: int


@message
class Appended:
    term: int
    ok: bool
    match: int


@message
class Propose:
    command: str


@message
class Done:
    command: str
    index: int


class Raft(Node):
    BUG = ""

    def on_start(self):
        self.term = self.storage.get("term", 0)
        self.voted_for = self.storage.get("voted_for")
        self.log = self.storage.get("log", ())
        self.role, self.commit, self.fresh = "follower", 0, ()
        self.votes, self.match, self.next, self.asked = [], {}, {}, {}
        self.majority = (len(self.peers) + 1) // 2 + (self.BUG != "half_is_a_majority")
        self.set_timer("election", *ELECTION_MS)

    def on_message(self, source, message):
        self.fresh = ()
        match message:
            case Append():
                self.on_append(source, message)
            case Appended():
                self.on_appended(source, message)
            case RequestVote():
                self.on_request_vote(source, message)
            case Vote():
                self.on_vote(source, message)
            case Propose():
                self.on_propose(source, message.command)
            case _:
                super().on_message(source, message)

    def on_timer(self, name):
        if name == "election":
            self.become_candidate()
        else:
            self.replicate()
            self.set_timer("heartbeat", HEARTBEAT_MS)

    def facts(self):
        if self.role == "leader":
            yield ("leader of term", self.term), self.id
        for index in self.fresh:
            yield ("entry committed at", index + 1), self.log[index]

    # elections

    def become_candidate(self):
        self.term, self.role, self.voted_for = self.term + 1, "candidate", self.id
        self.votes = [self.id]
        self.keep_vote()
        self.broadcast(RequestVote(self.term, len(self.log), self.last_term()))
        self.set_timer("election", *ELECTION_MS)

    def on_request_vote(self, source, m):
        self.observe_term(m.term)
        free = self.voted_for in (None, source) or self.BUG == "votes_twice"
        grant = m.term == self.term and free and self.is_up_to_date(m)
        if self.BUG == "grants_old_terms":
            grant = free and self.is_up_to_date(m)
        if grant:
            self.voted_for = source
            if self.BUG == "votes_before_saving":
                self.send(source, Vote(self.term, True))
            self.keep_vote()
            self.set_timer("election", *ELECTION_MS)
        self.send(source, Vote(m.term if self.BUG == "grants_old_terms" else self.term, grant))

    def is_up_to_date(self, m):
        if self.BUG == "ignores_the_log":
            return True
        if self.BUG == "compares_length_only":
            return m.last_index >= len(self.log)
        return (m.last_term, m.last_index) >= (self.last_term(), len(self.log))

    def on_vote(self, source, m):
        self.observe_term(m.term)
        if self.role != "candidate" or (m.term != self.term and self.BUG != "counts_stale_votes"):
            return
        if not m.granted and self.BUG != "counts_refusals":
            return
        if source not in self.votes or self.BUG == "counts_a_vote_twice":
            self.votes = sorted([*self.votes, source])
        if len(self.votes) >= self.majority:
            self.become_leader()

    def become_leader(self):
        self.role = "leader"
        self.next = {peer: len(self.log) for peer in self.peers}
        self.match = dict.fromkeys(self.peers, 0)
        self.cancel_timer("election")
        self.replicate()
        self.set_timer("heartbeat", HEARTBEAT_MS)

    def observe_term(self, term):
        if term <= self.term:
            return
        if self.BUG == "leader_keeps_leading" and self.role == "leader":
            self.term = term
            return
        self.term, self.role = term, "follower"
        if self.BUG != "keeps_its_vote":
            self.voted_for = None
        self.votes = []
        self.keep_vote()
        self.cancel_timer("heartbeat")
        self.set_timer("election", *ELECTION_MS)

    def keep_vote(self):
        if self.BUG == "vote_not_saved":
            self.storage.save(term=self.term)
        elif self.BUG == "term_not_saved":
            self.storage.save(voted_for=self.voted_for)
        else:
            self.storage.save(term=self.term, voted_for=self.voted_for)

    # the log

    def last_term(self):
        return self.log[-1].term if self.log else 0

    def keep_log(self):
        if self.BUG != "log_not_saved":
            self.storage.save(log=self.log)

    def on_propose(self, client, command):
        if self.role != "leader":
            return
        self.asked[command] = client
        if Entry(self.term, command) not in self.log[-8:]:  # an older term's entry may never commit alone
            self.log = (*self.log, Entry(self.term, command))
            if self.BUG == "answers_before_replicating":
                self.send(client, Done(command, len(self.log)))
            self.keep_log()
            self.replicate()
        else:
            self.answer(range(self.commit))

    def replicate(self):
        for peer in self.peers:
            prev = min(self.next[peer], len(self.log))
            term = self.log[prev - 1].term if prev else 0
            self.send(peer, Append(self.term, prev, term, self.log[prev:], self.commit))

    def on_append(self, source, m):
        if m.term < self.term and self.BUG != "accepts_a_stale_leader":
            self.send(source, Appended(self.term, False, 0))
            return
        self.observe_term(m.term)
        self.role = "follower"
        self.set_timer("election", *ELECTION_MS)
        if not self.has(m.prev_index, m.prev_term):
            self.send(source, Appended(self.term, False, 0))
            return
        match = m.prev_index + len(m.entries)
        if self.BUG == "appends_before_saving":
            self.send(source, Appended(self.term, True, match))
        self.take(m)
        self.send(source, Appended(self.term, True, match))
        known = len(self.log) if self.BUG == "commits_past_the_append" else match
        self.commit_to(min(m.commit, known))

    def has(self, index, term):
        if self.BUG == "no_consistency_check":
            return index <= len(self.log)
        return index == 0 or (index <= len(self.log) and self.log[index - 1].term == term)

    def take(self, m):
        old, start = self.log, m.prev_index
        same = 0
        while same < len(m.entries) and start + same < len(old) and old[start + same] == m.entries[same]:
            same += 1
        if self.BUG == "keeps_conflicting_entries":
            self.log = old + m.entries[max(0, len(old) - start) :]
        elif same < len(m.entries) or self.BUG == "stale_append_truncates":
            self.log = old[:start] + m.entries
        if self.log is not old:
            self.keep_log()

    def on_appended(self, source, m):
        self.observe_term(m.term)
        if self.role != "leader" or (m.term != self.term and self.BUG != "counts_stale_appends"):
            return
        if m.ok or self.BUG == "counts_failed_appends":
            match = m.match if m.ok else len(self.log)
            self.match[source] = max(self.match[source], match)
            self.next[source] = max(self.next[source], match)
            self.advance_commit()
        else:
            self.next[source] = max(0, self.next[source] - 1)

    def advance_commit(self):
        reached = sorted([len(self.log), *self.match.values()], reverse=True)[self.majority - 1]
        own = reached and self.log[reached - 1].term == self.term
        if reached > self.commit and (own or self.BUG == "commits_older_terms"):
            first = self.commit
            self.commit_to(reached)
            self.answer(range(first, reached))

    def commit_to(self, index):
        if index > self.commit:
            self.fresh, self.commit = tuple(range(self.commit, min(index, len(self.log)))), index

    def answer(self, indices):
        for index in indices:
            client = self.asked.pop(self.log[index].command, None)
            if client is not None:
                self.send(client, Done(self.log[index].command, index + 1))


class Appender(Client):
    """Asks everyone until someone answers: only a leader does."""

    RETRY_MS = 120

    def on_start(self):
        self.operation = None

    def on_invoke(self, operation):
        self.operation = operation
        self.ask()

    def ask(self):
        self.broadcast(Propose(self.operation.value))
        self.set_timer("retry", self.RETRY_MS)

    def on_timer(self, name):
        self.ask()

    def on_message(self, source, message):
        if self.operation is not None and message.command == self.operation.value:
            operation, self.operation = self.operation, None
            self.cancel_timer("retry")
            self.complete(operation, message.index)
