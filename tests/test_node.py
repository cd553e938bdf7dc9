"""A node is told what happened and answers with ordered effects, and nothing else."""

from __future__ import annotations

import pytest

from labkit.handle import LocalHandle
from labkit.history import Operation
from labkit.message import message
from labkit.node import Client, Node, NodeRandom


@message
class Ping:
    n: int = 0


class Recorder(Node):
    """Runs the function that the test puts into `act`."""

    act = None

    def on_start(self):
        self.count = 0

    def on_message(self, source, message):
        if type(self).act is None:
            return super().on_message(source, message)
        return type(self).act(self)


def effects_of(act, *, storage=None):
    """What a handler that does `act(node)` asks for."""

    class Acting(Recorder):
        pass

    Acting.act = act
    handle = LocalHandle(Acting, "n1", ("n3", "n2", "n1"), ("n1", "n2", "n3", "c1"), "seed")
    handle.start(storage or {}, 1, 0)
    return handle.deliver("n2", Ping(), 1500)


def error_of(act):
    (kind, text) = effects_of(act)[-1]
    assert kind == "error"
    return text


def test_effects_come_in_program_order():
    def act(node):
        node.send("n2", Ping(1))
        node.storage.save(x=1)
        node.set_timer("t", 5, 10)
        node.broadcast(Ping(2))
        node.cancel_timer("t")

    assert effects_of(act) == [
        ("send", "n2", Ping(1)), ("save", {"x": 1}), ("set_timer", "t", 5000, 10000),
        ("send", "n2", Ping(2)), ("send", "n3", Ping(2)), ("cancel_timer", "t"),
    ]  # fmt: skip


def test_peers_are_sorted_and_leave_oneself_out():
    def act(node):
        node.storage.save(peers=node.peers)

    assert effects_of(act) == [("save", {"peers": ("n2", "n3")})]


def test_what_was_saved_can_be_read_in_the_same_handler():
    def act(node):
        node.storage.save(x=node.storage.get("x", 0) + 1)
        node.storage.save(x=node.storage.get("x") + 1)

    assert effects_of(act, storage={"x": 5}) == [("save", {"x": 6}), ("save", {"x": 7})]


def test_the_clock_is_the_one_that_the_runtime_gives():
    def act(node):
        node.storage.save(now=node.now_ms)

    assert effects_of(act) == [("save", {"now": 1.5})]


def test_effects_before_an_exception_are_kept_and_the_traceback_is_the_last():
    def act(node):
        node.send("n2", Ping(1))
        raise KeyError("missing")

    first, last = effects_of(act)
    assert first == ("send", "n2", Ping(1))
    assert last[0] == "error"
    assert "KeyError: 'missing'" in last[1]
    assert "test_node.py" in last[1]
    assert "labkit" not in last[1].split("test_node.py")[0]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda n: n.send("n9", Ping()), "n1 tried to send Ping to 'n9', but its peers are n2, n3"),
        (lambda n: n.send("n2", [1]), "n1 tried to send a list to n2. Send a message"),
        (lambda n: n.send("n2", "hello"), "n1 tried to send a str to n2"),
        (lambda n: n.set_timer("t", -1), "n1 set timer 't' to -1 ms, but a timer fires in the future"),
        (lambda n: n.set_timer("t", float("nan")), "n1 set timer 't' to nan ms"),
        (lambda n: n.set_timer("t", "5"), "n1 set timer 't' to '5' ms"),
        (lambda n: n.set_timer("t", 10, 5), "between 10 and 5 ms. Swap them"),
        (lambda n: n.set_timer(["t"], 5), "a timer's name holds a list"),
        (lambda n: n.storage.save(log=[]), "storage.save(log=...) holds a list"),
        (
            lambda n: Node.on_message(n, "n2", Ping()),
            "n1 got Ping(n=0) from n2, but its on_message has no case for Ping",
        ),
        (lambda n: n.on_timer("t"), "n1's timer 't' fired, but its on_timer does not handle it"),
    ],
)
def test_a_wrong_call_is_one_sentence_with_the_node_and_the_values(act, sentence):
    assert sentence in error_of(act)


