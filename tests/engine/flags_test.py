"""What each flag of `run` gives a container, in Docker's words and meanings."""
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import cgroup_v1  # noqa: E402
from engine import cli, engine  # noqa: E402,F401

CGROUPS = Path("/sys/fs/cgroup")


def lines(text):
    return text.splitlines()


def limit(cli, name, controller, file):
    """One file of a container's control group."""
    if not cgroup_v1(controller):
        pytest.skip(f"no version 1 hierarchy of {controller}")
    found = [p for p in (CGROUPS / controller / cli.word).rglob(file) if name in str(p)]
    assert found, f"no {file} of {name} below {CGROUPS / controller / cli.word}"
    return found[0].read_text().strip()


# --- variables ---

def test_env_sets_passes_on_and_leaves_out(cli):
    env = lines(cli.run("-e", "A=1", "--env", "B=x=y z", "-e", "EMPTY=", "-e", "FROM_CLIENT", "-e", "NOT_SET", "bb", "env",
                        env={"FROM_CLIENT": "seen", "HIDDEN": "no"}))
    assert {"A=1", "B=x=y z", "EMPTY=", "FROM_CLIENT=seen"} <= set(env)
    assert not [line for line in env if line.startswith(("NOT_SET", "HIDDEN", "CORTEN", "XDG"))]


def test_env_last_word_wins(cli):
    assert lines(cli.run("-e", "A=1", "-e", "A=2", "-e", "PATH=/bin", "bb", "env")).count("A=1") == 0
    assert lines(cli.run("-e", "A=1", "-e", "A=2", "-e", "PATH=/bin", "bb", "env")).count("A=2") == 1


