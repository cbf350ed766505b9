"""Archives as the field's tools write them: what is loaded, how it is laid out, under which names."""
import json
import os
import stat
import tarfile

import pytest

from archives import (OCI_INDEX, OCI_LAYER, Oci, config, docker_archive, entry, files_tar, gz, named, oci_image, sha,
                      tar, write_folder, write_tar, zstd)

ONE = tar("etc/", (entry("etc/motd"), "hello"), (entry("bin/sh", mode=0o4755), "x" * 5000))
TWO = tar("etc/", (entry("etc/.wh.motd")), (entry("srv/.wh..wh..opq")), ("srv/new", "n"))


def check(store, loaded, layers, names):
    assert loaded.all("name") == names
    found = store.run("find", names[0])
    assert found.one("image") == loaded.one("image")
    assert found.all("layer") == [sha(layer) for layer in layers]
    assert found.all("cmd") == ["sh"]
    assert found.one("created") == "1704164645"
    store.check_clean()


@pytest.mark.parametrize("pack", [lambda x: x, gz, zstd], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("outer", [lambda x: x, gz, zstd], ids=["tar", "tar.gz", "tar.zst"])
def test_docker_archive(store, tmp_path, pack, outer):
    files = docker_archive([ONE, TWO], tags=["busybox:1", "quay.io/a/b:c"], packed=[pack(ONE), pack(TWO)])
    path = tmp_path / "a.tar"
    path.write_bytes(outer(files_tar(files)))
    check(store, store.run("load", path), [ONE, TWO], ["docker.io/library/busybox:1", "quay.io/a/b:c"])


@pytest.mark.parametrize("outer", [lambda x: x, gz], ids=["tar", "tar.gz"])
def test_from_a_pipe(store, outer):
    data = outer(files_tar(docker_archive([ONE])))
    check(store, store.run("load", "-", input=data), [ONE], ["docker.io/library/test:1"])


@pytest.mark.parametrize("pack", [lambda x: x, gz, zstd], ids=["plain", "gzip", "zstd"])
def test_oci_archive_and_layout(store, tmp_path, pack):
    files = oci_image([ONE, TWO], packed=[pack(ONE), pack(TWO)])
    check(store, store.run("load", write_tar(tmp_path / "a.tar", files)), [ONE, TWO], ["docker.io/library/test:1"])
    again = store.run("load", write_folder(tmp_path / "layout", files))
    assert [event.split()[0] for event in again.all("event")] == ["known", "known"]
    manifest = json.loads(files["index.json"])["manifests"][0]["digest"]
    assert store.run("find", manifest).one("image") == again.one("image")
    assert store.run("find", "test@" + manifest).one("image") == again.one("image")


def test_layers_are_laid_out_for_overlay(store, tmp_path):
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([ONE, TWO])))
    one, two = store.layer(sha(ONE)), store.layer(sha(TWO))
    assert (one / "etc/motd").read_text() == "hello"
    assert (one / "etc/motd").stat().st_mtime == 1000000000
    assert (one / "etc").stat().st_mtime == 1000000000
    assert stat.S_IMODE((one / "bin/sh").stat().st_mode) == 0o4755
    assert stat.S_IMODE((one / "bin").stat().st_mode) == 0o755
    assert stat.S_IMODE(one.stat().st_mode) == 0o755
    whiteout = (two / "etc/motd").lstat()
    assert stat.S_ISCHR(whiteout.st_mode) and whiteout.st_rdev == 0
    assert os.getxattr(two / "srv", "trusted.overlay.opaque") == b"y"
    assert os.listdir(two / "srv") == ["new"]
    for folder in ("", "layers", "blobs", "blobs/sha256", "staging", "trash", "layers/" + sha(ONE)):
        assert stat.S_IMODE((store.root / folder).stat().st_mode) == 0o700, folder
    assert stat.S_IMODE((store.root / "corten.db").stat().st_mode) == 0o600


