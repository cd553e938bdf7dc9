"""Lab 06, part C: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 6.9 -------------------------------------------------------------------------------------------


@answer("6.9", misconception="positions mean the same everywhere", rejected_by="what stands further right moves, what stands further left stays")
def transform(self, other):
    return self


@answer("6.9", misconception="every edit moves what comes after it", rejected_by="what stands further right moves, what stands further left stays")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.kind is Kind.DELETE and self.position == other.position:
            return None
        return self.moved(-1)
    return self.moved(1)


@answer("6.9", misconception="a delete moves others to the right, too", rejected_by="what stands further right moves, what stands further left stays")
def transform(self, other):
    if self.kind is other.kind is Kind.DELETE and self.position == other.position:
        return None
    if self.kind is other.kind is Kind.INSERT and self.position == other.position:
        return self if self.site < other.site else self.moved(1)
    if other.position < self.position or (other.position == self.position and other.kind is Kind.INSERT):
        return self.moved(1)
    return self


@answer("6.9", misconception="whoever comes first stands left", rejected_by="of two inserts in one place, that of the lower site stands left")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    return self.moved(1) if other.position <= self.position else self


@answer("6.9", misconception="whoever comes last stands left", rejected_by="of two inserts in one place, that of the lower site stands left")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.kind is Kind.DELETE:
        return self.moved(1) if other.position <= self.position else self
    return self.moved(1) if other.position < self.position else self


@answer("6.9", misconception="letters break the tie", rejected_by="of two inserts in one place, that of the lower site stands left")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.character < other.character else self.moved(1)
    return self.moved(1) if other.position <= self.position else self


@answer("6.9", misconception="the higher site goes first", rejected_by="of two inserts in one place, that of the lower site stands left")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.site > other.site else self.moved(1)
    return self.moved(1) if other.position <= self.position else self


@answer("6.9", misconception="both deletes are wanted", rejected_by="what both have deleted is deleted once")
def transform(self, other):
    if other.kind is Kind.DELETE:
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.site < other.site else self.moved(1)
    return self.moved(1) if other.position <= self.position else self


@answer("6.9", misconception="an insert into what is deleted is deleted", rejected_by="an insert and a delete in one place leave each other alone")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.site < other.site else self.moved(1)
    return self.moved(1) if other.position <= self.position else self


@answer("6.9", misconception="a delete stays where it is, before the insert", rejected_by="an insert and a delete in one place leave each other alone")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position:
        return self if self.kind is Kind.DELETE or self.site < other.site else self.moved(1)
    return self.moved(1) if other.position < self.position else self


@answer("6.9", misconception="sites decide everything in one place", rejected_by="TP1: whoever goes first, the text is the same")
def transform(self, other):
    if self.position == other.position:
        if self.kind is other.kind is Kind.DELETE:
            return None
        if self.site < other.site:
            return self
        return self.moved(1 if other.kind is Kind.INSERT else -1)
    if other.position > self.position:
        return self
    return self.moved(1 if other.kind is Kind.INSERT else -1)


@answer("6.9", misconception="after a delete an insert in its place moves left", rejected_by="also after several edits on each side")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position <= self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.site < other.site else self.moved(1)
    return self.moved(1) if other.position <= self.position else self


# -- 6.10 ------------------------------------------------------------------------------------------


@answer("6.10", misconception="keys are enough", rejected_by="each leaf is the hash of its bucket")
def tree(self):
    level = tuple(digest(*(key for key, _ in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)


@answer("6.10", misconception="buckets go by rank", rejected_by="each leaf is the hash of its bucket")
def tree(self):
    size = -(-len(self.items) // 2**DEPTH) or 1
    parts = [self.items[at * size : (at + 1) * size] for at in range(2**DEPTH)]
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in parts)
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)


@answer("6.10", misconception="an empty bucket has no hash", rejected_by="each leaf is the hash of its bucket")
def tree(self):
    level = tuple(digest(*(f"{k}={v}" for k, v in items)) if items else "" for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)


@answer("6.10", misconception="a node hashes all leaves so far", rejected_by="each node is the hash of the two below it")
def tree(self):
    leaves = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [leaves]
    for level in range(DEPTH - 1, -1, -1):
        wide = 2 ** (DEPTH - level)
        levels.insert(0, tuple(digest(*leaves[at : at + wide]) for at in range(0, len(leaves), wide)))
    return tuple(levels)


@answer("6.10", misconception="the halves of a level are paired", rejected_by="each node is the hash of the two below it")
def tree(self):
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        half = len(level) // 2
        level = tuple(digest(level[at], level[half + at]) for at in range(half))
        levels.insert(0, level)
    return tuple(levels)


@answer("6.10", misconception="of two hashes the order does not matter", rejected_by="each node is the hash of the two below it")
def tree(self):
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*sorted(level[at : at + 2])) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)


@answer("6.10", misconception="the root comes last", rejected_by="a change shows on its path to the root, and nowhere else")
def tree(self):
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))
        levels.append(level)
    return tuple(levels)


@answer("6.10", misconception="overlapping pairs are safer", rejected_by="a change shows on its path to the root, and nowhere else")
def tree(self):
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 3]) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)


# -- 6.11 ------------------------------------------------------------------------------------------


@answer("6.11", misconception="an answer is always owed", rejected_by="what is equal is not talked about")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    else:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="if the root differs, send everything", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf = self.shelf()
    tree = shelf.tree()
    if any(tree[message.level][place] != hash for place, hash in message.hashes):
        self.send(source, Items(tuple(range(2**DEPTH)), shelf.items, True))


@answer("6.11", misconception="the next level as a whole", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if not differ:
        return
    if level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    else:
        self.send(source, Hashes(level + 1, tuple(enumerate(tree[level + 1]))))


@answer("6.11", misconception="one difference at a time", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash][:1]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="the children of p are p and p + 1", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    elif differ:
        below = [child for place in differ for child in (place, place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="hashes are compared by their place in the message", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [at for at, (_, hash) in enumerate(message.hashes) if tree[level][at] != hash]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="at the leaves all is sent", rejected_by="at the leaves, the items of the buckets that differ are sent")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if differ and level == DEPTH:
        self.send(source, Items(tuple(differ), shelf.items, True))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="sending is enough, nothing need come back", rejected_by="one repair makes both equal")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), False))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="an empty bucket has nothing to say", rejected_by="one repair makes both equal")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if level == DEPTH:
        differ = [place for place in differ if shelf.buckets()[place]]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="the other side's hashes are sent back", rejected_by="below a difference, the children are compared, and no others")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if differ and level == DEPTH:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), True))
    elif differ:
        self.send(source, Hashes(level + 1, tuple((2 * p + s, h) for p, h in message.hashes for s in (0, 1) if p in differ)))


@answer("6.11", misconception="to be safe, the neighbours as well", rejected_by="what is sent grows with the differences, not with the keys")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if differ and level == DEPTH:
        places = tuple(range(2**DEPTH))
        self.send(source, Items(places, shelf.items, True))
    elif differ:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


# -- part M: what only a whole system shows ----------------------------------------------------------


@answer("6.9", misconception="an edit that arrives goes right", rejected_by="two editors end with one text")
def transform(self, other):
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    return self.moved(1) if other.position <= self.position else self


@answer("6.11", misconception="differences below the first one come next time", rejected_by="after a storm, every replica has the newest of everything")
def on_hashes(self, source, message):
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = [place for place, hash in message.hashes if tree[level][place] != hash]
    if level == DEPTH and len(differ) == 1:
        items = sorted(item for place in differ for item in shelf.buckets()[place])
        self.send(source, Items(tuple(differ), tuple(items), False))
    elif differ and level < DEPTH:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))


@answer("6.11", misconception="copying is simpler", rejected_by="a thousand keys and a few differences cost a few messages")
def on_hashes(self, source, message):
    shelf = self.shelf()
    if shelf.tree()[0][0] != message.hashes[0][1]:
        self.send(source, Items(tuple(range(2**DEPTH)), shelf.items, True))
