"""What `images`, `history`, `inspect` and `ps` print, with and without templates: Docker and Podman are the oracle.

One archive of two images with fixed dates goes to all; ids are those of the configurations and hence equal. What
cannot be equal is made so by `same`: widths of columns (Docker 20.10 pads to 20 characters, later ones and Corten
to 10), and Docker's own fields.
"""
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "image"))

from archives import tar  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")).resolve()
TIMEOUT_S = 60
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def layer(**files):
    return tar(*files.items())


def config(layers, created, history, run):
    return {"created": created, "author": "A. Uthor", "architecture": MACHINE, "os": "linux", "config": run,
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(one).hexdigest() for one in layers]},
            "history": history}


def step(created, by, comment="", **more):
    return {"created": created, "created_by": by, **({"comment": comment} if comment else {}), **more}


def archive(path):
    base, top = layer(one="1" * 20000, two="2" * 100), layer(three="3" * 3000)
    images = [
        (["box:base", "example.com:5000/team/box:1.0"], [base],
         config([base], "2019-02-03T04:05:06Z", [step("2019-02-03T04:05:06Z", "/bin/sh -c #(nop) ADD file:x in / ", "the base")],
                {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin:/usr/bin"], "Labels": None})),
        (["box:latest"], [base, top],
         config([base, top], "2020-03-04T05:06:07.123456789Z",
                [step("2019-02-03T04:05:06Z", "/bin/sh -c #(nop) ADD file:x in / "),
                 step("2020-03-04T05:06:06Z", "/bin/sh -c a\tline that is longer than forty-five characters can be && true"),
                 step("2020-03-04T05:06:07Z", '/bin/sh -c #(nop)  CMD ["-c" "echo"]', empty_layer=True)],
                {"Cmd": ["-c", "echo <&>"], "Entrypoint": ["/bin/sh"], "Env": ["A=b", "PATH=/bin"], "User": "app",
                 "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}}, "WorkingDir": "/srv",
                 "Labels": {"com.example.colour": "red", "tier": "back"}, "StopSignal": "SIGQUIT"})),
    ]
    entries = []
    with tarfile.open(path, "w") as whole:
        def add(name, data):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            whole.addfile(entry, io.BytesIO(data))
        for names, layers, document in images:
            text = json.dumps(document).encode()
            name = hashlib.sha256(text).hexdigest() + ".json"
            add(name, text)
            files = []
            for one in layers:
                files.append(hashlib.sha256(one).hexdigest() + "/layer.tar")
                if files[-1] not in whole.getnames():
                    add(files[-1], one)
            entries.append({"Config": name, "RepoTags": names, "Layers": files})
        add("manifest.json", json.dumps(entries).encode())


class Corten:
    def __init__(self, folder):
        self.env = {**os.environ, "CORTEN_ROOT": str(folder / "root"), "CORTEN_STATE": str(folder / "state"),
                    "CORTEN_LIBEXEC": str(BIN), "TZ": "UTC"}

    def attempt(self, *words):
        return subprocess.run([BIN / "corten", *words], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=TIMEOUT_S, check=False)

    def __call__(self, *words):
        done = self.attempt(*words)
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture(scope="module")
def corten(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("loading images makes namespaces: it needs root")
    folder = tmp_path_factory.mktemp("corten")
    archive(folder / "both.tar")
    engine = Corten(folder)
    engine("load", "-q", "-i", folder / "both.tar")
    return engine


@pytest.fixture(scope="module")
def docked(docker):
    archive(docker.scratch / "both.tar")
    docker("load", "-q", "-i", "/scratch/both.tar")
    yield docker
    docker("rmi", "-f", "box:latest", "box:base", "example.com:5000/team/box:1.0")


@pytest.fixture(scope="module")
def poddled(podman):
    archive(podman.scratch / "both.tar")
    podman("load", "-q", "-i", "/scratch/both.tar")
    yield podman
    podman("rmi", "-f", "localhost/box:latest", "localhost/box:base", "example.com:5000/team/box:1.0")


def same(text):
    """Lines with columns three spaces apart; Docker writes `<` as \\u003c in some JSON and not in other."""
    return [re.sub(r" {3,}", "   ", line).strip().replace("\\u003c", "<").replace("\\u003e", ">") for line in text.splitlines()]


IMAGES = [
    ["--filter", "reference=box"], ["--no-trunc", "--filter", "reference=box"], ["-q", "box"], ["-q", "--no-trunc", "box"],
    ["--digests", "box"], ["--filter", "reference=b*:l*"], ["--filter", "reference=example.com:5000/*/*"],
    ["--filter", "reference=*/*"], ["--filter", "label=tier"], ["--filter", "label=tier=back", "--filter", "label=tier=front"],
    ["--filter", "label=com.example.colour=red"], ["--filter", "before=box:latest"], ["--filter", "since=box:base", "box"],
    ["--filter", "dangling=true", "box"], ["box:base"], ["bo"], ["example.com:5000/team/box"],
    ["--format", "{{.ID}} {{.Repository}} {{.Tag}} {{.Digest}} {{.CreatedSince}} {{.CreatedAt}} {{.Size}}", "box"],
    ["--format", "table {{.Repository}}\\t{{.Tag}}\\t{{upper .ID}}\\t{{.CreatedAt}}", "box"],
    ["--format", "{{json .}}", "box"], ["--format", "{{.Repository}}\\n{{.Tag | printf \"%-8s|\"}}", "box"],
    ["--format", "literal", "box"], ["-q", "--format", "{{.Tag}}", "box"],
    ["--format", "{{if eq .Tag \"latest\"}}{{.ID}}{{else}}-{{end}}", "box"],
]


@pytest.mark.parametrize("words", IMAGES, ids=" ".join)
def test_images(corten, docked, words):
    want, got = docked("images", *words), corten("images", *words)
    # Docker goes through a hash table of an image's names; what another test has left is no matter.
    assert sorted(same(got)) == sorted(same(want))


HISTORY = [
    [], ["--no-trunc"], ["-q"], ["-q", "--no-trunc"], ["--human=false"], ["-H=false", "--no-trunc"],
    ["--format", "{{.ID}}|{{.CreatedSince}}|{{.CreatedAt}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}"],
    ["--format", "table {{.Size}}\\t{{.Comment}}"], ["--format", "{{json .}}"],
]


@pytest.mark.parametrize("image", ["box:latest", "box:base"])
@pytest.mark.parametrize("words", HISTORY, ids=lambda words: " ".join(words) or "plain")
def test_history(corten, docked, words, image):
    assert same(corten("history", *words, image)) == same(docked("history", *words, image))


INSPECT = [
    "{{.Id}}", "{{.RepoTags}}", "{{json .RepoTags}}", "{{json .RepoDigests}}", "{{.Comment}}|{{.Author}}|{{.Parent}}",
    "{{.Created}}", "{{.Architecture}}/{{.Os}}{{.Variant}}", "{{.RootFS.Type}} {{len .RootFS.Layers}}", "{{json .RootFS}}",
    "{{json .RootFS.Layers}}", "{{.Config.Cmd}} {{.Config.Entrypoint}} {{.Config.Env}}", "{{json .Config.Cmd}}",
    "{{json .Config.Labels}}", "{{index .Config.Labels \"tier\"}}", "{{index .Config.Labels \"none\"}}|", "{{.Config.Labels.tier}}",
    "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "{{range .Config.Env}}{{println .}}{{end}}",
    "{{range $p, $_ := .Config.ExposedPorts}}{{$p}} {{end}}", "{{join .Config.Cmd \",\"}}", "{{.Config.User}}|{{.Config.WorkingDir}}",
    "{{if .Config.Entrypoint}}has{{else}}has not{{end}}", "{{with .Config}}{{.StopSignal}}{{end}}", "{{len .Id}}",
    "{{.Config.OnBuild}}{{.Config.Healthcheck}}{{.Config.Shell}}", "{{(index .RootFS.Layers 0)}}",
    "{{split .Id \":\"}}", "{{title .Os}} {{upper .Os}} {{lower .Os}}", "{{truncate .Id 12}}", "{{printf \"%.19s|%d|%v\" .Id 7 true}}",
    "{{slice .Id 7 19}}", "{{eq .Os \"linux\"}} {{ne .Os \"linux\"}} {{and .Os .Comment}} {{or .Comment .Os}} {{not .Os}}",
    "{{pad .Os 2 3}}|", "{{- .Os -}} x", "{{/* nothing */}}x", "{{$x := .Os}}{{$x}}{{$.Os}}", "{{print 1 2 .Os 3}}", "\\n{{.Os}}",
]
WRONG = [
    "{{.Foo}}", "{{.Config.Foo}}", "{{.Os.Foo}}", "{{index .RootFS.Layers 9}}", "{{nothing .}}", "{{.Id", "{{if .Id}}", "{{end}}",
    "{{join .Id \",\"}}", "{{range .Os}}{{end}}", "{{len 3}}", "{{$x}}", "{{.Id)}}", "{{json}}", "{{eq .Os 1}}", "{{}}",
]


@pytest.mark.parametrize("image", ["box:latest", "box:base"])
@pytest.mark.parametrize("template", INSPECT)
def test_inspect(corten, docked, template, image):
    words = ("inspect", "--type", "image", "--format", template, image)
    assert corten(*words) == docked(*words)
    words = ("image", "inspect", "--format", template, image)
    assert corten(*words) == docked(*words)


@pytest.mark.parametrize("template", WRONG)
def test_inspect_with_a_wrong_template(corten, docked, template):
    """The same place and reason, as far as Docker tells them without Go's types."""
    got = corten.attempt("image", "inspect", "--format", template, "box:latest")
    want = docked.attempt("image", "inspect", "--format", template, "box:latest")
    assert got.returncode == want.returncode and "template parsing error: template: :1" in got.stderr, got
    told = re.search(r"executing \"\" at <.*?>: .*?(?= in type|$)|template: :1: (.*)$", want.stderr.strip())
    reason = told.group(1) or told.group(0)
    assert got.stdout.strip() == want.stdout.strip() == ""
    for word in re.findall(r"<[^>]*>|\"[^\"]+\"|[a-z']{4,}", reason):
        assert word in got.stderr, (word, want.stderr, got.stderr)


def test_inspect_of_nothing(corten, docked):
    for words in (["inspect", "absent"], ["inspect", "--format", "{{.Id}}", "absent"], ["image", "inspect", "absent"],
                  ["inspect", "--format", "{{.Id}}", "box:base", "absent"]):
        got, want = corten.attempt(*words), docked.attempt(*words)
        assert (got.returncode, got.stdout) == (want.returncode, want.stdout), words


def test_the_keys_of_inspect(corten, docked):
    """Docker's keys that mean something here; those that are left out are Docker's own."""
    got = json.loads(corten("image", "inspect", "box:latest"))[0]
    want = json.loads(docked("image", "inspect", "box:latest"))[0]
    left_out = {"Container", "ContainerConfig", "DockerVersion", "VirtualSize", "Metadata"}
    assert set(want) - set(got) == left_out and set(got) <= set(want)
    for key in set(got) - {"Config", "GraphDriver", "Size"}:
        assert got[key] == want[key], key


TREE = r"^(Image ID: \w+|Tags:     \[.*\]|Size:     .*|Image Layers|[├└]── ID: \w+ Size: +\S+( Top Layer of: \[.*\])?|)$"


def test_podmans_words(corten, poddled):
    """history and inspect of Podman by Docker's names; `image exists`, `image tree`."""
    for template in ("{{.Id}}", "{{.Architecture}}", "{{.Config.Cmd}}", "{{index .Config.Labels \"tier\"}}", "{{len .RootFS.Layers}}"):
        got = corten("image", "inspect", "--format", template, "box:latest")
        assert got.removeprefix("sha256:") == poddled("image", "inspect", "--format", template, "localhost/box:latest")
    for name, status in (("box:latest", 0), ("box", 0), ("absent", 1)):
        done = corten.attempt("image", "exists", name)
        theirs = poddled.attempt("image", "exists", name if status else "localhost/box:latest")
        assert (done.returncode, done.stdout, done.stderr) == (status, "", "") and theirs.returncode == status
    got, want = corten("image", "tree", "box:latest").splitlines(), poddled("image", "tree", "localhost/box:latest").splitlines()
    assert len(got) == len(want)
    for ours, theirs in zip(got, want):
        assert re.match(TREE, ours) and re.match(TREE, theirs), (ours, theirs)


PS = ["{{.ID}} {{.Image}} {{.Command}} {{.State}} {{.Names}} {{len .Labels}}|{{.Ports}}|{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}",
      "{{.Label \"colour\"}} {{.Label \"none\"}}|", "table {{.Names}}\\t{{.Label \"com.example.some-thing\"}}\\t{{.Image}}",
      "{{.Names}}: {{if eq .State \"created\"}}new{{end}}", "{{upper .Names}} {{truncate .ID 4}}", "{{.Size}}"]


@pytest.mark.parametrize("template", PS)
def test_ps(corten, docked, template):
    words = ["create", "--name", "shown", "--label", "colour=red", "--label", "com.example.some-thing=x y", "--network", "none",
             "-v", "/tmp:/mnt/a-name-that-is-long", "box:base", "sh", "-c", "echo a line longer than twenty"]
    ids = [engine(*words).strip() for engine in (corten, docked)]
    try:
        def shown(engine, own):
            text = engine("ps", "-a", "--format", template)
            for cut in (12, 4):
                text = text.replace(own[:cut], "ID"[:cut])
            return same(text)
        assert shown(corten, ids[0]) == shown(docked, ids[1])
    finally:
        corten("rm", "-f", "shown")
        docked("rm", "-f", "shown")


# --- image diff ---

def tree_layer(*entries):
    """Name and content, None for a folder, ("link", target); names as the image specification has whiteouts."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, what, *more in entries:
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.mode = 1_500_000_000, 0o755
            for key, value in (more[0] if more else {}).items():
                setattr(entry, key, value)
            data = b""
            if what is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(what, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, what[1]
            else:
                data = what.encode()
                entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


# Podman 4.3 fails at a file that becomes a folder, tells of a file that a layer has once more unchanged, and of an opaque
# folder as deleted: tests/engine/images_test.py has these.
DIFFED = [
    tree_layer(("etc", None), ("etc/kept", "k"), ("etc/gone", "g"), ("etc/changed", "old"), ("deep", None), ("deep/a", None),
               ("deep/a/b", None), ("deep/a/b/file", "x"), ("to-file", None), ("to-file/inner", "i"), ("link", ("link", "etc")), ("mode", "m"),
               ("removed", None), ("removed/inner", "i"), ("untouched", None), ("untouched/x", "x")),
    tree_layer(("etc", None), ("etc/.wh.gone", ""), ("etc/changed", "new!"), ("etc/added", "a"), ("deep", None), ("deep/a", None),
               ("deep/a/b", None), ("deep/a/b/more", "y"), ("to-file", "now"), ("link", ("link", "deep/a")),
               ("mode", "m", {"mode": 0o600}), (".wh.removed", ""), ("fresh", None), ("fresh/sub", None), ("fresh/sub/file", "f")),
    tree_layer(("etc", None), ("etc/gone", "back again"), ("fresh", None), ("fresh/.wh.sub", "")),
]


def diff_archive(path, count, name):
    layers = DIFFED[:count]
    document = json.dumps(config(layers, "2020-03-04T05:06:07Z", [step("2020-03-04T05:06:07Z", str(i)) for i in range(count)], {})).encode()
    image = hashlib.sha256(document).hexdigest() + ".json"
    files = [f"{hashlib.sha256(one).hexdigest()}/layer.tar" for one in layers]
    with tarfile.open(path, "w") as tar:
        for file, data in ((image, document), *zip(files, layers), ("manifest.json", json.dumps([
                {"Config": image, "RepoTags": [name], "Layers": files}]).encode())):
            entry = tarfile.TarInfo(file)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


@pytest.fixture(scope="module")
def stacks(corten, podman, tmp_path_factory):
    for count in (1, 2, 3):
        path = podman.scratch / f"stack{count}.tar"
        diff_archive(path, count, f"stack:{count}")
        corten("load", "-q", "-i", path)
        podman("load", "-q", "-i", f"/scratch/{path.name}")
    yield podman
    podman("rmi", "-f", *(f"localhost/stack:{count}" for count in (1, 2, 3)))


@pytest.mark.parametrize("images", [("1",), ("2",), ("3",), ("2", "1"), ("3", "1"), ("3", "2"), ("1", "2"), ("1", "3"), ("2", "2")],
                         ids="-".join)
def test_image_diff(corten, stacks, images):
    got = corten("image", "diff", *(f"stack:{one}" for one in images)).splitlines()
    want = stacks("image", "diff", *(f"localhost/stack:{one}" for one in images)).splitlines()
    assert sorted(got) == sorted(want)
    assert len(got) == len(set(got)) and (images == ("2", "2")) == (got == [])
    places = {line[2:]: at for at, line in enumerate(got)}
    for path, at in places.items():
        parent = path.rpartition("/")[0]
        assert parent not in places or places[parent] < at, "a folder comes before what is in it"


def test_image_diff_as_json(corten, stacks):
    lists = json.loads(corten("image", "diff", "--format", "json", "stack:2"))
    lines = corten("image", "diff", "stack:2").splitlines()
    assert {key: sorted(value) for key, value in lists.items()} == {
        key: sorted(line[2:] for line in lines if line[0] == letter) for key, letter in
        (("changed", "C"), ("added", "A"), ("deleted", "D"))}
    theirs = json.loads(stacks("image", "diff", "--format", "json", "localhost/stack:2"))
    assert {key: sorted(value) for key, value in lists.items()} == {key: sorted(value) for key, value in theirs.items()}
