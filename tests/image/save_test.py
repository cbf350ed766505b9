"""What is saved: every layer's bytes as they were loaded, the same ids, and nothing half done."""
import gzip
import io
import json
import os
import pty
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from archives import (END, docker_archive, entry, gz, oci_image, pad, pax, raw_header, sha, tar,
                      write_tar, zstd)
from conftest import BIN, Store

WITHOUT = Path(__file__).resolve().parents[1] / "lib" / "without.py"
FORMS = ["docker-archive", "oci-archive", "docker-dir", "oci-dir"]
PACKINGS = ["none", "gzip", "zstd"]
CAPABILITY = (bytes([1, 0, 0, 2]) + bytes([0, 4, 0, 0]) + bytes(12)).decode("latin-1")

ONE = tar("etc/", (entry("etc/motd"), "hello"), (entry("bin/sh", mode=0o4755), "x" * 5000))
TWO = tar("etc/", (entry("etc/.wh.motd")), (entry("srv/.wh..wh..opq")), ("srv/new", "n"))


def numbered(count, size, folder="d"):
    return [(entry(f"{folder}/f{i}"), os.urandom(size)) for i in range(count)]


def sparse_layer(tmp_path, *form):
    source = tmp_path / "sparse-source"
    source.mkdir(exist_ok=True)
    with open(source / "sparse", "wb") as file:
        for at in range(40):
            file.seek(at * 100000)
            file.write(b"%d" % at * 100)
        file.truncate(5000001)
    layer = subprocess.run(["tar", "-cS", *form, "-C", source, "sparse"], stdout=subprocess.PIPE, check=True).stdout
    assert len(layer) < 1000000, "tar did not see the holes"
    return layer


def member(name, data, **fields):
    return raw_header(name, len(data), **fields) + pad(data)


def deep(depth, data):
    """Files in folders within folders, all of which a file replaces at the end."""
    path, out = "", []
    for i in range(depth):
        path += f"n{i}/"
        out += [entry(path, tarfile.DIRTYPE), (entry(path + "f"), data + str(i))]
    return tar(*out, (entry("n0"), "file now"))


