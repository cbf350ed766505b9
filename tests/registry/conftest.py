"""An engine with an empty store for each test, registries that end with it, an image that runs."""
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "lib"), str(HERE.parent / "image")]

from archives import entry, oci_image, tar  # noqa: E402
from box import wait_for  # noqa: E402
from engine import BIN, Engine  # noqa: E402
from registries import Debian, Server  # noqa: E402

import tarfile  # noqa: E402


def busybox_layer():
    link = [entry("bin/" + name, tarfile.SYMTYPE, linkname="busybox") for name in ("sh", "cat", "echo")]
    busybox = Path(shutil.which("busybox")).read_bytes()
    return tar("bin/", (entry("bin/busybox", mode=0o755), busybox), *link, "dev/", "proc/", "sys/", "etc/",
               ("etc/word", "from the registry\n"), "tmp/")


class Puller(Engine):
    """The command line with nothing of the user's: no passwords, no certificates, no proxies."""

    def __init__(self, folder):
        super().__init__(folder)
        (self.config / "corten/corten.conf").write_text(f"cgroup-parent = {self.parent}\n")
        self.home = folder / "home"
        self.home.mkdir()
        for name in list(self.env):
            if name.lower().endswith("_proxy") or name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
                del self.env[name]
        self.env |= {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(folder / "run")}

    def refuse(self, *words, status=1, **options):
        """Runs a command that must fail, and leave nothing; returns its words."""
        done = self(*words, **options)
        assert done.status == status, (words, done.status, done.out, done.err)
        self.check_store()
        return done.err

    def images(self):
        return [json.loads(line) for line in self("images", "--format", "json", "--no-trunc").ok().splitlines()]

    def layers(self):
        folder = self.root / "layers"
        return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []

    def check_store(self):
        """Nothing is staged."""
        folder = self.root / "staging"
        assert not folder.is_dir() or list(folder.iterdir()) == []

    def assert_nothing_of_pulls_runs(self, timeout_s=10):
        wait_for(lambda: not [one for one in self.processes() if one[1].startswith("corten")], "the programs to end", timeout_s)

    def login(self, host, user, password, file="containers/auth.json"):
        from registries import basic
        path = self.config / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"auths": {host: {"auth": basic(user, password).split()[1]}}}))
        return path


@pytest.fixture
def cli():
    if os.geteuid() != 0:
        pytest.skip("unpacking makes namespaces and devices: it needs root")
    for name in ("corten", "corten-image", "corten-remote", "corten-runtime", "corten-monitor"):
        assert (BIN / name).exists(), f"no {name} in '{BIN}': build first, or set CORTEN_BIN"
    folder = Path(tempfile.mkdtemp(prefix="corten-pull-"))
    folder.chmod(0o755)
    made = Puller(folder)
    yield made
    made.close()


@pytest.fixture(scope="session")
def box():
    """An image that runs."""
    return oci_image([busybox_layer()])


@pytest.fixture(scope="session")
def debian(tmp_path_factory, box):
    """Debian's registry, without authentication, with box:1."""
    made = Debian(tmp_path_factory.mktemp("registry"))
    made.push("box:1", box)
    yield made
    made.close()


@pytest.fixture
def serve():
    made = []

    def start(answer, **options):
        made.append(Server(answer, **options))
        return made[-1]
    yield start
    for one in made:
        one.close()
