#include "image/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"
#include "image/inflate.h"
#include "image/limits.h"
#include "image/served.h"
#include "image/tar.h"
#include "kern/uapi.h"

#define SPOOL_NAME "spool"

struct member {
	const char *name;
	const char *link; /* the member it stands for; NULL: it is a file */
	int64_t offset;
	int64_t size_bytes;
	size_t order;
};

struct archive {
	bool folder;
	struct served *served; /* owned; NULL: not served */
	int fd;                /* lent, or the spool's */
	int spool_fd;          /* owned */
	struct arena arena;
	struct member
		*members; /* sorted by name; of one name the last of the archive comes first */
	size_t count;
	size_t room;
};

static int compare(const void *one, const void *two)
{
	const struct member *a = one;
	const struct member *b = two;
	int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	return a->order > b->order ? -1 : 1;
}

/* Joins the folder of `base` (or "" ) and a relative path; NULL when it leads out. */
static char *normalise(struct arena *arena, const char *base, const char *path)
{
	const char *slash = strrchr(base, '/');
	size_t base_len = slash ? (size_t)(slash - base) : 0;
	char *out = arena_alloc(arena, base_len + strlen(path) + 2);
	size_t len = base_len;

	if (out == NULL)
		return NULL;
	memcpy(out, base, base_len);
	while (*path != '\0') {
		size_t part = strcspn(path, "/");
		if (part == 2 && memcmp(path, "..", 2) == 0) {
			if (len == 0)
				return NULL;
			while (len > 0 && out[len - 1] != '/')
				len--;
			len -= len > 0;
		} else if (part > 0 && !(part == 1 && path[0] == '.')) {
			if (len > 0)
				out[len++] = '/';
			memcpy(out + len, path, part);
			len += part;
		}
		path += part + (path[part] == '/');
	}
	out[len] = '\0';
	return out;
}

static int add_member(struct archive *archive, const struct tar *tar, struct err *err)
{
	const struct tar_entry *entry = &tar->entry;

	if (entry->type == TAR_FOLDER)
		return 0;
	if (archive->count >= IMAGE_MEMBERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "the archive has more than %d members",
			       IMAGE_MEMBERS_MAX);
	if (entry->name[0] == '/' || entry->sparse ||
	    (entry->type != TAR_FILE && entry->type != TAR_SYMLINK && entry->type != TAR_HARDLINK))
		return err_set(err, ERR_INVALID, EINVAL,
			       "member '%.200s': an image archive has no such entries",
			       entry->name);
	if (archive->count == archive->room) {
		size_t room = archive->room == 0 ? 64 : 2 * archive->room;
		struct member *more = realloc(archive->members, room * sizeof(*more));
		if (more == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "index the archive");
		archive->members = more;
		archive->room = room;
	}
	struct member *member = &archive->members[archive->count];
	*member = (struct member){.offset = tar->from->taken,
				  .size_bytes = entry->size_bytes,
				  .order = archive->count};
	member->name = normalise(&archive->arena, "", entry->name);
	if (entry->type != TAR_FILE)
		member->link =
			normalise(&archive->arena, entry->type == TAR_SYMLINK ? entry->name : "",
				  entry->link);
	if (member->name == NULL || (entry->type != TAR_FILE && member->link == NULL))
		return err_set(err, ERR_INVALID, EINVAL,
			       "member '%.200s': its name or link leads out of the archive",
			       entry->name);
	archive->count++;
	return 0;
}

static int build_index(struct archive *archive, int64_t size, struct err *err)
{
	struct file_stream file;
	struct tar tar;

	int rc = file_stream_init(&file, archive->fd, 0, size, err);
	if (rc < 0)
		return rc;
	tar_init(&tar, &file.stream);
	while ((rc = tar_next(&tar, err)) > 0) {
		rc = add_member(archive, &tar, err);
		if (rc < 0)
			break;
	}
	tar_done(&tar);
	file_stream_done(&file);
	if (archive->count > 0)
		qsort(archive->members, archive->count, sizeof(*archive->members), compare);
	return rc;
}

static int copy_out(struct stream *from, int fd, int64_t *ret_size, struct err *err)
{
	for (*ret_size = 0;;) {
		int rc = stream_peek(from, err);
		if (rc <= 0)
			return rc;
		rc = fd_write_all(fd, from->at, from->len);
		if (rc < 0)
			return err_set(err, ERR_SYSTEM, -rc, "write a copy of the archive");
		*ret_size += (int64_t)from->len;
		stream_take(from, from->len);
	}
}

