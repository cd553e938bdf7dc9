"""Lab 09, part `compaction`: right answers, written differently from the course's."""

from grading.answers import answer


def after(log, first, index):
    """Of a log that begins at `first`, what comes after `index`."""
    return tuple(entry for place, entry in enumerate(log, first) if place > index)


# -- saved before anything changes; slices of its own ---------------------------------------------------


@answer("9.12", variant="disk first")
def take_snapshot(self):
    old = self.snapshot.last_included_index
    cut = self.last_applied - old
    if cut <= 0:
        return
    snapshot = Snapshot(
        last_included_index=self.last_applied,
        last_included_term=self.log[cut - 1].term,
        book=tuple(sorted(self.book.items(), reverse=True)),
    )
    self.storage.save(log=self.log[cut:], snapshot=snapshot, current_term=self.current_term)
    self.log, self.snapshot = self.log[cut:], snapshot


@answer("9.13", variant="disk first")
def news_for(self, peer):
    first_kept = self.last_log_index - len(self.log) + 1
    if self.next_index[peer] >= first_kept:
        return DurableRaft.news_for(self, peer)
    return InstallSnapshot(term=self.current_term, leader_id=self.id, snapshot=self.snapshot)


@answer("9.14", variant="disk first")
def install(self, snapshot):
    index, term = snapshot.last_included_index, snapshot.last_included_term
    if self.commit_index >= index:
        return
    first = self.snapshot.last_included_index + 1
    mine = {place: entry.term for place, entry in enumerate(self.log, first)}
    rest = after(self.log, first, index) if mine.get(index) == term else ()
    self.storage.save(log=rest, snapshot=snapshot, voted_for=self.voted_for)
    self.log, self.snapshot = rest, snapshot
    self.last_applied = self.commit_index = index
    self.book.clear()
    self.book.update(snapshot.book)


# -- entries that are here are applied rather than read from the snapshot -------------------------------


@answer("9.12", variant="applies what it has")
def take_snapshot(self):
    done = self.last_applied
    term, self.log = self.term_at(done), self.entries_from(done + 1)
    self.snapshot = Snapshot(done, term, tuple((article, self.book[article]) for article in self.book))
    both = {"snapshot": self.snapshot, "log": self.log}
    self.storage.save(**both)
    self.storage.sync()


@answer("9.13", variant="applies what it has")
def news_for(self, peer):
    match self.term_at(self.next_index[peer] - 1):
        case None:
            return InstallSnapshot(self.current_term, self.id, self.snapshot)
        case _:
            return LogRaft.news_for(self, peer)


@answer("9.14", variant="applies what it has")
def install(self, snapshot):
    if snapshot.last_included_index <= self.commit_index:
        return
    if self.term_at(snapshot.last_included_index) == snapshot.last_included_term:
        self.learn_commit(snapshot.last_included_index, snapshot.last_included_index)
        rest = self.entries_from(self.last_applied + 1)
        self.snapshot, self.log = snapshot, rest
        self.storage.save(snapshot=snapshot, log=rest)
        return
    self.snapshot, self.log = snapshot, ()
    self.waiting = {index: who for index, who in self.waiting.items() if index > snapshot.last_included_index}
    self.storage.save(snapshot=snapshot, log=())
    self.open_book()


# -- one helper for both -------------------------------------------------------------------------------


def begin_after(node, snapshot, rest):
    """Snapshot and log together, in memory and on the disk."""
    node.snapshot = snapshot
    node.log = tuple(rest)
    node.storage.save(snapshot=node.snapshot, log=node.log)


@answer("9.12", variant="one helper for both")
def take_snapshot(self):
    term = self.term_at(self.last_applied)
    rest = [entry for n, entry in enumerate(self.log, 1) if n + self.snapshot.last_included_index > self.last_applied]
    begin_after(self, Snapshot(self.last_applied, term, tuple(self.book.items())), rest)


@answer("9.13", variant="one helper for both")
def news_for(self, peer):
    lacks = max(0, self.snapshot.last_included_index - self.next_index[peer] + 1)
    snapshot = InstallSnapshot(self.current_term, self.id, self.snapshot)
    return snapshot if lacks else LogRaft.news_for(self, peer)


@answer("9.14", variant="one helper for both")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index > self.last_applied:
        fits = index <= self.last_log_index and self.term_at(index) == snapshot.last_included_term
        begin_after(self, snapshot, self.entries_from(index + 1) if fits else [])
        self.open_book()