def test_env_file(cli, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("# a comment\n\nA=1\nQUOTED=\"as is\"\n  LEFT=trimmed\nB= right kept \nFROM_CLIENT\nABSENT\n")
    two.write_text("A=2\n")
    env = lines(cli.run("--env-file", one, "--env-file", two, "-e", "B2=flag", "bb", "env", env={"FROM_CLIENT": "seen"}))
    assert {"A=2", 'QUOTED="as is"', "LEFT=trimmed", "B= right kept ", "FROM_CLIENT=seen", "B2=flag"} <= set(env)
    assert not [line for line in env if line.startswith(("ABSENT", "#"))]


def test_env_flag_beats_env_file(cli, tmp_path):
    (tmp_path / "f").write_text("A=file\n")
    assert "A=flag" in lines(cli.run("-e", "A=flag", "--env-file", tmp_path / "f", "bb", "env"))


@pytest.mark.parametrize("text, word", [("A B=1\n", "A B"), ("=nameless\n", "=nameless")])
def test_env_file_with_a_bad_line(cli, tmp_path, text, word):
    (tmp_path / "f").write_text(text)
    cli("run", "--rm", "--env-file", tmp_path / "f", "bb", "env").failed(status=125)


def test_env_file_that_is_absent(cli, tmp_path):
    cli("run", "--rm", "--env-file", tmp_path / "absent", "bb", "env").failed("absent", "no such file", status=125)


def test_default_variables(cli):
    env = dict(line.split("=", 1) for line in lines(cli.run("--hostname", "here", "bb", "env")))
    assert env["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert env["HOSTNAME"] == "here" and env["HOME"] == "/root" and "TERM" not in env


def test_home_is_the_users(cli):
    assert "HOME=/home/app" in lines(cli.run("-u", "app", "bb", "env"))


# --- who and where ---

@pytest.mark.parametrize("user, answer", [
    ("app", "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"), ("1000", None), ("1000:2000", None),
    ("app:extra", None), ("4242", "uid=4242 gid=0(root)"), ("4242:4343", "uid=4242 gid=4343"), ("0:0", "uid=0(root)"),
])
def test_user(cli, user, answer):
    told = cli.run("-u", user, "bb", "id").strip()
    if answer is not None:
        assert told.startswith(answer)
    elif user == "1000":
        assert "uid=1000(app) gid=1000(app)" in told
    else:
        assert "uid=1000(app) gid=2000(extra)" in told


@pytest.mark.parametrize("user", ["absent", "app:absent", "-1", "4294967296"])
def test_user_unknown(cli, user):
    cli("run", "--rm", f"--user={user}", "bb", "true").failed(user.split(":")[-1], status=125)


def test_user_has_no_capabilities(cli):
    status = cli.run("-u", "app", "bb", "cat", "/proc/self/status")
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
    assert "CapBnd:\t00000000a80425fb" in status


def test_workdir(cli):
    assert cli.run("-w", "/srv", "bb", "pwd") == "/srv\n"
    assert cli.run("-w", "/made/for/it", "bb", "pwd") == "/made/for/it\n"
    cli("run", "--rm", "-w", "relative", "bb", "pwd").failed("relative", status=125)


def test_hostname_and_domainname(cli):
    told = lines(cli.sh("hostname; cat /etc/hostname; grep -c here /etc/hosts", "--hostname", "here"))
    assert told[:2] == ["here", "here"] and int(told[2]) >= 1
    name = cli.run("bb", "hostname").strip()
    assert len(name) == 12 and set(name) <= set("0123456789abcdef")


def test_hostname_of_the_host_network_is_the_hosts(cli):
    assert cli.run("--network", "host", "bb", "hostname").strip() == os.uname().nodename


def test_add_host(cli):
    assert "10.1.2.3\tdb" in cli.run("--add-host", "db:10.1.2.3", "bb", "cat", "/etc/hosts")


# --- mounts ---

def test_volume(cli, tmp_path):
    (tmp_path / "f").write_text("host\n")
    assert cli.sh("cat /v/f; echo back > /v/g", "-v", f"{tmp_path}:/v") == "host\n"
    assert (tmp_path / "g").read_text() == "back\n"
    assert "Read-only" in cli.sh("touch /v/h 2>&1 || true", "-v", f"{tmp_path}:/v:ro")
    assert cli.sh("cat /one", "-v", f"{tmp_path}/f:/one:ro") == "host\n"


def test_volume_makes_the_hosts_folder(cli, tmp_path):
    cli.sh("test -d /v", "-v", f"{tmp_path}/made/here:/v")
    assert (tmp_path / "made" / "here").is_dir()


def test_volume_over_a_symlink_of_the_image_stays_inside(cli, tmp_path):
    tree = cli.folder / "tree-link"
    if not tree.exists():
        tree.mkdir()
        (tree / "bin").mkdir()
        (tree / "bin" / "busybox").write_bytes((cli.folder / "tree/bin/busybox").read_bytes())
        (tree / "bin" / "busybox").chmod(0o755)
        (tree / "bin" / "sh").symlink_to("busybox")
        (tree / "out").symlink_to("/../../../../../../etc")
        cli("image", "import", tree, "linked").ok()
    (tmp_path / "canary").write_text("")
    cli("run", "--rm", "-v", f"{tmp_path}:/out/deep", "linked", "sh", "-c", ": > /out/deep/x").ok()
    assert not os.path.exists("/etc/deep") and (tmp_path / "x").exists()


@pytest.mark.parametrize("value", ["/a:relative", "relative/x:/b", ":/x", "/a:/b:nonsense", "/a:/b:ro:more", "/a:/"])
def test_volume_refused(cli, value):
    cli("run", "--rm", "-v", value, "bb", "true").failed(status=125)


def test_mount_bind(cli, tmp_path):
    (tmp_path / "f").write_text("host\n")
    assert cli.sh("cat /v/f", "--mount", f"type=bind,source={tmp_path},target=/v") == "host\n"
    assert cli.sh("cat /v/f; touch /v/x 2>/dev/null || echo ro", "--mount",
                  f"type=bind,src={tmp_path},dst=/v,readonly") == "host\nro\n"
    assert cli.sh("touch /v/x 2>/dev/null || echo ro", "--mount", f"type=bind,src={tmp_path},destination=/v,ro") == "ro\n"


def test_mount_bind_makes_no_folder(cli, tmp_path):
    cli("run", "--rm", "--mount", f"type=bind,src={tmp_path}/absent,dst=/v", "bb", "true").failed("absent", status=125)
    assert not (tmp_path / "absent").exists()


def test_mount_tmpfs(cli):
    told = cli.sh("grep ' /v ' /proc/mounts; stat -c %a /v", "--mount",
                  "type=tmpfs,dst=/v,tmpfs-size=1m,tmpfs-mode=1770")
    assert "tmpfs" in told and "size=1024k" in told and "1770" in told


@pytest.mark.parametrize("value", ["", "type=nonsense,dst=/v", "type=bind,src=/tmp", "type=bind,dst=/v", "nonsense",
                                   "type=bind,src=/tmp,dst=/v,nonsense=1", "type=tmpfs,dst=/v,src=/tmp"])
def test_mount_refused(cli, value):
    cli("run", "--rm", "--mount", value, "bb", "true").failed(status=125)


def test_tmpfs(cli):
    told = cli.sh("grep ' /t ' /proc/mounts; touch /t/x", "--tmpfs", "/t")
    assert all(word in told for word in ("tmpfs", "nosuid", "nodev", "noexec"))
    assert "size=64k" in cli.sh("grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=64k,exec")
    assert "noexec" not in cli.sh("grep ' /t ' /proc/mounts", "--tmpfs", "/t:exec")


def test_read_only(cli):
    told = cli.sh("for f in /x /etc/x /tmp/x; do touch $f 2>/dev/null && echo $f; done; touch /t/x && echo tmpfs; "
                  "echo > /dev/null && echo null; touch /dev/shm/x && echo shm", "--read-only", "--tmpfs", "/t")
    assert lines(told) == ["tmpfs", "null", "shm"]


def test_shm_size(cli):
    assert "size=65536k" in cli.sh("grep /dev/shm /proc/mounts")
    assert "size=1024k" in cli.sh("grep /dev/shm /proc/mounts", "--shm-size", "1m")


# --- limits ---

def test_limits_reach_the_control_group(cli):
    name = cli.detached("sleep 100", "--memory", "64m", "--cpus", "1.5", "--pids-limit", "33", "--cpuset-cpus", "0",
                        "--cpu-shares", "512")
    assert limit(cli, name, "memory", "memory.limit_in_bytes") == str(64 << 20)
    assert limit(cli, name, "cpu", "cpu.cfs_quota_us") == "150000"
    assert limit(cli, name, "cpu", "cpu.cfs_period_us") == "100000"
    assert limit(cli, name, "pids", "pids.max") == "33"
    assert limit(cli, name, "cpuset", "cpuset.cpus") == "0"
    assert limit(cli, name, "cpu", "cpu.shares") == "512"


def test_memory_limit_kills(cli):
    done = cli("run", "--name", "eater", "-m", "16m", "bb", "sh", "-c", "head -c 60000000 /dev/zero | tail -c 60000000 | wc -c; "
               "exec tail /dev/zero")
    assert done.status == 137, done
    assert json.loads(cli("inspect", "eater").ok())[0]["State"]["OOMKilled"] is True


def test_pids_limit_holds(cli):
    done = cli("run", "--rm", "--pids-limit", "5", "bb", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait")
    assert "fork" in done.err, done


@pytest.mark.parametrize("flag, value", [
    ("--memory", "nonsense"), ("--memory", "1k"), ("--memory", "-5"), ("--cpus", "nonsense"), ("--cpus", "-1"),
    ("--cpus", "100000"), ("--pids-limit", "many"), ("--cpuset-cpus", "999"), ("--cpuset-cpus", "x"),
    ("--memory", "99999999999999999999g"), ("--stop-timeout", "soon"), ("--stop-signal", "NONSENSE"),
    ("--ulimit", "nonsense=1"), ("--ulimit", "nofile"), ("--ulimit", "nofile=5:1"), ("--sysctl", "nonsense"),
    ("--cap-add", "NONSENSE"), ("--cap-drop", "NONSENSE"), ("--device", "/dev/absent"), ("--device", "/dev/null:/x:q"),
    ("--network", "nonsense"), ("--security-opt", "nonsense"), ("--security-opt", "seccomp=/absent"),
    ("--label", "=x"), ("--name", "no spaces"), ("--name", "-dash"), ("--name", ""), ("--detach-keys", "ctrl-"),
    ("--entrypoint", "/absent-program"), ("--add-host", "nonsense"), ("--shm-size", "x"), ("-v", ""), ("--workdir", "x"),
    ("--tmpfs", "relative"), ("--log-driver", "nonsense"), ("--sig-proxy=nonsense", None), ("--init=maybe", None),
])
def test_nonsense_is_refused(cli, flag, value):
    done = cli("run", "--rm", flag, *([] if value is None else [value]), "bb", "true")
    assert done.status in (125, 127) if flag == "--entrypoint" else done.status == 125, done
    assert done.err.startswith("corten: ") and done.out == "", done
    assert cli.ids() == []


def test_ulimit(cli):
    told = cli.sh("ulimit -Sn; ulimit -Hn; ulimit -c", "--ulimit", "nofile=100:200", "--ulimit", "core=0")
    assert lines(told) == ["100", "200", "0"]


def test_sysctl(cli):
    assert cli.sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", "--sysctl", "net.ipv4.ip_forward=1",
                  "--sysctl", "kernel.msgmax=4096") == "1\n4096\n"


@pytest.mark.parametrize("key", ["kernel.panic=1", "vm.swappiness=1", "kernel.core_pattern=x"])
def test_sysctl_of_the_host_is_refused(cli, key):
    before = Path("/proc/sys/kernel/panic").read_text()
    cli("run", "--rm", "--sysctl", key, "bb", "true").failed(key.split("=")[0], status=125)
    assert Path("/proc/sys/kernel/panic").read_text() == before


def test_sysctl_net_with_the_host_network_is_refused(cli):
    cli("run", "--rm", "--network", "host", "--sysctl", "net.ipv4.ip_forward=1", "bb", "true").failed("net.ipv4", status=125)


# --- rights ---

def caps(cli, *flags):
    status = cli.run(*flags, "bb", "cat", "/proc/self/status")
    return int([line for line in lines(status) if line.startswith("CapEff")][0].split()[1], 16)


def test_capabilities(cli):
    assert caps(cli) == 0xA80425FB
    assert caps(cli, "--cap-add", "SYS_PTRACE") == 0xA80425FB | 1 << 19
    assert caps(cli, "--cap-add", "cap_sys_ptrace") == 0xA80425FB | 1 << 19
    assert caps(cli, "--cap-drop", "CHOWN", "--cap-drop", "CAP_KILL") == 0xA80425FB & ~(1 | 1 << 5)
    assert caps(cli, "--cap-drop", "ALL") == 0
    assert caps(cli, "--cap-drop", "all", "--cap-add", "CHOWN") == 1
    host = int([line for line in lines(Path("/proc/self/status").read_text()) if "CapBnd" in line][0].split()[1], 16)
    assert caps(cli, "--cap-add", "ALL") == host
    assert caps(cli, "--cap-add", "ALL", "--cap-drop", "CHOWN") == host & ~1


def test_no_new_privileges(cli):
    assert "NoNewPrivs:\t0" in cli.run("bb", "cat", "/proc/self/status")
    for word in ("no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"):
        assert "NoNewPrivs:\t1" in cli.run("--security-opt", word, "bb", "cat", "/proc/self/status")


def test_seccomp_unconfined(cli):
    assert "Seccomp:\t2" in cli.run("bb", "cat", "/proc/self/status")
    assert "Seccomp:\t0" in cli.run("--security-opt", "seccomp=unconfined", "bb", "cat", "/proc/self/status")


def test_seccomp_profile(cli, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}))
    told = cli.sh("mkdir /tmp/x 2>&1 || true", "--security-opt", f"seccomp={tmp_path}/p.json")
    assert "No space left" in told
    (tmp_path / "bad.json").write_text("{")
    cli("run", "--rm", "--security-opt", f"seccomp={tmp_path}/bad.json", "bb", "true").failed("bad.json", status=125)


