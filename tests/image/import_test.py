"""Root filesystems as tar or folder, and what Dockerfile lines change."""
import json
import os
import stat
import subprocess
import tarfile

import pytest

from archives import entry, gz, sha, tar

ROOT = tar("etc/", ("etc/os-release", "ID=test\n"), (entry("bin/sh", mode=0o755), "#!"))


def test_a_tar(store, tmp_path):
    path = tmp_path / "root.tar.gz"
    path.write_bytes(gz(ROOT))
    first = store.run("import", path, "name=base:1", "message=from a test")
    assert first.all("name") == ["docker.io/library/base:1"]
    found = store.run("find", "base:1")
    assert found.all("layer") == [sha(ROOT)] and found.all("cmd") == []
    text = json.loads((store.root / "blobs/sha256" / first.one("image")).read_text())
    assert text["history"][0]["comment"] == "from a test" and text["os"] == "linux"
    assert text["architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    assert text["rootfs"] == {"type": "layers", "diff_ids": ["sha256:" + sha(ROOT)]}
    piped = store.run("import", "-", input=ROOT)
    assert piped.all("name") == [] and store.run("find", piped.one("image")).all("layer") == [sha(ROOT)]
    store.check_clean()


def test_changes(store, tmp_path):
    path = tmp_path / "root.tar"
    path.write_bytes(ROOT)
    changes = ['CMD ["a", "b c"]', "ENTRYPOINT run it", "ENV A=1 B='two words' C=x\\ y", "ENV A=9", "ENV OLD the rest of it",
               "EXPOSE 80 53/udp 8000-8002", 'VOLUME ["/data", "/more"]', "VOLUME /data /third", "WORKDIR /srv",
               "WORKDIR sub", "USER 10:20", "STOPSIGNAL SIGQUIT", 'LABEL k="v w" l=2', "ONBUILD RUN x", "cmd  [\"a\"]"]
    store.run("import", path, "name=c", *[f"change={line}" for line in changes])
    found = store.run("find", "c")
    assert found.all("cmd") == ["a"] and found.all("entrypoint") == ["/bin/sh", "-c", "run it"]
    assert found.all("env") == ["A=9", "B=two words", "C=x y", "OLD=the rest of it"]
    assert found.all("port") == ["80/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp"]
    assert found.all("volume") == ["/data", "/more", "/third"]
    assert found.one("workdir") == "/srv/sub" and found.one("user") == "10:20"
    text = json.loads((store.root / "blobs/sha256" / found.one("image")).read_text())
    assert text["config"]["Labels"] == {"k": "v w", "l": "2"} and text["config"]["StopSignal"] == "SIGQUIT"
    assert text["config"]["OnBuild"] == ["RUN x"]


@pytest.mark.parametrize("line", ["", "RUN x", "CMD [1]", 'CMD ["a"', "ENV A", "ENV =b", "ENV 'A=b", "EXPOSE x", "EXPOSE 0",
                                  "EXPOSE 9-8", "EXPOSE 80/sctpx", "USER", "WORKDIR", "LABEL x", "HEALTHCHECK NONE"])
def test_wrong_changes(store, tmp_path, line):
    path = tmp_path / "root.tar"
    path.write_bytes(ROOT)
    assert "change '" in store.refuse("import", path, f"change={line}")


def test_a_folder_like_its_tar(store, tmp_path):
    root = tmp_path / "root"
    (root / "a" / ("n" * 150)).mkdir(parents=True)
    (root / "a" / ("n" * 150) / ("m" * 120)).write_text("long")
    (root / "f").write_text("data")
    os.link(root / "f", root / "g")
    os.symlink("/etc/passwd", root / "l")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mkfifo(root / "p")
    os.chown(root / "f", 4000000, 5)
    os.setxattr(root / "f", "user.note", b"\0binary\n")
    os.setxattr(root / "a", "user.dir", b"1")
    os.chmod(root / "a", 0o1777)
    cap = bytes([1, 0, 0, 2]) + bytes([0, 4, 0, 0]) + bytes(12)
    os.setxattr(root / "f", "security.capability", cap)
    for path in (root / "f", root / "a", root / "null"):
        os.utime(path, ns=(1, 1500000000123456789))
    import socket
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "s"))
    loaded = store.run("import", root, "name=folder")
    layer = store.layer(store.run("find", "folder").one("layer"))
    assert sorted(os.listdir(layer)) == ["a", "f", "g", "l", "null", "p"]
    assert (layer / "a" / ("n" * 150) / ("m" * 120)).read_text() == "long"
    got = (layer / "f").stat()
    assert (got.st_uid, got.st_gid, got.st_ino, got.st_mtime_ns) == (4000000, 5, (layer / "g").stat().st_ino, 1500000000123456789)
    assert os.getxattr(layer / "f", "user.note") == b"\0binary\n" and os.getxattr(layer / "a", "user.dir") == b"1"
    assert os.getxattr(layer / "f", "security.capability") == cap
    assert stat.S_IMODE((layer / "a").stat().st_mode) == 0o1777 and (layer / "a").stat().st_mtime_ns == 1500000000123456789
    assert os.readlink(layer / "l") == "/etc/passwd" and stat.S_ISFIFO((layer / "p").stat().st_mode)
    again = store.run("import", root)
    assert store.run("find", again.one("image")).all("layer") == [layer.parent.name], "the same bytes each time"
    assert loaded.one("image") in store.blobs()


def test_folders_that_are_refused(store, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "d").mkdir()
    (root / "d" / ".wh.x").write_text("")
    assert "'d/.wh.x'" in store.refuse("import", root)


def test_mounts_below_a_folder_are_not_looked_at(store, tmp_path):
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    script = ('mount -t tmpfs none "$0/proc" && echo x > "$0/proc/seen" && shift 0 && exec "$@"')
    subprocess.run(["unshare", "-m", "sh", "-c", script, str(root), *store.command("import", root, "name=m")], check=True,
                   stdout=subprocess.DEVNULL)
    assert os.listdir(store.layer(store.run("find", "m").one("layer")) / "proc") == []


def test_hostile_tars_are_refused_like_layers(store, canary):
    for layer in (tar(("../x", "y")), tar(("/x", "y")), ROOT[:700], b"x" * 2000):
        assert store.refuse("import", "-", input=layer)
    planted = tar(entry("etc", tarfile.SYMTYPE, linkname=str(canary)), ("etc/file", "overwritten"))
    store.run("import", "-", input=planted)
