"""Lab 09, part `prevote`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.15 --------------------------------------------------------------------------------------


@answer("9.15", misconception="to ask is to stand", rejected_by="asking changes neither the term nor the vote")
def ask_first(self):
    self.current_term += 1
    self.storage.save(current_term=self.current_term)
    self.willing = {self.id}
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="who asks has voted for itself", rejected_by="asking changes neither the term nor the vote")
def ask_first(self):
    self.willing, self.voted_for = {self.id}, self.id
    self.storage.save(voted_for=self.id)
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="who asks is a candidate", rejected_by="asking changes neither the term nor the vote")
def ask_first(self):
    self.willing, self.role = {self.id}, Role.CANDIDATE
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="the question is about the present term", rejected_by="everybody is asked about the next term, and nobody for a vote")
def ask_first(self):
    self.willing = {self.id}
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="ask both, it is faster", rejected_by="everybody is asked about the next term, and nobody for a vote")
def ask_first(self):
    self.willing = {self.id}
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="the log is looked at when it stands", rejected_by="everybody is asked about the next term, and nobody for a vote")
def ask_first(self):
    self.willing = {self.id}
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, 0, 0))


@answer("9.15", misconception="I know that I am willing", rejected_by="with a majority willing it stands, and with fewer it does not")
def ask_first(self):
    self.willing = set()
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="who was willing still is", rejected_by="each time it asks, the count begins anew")
def ask_first(self):
    self.willing.add(self.id)
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="asked once is asked", rejected_by="if too few are willing, it asks again, after another random time")
def ask_first(self):
    self.willing = {self.id}
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


@answer("9.15", misconception="a question costs nothing, so ask soon", rejected_by="if too few are willing, it asks again, after another random time")
def ask_first(self):
    self.willing = {self.id}
    self.set_timer("election", HEARTBEAT_MS)
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))


# -- 9.16 --------------------------------------------------------------------------------------


@answer("9.16", misconception="a better log is reason enough", rejected_by="not while it hears a leader")
def is_willing(self, request):
    return request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="a later term is news", rejected_by="not while it hears a leader")
def is_willing(self, request):
    if self.hears_leader and request.next_term == self.current_term + 1:
        return False
    if self.role is Role.LEADER:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="a leader that was known is there", rejected_by="not while it hears a leader")
def is_willing(self, request):
    if self.leader_id is not None:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="the leader hears itself", rejected_by="a leader is not willing either")
def is_willing(self, request):
    if self.hears_leader:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="the log is looked at when it stands", rejected_by="not for a log that is behind")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER:
        return False
    return request.next_term > self.current_term


@answer("9.16", misconception="the longer log is the newer one", rejected_by="not for a log that is behind")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER:
        return False
    return request.next_term > self.current_term and request.last_log_index >= self.last_log_index


@answer("9.16", misconception="any term may be asked about", rejected_by="not for a term that it is in, or beyond")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER:
        return False
    return self.up_to_date(request)


@answer("9.16", misconception="the present term is still to be won", rejected_by="not for a term that it is in, or beyond")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER:
        return False
    return request.next_term >= self.current_term and self.up_to_date(request)


@answer("9.16", misconception="a vote that was given is spent", rejected_by="to be willing is no vote: it binds nobody")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER:
        return False
    free = self.voted_for in (None, request.candidate_id)
    return free and request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="to be willing is to promise", rejected_by="to be willing is no vote: it binds nobody")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER or request.next_term <= self.current_term:
        return False
    promised = getattr(self, "promised", {})
    mine = promised.setdefault(request.next_term, request.candidate_id)
    self.promised = promised
    return mine == request.candidate_id and self.up_to_date(request)


@answer("9.16", misconception="whoever hears of a term goes there", rejected_by="to be willing is no vote: it binds nobody")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER or request.next_term <= self.current_term:
        return False
    self.become_follower(request.next_term)
    return self.up_to_date(request)


@answer("9.16", misconception="who is willing waits for the other", rejected_by="to be willing is no vote: it binds nobody")
def is_willing(self, request):
    if self.hears_leader or self.role is Role.LEADER or request.next_term <= self.current_term:
        return False
    if self.up_to_date(request):
        self.cancel_timer("election")
        return True
    return False


@answer("9.16", misconception="only followers are asked", rejected_by="a candidate that lost is willing, too")
def is_willing(self, request):
    if self.hears_leader or self.role is not Role.FOLLOWER:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)


@answer("9.16", misconception="who asks has missed the leader, and will know", rejected_by="a candidate that lost is willing, too")
def is_willing(self, request):
    if self.hears_leader or self.id in self.willing or self.role is not Role.FOLLOWER:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)
