# SELinux with a policy of our own: what bears which context, and what levels keep apart. Read by tests/guest/run.
# shellcheck shell=bash disable=SC2034,SC2154

time_s=120
append="lsm=landlock,yama,selinux,bpf selinux=1 enforcing=0"

guest_build() {
	mkdir -p "$root/usr/lib/corten/images" "$root/etc/corten" "$root/lib/modules"
	add_busybox
	add_tests "$bin"/corten*
	add_program "$(command -v getfattr)"
	add_program "$(command -v setfattr)"
	ln -s usr/bin/corten-os-init "$root/init"
	echo guest >"$root/etc/hostname"
	cp "$top/kernel/modules/overlay.ko" "$root/lib/modules/"
	echo /lib/modules/overlay.ko >"$root/etc/corten/modules"
	echo 'kill -TERM 1' >"$root/tests/finish"
	"$here/selinux/make-policy" "$here/selinux/policy.cil" "$root/tests/policy"
	"$here/make-image" "$root/images/system.tar" corten-test/busybox:1
}

guest_check_end() {
	grep -q 'corten-os-init: powering off' "$console.text" && [ "$status" -eq 0 ]
}
