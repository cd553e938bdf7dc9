"""The command ``check-history``: its formats, its exit status, and what it says of bad files."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import brute_force
import pytest
from checker_workloads import WORKLOADS

from labkit.history import History
from labkit.history_formats import main


class Command:
    """Writes a file, runs the command on it, and keeps what it printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "history.jsonl"
        self._capsys = capsys

    def __call__(self, content: bytes | str, model: str = "register", *options: str) -> int:
        self.file.write_bytes(content if isinstance(content, bytes) else content.encode())
        status = main([str(self.file), "--model", model, *options])
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def lines(*events: tuple[Any, str, str, Any], key: Any = None) -> str:
    """JSON lines of (process, type, f, value)."""
    names = ("process", "type", "f", "value")
    return "".join(json.dumps({**dict(zip(names, e, strict=True)), "key": key}) + "\n" for e in events)


def call(process: Any, f: str, value: Any = None, result: Any = None) -> list[Any]:
    """An invocation with its ok."""
    return [(process, "invoke", f, value), (process, "ok", f, result)]


def test_a_legal_history_is_a_yes_with_status_0(command: Command) -> None:
    assert command(lines(*call(1, "write", 3, 3), *call(2, "read", None, 3))) == 0
    assert command.out == "yes: linearizable: 2 operations\n"


def test_a_wrong_history_is_a_no_with_status_1_and_its_reason(command: Command) -> None:
    assert command(lines(*call(1, "write", 3, 3), *call(2, "read", None, 4))) == 1
    assert command.out.startswith("no: not linearizable: read() = 4 by 2 cannot be placed")


def test_a_small_budget_is_unknown_with_status_2(command: Command) -> None:
    events = []
    for n in range(12):
        events.append((n, "invoke", "cas", [n % 3, (n + 1) % 3]))
    for n in range(12):
        events.append((n, "ok", "cas", [n % 3, (n + 1) % 3]))
    assert command(lines(*events), "register", "--initial", "0", "--budget", "2") == 2
    assert command.out.startswith("unknown: ")


@pytest.mark.parametrize(
    ("model", "events", "options", "status"),
    [
        ("register", call(1, "cas", [1, 2], [1, 2]), ["--initial", "1"], 0),
        ("register", call(1, "cas", [1, 2], [1, 2, False]), ["--initial", "1"], 1),
        ("register", call(1, "cas", [1, 2], [1, 2, False]), ["--initial", "3"], 0),
        ("register", call(1, "cas", [1, 2], [1, 2]), [], 1),
        ("register", [(1, "invoke", "cas", [None, 2]), (1, "fail", "cas", [None, 2])], [], 0),
        (
            "kv",
            [*call(1, "append", "a"), *call(1, "append", "b"), *call(1, "get", None, "ab")],
            [],
            0,
        ),
        ("kv", [*call(1, "put", "a"), *call(1, "delete"), *call(1, "get", None, None)], [], 0),
        ("kv", [*call(1, "put", 5), *call(1, "append", "a")], [], 1),
        ("kv", call(1, "get", None, ""), ["--initial", '""'], 0),
        ("kv", call(1, "get", None, ""), [], 1),
        ("counter", [*call(1, "add", 2), *call(1, "read", None, 12)], ["--initial", "10"], 0),
        ("set", [*call(1, "add", 2), *call(1, "read", None, [2, 1])], ["--initial", "[1]"], 0),
        ("set", [*call(1, "add", 2), *call(1, "read", None, [2, 2])], [], 1),
        ("queue", [*call(1, "dequeue", None, None), *call(1, "dequeue", None, "")], [], 0),
        ("queue", call(1, "dequeue", None, 7), ["--initial", "[7]"], 0),
        ("queue", call(1, "dequeue", None, None), ["--initial", "[7]"], 1),
        ("log", [*call(1, "append", 1), *call(1, "read", None, [1])], [], 0),
        ("log", [*call(1, "append", 1), *call(1, "read", None, [])], [], 1),
        ("lock", [*call(1, "acquire"), *call(1, "release"), *call(2, "acquire")], [], 0),
        ("lock", [*call(1, "acquire"), *call(2, "acquire")], [], 1),
        ("lock", call(1, "release"), ["--initial", "true"], 0),
        ("register", [*call(1, "write", 1), *call(1, "read", None, True)], [], 1),
        ("register", [*call(1, "write", 1), *call(1, "read", None, 1.0)], [], 0),
        (
            "register",
            [*call(1, "write", [1, {"a": []}]), *call(1, "read", None, [1, {"a": []}])],
            [],
            0,
        ),
    ],
)
def test_each_model_means_what_it_says(
    command: Command, model: str, events: Any, options: list[str], status: int
) -> None:
    assert command(lines(*events), model, *options) == status


