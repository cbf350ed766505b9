#!/usr/bin/python3
"""Compares plain layer trees with EROFS images over content-addressed objects, side by side.

  bench/store-form/run.py [--work FOLDER] [--rounds N] [--only PART]...

Makes images (images.py) in FOLDER, pulls them in both forms from local archives onto fresh ext4 filesystems, compares
what containers see, and prints tables: pull, disk, start, memory, removal. "linked" is a third form beside: plain trees
whose equal files a second pass turns into hard links. Only ratios within one run mean something: machines drift.

Results are kept in FOLDER/results.json after each part, so that parts can be measured again alone.

Needs root, what Corten is built with, debootstrap, loop devices, and Linux 6.13 (EROFS from a file, overlay's layers by
descriptor).
"""
import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
FORMS = ("trees", "linked", "objects")
ORDER = ("app", "web", "app-new", "next")
FLAT = ("flat-1", "flat-10", "flat-100")
PYTHON = ["/usr/bin/python3", "-c", "import json, ssl, http.client, numpy, requests"]
TRUE = ["/usr/bin/true"]
PARTS = ("same", "rights", "starts", "cold", "memory", "pulls", "calls", "tables")
DISK_BYTES = 6 << 30
TOOLS_FLAGS = ["-std=gnu17", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", f"-I{TOP}/src"]


def low(values):
    """The first quartile: what else runs on a machine only ever adds."""
    return sorted(values)[len(values) // 4]


def moment():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), used.ru_utime + used.ru_stime


def since(begin):
    """Seconds by the clock, and of the processor in programs that have ended."""
    os.sync()
    return [now - then for now, then in zip(moment(), begin)]


def output(*argv, **kinds):
    kinds.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(word) for word in argv], check=True, text=True, stdout=subprocess.PIPE, **kinds).stdout


def build(folder):
    """The two programs, over Corten's own reader of archives and its mounts."""
    output(TOP / "tools/build")
    libraries = [f"{TOP}/build/dev/src/libcorten-{room}.a" for room in ("image", "store", "kern", "oci", "base")]
    sources = [HERE / f"{name}.c" for name in ("pull", "layer", "objects", "merge", "erofs", "link")]
    links = [*libraries, "-lcrypto", "-lisal", "-lzstd", "-lpthread"]
    output("cc", *TOOLS_FLAGS, *sources, "-o", folder / "store-form", *links)
    output("cc", *TOOLS_FLAGS, HERE / "probe.c", "-o", folder / "probe", *links)


# --- a filesystem of their own --------------------------------------------------------------------

class Disk:
    """An ext4 in a file, mounted in this process's mount namespace. Direct, so that no page is cached twice."""

    def __init__(self, folder, name):
        self.file, self.place = folder / f"{name}.ext4", folder / name
        self.place.mkdir(exist_ok=True)
        self.loop = None
        with open(self.file, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, DISK_BYTES)

    def fresh(self):
        self.unmount()
        output("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", self.file)
        self.mount()

    def mount(self):
        self.loop = output("losetup", "--find", "--show", "--direct-io=on", self.file).strip()
        output("mount", "-t", "ext4", self.loop, self.place)

    def unmount(self):
        if self.loop:
            output("umount", self.place)
            output("losetup", "--detach", self.loop)
            self.loop = None

    def cold(self):
        self.unmount()
        self.mount()

    def used(self):
        os.sync()
        st = os.statvfs(self.place)
        return (st.f_blocks - st.f_bfree) * st.f_frsize, st.f_files - st.f_ffree

    def remove(self):
        self.unmount()
        self.file.unlink(missing_ok=True)


