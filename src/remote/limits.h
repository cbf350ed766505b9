/*
 * limits.h - the maxima of everything that a registry can make grow, and how patient one is with it.
 */
#ifndef CORTEN_REMOTE_LIMITS_H
#define CORTEN_REMOTE_LIMITS_H

/* Answers. */
#define REMOTE_HEADERS_MAX          256
#define REMOTE_HEADER_BYTES_MAX     ((size_t)256 << 10) /* of all headers of one answer */
#define REMOTE_DOCUMENT_BYTES_MAX   ((size_t)4 << 20)   /* a manifest or an index */
#define REMOTE_ERROR_BYTES_MAX      ((size_t)64 << 10) /* a document of errors; the rest is not read */
#define REMOTE_TOKEN_BYTES_MAX      ((size_t)64 << 10) /* a token server's document */
#define REMOTE_URL_MAX              8192
#define REMOTE_PAGES_MAX            1000               /* of one list */
#define REMOTE_LIST_BYTES_MAX       ((size_t)16 << 20) /* all pages of one list */
#define REMOTE_LIST_ARENA_BYTES_MAX ((size_t)64 << 20)
#define REMOTE_TAGS_MAX             200000
#define REMOTE_REFERRERS_MAX        4096
#define REMOTE_REDIRECTS_MAX        8

/* Uploads. */
#define REMOTE_CHUNK_BYTES     ((size_t)8 << 20)  /* where a registry wants a blob in pieces */
#define REMOTE_CHUNK_BYTES_MAX ((size_t)64 << 20) /* the largest that it may want them */

/* Files. */
#define REMOTE_AUTH_BYTES_MAX   ((size_t)1 << 20)
#define REMOTE_CONFIG_BYTES_MAX ((size_t)1 << 20)
#define REMOTE_CERTS_BYTES_MAX  ((size_t)4 << 20)
#define REMOTE_HELPER_BYTES_MAX ((size_t)64 << 10) /* what a credential helper says */
#define REMOTE_ARENA_BYTES_MAX  ((size_t)16 << 20)

/* Patience. */
#define REMOTE_CONNECT_S     30
#define REMOTE_STALL_S       60 /* with less than so many bytes a second: */
#define REMOTE_STALL_BYTES   100L
#define REMOTE_DOCUMENT_S    300L /* all of a document */
#define REMOTE_COMMIT_S      600L /* a registry looks at a whole blob before it answers */
#define REMOTE_TRIES_MAX     5    /* of one request, or in a row without a new byte */
#define REMOTE_RESUMES_MAX   100
#define REMOTE_WAIT_FIRST_MS 250
#define REMOTE_RETRY_AFTER_S 60 /* the longest wait that a registry may ask for */

#endif
