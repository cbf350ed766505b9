"""Fields of config.json that set up what the kernel keeps per process or per namespace: schedulers, processors, memory
policy, personality, clocks, names, network devices. Each is looked at from inside the container."""
import ctypes
import json
import os
import platform
import socket
import subprocess
import time
from pathlib import Path

import pytest
from box import CGROUPS, PARENT, cgroup_v1, compile_c, wait_for

PROBE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int main(void)
{
	struct attr attr = {0};
	cpu_set_t set;
	struct timespec mono, boot;
	unsigned long mask[32] = {0};
	int mode = -1;

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == 0) {
		/* Of other policies, newer kernels tell the time slice here. */
		if (attr.policy != 6)
			attr.runtime = attr.deadline = attr.period = 0;
		printf("sched policy=%u flags=%llu nice=%d priority=%u times=%llu/%llu/%llu\n", attr.policy,
			(unsigned long long)attr.flags, attr.nice, attr.priority, (unsigned long long)attr.runtime,
			(unsigned long long)attr.deadline, (unsigned long long)attr.period);
	}
	long io = syscall(SYS_ioprio_get, 1, 0);
	printf("io class=%ld level=%ld\n", io >> 13 & 7, io & 7);
	sched_getaffinity(0, sizeof(set), &set);
	printf("cpus");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			printf(" %d", i);
	printf("\n");
	if (syscall(SYS_get_mempolicy, &mode, mask, sizeof(mask) * 8, NULL, 0) == 0)
		printf("memory mode=%d nodes=%lx\n", mode, mask[0]);
	else
		printf("memory errno=%d\n", errno);
	printf("personality %x\n", personality(0xffffffff));
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	printf("clocks %lld %lld\n", (long long)mono.tv_sec, (long long)boot.tv_sec);
	return 0;
}
"""

ORDINARY = "sched policy=0 flags=0 nice=0 priority=0 times=0/0/0"


@pytest.fixture(scope="session")
def probe(workshop):
    return compile_c(workshop, "kernel-probe", PROBE)


@pytest.fixture
def probed(box, probe):
    """A container that runs the probe; its root has it as /probe."""
    def make(*args):
        one = box(*(args or ("/probe",)))
        os.link(probe, one.root / "probe")
        return one
    return make


def lines(text):
    """The probe's report, by the first word of each line."""
    return {line.split()[0]: line for line in text.splitlines()}


def seen(done):
    return lines(done.ok())


