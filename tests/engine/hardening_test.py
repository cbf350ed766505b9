"""What a container that asks for nothing may do, and what an image may not ask for."""
import io
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import compile_c  # noqa: E402
from engine import cli, engine  # noqa: E402,F401

MASKED = ("/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi "
          "/proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware").split()
NODES = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()

PROBE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
static void say(const char *name, long got)
{
	printf("%s %s\n", name, got < 0 ? strerrorname_np(errno) : "ok");
}
int main(void)
{
	struct clone_args args = {0};
	char buf[4096] = {0};
	say("unshare_user", unshare(CLONE_NEWUSER));
	say("unshare_ns", unshare(CLONE_NEWNS));
	say("clone_user", syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
	say("mount", mount("none", "/tmp", "tmpfs", 0, 0));
	say("umount2", umount2("/proc", MNT_DETACH));
	say("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
	say("setns", setns(0, 0));
	say("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	say("add_key", syscall(SYS_add_key, "user", "a", "b", 1, 0));
	say("request_key", syscall(SYS_request_key, "user", "a", "b", 0));
	say("clone3", syscall(SYS_clone3, &args, sizeof(args)));
	say("bpf", syscall(SYS_bpf, 0, buf, sizeof(buf)));
	say("ptrace_self", 0);
	say("perf_event_open", syscall(SYS_perf_event_open, buf, 0, -1, -1, 0));
	say("init_module", syscall(SYS_init_module, buf, 1, ""));
	say("finit_module", syscall(SYS_finit_module, 0, "", 0));
	say("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
	say("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
	say("swapon", syscall(SYS_swapon, "/x", 0));
	say("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, buf, 0));
	say("userfaultfd", syscall(SYS_userfaultfd, 0));
	say("io_uring_setup", syscall(SYS_io_uring_setup, 1, buf));
	say("sethostname", sethostname("x", 1));
	say("settimeofday", syscall(SYS_settimeofday, buf, 0));
	say("quotactl", syscall(SYS_quotactl, 0, 0, 0, 0));
	say("acct", syscall(SYS_acct, 0));
	say("syslog", syscall(SYS_syslog, 10, 0, 0));
	say("fsopen", syscall(430, "tmpfs", 0));
	say("open_tree", syscall(428, -100, "/", 1));
	say("move_mount", syscall(429, -1, "", -1, "", 0));
	say("vsock", socket(40, SOCK_STREAM, 0));
	say("personality_odd", syscall(SYS_personality, 0x0400001));
	say("personality_query", syscall(SYS_personality, 0xffffffffUL));
	say("personality_linux32", syscall(SYS_personality, 8));
	say("raw", socket(AF_INET, SOCK_RAW, 1));
	say("getpid", syscall(SYS_getpid));
	return 0;
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    return compile_c(tmp_path_factory.mktemp("probe"), "probe", PROBE)


def test_system_calls(cli, probe):
    told = dict(line.split() for line in cli.run("-v", f"{probe}:/probe:ro", "bb", "/probe").splitlines())
    allowed = {"ptrace_self", "personality_query", "personality_linux32", "raw", "getpid"}
    assert {name for name, got in told.items() if got == "ok"} == allowed
    assert told["clone3"] == "ENOSYS"
    for name in "unshare_user unshare_ns clone_user mount umount2 keyctl add_key bpf personality_odd setns vsock".split():
        assert told[name] == "EPERM", (name, told[name])


def test_system_calls_of_32_bits_are_filtered(cli, tmp_path):
    source = r"""
#include <stdio.h>
int main(void) {
	int got;
	/* unshare(CLONE_NEWUSER) by the 32 bit door: number 310 */
	__asm__ volatile("int $0x80" : "=a"(got) : "a"(310), "b"(0x10000000) : "memory");
	printf("%d\n", got);
	return 0;
}
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the 32 bit door is x86's")
    program = compile_c(tmp_path, "door", source)
    done = cli("run", "--rm", "-v", f"{program}:/door:ro", "bb", "/door")
    assert done.out.strip() in ("-1", "-38") or done.status in (139, 159), done


def test_masked_and_read_only(cli):
    script = "".join(
        f"if [ -d {p} ]; then echo {p} $(ls -A {p} | wc -l); elif [ -e {p} ]; then echo {p} $(head -c 20 {p} | wc -c); fi; "
        for p in MASKED)
    told = [line.split() for line in cli.sh(script).splitlines()]
    assert told and all(size == "0" for _, size in told), told
    script = "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/sys/vm/drop_caches " \
             "/sys/kernel/mm/ksm/run /sys/kernel/uevent_helper; do [ -e $f ] && (echo 1 > $f) 2>&1; done; " \
             "mkdir /sys/fs/cgroup/pids/x /sys/fs/cgroup/x /proc/bus/x /proc/fs/x 2>&1; true"
    for line in cli.sh(script).splitlines():
        assert "Read-only" in line or "denied" in line or "nonexistent" in line or "No such" in line, line
    mounts = {line.split()[1]: line.split()[3].split(",") for line in cli.run("bb", "cat", "/proc/mounts").splitlines()}
    for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/sys"):
        assert not os.path.exists(path) or "ro" in mounts[path], path
    for path in ("/proc", "/sys", "/dev/pts", "/dev/shm", "/dev/mqueue"):
        assert {"nosuid", "noexec"} <= set(mounts[path]), path


def test_device_nodes(cli):
    assert cli.run("bb", "ls", "/dev").split() == NODES
    told = cli.sh("for f in full null random tty urandom zero; do stat -c '%n %F %a %t:%T' /dev/$f; done")
    assert told.replace("character special file", "c").splitlines() == [
        "/dev/full c 666 1:7", "/dev/null c 666 1:3", "/dev/random c 666 1:8", "/dev/tty c 666 5:0",
        "/dev/urandom c 666 1:9", "/dev/zero c 666 1:5"]


def test_device_nodes_made_inside_are_useless(cli):
    told = cli.sh("cd /tmp; mknod disk b 254 0 2>&1; mknod mem c 1 1 2>&1; mknod kmsg c 1 11 2>&1; "
                  "head -c1 disk 2>&1; head -c1 mem 2>&1; head -c1 kmsg 2>&1; true")
    assert told.count("not permitted") + told.count("denied") + told.count("No such") >= 3, told
    told = cli.sh("mount -t devtmpfs none /srv 2>&1; true", "--cap-add", "SYS_ADMIN", "--cap-drop", "MKNOD")
    assert "sda" not in told


def test_device_nodes_of_an_image_are_useless(cli):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(cli.folder / "tree", arcname=".")
        for name, kind, numbers in (("mem", tarfile.CHRTYPE, (1, 1)), ("disk", tarfile.BLKTYPE, (254, 0)),
                                    ("null", tarfile.CHRTYPE, (1, 3)), ("kmsg", tarfile.CHRTYPE, (1, 11))):
            entry = tarfile.TarInfo(f"srv/{name}")
            entry.type, entry.mode, (entry.devmajor, entry.devminor) = kind, 0o666, numbers
            tar.addfile(entry)
    done = cli("image", "import", "-", "nodes", stdin=archive.getvalue(), text=False)
    if done.status == 0:
        told = cli.sh("true") + cli.run("nodes", "sh", "-c", "for f in mem disk null kmsg; do "
                                        "[ -e /srv/$f ] && head -c1 /srv/$f 2>&1 && echo OPENED $f; done; true")
        assert "OPENED" not in told, told


def test_processes_see_nothing_of_the_host(cli):
    told = cli.sh("ps -o pid,comm | wc -l; ls /proc/self/fd | wc -w; cat /proc/self/cgroup; cat /proc/self/attr/current 2>&1; "
                  "cat /proc/1/environ | tr '\\0' '\\n'")
    assert "CORTEN" not in told and "XDG" not in told


def test_no_descriptor_of_the_host_reaches_the_container(cli):
    held = os.open("/etc/passwd", os.O_RDONLY)
    try:
        os.set_inheritable(held, True)
        done = cli("run", "--rm", "bb", "sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done; true", close_fds=False)
    finally:
        os.close(held)
    for line in done.ok().splitlines():
        assert line.startswith(("pipe:", "/dev/null", "/proc/")), done.out


HOSTILE = {
    "Labels": {"io.corten.privileged": "true", "run.oci.hooks": "evil", "org.opencontainers.runtime": "x",
               "run.oci.keep_original_groups": "1", "io.katacontainers.config.hypervisor.path": "/evil"},
    "Privileged": True, "CapAdd": ["ALL"], "Capabilities": ["CAP_SYS_ADMIN"],
    "HostConfig": {"Privileged": True, "Binds": ["/:/host"], "PidMode": "host", "NetworkMode": "host", "CapAdd": ["ALL"],
                   "SecurityOpt": ["seccomp=unconfined"], "Devices": [{"PathOnHost": "/dev/kmsg"}]},
    "Mounts": [{"type": "bind", "source": "/", "target": "/host"}], "Binds": ["/:/host"], "Hostname": "evil",
    "Domainname": "evil", "Tty": True, "OpenStdin": True, "NetworkDisabled": False, "Hooks": {"prestart": [{"path": "/evil"}]},
    "SecurityOpt": ["seccomp=unconfined"], "Runtime": "evil", "Annotations": {"run.oci.hooks": "evil"}, "MacAddress": "x",
    "Shell": ["/evil"], "OnBuild": ["RUN evil"], "Devices": ["/dev/kmsg"], "Ulimits": [{"Name": "nofile", "Soft": 7}],
}


def hostile_archive(cli, config, name="hostile:1"):
    """An archive as of docker save whose image configuration is the given."""
    import hashlib
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(cli.folder / "tree", arcname=".")
    layer = layer.getvalue()
    document = json.dumps({
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux", "config": config,
        "container_config": HOSTILE, "host_config": HOSTILE["HostConfig"],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}, "history": [],
    }).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, data in (("c.json", document), ("layer.tar", layer), ("manifest.json", json.dumps(
                [{"Config": "c.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode())):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def test_a_hostile_configuration_changes_nothing(cli):
    archive = hostile_archive(cli, {**HOSTILE, "Env": ["A=1"], "Cmd": ["env"], "User": "app", "WorkingDir": "/srv"})
    done = cli("image", "load", stdin=archive, text=False)
    assert done.status == 0, done
    env = cli.run("hostile:1").splitlines()
    assert "A=1" in env and not [line for line in env if "evil" in line]
    told = cli.run("-u", "root", "hostile:1", "sh", "-c", "grep -E 'CapBnd|CapEff|Seccomp:' /proc/self/status; ls / /dev; "
                   "hostname; readlink /proc/self/ns/pid; readlink /proc/self/ns/net; ulimit -n; pwd; tty; id")
    plain = cli.run("-w", "/srv", "bb", "sh", "-c", "grep -E 'CapBnd|CapEff|Seccomp:' /proc/self/status; ls / /dev")
    assert told.startswith(plain)
    for bad in ("evil", "host\n", os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/net"), "/dev/pts"):
        assert bad not in told, bad
    name = cli("create", "hostile:1").ok().strip()
    made = json.loads(cli("inspect", name).ok())[0]
    assert made["HostConfig"]["Privileged"] is False and not made["HostConfig"].get("Binds")
    cli("start", name).ok()
    config = cli.state / "containers" / name / "config.json"
    if config.exists():
        text = config.read_text()
        assert "evil" not in text and "io.corten.privileged" not in text, text


@pytest.mark.parametrize("config", [
    {"Env": ["NOEQUALS"]}, {"Env": ["=x"]}, {"Env": ["A=\u0000b"]}, {"User": "../../etc"}, {"User": "app:0:0"},
    {"WorkingDir": "relative"}, {"WorkingDir": "/../../../../tmp/escape"}, {"Volumes": {"relative": {}}},
    {"Volumes": {"/": {}}}, {"Volumes": {"/../../x": {}}}, {"Volumes": {"/proc": {}}}, {"StopSignal": "NONSENSE"},
    {"ExposedPorts": {"x": {}}}, {"Cmd": "not a list"}, {"Env": {"a": "b"}}, {"Entrypoint": [""]}, {"Cmd": [None]},
    {"Healthcheck": {"Test": ["CMD", "evil"], "Interval": -1}}, {"Env": [f"V{i}={'x' * 100}" for i in range(3000)]},
], ids=lambda c: json.dumps(c)[:40])
def test_odd_configurations_crash_nothing(cli, config):
    before = set(os.listdir("/tmp"))
    done = cli("image", "load", stdin=hostile_archive(cli, config, "odd:1"), text=False)
    assert done.status in (0, 1), done
    if done.status == 0:
        done = cli("run", "--rm", "odd:1", "true")
        assert done.status in (0, 125, 126, 127), done
        assert done.status == 0 or done.err.startswith("corten: "), done
        cli("image", "rm", "odd:1").ok()
    assert "escape" not in set(os.listdir("/tmp")) - before


def test_what_an_image_may_say_is_heard(cli):
    config = {"Env": ["A=1", "PATH=/bin"], "Entrypoint": ["sh", "-c"], "Cmd": ["env; pwd; id -u; ls -d /vol; trap 'exit 9' USR1; "
              "echo ready; while :; do sleep 0.05; done"], "User": "app", "WorkingDir": "/srv/deep", "Volumes": {"/vol": {}},
              "StopSignal": "SIGUSR1", "ExposedPorts": {"80/tcp": {}}}
    done = cli("image", "load", stdin=hostile_archive(cli, config, "says:1"), text=False)
    assert done.status == 0, done
    name = cli("run", "-d", "says:1").ok().strip()
    cli.wait_logs(name, "ready")
    told = cli("logs", name).ok().splitlines()
    assert {"A=1", "PATH=/bin", "/srv/deep", "1000", "/vol"} <= set(told)
    cli("stop", "-t", "5", name).ok()
    assert cli("wait", name).ok() == "9\n"
