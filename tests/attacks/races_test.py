"""Attacks that are races: a hostile neighbour exchanges names while the runtime sets a container up.

CORTEN_RACE_SWAPS is how many exchanges each race sees at least, CORTEN_RACE_RUNS how many containers are started
meanwhile. Both are small by default: a few seconds a race.
"""
import mmap
import os
import signal
import struct
import subprocess
import time

import pytest
from box import compile_c, mountinfo, on_terminal

SWAPS = int(os.environ.get("CORTEN_RACE_SWAPS", "20000"))
RUNS = int(os.environ.get("CORTEN_RACE_RUNS", "8"))
SECONDS = int(os.environ.get("CORTEN_RACE_SECONDS", "50"))

SWAPPER = r"""
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int fd = open(argv[1], O_RDWR);
    volatile uint64_t *count = mmap(0, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (count == MAP_FAILED) return 1;
    while (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], 2) == 0) count[0]++;
    count[1] = 1;
    return 1;
}
"""


class Swapper:
    """A process that exchanges two names as fast as it can, and counts."""

    def __init__(self, program, first, second):
        counter = program.parent / f"counter-{time.monotonic_ns()}"
        counter.write_bytes(bytes(16))
        with open(counter, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 16)
        self.child = subprocess.Popen([program, counter, first, second])

    @property
    def count(self):
        return struct.unpack_from("Q", self.memory)[0]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        stopped = struct.unpack_from("Q", self.memory, 8)[0]
        self.child.kill()
        self.child.wait()
        assert kind is not None or not stopped, "the swapper stopped: one of its names was removed"


@pytest.fixture
def race(workshop):
    """Starts containers while two names are exchanged, until there were enough of both."""
    program = workshop / "swapper"
    if not program.exists():
        compile_c(workshop, "swapper", SWAPPER)

    def run(first, second, attempt):
        runs, ended = 0, {}
        end = time.monotonic() + SECONDS
        signal.alarm(SECONDS + 60)
        with Swapper(program, first, second) as swapper:
            while swapper.count < SWAPS or runs < RUNS:
                assert time.monotonic() < end, f"only {swapper.count} swaps and {runs} runs in {SECONDS} s"
                status = attempt()
                ended[status] = ended.get(status, 0) + 1
                runs += 1
            print(f"{swapper.count} swaps, {runs} runs, ended with {ended}")
    return run


def outside(path):
    """A link's text that leads to a host's path, however deep it is resolved by whoever falls for it."""
    return "../" * 12 + str(path).lstrip("/")


