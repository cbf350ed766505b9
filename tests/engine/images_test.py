"""The commands over images, and `--format` wherever it is."""
import io
import json
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("lib", "image")]

from archives import config, docker_archive, files_tar, sha, tar  # noqa: E402
from engine import engine, make_engine  # noqa: E402,F401


def layer(**files):
    return tar(*files.items())


BASE, TOP, OTHER = layer(a="a" * 5000), layer(b="b" * 700), layer(c="c" * 90)


def archive(layers, names, created="2020-01-02T03:04:05Z", history=None, labels=None):
    """What `docker save` writes of one image."""
    document = config(layers, created=created, config={"Cmd": ["sh"], "Labels": labels},
                      history=history or [{"created": created, "created_by": f"step {i}"} for i in range(len(layers))])
    return sha(document), files_tar(docker_archive(layers, names, document))


@pytest.fixture
def cli(engine):  # noqa: F811
    """The engine with no image but `bb`."""
    yield engine
    engine.clear()
    for image in set(engine("images", "-q", "--no-trunc").ok().split()):
        if engine("image", "inspect", "--format", "{{.RepoTags}}", image).ok() != "[bb:latest]\n":
            engine("rmi", "-f", image).ok()


def load(cli, *words, **more):
    image, data = archive(*words, **more)
    path = cli.folder / "one.tar"
    path.write_bytes(data)
    cli("load", "-q", "-i", path).ok()
    return image


def names(cli, *words):
    return cli("images", "--format", "{{.Repository}}:{{.Tag}}", *words).ok().split()


# --- ls ---

def test_ls_filters(cli):
    old = load(cli, [BASE], ["team/one:1", "team/one:2"], created="2019-01-01T00:00:00Z", labels={"tier": "back"})
    new = load(cli, [BASE, TOP], ["two:latest"], created="2021-01-01T00:00:00Z", labels={"tier": "front", "x": ""})
    lost = load(cli, [OTHER], [], created="2020-01-01T00:00:00Z")
    assert names(cli)[1:] == ["two:latest", "<none>:<none>", "team/one:1", "team/one:2"], "the newest first"
    for words, wanted in (
            (["reference=team/*"], ["team/one:1", "team/one:2"]), (["reference=*:1"], []), (["reference=*/*:1"], ["team/one:1"]),
            (["reference=two"], ["two:latest"]), (["dangling=true"], ["<none>:<none>"]), (["label=tier"], ["two:latest", "team/one:1", "team/one:2"]),
            (["label=tier=front"], ["two:latest"]), (["label=tier", "label=x"], ["two:latest"]), ([f"before={lost[:12]}"], ["team/one:1", "team/one:2"]),
            (["since=team/one:1", "dangling=true"], ["<none>:<none>"]), (["since=two"], ["bb:latest"]), (["until=2019-06-01T00:00:00Z"], ["team/one:1", "team/one:2"]),
            (["reference=two", "reference=team/one:2"], ["two:latest", "team/one:2"])):
        assert names(cli, *(word for one in words for word in ("--filter", one))) == wanted, words
    assert names(cli, "team/one") == ["team/one:1", "team/one:2"]
    assert cli("images", "-q", "--no-trunc", "team/one").ok() == f"sha256:{old}\n", "an id once"
    assert cli("images", "-q", "two").ok() == new[:12] + "\n"
    cli("images", "--filter", "before=absent").failed("absent")
    cli("images", "--filter", "dangling=perhaps").failed("dangling=perhaps")
    cli("images", "--filter", "size=1").failed("invalid filter 'size': there are reference, dangling, ")


