/*
 * image.h - the image specification 1.1 as C structs, with what Docker writes in its place.
 *
 * Purpose    Index, manifest, descriptor, image configuration, layout marker; and manifest.json of
 *            the archive that `docker save` writes.
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 * Errors     ERR_INVALID with the place: "layers[3].digest: missing". The oci_*_check functions demand
 *            what a table cannot: digests of a known form, sizes not negative, a known version.
 */
#ifndef CORTEN_OCI_IMAGE_H
#define CORTEN_OCI_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

#define OCI_MEDIA_INDEX         "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST      "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG        "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER         "application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_LAYER_GZIP    "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_MEDIA_LAYER_ZSTD    "application/vnd.oci.image.layer.v1.tar+zstd"
#define OCI_MEDIA_EMPTY         "application/vnd.oci.empty.v1+json"
#define DOCKER_MEDIA_INDEX      "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MEDIA_MANIFEST   "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_CONFIG     "application/vnd.docker.container.image.v1+json"
#define DOCKER_MEDIA_LAYER      "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_MEDIA_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define OCI_LAYOUT_VERSION "1.0.0"

struct oci_platform {
	const char *architecture;
	const char *os;
	const char *os_version;
	json_strings os_features;
	const char *variant;
};

struct oci_descriptor {
	const char *media_type;
	const char *digest; /* "sha256:HEX" */
	int64_t size_bytes;
	json_strings urls;
	json_pairs annotations;
	const char *data; /* base64 */
	const char *artifact_type;
	struct oci_platform *platform;
};

struct oci_index {
	uint32_t schema_version; /* 2 */
	const char *media_type;
	const char *artifact_type;
	JSON_LIST_OF(struct oci_descriptor) manifests;
	struct oci_descriptor *subject;
	json_pairs annotations;
};

struct oci_manifest {
	uint32_t schema_version; /* 2 */
	const char *media_type;
	const char *artifact_type;
	struct oci_descriptor *config;
	JSON_LIST_OF(struct oci_descriptor) layers; /* the lowest first */
	struct oci_descriptor *subject;
	json_pairs annotations;
};

/* A set written as {"name": {}}. */
struct oci_set_entry {
	const char *name;
};
typedef JSON_LIST_OF(struct oci_set_entry) oci_set;

struct oci_healthcheck {
	json_strings test; /* {"NONE"}, {"CMD", ...} or {"CMD-SHELL", text}; empty: inherited */
	int64_t interval_ns;
	int64_t timeout_ns;
	int64_t start_period_ns;
	int64_t start_interval_ns;
	int32_t retries;
};

/* How a container of the image runs unless its user says otherwise. */
struct oci_image_run {
	const char *user;      /* "name", "uid", "uid:gid", "name:group" */
	oci_set exposed_ports; /* "80/tcp" */
	json_strings env;
	json_strings entrypoint;
	json_strings cmd;
	oci_set volumes;
	const char *working_dir;
	json_pairs labels;
	const char *stop_signal;
	bool args_escaped; /* other platforms' */
	struct oci_healthcheck *healthcheck;
	json_strings shell;
	json_strings on_build;
};

struct oci_rootfs {
	const char *type;      /* "layers" */
	json_strings diff_ids; /* of the unpacked archives, the lowest first */
};

struct oci_history {
	const char *created;
	const char *author;
	const char *created_by;
	const char *comment;
	bool empty_layer;
};

struct oci_image_config {
	const char *created; /* RFC 3339 */
	const char *author;
	const char *architecture;
	const char *variant;
	const char *os;
	const char *os_version;
	json_strings os_features;
	struct oci_image_run config;
	struct oci_rootfs rootfs;
	JSON_LIST_OF(struct oci_history) history;
};

/* The file "oci-layout". */
struct oci_layout {
	const char *image_layout_version;
};

/* One image of the list in a Docker archive's manifest.json; the names are files of the archive. */
struct oci_docker_archive_image {
	const char *config;
	json_strings repo_tags;
	json_strings layers;
};
typedef JSON_LIST_OF(struct oci_docker_archive_image) oci_docker_archive;

extern const struct json_shape oci_descriptor_shape;
extern const struct json_shape oci_index_shape;
extern const struct json_shape oci_manifest_shape;
extern const struct json_shape oci_image_config_shape;
extern const struct json_shape oci_layout_shape;
extern const struct json_shape oci_docker_archive_image_shape; /* for json_parse_list() */

/* 0, or ERR_INVALID. A digest is accepted when it is "sha256:" or "sha512:" and lower-case hex. */
int oci_digest_check(const char *digest, const char *place, struct err *err);
int oci_index_check(const struct oci_index *index, struct err *err);
int oci_manifest_check(const struct oci_manifest *manifest, struct err *err);
int oci_image_config_check(const struct oci_image_config *config, struct err *err);

#endif
