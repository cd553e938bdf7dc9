"""Right answers to lab 90, written another way."""

import operator

from grading.answers import answer


def plus(a, b):
    return operator.add(a, b)


@answer("90.1", variant="with a helper")
def on_add(self, source, request):
    self.total = plus(self.total, request.amount)
    self.storage.save(total=self.total)
    self.send(source, Sum(self.total))


@answer("90.2", variant="with a helper")
def double(number):
    return plus(number, number)
