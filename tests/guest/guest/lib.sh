# What the cases share. A case fails by any command that fails.

fail() {
	echo "$*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# wait_for SECONDS COMMAND...
wait_for() {
	tries=$(($1 * 10))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "waited in vain for: $*"
		sleep 0.1
	done
}

same() {
	[ "$1" = "$2" ] || fail "got '$1', not '$2'"
}

# bundle SCRIPT: a bundle in this folder that runs it with sh. $resources, $rlimits, $process and $members add
# members of linux.resources, of process.rlimits, of process, and of the whole; $cgroups_path is another
# cgroup, $global_flags go to every command of the runtime.
bundle() {
	script=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')
	cat >config.json <<JSON
{
  "ociVersion": "1.0.2", ${members:-}
  "process": {
    "user": {"uid": 0, "gid": 0}, "args": ["/bin/busybox", "sh", "-c", "$script"], "cwd": "/",
    "env": ["PATH=/bin"], ${process:-}
    "capabilities": {"bounding": ["CAP_MKNOD", "CAP_KILL"], "effective": ["CAP_MKNOD", "CAP_KILL"],
                     "permitted": ["CAP_MKNOD", "CAP_KILL"]},
    "rlimits": [${rlimits:-}]
  },
  "root": {"path": "/images/busybox"},
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
  ],
  "linux": {
    "cgroupsPath": "${cgroups_path-/guest/$(basename "$PWD")}",
    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"},
                   {"type": "cgroup"}],
    "resources": {${resources:-}}
  }
}
JSON
}

runtime() {
	# shellcheck disable=SC2086
	corten-runtime ${global_flags:-} "$@"
}

# Runs the bundle; its output comes out, its status is the result.
run() {
	runtime run --bundle "$PWD" "$(basename "$PWD")"
}

# As run, but sets $status instead of failing.
run_status() {
	status=0
	run >run.out 2>&1 || status=$?
	cat run.out
}

cgroup() {
	cat "/sys/fs/cgroup/guest/$(basename "$PWD")/$1"
}

# Starts the bundle and leaves it running until the case's end.
start() {
	runtime run --detach --bundle "$PWD" --pid-file pid "$(basename "$PWD")" >start.out 2>&1 ||
		fail "$(cat start.out)"
	trap 'corten-runtime delete --force "$(basename "$PWD")"' EXIT
}
