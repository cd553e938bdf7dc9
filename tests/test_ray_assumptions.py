"""What labkit takes for granted of Ray, one test for each thing that another version may change."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.cluster import Cluster, ClusterError, ray_refusals
from labkit.cluster.session import SESSION_BYTES_MAX, named_after, session
from labkit.system import System
from tests import cluster_programs as p

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parent.parent
LISTENING = "0A"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(p.Beat, System.of(2, "Beat")) as running:
        yield running


def processes() -> list[int]:
    """All descendants of this process: Ray's own, and the hosts."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def listening_addresses() -> set[str]:
    """Where any of them listens, as the kernel writes addresses."""
    inodes = set()
    for pid in processes():
        for fd in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    lines = [
        line.split()
        for kind in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()
    ]
    return {
        line[1].partition(":")[0] for line in lines if line[3] == LISTENING and line[9] in inodes
    }


@pytest.mark.usefixtures("cluster")
def test_ray_and_hosts_listen_on_the_loopback_only() -> None:
    """Ray believes RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0, if it is set before the import."""
    found = listening_addresses()
    assert found
    assert found <= {
        "0100007F",
        "0000000000000000FFFF00000100007F",
        "00000000000000000000000001000000",
    }


def test_hosts_run_at_normal_priority(cluster: Cluster) -> None:
    """RAY_worker_niceness=0; Ray's default of 15 starves timers."""
    assert {os.getpriority(os.PRIO_PROCESS, m.pid) for m in cluster._fleet.members.values()} == {0}


@pytest.mark.usefixtures("cluster")
def test_rays_files_lie_in_a_folder_that_only_we_can_enter() -> None:
    folder = session().folder
    assert (folder / "r" / "session_latest").exists()
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.parent.stat().st_mode & 0o077 == 0
    assert len(os.fsencode(folder)) <= SESSION_BYTES_MAX


@pytest.mark.usefixtures("cluster")
def test_rays_servers_name_our_folder_on_their_command_lines() -> None:
    """That is how those of a killed kernel are found."""
    found = " ".join(
        Path(f"/proc/{pid}/cmdline").read_text() for pid, _ in named_after(session().folder)
    )
    for name in ("gcs_server", "raylet", "agent"):
        assert name in found


def test_ray_is_of_a_version_that_this_was_written_for() -> None:
    import ray

    assert (2, 59) <= tuple(map(int, ray.__version__.split(".")[:2])) < (3, 0)


def test_the_switches_that_we_use_exist() -> None:
    from ray._private import ray_constants, worker

    assert isinstance(ray_constants.ENABLE_RAY_CLUSTER, bool)
    assert callable(worker.listen_error_messages)


