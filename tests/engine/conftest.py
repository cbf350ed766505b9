"""A private store, an image of a busybox tree, and the program under test (CORTEN_BIN)."""
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest

from engine_place import BIN

BUSYBOX = "/bin/busybox"
APPLETS = ("sh ls cat echo true false sleep id hostname env mount ps kill tty stty head dd mknod chmod pwd touch "
           "grep wc rm ln readlink seq tr yes cp test stat umount date ulimit sync").split()


def _reason():
    if os.geteuid() != 0:
        return "needs root"
    for name in ("corten", "corten-monitor", "corten-runtime", "corten-image"):
        if not (BIN / name).exists():
            return f"{BIN}/{name} is not built"
    if not os.path.exists(BUSYBOX):
        return "busybox-static is not installed"
    return None


class Corten:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.root = self.base / "root"
        self.state = self.base / "state"
        self.parent = f"/corten-engine-test-{os.getpid()}"
        conf = self.base / "conf" / "corten"
        conf.mkdir(parents=True)
        (conf / "corten.conf").write_text(f"cgroup-parent = {self.parent}\noffline = true\n")
        self.env = dict(os.environ, CORTEN_ROOT=str(self.root), CORTEN_STATE=str(self.state),
                        CORTEN_LIBEXEC=str(BIN), XDG_CONFIG_HOME=str(self.base / "conf"))

    def start(self, *args, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([str(BIN / "corten"), *map(str, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.env, **options)

    def __call__(self, *args, input=None, timeout=60, env=None, **options):
        if input is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([str(BIN / "corten"), *map(str, args)], input=input, capture_output=True, text=True,
                              timeout=timeout, env={**self.env, **(env or {})}, **options)

    def ok(self, *args, **options):
        done = self(*args, **options)
        assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def cgroups(self):
        """The parent of all in each hierarchy; not deeper, where others come and go."""
        top = pathlib.Path("/sys/fs/cgroup")
        return [*top.glob("*" + self.parent), *top.glob(self.parent.lstrip("/"))]

    def left(self):
        """What containers have left: folders, runtime state, cgroups, mounts."""
        found = []
        for folder in (self.root / "containers", self.state / "containers"):
            if folder.exists():
                found += [str(p) for p in folder.iterdir()]
        runtime = self.state / "runtime"
        if runtime.exists():
            found += [str(p) for p in runtime.iterdir() if not p.name.startswith("~")]
        for hierarchy in self.cgroups():
            found += [str(p) for p in hierarchy.iterdir() if p.is_dir()]
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            found += [line for line in mounts if str(self.base) in line]
        return found

    def close(self):
        for name in self("ps", "-aq").stdout.split():
            self("rm", "-f", name)
        for hierarchy in self.cgroups():
            try:
                hierarchy.rmdir()
            except OSError:
                pass
        shutil.rmtree(self.base, ignore_errors=True)


def _tree(folder):
    for name in ("bin", "etc", "tmp", "root", "data/sub", "dev", "proc", "sys"):
        (folder / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, folder / "bin" / "busybox")
    for applet in APPLETS:
        (folder / "bin" / applet).symlink_to("busybox")
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/data:/bin/sh\n")
    (folder / "etc/group").write_text("root:x:0:\nwww:x:34:\nlog:x:9:web\n")
    (folder / "data/file").write_text("of the image\n")
    (folder / "data/sub/deep").write_text("deep\n")


@pytest.fixture(scope="session")
def corten():
    reason = _reason()
    if reason:
        pytest.skip(reason)
    base = tempfile.mkdtemp(prefix="corten-engine-")
    one = Corten(base)
    tree = one.base / "tree"
    tree.mkdir()
    _tree(tree)
    with tarfile.open(one.base / "bb.tar", "w") as archive:
        archive.add(tree, arcname=".")
    one.ok("image", "import", "-c", 'CMD ["sh"]', one.base / "bb.tar", "bb")
    one.ok("image", "import", "-c", 'CMD ["sh"]', "-c", "VOLUME /data", "-c", "ENV FROM=image",
           "-c", "WORKDIR /data/sub", "-c", "LABEL run.oci.hooks=evil", one.base / "bb.tar", "vol")
    yield one
    one.close()


@pytest.fixture(autouse=True)
def nothing_left(request):
    if "corten" not in request.fixturenames:
        yield
        return
    one = request.getfixturevalue("corten")
    yield
    for name in one("ps", "-aq", "--no-trunc").stdout.split():
        one("rm", "-f", name)
    assert one.left() == []
