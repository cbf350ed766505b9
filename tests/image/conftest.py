"""The image store as a program, a root of its own for each test, and canaries on the host.

CORTEN_BIN names the folder of programs; store-tool lies in the build folder beside it.
"""
import os
import subprocess
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dev" / "programs"))
BUILD = REPO / "build" / ("asan" if BIN.name.endswith("-asan") else "dev")
TOOL = BUILD / "tests" / "image" / "store-tool"
PROGRAM = BIN / "corten-image"
TIMEOUT_S = 120


class Answer:
    """What store-tool printed, by the first word of each line."""

    def __init__(self, status, text):
        self.status = status
        self.text = text
        self.lines = [line.split(" ", 1) for line in text.splitlines()]

    def all(self, key):
        return [line[1] for line in self.lines if line[0] == key and len(line) > 1]

    def one(self, key):
        values = self.all(key)
        assert len(values) == 1, f"{key}: {values} in\n{self.text}"
        return values[0]

    @property
    def error(self):
        return next((" ".join(line) for line in self.lines if line[0] == "error"), None)


class Store:
    def __init__(self, root):
        self.root = root

    def command(self, *args):
        return [str(TOOL), str(self.root), str(PROGRAM), *map(str, args)]

    def ask(self, *args, **kwargs):
        """Runs the tool; its status may be anything."""
        kwargs.setdefault("timeout", TIMEOUT_S)
        done = subprocess.run(self.command(*args), stdout=subprocess.PIPE, **kwargs)
        return Answer(done.returncode, done.stdout.decode(errors="replace"))

    def run(self, *args, **kwargs):
        """Runs the tool, which must succeed."""
        answer = self.ask(*args, **kwargs)
        assert answer.status == 0, answer.text
        return answer

    def refuse(self, *args, **kwargs):
        """Runs the tool, which must refuse; returns the error's text."""
        answer = self.ask(*args, **kwargs)
        assert answer.status == 1 and answer.error, f"not refused: status {answer.status}\n{answer.text}"
        self.check_clean()
        return answer.error

    def layer(self, diff_id):
        return self.root / "layers" / diff_id.removeprefix("sha256:") / "diff"

    def layers(self):
        return sorted(path.name for path in (self.root / "layers").iterdir())

    def blobs(self):
        return sorted(path.name for path in (self.root / "blobs" / "sha256").iterdir())

    def check_clean(self):
        """Nothing is staged, and every layer and document belongs to an image."""
        # What was killed left its entries to the next command, which removes them off its path.
        end = time.monotonic() + 10
        while list((self.root / "staging").iterdir()) and time.monotonic() < end:
            time.sleep(0.01)
        assert list((self.root / "staging").iterdir()) == []
        listed = self.ask("list")
        assert listed.status == 0, listed.text
        assert set(self.layers()) == set(listed.all("layer"))
        known = set(listed.all("image")) | {m for m in listed.all("manifest") if m != "-"}
        assert set(self.blobs()) == known


@pytest.fixture
def store(tmp_path):
    assert TOOL.exists() and PROGRAM.exists(), "build first: make build"
    if os.geteuid() != 0:
        pytest.skip("unpacking makes namespaces and devices: it needs root")
    return Store(tmp_path / "store")


@pytest.fixture
def canary(tmp_path):
    """A host folder with one file; unchanged after the test."""
    folder = tmp_path / "canary"
    folder.mkdir(mode=0o755)
    file = folder / "file"
    file.write_text("untouched")
    file.chmod(0o644)
    before = [(p, p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns) for p in (folder, file)]
    yield folder
    assert [p.name for p in folder.iterdir()] == ["file"]
    assert file.read_text() == "untouched"
    assert [(p, p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns) for p in (folder, file)] == before
    assert os.listxattr(file) == []
