"""Lab 03, part gossip: wrong answers, each what a learner would type, named after the misconception."""

from grading.answers import answer

# -- 3.1 -------------------------------------------------------------------------------------------


@answer(
    "3.1",
    misconception="tell everybody, the sender too",
    rejected_by="what is new goes to every neighbour but the source",
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    if fresh:
        self.keep(fresh)
        for neighbour in self.neighbours:
            self.send(neighbour, News(fresh))


@answer(
    "3.1",
    misconception="a flood goes to all peers",
    rejected_by="what is new goes to every neighbour but the source",
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    if fresh:
        self.keep(fresh)
        for peer in self.peers:
            if peer != source:
                self.send(peer, News(fresh))


@answer(
    "3.1",
    misconception="who is told need not tell",
    rejected_by="what is new goes to every neighbour but the source",
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    if fresh:
        self.keep(fresh)
        if source not in self.peers:
            for neighbour in self.neighbours:
                self.send(neighbour, News(fresh))


@answer(
    "3.1",
    misconception="only other towers bring news",
    rejected_by="what a keeper sees goes to all neighbours",
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    if fresh:
        self.keep(fresh)
        if source in self.neighbours:
            for neighbour in self.neighbours:
                if neighbour != source:
                    self.send(neighbour, News(fresh))
        else:
            self.send(self.neighbours[0], News(fresh))


@answer(
    "3.1",
    misconception="pass everything on, it cannot hurt",
    rejected_by="what is known is passed on no more",
)
def on_news(self, source, news):
    self.keep(tuple(s for s in news.sightings if s not in self.book))
    for neighbour in self.neighbours:
        if neighbour != source:
            self.send(neighbour, news)


@answer(
    "3.1",
    misconception="one new thing makes the whole message new",
    rejected_by="what is known is passed on no more",
)
def on_news(self, source, news):
    if any(s not in self.book for s in news.sightings):
        self.keep(tuple(s for s in news.sightings if s not in self.book))
        for neighbour in self.neighbours:
            if neighbour != source:
                self.send(neighbour, news)


@answer(
    "3.1",
    misconception="one known thing makes the whole message old",
    rejected_by="what is known is passed on no more",
)
def on_news(self, source, news):
    if not any(s in self.book for s in news.sightings):
        self.keep(news.sightings)
        for neighbour in self.neighbours:
            if neighbour != source:
                self.send(neighbour, News(news.sightings))


@answer(
    "3.1", misconception="memory is enough", rejected_by="what was heard is in the book first, over a crash"
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    if fresh:
        self.book.update(fresh)
        for neighbour in self.neighbours:
            if neighbour != source:
                self.send(neighbour, News(fresh))


@answer(
    "3.1",
    misconception="tell first, write when there is time",
    rejected_by="what was heard is in the book first, over a crash",
)
def on_news(self, source, news):
    fresh = tuple(s for s in news.sightings if s not in self.book)
    for neighbour in self.neighbours:
        if fresh and neighbour != source:
            self.send(neighbour, News(fresh))
    if fresh:
        self.keep(fresh)


# -- 3.2 -------------------------------------------------------------------------------------------


@answer("3.2", misconception="send the whole book", rejected_by="what they lack is pushed, and nothing more")
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    if any(s[1] > theirs.get(s[0], 0) for s in self.book):
        self.send(source, News(tuple(sorted(self.book))))
    if not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer(
    "3.2",
    misconception="only towers that they name",
    rejected_by="what they lack is pushed, and nothing more",
)
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[0] in theirs and s[1] > theirs[s[0]])
    if lacking:
        self.send(source, News(lacking))
    if not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer(
    "3.2",
    misconception="what is at the number is missing too",
    rejected_by="what they lack is pushed, and nothing more",
)
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] >= theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    if not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer("3.2", misconception="pushing is enough", rejected_by="what I lack is asked for")
def on_digest(self, source, digest):
    theirs = dict(digest.have)
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))


@answer("3.2", misconception="either they lack something or I do", rejected_by="what I lack is asked for")
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    elif not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer(
    "3.2", misconception="compare totals, tower by tower is too much", rejected_by="what I lack is asked for"
)
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    if not digest.is_answer and sum(theirs.values()) > sum(ours.values()):
        self.send(source, Digest(self.have(), True))


@answer("3.2", misconception="a digest is always answered by one", rejected_by="an answer is not asked back")
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    if any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer("3.2", misconception="always show one's own digest", rejected_by="equal books cost one message")
def on_digest(self, source, digest):
    theirs = dict(digest.have)
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    if not digest.is_answer:
        self.send(source, Digest(self.have(), True))


@answer("3.2", misconception="an empty News does no harm", rejected_by="equal books cost one message")
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    self.send(source, News(tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))))
    if not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


