"""Lab 90, a lab for tests: a counter, and its double."""

from __future__ import annotations

from labkit.message import message
from labkit.node import Node


@message
class Add:
    amount: int


@message
class Sum:
    total: int


class Counter(Node):
    """Adds up what it is sent, and answers with the sum so far."""

    def on_start(self) -> None:
        self.total = self.storage.get("total", 0)

    def on_message(self, source, message):
        match message:
            case Add():
                self.on_add(source, message)
            case _:
                super().on_message(source, message)
