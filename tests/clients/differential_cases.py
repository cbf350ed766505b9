"""The configurations that differential_test.py gives to each runtime: a name, what changes in a plain one, what to ask.

In the text of a configuration, @NET@ is the folder of /proc/PID/ns of a process with network, IPC, UTS and control
group namespaces of its own, @USER@ of one with a user namespace too, @PID@ of one with a PID namespace.
"""
import copy
import importlib.util
from dataclasses import dataclass, field

from box import CAPABILITIES, MASKED, READONLY, REPO, docker_config, rule

ID = "probed"
MASKS = [("path", path) for path in MASKED + READONLY + ["/proc/sys/kernel/hostname", "/proc/uptime"]]
EVERY_CAPABILITY = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN
SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


@dataclass
class Case:
    """A configuration: the edits of a plain one, and what else to ask or do."""
    name: str
    edits: list
    facts: list = field(default_factory=list)
    terminal: bool = False
    view: str = "v1"
    flags: list = field(default_factory=list)
    make: object = None
    refused: bool = False
    moving: str = ""  # facts that are the machine's, not the container's


def put(path, value):
    def edit(config):
        *parents, last = path.split(".")
        for name in parents:
            config = config.setdefault(name, {})
        config[last] = copy.deepcopy(value)
    return edit


def mount(destination, source, kind, options, **more):
    def edit(config):
        config["mounts"].append({"destination": destination, "source": source, "type": kind, "options": options, **more})
    return edit


def options_of(destination, options):
    def edit(config):
        next(m for m in config["mounts"] if m["destination"] == destination)["options"] = options
    return edit


def no_mount(destination):
    def edit(config):
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != destination]
    return edit


def no_namespace(kind):
    def edit(config):
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != kind]
    return edit


def namespace(kind, path=None):
    def edit(config):
        no_namespace(kind)(config)
        config["linux"]["namespaces"].append({"type": kind, **({"path": path} if path else {})})
    return edit


def sets(**names):
    return put("process.capabilities", {kind: ["CAP_" + name for name in text.split()] for kind, text in names.items()})


def all_sets(names):
    return put("process.capabilities", {kind: names for kind in ("bounding", "effective", "permitted", "inheritable",
                                                                 "ambient")})


def resources(kind, value):
    return put(f"linux.resources.{kind}", value)


def user(uid, gid, **more):
    return put("process.user", {"uid": uid, "gid": gid, **more})


def limit(kind, soft, hard):
    return {"type": f"RLIMIT_{kind}", "soft": soft, "hard": hard}


def user_namespace(config):
    namespace("user")(config)
    for kind in ("uidMappings", "gidMappings"):
        config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def seccomp(action, *rules, **more):
    return put("linux.seccomp", {"defaultAction": action, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
                                 "syscalls": list(rules), **more})


def calls(names, action, **more):
    return {"names": names.split(), "action": action, **more}


