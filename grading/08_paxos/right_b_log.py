"""Lab 08, part log: right answers, written differently from the course's."""

from grading.answers import answer


def best_votes(promises):
    """The vote of the highest ballot in each slot."""
    every = sorted((vote for promise in promises for vote in promise.votes), key=lambda vote: vote.ballot)
    return {vote.slot: vote.command for vote in every}


# -- by the letter, with a helper function and other structures ----------------------------------------


@answer("8.6", variant="a log by the letter")
def recover(self):
    commands = best_votes(self.promises.values())
    last, start = max([0, *commands]), self.applied + 1
    self.next_slot = max(start, last + 1)
    for slot in range(start, last + 1):
        self.propose(slot, commands.get(slot, NO_OP))


@answer("8.7", variant="a log by the letter")
def on_chosen(self, slot, command):
    if slot > self.applied:
        self.chosen.setdefault(slot, command)
        while (ready := self.chosen.get(self.applied + 1)) is not None:
            self.applied = self.applied + 1
            self.execute(ready)


@answer("8.8", variant="a log by the letter")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role == Role.LEADER:
        slot = self.next_slot
        self.next_slot = slot + 1
        self.propose(slot, request.command)
        return
    if self.leader_id and source not in self.everyone:
        self.send(self.leader_id, Request(request.command))


@answer("8.9", variant="a log by the letter")
def step_down(self, ballot):
    number, owner = ballot
    self.set_timer("election", *ELECTION_MS)
    self.cancel_timer("heartbeat")
    self.proposals.clear()
    self.voters.clear()
    self.promises = {}
    self.role = Role.FOLLOWER
    self.leader_id = owner
    self.promised = (number, owner)
    self.storage.save(promised=self.promised)


@answer("8.10", variant="a log by the letter")
def forget(self, slot):
    for kept in (self.accepted, self.chosen):
        for at in [at for at in kept if at <= slot]:
            del kept[at]
    chosen = tuple((at, self.chosen[at]) for at in sorted(self.chosen))
    self.storage.save(chosen=chosen, accepted=self.votes_from(slot + 1))


@answer("8.11", variant="a log by the letter")
def is_safe(self, phase1, phase2):
    left_over = len(self.everyone) - phase1
    return left_over < phase2


# -- requests that are under way are not proposed twice; a wait of its own; saves only when needed --------


@answer("8.6", variant="a log with little traffic")
def recover(self):
    found = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot > self.applied:
                found[vote.slot] = max(found.get(vote.slot, (NO_BALLOT, NO_OP)), (vote.ballot, vote.command), key=lambda pair: pair[0])
    slots = [*range(self.applied + 1, max(found, default=self.applied) + 1)]
    self.next_slot = self.applied + 1 + len(slots)
    for slot in slots:
        self.propose(slot, found.get(slot, (NO_BALLOT, NO_OP))[1])


@answer("8.7", variant="a log with little traffic")
def on_chosen(self, slot, command):
    if slot <= self.applied or slot in self.chosen:
        return
    self.chosen[slot] = command
    last = self.applied
    while last + 1 in self.chosen:
        last += 1
    for ready in range(self.applied + 1, last + 1):
        self.applied = ready
        self.execute(self.chosen[ready])


@answer("8.9", variant="a log with little traffic")
def step_down(self, ballot):
    self.storage.save(promised=ballot)
    self.promised, self.leader_id = ballot, ballot[1]
    if self.role is Role.LEADER:
        self.cancel_timer("heartbeat")
    self.role, self.proposals = Role.FOLLOWER, {}
    self.set_timer("election", self.random.uniform(*ELECTION_MS))


@answer("8.10", variant="a log with little traffic")
def forget(self, slot):
    old = [at for at in {**self.accepted, **self.chosen} if at <= slot]
    if old:
        for at in old:
            self.accepted.pop(at, None)
            self.chosen.pop(at, None)
        self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))