def test_processes_are_json_scalars_and_true_is_not_1(command: Command) -> None:
    events = [(process, "invoke", "write", 1) for process in (1, True, "1", None, 1.5)]
    assert command(lines(*events)) == 0


def test_a_failed_read_and_an_operation_without_an_end_are_accepted(command: Command) -> None:
    events = [(1, "invoke", "read", None), (1, "fail", "read", None), (1, "invoke", "write", 1)]
    assert command(lines(*events, *call(2, "read", None, 1))) == 0


def test_keys_are_objects_of_their_own_and_an_absent_key_is_null(command: Command) -> None:
    text = lines(*call(1, "write", 1)) + lines(*call(2, "write", 2), key=["x", 1])
    read = '{"process": 3, "type": "%s", "f": "read", "value": 1}\n'
    assert command(text + read % "invoke" + read % "ok") == 0


@pytest.mark.parametrize("workload", ["register", "map", "counter", "set", "queue", "log", "lock"])
def test_a_recorded_history_is_read_back_as_it_was(command: Command, workload: str) -> None:
    model, draw = WORKLOADS[workload]
    random = Random(4)
    for _ in range(25):
        history = brute_force.small_history(random, model, draw)
        name = "kv" if workload == "map" else workload
        truth = brute_force.linearizable(history, model)
        assert command(history.to_lines(), name) == (0 if truth else 1)


PORCUPINE = """\
{:process 0, :type :invoke, :f :get, :key "7", :value nil}
{:process 1, :type :invoke, :f :append, :key "7", :value "x 1 0 y"}
{:process 0, :type :ok, :f :get, :key "7", :value ""}
{:process 1, :type :ok, :f :append, :key "7", :value "x 1 0 y"}
{:process 0, :type :invoke, :f :get, :key "7", :value nil}
"""


def test_a_porcupine_log_begins_with_empty_strings(command: Command) -> None:
    end = '{:process 0, :type :ok, :f :get, :key "7", :value "%s"}\n'
    assert command(PORCUPINE + end % "x 1 0 y", "kv") == 0
    assert command(PORCUPINE + end % "", "kv") == 1
    assert command(PORCUPINE + "{:process 0, :type :ok", "kv") == 3
    assert "line 6: " in command.err


JEPSEN = (
    "INFO  jepsen.util - 4\t:invoke\t:read\tnil\n"
    "INFO  jepsen.util - 4\t:ok\t:read\tnil\n"
    "INFO  jepsen.util - 1\t:invoke\t:write\t1\n"
    "INFO  jepsen.util - 1\t:info\t:write\t:timed-out\n"
    "INFO  jepsen.core - Worker 7 starting\n"
    "INFO  jepsen.util - 3\t:invoke\t:cas\t[1 2]\n"
    "INFO  jepsen.util - 3\t:ok\t:cas\t[1 2]\n"
    "INFO  jepsen.util - 2\t:invoke\t:read\tnil\n"
    "INFO  jepsen.util - 2\t:fail\t:read\t:timed-out\n"
)


def test_in_a_jepsen_log_a_failed_cas_was_refused(command: Command) -> None:
    line = "INFO  jepsen.util - 0\t:{}\t:cas\t[{{0}} 4]\n"
    cas = line.format("invoke") + line.format("fail")
    assert command(JEPSEN + cas.format(1)) == 0
    assert command(JEPSEN + cas.format(2)) == 1
    assert command(JEPSEN + "INFO  jepsen.util - 0\t:inv") == 3
    assert "line 10: " in command.err


