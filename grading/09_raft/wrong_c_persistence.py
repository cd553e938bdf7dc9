"""Lab 09, part `persistence`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.10 --------------------------------------------------------------------------------------


@answer(
    "9.10",
    misconception="the log is in memory",
    rejected_by="what it had promised comes back",
)
def on_start(self):
    LogRaft.on_start(self)


@answer(
    "9.10",
    misconception="what is on the disk is committed",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.commit_index = len(self.log)


@answer(
    "9.10",
    misconception="what was applied is applied",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.last_applied = len(self.log)
    self.commit_index = len(self.log)


@answer(
    "9.10",
    misconception="the book is the log",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.book = [entry.command for entry in self.log]


@answer(
    "9.10",
    misconception="a vote is old news after a crash",
    rejected_by="what it had promised comes back",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.voted_for = None


@answer(
    "9.10",
    misconception="the term is that of the last entry",
    rejected_by="what it had promised comes back",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.current_term = self.last_log_term


@answer(
    "9.10",
    misconception="a crash begins a new term",
    rejected_by="what it had promised comes back",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.current_term += 1
    self.voted_for = None


@answer(
    "9.10",
    misconception="whoever voted for itself led",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    if self.voted_for == self.id:
        self.role, self.leader_id = Role.LEADER, self.id


@answer(
    "9.10",
    misconception="the vote of the last election counts on",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    if self.voted_for == self.id:
        self.votes = {self.id}


@answer(
    "9.10",
    misconception="everything that was saved is restored",
    rejected_by="all else begins anew",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.commit_index = self.storage.get("commit_index", 0)
    self.role = self.storage.get("role", Role.FOLLOWER)


@answer(
    "9.10",
    misconception="who comes back asks at once",
    rejected_by="it waits for a leader before it stands",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.stand_for_election()


@answer(
    "9.10",
    misconception="the timer goes on by itself",
    rejected_by="it waits for a leader before it stands",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.cancel_timer("election")


@answer(
    "9.10",
    misconception="there has always been a term",
    rejected_by="at its first boot it has promised nothing",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())
    self.current_term = self.storage.get("current_term", 1)


@answer(
    "9.10",
    misconception="only committed entries are worth keeping",
    rejected_by="what it had promised comes back",
)
def on_start(self):
    LogRaft.on_start(self)
    self.log = self.storage.get("log", ())[: self.storage.get("commit_index", 0)]


# -- 9.11 --------------------------------------------------------------------------------------


@answer(
    "9.11",
    misconception="answer first, write when there is time",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    LogRaft.send(self, peer, message)
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    if any(self.storage.get(name) != value for name, value in promised.items()):
        self.storage.save(**promised)


@answer(
    "9.11",
    misconception="term and vote are enough",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="only answers promise something",
    rejected_by="a leader has its entries on its disk before it sends them",
)
def send(self, peer, message):
    if isinstance(message, (AppendEntriesReply, RequestVoteReply)):
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="only what carries entries promises them",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    if isinstance(message, AppendEntries) and message.entries:
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="to be safe, write every time",
    rejected_by="a heartbeat costs no write",
)
def send(self, peer, message):
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    self.storage.save(**promised)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="only what is new is written",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    known = len(self.storage.get("log", ()))
    if len(self.log) != known:
        self.storage.save(log=self.log[known:])
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="a log only grows",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    if len(self.log) > len(self.storage.get("log", ())):
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="a log that is as long as before is as before",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    if len(self.log) != len(self.storage.get("log", ())):
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="the name does not matter",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    if self.storage.get("entries") != self.log:
        self.storage.save(entries=self.log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="a leader need not write, its followers do",
    rejected_by="a leader has its entries on its disk before it sends them",
)
def send(self, peer, message):
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    if self.role is not Role.LEADER and any(self.storage.get(name) != value for name, value in promised.items()):
        self.storage.save(**promised)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="only committed entries are worth a write",
    rejected_by="a follower has on its disk what it says it has",
)
def send(self, peer, message):
    log = self.log[: self.commit_index]
    if self.storage.get("log", ()) != log:
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=log)
    LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="nothing new, nothing to send",
    rejected_by="what changed is written at once, and each message leaves once",
)
def send(self, peer, message):
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    if any(self.storage.get(name) != value for name, value in promised.items()):
        self.storage.save(**promised)
        LogRaft.send(self, peer, message)


@answer(
    "9.11",
    misconception="one after the other",
    rejected_by="what changed is written at once, and each message leaves once",
)
def send(self, peer, message):
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    for name, value in promised.items():
        if self.storage.get(name, self) != value:
            self.storage.save(**{name: value})
            self.storage.save(**promised)
    LogRaft.send(self, peer, message)