@answer("3.2", misconception="the answer is a new question", rejected_by="what I lack is asked for")
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    if any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have()))


@answer(
    "3.2", misconception="the news is for the neighbours", rejected_by="two books become one in four messages"
)
def on_digest(self, source, digest):
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    for neighbour in self.neighbours:
        if lacking:
            self.send(neighbour, News(lacking))
    if not digest.is_answer and any(n > ours.get(o, 0) for o, n in digest.have):
        self.send(source, Digest(self.have(), True))


# -- 3.3 -------------------------------------------------------------------------------------------


@answer(
    "3.3",
    misconception="a random peer, so many times",
    rejected_by="each round tells fan-out different peers",
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for _ in range(min(self.fanout, len(self.peers))):
            self.send(self.random.choice(self.peers), News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3", misconception="one message for each rumour", rejected_by="each round tells fan-out different peers"
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            for rumour in sorted(self.hot):
                self.send(peer, News((rumour,)))
        self.set_timer("round", ROUND_MS)


@answer("3.3", misconception="tell all, to be sure", rejected_by="each round tells fan-out different peers")
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        self.broadcast(News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer("3.3", misconception="the first ones will do", rejected_by="sooner or later every peer is told")
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for peer in self.peers[: self.fanout]:
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer("3.3", misconception="choose friends once", rejected_by="sooner or later every peer is told")
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if not hasattr(self, "friends"):
        self.friends = self.random.sample(self.peers, min(self.fanout, len(self.peers)))
    if self.hot:
        for peer in self.friends:
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3",
    misconception="a rumour stays hot",
    rejected_by="a rumour told in vain too often is dropped, and only that one",
)
def spread(self):
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3",
    misconception="tired of one, tired of all",
    rejected_by="a rumour told in vain too often is dropped, and only that one",
)
def spread(self):
    if any(self.useless[r] >= self.tired for r in self.hot):
        self.hot = set()
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3",
    misconception="told in vain once is enough",
    rejected_by="a rumour told in vain too often is dropped, and only that one",
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] == 0}
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3",
    misconception="one useless telling more",
    rejected_by="a rumour told in vain too often is dropped, and only that one",
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] <= self.tired}
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


@answer(
    "3.3", misconception="one round is all", rejected_by="rounds go on while something is hot, and then end"
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))


@answer(
    "3.3", misconception="rounds never end", rejected_by="rounds go on while something is hot, and then end"
)
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, News(tuple(sorted(self.hot))))
    self.set_timer("round", ROUND_MS)


@answer("3.3", misconception="there are always enough peers", rejected_by="with one peer, that one is told")
def spread(self):
    self.hot = {r for r in self.hot if self.useless[r] < self.tired}
    if self.hot:
        for peer in self.random.sample(self.peers, self.fanout):
            self.send(peer, News(tuple(sorted(self.hot))))
        self.set_timer("round", ROUND_MS)


# -- 3.4 -------------------------------------------------------------------------------------------


@answer("3.4", misconception="each arrival sets the timer", rejected_by="the timer is set once for a batch")
def queue(self, source, fresh):
    for neighbour in self.neighbours:
        if neighbour != source:
            self.outbox.setdefault(neighbour, []).extend(fresh)
            self.set_timer("flush", self.batch_ms)


@answer("3.4", misconception="no batch, no delay", rejected_by="what came in a batch leaves in one parcel")
def queue(self, source, fresh):
    for neighbour in self.neighbours:
        if neighbour != source:
            self.send(neighbour, News(fresh))


@answer(
    "3.4", misconception="the last sightings count", rejected_by="what came in a batch leaves in one parcel"
)
def queue(self, source, fresh):
    receivers = [n for n in self.neighbours if n != source]
    if receivers and not self.outbox:
        self.set_timer("flush", self.batch_ms)
    for neighbour in receivers:
        self.outbox[neighbour] = list(fresh)


