/*
 * number_list.h - sets of processors or memory nodes, written as "0-3,7".
 *
 * Ownership  Plain data of fixed size, in the kernel's layout of a mask.
 * Errors     ERR_INVALID naming the text and what is wrong with it.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_TASK_NUMBER_LIST_H
#define CORTEN_KERN_TASK_NUMBER_LIST_H

#include <limits.h>
#include <stddef.h>

#include "base/err.h"

#define NUMBER_LIST_MAX  8192 /* the most processors that Linux can be built for */
#define NUMBER_LIST_BITS (sizeof(unsigned long) * CHAR_BIT)

struct number_list {
	unsigned long words[NUMBER_LIST_MAX / NUMBER_LIST_BITS];
	unsigned int count; /* numbers in the set */
	unsigned int end;   /* one more than the highest; 0: empty */
};

/*
 * Reads a list: numbers and ranges, ascending within a range, between single commas; blanks around them
 * are passed over. "" and NULL are the empty set.
 */
int number_list_parse(const char *text, struct number_list *ret_list, struct err *err);

bool number_list_has(const struct number_list *list, unsigned int number);

#endif
