"""A stage's own world: what it starts can neither outlive it nor signal anything outside.

As root a stage runs in a PID and a mount namespace: a test that calls kill(-1) by mistake ends itself
alone. Otherwise the stage's first process is a child subreaper, so that orphans stay its descendants.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import leftovers

PR_SET_CHILD_SUBREAPER = 36


def wrapped(argv):
    """The command that runs argv in namespaces of its own, when we may."""
    if os.geteuid() == 0:
        return ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                "--", *argv]
    return argv


def wait(child, limit_s, is_done, grace_s=5.0):
    """Waits for a wrapped command. False when it is still there: past its limit, or a while after is_done()
    said that it has nothing left to do. Then only the kernel is at work, ending the namespaces, which takes
    long on a machine where others make and remove control groups."""
    limit = time.monotonic() + limit_s
    done_at = None
    while True:
        now = time.monotonic()
        if done_at is None and is_done():
            done_at = now
        try:
            child.wait(timeout=0.1)
            return True
        except subprocess.TimeoutExpired:
            if now > limit or (done_at is not None and now > done_at + grace_s):
                return False


def stop(child):
    """Ends a wrapped command with everything it started."""
    if os.geteuid() == 0:
        child.kill()  # the namespace ends with it
    else:
        child.terminate()
    child.wait()


def children_by_parent():
    table = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace")
        except OSError:
            continue
        after = stat.rpartition(")")[2].split()
        table.setdefault(int(after[1]), []).append((int(entry.name), after[0]))
    return table


def descendants():
    """Living processes below this one."""
    table = children_by_parent()
    found, todo = [], [os.getpid()]
    while todo:
        for child, state in table.get(todo.pop(), []):
            todo.append(child)
            if state != "Z":
                found.append(child)
    return found


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_descendants(grace_s=1.0, give_up_s=20.0):
    """Ends all descendants; returns those that were still there after a moment."""
    began = time.monotonic()
    left = []
    while True:
        reap()
        alive = descendants()
        waited = time.monotonic() - began
        if not alive or waited > give_up_s:
            return left
        if waited >= grace_s:
            left = left or [f"process {command_of(pid)[:80]}" for pid in alive]
            for pid in alive:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        time.sleep(0.05)


def be_first(body):
    """Runs body in a child and reaps for it, as process 1 does. Returns what was left behind: processes,
    mounts, control groups."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = leftovers.snapshot()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        finally:
            os._exit(status)

    def stopped(*_):
        end_descendants(grace_s=0)
        os._exit(1)

    signal.signal(signal.SIGTERM, stopped)
    began = time.monotonic()
    while True:
        pid, status = os.wait()
        if pid == child:
            break
    ended = time.monotonic()
    killed = [f"its own end by signal {os.WTERMSIG(status)} (does a test kill(-1)?)"] if os.WIFSIGNALED(status) else []
    left = killed + end_descendants()
    swept = time.monotonic()
    left += leftovers.since(before)
    print(f"-- {ended - began:.1f} s, ending what it started {swept - ended:.1f} s, "
          f"looking for leftovers {time.monotonic() - swept:.1f} s", file=sys.stderr, flush=True)
    return left
