"""Remote calls that are executed at most once, with one switch a bug (Birrell & Nelson 1984).

A call carries client and number; the server remembers each client's last answer.  The call adds
one to a counter, so that an answer tells how many were executed.  Left out: many servers.
"""

from __future__ import annotations

from labkit import Client, Node, message


@message
class Call:
    client: str
    number: int


@message
class Answer:
    number: int
    value: int


class Server(Node):
    BUG = ""

    def on_start(self):
        self.value = self.storage.get("value", 0)
        self.last = dict(self.storage.get("last", ()))

    def on_message(self, source, message):
        match message:
            case Call():
                self.on_call(source, message)
            case _:
                super().on_message(source, message)

    def on_call(self, source, m):
        about = "anyone" if self.BUG == "forgets_who_called" else m.client
        number, answer = self.last.get(about, (0, 0))
        if self.BUG == "executes_every_copy" or (self.BUG == "executes_old_copies" and m.number < number):
            number = 0
        if m.number < number:
            return  # the client has gone on: nobody waits for this answer
        if m.number > number or number == 0:
            self.value += 1
            answer = self.value
            self.last[about] = (m.number, answer)
            if self.BUG == "keeps_one_client_only":
                self.last = {about: (m.number, answer)}
            if self.BUG == "answers_before_saving":
                self.send(source, Answer(m.number, answer))
            self.keep()
        self.send(source, Answer(m.number, self.value if self.BUG == "answers_with_today" else answer))

    def keep(self):
        last = tuple(sorted(self.last.items()))
        if self.BUG == "saves_in_two_steps":
            self.storage.save(value=self.value)
            self.storage.save(last=last)
        elif self.BUG == "answers_not_saved":
            self.storage.save(value=self.value)
        elif self.BUG != "nothing_saved":
            self.storage.save(value=self.value, last=last)


class Caller(Client):
    BUG = ""

    def on_start(self):
        self.operation, self.number = None, 0

    def on_invoke(self, operation):
        self.operation, self.number = operation, self.number + 1
        self.ask()

    def ask(self):
        self.send("server", Call(self.id, self.number))
        if self.BUG == "renumbers_a_retry":
            self.number += 1
        self.set_timer("retry", 50)

    def on_timer(self, name):
        self.ask()

    def on_message(self, source, message):
        fits = message.number == self.number or self.BUG in ("takes_any_answer", "renumbers_a_retry")
        if self.operation is not None and fits:
            operation, self.operation = self.operation, None
            self.cancel_timer("retry")
            self.complete(operation, message.value)