ASK = """
import os, sys
from ray._raylet import GcsClient
if sys.argv[2] == "nobody":
    os.setgid(65534), os.setuid(65534)
try:
    GcsClient(address=sys.argv[1]).internal_kv_put(b"k", b"v", True, None)
    print("wrote")
except Exception as error:
    print("refused" if "auth" in repr(error).lower() else repr(error))
"""


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("who", "token", "answer"),
    [
        ("me", "ours", "wrote"),
        ("me", "0" * 64, "refused"),
        ("nobody", None, "refused"),
        ("nobody", "0" * 64, "refused"),
    ],
)
def test_only_a_process_with_the_token_reaches_rays_store(
    who: str, token: str | None, answer: str
) -> None:
    """Pickled code lives there.  Token mode is on by itself for a new local Ray."""
    import ray

    if who == "nobody" and os.getuid() != 0:
        pytest.skip("needs root, to become a second user")
    env = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"HOME": "/nowhere"}
    if token:
        env |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"] if token == "ours" else token,
        }
    address = ray.get_runtime_context().gcs_address
    done = subprocess.run(
        [sys.executable, "-c", ASK, address, who],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == answer, done.stderr[-2000:]


FRESH = """
import asyncio, sys
sys.path.insert(0, {root!r})
from labkit.cluster import Cluster, ClusterError, ray_refusals
from labkit.system import System
from tests.cluster_programs import Beat
{body}
"""


def fresh(body: str, *given: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A controller of its own."""
    text = FRESH.format(root=str(ROOT), body=textwrap.dedent(body))
    env = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | env
    return subprocess.run(
        [sys.executable, "-c", text, *given],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_killed_node_is_not_reported_and_nothing_is_written_to_the_home(tmp_path: Path) -> None:
    done = fresh(
        """
        with Cluster(Beat, System.of(2, "Beat")) as cluster:
            cluster.crash("n1")
            cluster.restart("n1")
            asyncio.run(cluster.until(lambda: cluster.observe("n1").get("got", 0) > 3))
        print("end")
        """,
        HOME=str(tmp_path),
    )
    first, last = done.stdout.splitlines()
    assert first.startswith("starting Ray (once a notebook, about 6 s) ... ready in ")
    assert (last, done.stderr) == ("end", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (
            "import ray",
            "ray was imported before labkit set it up, so it would listen to the whole network.",
        ),
        ("import ray; ray.is_initialized = lambda: True", "Ray already runs in this kernel"),
        (
            "import sys, importlib.util; importlib.util.find_spec = lambda name: None",
            "Ray is not installed here.",
        ),
        (
            "import labkit.cluster.ray_refusals as r; r.free_bytes = lambda: 300 << 20",
            "but 300 MB are free",
        ),
    ],
    ids=["imported before", "started before", "not installed", "no memory"],
)
def test_what_is_wrong_beforehand_is_said_in_one_sentence(before: str, sentence: str) -> None:
    done = fresh(f"{before}\nCluster(Beat, System.of(1, 'Beat'))")
    said = done.stderr.splitlines()[-1]
    assert said.startswith("labkit.cluster.process.ClusterError: ")
    assert sentence in said
    assert said.endswith('Or go without it: launcher="subprocess".')


def test_a_busy_machine_is_asked_twice() -> None:
    done = fresh(
        "import labkit.cluster.launch_ray as launch\n"
        "started = launch._started\n"
        "def patched(session):\n"
        "    import os; os.environ.update(launch.LOCAL_SETTINGS)\n"
        "    import ray; real, tries = ray.init, []\n"
        "    def late(**given):\n"
        "        tries.append(given)\n"
        "        if len(tries) == 1: raise Exception('The current node timed out during startup.')\n"
        "        return real(**given)\n"
        "    ray.init = late\n"
        "    return started(session)\n"
        "launch._started = patched\n"
        "with Cluster(Beat, System.of(1, 'Beat')) as cluster: print(cluster.is_up('n1'))"
    )
    assert "this machine is busy; once more ... ready in" in done.stdout
    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("Version mismatch: The cluster was started with:\n    Ray: 2.50.0\n    Python: 3.12.1\n"
         "This process on node 1.2.3.4 was started with:\n", "Ray runs other versions than this "
         "one (The cluster was started with: Ray: 2.50.0 Python: 3.12.1). Install the same ones"),
        ("[Errno 30] Read-only file system: '/run/x'", "may not write where it wants to ([Errno"),
        ("Could not find any running Ray instance.", "Ray does not run here."),
        ("Failed to connect to Ray cluster at 1.2.3.4:6379", "Set RAY_AUTH_TOKEN to its token"),
        ("The current node timed out during startup.", "this machine is busy."),
        ("The configured object store size exceeds /dev/shm size", "Free some in /dev/shm"),
        ("InvalidAuthToken: bad auth token", "Set RAY_AUTH_TOKEN to its token"),
        ("something new", "could not start (RuntimeError: something new)."),
    ],
)  # fmt: skip
def test_what_ray_raises_becomes_one_sentence(
    error: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_refusals, "_stop", lambda: None)  # the other tests need their Ray
    with pytest.raises(ClusterError) as found, ray_refusals.explained():
        raise RuntimeError(error)
    assert sentence in str(found.value)
    assert "\n" not in str(found.value)
