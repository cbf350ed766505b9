"""Containers of busybox, each beside a monitor."""
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from monitor_driver import PARENT, Container


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A read-only root of busybox."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed")
    root = tmp_path_factory.mktemp("root")
    for name in ("bin", "proc", "dev", "tmp", "etc"):
        (root / name).mkdir()
    shutil.copy(busybox, root / "bin" / "busybox")
    for name in subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    return root


@pytest.fixture(scope="session", autouse=True)
def cgroups():
    yield
    top = Path("/sys/fs/cgroup")
    for folder in [top / PARENT, *(h / PARENT for h in top.iterdir() if h.is_dir())]:
        for _ in range(50):
            if not folder.is_dir():
                break
            try:
                folder.rmdir()
            except OSError:
                time.sleep(0.02)


@pytest.fixture
def container(tmp_path, root):
    """Makes containers: container(args, config={...}, oci=function)."""
    made = []

    def make(*args, config=None, oci=None):
        folder = tmp_path / f"c{len(made)}"
        folder.mkdir()
        made.append(Container(folder, root, list(args), config, oci))
        return made[-1]

    yield make
    for one in made:
        one.remove()