def test_every_kind_of_entry(store, tmp_path):
    cap = bytes([1, 0, 0, 2]) + bytes([0, 4, 0, 0]) + bytes(12)
    layer = tar(
        entry("d/", tarfile.DIRTYPE, mode=0o2751, uid=7, gid=8), (entry("d/f", uid=1000, gid=1001), "data"),
        entry("hard", tarfile.LNKTYPE, linkname="d/f"), entry("soft", tarfile.SYMTYPE, linkname="/etc/passwd", uid=5),
        entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666), entry("loop", tarfile.BLKTYPE, devmajor=7),
        entry("pipe", tarfile.FIFOTYPE, mode=0o600), ("x" * 200 + "/" + "y" * 100, "long"),
        (entry("cap", pax_headers={"SCHILY.xattr.security.capability": cap.decode("latin-1"),
                                   "SCHILY.xattr.user.note": "kept", "SCHILY.xattr.trusted.overlay.redirect": "/",
                                   "SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.security.selinux": "t"}), "c"),
        (entry("frac", pax_headers={"mtime": "1234567890.5"}), ""), entry("./", tarfile.DIRTYPE, mode=0o711, mtime=5))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    root = store.layer(sha(layer))
    assert root.stat().st_mtime == 5 and stat.S_IMODE(root.stat().st_mode) == 0o711
    folder = (root / "d").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o2751, 7, 8)
    file = (root / "d/f").stat()
    assert (file.st_uid, file.st_gid, file.st_nlink, file.st_ino) == (1000, 1001, 2, (root / "hard").stat().st_ino)
    assert os.readlink(root / "soft") == "/etc/passwd" and (root / "soft").lstat().st_uid == 5
    # Below a setgid folder files get its group, unless told otherwise.
    assert (root / "frac").stat().st_gid == 0 and (root / "frac").stat().st_mtime_ns == 1234567890500000000
    null = (root / "null").stat()
    assert stat.S_ISCHR(null.st_mode) and null.st_rdev == os.makedev(1, 3) and stat.S_IMODE(null.st_mode) == 0o666
    assert stat.S_ISBLK((root / "loop").stat().st_mode) and stat.S_ISFIFO((root / "pipe").stat().st_mode)
    assert (root / ("x" * 200) / ("y" * 100)).read_text() == "long"
    names = set(os.listxattr(root / "cap"))
    assert os.getxattr(root / "cap", "security.capability") == cap
    assert names - {"user.note"} == {"security.capability"}


def test_sparse_files(store, tmp_path):
    import subprocess
    source = tmp_path / "s"
    source.mkdir()
    with open(source / "sparse", "wb") as file:
        for at in range(40):
            file.seek(at * 100000)
            file.write(b"%d" % at * 100)
        file.truncate(5000001)
    want = (source / "sparse").read_bytes()
    for form in (["--format=gnu"], *(["--format=pax", f"--sparse-version={v}"] for v in ("0.0", "0.1", "1.0"))):
        layer = subprocess.run(["tar", "-cS", *form, "-C", source, "sparse"], stdout=subprocess.PIPE, check=True).stdout
        assert len(layer) < 1000000, "tar did not see the holes"
        store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
        file = store.layer(sha(layer)) / "sparse"
        assert file.read_bytes() == want, form
        assert file.stat().st_blocks * 512 < 1000000, form


def test_the_last_entry_wins(store, tmp_path):
    layer = tar(("a", "one"), ("a", "two"), "d/", ("d/f", "x"), ("d", "file now"), ("e", "file"), "e/", ("e/g", "y"),
                entry("l", tarfile.SYMTYPE, linkname="e"), ("l/h", "z"))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    root = store.layer(sha(layer))
    assert (root / "a").read_text() == "two" and (root / "d").read_text() == "file now"
    assert (root / "e/g").read_text() == "y" and not (root / "e/h").exists()
    assert not (root / "l").is_symlink() and (root / "l/h").read_text() == "z"


def test_whiteouts_and_entries_of_one_layer(store, tmp_path):
    layer = tar(".wh.a", "a/", ("a/f", "1"), "b/", ("b/f", "2"), ".wh.b", ("c", "3"), ".wh.c",
                ".wh.d", ("d/e/f", "4"), ".wh.g", ("g", "5"), "h/", "h/.wh..wh..plnk", ".wh..wh..opq")
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    root = store.layer(sha(layer))
    for name in ("a", "b", "d", "."):
        assert os.getxattr(root / name, "trusted.overlay.opaque") == b"y", name
    assert (root / "a/f").read_text() + (root / "b/f").read_text() + (root / "d/e/f").read_text() == "124"
    assert (root / "c").read_text() + (root / "g").read_text() == "35"
    assert list((root / "h").iterdir()) == []
    assert "trusted.overlay.opaque" not in os.listxattr(root / "h")


