"""Archives made to do harm: each is refused by name, or harmless; the host and the store stay as they were."""
import json
import os
import tarfile
import time

import pytest

from archives import (END, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Oci, config, docker_archive, entry,
                      gz, named, oci_image, pad, pax, raw_header, sha, tar, write_folder, write_tar, zstd)

GOOD = tar(("etc/motd", "hello"))


def refuse_layer(store, tmp_path, layer, *args):
    return store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([layer])), *args)


# 18: what a layer plants to reach the host through it.

@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_planted_links(store, tmp_path, canary, absolute):
    target = str(canary) if absolute else "../" * 30 + str(canary)[1:]
    link = entry("etc", tarfile.SYMTYPE, linkname=target)
    for step in ([("etc/file", "overwritten")], [entry("etc/.wh.file")], [entry("etc/.wh..wh..opq")],
                 [entry("etc/", tarfile.DIRTYPE, mode=0o777, uid=1)],
                 [entry("etc/file", tarfile.LNKTYPE, linkname="x")], [entry("etc/sub/", tarfile.DIRTYPE)],
                 [entry("etc/null", tarfile.CHRTYPE)], [entry("etc/l", tarfile.SYMTYPE, linkname="y")],
                 [entry("etc/file", pax_headers={"SCHILY.xattr.user.x": "y"})]):
        layer = tar("x", link, *step)
        store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
        assert not (store.layer(sha(layer)) / "etc").is_symlink()
    for step in ([entry("out", tarfile.LNKTYPE, linkname="etc/file")],
                 [entry("out", tarfile.LNKTYPE, linkname=target + "/file")]):
        assert "'out'" in refuse_layer(store, tmp_path, tar(link, *step))


def test_a_file_is_not_written_through_a_link(store, tmp_path, canary):
    layer = tar(entry("f", tarfile.SYMTYPE, linkname=str(canary / "file")), ("f", "mine"))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    assert (store.layer(sha(layer)) / "f").read_text() == "mine"


def test_a_link_as_the_way_to_a_folders_time(store, tmp_path, canary):
    layer = tar("d/", "d/sub/", ("d", "file"), entry("d", tarfile.SYMTYPE, linkname=str(canary.parent)))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    assert (store.layer(sha(layer)) / "d").is_symlink()


# 19: names, headers, devices, attributes.

@pytest.mark.parametrize("name, word", [
    ("/etc/passwd", "absolute"), ("../../etc/passwd", ".."), ("a/../../b", ".."), ("a/..", ".."), ("..", ".."),
    ("n" * 256, "255"), ("d/" * 2100, "4095"), (".wh.", "whiteout"), ("d/.wh..", "whiteout"), (".wh...", "whiteout")])
def test_names(store, tmp_path, name, word):
    layer = pax(("path", name)) + raw_header("x") + END
    error = refuse_layer(store, tmp_path, layer)
    assert word in error and "entry '" + name[:50] in error


def test_hardlinks(store, tmp_path):
    for target in ("/etc/passwd", "../x", "missing", "", "."):
        error = refuse_layer(store, tmp_path, tar("x", entry("h", tarfile.LNKTYPE, linkname=target)))
        assert "entry 'h'" in error
    assert "entry 'd'" in refuse_layer(store, tmp_path, tar("f/", entry("d", tarfile.LNKTYPE, linkname="f")))
    own = tar(("h", "kept"), entry("h", tarfile.LNKTYPE, linkname="h"))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([own])))
    assert (store.layer(sha(own)) / "h").read_text() == "kept"


def test_nul_in_a_name(store, tmp_path):
    assert "NUL" in refuse_layer(store, tmp_path, pax(("path", b"a\0b")) + raw_header("x") + END)
    assert "NUL" in refuse_layer(store, tmp_path, pax(("linkpath", b"a\0b")) + raw_header("x", type=b"2") + END)


def test_a_name_cannot_speak_to_the_terminal(store, tmp_path):
    error = refuse_layer(store, tmp_path, pax(("path", "\x1b]0;owned\x07\n\x7f/../x")) + raw_header("x") + END)
    assert "]0;owned" in error and not any(c in error for c in "\x1b\x07\n\x7f")


