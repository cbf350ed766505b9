"""Control groups and seccomp."""
import json
import os
import subprocess
from pathlib import Path

import pytest
from box import CGROUPS, cgroup_v1, compile_c, mountinfo, wait_for

V1 = cgroup_v1("memory") and cgroup_v1("pids") and cgroup_v1("cpu")
needs_v1 = pytest.mark.skipif(not V1, reason="no version 1 controllers of memory, pids, cpu on this machine")


def value(one, controller, file):
    return (CGROUPS / controller / one.cgroup.lstrip("/") / file).read_text().strip()


def limited(box, *args, **resources):
    one = box(*args)
    one.linux["resources"].update(resources)
    return one


# --- control groups ---

@needs_v1
def test_memory_limit_kills(box):
    one = limited(box, "sh", "-c", "tail /dev/zero; echo survived", memory={"limit": 16 << 20, "swap": 16 << 20})
    done = one.run()
    assert "survived" in done.out or done.status == 137, done
    one = limited(box, "tail", "/dev/zero", memory={"limit": 16 << 20, "swap": 16 << 20})
    assert one.run().status == 137


@needs_v1
@pytest.mark.parametrize("resources, controller, file, wanted", [
    ({"memory": {"limit": 64 << 20}}, "memory", "memory.limit_in_bytes", str(64 << 20)),
    ({"memory": {"limit": 64 << 20, "reservation": 32 << 20}}, "memory", "memory.soft_limit_in_bytes", str(32 << 20)),
    ({"memory": {"limit": -1}}, "memory", "memory.limit_in_bytes", "9223372036854771712"),
    ({"memory": {"disableOOMKiller": True, "limit": 64 << 20}}, "memory", "memory.oom_control", "oom_kill_disable 1"),
    ({"pids": {"limit": 33}}, "pids", "pids.max", "33"),
    ({"pids": {"limit": -1}}, "pids", "pids.max", "max"),
    ({"cpu": {"quota": 50000, "period": 100000}}, "cpu", "cpu.cfs_quota_us", "50000"),
    ({"cpu": {"quota": 20000, "period": 40000}}, "cpu", "cpu.cfs_period_us", "40000"),
    ({"cpu": {"shares": 512}}, "cpu", "cpu.shares", "512"),
    ({"cpu": {"cpus": "0", "mems": "0"}}, "cpuset", "cpuset.cpus", "0")])
def test_limit_file(box, resources, controller, file, wanted):
    one = limited(box, "sleep", "1000", **resources).detached()
    assert wanted in value(one, controller, file).splitlines()


