#include "oci/features.h"

#include "oci/oci_test.h"

TEST(features_are_read)
{
	struct oci_features features;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("features_runc.json", &text) < 0 ||
	    document_parse(&oci_features_shape, &text, &arena, &features) < 0)
		return;
	CHECK_STR(features.oci_version_max, "1.3.0");
	CHECK_INT(features.hooks.count, 6);
	CHECK(*features.linux->cgroup->v2);
	CHECK(!*features.linux->cgroup->rdma);
	CHECK(*features.linux->mount_extensions->idmap->enabled);
	CHECK(!*features.linux->intel_rdt->monitoring);
	CHECK_STR(features.linux->memory_policy->modes.items[0], "MPOL_BIND");
	CHECK_STR(features.potentially_unsafe_config_annotations.items[2], "org.criu.config");
	document_round_trip(&oci_features_shape, "features_runc.json", JSON_PRETTY);
}

TEST(features_tell_unknown_from_no)
{
	bool no = false;
	struct oci_enabled_feature selinux = {.enabled = &no};
	struct oci_linux_features linux_features = {.selinux = &selinux};
	struct oci_features features = {.linux = &linux_features};
	BUF_AUTO(out, 4096);

	json_write(&oci_features_shape, &features, JSON_COMPACT, &out);
	CHECK_STR(out.data, "{\"linux\":{\"selinux\":{\"enabled\":false}}}");
}

TESTS(T(features_are_read), T(features_tell_unknown_from_no))
