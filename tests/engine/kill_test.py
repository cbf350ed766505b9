"""SIGKILL of any process of a container at any moment: `rm -f` then leaves nothing behind.

CORTEN_KILLS is the number of kills, 15 by default; CORTEN_KILL_SEED repeats a sequence.
"""
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import without_leak_check  # noqa: E402
from engine import cli, engine  # noqa: E402,F401

KILLS = int(os.environ.get("CORTEN_KILLS", "15"))
SEED = int(os.environ.get("CORTEN_KILL_SEED", random.SystemRandom().randrange(1 << 30)))


@pytest.fixture(autouse=True)
def kill_safe(cli, monkeypatch):
    monkeypatch.setattr(cli, "env", without_leak_check(cli.env))


def one_kill(cli, rng):
    """Runs a container, kills one process at a random moment; what was done, as text."""
    flags = rng.choice([[], ["--rm"], ["-d"], ["-d", "--rm"], ["--init"]])
    script = rng.choice(["true", "sleep 0.1", "sleep 100 & sleep 100", "head -c 1000000 /dev/zero"])
    child = cli.start("run", *flags, "bb", "sh", "-c", script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    delay = rng.choice([rng.uniform(0, 0.03), rng.uniform(0, 0.12), rng.uniform(0.1, 0.4)])
    time.sleep(delay)
    victims = sorted(cli.processes())
    what = f"{flags} {script!r} after {delay * 1000:.0f} ms: "
    if victims:
        pid, comm = rng.choice(victims)
        try:
            os.kill(pid, signal.SIGKILL)
            what += f"killed {comm} of {sorted(c for _, c in victims)}"
        except ProcessLookupError:
            what += f"{comm} was gone"
    else:
        what += "nothing to kill"
    try:
        child.wait(timeout=0.3)
    except subprocess.TimeoutExpired:
        pass
    return child, what


def test_kills_leave_nothing(cli):
    rng = random.Random(SEED)
    told, bad = [], []
    for i in range(KILLS):
        child, what = one_kill(cli, rng)
        told.append(what)
        listed = cli("ps", "-aq", "--no-trunc")
        if listed.status != 0:
            bad.append(f"{what}: ps: {listed.err}")
        for name in listed.out.split():
            done = cli("rm", "-f", name)
            if done.status != 0 and "No such container" not in done.err:
                bad.append(f"{what}: rm -f: {done.err}")
        try:
            # With its container gone the client ends by itself.
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            bad.append(f"{what}: the client hangs")
            child.kill()
            child.wait()
        # A container that came only after the list above.
        for name in cli.ids():
            cli("rm", "-f", name)
        end = time.monotonic() + 4
        while cli.left() and time.monotonic() < end:
            time.sleep(0.02)
        if cli.left() and all("/trash/" in thing for thing in cli.left()):
            # Whoever emptied the trash was the one killed: the next removal empties it.
            cli("run", "--rm", "bb", "true")
            end = time.monotonic() + 4
            while cli.left() and time.monotonic() < end:
                time.sleep(0.02)
        if cli.left():
            left = cli.left()
            bad.append(f"{what}: left: {'; '.join(left[:8])}" + (f" and {len(left) - 8} more" if len(left) > 8 else ""))
            cli.sweep()
        if len(bad) > 20:
            break
    assert not bad, f"seed {SEED}, {len(bad)} of {len(told)} kills:\n" + "\n".join(bad)


@pytest.mark.parametrize("victim", ["corten", "corten-monitor", "sleep", "corten-init"])
def test_kill_of_each_process_of_a_running_container(cli, victim):
    child = cli.start("run", "--init", "--name", "victim", "bb", "sh", "-c", "echo ready; exec sleep 100")
    assert child.stdout.readline() == b"ready\n"
    found = []
    for _ in range(100):  # the shell says ready just before it becomes sleep
        found = found or [pid for pid, comm in cli.processes() if comm == victim[:15]]
        if found or victim == "corten-init":
            break
        time.sleep(0.02)
    if not found:
        assert victim == "corten-init", f"no process '{victim}': {cli.processes()}"
        found = [pid for pid, comm in cli.processes() if "init" in comm]
    os.kill(found[0], signal.SIGKILL)
    if victim == "sleep":
        assert child.wait(timeout=10) == 137
    if victim == "corten-init":
        assert child.wait(timeout=10) == 137
    if victim == "corten-monitor":
        # The container must not be said to run on, unwatched, for ever: the client ends.
        assert child.wait(timeout=10) != 0
    assert "victim" in cli("ps", "-a").ok()
    cli("rm", "-f", "victim").ok()
    child.communicate(timeout=10)
    cli.assert_nothing_left()
