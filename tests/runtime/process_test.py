"""The process: arguments, environment, working folder, user, limits, capabilities, descriptors, exec's errors."""
import os
import shutil
import struct
import subprocess

import pytest
from box import CAPABILITIES, PEER, compile_c, mounted

PRINT_ARGUMENTS = r"""
#include <stdio.h>
int main(int argc, char **argv) { for (int i = 0; i < argc; i++) printf("<%s>", argv[i]); return 0; }
"""


def status_of(text, key):
    for line in text.splitlines():
        if line.startswith(key + ":"):
            return line.split(":", 1)[1].strip()
    raise AssertionError(f"no '{key}' in {text!r}")


def mask(*names):
    order = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
    SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
    SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
    return sum(1 << order.index(name.removeprefix("CAP_")) for name in names)


# --- arguments, environment, working folder ---

def test_arguments_arrive_unchanged(box):
    one = box("/args", "", " ", "a b", "$HOME", "*", "ünï", "a\nb", "-x")
    compile_c(one.root, "args", PRINT_ARGUMENTS)
    assert one.run().ok() == "</args><>< ><a b><$HOME><*><ünï><a\nb><-x>"


def test_many_arguments(box):
    words = [str(i) for i in range(5000)]
    assert box("echo", *words).run().ok() == " ".join(words) + "\n"


def test_long_argument(box):
    assert box("echo", "x" * 100000).run().ok() == "x" * 100000 + "\n"


def test_no_arguments(box):
    box().run().failed("args")


def test_empty_first_argument(box):
    box("").run().failed()


def test_last_of_a_name_wins(box):
    one = box("/bin/env")
    one.process["env"] = ["PATH=/bin", "A=1", "HOME=/h", "A=2"]
    assert sorted(one.run().ok().splitlines()) == ["A=2", "HOME=/h", "PATH=/bin"]


def test_environment_is_exactly_the_given(box):
    one = box("/bin/env")
    one.process["env"] = ["PATH=/bin", "A=1", "B=", "C=x=y", "HOME=/h"]
    assert sorted(one.run(env={"HOST_SECRET": "1", "PATH": os.environ["PATH"]}).ok().splitlines()) == [
        "A=1", "B=", "C=x=y", "HOME=/h", "PATH=/bin"]


def test_path_of_the_container_finds_the_program(box):
    one = box("tool")
    (one.root / "opt").mkdir()
    (one.root / "opt/tool").write_text("#!/bin/sh\necho found\n")
    (one.root / "opt/tool").chmod(0o755)
    one.process["env"] = ["PATH=/nowhere:/opt:/bin"]
    assert one.run().ok() == "found\n"


def test_relative_program_below_cwd(box):
    one = box("./tool")
    (one.root / "var/tool").write_text("#!/bin/sh\npwd\n")
    (one.root / "var/tool").chmod(0o755)
    one.process["cwd"] = "/var"
    assert one.run().ok() == "/var\n"


def test_home_comes_from_the_images_passwd(box):
    one = box("sh", "-c", "echo $HOME")
    one.process["user"] = {"uid": 1000, "gid": 1000}
    assert one.run().ok() == "/home/dev\n"


def test_home_of_an_unknown_user(box):
    one = box("sh", "-c", "echo $HOME")
    one.process["user"] = {"uid": 4242, "gid": 0}
    assert one.run().ok() == "/\n"


def test_home_without_passwd(box):
    one = box("sh", "-c", "echo $HOME")
    (one.root / "etc/passwd").unlink()
    assert one.run().ok() in ("/\n", "/root\n")


def test_cwd(box):
    one = box("pwd")
    one.process["cwd"] = "/usr/bin"
    assert one.run().ok() == "/usr/bin\n"


def test_missing_cwd_is_made(box):
    # As runc and Docker do: an image's WORKDIR need not exist.
    one = box("pwd")
    one.process["cwd"] = "/made/here"
    assert one.run().ok() == "/made/here\n"
    assert (one.root / "made/here").is_dir()


def test_cwd_is_a_file(box):
    one = box("pwd")
    one.process["cwd"] = "/etc/passwd"
    one.run().failed("/etc/passwd", "not a directory")


def test_relative_cwd(box):
    one = box("pwd")
    one.process["cwd"] = "var"
    one.run().failed("cwd")


def test_cwd_on_a_mount(box):
    one = box("pwd").mount("/data", "tmpfs", "tmpfs")
    one.process["cwd"] = "/data"
    assert one.run().ok() == "/data\n"


