"""Lab 00, given: five nodes that want a captain, and believe what they hear."""

from __future__ import annotations

from typing import Any

from labkit import Node, NodeId, message

HELLO_MS = 100
SILENCE_MS = 350


@message
class Hello:
    """I am here; and I hold `captain` for the captain."""

    captain: NodeId


class Crew(Node):
    """The captain is the first, in the order of names, of those who have been heard lately.

    Every node says Hello ten times a second.  Whoever has not been heard for 350 ms counts
    as gone.  There is no more to it, and that is what is wrong with it.
    """

    def on_start(self) -> None:
        self.heard = list(self.peers)
        self.choose()
        self.set_timer("say hello", HELLO_MS)
        for peer in self.peers:
            self.set_timer(peer, SILENCE_MS)

    def on_timer(self, name: str) -> None:
        if name == "say hello":
            self.broadcast(Hello(self.captain))
            self.set_timer("say hello", HELLO_MS)
        else:
            self.heard.remove(name)
            self.choose()

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Hello():
                self.set_timer(source, SILENCE_MS)
                if source not in self.heard:
                    self.heard.append(source)
                self.choose()
            case _:
                super().on_message(source, message)

    def choose(self) -> None:
        self.captain = min([self.id, *self.heard])
        self.role = "captain" if self.captain == self.id else "crew"
