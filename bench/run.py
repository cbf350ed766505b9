#!/usr/bin/python3
"""Compares OCI runtimes with each other and with the limit program, side by side.

All contestants run in one private mount namespace (and, with --peer-root, in one root), started by
one tiny program (timer.c), in an order drawn anew each round from a seeded generator. Only ratios
within one run mean something: machines drift. "Gap" is the pause before each command: 0 is hot, and
hides what waits for an RCU grace period.

  bench/run.py --peer-root build/peers/sid                    a private root made by tools/peers
  bench/run.py --crun build/x/usr/bin/crun --lib build/x/usr/lib/x86_64-linux-gnu
  bench/run.py --ops run --gaps 0 -n 100 --v2

Needs root, musl-gcc and busybox; strace for the counts of system calls.
"""
import argparse
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
LIFECYCLE = ["create", "state", "start", "exec", "kill", "delete"]
SHELL_SETUP = """set -e
mount -t tmpfs -o mode=755 run {root}/run
if [ {v2} = 1 ]; then
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup /sys/fs/cgroup
elif mountpoint -q /sys/fs/cgroup/unified; then
	umount /sys/fs/cgroup/unified
fi
"""
SHELL_ROOT = """mount --bind {root} {root}
mount -t tmpfs -o mode=755 run {root}/run
mount -t proc proc {root}/proc
mount --rbind /sys {root}/sys
mount --rbind /dev {root}/dev
mount --bind {work} {root}/mnt
cd {root}
pivot_root . .
umount -l .
cd /
"""
CAPABILITIES = [
    "CAP_" + name for name in
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE".split()]
SAFE = ["nosuid", "noexec", "nodev"]


def fail(text):
    sys.exit(f"bench: {text}")


# --- the bundle ---------------------------------------------------------------------------------

def oci_seccomp(path):
    """Docker's and Podman's form of a profile (conditions on capabilities and processors) as OCI's."""
    profile = json.loads(Path(path).read_text())
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    native = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[arch]
    architectures = [native]
    for entry in profile.get("archMap", []):
        if entry["architecture"] == native:
            architectures += entry.get("subArchitectures") or []
    rules = []
    for rule in profile["syscalls"]:
        include, exclude = rule.get("includes") or {}, rule.get("excludes") or {}
        if include.get("arches") and arch not in include["arches"] or arch in exclude.get("arches", []):
            continue
        if any(cap not in CAPABILITIES for cap in include.get("caps", [])):
            continue
        if any(cap in CAPABILITIES for cap in exclude.get("caps", [])):
            continue
        kept = {"names": rule.get("names") or [rule["name"]], "action": rule["action"]}
        if rule.get("args"):
            kept["args"] = rule["args"]
        if rule["action"] == "SCMP_ACT_ERRNO" and "errnoRet" in rule:
            kept["errnoRet"] = rule["errnoRet"]
        rules.append(kept)
    made = {"defaultAction": profile["defaultAction"], "architectures": architectures, "syscalls": rules}
    if profile["defaultAction"] == "SCMP_ACT_ERRNO" and "defaultErrnoRet" in profile:
        made["defaultErrnoRet"] = profile["defaultErrnoRet"]
    return made


def device_rules():
    rules = [{"allow": False, "access": "rwm"}]
    for kind in "cb":
        rules.append({"allow": True, "type": kind, "access": "m"})
    for major, minor in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, None)]:
        rule = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        if minor is not None:
            rule["minor"] = minor
        rules.append(rule)
    return rules


def config(args, cgroup, limited, seccomp):
    """What Docker writes for `docker run -m 512m --cpus 2 --pids-limit 512`."""
    resources = {"devices": device_rules()}
    if limited:
        resources["memory"] = {"limit": 512 << 20, "swap": 1 << 30}
        resources["cpu"] = {"shares": 512, "period": 100000, "quota": 200000}
        resources["pids"] = {"limit": 512}

    def mount(destination, kind, source, options):
        return {"destination": destination, "type": kind, "source": source, "options": options}

    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=bench"],
            "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
        },
        "root": {"path": "/mnt/rootfs"},
        "hostname": "bench",
        "mounts": [
            mount("/proc", "proc", "proc", SAFE),
            mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts",
                  ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/sys", "sysfs", "sysfs", SAFE + ["ro"]),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", SAFE + ["relatime", "ro"]),
            mount("/dev/mqueue", "mqueue", "mqueue", SAFE),
            mount("/dev/shm", "tmpfs", "shm", SAFE + ["mode=1777", "size=65536k"]),
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "resources": resources,
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc", "cgroup")],
            "seccomp": seccomp,
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
                            "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


