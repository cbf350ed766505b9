"""Other people's engines, out of Debian's packages and in private roots, with corten-runtime as their runtime."""
import os

import pytest

from place import Place, cgroup_folders, image_tar, oci_archive, remove_cgroup, runtime_under_test, wait_for

# This machine's root may lack CAP_SYS_RESOURCE: ask for no limit above its own.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=2048:2048"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "tested"
[engine.runtimes]
tested = ["{runtime}"]
"""
WAITER = "trap 'exit 3' TERM; while :; do sleep 0.1; done"


class Podman(Place):
    """Podman: no daemon, each command a process of its own."""

    def __init__(self, scratch):
        self.parent = f"corten-clients-{os.getpid()}"
        # crun refuses a hybrid tree; for it the v2 part is hidden.
        cgroup = "legacy" if runtime_under_test()[2] == "crun" else "asis"
        super().__init__("stable", scratch, "--cgroup", cgroup)
        (scratch / "containers.conf").write_text(CONTAINERS_CONF.format(runtime=self.runtime))

    def words(self, *args):
        # Below a pod, the pod's cgroup is the parent.
        if args[0] in ("run", "create") and not any(str(a).startswith(("--pod", "--cgroup-parent")) for a in args):
            args = (args[0], f"--cgroup-parent=/{self.parent}", *args[1:])
        if args[:2] == ("pod", "create"):
            args = ("pod", "create", f"--cgroup-parent=/{self.parent}", *args[2:])
        return ["env", "CONTAINERS_CONF=/scratch/containers.conf", "podman", "--root", "/scratch/storage", "--runroot",
                "/run/podman-root", "--storage-driver", "overlay", "--tmpdir", "/run/podman-tmp",
                "--hooks-dir", "/scratch/hooks.d", *args]

    def inspect(self, name, template):
        return self("inspect", "--format", template, name).strip()

    def close(self):
        self.attempt("rm", "-f", "-a", "-t", "0")
        self.attempt("pod", "rm", "-f", "-a", "-t", "0")
        super().close()
        for folder in cgroup_folders(self.parent):
            remove_cgroup(folder)


DOCKERD = ("dockerd --data-root /scratch/data --exec-root /run/docker --pidfile /run/docker.pid "
           "--host unix:///run/docker.sock --storage-driver overlay2 --config-file /scratch/none.json "
           "--add-runtime tested={runtime} --default-runtime tested --exec-opt native.cgroupdriver=cgroupfs "
           "--default-ulimit nofile=1024:4096 >/scratch/dockerd.log 2>&1 & wait")


class Docker(Place):
    """Docker's daemon with the runtime under test as its default one, and Docker's client."""

    def __init__(self, scratch):
        (scratch / "none.json").write_text("{}")
        runtime = runtime_under_test()[1]
        super().__init__("engines", scratch, "--own-cgroup", f"corten-docker-{os.getpid()}", boot=DOCKERD.format(runtime=runtime))
        try:
            wait_for(lambda: self.attempt("version").returncode == 0, "dockerd", 60)
        except BaseException:
            print((scratch / "dockerd.log").read_text()[-4000:])
            self.close()
            raise

    def words(self, *args):
        # A network takes Docker most of its time: those that need one ask for it.
        if args[0] in ("run", "create") and not any(str(a).startswith("--net") for a in args):
            args = (args[0], "--network", "none", *args[1:])
        return ["docker", "--host", "unix:///run/docker.sock", *args]

    def inspect(self, name, template):
        return self("inspect", "--format", template, name).strip()

    def close(self):
        ids = self.attempt("ps", "-aq").stdout.split()
        if ids:
            self.attempt("rm", "-f", *ids)
        super().close()


CONTAINERD_CONF = """
version = 2
root = "/scratch/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd/containerd.sock"
"""


class Containerd(Place):
    """containerd and its own client, with the runtime under test as the runc binary of its shim."""

    def __init__(self, scratch):
        (scratch / "containerd.toml").write_text(CONTAINERD_CONF)
        super().__init__("engines", scratch, "--own-cgroup", f"corten-containerd-{os.getpid()}",
                         boot="containerd --config /scratch/containerd.toml >/scratch/containerd.log 2>&1 & wait")
        try:
            wait_for(lambda: self.attempt("version").returncode == 0, "containerd", 60)
        except BaseException:
            print((scratch / "containerd.log").read_text()[-4000:])
            self.close()
            raise

    def words(self, *args):
        if args[0] == "run":
            args = (args[0], "--runc-binary", self.runtime, *args[1:])
        return ["ctr", "--address", "/run/containerd/containerd.sock", *args]

    def said(self, *args, lines=1, **options):
        """What a container or a command of short life wrote, of so many lines at least. ctr 1.6 now and then loses the
        end of it, or all, and exits with 0 (of 200 runs on a busy machine 3 with runc): then it is asked again."""
        for _ in range(5):
            shown = self(*args, **options)
            if shown.count("\n") >= lines:
                break
        return shown

    def status(self, name):
        for line in self("tasks", "ls").splitlines()[1:]:
            if line.split()[0] == name:
                return line.split()[2]
        return None

    def drop(self, name):
        """Ends a container and removes it, whatever its state."""
        self.attempt("tasks", "resume", name)
        self.attempt("tasks", "kill", "-s", "KILL", name)
        self.attempt("tasks", "rm", "-f", name)
        return self.attempt("containers", "rm", name)

    def close(self):
        for name in self.attempt("containers", "ls", "-q").stdout.split():
            self.drop(name)
        super().close()


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("podman")
    (scratch / "hooks.d").mkdir()
    engine = Podman(scratch)
    try:
        (scratch / "box.tar").write_bytes(image_tar(engine.busybox))
        engine("import", "--change", "CMD=/bin/sh", "/scratch/box.tar", "box")
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def docker(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("docker")
    engine = Docker(scratch)
    try:
        (scratch / "box.tar").write_bytes(image_tar(engine.busybox))
        engine("import", "--change", "CMD /bin/sh", "/scratch/box.tar", "box")
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def ctr(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("containerd")
    engine = Containerd(scratch)
    try:
        (scratch / "box.tar").write_bytes(oci_archive(image_tar(engine.busybox), "example/box:1"))
        engine("images", "import", "/scratch/box.tar")
        yield engine
    finally:
        engine.close()
