"""Runs crun's own tests, one process each, and writes down how each ended. Process 1 of a private root.

usage: crun_suite_driver.py RUNTIME RESULTS.json [TEST]... [-TEST]...   (TEST is FILE/NAME; all, or all but -TEST)
"""
import contextlib
import importlib
import json
import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

SUITE = Path("/suite/tests")
GROUPS = Path("/sys/fs/cgroup")
LIMIT_S = 40


def tests_of_suite():
    sys.path.insert(0, str(SUITE))
    for file in sorted(SUITE.glob("test_*.py")):
        for name in importlib.import_module(file.stem).all_tests:
            yield f"{file.stem.removeprefix('test_')}/{name}"


def run(test, runtime, scratch):
    """(pass, skip or fail; what the test said). It has a terminal, as some ask for one."""
    file, name = test.split("/", 1)
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(scratch)
        os.execve(sys.executable, [sys.executable, "-B", str(SUITE / f"test_{file}.py")],
                  {**os.environ, "OCI_RUNTIME": runtime, "INIT": "/scratch/init", "RUN_TESTS": name,
                   "PYTHONPATH": "/scratch"})
    shown, end = b"", time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if select.select([master], [], [], 0.5)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            shown += data
        elif os.waitpid(pid, os.WNOHANG)[0] == pid:
            break
    os.close(master)
    text = shown.decode(errors="replace").replace("\r", "")
    verdict = re.search(r"(not )?ok 1 - \S+ ?(#SKIP)?", text)
    if verdict is None:
        return "fail", f"{text}\n(no verdict in {LIMIT_S} s)"
    return "fail" if verdict[1] else "skip" if verdict[2] else "pass", text


def clean():
    """Ends what the test left and removes its control groups."""
    for file in GROUPS.rglob("freezer.state"):
        try:
            file.write_text("THAWED")
        except OSError:
            pass
    for _ in range(200):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
        except ChildProcessError:
            break
    # Never a tree's top: to remove what another mount namespace mounts on would unmount it there.
    trees = [GROUPS] if (GROUPS / "cgroup.procs").exists() else [p for p in GROUPS.iterdir() if (p / "cgroup.procs").exists()]
    for tree in trees:
        for folder, _, _ in os.walk(tree, topdown=False):
            if folder != str(tree):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


def main():
    runtime, results, *wanted = sys.argv[1:]
    found = {}
    left_out = {test[1:] for test in wanted if test.startswith("-")}
    tests = [test for test in wanted if not test.startswith("-")] or list(tests_of_suite())
    for test in tests:
        if test in left_out:
            continue
        scratch = Path("/scratch/work")
        scratch.mkdir()
        began = time.monotonic()
        verdict, text = run(test, runtime, scratch)
        clean()
        log = Path("/scratch/log")
        if log.exists():
            text += log.read_text(errors="replace")
            log.unlink()
        shutil.rmtree(scratch, ignore_errors=True)
        found[test] = {"verdict": verdict, "text": text, "seconds": round(time.monotonic() - began, 2)}
        Path(results).write_text(json.dumps(found))


main()
