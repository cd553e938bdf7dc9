"""Lab 09: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 9.1 -------------------------------------------------------------------------------------------


@answer("9.1", misconception="a newer request replaces an older vote", rejected_by="one vote per term")
def grants_vote(self, request):
    return request.term == self.current_term and self.up_to_date(request)


@answer("9.1", misconception="a vote that was given is spent", rejected_by="a vote may be given again to the same candidate")
def grants_vote(self, request):
    return request.term == self.current_term and self.voted_for is None and self.up_to_date(request)


@answer("9.1", misconception="every request belongs to the present", rejected_by="a candidate of an older term gets no vote")
def grants_vote(self, request):
    return self.voted_for in (None, request.candidate_id) and self.up_to_date(request)


@answer("9.1", misconception="who asks first is right, whatever it knows", rejected_by="a candidate whose log is behind gets no vote")
def grants_vote(self, request):
    return request.term == self.current_term and self.voted_for in (None, request.candidate_id)


@answer("9.1", misconception="the longer log is the newer one", rejected_by="a candidate whose log is behind gets no vote")
def grants_vote(self, request):
    free = self.voted_for in (None, request.candidate_id)
    return request.term == self.current_term and free and request.last_log_index >= len(self.log)


@answer("9.1", misconception="equal is not good enough", rejected_by="a candidate whose log is behind gets no vote")
def grants_vote(self, request):
    free = self.voted_for in (None, request.candidate_id)
    mine = (self.last_log_term, self.last_log_index)
    empty = mine == (0, 0)
    newer = (request.last_log_term, request.last_log_index) > mine
    return request.term == self.current_term and free and (newer or empty)


@answer("9.1", misconception="asking is voting", rejected_by="a candidate whose log is behind gets no vote")
def grants_vote(self, request):
    if request.term < self.current_term or self.voted_for not in (None, request.candidate_id):
        return False
    self.voted_for = request.candidate_id
    return self.up_to_date(request)


# -- 9.2 -------------------------------------------------------------------------------------------


@answer("9.2", misconception="the term is enough to save", rejected_by="term and vote are saved before anyone is asked")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="ask now, save when there is time", rejected_by="term and vote are saved before anyone is asked")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)


@answer("9.2", misconception="an election needs no term of its own", rejected_by="a candidate goes to the next term and votes for itself")
def stand_for_election(self):
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="the vote of a candidate is still free", rejected_by="a candidate goes to the next term and votes for itself")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = None, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="the votes of the last election are not lost", rejected_by="a vote of an earlier term does not count")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for = self.id
    self.votes.add(self.id)
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="a candidate that waits long enough wins", rejected_by="if nobody wins, it stands again")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="impatience wins", rejected_by="candidates do not all wait equally long")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.set_timer("election", ELECTION_MS[0])
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="the log is for part two", rejected_by="it asks every other node for its vote")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, 0, 0))


@answer("9.2", misconception="a majority is asked, and that is enough", rejected_by="it asks every other node for its vote")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    for peer in self.peers[: (len(self.peers) + 1) // 2]:
        self.send(peer, RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.2", misconception="the old leader leads until the next is known", rejected_by="no leader is named for a term that has none")
def stand_for_election(self):
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role = Role.CANDIDATE
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


# -- 9.3 -------------------------------------------------------------------------------------------


@answer("9.3", misconception="every answer that arrives is a vote", rejected_by="a vote that comes twice is one vote")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes = [*self.votes, source]
        if 2 * len(self.votes) > len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="an answer belongs to the present election", rejected_by="a vote of an earlier term does not count")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.vote_granted:
        self.votes.add(source)
        if 2 * len(self.votes) > len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="whoever answers agrees", rejected_by="a refusal is not a vote")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term:
        self.votes.add(source)
        if 2 * len(self.votes) > len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="half is a majority", rejected_by="more than half of all nodes make a leader, and no fewer")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if 2 * len(self.votes) >= len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="a majority of the others", rejected_by="more than half of all nodes make a leader, and no fewer")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if 2 * len(self.votes) > len(self.peers):
            self.become_leader()


@answer("9.3", misconception="everyone must agree", rejected_by="more than half of all nodes make a leader, and no fewer")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if len(self.votes) == len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="a majority besides oneself", rejected_by="more than half of all nodes make a leader, and no fewer")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if 2 * (len(self.votes) - 1) > len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="a late vote confirms the leader", rejected_by="only a candidate is elected, and only once")
def on_request_vote_reply(self, source, reply):
    if reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if 2 * len(self.votes) > len(self.peers) + 1:
            self.become_leader()


@answer("9.3", misconception="to lead is a role, not a deed", rejected_by="more than half of all nodes make a leader, and no fewer")
def on_request_vote_reply(self, source, reply):
    if self.role is Role.CANDIDATE and reply.term == self.current_term and reply.vote_granted:
        self.votes.add(source)
        if 2 * len(self.votes) > len(self.peers) + 1:
            self.role, self.leader_id = Role.LEADER, self.id


@answer("9.3", misconception="one refusal ends an election", rejected_by="a refusal is not a vote")
def on_request_vote_reply(self, source, reply):
    if self.role is not Role.CANDIDATE or reply.term != self.current_term:
        return
    if not reply.vote_granted:
        self.role = Role.FOLLOWER
        return
    self.votes.add(source)
    if 2 * len(self.votes) > len(self.peers) + 1:
        self.become_leader()


# -- 9.4 -------------------------------------------------------------------------------------------


@answer("9.4", misconception="a vote is for ever", rejected_by="a higher term is taken over, and nobody has its vote yet")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term = term
        self.storage.save(current_term=term)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="a follower has not voted", rejected_by="in its own term, its vote stays given")
def become_follower(self, term, leader_id=None):
    self.current_term, self.voted_for = term, None
    self.storage.save(current_term=term, voted_for=None)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="the leader has everyone's vote", rejected_by="a higher term is taken over, and nobody has its vote yet")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, self.id
        self.storage.save(current_term=term, voted_for=self.id)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="only one's own elections need saving", rejected_by="a new term is saved before it is answered, whole or not at all")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="two saves are as good as one", rejected_by="a new term is saved before it is answered, whole or not at all")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(voted_for=None)
        self.storage.save(current_term=term)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="a leader leads until it fails", rejected_by="whoever hears of a higher term follows")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
    if self.role is not Role.LEADER:
        self.role, self.leader_id = Role.FOLLOWER, leader_id
        self.restart_election_timer()


@answer("9.4", misconception="a timer stops when its reason is gone", rejected_by="whoever hears of a higher term follows")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.restart_election_timer()


@answer("9.4", misconception="the election timer is always running", rejected_by="a heartbeat restarts the election timer")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")


@answer("9.4", misconception="an old leader has nothing to wait for", rejected_by="whoever hears of a higher term follows")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    if leader_id is not None:
        self.restart_election_timer()


@answer("9.4", misconception="a candidate stays one until it has lost", rejected_by="a candidate gives way to the leader of its term")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.role = Role.FOLLOWER
        self.storage.save(current_term=term, voted_for=None)
    self.leader_id = leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="the last leader is still the leader", rejected_by="no leader is named for a term that has none")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
    self.role = Role.FOLLOWER
    self.leader_id = leader_id or self.leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="to follow is to vote", rejected_by="in its own term, its vote stays given")
def become_follower(self, term, leader_id=None):
    if term > self.current_term or leader_id is not None:
        self.current_term, self.voted_for = term, leader_id
        self.storage.save(current_term=term, voted_for=leader_id)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="an old vote on the disk does no harm", rejected_by="a higher term is taken over, and nobody has its vote yet")
def become_follower(self, term, leader_id=None):
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()


@answer("9.4", misconception="only a new term is news", rejected_by="a heartbeat restarts the election timer")
def become_follower(self, term, leader_id=None):
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=term, voted_for=None)
        self.cancel_timer("heartbeat")
        self.restart_election_timer()
