"""The reference that the checkers are compared with: try every order, believe nothing.

Slow on purpose: no memory, no pruning but "the order so far is already illegal".  Also
makes the small random histories, right and wrong, with unanswered operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.history import History, Operation
from labkit.models import ANYTHING, ILLEGAL, Model, canonical

Must = Callable[[Operation, Operation], bool]  # whether the first must come before the second


def real_time(one: Operation, other: Operation) -> bool:
    """The first had its response before the second was invoked."""
    return one.returned is not None and one.returned < other.invoked


def linearizable(history: History, model: Model) -> bool:
    """By definition: every object alone has a legal order that keeps real time."""
    keys = {canonical(op.key): op.key for op in history}
    return all(exists_order(_of(history, key), model, real_time) for key in keys.values())


def _of(history: History, key: Any) -> list[Operation]:
    return [op for op in history if canonical(op.key) == canonical(key)]


def exists_order(operations: Sequence[Operation], model: Model, must: Must) -> bool:
    """Whether the answered operations and some of the others have a legal order that keeps `must`.

    The operations of different keys have states of their own.
    """
    states = {canonical(op.key): model.initial_for(op.key) for op in operations}
    return _search(states, [op for op in operations if op.outcome != "fail"], model, must)


def _search(states: dict[Any, Any], left: list[Operation], model: Model, must: Must) -> bool:
    if all(op.outcome == "info" for op in left):
        return True
    for op in left:
        if any(must(other, op) for other in left if other is not op):
            continue
        key = canonical(op.key)
        next_state = after(op, states[key], model)
        rest = [other for other in left if other is not op]
        if next_state is not ILLEGAL and _search({**states, key: next_state}, rest, model, must):
            return True
    return False


def after(op: Operation, state: Any, model: Model) -> Any:
    """The state after this operation, or `ILLEGAL` if it cannot have had its answer here."""
    outcome = model.apply(state, op.f, op.value)
    if outcome is ILLEGAL:
        return ILLEGAL
    next_state, result = outcome
    seen = model.seen(op.f, op.result)
    fits = op.outcome == "info" or result is ANYTHING or canonical(result) == canonical(seen)
    return next_state if fits else ILLEGAL


Call = tuple[str, Any]


def small_history(
    random: Random,
    model: Model,
    draw: Callable[[Random, int], Call],
    *,
    length: int = 6,
    clients: int = 3,
    keys: Sequence[Any] = (None,),
    unanswered: float = 0.15,
    wrong: float = 0.25,
) -> History:
    """Clients of a real object, run by a random schedule; now and then an answer is falsified.

    Each operation takes effect at one moment between its invocation and its response.
    Unanswered ones take effect then, or never.  What goes wrong: an answered operation had
    no effect, or its answer is that of another operation.
    """
    history, states, answers = History(), {key: model.initial_for(key) for key in keys}, []
    open_: dict[str, Operation] = {}
    effects: dict[int, Any] = {}
    while len(history) < length or open_:
        client = f"c{random.randrange(clients)}"
        op = open_.get(client)
        if op is None:
            if len(history) < length:
                f, value = draw(random, len(history))
                open_[client] = history.invoke(client, f, random.choice(keys), value)
        elif op.id not in effects:
            outcome = model.apply(states[op.key], op.f, op.value)
            if outcome is ILLEGAL and random.random() < 0.7:
                continue
            next_state, result = (states[op.key], ANYTHING) if outcome is ILLEGAL else outcome
            lost = random.random() < unanswered
            if random.random() < (0.5 if lost else 1 - wrong / 3):
                states[op.key] = next_state
            effects[op.id] = None if result is ANYTHING else result
            if lost:
                history.info(open_.pop(client).id)
            else:
                answers.append((op.f, effects[op.id]))
        else:
            result = effects[op.id]
            if random.random() < wrong:
                result = random.choice([a for f, a in answers if f == op.f])
            history.ok(open_.pop(client).id, result)
    return history
