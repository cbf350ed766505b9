"""The canaries that attacks must leave as they are."""
import hashlib
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import RUNTIME, box, console, mountinfo, private_mounts, workshop  # noqa: E402,F401


@pytest.fixture(autouse=True)
def canaries():
    """The runtime's own bytes and the host's mounts, before and after."""
    def look():
        stat = RUNTIME.stat()
        return (hashlib.sha256(RUNTIME.read_bytes()).digest(), stat.st_dev, stat.st_ino, stat.st_mode, mountinfo())
    before = look()
    yield
    after = look()
    assert after[:4] == before[:4], "the runtime's binary was changed"
    assert after[4] == before[4], "the host's mounts changed"


@pytest.fixture
def canary(workshop):
    """A file of the host that nothing may change."""
    folder = workshop / f"canary-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)
    (folder / "file").write_text("untouched\n")

    def look():
        return [(str(p), p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns,
                 p.read_text() if p.is_file() else None) for p in sorted(folder.rglob("*"))] + [folder.stat().st_mode]
    before = look()
    yield folder
    assert look() == before, "a file of the host was changed"