def docker_seccomp():
    spec = importlib.util.spec_from_file_location("bench_run", REPO / "bench" / "run.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    return bench.oci_seccomp(REPO / "tests" / "data" / "docker-28.5.2-seccomp.json")


def many_calls():
    """The names of Docker's longest list, and what a static program needs beside it."""
    return " ".join([*max((entry["names"] for entry in docker_seccomp()["syscalls"]), key=len), "arch_prctl"])


def configuration(case, cgroup):
    """The configuration of a case."""
    args = ["/probe"]
    for kind, path in case.facts:
        args += [kind, path]
    config = docker_config(args)
    config["linux"]["cgroupsPath"] = cgroup
    for edit in case.edits:
        edit(config)
    if case.terminal:
        config["process"]["terminal"] = True
    return config


def folder(path, mode=0o755):
    def make(root):
        (root / path).mkdir(parents=True, exist_ok=True)
        (root / path).chmod(mode)
    return make


def file(path, text="text\n", mode=0o644):
    def make(root):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        (root / path).chmod(mode)
    return make


def link(path, target):
    def make(root):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    return make


BIND = ["bind"]
SAFE = ["nosuid", "nodev", "noexec"]
CGROUP = mount("/sys/fs/cgroup", "cgroup", "cgroup", [*SAFE, "relatime", "ro"])
DENY = rule(False, None)

PROCESS = [
    Case("plain", [], MASKS),
    Case("terminal", [], terminal=True),
    Case("terminal with a size", [put("process.consoleSize", {"height": 33, "width": 77})], terminal=True),
    Case("terminal of a user", [user(1000, 1000)], terminal=True),
    Case("user", [user(1000, 1000)]),
    Case("user with a zero group", [user(1000, 0)]),
    Case("groups", [user(1000, 1000, additionalGids=[7, 5, 2000, 5])]),
    Case("groups of root", [user(0, 0, additionalGids=[0, 10, 3])]),
    Case("highest ids", [user(4294967294, 4294967294)]),
    Case("umask", [user(0, 0, umask=0o77)]),
    Case("umask of nothing", [user(0, 0, umask=0)]),
    Case("folder of the process", [put("process.cwd", "/etc")]),
    Case("folder that is made", [put("process.cwd", "/a/b/c"), user(1000, 1000)]),
    Case("folder by a link", [put("process.cwd", "/link")], make=link("link", "etc")),
    Case("environment", [put("process.env", ["PATH=/bin", "A=1", "EMPTY=", "A=2", "B=x=y", "Z=\u00e9 z", "HOME=/somewhere"])]),
    Case("no environment", [put("process.env", [])]),
    Case("home of a user", [user(1000, 1000)], make=file("etc/passwd", "dev:x:1000:1000::/home/dev:/bin/sh\n")),
    Case("found by PATH", [put("process.args", ["probe"]), put("process.env", ["PATH=/bin:/"])]),
    Case("no new privileges", [put("process.noNewPrivileges", True)]),
    Case("no capabilities", [put("process.capabilities", {})]),
    Case("capabilities are absent", [lambda config: config["process"].pop("capabilities")]),
    Case("capabilities of a user", [user(1000, 1000)]),
    Case("capabilities in five sets", [sets(bounding="CHOWN KILL NET_RAW SETUID", permitted="CHOWN KILL NET_RAW",
                                            effective="CHOWN", inheritable="KILL NET_RAW", ambient="KILL")]),
    Case("ambient of a user", [user(1000, 1000), sets(bounding="CHOWN KILL", permitted="CHOWN KILL", effective="KILL",
                                                      inheritable="CHOWN KILL", ambient="CHOWN KILL")]),
    Case("ambient without inheritable", [sets(bounding="CHOWN KILL", permitted="CHOWN KILL", effective="CHOWN KILL",
                                              ambient="KILL")]),
    Case("effective beyond permitted", [sets(bounding="CHOWN KILL", permitted="CHOWN", effective="CHOWN KILL")], refused=True),
    Case("unknown capability", [all_sets([*CAPABILITIES, "CAP_OF_NOTHING"])]),
    Case("every capability", [all_sets(["CAP_" + name for name in EVERY_CAPABILITY])]),
    Case("limits", [put("process.rlimits", [limit("NOFILE", 100, 200), limit("CORE", 0, 0), limit("NPROC", 64, 128),
                                            limit("FSIZE", 1 << 30, 1 << 40), limit("STACK", 1 << 20, 1 << 23)])]),
    Case("limits without an end", [put("process.rlimits", [limit("CPU", 2**64 - 1, 2**64 - 1), limit("AS", 1 << 40, 2**64 - 1)])]),
    Case("unknown limit", [put("process.rlimits", [limit("WISHES", 3, 3)])], refused=True),
    Case("limit above its hard limit", [put("process.rlimits", [limit("CORE", 10, 5)])], refused=True),
    Case("limit twice", [put("process.rlimits", [limit("CORE", 5, 5), limit("CORE", 6, 6)])], refused=True),
    Case("score of the oom killer", [put("process.oomScoreAdj", 500)]),
    Case("program is absent", [put("process.args", ["/absent"])], refused=True),
    Case("program is a folder", [put("process.args", ["/etc"])], refused=True),
    Case("program is not executable", [put("process.args", ["/etc/group"])], make=file("etc/group"), refused=True),
    Case("no arguments", [put("process.args", [])], refused=True),
    Case("session keyring of the caller", [], flags=["--no-new-keyring"]),
    Case("names of the host", [put("hostname", "h.example"), put("domainname", "d.example")]),
    Case("no hostname", [lambda config: config.pop("hostname")]),
]

NAMESPACES = [
    Case("network of the host", [no_namespace("network")]),
    Case("ipc of the host", [no_namespace("ipc")]),
    Case("pids of the host", [no_namespace("pid")]),
    Case("uts of the host", [no_namespace("uts"), lambda config: config.pop("hostname")]),
    Case("hostname without a namespace", [no_namespace("uts")], refused=True),
    Case("cgroup namespace", [namespace("cgroup")]),
    Case("namespace of a mount alone", [put("linux.namespaces", [{"type": "mount"}]), lambda config: config.pop("hostname")]),
    Case("time namespace", [namespace("time")]),
    Case("network by path", [namespace("network", "@NET@/net")]),
    Case("uts by path", [namespace("uts", "@NET@/uts"), lambda config: config.pop("hostname")]),
    Case("ipc by path", [namespace("ipc", "@NET@/ipc")]),
    Case("cgroup by path", [namespace("cgroup", "@NET@/cgroup")]),
    Case("pid by path", [namespace("pid", "@PID@/pid")]),
    Case("path of another type", [namespace("network", "@NET@/uts")], refused=True),
    Case("path of a file", [namespace("network", "/etc/passwd")], refused=True),
    Case("path is absent", [namespace("network", "/absent")], refused=True),
    Case("namespace twice", [lambda config: config["linux"]["namespaces"].append({"type": "ipc"})], refused=True),
    Case("unknown namespace", [namespace("dream")], refused=True),
    Case("user namespace", [user_namespace], MASKS),
    Case("user namespace and a user", [user_namespace, user(1000, 1000, additionalGids=[5])]),
    Case("user and cgroup namespaces", [user_namespace, namespace("cgroup"), CGROUP]),
    Case("user namespace and a terminal", [user_namespace], terminal=True),
    Case("user namespace by path", [namespace("user", "@USER@/user"), namespace("network", "@USER@/net")]),
]

MOUNTS = [
    Case("read-only root", [put("root.readonly", True)], [("path", "/etc")]),
    Case("absolute root", [lambda config: config["root"].update(path="/scratch/@BUNDLE@/rootfs")]),
    Case("bind", [mount("/data", "/scratch/volume", "bind", BIND)], [("path", "/data"), ("path", "/data/file")]),
    Case("bind read-only", [mount("/data", "/scratch/volume", "bind", ["bind", "ro"])], [("path", "/data"), ("path", "/data/file")]),
    Case("bind with a tree", [mount("/data", "/scratch/volume", "bind", ["rbind", "ro"])], [("path", "/data/sub")]),
    Case("bind read-only with a tree", [mount("/data", "/scratch/volume", "bind", ["rbind", "rro"])], [("path", "/data/sub")]),
    Case("bind without rights", [mount("/data", "/scratch/volume", "none", ["bind", *SAFE])]),
    Case("bind, recursive without rights", [mount("/data", "/scratch/volume", "none", ["rbind", "rnosuid", "rnodev", "rnoexec"])]),
    Case("bind of a file", [mount("/etc/file", "/scratch/volume/file", "bind", ["bind", "ro"])], [("path", "/etc/file")]),
    Case("bind of a file over a file", [mount("/etc/group", "/scratch/volume/file", "bind", BIND)], make=file("etc/group")),
    Case("bind of a relative source", [mount("/data", "rootfs/etc", "bind", BIND)]),
    Case("bind of an absent source", [mount("/data", "/scratch/absent", "bind", BIND)], refused=True),
    Case("bind onto nested folders", [mount("/a/b/c", "/scratch/volume", "bind", BIND)]),
    Case("bind through a link", [mount("/link/x", "/scratch/volume", "bind", BIND)], make=link("link", "/tmp")),
    Case("bind through a link outwards", [mount("/link/x", "/scratch/volume", "bind", BIND)], make=link("link", "../../../tmp")),
    Case("bind of a strict source", [mount("/data", "/scratch/strict", "bind", BIND)]),
    Case("bind of a strict source, read-only", [mount("/data", "/scratch/strict", "bind", ["bind", "ro"])]),
    Case("bind private", [mount("/data", "/scratch/shared", "bind", ["rbind", "private"])]),
    Case("bind shared", [mount("/data", "/scratch/shared", "bind", ["rbind", "rshared"])]),
    Case("bind slave", [mount("/data", "/scratch/shared", "bind", ["rbind", "rslave"])]),
    Case("bind unbindable", [mount("/data", "/scratch/volume", "bind", ["bind", "unbindable"])]),
    Case("access times", [mount("/data", "/scratch/volume", "bind", ["bind", "noatime", "nodiratime"])]),
    Case("strict access times", [mount("/data", "tmpfs", "tmpfs", ["strictatime", "nodiratime"])]),
    Case("tmpfs", [mount("/data", "tmpfs", "tmpfs", ["size=1m", "mode=1711", "uid=3", "gid=4", "noexec"])], [("path", "/data")]),
    Case("tmpfs read-only", [mount("/data", "tmpfs", "tmpfs", ["ro", "size=64k"])], [("path", "/data")]),
    Case("tmpfs without options", [mount("/data", "tmpfs", "tmpfs", [])]),
    Case("tmpfs over a folder with a mode", [mount("/data", "tmpfs", "tmpfs", ["nosuid"])], make=folder("data", 0o1770)),
    Case("tmpfs copies up", [mount("/data", "tmpfs", "tmpfs", ["tmpcopyup", "nodev"])], [("file", "/data/file")],
         make=file("data/file", mode=0o640)),
    Case("synchronous tmpfs", [mount("/data", "tmpfs", "tmpfs", ["sync", "dirsync", "lazytime"])]),
    Case("no symlinks followed", [mount("/data", "/scratch/volume", "bind", ["bind", "nosymfollow"])]),
    Case("mounts in order", [mount("/data", "tmpfs", "tmpfs", ["mode=755"]), mount("/data/a", "/scratch/volume", "bind", BIND),
                             mount("/data/a/sub", "tmpfs", "tmpfs", ["size=8k", "mode=700"]),
                             mount("/data/b", "tmpfs", "tmpfs", ["size=16k"])]),
    Case("mount over a mount", [mount("/data", "/scratch/volume", "bind", BIND), mount("/data", "tmpfs", "tmpfs", ["mode=711"])]),
    Case("relative destination", [mount("data", "tmpfs", "tmpfs", ["mode=711"])]),
    Case("unknown filesystem", [mount("/data", "x", "dreamfs", [])], refused=True),
    Case("unknown option of a filesystem", [mount("/data", "tmpfs", "tmpfs", ["dream=1"])], refused=True),
    Case("no /dev", [no_mount("/dev"), no_mount("/dev/pts"), no_mount("/dev/shm"), no_mount("/dev/mqueue")]),
    Case("no /proc and masks", [put("mounts", []), put("linux.maskedPaths", []), put("linux.readonlyPaths", [])]),
    Case("/dev of the host", [no_mount("/dev"), no_mount("/dev/shm"), no_mount("/dev/mqueue"), no_mount("/dev/pts"),
                              mount("/dev", "/dev", "bind", ["rbind", "rslave"])], moving="tree:/dev/*"),
    Case("/dev read-only", [options_of("/dev", ["nosuid", "mode=755", "size=64k", "ro"])], [("path", "/dev")]),
    Case("proc with hidden processes", [options_of("/proc", [*SAFE, "hidepid=2"])]),
    Case("sysfs writable", [options_of("/sys", SAFE)]),
    Case("cgroup mount", [CGROUP]),
    Case("cgroup mount and namespace", [CGROUP, namespace("cgroup")]),
    Case("cgroup mount, writable", [mount("/sys/fs/cgroup", "cgroup", "cgroup", SAFE), namespace("cgroup")]),
    Case("propagation shared", [put("linux.rootfsPropagation", "shared")]),
    Case("propagation slave", [put("linux.rootfsPropagation", "rslave")]),
    Case("propagation private", [put("linux.rootfsPropagation", "private")]),
    Case("propagation unbindable", [put("linux.rootfsPropagation", "unbindable")]),
    Case("mapped bind", [user_namespace, mount("/data", "/scratch/volume", "bind", ["bind", "idmap"], **{
        kind: [{"containerID": 0, "hostID": 100000, "size": 65536}] for kind in ("uidMappings", "gidMappings")})], make=folder("data")),
    Case("masked and read-only of its own", [put("linux.maskedPaths", ["/etc/group", "/var", "/absent"]),
                                             put("linux.readonlyPaths", ["/tmp", "/etc/hosts", "/absent2"])],
         [("path", path) for path in ("/etc/group", "/var", "/tmp", "/etc/hosts")],
         make=lambda root: (file("etc/group")(root), file("etc/hosts")(root), file("var/x")(root))),
    Case("nothing masked", [put("linux.maskedPaths", []), put("linux.readonlyPaths", [])], MASKS),
]

DEVICES = [
    Case("devices", [put("linux.devices", [
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 7, "gid": 8},
        {"path": "/dev/loop9", "type": "b", "major": 7, "minor": 9, "fileMode": 0o660},
        {"path": "/dev/deep/er/pipe", "type": "p", "fileMode": 0o600}, {"path": "/etc/zero", "type": "c", "major": 1, "minor": 5}])]),
    Case("device instead of a default one", [put("linux.devices", [
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 1, "gid": 2}])]),
    Case("devices in a user namespace", [user_namespace, put("linux.devices", [
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666},
        {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o644, "uid": 7, "gid": 8}])]),
    Case("device that the host lacks in a user namespace", [user_namespace, put("linux.devices", [
        {"path": "/dev/absent", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8}])]),
    Case("device of an unknown type", [put("linux.devices", [{"path": "/dev/x", "type": "q", "major": 1, "minor": 1}])], refused=True),
    Case("device over another file", [put("linux.devices", [{"path": "/etc/group", "type": "c", "major": 1, "minor": 3}])],
         make=file("etc/group"), refused=True),
    Case("rules: none", [resources("devices", [])]),
    Case("rules: all", [resources("devices", [rule(True, "a")])]),
    Case("rules: all but one", [resources("devices", [rule(True, "a"), rule(False, "c", 10, 229)])]),
    Case("rules: reading alone", [resources("devices", [DENY, rule(True, "c", 1, 11, "r"), rule(True, "b", 7, None, "rm"),
                                                       rule(True, "c", 10, 229, "rw")])]),
    Case("rules: denied again", [resources("devices", [DENY, rule(True, "c", 10, 229), rule(True, "b", 7, 0),
                                                      rule(False, "c", 10, 229)])]),
    Case("rules: a part denied again", [resources("devices", [DENY, rule(True, "c", 10, None), rule(False, "c", 10, 229)])],
         refused=True),
    Case("rules: allowed again", [resources("devices", [rule(True, "a"), rule(False, "c", 10, 229), rule(True, "c", 10, 229, "r")])]),
]