def executed(one, **fields):
    """Runs the probe by exec with more fields of a process."""
    process = {"args": ["/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": [], **fields}
    file = one.bundle / "process.json"
    file.write_text(json.dumps(process))
    return one.exec("--process", file, one.id)


def test_nothing_asked_nothing_changed(probed):
    here = seen(probed().run())
    assert here["sched"] == ORDINARY
    assert here["io"] == "io class=0 level=0" or here["io"] == "io class=2 level=4"
    assert here["memory"] == "memory mode=0 nodes=0"
    assert here["personality"] == "personality 0"


# --- process.scheduler ---

SCHEDULERS = [
    ({"policy": "SCHED_OTHER", "nice": 7}, "sched policy=0 flags=0 nice=7 priority=0 times=0/0/0"),
    ({"policy": "SCHED_OTHER", "nice": -5}, "sched policy=0 flags=0 nice=-5 priority=0 times=0/0/0"),
    ({"policy": "SCHED_BATCH", "nice": 19}, "sched policy=3 flags=0 nice=19 priority=0 times=0/0/0"),
    ({"policy": "SCHED_IDLE"}, "sched policy=5 flags=0 nice=0 priority=0 times=0/0/0"),
    ({"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
     "sched policy=3 flags=1 nice=0 priority=0 times=0/0/0"),
    ({"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000, "period": 50000000},
     "sched policy=6 flags=0 nice=0 priority=0 times=1000000/20000000/50000000"),
    ({"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 50000000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
     "sched policy=6 flags=1 nice=0 priority=0 times=1000000/50000000/50000000"),
]


@pytest.mark.parametrize("scheduler, wanted", SCHEDULERS)
def test_scheduler(probed, scheduler, wanted):
    one = probed()
    one.process["scheduler"] = scheduler
    assert seen(one.run())["sched"] == wanted


@pytest.mark.parametrize("scheduler, wanted", SCHEDULERS)
def test_scheduler_of_exec(probed, scheduler, wanted):
    one = probed("sleep", "1000").detached()
    assert seen(executed(one, scheduler=scheduler))["sched"] == wanted
    assert seen(one.exec(one.id, "/probe"))["sched"] == ORDINARY


@pytest.fixture
def realtime(box):
    """Gives the tests' own cgroup a real-time budget, where cgroups have such."""
    folder = CGROUPS / "cpu" / PARENT
    if not (CGROUPS / "cpu" / "cpu.rt_runtime_us").exists():
        return
    folder.mkdir(exist_ok=True)
    (folder / "cpu.rt_runtime_us").write_text("100000")


@pytest.mark.parametrize("policy, number", [("SCHED_FIFO", 1), ("SCHED_RR", 2)])
def test_realtime_scheduler(probed, realtime, policy, number):
    one = probed()
    one.process["scheduler"] = {"policy": policy, "priority": 12}
    one.linux["resources"]["cpu"] = {"realtimeRuntime": 50000, "realtimePeriod": 1000000}
    if not cgroup_v1("cpu"):
        del one.linux["resources"]["cpu"]
    assert seen(one.run())["sched"] == f"sched policy={number} flags=0 nice=0 priority=12 times=0/0/0"


def test_realtime_without_a_budget(probed):
    if not (CGROUPS / "cpu" / "cpu.rt_runtime_us").exists():
        pytest.skip("control groups here have no real-time budget")
    one = probed()
    one.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 1}
    one.run().failed("process.scheduler: SCHED_FIFO", "real-time budget")


@pytest.mark.parametrize("scheduler, words", [
    ({"policy": "SCHED_ISO"}, ["process.scheduler: SCHED_ISO", "no such policy"]),
    ({"policy": "SCHED_NEW"}, ["scheduler.policy", "SCHED_NEW"]),
    ({"policy": "SCHED_OTHER", "nice": 20}, ["process.scheduler.nice: 20"]),
    ({"policy": "SCHED_OTHER", "priority": 3}, ["process.scheduler: SCHED_OTHER"]),
    ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NEW"]}, ["SCHED_FLAG_NEW"]),
    ({"policy": "SCHED_OTHER", "period": 5}, ["SCHED_DEADLINE"]),
    ({"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 1}, ["process.scheduler: SCHED_DEADLINE"]),
])
def test_wrong_scheduler(probed, scheduler, words):
    one = probed("/probe")
    one.process["scheduler"] = scheduler
    one.run().failed(*words)
    del one.process["scheduler"]
    one.process["args"] = ["sleep", "1000"]
    one.detached()
    executed(one, scheduler=scheduler).failed(*words)


def test_schedulers_without_the_right(probed):
    one = probed()
    one.process["scheduler"] = {"policy": "SCHED_OTHER", "nice": -5}
    one.prefix = ["setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"]
    one.run().failed("process.scheduler: SCHED_OTHER", "CAP_SYS_NICE")


# --- process.ioPriority ---

IO_PRIORITIES = [("IOPRIO_CLASS_RT", 3, 1), ("IOPRIO_CLASS_BE", 0, 2), ("IOPRIO_CLASS_BE", 7, 2),
                 ("IOPRIO_CLASS_IDLE", 0, 3)]


@pytest.mark.parametrize("name, level, number", IO_PRIORITIES)
def test_io_priority(probed, name, level, number):
    one = probed()
    one.process["ioPriority"] = {"class": name, "priority": level}
    assert seen(one.run())["io"] == f"io class={number} level={level}"
    one.process["args"] = ["sleep", "1000"]
    one.detached()
    assert seen(one.exec(one.id, "/probe"))["io"] == f"io class={number} level={level}"
    other = executed(one, ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 2})
    assert seen(other)["io"] == "io class=2 level=2"


def test_io_priority_is_nobody_elses(probed):
    """The runtime's own process group, which the caller is in, keeps its priority."""
    one = probed("sleep", "1000").detached()
    before = ctypes.CDLL(None).syscall(252 if platform.machine() == "x86_64" else 31, 1, 0)
    executed(one, ioPriority={"class": "IOPRIO_CLASS_IDLE", "priority": 0}).ok()
    assert ctypes.CDLL(None).syscall(252 if platform.machine() == "x86_64" else 31, 1, 0) == before


@pytest.mark.parametrize("value, word", [({"class": "IOPRIO_CLASS_BE", "priority": 8}, "priority: 8"),
                                         ({"class": "IOPRIO_CLASS_NONE", "priority": 1}, "process.ioPriority.class")])
def test_wrong_io_priority(probed, value, word):
    one = probed()
    one.process["ioPriority"] = value
    one.run().failed(word)


# --- process.execCPUAffinity ---

def online():
    return sorted(os.sched_getaffinity(0))


def cpus(done):
    return [int(word) for word in seen(done)["cpus"].split()[1:]]


def test_affinity_is_not_the_first_process(probed):
    one = probed()
    one.process["execCPUAffinity"] = {"initial": str(online()[-1]), "final": str(online()[-1])}
    assert cpus(one.run()) == online()


def test_final_affinity(probed):
    one = probed("sleep", "1000").detached()
    for cpu in online():
        assert cpus(executed(one, execCPUAffinity={"final": str(cpu)})) == [cpu]
    both = ",".join(map(str, online()))
    assert cpus(executed(one, execCPUAffinity={"initial": str(online()[0]), "final": both})) == online()
    assert cpus(executed(one)) == online()


def test_affinity_of_the_configuration(probed):
    one = probed("sleep", "1000")
    one.process["execCPUAffinity"] = {"final": str(online()[-1])}
    one.detached()
    assert cpus(one.exec(one.id, "/probe")) == [online()[-1]]


def test_initial_affinity(probed):
    """It is the runtime's, before the cgroup is entered: strace tells."""
    one = probed("sleep", "1000").detached()
    cpu = online()[-1]
    trace = one.bundle / "trace"
    one.prefix = ["strace", "-f", "-o", trace, "-e", "trace=sched_setaffinity,clone3,clone,write"]
    executed(one, execCPUAffinity={"initial": str(cpu)}).ok()
    text = trace.read_text()
    first = text.index("sched_setaffinity(0, 1024, [" + str(cpu))
    assert "clone" in text[first:], "the process was cloned before"
    executed(one).ok()
    assert "sched_setaffinity" not in trace.read_text(), "nothing asked, nothing called"


@pytest.mark.parametrize("which", ["initial", "final"])
@pytest.mark.parametrize("value, word", [("x", "not a list"), ("0-", "not a list"), ("9999", "not a list"),
                                         ("8191", "none of these processors")])
def test_wrong_affinity(probed, which, value, word):
    one = probed("sleep", "1000").detached()
    executed(one, execCPUAffinity={which: value}).failed(f"process.execCPUAffinity.{which}", value, word)


# --- linux.personality, linux.memoryPolicy ---

@pytest.mark.parametrize("domain, number", [("LINUX", 0), ("LINUX32", 8)])
def test_personality(probed, domain, number):
    one = probed("sh", "-c", "/probe; uname -m")
    one.linux["personality"] = {"domain": domain}
    said = one.run().ok()
    assert lines(said)["personality"] == f"personality {number:x}"
    if platform.machine() == "x86_64":
        assert said.splitlines()[-1] == ("i686" if number else "x86_64")
    one.process["args"] = ["sleep", "1000"]
    one.detached()
    assert seen(one.exec(one.id, "/probe"))["personality"] == f"personality {number:x}"


def test_personality_under_a_policy_that_forbids_it(probed):
    one = probed("uname", "-m")
    one.linux["personality"] = {"domain": "LINUX32"}
    one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["personality", "set_mempolicy", "sched_setattr", "ioprio_set"],
                                          "action": "SCMP_ACT_ERRNO"}]}
    one.linux["memoryPolicy"] = {"mode": "MPOL_LOCAL"}
    one.process["scheduler"] = {"policy": "SCHED_BATCH"}
    one.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 1}
    one.run().ok()


