"""Two-phase commit with one switch a bug (Gray 1978; Bernstein et al. 1987, chapter 7).

The coordinator ``c`` asks all participants; one "no" or a time-out aborts.  A participant that
voted "yes" asks for the outcome until it hears it.  Left out: three phases, many transactions.
"""

from __future__ import annotations

from labkit import Node, message

COORDINATOR = "c"


@message
class VoteRequest:
    pass


@message
class Vote:
    yes: bool


@message
class Outcome:
    commit: bool


@message
class AskOutcome:
    pass


class Coordinator(Node):
    BUG = ""

    def on_start(self):
        self.outcome = self.storage.get("outcome")
        self.votes = []
        if self.outcome is None:
            if self.storage.get("began") and self.BUG != "asks_again_after_a_crash":
                self.decide(False)
                return
            self.storage.save(began=True)
            self.broadcast(VoteRequest())
            self.set_timer("votes", 60, 120)
        else:
            self.tell()

    def on_message(self, source, message):
        match message:
            case Vote():
                self.on_vote(source, message.yes)
            case AskOutcome():
                self.on_ask(source)
            case _:
                super().on_message(source, message)

    def on_timer(self, name):
        if self.outcome is None:
            self.decide(self.BUG == "commits_on_a_time_out")

    def on_vote(self, source, yes):
        if self.outcome is not None and self.BUG != "changes_its_mind":
            return
        if not yes and self.BUG != "takes_no_for_yes":
            self.decide(False)
            return
        if source not in self.votes or self.BUG == "counts_a_vote_twice":
            self.votes = sorted([*self.votes, source])
        needed = len(self.peers) - (self.BUG == "commits_with_one_missing")
        if len(self.votes) >= needed:
            self.decide(True)

    def on_ask(self, source):
        if self.outcome is not None:
            self.send(source, Outcome(self.outcome))
        elif self.BUG == "presumes_commit":
            self.send(source, Outcome(True))

    def decide(self, commit):
        self.outcome = commit
        if self.BUG == "tells_before_saving":
            self.tell()
        if self.BUG != "outcome_not_saved":
            self.storage.save(outcome=commit)
        self.cancel_timer("votes")
        if self.BUG != "tells_before_saving":
            self.tell()

    def tell(self):
        self.broadcast(Outcome(self.outcome))

    def facts(self):
        if self.outcome is not None:
            yield "the outcome", self.outcome


class Participant(Node):
    BUG = ""

    def on_start(self):
        self.vote = self.storage.get("vote")
        self.outcome = self.storage.get("outcome")
        if self.vote is False and self.outcome is None:
            self.outcome = False
        if self.vote and self.outcome is None:
            self.wonder()

    def on_message(self, source, message):
        match message:
            case VoteRequest():
                self.on_request(source)
            case Outcome():
                self.on_outcome(message.commit)
            case _:
                super().on_message(source, message)

    def wonder(self):
        if self.BUG != "never_asks":
            self.set_timer("outcome", 80, 160)

    def on_timer(self, name):
        if self.outcome is None and self.vote:
            if self.BUG == "aborts_after_yes":
                self.end(False)
                return
            self.send(COORDINATOR, AskOutcome())
            self.wonder()

    def on_request(self, source):
        if self.vote is None:
            self.vote = self.will()
            reply = Vote(self.vote)
            if self.BUG == "votes_before_saving":
                self.send(source, reply)
            if self.BUG != "vote_not_saved":
                self.storage.save(vote=self.vote)
            if not self.vote and self.BUG != "waits_after_its_no":
                self.end(False)
            elif self.vote:
                self.wonder()
        self.send(source, Vote(self.vote))

    def will(self):
        """p2 is fickle: asked a second time, it says no, unless it remembers its vote."""
        asked = self.storage.get("asked", 0) + 1
        self.storage.save(asked=asked)
        return self.id != "p2" or asked == 1

    def on_outcome(self, commit):
        if self.outcome is None or self.BUG == "follows_every_outcome":
            self.end(commit)

    def end(self, commit):
        self.outcome = commit
        if self.BUG != "participant_forgets":
            self.storage.save(outcome=commit)
        self.cancel_timer("outcome")

    def facts(self):
        if self.outcome is not None:
            yield "the outcome", self.outcome


class Refuser(Participant):
    """A participant that always says no."""

    def will(self):
        return False