def test_platform_of_an_index(store, tmp_path):
    oci = Oci()
    both = [dict(oci.manifest([layer], config([layer], architecture=arch)), platform={"os": "linux", "architecture": arch})
            for layer, arch in ((ONE, "amd64"), (TWO, "arm64"))]
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": both + [
        dict(both[0], platform={"os": "unknown", "architecture": "unknown"})]}, OCI_INDEX)
    path = write_tar(tmp_path / "a.tar", oci.index(named(index, "multi:1")))
    assert store.run("load", path, "platform=linux/arm64").one("name") == "docker.io/library/multi:1"
    assert store.run("find", "multi:1").one("platform") == "linux/arm64"
    store.run("load", path, "platform=linux/amd64")
    store.run("load", path)
    own = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    assert store.run("find", "multi:1").one("platform") == f"linux/{own}"
    assert store.run("find", "multi:1").all("layer") == [sha(ONE)]
    error = store.refuse("load", path, "platform=linux/riscv64")
    assert "linux/riscv64" in error and "linux/amd64" in error


def test_names(store, tmp_path):
    oci = Oci()
    path = write_tar(tmp_path / "a.tar", oci.index(named(oci.manifest([ONE]), "latest")))
    assert store.run("load", path).all("name") == ["localhost/latest:latest"]
    assert store.run("load", path, "name=mine").all("name") == ["docker.io/library/mine:latest"]
    today = oci.manifest([ONE])
    today["annotations"] = {"org.opencontainers.image.ref.name": "latest",
                            "io.containerd.image.name": "docker.io/library/busybox:latest"}
    files = oci.index(today)
    files.update({"manifest.json": docker_archive([TWO])["manifest.json"]})
    loaded = store.run("load", write_tar(tmp_path / "b.tar", files))
    assert loaded.all("name") == ["docker.io/library/busybox:latest"], "the side with digests is read"


def test_links_between_layers_of_an_old_archive(store, tmp_path):
    files = docker_archive([ONE, TWO], Layers=["a/layer.tar", sha(TWO) + "/layer.tar"])
    path = tmp_path / "a.tar"
    path.write_bytes(tar(*[(entry(name), data) for name, data in files.items()],
                         entry("a/layer.tar", tarfile.SYMTYPE, linkname=f"../{sha(ONE)}/layer.tar")))
    assert store.run("load", path).all("name") == ["docker.io/library/test:1"]


def test_an_image_without_layers(store, tmp_path):
    loaded = store.run("load", write_tar(tmp_path / "a.tar", oci_image([])))
    found = store.run("find", loaded.one("image"))
    assert found.all("layer") == [] and found.one("size") == "0"
    store.run("rm", "test:1")
    store.check_clean()


def test_several_gzip_members(store, tmp_path):
    half = len(ONE) // 2
    packed = gz(ONE[:half]) + gz(ONE[half:])
    assert store.run("load", write_tar(tmp_path / "a.tar", oci_image([ONE], packed=[packed]))).all("name")
    assert (store.layer(sha(ONE)) / "etc/motd").read_text() == "hello"


def test_progress_is_told(store, tmp_path):
    layer = tar((entry("big"), os.urandom(5 << 20)))
    path = write_tar(tmp_path / "a.tar", docker_archive([layer]))
    events = [e.split() for e in store.run("load", path, env={**os.environ, "PROGRESS": "1"}).all("event")]
    assert events[0][0] == "layer" and events[-1][0] == "done"
    steps = [int(e[-2]) for e in events if e[0] == "progress"]
    assert len(steps) >= 4 and steps == sorted(steps) and steps[-1] <= len(layer)
    assert {e[-1] for e in events} == {str(len(layer))}


def test_many_layers(store, tmp_path):
    layers = [tar((f"f{i}", str(i))) for i in range(60)]
    store.run("load", write_tar(tmp_path / "a.tar", oci_image(layers, packed=[gz(x) for x in layers], media_type=OCI_LAYER + "+gzip")))
    assert store.run("find", "test:1").all("layer") == [sha(x) for x in layers]


def test_one_image_under_two_names(store, tmp_path):
    oci = Oci()
    manifest = oci.manifest([ONE])
    path = write_tar(tmp_path / "a.tar", oci.index(named(manifest, "a:1"), named(manifest, "b:2")))
    loaded = store.run("load", path)
    assert loaded.all("name") == ["docker.io/library/a:1", "docker.io/library/b:2"]
    assert len(store.run("list").all("image")) == 1
    store.check_clean()


@pytest.mark.parametrize("text, seconds", [
    ("2024-01-02T05:04:05+02:00", 1704164645), ("2024-01-01T22:04:05.123456789-05:00", 1704164645),
    ("2024-01-02T03:04:05Z", 1704164645), ("soon", 0), ("", 0), ("2024-01-02T03:04:05", 0)])
def test_times(store, tmp_path, text, seconds):
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([], image_config=config([], created=text))))
    assert store.run("find", "test:1").one("created") == str(seconds)