/* What is packed or comes from a pipe is written out once. */
static int spool(struct archive *archive, int input_fd, int64_t offset, int work_fd,
		 int64_t *ret_size, struct err *err)
{
	struct inflate *inflate = NULL;
	struct file_stream file;

	archive->spool_fd = openat(work_fd, SPOOL_NAME,
				   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (archive->spool_fd < 0)
		return err_errno(err, "make a copy of the archive");
	(void)unlinkat(work_fd, SPOOL_NAME, 0);
	archive->fd = archive->spool_fd;
	int rc = file_stream_init(&file, input_fd, offset, -1, err);
	if (rc < 0)
		return rc;
	rc = inflate_new(&file.stream, NULL, IMAGE_SPOOL_BYTES_MAX, &inflate, err);
	if (rc == 0)
		rc = copy_out(inflate_stream(inflate), archive->spool_fd, ret_size, err);
	inflate_free(inflate);
	file_stream_done(&file);
	return rc;
}

static bool is_packed(int fd)
{
	uint8_t magic[8] = {0};

	if (pread(fd, magic, sizeof(magic), 0) < 4)
		return false;
	return (magic[0] == 0x1f && magic[1] == 0x8b) ||
	       memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 || memcmp(magic, "BZh", 3) == 0 ||
	       memcmp(magic,
		      "\xfd"
		      "7zX",
		      4) == 0;
}

static int open_into(struct archive *archive, int input_fd, int work_fd, struct err *err)
{
	struct stat st;
	int rc = 0;

	if (fstat(input_fd, &st) < 0)
		return err_errno(err, "look at the archive");
	archive->fd = input_fd;
	archive->folder = S_ISDIR(st.st_mode);
	if (archive->folder)
		return 0;
	int64_t size = st.st_size;
	if (!S_ISREG(st.st_mode))
		rc = spool(archive, input_fd, -1, work_fd, &size, err);
	else if (is_packed(input_fd))
		rc = spool(archive, input_fd, 0, work_fd, &size, err);
	if (rc == 0 && size == 0)
		rc = err_set(err, ERR_INVALID, 0, "the archive is empty");
	return rc < 0 ? rc : build_index(archive, size, err);
}

int archive_open(int input_fd, int work_fd, struct archive **ret_archive, struct err *err)
{
	struct archive *archive = calloc(1, sizeof(*archive));

	if (archive == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "open the archive");
	archive->spool_fd = FD_NONE;
	archive->arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX);
	int rc = open_into(archive, input_fd, work_fd, err);
	if (rc < 0) {
		archive_close(archive);
		return rc;
	}
	*ret_archive = archive;
	return 0;
}

int archive_open_served(int socket_fd, struct archive **ret_archive, struct err *err)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	struct served *served = calloc(1, sizeof(*served));

	if (archive == NULL || served == NULL) {
		free(archive);
		free(served);
		return err_set(err, ERR_SYSTEM, ENOMEM, "open the registry's image");
	}
	served->socket_fd = socket_fd;
	(void)pthread_mutex_init(&served->mutex, NULL);
	archive->served = served;
	archive->fd = FD_NONE;
	archive->spool_fd = FD_NONE;
	*ret_archive = archive;
	return 0;
}

void archive_close(struct archive *archive)
{
	if (archive == NULL)
		return;
	fd_closep(&archive->spool_fd);
	arena_done(&archive->arena);
	free(archive->members);
	free(archive->served);
	free(archive);
}

/* The first of equal names, which is the last of the archive. */
static const struct member *lookup(const struct archive *archive, const char *name)
{
	size_t low = 0;
	size_t high = archive->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(archive->members[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == archive->count || strcmp(archive->members[low].name, name) != 0)
		return NULL;
	return &archive->members[low];
}

static int find_in_folder(const struct archive *archive, const char *name,
			  struct archive_span *ret_span, struct err *err)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	struct stat st;
	auto_fd fd = uapi_openat2(archive->fd, name, &how);

	if (fd < 0)
		return err_errno(err, "open '%.200s' in the folder", name);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at '%.200s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, EINVAL, "'%.200s' is not a file", name);
	*ret_span =
		(struct archive_span){.fd = fd_take(&fd), .size_bytes = st.st_size, .owned = true};
	return 0;
}

#define BLOBS     "blobs/sha256/"
#define MANIFESTS "manifests/sha256/"

const char *archive_blob_name(const struct archive *archive, enum archive_blob kind,
			      const char *hex, char buf[ARCHIVE_MEMBER_MAX])
{
	bool apart = archive->served != NULL && kind == ARCHIVE_MANIFEST;

	(void)snprintf(buf, ARCHIVE_MEMBER_MAX, "%s%.64s", apart ? MANIFESTS : BLOBS, hex);
	return buf;
}

bool archive_is_served(const struct archive *archive)
{
	return archive->served != NULL;
}

static int find_served(const struct archive *archive, const char *name,
		       struct archive_span *ret_span, struct err *err)
{
	enum wire_ask ask = WIRE_ASK_INDEX;
	const char *hex = NULL;

