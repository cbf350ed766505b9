#include "oci/image.h"

static const struct json_field platform_fields[] = {
	JSON_STRING_NEEDED(struct oci_platform, architecture, "architecture"),
	JSON_STRING_NEEDED(struct oci_platform, os, "os"),
	JSON_STRING(struct oci_platform, os_version, "os.version"),
	JSON_LIST(struct oci_platform, os_features, "os.features", JSON_TYPE_STRING),
	JSON_STRING(struct oci_platform, variant, "variant"),
};
static JSON_SHAPE(platform_shape, struct oci_platform, platform_fields);

static const struct json_field descriptor_fields[] = {
	JSON_STRING_NEEDED(struct oci_descriptor, media_type, "mediaType"),
	JSON_STRING_NEEDED(struct oci_descriptor, digest, "digest"),
	JSON_PLAIN(struct oci_descriptor, size_bytes, "size", JSON_TYPE_INT64, JSON_NEEDED),
	JSON_LIST(struct oci_descriptor, urls, "urls", JSON_TYPE_STRING),
	JSON_STRING_MAP(struct oci_descriptor, annotations, "annotations"),
	JSON_STRING(struct oci_descriptor, data, "data"),
	JSON_OBJECT(struct oci_descriptor, platform, "platform", platform_shape),
	JSON_STRING(struct oci_descriptor, artifact_type, "artifactType"),
};
JSON_SHAPE(oci_descriptor_shape, struct oci_descriptor, descriptor_fields);

static const struct json_field index_fields[] = {
	JSON_PLAIN(struct oci_index, schema_version, "schemaVersion", JSON_TYPE_UINT32,
		   JSON_NEEDED),
	JSON_STRING(struct oci_index, media_type, "mediaType"),
	JSON_STRING(struct oci_index, artifact_type, "artifactType"),
	JSON_OBJECTS_FLAGS(struct oci_index, manifests, "manifests", oci_descriptor_shape,
			   JSON_WRITE_ZERO),
	JSON_OBJECT(struct oci_index, subject, "subject", oci_descriptor_shape),
	JSON_STRING_MAP(struct oci_index, annotations, "annotations"),
};
JSON_SHAPE(oci_index_shape, struct oci_index, index_fields);

static const struct json_field manifest_fields[] = {
	JSON_PLAIN(struct oci_manifest, schema_version, "schemaVersion", JSON_TYPE_UINT32,
		   JSON_NEEDED),
	JSON_STRING(struct oci_manifest, media_type, "mediaType"),
	JSON_STRING(struct oci_manifest, artifact_type, "artifactType"),
	JSON_OBJECT_NEEDED(struct oci_manifest, config, "config", oci_descriptor_shape),
	JSON_OBJECTS_FLAGS(struct oci_manifest, layers, "layers", oci_descriptor_shape,
			   JSON_WRITE_ZERO),
	JSON_OBJECT(struct oci_manifest, subject, "subject", oci_descriptor_shape),
	JSON_STRING_MAP(struct oci_manifest, annotations, "annotations"),
};
JSON_SHAPE(oci_manifest_shape, struct oci_manifest, manifest_fields);

/* The name is the map's key, the value an object without members of its own. */
static const struct json_shape set_entry_shape = {.name = "set_entry",
						  .size = sizeof(struct oci_set_entry)};

static const struct json_field healthcheck_fields[] = {
	JSON_LIST(struct oci_healthcheck, test, "Test", JSON_TYPE_STRING),
	JSON_INT64(struct oci_healthcheck, interval_ns, "Interval"),
	JSON_INT64(struct oci_healthcheck, timeout_ns, "Timeout"),
	JSON_INT64(struct oci_healthcheck, start_period_ns, "StartPeriod"),
	JSON_INT64(struct oci_healthcheck, start_interval_ns, "StartInterval"),
	JSON_INT32(struct oci_healthcheck, retries, "Retries"),
};
static JSON_SHAPE(healthcheck_shape, struct oci_healthcheck, healthcheck_fields);