# Archives whose tree alone cannot give them back: name, bytes.
ODD = {
    "plain": ONE,
    "whiteouts": TWO,
    "every-kind": tar(
        entry("d/", tarfile.DIRTYPE, mode=0o2751, uid=7, gid=8), (entry("d/f", uid=1000, gid=1001, uname="somebody"), "data"),
        entry("hard", tarfile.LNKTYPE, linkname="d/f"), entry("soft", tarfile.SYMTYPE, linkname="/etc/passwd", uid=5),
        entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666), entry("loop", tarfile.BLKTYPE, devmajor=7),
        entry("pipe", tarfile.FIFOTYPE, mode=0o600), ("x" * 200 + "/" + "y" * 100, "long"),
        (entry("cap", pax_headers={"SCHILY.xattr.security.capability": CAPABILITY, "SCHILY.xattr.user.note": "kept",
                                   "SCHILY.xattr.trusted.overlay.redirect": "/", "comment": "nobody keeps this"}), "c"),
        (entry("frac", pax_headers={"mtime": "1234567890.5"}), ""), entry("./", tarfile.DIRTYPE, mode=0o711, mtime=5)),
    "gnu-names": tar(("x" * 90 + "/" + "y" * 150, "long"), entry("z" * 180, tarfile.SYMTYPE, linkname="w" * 200),
                     format=tarfile.GNU_FORMAT),
    "global-pax": tar((entry("a"), "1"), format=tarfile.PAX_FORMAT)[:-1024 * 9] + raw_header("g", 512, b"g") +
                  pad(b"19 comment=whatever\n" * 25) + member("b", b"2") + END,
    "twice": tar(("a", "one"), ("a", "two"), ("a", "three"), ("b", ""), ("b", "full"), ("c", "full"), ("c", "")),
    "twice-large": tar(*numbered(40, 5000), *numbered(40, 3000)),
    "twice-equal": tar(("a", "same"), ("a", "same")),
    "folder-becomes-file": tar("d/", ("d/f", "x"), ("d/e/g", "deep"), ("d", "file now"), ("d/", "")),
    "file-becomes-folder": tar(("e", "file"), "e/", ("e/g", "y"), ("h", "file"), ("h/i", "below it")),
    "link-becomes-folder": tar("e/", entry("l", tarfile.SYMTYPE, linkname="e"), ("l/h", "z"), ("l/h", "again")),
    "file-becomes-special": tar(*((f"{i}", f"content {i}") for i in range(3)), entry("0", tarfile.SYMTYPE, linkname="x"),
                                entry("1", tarfile.FIFOTYPE), entry("2", tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "hard-links-of-the-replaced": tar(
        ("a", "first"), entry("b", tarfile.LNKTYPE, linkname="a"), ("a", "second"), ("b", "third"),
        entry("c", tarfile.LNKTYPE, linkname="a"), entry("a", tarfile.LNKTYPE, linkname="c"), ("c", "fourth")),
    "hard-links-within-replaced-folders": tar(
        "d/", ("d/a", "first"), entry("e", tarfile.LNKTYPE, linkname="d/a"), entry("d/b", tarfile.LNKTYPE, linkname="d/a"),
        ("d", "now a file"), ("e", "now another")),
    "hard-link-over-a-file": tar(("a", "one"), ("b", "two"), entry("b", tarfile.LNKTYPE, linkname="a")),
    "whiteout-of-its-own": tar(".wh.a", "a/", ("a/f", "1"), "b/", ("b/f", "2"), ".wh.b", ("c", "3"), ".wh.c",
                               ".wh.d", ("d/e/f", "4"), ".wh.g", ("g", "5"), "h/", "h/.wh..wh..plnk", ".wh..wh..opq"),
    "whiteouts-with-content": tar((entry(".wh.x"), "a whiteout has none"), (entry(".wh..wh..opq"), "neither this")),
    "deep-and-replaced": deep(300, "content "),
    "replaced-again-and-again": tar(*[item for i in range(30) for item in (("d/f", f"file {i}"), ("d", f"no folder {i}"))]),
    "old-v7": member("folder/", b"", magic=bytes(8)) + member("folder/f", b"data", magic=bytes(8)) +
              member("contiguous", b"as a file", type=b"7") + END,
    "link-with-a-size": member("f", b"data") + raw_header("l", 4, b"1", link=b"f") + member("g", b"more") + END,
    "no-end-blocks": member("f", b"data"),
    "one-end-block": member("f", b"data") + bytes(512),
    "garbage-after-the-end": tar(("a", "1")) + os.urandom(300000),
    "an-archive-after-the-end": tar(("a", "1")) + tar(("a", "not read")),
    "garbage-in-padding": raw_header("f", 3) + b"abc" + b"\x55" * 509 + END,
    "garbage-in-headers": raw_header("f", 1, more=[(500, b"\x01\x02\x03")]) + pad(b"x") + END,
    "signed-sum-and-base256": raw_header("f", 0, size_field=b"\x80" + bytes(10) + b"\x05") + pad(b"12345") + END,
    "size-by-pax": pax(("size", "5")) + raw_header("f", 0) + pad(b"12345") + END,
    "only-an-end": END,
    "many-blocks-of-nothing": tar(("a", "1")) + bytes(1 << 20),
    "content-around-a-window": tar(*[(entry(f"{size}"), os.urandom(size)) for size in
                                     (1, 511, 512, 513, 131071, 131072, 131073, 400000)]),
}
SPARSE = {"gnu": ["--format=gnu"], **{f"pax-{v}": ["--format=pax", f"--sparse-version={v}"] for v in ("0.0", "0.1", "1.0")}}


class Saved:
    """What a save wrote: members by name, of an archive or a folder."""

    def __init__(self, source):
        if isinstance(source, bytes):
            with tarfile.open(fileobj=io.BytesIO(source)) as archive:
                self.members = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}
                self.names = archive.getnames()
        else:
            self.members = {str(p.relative_to(source)): p.read_bytes() for p in source.rglob("*") if p.is_file()}
        for name, data in self.members.items():
            hexes = name.removeprefix("blobs/sha256/")
            if len(hexes) == 64:
                assert sha(data) == hexes

    def json(self, name):
        return json.loads(self.members[name])

    def blob(self, descriptor):
        data = self.members["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
        assert len(data) == descriptor["size"]
        return data

    def manifests(self):
        return [json.loads(self.blob(d)) for d in self.json("index.json")["manifests"]]


def unpack(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-qdc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def save(store, *references, form="docker-archive", packing="none"):
    answer = subprocess.run(store.command("save", "-", FORMS.index(form), PACKINGS.index(packing), *references),
                            stdout=subprocess.PIPE, check=False, timeout=120)
    assert answer.returncode == 0, answer.stdout[-1000:]
    store.check_clean()
    return answer.stdout


def refuse(store, *references):
    target = store.root.parent / "refused"
    return store.refuse("save", target, 0, 0, *references)


def load(store, tmp_path, layers, tags=("test:1",), **more):
    return store.run("load", write_tar(tmp_path / "in.tar", docker_archive(layers, tags=tags, **more))).all("image")[-1]


def check_round(store, tmp_path, layer, packed=None):
    image = load(store, tmp_path, [layer], packed=packed)
    saved = Saved(save(store, "test:1"))
    assert saved.members["blobs/sha256/" + sha(layer)] == layer
    assert saved.json("manifest.json")[0]["Config"] == "blobs/sha256/" + image
    store.run("rm", "test:1")
    store.check_clean()


@pytest.mark.parametrize("name", ODD)
def test_layers_come_back_byte_for_byte(store, tmp_path, name):
    check_round(store, tmp_path, ODD[name])


@pytest.mark.parametrize("form", SPARSE)
def test_sparse_files_come_back(store, tmp_path, form):
    check_round(store, tmp_path, sparse_layer(tmp_path, *SPARSE[form]))


def test_replaced_sparse_files_come_back(store, tmp_path):
    layer = sparse_layer(tmp_path, "--format=pax", "--sparse-version=1.0")
    cut = layer[:-1024 * 9] if layer.endswith(bytes(1024 * 9)) else layer.rstrip(b"\0")
    cut += bytes(-len(cut) % 512)
    check_round(store, tmp_path, cut + tar(("sparse", "small now")))


@pytest.mark.parametrize("pack", [gz, zstd, lambda x: gz(x[:1000]) + gz(x[1000:])], ids=["gzip", "zstd", "gzip-members"])
def test_packed_layers_come_back_unpacked(store, tmp_path, pack):
    check_round(store, tmp_path, ODD["twice-large"], packed=[pack(ODD["twice-large"])])


def test_many_small_files(store, tmp_path):
    check_round(store, tmp_path, tar(*[(entry(f"d{i % 50}/f{i}"), f"content {i}") for i in range(4000)]))


def test_an_imported_folder(store, tmp_path):
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d" / "f").write_text("data")
    os.link(source / "d" / "f", source / "hard")
    os.setxattr(source / "d" / "f", "user.note", b"kept")
    image = store.run("import", source, "name=made").one("image")
    diff_id = store.run("find", "made").one("layer")
    saved = Saved(save(store, "made"))
    assert sha(saved.members["blobs/sha256/" + diff_id]) == diff_id
    assert sha(saved.members["blobs/sha256/" + image]) == image


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_into_a_second_store(store, tmp_path, form, packing):
    """The same image: its id, its names, its layers' diff-ids; whatever the form."""
    layers = [ONE, TWO, ODD["hard-links-of-the-replaced"]]
    image = load(store, tmp_path, layers, ["test:1", "quay.io/a/b:c"])
    if form == "oci-dir":
        target = tmp_path / "folder"
        target.mkdir()
        store.run("save", target, FORMS.index(form), PACKINGS.index(packing), image[:12], "test:1", "quay.io/a/b:c")
        saved = Saved(target)
    else:
        target = tmp_path / "saved.tar"
        target.write_bytes(save(store, "test:1", "quay.io/a/b:c", form=form, packing=packing))
        saved = Saved(target.read_bytes())
    kinds = {"none": "tar", "gzip": "tar+gzip", "zstd": "tar+zstd"}
    for manifest in saved.manifests():
        assert manifest["config"]["digest"] == "sha256:" + image
        assert [unpack(saved.blob(d)) for d in manifest["layers"]] == layers
        assert {d["mediaType"] for d in manifest["layers"]} == {"application/vnd.oci.image.layer.v1." + kinds[packing]}
    assert ("manifest.json" in saved.members) == (form == "docker-archive")
    second = Store(tmp_path / "second")
    loaded = second.run("load", target)
    assert set(loaded.all("image")) == {image}
    assert set(loaded.all("name")) == {"docker.io/library/test:1", "quay.io/a/b:c"}
    assert second.run("find", "test:1").all("layer") == [sha(layer) for layer in layers]
    second.check_clean()


def test_an_old_reader_of_docker_archives(store, tmp_path):
    """manifest.json alone names all that such a reader takes."""
    image = load(store, tmp_path, [ONE, TWO], ["test:1"])
    saved = Saved(save(store, "test:1"))
    (listed,) = saved.json("manifest.json")
    assert listed["RepoTags"] == ["test:1"] and listed["Config"].endswith(image)
    assert [saved.members[name] for name in listed["Layers"]] == [ONE, TWO]
    del saved.members["index.json"], saved.members["oci-layout"]
    second = Store(tmp_path / "second")
    assert second.run("load", write_tar(tmp_path / "old.tar", saved.members)).one("image") == image


def test_a_docker_dir(store, tmp_path):
    image = load(store, tmp_path, [ONE, TWO])
    target = tmp_path / "folder"
    target.mkdir()
    store.run("save", target, FORMS.index("docker-dir"), PACKINGS.index("gzip"), "test:1")
    manifest = json.loads((target / "manifest.json").read_bytes())
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert manifest["config"]["digest"] == "sha256:" + image
    assert (target / "version").read_text() == "Directory Transport Version: 1.1\n"
    layers = [(target / d["digest"].removeprefix("sha256:")).read_bytes() for d in manifest["layers"]]
    assert [gzip.decompress(data) for data in layers] == [ONE, TWO]
    load(store, tmp_path, [TWO], ["other"])
    error = store.refuse("save", target, FORMS.index("docker-dir"), 0, "test:1", "other")
    assert "one image, not 2" in error


def test_the_same_bytes_each_time(store, tmp_path):
    load(store, tmp_path, [ONE, ODD["content-around-a-window"]])
    for packing in PACKINGS:
        assert save(store, "test:1", packing=packing) == save(store, "test:1", packing=packing)


def test_the_manifest_stays_where_it_fits(store, tmp_path):
    """An image whose layers were plain is written with the manifest that it came with, to the byte."""
    files = oci_image([ONE, TWO], annotations={"org.example.note": "kept"})
    manifest = json.loads(files["index.json"])["manifests"][0]["digest"]
    store.run("load", write_tar(tmp_path / "a.tar", files))
    for form in ("docker-archive", "oci-archive"):
        (found,) = Saved(save(store, "test:1", form=form)).json("index.json")["manifests"]
        assert found["digest"] == manifest
    packed = Saved(save(store, "test:1", packing="gzip"))
    assert packed.json("index.json")["manifests"][0]["digest"] != manifest
    assert "annotations" not in packed.manifests()[0] and len(packed.manifests()[0]["layers"]) == 2
    blob = store.root / "blobs/sha256" / manifest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes().replace(b"kept", b"lost"))
    assert "manifest is damaged" in refuse(store, "test:1")


def test_which_names(store, tmp_path):
    first = load(store, tmp_path, [ONE], ["repo:1", "repo:2", "repository:1"])
    second = load(store, tmp_path, [TWO], ["repo:3"])

    def listed(*references):
        return {(item["Config"][-64:], *item["RepoTags"]) for item in Saved(save(store, *references)).json("manifest.json")}

    assert listed("repo") == {(first, "repo:1", "repo:2"), (second, "repo:3")}
    assert listed("docker.io/library/repo") == {(first, "repo:1", "repo:2"), (second, "repo:3")}
    assert listed("repo:2") == {(first, "repo:2")}
    assert listed(first[:12]) == {(first,)} == listed("sha256:" + first)
    assert listed(first, "repo:1", "repo:3", "repo:1") == {(first, "repo:1"), (second, "repo:3")}
    assert len(Saved(save(store, "repo")).manifests()) == 3
    assert "not-found" in refuse(store, "missing") and "not-found" in refuse(store, "repo", "missing:1")


def test_shared_layers_once(store, tmp_path):
    load(store, tmp_path, [ONE, TWO], ["a"])
    load(store, tmp_path, [ONE, ODD["twice"]], ["b"])
    names = Saved(save(store, "a", "b")).names
    assert names.count("blobs/sha256/" + sha(ONE)) == 1


def test_an_image_without_layers(store, tmp_path):
    store.run("load", write_tar(tmp_path / "a.tar", oci_image([])))
    saved = Saved(save(store, "test:1"))
    assert saved.json("manifest.json")[0]["Layers"] == [] and saved.manifests()[0]["layers"] == []
    second = Store(tmp_path / "second")
    (tmp_path / "b.tar").write_bytes(save(store, "test:1"))
    assert second.run("load", tmp_path / "b.tar").all("name") == ["docker.io/library/test:1"]


# --- damage ---

def damage_content(layer):
    (layer / "diff/etc/motd").write_text("HELLO")


def damage_shorter(layer):
    (layer / "diff/etc/motd").write_text("h")


def damage_missing(layer):
    (layer / "diff/etc/motd").unlink()


def damage_link(layer):
    (layer / "diff/etc/motd").unlink()
    (layer / "diff/etc/motd").symlink_to("/etc/passwd")


def damage_folder_link(layer):
    os.rename(layer / "diff/etc", layer / "diff/moved")
    (layer / "diff/etc").symlink_to("moved")


def damage_fifo(layer):
    (layer / "diff/etc/motd").unlink()
    os.mkfifo(layer / "diff/etc/motd")


def damage_headers(layer):
    data = bytearray((layer / "headers.zst").read_bytes())
    data[len(data) // 2] ^= 0xff
    (layer / "headers.zst").write_bytes(data)


def damage_headers_cut(layer):
    os.truncate(layer / "headers.zst", 100)


def damage_headers_empty(layer):
    os.truncate(layer / "headers.zst", 0)


def damage_headers_link(layer):
    os.rename(layer / "headers.zst", layer / "other")
    (layer / "headers.zst").symlink_to("other")


def damage_kept(layer):
    for file in (layer / "kept").iterdir():
        file.unlink()


@pytest.mark.parametrize("damage, words", [
    (damage_content, "changed or damaged"), (damage_shorter, "'etc/motd' is shorter"), (damage_missing, "'etc/motd'"),
    (damage_link, "'etc/motd'"), (damage_folder_link, "'etc/motd'"), (damage_fifo, "'etc/motd' is no file"),
    (damage_headers, "headers"), (damage_headers_cut, "zstd data is cut"), (damage_headers_empty, "headers are damaged"),
    (damage_headers_link, "headers.zst"), (damage_kept, "changed or damaged")])
def test_damage_is_found(store, tmp_path, damage, words):
    layer = tar(("gone", "replaced"), "etc/", (entry("etc/motd"), "hello"), ("gone", "replacing"))
    load(store, tmp_path, [layer])
    damage(store.layer(sha(layer)).parent)
    error = refuse(store, "test:1")
    assert (words in error or "zstd" in error) and sha(layer) in error, error


def test_a_damaged_configuration_is_found(store, tmp_path):
    image = load(store, tmp_path, [ONE])
    blob = store.root / "blobs/sha256" / image
    blob.write_bytes(blob.read_bytes().replace(b"PATH=/bin", b"PATH=/sys"))
    assert "configuration is damaged" in refuse(store, "test:1")


def test_layers_of_older_versions(store, tmp_path):
    """They have no headers: the error says what to do, and doing it helps, though the layer is known."""
    layer = ODD["hard-links-of-the-replaced"]
    image = load(store, tmp_path, [layer, ONE])
    folder = store.layer(sha(layer)).parent
    inode = (folder / "diff").stat().st_ino
    (folder / "headers.zst").unlink()
    error = refuse(store, "test:1")
    assert "load or pull its image again" in error and sha(layer) in error
    assert load(store, tmp_path, [layer, ONE]) == image
    assert Saved(save(store, "test:1")).members["blobs/sha256/" + sha(layer)] == layer
    assert (folder / "diff").stat().st_ino == inode, "the tree that containers may use stays"


# --- writing ---

def corten(store, *words, **options):
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(store.root.parent / "state"),
           "CORTEN_LIBEXEC": str(BIN)}
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([BIN / "corten", *map(str, words)], env=env, stderr=subprocess.PIPE, timeout=120, check=False,
                          **options)


def test_to_a_file(store, tmp_path):
    image = load(store, tmp_path, [ONE])
    target = tmp_path / "out" / "a.tar"
    target.parent.mkdir()
    for _ in range(2):  # the second replaces the first
        done = corten(store, "save", "-o", target, "test:1")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert Saved(target.read_bytes()).json("manifest.json")[0]["Config"].endswith(image)
        assert target.stat().st_mode & 0o777 == 0o600 and os.listdir(target.parent) == ["a.tar"]
        target.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert corten(store, "image", "save", "--output", link, "test:1", cwd=tmp_path).returncode == 0
    assert link.is_symlink() and Saved(target.read_bytes())
    assert corten(store, "save", "-o", "here.tar", "test:1", cwd=tmp_path / "out").returncode == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.tar", "here.tar"]


def test_to_stdout(store, tmp_path):
    load(store, tmp_path, [ONE])
    whole = save(store, "test:1")
    assert corten(store, "save", "test:1").stdout == whole
    with open(tmp_path / "redirected", "wb") as file:
        assert corten(store, "save", "test:1", stdout=file).returncode == 0
    assert (tmp_path / "redirected").read_bytes() == whole
    assert corten(store, "save", "-o", "/dev/null", "test:1").returncode == 0
    assert os.path.exists("/dev/null") and not os.path.isfile("/dev/null")
    assert corten(store, "save", "--format", "oci-archive", "-m", "-q", "test:1").stdout == save(
        store, "test:1", form="oci-archive", packing="gzip")
    assert corten(store, "save", "--compress", "test:1").stdout == save(store, "test:1", packing="gzip")
    assert corten(store, "save", "--compression-format=zstd", "test:1").stdout == save(store, "test:1", packing="zstd")


def test_a_terminal_is_refused(store, tmp_path):
    load(store, tmp_path, [ONE])
    master, slave = pty.openpty()
    done = corten(store, "save", "test:1", stdout=slave)
    os.close(slave)
    os.close(master)
    assert done.returncode == 1 and b"terminal" in done.stderr and b"-o" in done.stderr


@pytest.mark.parametrize("words, text", [
    (["save"], b"requires at least 1 argument"), (["save", "missing:1"], b"No such image: missing:1"),
    (["save", "--format", "tar", "test:1"], b"'tar'"), (["save", "--compression-format", "xz", "test:1"], b"'xz'"),
    (["save", "--format", "oci-dir", "test:1"], b"-o"),
    (["save", "--format", "docker-dir", "--compression-format", "zstd", "-o", "x", "test:1"], b"zstd"),
    (["save", "-o", "absent/x.tar", "test:1"], b"No such file"), (["save", "-o", ".", "test:1"], b"directory")])
def test_wrong_calls(store, tmp_path, words, text):
    load(store, tmp_path, [ONE])
    folder = tmp_path / "cwd"
    folder.mkdir()
    done = corten(store, *words, cwd=folder)
    assert done.returncode != 0 and text in done.stderr and done.stdout == b"", done
    assert os.listdir(folder) == []


def test_to_a_folder(store, tmp_path):
    image = load(store, tmp_path, [ONE, TWO])
    target = tmp_path / "out" / "layout"
    target.mkdir(parents=True)
    assert corten(store, "save", "--format", "oci-dir", "-o", f"{target}/", "test:1").returncode == 0
    saved = Saved(target)
    assert saved.manifests()[0]["config"]["digest"] == "sha256:" + image
    assert os.listdir(target.parent) == ["layout"]
    again = corten(store, "save", "--format", "oci-dir", "-o", target, "test:1")
    assert again.returncode == 1 and b"not empty" in again.stderr
    assert os.listdir(target.parent) == ["layout"]
    failed = corten(store, "save", "--format", "oci-dir", "-o", tmp_path / "out" / "other", "missing")
    assert failed.returncode == 1 and os.listdir(target.parent) == ["layout"]


def test_a_reader_that_goes(store, tmp_path):
    load(store, tmp_path, [tar(("big", os.urandom(4 << 20)))])
    process = subprocess.Popen(store.command("save", "-", 0, 0, "test:1"), stdout=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    store.check_clean()


@pytest.mark.parametrize("packing", ["none", "gzip"])
def test_a_full_disk(store, tmp_path, packing):
    """Nothing is left of a file that does not fit, and the old one stays."""
    load(store, tmp_path, [tar(("big", os.urandom(12 << 20)))])
    target = tmp_path / "small"
    target.mkdir()
    script = ('mount -t tmpfs -o size=8m none "$0" || exit 9; echo old > "$0/a.tar"; "$@"; echo status $?; ls -A "$0"; '
              'cat "$0/a.tar"; df --output=used "$0" | tail -1')
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(tmp_path / "state"), "CORTEN_LIBEXEC": str(BIN)}
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, target, BIN / "corten", "save", "--compression-format", packing,
                           "-o", target / "a.tar", "test:1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                          timeout=60, check=True, text=True)
    text = done.stdout
    assert "No space left" in text and "status 1\na.tar\nold\n" in text, text
    assert int(text.split()[-1]) < 100
    store.check_clean()


def wait_gone(pid):
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if open(f"/proc/{pid}/stat", encoding="ascii", errors="replace").read().split(") ")[-1][0] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} lives on")