@needs_v1
def test_pids_limit_holds(box):
    one = limited(box, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo here", pids={"limit": 5})
    done = one.run()
    assert "fork" in done.err.lower(), done


@needs_v1
def test_cpuset_holds(box):
    assert limited(box, "sh", "-c", "grep Cpus_allowed_list /proc/self/status", cpu={"cpus": "0"}).run().ok().split(
        )[1] == "0"


@needs_v1
@pytest.mark.parametrize("resources, word", [
    ({"cpu": {"cpus": "4000"}}, "cpu"), ({"cpu": {"quota": 1}}, "cpu"),
    ({"memory": {"limit": 1 << 20, "swap": 1}}, "memory"),
    ({"memory": {"limit": "64m"}}, "linux.resources.memory.limit"),
    ({"pids": {"limit": 1.5}}, "linux.resources.pids.limit")])
def test_refused_limit(box, resources, word):
    limited(box, "true", **resources).run().failed(word)


@needs_v1
def test_every_hierarchy_has_the_process(box):
    one = box("sleep", "1000").detached()
    lines = Path(f"/proc/{one.pid()}/cgroup").read_text().splitlines()
    assert all(line.split(":", 2)[2] == one.cgroup for line in lines), lines


@needs_v1
def test_update(box):
    one = limited(box, "sleep", "1000", pids={"limit": 33}, memory={"limit": 64 << 20}).detached()
    file = one.bundle / "resources.json"
    file.write_text(json.dumps({"pids": {"limit": 44}, "cpu": {"shares": 256}}))
    one.runtime("update", "--resources", file, one.id).ok()
    assert value(one, "pids", "pids.max") == "44" and value(one, "cpu", "cpu.shares") == "256"
    assert value(one, "memory", "memory.limit_in_bytes") == str(64 << 20)
    one.runtime("update", "--resources", "-", one.id, stdin=b'{"memory": {"limit": 33554432}}').ok()
    assert value(one, "memory", "memory.limit_in_bytes") == str(32 << 20)
    assert value(one, "pids", "pids.max") == "44"


@needs_v1
def test_update_keeps_the_device_rules(box):
    one = limited(box, "sleep", "1000").detached()
    before = value(one, "devices", "devices.list")
    one.runtime("update", "--resources", "-", one.id, stdin=b'{"pids": {"limit": 9}}').ok()
    assert value(one, "devices", "devices.list") == before


def test_wrong_update(box):
    one = box("sleep", "1000").detached()
    one.runtime("update", "--resources", "-", one.id, stdin=b'{"pids": ').failed()
    one.runtime("update", "--resources", "/no/such", one.id).failed("/no/such")


def test_no_cgroups_path(box):
    one = box("cat", "/proc/self/cgroup")
    del one.linux["cgroupsPath"]
    lines = one.run().ok().splitlines()
    assert any(one.id in line for line in lines)
    assert not any(one.id in name for top in CGROUPS.iterdir() if top.is_dir() for name in os.listdir(top))


@pytest.mark.parametrize("path", ["/../../x", "../x", "/a/../../../b"])
def test_cgroups_path_with_dots(box, path):
    one = box("cat", "/proc/self/cgroup")
    one.linux["cgroupsPath"] = path
    before = set(os.listdir("/sys/fs"))
    done = one.run()
    assert set(os.listdir("/sys/fs")) == before
    for top in CGROUPS.iterdir():
        for name in ("x", "b"):
            if (top / name).is_dir():
                (top / name).rmdir()
                assert done.status == 0
    if done.status != 0:
        assert "cgroup" in done.err


def test_version_2_view(box):
    probe = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c",
                            "umount -R /sys/fs/cgroup; mount -t cgroup2 c /sys/fs/cgroup"], check=False,
                           stderr=subprocess.PIPE, text=True)
    if probe.returncode != 0:
        pytest.skip(f"cannot show cgroup version 2 alone: {probe.stderr.strip()}")
    one = box("sh", "-c", "cat /proc/self/cgroup; head -c1 /dev/zero | wc -c; cat /dev/other; exec sleep 1000")
    one.prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                  'umount -R /sys/fs/cgroup; mount -t cgroup2 c /sys/fs/cgroup && exec "$@"', "sh"]
    one.linux["devices"] = [{"path": "/dev/other", "type": "c", "major": 10, "minor": 183, "fileMode": 0o666}]
    one.sh("(head -c1 /dev/zero | wc -c; cat /dev/other; echo end) > /out 2>&1; sleep 1000")
    one.create().ok()
    one.start().ok()
    wait_for(lambda: "end" in one.wait_file("/out"), "the output")
    assert (one.root / "out").read_text().split()[0] == "1" and "not permitted" in (one.root / "out").read_text()
    assert f"0::{one.cgroup}" in Path(f"/proc/{one.pid()}/cgroup").read_text()
    one.runtime("pause", one.id).ok()
    assert one.status() == "paused"
    one.runtime("resume", one.id).ok()
    assert one.inside("cat /proc/self/cgroup").ok().count(one.cgroup) >= 1
    one.delete("--force").ok()


# --- seccomp ---

def filtered(box, script, syscalls, default="SCMP_ACT_ALLOW", **more):
    one = box().sh(script)
    one.linux["seccomp"] = {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
                            "syscalls": syscalls, **more}
    return one


def test_seccomp_errno(box):
    done = filtered(box, "mkdir /tmp/x", [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]).run()
    assert "Read-only file system" in done.err, done


def test_seccomp_errno_default(box):
    done = filtered(box, "mkdir /tmp/x", [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]).run()
    assert "not permitted" in done.err, done


def test_seccomp_kill(box):
    done = filtered(box, "mkdir /tmp/x; echo $?", [{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]).run()
    assert done.out.split() == ["159"], done


def test_seccomp_allow_list(box):
    every = [name for name in SYSCALLS if name not in ("mkdir", "mkdirat")]
    one = filtered(box, "mkdir /tmp/x || echo refused", [{"names": every, "action": "SCMP_ACT_ALLOW"}],
                   default="SCMP_ACT_ERRNO")
    assert one.run().ok() == "refused\n"


SYSCALLS = """read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
rt_sigreturn ioctl access pipe dup dup2 getpid execve exit wait4 uname fcntl getcwd chdir getuid getgid geteuid getegid
setuid setgid getppid getpgrp arch_prctl exit_group set_tid_address set_robust_list prlimit64 readlink rseq getrandom
newfstatat openat clone fork vfork sigaltstack futex capset prctl setgroups mkdir mkdirat write writev fchdir
sched_yield close_range getdents64 setsid statx pread64 dup3 pipe2 readv tgkill gettid""".split()


def test_seccomp_arguments(box):
    source = r"""
    #include <errno.h>
    #include <stdio.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    int main(void) {
        long values[] = {0, 5, 6, 1000, -1, 0x100000005};
        for (int i = 0; i < 6; i++) { errno = 0; syscall(SYS_getpriority, values[i], 0x77); printf("%d ", errno); }
        return 0; }"""
    def outcome(op, value, two=None):
        one = filtered(box, "/try", [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [
            {"index": 0, "value": value, **({"valueTwo": two} if two is not None else {}), "op": op},
            {"index": 1, "value": 0x77, "op": "SCMP_CMP_EQ"}]}])
        compile_c(one.root, "try", source)
        return [word == "99" for word in one.run().ok().split()]
    values = [0, 5, 6, 1000, 2**64 - 1, 0x100000005]
    assert outcome("SCMP_CMP_EQ", 5) == [v == 5 for v in values]
    assert outcome("SCMP_CMP_NE", 5) == [v != 5 for v in values]
    assert outcome("SCMP_CMP_LT", 6) == [v < 6 for v in values]
    assert outcome("SCMP_CMP_LE", 6) == [v <= 6 for v in values]
    assert outcome("SCMP_CMP_GT", 6) == [v > 6 for v in values]
    assert outcome("SCMP_CMP_GE", 1000) == [v >= 1000 for v in values]
    assert outcome("SCMP_CMP_MASKED_EQ", 4, 4) == [v & 4 == 4 for v in values]


