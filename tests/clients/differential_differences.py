"""What is known to differ between the containers of corten-runtime, runc and crun, and why.

A row names cases and facts by patterns of the shell, and the peers that differ. It covers no other peer and no other
fact; a row that covers nothing fails. "docs/differences.md" tells more of what engines and people may notice.
"""
from typing import NamedTuple


class Row(NamedTuple):
    case: str
    fact: str
    peers: str
    reason: str


EVERYWHERE = [
    Row("*", "device:c 10:200", "runc crun", "/dev/net/tun: peers allow it to every container, Corten to those that ask"),
    Row("*", "mount:/sys", "runc", "runc makes the filesystem read-only beside the mount"),
    Row("*", "mount:/sys/fs/cgroup/systemd", "runc", "the source of the mount, a name that nobody reads"),
    Row("*", "mount:/sys/fs/cgroup", "runc crun", "peers leave the tmpfs writable though the mount asks for ro, and crun names other sources"),
    Row("*cgroup*", "mount:/sys/fs/cgroup/*", "crun", "crun adds nosymfollow to binds, and names other sources"),
    Row("*", "tree:/dev/core", "runc", "a link of old that crun makes as well; runc makes it where /proc/kcore is seen"),
    Row("*", "fd:2", "runc", "runc copies a file that is its standard error through a pipe; Corten hands it over"),
    Row("*", "session keyring", "crun", "crun names it after the container alone, and lets its group have less"),
]
USER_NAMESPACES = [
    Row("*", "mount:/dev/[fnrtuz]*", "crun", "crun binds the devices of the host nosuid and noexec"),
    Row("*", "session keyring", "runc", "docs/differences.md: who may search a session keyring in a user namespace"),
    Row("*", "tree:/dev/mqueue", "runc crun", "who owns it is who mounts it: peers mount as the namespace's root; anyone may write there"),
    Row("devices in a user namespace", "tree:/dev/*", "runc", "runc binds the host's nodes; Corten and crun make those with another mode or owner"),
    Row("devices in a user namespace", "tree:/dev/zero", "crun", "crun has the host's, whatever linux.devices says of a default one"),
    Row("devices in a user namespace", "mount:/dev/[fz]*", "runc crun", "the filesystem that the node is of, and its flags"),
    Row("device that the host lacks in a user namespace", "mount:/dev/absent", "crun", "the same"),
    Row("device that the host lacks in a user namespace", "outcome", "runc", "runc binds the host's nodes; Corten and crun make those that it lacks"),
    Row("no /proc and masks", "outcome", "runc", "runc needs a /proc in the container"),
    Row("mapped bind", "outcome", "runc", "runc opens the source as the namespace's root, which may not search its parents"),
    Row("version 2: user and cgroup namespaces", "cgroup:unified", "crun",
        "config-linux.md, cgroup ownership: it SHOULD NOT change where the cgroup filesystem is mounted read-only"),
    Row("version 2: user namespace, writable", "cgroup:unified", "crun",
        "config-linux.md, cgroup ownership: it MAY change to the container's; Corten and runc leave it"),
]
TERMINALS = [
    Row("terminal*", "mount:/dev/console", "crun", "config-linux.md, default devices: the terminal is bound there; crun makes a link"),
    Row("*terminal*", "tree:/dev/console", "crun", "the same"),
    Row("user namespace and a terminal", "mount:/dev/console", "crun", "the same"),
]
PROCESS = [
    Row("capabilities are absent", "status:Cap*", "runc", "runc leaves all that it has; Corten and crun none"),
    Row("capabilities are absent", "call:*", "runc", "the same"),
    Row("capabilities are absent", "device:*", "runc", "the same"),
    Row("environment", "order of the environment", "crun", "of a variable that comes twice, the last counts: crun leaves it where the first was"),
]
MOUNTS = [
    Row("bind of a strict source", "mount:/data", "crun", "docs/differences.md: a volume never gains rights"),
    Row("bind of a strict source, read-only", "mount:/data", "runc", "docs/differences.md: the flags that are not named"),
    Row("bind sh*", "mount:/data", "crun", "crun 1.28 makes it private, whatever the option says"),
    Row("bind sl*", "mount:/data", "crun", "the same"),
    Row("bind unbindable", "mount:/data", "crun", "the same"),
    Row("no symlinks followed", "mount:/data", "crun", "config.md, mount options: nosymfollow SHOULD be implemented; crun 1.28 loses it"),
    Row("bind onto nested folders", "tree:/a*", "crun", "crun makes folders for mounts with a sticky bit"),
    Row("masked and read-only of its own", "tree:/var", "runc crun", "the mode of the empty folder that masks another"),
]
DEVICES = [
    Row("device over another file", "outcome", "runc crun", "config-linux.md, devices: a file that does not match is an error"),
    Row("device of an unknown type", "outcome", "crun", "config.md, valid values: an invalid value is an error"),
    Row("rules: none", "*device*", "crun", "without a rule crun leaves all devices allowed; Corten and runc the default ones"),
    Row("rules: a part denied again", "outcome", "crun", "version 1 cannot do it: Corten and runc say so, crun goes on and leaves it allowed"),
    Row("version 2: rules: a part denied again", "outcome", "runc", "runc refuses on version 2 too what version 1 cannot do"),
    Row("rules: reading alone", "cgroup:devices:devices.list", "crun", "crun allows /dev/console to all"),
    Row("rules: denied again", "cgroup:devices:devices.list", "crun", "the same"),
    Row("version 2: rules all but one", "device:c 10:229", "crun", "crun lets every node be made, though not opened"),
]
SECCOMP = [
    Row("seccomp*", "call:unknown", "crun", "calls newer than the policy get ENOSYS, as with runc: the C library then falls back"),
]

DIFFERENCES = EVERYWHERE + USER_NAMESPACES + TERMINALS + PROCESS + MOUNTS + DEVICES + SECCOMP