@pytest.mark.parametrize("who", ["corten", "corten-image"])
def test_killed(store, tmp_path, who):
    """Whoever is killed: no file, no process, and the next save is whole."""
    load(store, tmp_path, [tar(("big", os.urandom(8 << 20)))])
    target = tmp_path / "out"
    target.mkdir()
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(tmp_path / "state"), "CORTEN_LIBEXEC": str(BIN)}
    interrupted = 0
    for delay_ms in (0, 2, 5, 10, 20, 40):
        process = subprocess.Popen([BIN / "corten", "save", "--compress", "-o", target / "a.tar", "test:1"], env=env,
                                   stderr=subprocess.DEVNULL)
        below = ""
        while not below and process.poll() is None:
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
                below = file.read()
        time.sleep(delay_ms / 1000)
        victim = process.pid if who == "corten" else int(below.split()[0]) if below else 0
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if process.wait(timeout=60) != 0:
            interrupted += 1
            if below:
                wait_gone(int(below.split()[0]))
            assert os.listdir(target) == [], "a half file has a name"
        for name in os.listdir(target):
            Saved((target / name).read_bytes())
            (target / name).unlink()
    assert interrupted > 0, "no attempt was interrupted: the test proves nothing"
    assert Saved(save(store, "test:1"))


def heed_signals():
    """A caller in the background of a shell ignores SIGINT, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["kill", "term", "int"])
@pytest.mark.parametrize("words", [["save", "--format", "oci-dir", "-o"], ["image", "bundle"]], ids=["oci-dir", "bundle"])
def test_a_killed_folder(store, tmp_path, words, number):
    """Of a folder that is not complete nothing stays either, though it had a name."""
    load(store, tmp_path, [tar(*[(entry(f"d{i % 7}/e/f/f{i}"), os.urandom(4000)) for i in range(2000)])])
    target = tmp_path / "out"
    target.mkdir()
    order = [target / "a", "test:1"] if "-o" in words else ["test:1", target / "a"]
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(tmp_path / "state"), "CORTEN_LIBEXEC": str(BIN)}
    process = subprocess.Popen([BIN / "corten", *words, *order], env=env, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               preexec_fn=heed_signals)
    while not os.listdir(target):
        assert process.poll() is None, "it was over too soon"
    os.kill(process.pid, number)
    assert process.wait(timeout=60) == -number
    for _ in range(1000):
        if not os.listdir(target):
            break
        time.sleep(0.01)
    assert os.listdir(target) == []


def test_where_files_need_names(store, tmp_path):
    """On a filesystem that knows no O_TMPFILE the file has a temporary name, which never stays."""
    load(store, tmp_path, [tar(("big", os.urandom(4 << 20)))])
    target = tmp_path / "out"
    target.mkdir()
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(tmp_path / "state"), "CORTEN_LIBEXEC": str(BIN)}
    command = [sys.executable, WITHOUT, "openat=EOPNOTSUPP:2&0x400000", "--", BIN / "corten", "save", "-o", target / "a.tar"]
    for _ in range(2):
        subprocess.run([*command, "test:1"], env=env, check=True, timeout=60)
        assert os.listdir(target) == ["a.tar"] and Saved((target / "a.tar").read_bytes())
    assert subprocess.run([*command, "missing"], env=env, check=False, timeout=60, stderr=subprocess.DEVNULL).returncode == 1
    assert os.listdir(target) == ["a.tar"]
    (target / "a.tar").unlink()
    process = subprocess.Popen([*command, "--compress", "test:1"], env=env, stderr=subprocess.DEVNULL)
    while not os.listdir(target):
        assert process.poll() is None, "it was over too soon"
    name = os.listdir(target)[0]
    process.kill()
    process.wait(timeout=60)
    assert name.startswith(".corten-"), "no temporary name: the filter does not work"
    for _ in range(1000):
        if not os.listdir(target):
            break
        time.sleep(0.01)
    assert os.listdir(target) == []


def test_while_it_is_removed(store, tmp_path):
    """A save that began keeps the layers until it ends."""
    load(store, tmp_path, [tar(("big", os.urandom(8 << 20)))])
    process = subprocess.Popen(store.command("save", "-", 0, 0, "test:1"), stdout=subprocess.PIPE)
    head = process.stdout.read(100000)
    store.run("rm", "test:1")
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 0
    Saved(head + rest)
    assert store.run("list").all("image") == []
    load(store, tmp_path, [ONE])  # which frees what the removal could not
    assert store.layers() == [sha(ONE)]


def test_staged_links_lead_nowhere(store, tmp_path, canary):
    """What a layer's folder holds in place of headers and kept content is opened through no link."""
    layer = ODD["twice"]
    load(store, tmp_path, [layer])
    folder = store.layer(sha(layer)).parent
    os.rename(folder / "kept", tmp_path / "elsewhere")
    (folder / "kept").symlink_to(tmp_path / "elsewhere")
    assert "replaced content" in refuse(store, "test:1")


@pytest.mark.parametrize("flag, word, known", [("--format", "docker", "docker-archive, oci-archive"), ("--compression-format", "lzma", "none, gzip, zstd")])
def test_words_that_are_none(store, tmp_path, flag, word, known):
    load(store, tmp_path, [tar(("a", "b"))])
    env = {**os.environ, "CORTEN_ROOT": str(store.root), "CORTEN_STATE": str(tmp_path / "state"), "CORTEN_LIBEXEC": str(BIN)}
    done = subprocess.run([BIN / "corten", "save", flag, word, "-o", tmp_path / "a.tar", "test:1"], env=env, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and f"'{word}': there are {known}".encode() in done.stderr
