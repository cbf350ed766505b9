"""What the store believes of the program that read hostile bytes: nothing it did not check itself."""
import json
import os
import subprocess
import textwrap

import pytest

from archives import config, sha
from conftest import PROGRAM, TOOL

RECORD = 744  # bytes of struct wire_record
DONE, IMAGE, NAME, END = 2, 4, 5, 7

# A program in the place of corten-image: what it prepares in its folder and reports.
ROGUE = """#!/usr/bin/python3
import os, struct, sys
SIZE = {size}
def record(kind, text=b"", more=b"", done=0):
    os.write(4, (struct.pack("<IIqq", kind, 0, done, 0) + text.ljust(65, b"\\0") + more).ljust(SIZE, b"\\0"))
def layer(diff_id):
    os.makedirs(f"{{STAGING}}/layers/{{diff_id}}/diff", exist_ok=True)
def blob(name, data):
    os.makedirs(f"{{STAGING}}/blobs", exist_ok=True)
    open(f"{{STAGING}}/blobs/{{name}}", "wb").write(data)
if sys.argv[1] != "clean":
    STAGING = os.readlink("/proc/self/fd/3")
{body}
"""


@pytest.fixture
def rogue(store, tmp_path):
    def make(body):
        program = tmp_path / "rogue"
        program.write_text(ROGUE.format(size=RECORD, body=textwrap.indent(textwrap.dedent(body), "    ")))
        program.chmod(0o755)
        command = [str(TOOL), str(store.root), str(program), "load", "/dev/null"]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, text=True, errors="replace")
        assert list((store.root / "staging").iterdir()) == []
        return done
    return make


SANITIZED = PROGRAM.parent.name.endswith("-asan")
CONFIG = config([])
LAYER = "a" * 64
OTHERS = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "c" * 64, "size": 2, "mediaType": "x"}, "layers": []}).encode()
WITH_LAYER = json.dumps({**json.loads(CONFIG), "rootfs": {"type": "layers", "diff_ids": ["sha256:" + LAYER]}}).encode()


def test_the_frame_of_these_tests_works(store, rogue):
    done = rogue(f"""
        layer("{LAYER}")
        open(STAGING + "/layers/{LAYER}/opaque", "wb").write(b"\\0")
        blob("{sha(WITH_LAYER)}", {WITH_LAYER!r})
        record({DONE}, b"{LAYER}")
        record({IMAGE}, b"{sha(WITH_LAYER)}")
        record({NAME}, b"good:1")
        record({END})
        """)
    assert done.returncode == 0, done.stdout
    assert store.run("find", "good:1").all("layer") == [LAYER]
    assert os.getxattr(store.layer(LAYER), "trusted.overlay.opaque") == b"y"


@pytest.mark.parametrize("body", [
    'record(99)', 'record(5, b"x")', 'os.write(4, b"short")', 'pass', 'record(4, b"../../x")', 'record(4, b"A" * 64)',
    'record(2, b"../../../../etc")', 'record(2, b"a" * 64, done=-1)', 'record(2, b"a" * 64); record(7)',
    'record(4, b"a" * 64); record(7)', 'record(4, b"a" * 64, b"..".ljust(65, b"\\0")); record(7)',
    'blob("a" * 64, b"[]"); record(4, b"a" * 64); record(7)',
    'blob("a" * 64, b"{}"); record(4, b"a" * 64, b"b" * 64); record(7)',
    # Documents that are not what their names say, and a manifest of another image's.
    f'blob("a" * 64, {CONFIG!r}); record(4, b"a" * 64); record(5, b"bad:1"); record(7)',
    f'blob("{sha(CONFIG)}", {CONFIG!r}); blob("b" * 64, b"{{}}"); record(4, b"{sha(CONFIG)}", b"b" * 64); record(5, b"bad:1"); record(7)',
    f'blob("{sha(CONFIG)}", {CONFIG!r}); blob("{sha(OTHERS)}", {OTHERS!r}); record(4, b"{sha(CONFIG)}", b"{sha(OTHERS)}"); record(5, b"bad:1"); record(7)',
    'os.kill(os.getpid(), 9)', 'record(7); sys.exit(3)', 'record(6, b"\\xff" * 65, b"\\xff" * 600)'])
def test_wrong_reports(store, rogue, body):
    done = rogue(body)
    assert done.returncode == 1 and "\nerror " in "\n" + done.stdout, done.stdout
    store.check_clean()


@pytest.mark.parametrize("body", [
    # A layer's folder, its tree, the list of opaque folders, or a document that is a link to the host.
    'os.makedirs(STAGING + "/layers"); os.symlink(HOST, STAGING + "/layers/" + LAYER)',
    'os.makedirs(STAGING + "/layers/" + LAYER); os.symlink(HOST, STAGING + "/layers/" + LAYER + "/diff")',
    'layer(LAYER); os.symlink(HOST + "/file", STAGING + "/layers/" + LAYER + "/opaque")',
    'os.symlink(HOST, STAGING + "/layers")',
    'layer(LAYER); os.unlink(STAGING + "/blobs/" + ID); os.symlink(HOST + "/file", STAGING + "/blobs/" + ID)',
    'layer(LAYER); os.mknod(STAGING + "/layers/" + LAYER + "/opaque", 0o20600, os.makedev(1, 3))',
    'layer(LAYER); os.unlink(STAGING + "/blobs/" + ID); os.mknod(STAGING + "/blobs/" + ID, 0o20600, os.makedev(1, 3))',
    'layer(LAYER); os.unlink(STAGING + "/blobs/" + ID); os.mkfifo(STAGING + "/blobs/" + ID)',
    'os.makedirs(STAGING + "/layers"); open(STAGING + "/layers/" + LAYER, "w")'])