def test_ls_tables(cli):
    image = load(cli, [BASE], ["one:1"])
    head, row = cli("images", "one").ok().splitlines()
    assert head.split("   ")[0] == "REPOSITORY" and re.fullmatch(rf"one +1 +{image[:12]} +\d+ years ago +5kB", row), row
    assert cli("images", "--digests", "one").ok().splitlines()[0].split() == ["REPOSITORY", "TAG", "DIGEST", "IMAGE", "ID", "CREATED", "SIZE"]
    assert cli("images", "--format", "table {{.ID}}\\t{{.Tag}}", "one").ok() == f"IMAGE ID       TAG\n{image[:12]}   1\n"
    row = json.loads(cli("images", "--format", "json", "one").ok())
    assert (row["Repository"], row["Tag"], row["ID"], row["Size"]) == ("one", "1", image[:12], "5kB")
    cli("images", "--format", "{{.Nope}}").failed("can't evaluate field Nope in type image: Containers")
    cli("images", "--format", "{{").failed("unclosed action")
    assert cli("images", "--format", "", "one").ok() == cli("images", "one").ok()


# --- history, tree, untag, exists ---

def test_history(cli):
    load(cli, [BASE, TOP], ["one"], history=[
        {"created": "2020-01-02T03:04:05Z", "created_by": "first\tstep"}, {"created_by": "none", "empty_layer": True},
        {"created": "nonsense", "created_by": "x" * 60 + "\x1b[2J", "comment": "last"}])
    rows = cli("history", "--format", "{{.ID}}|{{.CreatedSince}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}", "one").ok().splitlines()
    assert re.fullmatch(r"[0-9a-f]{12}\|N/A\|x{44}…\|700B\|last", rows[0]), rows
    assert rows[1] == "<missing>|N/A|none|0B|" and re.fullmatch(r"<missing>\|\d+ years ago\|first step\|5kB\|", rows[2]), rows
    assert "\x1b" not in cli("history", "--no-trunc", "one").ok()
    assert "5000" in cli("history", "-H=false", "one").ok() and "2020-01-02T03:04:05Z" in cli("history", "--human=false", "one").ok()
    assert cli("history", "-q", "one").ok().splitlines()[1:] == ["<missing>"] * 2
    cli("history", "absent").failed("absent")


def test_history_that_says_less_than_there_is(cli):
    load(cli, [BASE, TOP], ["one"], history=[{"created_by": "only"}])
    assert cli("history", "--format", "{{.CreatedBy}}:{{.Size}}", "one").ok().splitlines() == [":700B", "only:5kB"]


def test_tree(cli):
    base = load(cli, [BASE], ["base"])
    load(cli, [BASE, TOP], ["one"])
    load(cli, [BASE, TOP, OTHER], ["two"])
    load(cli, [BASE, OTHER], ["three"])
    told = cli("image", "tree", "two").ok().splitlines()
    assert told[1:4] == ["Tags:     [two:latest]", "Size:     5.79kB", "Image Layers"]
    assert [line.split(" Size: ")[1].split() for line in told[4:7]] == [
        ["5kB", "Top", "Layer", "of:", "[base:latest]"], ["700B", "Top", "Layer", "of:", "[one:latest]"], ["90B", "Top", "Layer", "of:", "[two:latest]"]]
    assert [line[:4] for line in told[4:7]] == ["├── ", "├── ", "└── "]
    told = cli("image", "tree", "--whatrequires", base).ok().splitlines()
    assert len([line for line in told[4:] if line]) == 3 and sum(line.startswith(("├── ", "└── ")) for line in told) == 2


def test_untag_and_exists(cli):
    image = load(cli, [BASE], ["one:1", "one:2", "one:3"])
    cli("untag", "one:1", "one:2").ok()
    assert names(cli, "one") == ["one:1", "one:3"]
    cli("untag", "one:1", "one:3", "bb").failed("'bb' is no name of image")
    assert names(cli, "one") == ["one:1", "one:3"], "all or nothing"
    assert cli("image", "untag", "one:1").ok() == "" and names(cli, "one") == []
    assert cli("image", "exists", image).status == 0
    done = cli("image", "exists", "one:1")
    assert (done.status, done.out, done.err) == (1, "", "")


# --- diff ---

