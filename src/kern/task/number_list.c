#include "kern/task/number_list.h"

#include <errno.h>
#include <string.h>

bool number_list_has(const struct number_list *list, unsigned int number)
{
	return number < NUMBER_LIST_MAX &&
	       (list->words[number / NUMBER_LIST_BITS] >> number % NUMBER_LIST_BITS & 1) != 0;
}

static void number_list_add(struct number_list *list, unsigned int number)
{
	if (number_list_has(list, number))
		return;
	list->words[number / NUMBER_LIST_BITS] |= 1UL << number % NUMBER_LIST_BITS;
	list->count++;
	if (number >= list->end)
		list->end = number + 1;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\n");
}

/* Steps over a decimal number; NULL when none stands there or it is too large. */
static const char *read_number(const char *at, unsigned int *ret_number)
{
	unsigned int number = 0;

	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (unsigned int)(*at - '0');
		if (number >= NUMBER_LIST_MAX)
			return NULL;
	}
	*ret_number = number;
	return at;
}

/* "7" or "0-3" with blanks around; NULL when it is neither. */
static const char *read_range(const char *at, struct number_list *list)
{
	unsigned int first, last;

	at = read_number(skip_blanks(at), &first);
	if (at == NULL)
		return NULL;
	last = first;
	at = skip_blanks(at);
	if (*at == '-')
		at = read_number(skip_blanks(at + 1), &last);
	if (at == NULL || last < first)
		return NULL;
	for (unsigned int number = first; number <= last; number++)
		number_list_add(list, number);
	return skip_blanks(at);
}

int number_list_parse(const char *text, struct number_list *ret_list, struct err *err)
{
	const char *at = text == NULL ? "" : skip_blanks(text);

	memset(ret_list, 0, sizeof(*ret_list));
	if (*at == '\0')
		return 0;
	for (;;) {
		at = read_range(at, ret_list);
		if (at == NULL || (*at != ',' && *at != '\0'))
			return err_set(err, ERR_INVALID, EINVAL,
				       "'%.64s' is not a list such as 0-3,7 of numbers below %d",
				       text, NUMBER_LIST_MAX);
		if (*at == '\0')
			return 0;
		at++;
	}
}