@pytest.mark.parametrize("value", [{"domain": "LINUX64"}, {"domain": "LINUX", "flags": ["X"]}, {}])
def test_wrong_personality(probed, value):
    one = probed()
    one.linux["personality"] = value
    one.run().failed("linux.personality")


STATIC, RELATIVE, BALANCING = 1 << 15, 1 << 14, 1 << 13


@pytest.mark.parametrize("policy, mode, nodes", [
    ({"mode": "MPOL_DEFAULT"}, 0, 0),
    ({"mode": "MPOL_BIND", "nodes": "0"}, 2, 1),
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0-0"}, 3, 1),
    ({"mode": "MPOL_PREFERRED", "nodes": "0"}, 1, 1),
    ({"mode": "MPOL_LOCAL"}, 4, 0),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, 2 | STATIC, 1),
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}, 3 | RELATIVE, 1),
    ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, 5, 1),
    ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, 6, 1),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}, 2 | BALANCING, 1),
])
def test_memory_policy(probed, policy, mode, nodes):
    one = probed()
    one.linux["memoryPolicy"] = policy
    done = one.run()
    if done.status != 0 and mode in (5, 6, 2 | BALANCING) and "this kernel lacks the mode or a flag" in done.err:
        pytest.skip(f"this kernel lacks {policy}")
    assert seen(done)["memory"] == f"memory mode={mode} nodes={nodes:x}"
    one.process["args"] = ["sleep", "1000"]
    one.detached()
    assert seen(one.exec(one.id, "/probe"))["memory"] == f"memory mode={mode} nodes={nodes:x}"


