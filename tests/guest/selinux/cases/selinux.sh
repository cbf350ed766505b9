# Contexts of processes and files. The first case that needs the policy loads it.

type=system_u:system_r:container_t
file_type=system_u:object_r:container_file_t
level=s0:c1,c2

load_policy() {
	[ -e /sys/fs/selinux/load ] || mount -t selinuxfs selinuxfs /sys/fs/selinux
	case $(cat /proc/self/attr/current) in
	*kernel_t*) ;;
	*) cat /tests/policy >/sys/fs/selinux/load ;;
	esac
	same "$(context self)" system_u:system_r:kernel_t:s0
	same "$(cat /sys/fs/selinux/mls)" 1
}

context() { # PID
	tr -d '\0\n' <"/proc/$1/attr/current"
}

file_context() { # PATH
	getfattr --absolute-names --only-values --no-dereference -n security.selinux "$1" | tr -d '\0'
}

test_a_policy_is_loaded() {
	load_policy
	corten info --format json >info
	grep -q '"name=selinux"' info || fail "$(cat info)"
}

with_labels() { # SCRIPT
	process="\"selinuxLabel\": \"$type:$level\","
	bundle "$1"
	sed -i "s|\"linux\": {|&\"mountLabel\": \"$file_type:$level\",|" config.json
}

test_labels_of_run() {
	load_policy
	with_labels 'tr -d "\0" </proc/self/attr/current; cat /proc/self/attr/exec'
	same "$(run)" "$type:$level"
}

test_labels_of_create_and_of_exec() {
	load_policy
	with_labels 'touch /tmp/file; ln -s file /tmp/link; mkdir /tmp/folder; sleep 100'
	start
	name=$(basename "$PWD")
	pid=$(cat pid)
	wait_for 10 test -d "/proc/$pid/root/tmp/folder"
	same "$(context "$pid")" "$type:$level"
	for file in /tmp /tmp/file /tmp/link /tmp/folder /dev; do
		same "$file $(file_context "/proc/$pid/root$file")" "$file $file_type:$level"
	done
	show='tr -d "\0" </proc/self/attr/current'
	same "$(corten-runtime exec --process-label "$type:s0:c8,c9" "$name" /bin/busybox sh -c "$show")" "$type:s0:c8,c9"
	same "$(corten-runtime exec "$name" /bin/busybox sh -c "$show")" "$type:$level"
	same "$(context "$pid")" "$type:$level"
}

test_a_context_that_the_policy_has_not() {
	load_policy
	process='"selinuxLabel": "system_u:system_r:no_such_t:s0",'
	bundle 'echo ran'
	run_status >/dev/null
	same "$(grep -c ran run.out)" 0
	grep -q 'process.selinuxLabel' run.out || fail "$(cat run.out)"
}

# --- what corten run does by itself ---

image() {
	corten image inspect corten-test/busybox:1 >/dev/null 2>&1 || corten image load -i /images/system.tar >/dev/null
}

pid_of() {
	corten inspect "$1" | sed -n 's/^ *"Pid": \([0-9]*\),.*/\1/p'
}

# Starts a container that sleeps; $pid is its process, $level its level.
corten_start() { # NAME OPTION...
	name=$1
	shift
	corten run -d --name "$name" "$@" corten-test/busybox:1 sh -c 'touch /made; exec sleep 100' >/dev/null
	pid=$(pid_of "$name")
	level=$(context "$pid" | cut -d: -f4-)
	wait_for 10 test -e "/proc/$pid/root/made"
}

stop_all() {
	corten ps -aq | while read -r id; do corten rm -f "$id" >/dev/null; done
}

test_default_contexts_of_corten_run() {
	load_policy
	image
	trap stop_all EXIT
	corten_start one --tmpfs /scratch -v /data
	echo "$level" | grep -Eqx 's0:c[0-9]+,c[0-9]+' || fail "the level is '$level'"
	same "$(context "$pid")" "$type:$level"
	for file in / /made /bin/busybox /scratch /dev/shm /data /etc/hosts /etc/resolv.conf; do
		same "$file $(file_context "/proc/$pid/root$file")" "$file $file_type:$level"
	done
	same "$(corten exec one sh -c 'tr -d "\0" </proc/self/attr/current')" "$type:$level"
	same "$(corten exec --privileged one sh -c 'tr -d "\0" </proc/self/attr/current')" "$type:$level"
	corten inspect one | grep -q "\"ProcessLabel\": \"$type:$level\"" || fail "$(corten inspect one)"
	first=$level
	corten_start two
	[ "$level" != "$first" ] || fail "both have $level"
	corten stop -t 0 one >/dev/null
	corten start one >/dev/null
	same "$(context "$(pid_of one)")" "$type:$first"
}

test_security_options_of_corten_run() {
	load_policy
	image
	trap stop_all EXIT
	for words in --security-opt=label=disable --privileged --pid=host; do
		corten_start plain "$words"
		same "$words $(context "$pid")" "$words system_u:system_r:kernel_t:s0"
		corten rm -f plain >/dev/null
	done
	corten_start parts --security-opt label=type:spc_t --security-opt label=level:s0:c3,c4
	same "$(context "$pid")" system_u:system_r:spc_t:s0:c3,c4
	same "$(file_context "/proc/$pid/root/made")" "$file_type:s0:c3,c4"
}

# The categories keep one container from another's files, when the kernel enforces.
test_levels_are_enforced() {
	load_policy
	image
	mkdir shared
	mount -t tmpfs tmpfs shared
	trap 'echo 0 >/sys/fs/selinux/enforce; stop_all; umount shared' EXIT
	for name in one two; do
		corten_start "$name" -v "$PWD/shared:/shared"
		echo "of $name" >"shared/$name"
		setfattr -n security.selinux -v "$file_type:$level" "shared/$name"
	done
	for name in one two; do same "$(corten exec "$name" cat /shared/one /shared/two | wc -l)" 2; done
	echo 1 >/sys/fs/selinux/enforce
	same "$(corten exec one cat /shared/one)" "of one"
	same "$(corten exec two cat /shared/two)" "of two"
	corten exec one cat /shared/two >out 2>&1 && fail "one reads what two has: $(cat out)"
	grep -q 'Permission denied' out || fail "$(cat out)"
	corten exec two sh -c 'echo more >>/shared/one' >out 2>&1 && fail "two writes what one has"
	same "$(cat shared/one)" "of one"
	corten run --rm corten-test/busybox:1 cat /proc/self/attr/current | grep -q "^$type:s0:c" || fail "$(corten ps -a)"
}
