"""What the store and the unpacker believe of corten-remote, should that be taken over: nothing but bytes."""
import json
import os
import textwrap

import pytest

from archives import entry, oci_image, sha, tar, write_tar
from engine import BIN

ONE = tar("etc/", (entry("etc/motd"), "hello"))
TWO = tar("etc/", (entry("etc/two"), "t"))

# A program in the place of corten-remote: it answers requests as a test says.
ROGUE = """#!/usr/bin/python3
import array, os, socket, struct, sys, json
FILES = json.loads(open({files!r}).read())
sock = socket.socket(fileno=3)
def answer(request, data, echo=None, fds=1):
    ends = [os.pipe() for _ in range(fds)]
    sock.sendmsg([echo or request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r for r, w in ends]))] if fds else [])
    for r, w in ends:
        os.close(r)
        if os.fork() == 0:
            sock.close()
            try:
                os.write(w, data)
            except BrokenPipeError:
                pass
            os._exit(0)
        os.close(w)
def member(hex):
    return bytes.fromhex(FILES.get("blobs/sha256/" + hex, ""))
while True:
    request = sock.recv(4096)
    if not request:
        break
    ask, hex = struct.unpack("<I68s", request)
    hex = hex.rstrip(b"\\0").decode()
{body}
"""


@pytest.fixture
def rogue(cli):
    """Runs a pull with the body of that loop; what it gives is of the layout `files`."""
    folder = cli.folder / "rogue"
    folder.mkdir()
    for program in BIN.iterdir():
        if program.name != "corten-remote" and program.is_file():
            os.link(program, folder / program.name) if program.stat().st_dev == folder.stat().st_dev else \
                (folder / program.name).symlink_to(program)

    def run(files, body, name="127.0.0.1:1/box:1", verb="pull", template=ROGUE):
        layout = cli.folder / "layout.json"
        layout.write_text(json.dumps({k: v.hex() for k, v in files.items()}))
        program = folder / "corten-remote"
        program.write_text(template.format(files=str(layout), body=textwrap.indent(textwrap.dedent(body), "    ")))
        program.chmod(0o755)
        done = cli(verb, name, env={"CORTEN_LIBEXEC": str(folder)})
        cli.check_store()
        return done
    return run


HONEST = """
    if ask == 1:
        answer(request, bytes.fromhex(FILES["index.json"]))
    else:
        answer(request, member(hex))
"""


def test_the_frame_of_these_tests_works(cli, rogue):
    rogue(oci_image([ONE]), HONEST).ok()
    assert cli.layers() == [sha(ONE)]
    # Names in its index are nobody's: the image has the one that was asked for.
    assert [(i["Repository"], i["Tag"]) for i in cli.images()] == [("127.0.0.1:1/box", "1")]


def test_another_digest_than_was_asked_for(cli, rogue):
    done = rogue(oci_image([ONE]), HONEST, "127.0.0.1:1/box@sha256:" + "5" * 64)
    assert done.status == 1 and "has the digest" in done.err
    assert cli.images() == []


def test_two_images_for_one(cli, rogue):
    files = oci_image([ONE])
    other = oci_image([TWO])
    index = json.loads(files["index.json"])
    index["manifests"] += json.loads(other["index.json"])["manifests"]
    done = rogue({**other, **files, "index.json": json.dumps(index).encode()}, HONEST)
    assert done.status == 1 and "2 images" in done.err
    assert cli.images() == []


@pytest.mark.parametrize("body", [
    "answer(request, b'', echo=b'x' * 72)",                  # another request's answer
    "answer(request, b'', echo=request[:10])",               # a short one
    "answer(request, b'', echo=request * 20)",               # a long one
    "answer(request, b'', fds=0)",                           # none to read from
    "answer(request, b'', fds=3)",                           # more than one
    "break",                                                 # it goes away
    "answer(request, b'')",                                  # nothing in it
    "answer(request, b'{' * 60000)",
    "os.write(4, b'x' * 700); break",                        # a record that is cut
    "os.write(4, b'\\xff' * 2000); break",                   # and one of nonsense
])
def test_answers_that_are_none(cli, rogue, body):
    done = rogue(oci_image([ONE]), body)
    assert done.status == 1 and done.err and "\x1b" not in done.err
    assert cli.images() == [] and cli.layers() == []