static const struct json_field image_run_fields[] = {
	JSON_STRING(struct oci_image_run, user, "User"),
	JSON_OBJECT_MAP(struct oci_image_run, exposed_ports, "ExposedPorts", set_entry_shape),
	JSON_LIST(struct oci_image_run, env, "Env", JSON_TYPE_STRING),
	JSON_LIST(struct oci_image_run, entrypoint, "Entrypoint", JSON_TYPE_STRING),
	JSON_LIST(struct oci_image_run, cmd, "Cmd", JSON_TYPE_STRING),
	JSON_OBJECT(struct oci_image_run, healthcheck, "Healthcheck", healthcheck_shape),
	JSON_BOOL(struct oci_image_run, args_escaped, "ArgsEscaped"),
	JSON_OBJECT_MAP(struct oci_image_run, volumes, "Volumes", set_entry_shape),
	JSON_STRING(struct oci_image_run, working_dir, "WorkingDir"),
	JSON_LIST(struct oci_image_run, on_build, "OnBuild", JSON_TYPE_STRING),
	JSON_STRING_MAP(struct oci_image_run, labels, "Labels"),
	JSON_STRING(struct oci_image_run, stop_signal, "StopSignal"),
	JSON_LIST(struct oci_image_run, shell, "Shell", JSON_TYPE_STRING),
};
static JSON_SHAPE(image_run_shape, struct oci_image_run, image_run_fields);

static const struct json_field rootfs_fields[] = {
	JSON_STRING_NEEDED(struct oci_rootfs, type, "type"),
	JSON_LIST_FLAGS(struct oci_rootfs, diff_ids, "diff_ids", JSON_TYPE_STRING, JSON_WRITE_ZERO),
};
static JSON_SHAPE(rootfs_shape, struct oci_rootfs, rootfs_fields);

static const struct json_field history_fields[] = {
	JSON_STRING(struct oci_history, created, "created"),
	JSON_STRING(struct oci_history, created_by, "created_by"),
	JSON_STRING(struct oci_history, author, "author"),
	JSON_STRING(struct oci_history, comment, "comment"),
	JSON_BOOL(struct oci_history, empty_layer, "empty_layer"),
};
static JSON_SHAPE(history_shape, struct oci_history, history_fields);

static const struct json_field image_config_fields[] = {
	JSON_STRING(struct oci_image_config, created, "created"),
	JSON_STRING(struct oci_image_config, author, "author"),
	JSON_STRING_NEEDED(struct oci_image_config, architecture, "architecture"),
	JSON_STRING(struct oci_image_config, variant, "variant"),
	JSON_STRING_NEEDED(struct oci_image_config, os, "os"),
	JSON_STRING(struct oci_image_config, os_version, "os.version"),
	JSON_LIST(struct oci_image_config, os_features, "os.features", JSON_TYPE_STRING),
	JSON_EMBED(struct oci_image_config, config, "config", image_run_shape),
	JSON_EMBED_NEEDED(struct oci_image_config, rootfs, "rootfs", rootfs_shape),
	JSON_OBJECTS(struct oci_image_config, history, "history", history_shape),
};
JSON_SHAPE(oci_image_config_shape, struct oci_image_config, image_config_fields);

static const struct json_field layout_fields[] = {
	JSON_STRING_NEEDED(struct oci_layout, image_layout_version, "imageLayoutVersion"),
};
JSON_SHAPE(oci_layout_shape, struct oci_layout, layout_fields);

static const struct json_field docker_archive_image_fields[] = {
	JSON_STRING_NEEDED(struct oci_docker_archive_image, config, "Config"),
	JSON_LIST_FLAGS(struct oci_docker_archive_image, repo_tags, "RepoTags", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
	JSON_LIST_FLAGS(struct oci_docker_archive_image, layers, "Layers", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
};
JSON_SHAPE(oci_docker_archive_image_shape, struct oci_docker_archive_image,
	   docker_archive_image_fields);