@pytest.mark.parametrize("policy, words", [
    ({"mode": "MPOL_BIND"}, ["linux.memoryPolicy: MPOL_BIND"]),
    ({"mode": "MPOL_DEFAULT", "nodes": "0"}, ["linux.memoryPolicy: MPOL_DEFAULT", "does not go with these nodes"]),
    ({"mode": "MPOL_BIND", "nodes": "1000"}, ["linux.memoryPolicy: MPOL_BIND"]),
    ({"mode": "MPOL_BIND", "nodes": "0-"}, ["linux.memoryPolicy.nodes", "not a list"]),
    ({"mode": "MPOL_NEW"}, ["linux.memoryPolicy.mode"]),
    ({"nodes": "0"}, ["linux.memoryPolicy.mode"]),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NEW"]}, ["MPOL_F_NEW"]),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]},
     ["linux.memoryPolicy: MPOL_BIND"]),
])
def test_wrong_memory_policy(probed, policy, words):
    one = probed()
    one.linux["memoryPolicy"] = policy
    one.run().failed(*words)


# --- linux.timeOffsets ---

def test_time_offsets(probed):
    one = probed("sh", "-c", "/probe; cat /proc/self/timens_offsets; readlink /proc/1/ns/time")
    one.namespace("time")
    one.linux["timeOffsets"] = {"monotonic": {"secs": 172800, "nanosecs": 5}, "boottime": {"secs": 604800}}
    host = os.readlink("/proc/self/ns/time")
    said = one.run().ok()
    mono, boot = map(int, lines(said)["clocks"].split()[1:])
    assert 172800 <= mono - time.clock_gettime(time.CLOCK_MONOTONIC) + 30 <= 172860
    assert 604800 <= boot - time.clock_gettime(time.CLOCK_BOOTTIME) + 30 <= 604860
    assert said.splitlines()[-1] != host
    rows = {row.split()[0]: row.split()[1:] for row in said.splitlines()[-3:-1]}
    assert rows == {"monotonic": ["172800", "5"], "boottime": ["604800", "0"]}


def test_time_offsets_hold_before_the_first_process(probed):
    """Its own start is told by the container's clock; /proc/uptime counts boot time."""
    one = probed("sh", "-c", "cut -d. -f1 /proc/uptime; awk '{print int($22 / 100)}' /proc/1/stat")
    one.namespace("time")
    one.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    uptime, started = map(int, one.run().ok().split())
    assert uptime >= 1000000
    assert uptime - started < 60


@pytest.mark.parametrize("offsets", [{"realtime": {"secs": 1}}, {"monotonic": {"nanosecs": 1000000000}},
                                     {"monotonic": {"secs": -(1 << 62)}}])
def test_wrong_time_offsets(probed, offsets):
    one = probed()
    one.namespace("time")
    one.linux["timeOffsets"] = offsets
    one.run().failed("offset")


# --- names, umask, groups, annotations ---

