"""Nothing grows on the host: mounts with running containers; anything at all after many runs; parallel runs."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from engine import cli, engine  # noqa: E402,F401


def mounts():
    return Path("/proc/self/mountinfo").read_text().splitlines()


def test_mount_table_does_not_grow_with_running_containers(cli, tmp_path):
    before = mounts()
    names = [cli.detached("sleep 100", "-v", f"{tmp_path}:/v", "--tmpfs", "/t") for _ in range(10)]
    assert mounts() == before
    assert sorted(cli.ids("-f", "status=running")) == sorted(names)
    cli("rm", "-f", *names).ok()
    assert mounts() == before
    cli.assert_nothing_left()


def test_fifty_runs_leave_nothing(cli):
    before = mounts()
    for _ in range(50):
        cli.run("bb", "true")
    cli.assert_nothing_left()
    assert mounts() == before
    sizes = sum(f.stat().st_size for f in cli.root.glob("corten.db*"))
    assert sizes < 8 << 20, "the database grows with containers that are gone"


def test_descriptors_of_a_monitor_do_not_grow_with_execs(cli):
    name = cli.detached("sleep 100")
    monitors = [pid for pid, comm in cli.processes() if comm.startswith("corten-monitor")]
    assert len(monitors) == 1
    cli("exec", name, "true").ok()
    before = sorted(os.listdir(f"/proc/{monitors[0]}/fd"))
    for _ in range(10):
        cli("exec", name, "true").ok()
    assert sorted(os.listdir(f"/proc/{monitors[0]}/fd")) == before


def test_no_client_stays_beside_a_detached_container(cli):
    cli.detached("sleep 100")
    names = sorted(comm for _, comm in cli.processes())
    assert names == ["corten-monitor", "sleep"], names


def test_parallel_runs(cli):
    children = [cli.start("run", "--rm", "bb", "echo", str(i)) for i in range(20)]
    told = [child.communicate(timeout=60) for child in children]
    for i, (child, (out, err)) in enumerate(zip(children, told)):
        assert child.returncode == 0 and out == f"{i}\n".encode() and err == b"", (i, child.returncode, out, err)
    assert cli.ids() == []
    cli.assert_nothing_left()


def test_parallel_runs_of_one_name(cli):
    children = [cli.start("run", "-d", "--name", "only", "bb", "sleep", "100") for _ in range(8)]
    told = [(child.communicate(timeout=60), child.returncode) for child in children]
    assert sorted(code for _, code in told) == [0] + [125] * 7, told
    assert len(cli.ids()) == 1


def test_parallel_removals(cli):
    name = cli.detached("sleep 100")
    children = [cli.start("rm", "-f", name) for _ in range(6)]
    for child in children:
        child.communicate(timeout=30)
        assert child.returncode in (0, 1)
    assert 0 in [child.returncode for child in children]
    cli.assert_nothing_left()
