"""Lab 07, part b: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 7.4 -------------------------------------------------------------------------------------------


@answer("7.4", misconception="half is a quorum", rejected_by="QUORUM and LINEARIZABLE need a majority, for even numbers, too")
def needed(self, level, count):
    return {"ONE": 1, "ALL": count}.get(level, (count + 1) // 2)


@answer("7.4", misconception="there are always three replicas", rejected_by="ONE needs one, ALL needs all")
def needed(self, level, count):
    return {"ONE": 1, "QUORUM": 2, "ALL": 3, "LINEARIZABLE": 2}[level]


@answer("7.4", misconception="linearizable means all", rejected_by="QUORUM and LINEARIZABLE need a majority, for even numbers, too")
def needed(self, level, count):
    return {"ONE": 1, "QUORUM": majority(count)}.get(level, count)


@answer("7.4", misconception="a read is content with one", rejected_by="ONE needs one, ALL needs all")
def needed(self, level, count):
    if self.is_read or level == "ONE":
        return 1
    return count if level == "ALL" else majority(count)


@answer("7.4", misconception="all who are not away", rejected_by="ONE needs one, ALL needs all")
def needed(self, level, count):
    return {"ONE": 1, "ALL": max(1, count - 1)}.get(level, majority(count))


# -- 7.5 -------------------------------------------------------------------------------------------


@answer("7.5", misconception="reading at ONE and calling it LINEARIZABLE", rejected_by="a LINEARIZABLE read writes back what it found, before it answers")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    else:
        self.end(self.newest().tag, self.newest().value)


@answer("7.5", misconception="answer first, write back later", rejected_by="a LINEARIZABLE read writes back what it found, before it answers")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    else:
        newest, linearizable, key = self.newest(), self.level == "LINEARIZABLE", self.pending.key
        self.end(newest.tag, newest.value)
        if linearizable:
            self.broadcast(Keep(self.phase + 1, key, newest.tag, newest.value))


@answer("7.5", misconception="a write-back is a write", rejected_by="a LINEARIZABLE read writes back what it found, before it answers")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    elif self.level == "LINEARIZABLE":
        self.keep(self.new_tag(), self.newest().value)
    else:
        self.end(self.newest().tag, self.newest().value)


@answer("7.5", misconception="to be safe, every read writes back", rejected_by="a read below LINEARIZABLE is over at once, and writes nothing")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    else:
        self.keep(self.newest().tag, self.newest().value)


@answer("7.5", misconception="the last answer is the newest", rejected_by="the newest of the answers, by its tag")
def on_enough(self):
    last = list(self.replies.values())[-1]
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    elif self.level == "LINEARIZABLE":
        self.keep(self.newest().tag, self.newest().value)
    else:
        self.end(last.tag, last.value)


@answer("7.5", misconception="the larger value is the newer one", rejected_by="the newest of the answers, by its tag")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    else:
        newest = max(self.replies.values(), key=lambda found: found.value or "")
        if self.level == "LINEARIZABLE":
            self.keep(newest.tag, newest.value)
        else:
            self.end(newest.tag, newest.value)


@answer("7.5", misconception="a write takes the tag that it found", rejected_by="a write looks, and then keeps its value under a newer tag")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.newest().tag, self.pending.value)
    elif self.level == "LINEARIZABLE":
        self.keep(self.newest().tag, self.newest().value)
    else:
        self.end(self.newest().tag, self.newest().value)


@answer("7.5", misconception="once it is sent, a write is done", rejected_by="a write looks, and then keeps its value under a newer tag")
def on_enough(self):
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        tag, value = self.new_tag(), self.pending.value
        self.keep(tag, value)
        self.end(tag, value)
    elif self.level == "LINEARIZABLE":
        self.keep(self.newest().tag, self.newest().value)
    else:
        self.end(self.newest().tag, self.newest().value)


# -- 7.6 -------------------------------------------------------------------------------------------


@answer("7.6", misconception="no answer means it failed", rejected_by="a write that is on its way is unknown")
def on_timer(self, name):
    self.fail(self.pending)
    self.pending = None


@answer("7.6", misconception="no answer means nobody knows", rejected_by="what was sent to nobody has failed")
def on_timer(self, name):
    self.give_up(self.pending)
    self.pending = None


@answer("7.6", misconception="reads fail, writes are unknown", rejected_by="what was sent to nobody has failed")
def on_timer(self, name):
    if self.is_read:
        self.fail(self.pending)
    else:
        self.give_up(self.pending)
    self.pending = None


@answer("7.6", misconception="once a Keep is sent all is unknown, reads too", rejected_by="a read changes nothing, so it has failed")
def on_timer(self, name):
    if isinstance(self.request, Look):
        self.fail(self.pending)
    else:
        self.give_up(self.pending)
    self.pending = None


@answer("7.6", misconception="what nobody has confirmed has failed", rejected_by="a write that is on its way is unknown")
def on_timer(self, name):
    if self.is_read or isinstance(self.request, Look) or not self.replies:
        self.fail(self.pending)
    else:
        self.give_up(self.pending)
    self.pending = None


@answer("7.6", misconception="after the end there is nothing to tidy", rejected_by="afterwards it goes on with the next operation")
def on_timer(self, name):
    if self.is_read or isinstance(self.request, Look):
        self.fail(self.pending)
    else:
        self.give_up(self.pending)


# -- 7.7 -------------------------------------------------------------------------------------------


@answer("7.7", misconception="the last one is the newest", rejected_by="the newest tag of a key, whether read or written")
def note(self, key, tag):
    self.seen[key] = tag


@answer("7.7", misconception="only what I wrote is mine", rejected_by="the newest tag of a key, whether read or written")
def note(self, key, tag):
    if not self.is_read:
        self.seen[key] = max(tag, self.seen.get(key, NO_TAG))


@answer("7.7", misconception="what I wrote I know anyway", rejected_by="the newest tag of a key, whether read or written")
def note(self, key, tag):
    if self.is_read:
        self.seen[key] = max(tag, self.seen.get(key, NO_TAG))


@answer("7.7", misconception="a session has one memory", rejected_by="each key has a memory of its own")
def note(self, key, tag):
    newest = max([tag, *self.seen.values()])
    self.seen[key] = newest


@answer("7.7", misconception="the number is the tag", rejected_by="the newest tag of a key, whether read or written")
def note(self, key, tag):
    if tag[0] > self.seen.get(key, NO_TAG)[0]:
        self.seen[key] = tag


# -- 7.8 -------------------------------------------------------------------------------------------


@answer("7.8", misconception="an old answer is an answer", rejected_by="an older answer is not accepted; a later one that is new enough is")
def on_enough(self):
    self.go_on()


@answer("7.8", misconception="refuse at the first old answer", rejected_by="an older answer is not accepted; a later one that is new enough is")
def on_enough(self):
    looks = self.is_read and isinstance(self.request, Look)
    if looks and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        self.cancel_timer("patience")
        self.fail(self.pending)
        self.pending = None
        return
    self.go_on()


@answer("7.8", misconception="only something newer is news", rejected_by="what is new enough is accepted at once")
def on_enough(self):
    looks = self.is_read and isinstance(self.request, Look)
    if looks and self.seen.get(self.pending.key, NO_TAG) >= self.newest().tag:
        return
    self.go_on()


@answer("7.8", misconception="writes must not meet old answers either", rejected_by="what is new enough is accepted at once")
def on_enough(self):
    if isinstance(self.request, Look) and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        return
    self.go_on()


@answer("7.8", misconception="the newest of all keys counts", rejected_by="what is new enough is accepted at once")
def on_enough(self):
    looks = self.is_read and isinstance(self.request, Look)
    if looks and self.newest().tag < max([NO_TAG, *self.seen.values()]):
        return
    self.go_on()


@answer("7.8", misconception="when all have answered, take what there is", rejected_by="it reads its own writes, or refuses")
def on_enough(self):
    looks = self.is_read and isinstance(self.request, Look)
    if looks and len(self.replies) < 3 and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        return
    self.go_on()


@answer("7.8", misconception="sessions matter at ONE only", rejected_by="at every level, and with both phases")
def on_enough(self):
    looks = self.is_read and isinstance(self.request, Look) and self.level == "ONE"
    if looks and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        return
    self.go_on()


@answer("7.8", misconception="every phase has a newest answer", rejected_by="at every level, and with both phases")
def on_enough(self):
    if self.is_read and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        return
    self.go_on()
