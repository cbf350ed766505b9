#include "image/inflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "image/limits.h"

enum packing {
	PACKING_UNKNOWN,
	PACKING_NONE,
	PACKING_GZIP,
	PACKING_ZSTD,
};

struct inflate {
	struct stream stream;
	struct stream *from;
	struct digest *digest;
	int64_t max_bytes;
	int64_t done_bytes;
	enum packing packing;
	bool ended;  /* the packed data is complete */
	size_t lent; /* PACKING_NONE: bytes of the source's window handed out */
	uint8_t *out;
	struct inflate_state *gzip;
	ZSTD_DStream *zstd;
};

static const uint8_t magic_gzip[] = {0x1f, 0x8b};
static const uint8_t magic_zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
static const uint8_t magic_bzip2[] = {'B', 'Z', 'h'};
static const uint8_t magic_xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};

static bool begins(const struct stream *stream, const uint8_t *magic, size_t size)
{
	return stream->len >= size && memcmp(stream->at, magic, size) == 0;
}

static bool begins_zstd(const struct stream *stream)
{
	/* A skippable frame may come first: 0x184D2A50 to 0x184D2A5F. */
	return begins(stream, magic_zstd, sizeof(magic_zstd)) ||
	       (stream->len >= 4 && (stream->at[0] & 0xf0) == 0x50 && stream->at[1] == 0x2a &&
		stream->at[2] == 0x4d && stream->at[3] == 0x18);
}

static int start_gzip(struct inflate *inflate, struct err *err)
{
	inflate->packing = PACKING_GZIP;
	inflate->gzip = malloc(sizeof(*inflate->gzip));
	if (inflate->gzip == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "unpack gzip");
	isal_inflate_init(inflate->gzip);
	inflate->gzip->crc_flag = ISAL_GZIP;
	return 0;
}

static int start_zstd(struct inflate *inflate, struct err *err)
{
	inflate->packing = PACKING_ZSTD;
	inflate->zstd = ZSTD_createDStream();
	if (inflate->zstd == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "unpack zstd");
	size_t code =
		ZSTD_DCtx_setParameter(inflate->zstd, ZSTD_d_windowLogMax, INFLATE_ZSTD_LOG_MAX);
	if (ZSTD_isError(code))
		return err_set(err, ERR_SYSTEM, 0, "unpack zstd: %s", ZSTD_getErrorName(code));
	return 0;
}

static int detect(struct inflate *inflate, struct err *err)
{
	struct stream *from = inflate->from;

	int rc = stream_peek(from, err);
	if (rc < 0)
		return rc;
	if (begins(from, magic_bzip2, sizeof(magic_bzip2)) ||
	    begins(from, magic_xz, sizeof(magic_xz)))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "it is packed with %s: unpack it first, or use gzip or zstd",
			       from->at[0] == 'B' ? "bzip2" : "xz");
	inflate->packing = PACKING_NONE;
	if (begins(from, magic_gzip, sizeof(magic_gzip)))
		rc = start_gzip(inflate, err);
	else if (begins_zstd(from))
		rc = start_zstd(inflate, err);
	if (rc >= 0 && inflate->packing != PACKING_NONE) {
		inflate->out = malloc(INFLATE_WINDOW_BYTES);
		if (inflate->out == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "unpack");
	}
	return rc < 0 ? rc : 0;
}

static const char *gzip_error(int code)
{
	switch (code) {
	case ISAL_INVALID_WRAPPER:
		return "a wrong header";
	case ISAL_UNSUPPORTED_METHOD:
		return "an unknown method";
	case ISAL_INCORRECT_CHECKSUM:
		return "a wrong checksum";
	default:
		return "broken data";
	}
}

/* After one gzip member comes another one or the end; anything else is refused, zeros too. */
static int next_member(struct inflate *inflate, struct err *err)
{
	struct stream *from = inflate->from;

	int rc = stream_peek(from, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		inflate->ended = true;
		return 0;
	}
	if (from->at[0] != magic_gzip[0])
		return err_set(err, ERR_INVALID, 0, "bytes after the end of the gzip data");
	isal_inflate_reset(inflate->gzip);
	inflate->gzip->crc_flag = ISAL_GZIP;
	return 0;
}

