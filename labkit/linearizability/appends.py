"""Logs, and maps with put and append, whose appended values can be told apart in every read.

A read of a log, or of a string made by appends, shows all of its writers in order.  So the
longest read after each put gives a chain in the sense of `chains`, and every other read
must be one of its beginnings.  The rest of the argument is there.  Cost: one pass over the
values read.

Strings can be taken apart when no written string begins with another one: then at each
position at most one of them fits.  Does not apply to other strings, equal values,
deletes and compare-and-set.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from labkit.history import Operation
from labkit.linearizability.chains import (
    BEFORE_ALL,
    READS,
    WRITES,
    Contradiction,
    NotApplicable,
    Value,
    check_chains,
)
from labkit.models import canonical

Token = Any


def conflict_of_log(operations: Sequence[Operation], initial: tuple[Any, ...]) -> list[Operation]:
    """Operations that no order explains, or none if the log is linearizable."""
    values = _writers(operations)
    start = [canonical(entry) for entry in initial]
    try:
        reads = [([canonical(entry) for entry in _entries(op)], op) for op in operations if op.f in READS]
        for tokens, op in reads:
            if tokens[: len(start)] != start:
                raise Contradiction(op)
        root = Value(BEFORE_ALL)
        _add_chain(root, [(tokens[len(start) :], op) for tokens, op in reads], values)
        check_chains([root, *values.values()])
    except Contradiction as contradiction:
        return contradiction.operations
    return []


def _entries(read: Operation) -> Sequence[Any]:
    if not isinstance(read.result, list | tuple):
        raise Contradiction(read)
    return read.result


def conflict_of_strings(operations: Sequence[Operation], initial: Any) -> list[Operation]:
    """Operations that no order explains, or none if get, put and append are linearizable."""
    values = _writers(operations)
    cutter = _Cutter(values, initial)
    try:
        chains: dict[Token, list[Operation]] = {}
        for op in operations:
            if op.f in READS:
                chains.setdefault(cutter.root(op), []).append(op)
        roots = {token: value for token, value in values.items() if value.writer.f in WRITES}
        roots[None] = Value(BEFORE_ALL)
        for token, reads in chains.items():
            _add_chain(roots[token], cutter.cut_all(token, reads), values)
        check_chains([*values.values(), roots[None]])
    except Contradiction as contradiction:
        return contradiction.operations
    return []


def _writers(operations: Sequence[Operation]) -> dict[Token, Value]:
    values: dict[Token, Value] = {}
    for op in operations:
        if op.f in READS:
            continue
        token = canonical(op.value)
        if token in values or op.f not in WRITES | {"append"}:
            raise NotApplicable
        values[token] = Value(op)
    return values


def _add_chain(root: Value, reads: list[tuple[list[Token], Operation]], values: dict[Token, Value]) -> None:
    """Link the values of the longest read one after the other; attach every read to its last."""
    if not reads:
        return
    longest, proof = max(reads, key=lambda read: len(read[0]))
    chain = [root]
    for token in longest:
        value = values.get(token)
        if value is None or value.writer.f != "append":
            raise Contradiction(proof)
        if value.proof is not None:
            raise Contradiction(proof, value.proof)
        value.proof = proof
        value.follow(chain[-1])
        chain.append(value)
    for tokens, read in reads:
        if longest[: len(tokens)] != tokens:
            raise Contradiction(proof, read)
        chain[len(tokens)].read_by(read)


class _Cutter:
    """Takes the strings read apart into the strings written; the initial value is token None."""

    def __init__(self, values: dict[Token, Value], initial: Any) -> None:
        self.values = values
        self.initial = initial
        written = sorted(self._strings(initial))
        if any(two.startswith(one) for one, two in pairwise(written)):
            raise NotApplicable
        self.sizes = sorted({len(text) for text in values})

    def _strings(self, initial: Any) -> list[str]:
        texts = [*self.values, *([initial] if initial else [])]
        if not all(isinstance(text, str) and text for text in texts) or initial is False:
            raise NotApplicable
        return texts

    def root(self, read: Operation) -> Token:
        """The token of the put that the string read begins with; None: the initial value."""
        text = read.result
        if canonical(text) == canonical(self.initial):
            return None
        if not isinstance(text, str) or not text:
            raise Contradiction(read)
        if self.initial and text.startswith(self.initial):
            return None
        token = self._token(text, 0)
        if not token or (self.initial and self.values[token].writer.f == "append"):
            raise Contradiction(read)
        return token if self.values[token].writer.f in WRITES else None

    def cut_all(self, root: Token, reads: list[Operation]) -> list[tuple[list[Token], Operation]]:
        """The appends that each read shows; all must be beginnings of the longest."""
        longest = max(reads, key=lambda read: len(read.result or ""))
        text, start = longest.result or "", len((self.initial if root is None else root) or "")
        ends, tokens = {start: 0}, []
        position = start
        while position < len(text):
            tokens.append(self._token(text, position))
            if not tokens[-1]:
                raise Contradiction(longest)
            position += len(tokens[-1])
            ends[position] = len(tokens)
        cut = []
        for read in reads:
            shown = read.result or ""
            if not text.startswith(shown) or len(shown) not in ends:
                raise Contradiction(longest, read)
            cut.append((tokens[: ends[len(shown)]], read))
        return cut

    def _token(self, text: str, position: int) -> str:
        """The one written string that stands at this position, or "" if none does."""
        sizes = (size for size in self.sizes if text[position : position + size] in self.values)
        return text[position : position + next(sizes, 0)]
