"""As much of Python's libmount, which Debian no longer packages, as crun's tests of mounts ask for."""


class Mount:
    def __init__(self, line):
        fields = line.split()
        end = fields.index("-")
        self.target, self.vfs_options, self.fs_options = fields[4], fields[5], fields[end + 3]


class Table:
    """A mountinfo file."""

    def __init__(self, path):
        with open(path) as file:
            self.mounts = [Mount(line) for line in file if " - " in line]

    def find_target(self, target):
        """The uppermost mount on a path."""
        return [mount for mount in self.mounts if mount.target == target][-1]
