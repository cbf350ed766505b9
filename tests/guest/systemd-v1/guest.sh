# The guest `systemd`, with the controllers on version 1 and systemd's own tree on both (the hybrid layout). Read by
# tests/guest/run.
# shellcheck shell=bash disable=SC2034,SC2154

# shellcheck source=/dev/null
. "$here/systemd/guest.sh"
append="$append systemd.unified_cgroup_hierarchy=0"
