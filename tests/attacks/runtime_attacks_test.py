"""Published attacks on container runtimes, attempted against this one (hostile root, hostile neighbour).

Each test sets out canaries on the host (see conftest.py) and demands them unchanged. Attacks that are races are in
races_test.py.
"""
import fcntl
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from box import CGROUPS, MASKED, RUNTIME, compile_c, on_terminal, wait_for

EVERYTHING = ["CAP_" + name for name in """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
NET_ADMIN NET_RAW SYS_CHROOT SYS_PTRACE SYS_ADMIN MKNOD SETFCAP""".split()]


def grant(one, names):
    one.process["capabilities"] = {kind: list(names) for kind in ("bounding", "effective", "permitted")}


# --- 1: the runtime through /proc/self/exe ---

# Opens the exe of every process it sees, reopens it for writing, and tells the inode of what it got.
HUNTER = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
static void tell(FILE *out, const char *how, int fd) {
    struct stat st;
    if (fstat(fd, &st) == 0)
        fprintf(out, "%s %llu %llu\n", how, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    fflush(out);
}
/* Whether the needle is among the process's words, which all may read. */
static int named(int pid, const char *needle) {
    char path[64], words[4096];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, words, sizeof(words));
    close(fd);
    return got > 0 && memmem(words, got, needle, strlen(needle)) != NULL;
}
int main(int argc, char **argv) {
    FILE *out = fopen("/caught", "a");
    fprintf(out, "hunting\n"); fflush(out);
    for (long round = 0;; round++) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        while ((entry = readdir(proc)) != NULL) {
            char path[300], again[64];
            int pid = atoi(entry->d_name);
            if (pid <= 1 || pid == getpid() || (argc > 1 && !named(pid, argv[1]))) continue;
            snprintf(path, sizeof(path), "/proc/%d/exe", pid);
            int fd = open(path, O_RDONLY);
            if (fd < 0) fd = open(path, O_PATH);
            if (fd < 0) continue;
            tell(out, "read", fd);
            snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
            int writer = open(again, O_WRONLY);
            if (writer < 0) writer = open(path, O_WRONLY);
            if (writer >= 0) { tell(out, "write", writer); close(writer); }
            close(fd);
            for (int n = 0; n < 32; n++) {
                snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, n);
                int other = open(path, O_RDONLY | O_NONBLOCK);
                if (other >= 0) { tell(out, "fd", other); close(other); }
            }
            snprintf(path, sizeof(path), "/proc/%d/root", pid);
            int root = open(path, O_RDONLY);
            if (root >= 0) { tell(out, "root", root); close(root); }
            snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
            root = open(path, O_RDONLY);
            if (root >= 0) { tell(out, "cwd", root); close(root); }
        }
        closedir(proc);
    }
}
"""


def key(path):
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino


def caught(one):
    found = set()
    for line in (one.root / "caught").read_text().splitlines():
        words = line.split()
        if len(words) == 3:
            found.add((words[0], (int(words[1]), int(words[2]))))
    return found


@pytest.mark.parametrize("capabilities", [None, EVERYTHING])
def test_hunter_never_gets_the_runtime(box, capabilities):
    one = box("/hunter")
    compile_c(one.root, "hunter", HUNTER)
    if capabilities:
        grant(one, capabilities)
    one.detached()
    one.wait_file("/caught")
    for words in (["/proc/self/exe"], ["true"], ["/no/such"], ["/hunter-link"], ["sh", "-c", "sleep 0.02"]):
        for _ in range(5):
            one.exec(one.id, *words) if words != ["/proc/self/exe"] else one.exec("--detach", one.id, "true")
    found = caught(one)
    mine = key(RUNTIME)
    assert not [how for how, inode in found if inode == mine], "a hostile process opened the runtime's binary"
    forbidden = {key("/"): "the host's root", key(one.bundle): "the bundle", key(one.state_root): "the state folder",
                 key(one.state_root / one.id): "the container's state", key(CGROUPS): "the host's cgroups",
                 key("/proc"): "the host's /proc"}
    assert not [(how, forbidden[inode]) for how, inode in found if inode in forbidden]
    assert found, "the hunter saw no process at all: the test proves nothing"


def forbidden(*boxes):
    """What no hostile process may open: inode and what it is."""
    places = {"/": "the host's root", RUNTIME: "the runtime", CGROUPS: "the host's cgroups", "/proc": "the host's /proc"}
    for one in boxes:
        places.update({one.bundle: "a bundle", one.state_root: "the state folder", one.state_root / one.id: "a state"})
    return {key(place): what for place, what in places.items() if os.path.exists(place)}


@pytest.mark.parametrize("neighbour", ["host", "user"])
@pytest.mark.parametrize("command", ["run", "exec"])
def test_hunter_next_door_never_gets_into_the_set_up(box, neighbour, command):
    """Containers with a user namespace, set up where a neighbour sees their processes.

    "host": the neighbour has the host's PID namespace, is root, and so owns the new user namespace. "user": the
    other container joins the neighbour's PID and user namespaces.
    """
    hunter, other = box("/hunter"), box("sleep", "1000")
    compile_c(hunter.root, "hunter", HUNTER)
    other.namespace("user")
    maps = [{"containerID": 0, "hostID": 0 if neighbour == "host" else 100000, "size": 65536}]
    other.linux["uidMappings"] = other.linux["gidMappings"] = maps
    if neighbour == "host":
        hunter.without_namespace("pid")
        other.without_namespace("pid")
        other.config["mounts"] = [m for m in other.config["mounts"] if m["destination"] != "/proc"]
        other.linux["maskedPaths"], other.linux["readonlyPaths"] = [], []
        hunter.linux["maskedPaths"], hunter.linux["readonlyPaths"] = [], []
    else:
        grant(hunter, EVERYTHING)
        hunter.namespace("user")
        hunter.linux["uidMappings"] = hunter.linux["gidMappings"] = maps
    hunter.process["args"] = ["/hunter", other.bundle.name]
    os.chown(hunter.root, maps[0]["hostID"], maps[0]["hostID"])
    hunter.detached()
    hunter.wait_file("/caught")
    if neighbour == "user":
        for kind in ("pid", "user"):
            other.namespace(kind, f"/proc/{hunter.pid()}/ns/{kind}")
        other.linux.pop("uidMappings")
        other.linux.pop("gidMappings")
    if command == "exec":
        other.detached()
        for _ in range(10):
            other.exec(other.id, "true").ok()
    else:
        for _ in range(10):
            other.process["args"] = ["true"]
            other.run().ok()
    bad = forbidden(hunter, other)
    assert not [(how, bad[inode]) for how, inode in caught(hunter) if inode in bad]


@pytest.mark.parametrize("args", [["/proc/self/exe"], ["/script"], ["/link"]])
@pytest.mark.parametrize("command", ["run", "exec"])
def test_self_exe_is_not_the_runtime(box, command, args):
    one = box(*args, "--version")
    (one.root / "script").write_text("#!/proc/self/exe --version\n")
    (one.root / "script").chmod(0o755)
    (one.root / "link").symlink_to("/proc/self/exe")
    if command == "run":
        done = one.run()
    else:
        one.process["args"] = ["sleep", "1000"]
        one.detached()
        done = one.exec(one.id, *args, "--version")
    assert "corten-runtime version" not in done.out and "spec:" not in done.out, done


def test_writing_to_self_exe(box):
    # With the program itself as first argument, a library of the image would open its own exe for writing.
    source = r"""
    #include <fcntl.h>
    #include <stdio.h>
    #include <sys/stat.h>
    int main(void) { struct stat st; int fd = open("/proc/self/exe", O_RDONLY); fstat(fd, &st);
        printf("%llu %llu\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); return 0; }"""
    one = box("/try")
    compile_c(one.root, "try", source)
    assert tuple(map(int, one.run().ok().split())) == key(one.root / "try")


# --- 2: a leaked descriptor as working folder ---

@pytest.mark.parametrize("number", range(3, 25))
def test_cwd_through_a_descriptor(box, number):
    one = box("sh", "-c", "pwd; ls -di . /; ls ../../../../../../..")
    one.process["cwd"] = f"/proc/self/fd/{number}"
    done = one.run()
    if done.status == 0:
        words = done.out.split()
        assert "rootfs" not in done.out and "bundle" not in words, done
        assert not one.root.joinpath("proc/self").exists()
    assert str(key("/")[1]) not in re.findall(r"\d+", done.out), done


@pytest.mark.parametrize("cwd", [*[f"/proc/self/fd/{n}" for n in range(3, 16)], "/proc/1/cwd", "/proc/1/root"])
def test_cwd_through_a_descriptor_in_exec(box, cwd):
    one = box("sleep", "1000").detached()
    done = one.exec("--cwd", cwd, one.id, "sh", "-c", "stat -L -c '%i' . ..")
    inodes = {int(word) for word in done.out.split()}
    assert not inodes & {key("/")[1], key(one.bundle)[1], key(one.state_root)[1]}, done


def test_cwd_link_to_a_descriptor(box):
    one = box("ls")
    (one.root / "job").symlink_to("/proc/self/fd/7")
    one.process["cwd"] = "/job"
    done = one.run()
    assert done.status != 0 or "rootfs" not in done.out, done


def test_inherited_descriptor_of_the_host(box):
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY)

    def prepare():
        os.dup2(handle, 9, inheritable=True)
    one = box("sh", "-c", "ls /proc/self/fd/9/ && echo reached")
    one.process["cwd"] = "/proc/self/fd/9"
    done = one.run(close_fds=False, preexec_fn=prepare)
    os.close(handle)
    assert "reached" not in done.out, done


# --- 3: /dev/null replaced while paths are masked ---

@pytest.mark.parametrize("target", ["/proc/sysrq-trigger", "/etc/passwd", "/proc/sys/kernel/core_pattern", "/dev/zero"])
def test_dev_null_is_a_link(box, target):
    one = box("sh", "-c", "cat /secret; stat -c %t:%T /secret")
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    (one.root / "secret").write_text("hidden\n")
    (one.root / "dev/null").symlink_to(target)
    one.linux["maskedPaths"] = ["/secret", "/proc/sys/kernel/core_pattern"]
    done = one.run()
    if done.status == 0:
        assert "hidden" not in done.out and "1:3" in done.out, done
    else:
        assert "/dev/null" in done.err or "/secret" in done.err, done


def test_dev_null_is_a_file(box):
    one = box("cat", "/secret")
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    (one.root / "secret").write_text("hidden\n")
    (one.root / "dev/null").write_text("fake\n")
    one.linux["maskedPaths"] = ["/secret"]
    done = one.run()
    assert "hidden" not in done.out and "fake" not in done.out, done


# --- 4: /dev/console ---

def test_dev_console_is_a_link(box, console, canary):
    one, sock = box("sh", "-c", "echo shown; sleep 1000"), console()
    one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/dev"]
    one.process["terminal"] = True
    (one.root / "dev/pts").mkdir()
    (one.root / "dev/mqueue").mkdir()
    (one.root / "dev/shm").mkdir()
    (one.root / "dev/console").symlink_to("../../../../../../.." + str(canary / "file"))
    done = one.run("--detach", "--console-socket", sock.path)
    if done.status != 0:
        assert "console" in done.err, done


def test_dev_pts_is_a_link(box, console, canary):
    one, sock = box("sh", "-c", "echo shown; sleep 1000"), console()
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    one.process["terminal"] = True
    (one.root / "dev/pts").symlink_to(canary)
    (one.root / "dev/ptmx").symlink_to(canary / "file")
    one.run("--detach", "--console-socket", sock.path)


# --- 5: a write redirected to another procfs file ---

def test_sysctl_write_is_not_redirected(box, canary):
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    one = box("cat", "/proc/sys/net/ipv4/ip_forward")
    one.mount("/proc/sys/net", "tmpfs", "tmpfs")
    one.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    one.run()
    assert Path("/proc/sys/kernel/core_pattern").read_text() == pattern


@pytest.mark.parametrize("place", ["/proc/self", "/proc/self/attr", "/proc/sys", "/proc/1"])
def test_mounts_over_proc_are_refused(box, place):
    one = box("true")
    (one.bundle / "fake").mkdir()
    one.mount(place, one.bundle / "fake", "bind", ["bind"])
    done = one.run()
    if done.status != 0:
        assert "/proc" in done.err, done
    else:
        # Whoever writes the configuration may cover /proc/sys; the runtime's own writes must not go there.
        assert list((one.bundle / "fake").iterdir()) == []


def test_proc_of_the_image_is_a_plain_folder_with_traps(box, canary):
    one = box("true")
    one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/proc"]
    one.linux["maskedPaths"], one.linux["readonlyPaths"] = [], []
    for name in ("self/fd", "thread-self/attr", "sys/net/ipv4", "self/attr"):
        (one.root / "proc" / name).mkdir(parents=True)
    (one.root / "proc/sys/net/ipv4/ip_forward").symlink_to(canary / "file")
    (one.root / "proc/self/attr/exec").symlink_to(canary / "file")
    (one.root / "proc/self/oom_score_adj").symlink_to(canary / "file")
    one.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    one.process["oomScoreAdj"] = 700
    done = one.run()
    assert done.status == 0 or "/proc" in done.err or "sysctl" in done.err, done
    for name in ("self/fd", "sys/net/ipv4"):
        assert all(p.is_symlink() for p in (one.root / "proc" / name).iterdir())


# --- 6: /proc or /sys of the image is a link ---

@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/tmp", "../../../../../tmp", "tmp", "/nowhere"])
def test_proc_is_a_link(box, name, target):
    one = box("sh", "-c", f"cat /proc/self/mountinfo; ls {MASKED[2]}; echo x > /proc/sysrq-trigger")
    (one.root / name).rmdir()
    (one.root / name).symlink_to(target)
    done = one.run()
    assert done.status != 0, done
    if "corten-runtime" in done.err:
        assert f"/{name}" in done.err, done
        assert "not a folder" in done.err, done
    assert list((one.root / "tmp").iterdir()) == []


# --- 8: /dev of the image is a link ---

@pytest.mark.parametrize("target", ["absolute", "relative", "outside"])
@pytest.mark.parametrize("command", ["run", "create"])
@pytest.mark.parametrize("with_mount", [True, False])
def test_dev_is_a_link(box, canary, target, command, with_mount):
    one = box("ls", "/dev/")
    (one.root / "dev").rmdir()
    (one.root / "dev").symlink_to({"absolute": str(canary), "relative": "../../../../../../.." + str(canary),
                                   "outside": "/dev"}[target])
    if not with_mount:
        one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    host = sorted(os.listdir("/dev"))
    if command == "run":
        one.run()
    else:
        if one.create().status == 0:
            one.start()
    assert sorted(os.listdir("/dev")) == host


@pytest.mark.parametrize("name", ["null", "zero", "ptmx", "fd", "stdin", "tty", "full"])
def test_device_names_are_links(box, canary, name):
    one = box("true")
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    (one.root / "dev" / name).symlink_to("../../../../../../.." + str(canary / "file"))
    one.run()
    (one.root / "dev" / name).unlink(missing_ok=True)


# --- 9 and 10: files and folders made through the root ---

def test_mount_target_makes_no_file_outside(box, canary):
    one = box("true")
    (one.root / "link").symlink_to("../../../../../../../../.." + str(canary))
    one.mount("/link/new", one.bundle / "config.json", "bind", ["bind"]).mount("/link/d/e", "tmpfs", "tmpfs")
    one.run()
    assert sorted(p.name for p in canary.iterdir()) == ["file"]


@pytest.mark.parametrize("uid", [0, 1000])
def test_cwd_link_makes_nothing_outside(box, canary, uid):
    one = box("true")
    one.process["user"] = {"uid": uid, "gid": uid}
    (one.root / "job").symlink_to("../../../../../../../../.." + str(canary / "new"))
    one.process["cwd"] = "/job/deep"
    one.run()
    one.process["cwd"] = "/job"
    one.run()
    assert sorted(p.name for p in canary.iterdir()) == ["file"]


def test_passwd_is_a_link_or_a_fifo_or_huge(box, canary):
    one = box("sh", "-c", "echo $HOME")
    one.process["user"] = {"uid": 1000, "gid": 1000}
    passwd = one.root / "etc/passwd"
    passwd.unlink()
    (canary.parent / "passwd").write_text("x:x:1000:1000::/stolen:/\n")
    passwd.symlink_to("../../../../../../../.." + str(canary.parent / "passwd"))
    assert "/stolen" not in one.run(timeout=10).out
    passwd.unlink()
    os.mkfifo(passwd)
    one.run(timeout=10)
    passwd.unlink()
    with open(passwd, "wb") as file:
        file.truncate(8 << 30)
    one.run(timeout=20)
    passwd.unlink()
    passwd.symlink_to("/dev/zero")
    one.run(timeout=20)


# --- 11: the host's control groups behind /sys in a user namespace ---

@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("mount", [None, "ro"])
def test_control_groups_are_not_writable_in_a_user_namespace(box, uid, mount):
    """With the host's network, the host's /sys stands in for a new one; what belongs to the caller there, as a
    delegated group does, is the container's root's own."""
    one = box("sh", "-c", """for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/planted && echo made $d; done
        for f in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do echo 1 > $f && echo wrote $f; done
        mount -o remount,bind,rw /sys/fs/cgroup && echo remounted; grep ' /sys' /proc/mounts; true""")
    one.without_namespace("network").namespace("user")
    one.linux["uidMappings"] = one.linux["gidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
    one.config["mounts"] = [m for m in one.config["mounts"] if m["type"] not in ("devpts", "mqueue")]
    if mount:
        one.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", mount])
    if uid:
        del one.linux["cgroupsPath"], one.linux["resources"]
        one.linux["maskedPaths"], one.linux["readonlyPaths"] = [], []
        subprocess.run(["chown", "-R", f"{uid}:{uid}", one.bundle, one.state_root], check=True)
        one.prefix = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    done = one.run()
    assert not any(word in done.out for word in ("made", "wrote", "remounted")), done
    assert done.status == 0 and "/sys sysfs ro" in done.out, done


# --- 12: inheritable capabilities ---

@pytest.mark.parametrize("command", ["run", "exec", "exec-cap"])
def test_inheritable_capabilities_are_empty(box, command):
    script = "grep -E 'CapInh|CapAmb' /proc/self/status"
    if command == "run":
        out = box("sh", "-c", script).run().ok()
    else:
        one = box("sleep", "1000").detached()
        flags = ["--cap", "CAP_NET_ADMIN"] if command == "exec-cap" else []
        out = one.inside(script, *flags).ok()
    assert all(int(line.split()[1], 16) == 0 for line in out.splitlines()), out


# --- 13: overflowing lengths between the runtime's processes ---

@pytest.mark.parametrize("count, size", [(1, 70000), (300, 70000), (70000, 20), (1, 16 << 20)])
def test_huge_values_cross_or_are_refused(box, count, size):
    one = box("sh", "-c", "id -u; cat /proc/self/uid_map; hostname")
    one.process["env"] += [f"V{i}=" + "x" * size for i in range(count)]
    one.linux["namespaces"].append({"type": "cgroup"})
    done = one.run(timeout=40)
    if done.status == 0:
        assert done.out.split()[0] == "0" and done.out.split()[-1] == "box", done.out[:200]
    else:
        assert done.err and len(done.err) < 10000


def test_long_namespace_path(box):
    box("true").namespace("network", "/" + "x/" * 40000).run().failed("net")


def test_many_mappings(box):
    one = box("id", "-u")
    one.namespace("user")
    one.linux["uidMappings"] = one.linux["gidMappings"] = [
        {"containerID": i, "hostID": 100000 + i, "size": 1} for i in range(5000)]
    done = one.run()
    assert done.status != 0 and "apping" in done.err or done.out == "0\n", done


# --- 14: numbers that wrap ---

@pytest.mark.parametrize("field", ["uid", "gid"])
@pytest.mark.parametrize("number", [2**32, 2**32 - 1, 2**63, 2**64, -1, 2**32 + 1000, 1e20])
def test_ids_do_not_wrap(box, field, number):
    one = box("sh", "-c", "touch /ran; id -u")
    one.process["user"][field] = number
    done = one.run()
    assert done.status != 0 and field in done.err, done
    assert not (one.root / "ran").exists()


@pytest.mark.parametrize("word", ["4294967296", "4294967295", "-1", "18446744073709551616", "0x0", "1e3"])
def test_ids_of_exec_do_not_wrap(box, word):
    one = box("sleep", "1000").detached()
    one.exec(f"--user={word}", one.id, "id").failed(word)


# --- 15: characters pushed into the caller's terminal ---

PUSH = r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
int main(void) {
    const char *text = "echo PWNED\n";
    int done = 0, tty = open("/dev/tty", O_RDWR);
    int fds[] = {0, 1, 2, tty};
    for (int i = 0; i < 4; i++)
        for (const char *c = text; *c; c++) done += ioctl(fds[i], TIOCSTI, c) == 0;
    printf("pushed %d tty %d\n", done, tty >= 0); return 0; }
"""


@pytest.mark.parametrize("command", ["run", "exec"])
@pytest.mark.parametrize("terminal", [False, True])
def test_pushed_characters_do_not_reach_the_callers_terminal(box, command, terminal):
    one = box("/push")
    # With CAP_SYS_ADMIN the kernel allows it on any terminal that was handed in: not then.
    compile_c(one.root, "push", PUSH)
    one.process["terminal"] = terminal
    if command == "run":
        one.write()
        argv = one.argv("run", "--bundle", one.bundle, one.id)
    else:
        one.process["args"], one.process["terminal"] = ["sleep", "1000"], False
        one.detached()
        argv = one.argv("exec", *(["--tty"] if terminal else []), one.id, "/push")
    # What reaches the caller's terminal as input shows when the next reader reads.
    shell = ["sh", "-c", '"$@"; echo back; read -t 1 line; echo "read=$line"', "sh", *argv]
    reader = ["bash", *shell[1:]]
    _, shown = on_terminal(reader)
    assert "back" in shown and "pushed" in shown, shown
    assert re.search(r"read=\s*$", shown.strip() + "\n"), shown


def test_no_controlling_terminal_of_the_caller(box):
    one = box("sh", "-c", "cat < /dev/tty; echo none; cut -d' ' -f7 /proc/self/stat")
    one.write()
    status, shown = on_terminal(one.argv("run", "--bundle", one.bundle, one.id))
    assert shown.split()[-2:] == ["none", "0"], shown


# --- 17: release_agent ---

def test_release_agent_is_out_of_reach(box):
    if not (CGROUPS / "systemd/release_agent").exists() and not (CGROUPS / "memory/release_agent").exists():
        pytest.skip("no version 1 control groups here")
    agents = {p: p.read_text() for p in CGROUPS.glob("*/release_agent")}
    one = box("sh", "-c", """
        for f in $(find / -name release_agent 2>/dev/null); do echo found $f; echo /pwn > $f && echo wrote $f; done
        for f in $(find /sys/fs/cgroup -name notify_on_release 2>/dev/null); do echo 1 > $f && echo wrote $f; done
        mkdir -p /tmp/cg; for c in memory rdma pids systemd; do
            mount -t cgroup -o $c c /tmp/cg && echo mounted $c; done
        unshare -UrmC sh -c 'mount -t cgroup -o memory c /tmp/cg && echo mounted && echo /pwn > /tmp/cg/release_agent'
        true""")
    one.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    done = one.run()
    assert "wrote" not in done.out and "mounted" not in done.out, done
    assert {p: p.read_text() for p in CGROUPS.glob("*/release_agent")} == agents


# --- the created container, before its process ---

def test_exec_in_a_created_container_reaches_no_host_descriptor(box):
    one = box("sleep", "1000")
    compile_c(one.root, "look", r"""
    #include <dirent.h>
    #include <fcntl.h>
    #include <stdio.h>
    #include <sys/stat.h>
    int main(void) {
        char path[64]; struct stat st;
        for (int i = 0; i < 64; i++) {
            snprintf(path, sizeof(path), "/proc/1/fd/%d", i);
            int fd = open(path, O_RDONLY | O_DIRECTORY);
            if (fd >= 0 && fstat(fd, &st) == 0) printf("%d %llu\n", i, (unsigned long long)st.st_ino); }
        int fd = open("/proc/1/exe", O_RDONLY);
        if (fd >= 0 && fstat(fd, &st) == 0) printf("exe %llu\n", (unsigned long long)st.st_ino);
        return 0; }""")
    grant(one, ["CAP_" + name for name in """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
    LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE
    AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
    CHECKPOINT_RESTORE""".split()])
    one.create().ok()
    done = one.exec(one.id, "/look")
    inodes = {line.split()[1] for line in done.out.splitlines()}
    host = {str(os.stat(p).st_ino): str(p) for p in ("/", one.bundle, one.state_root, one.state_root / one.id, CGROUPS,
                                                     RUNTIME)}
    assert not [host[i] for i in inodes if i in host], done


# --- a neighbour in the same PID namespace, and hooks of the image's own ---

def is_locked(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


@pytest.mark.parametrize("words", [["kill", "KILL"], ["delete", "--force"]])
def test_stopped_first_process_is_killed_all_the_same(box, words):
    """Whoever shares the PID namespace may stop the process that `start` waits for, with the container locked."""
    one = box("sleep", "1000").without_namespace("pid")
    one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/proc"]
    one.linux["maskedPaths"], one.linux["readonlyPaths"] = [], []
    one.create().ok()
    os.kill(one.pid(), signal.SIGSTOP)
    start = subprocess.Popen(one.argv("start", one.id), stderr=subprocess.DEVNULL)
    wait_for(lambda: is_locked(one.state_root / one.id), "start")
    one.runtime(*words[:-1], one.id, *words[-1:]).ok()
    start.wait(timeout=10)
    assert not one.state_root.joinpath(one.id).exists() or one.status() == "stopped"


def test_hooks_of_the_image_do_not_steer_the_callers_terminal(box):
    one = box("true")
    one.config["hooks"] = {"startContainer": [
        {"path": "/bin/sh", "args": ["sh", "-c", r"printf '\033]0;owned\007\nfake: line\n' >&2; exit 3"]}]}
    err = one.run().failed("status 3", "owned", "fake: line")
    assert not [c for c in err[:-1] if ord(c) < 32 or ord(c) == 127], repr(err)
