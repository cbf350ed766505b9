#include "image/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/copy_plan.h"
#include "image/copy_push.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/progress.h"
#include "image/records.h"
#include "image/sink.h"
#include "oci/document.h"
#include "store/reference.h"
#include "store/wire_copy.h"

#define NAME_KEY            "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME_KEY "io.containerd.image.name"
#define COPY_NAME_MAX       96

struct copy {
	const struct copy_options *options;
	int root_fd;
	struct arena arena;
	struct wire_copy request;
	struct archive *archive;
	struct copy_plan plan;
	struct sink sink;
};

static bool is_dir(const struct copy *copy)
{
	return copy->request.form == STORE_FORM_DOCKER_DIR;
}

static bool is_document(const struct oci_descriptor *descriptor)
{
	return oci_is_index(descriptor->media_type) || oci_is_manifest(descriptor->media_type);
}

/* In a folder of one image ("dir:") the top is manifest.json, others are known by their digests. */
static const char *name_of(const struct copy *copy, size_t number, char name[COPY_NAME_MAX])
{
	const struct oci_descriptor *descriptor = &copy->plan.items[number].descriptor;
	const char *hex = descriptor->digest + strlen("sha256:");

	if (!is_dir(copy))
		(void)snprintf(name, COPY_NAME_MAX, "blobs/sha256/%.64s", hex);
	else if (number + 1 == copy->plan.count)
		(void)snprintf(name, COPY_NAME_MAX, "manifest.json");
	else
		(void)snprintf(name, COPY_NAME_MAX, "%.64s%s", hex,
			       is_document(descriptor) ? ".manifest.json" : "");
	return name;
}

/* A registry sends what it likes: as much as the descriptor says is read, and must be what it says. */
static int copy_member(struct copy *copy, size_t number, struct progress *progress, struct err *err)
{
	const struct copy_item *item = &copy->plan.items[number];
	const struct oci_descriptor *descriptor = &item->descriptor;
	char name[COPY_NAME_MAX], hex[65];
	struct archive_span span;
	struct file_stream file = {0};
	struct digest digest = {0};

	int rc = archive_find(copy->archive, item->member, &span, err);
	if (rc < 0)
		return rc;
	rc = digest_init(&digest, err);
	if (rc == 0)
		rc = file_stream_init(&file, span.fd, span.offset, descriptor->size_bytes, err);
	file.digest = &digest;
	file.watch = progress_watch;
	file.watch_arg = progress;
	if (rc == 0)
		rc = sink_copy(&copy->sink, name_of(copy, number, name), descriptor->size_bytes,
			       &file.stream, err);
	if (rc == 0) {
		digest_hex(&digest, hex);
		if (strcmp(hex, descriptor->digest + strlen("sha256:")) != 0)
			rc = err_set(err, ERR_INVALID, 0, "it has the digest sha256:%s", hex);
	}
	file_stream_done(&file);
	digest_done(&digest);
	archive_span_done(&span);
	return rc;
}

static int copy_blob(struct copy *copy, size_t number, struct err *err)
{
	const struct oci_descriptor *descriptor = &copy->plan.items[number].descriptor;
	const char *hex = descriptor->digest + strlen("sha256:");
	int records = copy->options->records_fd;
	const int64_t start[2] = {0, descriptor->size_bytes};
	const int64_t end[2] = {descriptor->size_bytes, descriptor->size_bytes};
	struct progress progress = {.records_fd = records,
				    .layer = (uint32_t)number,
				    .total_bytes = descriptor->size_bytes};

	int rc = records_layer(records, WIRE_LAYER, (uint32_t)number, hex, start, err);
	if (rc == 0)
		rc = copy_member(copy, number, &progress, err);
	if (rc < 0)
		return err_wrap(err, rc, "blob %.19s", descriptor->digest);
	return records_layer(records, WIRE_DONE, (uint32_t)number, hex, end, err);
}

