"""Lab 06: right answers, written differently from the course's, for all three parts."""

from grading.answers import answer

# -- by the letter: loops and plain dicts ----------------------------------------------------------


@answer("6.1", variant="by the letter")
def merge(self, other):
    if self.time_ms == other.time_ms:
        return self if self.writer >= other.writer else other
    if self.time_ms < other.time_ms:
        return other
    return self


@answer("6.2", variant="by the letter")
def merge(self, other):
    kept = []
    for version in [*self.versions, *other.versions]:
        if not any(is_older(version, one) for one in [*self.versions, *other.versions]):
            kept.append(version)
    return Siblings(frozenset(kept))


def is_older(one, two):
    """Has two everything that one has, and more?"""
    mine, theirs = dict(one.vector.counts), dict(two.vector.counts)
    return mine != theirs and all(theirs.get(id, 0) >= mine.get(id, 0) for id in {*mine, *theirs})


@answer("6.3", variant="by the letter")
def put(self, replica, context, value, time_ms):
    number, kept = 0, []
    for version in self.versions:
        number = max(number, version.past.of(replica))
        if version.replica == replica:
            number = max(number, version.number)
        if version.number > context.of(version.replica):
            kept.append(version)
    kept.append(Dotted(replica=replica, number=number + 1, past=context, value=value))
    return DottedSiblings(frozenset(kept))


@answer("6.4", variant="by the letter")
def resolved(self):
    maps = [dict(value) for value in self.values if value is not None]
    names = sorted({name for one in maps for name in one})
    return tuple((name, max(one[name] for one in maps if name in one)) for name in names)


@answer("6.5", variant="by the letter")
def merge(self, other):
    halves = []
    for mine, theirs in ((dict(self.added), dict(other.added)), (dict(self.taken), dict(other.taken))):
        halves.append(tuple(sorted((id, max(mine.get(id, 0), theirs.get(id, 0))) for id in {*mine, *theirs})))
    return Counter(*halves)


@answer("6.6", variant="by the letter")
def merge(self, other):
    tags = set()
    for tag in self.tags | other.tags:
        here = tag in self.tags or not tag.is_known_to(self.known)
        there = tag in other.tags or not tag.is_known_to(other.known)
        if here and there:
            tags.add(tag)
    return ObservedRemoveSet(tags=frozenset(tags), known=other.known.join(self.known))


@answer("6.7", variant="by the letter")
def put(self, key, value, now_ms, writer):
    others = [entry for entry in self.entries if entry[0] != key]
    for name, old in self.entries:
        if name == key and old.time_ms >= now_ms:
            now_ms = old.time_ms + 1
    return LastWriterMap(tuple(sorted([*others, (key, Stamped(now_ms, writer, value))], key=lambda entry: entry[0])))


@answer("6.8", variant="by the letter")
def order(self):
    def below(after):
        for cell in sorted((c for c in self.cells if c.after == after), key=lambda c: c.id, reverse=True):
            if cell.id not in self.deleted:
                yield cell.id
            yield from below(cell.id)

    return tuple(below(START))


@answer("6.9", variant="by the letter")
def transform(self, other):
    match self.kind, other.kind:
        case Kind.INSERT, Kind.INSERT:
            first = (self.position, self.site) < (other.position, other.site)
            return self if first else self.moved(1)
        case Kind.INSERT, Kind.DELETE:
            return self if self.position <= other.position else self.moved(-1)
        case Kind.DELETE, Kind.INSERT:
            return self if self.position < other.position else self.moved(1)
    if self.position == other.position:
        return None
    return self if self.position < other.position else self.moved(-1)


@answer("6.10", variant="by the letter")
def tree(self):
    levels = [[] for _ in range(DEPTH + 1)]
    for items in self.buckets():
        lines = []
        for key, version in items:
            lines.append(str(key) + "=" + str(version))
        levels[DEPTH].append(digest(*lines))
    for level in reversed(range(DEPTH)):
        for place in range(2**level):
            levels[level].append(digest(levels[level + 1][2 * place], levels[level + 1][2 * place + 1]))
    return tuple(tuple(level) for level in levels)


@answer("6.11", variant="by the letter")
def on_hashes(self, source, message):
    own = Shelf(as_pairs(self.items)).tree()
    differ = []
    for place, hash in message.hashes:
        if own[message.level][place] != hash:
            differ.append(place)
    if differ and message.level < DEPTH:
        below = []
        for place in differ:
            below.append((2 * place, own[message.level + 1][2 * place]))
            below.append((2 * place + 1, own[message.level + 1][2 * place + 1]))
        self.send(source, Hashes(level=message.level + 1, hashes=tuple(below)))
    elif differ:
        items = {key: version for key, version in self.items.items() if bucket_of(key) in differ}
        self.send(source, Items(buckets=tuple(differ), items=as_pairs(items), back=True))


# -- by what is known as a whole: other data structures, other orders ----------------------------------


@answer("6.1", variant="by what is known as a whole")
def merge(self, other):
    both = sorted((self, other), key=lambda stamped: stamped.writer)
    return sorted(both, key=lambda stamped: stamped.time_ms)[-1]


@answer("6.2", variant="by what is known as a whole")
def merge(self, other):
    both = {version.vector: version for version in (*self.versions, *other.versions)}
    joins = {(one, two): one.join(two) for one in both for two in both if one != two}
    covered = {one for (one, two), join in joins.items() if join == two}
    return Siblings(frozenset(version for vector, version in both.items() if vector not in covered))


