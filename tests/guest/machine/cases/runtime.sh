# corten-runtime on pure cgroup v2 with all controllers, and with all rights.

test_runs() {
	bundle 'echo hello; exit 7'
	run_status
	same "$status" 7
	grep -qx hello run.out
	[ ! -e "/sys/fs/cgroup/guest/$(basename "$PWD")" ]
}

test_memory_limit_kills() {
	resources='"memory": {"limit": 16777216, "swap": 16777216}'
	bundle 'exec tail /dev/zero'
	run_status
	same "$status" 137
}

test_memory_limit_is_set() {
	resources='"memory": {"limit": 33554432, "reservation": 16777216, "swap": 50331648}'
	bundle 'sleep 100'
	start
	same "$(cgroup memory.max)" 33554432
	same "$(cgroup memory.low)" 16777216
	same "$(cgroup memory.swap.max)" 16777216
}

test_pids_limit_holds() {
	resources='"pids": {"limit": 10}'
	bundle 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all started; kill -9 -1'
	run_status
	! grep -q 'all started' run.out || fail "more than ten processes"
	grep -qi 'fork' run.out
}

test_cpu_limits_are_set() {
	resources='"cpu": {"quota": 20000, "period": 50000, "shares": 2048}'
	bundle 'sleep 100'
	start
	same "$(cgroup cpu.max)" "20000 50000"
	[ "$(cgroup cpu.weight)" -gt 60 ]
}

test_cpu_quota_holds() {
	resources='"cpu": {"quota": 10000, "period": 100000}'
	bundle 'while :; do :; done'
	start
	sleep 2
	[ "$(cgroup cpu.stat | sed -n 's/^nr_throttled //p')" -gt 5 ]
}

test_cpuset_holds() {
	resources='"cpu": {"cpus": "1"}'
	bundle 'grep Cpus_allowed_list /proc/self/status'
	run_status
	same "$status" 0
	same "$(awk '{ print $2 }' run.out)" 1
}

test_limits_can_be_raised() {
	rlimits='{"type": "RLIMIT_NOFILE", "soft": 1500000, "hard": 1500000},
		{"type": "RLIMIT_MEMLOCK", "soft": 1000000000, "hard": 1000000000}'
	echo 2000000 >/proc/sys/fs/nr_open
	bundle 'ulimit -Hn; ulimit -l'
	run_status
	same "$status" 0
	same "$(head -n 1 run.out)" 1500000
	same "$(tail -n 1 run.out)" 976562
}

test_oom_score_can_be_lowered() {
	process='"oomScoreAdj": -500,'
	bundle 'cat /proc/self/oom_score_adj'
	run_status
	same "$(cat run.out)" -500
}

# The machine's serial port, 4:64, stands for a device that is not a container's business. Making a
# node of it is allowed, as other runtimes allow it; opening it is not.
test_devices_are_filtered() {
	script='mknod /tmp/serial c 4 64; if ( : >/tmp/serial ); then echo opened; else echo refused; fi'
	resources='"devices": [{"allow": false, "access": "rwm"}]'
	bundle "$script"
	run_status
	grep -qx refused run.out
	resources='"devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 4, "minor": 64, "access": "rw"}]'
	bundle "$script"
	run_status
	grep -qx opened run.out
}

test_freezes() {
	bundle 'sleep 100'
	start
	corten-runtime pause "$(basename "$PWD")"
	same "$(cgroup cgroup.events | sed -n 's/^frozen //p')" 1
	corten-runtime resume "$(basename "$PWD")"
	same "$(cgroup cgroup.events | sed -n 's/^frozen //p')" 0
}

test_exec_joins_the_cgroup() {
	bundle 'sleep 100'
	start
	corten-runtime exec "$(basename "$PWD")" /bin/busybox cat /proc/self/cgroup >exec.out
	same "$(cat exec.out)" "0::/"
}

test_controllers_of_parents_are_enabled() {
	bundle 'sleep 100'
	start
	for controller in cpu memory pids; do
		grep -qw "$controller" /sys/fs/cgroup/guest/cgroup.subtree_control || fail "no $controller"
	done
}