def make_rootfs(root):
    busybox = shutil.which("busybox") or fail("no busybox: install busybox-static")
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    for name in ("true", "sleep", "sh"):
        (root / "bin" / name).symlink_to("busybox")


# --- programs -----------------------------------------------------------------------------------

def compile_c(work, name, libraries=()):
    include = f"/usr/include/{platform.machine()}-linux-gnu"
    command = ["musl-gcc", "-static", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-I", TOP / "src", "-idirafter",
               "/usr/include", "-idirafter", include, HERE / f"{name}.c", *libraries, "-o", work / name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"cannot compile {name}.c:\n{done.stderr}")


def make_filter(work, build, config_path):
    """The seccomp program for the limit: Corten's own for the same profile."""
    archives = [build / "src" / f"libcorten-{room}.a" for room in ("runtime", "oci", "kern", "base")]
    missing = [str(path) for path in archives if not path.exists()]
    if missing:
        fail(f"run `make build` first: there is no {missing[0]}")
    compile_c(work, "filter", archives)
    with open(work / "filter.bpf", "wb") as out:
        if subprocess.run([work / "filter", config_path], stdout=out, cwd=work).returncode != 0:
            fail("cannot compile the seccomp profile")


class Contestant:
    def __init__(self, name, path, work, limited, seccomp):
        self.name, self.path = name, path
        self.cgroup = f"bench-{os.getpid()}-{name}"
        self.dead = None
        for bundle, args in (("run", ["/bin/true"]), ("life", ["/bin/sleep", "1000"])):
            folder = work / name / bundle
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(
                json.dumps(config(args, "/" + self.cgroup, limited, seccomp)))

    def command(self, op, ident):
        base = [self.path, "--root", f"/run/{self.name}", op]
        if op in ("run", "create"):
            return base + ["--bundle", f"/mnt/{self.name}/{'run' if op == 'run' else 'life'}", ident]
        return base + [ident] + {"exec": ["/bin/true"], "kill": ["KILL"]}.get(op, [])

    def ops(self):
        return ["run"] + LIFECYCLE


class Limit(Contestant):
    def __init__(self, work, v2, limited):
        self.name, self.cgroup, self.dead = "limit", f"bench-{os.getpid()}-limit", None
        self.tail = (["v2"] if v2 else []) + ([] if limited else ["nolimits"])

    def command(self, op, ident):
        return ["/mnt/limit", "/mnt/rootfs", self.cgroup, "/mnt/filter.bpf"] + self.tail

    def ops(self):
        return ["run"]


# --- the namespace that all share ---------------------------------------------------------------

class Timer:
    def __init__(self, work, peer_root, v2, library):
        self.log = work / "log"
        root = str(peer_root) if peer_root else ""
        script = SHELL_SETUP.format(root="", v2=int(v2))
        if root:
            script += SHELL_ROOT.format(root=root, work=work)
        else:
            script += f"mount --bind {work} /mnt\n"
        script += "exec /mnt/timer /mnt/log"
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        if library:
            environment["LD_LIBRARY_PATH"] = str(library)
        self.process = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 3:
            fail("the timer ended: " + self.tail())
        return [int(word) for word in answer]

    def run(self, command, gap_ms=0):
        wall_ns, status, rss_kb = self.send("\t".join([str(gap_ms * 1000)] + command))
        return wall_ns / 1e6, status, rss_kb

    def reap(self):
        self.send("@reap")

    def tail(self):
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return " / ".join(lines[-2:])


class Samples:
    def __init__(self):
        self.wall, self.rss = {}, {}

    def add(self, gap, op, name, wall, rss):
        self.wall.setdefault((gap, op, name), []).append(wall)
        self.rss.setdefault((op, name), []).append(rss)

    def value(self, gap, op, name, kind="median"):
        found = self.wall.get((gap, op, name))
        if not found:
            return None
        return statistics.median(found) if kind == "median" else min(found)


def timed(timer, contestant, op, ident, gap, samples):
    wall, status, rss = timer.run(contestant.command(op, ident), gap)
    if status != 0:
        contestant.dead = f"{op} failed ({status}): {timer.tail()}"
        return False
    if samples is not None:
        samples.add(gap, op, contestant.name, wall, rss)
    return True


