#include "oci/image.h"

#include "oci/oci_test.h"

TEST(index_of_both_kinds)
{
	struct oci_index index;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	BUF_AUTO(docker, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("index_oci.json", &text) < 0 ||
	    document_parse(&oci_index_shape, &text, &arena, &index) < 0)
		return;
	CHECK_INT(oci_index_check(&index, &err), 0);
	CHECK_STR(index.media_type, OCI_MEDIA_INDEX);
	CHECK_INT(index.manifests.count, 3);
	CHECK_STR(index.manifests.items[0].platform->variant, "v8");
	CHECK_STR(index.manifests.items[1].platform->os_version, "10.0.14393.1066");
	CHECK_STR(index.manifests.items[1].platform->os_features.items[0], "win32k");
	CHECK_STR(index.manifests.items[0].annotations.items[0].value, "latest");
	CHECK_INT(index.subject->size_bytes, 0);
	if (document_read("index_docker_list.json", &docker) < 0 ||
	    document_parse(&oci_index_shape, &docker, &arena, &index) < 0)
		return;
	CHECK_INT(oci_index_check(&index, &err), 0);
	CHECK_STR(index.media_type, DOCKER_MEDIA_INDEX);
	CHECK_STR(index.manifests.items[0].platform->architecture, "amd64");
}

TEST(manifest_of_both_kinds)
{
	struct oci_manifest manifest;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	BUF_AUTO(docker, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("manifest_oci.json", &text) < 0 ||
	    document_parse(&oci_manifest_shape, &text, &arena, &manifest) < 0)
		return;
	CHECK_INT(oci_manifest_check(&manifest, &err), 0);
	CHECK_STR(manifest.config->media_type, OCI_MEDIA_CONFIG);
	CHECK_STR(manifest.layers.items[1].media_type, OCI_MEDIA_LAYER_ZSTD);
	CHECK_STR(manifest.layers.items[1].urls.items[0], "https://example.test/blob");
	CHECK_STR(manifest.layers.items[2].data, "e30=");
	if (document_read("manifest_docker.json", &docker) < 0 ||
	    document_parse(&oci_manifest_shape, &docker, &arena, &manifest) < 0)
		return;
	CHECK_INT(oci_manifest_check(&manifest, &err), 0);
	CHECK_STR(manifest.media_type, DOCKER_MEDIA_MANIFEST);
	CHECK_INT(manifest.layers.items[0].size_bytes, 2207025);
}

TEST(image_config_of_oci)
{
	struct oci_image_config config;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("image_config_oci.json", &text) < 0 ||
	    document_parse(&oci_image_config_shape, &text, &arena, &config) < 0)
		return;
	CHECK_INT(oci_image_config_check(&config, &err), 0);
	CHECK_STR(config.architecture, "arm");
	CHECK_STR(config.variant, "v7");
	CHECK_STR(config.config.user, "alice");
	CHECK_STR(config.config.exposed_ports.items[1].name, "53/udp");
	CHECK_STR(config.config.volumes.items[0].name, "/var/job-result-data");
	CHECK_STR(config.config.stop_signal, "SIGRTMIN+3");
	CHECK_INT(config.rootfs.diff_ids.count, 2);
	CHECK(config.history.items[1].empty_layer);
}

TEST(image_config_of_docker)
{
	struct oci_image_config config;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("image_config_docker.json", &text) < 0 ||
	    document_parse(&oci_image_config_shape, &text, &arena, &config) < 0)
		return;
	CHECK_INT(oci_image_config_check(&config, &err), 0);
	CHECK_STR(config.config.cmd.items[0], "postgres");
	CHECK_STR(config.config.healthcheck->test.items[0], "CMD-SHELL");
	CHECK_INT(config.config.healthcheck->interval_ns, 30000000000);
	CHECK_INT(config.config.healthcheck->retries, 3);
	CHECK_INT(config.config.labels.count, 0);
	CHECK(config.config.args_escaped);
	CHECK_STR(config.config.shell.items[0], "/bin/bash");
	CHECK_STR(config.config.working_dir, "");
}

