"""Lab 08, part log: wrong answers, each what a learner would type, named after its misconception."""

from grading.answers import answer

# -- 8.6 -------------------------------------------------------------------------------------------


@answer("8.6", misconception="a new leader begins where it stands", rejected_by="in every slot the vote of the highest ballot is proposed again")
def recover(self):
    self.next_slot = self.applied + 1


@answer("8.6", misconception="any vote in a slot will do", rejected_by="in every slot the vote of the highest ballot is proposed again")
def recover(self):
    best = {vote.slot: vote for promise in self.promises.values() for vote in promise.votes}
    first = self.applied + 1
    self.next_slot = max([self.applied, *best]) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="my own votes are the ones I trust", rejected_by="in every slot the vote of the highest ballot is proposed again")
def recover(self):
    best = dict(self.accepted)
    for promise in self.promises.values():
        for vote in promise.votes:
            best.setdefault(vote.slot, vote)
    first = self.applied + 1
    self.next_slot = max([self.applied, *best]) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="one acceptor's ballot counts for all of its slots", rejected_by="in every slot the vote of the highest ballot is proposed again")
def recover(self):
    newest = max(self.promises.values(), key=lambda promise: max((vote.ballot for vote in promise.votes), default=NO_BALLOT))
    best = {vote.slot: vote for vote in newest.votes}
    first = self.applied + 1
    self.next_slot = max([self.applied, *best]) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="ballots are compared by their number", rejected_by="in every slot the vote of the highest ballot is proposed again")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot[0] > best[vote.slot].ballot[0]:
                best[vote.slot] = vote
    first = self.applied + 1
    self.next_slot = max([self.applied, *best]) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="a slot without votes can wait", rejected_by="holes are filled with no-ops")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    self.next_slot = max([self.applied, *best]) + 1
    for slot in sorted(best):
        if slot > self.applied:
            self.propose(slot, best[slot].command)


@answer("8.6", misconception="the first hole is the next free slot", rejected_by="holes are filled with no-ops")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    slot = self.applied + 1
    while slot in best:
        slot += 1
    self.next_slot = slot
    for open_slot in sorted(best):
        if open_slot > self.applied:
            self.propose(open_slot, best[open_slot].command)


@answer("8.6", misconception="the log begins at slot 1", rejected_by="what is applied is left alone")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    self.next_slot = max([0, *best]) + 1
    for slot in range(1, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="the votes say what is free", rejected_by="what is applied is left alone")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    first = self.applied + 1
    self.next_slot = max(best, default=0) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


@answer("8.6", misconception="the next leader counts from zero", rejected_by="a leader that nothing stands in the way of begins at slot 1")
def recover(self):
    best = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    first = self.applied + 1
    last = max([self.applied, *best])
    self.next_slot = last + 1 if last else 0
    for slot in range(first, last + 1):
        self.propose(slot, best[slot].command if slot in best else NO_OP)


# -- 8.7 -------------------------------------------------------------------------------------------


@answer("8.7", misconception="chosen means applied", rejected_by="slots are applied in order, without a gap, as soon as they can be")
def on_chosen(self, slot, command):
    if slot in self.chosen:
        return
    self.chosen[slot] = command
    self.applied = max(self.applied, slot)
    self.execute(command)


@answer("8.7", misconception="only the next slot is of use", rejected_by="slots are applied in order, without a gap, as soon as they can be")
def on_chosen(self, slot, command):
    if slot == self.applied + 1:
        self.chosen[slot] = command
        self.applied += 1
        self.execute(command)


@answer("8.7", misconception="one message, one step", rejected_by="slots are applied in order, without a gap, as soon as they can be")
def on_chosen(self, slot, command):
    if slot <= self.applied:
        return
    self.chosen[slot] = command
    if self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen[self.applied])


@answer("8.7", misconception="a copy is applied again, the client's number takes care of it", rejected_by="copies change nothing")
def on_chosen(self, slot, command):
    self.chosen[slot] = command
    if slot <= self.applied:
        self.applied += 1
        self.execute(command)
    while self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen[self.applied])