def lifecycle(timer, contestant, ident, gap, samples):
    for op in LIFECYCLE:
        good = timed(timer, contestant, op, ident, gap, samples)
        if op == "kill":
            timer.reap()
        if not good:
            return


def measure(timer, contestants, options, samples):
    order = random.Random(options.seed)
    count = 0
    for gap in options.gaps:
        rounds = options.rounds if gap == 0 else max(3, options.rounds // options.gap_divisor)
        for number in range(-1, rounds):  # the first warms caches and is not counted
            keep = samples if number >= 0 else None
            for whole in ([False] if "run" in options.ops else []) + ([True] if options.life else []):
                line_up = [c for c in contestants if c.dead is None and (not whole or "create" in c.ops())]
                order.shuffle(line_up)
                for contestant in line_up:
                    count += 1
                    ident = f"b{count}"
                    if whole:
                        lifecycle(timer, contestant, ident, gap, keep)
                    else:
                        timed(timer, contestant, "run", ident, gap, keep)


# --- system calls -------------------------------------------------------------------------------

def count_syscalls(timer, contestant, work):
    """Calls of one run: up to the payload's exec, and in all, from strace attached to the timer."""
    log = work / f"strace-{contestant.name}"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-s", "16", "-e", "signal=none", "-o", log, "-p",
                               str(timer.process.pid)], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{timer.process.pid}/status")
    until = time.monotonic() + 5
    while "TracerPid:\t0\n" in status.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    timer.run(contestant.command("run", f"t{contestant.name}"))
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    total = before = 0
    started = payload = False
    own = str(timer.process.pid)
    for line in log.read_text(errors="replace").splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if pid == own or call.startswith(("+++", "---")) or " resumed>" in call.split("(")[0]:
            continue
        started = started or call.startswith("execve(")
        if not started:
            continue
        total += 1
        payload = payload or call.startswith('execve("/bin/true"')
        before += not payload
    return before, total


# --- the report ---------------------------------------------------------------------------------

def cell(value, base):
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" ({value / base:.2f}x)" if base else "")


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    print()


def report_gap(names, gap, options, samples):
    base = "crun" if "crun" in names else names[0]
    print(f"{'v2' if options.v2 else 'v1'}, " + (f"{gap} ms between commands" if gap else "hot") +
          f": {options.stat} ms (ratio to {base})")

    def value(op, name):
        return samples.value(gap, op, name, options.stat)

    rows = [["operation"] + names]
    for op in ["run"] + LIFECYCLE:
        if any(value(op, name) for name in names):
            rows.append([op] + [cell(value(op, name), value(op, base)) for name in names])
    limit = value("run", "limit")
    if limit:
        rows.append(["run / limit"] + [f"{value('run', name) / limit:.2f}x" if value("run", name) else "-"
                                       for name in names])
    table(rows)


def report(contestants, options, samples, calls):
    names = [c.name for c in contestants]
    for gap in options.gaps:
        report_gap(names, gap, options, samples)
    rows = [["run", "peak RSS MB", "calls to exec", "calls in all", "samples"]]
    for name in names:
        rss = samples.rss.get(("run", name))
        before, total = calls.get(name, ("-", "-"))
        rows.append([name, f"{statistics.median(rss) / 1024:.1f}" if rss else "-", str(before), str(total),
                     str(len(samples.wall.get((options.gaps[0], "run", name), [])))])
    table(rows)
    for contestant in contestants:
        if contestant.dead:
            print(f"{contestant.name}: out: {contestant.dead}")


# --- the whole ----------------------------------------------------------------------------------

def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--rounds", type=int, default=40, help="rounds without a gap (%(default)s)")
    parser.add_argument("--gap-divisor", type=int, default=3, help="rounds with a gap are fewer by this")
    parser.add_argument("--gaps", default="0,20,200", help="pauses before commands, ms (%(default)s)")
    parser.add_argument("--ops", default="run,life", help="run, life (create to delete) or both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stat", choices=["median", "min"], default="median",
                        help="min tells more on a busy machine")
    parser.add_argument("--v2", action="store_true", help="cgroup v2 alone in the private namespace")
    parser.add_argument("--build", type=Path, default=TOP / "build/static", help="Corten's static build")
    parser.add_argument("--corten", type=Path, help="default: programs/corten-runtime in the build")
    parser.add_argument("--peer-root", type=Path, help="a root with crun and runc (tools/peers)")
    parser.add_argument("--crun", help="its path, in the peer root if there is one; 'none' leaves it out")
    parser.add_argument("--runc", help="likewise")
    parser.add_argument("--lib", type=Path, help="LD_LIBRARY_PATH for unpacked peers")
    parser.add_argument("--seccomp", type=Path, help="a profile as Docker or Podman ship it (default: a peer root's)")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    options.gaps = [int(gap) for gap in options.gaps.split(",")]
    options.ops = options.ops.split(",")
    options.life = "life" in options.ops
    for name in ("sid", "stable"):
        if options.peer_root is None and options.crun is None and (TOP / "build/peers" / name).is_dir():
            options.peer_root = TOP / "build/peers" / name
    if options.peer_root:
        options.peer_root = options.peer_root.resolve()
    return options