def test_device(cli):
    if not Path("/dev/fuse").exists():
        pytest.skip("the host has no /dev/fuse")
    script = ("stat -c '%F %t:%T' /dev/my; (exec 3</dev/my) && echo read; (exec 3>/dev/my) 2>/dev/null && echo write; "
              "mknod /tmp/n c 10 229 2>/dev/null && echo made; true")
    # As with Docker any node may be made; which may be opened is another matter.
    told = lines(cli.sh(script, "--device", "/dev/fuse:/dev/my:r"))
    assert told == ["character special file a:e5", "read", "made"]
    told = lines(cli.sh(script, "--device", "/dev/fuse:/dev/my"))
    assert told == ["character special file a:e5", "read", "write", "made"]


def test_privileged(cli):
    told = cli.sh("cat /proc/self/status; mount -t tmpfs none /srv && echo mounted", "--privileged")
    assert "mounted" in told and "Seccomp:\t0" in told


# --- what runs ---

def test_entrypoint(cli):
    assert cli.run("--entrypoint", "echo", "bb", "a", "b") == "a b\n"
    assert cli.run("--entrypoint", "/srv/script", "bb") == "script\n"
    cli("image", "import", "-c", 'ENTRYPOINT ["echo","image"]', "-c", 'CMD ["cmd"]', cli.folder / "tree", "entry").ok()
    assert cli.run("entry") == "image cmd\n"
    assert cli.run("entry", "mine") == "image mine\n"
    assert cli.run("--entrypoint", "printf", "entry", "%s\\n", "x") == "x\n"
    assert cli.run("--entrypoint", "", "entry", "echo", "bare") == "bare\n"
    cli("run", "--rm", "--entrypoint", "", "entry").failed("command", status=125)


