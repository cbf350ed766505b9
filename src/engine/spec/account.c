#include "engine/spec/account.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

#define ID_MAX INT32_MAX

/* One line cut at its colons; `fields` holds begin and length. */
struct entry {
	const char *at[7];
	size_t len[7];
	size_t count;
};

static const char *next_entry(const char *text, struct entry *entry)
{
	const char *end = text + strcspn(text, "\n");

	entry->count = 0;
	for (const char *at = text; entry->count < 7; at++) {
		size_t len = strcspn(at, ":\n");
		entry->at[entry->count] = at;
		entry->len[entry->count++] = len;
		at += len;
		if (at >= end)
			break;
	}
	return *end == '\n' ? end + 1 : end;
}

static bool field_is(const struct entry *entry, size_t i, const char *text, size_t len)
{
	return i < entry->count && entry->len[i] == len && memcmp(entry->at[i], text, len) == 0;
}

/* 0 for an id in range, -EINVAL for no number, -ERANGE for one too large. */
static int parse_id(const char *text, size_t len, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		if (id <= ID_MAX)
			id = id * 10 + (uint64_t)(text[i] - '0');
	}
	if (id > ID_MAX)
		return -ERANGE;
	*ret_id = (uint32_t)id;
	return 0;
}

static int bad_range(const char *text, size_t len, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "uids and gids must be in range 0-2147483647: '%.*s'",
		       (int)len, text);
}

/* True with *entry at the line whose name, or else whose id, is the text. */
static bool find_entry(const char *file, const char *text, size_t len, struct entry *entry)
{
	uint32_t wanted = 0, id = 0;
	bool numeric = parse_id(text, len, &wanted) == 0;

	for (int pass = 0; pass < (numeric ? 2 : 1); pass++) {
		for (const char *at = file; at != NULL && *at != '\0';) {
			at = next_entry(at, entry);
			if (entry->count < 3 || entry->len[0] == 0)
				continue;
			bool found = pass == 0 ? field_is(entry, 0, text, len)
					       : parse_id(entry->at[2], entry->len[2], &id) == 0 &&
							 id == wanted;
			if (found && parse_id(entry->at[2], entry->len[2], &id) == 0)
				return true;
		}
	}
	return false;
}

static int resolve_user(const char *text, size_t len, const char *passwd, struct arena *arena,
			struct account *account, struct entry *ret_entry, struct err *err)
{
	ret_entry->count = 0;
	if (find_entry(passwd, text, len, ret_entry)) {
		(void)parse_id(ret_entry->at[2], ret_entry->len[2], &account->uid);
		if (ret_entry->count > 3 && ret_entry->len[3] > 0 &&
		    parse_id(ret_entry->at[3], ret_entry->len[3], &account->gid) < 0)
			return bad_range(ret_entry->at[3], ret_entry->len[3], err);
		if (ret_entry->count > 5 && ret_entry->len[5] > 0) {
			account->home = arena_strndup(arena, ret_entry->at[5], ret_entry->len[5]);
			if (account->home == NULL)
				return err_set(err, ERR_SYSTEM, ENOMEM, "look up the user");
		}
		return 0;
	}
	ret_entry->count = 0;
	int rc = parse_id(text, len, &account->uid);
	if (rc == -ERANGE)
		return bad_range(text, len, err);
	if (rc < 0)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "unable to find user %.*s: no matching entries in passwd file",
			       (int)len, text);
	return 0;
}

static int resolve_group(const char *text, size_t len, const char *group, uint32_t *ret_gid,
			 struct err *err)
{
	struct entry entry;

	if (find_entry(group, text, len, &entry))
		return parse_id(entry.at[2], entry.len[2], ret_gid);
	int rc = parse_id(text, len, ret_gid);
	if (rc == -ERANGE)
		return bad_range(text, len, err);
	if (rc < 0)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "unable to find group %.*s: no matching entries in group file",
			       (int)len, text);
	return 0;
}

