# The manager of an ordinary user.

as_user() {
	setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/user XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

user_manager() {
	systemctl start user@1000.service
	[ -S /run/user/1000/bus ] || wait_for 20 test -S /run/user/1000/bus
}

# The user's own bus is the one that is asked, and it answers.
test_the_users_bus_is_asked() {
	user_manager
	bundle 'true'
	chmod -R a+rX "$PWD"
	status=0
	as_user corten-runtime --systemd-cgroup --root /run/user/1000/corten run --bundle "$PWD" u1 >run.out 2>&1 || status=$?
	# The path of this bundle is no SLICE:PREFIX:NAME, which is looked at after the bus has answered.
	grep -q 'SLICE:PREFIX:NAME' run.out || fail "$(cat run.out)"
	as_user env XDG_RUNTIME_DIR=/nowhere corten-runtime --systemd-cgroup --root /run/user/1000/corten \
		run --bundle "$PWD" u1 >run.out 2>&1 && fail "it ran"
	grep -q '/nowhere/bus' run.out || fail "$(cat run.out)"
}

# The user's own manager makes the scope, and has it no more when the start has failed.
test_the_users_manager_makes_the_scope() {
	user_manager
	cgroups_path=app-x.slice:t:u2
	bundle 'true'
	sed -i 's/"namespaces": \[/"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "namespaces": [{"type": "user"}, /; s,"/images/busybox","/images/none",' config.json
	chmod -R a+rX "$PWD"
	scope=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/t-u2.scope
	(while [ ! -e "$scope" ]; do :; done && : >seen) &
	watcher=$!
	as_user corten-runtime --systemd-cgroup --root /run/user/1000/corten run --bundle "$PWD" u2 >run.out 2>&1 && fail "it ran"
	kill $watcher 2>/dev/null || true
	grep -q '/images/none' run.out || fail "$(cat run.out)"
	[ -e seen ] || fail "there was no scope in the user's tree"
	same "$(as_user systemctl --user show --property LoadState --value t-u2.scope)" not-found
	[ ! -e "$scope" ]
	same "$(ls /run/user/1000/corten)" ""
}

# An ordinary user's container, in a scope of the user's own manager.
test_a_users_container_is_in_the_users_tree() {
	user_manager
	cgroups_path=app-x.slice:t:u2
	bundle 'sleep 1000'
	sed -i 's/"namespaces": \[/"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "namespaces": [{"type": "user"}, /' config.json
	chmod -R a+rX "$PWD"
	mkdir -p /run/user/1000/test
	chown 1000:1000 /run/user/1000/test
	trap 'as_user corten-runtime --root /run/user/1000/corten delete --force u2' EXIT
	as_user corten-runtime --systemd-cgroup --root /run/user/1000/corten run --detach --bundle "$PWD" \
		--pid-file /run/user/1000/test/pid u2 >run.out 2>&1 || fail "$(cat run.out)"
	same "$(cat "/proc/$(cat /run/user/1000/test/pid)/cgroup")" \
		0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/t-u2.scope
	same "$(as_user systemctl --user show --property ActiveState --value t-u2.scope)" active
	as_user corten-runtime --root /run/user/1000/corten delete --force u2
	trap - EXIT
	same "$(as_user systemctl --user show --property LoadState --value t-u2.scope)" not-found
}