def test_seccomp_unknown_names(box):
    done = filtered(box, "echo ran", [{"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]).run()
    assert done.ok() == "ran\n"


@pytest.mark.parametrize("change, word", [
    ({"defaultAction": "SCMP_ACT_NOPE"}, "SCMP_ACT_NOPE"), ({"architectures": ["SCMP_ARCH_NOPE"]}, "SCMP_ARCH_NOPE"),
    ({"flags": ["NOPE"]}, "NOPE"), ({"syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}, "syscalls[0]: names"),
    ({"syscalls": [{"action": "SCMP_ACT_ERRNO"}]}, "names"),
    ({"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}, "argument 6"),
    ({"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 0, "value": 1, "op": "SCMP_CMP_XX"}]}]}, "SCMP_CMP_XX"),
    ({"syscalls": [{"names": ["mkdir"]}]}, "action"), ({"defaultAction": None}, "defaultAction")])
def test_wrong_seccomp(box, change, word):
    one = filtered(box, "true", [])
    one.linux["seccomp"].update(change)
    one.run().failed("seccomp", word)


def test_seccomp_without_new_privileges_of_a_user(box):
    one = filtered(box, "mkdir /tmp/x; id -u", [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}])
    one.process["user"] = {"uid": 1000, "gid": 1000}
    one.process["noNewPrivileges"] = True
    done = one.run()
    assert done.out == "1000\n" and "not permitted" in done.err


def test_seccomp_is_told_in_proc(box):
    assert filtered(box, "grep Seccomp: /proc/self/status", []).run().ok().split()[1] == "2"


def cache_files(one):
    """The files that a start with a filter left outside its bundle."""
    tops = [one.state_root, Path("/run"), Path("/var/cache"), Path("/var/lib")]
    return [path for top in tops for path in top.rglob("*") if "seccomp" in str(path) and path.is_file()
            and os.access(path, os.R_OK)]


REFUSE = [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]


def test_seccomp_twice(box):
    for _ in range(2):
        assert "Read-only" in filtered(box, "mkdir /tmp/x", REFUSE).run().err


@pytest.mark.parametrize("damage", ["empty", "truncated", "zeros", "flipped", "symlink", "writable"])
def test_damaged_seccomp_cache(box, damage):
    one = filtered(box, "mkdir /tmp/x", REFUSE)
    one.run()
    files = [f for f in cache_files(one) if one.state_root in f.parents]
    if not files:
        pytest.skip("no cached filter in the state folder")
    allowed = filtered(box, "mkdir /tmp/x", [])
    allowed.run().ok()
    other = [f for f in cache_files(one) if f not in files and one.state_root in f.parents]
    for file in files:
        data = file.read_bytes()
        if damage == "empty":
            file.write_bytes(b"")
        elif damage == "truncated":
            file.write_bytes(data[:-8])
        elif damage == "zeros":
            file.write_bytes(bytes(len(data)))
        elif damage == "flipped":
            file.write_bytes(data[:-3] + bytes(b ^ 255 for b in data[-3:]))
        elif damage == "symlink" and other:
            file.unlink()
            file.symlink_to(other[0])
        elif damage == "writable":
            file.chmod(0o666)
    again = filtered(box, "mkdir /tmp/x", REFUSE).run()
    assert "Read-only" in again.err, again


def test_mounts_do_not_grow_with_containers(box):
    before = len(mountinfo())
    for _ in range(5):
        box("sleep", "1000").detached()
    assert len(mountinfo()) == before
