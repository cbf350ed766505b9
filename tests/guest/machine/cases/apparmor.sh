# AppArmor: profiles loaded and enforced.

load() {
	[ -d /sys/kernel/security/apparmor ] || mount -t securityfs securityfs /sys/kernel/security
	cat >profile <<PROFILE
profile $1 flags=(attach_disconnected) {
  file,
  capability,
  network,
  signal,
  deny /tmp/$1 w,
}
PROFILE
	apparmor_parser --replace --skip-cache ./profile
}

try='cat /proc/self/attr/current; for f in first-profile second-profile; do (echo x >/tmp/$f) 2>/dev/null && echo wrote $f || echo denied $f; done'
first='first-profile (enforce)
denied first-profile
wrote second-profile'
second='second-profile (enforce)
wrote first-profile
denied second-profile'

test_profile_of_run() {
	load first-profile
	process='"apparmorProfile": "first-profile",'
	bundle "$try"
	same "$(run)" "$first"
}

test_profile_with_no_new_privileges_and_a_user() {
	load first-profile
	process='"apparmorProfile": "first-profile", "noNewPrivileges": true,'
	bundle "$try"
	sed -i 's/"uid": 0, "gid": 0/"uid": 1000, "gid": 1000/; s/"source": "tmpfs"}/"source": "tmpfs", "options": ["mode=1777"]}/' config.json
	same "$(run)" "$first"
}

test_profile_of_create_and_of_exec() {
	load first-profile
	load second-profile
	process='"apparmorProfile": "first-profile",'
	bundle 'cat /proc/self/attr/current; sleep 100'
	start
	name=$(basename "$PWD")
	same "$(corten-runtime exec "$name" /bin/busybox sh -c "$try")" "$first"
	same "$(corten-runtime exec --apparmor second-profile "$name" /bin/busybox sh -c "$try")" "$second"
	same "$(cat "/proc/$(cat pid)/attr/current")" "first-profile (enforce)"
}

# Attack 5: a mount over what the label is written to (CVE-2025-52881, CVE-2019-19921).
test_profile_is_not_redirected() {
	load first-profile
	process='"apparmorProfile": "first-profile",'
	bundle 'sleep 100'
	over='{"destination": "/proc/1/attr", "type": "tmpfs", "source": "tmpfs"}'
	sed -i "s|{\"destination\": \"/dev\"|$over, &|" config.json
	start
	same "$(cat "/proc/$(cat pid)/attr/current")" "first-profile (enforce)"
	same "$(corten-runtime exec "$(basename "$PWD")" /bin/busybox ls /proc/1/attr)" ""
}

test_profile_that_is_not_loaded() {
	load first-profile
	process='"apparmorProfile": "no-such-profile",'
	bundle 'echo ran'
	run_status >/dev/null
	same "$(grep -c ran run.out)" 0
	grep -q 'apply the AppArmor profile (process.apparmorProfile)' run.out || fail "$(cat run.out)"
}

# --- the profile that corten run has by itself ---

# With all rights, nothing masked and no seccomp, only the profile is left to deny anything.
attempts='cat /proc/self/attr/current
try() { name=$1; shift; if ("$@") >/dev/null 2>&1; then echo "$name allowed"; else echo "$name denied"; fi; }
write() { echo "$1" >"$2"; }
mkdir -p /mnt
try mount mount -t tmpfs tmpfs /mnt
try remount mount -o remount,size=1m /dev/shm
try umount umount /dev/shm
try kcore dd if=/proc/kcore of=/dev/null bs=64 count=1
try sysrq-trigger write h /proc/sysrq-trigger
try sys/vm write 60 /proc/sys/vm/swappiness
try sys/kernel write 0 /proc/sys/kernel/panic
try sys/kernel/shm write 4096 /proc/sys/kernel/shmmni
try sysfs write 0 /sys/module/kernel/parameters/panic
try cgroup mkdir /sys/fs/cgroup/below
try self write x /proc/self/comm
try file write x /tmp/file
try signal kill -0 1'
denied='mount remount kcore sysrq-trigger sys/vm sys/kernel sysfs'

image() {
	wait_for 30 test -d /sys/kernel/security
	[ -d /sys/kernel/security/apparmor ] || mount -t securityfs securityfs /sys/kernel/security
	corten image inspect corten-test/busybox:1 >/dev/null 2>&1 ||
		corten image load -i /usr/lib/corten/images/system.tar >/dev/null
}

test_default_profile_denies_what_dockers_does() {
	image
	corten run --rm --privileged --security-opt apparmor=unconfined corten-test/busybox:1 sh -c "$attempts" >free
	corten run --rm --privileged --security-opt apparmor=corten-default corten-test/busybox:1 sh -c "$attempts" >confined
	same "$(head -n 1 free)" unconfined
	same "$(grep -c allowed free)" 13
	same "$(grep denied free)" ""
	same "$(head -n 1 confined)" "corten-default (enforce)"
	same "$(sed -n 's/ denied$//p' confined | tr '\n' ' ')" "$denied "
	same "$(grep -c allowed confined)" 6
}

test_corten_run_is_confined_by_default() {
	image
	show='cat /proc/self/attr/current'
	trap 'corten rm -f confined >/dev/null' EXIT
	same "$(corten run --rm corten-test/busybox:1 sh -c "$show")" "corten-default (enforce)"
	grep -q '^corten-default (enforce)' /sys/kernel/security/apparmor/profiles
	same "$(corten run --rm --privileged corten-test/busybox:1 sh -c "$show")" unconfined
	same "$(corten run --rm --security-opt apparmor=unconfined corten-test/busybox:1 sh -c "$show")" unconfined
	load first-profile
	same "$(corten run --rm --security-opt apparmor=first-profile corten-test/busybox:1 sh -c "$show")" \
		"first-profile (enforce)"
	corten run -d --name confined corten-test/busybox:1 sleep 100 >/dev/null
	same "$(corten exec confined sh -c "$show")" "corten-default (enforce)"
	same "$(corten exec --privileged confined sh -c "$show")" "corten-default (enforce)"
	corten inspect confined | grep -q '"AppArmorProfile": "corten-default"'
	corten info | grep -q 'name=apparmor'
}

# Remove the profile and hide the parser: a warning says what the container lacks.
test_a_machine_without_the_parser() {
	image
	if grep -q '^corten-default ' /sys/kernel/security/apparmor/profiles; then
		echo 'profile corten-default {}' | apparmor_parser --remove
	fi
	trap 'umount /usr/bin/apparmor_parser' EXIT
	: >empty
	mount --bind empty /usr/bin/apparmor_parser
	chmod 0644 empty
	corten run --rm corten-test/busybox:1 cat /proc/self/attr/current >out 2>said
	same "$(cat out)" unconfined
	grep -q 'WARNING: AppArmor is enabled, but apparmor_parser is not installed' said || fail "$(cat said)"
}