# --- user ---

def test_user_and_groups(box):
    one = box("id")
    one.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 2000]}
    assert one.run().ok().startswith("uid=1000(dev) gid=1000(dev) groups=5(tty),")
    assert sorted(box_groups(box, [5, 2000])) == [5, 1000, 2000]


def box_groups(box, groups):
    one = box("id", "-G")
    one.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": groups}
    return [int(word) for word in one.run().ok().split()]


def test_no_additional_groups_of_the_caller(box):
    one = box("sh", "-c", "grep Groups: /proc/self/status")
    one.process["user"] = {"uid": 1000, "gid": 1000}
    assert one.run(preexec_fn=lambda: os.setgroups([0, 1, 4])).ok().split() == ["Groups:"]


def test_user_without_capabilities(box):
    one = box("sh", "-c", "cat /proc/self/status")
    one.process["user"] = {"uid": 1000, "gid": 1000}
    text = one.run().ok()
    assert int(status_of(text, "CapEff"), 16) == 0
    assert int(status_of(text, "CapPrm"), 16) == 0
    assert int(status_of(text, "CapBnd"), 16) == mask(*CAPABILITIES)
    assert status_of(text, "Uid").split() == ["1000"] * 4
    assert status_of(text, "Gid").split() == ["1000"] * 4


@pytest.mark.parametrize("umask", [0, 0o22, 0o27, 0o777])
def test_umask(box, umask):
    one = box("sh", "-c", "umask")
    one.process["user"]["umask"] = umask
    assert int(one.run().ok(), 8) == umask


def test_default_umask_is_not_the_callers(box):
    assert int(box("sh", "-c", "umask").run(preexec_fn=lambda: os.umask(0o77)).ok(), 8) == 0o22


# --- limits and the like ---

def test_rlimits(box):
    one = box("sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hf")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                              {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                              {"type": "RLIMIT_FSIZE", "soft": 1 << 20, "hard": 1 << 20}]
    words = one.run().ok().split()
    assert words[:3] == ["100", "200", "0"]
    assert words[3] in ("2048", "1024")


def test_infinite_rlimit(box):
    one = box("sh", "-c", "grep 'Max cpu' /proc/self/limits")
    one.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    assert one.run().ok().split()[3:5] == ["unlimited", "unlimited"]


@pytest.mark.parametrize("kind", ["RLIMIT_NOPE", "nofile", "", "RLIMIT_"])
def test_unknown_rlimit(box, kind):
    one = box("true")
    one.process["rlimits"] = [{"type": kind, "soft": 1, "hard": 1}]
    one.run().failed(kind, "rlimit")


def test_soft_above_hard(box):
    one = box("true")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 300, "hard": 200}]
    one.run().failed("rlimits", "300", "200")


def test_duplicate_rlimit(box):
    one = box("true")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}] * 2
    one.run().failed("RLIMIT_NOFILE")


def may_raise_limits():
    with open("/proc/self/status", encoding="ascii") as file:
        return bool(int(status_of(file.read(), "CapEff"), 16) & mask("SYS_RESOURCE"))


def test_raising_a_limit_names_what_it_needs(box):
    if may_raise_limits():
        pytest.skip("the tests have CAP_SYS_RESOURCE: nothing is refused")
    one = box("true")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 20, "hard": 1 << 20}]
    one.run().failed("RLIMIT_NOFILE", "CAP_SYS_RESOURCE")


