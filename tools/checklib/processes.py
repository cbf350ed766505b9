"""Finding and ending what a stage started, however it detached itself.

The check is a child subreaper: orphans become its children, so its descendants are all that any
stage started and nothing else.
"""
import ctypes
import os
import signal
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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


def descendants(pid):
    table = children_by_parent()
    found, todo = [], [pid]
    while todo:
        for child, state in table.get(todo.pop(), []):
            found.append((child, state))
            todo.append(child)
    return found


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap():
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def kill_descendants(grace_s=1.0, give_up_s=20.0):
    """Ends all descendants; returns the commands of those that were still there after a moment."""
    began = time.monotonic()
    left = []
    while True:
        reap()
        alive = [pid for pid, state in descendants(os.getpid()) if state != "Z"]
        waited = time.monotonic() - began
        if not alive or waited > give_up_s:
            return left
        if waited >= grace_s:
            left = left or [f"{pid} ({command_of(pid)[:80]})" for pid in alive]
            for pid in alive:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        time.sleep(0.05)
