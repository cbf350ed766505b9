#!/usr/bin/python3
"""Makes the images that the store forms are compared on, out of Debian's packages, as layers of gzip.

  images.py FOLDER       makes FOLDER/layers/DIFF-ID.tar.gz and FOLDER/images.json; what is there stays

app      a minimal Debian as the release has it, and a layer of Python, numpy and git
web      the same first layer, and a layer of nginx, PHP and git
app-new  app made anew: the first layer with all updates in it, and the same packages on it
next     app's packages on the release after it
flat-1, flat-10, flat-100   app's files in so many layers, package by package, each with dpkg's database

Needs root, debootstrap and a Debian mirror (tools/debian-source).
"""
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
APP = ["python3", "python3-numpy", "python3-requests", "git", "curl", "ca-certificates"]
WEB = ["nginx-light", "php-cli", "git", "curl", "ca-certificates"]
CLEAN = """apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt/term.log
"""


def run(*argv, **kinds):
    return subprocess.run([str(word) for word in argv], check=True, stdin=subprocess.DEVNULL, **kinds)


def in_root(root, script):
    """Runs a script in the root, with /proc, in a mount namespace of its own."""
    run("unshare", "-m", "--propagation", "private", "sh", "-ec",
        'mount -t proc proc "$0/proc"; exec chroot "$0" sh -ec "$1"', root, script, stdout=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})


def sources(mirror, suite, updates):
    lines = [f"deb {mirror} {suite} main"]
    if updates:
        security = mirror.rsplit("/", 1)[0] + "/debian-security"
        lines += [f"deb {mirror} {suite}-updates main", f"deb {security} {suite}-security main"]
    return "\n".join(lines) + "\n"


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.layers = folder / "layers"
        self.roots = folder / "roots"
        self.cache = folder / "cache"
        for path in (self.layers, self.roots, self.cache):
            path.mkdir(parents=True, exist_ok=True)
        self.mirror, self.suite = subprocess.check_output([TOP / "tools/debian-source"], text=True).split()

    def base(self, name, suite, updates):
        root = self.roots / name
        if root.exists():
            return root
        part = root.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        run("unshare", "-m", "--propagation", "private", "debootstrap", "--variant=minbase",
            f"--cache-dir={self.cache.resolve()}", suite, part, self.mirror, stdout=subprocess.DEVNULL)
        (part / "etc/apt/sources.list").write_text(sources(self.mirror, suite, updates))
        (part / "etc/apt/apt.conf.d/99images").write_text(
            'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\nAPT::Sandbox::User "root";\n')
        policy = part / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        if updates:
            in_root(part, "apt-get -qq update; apt-get -qq dist-upgrade -y\n" + CLEAN)
        else:
            in_root(part, CLEAN)
        part.rename(root)
        return root

    def add(self, base, name, packages):
        root = self.roots / name
        if root.exists():
            return root
        part = root.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        run("cp", "-a", base, part)
        in_root(part, f"apt-get -qq update; apt-get -qq install -y {' '.join(packages)}\n" + CLEAN)
        part.rename(root)
        return root

    def pack(self, root, names):
        """A layer of these names, which must be in order; returns its diff-id."""
        tar = self.folder / "layer.tar"
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=security.capability",
                        "--no-recursion", "--null", "--verbatim-files-from", "-C", root, "-cf", tar, "-T", "-"],
                       input="\0".join(names), text=True, check=True)
        with open(tar, "rb") as file:
            diff_id = hashlib.file_digest(file, "sha256").hexdigest()
        with open(self.layers / f"{diff_id}.tar.gz", "wb") as out:
            run("gzip", "-nc", tar, stdout=out)
        tar.unlink()
        return diff_id


def everything(root):
    """Each name beneath the root with what tells whether a layer changed it."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            found[os.path.relpath(path, root)] = (
                st.st_mode, st.st_uid, st.st_gid, kind == stat.S_IFREG and (st.st_size, st.st_mtime_ns),
                kind == stat.S_IFLNK and os.readlink(path))
    return found


def with_parents(names):
    whole = set()
    for name in names:
        while name:
            whole.add(name)
            name = os.path.dirname(name)
    return sorted(whole)


def changed(base, root):
    """What a layer on base has to hold; packages that are added delete nothing that would matter here."""
    before, after = everything(base), everything(root)
    return with_parents(name for name, what in after.items() if before.get(name) != what)


def by_package(root, count):
    """All names in `count` parts: what belongs to no package first, then packages in turn."""
    parts = [[] for _ in range(count)]
    left = set(everything(root))
    for number, path in enumerate(sorted((root / "var/lib/dpkg/info").glob("*.list"))):
        for line in path.read_text().splitlines():
            folder = os.path.realpath(f"{root}/{os.path.dirname(line)}")
            name = os.path.relpath(f"{folder}/{os.path.basename(line)}", root)
            if name in left and not (root / name).is_dir():
                parts[1 + number % (count - 1) if count > 1 else 0].append(name)
                left.discard(name)
    parts[0] += left
    return [with_parents([*part, "var/lib/dpkg/status"]) for part in parts]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    if (folder / "images.json").exists():
        return
    maker = Maker(folder)
    base = maker.base("base", maker.suite, updates=False)
    fresh = maker.base("base-new", maker.suite, updates=True)
    later = maker.base("base-next", "trixie", updates=False)
    app = maker.add(base, "app", APP)
    base_id, images = maker.pack(base, sorted(everything(base))), {}
    images["app"] = [base_id, maker.pack(app, changed(base, app))]
    for name, below, packages in (("web", base, WEB), ("app-new", fresh, APP), ("next", later, APP)):
        root = maker.add(below, name, packages)
        lowest = base_id if below == base else maker.pack(below, sorted(everything(below)))
        images[name] = [lowest, maker.pack(root, changed(below, root))]
    for count in (1, 10, 100):
        images[f"flat-{count}"] = [maker.pack(app, names) for names in by_package(app, count)]
    (folder / "images.json").write_text(json.dumps(images, indent=1) + "\n")
    shutil.rmtree(maker.roots)


main()
