"""Lab 06, part A: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 6.1 -------------------------------------------------------------------------------------------


@answer("6.1", misconception="what arrives last is the last", rejected_by="the later time wins, whichever comes first")
def merge(self, other):
    return other


@answer("6.1", misconception="the first one keeps its place", rejected_by="the later time wins, whichever comes first")
def merge(self, other):
    return self if self.time_ms <= other.time_ms else other


@answer("6.1", misconception="equal times cannot happen", rejected_by="of equal times, the higher writer's id wins")
def merge(self, other):
    return self if self.time_ms >= other.time_ms else other


@answer("6.1", misconception="of equal times, the new one", rejected_by="of equal times, the higher writer's id wins")
def merge(self, other):
    return self if self.time_ms > other.time_ms else other


@answer("6.1", misconception="the longer value breaks the tie", rejected_by="of equal times, the higher writer's id wins")
def merge(self, other):
    return max(self, other, key=lambda stamped: (stamped.time_ms, len(stamped.value or "")))


@answer("6.1", misconception="a writer's id is a number", rejected_by="of equal times, the higher writer's id wins")
def merge(self, other):
    return max(self, other, key=lambda stamped: (stamped.time_ms, len(stamped.writer), stamped.writer))


@answer("6.1", misconception="a deletion is older than any value", rejected_by="the later time wins, whichever comes first")
def merge(self, other):
    return max(self, other, key=lambda stamped: (stamped.value is not None, stamped.time_ms, stamped.writer))


@answer("6.1", misconception="the writer comes before the time", rejected_by="the later time wins, whichever comes first")
def merge(self, other):
    return max(self, other, key=lambda stamped: (stamped.writer, stamped.time_ms))


# -- 6.2 -------------------------------------------------------------------------------------------


@answer("6.2", misconception="merging is the union", rejected_by="a version that another one covers goes")
def merge(self, other):
    return Siblings(self.versions | other.versions)


@answer("6.2", misconception="more events in all is newer", rejected_by="of two concurrent versions, both stay")
def merge(self, other):
    both = self.versions | other.versions
    size = {v: sum(number for _, number in v.vector.counts) for v in both}
    return Siblings(frozenset(v for v in both if size[v] == max(size.values())))


@answer("6.2", misconception="one higher count makes it newer", rejected_by="of two concurrent versions, both stay")
def merge(self, other):
    def newer(new, old):
        return any(new.vector.of(id) > old.vector.of(id) for id in new.vector.replicas())

    kept = [v for v in self.versions if not any(newer(w, v) for w in other.versions)]
    return Siblings(frozenset(kept) | other.versions)


@answer("6.2", misconception="vectors compare like tuples", rejected_by="of two concurrent versions, both stay")
def merge(self, other):
    both = self.versions | other.versions
    if not both:
        return self
    return Siblings(frozenset({max(both, key=lambda v: v.vector.counts)}))


@answer("6.2", misconception="only replicas in both vectors count", rejected_by="of two concurrent versions, both stay")
def merge(self, other):
    def covers(new, old):
        common = set(new.vector.replicas()) & set(old.vector.replicas())
        return new != old and all(new.vector.of(id) >= old.vector.of(id) for id in common)

    both = self.versions | other.versions
    return Siblings(frozenset(old for old in both if not any(covers(new, old) for new in both)))


@answer("6.2", misconception="the new vector's replicas are the ones to compare", rejected_by="of two concurrent versions, both stay")
def merge(self, other):
    def covers(new, old):
        return new != old and all(new.vector.of(id) >= old.vector.of(id) for id in new.vector.replicas())

    both = self.versions | other.versions
    return Siblings(frozenset(old for old in both if not any(covers(new, old) for new in both)))


@answer("6.2", misconception="newer in every place", rejected_by="a version that another one covers goes")
def merge(self, other):
    def covers(new, old):
        return all(new.vector.of(id) > old.vector.of(id) for id in old.vector.replicas())

    both = self.versions | other.versions
    return Siblings(frozenset(old for old in both if not any(covers(new, old) for new in both)))


@answer("6.2", misconception="a version covers itself", rejected_by="merging with nothing, or with a copy, changes nothing")
def merge(self, other):
    def covers(new, old):
        return all(new.vector.of(id) >= old.vector.of(id) for id in old.vector.replicas())

    mine = {v for v in self.versions if not any(covers(w, v) for w in other.versions)}
    theirs = {v for v in other.versions if not any(covers(w, v) for w in self.versions)}
    return Siblings(frozenset(mine | theirs))


@answer("6.2", misconception="only mine can be old", rejected_by="a version that another one covers goes")
def merge(self, other):
    def covers(new, old):
        return new != old and all(new.vector.of(id) >= old.vector.of(id) for id in old.vector.replicas())

    mine = {v for v in self.versions if not any(covers(w, v) for w in other.versions)}
    return Siblings(frozenset(mine) | other.versions)


# -- 6.3 -------------------------------------------------------------------------------------------


@answer("6.3", misconception="a new write replaces the siblings", rejected_by="two writers who had read the same are siblings, at one replica too")
def put(self, replica, context, value, time_ms):
    number = self.context().of(replica) + 1
    return DottedSiblings(frozenset({Dotted(replica, number, context, value)}))


@answer("6.3", misconception="a write only adds a sibling", rejected_by="what the writer had read goes")
def put(self, replica, context, value, time_ms):
    number = self.context().of(replica) + 1
    return DottedSiblings(self.versions | {Dotted(replica, number, context, value)})


@answer("6.3", misconception="the past is all that the replica knows", rejected_by="the past is what the writer had read, and no more")
def put(self, replica, context, value, time_ms):
    unread = {v for v in self.versions if not v.is_known_to(context)}
    known = self.context()
    return DottedSiblings(frozenset(unread | {Dotted(replica, known.of(replica) + 1, known, value)}))


@answer("6.3", misconception="a write is part of its own past", rejected_by="the past is what the writer had read, and no more")
def put(self, replica, context, value, time_ms):
    unread = {v for v in self.versions if not v.is_known_to(context)}
    number = self.context().of(replica) + 1
    return DottedSiblings(frozenset(unread | {Dotted(replica, number, context.with_count(replica, number), value)}))


@answer("6.3", misconception="the writer's context knows the next number", rejected_by="two writers who had read the same are siblings, at one replica too")
def put(self, replica, context, value, time_ms):
    kept = {v.replica + str(v.number): v for v in self.versions if not v.is_known_to(context)}
    new = Dotted(replica, context.of(replica) + 1, context, value)
    return DottedSiblings(frozenset({**kept, new.replica + str(new.number): new}.values()))


@answer("6.3", misconception="numbers are those of the versions that are left", rejected_by="each write has a dot of its own")
def put(self, replica, context, value, time_ms):
    unread = {v for v in self.versions if not v.is_known_to(context)}
    number = max((v.number for v in unread if v.replica == replica), default=0) + 1
    return DottedSiblings(frozenset(unread | {Dotted(replica, number, context, value)}))


@answer("6.3", misconception="only dots have numbers, pasts do not", rejected_by="each write has a dot of its own")
def put(self, replica, context, value, time_ms):
    unread = {v for v in self.versions if not v.is_known_to(context)}
    number = max((v.number for v in self.versions if v.replica == replica), default=0) + 1
    return DottedSiblings(frozenset(unread | {Dotted(replica, number, context, value)}))


@answer("6.3", misconception="a writer who has read something has read everything", rejected_by="what the writer had read goes")
def put(self, replica, context, value, time_ms):
    unread = self.versions if context == VersionVector() else frozenset()
    number = self.context().of(replica) + 1
    return DottedSiblings(unread | {Dotted(replica, number, context, value)})


@answer("6.3", misconception="what was read is in the past of versions, not in their dots", rejected_by="what the writer had read goes")
def put(self, replica, context, value, time_ms):
    unread = {v for v in self.versions if v.past.join(context) != context}
    number = self.context().of(replica) + 1
    return DottedSiblings(frozenset(unread | {Dotted(replica, number, context, value)}))


# -- 6.4 -------------------------------------------------------------------------------------------


@answer("6.4", misconception="take one of them", rejected_by="nothing that somebody put into a cart is lost")
def resolved(self):
    return max((value or () for value in self.values), key=len, default=())


@answer("6.4", misconception="two siblings add up", rejected_by="a cart takes the highest count of an item, not the sum")
def resolved(self):
    whole = {}
    for value in self.values:
        for name, number in value or ():
            whole[name] = whole.get(name, 0) + number if self.key.startswith("cart/") else number
    return as_pairs(whole)


@answer("6.4", misconception="a balance can be added", rejected_by="an account has every transaction once")
def resolved(self):
    whole = {}
    for value in self.values:
        for name, number in value or ():
            if self.key.startswith("cart/"):
                whole[name] = max(number, whole.get(name, 0))
            else:
                whole[name] = whole.get(name, 0) + number
    return as_pairs(whole)


@answer("6.4", misconception="an amount is never negative", rejected_by="an account has every transaction once")
def resolved(self):
    whole = {}
    for value in self.values:
        for name, number in value or ():
            whole[name] = max(number, whole.get(name, 0))
    return as_pairs(whole)


@answer("6.4", misconception="the same amount is the same transaction", rejected_by="an account has every transaction once")
def resolved(self):
    whole, amounts = {}, set()
    for value in self.values:
        for name, number in value or ():
            if self.key.startswith("cart/"):
                whole[name] = max(number, whole.get(name, 0))
            elif number not in amounts:
                amounts.add(number)
                whole[name] = number
    return as_pairs(whole)


@answer("6.4", misconception="what all agree on is safe", rejected_by="nothing that somebody put into a cart is lost")
def resolved(self):
    maps = [dict(value or ()) for value in self.values]
    names = set(maps[0]).intersection(*maps) if maps else set()
    return as_pairs({name: max(one[name] for one in maps) for name in names})


@answer("6.4", misconception="the last sibling has the last word", rejected_by="a cart takes the highest count of an item, not the sum")
def resolved(self):
    whole = {}
    for value in self.values:
        whole.update(dict(value or ()))
    return as_pairs(whole)


@answer("6.4", misconception="an overdrawn account loses its withdrawals", rejected_by="an account has every transaction once")
def resolved(self):
    whole = {}
    for value in self.values:
        for name, number in value or ():
            whole[name] = max(number, whole.get(name, 0)) if self.key.startswith("cart/") else number
    if self.key.startswith("account/") and sum(whole.values()) < 0:
        whole = {name: number for name, number in whole.items() if number > 0}
    return as_pairs(whole)


@answer("6.4", misconception="every sibling is a map", rejected_by="a deleted sibling is an empty one, and of none comes ()")
def resolved(self):
    whole = {}
    for value in self.values:
        for name, number in value:
            whole[name] = max(number, whole.get(name, 0)) if self.key.startswith("cart/") else number
    return as_pairs(whole)


@answer("6.4", misconception="a deletion wins", rejected_by="a deleted sibling is an empty one, and of none comes ()")
def resolved(self):
    whole = {}
    if None in self.values:
        return ()
    for value in self.values:
        for name, number in value:
            whole[name] = max(number, whole.get(name, 0)) if self.key.startswith("cart/") else number
    return as_pairs(whole)


@answer("6.4", misconception="with one pair of siblings, all are merged", rejected_by="nothing that somebody put into a cart is lost")
def resolved(self):
    whole = {}
    for value in self.values[:2]:
        for name, number in value or ():
            whole[name] = max(number, whole.get(name, 0)) if self.key.startswith("cart/") else number
    return as_pairs(whole)


# -- part C: what only a whole system shows ----------------------------------------------------------


@answer("6.3", misconception="two writes at one replica come one after the other", rejected_by="in any order, no confirmed write is lost")
def put(self, replica, context, value, time_ms):
    kept = {v for v in self.versions if not v.is_known_to(context) and v.replica != replica}
    number = self.context().of(replica) + 1
    return DottedSiblings(frozenset(kept | {Dotted(replica, number, context, value)}))


@answer("6.3", misconception="what is old may stay, readers will sort it out", rejected_by="after a storm, all have the same siblings")
def put(self, replica, context, value, time_ms):
    number = self.context().of(replica) + 1
    return DottedSiblings(self.versions | {Dotted(replica, number, VersionVector(), value)})


@answer("6.2", misconception="two siblings are enough", rejected_by="with version vectors and one writer a replica, too")
def merge(self, other):
    both = self.versions | other.versions
    kept = [v for v in both if not any(v != w and v.vector.join(w.vector) == w.vector for w in both)]
    return Siblings(frozenset(sorted(kept, key=lambda v: v.vector.counts)[:2]))


@answer("6.1", misconception="what is there was there first", rejected_by="the last writer wins everywhere")
def merge(self, other):
    return other if self.value is None else self


@answer("6.4", misconception="each client resolves as it likes", rejected_by="whatever was put into carts and accounts is there, once")
def resolved(self):
    return self.values[-1] or () if self.values else ()