class Bench:
    def __init__(self, work, rounds):
        self.work, self.rounds = work, rounds
        self.images = json.loads((work / "images/images.json").read_text())
        self.random = random.Random(1)
        self.upper = None
        self.results = {}

    # --- roots ---

    def archives(self, image):
        return [self.work / "images/layers" / f"{diff_id}.tar.gz" for diff_id in self.images[image]]

    def pull(self, store, form, image, trace=()):
        """Seconds of wall and processor, as a pull takes them once the bytes are there."""
        store.mkdir(exist_ok=True)
        tool = self.work / "store-form"
        known = [diff_id for diff_id in self.images[image] if (store / "layers" / diff_id).exists()]
        words = ["objects", store, image] if form == "objects" else ["trees", store]
        times = json.loads(output(*trace, tool, *words, *self.archives(image)))
        times["wall_s"] = times["unpack_s"] + times["compose_s"] + times["sync_s"]
        if form == "linked":
            new = [diff_id for diff_id in self.images[image] if diff_id not in known]
            linked = json.loads(output(tool, "link", store, *new))
            times["link_s"], times["link_cpu_s"] = linked["link_s"], linked["cpu_s"]
        return times

    def root(self, store, form, image, kept=False):
        if form == "objects":
            return f"{'kept' if kept else 'erofs'}:{store}/images/{image}.erofs:{store}/objects"
        return "trees:" + ":".join(f"{store}/layers/{diff_id}/diff" for diff_id in reversed(self.images[image]))

    def probe(self, what, *words):
        """First quartiles of each root's columns."""
        columns = {}
        for line in output(self.work / "probe", what, *words).splitlines():
            number, *values = line.split()
            columns.setdefault(int(number), []).append([float(value) for value in values])
        return [[low(column) for column in zip(*columns[number])] for number in sorted(columns)]

    # --- pull, disk, removal ---

    def pulls(self, disk):
        took = {form: {} for form in FORMS}
        space = {form: {} for form in FORMS}
        gone = {form: {} for form in FORMS}
        for _ in range(self.rounds):
            for form in self.random.sample(FORMS, len(FORMS)):
                disk.fresh()
                store = disk.place / "store"
                base = disk.used()
                for image in ORDER:
                    took[form].setdefault(image, []).append(self.pull(store, form, image))
                    space[form][image] = [now - then for now, then in zip(disk.used(), base)]
                gone[form].setdefault("app", []).append(self.remove(store, form, "app", ORDER[1:]))
                gone[form].setdefault("all", []).append(self.remove_all(store, form))
        self.results |= {"pull": took, "disk": space, "removal": gone}

    def calls(self, disk):
        """System calls of each pull, which no other load changes."""
        found, log = {}, self.work / "strace.log"
        for form in ("trees", "objects"):
            disk.fresh()
            for image in ORDER:
                self.pull(disk.place / "store", form, image, ("strace", "-f", "-qq", "-c", "-o", log))
                total = [line for line in log.read_text().splitlines() if line.endswith(" total")][0]
                found[f"{image} {form}"] = int(total.split()[3])
        self.results["calls"] = found

    def remove(self, store, form, image, kept):
        """An image whose first layer others need. The layers go, then what nothing names any more."""
        needed = {diff_id for name in kept for diff_id in self.images[name]}
        begin = moment()
        for diff_id in self.images[image]:
            if diff_id not in needed:
                output("rm", "-rf", store / "layers" / diff_id)
        self.collect(store, form, image)
        return since(begin)

    def collect(self, store, form, image):
        if form == "objects":
            (store / "images" / f"{image}.erofs").unlink()
            output(self.work / "store-form", "collect", store)
        elif form == "linked":
            output("find", store / "links", "-type", "f", "-links", "1", "-delete")

    def remove_all(self, store, form):
        begin = moment()
        for image in ORDER[1:]:
            for diff_id in self.images[image]:
                output("rm", "-rf", store / "layers" / diff_id)
        for image in ORDER[1:]:
            if form == "objects" or image == ORDER[-1]:
                self.collect(store, form, image)
        return since(begin)

    # --- start ---

    def fill(self, disk):
        """Every image in every form, side by side on one filesystem."""
        disk.fresh()
        for form in FORMS:
            for image in (*ORDER, *(FLAT if form != "linked" else ())):
                self.pull(disk.place / form, form, image)
        self.upper = disk.place / "upper"
        self.upper.mkdir()

    def same(self, disk):
        for image in (*ORDER, *FLAT):
            lists = [output(self.work / "probe", "list", self.upper, self.root(disk.place / form, form, image))
                     for form in ("trees", "objects")]
            if lists[0] != lists[1]:
                for name, text in zip(("trees", "objects"), lists):
                    (self.work / f"{image}.{name}").write_text(text)
                sys.exit(f"store-form: image '{image}' looks different: compare {self.work}/{image}.*")
        print(f"What containers see of {len(ORDER) + len(FLAT)} images is the same in both forms.\n")

    def starts(self, disk):
        found = {}
        for image in FLAT:
            roots = [self.root(disk.place / "trees", "trees", image),
                     self.root(disk.place / "objects", "objects", image),
                     self.root(disk.place / "objects", "objects", image, kept=True)]
            found[image] = {
                "mount": self.probe("mount", 40 * self.rounds, self.upper, *roots),
                "walk": self.probe("walk", 2 * self.rounds, self.upper, *roots),
                "true": self.probe("exec", 10 * self.rounds, self.upper, *roots, "--", *TRUE),
                "python": self.probe("exec", 2 * self.rounds, self.upper, *roots, "--", *PYTHON),
            }
        self.results["start"] = found

    def cold(self, disk):
        """The first start after a boot: nothing of the filesystem is in memory."""
        found = {}
        for image in ("flat-1", "flat-100"):
            for name, words in (("python", ["exec", 0, self.upper, None, "--", *PYTHON]),
                                ("walk", ["walk", 0, self.upper, None])):
                times = {"trees": [], "objects": []}
                for _ in range(self.rounds):
                    for form in self.random.sample(("trees", "objects"), 2):
                        disk.cold()
                        words[3] = self.root(disk.place / form, form, image)
                        times[form].append(self.probe(*words)[0][:2])
                found[f"{image} {name}"] = {form: [low(column) for column in zip(*values)]
                                            for form, values in times.items()}
        self.results["cold"] = found

    # --- memory ---

    def memory(self, disk):
        sets = (("app",), ("app", "app"), ("app", "web"), ("app", "app-new"))
        found = {}
        for kind, program in (("all files read", []), ("Python started", ["--", *PYTHON])):
            for images in sets:
                if program and "web" in images:
                    continue
                for form in FORMS:
                    disk.cold()
                    roots = [self.root(disk.place / form, form, image) for image in images]
                    found[f"{kind}: {' + '.join(images)}", form] = self.charged(roots, program)
        self.results["memory"] = {f"{what} | {form}": values for (what, form), values in found.items()}

    def charged(self, roots, program):
        """(page cache, kernel's objects) in bytes of a control group whose processes alone used the roots."""
        v1 = Path("/sys/fs/cgroup/memory")
        group = (v1 if v1.is_dir() else Path("/sys/fs/cgroup")) / f"corten-store-form-{os.getpid()}"
        group.mkdir()
        join = group / ("tasks" if v1.is_dir() else "cgroup.procs")
        child = subprocess.Popen(
            ["sh", "-c", 'echo 0 >"$0" && exec "$@"', str(join), str(self.work / "probe"), "hold", str(self.upper),
             *roots, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if child.stdout.readline() != "ready\n":
                sys.exit("store-form: the roots could not be held")
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            if v1.is_dir():
                values = int(stat["cache"]), int((group / "memory.kmem.usage_in_bytes").read_text())
            else:
                values = int(stat["file"]), int(stat["slab"])
            return values
        finally:
            child.communicate()
            for _ in range(100):
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)

    # --- rights ---

    def rights(self, disk):
        """What a user without root's rights could do, tried in a user namespace."""
        trees, objects = disk.place / "trees", disk.place / "objects"
        image = objects / "images/app.erofs"
        lower = ":".join(f"{trees}/layers/{diff_id}/diff" for diff_id in reversed(self.images["app"]))
        tries = {
            "overlay over plain trees": f"mount -t overlay -o userxattr,lowerdir={lower} o /mnt",
            "EROFS from a file": f"mount -t erofs {image} /mnt",
            "overlay with data-only layers over plain trees":
                f"mount -t overlay -o userxattr,lowerdir={lower}::{objects}/objects o /mnt",
        }
        found = {}
        for what, command in tries.items():
            done = subprocess.run(["unshare", "-Urm", "sh", "-c", f"{command} && ls /mnt >/dev/null"],
                                  stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=False)
            found[what] = "works" if done.returncode == 0 else done.stderr.splitlines()[0].split(": ")[-1]
        self.results["rights"] = found


# --- tables ---------------------------------------------------------------------------------------

def table(title, head, rows):
    print(f"### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def mib(size):
    return f"{size / (1 << 20):.1f}"


def middle(samples, *keys):
    return low([sum(sample.get(key, 0) for key in keys) for sample in samples])


def report_pull(results):
    rows = []
    for image in ORDER:
        for form in FORMS:
            samples = results["pull"][form][image]
            row = [image, form]
            row += [f"{middle(samples, key):.2f}" for key in ("unpack_s", "compose_s", "sync_s", "wall_s", "cpu_s")]
            row += [f"{middle(samples, 'link_s'):.2f}" if form == "linked" else "",
                    results["calls"].get(f"{image} {form}", "")]
            rows.append(row)
    table("Pull from local archives, seconds (first quartiles)",
          ["image", "form", "unpack", "compose", "sync", "all", "processor", "second pass", "system calls"], rows)
    table("Disk after each pull, MiB and inodes",
          ["image added", *FORMS],
          [[image, *(f"{mib(results['disk'][form][image][0])}, {results['disk'][form][image][1]}" for form in FORMS)]
           for image in ORDER])
    table("Removal (first quartiles), seconds by the clock / of the processor", ["what", *FORMS],
          [[what, *(" / ".join(f"{low(column):.2f}" for column in zip(*results["removal"][form][what]))
                    for form in FORMS)] for what in ("app", "all")])


def report_start(results):
    names = ("trees", "objects", "objects, EROFS kept mounted")
    rows = []
    for image, found in results["start"].items():
        for number, name in enumerate(names):
            mount = found["mount"][number]
            row = [image, name, f"{mount[0]:.0f} / {mount[1]:.0f}", f"{mount[2]:.0f} / {mount[3]:.0f}"]
            for what in ("true", "python", "walk"):
                times = found[what][number]
                row += [f"{times[at + 1] / 1e3:.{2 if what == 'true' else 1}f}" for at in range(0, len(times), 2)]
            rows.append(row)
    table("Start (first quartiles): mounts in µs by the clock / of the processor, the rest in ms of the processor",
          ["image", "form", "mount", "unmount", "true, first", "again", "Python, first", "again",
           "stat all, first", "again", "read 4 KiB of all, first", "again"], rows)
    table("The first after a boot (first quartiles), ms by the clock / of the processor", ["what", "trees", "objects"],
          [[what, *(" / ".join(f"{value / 1e3:.0f}" for value in found[form]) for form in ("trees", "objects"))]
           for what, found in results["cold"].items()])


def report_memory(results):
    rows = {}
    for key, (cache, kernel) in results["memory"].items():
        what, form = key.split(" | ")
        rows.setdefault(what, {})[form] = f"{mib(cache)} + {mib(kernel)}"
    table("Memory of containers side by side, MiB: page cache + kernel's objects", ["what", *FORMS],
          [[what, *(found[form] for form in FORMS)] for what, found in rows.items()])
    table("In a user namespace", ["what", "outcome"], list(results["rights"].items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=TOP / "build/store-form")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=PARTS, help="instead of all parts")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = options.work.resolve()
    if not options.inside:
        work.mkdir(parents=True, exist_ok=True)
        build(work)
        subprocess.run([HERE / "images.py", work / "images"], check=True)
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, __file__, "--inside",
                              *sys.argv[1:]])
    bench, disk = Bench(work, options.rounds), Disk(work, f"disk-{os.getpid()}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parts = options.only or PARTS
    results = work / "results.json"
    try:
        if set(parts) - {"pulls", "calls", "tables"}:
            bench.fill(disk)
        for part in parts:
            if part == "tables":
                continue
            getattr(bench, part)(disk)
            kept = json.loads(results.read_text()) if results.exists() else {}
            results.write_text(json.dumps(kept | bench.results, indent=1))
            print(f"store-form: {part} done", file=sys.stderr)
    finally:
        disk.remove()
        shutil.rmtree(disk.place, ignore_errors=True)
    if "tables" in parts:
        for report in (report_pull, report_start, report_memory):
            report(json.loads(results.read_text()))


main()
