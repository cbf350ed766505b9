"""Names, ids, removal, and what is freed when."""
import subprocess

from archives import docker_archive, config, sha, tar, write_tar

ONE, TWO, THREE = (tar((f"f{i}", str(i))) for i in range(3))


def load(store, tmp_path, layers, *tags, **more):
    return store.run("load", write_tar(tmp_path / "a.tar", docker_archive(layers, tags=tags, **more))).one("image")


def test_shared_layers_stay(store, tmp_path):
    first = load(store, tmp_path, [ONE, TWO], "a")
    second = load(store, tmp_path, [ONE, THREE], "b")
    removed = store.run("rm", "a")
    assert removed.all("untagged") == ["docker.io/library/a:latest"] and removed.one("deleted") == first
    assert store.layers() == sorted([sha(ONE), sha(THREE)]) and store.blobs() == [second]
    store.check_clean()
    store.run("rm", second[:12])
    assert store.layers() == [] and store.blobs() == []


def test_names_are_removed_one_by_one(store, tmp_path):
    image = load(store, tmp_path, [ONE], "a", "b:2")
    store.run("tag", "a", "quay.io/c/d:e")
    assert store.run("find", "quay.io/c/d:e").one("image") == image
    error = store.refuse("rm", image[:10])
    assert "conflict" in error and "3 names" in error
    assert store.run("rm", "a").all("deleted") == []
    assert "not-found" in store.refuse("find", "a")
    assert store.run("rm", "b:2").all("deleted") == []
    assert store.run("rm", "quay.io/c/d:e").one("deleted") == image
    image = load(store, tmp_path, [ONE], "a", "b:2")
    assert len(store.run("rmf", image).all("untagged")) == 2
    assert store.layers() == []


def test_a_name_moves(store, tmp_path):
    old = load(store, tmp_path, [ONE], "a")
    new = load(store, tmp_path, [TWO], "a")
    assert store.run("find", "a").one("image") == new
    assert store.run("find", old).all("name") == []
    pruned = store.run("prune")
    assert pruned.all("untagged") == [old] and store.layers() == [sha(TWO)]
    store.check_clean()


def test_ids(store, tmp_path):
    ids = [load(store, tmp_path, [ONE], image_config=config([ONE], author=str(i))) for i in range(40)]
    assert store.run("find", ids[0]).one("image") == ids[0]
    assert store.run("find", "sha256:" + ids[0][:20]).one("image") == ids[0]
    firsts = [i[0] for i in ids]
    twice = next(c for c in firsts if firsts.count(c) > 1)
    assert "ambiguous" in store.refuse("find", twice)
    load(store, tmp_path, [TWO], ids[0][:6])
    assert store.run("find", ids[0][:6]).all("layer") == [sha(TWO)], "a name wins over an id"
    assert "not-found" in store.refuse("find", "f" * 64)
    assert len(store.run("list").all("image")) == 41


def test_images_in_use(store, tmp_path):
    image = load(store, tmp_path, [ONE], "a", "b")
    assert "running container tester" in store.refuse("use", "a", "running", image, "force")
    assert store.run("use", "a", "running", "b").all("deleted") == [], "one name of two may always go"
    assert "running" in store.refuse("use", "a", "running", "a", "force")
    assert "force" in store.refuse("use", "a", "stopped", "a")
    assert store.layers() == [sha(ONE)]
    answer = store.run("use", "a", "stopped", "a", "force")
    assert answer.all("untagged") == ["docker.io/library/a:latest"] and answer.all("deleted") == []
    assert store.run("use", image, "stopped", "").all("untagged") == [], "prune leaves what is used"
    assert store.layers() == [sha(ONE)]
    assert store.run("prune").all("untagged") == [image]
    assert store.layers() == []


def test_names_that_cannot_be_given(store, tmp_path):
    load(store, tmp_path, [ONE], "a")
    for name in ("A", "a@sha256:" + "0" * 64, "0" * 64, ""):
        assert "invalid" in store.refuse("tag", "a", name)
    assert "not-found" in store.refuse("tag", "missing", "b")
    assert "2 images" in store.refuse("load", write_tar(tmp_path / "b.tar", two_images()), "name=x")


def two_images():
    import json
    one, two = docker_archive([ONE], tags=["x"]), docker_archive([TWO], tags=["y"])
    lists = json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])
    return {**one, **two, "manifest.json": json.dumps(lists).encode()}


def test_two_images_of_one_archive(store, tmp_path):
    loaded = store.run("load", write_tar(tmp_path / "a.tar", two_images()))
    assert len(loaded.all("image")) == 2 and len(loaded.all("name")) == 2


def test_loads_at_the_same_time(store, tmp_path):
    """The same layers by several processes: one tree each, no error."""
    layers = [tar(*[(f"d{i}/f{j}", "x" * 1000) for j in range(200)]) for i in range(4)]
    path = write_tar(tmp_path / "a.tar", docker_archive(layers, tags=["a"]))
    processes = [subprocess.Popen(store.command("load", path), stdout=subprocess.PIPE) for _ in range(6)]
    for process in processes:
        text, _ = process.communicate(timeout=60)
        assert process.returncode == 0, text.decode()
    assert store.run("find", "a").all("layer") == [sha(x) for x in layers]
    store.run("list")
    store.run("rm", "a")
    assert store.layers() == []