def find_seccomp(options):
    peers = options.peer_root.parent if options.peer_root else TOP / "build/peers"
    wanted = "usr/share/containers/seccomp.json"
    for path in [options.seccomp, peers / "stable" / wanted, Path("/") / wanted]:
        if path and path.exists():
            return path
    fail("no seccomp profile: make the stable peers (tools/peers stable) or name one with --seccomp")


def find_peer(options, name):
    given = getattr(options, name)
    if given == "none":
        return None
    if given:
        return given if options.peer_root else str(Path(given).resolve())
    for folder in ("usr/bin", "usr/sbin"):
        if options.peer_root and (options.peer_root / folder / name).exists():
            return f"/{folder}/{name}"
    return None


def memory_offered(v2):
    """Whether limits can be set: not in a v2 view whose controllers are all v1's."""
    if not v2:
        return True
    for place in ("/sys/fs/cgroup/unified/cgroup.controllers", "/sys/fs/cgroup/cgroup.controllers"):
        if os.path.exists(place):
            words = Path(place).read_text().split()
            return all(word in words for word in ("memory", "pids", "cpu"))
    return False


def line_up(options, work):
    limited = memory_offered(options.v2)
    seccomp = oci_seccomp(find_seccomp(options))
    (work / "seccomp.json").write_text(json.dumps(config(["/bin/true"], "/x", limited, seccomp)))
    make_filter(work, options.build, work / "seccomp.json")
    contestants = []
    corten = options.corten or options.build / "programs/corten-runtime"
    if corten.exists():
        shutil.copy(corten, work / "corten-runtime")
        contestants.append(Contestant("corten", "/mnt/corten-runtime", work, limited, seccomp))
    else:
        print(f"bench: corten is left out: there is no {corten}")
    for name in ("crun", "runc"):
        path = find_peer(options, name)
        if path:
            contestants.append(Contestant(name, path, work, limited, seccomp))
    contestants.append(Limit(work, options.v2, limited))
    if not limited:
        print("bench: no limits: the v2 view lacks memory, pids and cpu")
    return contestants


def remove_cgroups(contestants):
    for contestant in contestants:
        for path in list(Path("/sys/fs/cgroup").glob(f"*/{contestant.cgroup}")) + \
                [Path("/sys/fs/cgroup") / contestant.cgroup]:
            if path.is_dir():
                try:
                    for pid in (path / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                    time.sleep(0.05)
                    path.rmdir()
                except OSError as error:
                    print(f"bench: {path} stays: {error}")


def main():
    options = parse_options()
    if os.geteuid() != 0:
        fail("needs root")
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=TOP / "build" if (TOP / "build").is_dir() else None))
    timer, contestants, samples, calls = None, [], Samples(), {}
    try:
        make_rootfs(work / "rootfs")
        for name in ("limit", "timer"):
            compile_c(work, name)
        contestants = line_up(options, work)
        timer = Timer(work, options.peer_root, options.v2, options.lib)
        measure(timer, contestants, options, samples)
        if shutil.which("strace") and "run" in options.ops:
            for contestant in contestants:
                if contestant.dead is None:
                    calls[contestant.name] = count_syscalls(timer, contestant, work)
        report(contestants, options, samples, calls)
        if options.json:
            options.json.write_text(json.dumps(
                [{"gap_ms": gap, "op": op, "name": name, "ms": walls}
                 for (gap, op, name), walls in samples.wall.items()], indent=1))
    finally:
        if timer:
            timer.process.stdin.close()
            timer.process.wait()
        remove_cgroups(contestants)
        shutil.rmtree(work)
    return 1 if any(c.dead for c in contestants) else 0


if __name__ == "__main__":
    sys.exit(main())
