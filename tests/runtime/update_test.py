"""update: each option reaches the control group, --resources overrules them, wrong values are named."""
import json

import pytest
from box import CGROUPS, cgroup_v1


@pytest.fixture
def running(box):
    one = box("sleep", "1000")
    one.detached()
    return one


def value(one, controller, file):
    if not cgroup_v1(controller):
        pytest.skip(f"no {controller} controller of cgroup v1")
    return (CGROUPS / controller / one.cgroup.lstrip("/") / file).read_text().strip()


@pytest.mark.parametrize("words, controller, file, wanted", [
    (["--memory", "64m"], "memory", "memory.limit_in_bytes", str(64 << 20)),
    (["--memory", "0.5g"], "memory", "memory.limit_in_bytes", str(512 << 20)),
    (["--memory-reservation", "32MiB"], "memory", "memory.soft_limit_in_bytes", str(32 << 20)),
    (["--cpu-share", "512"], "cpu", "cpu.shares", "512"),
    (["--cpu-quota", "50000"], "cpu", "cpu.cfs_quota_us", "50000"),
    (["--cpu-period", "50000", "--cpu-quota", "25000"], "cpu", "cpu.cfs_period_us", "50000"),
    (["--cpuset-cpus", "0"], "cpuset", "cpuset.cpus", "0"),
    (["--cpuset-mems", "0"], "cpuset", "cpuset.mems", "0"),
    (["--pids-limit", "77"], "pids", "pids.max", "77"),
    (["--pids-limit", "-1"], "pids", "pids.max", "max"),
    (["--blkio-weight", "333"], "blkio", "blkio.bfq.weight", "333"),
])
def test_option(running, words, controller, file, wanted):
    before = value(running, controller, file) if file != "blkio.bfq.weight" else None
    if before is None and not (CGROUPS / "blkio" / running.cgroup.lstrip("/") / file).exists():
        pytest.skip("no block I/O scheduler with weights")
    running.runtime("update", *words, running.id).ok()
    assert value(running, controller, file) == wanted


def test_memory_and_swap(running):
    value(running, "memory", "memory.limit_in_bytes")
    running.runtime("update", "--memory", "64m", "--memory-swap", "96m", running.id).ok()
    if (CGROUPS / "memory" / running.cgroup.lstrip("/") / "memory.memsw.limit_in_bytes").exists():
        assert value(running, "memory", "memory.memsw.limit_in_bytes") == str(96 << 20)
    running.runtime("update", "--memory", "-1", running.id).ok()
    assert int(value(running, "memory", "memory.limit_in_bytes")) > 1 << 60


def test_quota_alone_keeps_the_period(running):
    running.runtime("update", "--cpu-period", "40000", "--cpu-quota", "20000", running.id).ok()
    running.runtime("update", "--cpu-quota", "10000", running.id).ok()
    assert value(running, "cpu", "cpu.cfs_period_us") == "40000"
    assert value(running, "cpu", "cpu.cfs_quota_us") == "10000"


def test_options_after_the_id(running):
    running.runtime("update", running.id, "--pids-limit", "78").ok()
    assert value(running, "pids", "pids.max") == "78"


def test_kernel_memory_is_ignored_with_a_warning(running):
    done = running.runtime("update", "--kernel-memory", "1g", running.id)
    done.ok()
    assert "kernel" in done.err.lower() and "level=warning" in done.err


def test_resources_overrule_the_options(running):
    running.runtime("update", "--pids-limit", "5", "--resources", "-", running.id,
                    stdin=json.dumps({"pids": {"limit": 79}}).encode()).ok()
    assert value(running, "pids", "pids.max") == "79"


def test_resources_from_a_file(running):
    file = running.bundle / "resources.json"
    file.write_text(json.dumps({"cpu": {"shares": 256}, "memory": {"limit": 128 << 20}}))
    running.runtime("update", "-r", file, running.id).ok()
    assert value(running, "cpu", "cpu.shares") == "256"
    assert value(running, "memory", "memory.limit_in_bytes") == str(128 << 20)


def test_devices_stay_as_they_are(running):
    before = value(running, "devices", "devices.list")
    running.runtime("update", "--pids-limit", "80", running.id).ok()
    assert value(running, "devices", "devices.list") == before


@pytest.mark.parametrize("words, name", [
    (["--memory", "lots"], "--memory"), (["--cpu-period", "-1"], "--cpu-period"), (["--cpu-quota", "x"], "--cpu-quota"),
    (["--blkio-weight", "99999"], "--blkio-weight"), (["--pids-limit", "5k"], "--pids-limit"),
    (["--cpuset-cpus", "9999"], "cpus"), (["--l3-cache-schema", "L3:0=f"], "--l3-cache-schema"),
    (["--mem-bw-schema", "MB:0=20"], "--mem-bw-schema"), (["--resources", "/no/such"], "/no/such")])
def test_wrong_value_is_named(running, words, name):
    running.runtime("update", *words, running.id).failed(name, status=1)


def test_schemata_without_a_group(running):
    """Intel RDT: the container must have been created with a group of resctrl's."""
    running.runtime("update", "--l3-cache-schema", "L3:0=f", "--mem-bw-schema", "MB:0=20", running.id).failed(
        "--l3-cache-schema, --mem-bw-schema", "linux.intelRdt", status=1)


def test_of_what_has_ended(box):
    one = box("true")
    one.detached("--keep")
    one.wait_status("stopped")
    one.runtime("update", "--pids-limit", "7", one.id).failed("stopped")
