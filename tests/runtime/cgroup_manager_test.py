"""--cgroup-manager, --systemd-cgroup where no systemd is. With systemd: tests/guest/systemd."""
import os
from pathlib import Path

import pytest

from box import cgroup_folders

NO_BUS = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


def own_cgroups(pid="self"):
    return Path(f"/proc/{pid}/cgroup").read_text()


@pytest.mark.parametrize("options", [["--systemd-cgroup"], ["--cgroup-manager", "systemd"]])
def test_without_a_bus_it_says_so_and_makes_nothing(box, options):
    one = box("true")
    one.linux["cgroupsPath"] = f"system.slice:box:{one.id}"
    one.options = options
    one.run(env=NO_BUS).failed("reach systemd", "/nonexistent/bus", "cgroupfs", status=1)
    assert not (one.state_root / one.id).exists()


def test_systemd_cgroup_contradicts_another_manager(box):
    one = box("true")
    one.options = ["--systemd-cgroup", "--cgroup-manager", "cgroupfs"]
    one.run().failed("contradicts", status=1)
    one.options = ["--systemd-cgroup", "--cgroup-manager", "systemd"]
    one.linux["cgroupsPath"] = f"system.slice:box:{one.id}"
    one.run(env=NO_BUS).failed("reach systemd", status=1)


def test_unknown_manager(box):
    one = box("true")
    one.options = ["--cgroup-manager", "elogind"]
    one.run().failed("elogind", "disabled", status=1)
    one.options = []


def test_cgroupfs_by_name(box):
    one = box("sleep", "100")
    one.options = ["--cgroup-manager", "cgroupfs"]
    one.detached()
    assert cgroup_folders(one.cgroup)


def test_disabled_stays_in_the_callers_cgroup(box):
    one = box("sleep", "100")
    one.options = ["--cgroup-manager", "disabled"]
    done = one.run("--detach")
    done.ok()
    assert "devices are not filtered" in done.err
    assert own_cgroups(one.pid()) == own_cgroups()
    assert not cgroup_folders(one.cgroup)
    one.options = []
    one.inside("echo joined").ok()
    one.runtime("pause", one.id).failed("control group")
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()


def test_disabled_says_nothing_where_no_device_rule_is_given(box):
    one = box("true")
    one.options = ["--cgroup-manager", "disabled"]
    one.linux["resources"] = {}
    done = one.run()
    assert done.ok() == "" and done.err == ""


@pytest.mark.parametrize("resources, name", [
    ({"memory": {"limit": 1 << 26}}, "memory"), ({"pids": {"limit": 10}}, "pids.limit"),
    ({"cpu": {"shares": 100}}, "cpu"), ({"cpu": {"cpus": "0"}}, "cpu.cpus")])
def test_disabled_refuses_limits(box, resources, name):
    one = box("true")
    one.options = ["--cgroup-manager", "disabled"]
    one.linux["resources"] = resources
    one.run().failed(f"linux.resources.{name}", "disabled", status=1)
    one.linux["resources"] = {"memory": {"limit": -1}, "pids": {"limit": -1}}
    one.run().ok()