def test_flags_after_the_image_are_the_commands(cli):
    assert cli.run("bb", "echo", "--rm", "-e", "--", "x") == "--rm -e -- x\n"
    assert cli.run("--", "bb", "echo", "x") == "x\n"


def test_flags_in_one_word(cli):
    assert cli("run", "--rm=true", "--hostname=h", "-eA=1", "-ieB=2", "bb", "sh", "-c", "echo $HOSTNAME$A$B").ok() == "h12\n"


def test_label(cli, tmp_path):
    (tmp_path / "labels").write_text("from=file\n# no\n")
    cli("create", "--name", "labelled", "-l", "a=1", "--label", "bare", "--label-file", tmp_path / "labels", "bb").ok()
    assert json.loads(cli("inspect", "labelled").ok())[0]["Config"]["Labels"] == {"a": "1", "bare": "", "from": "file"}


def test_name(cli):
    name = cli("create", "--name", "once", "bb").ok().strip()
    assert len(name) == 64
    cli("create", "--name", "once", "bb").failed("once", "in use", status=1)
    cli("run", "--name", "once", "bb", "true").failed("in use", status=125)
    assert cli.ids() == [name]


def test_made_up_name(cli):
    cli("create", "bb").ok()
    name = json.loads(cli("inspect", cli.ids()[0]).ok())[0]["Name"].lstrip("/")
    assert name and " " not in name and cli("rm", name).ok().strip() == name


