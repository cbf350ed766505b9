"""Killed at any moment: the store stays valid, the retry works, and what was left behind goes away."""
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from archives import docker_archive, gz, oci_image, sha, tar, write_tar  # noqa: E402
from box import without_leak_check  # noqa: E402

LAYERS = [tar(*[(f"d{i}/f{j}", os.urandom(3000)) for j in range(300)], f"d{i}/.wh.old", f"d{i}/.wh..wh..opq")
          for i in range(3)]
ATTEMPTS_MIN, ATTEMPTS_MAX, KILLED_MIN = 12, 60, 4


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def wait_gone(pids):
    for _ in range(200):
        if not any(os.path.exists(f"/proc/{pid}") for pid in pids):
            return
        time.sleep(0.02)
    raise AssertionError(f"still there: {pids}")


def check_whole(store):
    found = store.run("find", "test:1")
    assert found.all("layer") == [sha(layer) for layer in LAYERS]
    for i, layer in enumerate(LAYERS):
        root = store.layer(sha(layer))
        assert len(os.listdir(root / f"d{i}")) == 301
        assert os.getxattr(root / f"d{i}", "trusted.overlay.opaque") == b"y"


@pytest.mark.parametrize("victim", ["program", "store", "both"])
def test_killed_at_any_moment(store, tmp_path, victim):
    path = write_tar(tmp_path / "a.tar", oci_image(LAYERS, packed=[gz(x) for x in LAYERS]))
    start = time.monotonic()
    store.run("load", path)
    longest = time.monotonic() - start
    rng = random.Random(victim)
    killed = 0
    for attempt in range(ATTEMPTS_MAX):
        if attempt >= ATTEMPTS_MIN and killed >= KILLED_MIN:
            break
        store.run("rm", "test:1")
        start = time.monotonic()
        process = subprocess.Popen(store.command("load", path), stdout=subprocess.PIPE, env=without_leak_check(os.environ))
        time.sleep(rng.uniform(0, longest))
        below = children(process.pid)
        if victim != "store":
            for pid in below:
                with contextlib.suppress(ProcessLookupError):  # it had ended by itself
                    os.kill(pid, signal.SIGKILL)
        if victim != "program":
            process.kill()
        process.communicate(timeout=60)
        wait_gone(below)
        if process.returncode != 0:
            killed += 1
            names = store.run("list").all("name")
            assert names == [] or victim != "program", "half an image has no name"
        else:
            longest = min(longest, time.monotonic() - start)  # a busy machine's first may have taken longer
            store.check_clean()
        store.run("load", path)
        check_whole(store)
        store.check_clean()
    assert killed > 0, "no attempt was interrupted: the test proves nothing"


def test_the_program_dies_with_the_store(store, tmp_path):
    read, write = os.pipe()
    process = subprocess.Popen(store.command("load", "-"), stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    os.write(write, b"\0" * 100)
    for _ in range(200):
        below = children(process.pid)
        if below:
            break
        time.sleep(0.01)
    assert below
    process.kill()
    process.wait()
    wait_gone(below)
    os.close(write)


def test_a_full_disk(store, tmp_path):
    """Loading into 8 MB fails by name and leaves room again; a smaller image fits afterwards."""
    small = write_tar(tmp_path / "small.tar", docker_archive([LAYERS[0]], tags=["small"]))
    big = write_tar(tmp_path / "big.tar", docker_archive([tar(("big", os.urandom(20 << 20)))], tags=["big"]))
    store.root.mkdir()
    script = ('mount -t tmpfs -o size=8m none "$0" || exit 9; shift 0; "$1" "$0" "$2" load "$4"; echo status $?; '
              '"$1" "$0" "$2" clean; sleep 0.5; "$1" "$0" "$2" load "$3"; echo status $?; ls "$0/staging"')
    tool = store.command()
    text = subprocess.run(["unshare", "-m", "sh", "-c", script, str(store.root), tool[0], tool[2], str(small), str(big)],
                          stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    assert "entry 'big'" in text and "No space left" in text
    assert text.split("status ")[1][0] == "1" and text.strip().endswith("status 0"), text


def test_leftovers_are_swept(store, tmp_path):
    path = write_tar(tmp_path / "a.tar", docker_archive([LAYERS[0]], tags=["a"]))
    store.run("load", path)
    (store.root / "staging" / "dead" / "layers").mkdir(parents=True)
    (store.root / "staging" / "dead.lock").touch()
    orphan = store.root / "layers" / ("0" * 64)
    (orphan / "diff").mkdir(parents=True)
    (store.root / "blobs/sha256" / ("1" * 64)).touch()
    store.run("load", path)
    store.check_clean()


def test_a_vanished_layer_is_named(store, tmp_path):
    import shutil
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([LAYERS[0]], tags=["a"])))
    shutil.rmtree(store.root / "layers" / sha(LAYERS[0]))
    answer = store.ask("find", "a")
    assert answer.status == 1 and sha(LAYERS[0]) in answer.error and "load its image again" in answer.error
