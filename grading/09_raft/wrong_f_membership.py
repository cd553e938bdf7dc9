"""Lab 09, part `membership`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.17 --------------------------------------------------------------------------------------


@answer(
    "9.17",
    misconception="a list is in force when it is committed",
    rejected_by="the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
)
def configuration(self):
    for entry in reversed(self.log[: self.commit_index]):
        if members_in(entry) is not None:
            return members_in(entry)
    return self.first_members


@answer(
    "9.17",
    misconception="the first list in the log counts",
    rejected_by="the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
)
def configuration(self):
    for entry in self.log:
        if members_in(entry) is not None:
            return members_in(entry)
    return self.first_members


@answer(
    "9.17",
    misconception="only the last entry can be a list",
    rejected_by="the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
)
def configuration(self):
    members = members_in(self.log[-1]) if self.log else None
    return self.first_members if members is None else members


@answer(
    "9.17",
    misconception="the longest list is the newest",
    rejected_by="the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
)
def configuration(self):
    lists = [members_in(entry) for entry in self.log if members_in(entry) is not None]
    return max((self.first_members, *lists), key=len)


@answer(
    "9.17",
    misconception="members are all that were ever named",
    rejected_by="the last configuration entry is in force, committed or not (AddNode, RemoveNode)",
)
def configuration(self):
    names = set(self.first_members)
    for entry in self.log:
        names |= set(members_in(entry) or ())
    return tuple(sorted(names))


@answer(
    "9.17",
    misconception="whoever asks is a member",
    rejected_by="before any configuration entry, the first members are in force",
)
def configuration(self):
    for entry in reversed(self.log):
        if members_in(entry) is not None:
            return members_in(entry)
    return self.everyone


@answer(
    "9.17",
    misconception="what was seen once can be kept",
    rejected_by="an entry that is dropped is in force no longer",
)
def configuration(self):
    for entry in reversed(self.log):
        if members_in(entry) is not None:
            self.newest = members_in(entry)
            break
    return getattr(self, "newest", self.first_members)


@answer(
    "9.17",
    misconception="the list is read at boot",
    rejected_by="a new entry is in force as soon as it arrives",
)
def configuration(self):
    if not hasattr(self, "log"):
        return self.first_members
    if not hasattr(self, "members"):
        lists = [members_in(entry) for entry in self.log if members_in(entry) is not None]
        self.members = lists[-1] if lists else self.first_members
    return self.members


@answer(
    "9.17",
    misconception="without an entry nobody is a member",
    rejected_by="before any configuration entry, the first members are in force",
)
def configuration(self):
    return next((members_in(entry) for entry in reversed(self.log) if members_in(entry)), ())


# -- 9.18 --------------------------------------------------------------------------------------


@answer("9.18", misconception="whoever has it counts", rejected_by="who is no member does not count")
def is_majority(self, nodes):
    return 2 * len(nodes) > len(self.configuration())


@answer(
    "9.18",
    misconception="a leader is always one of them",
    rejected_by="a node that is being removed does not count itself (ConfChangeRemoveLeader)",
)
def is_majority(self, nodes):
    members = {*self.configuration(), self.id}
    return 2 * len(members & set(nodes)) > len(members)


@answer(
    "9.18",
    misconception="this node counts, and the others by the list",
    rejected_by="a node that is being removed does not count itself (ConfChangeRemoveLeader)",
)
def is_majority(self, nodes):
    others = [peer for peer in self.peers if peer in nodes]
    return 2 * (len(others) + 1) > len(self.configuration())


@answer(
    "9.18",
    misconception="a majority of all nodes there are",
    rejected_by="more than half of the members elect",
)
def is_majority(self, nodes):
    return 2 * len(set(nodes) & set(self.configuration())) > len(self.everyone)


@answer(
    "9.18",
    misconception="a majority of those at the start",
    rejected_by="more than half of the members elect",
)
def is_majority(self, nodes):
    return 2 * len(set(nodes) & set(self.configuration())) > len(self.first_members)


@answer(
    "9.18",
    misconception="a majority of those who are members by both lists",
    rejected_by="who is no member does not count",
)
def is_majority(self, nodes):
    members = set(self.configuration()) & set(self.first_members)
    return 2 * len(members & set(nodes)) > len(members)


@answer("9.18", misconception="half of them is enough", rejected_by="more than half of the members elect")
def is_majority(self, nodes):
    members = set(self.configuration())
    return 2 * len(members & set(nodes)) >= len(members)


@answer("9.18", misconception="a majority of the others", rejected_by="more than half of the members elect")
def is_majority(self, nodes):
    return 2 * len(set(self.peers) & set(nodes)) > len(self.peers)


@answer(
    "9.18",
    misconception="one member is enough",
    rejected_by="two offices, in any order of events: one leads a term, and all books agree",
)
def is_majority(self, nodes):
    return bool(set(self.configuration()) & set(nodes))


# -- 9.19 --------------------------------------------------------------------------------------


@answer(
    "9.19",
    misconception="what was right in 2014 is right",
    rejected_by="no change before an entry of its own term is committed",
)
def may_change(self, members):
    return not self.changes_pending() and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="an entry of its own term in the log is enough",
    rejected_by="no change before an entry of its own term is committed",
)
def may_change(self, members):
    has_own = self.last_log_term == self.current_term
    return has_own and not self.changes_pending() and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="something committed is enough",
    rejected_by="no change before an entry of its own term is committed",
)
def may_change(self, members):
    has_any = self.commit_index > 0
    return has_any and not self.changes_pending() and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="any list may follow any other",
    rejected_by="one member more, or one less (AddNode, RemoveNode)",
)
def may_change(self, members):
    return self.term_at(self.commit_index) == self.current_term and not self.changes_pending()


@answer(
    "9.19",
    misconception="one more or one less is a matter of length",
    rejected_by="one member more, or one less (AddNode, RemoveNode)",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    by_one = abs(len(members) - len(self.configuration())) == 1
    return has_own and by_one and not self.changes_pending()


@answer(
    "9.19",
    misconception="one may be replaced by another",
    rejected_by="one member more, or one less (AddNode, RemoveNode)",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    new = set(members) - set(self.configuration())
    gone = set(self.configuration()) - set(members)
    return has_own and not self.changes_pending() and max(len(new), len(gone)) == 1


@answer(
    "9.19",
    misconception="members can only be added",
    rejected_by="one member more, or one less (AddNode, RemoveNode)",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    return has_own and not self.changes_pending() and len(set(members) - set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="a second change may begin while the first is under way",
    rejected_by="no change before the last one is committed",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    return has_own and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="all of the log must be committed",
    rejected_by="no change before the last one is committed",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    is_all = self.commit_index == self.last_log_index
    return has_own and is_all and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="a pending change is the last entry",
    rejected_by="no change before the last one is committed",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    pending = self.last_log_index > self.commit_index and members_in(self.log[-1]) is not None
    return has_own and not pending and len(set(members) ^ set(self.configuration())) == 1


@answer(
    "9.19",
    misconception="a change waits until every node has everything",
    rejected_by="a change that was made is answered when it is committed, and asked for again it is done",
)
def may_change(self, members):
    has_own = self.term_at(self.commit_index) == self.current_term
    is_all = all(match == self.last_log_index for match in self.match_index.values())
    return has_own and is_all and len(set(members) ^ set(self.configuration())) == 1
