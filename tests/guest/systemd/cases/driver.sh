# corten-runtime --systemd-cgroup where systemd owns the cgroup tree.

name=$(basename "$PWD")
global_flags=--systemd-cgroup
cgroups_path=corten-test.slice:t:$name
scope=t-$name.scope
slice_dir=/sys/fs/cgroup/corten.slice/corten-test.slice

in_scope() {
	cat "$slice_dir/$scope/$1"
}

# What systemd says of the scope, asked once: look, then property NAME of it.
look() {
	systemctl show "$scope" >properties
}

property() {
	sed -n "s/^$1=//p" properties
}

gone() {
	[ "$(systemctl show --property LoadState --value "$scope")" = not-found ] && [ ! -e "$slice_dir/$scope" ]
}

test_scope_and_slice_are_made() {
	bundle 'sleep 1000'
	start
	look
	same "$(property ActiveState)" active
	same "$(property ControlGroup)" "/corten.slice/corten-test.slice/$scope"
	same "$(property Slice)" corten-test.slice
	same "$(property Delegate)" yes
	same "$(property DefaultDependencies)" no
	for accounting in CPU Memory IO Tasks; do
		same "$(property ${accounting}Accounting)" yes
	done
	property Description | grep -q "^Corten container $name, made "
	grep -qx "$(cat pid)" "$slice_dir/$scope/cgroup.procs" || fail "the payload is not in the scope"
	# Only the payload: what held the scope until then has gone.
	same "$(in_scope cgroup.procs | wc -l)" 1
	for controller in cpu memory pids io; do
		grep -qw "$controller" "$slice_dir/$scope/cgroup.controllers" || fail "$controller is not delegated"
	done
	systemctl status "$scope" | grep -q 'sleep 1000'
}

test_default_slice() {
	cgroups_path=
	bundle 'sleep 1000'
	start
	same "$(systemctl show --property ControlGroup --value "corten-$name.scope")" "/system.slice/corten-$name.scope"
}

test_limits_are_properties_and_files() {
	resources='"memory": {"limit": 67108864, "reservation": 33554432, "swap": 100663296},
		"cpu": {"shares": 2048, "quota": 33333, "period": 100000, "cpus": "1", "mems": "0"},
		"pids": {"limit": 50}, "unified": {"memory.high": "50331648"}'
	bundle 'sleep 1000'
	start
	look
	same "$(property MemoryMax)" 67108864
	same "$(property MemoryLow)" 33554432
	same "$(property MemoryHigh)" 50331648
	same "$(property MemorySwapMax)" 33554432
	same "$(property TasksMax)" 50
	same "$(property CPUQuotaPerSecUSec)" 340ms
	same "$(property AllowedCPUs)" 1
	same "$(property AllowedMemoryNodes)" 0
	same "$(in_scope memory.max)" 67108864
	same "$(in_scope memory.high)" 50331648
	same "$(in_scope memory.swap.max)" 33554432
	same "$(in_scope pids.max)" 50
	same "$(in_scope cpu.max)" "33333 100000"
	same "$(in_scope cpuset.cpus)" 1
	same "$(in_scope cpu.weight)" "$(property CPUWeight)"
	systemctl daemon-reload
	same "$(in_scope memory.max)" 67108864
	same "$(in_scope pids.max)" 50
}

test_annotations_are_properties() {
	members='"annotations": {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.MemoryMin": "uint64 1048576",
		"org.systemd.property.CollectMode": "'\''inactive-or-failed'\''", "org.systemd.property.Before": "['\''shutdown.target'\'']"},'
	bundle 'sleep 1000'
	start
	look
	same "$(property TimeoutStopUSec)" 7s
	same "$(property MemoryMin)" 1048576
	same "$(property CollectMode)" inactive-or-failed
	property Before | grep -qw shutdown.target
}

test_bad_annotations_are_refused() {
	members='"annotations": {"org.systemd.property.TimeoutStopSec": "soon"},'
	bundle 'true'
	run_status
	same "$status" 1
	grep -q TimeoutStopSec run.out
	members='"annotations": {"org.systemd.property.NoSuchThing": "true"},'
	bundle 'true'
	run_status
	same "$status" 1
	grep -q NoSuchThing run.out
	gone
}

