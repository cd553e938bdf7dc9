"""Lab 09, part `transfer`: right answers, written differently from the course's."""

from grading.answers import answer

# -- case by case --------------------------------------------------------------------------------------


@answer("9.20", variant="case by case")
def start_transfer(self, target):
    match target:
        case self.id:
            self.transfer_to = None
        case self.transfer_to:
            return
        case _ if target in set(self.peers):
            self.cancel_timer("transfer")
            self.set_timer("transfer", ELECTION_MS[1], ELECTION_MS[1])
            self.transfer_to = target


@answer("9.21", variant="case by case")
def hand_over(self):
    target = self.transfer_to
    missing = self.last_log_index - self.match_index.get(target, 0)
    if missing > 0:
        return
    self.send(target, TimeoutNow(term=self.current_term, leader_id=self.id))


@answer("9.22", variant="case by case")
def on_timeout_now(self, request):
    if request.term < self.current_term:
        return
    self.cancel_timer("election")
    self.on_timer("election")


# -- with a helper and a set of words ------------------------------------------------------------------


def is_complete(node, peer):
    """Does the leader know that this peer has its whole log?"""
    return node.match_index[peer] >= len(node.log)


@answer("9.20", variant="early returns")
def start_transfer(self, target):
    if target == self.id and self.transfer_to is not None:
        self.cancel_timer("transfer")
        self.transfer_to = None
        return
    if target not in self.peers or target == self.transfer_to:
        return
    self.transfer_to = target
    self.set_timer("transfer", max(ELECTION_MS))


@answer("9.21", variant="early returns")
def hand_over(self):
    if is_complete(self, self.transfer_to):
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer("9.22", variant="early returns")
def on_timeout_now(self, request):
    if request.term == self.current_term and self.role is not Role.LEADER:
        self.stand_for_election()
