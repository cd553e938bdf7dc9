"""Lab 06, part B: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 6.5 -------------------------------------------------------------------------------------------


@answer("6.5", misconception="merging is adding", rejected_by="each replica's entry is the higher of the two")
def merge(self, other):
    def added(mine, theirs):
        both = dict(mine)
        for replica, number in theirs:
            both[replica] = both.get(replica, 0) + number
        return as_pairs(both)

    return Counter(added(self.added, other.added), added(self.taken, other.taken))


@answer("6.5", misconception="what comes is newer", rejected_by="each replica's entry is the higher of the two")
def merge(self, other):
    return Counter(
        as_pairs({**dict(self.added), **dict(other.added)}), as_pairs({**dict(self.taken), **dict(other.taken)})
    )


@answer("6.5", misconception="the counter that counts more is the newer one", rejected_by="each replica's entry is the higher of the two")
def merge(self, other):
    return max(self, other, key=lambda counter: (counter.read(), counter.added, counter.taken))


@answer("6.5", misconception="only replicas that I know count", rejected_by="each replica's entry is the higher of the two")
def merge(self, other):
    theirs, taken = dict(other.added), dict(other.taken)
    return Counter(
        as_pairs({id: max(number, theirs.get(id, 0)) for id, number in self.added}),
        as_pairs({id: max(number, taken.get(id, 0)) for id, number in self.taken}),
    )


@answer("6.5", misconception="what was taken shrinks", rejected_by="what was taken is merged like what was added, and apart from it")
def merge(self, other):
    def pick(choose, mine, theirs):
        both = dict(mine)
        for replica, number in theirs:
            both[replica] = choose(number, both.get(replica, number))
        return as_pairs(both)

    return Counter(pick(max, self.added, other.added), pick(min, self.taken, other.taken))


@answer("6.5", misconception="the two halves can be settled", rejected_by="what was taken is merged like what was added, and apart from it")
def merge(self, other):
    net = {}
    for counter in (self, other):
        taken = dict(counter.taken)
        for id in {*dict(counter.added), *taken}:
            number = dict(counter.added).get(id, 0) - taken.get(id, 0)
            net[id] = max(number, net.get(id, number))
    return Counter(
        as_pairs({id: n for id, n in net.items() if n > 0}), as_pairs({id: -n for id, n in net.items() if n < 0})
    )


@answer("6.5", misconception="the half that is empty has nothing to merge", rejected_by="what was taken is merged like what was added, and apart from it")
def merge(self, other):
    both = dict(self.added)
    for replica, number in other.added:
        both[replica] = max(number, both.get(replica, 0))
    return Counter(as_pairs(both), self.taken or other.taken)


# -- 6.6 -------------------------------------------------------------------------------------------


@answer("6.6", misconception="a set merges by union", rejected_by="what both know as removed stays removed")
def merge(self, other):
    return ObservedRemoveSet(self.tags | other.tags, self.known.join(other.known))


@answer("6.6", misconception="what both have is what is there", rejected_by="a remove takes only what it has seen")
def merge(self, other):
    return ObservedRemoveSet(self.tags & other.tags, self.known.join(other.known))


@answer("6.6", misconception="mine stays, theirs only if new", rejected_by="what both know as removed stays removed")
def merge(self, other):
    new_here = {tag for tag in other.tags if not tag.is_known_to(self.known)}
    return ObservedRemoveSet(self.tags | new_here, self.known.join(other.known))


@answer("6.6", misconception="theirs stays, mine only if new", rejected_by="what both know as removed stays removed")
def merge(self, other):
    new_there = {tag for tag in self.tags if not tag.is_known_to(other.known)}
    return ObservedRemoveSet(other.tags | new_there, self.known.join(other.known))


@answer("6.6", misconception="what is removed somewhere is removed", rejected_by="a remove takes only what it has seen")
def merge(self, other):
    both = self.known.join(other.known)
    return ObservedRemoveSet(frozenset(t for t in self.tags | other.tags if t in self.tags and t in other.tags
                                       or not any(t.element == u.element for u in self.tags & other.tags)
                                       and not (t.replica in self.known.replicas() and t.replica in other.known.replicas())), both)


@answer("6.6", misconception="known is what is there", rejected_by="what is known is known after a merge, removed or not")
def merge(self, other):
    both = self.tags & other.tags
    new_there = {tag for tag in self.tags if not tag.is_known_to(other.known)}
    new_here = {tag for tag in other.tags if not tag.is_known_to(self.known)}
    return ObservedRemoveSet(both | new_there | new_here, self.known)


@answer("6.6", misconception="known can be had from the tags", rejected_by="what is known is known after a merge, removed or not")
def merge(self, other):
    tags = set(self.tags & other.tags)
    tags |= {tag for tag in self.tags if not tag.is_known_to(other.known)}
    tags |= {tag for tag in other.tags if not tag.is_known_to(self.known)}
    known = VersionVector()
    for tag in tags:
        known = known.with_count(tag.replica, tag.number)
    return ObservedRemoveSet(frozenset(tags), known)


@answer("6.6", misconception="who knows more is right", rejected_by="a remove takes only what it has seen")
def merge(self, other):
    both = self.known.join(other.known)
    if both == other.known:
        return other
    return ObservedRemoveSet(self.tags, both)


@answer("6.6", misconception="what is known to both is settled", rejected_by="replicas that have heard the same have the same set, whatever comes twice")
def merge(self, other):
    new_there = {tag for tag in self.tags if not tag.is_known_to(other.known)}
    new_here = {tag for tag in other.tags if not tag.is_known_to(self.known)}
    return ObservedRemoveSet(frozenset(new_there | new_here), self.known.join(other.known))


# -- 6.7 -------------------------------------------------------------------------------------------


@answer("6.7", misconception="the clock is right", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = {**dict(self.entries), key: Stamped(now_ms, writer, value)}
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="as late as the old one is late enough", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = max(now_ms, entries[key].time_ms) if key in entries else now_ms
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="counting up is enough", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = entries[key].time_ms + 1 if key in entries else now_ms
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="the whole map has one clock", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = max([now_ms, *(stamped.time_ms + 1 for stamped in entries.values())])
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="an old clock's write is refused", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    if key in entries and entries[key].time_ms >= now_ms:
        return self
    entries[key] = Stamped(now_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="deleting is forgetting", rejected_by="a deletion is a write, and wins like one")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = max(now_ms, entries[key].time_ms + 1) if key in entries else now_ms
    entries[key] = Stamped(time_ms, writer, value)
    if value is None:
        del entries[key]
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="a deletion keeps the old time", rejected_by="a deletion is a write, and wins like one")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = max(now_ms, entries[key].time_ms + 1) if key in entries else now_ms
    if value is None and key in entries:
        time_ms, writer = entries[key].time_ms, entries[key].writer
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


@answer("6.7", misconception="a write makes a new map", rejected_by="one key is written, and all others stay")
def put(self, key, value, now_ms, writer):
    old = dict(self.entries).get(key)
    time_ms = max(now_ms, old.time_ms + 1) if old else now_ms
    return LastWriterMap(((key, Stamped(time_ms, writer, value)),))


@answer("6.7", misconception="entries stand in the order of writing", rejected_by="one key is written, and all others stay")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    time_ms = max(now_ms, entries[key].time_ms + 1) if key in entries else now_ms
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(entries.items()))


@answer("6.7", misconception="the entry belongs to its first writer", rejected_by="a write is later than what it replaces, whatever the clock says")
def put(self, key, value, now_ms, writer):
    entries = dict(self.entries)
    if key in entries:
        now_ms, writer = max(now_ms, entries[key].time_ms + 1), entries[key].writer
    entries[key] = Stamped(now_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


# -- 6.8 -------------------------------------------------------------------------------------------


@answer("6.8", misconception="first typed, first read", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted((cell.id for cell in self.cells if cell.after == id), reverse=True)
    return tuple(id for id in found if id != START and id not in self.deleted)


@answer("6.8", misconception="the number is the whole id", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted((cell.id for cell in self.cells if cell.after == id), key=lambda id: id[0])
    return tuple(id for id in found if id != START and id not in self.deleted)


@answer("6.8", misconception="of equal numbers the lower replica is first", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    def below(after):
        for cell in sorted((c for c in self.cells if c.after == after), key=lambda c: (-c.id[0], c.id[1])):
            yield cell.id
            yield from below(cell.id)

    return tuple(id for id in below(START) if id not in self.deleted)


@answer("6.8", misconception="level by level", rejected_by="what was typed after a character follows it, before anything else")
def order(self):
    found, level = [], [START]
    while level:
        level = [
            id
            for after in level
            for id in sorted((c.id for c in self.cells if c.after == after), reverse=True)
        ]
        found += level
    return tuple(id for id in found if id not in self.deleted)


@answer("6.8", misconception="ids are positions", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    return tuple(sorted(cell.id for cell in self.cells if cell.id not in self.deleted))


@answer("6.8", misconception="what is deleted is gone with all below it", rejected_by="what is deleted is not seen, and holds its place")
def order(self):
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted(c.id for c in self.cells if c.after == id and c.id not in self.deleted)
    return tuple(id for id in found if id != START)


@answer("6.8", misconception="deleted cells are cells", rejected_by="what is deleted is not seen, and holds its place")
def order(self):
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted(c.id for c in self.cells if c.after == id)
    return tuple(found[1:])


@answer("6.8", misconception="a replica's letters stand together", rejected_by="what was typed after a character follows it, before anything else")
def order(self):
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted((c.id for c in self.cells if c.after == id), key=lambda id: (id[1], id[0]))
    seen = {replica: place for place, (_, replica) in reversed(list(enumerate(found)))}
    together = sorted(found, key=lambda id: seen[id[1]])
    return tuple(id for id in together if id != START and id not in self.deleted)


@answer("6.8", misconception="one child a cell", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    after = {cell.after: cell.id for cell in sorted(self.cells, key=lambda cell: cell.id)}
    found, id = [], START
    while id in after:
        id = after[id]
        found.append(id)
    return tuple(id for id in found if id not in self.deleted)


@answer("6.8", misconception="children before their parent's younger siblings, but after the parent's word", rejected_by="of those typed after one character, the newest stands first")
def order(self):
    def below(after):
        children = sorted((c.id for c in self.cells if c.after == after), reverse=True)
        for id in children[:1]:
            yield id
            yield from below(id)
        for id in reversed(children[1:]):
            yield id
            yield from below(id)

    return tuple(id for id in below(START) if id not in self.deleted)


# -- part D: what only a whole system shows ----------------------------------------------------------


@answer("6.5", misconception="a copy is as good as news", rejected_by="every add counts once")
def merge(self, other):
    def higher(mine, theirs):
        return as_pairs({id: max(dict(mine).get(id, 0), number) for id, number in theirs} or dict(mine))

    return Counter(higher(self.added, other.added), higher(self.taken, other.taken))


@answer("6.5", misconception="my own state is the better one", rejected_by="in any order, with any copies, the same changes make the same state")
def merge(self, other):
    return Counter(as_pairs({**dict(other.added), **dict(self.added)}), as_pairs({**dict(other.taken), **dict(self.taken)}))


@answer("6.6", misconception="nothing is ever removed for good", rejected_by="what is added is there, what is removed does not come back")
def merge(self, other):
    return ObservedRemoveSet(self.tags | other.tags, self.known.join(other.known))


@answer("6.7", misconception="the latest clock is the truth", rejected_by="nobody's write loses to his own earlier one, whatever the clocks do")
def put(self, key, value, now_ms, writer):
    new = LastWriterMap(((key, Stamped(now_ms, writer, value)),))
    return LastWriterMap.merge(self, new)


@answer("6.8", misconception="a text is as long as its longest chain", rejected_by="all read the same text, with every letter in it once")
def order(self):
    after = {cell.after: cell.id for cell in sorted(self.cells, key=lambda cell: cell.id)}
    found, id = [], START
    while id in after:
        id = after[id]
        found.append(id)
    return tuple(id for id in found if id not in self.deleted)