TEST(docker_archive_lists_its_images)
{
	oci_docker_archive archive;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	BUF_AUTO(out, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("docker_archive.json", &text) < 0)
		return;
	REQUIRE(json_parse_list(&oci_docker_archive_image_shape, text.data, text.len, &arena,
				&archive, &err) == 0);
	CHECK_INT(archive.count, 2);
	CHECK_STR(archive.items[0].repo_tags.items[1], "example.test:5000/alpine:latest");
	CHECK_INT(archive.items[1].repo_tags.count, 0);
	CHECK_INT(archive.items[1].layers.count, 2);
	archive.items[1].config = "c.json";
	archive.items = &archive.items[1];
	archive.count = 1;
	archive.items[0].layers.count = 0;
	json_write_list(&oci_docker_archive_image_shape, &archive, JSON_COMPACT, &out);
	CHECK_STR(out.data, "[{\"Config\":\"c.json\",\"RepoTags\":[],\"Layers\":[]}]");
}

TEST(image_documents_round_trip)
{
	static const struct {
		const struct json_shape *shape;
		const char *name;
	} files[] = {
		{&oci_index_shape, "index_oci.json"},
		{&oci_index_shape, "index_docker_list.json"},
		{&oci_manifest_shape, "manifest_oci.json"},
		{&oci_manifest_shape, "manifest_docker.json"},
		{&oci_image_config_shape, "image_config_oci.json"},
		{&oci_image_config_shape, "image_config_docker.json"},
		{&oci_layout_shape, "layout.json"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		document_round_trip(files[i].shape, files[i].name, JSON_COMPACT);
		document_round_trip(files[i].shape, files[i].name, JSON_PRETTY);
	}
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(digests_have_one_form)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		HEX64,
		"sha256:" HEX64 "0",
		"sha256:0123",
		"SHA256:" HEX64,
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:../3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"md5:0123456789abcdef0123456789abcdef",
		"sha512:" HEX64,
	};
	struct err err;

	CHECK_INT(oci_digest_check("sha256:" HEX64, "digest", &err), 0);
	CHECK_INT(oci_digest_check("sha512:" HEX64 HEX64, "digest", &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(oci_digest_check(bad[i], "digest", &err) < 0);
}

static void check_manifest(const char *document, const char *want)
{
	struct oci_manifest manifest;
	struct err err = {0};
	char message[600];
	ARENA_AUTO(arena, DOCUMENT_MAX);

	int rc = json_parse(&oci_manifest_shape, document, strlen(document), &arena, &manifest,
			    &err);
	if (rc == 0)
		rc = oci_manifest_check(&manifest, &err);
	CHECK(rc < 0);
	CHECK_STR(err_format(&err, message, sizeof(message)), want);
}

#define GOOD_BLOB "{\"mediaType\":\"m\",\"digest\":\"sha256:" HEX64 "\",\"size\":1}"

TEST(manifest_faults_are_named)
{
	check_manifest("{\"schemaVersion\":2}", "config: missing");
	check_manifest("{\"schemaVersion\":1,\"config\":" GOOD_BLOB "}",
		       "schemaVersion: 1 is not supported; 2 is");
	check_manifest("{\"schemaVersion\":2,\"config\":" GOOD_BLOB ",\"layers\":[" GOOD_BLOB
		       ",{\"mediaType\":\"m\",\"digest\":\"x\",\"size\":1}]}",
		       "layers[1].digest: \"x\" is neither sha256 nor sha512");
	check_manifest(
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"sha256:" HEX64
		"\",\"size\":-1}}",
		"config.size: -1 is negative");
	check_manifest("{\"schemaVersion\":2,\"config\":" GOOD_BLOB ",\"layers\":[{\"size\":1}]}",
		       "layers[0].mediaType: missing");
}

TEST(image_config_faults_are_named)
{
	static const char *const diff_ids[] = {"sha256:" HEX64, "sha256:short"};
	struct oci_image_config config = {
		.rootfs = {.type = "layers", .diff_ids = {(const char **)(uintptr_t)diff_ids, 2}}};
	struct err err;
	char message[600];

	CHECK(oci_image_config_check(&config, &err) < 0);
	CHECK_STR(
		err_format(&err, message, sizeof(message)),
		"rootfs.diff_ids[1]: \"sha256:short\" is not sha256: and 64 lower-case hex digits");
	config.rootfs.type = "tree";
	CHECK(oci_image_config_check(&config, &err) < 0);
	CHECK_STR(err_format(&err, message, sizeof(message)),
		  "rootfs.type: \"tree\" is not \"layers\"");
}

TESTS(T(index_of_both_kinds), T(manifest_of_both_kinds), T(image_config_of_oci),
      T(image_config_of_docker), T(docker_archive_lists_its_images), T(image_documents_round_trip),
      T(digests_have_one_form), T(manifest_faults_are_named), T(image_config_faults_are_named))