GROUPS = [
    Case("memory", [resources("memory", {"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20})]),
    Case("memory without swap", [resources("memory", {"limit": 64 << 20, "swap": 64 << 20})]),
    Case("memory without a limit", [resources("memory", {"limit": -1, "swap": -1})]),
    Case("swappiness and the oom killer", [resources("memory", {"swappiness": 10, "disableOOMKiller": True})]),
    Case("processes", [resources("pids", {"limit": 77})]),
    Case("processes without a limit", [resources("pids", {"limit": -1})]),
    Case("shares and quota", [resources("cpu", {"shares": 512, "quota": 50000, "period": 100000})]),
    Case("quota alone", [resources("cpu", {"quota": 20000})]),
    Case("quota and burst", [resources("cpu", {"quota": 50000, "period": 100000, "burst": 10000})]),
    Case("idle", [resources("cpu", {"idle": 1})]),
    Case("processors", [resources("cpu", {"cpus": "0", "mems": "0"})]),
    Case("absent processors", [resources("cpu", {"cpus": "900"})], refused=True),
    Case("block devices", [resources("blockIO", {"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1 << 20}],
                                                 "throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 100}]})]),
    Case("unified on version 1", [resources("unified", {"memory.high": "1000"})], refused=True),
    Case("relative cgroup path", [lambda config: config["linux"].update(cgroupsPath=config["linux"]["cgroupsPath"].lstrip("/"))]),
    Case("version 2: plain", [], view="v2"),
    Case("version 2: cgroup mount and namespace", [CGROUP, namespace("cgroup")], view="v2"),
    Case("version 2: cgroup mount", [CGROUP], view="v2"),
    Case("version 2: huge pages", [resources("hugepageLimits", [{"pageSize": "2MB", "limit": 4 << 20}])], view="v2"),
    Case("version 2: unified", [resources("unified", {"hugetlb.2MB.max": "8388608", "cgroup.max.depth": "3"})], view="v2"),
    Case("version 2: unknown unified", [resources("unified", {"dream.max": "1"})], view="v2", refused=True),
    Case("version 2: rules reading alone", [resources("devices", [DENY, rule(True, "c", 1, 11, "r"), rule(True, "b", 7, None, "rm"),
                                                                  rule(True, "c", 10, 229, "rw")])], view="v2"),
    Case("version 2: rules all but one", [resources("devices", [rule(True, "a"), rule(False, "c", 10, 229)])], view="v2"),
    Case("version 2: user and cgroup namespaces", [user_namespace, namespace("cgroup"), CGROUP], view="v2"),
    Case("version 2: user namespace, writable", [user_namespace, namespace("cgroup"), mount("/sys/fs/cgroup", "cgroup", "cgroup", SAFE)],
         view="v2"),
    Case("version 2: rules: a part denied again", [resources("devices", [DENY, rule(True, "c", 10, None), rule(False, "c", 10, 229)])],
         view="v2"),
    Case("version 2: cgroup mount, writable", [mount("/sys/fs/cgroup", "cgroup", "cgroup", SAFE), namespace("cgroup")], view="v2"),
]

KERNEL = [
    Case("sysctl", [put("linux.sysctl", {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1048576", "fs.mqueue.msg_max": "20"})],
         [("file", "/proc/sys/net/ipv4/ip_forward"), ("file", "/proc/sys/kernel/shmmax"), ("file", "/proc/sys/fs/mqueue/msg_max")]),
    Case("sysctl with slashes", [put("linux.sysctl", {"net/core/somaxconn": "77"})], [("file", "/proc/sys/net/core/somaxconn")]),
    Case("sysctl of the host", [put("linux.sysctl", {"kernel.panic": "1"})], refused=True),
    Case("sysctl of the host's network", [no_namespace("network"), put("linux.sysctl", {"net.core.somaxconn": "77"})], refused=True),
    Case("sysctl that is absent", [put("linux.sysctl", {"net.dream": "1"})], refused=True),
    Case("seccomp of Docker", [put("linux.seccomp", docker_seccomp())]),
    Case("seccomp of Docker, user", [user(1000, 1000), put("linux.seccomp", docker_seccomp()), put("process.noNewPrivileges", True)]),
    Case("seccomp errors", [seccomp("SCMP_ACT_ALLOW", calls("chmod fchmodat", "SCMP_ACT_ERRNO", errnoRet=38),
                                    calls("keyctl", "SCMP_ACT_ERRNO"), calls("bpf dream", "SCMP_ACT_ERRNO", errnoRet=1))]),
    Case("seccomp arguments", [seccomp("SCMP_ACT_ALLOW", calls("personality", "SCMP_ACT_ERRNO", errnoRet=7, args=[
        {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]), calls("socket", "SCMP_ACT_ERRNO", errnoRet=97, args=[
            {"index": 0, "value": 39, "op": "SCMP_CMP_GT"}]))]),
    Case("seccomp log", [seccomp("SCMP_ACT_ALLOW", calls("chmod", "SCMP_ACT_LOG"), flags=["SECCOMP_FILTER_FLAG_LOG"])]),
    Case("seccomp error by default", [seccomp("SCMP_ACT_ERRNO", calls(many_calls(), "SCMP_ACT_ALLOW"), defaultErrnoRet=99)]),
    Case("seccomp with an unknown action", [seccomp("SCMP_ACT_DREAM")], refused=True),
    Case("seccomp with an unknown flag", [seccomp("SCMP_ACT_ALLOW", flags=["SECCOMP_FILTER_FLAG_DREAM"])], refused=True),
    Case("seccomp with an unknown processor", [put("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW",
                                                                    "architectures": ["SCMP_ARCH_DREAM"]})], refused=True),
    Case("personality", [put("linux.personality", {"domain": "LINUX32"})]),
    Case("scheduler", [put("process.scheduler", {"policy": "SCHED_BATCH", "nice": 5})]),
    Case("priority of input and output", [put("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 6})]),
    Case("offsets of clocks", [namespace("time"), put("linux.timeOffsets", {"boottime": {"secs": 1000}, "monotonic": {"secs": 50}})],
         [("file", "/proc/self/timens_offsets")]),
    Case("memory policy", [put("linux.memoryPolicy", {"mode": "MPOL_BIND", "nodes": "0"})]),
    Case("annotations", [put("annotations", {"org.example.key": "value", "empty": ""})]),
    Case("unknown properties", [put("dream", {"a": 1}), put("linux.dream", []), put("process.dream", "x")]),
]

CASES = PROCESS + NAMESPACES + MOUNTS + DEVICES + GROUPS + KERNEL