@answer("8.7", misconception="keeping a copy does no harm", rejected_by="copies change nothing")
def on_chosen(self, slot, command):
    self.chosen[slot] = command
    while self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen[self.applied])


@answer("8.7", misconception="what is applied is done with", rejected_by="the chosen commands are kept for others")
def on_chosen(self, slot, command):
    if slot <= self.applied:
        return
    self.chosen[slot] = command
    while self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen.pop(self.applied))


@answer("8.7", misconception="the client need not wait for earlier slots", rejected_by="a leader answers when the slot is applied, and not before")
def on_chosen(self, slot, command):
    if slot <= self.applied:
        return
    self.chosen[slot] = command
    if self.role is Role.LEADER and command.client:
        self.send(command.client, Reply(command.number, None))
    while self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen[self.applied])


# -- 8.8 -------------------------------------------------------------------------------------------


@answer("8.8", misconception="the next slot is the one after what is applied", rejected_by="a leader puts each command into the next free slot")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.propose(self.applied + 1, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


@answer("8.8", misconception="the slot counts up by itself", rejected_by="a leader puts each command into the next free slot")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.propose(self.next_slot, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


@answer("8.8", misconception="first count up, then propose there", rejected_by="a leader puts each command into the next free slot")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


@answer("8.8", misconception="a command that comes again goes into the log again", rejected_by="what was executed is answered again, and not proposed")
def on_request(self, source, request):
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


@answer("8.8", misconception="answered is answered, and nothing is sent twice", rejected_by="what was executed is answered again, and not proposed")
def on_request(self, source, request):
    last = self.answers.get(request.command.client)
    if last is not None and last.number >= request.command.number:
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


@answer("8.8", misconception="clients find the leader by themselves", rejected_by="a follower passes a client's request on to its leader")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)


@answer("8.8", misconception="somebody among the peers will know", rejected_by="a follower passes a client's request on to its leader")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif source not in self.peers:
        self.broadcast(request)


@answer("8.8", misconception="pass it on until it arrives", rejected_by="what a peer passed on is not passed on again")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif self.leader_id is not None:
        self.send(self.leader_id, request)


@answer("8.8", misconception="whoever stands for election may propose", rejected_by="a candidate proposes nothing")
def on_request(self, source, request):
    if self.answer_again(request.command):
        return
    if self.role is not Role.FOLLOWER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)


# -- 8.9 -------------------------------------------------------------------------------------------


@answer("8.9", misconception="only acceptors care for a higher ballot", rejected_by="a leader that is outbid stops leading")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.set_timer("election", *ELECTION_MS)


@answer("8.9", misconception="the heartbeat stops by itself", rejected_by="a leader that is outbid stops leading")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.proposals = {}
    self.set_timer("election", *ELECTION_MS)


@answer("8.9", misconception="what I proposed, I finish", rejected_by="a leader that is outbid stops leading")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.cancel_timer("heartbeat")
    self.set_timer("election", *ELECTION_MS)


@answer("8.9", misconception="the old leader is the leader until somebody has won", rejected_by="a leader that is outbid stops leading")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role = Role.FOLLOWER
    self.proposals = {}
    self.cancel_timer("heartbeat")
    self.set_timer("election", *ELECTION_MS)


@answer("8.9", misconception="a ballot seen is no promise made", rejected_by="the higher ballot is on the disk before anything is said")
def step_down(self, ballot):
    self.promised = ballot
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.proposals = {}
    self.cancel_timer("heartbeat")
    self.set_timer("election", *ELECTION_MS)


@answer("8.9", misconception="the new leader's heartbeat will set the timer", rejected_by="it waits at random for the new leader, and then stands above it")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.proposals = {}
    self.cancel_timer("heartbeat")


@answer("8.9", misconception="a fixed patience is fair", rejected_by="it waits at random for the new leader, and then stands above it")
def step_down(self, ballot):
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.proposals = {}
    self.cancel_timer("heartbeat")
    self.set_timer("election", ELECTION_MS[1])