@pytest.mark.parametrize("layer, word", [
    (raw_header("x", size_field=b"99999999999\0") + END, "size"),
    (raw_header("x", size_field=b"\xff" * 12) + END, "size"),
    (raw_header("x", size_field=b"\x80" + b"\xff" * 11) + END, "size"),
    (raw_header("x", 5000) + b"short", "cut"),
    (raw_header("x", type=b"Q") + END, "type"),
    (raw_header("x", type=b"M") + END, "type"),
    (raw_header("") + END, "without a name"),
    (raw_header("x")[:300], "cut"),
    (bytes(512) + raw_header("x"), "zeros"),
    (b"this is no tar archive at all" * 100, "checksum"),
    (raw_header("x", uid=b"\x80\0\0\1\0\0\0\0") + END, "owner"),
    (raw_header("x", uid=b"\x80\0\0\0\xff\xff\xff\xff") + END, "owner"),
    (pax(("uid", "4294967296")) + raw_header("x") + END, "owner"),
    (pax(("gid", "4294967295")) + raw_header("x") + END, "owner"),
    (pax(("uid", "-1")) + raw_header("x") + END, "PAX record 'uid'"),
    (pax(("uid", "99999999999999999999999")) + raw_header("x") + END, "PAX record 'uid'"),
    (pax(("size", "-5")) + raw_header("x") + END, "PAX record 'size'"),
    (pax(("size", "9000000000000000000")) + raw_header("x") + END, "larger"),
    (pax(("mtime", "soon")) + raw_header("x") + END, "PAX record 'mtime'"),
    (raw_header("p", 20, b"x") + pad(b"99999 path=short\n") + END, "broken PAX"),
    (raw_header("p", 20, b"x") + pad(b"5 path=x\nmore......") + END, "PAX"),
    (raw_header("p", 2 << 20, b"x") + bytes(2 << 20) + END, "too long"),
    (raw_header("l", 1 << 20, b"L") + bytes(1 << 20) + END, "too long"),
    (raw_header("l", 5000, b"L") + pad(b"n" * 4999 + b"\0") + raw_header("x") + END, "longer than 4095"),
    (b"".join(pax(("path", "a")) for _ in range(20)) + raw_header("x") + END, "in a row"),
    (raw_header("c", type=b"3", major=b"\x80\0\0\xff\xff\xff\xff\xff") + END, "device number"),
    (pax(("SCHILY.xattr.security.capability", b"junk")) + raw_header("x") + END, "malformed security.capability"),
    (pax(("SCHILY.xattr.security.capability", b"\0\0\0\4" + bytes(16))) + raw_header("x") + END, "malformed"),
    (pax(*[(f"SCHILY.xattr.user.a{i}", "v") for i in range(129)]) + raw_header("x") + END, "too many extended"),
    (raw_header("s", type=b"2") + END, "link to nothing"),
    (raw_header("./", type=b"0", link=b"x") + END, None),
    (raw_header(".", type=b"2", link=b"x") + END, "root is not a folder"),
], ids=range(32))
def test_headers(store, tmp_path, layer, word):
    if word is None:
        store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    else:
        assert word in refuse_layer(store, tmp_path, layer)


@pytest.mark.parametrize("records, data", [
    ([("GNU.sparse.map", "0,10,5,10"), ("GNU.sparse.size", "100")], 20),            # overlap
    ([("GNU.sparse.map", "0,10,50"), ("GNU.sparse.size", "100")], 10),              # odd
    ([("GNU.sparse.map", "90,20"), ("GNU.sparse.size", "100")], 20),                # past the end
    ([("GNU.sparse.map", "0,10"), ("GNU.sparse.size", "100")], 5),                  # less data
    ([("GNU.sparse.map", "9223372036854775807,10"), ("GNU.sparse.size", "9223372036854775807")], 10),
    ([("GNU.sparse.map", "0,10")], 10),                                             # no size
    ([("GNU.sparse.numbytes", "5"), ("GNU.sparse.size", "100")], 5),                # no offset
    ([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "100")], 3),
    ([("GNU.sparse.major", "7"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "100")], 600),
])
def test_lying_sparse_maps(store, tmp_path, records, data):
    layer = pax(*records) + raw_header("x", data) + pad(b"9" * data) + END
    assert "sparse" in refuse_layer(store, tmp_path, layer)