def layer_of(*entries):
    """Name and content; None is a folder, ("link", target) a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, what in entries:
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.mode = 1_500_000_000, 0o755
            if what is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(what, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, what[1]
            else:
                entry.size = len(what)
            tar.addfile(entry, io.BytesIO(what.encode() if isinstance(what, str) else b""))
    return out.getvalue()


def test_diff_of_kinds_and_contents(cli):
    base = layer_of(("a", None), ("a/same", "1"), ("a/sneaky", "1"), ("a/link", ("link", "x")), ("turns", "file"), ("b", None), ("b/x", "x"))
    top = layer_of(("a", None), ("a/same", "1"), ("a/sneaky", "2"), ("a/link", ("link", "y")), ("turns", None), ("turns/into", "a folder"))
    load(cli, [base, top], ["one"])
    load(cli, [base], ["base"])
    wanted = ["C /a", "C /a/link", "C /a/sneaky", "C /turns", "A /turns/into"]
    assert cli("image", "diff", "one").ok().splitlines() == wanted, "what agrees in size and time is read"
    assert cli("image", "diff", "one", "base").ok().splitlines() == wanted
    assert cli("image", "diff", "base", "one").ok().splitlines() == ["C /a", "C /a/link", "C /a/sneaky", "C /turns"]
    assert cli("image", "diff", "base").ok().splitlines() == [
        "A /a", "A /a/link", "A /a/same", "A /a/sneaky", "A /b", "A /b/x", "A /turns"]
    cli("image", "diff", "one", "absent").failed("absent")
    cli("image", "diff", "--format", "yaml", "one").failed("yaml")


def test_diff_of_whiteouts(cli):
    base = layer_of(("o", None), ("o/one", "1"), ("o/two", "2"), ("o/sub", None), ("o/sub/x", "x"), ("gone", None), ("gone/x", "x"))
    top = layer_of(("o", None), ("o/.wh..wh..opq", ""), ("o/two", "22"), ("o/sub", None), (".wh.gone", ""))
    again = layer_of(("gone", None), ("gone/y", "y"))
    load(cli, [base, top, again], ["three"])
    load(cli, [base, top], ["two"])
    load(cli, [base], ["one"])
    assert cli("image", "diff", "two").ok().splitlines() == ["D /gone", "C /o", "D /o/one", "C /o/sub", "D /o/sub/x", "C /o/two"]
    assert cli("image", "diff", "three").ok().splitlines() == ["A /gone", "A /gone/y"]
    assert cli("image", "diff", "three", "one").ok().splitlines()[:3] == ["C /gone", "D /gone/x", "A /gone/y"]


def test_diff_of_hostile_trees(cli):
    """Links lead nowhere, whatever stands where; depth has its end; names are shown as they are."""
    base = layer_of(("etc", ("link", "/etc")), ("up", ("link", "../../../..")), ("d", None), ("d/x", "1"))
    top = layer_of(("etc", None), ("etc/passwd", "mine"), ("up", None), ("up/x", "1"), ("d", ("link", "/etc")), ("new\nline", "x"))
    load(cli, [base, top], ["one"])
    told = cli("image", "diff", "one").ok()
    assert "A /etc/passwd" in told and "hostname" not in told and "A /up/x" in told and "C /d\n" in told
    assert "\\n" in cli("image", "diff", "--format", "json", "one").ok()
    deep = layer_of(*(("/".join(["d"] * depth), None) for depth in range(1, 300)))
    load(cli, [deep], ["deep"])
    cli("image", "diff", "deep").failed("deeper than 256")


# --- mount ---

def in_namespace(cli, script, *flags):
    """A shell in a mount namespace of its own; `corten` is the program."""
    script = f'corten() {{ {cli.argv()[0]} "$@"; }}; set -e; {script}'
    return subprocess.run(["unshare", "--mount", *flags, "sh", "-c", script], env=cli.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def test_mount_in_a_namespace_of_ones_own(cli):
    image = load(cli, [BASE, TOP], ["two"])
    load(cli, [BASE], ["one"])
    done = in_namespace(cli, "d=$(corten image mount two); test -n \"$d\"; ls $d; cat $d/b | wc -c; touch $d/new || echo refused; "
                             "test $d = $(corten image mount two); grep $d /proc/self/mountinfo | wc -l; corten image mount one two; "
                             "corten image mount; corten image unmount two; ls $d; corten image umount --all; corten image mount")
    assert done.returncode == 0, done
    path = str(cli.state / "mounts" / image)
    lines = done.stdout.splitlines()
    assert lines[:5] == ["a", "b", "700", "refused", "1"], lines
    assert lines[6] == f"two {path}" and f"two:latest {path}" in lines[7:9]
    assert lines[9] == image and len(lines) == 11, "nothing is left in it, and nothing mounted"
    assert path not in Path("/proc/self/mountinfo").read_text()


def test_mount_is_refused_where_others_would_see_it(cli):
    cli("image", "mount", "bb").failed("host's mount namespace", "unshare --mount")
    assert "appears in other namespaces" in in_namespace(cli, "corten image mount bb", "--propagation", "shared").stderr
    assert cli("image", "mount").ok() == ""
    cli("image", "unmount", "bb").failed("is not mounted here", status=1)
    cli("image", "unmount").failed("--all", status=125)
    cli("image", "mount", "absent").failed("absent", status=1)
    assert str(cli.state) not in Path("/proc/self/mountinfo").read_text()


# --- verify ---

def test_verify(cli):
    image = load(cli, [BASE, TOP], ["one"])
    assert cli("image", "verify", "one").ok() == "one: ok\n"
    assert "one:latest: ok\n" in cli("image", "verify").ok() and "bb:latest: ok\n" in cli("image", "verify").ok()
    document = cli.root / "blobs" / "sha256" / image
    text = document.read_bytes()
    document.write_bytes(text.replace(b"step 1", b"step 2"))
    done = cli("image", "verify", "one", "bb")
    assert done.status == 1 and f"one: configuration sha256:{image} has the digest sha256:" in done.out and "bb: ok\n" in done.out
    document.unlink()
    assert f"configuration sha256:{image} is missing" in cli("image", "verify", "one").out
    document.write_bytes(text)
    folder = cli.root / "layers" / sha(TOP)
    folder.rename(cli.root / "aside")
    done = cli("image", "verify")
    assert done.status == 1 and f"one:latest: layer sha256:{folder.name} is missing\n" in done.out
    (cli.root / "aside").rename(folder)
    assert cli("image", "verify", "one").ok() == "one: ok\n"
    cli("image", "verify", "absent").failed("absent", status=1)


# --- rm, prune ---

def test_rm_flags(cli):
    load(cli, [BASE], ["one:1", "one:2"])
    assert cli("rmi", "--ignore", "absent").ok() == "" and cli("rmi", "--no-prune", "one:1").ok() == "Untagged: one:1\n"
    cli("rmi", "absent").failed("absent", status=1)
    cli("rmi").failed("--all", status=125)
    cli("rmi", "--all", "one:2").failed("--all", status=125)


def test_rm_all():
    made = make_engine()
    try:
        load(made, [BASE], ["one:1", "one:2"])
        load(made, [TOP], [])
        made("create", "--name", "keeps", "bb").ok()
        made("image", "rm", "--all").failed("is used by container")
        assert names(made) == ["bb:latest"]
        made("rm", "keeps").ok()
        assert "Untagged: bb:latest" in made("rmi", "-a", "-f").ok() and names(made) == []
    finally:
        made.close()


def done(would):
    return would.replace("Images that would be deleted", "Deleted Images").replace("Space that would be reclaimed", "Total reclaimed space")


def test_prune(cli):
    lost = load(cli, [BASE, TOP], [], created="2019-01-01T00:00:00Z", labels={"keep": "no"})
    named = load(cli, [BASE], ["one"], created="2020-01-01T00:00:00Z")
    assert cli("image", "prune", stdin="").ok() == (
        "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] Total reclaimed space: 0B\n")
    for refused in (["--filter", "label=keep=yes"], ["--filter", "label!=keep"], ["--filter", "until=2018-01-01T00:00:00Z"]):
        assert cli("image", "prune", "-f", *refused).ok() == "Total reclaimed space: 0B\n", refused
    wanted = f"Deleted Images:\ndeleted: sha256:{lost}\n\nTotal reclaimed space: 700B\n"
    told = cli("image", "prune", "--dry-run").ok()
    assert told.startswith("Images that would be deleted:\n") and done(told) == wanted
    assert cli("image", "exists", lost).status == 0
    assert cli("image", "prune", stdin="y\n").ok().endswith("[y/N] " + wanted)
    assert cli("image", "exists", lost).status == 1 and cli("image", "exists", named).status == 0
    layers = {one.name for one in (cli.root / "layers").iterdir()}
    assert sha(BASE) in layers and sha(TOP) not in layers


def test_prune_all(cli):
    used = cli("image", "inspect", "--format", "{{.Id}}", "bb").ok().strip()
    cli("create", "--name", "user", "bb").ok()
    one = load(cli, [BASE, TOP], ["one:1", "one:2"])
    two = load(cli, [BASE], ["two"])
    told = cli("image", "prune", "--all", "--dry-run").ok()
    told = done(told)
    assert cli("image", "prune", "-a", "-f").ok() == told
    assert sorted(told.splitlines()[1:-2]) == sorted([
        "untagged: one:1", "untagged: one:2", f"deleted: sha256:{one}", "untagged: two:latest", f"deleted: sha256:{two}"])
    assert told.endswith("Total reclaimed space: 5.7kB\n") and cli("images", "-q", "--no-trunc").ok().strip() == used
    assert "without at least one container" in cli("image", "prune", "-a", stdin="n\n").ok()


# --- system df ---

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def size(text):
    number, unit = re.fullmatch(r"([\d.]+)([kMG]?B).*", text).groups()
    return float(number) * UNITS[unit]


def df(cli):
    rows = [json.loads(line) for line in cli("system", "df", "--format", "json").ok().splitlines()]
    return {row["Type"]: row for row in rows}


def test_df_explains_every_byte(cli):
    load(cli, [BASE, TOP], ["one"])
    load(cli, [BASE, OTHER], [])
    cli.detached("dd if=/dev/zero of=/big bs=100000 count=10 2>/dev/null; sleep 100", "--name", "writer")
    cli("create", "--name", "idle", "bb").ok()
    (cli.root / "trash" / "old").mkdir()
    (cli.root / "trash" / "old" / "file").write_bytes(b"x" * 30000)
    (cli.root / "staging" / "0123").mkdir()
    (cli.root / "staging" / "0123" / "file").write_bytes(b"x" * 60000)
    (cli.root / "staging" / "0123.lock").touch()
    (cli.root / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"{}")
    end = time.monotonic() + 10
    while size(df(cli)["Containers"]["Size"]) < 1e6 and time.monotonic() < end:
        time.sleep(0.1)
    rows = df(cli)
    assert list(rows) == ["Images", "Containers", "Documents", "Unfinished", "Trash", "Database", "Other"]
    du = int(subprocess.run(["du", "-sB1", cli.root], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0])
    total = sum(size(row["Size"]) for row in rows.values())
    # Sizes for people have three digits.
    assert abs(total - du) < 0.006 * du, (total, du, rows)
    assert (rows["Images"]["TotalCount"], rows["Images"]["Active"]) == ("3", "1")
    assert (rows["Containers"]["TotalCount"], rows["Containers"]["Active"]) == ("2", "1")
    assert size(rows["Trash"]["Size"]) >= 30000 and rows["Trash"]["Reclaimable"].endswith("(100%)")
    assert size(rows["Unfinished"]["Size"]) >= 60000 and rows["Unfinished"]["Reclaimable"].endswith("(100%)")
    assert rows["Documents"]["TotalCount"] == "4" and rows["Documents"]["Active"] == "3"
    cli("rm", "-f", "writer", "idle").ok()
    for left in ("trash/old", "staging/0123"):
        subprocess.run(["rm", "-r", cli.root / left], check=False)
    for left in ("staging/0123.lock", "blobs/sha256/" + "0" * 64):
        (cli.root / left).unlink(missing_ok=True)


def test_df_says_what_is_shared(cli):
    load(cli, [BASE, TOP], ["one"])
    load(cli, [BASE], ["two"])
    told = cli("system", "df", "-v").ok()
    rows = {line.split()[0]: re.split(r" {3,}", line) for line in told.splitlines() if line.startswith(("one", "two"))}
    assert size(rows["two:latest"][5]) == 0 and size(rows["two:latest"][4]) == size(rows["two:latest"][3])
    assert size(rows["one:latest"][4]) + size(rows["one:latest"][5]) == pytest.approx(size(rows["one:latest"][3]), rel=0.01)
    layers = {line.split()[0]: line.split()[1] for line in told.split("Layers space usage:")[1].split("Containers")[0].splitlines()[3:] if line}
    assert layers[sha(BASE)[:12]] == "2" and layers[sha(TOP)[:12]] == "1"
    cli("system", "df", "-v", "--format", "json").failed("--format")


# --- inspect, version, info, ps ---

def test_inspect_formats(cli):
    one = cli("create", "--name", "c1", "--label", "a.b=c", "-e", "X=1", "bb", "echo", "hi").ok().strip()
    told = cli("inspect", "-f", "{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{.Path}} {{join .Args \"+\"}} {{index .Config.Labels \"a.b\"}}", "c1").ok()
    assert told == "/c1 created 0 echo hi c\n"
    assert cli("inspect", "-f", "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "c1").ok() == "none\n"
    assert cli("inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", "c1").ok().startswith("PATH=")
    assert json.loads(cli("inspect", "-f", "json", "c1").ok())[0]["Id"] == one
    assert json.loads(cli("inspect", "-f", "{{json .State}}", "c1").ok())["Running"] is False
    assert cli("inspect", "-f", "{{.Id}}", "c1", "bb:latest").ok().splitlines()[0] == one
    assert cli("inspect", "-f", "{{.SizeRw}}", "c1").ok() == "<nil>\n"
    assert re.fullmatch(r"0 \d{6,}\n", cli("inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "c1").ok())
    cli("inspect", "--type", "image", one).failed(one)
    cli("inspect", "--type", "container", "bb:latest").failed("bb:latest")
    cli("inspect", "--type", "planet", "bb").failed("planet")
    cli("inspect", "-f", "{{.Id", "c1").failed("unclosed action", status=64)
    cli("inspect", "-f", "{{.State.Statuss}}", "c1").failed('map has no entry for key "Statuss"', status=1)


def test_inspect_has_what_scripts_ask_for(cli):
    cli("create", "--name", "asked", "--add-host", "a:1.2.3.4", "--dns", "9.9.9.9", "--group-add", "12", "--oom-score-adj", "5", "bb", "true").ok()
    for template, wanted in (
            ("{{.NetworkSettings.IPAddress}}|{{len .NetworkSettings.Networks}}", "|0"), ("{{.RestartCount}} {{.Driver}} {{.Platform}}", "0 overlay linux"),
            ("{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}", "no 0"),
            ("{{.HostConfig.ExtraHosts}} {{.HostConfig.Dns}} {{.HostConfig.GroupAdd}} {{.HostConfig.OomScoreAdj}}", "[a:1.2.3.4] [9.9.9.9] [12] 5")):
        assert cli("inspect", "-f", template, "asked").ok() == wanted + "\n"


def test_image_inspect_has_dockers_keys(cli):
    image = load(cli, [BASE, TOP], ["one:1"], labels={"a": "b"})
    told = json.loads(cli("image", "inspect", "one:1").ok())[0]
    assert told["Id"] == "sha256:" + image and told["RepoTags"] == ["one:1"] and told["RepoDigests"] == []
    assert told["RootFS"]["Layers"] == ["sha256:" + sha(part) for part in (BASE, TOP)]
    assert told["GraphDriver"]["Data"]["UpperDir"].endswith(sha(TOP) + "/diff")
    assert Path(told["GraphDriver"]["Data"]["LowerDir"]).is_dir() and told["Size"] == 5700


def test_version_and_info(cli):
    version = cli("version", "-f", "{{.Server.Version}} {{.Client.Version}} {{.Version}}").ok().split()
    assert len(set(version)) == 1 and re.fullmatch(r"\d+\.\d+\.\d+", version[0])
    assert json.loads(cli("version", "--format", "json").ok())["Client"]["Os"] == "linux"
    assert cli("info", "--format", "{{.Root}}|{{.OSType}}|{{.Driver}}").ok() == f"{cli.root}|linux|overlay\n"
    assert json.loads(cli("info", "-f", "{{json .}}").ok())["Images"] >= 1
    cli("info", "-f", "{{.Nope}}").failed('no entry for key "Nope"')


def test_ps_formats(cli):
    one = cli("create", "--name", "c1", "--label", "colour=red", "-v", "/tmp:/mnt", "bb", "sh", "-c", "a b").ok().strip()
    told = cli("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Image}} {{.Command}} {{.State}} {{.Label \"colour\"}} {{.Mounts}} {{.Size}}").ok()
    assert told == f"{one} bb \"sh -c 'a b'\" created red /tmp 0B (virtual {cli('images', '--format', '{{.Size}}', 'bb').ok().strip()})\n"
    assert cli("ps", "-a", "--format", "table {{.Names}}\\t{{.Label \"colour\"}}").ok() == "NAMES     colour\nc1        red\n"
    assert cli("ps", "-as").ok().splitlines()[0].endswith("SIZE")
    assert cli("ps", "-aq", "--format", "{{.Names}}").ok() == "c1\n"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \S+\n", cli("ps", "-a", "--format", "{{.CreatedAt}}").ok())


def test_a_running_containers_size(cli):
    cli.detached("dd if=/dev/zero of=/big bs=1000 count=50 2>/dev/null; sleep 100", "--name", "writer")
    end = time.monotonic() + 10
    while "50kB" not in cli("ps", "--format", "{{.Size}}").ok() and time.monotonic() < end:
        time.sleep(0.1)
    assert cli("ps", "--format", "{{.Size}}").ok().startswith("50kB (virtual ")


def test_what_a_terminal_sees(cli):
    """An image's words do not command a terminal; what goes into a pipe is exact."""
    load(cli, [BASE], ["one"], labels={"evil": "\x1b[2J"})
    words = ("image", "inspect", "-f", "{{index .Config.Labels \"evil\"}}", "one")
    assert cli(*words).ok() == "\x1b[2J\n"
    shown = cli.terminal(*words)
    assert "?[2J" in str(shown) and "\x1b[2J" not in str(shown)
    cli("create", "--name", "c1", "--label", "evil=\x1b[2J", "bb").ok()
    words = ("ps", "-a", "--format", "{{.Label \"evil\"}}|{{.Labels}}")
    assert cli(*words).ok() == "\x1b[2J|evil=\x1b[2J\n"
    assert "\x1b[2J" not in str(cli.terminal(*words))


def test_completion_of_formats(engine):
    script = engine("completion", "bash").ok()
    check = script + "\nCOMP_WORDS=(corten images --format ''); COMP_CWORD=3; _corten; echo ${COMPREPLY[@]}\n"
    out = subprocess.run(["bash"], input=check, capture_output=True, text=True, timeout=20, check=False).stdout
    assert out.strip() == "table json"
