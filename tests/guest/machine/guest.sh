# corten-os-init as PID 1. Read by tests/guest/run.
# shellcheck shell=bash disable=SC2034,SC2154

guest_build() {
	mkdir -p "$root/usr/lib/corten/images" "$root/etc/corten/system" "$root/lib/modules"
	add_busybox
	add_tests "$bin"/corten*
	add_program "$(command -v apparmor_parser)"
	ln -s usr/bin/corten-os-init "$root/init"
	echo guest >"$root/etc/hostname"
	cp "$top"/kernel/modules/*.ko "$root/lib/modules/"
	sed 's,^,/lib/modules/,' "$top/kernel/modules/list" >"$root/etc/corten/modules"
	cp "$here"/machine/system/*.container "$root/etc/corten/system/"
	echo 'kill -TERM 1' >"$root/tests/finish"
	"$here/make-image" "$root/usr/lib/corten/images/system.tar" corten-test/busybox:1
}

guest_check_end() {
	grep -q 'corten-os-init: powering off' "$console.text" && [ "$status" -eq 0 ]
}
