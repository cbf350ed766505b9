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
