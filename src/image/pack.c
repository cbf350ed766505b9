#include "image/pack.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/fd.h"
#include "image/digest.h"
#include "image/limits.h"

#define OUT_BYTES            ((size_t)128 << 10)
#define ZSTD_LEVEL_OF_WINDOW 19 /* the last whose window is no larger than INFLATE_ZSTD_LOG_MAX */

struct packer {
	struct stream *from;
	const struct pack *pack;
	struct digest digest;
	int64_t size_bytes;
	uint8_t *out;
	struct isal_zstream *gzip;
	uint8_t *gzip_level;
	ZSTD_CCtx *zstd;
};

int pack_into_file(void *arg, const void *data, size_t size, struct err *err)
{
	const int *fd = arg;
	int rc = fd_write_all(*fd, data, size);

	return rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write a packed layer") : 0;
}

static int put_bytes(struct packer *packer, const void *data, size_t size, struct err *err)
{
	digest_add(&packer->digest, data, size);
	packer->size_bytes += (int64_t)size;
	return size > 0 ? packer->pack->put(packer->pack->arg, data, size, err) : 0;
}

static int put(struct packer *packer, size_t size, struct err *err)
{
	return put_bytes(packer, packer->out, size, err);
}

static int run_plain(struct packer *packer, struct err *err)
{
	struct stream *from = packer->from;
	int rc;

	while ((rc = stream_peek(from, err)) > 0) {
		rc = put_bytes(packer, from->at, from->len, err);
		if (rc < 0)
			return rc;
		stream_take(from, from->len);
	}
	return rc;
}

/* The library has three levels: 1 to 3, 4 to 6 and 7 to 9 of zlib's stand for them. */
static uint32_t gzip_level(int level, uint32_t *ret_room)
{
	static const uint32_t rooms[] = {ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					 ISAL_DEF_LVL3_DEFAULT};
	uint32_t index = level <= 3 ? 0 : level <= 6 ? 1 : 2;

	*ret_room = rooms[index];
	return index + 1;
}

static int start_gzip(struct packer *packer, struct err *err)
{
	uint32_t room;
	uint32_t level = gzip_level(packer->pack->level, &room);

	packer->gzip = malloc(sizeof(*packer->gzip));
	packer->gzip_level = malloc(room);
	if (packer->gzip == NULL || packer->gzip_level == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "pack a layer");
	isal_deflate_init(packer->gzip);
	packer->gzip->gzip_flag = IGZIP_GZIP;
	packer->gzip->level = level;
	packer->gzip->level_buf = packer->gzip_level;
	packer->gzip->level_buf_size = room;
	return 0;
}

/* Everything that the library has for the input it was given. */
static int drain_gzip(struct packer *packer, struct err *err)
{
	struct isal_zstream *gzip = packer->gzip;

	do {
		gzip->next_out = packer->out;
		gzip->avail_out = (uint32_t)OUT_BYTES;
		if (isal_deflate(gzip) != COMP_OK)
			return err_set(err, ERR_SYSTEM, 0, "pack a layer with gzip");
		int rc = put(packer, OUT_BYTES - gzip->avail_out, err);
		if (rc < 0)
			return rc;
	} while (gzip->avail_out == 0);
	return 0;
}

static int run_gzip(struct packer *packer, struct err *err)
{
	struct stream *from = packer->from;
	int rc = start_gzip(packer, err);

	while (rc >= 0 && (rc = stream_peek(from, err)) > 0) {
		/* The library's pointer is not const, though it only reads. */
		packer->gzip->next_in = (uint8_t *)(uintptr_t)from->at;
		packer->gzip->avail_in = (uint32_t)from->len;
		rc = drain_gzip(packer, err);
		stream_take(from, from->len - packer->gzip->avail_in);
	}
	if (rc < 0)
		return rc;
	packer->gzip->end_of_stream = 1;
	do
		rc = drain_gzip(packer, err);
	while (rc == 0 && packer->gzip->internal_state.state != ZSTATE_END);
	return rc;
}

static int drain_zstd(struct packer *packer, ZSTD_inBuffer *in, ZSTD_EndDirective mode,
		      struct err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer out = {.dst = packer->out, .size = OUT_BYTES};
		left = ZSTD_compressStream2(packer->zstd, &out, in, mode);
		if (ZSTD_isError(left))
			return err_set(err, ERR_SYSTEM, 0, "pack a layer with zstd: %s",
				       ZSTD_getErrorName(left));
		int rc = put(packer, out.pos, err);
		if (rc < 0)
			return rc;
	} while (mode == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return 0;
}

static int run_zstd(struct packer *packer, struct err *err)
{
	struct stream *from = packer->from;
	ZSTD_inBuffer none = {0};
	int rc = 1;

	packer->zstd = ZSTD_createCCtx();
	if (packer->zstd == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "pack a layer");
	size_t code = ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_checksumFlag, 1);
	if (!ZSTD_isError(code) && packer->pack->level > 0)
		code = ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel,
					      packer->pack->level);
	/* The highest levels would take windows that not everybody unpacks. */
	if (!ZSTD_isError(code) && packer->pack->level > ZSTD_LEVEL_OF_WINDOW)
		code = ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_windowLog, INFLATE_ZSTD_LOG_MAX);
	if (ZSTD_isError(code))
		return err_set(err, ERR_SYSTEM, 0, "pack a layer with zstd: %s",
			       ZSTD_getErrorName(code));
	while (rc >= 0 && (rc = stream_peek(from, err)) > 0) {
		ZSTD_inBuffer in = {.src = from->at, .size = from->len};
		rc = drain_zstd(packer, &in, ZSTD_e_continue, err);
		stream_take(from, from->len);
	}
	return rc < 0 ? rc : drain_zstd(packer, &none, ZSTD_e_end, err);
}

static int run(struct packer *packer, struct err *err)
{
	switch (packer->pack->packing) {
	case STORE_PACKING_NONE:
		return run_plain(packer, err);
	case STORE_PACKING_GZIP:
		return run_gzip(packer, err);
	case STORE_PACKING_ZSTD:
		return run_zstd(packer, err);
	}
	return err_set(err, ERR_INVALID, EINVAL, "pack a layer in an unknown way");
}

int pack_stream(struct stream *from, const struct pack *pack, struct packed *ret_packed,
		struct err *err)
{
	struct packer packer = {.from = from, .pack = pack, .out = malloc(OUT_BYTES)};

	int rc = packer.out != NULL ? digest_init(&packer.digest, err)
				    : err_set(err, ERR_SYSTEM, ENOMEM, "pack a layer");
	if (rc == 0)
		rc = run(&packer, err);
	if (rc == 0) {
		digest_hex(&packer.digest, ret_packed->digest);
		ret_packed->size_bytes = packer.size_bytes;
	}
	digest_done(&packer.digest);
	(void)ZSTD_freeCCtx(packer.zstd);
	free(packer.gzip);
	free(packer.gzip_level);
	free(packer.out);
	return rc;
}
