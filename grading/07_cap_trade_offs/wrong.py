"""Lab 07, part a: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 7.1 -------------------------------------------------------------------------------------------


@answer("7.1", misconception="each client counts for itself", rejected_by="no two writes write the same value")
def make_workload(clients, keys, each):
    work = {}
    for client in clients:
        calls = [(keys[n // 2 % len(keys)], n) for n in range(each)]
        work[client] = [("write", key, f"value {n}") if n % 2 else ("read", key) for key, n in calls]
    return work


@answer("7.1", misconception="id and number, glued together", rejected_by="no two writes write the same value")
def make_workload(clients, keys, each):
    work = {}
    for client in clients:
        calls = [(keys[n // 2 % len(keys)], n) for n in range(each)]
        work[client] = [("write", key, f"{client}{n}") if n % 2 else ("read", key) for key, n in calls]
    return work


@answer("7.1", misconception="to each client its own key", rejected_by="every client reads and writes every key")
def make_workload(clients, keys, each):
    work = {}
    for place, client in enumerate(clients):
        key = keys[place % len(keys)]
        work[client] = [("write", key, f"{client}.{n}") if n % 2 else ("read", key) for n in range(each)]
    return work


@answer("7.1", misconception="even calls are reads, and even calls are tea", rejected_by="every client reads and writes every key")
def make_workload(clients, keys, each):
    work = {}
    for client in clients:
        calls = [(keys[n % len(keys)], n) for n in range(each)]
        work[client] = [("write", key, f"{client}.{n}") if n % 2 else ("read", key) for key, n in calls]
    return work


@answer("7.1", misconception="first write everything, then read it", rejected_by="reads and writes are mixed from beginning to end")
def make_workload(clients, keys, each):
    work = {}
    for client in clients:
        calls = [(keys[n % len(keys)], n) for n in range(each)]
        work[client] = [("write", key, f"{client}.{n}") if n < each // 2 else ("read", key) for key, n in calls]
    return work


@answer("7.1", misconception="some write and some read", rejected_by="every client reads and writes every key")
def make_workload(clients, keys, each):
    work = {}
    for place, client in enumerate(clients):
        calls = [(keys[n % len(keys)], n) for n in range(each)]
        work[client] = [("write", key, f"{client}.{n}") if place % 2 else ("read", key) for key, n in calls]
    return work


@answer("7.1", misconception="each counts pairs of calls", rejected_by="each client makes its calls: reads and writes of keys")
def make_workload(clients, keys, each):
    work = {client: [] for client in clients}
    for client in clients:
        for n in range(each):
            key = keys[n % len(keys)]
            work[client] += [("write", key, f"{client}.{n}"), ("read", key)]
    return work


# -- 7.2 -------------------------------------------------------------------------------------------


@answer("7.2", misconception="any level that holds will do", rejected_by="linearizable, and no more than that, when every read is fresh")
def level(self):
    if check_sessions(self.history, ("RYW", "MR")):
        return "session"
    if check_causal(self.history):
        return "causal"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_linearizable(self.history, Register()):
        return "linearizable"
    return "eventual" if check_convergence(self.contents) else "nothing"


@answer("7.2", misconception="linearizable or eventual", rejected_by="each weaker level has its name")
def level(self):
    if check_linearizable(self.history, Register()):
        return "linearizable"
    return "eventual" if check_convergence(self.contents) else "nothing"


@answer("7.2", misconception="causal is stronger than sequential", rejected_by="each weaker level has its name")
def level(self):
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_causal(self.history):
        return "causal"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_sessions(self.history, ("RYW", "MR")):
        return "session"
    return "eventual" if check_convergence(self.contents) else "nothing"


@answer("7.2", misconception="what was not refuted holds", rejected_by="unknown is not yes")
def level(self):
    if check_linearizable(self.history, Register()).violation is None:
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH).violation is None:
        return "sequential"
    if check_causal(self.history).violation is None:
        return "causal"
    if check_sessions(self.history, ("RYW", "MR")).violation is None:
        return "session"
    return "eventual" if check_convergence(self.contents).violation is None else "nothing"


@answer("7.2", misconception="a session has all four guarantees", rejected_by="session means these two guarantees, and no others")
def level(self):
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_causal(self.history):
        return "causal"
    if check_sessions(self.history):
        return "session"
    return "eventual" if check_convergence(self.contents) else "nothing"


@answer("7.2", misconception="a session is to read what one wrote", rejected_by="session means these two guarantees, and no others")
def level(self):
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_causal(self.history):
        return "causal"
    if check_sessions(self.history, ("RYW",)):
        return "session"
    return "eventual" if check_convergence(self.contents) else "nothing"


@answer("7.2", misconception="in the end every store converges", rejected_by="without any order there is still convergence, or nothing")
def level(self):
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_causal(self.history):
        return "causal"
    if check_sessions(self.history, ("RYW", "MR")):
        return "session"
    return "eventual"


@answer("7.2", misconception="replicas that differ are not consistent", rejected_by="linearizable, and no more than that, when every read is fresh")
def level(self):
    if not check_convergence(self.contents):
        return "nothing"
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_causal(self.history):
        return "causal"
    return "session" if check_sessions(self.history, ("RYW", "MR")) else "eventual"


# -- 7.3 -------------------------------------------------------------------------------------------


@answer("7.3", misconception="available means that somebody is answered", rejected_by="under a partition: A if every side is answered, C if the answers are right")
def place(self):
    if any(percent >= 90 for _, percent in self.answered):
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    if self.peace_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else '-'}"


@answer("7.3", misconception="on average is good enough", rejected_by="under a partition: A if every side is answered, C if the answers are right")
def place(self):
    shares = [percent for _, percent in self.answered]
    if sum(shares) / len(shares) >= 90:
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    if self.peace_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else '-'}"


@answer("7.3", misconception="who is not available must be consistent", rejected_by="under a partition: A if every side is answered, C if the answers are right")
def place(self):
    partition = "A" if min(percent for _, percent in self.answered) >= 90 else "C"
    if self.peace_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else '-'}"


@answer("7.3", misconception="one run says both", rejected_by="else: C if peace is linearizable, L if it is only fast")
def place(self):
    if all(percent >= 90 for _, percent in self.answered):
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    if self.cut_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else '-'}"


@answer("7.3", misconception="what is fast is L", rejected_by="else: C if peace is linearizable, L if it is only fast")
def place(self):
    if all(percent >= 90 for _, percent in self.answered):
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else 'C'}"


@answer("7.3", misconception="what is not C is L", rejected_by="else: C if peace is linearizable, L if it is only fast")
def place(self):
    if all(percent >= 90 for _, percent in self.answered):
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    return f"P{partition}/E{'C' if self.peace_level == 'linearizable' else 'L'}"
