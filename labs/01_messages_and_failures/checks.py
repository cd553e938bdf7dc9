"""Lab 01, public checks.  The grader runs the same ones with other seeds, and hidden ones besides."""

from __future__ import annotations

from given import (
    RETRY_MS,
    TRIES_MAX,
    Echo,
    EchoReply,
    NewId,
    NewIdReply,
    Reply,
    Request,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import KeyValue

ORDERS = ("espresso;", "tea;", "cake;", "soup;")
HOSTILE = Link(delay_ms=(1, 30), loss=0.15, duplication=0.15, tail=0.05, tail_ms=200)


# -- 1.1 Echo ------------------------------------------------------------------------------------


@checks("1.1", "the reply carries the same text", points=1, look_at="the text of the EchoReply")
def echo_returns_the_text(program):
    node = by_hand(program, "EchoServer", "n1", clients=("c1",))
    for text in ("hello", "", "naïve ☕", "x" * 500):
        node.deliver("c1", Echo(text))
        got = node.sent_to("c1", EchoReply).text
        expect(got == text, f"c1 sent {text[:20]!r} and got back {got[:20]!r}")


@checks("1.1", "one reply, to the one who asked", points=1, look_at="the first argument of self.send")
def echo_answers_the_asker(program):
    node = by_hand(program, "EchoServer", "n1", peers=("n2",), clients=("c1", "c2"))
    for asker in ("c2", "c1", "n2"):
        before = len(node.sent)
        node.deliver(asker, Echo("hello"))
        to = [peer for peer, _ in node.sent[before:]]
        expect(to == [asker], f"{asker} asked, and replies went to {', '.join(to) or 'nobody'}")


# -- 1.2 Ids without asking anybody ----------------------------------------------------------------


def ids_of(node, count):
    """`count` fresh ids from one node."""
    for _ in range(count):
        node.deliver("c1", NewId())
    return [reply.id for reply in node.all_sent_to("c1", NewIdReply)]


def first_repeat(ids):
    """The first id that was there before, if any."""
    seen = set()
    return next((id for id in ids if id in seen or seen.add(id)), None)


@checks("1.2", "one node never repeats an id", points=1, look_at="what differs between two calls in one life")
def ids_differ_in_one_life(program):
    ids = ids_of(by_hand(program, "IdServer", "n1", peers=("n2", "n3"), clients=("c1",)), 400)
    again = first_repeat(ids)
    expect(again is None, f"n1 made the id {again!r} twice, within 400 ids and one instant of its clock")


@checks("1.2", "two nodes never make the same id", points=1, look_at="what differs between two nodes")
def ids_differ_between_nodes(program):
    names = ("n1", "n2", "n3", "n11", "n12")
    made = {name: ids_of(_id_node(program, name, names), 120) for name in names}
    everyone = [(id, name) for name, ids in made.items() for id in ids]
    again = first_repeat([id for id, _ in everyone])
    who = " and ".join(name for id, name in everyone if id == again)
    expect(again is None, f"{who} both made the id {again!r}")


@checks(
    "1.2", "a restart repeats no id", points=2, look_at="what is still there after a crash, and what is not"
)
def ids_differ_over_restarts(program):
    node = by_hand(program, "IdServer", "n1", peers=("n2", "n3"), clients=("c1",))
    ids_of(node, 20)
    node.restart()
    ids_of(node, 20)
    node.restart()
    again = first_repeat(ids_of(node, 20))
    expect(again is None, f"n1 made the id {again!r} again after a restart")


@checks("1.2", "an id takes no other node", points=1, look_at="whom new_id talks to")
def ids_need_nobody(program):
    node = by_hand(program, "IdServer", "n1", peers=("n2", "n3"), clients=("c1",))
    ids_of(node, 3)
    asked = [peer for peer, _ in node.sent if peer != "c1"]
    expect(
        not asked,
        f"n1 sent a message to {asked[:1]} to make an id; cut off from the others it could make none",
    )


def _id_node(program, name, names):
    return by_hand(program, "IdServer", name, peers=tuple(n for n in names if n != name), clients=("c1",))


# -- 1.3 The tabs ------------------------------------------------------------------------------------


def server_of(program, role):
    return by_hand(program, role, "n1", clients=("c1", "c2", "c3"))


def ask(node, number, f, key, value=None, session="c1"):
    """Deliver a request; the result in the reply to it."""
    node.deliver(session, Request(session, number, f, key, value))
    reply = node.sent_to(session, Reply)
    expect(
        (reply.session, reply.number) == (session, number),
        f"request {number} of {session} was answered as request {reply.number} of {reply.session}",
    )
    return reply.result


@checks("1.3", "get reads what was written, and nothing else", points=1)
def get_reads_the_latest(program):
    node = server_of(program, "KeyValueServer")
    got = ask(node, 1, "get", "table 4")
    expect(got is None, f"a tab that nobody opened reads {got!r}; it should read None")
    for number, order in ((2, "tea;"), (3, "cake;")):
        got = ask(node, number, "put", "table 4", order)
        expect(got is None, f"put tells {got!r}; its result is None")
    for number in (4, 5):
        got = ask(node, number, "get", "table 4")
        expect(got == "cake;", f"after put 'tea;' and then put 'cake;', get reads {got!r}")


@checks("1.3", "append adds to the end, and tells the new text", points=1)
def append_adds_to_the_end(program):
    node = server_of(program, "KeyValueServer")
    texts = [ask(node, number, "append", "table 4", order) for number, order in enumerate(ORDERS, 1)]
    wanted = ["".join(ORDERS[:n]) for n in range(1, len(ORDERS) + 1)]
    expect(texts == wanted, f"appending {', '.join(ORDERS)} told {texts}; the new text each time is {wanted}")
    got = ask(node, 9, "get", "table 4")
    expect(got == wanted[-1], f"after the appends, get reads {got!r} and not {wanted[-1]!r}")


@checks("1.3", "each key has a text of its own", points=1)
def keys_are_independent(program):
    node = server_of(program, "KeyValueServer")
    ask(node, 1, "put", "table 4", "tea;")
    ask(node, 2, "append", "table 5", "cake;")
    expect(ask(node, 3, "get", "table 4") == "tea;", "an append to table 5 changed the tab of table 4")
    expect(ask(node, 4, "get", "table 5") == "cake;", "table 5 does not read what was appended to it")
    ask(node, 5, "put", "table 4", "")
    expect(
        ask(node, 6, "get", "table 4") == "", "an emptied tab should read '', which is not the same as None"
    )


# -- 1.4 to 1.6 The client that asks again -------------------------------------------------------------


def client_of(program):
    return by_hand(program, "RetryingClient", "c1", peers=("n1",))


def requests_of(node):
    return node.all_sent_to("n1", Request)


@checks("1.4", "the request says what was asked", points=1, look_at="the fields of Request")
def request_carries_the_operation(program):
    node = client_of(program)
    for f, key, value in (("append", "table 4", "tea;"), ("get", "table 5", None), ("put", "table 6", "")):
        node = client_of(program)
        node.invoke(f, key, value)
        sent = requests_of(node)
        expect(len(sent) == 1, f"asked for one {f}, c1 sent {len(sent)} requests")
        got = (sent[0].session, sent[0].f, sent[0].key, sent[0].value)
        expect(got == ("c1", f, key, value), f"c1 was asked for {f}({key!r}, {value!r}) and sent {sent[0]}")


@checks("1.4", "it watches the clock while it waits", points=1, look_at="set_timer")
def request_sets_a_timer(program):
    node = client_of(program)
    node.invoke("get", "table 4")
    _watches(node, "c1 sent a request and set no timer: a lost reply would keep it waiting for ever")


def _watches(node, otherwise):
    """Is the timer "retry" set, and only that one, to RETRY_MS?"""
    expect(node.timers, otherwise)
    expect(
        list(node.timers) == ["retry"],
        f"c1 set {', '.join(map(repr, node.timers))}; the timer is called 'retry'",
    )
    least, most = node.timers["retry"]
    expect(
        (least, most) == (RETRY_MS * 1000, RETRY_MS * 1000),
        f"c1 set its timer to {least / 1000:g} to {most / 1000:g} ms, not to RETRY_MS, which is {RETRY_MS}",
    )


@checks("1.4", "each operation has a number of its own", points=1, look_at="self.number")
def requests_are_numbered(program):
    node = client_of(program)
    for count in range(1, 4):
        node.invoke("append", "table 4", f"order {count};")
    numbers = [request.number for request in requests_of(node)]
    wanted = list(range(1, len(numbers) + 1))
    expect(numbers == wanted, f"the operations of c1 went out with the numbers {numbers}, not {wanted}")


@checks("1.5", "no reply: the same request again", points=2, look_at="what on_timer sends, and its number")
def retry_repeats_the_request(program):
    node = client_of(program)
    operation = node.invoke("append", "table 4", "tea;")
    for _ in range(TRIES_MAX - 1):
        node.fire("retry")
        expect(node.outcome(operation) is None, "c1 ended the operation while it still had tries left")
        _watches(node, "c1 sent the request again and set no timer: the second loss is for ever")
    sent = requests_of(node)
    expect(len(sent) == TRIES_MAX, f"c1 sent the request {len(sent)} times in {TRIES_MAX} tries")
    other = next((request for request in sent if request != sent[0]), None)
    expect(other is None, f"a retry is the *same* request, but c1 sent {sent[0]} and then {other}")


@checks(
    "1.5",
    "after the last try, nobody knows",
    points=2,
    look_at="which of complete, fail, give_up is honest here",
)
def silence_is_unknown(program):
    node = client_of(program)
    operation = node.invoke("append", "table 4", "tea;")
    for _ in range(TRIES_MAX):
        node.fire()
    ended = node.outcome(operation)
    expect(ended is not None, f"after {TRIES_MAX} tries without a reply, c1 still holds the operation")
    expect(
        ended[0] == "info",
        f"c1 says that the operation {'failed' if ended[0] == 'fail' else 'succeeded'}; "
        "the server may have executed it, or may still: nobody knows",
    )
    expect(
        len(requests_of(node)) == TRIES_MAX,
        f"c1 sent {len(requests_of(node))} requests; {TRIES_MAX} tries are all",
    )
    expect(not node.timers, "c1 gave up and left its timer running")


@checks("1.6", "the reply ends the operation", points=1, look_at="complete, and what becomes of the timer")
def reply_completes(program):
    node = client_of(program)
    for number, result in ((1, "tea;"), (2, None), (3, "")):
        operation = node.invoke("get", "table 4")
        node.deliver("n1", Reply("c1", number, result))
        got = node.outcome(operation)
        expect(got == ("ok", result), f"c1 got the reply {result!r}, and its operation ended as {got}")
        expect(not node.timers, "c1 has its reply and left its timer running: it would ask again for nothing")


@checks(
    "1.6", "an answer to an earlier question is no answer", points=2, look_at="reply.number and self.number"
)
def stale_replies_are_ignored(program):
    node = client_of(program)
    node.invoke("get", "table 4")
    node.deliver("n1", Reply("c1", 1, "tea;"))
    second = node.invoke("get", "table 5")
    node.deliver("n1", Reply("c1", 1, "tea;"))
    expect(
        node.outcome(second) is None, "c1 took the second copy of reply 1 for the answer to its operation 2"
    )
    expect(node.timers, "a stale reply made c1 stop watching the clock")
    node.deliver("n1", Reply("c1", 2, "cake;"))
    expect(
        node.outcome(second) == ("ok", "cake;"),
        f"operation 2 ended as {node.outcome(second)}, not with 'cake;'",
    )


@checks(
    "1.6", "a reply that nobody waits for changes nothing", points=1, look_at="what self.pending is by then"
)
def idle_client_ignores_replies(program):
    node = client_of(program)
    node.deliver("n1", Reply("c1", 1, "tea;"))
    operation = node.invoke("append", "table 4", "tea;")
    for _ in range(TRIES_MAX):
        if node.timers:
            node.fire()
    if node.outcome(operation) is not None:
        node.deliver("n1", Reply("c1", 1, "tea;"))  # late, after giving up
    after = node.invoke("get", "table 4")
    node.deliver("n1", Reply("c1", 2, "tea;tea;"))
    node.deliver("n1", Reply("c1", 2, "tea;tea;"))
    expect(
        node.outcome(after) == ("ok", "tea;tea;"),
        f"the operation after a late reply ended as {node.outcome(after)}",
    )


# -- Part R: asking until there is an answer -----------------------------------------------------------


def orders(clients, count, *, key="table 4"):
    """Each client appends its own numbered orders to one tab; then the tab is read."""
    return {
        f"c{c}": [("append", key, f"c{c}.{n};") for n in range(1, count + 1)] + [("get", key)]
        for c in range(1, clients + 1)
    }


def cafe(role, clients=2, count=3, **more):
    return System.of(1, role, client="RetryingClient", workload=orders(clients, count, **more))


@checks(
    "1.R",
    "on a bad network, every operation ends",
    points=2,
    look_at="on_timer: which path leaves pending set and no timer behind it",
    not_shown="that an order is on the tab only once",
)
def every_operation_ends(program):
    system = cafe("KeyValueServer", clients=3, count=4)
    calls = sum(len(calls) for _, calls in system.workload)

    def play(run):
        run.run(40 * TRIES_MAX * RETRY_MS)
        done = [op for op in run.history if op.outcome == "ok"]
        ended = [op for op in run.history if op.outcome != "info" or op.returned_us is not None]
        expect(
            run.violation or len(ended) == calls, f"{calls - len(ended)} of {calls} operations never ended"
        )
        expect(
            run.violation or len(done) > calls / 2, f"only {len(done)} of {calls} operations got an answer"
        )

    scenarios(program, system, play, runs=40, link=HOSTILE, needs=("loss", "duplication", "late"))


@checks(
    "1.R",
    "cut off for good, it reports unknown, never failed",
    points=1,
    look_at="the end of on_timer",
)
def cut_off_is_unknown(program):
    system = cafe("KeyValueServer", clients=1, count=2)

    def play(run):
        run.at(4, run.isolate, "n1").run(40 * TRIES_MAX * RETRY_MS)
        wrong = [op for op in run.history if op.outcome == "fail"]
        expect(not wrong, f"c1 says that {wrong[:1]} failed, but its request may have arrived")

    scenarios(program, system, play, runs=20, link=Link(delay_ms=(1, 9)), needs=("cut",))


# -- 1.7 At most once -------------------------------------------------------------------------------


@checks("1.7", "a new request is executed and answered", points=1)
def new_requests_run(program):
    node = server_of(program, "AtMostOnceServer")
    expect(ask(node, 1, "append", "table 4", "tea;") == "tea;", "the first append does not tell the new text")
    expect(
        ask(node, 2, "append", "table 4", "tea;") == "tea;tea;",
        "a second order for the same thing is a new order",
    )
    expect(
        ask(node, 1, "append", "table 4", "cake;", "c2") == "tea;tea;cake;",
        "c2's first request was not executed",
    )


@checks(
    "1.7",
    "a request that comes twice is executed once",
    points=2,
    look_at="request.number against what you remember",
)
def duplicates_do_not_run(program):
    node = server_of(program, "AtMostOnceServer")
    ask(node, 1, "append", "table 4", "tea;")
    node.deliver("c1", Request("c1", 1, "append", "table 4", "tea;"))
    text = ask(node, 1, "get", "table 4", session="c2")
    expect(text == "tea;", f"the same request came twice, and the tab reads {text!r}")


@checks("1.7", "the second copy gets the first answer again", points=2, look_at="what you keep of a reply")
def duplicates_get_the_same_reply(program):
    node = server_of(program, "AtMostOnceServer")
    first = ask(node, 1, "get", "table 4")
    ask(node, 1, "append", "table 4", "tea;", "c2")
    before = len(node.all_sent_to("c1", Reply))
    again = ask(node, 1, "get", "table 4")
    expect(
        len(node.all_sent_to("c1", Reply)) == before + 1,
        "the second copy of a request got no reply; the first reply may have been the one that was lost",
    )
    expect(again == first, f"the first copy of get was answered {first!r}, the second {again!r}")


@checks("1.7", "an old copy never comes to life again", points=2, look_at="numbers smaller than the last one")
def old_duplicates_do_not_run(program):
    node = server_of(program, "AtMostOnceServer")
    for number in (1, 2, 3):
        ask(node, number, "append", "table 4", f"{number};")
    for number in (2, 1, 2):
        node.deliver("c1", Request("c1", number, "append", "table 4", f"{number};"))
    text = ask(node, 1, "get", "table 4", session="c2")
    expect(
        text == "1;2;3;", f"old copies of requests 1 and 2 came after request 3, and the tab reads {text!r}"
    )
    expect(ask(node, 4, "get", "table 4") == "1;2;3;", "after old copies, request 4 was not executed")


@checks("1.7", "each session counts for itself", points=1, look_at="request.session")
def sessions_are_independent(program):
    node = server_of(program, "AtMostOnceServer")
    for number in (1, 2, 3):
        ask(node, number, "append", "table 4", "a")
    for session in ("c2", "c3"):
        ask(node, 1, "append", "table 4", "b", session)
    text = ask(node, 4, "get", "table 4")
    expect(
        text == "aaabb",
        f"c2 and c3 each sent their request 1 after c1's request 3, and the tab reads {text!r}",
    )


@checks(
    "1.7",
    "the memory does not grow with every request",
    points=1,
    look_at="how many replies you keep per session",
)
def memory_is_bounded(program):
    node = server_of(program, "AtMostOnceServer")
    small = _size_after(node, 1, 50)
    large = _size_after(node, 51, 1050)
    expect(
        large < 2 * small,
        f"after 50 requests the server holds {small} characters of state, after 1050 requests {large}; "
        "a client that has sent request 1050 will not send 1049 again",
    )


def _size_after(node, first, last):
    for number in range(first, last + 1):
        ask(node, number, "put", "table 4", f"{number:06d}")
    return len(repr(sorted(node.attributes().items())))


# -- Parts A and D: the whole café ---------------------------------------------------------------------


class Tabs(KeyValue):
    """The tabs, one operation at a time: append tells the new text, and an absent tab counts as empty."""

    def apply(self, state, f, value):
        if f == "append":
            text = (state or "") + value
            return text, text
        return super().apply(state, f, value)


def tabs_are_right(run):
    """The judge of the whole café: is there one order of all operations that explains every answer?"""
    verdict = check_linearizable(run.history, Tabs())
    if verdict.verdict == "ok":
        return None
    return Violation("every order is on the tab once, and stays", _reason(run.history, verdict))


def _reason(history, verdict):
    """The doubled or the missing order, where that is what is wrong; else what the checker says."""
    appended = {op.value: op for op in history if op.f == "append"}
    for op in history:
        if op.outcome == "ok" and op.result:
            text = op.result
            for order, asked in appended.items():
                if text.count(order) > 1:
                    return f"{order!r} was ordered once and is {text.count(order)} times on the tab: {text!r}"
                if asked.outcome == "ok" and asked.returned < op.invoked and order not in text:
                    return f"{order!r} was acknowledged to {asked.client}, and later the tab reads {text!r}"
    return str(verdict)


@checks(
    "1.A",
    "in any order, with any copies, each order once",
    points=3,
    source="at-most-once semantics: Birrell & Nelson 1984, section 1",
    look_at="what the server remembers of a request, and when it looks there",
    not_shown="that an order survives a crash of the server",
)
def once_in_any_order(program):
    limits = Walk(steps_max=40, duplicates=True)
    walks(program, cafe("AtMostOnceServer"), count=300, limits=limits, judge=tabs_are_right)


@checks(
    "1.A",
    "on a bad network, each order once",
    points=2,
    source="at-most-once semantics: Birrell & Nelson 1984, section 1",
    look_at="what the server remembers of a request, and when it looks there",
)
def once_on_a_bad_network(program):
    scenarios(
        program,
        cafe("AtMostOnceServer", clients=3, count=4),
        lambda run: run.run(8_000),
        runs=40,
        link=HOSTILE,
        judge=tabs_are_right,
        needs=("loss", "duplication", "late"),
    )


# -- 1.8, 1.9 Over a crash ---------------------------------------------------------------------------

SAVED = {
    "tabs": (("table 4", "tea;"), ("table 5", "cake;")),
    "answered": (("c1", Reply("c1", 3, "tea;")), ("c2", Reply("c2", 1, "cake;"))),
}


def recovered(program):
    """A server that boots, and finds on the disk what an earlier life has saved."""
    return by_hand(program, "RecoveringServer", "n1", clients=("c1", "c2", "c3"), storage=SAVED)


@checks("1.8", "a first boot begins with nothing", points=1, look_at="the default of storage.get")
def first_boot_is_empty(program):
    node = server_of(program, "RecoveringServer")
    text = ask(node, 1, "get", "table 4")
    expect(text is None, f"at the first boot of the server, a tab that nobody opened reads {text!r}")


@checks("1.8", "the tabs are there again", points=1, look_at="which names recover reads")
def tabs_are_recovered(program):
    node = recovered(program)
    for number, key, wanted in ((1, "table 4", "tea;"), (2, "table 5", "cake;")):
        text = ask(node, number, "get", key, session="c3")
        expect(text == wanted, f"{wanted!r} was saved for {key}; after the crash the tab reads {text!r}")


@checks(
    "1.8", "a copy from before the crash is still a copy", points=2, look_at="is `answered` read back too?"
)
def answers_are_recovered(program):
    node = recovered(program)
    again = ask(node, 1, "append", "table 5", "cake;", "c2")
    text = ask(node, 1, "get", "table 5", session="c3")
    expect(
        text == "cake;",
        f"c2's request 1 came before the crash and again after it, and the tab reads {text!r}",
    )
    expect(again == "cake;", f"before the crash the answer was 'cake;', to the copy after it {again!r}")


@checks("1.8", "a recovered server goes on working", points=1, look_at="are tabs and answered dicts again?")
def recovered_server_works(program):
    node = recovered(program)
    text = ask(node, 4, "append", "table 4", "soup;")
    expect(text == "tea;soup;", f"the first new order after a crash makes the tab read {text!r}")


@checks("1.9", "it saves before it answers", points=2, look_at="the order of save and send")
def saves_before_it_answers(program):
    node = server_of(program, "DurableServer")
    node.deliver("c1", Request("c1", 1, "append", "table 4", "tea;"))
    kinds = [effect[0] for effect in node.effects if effect[0] in ("save", "send")]
    expect("send" in kinds, "the first request got no reply")
    expect("save" in kinds, "the server answered an append and saved nothing")
    expect(
        "save" not in kinds[kinds.index("send") :],
        "the reply leaves before everything is saved; a crash between the two loses an acknowledged order",
    )


@checks(
    "1.9",
    "tabs and answers are saved together",
    points=2,
    look_at="how many saves a request takes, and of what",
)
def saves_both_at_once(program):
    node = server_of(program, "DurableServer")
    for number, order in enumerate(ORDERS, 1):
        node.deliver("c1", Request("c1", number, "append", "table 4", order))
        saves = [effect[1] for effect in node.effects if effect[0] == "save"]
        parts = [sorted({"tabs", "answered"} & save.keys()) for save in saves]
        expect(
            any(part == ["answered", "tabs"] for part in parts),
            f"a request was saved as {parts}; if a crash comes between two saves, the tab has the order "
            "and nobody remembers that it was answered, or the other way round. Save both in one save",
        )
    saved = dict(node.storage["tabs"])
    expect(saved == {"table 4": "".join(ORDERS)}, f"after four orders the saved tabs are {saved}")


@checks("1.9", "at most once still holds", points=1, look_at="what 1.7 did before it executed a request")
def durable_duplicates_do_not_run(program):
    node = server_of(program, "DurableServer")
    for number in (1, 2, 1, 2):
        node.deliver("c1", Request("c1", number, "append", "table 4", f"{number};"))
    node.deliver("c2", Request("c2", 1, "append", "table 4", "c2;"))
    text = ask(node, 3, "get", "table 4")
    expect(text == "1;2;c2;", f"requests 1 and 2 came twice, c2's came once, and the tab reads {text!r}")


@checks("1.9", "what was acknowledged is there after a crash", points=2, look_at="which names recover reads")
def acknowledged_survives(program):
    node = server_of(program, "DurableServer")
    ask(node, 1, "put", "table 4", "tea;")
    ask(node, 1, "append", "table 5", "cake;", "c2")
    node.restart()
    for number, key, wanted in ((2, "table 4", "tea;"), (3, "table 5", "cake;")):
        text = ask(node, number, "get", key)
        expect(text == wanted, f"{wanted!r} on {key} was acknowledged; after a crash the tab reads {text!r}")


@checks(
    "1.9", "a copy from before the crash is still a copy", points=2, look_at="is `answered` read back too?"
)
def duplicates_survive(program):
    node = server_of(program, "DurableServer")
    first = ask(node, 1, "append", "table 4", "tea;")
    node.restart()
    again = ask(node, 1, "append", "table 4", "tea;")
    text = ask(node, 1, "get", "table 4", session="c2")
    expect(text == "tea;", f"a request came before the crash and again after it, and the tab reads {text!r}")
    expect(again == first, f"before the crash the answer was {first!r}, to the copy after it {again!r}")


@checks(
    "1.D",
    "in any order, crashing anywhere, each order once and for good",
    points=3,
    source="Birrell & Nelson 1984, section 1; a crash may come between any two effects",
    look_at="what is on the disk when the crash comes, and what is not",
)
def durable_in_any_order(program):
    limits = Walk(steps_max=40, duplicates=True, restarts=2, cuts=2)
    walks(program, cafe("DurableServer"), count=500, limits=limits, judge=tabs_are_right)


@checks(
    "1.D",
    "on a bad network with crashes, each order once and for good",
    points=2,
    look_at="what is on the disk when the crash comes, and what is not",
    not_shown="what a disk does that loses what was saved: that is lab 04's",
)
def durable_with_crashes(program):
    def play(run):
        for at_ms in (60, 190, 400):
            run.at(at_ms, run.crash_within, "n1", at_ms % 4)
            run.at(at_ms + 40, run.crash, "n1").at(at_ms + 70, run.restart, "n1")
        run.run(8_000)

    needs = ("loss", "duplication", "crash", "restart", "crash within a handler")
    system = cafe("DurableServer", clients=3, count=4)
    scenarios(program, system, play, runs=40, link=HOSTILE, judge=tabs_are_right, needs=needs)
