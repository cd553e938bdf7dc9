"""Lab 09, part `prevote`: right answers, written differently from the course's."""

from grading.answers import answer


def there_is_a_leader(node):
    """Does this node know of one that is alive?"""
    return node.role is Role.LEADER or node.hears_leader


@answer("9.15", variant="one by one")
def ask_first(self):
    next_term = 1 + self.current_term
    for peer in reversed(self.peers):
        self.send(
            peer,
            PreVote(
                last_log_term=self.last_log_term,
                last_log_index=self.last_log_index,
                candidate_id=self.id,
                next_term=next_term,
            ),
        )
    self.cancel_timer("election")
    self.set_timer("election", *ELECTION_MS)
    self.willing = set()
    self.willing.add(self.id)


@answer("9.16", variant="one by one")
def is_willing(self, request):
    if request.next_term <= self.current_term:
        return False
    if there_is_a_leader(self):
        return False
    return (request.last_log_term, request.last_log_index) >= (self.last_log_term, self.last_log_index)


@answer("9.15", variant="as a candidate would")
def ask_first(self):
    self.willing = {self.id}
    question = PreVote(self.current_term + 1, self.id, len(self.log), self.log[-1].term if self.log else 0)
    self.broadcast(question)
    least, most = ELECTION_MS
    self.set_timer("election", least + self.random.random() * (most - least))


@answer("9.16", variant="as a candidate would")
def is_willing(self, request):
    match self.role:
        case Role.LEADER:
            return False
        case _:
            reasons = (self.hears_leader, self.current_term >= request.next_term, not self.up_to_date(request))
            return not any(reasons)
