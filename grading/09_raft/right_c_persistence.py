"""Lab 09, part `persistence`: right answers, written differently from the course's."""

from grading.answers import answer

NOTHING = object()


def on_disk(node):
    """What the node's disk says of the three."""
    return tuple(node.storage.get(name, NOTHING) for name in ("current_term", "voted_for", "log"))


@answer("9.10", variant="all by hand")
def on_start(self):
    self.restart_election_timer()
    self.role = Role.FOLLOWER
    self.leader_id = None
    self.votes = set()
    self.current_term = self.storage.get("current_term", 0)
    self.voted_for = self.storage.get("voted_for", None)
    self.log = tuple(self.storage.get("log", ()))
    self.commit_index = self.last_applied = 0
    self.next_index, self.match_index = {}, {}
    self.book, self.waiting = [], {}


@answer("9.11", variant="all by hand")
def send(self, peer, message):
    mine = (self.current_term, self.voted_for, self.log)
    if on_disk(self) != mine:
        self.storage.save(log=self.log, voted_for=self.voted_for, current_term=self.current_term)
    Node.send(self, peer, message)


@answer("9.10", variant="only what is not there yet")
def on_start(self):
    Raft.on_start(self)
    self.commit_index, self.last_applied = 0, 0
    self.next_index = dict()
    self.match_index = dict()
    self.book = list()
    self.waiting = dict()


@answer("9.11", variant="only what is not there yet")
def send(self, peer, message):
    changed = {}
    if self.storage.get("log", ()) != self.log:
        changed["log"] = self.log
    if self.storage.get("current_term", 0) != self.current_term:
        changed["current_term"] = self.current_term
    if self.storage.get("voted_for") != self.voted_for:
        changed["voted_for"] = self.voted_for
    if changed:
        self.storage.save(**changed)
    Raft.send(self, peer, message)


@answer("9.11", variant="by length and last term")
def send(self, peer, message):
    saved = self.storage.get("log", ())
    same_log = len(saved) == len(self.log) and saved[-1:] == self.log[-1:]
    same_vote = self.storage.get("current_term", 0) == self.current_term and self.storage.get("voted_for") == self.voted_for
    if not (same_log and same_vote):
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
    LogRaft.send(self, peer, message)
