"""Lab 09, part `compaction`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.12 --------------------------------------------------------------------------------------


@answer("9.12", misconception="first the log, then the snapshot", rejected_by="a crash at any moment finds a disk that fits together")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    self.log = self.entries_from(index + 1)
    self.storage.save(log=self.log)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.storage.save(snapshot=self.snapshot)


@answer("9.12", misconception="first the snapshot, then the log", rejected_by="a crash at any moment finds a disk that fits together")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.storage.save(snapshot=self.snapshot)
    self.log = rest
    self.storage.save(log=self.log)


@answer("9.12", misconception="the log is saved anyway, before the next message", rejected_by="a crash at any moment finds a disk that fits together")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot)


@answer("9.12", misconception="a snapshot in memory is enough", rejected_by="a crash at any moment finds a disk that fits together")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = rest


@answer("9.12", misconception="the snapshot stands for the whole log", rejected_by="what is not applied yet stays in the log")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = ()
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="the snapshot is of the log's last entry", rejected_by="what is not applied yet stays in the log")
def take_snapshot(self):
    self.snapshot = Snapshot(self.last_log_index, self.last_log_term, tuple(self.book.items()))
    self.log = ()
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="the last entry stays, to have its term", rejected_by="what is applied is in the snapshot, and no longer in the log (SnapshotBasic)")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="the snapshot is of the present term", rejected_by="what is applied is in the snapshot, and no longer in the log (SnapshotBasic)")
def take_snapshot(self):
    index = self.last_applied
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, self.current_term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="the term is that of the log's last entry", rejected_by="what is not applied yet stays in the log")
def take_snapshot(self):
    index = self.last_applied
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, self.last_log_term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="the log can be asked afterwards as well", rejected_by="what is not applied yet stays in the log")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = self.log[index:]
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="each snapshot is the sum since the last one", rejected_by="what is applied is in the snapshot, and no longer in the log (SnapshotBasic)")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    before = dict(self.snapshot.book)
    since = tuple((article, n - before.get(article, 0)) for article, n in self.book.items() if n != before.get(article, 0))
    self.snapshot = Snapshot(index, term, since)
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="a new page begins with an empty book", rejected_by="what is applied is in the snapshot, and no longer in the log (SnapshotBasic)")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.book = {}


@answer("9.12", misconception="the index begins anew with the log", rejected_by="what is applied is in the snapshot, and no longer in the log (SnapshotBasic)")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index - self.snapshot.last_included_index, term, tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)


@answer("9.12", misconception="one save, and the log as it was", rejected_by="a crash at any moment finds a disk that fits together")
def take_snapshot(self):
    index, term = self.last_applied, self.term_at(self.last_applied)
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, term, tuple(self.book.items()))
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.log = rest


# -- 9.13 --------------------------------------------------------------------------------------


@answer("9.13", misconception="the last included entry is still there", rejected_by="a follower that lacks what is gone gets the snapshot (SnapshotInstall)")
def news_for(self, peer):
    if self.next_index[peer] < self.snapshot.last_included_index:
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="the entry before the next one must be in the log", rejected_by="whoever can be served from the log gets entries")
def news_for(self, peer):
    if self.next_index[peer] - 1 <= self.snapshot.last_included_index and self.snapshot.last_included_index:
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="who is not known to have it gets the snapshot", rejected_by="whoever can be served from the log gets entries")
def news_for(self, peer):
    if self.match_index[peer] < self.snapshot.last_included_index:
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="what is left will do", rejected_by="a follower that lacks what is gone gets the snapshot (SnapshotInstall)")
def news_for(self, peer):
    first = max(self.next_index[peer], self.snapshot.last_included_index + 1)
    entries = self.entries_from(first)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, first - 1, self.term_at(first - 1), entries, self.commit_index)


@answer("9.13", misconception="what is sent has arrived", rejected_by="the snapshot is sent until it is answered (SnapshotInstallUnreliable)")
def news_for(self, peer):
    if self.next_index[peer] <= self.snapshot.last_included_index:
        self.next_index[peer] = self.snapshot.last_included_index + 1
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="the snapshot belongs to the term of its last entry", rejected_by="a follower that lacks what is gone gets the snapshot (SnapshotInstall)")
def news_for(self, peer):
    if self.next_index[peer] <= self.snapshot.last_included_index:
        return InstallSnapshot(self.snapshot.last_included_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="the snapshot is as new as the log", rejected_by="a follower that lacks what is gone gets the snapshot (SnapshotInstall)")
def news_for(self, peer):
    if self.next_index[peer] <= self.snapshot.last_included_index:
        now = Snapshot(self.last_log_index, self.last_log_term, tuple(self.book.items()))
        return InstallSnapshot(self.current_term, self.id, now)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="the disk has the snapshot of today", rejected_by="what is sent is the newest snapshot, in the present term")
def news_for(self, peer):
    if self.next_index[peer] <= self.snapshot.last_included_index:
        if not hasattr(self, "first_sent"):
            self.first_sent = self.snapshot
        return InstallSnapshot(self.current_term, self.id, self.first_sent)
    return LogRaft.news_for(self, peer)


@answer("9.13", misconception="far behind is behind by a whole batch", rejected_by="a follower that lacks what is gone gets the snapshot (SnapshotInstall)")
def news_for(self, peer):
    if self.last_log_index - self.next_index[peer] > BATCH_MAX:
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)


# -- 9.14 --------------------------------------------------------------------------------------


@answer("9.14", misconception="what the leader sends is newer", rejected_by="an old snapshot changes nothing (RestoreIgnoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="old is what my own snapshot has", rejected_by="an old snapshot changes nothing (RestoreIgnoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.snapshot.last_included_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="old is what the log has", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    if snapshot.last_included_index <= self.last_log_index:
        return
    self.log, self.snapshot = (), snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="a snapshot replaces the log", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    if snapshot.last_included_index <= self.commit_index:
        return
    self.log, self.snapshot = (), snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="an entry at the same index is the same entry", rejected_by="entries that do not fit go, all of them")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    self.log = self.entries_from(index + 1)
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="a log that does not fit stays", rejected_by="entries that do not fit go, all of them")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    if self.term_at(index) == snapshot.last_included_term:
        self.log = self.entries_from(index + 1)
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="retain and reply, by the letter of figure 13", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    if self.term_at(index) == snapshot.last_included_term:
        self.log, self.snapshot = self.entries_from(index + 1), snapshot
        self.storage.save(snapshot=self.snapshot, log=self.log)
        return
    self.log, self.snapshot = (), snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="the book is added to the book", rejected_by="a node that lacks everything takes it over (RestoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    for article, pieces in snapshot.book:
        self.book[article] = self.book.get(article, 0) + pieces
    self.commit_index = self.last_applied = index


@answer("9.14", misconception="the book will be told by learn_commit", rejected_by="a node that lacks everything takes it over (RestoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.commit_index = self.last_applied = index


@answer("9.14", misconception="committed is committed, applied comes later", rejected_by="a node that lacks everything takes it over (RestoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.book = dict(snapshot.book)
    self.last_applied = index


@answer("9.14", misconception="the leader has it, so a write can wait", rejected_by="a node that lacks everything takes it over (RestoreSnapshot)")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.open_book()


@answer("9.14", misconception="the log is saved anyway, before the answer", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot)
    self.open_book()


@answer("9.14", misconception="log first, snapshot second", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.storage.save(log=self.log)
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot)
    self.open_book()


@answer("9.14", misconception="the snapshot can be set first", rejected_by="entries after a snapshot that fits stay")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    self.snapshot = snapshot
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()


@answer("9.14", misconception="whatever comes after the index may stay", rejected_by="entries that do not fit go, all of them")
def install(self, snapshot):
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return
    self.log = self.entries_from(index + 1) if index < self.last_log_index else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()