def test_a_sparse_file_of_exabytes(store, tmp_path):
    layer = pax(("GNU.sparse.map", "0,10"), ("GNU.sparse.size", str(1 << 60))) + raw_header("x", 10) + pad(b"9" * 10) + END
    assert "larger" in refuse_layer(store, tmp_path, layer)


def test_old_sparse_headers_without_end(store, tmp_path):
    first = raw_header("x", 0, b"S", more=[(482, b"\1"), (483, b"%011o\0" % 100)])
    block = bytearray(512)
    block[504] = 1
    assert "sparse" in refuse_layer(store, tmp_path, first + bytes(block) * 1000 + END)


def test_deep_folders_are_removed(store, tmp_path):
    layer = tar(*[entry("d/" * depth, tarfile.DIRTYPE) for depth in (1000, 2000)], ("d", "file"), "d/", ("d/x", "end"))
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([layer])))
    assert os.listdir(store.layer(sha(layer)) / "d") == ["x"]
    store.run("rm", "test:1")
    store.run("clean")
    end = time.monotonic() + 60  # some filesystems take milliseconds to remove one folder
    while os.listdir(store.root / "trash") and time.monotonic() < end:
        time.sleep(0.05)
    assert os.listdir(store.root / "trash") == []


# 20: quadratic time.

def test_repeated_opaque_whiteouts(store, tmp_path):
    block = raw_header("d/.wh..wh..opq")
    layer = b"".join(raw_header(f"d/f{i}") for i in range(2000)) + block * 50000 + END
    oci = oci_image([layer], packed=[gz(layer)])
    store.run("load", write_tar(tmp_path / "a.tar", oci), timeout=30)
    assert os.getxattr(store.layer(sha(layer)) / "d", "trusted.overlay.opaque") == b"y"
    assert len(os.listdir(store.layer(sha(layer)) / "d")) == 2000


def test_folders_replaced_again_and_again(store, tmp_path):
    once = b"".join(raw_header(f"d/f{i}") for i in range(100)) + raw_header("d")
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([once * 50 + END])), timeout=30)


# 21 and 22: indexes.

def nest(oci, descriptor, depth):
    for _ in range(depth):
        descriptor = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor]}, OCI_INDEX)
    return descriptor


def test_nesting_is_bounded(store, tmp_path):
    oci = Oci()
    store.run("load", write_tar(tmp_path / "a.tar", oci.index(nest(oci, oci.manifest([GOOD]), 3))))
    assert "nested deeper" in store.refuse("load", write_tar(tmp_path / "b.tar", oci.index(nest(oci, oci.manifest([GOOD]), 9))))


def test_fan_out_is_bounded(store, tmp_path):
    oci = Oci()
    descriptor = oci.manifest([GOOD])
    wide = oci.blob({"schemaVersion": 2, "manifests": [descriptor] * 600}, OCI_INDEX)
    assert "more than 1024" in store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(wide, wide)))
    assert "more than 256 images" in store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(*[descriptor] * 300)))


def ambiguous(more):
    oci = Oci()
    document = {"schemaVersion": 2, "config": oci.blob(config([GOOD]), OCI_CONFIG),
                "layers": [oci.blob(GOOD, OCI_LAYER)], **more}
    return oci.index(oci.blob(document, OCI_MANIFEST))


@pytest.mark.parametrize("more, word", [
    ({"manifests": []}, "both"), ({"mediaType": OCI_INDEX}, "mediaType"), ({"mediaType": OCI_CONFIG}, "mediaType"),
    ({"schemaVersion": 1}, "schemaVersion"), ({"fsLayers": []}, "schema version 1"), ({"config": None}, None),
    ({"layers": "x"}, "layers")])
def test_ambiguous_manifests(store, tmp_path, more, word):
    error = store.refuse("load", write_tar(tmp_path / "a.tar", ambiguous(more)))
    assert word is None or word in error


def test_ambiguous_indexes(store, tmp_path):
    oci = Oci()
    manifest = oci.manifest([GOOD])
    for more in ({"layers": []}, {"config": {}}, {"mediaType": OCI_MANIFEST}):
        assert store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(manifest, **more)))
    as_index = oci.blob(oci.files["blobs/sha256/" + manifest["digest"][7:]], OCI_INDEX)
    assert "no index" in store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(as_index)))
    nested = nest(oci, manifest, 1)
    as_manifest = dict(nested, mediaType=OCI_MANIFEST)
    assert "no manifest" in store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(as_manifest)))