static bool is_member(const struct entry *entry, const char *name, size_t len)
{
	const char *at = entry->count > 3 ? entry->at[3] : "";
	const char *end = entry->count > 3 ? at + entry->len[3] : at;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t word = comma != NULL ? (size_t)(comma - at) : (size_t)(end - at);
		if (word == len && memcmp(at, name, len) == 0)
			return true;
		at += word + 1;
	}
	return false;
}

static void add_group(struct account *account, size_t room, uint32_t gid)
{
	for (size_t i = 0; i < account->groups.count; i++) {
		if (account->groups.items[i] == gid)
			return;
	}
	if (account->groups.count < room)
		account->groups.items[account->groups.count++] = gid;
}

/* The groups that list the user, unless a group was named. */
static void add_memberships(const struct entry *user, const char *group, size_t room,
			    struct account *account)
{
	struct entry entry = {0};
	uint32_t gid = 0;

	for (const char *at = group; at != NULL && *at != '\0';) {
		at = next_entry(at, &entry);
		if (is_member(&entry, user->at[0], user->len[0]) &&
		    parse_id(entry.at[2], entry.len[2], &gid) == 0)
			add_group(account, room, gid);
	}
}

/* An upper bound: every line of the file, the primary group and the extra ones. */
static size_t count_room(const char *group, const json_strings *extra)
{
	size_t lines = 2 + extra->count;

	for (const char *at = group; at != NULL && (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines < ACCOUNT_GROUPS_MAX ? lines : ACCOUNT_GROUPS_MAX;
}

int account_resolve(const char *user, const json_strings *extra, const char *passwd,
		    const char *group, struct arena *arena, struct account *ret_account,
		    struct err *err)
{
	struct account account = {.home = "/"};
	struct entry entry;
	const char *text = user != NULL && user[0] != '\0' ? user : "0";
	size_t len = strcspn(text, ":");
	const char *group_text = text[len] == ':' ? text + len + 1 : "";

	int rc = resolve_user(len > 0 ? text : "0", len > 0 ? len : 1, passwd, arena, &account,
			      &entry, err);
	if (rc == 0 && group_text[0] != '\0')
		rc = resolve_group(group_text, strlen(group_text), group, &account.gid, err);
	if (rc < 0)
		return rc;
	size_t room = count_room(group, extra);
	account.groups.items = arena_alloc(arena, room * sizeof(uint32_t));
	if (account.groups.items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "look up the user's groups");
	add_group(&account, room, account.gid);
	if (group_text[0] == '\0' && entry.count > 0)
		add_memberships(&entry, group, room, &account);
	for (size_t i = 0; i < extra->count; i++) {
		uint32_t gid = 0;
		rc = resolve_group(extra->items[i], strlen(extra->items[i]), group, &gid, err);
		if (rc < 0)
			return rc;
		add_group(&account, room, gid);
	}
	*ret_account = account;
	return 0;
}

/* Reads a file of the root into out; one that is absent, or no stored file, leaves it empty. */
static int read_in_root(int rootfd, const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	struct err absent = {0};

	/* The container may have put a FIFO, a device or a link into its /proc in their place. */
	auto_fd fd = path_open_regular_in_root(rootfd, path, &absent);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (st.st_size > ACCOUNT_FILE_MAX)
		return err_set(err, ERR_INVALID, 0, "the image's %s is larger than %d bytes", path,
			       ACCOUNT_FILE_MAX);
	return fd_read_all(fd, path, out, err);
}

int account_resolve_in_root(int rootfd, const char *user, const json_strings *extra,
			    struct arena *arena, struct account *ret_account, struct err *err)
{
	BUF_AUTO(passwd, ACCOUNT_FILE_MAX);
	BUF_AUTO(group, ACCOUNT_FILE_MAX);

	int rc = read_in_root(rootfd, "/etc/passwd", &passwd, err);
	if (rc == 0)
		rc = read_in_root(rootfd, "/etc/group", &group, err);
	if (rc < 0)
		return rc;
	return account_resolve(user, extra, passwd.data, group.data, arena, ret_account, err);
}