def test_clamped_limit(box):
    if may_raise_limits():
        pytest.skip("the tests have CAP_SYS_RESOURCE: nothing is clamped")
    one = box("sh", "-c", "ulimit -Hn")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 20, "hard": 1 << 20}]
    done = one.run("--clamp-rlimits")
    hard = subprocess.run(["sh", "-c", "ulimit -Hn"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert done.ok() == hard
    assert "RLIMIT_NOFILE" in done.err and "warning" in done.err.lower()


@pytest.mark.parametrize("value", [True, False])
def test_no_new_privileges(box, value):
    one = box("sh", "-c", "grep NoNewPrivs /proc/self/status")
    one.process["noNewPrivileges"] = value
    assert one.run().ok().split() == ["NoNewPrivs:", str(int(value))]


def test_setuid_program_gains_nothing_with_no_new_privileges(box):
    one = box("/show")
    compile_c(one.root, "show", '#include <stdio.h>\n#include <unistd.h>\n'
              'int main(void) { printf("%d\\n", geteuid()); }')
    (one.root / "show").chmod(0o4755)
    one.process["user"] = {"uid": 1000, "gid": 1000}
    assert one.run().ok() == "0\n"
    one.process["noNewPrivileges"] = True
    assert one.run().ok() == "1000\n"


def test_oom_score_adj(box):
    one = box("cat", "/proc/self/oom_score_adj")
    one.process["oomScoreAdj"] = 500
    assert one.run().ok() == "500\n"


def test_oom_score_adj_is_inherited_when_absent(box):
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        assert box("cat", "/proc/self/oom_score_adj").run().ok() == file.read()


# --- capabilities ---

def capabilities(box, user=0, **sets):
    one = box("cat", "/proc/self/status")
    one.process["capabilities"] = sets
    one.process["user"] = {"uid": user, "gid": user}
    done = one.run()
    text = done.ok()
    return {name: int(status_of(text, f"Cap{name}"), 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}, done.err


def test_capability_sets(box):
    found, _ = capabilities(box, bounding=["CAP_CHOWN", "CAP_KILL"], permitted=["CAP_CHOWN"], effective=["CAP_CHOWN"])
    assert found["Bnd"] == mask("CHOWN", "KILL")
    assert found["Inh"] == 0 and found["Amb"] == 0
    # Root gains its bounding set at execve.
    assert found["Eff"] == mask("CHOWN", "KILL")


def test_no_capabilities(box):
    found, _ = capabilities(box)
    assert set(found.values()) == {0}


def test_capabilities_absent(box):
    one = box("cat", "/proc/self/status")
    del one.process["capabilities"]
    text = one.run().ok()
    assert int(status_of(text, "CapEff"), 16) == 0


def test_ambient_capabilities_of_a_user(box):
    names = ["CAP_NET_BIND_SERVICE", "CAP_KILL"]
    found, _ = capabilities(box, 1000, bounding=names, permitted=names, effective=names, inheritable=names,
                            ambient=["CAP_KILL"])
    assert found["Amb"] == mask("KILL")
    assert found["Eff"] == mask("KILL")
    assert found["Inh"] == mask(*names)


def test_unknown_capability_is_a_warning(box):
    found, said = capabilities(box, bounding=["CAP_CHOWN", "CAP_NOPE"], permitted=["CAP_CHOWN"],
                               effective=["CAP_CHOWN"])
    assert found["Bnd"] == mask("CHOWN")
    assert "CAP_NOPE" in said


def test_capability_that_the_runtime_lacks_is_a_warning(box):
    if PEER or may_raise_limits():
        pytest.skip("every capability can be granted here")
    names = ["CAP_CHOWN", "CAP_SYS_RESOURCE"]
    found, said = capabilities(box, bounding=names, permitted=names, effective=names)
    assert found["Bnd"] == mask("CHOWN")
    assert "CAP_SYS_RESOURCE" in said


def test_kept_effective_capabilities_work(box):
    one = box("sh", "-c", "touch /f && chown 1:1 /f && stat -c %u /f")
    assert one.run().ok() == "1\n"
    one.process["capabilities"] = {kind: [] for kind in ("bounding", "effective", "permitted")}
    assert one.run().status != 0


# --- descriptors ---

LIST_FDS = "exec ls -l /proc/self/fd"


def open_descriptors(text):
    """Descriptors by number, without ls's own of the folder."""
    found = {}
    for line in text.splitlines():
        if " -> " in line:
            name, target = line.split(" -> ")
            if not target.startswith("/proc/"):
                found[int(name.split()[-1])] = target
    return found


def test_standard_descriptors_alone(box):
    leak = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        done = box("sh", "-c", LIST_FDS).run(close_fds=False)
        assert sorted(open_descriptors(done.ok())) == [0, 1, 2], done
    finally:
        os.close(leak)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_preserved_descriptors(box, count):
    def prepare():
        for number in range(3, 3 + 7):
            os.dup2(2, number, inheritable=True)
    done = box("sh", "-c", LIST_FDS).run("--preserve-fds", count, close_fds=False, preexec_fn=prepare)
    assert sorted(open_descriptors(done.ok())) == list(range(3 + count)), done


def test_preserved_descriptor_works(box):
    reader, writer = os.pipe()

    def prepare():
        os.dup2(writer, 3, inheritable=True)
    box("sh", "-c", "echo through >&3").run("--preserve-fds", 1, close_fds=False, preexec_fn=prepare).ok()
    os.close(writer)
    assert os.read(reader, 100) == b"through\n"
    os.close(reader)


def test_gap_in_preserved_descriptors(box):
    def prepare():
        os.dup2(2, 3, inheritable=True)
        os.closerange(4, 5)
        os.dup2(2, 5, inheritable=True)
    box("true").run("--preserve-fds", 3, close_fds=False, preexec_fn=prepare).failed("4")


@pytest.mark.parametrize("word", ["-1", "x", "", "99999999999999999999"])
def test_bad_preserve_fds(box, word):
    box("true").run(f"--preserve-fds={word}").failed()


def test_listen_fds(box):
    one = box("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; " + LIST_FDS)

    def prepare():
        os.dup2(2, 3, inheritable=True)
    done = one.run(close_fds=False, preexec_fn=prepare, env={**os.environ, "LISTEN_FDS": "1"})
    if done.out.startswith("1 1\n"):
        assert sorted(open_descriptors(done.ok())) == [0, 1, 2, 3]
    else:
        assert sorted(open_descriptors(done.ok())) == [0, 1, 2]


# --- a program that cannot be executed ---

@pytest.mark.parametrize("command", ["run", "exec"])
class TestExecErrors:
    def attempt(self, box, command, *args, prepare=None, env=("PATH=/usr/bin:/bin",)):
        one = box(*args)
        if prepare:
            prepare(one)
        if command == "run":
            one.process["env"] = list(env)
            return one.run()
        one.process["args"] = ["sleep", "1000"]
        one.detached()
        return one.exec(one.id, *args)

    def test_not_in_path(self, box, command):
        done = self.attempt(box, command, "no-such-program")
        done.failed("no-such-program", "executable file not found in $PATH")
        assert done.status != 126

    def test_missing_file(self, box, command):
        self.attempt(box, command, "/no/such/program").failed("/no/such/program", "no such file or directory")

    def script(self, box, command, content, mode=0o755):
        def prepare(one):
            (one.root / "tool").write_bytes(content)
            (one.root / "tool").chmod(mode)
        return self.attempt(box, command, "/tool", prepare=prepare)

    def test_missing_interpreter(self, box, command):
        self.script(box, command, b"#!/no/interpreter\n").failed("/tool", "/no/interpreter")

    def test_carriage_return(self, box, command):
        self.script(box, command, b"#!/bin/sh\r\necho hello\r\n").failed("/tool", "line end")

    def test_no_exec_bit(self, box, command):
        self.script(box, command, b"#!/bin/sh\n", 0o644).failed("/tool", "permission denied", "execute permission")

    def test_empty_file(self, box, command):
        self.script(box, command, b"").failed("/tool", "empty")

    def test_script_without_first_line(self, box, command):
        self.script(box, command, b"echo hello\n").failed("/tool", "exec format error")

    def test_directory(self, box, command):
        self.attempt(box, command, "/etc").failed("/etc", "directory")

    def test_other_processor(self, box, command):
        header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, 183, 1, 0x400000, 64, 0, 0, 64, 56,
                             0, 0, 0, 0)
        self.script(box, command, header + b"\0" * 100).failed("/tool", "aarch64")

    def test_missing_loader(self, box, command):
        def prepare(one):
            compiler = shutil.which("gcc")
            if compiler is None:
                pytest.skip("no gcc")
            (one.root / "t.c").write_text("int main(void) { return 0; }")
            subprocess.run([compiler, "-o", one.root / "tool", one.root / "t.c"], check=True)
        self.attempt(box, command, "/tool", prepare=prepare).failed("/tool", "ld-linux")

    def test_noexec_mount(self, box, command):
        def prepare(one):
            (one.root / "tool").write_text("#!/bin/sh\n")
            (one.root / "tool").chmod(0o755)
            (one.bundle / "src").mkdir()
            shutil.copy(one.root / "tool", one.bundle / "src/tool")
            one.mount("/data", one.bundle / "src", "bind", ["bind", "noexec"])
        self.attempt(box, command, "/data/tool", prepare=prepare).failed("/data/tool", "noexec")


def test_create_reports_a_missing_program_or_start_does(box):
    one = box("/no/such")
    done = one.create()
    if done.status == 0:
        done = one.start()
    done.failed("/no/such", "no such file or directory")


def test_root_on_a_noexec_mount(box):
    one = box("true")
    one.root.joinpath("tmp").chmod(0o755)
    with mounted("--bind", "-o", "noexec", one.root, one.root):
        done = one.run()
    assert "noexec" in done.err.lower(), done
