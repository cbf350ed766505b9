"""The runtime and its helpers are killed at random moments; `delete --force` then leaves nothing.

CORTEN_KILLS is how many kills there are (30 by default), CORTEN_KILLS_SEED repeats a run.
"""
import collections
import contextlib
import copy
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from box import mountinfo, processes_of

pytestmark = pytest.mark.usefixtures("kill_safe")

KILLS = int(os.environ.get("CORTEN_KILLS", "30"))
SEED = int(os.environ.get("CORTEN_KILLS_SEED", str(time.time_ns() % 1000000)))
VERBS = ["create", "start", "exec", "pause", "resume", "update", "delete", "run"]
VICTIMS = ["runtime", "runtime", "helper", "all"]
PREPARED = {"create": [], "run": [], "start": ["create"], "exec": ["run"], "pause": ["run"], "resume": ["run", "pause"],
            "update": ["run"], "delete": ["run"]}


def shapes(one, chance):
    """Configurations whose start takes other ways: helpers, hooks, user namespaces, shared process numbers."""
    shape = chance.choice(["plain", "hooks", "userns", "idmap", "shared", "start-hook"])
    if shape == "hooks":
        one.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in ("prestart", "createContainer", "poststart",
                                                                          "poststop")}
    elif shape == "start-hook":
        one.config["hooks"] = {"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "0.01"]}]}
    elif shape in ("userns", "idmap"):
        if shape == "userns":
            one.namespace("user")
            one.linux["uidMappings"] = one.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        maps = [{"containerID": 0, "hostID": 1000, "size": 10}]
        source = one.bundle / "mapped"
        source.mkdir(exist_ok=True)
        if shape == "idmap":
            one.mount("/mapped", source, "bind", ["bind", "idmap"], uidMappings=maps, gidMappings=maps)
    elif shape == "shared":
        one.without_namespace("pid")
    return shape


def words(one, verb):
    start = ["--bundle", one.bundle, one.id]
    return {"create": ["create", *start], "run": ["run", "--detach", *start], "start": ["start", one.id],
            "exec": ["exec", one.id, "sleep", "0.01"], "pause": ["pause", one.id], "resume": ["resume", one.id],
            "update": ["update", "--pids-limit", "100", one.id], "delete": ["delete", "--force", one.id]}[verb]


def children(pid):
    """All descendants. Some may have ended by the time they are told."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children(child)]
    return found


def kill(child, victim, chance):
    """Returns who was killed; None when nobody was there any more."""
    helpers = children(child.pid)
    if victim == "helper":
        targets = [chance.choice(helpers)] if helpers else []
    else:
        targets = [child.pid, *(helpers if victim == "all" else [])]
    hit = False
    if child.poll() is None:
        for target in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)
                hit = True
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=20)
    assert child.returncode is not None, f"the runtime waits for ever after the kill of a {victim}"
    return hit


def holders(folder):
    """Processes, but the test's own, with a descriptor, root or working folder beneath a folder."""
    found = []
    for pid in set(os.listdir("/proc")) - {str(os.getpid())}:
        links = ["cwd", "root"]
        with contextlib.suppress(OSError):
            links += [f"fd/{number}" for number in os.listdir(f"/proc/{pid}/fd")]
        for link in links:
            with contextlib.suppress(OSError):
                if str(folder) + "/" in os.readlink(f"/proc/{pid}/{link}"):
                    found.append(f"/proc/{pid}/{link}")
    return found


def how_long(one):
    """Seconds that each command takes when nobody kills it."""
    took = {}
    for verb in VERBS:
        for before in PREPARED[verb]:
            subprocess.run(one.argv(*words(one, before)), stdin=subprocess.DEVNULL, check=True)
        start = time.monotonic()
        subprocess.run(one.argv(*words(one, verb)), stdin=subprocess.DEVNULL, check=True)
        took[verb] = time.monotonic() - start
        one.delete("--force").ok()
    return took


def test_nothing_is_left_after_kills(box):
    print(f"CORTEN_KILLS_SEED={SEED}")
    chance = random.Random(SEED)
    one = box("sleep", "1000")
    one.write()
    took = how_long(one)
    plain, mounts, descriptors = one.config, mountinfo(), len(os.listdir("/proc/self/fd"))
    counts, number = collections.Counter(), 0
    while sum(counts.values()) < KILLS:
        signal.alarm(60)
        assert number < 5 * KILLS + 50, f"seed {SEED}: hardly any kill comes in time: {counts}"
        verb, victim = VERBS[number % len(VERBS)], chance.choice(VICTIMS)
        one.config = copy.deepcopy(plain)
        what = f"seed {SEED}, number {number}: {victim} of {verb}, {shapes(one, chance)}"
        one.write()
        for before in PREPARED[verb]:
            done = one.runtime(*words(one, before))
            assert done.status == 0, f"{what}: {before}: {done}"
        child = subprocess.Popen(one.argv(*words(one, verb)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, took[verb] * 1.1))
        if kill(child, victim, chance):
            counts[verb, victim] += 1
        number += 1
        done = one.delete("--force")
        assert done.status == 0, f"{what}: {done}"
        end = time.monotonic() + 5
        while one.left() and time.monotonic() < end:
            time.sleep(0.01)
        assert not one.left(), f"{what}: {one.left()}"
        assert not list(one.state_root.iterdir()), what
        assert not holders(one.bundle) and not holders(one.state_root), f"{what}: {holders(one.bundle)}"
    assert mountinfo() == mounts
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not processes_of(one.id)
    print(f"{sum(counts.values())} kills of {number} commands: {dict(counts)}")
