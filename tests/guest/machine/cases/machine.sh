# What corten-os-init has made of the machine.

test_pid_1_is_corten_os_init() {
	same "$(readlink /proc/1/exe)" /usr/bin/corten-os-init
}

test_mounts() {
	for place in "/proc proc" "/sys sysfs" "/sys/fs/cgroup cgroup2" "/dev devtmpfs" "/dev/pts devpts" \
		"/dev/shm tmpfs" "/run tmpfs" "/tmp tmpfs"; do
		set -- $place
		grep -q " $1 $2 " /proc/mounts || fail "no $2 on $1"
	done
}

test_all_controllers() {
	for controller in cpuset cpu io memory pids; do
		grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers || fail "no $controller"
	done
}

test_root_can_be_pivoted() {
	# The root has a parent: it is a mount on the kernel's own.
	awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo
	unshare -m sh -c 'mkdir -p /tmp/new && mount -t tmpfs new /tmp/new && mkdir /tmp/new/old &&
		pivot_root /tmp/new /tmp/new/old'
}

test_loopback_is_up() {
	ip link show lo | grep -q 'UP'
	ping -c 1 -W 5 127.0.0.1
}

test_hostname() {
	same "$(hostname)" guest
}

test_open_files() {
	same "$(ulimit -Hn)" 1048576
}

test_modules_are_loaded() {
	while read -r path; do
		name=$(basename "$path" .ko)
		grep -q "^$name " /proc/modules || fail "$name is not loaded"
	done </etc/corten/modules
	grep -q 'overlay$' /proc/filesystems
}

no_zombies() {
	! grep -qs '^State:.*Z' /proc/[0-9]*/status
}

test_orphans_are_reaped() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		(sh -c 'sleep 0.2 &')
	done
	sleep 0.4
	wait_for 5 no_zombies
}

test_a_watchdog_is_armed_where_there_is_one() {
	[ -e /dev/watchdog ] || skip "this machine has no watchdog"
	ls -l /proc/1/fd | grep -q /dev/watchdog
}
