"""Lab 09, part `transfer`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.20 --------------------------------------------------------------------------------------


@answer(
    "9.20",
    misconception="the target will answer, so no timer is needed",
    rejected_by="a transfer is noted, and ends after an election timeout (TransferTimeout, IgnoreProposal)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
    elif target in self.peers:
        self.transfer_to = target


@answer(
    "9.20",
    misconception="the shortest election timeout is enough",
    rejected_by="a transfer is noted, and ends after an election timeout (TransferTimeout, IgnoreProposal)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
    elif target in self.peers and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[0])


@answer(
    "9.20",
    misconception="the timeout is random, like that of an election",
    rejected_by="a transfer is noted, and ends after an election timeout (TransferTimeout, IgnoreProposal)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
    elif target in self.peers and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", *ELECTION_MS)


@answer(
    "9.20",
    misconception="whoever hands over follows from now on",
    rejected_by="a transfer is noted, and ends after an election timeout (TransferTimeout, IgnoreProposal)",
)
def start_transfer(self, target):
    if target in self.peers and target != self.transfer_to:
        self.become_follower(self.current_term)
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="whoever is named can be a target",
    rejected_by="to itself or to nobody is no transfer (TransferToSelf, TransferToNonExistingNode)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
        self.cancel_timer("transfer")
    elif target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="to itself is a transfer like any other",
    rejected_by="to itself or to nobody is no transfer (TransferToSelf, TransferToNonExistingNode)",
)
def start_transfer(self, target):
    if target in (self.id, *self.peers) and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="an unknown name ends the transfer that is under way",
    rejected_by="to itself or to nobody is no transfer (TransferToSelf, TransferToNonExistingNode)",
)
def start_transfer(self, target):
    if target == self.transfer_to:
        return
    self.transfer_to = target if target in self.peers else None
    if self.transfer_to:
        self.set_timer("transfer", ELECTION_MS[1])
    else:
        self.cancel_timer("transfer")


@answer(
    "9.20",
    misconception="each request gives the target its full time",
    rejected_by="asked again for the same node, the clock runs on (SecondTransferToSameNode)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
        self.cancel_timer("transfer")
    elif target in self.peers:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="a transfer under way is not disturbed",
    rejected_by="another target takes the place of the first, with all its time (SecondTransferToAnotherNode)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
        self.cancel_timer("transfer")
    elif self.transfer_to is None and target in self.peers:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="the second target has what is left of the first one's time",
    rejected_by="another target takes the place of the first, with all its time (SecondTransferToAnotherNode)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
        self.cancel_timer("transfer")
    elif target in self.peers:
        if self.transfer_to is None:
            self.set_timer("transfer", ELECTION_MS[1])
        self.transfer_to = target


@answer(
    "9.20",
    misconception="asked for itself it has nothing to do",
    rejected_by="asked for itself, it calls off what is under way",
)
def start_transfer(self, target):
    if target in self.peers and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])


@answer(
    "9.20",
    misconception="whoever has handed over once takes no commands any more",
    rejected_by="a higher term ends the transfer (LeaderTransferReceiveHigherTermVote)",
)
def start_transfer(self, target):
    if target == self.id:
        self.transfer_to = None
    elif target in self.peers and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])
        self.on_submit = lambda client, request: self.send(client, SubmitReply(request.number, None))


# -- 9.21 --------------------------------------------------------------------------------------


@answer(
    "9.21",
    misconception="the target is told at once, whatever it has",
    rejected_by="one that is behind gets the entries first (TransferToSlowFollower)",
)
def hand_over(self):
    self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer(
    "9.21",
    misconception="next_index tells what the target has",
    rejected_by="one that is behind gets the entries first (TransferToSlowFollower)",
)
def hand_over(self):
    if self.next_index[self.transfer_to] > self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer(
    "9.21",
    misconception="what is committed is enough",
    rejected_by="one that is behind gets the entries first (TransferToSlowFollower)",
)
def hand_over(self):
    if self.match_index[self.transfer_to] >= self.commit_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer(
    "9.21",
    misconception="what is committed, the target has",
    rejected_by="one that is behind gets the entries first (TransferToSlowFollower)",
)
def hand_over(self):
    if self.commit_index == self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer("9.21", misconception="said once is enough", rejected_by="it is told again until it stands")
def hand_over(self):
    if self.match_index[self.transfer_to] == self.last_log_index and not getattr(self, "told", False):
        self.told = True
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))


@answer(
    "9.21",
    misconception="handed over is done",
    rejected_by="a target that has everything is told at once (TransferToUpToDateNode)",
)
def hand_over(self):
    if self.match_index[self.transfer_to] == self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))
        self.transfer_to = None


@answer(
    "9.21",
    misconception="whoever has said it follows",
    rejected_by="a target that has everything is told at once (TransferToUpToDateNode)",
)
def hand_over(self):
    if self.match_index[self.transfer_to] == self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))
        self.become_follower(self.current_term)


@answer(
    "9.21",
    misconception="whoever is complete may stand",
    rejected_by="one that is behind gets the entries first (TransferToSlowFollower)",
)
def hand_over(self):
    for peer in self.peers:
        if self.match_index[peer] == self.last_log_index:
            self.send(peer, TimeoutNow(self.current_term, self.id))


@answer(
    "9.21",
    misconception="TimeoutNow is of the next term",
    rejected_by="a target that has everything is told at once (TransferToUpToDateNode)",
)
def hand_over(self):
    if self.match_index[self.transfer_to] == self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term + 1, self.id))


# -- 9.22 --------------------------------------------------------------------------------------


@answer(
    "9.22",
    misconception="a new patience, and then an election",
    rejected_by="who is told to stand stands at once, in the next term",
)
def on_timeout_now(self, request):
    if request.term == self.current_term:
        self.restart_election_timer()


@answer(
    "9.22",
    misconception="who is told to lead leads",
    rejected_by="who is told to stand stands at once, in the next term",
)
def on_timeout_now(self, request):
    if request.term == self.current_term:
        self.stand_for_election()
        self.become_leader()


@answer(
    "9.22",
    misconception="the leader hands over its own term",
    rejected_by="who is told to stand stands at once, in the next term",
)
def on_timeout_now(self, request):
    if request.term == self.current_term:
        self.become_leader()


@answer(
    "9.22",
    misconception="late requests count, too",
    rejected_by="a request of an older term changes nothing (OldMessages)",
)
def on_timeout_now(self, request):
    self.stand_for_election()


@answer(
    "9.22",
    misconception="whoever does not lead may be told",
    rejected_by="a request of an older term changes nothing (OldMessages)",
)
def on_timeout_now(self, request):
    if self.role is not Role.LEADER:
        self.stand_for_election()


@answer(
    "9.22",
    misconception="only who has a leader can be told",
    rejected_by="a request of a newer term is followed in that term",
)
def on_timeout_now(self, request):
    if request.term == self.current_term and self.commit_index == self.last_log_index:
        self.stand_for_election()
