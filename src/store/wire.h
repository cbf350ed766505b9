/*
 * wire.h - what passes between the store, corten-image and corten-remote.
 *
 * Purpose    The descriptors that the program is born with, and the records that it writes to one of them.
 * Units      A record has one fixed size, less than PIPE_BUF: each write is whole, whichever thread
 *            makes it. All ends come from one build.
 * Trust      The program reads hostile bytes: the store believes no record without checking it.
 */
#ifndef CORTEN_STORE_WIRE_H
#define CORTEN_STORE_WIRE_H

#include <stdint.h>

#include "base/err.h"
#include "store/reference.h"

enum wire_fd {
	WIRE_FD_INPUT =
		0, /* the archive: a file, a pipe or a folder; for a pull the socket; save: the folder of layers */
	WIRE_FD_STAGING = 3, /* the folder that becomes the program's root */
	WIRE_FD_RECORDS = 4, /* a pipe of struct wire_record */
	WIRE_FD_KNOWN = 5,   /* diff-ids that need no unpacking, 64 hex digits and a newline each */
	WIRE_FD_OUTPUT = 5,  /* in its place, save: a file, a pipe or a folder; push: the socket */
	WIRE_FD_LOCKS = 6, /* and the next: held so that nobody cleans up before the program ends */
};

/* What corten-remote is born with, beside a word or two of arguments. */
enum wire_remote_fd {
	WIRE_REMOTE_SOCKET =
		3, /* SOCK_SEQPACKET: corten-image asks; for a login a pipe: the password */
	WIRE_REMOTE_RECORDS =
		4, /* a pipe of struct wire_record: WIRE_NAME, and WIRE_ERROR or WIRE_END */
	WIRE_REMOTE_SECRET = 5, /* of serve and push with --user: a pipe, the password */
};

/*
 * A request of corten-image, and corten-remote's answer: the same again, with the reading end of a pipe. What
 * is asked for follows through that, up to its end or, when the transfer failed, less.
 */
enum wire_ask {
	WIRE_ASK_INDEX = 1, /* index.json: one descriptor, of what the name stands for */
	WIRE_ASK_MANIFEST,  /* a manifest or an index, by its digest */
	WIRE_ASK_BLOB,      /* a configuration or a layer, by its digest */
	WIRE_ASK_TAGS,      /* {"tags": [...]} of the repository */
	WIRE_ASK_REFERRERS, /* an index of what refers to a digest */
};

#define WIRE_ASKS_MAX 8 /* transfers at once */

struct wire_request {
	uint32_t ask;
	char hex[68]; /* 64 digits, or "" for the index and the tags; zeros to the end */
};

/* Names beneath the staging folder. */
#define WIRE_LAYERS "layers" /* layers/HEX/diff, and layers/HEX/opaque: paths, a NUL after each */
#define WIRE_BLOBS  "blobs"  /* blobs/HEX */
#define WIRE_TRASH  "trash"

/* Names in a layer's folder beside `diff`, here and in the store: see image/headers.h. */
#define WIRE_HEADERS "headers.zst"
#define WIRE_KEPT    "kept"

enum wire_type {
	WIRE_LAYER,    /* a layer begins */
	WIRE_PROGRESS, /* bytes of it were read */
	WIRE_DONE,     /* it is unpacked */
	WIRE_KNOWN,    /* it need not be */
	WIRE_IMAGE, /* an image is complete: its id, its manifest's digest and its name's, or ""; push: done_bytes of manifest */
	WIRE_NAME,  /* a name of the image before */
	WIRE_ERROR, /* why the program gives up; the last record */
	WIRE_END,   /* all is done; the last record */
	WIRE_MOUNTED, /* push: it came from the repository `from` */
	WIRE_PACKED,  /* push: a layer's packed form, as the registry has it now */
};

struct wire_record {
	uint32_t type;
	uint32_t layer;
	int64_t done_bytes; /* WIRE_DONE: the size of the unpacked files */
	int64_t total_bytes;
	union {
		struct {
			char hex[65]; /* diff-id, digest or id */
			char manifest[65];
			char top[65];         /* of what index.json names: a manifest or an index */
			char packed[65];      /* WIRE_PACKED: the digest; done_bytes of it */
			char media_type[128]; /* and its type */
			uint32_t proved;      /* whether it was packed from that layer */
			uint32_t from;        /* WIRE_MOUNTED */
		};
		char name[REFERENCE_TEXT_MAX];
		struct err err;
	};
};

#endif
