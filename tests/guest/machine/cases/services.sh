# The two system containers that corten-os-init keeps running.

[ -x /usr/bin/corten ] || skip "corten is not built"

count_lines() {
	lines=$(grep -cs 'console up' "$1")
	[ "${lines:-0}" -ge "$2" ]
}

# The pid, in the machine, of the console container's program.
console_pid() {
	for process in /proc/[0-9]*; do
		if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q '^sleep 100000'; then
			basename "$process"
			return
		fi
	done
}

test_both_run() {
	wait_for 30 count_lines /var/test/console 1
	wait_for 30 count_lines /var/test/read 1
}

test_a_killed_one_is_started_again() {
	wait_for 30 count_lines /var/test/console 1
	before=$(grep -c 'console up' /var/test/console)
	pid=$(console_pid)
	[ -n "$pid" ] || fail "the console container has no process"
	kill -KILL "$pid"
	wait_for 20 count_lines /var/test/console $((before + 1))
	wait_for 20 count_lines /var/test/read $((before + 1))
	[ "$(console_pid)" != "$pid" ]
}