def trap(folder, name, target):
    """A folder and a link that are exchanged: what is NAME now, and what is not."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-link").symlink_to(outside(target))
    return folder / name, folder / f"{name}-link"


def without_dev(one):
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    return one


# --- 3: /dev/null replaced while paths are masked ---

@pytest.mark.parametrize("by", ["link", "file"])
def test_dev_null_is_exchanged_while_masking(box, canary, race, by):
    one = without_dev(box("sh", "-c", "cat /secret; cat /proc/keys; stat -L -c %t:%T /secret"))
    (one.root / "secret").write_text("hidden\n")
    (one.root / "leak").write_text("leaked\n")
    subprocess.run(["mknod", one.root / "dev/null", "c", "1", "3"], check=True)
    if by == "link":
        (one.root / "dev/other").symlink_to("/leak")
    else:
        (one.root / "dev/other").write_text("leaked\n")
    one.linux["maskedPaths"] = ["/secret"] * 20 + ["/proc/keys"]

    def attempt():
        done = one.run()
        assert "hidden" not in done.out and "leaked" not in done.out, done
        assert done.status != 0 or done.out == "1:3\n", done
        return done.status
    race(one.root / "dev/null", one.root / "dev/other", attempt)


# --- 4: /dev/pts and /dev/console ---

@pytest.mark.parametrize("name", ["pts", "console"])
def test_terminal_names_are_exchanged(box, canary, race, name):
    one = box("sh", "-c", "tty -s && test -c /dev/console && echo inside")
    one.config["mounts"] = [m for m in one.config["mounts"]
                            if not m["destination"].startswith("/dev") or m["destination"] == "/dev/pts"]
    one.process["terminal"] = True
    one.process["user"] = {"uid": 1000, "gid": 1000}
    if name == "pts":
        names = trap(one.root / "dev", "pts", canary)
    else:
        (one.root / "dev/pts").mkdir()
        names = one.root / "dev/console", one.root / "dev/console-link"
        names[0].touch()
        names[1].symlink_to(outside(canary / "file"))
    one.write()
    argv = one.argv("run", "--bundle", one.bundle, one.id)

    def attempt():
        status, shown = on_terminal(argv)
        assert status != 0 or shown == "inside\r\n", shown
        return status
    race(*names, attempt)


def test_dev_pts_is_exchanged_during_exec(box, canary, race):
    one = box("sleep", "1000")
    # A folder that a mount lies on cannot be exchanged: here /dev/pts is a link that is.
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    one.mount("/real", "devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620"])
    one.process["user"] = {"uid": 1000, "gid": 1000}
    (one.root / "dev/pts").symlink_to("/real")
    (one.root / "dev/pts-link").symlink_to(outside(canary))
    one.detached()
    race(one.root / "dev/pts", one.root / "dev/pts-link",
         lambda: on_terminal(one.argv("exec", "--tty", "--user", "1000", one.id, "true"))[0])


# --- 7: a volume's target exchanged with a link ---

@pytest.mark.parametrize("kind", ["tmpfs", "bind", "proc"])
def test_volume_target_is_exchanged(box, canary, race, kind):
    one = box("true")
    volume = one.bundle / "volume"
    names = trap(volume, "a", canary)
    one.mount("/shared", volume, "bind", ["rbind"])
    if kind == "bind":
        one.mount("/shared/a/deep", names[0].parent, "bind", ["bind"])
    else:
        one.mount("/shared/a/deep", kind, kind)

    def attempt():
        done = one.run()
        assert str(canary) not in "".join(mountinfo())
        return done.status
    race(*names, attempt)


# --- 8: /dev exchanged with a link ---

@pytest.mark.parametrize("with_mounts", [True, False])
def test_dev_is_exchanged(box, canary, race, with_mounts):
    one = box("true")
    if not with_mounts:
        without_dev(one)
    names = trap(one.root, "dev", canary)
    host = sorted(os.listdir("/dev"))
    race(*names, lambda: one.run().status)
    assert sorted(os.listdir("/dev")) == host


# --- 9: files and folders made for a mount's target ---

@pytest.mark.parametrize("where", ["root", "volume"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_folder_on_the_way_to_a_target_is_exchanged(box, canary, race, where, kind):
    one = box("true")
    place, prefix = one.root, ""
    if where == "volume":
        place, prefix = one.bundle / "volume", "/shared"
        place.mkdir()
        one.mount("/shared", place, "bind", ["rbind"])
    names = trap(place, "way", canary)
    number = iter(range(10**9))
    count = len(one.config["mounts"])

    def attempt():
        del one.config["mounts"][count:]
        new = f"{prefix}/way/new-{next(number)}"
        if kind == "file":
            one.mount(new, one.bundle / "config.json", "bind", ["bind"]).mount(new + "-2/f", "/etc/hosts", "bind", ["bind"])
        else:
            one.mount(new, "tmpfs", "tmpfs").mount(new + "-2/d", "tmpfs", "tmpfs")
        return one.run().status
    race(*names, attempt)


# --- 10: the working folder ---

@pytest.mark.parametrize("where", ["root", "volume"])
def test_working_folder_is_exchanged(box, canary, race, where):
    one = box("sh", "-c", "ls -id . ..; touch here")
    place, prefix = one.root, ""
    if where == "volume":
        place, prefix = one.bundle / "volume", "/shared"
        place.mkdir()
        one.mount("/shared", place, "bind", ["rbind"])
    names = trap(place, "job", canary)
    number = iter(range(10**9))

    def attempt():
        turn = next(number)
        one.process["cwd"] = f"{prefix}/job" + (f"/new-{turn}/deep" if turn % 2 else "")
        done = one.run()
        assert str(os.stat(canary).st_ino) not in done.out.split(), done
        return done.status
    race(*names, attempt)


def test_working_folder_is_exchanged_during_exec(box, canary, race):
    one = box("sleep", "1000")
    names = trap(one.root, "job", canary)
    one.detached()

    def attempt():
        done = one.exec("--cwd", "/job", one.id, "sh", "-c", "ls -id . ..; pwd")
        assert str(os.stat(canary).st_ino) not in done.out.split(), done
        return done.status
    race(*names, attempt)
