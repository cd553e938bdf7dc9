"""Lab 07, part a: right answers, written differently from the course's."""

from grading.answers import answer


@answer("7.1", variant="all pairs in turn, and numbers for all")
def make_workload(clients, keys, each):
    pairs = [(f, key) for key in keys for f in ("write", "read")]
    work, number = {client: [] for client in clients}, 0
    for client in clients:
        while len(work[client]) < each:
            f, key = pairs[len(work[client]) % len(pairs)]
            number += 1
            work[client].append([f, key, f"value {number}"] if f == "write" else [f, key])
    return work


LADDER = ["linearizable", "sequential", "causal", "session", "eventual", "nothing"]


def verdicts_of(evidence):
    """From the weakest to the strongest: which checker says ok?"""
    yield "eventual", check_convergence(evidence.contents).verdict
    yield "session", check_sessions(evidence.history, ["MR", "RYW"]).verdict
    yield "causal", check_causal(evidence.history).verdict
    yield "sequential", check_sequential(evidence.history, Register(), budget=SEARCH).verdict
    yield "linearizable", check_linearizable(evidence.history, Register()).verdict


@answer("7.2", variant="all pairs in turn, and numbers for all")
def level(self):
    shown = {name for name, verdict in verdicts_of(self) if verdict == "ok"} | {"nothing"}
    return min(shown, key=LADDER.index)


@answer("7.3", variant="all pairs in turn, and numbers for all")
def place(self):
    worst = min(dict(self.answered).values())
    first = "A" if worst >= 90 else {"linearizable": "C"}.get(self.cut_level, "-")
    second = {"linearizable": "C"}.get(self.peace_level) or ("L" if self.latency_ms < self.trip_ms else "-")
    return "P" + first + "/E" + second


# -- three of a kind in a row, a shifted beginning for each client; guards ----------------------------------


@answer("7.1", variant="threes and guards")
def make_workload(clients, keys, each):
    def call(place, client, n):
        m = n + place
        key = keys[m // 2 % len(keys)]
        if (m // (2 * len(keys)) + m) % 2 == 0:
            return ("read", key, None)
        return ("write", key, f"{n} by {client}")

    return {client: [call(place, client, n) for n in range(each)] for place, client in enumerate(clients)}


@answer("7.2", variant="threes and guards")
def level(self):
    history = list(self.history)
    questions = (
        ("linearizable", lambda: check_linearizable(history, Register())),
        ("sequential", lambda: check_sequential(history, Register(), SEARCH)),
        ("causal", lambda: check_causal(history)),
        ("session", lambda: check_sessions(history, ("RYW", "MR"))),
        ("eventual", lambda: check_convergence(self.contents)),
    )
    for name, ask in questions:
        if ask().verdict == "ok":
            return name
    return "nothing"


@answer("7.3", variant="threes and guards")
def place(self):
    refused = [side for side, percent in self.answered if percent < 90]
    partition = "A"
    if refused:
        partition = "-"
        if self.cut_level == "linearizable":
            partition = "C"
    quiet = "-"
    if self.latency_ms < self.trip_ms:
        quiet = "L"
    if self.peace_level == "linearizable":
        quiet = "C"
    return f"P{partition}/E{quiet}"