@answer("6.3", variant="by what is known as a whole")
def put(self, replica, context, value, time_ms):
    known = self.context().join(context)
    new = DottedSiblings(frozenset({Dotted(replica, known.of(replica) + 1, context, value)}))
    return self.merge(new)


@answer("6.4", variant="by what is known as a whole")
def resolved(self):
    pairs = sorted({pair for value in self.values if value for pair in value})
    return tuple(sorted(dict(pairs).items()))


@answer("6.5", variant="by what is known as a whole")
def merge(self, other):
    added, taken = (VersionVector(one).join(VersionVector(two)) for one, two in
                    ((self.added, other.added), (self.taken, other.taken)))
    return Counter(added.counts, taken.counts)


@answer("6.6", variant="by what is known as a whole")
def merge(self, other):
    if other.known.join(self.known) == other.known and self.tags <= other.tags:
        newer = {tag for tag in other.tags if tag in self.tags or not tag.is_known_to(self.known)}
        return ObservedRemoveSet(frozenset(newer), other.known)
    gone = {tag for tag in self.tags - other.tags if tag.is_known_to(other.known)}
    gone |= {tag for tag in other.tags - self.tags if tag.is_known_to(self.known)}
    return ObservedRemoveSet((self.tags | other.tags) - gone, self.known.join(other.known))


@answer("6.7", variant="by what is known as a whole")
def put(self, key, value, now_ms, writer):
    times = [now_ms, *(stamped.time_ms + 1 for name, stamped in self.entries if name == key)]
    return self.merge(LastWriterMap(((key, Stamped(max(times), writer, value)),)))


@answer("6.8", variant="by what is known as a whole")
def order(self):
    parent = {cell.id: cell.after for cell in self.cells}

    def path(id):
        steps = []
        while id != START:
            number, replica = id
            steps.append((-number, tuple(-ord(letter) for letter in replica) + (1,)))
            id = parent[id]
        return steps[::-1]

    return tuple(id for id in sorted(parent, key=path) if id not in self.deleted)


@answer("6.9", variant="by what is known as a whole")
def transform(self, other):
    by = 1 if other.kind is Kind.INSERT else -1
    if other.position == self.position:
        if self.kind is Kind.DELETE:
            return self.moved(1) if by == 1 else None
        return self.moved(1) if by == 1 and self.site > other.site else self
    return self.moved(by) if other.position < self.position else self


@answer("6.10", variant="by what is known as a whole")
def tree(self):
    def node(level, place):
        if level == DEPTH:
            return digest(*[f"{key}={version}" for key, version in buckets[place]])
        return digest(node(level + 1, 2 * place), node(level + 1, 2 * place + 1))

    buckets = self.buckets()
    levels = [[node(DEPTH, place) for place in range(2**DEPTH)]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([digest(a, b) for a, b in zip(below[::2], below[1::2])])
    return tuple(tuple(level) for level in reversed(levels))


@answer("6.11", variant="by what is known as a whole")
def on_hashes(self, source, message):
    shelf = self.shelf()
    own = [dict(enumerate(level)) for level in shelf.tree()]
    theirs = dict(message.hashes)
    differ = sorted(place for place in theirs if theirs[place] != own[message.level][place])
    match bool(differ), message.level:
        case False, _:
            pass
        case True, 8:
            kept = tuple(item for item in shelf.items if bucket_of(item[0]) in differ)
            self.send(source, Items(tuple(differ), kept, back=True))
        case _:
            places = sorted([2 * p for p in differ] + [2 * p + 1 for p in differ])
            self.send(source, Hashes(message.level + 1, tuple((p, own[message.level + 1][p]) for p in places)))


# -- one at a time: helpers of their own, sets of names ----------------------------------------------


@answer("6.2", variant="one version at a time")
def merge(self, other):
    kept = set()
    for new in self.versions | other.versions:
        if any(old.vector.join(new.vector) == old.vector for old in kept):
            continue
        kept = {old for old in kept if new.vector.join(old.vector) != new.vector} | {new}
    return Siblings(frozenset(kept))


@answer("6.5", variant="one version at a time")
def merge(self, other):
    added, taken = dict(self.added), dict(self.taken)
    for mine, theirs in ((added, other.added), (taken, other.taken)):
        for replica, number in theirs:
            if number > mine.get(replica, 0):
                mine[replica] = number
    return Counter(added=as_pairs(added), taken=as_pairs(taken))


@answer("6.6", variant="one version at a time")
def merge(self, other):
    tags = set(self.tags)
    for tag in self.tags:
        if tag not in other.tags and tag.number <= other.known.of(tag.replica):
            tags.discard(tag)
    for tag in other.tags:
        if tag.number > self.known.of(tag.replica):
            tags.add(tag)
    return ObservedRemoveSet(frozenset(tags), self.known.join(other.known))


@answer("6.8", variant="one version at a time")
def order(self):
    line = []
    for cell in sorted(self.cells, key=lambda cell: cell.id):
        line.insert(line.index(cell.after) + 1 if cell.after != START else 0, cell.id)
    return tuple(id for id in line if id not in self.deleted)


@answer("6.3", variant="one version at a time")
def put(self, replica, context, value, time_ms):
    kept = {v for v in self.versions if v.number > dict(context.counts).get(v.replica, 0)}
    numbers = [v.number for v in self.versions if v.replica == replica]
    numbers += [number for v in self.versions for id, number in v.past.counts if id == replica]
    kept.add(Dotted(replica, max(numbers, default=0) + 1, context, value))
    return DottedSiblings(frozenset(kept))