static int fill_gzip(struct inflate *inflate, size_t *ret_size, struct err *err)
{
	struct inflate_state *gzip = inflate->gzip;
	struct stream *from = inflate->from;

	gzip->next_out = inflate->out;
	gzip->avail_out = (uint32_t)INFLATE_WINDOW_BYTES;
	while (gzip->avail_out == INFLATE_WINDOW_BYTES && !inflate->ended) {
		int more = stream_peek(from, err);
		if (more < 0)
			return more;
		size_t given = from->len;
		/* The library's pointer is not const, though it only reads. */
		gzip->next_in = inflate->from->len > 0 ? (uint8_t *)(uintptr_t)from->at : NULL;
		gzip->avail_in = (uint32_t)given;
		int code = isal_inflate(gzip);
		if (code < 0)
			return err_set(err, ERR_INVALID, 0, "gzip: %s", gzip_error(code));
		stream_take(from, given - gzip->avail_in);
		if (gzip->block_state == ISAL_BLOCK_FINISH) {
			int rc = next_member(inflate, err);
			if (rc < 0)
				return rc;
		} else if (more == 0 && gzip->avail_out == INFLATE_WINDOW_BYTES) {
			return err_set(err, ERR_INVALID, 0, "the gzip data is cut");
		}
	}
	*ret_size = INFLATE_WINDOW_BYTES - gzip->avail_out;
	return 0;
}

static int fill_zstd(struct inflate *inflate, size_t *ret_size, struct err *err)
{
	struct stream *from = inflate->from;
	ZSTD_outBuffer out = {.dst = inflate->out, .size = INFLATE_WINDOW_BYTES};

	while (out.pos == 0) {
		int more = stream_peek(from, err);
		if (more < 0)
			return more;
		if (more == 0 && inflate->ended)
			break;
		ZSTD_inBuffer in = {.src = from->at, .size = from->len};
		size_t code = ZSTD_decompressStream(inflate->zstd, &out, &in);
		if (ZSTD_isError(code))
			return err_set(err, ERR_INVALID, 0, "zstd: %s%s", ZSTD_getErrorName(code),
				       inflate->ended ? " (after the end of the data)" : "");
		if (more == 0 && out.pos == 0)
			return err_set(err, ERR_INVALID, 0, "the zstd data is cut");
		stream_take(from, in.pos);
		inflate->ended = code == 0; /* a frame is complete; another may follow */
	}
	*ret_size = out.pos;
	return 0;
}

static int fill_plain(struct inflate *inflate, size_t *ret_size, struct err *err)
{
	stream_take(inflate->from, inflate->lent);
	inflate->lent = 0;
	int rc = stream_peek(inflate->from, err);
	if (rc < 0)
		return rc;
	inflate->lent = inflate->from->len;
	*ret_size = inflate->lent;
	return 0;
}

static int inflate_fill(struct stream *stream, struct err *err)
{
	struct inflate *inflate = (struct inflate *)stream;
	size_t size = 0;
	int rc = inflate->packing == PACKING_UNKNOWN ? detect(inflate, err) : 0;

	if (rc < 0)
		return rc;
	if (inflate->packing == PACKING_GZIP)
		rc = fill_gzip(inflate, &size, err);
	else if (inflate->packing == PACKING_ZSTD)
		rc = fill_zstd(inflate, &size, err);
	else
		rc = fill_plain(inflate, &size, err);
	if (rc < 0)
		return rc;
	inflate->done_bytes += (int64_t)size;
	if (inflate->done_bytes > inflate->max_bytes)
		return err_set(err, ERR_INVALID, EFBIG, "it unpacks to more than %lld bytes",
			       (long long)inflate->max_bytes);
	stream->at = inflate->packing == PACKING_NONE ? inflate->from->at : inflate->out;
	stream->len = size;
	if (inflate->digest != NULL && size > 0)
		digest_add(inflate->digest, stream->at, size);
	return 0;
}

int inflate_new(struct stream *from, struct digest *digest, int64_t max_bytes,
		struct inflate **ret_inflate, struct err *err)
{
	struct inflate *inflate = calloc(1, sizeof(*inflate));

	if (inflate == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "unpack");
	inflate->stream.fill = inflate_fill;
	inflate->from = from;
	inflate->digest = digest;
	inflate->max_bytes = max_bytes;
	*ret_inflate = inflate;
	return 0;
}

void inflate_free(struct inflate *inflate)
{
	if (inflate == NULL)
		return;
	(void)ZSTD_freeDStream(inflate->zstd);
	free(inflate->gzip);
	free(inflate->out);
	free(inflate);
}

struct stream *inflate_stream(struct inflate *inflate)
{
	return &inflate->stream;
}

bool inflate_is_packed(const struct inflate *inflate)
{
	return inflate->packing == PACKING_GZIP || inflate->packing == PACKING_ZSTD;
}
