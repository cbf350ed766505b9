# corten-runtime --systemd-cgroup where systemd keeps its units on cgroup version 1.

name=$(basename "$PWD")
global_flags=--systemd-cgroup
cgroups_path=corten-test.slice:t:$name
scope=t-$name.scope
inner=corten.slice/corten-test.slice/$scope

# Debian's kernels of late have memory and cpuset on version 2 alone; older ones have them here.
tree_of() { # CONTROLLER
	if [ -d "/sys/fs/cgroup/$1/corten.slice" ]; then echo "$1"; else echo unified; fi
}

in_scope() { # CONTROLLER FILE [FILE-ON-VERSION-2]
	tree=$(tree_of "$1")
	if [ "$tree" = "$1" ]; then cat "/sys/fs/cgroup/$1/$inner/$2"; else cat "/sys/fs/cgroup/$tree/$inner/${3:-$2}"; fi
}

property() {
	systemctl show --property "$1" --value "$scope"
}

gone() {
	[ "$(property LoadState)" = not-found ] || return 1
	for tree in /sys/fs/cgroup/*/; do
		[ ! -e "$tree$inner" ] || return 1
	done
}

test_the_layout_is_hybrid() {
	[ -e /sys/fs/cgroup/pids/system.slice/pids.max ] || fail "$(mount)"
	[ -e /sys/fs/cgroup/systemd/system.slice/cgroup.procs ] || fail "$(mount)"
	[ -e /sys/fs/cgroup/unified/system.slice/cgroup.procs ] || fail "$(mount)"
}

test_scope_is_made() {
	bundle 'sleep 1000'
	start
	same "$(property ActiveState)" active
	same "$(property ControlGroup)" "/$inner"
	same "$(property Slice)" corten-test.slice
	same "$(property Delegate)" yes
	for tree in systemd unified memory pids cpu,cpuacct cpuset devices freezer blkio; do
		same "$tree $(in_scope "$tree" cgroup.procs)" "$tree $(cat pid)"
	done
}

test_limits_are_properties_and_files() {
	resources='"memory": {"limit": 67108864, "reservation": 33554432},
		"cpu": {"shares": 512, "quota": 33333, "period": 100000, "cpus": "1", "mems": "0"}, "pids": {"limit": 50}'
	bundle 'sleep 1000'
	start
	same "$(property MemoryLimit)" 67108864
	same "$(property TasksMax)" 50
	same "$(property CPUShares)" 512
	same "$(property CPUQuotaPerSecUSec)" 340ms
	same "$(in_scope cpu cpu.cfs_quota_us)" 33333
	for round in before after; do
		same "$round $(in_scope memory memory.limit_in_bytes memory.max)" "$round 67108864"
		same "$round $(in_scope memory memory.soft_limit_in_bytes memory.low)" "$round 33554432"
		same "$round $(in_scope pids pids.max)" "$round 50"
		same "$round $(in_scope cpu cpu.shares)" "$round 512"
		same "$round $(in_scope cpuset cpuset.cpus)" "$round 1"
		systemctl daemon-reload
	done
	same "$(in_scope cpu cpu.cfs_quota_us)" 34000 # systemd's own precision, as on version 2
}

test_update() {
	bundle 'sleep 1000'
	start
	echo '{"memory": {"limit": 33554432}, "pids": {"limit": 20}, "cpu": {"shares": 256, "cpus": "0"}}' |
		runtime update --resources - "$name"
	same "$(property MemoryLimit)" 33554432
	same "$(property TasksMax)" 20
	systemctl daemon-reload
	same "$(in_scope memory memory.limit_in_bytes memory.max)" 33554432
	same "$(in_scope pids pids.max)" 20
	same "$(in_scope cpu cpu.shares)" 256
	same "$(in_scope cpuset cpuset.cpus)" 0
}

test_pause_and_resume() {
	bundle 'sleep 1000'
	start
	runtime pause "$name"
	same "$(in_scope freezer freezer.state)" FROZEN
	runtime state "$name" | grep -q paused
	systemctl daemon-reload
	same "$(in_scope freezer freezer.state)" FROZEN
	runtime resume "$name"
	same "$(in_scope freezer freezer.state)" THAWED
}

test_exec_joins() {
	bundle 'sleep 1000'
	start
	runtime exec --detach --pid-file exec.pid "$name" /bin/busybox sleep 1000
	for tree in systemd memory pids devices freezer; do
		in_scope "$tree" cgroup.procs | grep -qx "$(cat exec.pid)" || fail "exec's process is elsewhere on $tree"
	done
	runtime kill --all "$name" KILL
	wait_for 10 sh -c "corten-runtime state $name | grep -q stopped"
}

test_devices_survive_reloads() {
	resources='"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}]'
	bundle 'mknod /tmp/yes c 1 11 && mknod /tmp/no c 10 183 && sleep 1000'
	start
	same "$(property DevicePolicy)" strict
	wait_for 5 test -e "/proc/$(cat pid)/root/tmp/no"
	for round in 1 2 3; do
		in_scope devices devices.list | grep -q '^c 1:11 rw' || fail "round $round: $(in_scope devices devices.list)"
		runtime exec "$name" /bin/busybox sh -c ': >/dev/null && : >/tmp/yes'
		! runtime exec "$name" /bin/busybox sh -c ': >/tmp/no' 2>why || fail "round $round: all devices are open"
		grep -q 'not permitted' why
		systemctl daemon-reload
	done
}

test_delete_removes_the_unit() {
	bundle 'sleep 1000'
	start
	runtime kill "$name" KILL
	wait_for 10 sh -c "corten-runtime state $name | grep -q stopped"
	runtime delete "$name"
	trap - EXIT
	gone || fail "$(systemctl status "$scope"; find /sys/fs/cgroup -name "$scope")"
}

test_run_leaves_nothing() {
	bundle 'echo hello; exit 7'
	run_status
	same "$status" 7
	grep -qx hello run.out
	gone || fail "$(systemctl status "$scope"; find /sys/fs/cgroup -name "$scope")"
}

test_out_of_memory_leaves_nothing() {
	resources='"memory": {"limit": 16777216}'
	bundle 'exec tail /dev/zero'
	run_status
	same "$status" 137
	gone || fail "$(systemctl status "$scope"; find /sys/fs/cgroup -name "$scope")"
}

test_killed_at_any_moment() {
	bundle 'sleep 1000'
	for moment in 0.05 0.15 0.3; do
		timeout -s KILL "$moment" corten-runtime --systemd-cgroup create --bundle "$PWD" "$name" >kill.out 2>&1 || true
		runtime delete --force "$name"
		gone || fail "after $moment s: $(systemctl status "$scope"; find /sys/fs/cgroup -name "$scope")"
	done
}
