"""Wrong answers to lab 90, by misconception."""

from grading.answers import answer


@answer("90.1", misconception="the last number is the sum", rejected_by="any numbers add up")
def on_add(self, source, request):
    self.total = request.amount
    self.send(source, Sum(self.total))


@answer("90.1", misconception="memory is for ever", rejected_by="sums survive a crash")
def on_add(self, source, request):
    self.total += request.amount
    self.send(source, Sum(self.total))


@answer("90.2", misconception="double is square", rejected_by="double is twice")
def double(number):
    return number * number
