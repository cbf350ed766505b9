# Debian with systemd as PID 1 and dbus. Read by tests/guest/run.
# shellcheck shell=bash disable=SC2034,SC2154

memory_mb=1024
time_s=300
append="reboot=t systemd.show_status=0 systemd.log_level=warning systemd.log_target=kmsg loglevel=4 corten.reloads=${CORTEN_GUEST_RELOADS:-}"

# The archive of Debian's files is made once.
guest_build() {
	"$here/systemd/make-base" "$top/systemd/base"
	base=$top/systemd/base/base.cpio
	add_tests "$bin/corten-runtime" # static: nothing of this machine's gets in the way of the base
	cp "$here/systemd/init" "$root/init"
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	cp "$here/systemd/corten-tests.service" "$root/etc/systemd/system/"
	ln -s ../corten-tests.service "$root/etc/systemd/system/multi-user.target.wants/"
	# What a guest of a minute needs not.
	for unit in systemd-udevd systemd-udev-trigger systemd-timesyncd systemd-random-seed systemd-hwdb-update \
		systemd-journal-flush systemd-sysctl systemd-modules-load systemd-remount-fs systemd-pstore \
		systemd-update-utmp systemd-update-utmp-runlevel e2scrub_reap console-getty getty@tty1 \
		serial-getty@ttyS0; do
		ln -s /dev/null "$root/etc/systemd/system/$unit.service"
	done
	for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all systemd-tmpfiles-clean fstrim; do
		ln -s /dev/null "$root/etc/systemd/system/$timer.timer"
	done
	echo guest >"$root/etc/hostname"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	echo 'exec reboot -ff' >"$root/tests/finish"
	echo "$((${CORTEN_GUEST_RELOADS:-0} + 60))" >"$root/tests/case_time_s"
}

guest_check_end() {
	[ "$status" -eq 0 ]
}
