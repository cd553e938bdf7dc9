"""Primary and backup with a view server, one switch a bug (after the MIT 6.824 lab; Alsberg & Day 1976).

The view server ``v`` names primary and backup, and goes on to the next view, on suspicion, only
after the primary of this one has brought its backup up to date.  Clients append unique values.
Left out: more than two servers, reads.
"""

from __future__ import annotations

from labkit import Client, Node, message


@message
class View:
    number: int
    primary: str
    backup: str


@message
class Ready:
    view: int


@message
class AskView:
    pass


@message
class Sync:
    view: int
    log: tuple[str, ...]


@message
class Synced:
    view: int
    length: int


@message
class Append:
    value: str


@message
class Done:
    value: str
    index: int


class ViewServer(Node):
    BUG = ""

    def on_start(self):
        self.number = self.storage.get("number", 1)
        self.ready = self.storage.get("ready", False)
        self.servers = self.peers
        self.set_timer("suspect", 200, 400)

    def view(self):
        odd = self.number % 2
        return View(self.number, self.servers[1 - odd], self.servers[odd])

    def on_timer(self, name):
        if self.ready or self.BUG == "does_not_wait_for_ready":
            self.number, self.ready = self.number + 1, False
            self.storage.save(number=self.number, ready=False)
            self.broadcast(self.view())
        self.set_timer("suspect", 200, 400)

    def on_message(self, source, message):
        match message:
            case AskView():
                self.send(source, self.view())
            case Ready():
                if message.view == self.number or self.BUG == "counts_old_readies":
                    self.ready = True
                    self.storage.save(ready=True)
            case _:
                super().on_message(source, message)


class Server(Node):
    BUG = ""

    def on_start(self):
        get = self.storage.get
        self.log, self.view, self.synced_view = get("log", ()), get("view", 0), get("synced_view", 0)
        self.primary, self.backup = get("primary"), get("backup")
        self.synced, self.committed, self.asked = 0, 0, {}
        self.send("v", AskView())
        self.set_timer("again", 40, 60)

    def on_timer(self, name):
        if self.leads():
            self.sync()
        self.send("v", AskView())
        self.set_timer("again", 40, 60)

    def leads(self):
        return self.primary == self.id

    def on_message(self, source, message):
        match message:
            case View():
                self.on_view(message)
            case Append():
                self.on_append(source, message.value)
            case Sync():
                self.on_sync(source, message)
            case Synced():
                self.on_synced(message)
            case _:
                super().on_message(source, message)

    def on_view(self, m):
        if m.number <= self.view and not (self.BUG == "takes_old_views" and m.number < self.view):
            return
        self.view, self.primary, self.backup = m.number, m.primary, m.backup
        self.synced = 0
        if self.BUG != "view_not_saved":
            self.storage.save(view=self.view, primary=self.primary, backup=self.backup)
        if self.leads():
            if self.BUG == "ready_before_the_backup":
                self.send("v", Ready(self.view))
            self.sync()

    def sync(self):
        self.send(self.backup, Sync(self.view, self.log))

    def on_append(self, client, value):
        if not self.leads():
            return
        self.asked[value] = client
        if value not in self.log:
            self.log = (*self.log, value)
            self.keep()
            if self.BUG == "answers_before_the_backup":
                self.send(client, Done(value, len(self.log)))
        self.sync()
        self.answer()

    def on_sync(self, source, m):
        if m.view != self.view and self.BUG != "takes_an_old_primary":
            return
        if self.leads() and self.BUG != "takes_an_old_primary":
            return
        new = m.view > self.synced_view and self.BUG != "keeps_its_own_tail"
        if new or len(m.log) > len(self.log):
            self.log, self.synced_view = m.log, m.view
            if self.BUG == "answers_before_saving":
                self.send(source, Synced(m.view, len(m.log)))
            self.keep()
        self.send(source, Synced(m.view, len(m.log)))

    def keep(self):
        if self.BUG != "log_not_saved":
            self.storage.save(log=self.log, synced_view=self.synced_view)

    def on_synced(self, m):
        if not self.leads() or (m.view != self.view and self.BUG != "counts_stale_syncs"):
            return
        self.synced = max(self.synced, m.length)
        if self.synced >= len(self.log):
            self.send("v", Ready(self.view))
        self.answer()

    def answer(self):
        for index, value in enumerate(self.log[: self.synced]):
            client = self.asked.pop(value, None)
            if client is not None:
                self.send(client, Done(value, index + 1))


class Appender(Client):
    """Asks both servers until one answers: only a primary does."""

    def on_start(self):
        self.operation = None

    def on_invoke(self, operation):
        self.operation = operation
        self.ask()

    def ask(self):
        for peer in ("s1", "s2"):
            self.send(peer, Append(self.operation.value))
        self.set_timer("retry", 100)

    def on_timer(self, name):
        self.ask()

    def on_message(self, source, message):
        if self.operation is not None and message.value == self.operation.value:
            operation, self.operation = self.operation, None
            self.cancel_timer("retry")
            self.complete(operation, message.index)
