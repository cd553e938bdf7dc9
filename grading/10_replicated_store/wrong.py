"""Lab 10, part `store`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 10.1 --------------------------------------------------------------------------------------


@answer(
    "10.1",
    misconception="the log has each command once",
    rejected_by="a command that comes again changes nothing",
)
def execute(self, command):
    client, number, f, key, value = command
    result = self.perform(f, key, value)
    self.sessions[client] = number, result
    return result


@answer(
    "10.1",
    misconception="only the same number is old",
    rejected_by="an old copy of an older command changes nothing",
)
def execute(self, command):
    client, number, f, key, value = command
    last, result = self.sessions.get(client, (0, None))
    if number != last:
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
    return result


@answer(
    "10.1",
    misconception="a command that was carried out needs no answer",
    rejected_by="a command that comes again is answered as the first time",
)
def execute(self, command):
    client, number, f, key, value = command
    last, result = self.sessions.get(client, (0, None))
    if number <= last:
        return None
    result = self.perform(f, key, value)
    self.sessions[client] = number, result
    return result


@answer(
    "10.1",
    misconception="numbers are those of the store, not of a client",
    rejected_by="each client has numbers of its own",
)
def execute(self, command):
    client, number, f, key, value = command
    last = max([n for n, _ in self.sessions.values()], default=0)
    known, result = self.sessions.get(client, (0, None))
    if number > last or (number > known and known == 0 and not self.sessions):
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
        return result
    return result if number == known else None


@answer(
    "10.1",
    misconception="the next number is the last one plus one",
    rejected_by="each new command is carried out, and its result given",
)
def execute(self, command):
    client, number, f, key, value = command
    last, result = self.sessions.get(client, (0, None))
    if number == last + 1:
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
    return result if number in (last, last + 1) else None


@answer(
    "10.1",
    misconception="what does not write need not be remembered",
    rejected_by="a command that comes again is answered as the first time",
)
def execute(self, command):
    client, number, f, key, value = command
    if f == "get":
        return self.perform(f, key, value)
    last, result = self.sessions.get(client, (0, None))
    if number > last:
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
    return result if number >= last else None


@answer(
    "10.1",
    misconception="an old copy gets the newest result",
    rejected_by="an old copy of an older command changes nothing",
)
def execute(self, command):
    client, number, f, key, value = command
    last, result = self.sessions.get(client, (0, "nothing"))
    if number > last:
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
    return self.sessions[client][1] if number == last else (result or "old")


@answer(
    "10.1",
    misconception="to know the number is enough",
    rejected_by="the table has the last number and result of each client",
)
def execute(self, command):
    client, number, f, key, value = command
    last = self.sessions.get(client, (0, None))[0]
    if number > last:
        result = self.perform(f, key, value)
        self.sessions[client] = number, None
        return result
    return None


# -- 10.2 --------------------------------------------------------------------------------------


@answer(
    "10.2",
    misconception="the entry at my index is mine",
    rejected_by="who lost the lead does not answer with another's command (LeaderFailure)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    self.send(client, Reply(number, True, result, self.leader_id))


@answer(
    "10.2",
    misconception="the same client means the same call",
    rejected_by="who lost the lead does not answer with another's command (LeaderFailure)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    if command[0] == client:
        self.send(client, Reply(number, True, result, self.leader_id))
    else:
        self.refuse(client, number)


@answer(
    "10.2",
    misconception="the same number means the same call",
    rejected_by="who lost the lead does not answer with another's command (LeaderFailure)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    if command[1] == number:
        self.send(client, Reply(number, True, result, self.leader_id))
    else:
        self.refuse(client, number)


@answer(
    "10.2",
    misconception="whose command it is, is answered, whoever waits",
    rejected_by="who lost the lead does not answer with another's command (LeaderFailure)",
)
def answer(self, index, command, result):
    self.waiting.pop(index)
    if command[0]:
        self.send(command[0], Reply(command[1], True, result, self.leader_id))


@answer(
    "10.2",
    misconception="only what is done needs an answer",
    rejected_by="who lost the lead does not answer with another's command (LeaderFailure)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    if command[:2] == (client, number):
        self.send(client, Reply(number, True, result, self.leader_id))


@answer(
    "10.2",
    misconception="a call that was answered may go on waiting",
    rejected_by="who was answered does not wait any more",
)
def answer(self, index, command, result):
    client, number = self.waiting[index]
    if command[:2] == (client, number):
        self.send(client, Reply(number, True, result, self.leader_id))
    else:
        self.refuse(client, number)


@answer(
    "10.2",
    misconception="done, and the rest the client can read",
    rejected_by="a client gets its result when its command is applied, and not before (Basic)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    if command[:2] == (client, number):
        self.send(client, Reply(number, True, None, self.leader_id))
    else:
        self.refuse(client, number)


@answer(
    "10.2",
    misconception="a result that is not true means not done",
    rejected_by="a client gets its result when its command is applied, and not before (Basic)",
)
def answer(self, index, command, result):
    client, number = self.waiting.pop(index)
    if command[:2] == (client, number) and result:
        self.send(client, Reply(number, True, result, self.leader_id))
    else:
        self.refuse(client, number)


# -- 10.3 --------------------------------------------------------------------------------------


@answer(
    "10.3",
    misconception="each request has a number of its own",
    rejected_by="refused, it asks the node that the reply names, under the same number",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.number += 1
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="without an answer, nothing has happened, so it is another request",
    rejected_by="without a reply, it asks the next node, under the same number",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.number += reply is None
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="any reply answers what is asked now",
    rejected_by="late replies change nothing",
)
def go_on(self, reply):
    if self.pending is None:
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="a late refusal is a refusal",
    rejected_by="late replies change nothing",
)
def go_on(self, reply):
    if self.pending is None:
        return
    if reply is not None and reply.done:
        if reply.number == self.number:
            self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="no answer after so long means that it failed",
    rejected_by="after TRIES_MAX it gives up: the end is unknown",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.fail(self.pending)
        self.stop()
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="one may ask for ever",
    rejected_by="after TRIES_MAX it gives up: the end is unknown",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="hints are for others, the next node will do",
    rejected_by="refused, it asks the node that the reply names, under the same number",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.asked = self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="who led once will answer in the end",
    rejected_by="without a reply, it asks the next node, under the same number",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        if reply is not None:
            self.asked = reply.leader_id or self.after(self.asked)
        self.ask_soon()


@answer(
    "10.3",
    misconception="an answer without a result is no answer",
    rejected_by="an answer ends the call, whatever the result is",
)
def go_on(self, reply):
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.result:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()