static int copy_items(struct copy *copy, struct err *err)
{
	char name[COPY_NAME_MAX];
	int rc = 0;

	if (!is_dir(copy)) {
		rc = sink_folder(&copy->sink, "blobs", err);
		if (rc == 0)
			rc = sink_folder(&copy->sink, "blobs/sha256", err);
	}
	for (size_t i = 0; rc == 0 && i < copy->plan.count; i++) {
		const struct copy_item *item = &copy->plan.items[i];
		if (item->text.data != NULL)
			rc = sink_put(&copy->sink, name_of(copy, i, name), item->text.data,
				      item->text.len, err);
		else
			rc = copy_blob(copy, i, err);
	}
	return rc;
}

/* "box:1" of an archive for Docker is a whole reference; a layout knows a word. */
static int make_annotations(const struct copy *copy, struct json_pair pairs[2],
			    struct reference *reference, char full[REFERENCE_TEXT_MAX],
			    size_t *ret_count, struct err *err)
{
	*ret_count = 0;
	if (copy->request.name == NULL)
		return 0;
	if (copy->request.form != STORE_FORM_DOCKER_ARCHIVE) {
		pairs[(*ret_count)++] = (struct json_pair){NAME_KEY, copy->request.name};
		return 0;
	}
	int rc = reference_parse(copy->request.name, reference, err);
	if (rc < 0)
		return rc;
	pairs[(*ret_count)++] =
		(struct json_pair){CONTAINERD_NAME_KEY, reference_full(reference, full)};
	pairs[(*ret_count)++] = (struct json_pair){NAME_KEY, reference->tag};
	return 0;
}

static int put_index(struct copy *copy, struct err *err)
{
	const struct copy_item *top = &copy->plan.items[copy->plan.count - 1];
	struct oci_descriptor descriptor = {.media_type = top->descriptor.media_type,
					    .digest = top->descriptor.digest,
					    .size_bytes = top->descriptor.size_bytes};
	struct oci_index index = {.schema_version = 2,
				  .media_type = OCI_MEDIA_INDEX,
				  .manifests = {.items = &descriptor, .count = 1}};
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);
	struct json_pair pairs[2];
	char full[REFERENCE_TEXT_MAX];
	struct reference reference;

	descriptor.annotations.items = pairs;
	int rc =
		make_annotations(copy, pairs, &reference, full, &descriptor.annotations.count, err);
	if (rc < 0)
		return rc;
	json_write(&oci_index_shape, &index, JSON_COMPACT, &text);
	rc = buf_check(&text, "index.json", err);
	return rc < 0 ? rc : sink_put(&copy->sink, "index.json", text.data, text.len, err);
}

static const char *blob_member(struct copy *copy, const char *digest)
{
	char text[COPY_NAME_MAX];

	(void)snprintf(text, sizeof(text), "blobs/sha256/%.64s", digest + strlen("sha256:"));
	return arena_strndup(&copy->arena, text, strlen(text));
}

/* What docker load looks for. */
static int put_docker_list(struct copy *copy, struct err *err)
{
	const struct oci_manifest *manifest = copy->plan.manifest;
	struct oci_docker_archive_image image = {
		.config = blob_member(copy, manifest->config->digest)};
	const oci_docker_archive list = {.items = &image, .count = 1};
	const char **layers =
		arena_alloc(&copy->arena, (manifest->layers.count + 1) * sizeof(*layers));
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);
	char familiar[REFERENCE_TEXT_MAX];
	const char *name = familiar;
	struct reference reference;

	if (image.config == NULL || layers == NULL)
		return copy_plan_full(err);
	for (size_t i = 0; i < manifest->layers.count; i++) {
		layers[i] = blob_member(copy, manifest->layers.items[i].digest);
		if (layers[i] == NULL)
			return copy_plan_full(err);
	}
	image.layers = (json_strings){layers, manifest->layers.count};
	if (copy->request.name != NULL) {
		int rc = reference_parse(copy->request.name, &reference, err);
		if (rc < 0)
			return rc;
		(void)reference_familiar(&reference, familiar);
		image.repo_tags = (json_strings){&name, 1};
	}
	json_write_list(&oci_docker_archive_image_shape, &list, JSON_COMPACT, &text);
	int rc = buf_check(&text, "manifest.json", err);
	return rc < 0 ? rc : sink_put(&copy->sink, "manifest.json", text.data, text.len, err);
}

