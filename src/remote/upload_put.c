/* Manifests, and where blobs come from. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "remote/upload.h"

static ssize_t read_memory(void *arg, void *data, size_t size, struct err *err)
{
	struct upload_memory *memory = arg;
	size_t left = memory->size - memory->at;

	(void)err;
	if (size > left)
		size = left;
	if (size > 0)
		memcpy(data, memory->data + memory->at, size);
	memory->at += size;
	return (ssize_t)size;
}

static int restart_memory(void *arg, struct err *err)
{
	struct upload_memory *memory = arg;

	(void)err;
	memory->at = 0;
	return 0;
}

struct upload_source upload_from_memory(struct upload_memory *memory, const char *digest)
{
	return (struct upload_source){.read = read_memory,
				      .restart = restart_memory,
				      .arg = memory,
				      .size_bytes = (int64_t)memory->size,
				      .digest = digest};
}

static ssize_t read_file(void *arg, void *data, size_t size, struct err *err)
{
	struct upload_file *file = arg;
	ssize_t got;

	if (file->size_bytes >= 0 && (int64_t)size > file->size_bytes - file->at)
		size = (size_t)(file->size_bytes - file->at);
	do
		got = file->offset < 0 ? read(file->fd, data, size)
				       : pread(file->fd, data, size, file->offset + file->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "read what is to be uploaded");
	file->at += got;
	return got;
}

static int restart_file(void *arg, struct err *err)
{
	struct upload_file *file = arg;

	(void)err;
	file->at = 0;
	return 0;
}

struct upload_source upload_from_file(struct upload_file *file, const char *digest)
{
	return (struct upload_source){.read = read_file,
				      .restart = file->offset < 0 ? NULL : restart_file,
				      .arg = file,
				      .size_bytes = file->size_bytes,
				      .digest = digest};
}

static ssize_t read_document(void *arg, void *data, size_t size)
{
	struct err ignored;

	return read_memory(arg, data, size, &ignored);
}

static int rewind_document(void *arg)
{
	struct err ignored;

	return restart_memory(arg, &ignored);
}

int upload_manifest(struct session *session, const struct upload_manifest *manifest,
		    struct upload_put *ret_put, struct err *err)
{
	struct upload_memory memory = {.data = manifest->data, .size = manifest->size};
	const struct session_body body = {.read = read_document,
					  .rewind = rewind_document,
					  .arg = &memory,
					  .size_bytes = (int64_t)manifest->size};
	struct session_answer answer = {0};
	char path[256], type[300];
	const char *headers[] = {type};
	const struct session_request request = {.method = HTTP_PUT,
						.path = path,
						.headers = {.items = headers, .count = 1},
						.whole_s = REMOTE_DOCUMENT_S,
						.body = &body};

	int rc = str_format(path, sizeof(path), "manifests/%s", manifest->name);
	if (rc == 0)
		rc = str_format(type, sizeof(type), "Content-Type: %s", manifest->media_type);
	if (rc < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "a manifest's name is too long");
	*ret_put = (struct upload_put){0};
	rc = hash_of(manifest->data, manifest->size, ret_put->digest, err);
	if (rc == 0)
		rc = session_send(session, &request, &answer, err);
	if (rc < 0)
		return rc;
	ret_put->subject = answer.subject[0] != '\0';
	if (str_starts_with(answer.digest, "sha256:") &&
	    strcmp(answer.digest, ret_put->digest) != 0)
		return err_set(err, ERR_INVALID, 0,
			       "the registry says that the manifest %s has the digest %.80s",
			       ret_put->digest, answer.digest);
	return 0;
}