def test_cidfile(cli, tmp_path):
    file = tmp_path / "cid"
    name = cli("run", "-d", "--cidfile", file, "bb", "true").ok().strip()
    assert file.read_text() == name
    cli("run", "--rm", "--cidfile", file, "bb", "true").failed("container ID file found", str(file), status=125)
    assert file.read_text() == name
    cli("run", "--rm", "--cidfile", tmp_path / "absent" / "cid", "bb", "true").failed("absent", status=125)


def test_cidfile_of_a_failed_run_is_removed(cli, tmp_path):
    cli("run", "--rm", "--cidfile", tmp_path / "cid", "absent-image").failed(status=125)
    assert not (tmp_path / "cid").exists()


# --- networks and namespaces ---

def test_network_none(cli):
    script = "readlink /proc/self/ns/net; ls /sys/class/net; ping -c1 -w1 127.0.0.1 >/dev/null && echo up"
    for flags in ([], ["--network", "none"]):
        told = lines(cli.sh(script, *flags))
        assert told[0] != os.readlink("/proc/self/ns/net")
        assert "lo" in told and not [one for one in told if one.startswith(("eth", "en"))] and told[-1] == "up"


def test_network_host(cli):
    assert cli.sh("readlink /proc/self/ns/net", "--network", "host").strip() == os.readlink("/proc/self/ns/net")
    assert cli.sh("readlink /proc/self/ns/net", "--net=host").strip() == os.readlink("/proc/self/ns/net")