	if (strncmp(name, BLOBS, strlen(BLOBS)) == 0) {
		ask = WIRE_ASK_BLOB;
		hex = name + strlen(BLOBS);
	} else if (strncmp(name, MANIFESTS, strlen(MANIFESTS)) == 0) {
		ask = WIRE_ASK_MANIFEST;
		hex = name + strlen(MANIFESTS);
	} else if (strcmp(name, "index.json") != 0) {
		return err_set(err, ERR_NOT_FOUND, ENOENT, "a registry has no '%.200s'", name);
	}
	int fd = served_ask(archive->served, ask, hex, err);
	if (fd < 0)
		return fd;
	*ret_span = (struct archive_span){.fd = fd, .offset = -1, .size_bytes = -1, .owned = true};
	return 0;
}

int archive_check_size(const struct archive *archive, const char *name, int64_t size_bytes,
		       struct err *err)
{
	struct archive_span span;

	if (archive->served != NULL)
		return 0;
	int rc = archive_find(archive, name, &span, err);
	if (rc < 0)
		return rc;
	archive_span_done(&span);
	if (span.size_bytes != size_bytes)
		return err_set(err, ERR_INVALID, 0,
			       "'%.200s' has %lld bytes, its descriptor says %lld", name,
			       (long long)span.size_bytes, (long long)size_bytes);
	return 0;
}

int archive_find(const struct archive *archive, const char *name, struct archive_span *ret_span,
		 struct err *err)
{
	if (archive->served != NULL)
		return find_served(archive, name, ret_span, err);
	if (archive->folder)
		return find_in_folder(archive, name, ret_span, err);
	const struct member *member = lookup(archive, name);
	for (int hops = 0; member != NULL && member->link != NULL; hops++) {
		if (hops == IMAGE_LINK_HOPS_MAX)
			return err_set(err, ERR_INVALID, ELOOP, "member '%.200s': too many links",
				       name);
		member = lookup(archive, member->link);
	}
	if (member == NULL)
		return err_set(err, ERR_NOT_FOUND, ENOENT, "the archive has no member '%.200s'",
			       name);
	*ret_span = (struct archive_span){
		.fd = archive->fd, .offset = member->offset, .size_bytes = member->size_bytes};
	return 0;
}

void archive_span_done(struct archive_span *span)
{
	if (span->owned)
		fd_closep(&span->fd);
}

bool archive_has(const struct archive *archive, const char *name)
{
	struct archive_span span;
	struct err ignored;

	if (archive->served != NULL) /* to ask would be to fetch */
		return strcmp(name, "index.json") == 0;
	if (archive_find(archive, name, &span, &ignored) < 0)
		return false;
	archive_span_done(&span);
	return true;
}

static int read_served(int fd, const char *name, struct arena *arena, struct archive_text *ret_text,
		       struct err *err)
{
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);

	int rc = fd_read_all(fd, name, &text, err);
	if (rc < 0)
		return rc;
	ret_text->len = text.len;
	ret_text->data = arena_strndup(arena, text.data != NULL ? text.data : "", text.len);
	return ret_text->data != NULL
		       ? 0
		       : err_set(err, ERR_INVALID, ENOMEM,
				 "the image's documents are larger than %zu bytes together",
				 IMAGE_ARENA_BYTES_MAX);
}

int archive_read(const struct archive *archive, const char *name, struct arena *arena,
		 struct archive_text *ret_text, struct err *err)
{
	struct archive_span span;

	int rc = archive_find(archive, name, &span, err);
	if (rc < 0)
		return rc;
	if (archive->served != NULL) {
		rc = read_served(span.fd, name, arena, ret_text, err);
		archive_span_done(&span);
		return rc;
	}
	size_t size = (size_t)span.size_bytes;
	char *text = NULL;
	if (size > IMAGE_DOCUMENT_BYTES_MAX)
		rc = err_set(err, ERR_INVALID, EFBIG, "'%.200s' has %zu bytes, more than %zu", name,
			     size, IMAGE_DOCUMENT_BYTES_MAX);
	else if ((text = arena_alloc(arena, size + 1)) == NULL)
		rc = err_set(err, ERR_INVALID, ENOMEM,
			     "the archive's documents are larger than %zu bytes together",
			     IMAGE_ARENA_BYTES_MAX);
	for (size_t at = 0; rc == 0 && at < size;) {
		ssize_t got = pread(span.fd, text + at, size - at, span.offset + (int64_t)at);
		if (got < 0)
			rc = err_errno(err, "read '%.200s'", name);
		else if (got == 0)
			rc = err_set(err, ERR_INVALID, 0, "'%.200s' is cut", name);
		else
			at += (size_t)got;
	}
	archive_span_done(&span);
	if (rc == 0)
		*ret_text = (struct archive_text){text, size};
	return rc;
}
