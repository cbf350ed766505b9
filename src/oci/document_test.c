#include "oci/document.h"

#include "base/test.h"
#include "oci/image.h"

static int check(const char *text, bool want_index, const char *media_type)
{
	ARENA_AUTO(arena, 65536);
	struct err err;

	return oci_document_check(text, strlen(text), want_index, media_type, &arena, &err);
}

TEST(members_decide)
{
	CHECK_INT(check("{\"manifests\":[]}", true, OCI_MEDIA_INDEX), 0);
	CHECK_INT(check("{\"manifests\":[]}", true, NULL), 0);
	CHECK(check("{\"manifests\":[]}", false, OCI_MEDIA_MANIFEST) < 0);
	CHECK_INT(check("{\"config\":{},\"layers\":[]}", false, OCI_MEDIA_MANIFEST), 0);
	CHECK(check("{\"config\":{},\"layers\":[]}", true, OCI_MEDIA_INDEX) < 0);
	CHECK(check("{\"manifests\":[],\"layers\":[]}", true, OCI_MEDIA_INDEX) < 0);
	CHECK(check("{\"manifests\":[],\"layers\":[]}", false, OCI_MEDIA_MANIFEST) < 0);
	CHECK(check("{\"fsLayers\":[],\"layers\":[]}", false, OCI_MEDIA_MANIFEST) < 0);
	CHECK(check("{}", true, OCI_MEDIA_INDEX) < 0);
	CHECK(check("{}", false, OCI_MEDIA_MANIFEST) < 0);
	CHECK(check("[]", true, OCI_MEDIA_INDEX) < 0);
}

TEST(what_is_said_must_agree)
{
	static const char index[] = "{\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":[]}";

	CHECK_INT(check(index, true, OCI_MEDIA_INDEX), 0);
	CHECK_INT(check(index, true, NULL), 0);
	CHECK(check(index, true, DOCKER_MEDIA_INDEX) < 0);
	CHECK(check("{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"manifests\":[]}", true, NULL) < 0);
}

TEST(media_types)
{
	CHECK(oci_is_index(OCI_MEDIA_INDEX) && oci_is_index(DOCKER_MEDIA_INDEX));
	CHECK(oci_is_manifest(OCI_MEDIA_MANIFEST) && oci_is_manifest(DOCKER_MEDIA_MANIFEST));
	CHECK(!oci_is_index(OCI_MEDIA_MANIFEST) && !oci_is_manifest(OCI_MEDIA_INDEX));
	CHECK(!oci_is_index(NULL) && !oci_is_manifest(NULL) && !oci_is_layer(NULL));
	CHECK(oci_is_layer(OCI_MEDIA_LAYER_ZSTD) && !oci_is_layer(OCI_MEDIA_CONFIG));
}

TESTS(T(members_decide), T(what_is_said_must_agree), T(media_types))