def test_namespaces_are_its_own(cli):
    names = ("ipc", "mnt", "net", "pid", "uts", "cgroup")
    told = lines(cli.sh("; ".join(f"readlink /proc/self/ns/{n}" for n in names)))
    for name, value in zip(names, told):
        same = value == os.readlink(f"/proc/self/ns/{name}")
        # On version 1 Docker's default is the host's cgroup namespace.
        assert not same or name == "cgroup", name


def test_namespaces_of_the_host(cli):
    for name in ("pid", "uts", *(["ipc"] if Path("/dev/mqueue").exists() else [])):
        told = cli.sh(f"readlink /proc/self/ns/{name}", f"--{name}", "host").strip()
        assert told == os.readlink(f"/proc/self/ns/{name}"), name


# --- init ---

def test_init_is_the_first_process(cli):
    told = cli.sh("cat /proc/1/comm; echo $$", "--init")
    first, pid = lines(told)
    assert "init" in first and int(pid) > 1


def test_init_reaps(cli):
    told = cli.sh("(sleep 0.1 &) ; sleep 0.5; ps -o stat,comm | grep -c '^Z' || true", "--init")
    assert told.strip() == "0"


def test_init_forwards_signals_and_status(cli):
    name = cli.detached("trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done", "--init")
    cli.wait_logs(name, "ready")
    cli("kill", "-s", "TERM", name).ok()
    assert cli("wait", name).ok() == "42\n"
    assert cli("run", "--rm", "--init", "bb", "sh", "-c", "exit 7").status == 7
    assert cli("run", "--rm", "--init", "bb", "sh", "-c", "kill -9 $$").status == 137
    assert cli("run", "--rm", "--init", "bb", "/absent").status == 127


@pytest.mark.parametrize("flags", [["--memory", "3x"], ["--cpus", "abc"], ["--ulimit", "foo"], ["--device", "/dev/nope"]])
def test_what_cannot_start_is_not_created(cli, flags):
    cli("create", "--name", "never", *flags, "bb").failed(flags[1], status=1)
    cli("run", "--name", "never", *flags, "bb", "true").failed(flags[1], status=125)
    assert cli("ps", "-aq").ok() == ""


def test_a_state_that_there_is_none_of(cli):
    cli("ps", "--filter", "status=runing").failed("runing", status=1)


def test_a_limit_that_lets_nothing_start(cli):
    cli("run", "--rm", "--ulimit", "nofile=10", "bb", "busybox", "true").failed("RLIMIT_NOFILE", status=125)


def test_no_word_of_a_user_commands_the_terminal(cli):
    word = "\x1b]0;title\x07\u009b31m"
    cli("create", "--name", "odd", "--user", word, "bb", "true").ok()
    for words, status in ((["start", "odd"], 1), (["run", "--rm", "--user", word, "bb", "true"], 125)):
        done = cli(*words)
        assert done.status == status and "title" in done.err and not set("\x1b\x07\u009b") & set(done.err), done.err