@answer("8.9", misconception="a candidate has nothing to step down from", rejected_by="a candidate that is outbid does not win any more")
def step_down(self, ballot):
    if self.role is not Role.CANDIDATE:
        self.promised = ballot
        self.storage.save(promised=ballot)
        self.role, self.leader_id = Role.FOLLOWER, ballot[1]
        self.proposals = {}
        self.cancel_timer("heartbeat")
    self.set_timer("election", *ELECTION_MS)


# -- 8.10 ------------------------------------------------------------------------------------------


@answer("8.10", misconception="all before the slot, and the slot stays", rejected_by="slots that all have applied are dropped, and no others")
def forget(self, slot):
    self.accepted = {at: vote for at, vote in self.accepted.items() if at >= slot}
    self.chosen = {at: command for at, command in self.chosen.items() if at >= slot}
    self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))


@answer("8.10", misconception="what I have applied, nobody will ask me for", rejected_by="slots that all have applied are dropped, and no others")
def forget(self, slot):
    self.accepted = {at: vote for at, vote in self.accepted.items() if at > self.applied}
    self.chosen = {at: command for at, command in self.chosen.items() if at > self.applied}
    self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))


@answer("8.10", misconception="votes in open slots are stale too", rejected_by="slots that all have applied are dropped, and no others")
def forget(self, slot):
    self.accepted = {}
    self.chosen = {at: command for at, command in self.chosen.items() if at > slot}
    self.storage.save(accepted=(), chosen=tuple(sorted(self.chosen.items())))


@answer("8.10", misconception="votes are small, only commands need to go", rejected_by="slots that all have applied are dropped, and no others")
def forget(self, slot):
    self.chosen = {at: command for at, command in self.chosen.items() if at > slot}
    self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))


@answer("8.10", misconception="the disk will be written with the next command", rejected_by="what is dropped is dropped from the disk, in one save")
def forget(self, slot):
    self.accepted = {at: vote for at, vote in self.accepted.items() if at > slot}
    self.chosen = {at: command for at, command in self.chosen.items() if at > slot}


@answer("8.10", misconception="two saves are as good as one", rejected_by="what is dropped is dropped from the disk, in one save")
def forget(self, slot):
    self.accepted = {at: vote for at, vote in self.accepted.items() if at > slot}
    self.storage.save(accepted=self.votes_from(0))
    self.chosen = {at: command for at, command in self.chosen.items() if at > slot}
    self.storage.save(chosen=tuple(sorted(self.chosen.items())))


@answer("8.10", misconception="old answers go with the old slots", rejected_by="the map and the answers stay")
def forget(self, slot):
    for at in range(1, slot + 1):
        command = self.chosen.pop(at, NO_OP)
        self.accepted.pop(at, None)
        self.answers.pop(command.client, None)
    self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())), answers=tuple(sorted(self.answers.items())))


# -- 8.11 ------------------------------------------------------------------------------------------


@answer("8.11", misconception="each must be a majority", rejected_by="a pair is safe exactly if the two must overlap")
def is_safe(self, phase1, phase2):
    return min(phase1, phase2) >= majority(len(self.everyone))


@answer("8.11", misconception="together they must be all", rejected_by="a pair is safe exactly if the two must overlap")
def is_safe(self, phase1, phase2):
    return phase1 + phase2 >= len(self.everyone)


@answer("8.11", misconception="any two quorums must meet, of one phase too", rejected_by="a pair is safe exactly if the two must overlap")
def is_safe(self, phase1, phase2):
    return phase1 + phase2 > len(self.everyone) and 2 * phase2 > len(self.everyone)


@answer("8.11", misconception="there must be exactly one in common", rejected_by="a pair is safe exactly if the two must overlap")
def is_safe(self, phase1, phase2):
    return phase1 + phase2 == len(self.everyone) + 1


@answer("8.11", misconception="the leader may stay out of the count", rejected_by="the promises needed are as few as is safe")
def is_safe(self, phase1, phase2):
    return phase1 + phase2 > len(self.peers)