def test_large_documents(store, tmp_path):
    big = config([GOOD], comment="x" * (5 << 20))
    assert "4194304" in store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD], image_config=big)))
    assert store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD], image_config=b"[" * 100000)))


# 23: digests, sizes, ends, bombs.

def test_mismatches(store, tmp_path):
    other = tar(("etc/motd", "other"))
    error = refuse_mismatch(store, tmp_path, docker_archive([GOOD], packed=[other]))
    assert sha(GOOD) in error and sha(other) in error

    oci = Oci()
    files = oci.index(named(oci.manifest([GOOD], packed=[gz(GOOD)]), "x"))
    packed = next(k for k in files if files[k][:2] == b"\x1f\x8b")
    same_size = bytearray(files[packed])
    same_size[4] ^= 1  # a byte of the gzip header's time: the data is the same
    error = refuse_mismatch(store, tmp_path, {**files, packed: bytes(same_size)})
    assert packed[13:] in error and sha(bytes(same_size)) in error
    error = refuse_mismatch(store, tmp_path, {**files, packed: files[packed] + b"x"})
    assert str(len(files[packed])) in error and str(len(files[packed]) + 1) in error
    manifest = json.loads(files["index.json"])["manifests"][0]["digest"][7:]
    name = "blobs/sha256/" + manifest
    error = refuse_mismatch(store, tmp_path, {**files, name: files[name].replace(b"layers", b"Layers")})
    assert manifest in error
    image_config = config([GOOD])
    files = docker_archive([GOOD], Config="0" * 64 + ".json")
    files["0" * 64 + ".json"] = image_config
    error = refuse_mismatch(store, tmp_path, files)
    assert "0" * 64 in error and sha(image_config) in error


def refuse_mismatch(store, tmp_path, files):
    return store.refuse("load", write_tar(tmp_path / "a.tar", files))


@pytest.mark.parametrize("pack", [gz, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("tail", [b"x", b"\0", b"\0" * 512, b"\x1f", b"\x1f\x8b", b"trailing garbage" * 100])
def test_bytes_after_the_end(store, tmp_path, pack, tail):
    assert store.refuse("load", write_tar(tmp_path / "a.tar", oci_image([GOOD], packed=[pack(GOOD) + tail])))


@pytest.mark.parametrize("pack", [gz, zstd], ids=["gzip", "zstd"])
def test_cut_and_broken_data(store, tmp_path, pack):
    packed = pack(tar(("f", os.urandom(300000))))
    for cut in (5, 100, len(packed) // 2, len(packed) - 1):
        assert store.refuse("load", write_tar(tmp_path / "a.tar", oci_image([GOOD], packed=[packed[:cut]])))
    broken = bytearray(packed)
    broken[len(packed) // 2] ^= 0xff
    assert store.refuse("load", write_tar(tmp_path / "a.tar", oci_image([GOOD], packed=[bytes(broken)])))


def test_bombs(store, tmp_path):
    layer = pad(raw_header("zeros", 200 << 20)) + bytes(200 << 20) + END
    for pack in (gz, zstd):
        path = write_tar(tmp_path / "a.tar", oci_image([layer], packed=[pack(layer)]))
        error = store.refuse("load", path, f"max={100 << 20}")
        assert "104857600" in error
    window = b"\x28\xb5\x2f\xfd" + b"\0" + bytes([0x88]) + b"\x01\0\0"  # a frame that asks for a window of 128 MB
    assert store.refuse("load", write_tar(tmp_path / "a.tar", oci_image([b""], packed=[window])))


def test_all_layers_together_have_a_limit(store, tmp_path):
    layers = [tar((f"file{i}", bytes([65 + i]) * 60000)) for i in range(3)]
    path = write_tar(tmp_path / "a.tar", oci_image(layers))
    assert "in all layers" in store.refuse("load", path, "max=80000")
    store.run("load", write_tar(tmp_path / "b.tar", oci_image(layers[:2])), "max=80000")


def test_a_packed_layer_is_no_larger_than_an_unpacked_one_may_be(store, tmp_path):
    empty = gz(b"") * 4000  # members of nothing at all
    path = write_tar(tmp_path / "a.tar", oci_image([b""], packed=[empty]))
    error = store.refuse("load", path, "max=50000")
    assert "packed" in error and str(len(empty)) in error


def test_other_packings_are_named(store, tmp_path):
    import bz2
    import lzma
    for pack, word in ((bz2.compress, "bzip2"), (lzma.compress, "xz")):
        assert word in store.refuse("load", write_tar(tmp_path / "a.tar", oci_image([GOOD], packed=[pack(GOOD)])))


def test_a_layer_kept_elsewhere(store, tmp_path):
    oci = Oci()
    layer = oci.blob(GOOD, OCI_LAYER, urls=["http://127.0.0.1:1/layer"])
    del oci.files["blobs/sha256/" + sha(GOOD)]
    manifest = oci.blob({"schemaVersion": 2, "config": oci.blob(config([GOOD]), OCI_CONFIG), "layers": [layer]}, OCI_MANIFEST)
    assert "URLs are not followed" in store.refuse("load", write_tar(tmp_path / "a.tar", oci.index(manifest)))


# 27 and the rest: malformed images and archives.

@pytest.mark.parametrize("change", [
    {"rootfs": None}, {"rootfs": {"type": "layers"}}, {"rootfs": {"type": "other", "diff_ids": []}},
    {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 63]}}, {"rootfs": {"type": "layers", "diff_ids": ["../../x"]}},
    {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64] * 2}}, {"os": "windows"}])
