"""Lab 09: right answers, written differently from the course's."""

from grading.answers import answer


def majority(nodes):
    """The smallest number that is more than half."""
    return nodes // 2 + 1


# -- guards first, and helper functions --------------------------------------------------------------


@answer("9.1", variant="guards first")
def grants_vote(self, request):
    if request.term < self.current_term:
        return False
    if self.voted_for is not None and self.voted_for != request.candidate_id:
        return False
    return self.up_to_date(request)


@answer("9.2", variant="guards first")
def stand_for_election(self):
    self.role = Role.CANDIDATE
    self.leader_id = None
    self.votes = set()
    self.votes.add(self.id)
    self.voted_for = self.id
    self.current_term = self.current_term + 1
    self.storage.save(voted_for=self.id, current_term=self.current_term)
    request = RequestVote(
        term=self.current_term,
        candidate_id=self.id,
        last_log_index=self.last_log_index,
        last_log_term=self.last_log_term,
    )
    for peer in reversed(self.peers):
        self.send(peer, request)
    self.set_timer("election", ELECTION_MS[0], ELECTION_MS[1])


@answer("9.3", variant="guards first")
def on_request_vote_reply(self, source, reply):
    if not reply.vote_granted:
        return
    if reply.term != self.current_term:
        return
    if self.role != Role.CANDIDATE:
        return
    self.votes = self.votes | {source}
    if len(self.votes) >= majority(len(self.peers) + 1):
        self.become_leader()


@answer("9.4", variant="guards first")
def become_follower(self, term, leader_id=None):
    if self.role is Role.LEADER:
        self.cancel_timer("heartbeat")
    is_new = term != self.current_term
    self.role = Role.FOLLOWER
    self.leader_id = leader_id
    self.restart_election_timer()
    if is_new:
        self.voted_for = None
        self.current_term = term
        self.storage.save(voted_for=None, current_term=term)


# -- two saves, in the safe order; the timer only where the paper wants it ---------------------------


@answer("9.1", variant="by the letter of the paper")
def grants_vote(self, request):
    theirs = (request.last_log_term, request.last_log_index)
    mine = (self.log[-1].term if self.log else 0, len(self.log))
    match self.voted_for:
        case None:
            return request.term == self.current_term and theirs >= mine
        case other:
            return (
                other == request.candidate_id
                and request.term == self.current_term
                and theirs >= mine
            )


@answer("9.2", variant="by the letter of the paper")
def stand_for_election(self):
    self.current_term += 1
    self.storage.save(current_term=self.current_term)
    self.voted_for = self.id
    self.storage.save(voted_for=self.voted_for)
    self.set_timer(
        "election", ELECTION_MS[0] + self.random.random() * (ELECTION_MS[1] - ELECTION_MS[0])
    )
    self.role, self.leader_id, self.votes = Role.CANDIDATE, None, {self.id}
    for peer in self.peers:
        self.send(
            peer, RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term)
        )


@answer("9.3", variant="by the letter of the paper")
def on_request_vote_reply(self, source, reply):
    mine = self.role is Role.CANDIDATE and reply.term == self.current_term
    if mine and reply.vote_granted:
        self.votes.add(source)
        against = len([peer for peer in (*self.peers, self.id) if peer not in self.votes])
        if len(self.votes) > against:
            self.become_leader()


@answer("9.4", variant="by the letter of the paper")
def become_follower(self, term, leader_id=None):
    was = self.role
    if term > self.current_term:
        self.storage.save(current_term=term, voted_for=None)
        self.current_term = term
        self.voted_for = None
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    if was is Role.LEADER:
        self.cancel_timer("heartbeat")
    if leader_id is not None or was is Role.LEADER:
        self.restart_election_timer()


# -- a node that keeps books of its own --------------------------------------------------------------


@answer("9.1", variant="own books")
def grants_vote(self, request):
    return all(
        (
            self.role is Role.FOLLOWER or self.voted_for == request.candidate_id,
            not self.voted_for or self.voted_for == request.candidate_id,
            self.up_to_date(request),
            request.term >= self.current_term,
        )
    )


@answer("9.2", variant="own books")
def stand_for_election(self):
    self.elections = getattr(self, "elections", 0) + 1
    term = self.current_term + 1
    self.storage.save(current_term=term, voted_for=self.id)
    self.current_term, self.voted_for, self.role = term, self.id, Role.CANDIDATE
    self.votes, self.leader_id = {self.voted_for}, None
    self.broadcast(RequestVote(term, self.id, self.last_log_index, self.last_log_term))
    self.cancel_timer("election")
    self.restart_election_timer()


@answer("9.3", variant="own books")
def on_request_vote_reply(self, source, reply):
    answers = getattr(self, "answers", {})
    answers[reply.term] = answers.get(reply.term, frozenset()) | (
        {source} if reply.vote_granted else set()
    )
    self.answers = {term: voters for term, voters in answers.items() if term >= self.current_term}
    if self.role is Role.CANDIDATE:
        self.votes = {self.id, *self.answers.get(self.current_term, ())}
        if len(self.votes) * 2 > 1 + len(self.peers):
            self.become_leader()


@answer("9.4", variant="own books")
def become_follower(self, term, leader_id=None):
    kept = self.voted_for if term == self.current_term else None
    if (term, kept) != (self.current_term, self.voted_for) or term > self.current_term:
        self.storage.save(current_term=term, voted_for=kept)
    self.current_term, self.voted_for = term, kept
    self.leader_id, self.role = leader_id, Role.FOLLOWER
    self.restart_election_timer()
    self.cancel_timer("heartbeat")