@answer(
    "3.4",
    misconception="one parcel for all, the source included",
    rejected_by="nothing goes back to where it came from",
)
def queue(self, source, fresh):
    if not self.outbox:
        self.set_timer("flush", self.batch_ms)
    for neighbour in self.neighbours:
        self.outbox.setdefault(neighbour, []).extend(fresh)


@answer(
    "3.4",
    misconception="the timer is set when somebody else sets it",
    rejected_by="the timer is set once for a batch",
)
def queue(self, source, fresh):
    for neighbour in self.neighbours:
        if neighbour != source:
            self.outbox.setdefault(neighbour, []).extend(fresh)


@answer(
    "3.4",
    misconception="look into the outbox after filling it",
    rejected_by="the timer is set once for a batch",
)
def queue(self, source, fresh):
    for neighbour in self.neighbours:
        if neighbour != source:
            self.outbox.setdefault(neighbour, []).extend(fresh)
    if not self.outbox:
        self.set_timer("flush", self.batch_ms)


@answer("3.4", misconception="one timer for the first batch", rejected_by="the timer is set once for a batch")
def queue(self, source, fresh):
    receivers = [n for n in self.neighbours if n != source]
    if receivers and not hasattr(self, "running"):
        self.running = True
        self.set_timer("flush", self.batch_ms)
    for neighbour in receivers:
        self.outbox.setdefault(neighbour, []).extend(fresh)


@answer(
    "3.4", misconception="a batch leaves when it is large", rejected_by="the timer is set once for a batch"
)
def queue(self, source, fresh):
    for neighbour in self.neighbours:
        if neighbour != source:
            self.outbox.setdefault(neighbour, []).extend(fresh)
            if len(self.outbox[neighbour]) >= 3:
                self.set_timer("flush", 0)


# -- 3.5 -------------------------------------------------------------------------------------------


@answer("3.5", misconception="totals are added", rejected_by="for each tower the higher number counts")
def on_counts(self, source, message):
    for tower, count in message.counts:
        if tower != self.id:
            self.counts[tower] = self.counts.get(tower, 0) + count


@answer(
    "3.5", misconception="the latest message is right", rejected_by="for each tower the higher number counts"
)
def on_counts(self, source, message):
    theirs = dict(message.counts)
    self.counts.update(theirs)
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))


@answer(
    "3.5",
    misconception="who has the higher total has the truth",
    rejected_by="for each tower the higher number counts",
)
def on_counts(self, source, message):
    theirs = dict(message.counts)
    if sum(theirs.values()) > sum(self.counts.values()):
        self.counts = {**theirs, self.id: self.counts.get(self.id, 0)}
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))


@answer(
    "3.5",
    misconception="only the sender's own number is news",
    rejected_by="for each tower the higher number counts",
)
def on_counts(self, source, message):
    theirs = dict(message.counts)
    self.counts[source] = max(self.counts.get(source, 0), theirs.get(source, 0))
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))


@answer(
    "3.5",
    misconception="only towers that are known already",
    rejected_by="for each tower the higher number counts",
)
def on_counts(self, source, message):
    theirs = dict(message.counts)
    for tower in self.counts:
        self.counts[tower] = max(self.counts[tower], theirs.get(tower, 0))
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))


@answer(
    "3.5",
    misconception="add what is more than before, whoever counted it",
    rejected_by="copies and order change nothing",
)
def on_counts(self, source, message):
    theirs = dict(message.counts)
    for tower, count in theirs.items():
        known = self.counts.get(tower, 0)
        self.counts[tower] = count if count >= known else known + 1
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))


@answer(
    "3.5", misconception="always answer", rejected_by="who lacks something is told, who lacks nothing is not"
)
def on_counts(self, source, message):
    for tower, count in message.counts:
        self.counts[tower] = max(count, self.counts.get(tower, 0))
    self.send(source, Counts(self.pairs()))


@answer(
    "3.5",
    misconception="who tells needs no answer",
    rejected_by="who lacks something is told, who lacks nothing is not",
)
def on_counts(self, source, message):
    for tower, count in message.counts:
        self.counts[tower] = max(count, self.counts.get(tower, 0))