def test_malformed_configurations(store, tmp_path, change):
    assert store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD], image_config=config([GOOD], **change))))


def test_too_many_layers(store, tmp_path):
    many = config([GOOD], rootfs={"type": "layers", "diff_ids": ["sha256:" + sha(GOOD)] * 501})
    assert "500" in store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD] * 501, image_config=many)))


@pytest.mark.parametrize("change", [
    {"Config": None}, {"Config": "../../etc/passwd"}, {"Config": "/etc/passwd"}, {"Config": "missing"},
    {"Layers": ["../../etc/passwd"]}, {"Layers": []}, {"Layers": ["/dev/zero"]}, {"RepoTags": ["Bad Name"]},
    {"RepoTags": ["../x"]}, {"RepoTags": ["0" * 64]}])
def test_malformed_docker_archives(store, tmp_path, change):
    assert store.refuse("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD], **change)))


def test_no_archives(store, tmp_path):
    for data, word in ((b"", "empty"), (b"x", None), (b"x" * 10000, "checksum"), (END, "no image"), (GOOD, "import")):
        path = tmp_path / "a.tar"
        path.write_bytes(data)
        for error in (store.refuse("load", path), store.refuse("load", "-", input=data)):
            assert word is None or word in error
    for member in (entry("index.json", tarfile.CHRTYPE), entry("/x"), entry("../x"),
                   entry("x", tarfile.SYMTYPE, linkname="../../x")):
        path.write_bytes(tar(member))
        assert "member" in store.refuse("load", path)
    path.write_bytes(tar(entry("index.json", tarfile.SYMTYPE, linkname="index.json")))
    assert store.refuse("load", path)


def test_links_in_a_layout_folder(store, tmp_path, canary):
    files = oci_image([GOOD])
    layout = write_folder(tmp_path / "layout", files)
    blob = layout / "blobs" / "sha256" / sha(GOOD)
    blob.rename(tmp_path / "outside")
    blob.symlink_to(tmp_path / "outside")
    assert sha(GOOD) in store.refuse("load", layout)
    blob.unlink()
    os.mkfifo(blob)
    assert "not a file" in store.refuse("load", layout)
    layout.joinpath("index.json").unlink()
    layout.joinpath("index.json").symlink_to(canary / "file")
    assert store.refuse("load", layout)


def test_a_known_layer_is_not_taken_at_its_word(store, tmp_path):
    """A layer that is in the store is not unpacked again: what the archive has under its name is not looked at."""
    store.run("load", write_tar(tmp_path / "a.tar", docker_archive([GOOD])))
    evil = docker_archive([GOOD], tags=["evil:1"], packed=[tar(("etc/motd", "evil"))])
    store.run("load", write_tar(tmp_path / "b.tar", evil))
    assert (store.layer(sha(GOOD)) / "etc/motd").read_text() == "hello"
