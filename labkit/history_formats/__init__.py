"""Histories from files, and the command ``python -m labkit check-history``.

Three line formats, told apart by the first line:

- JSON lines, one event each: ``{"process": 1, "type": "invoke", "f": "write", "key": "x",
  "value": 3}``.  Types are invoke, ok, fail and info; the order of lines is the order of
  events; ``time`` (microseconds) is optional.  `calls` has the operations of each model.
- The key-value test logs of Porcupine: ``{:process 1, :type :ok, :f :get, :key "x", :value ""}``.
- Its etcd test logs, made by Jepsen: ``INFO  jepsen.util - 1 :ok :read 3``.  There a failed
  compare-and-set is one that ran and was refused.

What is wrong with a file is said in a sentence with the number of the line.
"""

from labkit.history_formats.command import main
from labkit.history_formats.reading import read_history
from labkit.history_formats.recording import BadInput

__all__ = ["BadInput", "main", "read_history"]