def test_domainname(box):
    one = box().sh("hostname; dnsdomainname 2>/dev/null; cat /proc/sys/kernel/domainname")
    one.config["domainname"] = "example.test"
    said = one.run().ok().split()
    assert said[0] == "box" and said[-1] == "example.test"
    assert Path("/proc/sys/kernel/domainname").read_text().strip() != "example.test"
    one.without_namespace("uts")
    del one.config["hostname"]
    one.run().failed("domainname", "uts namespace")


@pytest.mark.parametrize("umask, wanted", [(None, "0022"), (0, "0000"), (0o77, "0077"), (0o777, "0777")])
def test_umask(box, umask, wanted):
    one = box().sh("umask")
    if umask is not None:
        one.process["user"]["umask"] = umask
    assert one.run(preexec_fn=lambda: os.umask(0o27)).ok() == wanted + "\n"
    one.sh("sleep 1000").detached()
    assert one.inside("umask").ok() == wanted + "\n"


def test_umask_too_large(box):
    one = box("true")
    one.process["user"]["umask"] = 0o1000
    one.run().failed("process.user.umask")


def test_additional_groups_of_exec(box):
    one = box("sleep", "1000")
    one.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [2000, 4242]}
    one.detached()
    assert one.inside("id -G").ok().split() == ["1000", "2000", "4242"]


