#include "kern/mount/options.h"

#include <errno.h>
#include <string.h>

#include "kern/uapi.h"

enum option_act {
	ACT_NONE, /* known, and the default already */
	ACT_ATTR_SET,
	ACT_ATTR_CLEAR,
	ACT_REC_SET,
	ACT_REC_CLEAR,
	ACT_SB_SET,
	ACT_SB_CLEAR,
	ACT_PROPAGATION,
	ACT_BIND, /* value: recursive */
	ACT_REMOUNT,
	ACT_TMPCOPYUP,
	ACT_COPY_SYMLINK,
	ACT_SRC_NOFOLLOW,
	ACT_DEST_NOFOLLOW,
	ACT_IDMAP,
};

struct option_row {
	const char *name;
	enum option_act act;
	uint32_t value;
};

/*
 * Sorted by name. The options of the runtime specification's list, runc and crun. "norelatime"
 * clears a flag that is 0. crun's rsync, rdirsync and rmand concern superblocks, which have no
 * recursion.
 */
static const struct option_row option_rows[] = {
	{"async", ACT_SB_CLEAR, MS_SYNCHRONOUS},
	{"atime", ACT_ATTR_CLEAR, MOUNT_ATTR_NOATIME},
	{"bind", ACT_BIND, false},
	{"copy-symlink", ACT_COPY_SYMLINK, 0},
	{"defaults", ACT_NONE, 0},
	{"dest-nofollow", ACT_DEST_NOFOLLOW, 0},
	{"dev", ACT_ATTR_CLEAR, MOUNT_ATTR_NODEV},
	{"diratime", ACT_ATTR_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"dirsync", ACT_SB_SET, MS_DIRSYNC},
	{"exec", ACT_ATTR_CLEAR, MOUNT_ATTR_NOEXEC},
	{"idmap", ACT_IDMAP, MOUNT_IDMAP_ONE},
	{"iversion", ACT_SB_SET, MS_I_VERSION},
	{"lazytime", ACT_SB_SET, MS_LAZYTIME},
	{"loud", ACT_SB_CLEAR, MS_SILENT},
	{"mand", ACT_SB_SET, MS_MANDLOCK},
	{"noatime", ACT_ATTR_SET, MOUNT_ATTR_NOATIME},
	{"nodev", ACT_ATTR_SET, MOUNT_ATTR_NODEV},
	{"nodiratime", ACT_ATTR_SET, MOUNT_ATTR_NODIRATIME},
	{"noexec", ACT_ATTR_SET, MOUNT_ATTR_NOEXEC},
	{"noiversion", ACT_SB_CLEAR, MS_I_VERSION},
	{"nolazytime", ACT_SB_CLEAR, MS_LAZYTIME},
	{"nomand", ACT_SB_CLEAR, MS_MANDLOCK},
	{"norelatime", ACT_NONE, 0},
	{"nostrictatime", ACT_ATTR_CLEAR, MOUNT_ATTR_STRICTATIME},
	{"nosuid", ACT_ATTR_SET, MOUNT_ATTR_NOSUID},
	{"nosymfollow", ACT_ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"private", ACT_PROPAGATION, MS_PRIVATE},
	{"rasync", ACT_SB_CLEAR, MS_SYNCHRONOUS},
	{"ratime", ACT_REC_CLEAR, MOUNT_ATTR_NOATIME},
	{"rbind", ACT_BIND, true},
	{"rdev", ACT_REC_CLEAR, MOUNT_ATTR_NODEV},
	{"rdiratime", ACT_REC_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"rdirsync", ACT_SB_SET, MS_DIRSYNC},
	{"relatime", ACT_ATTR_SET, MOUNT_ATTR_RELATIME},
	{"remount", ACT_REMOUNT, 0},
	{"rexec", ACT_REC_CLEAR, MOUNT_ATTR_NOEXEC},
	{"ridmap", ACT_IDMAP, MOUNT_IDMAP_RECURSIVE},
	{"rmand", ACT_SB_SET, MS_MANDLOCK},
	{"rnoatime", ACT_REC_SET, MOUNT_ATTR_NOATIME},
	{"rnodev", ACT_REC_SET, MOUNT_ATTR_NODEV},
	{"rnodiratime", ACT_REC_SET, MOUNT_ATTR_NODIRATIME},
	{"rnoexec", ACT_REC_SET, MOUNT_ATTR_NOEXEC},
	{"rnomand", ACT_SB_CLEAR, MS_MANDLOCK},
	{"rnorelatime", ACT_NONE, 0},
	{"rnostrictatime", ACT_REC_CLEAR, MOUNT_ATTR_STRICTATIME},
	{"rnosuid", ACT_REC_SET, MOUNT_ATTR_NOSUID},
	{"rnosymfollow", ACT_REC_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", ACT_ATTR_SET, MOUNT_ATTR_RDONLY},
	{"rprivate", ACT_PROPAGATION, MS_PRIVATE | MS_REC},
	{"rrelatime", ACT_REC_SET, MOUNT_ATTR_RELATIME},
	{"rro", ACT_REC_SET, MOUNT_ATTR_RDONLY},
	{"rrw", ACT_REC_CLEAR, MOUNT_ATTR_RDONLY},
	{"rshared", ACT_PROPAGATION, MS_SHARED | MS_REC},
	{"rslave", ACT_PROPAGATION, MS_SLAVE | MS_REC},
	{"rstrictatime", ACT_REC_SET, MOUNT_ATTR_STRICTATIME},
	{"rsuid", ACT_REC_CLEAR, MOUNT_ATTR_NOSUID},
	{"rsymfollow", ACT_REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"rsync", ACT_SB_SET, MS_SYNCHRONOUS},
	{"runbindable", ACT_PROPAGATION, MS_UNBINDABLE | MS_REC},
	{"rw", ACT_ATTR_CLEAR, MOUNT_ATTR_RDONLY},
	{"shared", ACT_PROPAGATION, MS_SHARED},
	{"silent", ACT_SB_SET, MS_SILENT},
	{"slave", ACT_PROPAGATION, MS_SLAVE},
	{"src-nofollow", ACT_SRC_NOFOLLOW, 0},
	{"strictatime", ACT_ATTR_SET, MOUNT_ATTR_STRICTATIME},
	{"suid", ACT_ATTR_CLEAR, MOUNT_ATTR_NOSUID},
	{"symfollow", ACT_ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", ACT_SB_SET, MS_SYNCHRONOUS},
	{"tmpcopyup", ACT_TMPCOPYUP, 0},
	{"unbindable", ACT_PROPAGATION, MS_UNBINDABLE},
};

#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

static const struct option_row *option_find(const char *name)
{
	size_t low = 0, high = OPTION_ROWS;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, option_rows[middle].name);
		if (order == 0)
			return &option_rows[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The access-time modes are one field: MOUNT_ATTR_RELATIME is its zero. */
static bool attr_is_atime_mode(uint64_t attr)
{
	return attr == MOUNT_ATTR_RELATIME || (attr & MOUNT_ATTR__ATIME) != 0;
}

static void attr_set(uint64_t *set, uint64_t *clear, uint64_t attr)
{
	if (attr_is_atime_mode(attr)) {
		*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		*clear |= MOUNT_ATTR__ATIME;
	} else {
		*clear &= ~attr;
	}
	*set |= attr;
}

static void attr_clear(uint64_t *set, uint64_t *clear, uint64_t attr)
{
	if (!attr_is_atime_mode(attr)) {
		*set &= ~attr;
		*clear |= attr;
	} else if ((*set & MOUNT_ATTR__ATIME) == attr || (*set & MOUNT_ATTR__ATIME) == 0) {
		*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		*clear |= MOUNT_ATTR__ATIME;
	}
}

static int option_apply(struct mount_options *options, const struct option_row *row,
			struct err *err)
{
	switch (row->act) {
	case ACT_NONE:
		break;
	case ACT_ATTR_SET:
		attr_set(&options->attr_set, &options->attr_clear, row->value);
		break;
	case ACT_ATTR_CLEAR:
		attr_clear(&options->attr_set, &options->attr_clear, row->value);
		break;
	case ACT_REC_SET:
		attr_set(&options->rec_attr_set, &options->rec_attr_clear, row->value);
		break;
	case ACT_REC_CLEAR:
		attr_clear(&options->rec_attr_set, &options->rec_attr_clear, row->value);
		break;
	case ACT_SB_SET:
		options->sb_flags |= row->value;
		options->sb_clear &= ~row->value;
		break;
	case ACT_SB_CLEAR:
		options->sb_flags &= ~row->value;
		options->sb_clear |= row->value;
		break;
	case ACT_PROPAGATION:
		if (options->propagation_count == MOUNT_PROPAGATION_MAX)
			return err_set(err, ERR_INVALID, 0,
				       "mount option '%s': more than %d propagation options",
				       row->name, MOUNT_PROPAGATION_MAX);
		options->propagation[options->propagation_count++] = row->value;
		break;
	case ACT_BIND:
		options->bind = true;
		options->recursive = options->recursive || row->value != 0;
		break;
	case ACT_REMOUNT:
		options->remount = true;
		break;
	case ACT_TMPCOPYUP:
		options->tmpcopyup = true;
		break;
	case ACT_COPY_SYMLINK:
		options->copy_symlink = true;
		break;
	case ACT_SRC_NOFOLLOW:
		options->src_nofollow = true;
		break;
	case ACT_DEST_NOFOLLOW:
		options->dest_nofollow = true;
		break;
	case ACT_IDMAP:
		options->idmap = (enum mount_idmap)row->value;
		break;
	}
	return 0;
}

/* crun: "idmap=uids=0-1000-1;gids=..." carries its own mappings. */
static int option_idmap_text(struct mount_options *options, const char *option)
{
	if (strncmp(option, "idmap=", 6) == 0) {
		options->idmap = MOUNT_IDMAP_ONE;
		options->idmap_text = option + 6;
		return 1;
	}
	if (strncmp(option, "ridmap=", 7) == 0) {
		options->idmap = MOUNT_IDMAP_RECURSIVE;
		options->idmap_text = option + 7;
		return 1;
	}
	return 0;
}

int mount_options_parse(const char *const *options, size_t count, char *data, size_t data_size,
			struct mount_options *ret_options, struct err *err)
{
	struct mount_options parsed = {.data = data};
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const struct option_row *row = option_find(options[i]);
		size_t len = strlen(options[i]);

		if (row != NULL) {
			int rc = option_apply(&parsed, row, err);
			if (rc < 0)
				return rc;
			continue;
		}
		if (len == 0 || option_idmap_text(&parsed, options[i]))
			continue;
		if (used + len + 2 > data_size)
			return err_set(
				err, ERR_INVALID, E2BIG,
				"mount option '%.64s': options for the filesystem are longer "
				"than %zu bytes",
				options[i], data_size);
		if (used > 0)
			data[used++] = ',';
		(void)memcpy(data + used, options[i], len);
		used += len;
	}
	if (data_size == 0)
		return err_set(err, ERR_INVALID, E2BIG, "no room for mount options");
	data[used] = '\0';
	*ret_options = parsed;
	return 0;
}

const char *mount_option_name(size_t index)
{
	return index < OPTION_ROWS ? option_rows[index].name : NULL;
}

uint32_t mount_propagation_of(const char *name)
{
	const struct option_row *row = option_find(name);

	return row != NULL && row->act == ACT_PROPAGATION ? row->value : 0;
}
