"""What a container may try on the engine: the files that it reads there, and those that it shares with it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import wait_for  # noqa: E402
from engine import cli, engine  # noqa: E402,F401


def test_accounts_are_not_read_through_the_containers_proc(cli):
    """The container names itself like a line of passwd and lets /etc/passwd be a link to that name."""
    name = cli.detached("printf 'e:x:42:42::/:' > /proc/self/comm; ln -sf /proc/1/comm /etc/passwd; while :; do sleep 0.1; done")
    wait_for(lambda: cli("exec", name, "cat", "/etc/passwd").out == "e:x:42:42::/:\n", "the link")
    done = cli("exec", "-u", "e", name, "id", "-u")
    assert done.status != 0 and "42" not in done.out, done


def test_accounts_are_not_read_from_pipes_and_devices(cli):
    for target in ("mkfifo /etc/passwd", "ln -s /dev/zero /etc/passwd", "ln -s /proc/kmsg /etc/passwd"):
        name = cli.detached(f"rm /etc/passwd; {target}; touch /tmp/done; sleep 100")
        wait_for(lambda: cli("exec", name, "test", "-e", "/tmp/done").status == 0, target)
        assert cli("exec", "-u", "0", name, "echo", "here").ok() == "here\n"


def test_identity_files_fill_the_containers_own_folder(cli):
    """--state is a tmpfs, the host's memory: nothing that a container can write to lies there."""
    script = "for f in hosts hostname resolv.conf; do echo more-of-$f >> /etc/$f; done; grep ' /etc/' /proc/mounts; sleep 100"
    name = cli.detached(script)
    cli.wait_logs(name, "/etc/hosts")
    wait_for(lambda: cli("logs", name).out.count(" /etc/") == 3, "the mounts")
    for line in cli("logs", name).out.splitlines():
        assert {"nosuid", "nodev", "noexec"} <= set(line.split()[3].split(",")), line
    data, state = (next((top / "containers").glob(name + "*")) for top in (cli.root, cli.state))
    for file in ("hosts", "hostname", "resolv.conf"):
        assert f"more-of-{file}" in (data / file).read_text()
        assert not (state / file).exists()