def test_links_in_place_of_results(store, rogue, canary, body):
    done = rogue(f"""
        HOST, LAYER, ID = {str(canary)!r}, {LAYER!r}, {sha(WITH_LAYER)!r}
        blob(ID, {WITH_LAYER!r})
        {body}
        record({DONE}, LAYER.encode())
        record({IMAGE}, ID.encode())
        record({NAME}, b"bad:1")
        record({END})
        """)
    assert done.returncode == 1 and "\nerror " in "\n" + done.stdout, done.stdout
    store.check_clean()


@pytest.mark.parametrize("where", ["layers/{layer}/opaque", "blobs/{image}"])
def test_devices_are_not_opened(store, rogue, where):
    """A number that no driver has: to open it says so."""
    path = where.format(layer=LAYER, image=sha(WITH_LAYER))
    done = rogue(f"""
        layer("{LAYER}")
        blob("{sha(WITH_LAYER)}", {WITH_LAYER!r})
        path = STAGING + "/{path}"
        os.path.exists(path) and os.unlink(path)
        os.mknod(path, 0o20600, os.makedev(240, 77))
        record({DONE}, b"{LAYER}")
        record({IMAGE}, b"{sha(WITH_LAYER)}")
        record({END})
        """)
    assert done.returncode == 1 and "of the wrong kind" in done.stdout, done.stdout


def test_sizes_can_be_added_up(store, rogue):
    done = rogue(f"""
        layer("{LAYER}")
        blob("{sha(WITH_LAYER)}", {WITH_LAYER!r})
        record({DONE}, b"{LAYER}", done=1 << 62)
        record({IMAGE}, b"{sha(WITH_LAYER)}")
        record({END})
        """)
    assert done.returncode == 1 and "\nerror " in "\n" + done.stdout, done.stdout
    store.check_clean()


def test_it_has_nothing_to_say_to_the_terminal(rogue, capfd):
    done = rogue(f"""
        for fd in (1, 2):
            os.write(fd, b"LEAK")
        record({END})
        """)
    said = capfd.readouterr()
    assert "LEAK" not in done.stdout
    assert SANITIZED or "LEAK" not in said.err


@pytest.mark.parametrize("paths", ["link", "../../../../..", "/", "link/.."])
def test_opaque_folders_elsewhere(store, rogue, canary, paths):
    done = rogue(f"""
        layer("{LAYER}")
        os.symlink({str(canary)!r}, STAGING + "/layers/{LAYER}/diff/link")
        open(STAGING + "/layers/{LAYER}/opaque", "wb").write({paths!r}.encode() + b"\\0")
        blob("{sha(WITH_LAYER)}", {WITH_LAYER!r})
        record({DONE}, b"{LAYER}")
        record({IMAGE}, b"{sha(WITH_LAYER)}")
        record({END})
        """)
    assert "trusted.overlay.opaque" not in os.listxattr(canary)
    assert "trusted.overlay.opaque" not in os.listxattr(store.root)
    assert done.returncode in (0, 1)


def test_a_wrong_name_names_nothing(store, rogue):
    done = rogue(f"""
        blob("{sha(CONFIG)}", {CONFIG!r})
        record({IMAGE}, b"{sha(CONFIG)}")
        record({NAME}, b"../../x")
        record({END})
        """)
    assert done.returncode == 1 and "image name" in done.stdout
    store.check_clean()


@pytest.mark.parametrize("body, taken", [
    ('open(at + "headers.zst", "w")', True), ('os.symlink(HOST + "/file", at + "headers.zst")', False),
    ('os.mkfifo(at + "headers.zst")', False), ('os.mkdir(at + "headers.zst")', False),
    ('os.symlink(HOST, at + "kept"); open(at + "headers.zst", "w")', False),
    ('open(at + "kept", "w"); open(at + "headers.zst", "w")', False)])
def test_headers_for_a_layer_that_lacks_them(store, rogue, canary, body, taken):
    """What completes a layer of an older version is taken when it is of the right kind."""
    for more in ("", body):
        done = rogue(f"""
            HOST, at = {str(canary)!r}, f"{{STAGING}}/layers/{LAYER}/"
            layer("{LAYER}")
            {more}
            blob("{sha(WITH_LAYER)}", {WITH_LAYER!r})
            record({DONE}, b"{LAYER}")
            record({IMAGE}, b"{sha(WITH_LAYER)}")
            record({END})
            """)
        assert done.returncode == (0 if taken or not more else 1), done.stdout
    layer = store.layer(LAYER).parent
    assert sorted(os.listdir(layer)) == (["diff", "headers.zst"] if taken else ["diff"])