test_bad_path_is_refused() {
	cgroups_path=/docker/x
	bundle 'true'
	run_status
	same "$status" 1
	grep -q 'SLICE:PREFIX:NAME' run.out
}

test_delete_removes_the_unit() {
	bundle 'sleep 1000'
	start
	runtime kill "$name" KILL
	wait_for 10 sh -c "corten-runtime state $name | grep -q stopped"
	runtime delete "$name"
	trap - EXIT
	gone || fail "$(systemctl status "$scope")"
}

test_run_leaves_nothing() {
	bundle 'echo hello; exit 7'
	run_status
	same "$status" 7
	grep -qx hello run.out
	gone || fail "$(systemctl status "$scope")"
}

test_out_of_memory_leaves_nothing() {
	resources='"memory": {"limit": 16777216, "swap": 16777216}'
	bundle 'exec tail /dev/zero'
	run_status
	same "$status" 137
	gone || fail "$(systemctl status "$scope")"
}

test_a_unit_in_use_is_not_touched() {
	bundle 'sleep 1000'
	start
	status=0
	runtime run --bundle "$PWD" "$name-2" >second.out 2>&1 || status=$?
	same "$status" 1
	grep -q "$scope" second.out
	look
	same "$(property ActiveState)" active
	same "$(in_scope cgroup.procs | wc -l)" 1
	runtime delete --force "$name-2"
	look
	same "$(property ActiveState)" active
}

test_update() {
	bundle 'sleep 1000'
	start
	echo '{"memory": {"limit": 33554432}, "pids": {"limit": 20}, "cpu": {"cpus": "0", "quota": 50000, "period": 100000}}' |
		runtime update --resources - "$name"
	look
	same "$(property MemoryMax)" 33554432
	same "$(property TasksMax)" 20
	same "$(property AllowedCPUs)" 0
	same "$(in_scope memory.max)" 33554432
	same "$(in_scope pids.max)" 20
	same "$(in_scope cpu.max)" "50000 100000"
}

test_pause_and_resume() {
	bundle 'sleep 1000'
	start
	runtime pause "$name"
	same "$(in_scope cgroup.events | sed -n 's/^frozen //p')" 1
	runtime state "$name" | grep -q paused
	runtime resume "$name"
	same "$(in_scope cgroup.events | sed -n 's/^frozen //p')" 0
}

test_exec_joins() {
	bundle 'sleep 1000'
	start
	runtime exec --detach --pid-file exec.pid "$name" /bin/busybox sleep 1000
	grep -qx "$(cat exec.pid)" "$slice_dir/$scope/cgroup.procs" || fail "exec's process is elsewhere"
	runtime kill --all "$name" KILL
	wait_for 10 sh -c "corten-runtime state $name | grep -q stopped"
}

test_create_then_start() {
	bundle 'sleep 1000'
	trap 'runtime delete --force "$name"' EXIT
	runtime create --bundle "$PWD" --pid-file pid "$name" >create.out 2>&1
	same "$(in_scope cgroup.procs)" "$(cat pid)"
	runtime start "$name"
	runtime state "$name" | grep -q running
}

# The container's own tree is its own: it makes cgroups in it, and hands controllers on.
test_the_payload_may_divide_its_cgroup() {
	bundle 'mount -t cgroup2 c /tmp && mkdir /tmp/a && echo 0 >/tmp/a/cgroup.procs && echo +memory >/tmp/cgroup.subtree_control && ls /tmp/a/memory.max'
	sed -i 's/"CAP_KILL"/"CAP_KILL", "CAP_SYS_ADMIN"/g' config.json
	run_status
	same "$status" 0
	grep -qx /tmp/a/memory.max run.out
}

