"""Lab 09, part `membership`: right answers, written differently from the course's."""

from grading.answers import answer

# -- indexes and counters ------------------------------------------------------------------------------


@answer("9.17", variant="indexes and counters")
def configuration(self):
    for index in range(self.last_log_index, 0, -1):
        command = self.entries_from(index)[0].command
        if isinstance(command, tuple) and command[0] == "members":
            return tuple(sorted(command[1:]))
    return tuple(self.first_members)


@answer("9.18", variant="indexes and counters")
def is_majority(self, nodes):
    have = lack = 0
    for member in self.configuration():
        if member in nodes:
            have += 1
        else:
            lack += 1
    return have > lack


@answer("9.19", variant="indexes and counters")
def may_change(self, members):
    for index in range(self.commit_index + 1, self.last_log_index + 1):
        if members_in(self.log[index - 1]) is not None:
            return False
    if not any(entry.term == self.current_term for entry in self.log[: self.commit_index]):
        return False
    old, new = set(self.configuration()), set(members)
    return len(old - new) + len(new - old) == 1


# -- sorted lists, and a place for the majority ----------------------------------------------------------


def lists_in(node):
    """All lists, oldest first."""
    return [node.first_members, *(found for entry in node.log if (found := members_in(entry)) is not None)]


@answer("9.17", variant="all lists")
def configuration(self):
    return lists_in(self)[-1]


@answer("9.18", variant="all lists")
def is_majority(self, nodes):
    members = self.configuration()
    return len([member for member in members if member in set(nodes)]) >= len(members) // 2 + 1


@answer("9.19", variant="all lists")
def may_change(self, members):
    if self.role is not Role.LEADER or self.changes_pending():
        return False
    if self.commit_index == 0 or self.log[self.commit_index - 1].term < self.current_term:
        return False
    return len(set(self.configuration()).symmetric_difference(members)) == 1
