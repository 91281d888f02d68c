/* SPDX-License-Identifier: MIT
 *
 * base/version.c: the version that this library was built as. Programs compare it with the
 * macros of asyncio/base.h, which are the version they were compiled against.
 */
#include <asyncio/base.h>

const char *asyncio_version(void) {
    return ASYNCIO__STR(ASYNCIO_VERSION_MAJOR) "." ASYNCIO__STR(
        ASYNCIO_VERSION_MINOR) "." ASYNCIO__STR(ASYNCIO_VERSION_PATCH);
}