test_a_slice_as_the_container() {
	cgroups_path=ignored.slice:x:corten-own.slice
	bundle 'sleep 1000'
	start
	same "$(systemctl show --property ActiveState --value corten-own.slice)" active
	grep -qx "$(cat pid)" /sys/fs/cgroup/corten.slice/corten-own.slice/cgroup.procs
	runtime delete --force "$name"
	trap - EXIT
	[ ! -e /sys/fs/cgroup/corten.slice/corten-own.slice ]
}

# What a killed runtime leaves is undone by delete --force, whenever it was killed.
test_killed_at_any_moment() {
	bundle 'sleep 1000'
	for moment in 0.02 0.05 0.08 0.1 0.12 0.15 0.2 0.25 0.3 0.4; do
		timeout -s KILL "$moment" corten-runtime --systemd-cgroup create --bundle "$PWD" "$name" >kill.out 2>&1 || true
		runtime delete --force "$name"
		gone || fail "after $moment s: $(systemctl status "$scope")"
	done
	[ -z "$(ls /run/corten-runtime)" ] || fail "left: $(ls /run/corten-runtime)"
}

# /dev/kmsg, 1:11, is the device that a container gets; another, which all may open, one that it does not. No
# terminals: whoever opens one may find it to be his own, and hang it up at his end.
other_device() {
	for node in cpu_dma_latency rfkill hpet; do
		if [ -c "/dev/$node" ]; then
			stat -c '%Hr %Lr' "/dev/$node"
			return
		fi
	done
	fail "no device to be refused"
}

kmsg='"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}]'

# A device of its own is open to the container, others stay closed, however often systemd reloads.
test_devices_survive_reloads() {
	resources=$kmsg
	other=$(other_device)
	bundle "mknod /tmp/yes c 1 11 && mknod /tmp/no c $other || exit 3; while :; do ( : >/dev/null ) && ( : >/tmp/yes ) || echo x >/tmp/lost; if ( : >/tmp/no ) 2>/tmp/why; then echo x >/tmp/opened; fi; echo x >>/tmp/rounds; sleep 0.1; done"
	start
	look
	same "$(property DevicePolicy)" strict
	property DeviceAllow | grep -q '/dev/char/1:11 rw'
	limit=$(sed -n 's/.*corten.reloads=\([0-9][0-9]*\).*/\1/p' /proc/cmdline)
	started=$(date +%s) count=0
	while [ "$count" -lt "${limit:-1000}" ]; do
		systemctl daemon-reload
		count=$((count + 1))
		[ -n "$limit" ] || [ $(($(date +%s) - started)) -lt 10 ] || break
	done
	took=$(($(date +%s) - started))
	inside=/proc/$(cat pid)/root/tmp
	rounds=$(wc -l <"$inside/rounds")
	echo "    $count reloads in $took s, $rounds rounds of access in the container" >/dev/ttyS0
	[ ! -e "$inside/lost" ] || fail "a device was lost"
	[ ! -e "$inside/opened" ] || fail "a device was open that is not the container's"
	grep -q 'not permitted' "$inside/why" || fail "refused for another reason: $(cat "$inside/why")"
	[ "$rounds" -gt 10 ] || fail "only $rounds rounds"
	runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes'
	! runtime exec "$name" /bin/busybox sh -c ': >/tmp/no' 2>/dev/null
}

test_devices_follow_an_update() {
	resources='"devices": [{"allow": false, "access": "rwm"}]'
	bundle 'mknod /tmp/yes c 1 11; sleep 1000'
	start
	! runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes' 2>/dev/null
	echo "{$kmsg}" | runtime update --resources - "$name"
	runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes'
	systemctl daemon-reload
	runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes'
	echo '{"devices": [{"allow": false, "access": "rwm"}]}' | runtime update --resources - "$name"
	! runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes' 2>/dev/null
	systemctl daemon-reload
	! runtime exec "$name" /bin/busybox sh -c ': >/tmp/yes' 2>/dev/null
}

test_cgroupfs_driver_beside_systemd() {
	global_flags='--cgroup-manager cgroupfs'
	cgroups_path=/system.slice/by-hand-$name
	bundle 'sleep 1000'
	start
	grep -qx "$(cat pid)" "/sys/fs/cgroup/system.slice/by-hand-$name/cgroup.procs"
}
