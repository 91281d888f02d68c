/* SPDX-License-Identifier: MIT
 *
 * base/value.h: what the library does with values beyond asyncio/value.h.
 */
#ifndef ASYNCIO_BASE_VALUE_H
#define ASYNCIO_BASE_VALUE_H

#include <asyncio/value.h>

#include "base/text.h"

/* Adds the repr of a value. */
void asyncio__value_show(struct asyncio__text *text, const asyncio_value *value);

#endif