def test_time_raises_a_sentence_where_schedules_have_none():
    handle = LocalHandle(Recorder, "n1", (), ("n1",), "seed")
    handle.start({}, 1, None)
    Recorder.act = lambda node: node.now_ms
    try:
        assert "tries schedules without any time" in handle.deliver("n1", Ping(), None)[0][1]
    finally:
        Recorder.act = None


def test_init_is_refused_because_a_restart_would_leak_it():
    with pytest.raises(TypeError, match="on_start"):

        class Leaky(Node):
            def __init__(self):
                self.x = 1


def test_an_unwritten_exercise_is_its_own_effect():
    def act(node):
        raise NotImplementedError("Exercise 9.1: use voted_for")

    assert effects_of(act) == [("unwritten", "Exercise 9.1: use voted_for")]


def test_a_restart_keeps_storage_and_nothing_else():
    class Counting(Node):
        def on_start(self):
            self.seen = self.storage.get("seen", 0)

        def on_message(self, source, message):
            self.seen += 1
            self.extra = "volatile"
            self.storage.save(seen=self.seen)

    handle = LocalHandle(Counting, "n1", (), ("n1",), "seed")
    handle.start({}, 1, 0)
    (save,) = handle.deliver("n1", Ping(), 0)
    handle.start(save[1], 2, 0)
    assert handle.observe() == {"seen": 1}


def test_facts_are_asked_after_every_event_and_stated_when_new():
    class Stating(Node):
        def on_start(self):
            self.count = 0

        def on_message(self, source, message):
            self.count += message.n

        def facts(self):
            yield "count of", self.count

    handle = LocalHandle(Stating, "n1", (), ("n1",), "seed")
    assert handle.start({}, 1, 0) == [("fact", "count of", 0)]
    assert handle.deliver("n1", Ping(0), 0) == []
    assert handle.deliver("n1", Ping(2), 0) == [("fact", "count of", 2)]


def test_dice_repeat_for_a_seed_and_differ_between_lives():
    draws = [NodeRandom(seed).randrange(1 << 60) for seed in ("a/1", "a/1", "a/2")]
    assert draws[0] == draws[1] != draws[2]


def test_dice_can_be_continued_from_their_count():
    dice = NodeRandom("a")
    dice.random()
    again = NodeRandom("a", dice.count)
    assert dice.random() == again.random()


def test_observing_changes_nothing_and_hides_private_attributes():
    class Two(Node):
        def on_start(self):
            self.log, self._secret = [1], 2

    handle = LocalHandle(Two, "n1", (), ("n1",), "seed")
    handle.start({}, 1, 0)
    assert handle.observe() == {"log": (1,)}
    assert handle.attributes() == {"log": (1,), "_secret": 2}
    assert handle.node.log == [1]


class Asking(Client):
    def on_start(self):
        self.end = "complete"

    def on_invoke(self, operation):
        if operation.f == "complete":
            self.complete(operation, operation.value)
        elif operation.f == "fail":
            self.fail(operation)
        elif operation.f == "give_up":
            self.give_up(operation)
        else:
            self.complete("nonsense")


@pytest.mark.parametrize(
    ("f", "effect"), [("complete", ("ok", 3, "x")), ("fail", ("fail", 3)), ("give_up", ("info", 3))]
)
def test_a_client_ends_an_operation_in_one_of_three_ways(f, effect):
    handle = LocalHandle(Asking, "c1", ("n1",), ("n1", "c1"), "seed")
    handle.start({}, 1, 0)
    assert handle.invoke(Operation(3, "c1", "c1", f, None, "x"), 0) == [effect]


def test_ending_something_else_is_one_sentence():
    handle = LocalHandle(Asking, "c1", ("n1",), ("n1", "c1"), "seed")
    handle.start({}, 1, 0)
    assert "Keep the one that on_invoke was given" in handle.invoke(Operation(3, "c1", "c1", "odd"), 0)[0][1]