BAD = [
    ('{"process": 1, "type": "invoke", "f": "read"', "line 1: not JSON"),
    ("[1]\n", "line 1: [1] is not an event"),
    ("\n\n7\n", "line 3: 7 is not an event"),
    (b"\x00\x01\xff\xfe", "line 1: "),
    (b'{"process": "\xff"}', "line 1: not UTF-8 text"),
    ("[" * 100_000, "line 1: nested deeper than 100 levels"),
    (lines((1, "invoke", "write", float("nan"))), "line 1: NaN is not a JSON value"),
    ('{"process": 1, "type": "invoke", "f": "write", "value": 1e999}', "line 1: the number 1e999"),
    ('{"process": 1, "type": "invoke", "f": "write", "value": ' + "9" * 5000 + "}", "5000 digits"),
    ('{"process": 1, "process": 2}', 'line 1: the name "process" appears twice'),
    ('{"type": "invoke", "f": "read"}', "line 1: the event has no 'process'"),
    (lines(([1], "invoke", "read", None)), "line 1: process is [1]"),
    (lines((1, "start", "read", None)), 'line 1: type is "start"'),
    (
        lines((1, "invoke", "pop", None)),
        'f is "pop", but the model register has only read, write, cas',
    ),
    (lines((1, "invoke", ["read"], None)), 'line 1: f is ["read"]'),
    (lines((1, "invoke", "cas", 3)), "cas takes [expected, new]"),
    ('{"process": 1, "type": "invoke", "f": "write"}', "line 1: the event has no 'value'"),
    (
        lines((1, "ok", "read", None)),
        "line 1: process 1 ends read with ok, but has invoked nothing",
    ),
    (
        lines((1, "invoke", "read", None)) * 2,
        "line 2: process 1 invokes read, but its read has not",
    ),
    (
        lines((1, "invoke", "read", None), (1, "ok", "write", 1)),
        "line 2: process 1 ends write, but",
    ),
    (
        lines((1, "invoke", "cas", [1, 2]), (1, "ok", "cas", [1, 3])),
        "line 2: cas of [1, 2] ended with",
    ),
    (
        lines((1, "invoke", "read", None), key="x") + lines((1, "ok", "read", None), key="y"),
        'line 2: read ends on key "y", but was invoked on key "x"',
    ),
    ('{"process": 1, "type": "invoke", "f": "read", "time": "noon"}', 'time is "noon"'),
]


@pytest.mark.parametrize(("content", "words"), BAD, ids=[words[-30:] for _, words in BAD])
def test_bad_input_is_status_3_with_its_line_and_what_is_wrong(
    command: Command, content: bytes | str, words: str
) -> None:
    assert command(content) == 3
    assert words in command.err
    assert command.out == ""


@pytest.mark.parametrize(
    ("model", "initial"),
    [
        ("counter", '"x"'),
        ("set", "3"),
        ("queue", "[null]"),
        ("lock", "1"),
        ("kv", "{"),
        ("log", "NaN"),
    ],
)
def test_an_initial_state_that_does_not_fit_is_bad_input(command: Command, model: str, initial: str) -> None:
    assert command("", model, "--initial", initial) == 3
    assert command.err


def test_a_wrong_call_is_bad_input_too(command: Command, tmp_path: Path) -> None:
    assert command("", "stack") == 3
    assert main([str(tmp_path / "missing"), "--model", "set"]) == 3
    assert main([str(tmp_path), "--model", "set"]) == 3
    assert main([]) == 3


def test_an_endless_line_is_refused_after_16_megabytes(command: Command) -> None:
    assert command(b" " * 16_000_001) == 3
    assert "line 1: longer than 16000000 bytes" in command.err


def test_no_damaged_file_crashes_it(command: Command) -> None:
    random = Random(8)
    statuses = set()
    for _ in range(150):
        model, draw = WORKLOADS["register"]
        raw = bytearray(brute_force.small_history(random, model, draw).to_lines().encode())
        damage = random.randrange(3)
        if damage == 0:
            raw = raw[: random.randrange(len(raw))]
        elif damage == 1:
            raw[random.randrange(len(raw))] = random.randrange(256)
        else:
            shuffled = bytes(raw).splitlines(keepends=True)
            random.shuffle(shuffled)
            raw = bytearray(b"".join(shuffled))
        status = command(bytes(raw))
        assert status in (0, 1, 3)
        assert ("line " in command.err) == (status == 3)
        statuses.add(status)
    assert statuses >= {0, 3}


def test_odd_characters_are_printed_in_escaped_form(command: Command) -> None:
    text = '{"process": "\\ud800", "type": "%s", "f": "read", "value": "\\u0007"}\n'
    assert command(text % "invoke" + text % "ok") == 1
    assert "\x07" not in command.out


def test_an_empty_history_is_linearizable(command: Command) -> None:
    assert command("") == 0
    assert History().to_lines() == ""
