/*
 * limits.h - the maxima of everything that an archive can make grow.
 */
#ifndef CORTEN_IMAGE_LIMITS_H
#define CORTEN_IMAGE_LIMITS_H

/* Documents. */
#define IMAGE_DOCUMENT_BYTES_MAX ((size_t)4 << 20)
#define IMAGE_ARENA_BYTES_MAX    ((size_t)64 << 20) /* all parsed documents of one archive */
#define IMAGE_INDEX_DEPTH_MAX    4
#define IMAGE_INDEX_NODES_MAX    1024 /* descriptors looked at in all indexes of one archive */
#define IMAGE_IMAGES_MAX         256
#define IMAGE_LAYERS_MAX         500 /* of one image: overlay's own limit */
#define IMAGE_TOTAL_LAYERS_MAX   4096
#define IMAGE_COPY_ITEMS_MAX     8192 /* blobs and documents of one copy */
#define IMAGE_BYTES_SHARES       2 /* all layers that one command unpacks, of what one may take */

/* The outer archive. */
#define IMAGE_MEMBERS_MAX     65536
#define IMAGE_LINK_HOPS_MAX   8
#define IMAGE_SPOOL_BYTES_MAX ((int64_t)256 << 30)

/* One layer. */
#define IMAGE_LAYER_BYTES_MAX  ((int64_t)64 << 30) /* unpacked; --max-bytes lowers or raises it */
#define IMAGE_ENTRIES_MAX      10000000
#define IMAGE_FOLDER_BYTES_MAX ((size_t)64 << 20) /* names of folders, kept for their times */
#define IMAGE_OPAQUE_BYTES_MAX ((size_t)16 << 20) /* names of opaque folders */

/* One entry. */
#define TAR_PATH_MAX       4095
#define TAR_COMPONENT_MAX  255
#define TAR_LONG_NAME_MAX  ((size_t)64 << 10) /* read, to be named in the refusal */
#define TAR_PAX_BYTES_MAX  ((size_t)1 << 20)
#define TAR_XATTRS_MAX     128
#define TAR_SEGMENTS_MAX   65536 /* of a sparse file */
#define TAR_EXTENSIONS_MAX 8     /* headers in a row that only describe the next entry */

/* Decompression. */
#define INFLATE_WINDOW_BYTES ((size_t)128 << 10)
#define INFLATE_ZSTD_LOG_MAX 23 /* an 8 MB window, what RFC 8878 asks every decoder to support */

#define IMAGE_THREADS_MAX 4

#endif