static int put_documents(struct copy *copy, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"" OCI_LAYOUT_VERSION "\"}";
	static const char version[] = "Directory Transport Version: 1.1\n";

	if (is_dir(copy))
		return sink_put(&copy->sink, "version", version, strlen(version), err);
	int rc = put_index(copy, err);
	if (rc == 0 && copy->request.form == STORE_FORM_DOCKER_ARCHIVE)
		rc = put_docker_list(copy, err);
	return rc < 0 ? rc : sink_put(&copy->sink, "oci-layout", layout, strlen(layout), err);
}

/* Before anything is written. */
static int check_form(const struct copy *copy, struct err *err)
{
	const struct oci_manifest *manifest = copy->plan.manifest;

	if (copy->request.form != STORE_FORM_DOCKER_ARCHIVE)
		return 0;
	if (manifest == NULL)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "an archive for docker load holds one platform's image, not an "
			       "index: leave out --all, or use oci-archive:");
	if (strcmp(manifest->config->media_type, OCI_MEDIA_CONFIG) != 0 &&
	    strcmp(manifest->config->media_type, DOCKER_MEDIA_CONFIG) != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "an artifact ('%.100s') is no image that docker load could take: "
			       "use oci-archive:",
			       manifest->config->media_type);
	return 0;
}

static int tell_image(const struct copy *copy, struct err *err)
{
	const char *hex =
		copy->plan.items[copy->plan.count - 1].descriptor.digest + strlen("sha256:");
	struct wire_record record = {.type = WIRE_IMAGE};

	memcpy(record.hex, hex, 64);
	memcpy(record.top, hex, 64);
	return records_send(copy->options->records_fd, &record, err);
}

static int read_request(struct copy *copy, struct copy_wish *ret_wish, struct err *err)
{
	BUF_AUTO(text, WIRE_COPY_BYTES_MAX);

	int rc = fd_read_regular_at(copy->root_fd, WIRE_COPY_REQUEST, &text, err);
	if (rc == 0)
		rc = json_parse(&wire_copy_shape, text.data != NULL ? text.data : "", text.len,
				&copy->arena, &copy->request, err);
	if (rc == 0)
		rc = platform_parse(copy->request.platform, &ret_wish->platform, err);
	ret_wish->name = copy->request.source_name;
	ret_wish->all = copy->request.all;
	return rc;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int open_source(struct copy *copy, struct err *err)
{
	if (is_socket(copy->options->input_fd))
		return archive_open_served(copy->options->input_fd, &copy->archive, err);
	return archive_open(copy->options->input_fd, copy->root_fd, &copy->archive, err);
}

static int write_out(struct copy *copy, struct err *err)
{
	int rc = sink_init(&copy->sink, copy->options->output_fd, err);

	if (rc == 0)
		rc = check_form(copy, err);
	if (rc == 0)
		rc = copy_items(copy, err);
	if (rc == 0)
		rc = put_documents(copy, err);
	if (rc == 0)
		rc = sink_end(&copy->sink, err);
	sink_done(&copy->sink);
	return rc;
}

static int bring(struct copy *copy, struct err *err)
{
	const struct copy_push push = {.archive = copy->archive,
				       .plan = &copy->plan,
				       .socket_fd = copy->options->output_fd,
				       .records_fd = copy->options->records_fd,
				       .mount = copy->request.mount};

	return copy_push(&push, err);
}

int image_copy(const struct copy_options *options, struct err *err)
{
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy copy = {.options = options,
			    .root_fd = root,
			    .arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX),
			    .sink = {.file_fd = FD_NONE}};
	struct copy_wish wish = {0};

	if (root < 0)
		return err_errno(err, "open the staging folder");
	int rc = read_request(&copy, &wish, err);
	if (rc == 0)
		rc = open_source(&copy, err);
	if (rc == 0)
		rc = copy_plan_read(copy.archive, &wish, &copy.plan, err);
	if (rc == 0)
		rc = is_socket(options->output_fd) ? bring(&copy, err) : write_out(&copy, err);
	if (rc == 0)
		rc = tell_image(&copy, err);
	copy_plan_done(&copy.plan);
	archive_close(copy.archive);
	arena_done(&copy.arena);
	return rc;
}