def test_annotations_reach_state_and_hooks(box):
    one = box("sleep", "1000")
    one.config["annotations"] = {"com.example.key": "value", "empty": ""}
    hook = one.bundle / "hook"
    hook.write_text(f"#!/bin/sh\ncat >{one.bundle}/told\n")
    hook.chmod(0o755)
    one.config["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    one.detached()
    assert one.state()["annotations"] == {"com.example.key": "value", "empty": ""}
    assert json.loads((one.bundle / "told").read_text())["annotations"] == one.config["annotations"]


# --- no process ---

def test_a_container_without_a_process(box):
    one = box("true")
    one.config["hostname"] = "idle"
    del one.config["process"]
    one.create().ok()
    assert one.status() == "created"
    one.start().failed("has no process")
    assert one.status() == "created"
    file = one.bundle / "process.json"
    file.write_text(json.dumps({"args": ["hostname"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}))
    assert one.exec("--process", file, one.id).ok() == "idle\n"
    one.delete().ok()
    one.assert_nothing_left()
    one.run().failed("process: missing")
    one.assert_nothing_left()


def test_no_mount_namespace(box):
    """Its mounts would appear on the host: refused, and none appears."""
    before = Path("/proc/self/mountinfo").read_text()
    one = box("true").without_namespace("mount")
    one.linux["maskedPaths"] = one.linux["readonlyPaths"] = []
    one.run().failed("linux.namespaces", "mount namespace")
    assert Path("/proc/self/mountinfo").read_text() == before


# --- linux.netDevices ---

def ip(*words, netns=None, check=True):
    """Runs ip, in a network namespace given as a file."""
    where = ["nsenter", f"--net={netns}"] if netns else []
    return subprocess.run([*where, "ip", *map(str, words)], check=check, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def cable(box, workshop):
    """A network namespace of the test's own, with a pair of virtual devices: `plug`, to be moved, and `wall`."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:
        pytest.fail("no network namespace")
    try:
        ip("link", "add", "plug", "type", "veth", "peer", "name", "wall")
        yield
    finally:
        libc.setns(home, 0)
        os.close(home)


def devices():
    return {one["ifname"] for one in json.loads(ip("-j", "link"))}


def device_of(one, name):
    """What the container's network namespace has under that name."""
    netns = f"/proc/{one.pid()}/ns/net"
    return json.loads(ip("-j", "addr", "show", "dev", name, netns=netns))[0]


def addresses(device, scope="global"):
    return {f"{a['local']}/{a['prefixlen']}" for a in device["addr_info"] if a["scope"] == scope}


def test_net_device(cable, box):
    one = box("sleep", "1000")
    one.linux["netDevices"] = {"plug": {}}
    ip("addr", "add", "192.0.2.1/24", "broadcast", "192.0.2.255", "dev", "plug")
    ip("addr", "add", "192.0.2.77/32", "dev", "plug")
    ip("addr", "add", "10.0.0.1", "peer", "10.9.9.9/32", "dev", "plug")
    ip("addr", "add", "2001:db8::1/64", "nodad", "dev", "plug")
    ip("addr", "add", "192.168.7.7/24", "scope", "link", "dev", "plug")
    ip("addr", "add", "192.0.2.99/24", "valid_lft", "1000", "preferred_lft", "1000", "dev", "plug")
    ip("link", "set", "plug", "mtu", "1789", "address", "02:11:22:33:44:55", "up")
    one.detached()
    assert devices() == {"lo", "wall"}
    device = device_of(one, "plug")
    assert addresses(device) == {"192.0.2.1/24", "192.0.2.77/32", "10.0.0.1/32", "2001:db8::1/64"}
    assert addresses(device, "link") == set() or all(a.startswith("fe80") for a in addresses(device, "link"))
    assert "UP" in device["flags"]
    assert (device["mtu"], device["address"]) == (1789, "02:11:22:33:44:55")
    assert [a["broadcast"] for a in device["addr_info"] if a["local"] == "192.0.2.1"] == ["192.0.2.255"]
    assert [a["address"] for a in device["addr_info"] if a["local"] == "10.0.0.1"] == ["10.9.9.9"]
    assert "plug" in one.inside("ip addr").ok()
    routes = ip("-6", "route", netns=f"/proc/{one.pid()}/ns/net")
    assert "2001:db8::/64 dev plug" in routes
    one.delete("--force").ok()
    # The kernel destroys virtual devices with their namespace, and with one end the other.
    wait_for(lambda: devices() == {"lo"}, "the end of both devices")


def test_net_device_that_was_down_with_traffic(cable, box):
    one = box("sleep", "1000")
    one.linux["netDevices"] = {"plug": {"name": "eth0"}}
    ip("addr", "add", "192.0.2.1/24", "dev", "plug")
    ip("addr", "add", "192.0.2.2/24", "dev", "wall")
    ip("link", "set", "wall", "up")
    one.detached()
    assert devices() == {"lo", "wall"}
    assert addresses(device_of(one, "eth0")) == {"192.0.2.1/24"}
    one.exec("--detach", one.id, "sh", "-c", "echo through the wall | nc -l -p 4000").ok()
    wait_for(lambda: one.inside("cat /proc/net/tcp* | grep -q :0FA0").status == 0, "a listener")
    with socket.create_connection(("192.0.2.1", 4000), timeout=10) as talk:
        assert talk.makefile().readline() == "through the wall\n"


def test_net_device_with_a_template(cable, box):
    one = box("sleep", "1000")
    one.linux["netDevices"] = {"plug": {"name": "eth%d"}, "wall": {"name": "eth%d"}}
    ip("addr", "add", "192.0.2.1/24", "dev", "plug")
    one.detached()
    assert devices() == {"lo"}
    found = {name: addresses(device_of(one, name)) for name in ("eth0", "eth1")}
    assert sorted(map(list, found.values())) == [[], ["192.0.2.1/24"]]


def test_net_devices_exchange_names(cable, box):
    one = box("sleep", "1000")
    one.linux["netDevices"] = {"plug": {"name": "wall"}, "wall": {"name": "plug"}}
    ip("addr", "add", "192.0.2.1/24", "dev", "plug")
    one.detached()
    assert addresses(device_of(one, "wall")) == {"192.0.2.1/24"}
    assert addresses(device_of(one, "plug")) == set()


def test_net_device_is_there_for_hooks_and_sysctls(cable, box):
    one = box("sysctl", "net.ipv4.conf.eth7.forwarding")
    one.linux["netDevices"] = {"plug": {"name": "eth7"}}
    one.linux["sysctl"] = {"net.ipv4.conf.eth7.forwarding": "1"}
    hook = one.bundle / "hook"
    hook.write_text("#!/bin/sh\npid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | head -n 1)\n"
                    f"nsenter --net=/proc/$pid/ns/net ip link show eth7 >{one.bundle}/told 2>&1\n")
    hook.chmod(0o755)
    one.config["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    assert one.run().ok() == "net.ipv4.conf.eth7.forwarding = 1\n"
    assert "eth7" in (one.bundle / "told").read_text()


def test_net_device_in_a_namespace_by_path(cable, box):
    one = box("true")
    holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
    try:
        netns = f"/proc/{holder.pid}/ns/net"
        wait_for(lambda: os.path.samefile(netns, "/proc/self/ns/net") is False, "its namespace")
        one.namespace("network", netns)
        one.linux["netDevices"] = {"plug": {"name": "eth0"}}
        ip("addr", "add", "192.0.2.1/24", "dev", "plug")
        one.run().ok()
        # The runtime does not take it back: it belongs to the namespace's owner.
        assert "192.0.2.1/24" in ip("addr", "show", "dev", "eth0", netns=netns)
        one.run().failed("linux.netDevices", "network device 'plug' as 'eth0'", "no such device")
        ip("link", "add", "plug", "type", "veth", "peer", "name", "other")
        one.run().failed("linux.netDevices", "network device 'plug' as 'eth0'", "has a 'eth0' already")
        assert "plug" in devices()
    finally:
        holder.kill()
        holder.wait()


def test_net_device_with_a_user_namespace(cable, box):
    one = box("sleep", "1000")
    one.namespace("user")
    one.linux["uidMappings"] = one.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    subprocess.run(["chown", "-R", "100000:100000", one.root], check=True)
    one.bundle.chmod(0o755)
    one.linux["netDevices"] = {"plug": {"name": "eth0"}}
    ip("addr", "add", "192.0.2.1/24", "dev", "plug")
    one.detached()
    assert "192.0.2.1/24" in one.inside("ip addr show dev eth0").ok()


@pytest.mark.parametrize("wanted, words", [
    ({"none": {}}, ["network device 'none'", "no such device"]),
    ({"plug": {"name": "lo"}}, ["network device 'plug' as 'lo'", "has a 'lo' already"]),
    ({"plug": {"name": "x"}, "wall": {"name": "x"}}, ["would both be called", "x"]),
    ({"plug": {"name": "wall"}, "wall": {}}, ["would both be called"]),
    ({"plug": {"name": "a/b"}}, ["cannot name a network device"]),
    ({"plug": {"name": "sixteencharacter"}}, ["cannot name a network device"]),
    ({"lo": {"name": "lo1"}}, ["network device 'lo' as 'lo1'"]),
])
def test_wrong_net_devices(cable, box, wanted, words):
    one = box("true")
    one.linux["netDevices"] = wanted
    one.run().failed("linux.netDevices", *words)
    assert {"lo", "plug", "wall"} == devices()


def test_net_devices_without_a_network_namespace(cable, box):
    one = box("true").without_namespace("network")
    one.linux["netDevices"] = {"plug": {}}
    one.run().failed("linux.netDevices", "network")
    assert "plug" in devices()


# --- linux.intelRdt: the groups themselves are tested on a made tree, in src/kern/resctrl ---

@pytest.mark.parametrize("wanted", [{}, {"closID": "gold"}, {"schemata": ["L3:0=f"]}, {"enableMonitoring": True}])
def test_intel_rdt_without_the_filesystem(box, wanted):
    if "resctrl" in Path("/proc/self/mountinfo").read_text():
        pytest.skip("a resctrl filesystem is mounted")
    one = box("true")
    one.linux["intelRdt"] = wanted
    one.run().failed("linux.intelRdt", "no resctrl filesystem is mounted", "mount -t resctrl")
    one.assert_nothing_left()


@pytest.mark.parametrize("wanted, word", [
    ({"closID": "../x"}, "linux.intelRdt.closID"), ({"closID": "info"}, "linux.intelRdt"),
    ({"memBwSchema": "L3:0=f"}, "linux.intelRdt.memBwSchema"), ({"schemata": ["L3:0=f\nMB:0=1"]}, "linux.intelRdt.schemata[0]"),
])
def test_wrong_intel_rdt(box, wanted, word):
    one = box("true")
    one.linux["intelRdt"] = wanted
    one.run().failed(word)


# --- what is said of it ---

def test_features_say_so(box):
    features = json.loads(box("true").runtime("features").ok())["linux"]
    assert features["netDevices"] == {"enabled": True}
    assert features["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}
    assert features["memoryPolicy"] == {
        "modes": ["MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED",
                  "MPOL_PREFERRED_MANY", "MPOL_LOCAL"],
        "flags": ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]}
