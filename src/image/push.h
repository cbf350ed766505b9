/*
 * push.h - `corten-image push`: an image of the store, to where corten-remote puts it.
 *
 * Purpose    Called in the confined process: reads the request and the documents beneath "/" and the layers beneath
 *            input_fd, and asks over the socket of store/wire_push.h. What the registry has is not sent; where all
 *            that the image's own manifest names is there, that is put byte for byte.
 * Errors     The first one of any thread.
 */
#ifndef CORTEN_IMAGE_PUSH_H
#define CORTEN_IMAGE_PUSH_H

#include "base/err.h"

struct push_options {
	int input_fd;
	int socket_fd;
	int records_fd;
};

int image_push(const struct push_options *options, struct err *err);

#endif
