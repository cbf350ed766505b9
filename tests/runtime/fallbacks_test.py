"""Kernels, and outer containers' seccomp policies, without the newer system calls: what the container sees is the
same. docs/kernels.md lists the calls."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from box import CGROUPS, SANITIZED, call, rule, wait_for

WITHOUT = Path(__file__).resolve().parents[1] / "lib" / "without.py"

CALLS = ["mount_setattr", "openat2", "clone3", "close_range", "faccessat2"]
MFD_EXEC, CLOSE_RANGE_CLOEXEC = 0x10, 4
# Flags that are younger than their calls.
FLAGS = [f"memfd_create=EINVAL:1&{MFD_EXEC}", f"close_range=EINVAL:2&{CLOSE_RANGE_CLOEXEC}"]
ONE = [[f"{name}={why}"] for name in CALLS for why in ("ENOSYS", "EPERM")] + [[flag] for flag in FLAGS]
ALL = [[f"{name}={why}" for name in CALLS] + FLAGS[:1] for why in ("ENOSYS", "EPERM")]
EACH = pytest.mark.parametrize("rules", ONE + ALL, ids=lambda rules: rules[0].split(":")[0] if len(rules) == 1
                               else "all-" + rules[0].split("=")[1])

SHOW = r"""
echo "## mounts"; cut -d' ' -f4- /proc/self/mountinfo
echo "## status"; grep -E '^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)' /proc/self/status
echo "## maps"; cat /proc/self/uid_map /proc/self/gid_map
echo "## limits"; grep -E 'open files|processes' /proc/self/limits
echo "## descriptors"; ls /proc/self/fd | tr '\n' ' '
echo "## cgroup"; cat /proc/self/cgroup
echo "## devices"; stat -c '%n %t:%T %a' /dev/null /dev/zero /dev/extra
echo "## names"; hostname; pwd; umask; env | sort
echo "## masked"; ls /proc/scsi /sys/firmware 2>&1; wc -c </proc/keys
echo "## read-only"; for f in /proc/sys/x /ro/x /filled/x /x; do touch $f 2>&1; done
echo "## filled"; ls /filled /rw
echo "## sysctl"; cat /proc/sys/net/ipv4/ip_forward
"""


def without(*rules):
    if SANITIZED and "faccessat2=EPERM" in rules:
        pytest.skip("glibc's faccessat() takes EPERM for the answer; shipped programs have musl's")
    return [sys.executable, str(WITHOUT), *rules, "--"]


def feature_rich(box, userns=False):
    one = box("sh", "-c", SHOW)
    (one.bundle / "volume").mkdir()
    (one.bundle / "volume" / "file").write_text("x")
    for name in ("ro", "rw", "filled"):
        (one.root / name).mkdir()
    (one.root / "filled" / "from-image").write_text("x")
    one.process.update(user={"uid": 0, "gid": 0, "additionalGids": [7, 8], "umask": 0o27}, cwd="/tmp",
                       noNewPrivileges=True, rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}])
    one.config["root"]["readonly"] = True
    one.mount("/ro", one.bundle / "volume", "bind", ["rbind", "ro", "nosuid", "noexec"])
    one.mount("/rw", one.bundle / "volume", "bind", ["bind", "rw", "nodev", "noatime", "private"])
    one.mount("/filled", "tmpfs", "tmpfs", ["tmpcopyup", "ro", "nosuid", "size=64k"])
    one.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    one.linux.update(sysctl={"net.ipv4.ip_forward": "1"}, rootfsPropagation="private",
                     devices=[{"path": "/dev/extra", "type": "c", "major": 1, "minor": 7, "fileMode": 0o640}],
                     seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                         {"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]})
    one.linux["resources"]["devices"].append(rule(True, "c", 1, 7))
    one.linux["resources"]["pids"] = {"limit": 50}
    one.namespace("cgroup")
    if userns:
        one.namespace("user")
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        one.linux.update(uidMappings=mapping, gidMappings=mapping)
        one.linux["devices"] = []
        one.sh(SHOW.replace(" /dev/extra", ""))
        subprocess.run(["chown", "-R", "100000:100000", str(one.root)], check=True)
    return one


def normal(text, one):
    """Without what differs between any two runs."""
    text = text.replace(one.id, "ID").replace(str(one.bundle), "BUNDLE")
    return re.sub(r"(shared|master|propagate_from):\d+", r"\1:N", text)


@pytest.fixture
def reference(box):
    def run(userns):
        one = feature_rich(box, userns)
        return normal(one.run().ok(), one)
    return run


@EACH
@pytest.mark.parametrize("userns", [False, True], ids=["plain", "userns"])
def test_the_same_is_seen(box, reference, rules, userns):
    one = feature_rich(box, userns)
    one.prefix = without(*rules)
    expected = reference(userns)
    assert "## sysctl" in expected and "Read-only file system" in expected and "from-image" in expected
    assert normal(one.run().ok(), one).splitlines() == expected.splitlines()


@pytest.mark.parametrize("rules", [["openat2=ENOSYS"], ["mount_setattr=EPERM"]], ids=["openat2", "mount_setattr"])
def test_the_filter_works(rules):
    """Or every test here would pass for nothing."""
    number = {"openat2": 437, "mount_setattr": 442}[rules[0].split("=")[0]]
    script = f"import ctypes; l = ctypes.CDLL(None, use_errno=True); l.syscall({number}, -1, None, 0, 0, 0); " \
             "print(ctypes.get_errno())"
    plain = call([sys.executable, "-c", script]).ok().strip()
    denied = call([*without(*rules), sys.executable, "-c", script]).ok().strip()
    assert denied == {"ENOSYS": "38", "EPERM": "1"}[rules[0].split("=")[1]] != plain


@EACH
def test_lifecycle(box, rules):
    one = feature_rich(box)
    one.process["args"] = ["sleep", "1000"]
    one.prefix = without(*rules)
    one.create().ok()
    one.start().ok()
    assert one.inside("echo in; grep -c . /proc/self/cgroup").ok().split()[0] == "in"
    one.runtime("pause", one.id).ok()
    assert one.status() == "paused"
    one.runtime("resume", one.id).ok()
    mine = Path(f"/proc/{one.pid()}/cgroup").read_text().splitlines()
    own = {line.split(":")[1]: line.split(":")[2] for line in mine}
    for name, path in own.items():
        folder = CGROUPS / ("unified" if not name and (CGROUPS / "unified").exists() else name.replace("name=", ""))
        if folder.exists() and not name.startswith(("net_", "perf", "rdma", "misc")):
            assert path == one.cgroup, (name, path)
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("rules", [["close_range=ENOSYS"], ["close_range=EPERM"], FLAGS[1:]],
                         ids=["ENOSYS", "EPERM", "EINVAL"])
@pytest.mark.parametrize("how", ["run", "create", "exec", "hook"])
def test_leaked_descriptors(box, rules, how):
    """What the caller left open stays out of the container (CVE-2024-21626)."""
    show = "for f in /proc/$$/fd/*; do readlink $f; done; true"
    one = box("sh", "-c", f"({show}) >/tmp/open; sleep 1000" if how in ("create", "exec") else show)
    one.prefix = without(*rules)
    if how == "hook":
        said = one.bundle / "said"
        one.config["hooks"] = {"createRuntime": [
            {"path": "/bin/sh", "args": ["sh", "-c", f"{show} >{said}"]}]}
    leaked = [os.open("/etc", os.O_RDONLY | os.O_DIRECTORY) for _ in range(3)]
    high = 900
    os.dup2(leaked[0], high)
    options = {"pass_fds": [*leaked, high]}
    try:
        if how == "create":
            one.create(**options).ok()
            one.start(**options).ok()
            seen = one.wait_file("/tmp/open")
            assert "/dev/null" in seen
        elif how == "exec":
            one.detached()
            seen = one.inside(show, **options).ok()
        else:
            seen = one.run(**options).ok()
            if how == "hook":
                seen = said.read_text()
    finally:
        for fd in [*leaked, high]:
            os.close(fd)
    assert "/etc" not in seen.splitlines(), seen


def test_recursive_flags_need_mount_setattr(box):
    one = box("true")
    one.mount("/root", one.bundle, "bind", ["rbind", "rro"])
    one.prefix = without("mount_setattr=ENOSYS")
    one.run().failed("linux 5.12", "/root")


def test_locked_flags_are_named_by_the_fallback_too(box, workshop):
    folder = workshop / "locked-fallback"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,nosuid", "x", str(folder)], check=True)
    try:
        one = feature_rich(box, True)
        one.mount("/tmp", folder, "bind", ["bind"])
        one.sh("grep ' /tmp ' /proc/self/mountinfo")
        one.prefix = without("mount_setattr=ENOSYS")
        assert "ro,nosuid" in one.run().ok()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("name", ["open_tree", "fsopen"])
def test_calls_that_are_needed(box, name):
    """Of Linux 5.10 and older: without them there is no container, and the error names what failed."""
    one = box("true")
    one.prefix = without(f"{name}=ENOSYS")
    one.run().failed("not implemented")
    one.assert_nothing_left()


def test_without_cgroup_kill(box):
    """Before Linux 5.14: frozen, then killed one by one."""
    top = CGROUPS / "unified" if (CGROUPS / "unified").exists() else CGROUPS
    if not (top / "cgroup.procs").exists():
        pytest.skip("no cgroup version 2 here")
    one = box("sh", "-c", "sleep 1000 & sleep 1000 & wait").without_namespace("pid")
    script = ("umount -R /sys/fs/cgroup && mount -t cgroup2 c /sys/fs/cgroup && "
              'file="/sys/fs/cgroup$1/cgroup.kill"; if [ -e "$file" ]; then mount --bind -o ro /proc/self/status '
              '"$file" && mount -o remount,bind,ro "$file"; fi; shift; exec "$@"')
    one.prefix = ["unshare", "-m", "sh", "-c", script, "sh", one.cgroup]
    one.detached()
    folder = top / one.cgroup.lstrip("/")
    wait_for(lambda: len((folder / "cgroup.procs").read_text().split()) == 3, "three processes")
    one.runtime("kill", "--all", one.id, "KILL").ok()
    wait_for(lambda: not (folder / "cgroup.procs").read_text().split(), "their end")
    one.delete().ok()