def test_an_error_that_would_steer_the_terminal(cli, rogue):
    done = rogue(oci_image([ONE]), """
        text = b"\\x1b[2Jcleared\\0"
        os.write(4, (struct.pack("<IIqq", 6, 0, 0, 0) + struct.pack("<IiBxH", 6, 5, 0, len(text)) + text).ljust(744, b"\\0"))
        break
        """)
    assert done.status == 1 and "\x1b" not in done.err and "cleared" in done.err


def test_a_descriptor_that_is_no_pipe(cli, rogue):
    """A file, a folder, a socket: whatever it hands over is only read from."""
    secret = cli.folder / "secret"
    secret.write_text("{}")
    for what in (f'os.open("{secret}", os.O_RDWR)', 'os.open("/", os.O_RDONLY)', "os.open('/dev/null', os.O_RDWR)"):
        done = rogue(oci_image([ONE]), f"""
            sock.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [{what}]))])
            """)
        assert done.status == 1
    assert secret.read_text() == "{}" and cli.images() == []


# --- a push ---

# The same in place of corten-remote's other half.
ROGUE_PUSH = """#!/usr/bin/python3
import array, hashlib, os, socket, struct
LAYOUT = {files!r}
sock = socket.socket(fileno=3)
HAVE, MOUNT, BLOB, MANIFEST = 1, 2, 3, 4
DONE, NOT, AGAIN = 1, 2, 3
def channel(request, echo=None, fds=1):
    pairs = [socket.socketpair() for _ in range(fds)]
    sock.sendmsg([echo or request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [a.fileno() for a, b in pairs]))] if fds else [])
    return pairs[0][1] if fds else None
def exactly(one, size):
    data = b""
    while len(data) < size:
        piece = one.recv(size - len(data))
        if not piece:
            os._exit(1)
        data += piece
    return data
def body(one):
    data = b""
    while size := struct.unpack("<I", exactly(one, 4))[0]:
        data += exactly(one, size)
    exactly(one, 80)
    return data
def outcome(one, result, hex="", size=0):
    one.sendall(struct.pack("<I68sq", result, hex.encode(), size))
while True:
    request = sock.recv(4096)
    if not request:
        break
    ask, number = struct.unpack("<II", request[:8])
{body}
"""
HONEST_PUSH = """
    one = channel(request)
    data = body(one) if ask in (BLOB, MANIFEST) else None
    outcome(one, NOT if data is None else DONE, hashlib.sha256(data or b"").hexdigest(), len(data or b""))
"""


def push(cli, rogue, body):
    cli("load", "-q", "-i", write_tar(cli.folder / "image.tar", oci_image([ONE], "127.0.0.1:1/box:1"))).ok()
    return rogue({}, body, verb="push", template=ROGUE_PUSH)


def test_the_frame_of_pushes_works(cli, rogue):
    done = push(cli, rogue, HONEST_PUSH)
    assert "digest: sha256:" in done.ok()


@pytest.mark.parametrize("body", [
    "channel(request, echo=b'x' * len(request))",            # another request's answer
    "channel(request, echo=request[:10])",                   # a short one
    "channel(request, fds=0)",                               # none to write to
    "channel(request, fds=3)",                               # more than one
    "break",                                                 # it goes away
    "channel(request)",                                      # it says nothing
    "channel(request).sendall(b'x' * 20)",                   # an outcome that is cut
    "outcome(channel(request), 77)",                         # or none
    """
    one = channel(request)
    if ask not in (BLOB, MANIFEST):
        outcome(one, NOT)
    else:
        body(one)
        outcome(one, DONE, "0" * 64)                         # of another digest
    """,
    """
    one = channel(request)
    outcome(one, NOT if ask in (HAVE, MOUNT) else AGAIN)     # once more, for ever
    """,
    """
    one = channel(request)
    outcome(one, NOT if ask in (HAVE, MOUNT) else DONE, "0" * 64)
    one.close()                                              # content before it has seen anything
    """,
    "os.write(4, b'x' * 700); break",                        # a record that is cut
])
def test_answers_to_a_push_that_are_none(cli, rogue, body):
    done = push(cli, rogue, body)
    assert done.status == 1 and done.err and "\x1b" not in done.err
    assert "digest: sha256" not in done.out
