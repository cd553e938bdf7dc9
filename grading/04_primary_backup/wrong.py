"""Lab 04, part views: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 4.1 -------------------------------------------------------------------------------------------


@answer("4.1", misconception="the answer waits for the copy", rejected_by="every request is answered at once")
def on_request(self, source, request):
    result = apply(self.data, request)
    if request.f != "get":
        self.log.append(request)
    if self.confirmed == len(self.log):
        self.send(source, Reply(request.session, request.number, result))


@answer("4.1", misconception="a write has nothing to answer", rejected_by="every request is answered at once")
def on_request(self, source, request):
    result = apply(self.data, request)
    if request.f == "get":
        self.send(source, Reply(request.session, request.number, result))
    else:
        self.log.append(request)


@answer("4.1", misconception="reads are copied too", rejected_by="all writes are shipped, in their order")
def on_request(self, source, request):
    self.log.append(request)
    self.send(source, Reply(request.session, request.number, apply(self.data, request)))


@answer("4.1", misconception="the newest write first", rejected_by="all writes are shipped, in their order")
def on_request(self, source, request):
    if request.f != "get":
        self.log.insert(0, request)
    self.send(source, Reply(request.session, request.number, apply(self.data, request)))


@answer("4.1", misconception="ship at once, to be safe", rejected_by="only the timer ships")
def on_request(self, source, request):
    result = apply(self.data, request)
    if request.f != "get":
        self.log.append(request)
        self.send("n2", Shipment(self.confirmed, tuple(self.log[self.confirmed :])))
    self.send(source, Reply(request.session, request.number, result))


# -- 4.2 -------------------------------------------------------------------------------------------


@answer("4.2", misconception="one tick too patient", rejected_by="silence for DEAD_TICKS ticks is death, and less is not")
def is_alive(self, member):
    node, life = member
    newest = max(n for other, n in self.silent if other == node)
    return life == newest and self.silent[member] <= DEAD_TICKS


@answer("4.2", misconception="one missed ping is death", rejected_by="silence for DEAD_TICKS ticks is death, and less is not")
def is_alive(self, member):
    node, life = member
    newest = max(n for other, n in self.silent if other == node)
    return life == newest and self.silent[member] <= 1


@answer("4.2", misconception="only silence is death", rejected_by="a new life ends the old one at once")
def is_alive(self, member):
    return self.silent[member] < DEAD_TICKS


@answer("4.2", misconception="whichever life pinged last is the living one", rejected_by="a late ping from an old life revives nobody")
def is_alive(self, member):
    lives = [other for other in self.silent if other[0] == member[0]]
    latest = min(lives, key=lambda other: (self.silent[other], -lives.index(other)))
    if max(other[1] for other in lives) != member[1] and self.silent[member] >= self.silent[max(lives)]:
        return False
    return latest == member and self.silent[member] < DEAD_TICKS


@answer("4.2", misconception="the old life is dead when the new one is alive", rejected_by="a late ping from an old life revives nobody")
def is_alive(self, member):
    def is_heard(other):
        return self.silent[other] < DEAD_TICKS

    newer = [other for other in self.silent if other[0] == member[0] and other[1] > member[1]]
    return is_heard(member) and not any(is_heard(other) for other in newer)


@answer("4.2", misconception="once dead, always dead", rejected_by="a ping brings a silent member back")
def is_alive(self, member):
    dead = self.__dict__.setdefault("dead", [])
    node, life = member
    newest = max(n for other, n in self.silent if other == node)
    if self.silent[member] >= DEAD_TICKS and member not in dead:
        dead.append(member)
    return life == newest and member not in dead


# -- 4.3 -------------------------------------------------------------------------------------------


@answer("4.3", misconception="any living member can be primary", rejected_by="only who has the data becomes primary")
def next_view(self):
    view, alive = self.view, self.alive
    order = [m for m in (view.primary, view.backup) if m in alive]
    order += [m for m in alive if m not in order]
    primary, backup = ([*order, None, None])[:2]
    if (primary, backup) == (view.primary, view.backup) or primary is None:
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="a dead backup is removed from a dead primary's view", rejected_by="only who has the data becomes primary")
def next_view(self):
    view, alive = self.view, self.alive
    primary = view.primary
    if primary is None:
        primary = alive[0] if alive else None
    elif primary not in alive and view.backup in alive:
        primary = view.backup
    others = [m for m in alive if m != primary]
    backup = view.backup if view.backup in others else (others[0] if others else None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="the backup's seat is filled in a view of its own", rejected_by="the backup takes over, and an idle member moves up")
def next_view(self):
    view, alive = self.view, self.alive
    if view.primary is None:
        return View(view.number + 1, alive[0], None) if alive else view
    if view.primary not in alive:
        return View(view.number + 1, view.backup, None) if view.backup in alive else view
    if view.backup in alive:
        return view
    others = [m for m in alive if m != view.primary]
    backup = others[0] if others else None
    return view if backup == view.backup else View(view.number + 1, view.primary, backup)


@answer("4.3", misconception="a dead backup keeps its seat until somebody wants it", rejected_by="a dead backup is replaced, or its seat is empty")
def next_view(self):
    view, alive = self.view, self.alive
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary not in alive:
        return view
    others = [m for m in alive if m != primary]
    if view.backup in others or (not others and primary == view.primary):
        return view if primary == view.primary else View(view.number + 1, primary, view.backup)
    return View(view.number + 1, primary, others[0] if others else None)


@answer("4.3", misconception="the first members keep their seats", rejected_by="a dead backup is replaced, or its seat is empty")
def next_view(self):
    view, alive = self.view, self.alive
    primary, backup = view.primary, view.backup
    if primary is None and alive:
        primary = alive[0]
    elif primary not in alive and backup in alive:
        primary, backup = backup, None
    if backup is None and primary in alive:
        backup = next((m for m in alive if m != primary), None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="every look makes a view", rejected_by="nobody moves without need")
def next_view(self):
    view, alive = self.view, self.alive
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary not in alive:
        return view
    others = [m for m in alive if m != primary]
    backup = view.backup if view.backup in others else (others[0] if others else None)
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="whoever pinged first gets the best seat", rejected_by="nobody moves without need")
def next_view(self):
    view, alive = self.view, sorted(self.alive, key=lambda m: (self.silent[m], m[0]), reverse=True)
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary not in alive:
        return view
    others = [m for m in alive if m != primary]
    backup = others[0] if others else None
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="everyone ever heard can sit in the backup's seat", rejected_by="a dead idle member gets no seat")
def next_view(self):
    view, alive = self.view, self.alive
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary not in alive:
        return view
    others = [m for m in self.silent if m[0] != primary[0]]
    kept = view.backup if view.backup in alive and view.backup != primary else None
    backup = kept or next((m for m in others if m != view.primary and m != view.backup), None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="a node is its name", rejected_by="a primary that has restarted is dead, and a candidate for backup")
def next_view(self):
    view, alive = self.view, self.alive
    up = [m[0] for m in alive]
    is_up = view.primary is not None and view.primary[0] in up
    primary = view.primary if is_up else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary is None or primary[0] not in up:
        return view
    others = [m for m in alive if m[0] != primary[0]]
    backup = view.backup if view.backup in others else (others[0] if others else None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="a view needs two members", rejected_by="the first who pings is primary, the second backup")
def next_view(self):
    view, alive = self.view, self.alive
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and len(alive) > 1:
        primary = alive[0]
    if primary not in alive:
        return view
    others = [m for m in alive if m != primary]
    backup = view.backup if view.backup in others else (others[0] if others else None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


# -- 4.4 -------------------------------------------------------------------------------------------


@answer("4.4", misconception="the service knows best, and waits for nobody", rejected_by="no other primary before the view is acknowledged")
def reconsider(self):
    self.install(self.next_view())


@answer("4.4", misconception="the backup's ping will do", rejected_by="no other primary before the view is acknowledged")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or self.view.backup in self.alive:
        self.install(following)


@answer("4.4", misconception="an acknowledgement is for ever", rejected_by="an acknowledgement counts for its own view only")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or self.acknowledged > 0 or self.view == NO_VIEW:
        self.install(following)


@answer("4.4", misconception="the view before is near enough", rejected_by="an acknowledgement counts for its own view only")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or self.acknowledged >= self.view.number - 1:
        self.install(following)


@answer("4.4", misconception="nothing at all may change before the acknowledgement", rejected_by="the backup's seat changes at any time")
def reconsider(self):
    if self.acknowledged == self.view.number:
        self.install(self.next_view())


@answer("4.4", misconception="a backup may come before the acknowledgement, but not go", rejected_by="the backup's seat changes at any time")
def reconsider(self):
    following = self.next_view()
    is_filled = self.view.backup is None and following.primary == self.view.primary
    if is_filled or self.acknowledged == self.view.number:
        self.install(following)


@answer("4.4", misconception="view 0 has to be acknowledged too", rejected_by="what is allowed happens at once")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or 0 < self.acknowledged == self.view.number:
        self.install(following)


@answer("4.4", misconception="a primary is moved out only when it is back", rejected_by="what is allowed happens at once")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or self.view.primary in [None, *self.alive]:
        self.install(following)
