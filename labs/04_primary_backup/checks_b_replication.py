"""Lab 04, public checks, part replication.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

from checks import a_view, ask
from given import (
    PING_MS,
    RETRY_MS,
    VIEW_SERVICE,
    Forward,
    ForwardReply,
    Ping,
    Reply,
    Request,
    State,
    StateReply,
    ViewReply,
    members,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import KeyValue
from labkit.nemesis import Nemesis, calm
from labkit.network import Stream
from labkit.verdict import Undecided

BIRRELL = "Birrell & Nelson 1984"
ALSBERG = "Alsberg & Day 1976"
BUDHIRAJA = "Budhiraja & others 1993"
SETTLE_MS = 600
"""From a crash or a restart until both seats are filled, and the backup is up to date."""


# -- 4.5 Execute -----------------------------------------------------------------------------------


def alone(program):
    return by_hand(program, "Alone", "n1", peers=("n2", VIEW_SERVICE), clients=("c1", "c2"))


def one(node, client, number, f, key, value=None):
    """The only reply that `client` gets."""
    replies = ask(node, client, number, f, key, value)
    expect(len(replies) == 1, f"request {number} of {client} was answered by {replies}, not by one Reply")
    return replies[0]


@checks("4.5", "what is new is executed, once", points=2, source=BIRRELL, look_at="the two numbers")
def executes_once(program):
    node = alone(program)
    for number in (1, 2, 5, 10):
        for copy in range(3):
            got = one(node, "c1", number, "append", "list", f"{number};")
            expect(
                got == Reply("c1", number, None),
                f"append {number} of c1 (copy {copy}) was answered by {got}",
            )
    got = one(node, "c2", 1, "get", "list").result
    expect(got == "1;2;5;10;", f"requests 1, 2, 5 and 10 came three times each, and the list is {got!r}")


@checks("4.5", "a copy gets the reply that was given", points=2, look_at="what a get answers the second time")
def copies_get_the_same(program):
    node = alone(program)
    one(node, "c1", 1, "put", "cup", "tea")
    first = one(node, "c2", 7, "get", "cup")
    one(node, "c1", 2, "put", "cup", "coffee")
    again = one(node, "c2", 7, "get", "cup")
    expect(
        first == again == Reply("c2", 7, "tea"),
        f"c2's get was answered by {first}; the same request came again, and was answered by {again}",
    )
    later = one(node, "c2", 8, "get", "cup")
    expect(later == Reply("c2", 8, "coffee"), f"c2's next get was answered by {later}")


@checks("4.5", "an old request changes nothing", points=1, look_at="a number below the last")
def old_requests_change_nothing(program):
    node = alone(program)
    one(node, "c1", 1, "append", "list", "1;")
    one(node, "c1", 3, "append", "list", "3;")
    ask(node, "c1", 2, "append", "list", "2;")
    ask(node, "c1", 1, "append", "list", "1;")
    again = one(node, "c1", 3, "append", "list", "3;")
    expect(again == Reply("c1", 3, None), f"request 3 came again, after older ones; the reply is {again}")
    got = one(node, "c1", 4, "get", "list").result
    expect(got == "1;3;", f"request 2 came after request 3, when nobody waits for it; the list is {got!r}")


@checks("4.5", "each session counts for itself", points=1, look_at="the key into self.answered")
def sessions_apart(program):
    node = alone(program)
    one(node, "c1", 5, "append", "list", "a;")
    one(node, "c2", 1, "append", "list", "b;")
    one(node, "c2", 2, "append", "list", "c;")
    one(node, "c1", 6, "append", "list", "d;")
    got = one(node, "c2", 3, "get", "list").result
    expect(got == "a;b;c;d;", f"c1 sent its requests 5 and 6, c2 its 1 and 2; the list is {got!r}")


# -- 4.6 to 4.8 A pair -----------------------------------------------------------------------------


def store(program, role="Pair", id="n1", storage=None):
    others = [other for other in ("n1", "n2", "n3") if other != id]
    peers = (*others, VIEW_SERVICE)
    return by_hand(program, role, id, peers=peers, clients=("c1", "c2", "c3"), storage=storage)


def tell(node, number, primary, backup=None):
    """The view service tells the node of a view; the messages that it sends at once."""
    return node.deliver(VIEW_SERVICE, ViewReply(a_view(number, primary, backup)))


def forwards(node, to="n2", since=0):
    """What was passed on to `to`: (view, index) to request, in the order of the indexes."""
    found = {}
    for peer, m in node.sent[since:]:
        if peer == to and isinstance(m, Forward):
            found |= {(m.view, index): each for index, each in enumerate(m.requests, m.after + 1)}
    return dict(sorted(found.items()))


def request(client, number, f="append", value=None):
    return Request(client, number, f, "list", value or (f"{client}.{number};" if f != "get" else None))


def take(node, *requests):
    """These requests come in from their clients; the replies that leave at once."""
    before = len(node.sent)
    for each in requests:
        node.deliver(each.session, each)
    return [(to, m) for to, m in node.sent[before:] if isinstance(m, Reply)]


@checks("4.6", "with a backup, nothing is executed or answered yet", points=2, source=ALSBERG)
def waits_for_backup(program):
    node = store(program)
    tell(node, 2, "n1", "n2")
    replies = take(node, request("c1", 1), request("c2", 1, "get"))
    expect(not replies, f"the backup has confirmed nothing, and n1 answered {replies}")
    view = node.observe()
    expect(
        view["executed"] == 0 and not view["data"],
        f"the backup has confirmed nothing, and n1 has executed {view['executed']}: {view['data']}",
    )


@checks("4.6", "every request is passed on, under the next index", points=2, look_at="the index")
def passes_on(program):
    node = store(program)
    tell(node, 1, "n1")
    take(node, request("c1", 1), request("c2", 1))
    tell(node, 2, "n1", "n2")
    asked = [request("c1", 2), request("c2", 2, "get"), request("c3", 1, "put")]
    for number, each in enumerate(asked, 1):
        take(node, each)
        got, wanted = forwards(node), {(2, 2 + i): r for i, r in enumerate(asked[:number], 1)}
        expect(got == wanted, f"2 requests were executed, {number} came since; passed on were {got}")
    before = len(node.sent)
    node.fire("ping")
    got = forwards(node, since=before)
    expect(got == wanted, f"nothing was confirmed, so all should be sent again; sent were {got}")


@checks("4.6", "without a backup, the answer is given at once", points=1, look_at="self.settle")
def alone_answers(program):
    node = store(program)
    tell(node, 1, "n1")
    for number in (1, 2, 3):
        got = take(node, request("c1", number))
        wanted = [("c1", Reply("c1", number, None))]
        expect(got == wanted, f"n1 is alone, and request {number} of c1 led to {got}")
    got = take(node, request("c2", 1, "get"))
    expect(
        got == [("c2", Reply("c2", 1, "c1.1;c1.2;c1.3;"))],
        f"three appends were answered, and a get of the list led to {got}",
    )


@checks("4.6", "nobody but the backup hears of it", points=1, look_at="to whom messages go")
def tells_only_backup(program):
    node = store(program)
    tell(node, 2, "n1", "n3")
    before = len(node.sent)
    take(node, request("c1", 1), request("c2", 1, "get"))
    others = [(to, m) for to, m in node.sent[before:] if to != "n3"]
    expect(not others, f"two requests came, n3 is backup, and n1 sent {others[:1]}")


def backup(program, role="Pair"):
    node = store(program, role, "n2")
    tell(node, 2, "n1", "n2")
    return node


def passed(node, index, *each, view=2):
    """Requests are passed on to this backup, the first of them under `index`; what it answers."""
    before = len(node.sent)
    node.deliver("n1", Forward(view, index - 1, each))
    sent = node.sent[before:]
    wrong = [(to, m) for to, m in sent if to != "n1" or not isinstance(m, ForwardReply)]
    expect(not wrong, f"the backup was passed request {index}, and sent {wrong[:1]}")
    return [m for _, m in sent]


def list_of(node):
    """What the node finds when it is primary, alone, and asked for the list."""
    tell(node, 90, ("n2", 1))
    replies = take(node, Request("c3", 1_000, "get", "list"))
    expect(replies, "n2 became primary, alone, and did not answer a get")
    return replies[0][1].result


@checks("4.7", "in order, each once, and each confirmed", points=2, source=ALSBERG)
def backup_in_order(program):
    node = backup(program)
    for index in range(1, 6):
        for copy in range(2):
            got = passed(node, index, request("c1", index))
            expect(
                got == [ForwardReply(2, index)],
                f"request {index} was passed on (copy {copy}), and the backup answered {got}",
            )
    found = list_of(node)
    expect(found == "c1.1;c1.2;c1.3;c1.4;c1.5;", f"five appends were passed on; the backup has {found!r}")


@checks("4.7", "of many at once, only the new ones", points=2, look_at="the index of each request")
def backup_takes_the_new(program):
    node, asked = backup(program), [request("c1", number) for number in range(1, 9)]
    for first, last in ((1, 3), (1, 5), (4, 6), (2, 3), (1, 8)):
        most = max(last, node.observe()["executed"])
        got = passed(node, first, *asked[first - 1 : last])
        expect(
            got == [ForwardReply(2, most)],
            f"requests {first} to {last} were passed on, all up to {most} are there, and the answer was {got}",
        )
    found = list_of(node)
    expect(found == "".join(f"c1.{n};" for n in range(1, 9)), f"the appends came in parts; found is {found!r}")


@checks("4.7", "after a gap nothing is executed or confirmed", points=2, look_at="what is the next one?")
def gaps_wait(program):
    node = backup(program)
    passed(node, 1, request("c1", 1))
    for index in (3, 4):
        got = passed(node, index, request("c1", index))
        expect(
            set(got) <= {ForwardReply(2, 1)},
            f"request 2 has not come, request {index} has, and the backup answered {got}",
        )
    for index in (2, 3, 4):
        got = passed(node, index, request("c1", index))
        expect(
            ForwardReply(2, index) in got, f"requests up to {index} are there; the backup answered {got}"
        )
    found = list_of(node)
    expect(found == "c1.1;c1.2;c1.3;c1.4;", f"requests 1, 3, 4, 2, 3, 4 came; the backup has {found!r}")


@checks("4.7", "an old one is confirmed again, as far as all is there", points=1, look_at="lost replies")
def old_confirmed_again(program):
    node = backup(program)
    for index in (1, 2, 3):
        passed(node, index, request("c2", index))
    for index in (1, 3, 2):
        got = passed(node, index, request("c2", index))
        expect(
            got == [ForwardReply(2, 3)],
            f"everything up to 3 is executed, request {index} came again, and the answer was {got}",
        )


@checks(
    "4.7",
    "replies are replicated with the data",
    points=2,
    source=BIRRELL,
    look_at="perform and execute: the table has to change here, too",
)
def backup_remembers_replies(program):
    node = backup(program)
    passed(node, 1, request("c1", 1))
    passed(node, 2, request("c1", 1))  # c1 asked twice, and the primary passed on both
    passed(node, 3, request("c2", 1))
    tell(node, 3, ("n2", 1))
    got = take(node, request("c2", 1))
    expect(
        got == [("c2", Reply("c2", 1, None))],
        f"c2 asks the new primary again what the old one did not answer; the answer is {got}",
    )
    found = list_of(node)
    expect(found == "c1.1;c2.1;", f"c1 and c2 appended once, asked twice, and the list is {found!r}")


def confirm(node, index, view=2, source="n2"):
    """The backup confirms everything up to `index`; the replies that leave."""
    before = len(node.sent)
    node.deliver(source, ForwardReply(view, index))
    return [(to, m) for to, m in node.sent[before:] if isinstance(m, Reply)]


def busy(program, role="Pair"):
    """A primary that has taken five requests, and has no confirmation."""
    node = store(program, role)
    tell(node, 2, "n1", "n2")
    asked = [request("c1", 1), request("c2", 1), request("c3", 1, "get"), request("c1", 2), request("c2", 2)]
    take(node, *asked)
    return node


ANSWERS = [
    ("c1", Reply("c1", 1, None)),
    ("c2", Reply("c2", 1, None)),
    ("c3", Reply("c3", 1, "c1.1;c2.1;")),
    ("c1", Reply("c1", 2, None)),
    ("c2", Reply("c2", 2, None)),
]


@checks("4.8", "what is confirmed is answered, and no more", points=2, source=ALSBERG)
def answers_confirmed(program):
    node = busy(program)
    for index in range(1, 6):
        got = confirm(node, index)
        expect(
            got == ANSWERS[index - 1 : index],
            f"five requests wait, the backup confirmed up to {index}, and the answers were {got}",
        )
    got = take(node, request("c3", 2, "get"))
    got = got or confirm(node, 6)
    wanted = [("c3", Reply("c3", 2, "c1.1;c2.1;c1.2;c2.2;"))]
    expect(got == wanted, f"all is confirmed, and a get of the list led to {got}")


@checks("4.8", "one confirmation may speak for several", points=2, look_at="indexes below reply.index")
def confirms_several(program):
    node = busy(program)
    got = confirm(node, 3)
    expect(got == ANSWERS[:3], f"the backup confirmed everything up to 3, and the answers were {got}")
    got = confirm(node, 5)
    expect(got == ANSWERS[3:], f"then it confirmed everything up to 5, and the answers were {got}")


@checks("4.8", "copies and old confirmations answer nobody", points=1, look_at="what waits no more")
def old_confirmations(program):
    node = busy(program)
    confirm(node, 2)
    for index in (0, 1, 2, 2):
        got = confirm(node, index)
        expect(not got, f"1 and 2 were answered, a confirmation of {index} came late, and n1 sent {got}")
    before = len(node.sent)
    node.fire("ping")
    got = [index for _, index in forwards(node, since=before)]
    expect(got == [3, 4, 5], f"1 and 2 are confirmed of five, and n1 sends again {got}")


# -- 4.9 Enter a view ------------------------------------------------------------------------------


def told_state(node, source="n2", view=2):
    """The new backup confirms the state; the messages that leave."""
    before = len(node.sent)
    node.deliver(source, StateReply(view))
    return node.sent[before:]


def pinged(node):
    """The number in the next ping."""
    node.fire("ping")
    return node.sent_to(VIEW_SERVICE, Ping).number


@checks("4.9", "a new backup gets everything, before anything else", points=3, source=BUDHIRAJA)
def state_first(program):
    node = store(program, "RejoiningStore")
    tell(node, 1, "n1")
    take(node, request("c1", 1), request("c2", 1))
    tell(node, 2, "n1", "n2")
    state = node.sent_to("n2", State)
    wanted = State(2, 2, (("list", "c1.1;c2.1;"),), (Reply("c1", 1, None), Reply("c2", 1, None)))
    expect(state == wanted, f"the new backup was sent {state}; n1 has {wanted}")
    replies = take(node, request("c1", 2))
    node.fire("ping")
    expect(
        not replies and not forwards(node),
        f"the backup has not confirmed the state, and n1 sent {replies or forwards(node)}",
    )
    again = node.all_sent_to("n2", State)
    expect(len(again) > 1, "the State was not sent again, though nobody has confirmed it")
    told_state(node)
    expect(
        forwards(node) == {(2, 3): request("c1", 2)},
        f"the backup has confirmed the state, one request waits, and passed on were {forwards(node)}",
    )


@checks(
    "4.9",
    "a view is acknowledged when its backup has the state",
    points=2,
    source=BUDHIRAJA,
    look_at="self.settled",
)
def acknowledges_after_state(program):
    node = store(program, "RejoiningStore")
    expect(pinged(node) == 0, "n1 is in no view, and its pings say otherwise")
    tell(node, 1, "n1")
    expect(pinged(node) == 1, "n1 is primary of view 1, alone, and does not acknowledge it")
    tell(node, 2, "n1", "n2")
    got = pinged(node)
    said = [m.number for m in node.all_sent_to(VIEW_SERVICE, Ping)]
    expect(2 not in said, f"n2 has not confirmed the state of view 2, and n1 pinged with {said[-3:]}")
    expect(got == 1, f"n1 has settled in view 1 last, and pings with {got}")
    told_state(node)
    expect(pinged(node) == 2, "n2 has confirmed the state, and n1 does not acknowledge view 2")
    tell(node, 5, "n3", "n2")
    expect(pinged(node) == 5, "n1 has no seat in view 5, has nothing to wait for, and has not settled")


@checks("4.9", "left alone, the primary answers what waits", points=2, look_at="a view without backup")
def alone_settles(program):
    node = busy(program, "RejoiningStore")
    expect(told_state(node), "the backup confirmed the state, and nothing was passed on")
    before = len(node.sent)
    tell(node, 3, "n1")
    got = [(to, m) for to, m in node.sent[before:] if isinstance(m, Reply)]
    expect(got == ANSWERS, f"the backup is gone, five requests wait, and the answers were {got}")


@checks("4.9", "with another backup, what waits goes on waiting", points=2, look_at="the third case")
def waits_on(program):
    node = busy(program, "RejoiningStore")
    told_state(node)
    confirm(node, 2)
    before = len(node.sent)
    tell(node, 3, "n1", "n3")
    got = [m for _, m in node.sent[before:] if isinstance(m, Reply)]
    expect(not got, f"the new backup n3 has confirmed nothing, and n1 answered {got}")
    state = node.sent_to("n3", State)
    expect(state.executed == 2, f"two of five requests are confirmed, and n3 is sent {state}")
    told_state(node, "n3", 3)
    got = [index for _, index in forwards(node, "n3")]
    expect(got == [3, 4, 5], f"n3 has the state after request 2, three wait, and passed on were {got}")


@checks("4.9", "who is not primary lets nobody wait", points=2, look_at="self.waiting")
def nobody_waits(program):
    node = busy(program, "RejoiningStore")
    told_state(node)
    tell(node, 3, "n2", "n1")
    node.deliver("n2", State(3, 7, (("list", "x;"),), (Reply("c3", 9, None),)))
    before = len(node.sent)
    tell(node, 4, "n1")
    got = [(to, m) for to, m in node.sent[before:] if isinstance(m, Reply)]
    expect(
        not got,
        f"n1 was replaced in view 3, is primary again in view 4, and answered {got[:1]}, "
        "which it took in view 2; since then others have executed other requests",
    )
    tell(node, 5, "n1", "n3")
    told_state(node, "n3", 5)
    take(node, request("c1", 30))
    got = forwards(node, "n3")
    expect(
        got == {(5, 8): request("c1", 30)},
        f"n1 has the state after request 7, one came since, and passed on were {got}",
    )


def counter(clients, turns, key="list"):
    """Clients that append and read in turns, all on one key; each append has a value of its own."""
    return {
        f"c{c}": [
            ("append", key, f"{c}.{n};") if n % 3 else ("get", key) for n in range(1, turns + 1)
        ]
        for c in range(1, clients + 1)
    }


def shop(role, stores, clients=3, turns=8, gap_ms=5):
    work = counter(clients, turns)
    return System.of(members(role, stores), client="StoreClient", workload=work, gap_ms=gap_ms)


def is_linearizable(run):
    """The judge: is there one order of all operations that explains every answer?"""
    verdict = check_linearizable(run.history, KeyValue())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("the store is linearizable, and loses nothing", str(verdict))


def all_ended(run, what):
    """Every operation got its answer."""
    wanted = sum(len(calls) for _, calls in run.system.workload)
    open_ones = [op for op in run.history if op.outcome != "ok"]
    ended = len(run.history) - len(open_ones)
    expect(run.violation or ended == wanted, f"{what}; {ended} of {wanted} operations were answered")


def one_at_a_time(run, turns, nodes):
    """Crash one of `nodes` after the other, each when the last has come back and caught up."""
    chance = Stream(run.seed, "one at a time")
    run.run(300)
    for _ in range(turns):
        id = chance.choice(nodes)
        run.run(run.now_ms + chance.below(60))
        run.crash(id)
        run.run(run.now_ms + SETTLE_MS)
        run.restart(id)
        run.run(run.now_ms + SETTLE_MS)


@checks(
    "4.9",
    "who comes back catches up, and can take over",
    points=3,
    source=BUDHIRAJA,
    look_at="what a backup has, when the primary dies",
)
def rejoining_catches_up(program):
    def play(run):
        one_at_a_time(run, 4, run.system.node_ids[1:])
        run.run(run.now_ms + 1_500)
        all_ended(run, "two stores crashed in turns, one at a time, with time to catch up between")

    system = shop("RejoiningStore", 2, clients=2, turns=30, gap_ms=100)
    scenarios(
        program, system, play, runs=10, judge=is_linearizable, link=Link((1, 8)), needs=("crash", "restart")
    )


# -- 4.10 Of this view, and for me -----------------------------------------------------------------


def fenced_backup(program):
    """n2, backup of n1 in view 4, with the state after request 2."""
    node = store(program, "Store", "n2")
    tell(node, 4, "n1", "n2")
    node.deliver("n1", State(4, 2, (("list", "old;"),), ()))
    expect(node.all_sent_to("n1", StateReply), "n2 is backup of view 4, and did not take its State")
    return node


@checks(
    "4.10",
    "a backup listens to its own view only",
    points=3,
    source="Ghemawat & others 2003, section 3.1",
    look_at="message.view and self.view.number",
)
def backup_is_fenced(program):
    node = fenced_backup(program)
    for view in (3, 1, 5, 400):
        for message in (Forward(view, 2, (request("c1", 9),)), State(view, 5, (), ())):
            got = node.deliver("n1", message)
            expect(not got, f"n2 is in view 4; {message} came, and it answered {got}")
    got = node.deliver("n1", Forward(4, 2, (request("c1", 1),)))
    expect(got == [ForwardReply(4, 3)], f"request 3 of view 4, its own, came, and n2 answered {got}")
    tell(node, 5, "n2")
    got = node.deliver("n1", Forward(4, 3, (request("c1", 2),)))
    expect(not got, f"n2 is primary of view 5, n1 passes on a request of view 4, and n2 answered {got}")
    found = list_of(node)
    expect(found == "old;c1.1;", f"only request 3 was of its view, and the list is {found!r}")


@checks("4.10", "a primary listens to its own view only", points=2, look_at="late confirmations")
def primary_is_fenced(program):
    node = store(program, "Store")
    tell(node, 4, "n1", "n2")
    for view in (3, 5):
        told_state(node, "n2", view)
    expect(pinged(node) < 4, "a StateReply of another view came, and n1 acknowledged view 4")
    told_state(node, "n2", 4)
    take(node, request("c1", 1), request("c2", 1))
    expect(len(forwards(node)) == 2, f"the backup has the state, and passed on were {forwards(node)}")
    for view in (3, 5):
        got = confirm(node, 2, view)
        expect(not got, f"n1 is in view 4, a confirmation of view {view} came, and it answered {got}")
    got = confirm(node, 2, 4)
    expect(len(got) == 2, f"the backup of its own view confirmed two requests, and n1 answered {got}")


@checks("4.10", "a new life is nobody's backup", points=2, look_at="self.me and the seat")
def new_life_is_nobody(program):
    node = store(program, "Store", "n2", storage={"life": 1})
    tell(node, 4, "n1", "n2")
    for message in (State(4, 2, (), ()), Forward(4, 0, (request("c1", 1),))):
        got = node.deliver("n1", message)
        expect(
            not got,
            f"the backup of view 4 is n2 in its life 1, n2 is in its life 2, and answered {got} to {message}",
        )
    tell(node, 5, "n1", ("n2", 2))
    got = node.deliver("n1", State(5, 2, (), ()))
    expect(got == [StateReply(5)], f"n2, in its life 2, is backup of view 5, and answered {got} to its State")


@checks("4.10", "each seat has its own messages", points=1, look_at="which messages are for which seat")
def seats_have_messages(program):
    node = store(program, "Store", "n3")
    tell(node, 4, "n1", "n2")
    for message in (State(4, 0, (), ()), Forward(4, 0, (request("c1", 1),))):
        got = node.deliver("n1", message)
        expect(not got, f"n3 has no seat in view 4, and answered {got} to {message}")
    node = store(program, "Store")
    tell(node, 4, "n1", "n2")
    got = [m for m in node.deliver("n2", Forward(4, 0, (request("c1", 1),))) if isinstance(m, ForwardReply)]
    expect(not got, f"n1 is primary of view 4, was passed a request like a backup, and answered {got}")


# -- Part P: one store out of many nodes -----------------------------------------------------------

HOSTILE = Link(delay_ms=(1, 20), loss=0.05, duplication=0.1, tail=0.05, tail_ms=300)


@checks(
    "4.P",
    "in any order, with crashes anywhere, the store is linearizable",
    points=3,
    source="Herlihy & Wing 1990",
    look_at="what the backup has, and what the client was told",
    not_shown="that anything is ever answered",
)
def linear_in_any_order(program):
    limits = Walk(steps_max=160, restarts=2, cuts=2, duplicates=True, timers=24)
    walks(program, shop("Store", 2, clients=2, turns=4), count=200, limits=limits, judge=is_linearizable)
    limits = Walk(steps_max=200, restarts=2, cuts=1, timers=40, demotions=6)
    walks(program, shop("Store", 2, clients=3, turns=4), count=200, limits=limits, judge=is_linearizable)


@checks(
    "4.P",
    "one crash at a time loses nothing, and stops nothing",
    points=3,
    source=f"{ALSBERG}: one failure is survived",
    look_at="the moment of the crash: what had been answered, and what did the other one have?",
)
def survives_one_crash(program):
    def play(run):
        one_at_a_time(run, 5, run.system.node_ids[1:])
        run.run(run.now_ms + 3_000)
        all_ended(run, "stores crashed in turns, one at a time, with time to catch up between")

    link = Link(delay_ms=(1, 15), loss=0.03, duplication=0.1)
    for stores in (2, 3):
        scenarios(
            program,
            shop("Store", stores, clients=3, turns=30, gap_ms=130),
            play,
            runs=16,
            link=link,
            judge=is_linearizable,
            needs=("crash", "restart", "loss", "duplication"),
        )


@checks(
    "4.P",
    "what the backup has not heard was not answered",
    points=3,
    source=ALSBERG,
    look_at="what the answer waits for",
)
def unheard_is_unanswered(program):
    def play(run):
        chance = Stream(run.seed, "unheard")
        run.run(300 + chance.below(100))
        view = run.observe(VIEW_SERVICE)["view"]
        if run.violation or view.backup is None:
            return
        run.cut(view.primary[0], view.backup[0])
        run.run(run.now_ms + chance.between(20, 150))
        run.crash(view.primary[0])
        run.run(run.now_ms + 50)
        run.heal()
        run.run(run.now_ms + 4_000)
        all_ended(run, f"{view.primary[0]}, the primary, did not reach its backup, and crashed")

    system, needs = shop("Store", 2, clients=3, turns=20, gap_ms=10), ("cut link", "crash")
    scenarios(program, system, play, runs=16, link=Link((1, 10)), judge=is_linearizable, needs=needs)


@checks(
    "4.P",
    "a crash between any two steps of the primary doubles no append and loses none",
    points=3,
    source=BIRRELL,
    look_at="execute, on both nodes",
)
def crash_between_steps(program):
    def play(run):
        chance = Stream(run.seed, "between steps")
        run.run(250 + chance.below(200))
        if run.violation:
            return
        primary = run.observe(VIEW_SERVICE)["view"].primary[0]
        run.crash_within(primary, chance.below(4))
        run.run(4_000)
        all_ended(run, f"{primary}, the primary, crashed within a handler, and its backup lived")

    link = Link(delay_ms=(1, 12), loss=0.05, duplication=0.1)
    needs = ("crash within a handler", "loss", "duplication")
    system = shop("Store", 2, clients=3, turns=12, gap_ms=20)
    scenarios(program, system, play, runs=20, link=link, judge=is_linearizable, needs=needs)


def cut_off(run, primary, reach):
    """The primary, c1 and c2 lose the view service; the primary still reaches the other stores, or nobody."""
    side = [primary, "c1", "c2"]
    others = [id for id, _ in run.system.members if id not in side]
    if reach == "nobody":
        run.partition(side, others)
    else:
        run.partition(side, [VIEW_SERVICE])
        run.partition(["c1", "c2"], [id for id in others if id != VIEW_SERVICE])


@checks(
    "4.P",
    "an old primary answers nobody, not even a read",
    points=4,
    source="MIT 6.824 (2015): old primary does not serve gets",
    look_at="what the old primary waits for, and who would give it",
)
def old_primary_is_silent(program):
    def play(run):
        chance = Stream(run.seed, "old primary")
        run.run(250 + chance.below(100))
        if run.violation:
            return
        view = run.observe(VIEW_SERVICE)["view"]
        primary, backup = view.primary[0], view.backup[0]
        cut_off(run, primary, chance.choice(("nobody", "stores")))
        run.run_until(lambda: run.observe(backup)["view"].number > view.number, run.now_ms + 1_500)
        expect(
            run.violation or run.observe(backup)["view"].primary[0] == backup,
            f"{primary} was cut off from the view service, and {backup} did not take over in 1.5 s",
        )
        since_us = run.now_us
        run.run(run.now_ms + 700)
        side = [op for op in run.history if op.client in ("c1", "c2") and op.outcome == "ok"]
        old = [op for op in side if op.invoked_us > since_us]
        expect(
            run.violation or not old,
            f"{backup} was primary, and {primary}, the old one, answered {old[0] if old else 'nobody'}",
        )
        run.heal()
        run.run(run.now_ms + 3_000)
        all_ended(run, "the partition has healed")

    work = counter(3, 26) | {"c1": [("get", "list")] * 40}
    system = System.of(members("Store", 3), client="StoreClient", workload=work, gap_ms=20)
    scenarios(program, system, play, runs=24, link=Link((1, 10)), judge=is_linearizable, needs=("partition",))


@checks(
    "4.P",
    "through cuts, partitions, pauses and crashes, the store is linearizable",
    points=3,
    source="Herlihy & Wing 1990",
    look_at="messages of another view",
    not_shown="that anything is answered when primary and backup are lost at once",
)
def linear_through_faults(program):
    def play(run):
        kinds = ("isolate", "one way", "partition", "pause", "slow", "crash within")
        few = Stream(run.seed, "kinds").some(kinds)[:3]
        Nemesis(run, few, until_ms=2_500, every_ms=(100, 400), lasting_ms=(100, 600), aim=0.6)
        run.run(2_500)
        calm(run)
        run.run(4_000)

    system = shop("Store", 3, clients=3, turns=14, gap_ms=60)
    needs = ("partition", "loss", "late", "duplication", "pause")
    scenarios(program, system, play, runs=60, link=HOSTILE, judge=is_linearizable, needs=needs)


@checks(
    "4.P",
    "a backup that dies before it is up to date is replaced",
    points=2,
    source=f"{BUDHIRAJA}; DSLabs: multiple failures to backup",
    look_at="who waits for the dead backup: the store, or the view service?",
)
def dead_newcomers_are_replaced(program):
    def play(run):
        chance = Stream(run.seed, "newcomers")
        run.run(400)
        for _ in range(3):
            view = run.observe(VIEW_SERVICE)["view"]
            if run.violation or view.backup is None:
                return
            run.crash(view.backup[0])
            run.run_until(lambda view=view: newcomer(run, view), run.now_ms + 1_000)
            run.run(run.now_ms + chance.below(12))
            now = run.observe(VIEW_SERVICE)["view"]
            if now.backup is not None:
                run.crash(now.backup[0])
            run.run(run.now_ms + chance.below(300))
            for id in run.system.node_ids:
                run.restart(id)
            run.run(run.now_ms + 2 * SETTLE_MS)
        run.run(run.now_ms + 2_000)
        all_ended(run, "backups died one after the other, some of them when new; the primary lived")

    system = shop("Store", 3, clients=2, turns=24, gap_ms=120)
    scenarios(program, system, play, runs=8, link=Link((1, 10)), judge=is_linearizable, needs=("crash",))


def newcomer(run, view):
    return run.observe(VIEW_SERVICE)["view"].backup not in (view.backup, None)


@checks(
    "4.P",
    "the view service is asked only when there is no answer",
    points=1,
    source="MIT 6.824 (2015): count of RPCs to the view service",
    look_at="what a store sends to vs",
)
def few_messages_to_service(program):
    def play(run):
        run.run(3_000)
        all_ended(run, "nothing failed for 3 s")
        nodes = run.system.node_ids
        sent = [e for e in run.trace.of_kind("send") if e.peer == VIEW_SERVICE and e.node in nodes]
        allowed = 3 * (3_000 // PING_MS + 1)
        expect(
            run.violation or len(sent) <= allowed,
            f"in 3 s without faults, three stores sent the view service {len(sent)} messages for "
            f"{len(run.history)} operations; their pings are {allowed}, and nothing more is needed",
        )

    system = shop("Store", 3, clients=3, turns=40, gap_ms=10)
    scenarios(program, system, play, runs=3, link=Link((1, 10)), judge=is_linearizable)


@checks(
    "4.P",
    "the view service may crash and come back",
    points=2,
    look_at="what the stores do while nobody answers their pings",
)
def service_comes_back(program):
    def play(run):
        chance = Stream(run.seed, "service")
        run.run(300 + chance.below(200))
        run.crash(VIEW_SERVICE)
        run.run(run.now_ms + chance.between(10, 4 * RETRY_MS))
        if chance.chance(0.5):
            run.crash(run.system.node_ids[1 + chance.below(2)])
        run.run(run.now_ms + 200)
        run.restart(VIEW_SERVICE)
        run.run(run.now_ms + 3_000)
        all_ended(run, "the view service was away for some time, and one store at most has crashed")

    system = shop("Store", 2, clients=2, turns=16, gap_ms=30)
    scenarios(program, system, play, runs=40, link=Link((1, 10)), judge=is_linearizable, needs=("crash",))
