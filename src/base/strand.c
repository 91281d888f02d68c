/* SPDX-License-Identifier: MIT
 *
 * base/strand.c: what each thread knows about itself. It begins empty: no task, no loop,
 * an empty context, nothing in the error slot.
 *
 * A thread that ends lets go of the error and the context in its own strand: any thread may
 * raise or set a variable outside tasks, and nobody else could find these later. How that is done
 * is told by whoever puts them there (error_slot.c, contextvar.c). The rest of the fields belong to
 * the layers that set them.
 */
#include "base/strand.h"

#include <string.h>

#include "base/threadkey.h"

_Thread_local struct asyncio__thread asyncio__here;

const asyncio_value_type asyncio__unset = { .size = sizeof asyncio__unset, .name = "unset" };

static struct asyncio__threadkey key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

/* Dropping a value can raise or set again; then the destructor runs once more. */
static void empty_own_strand(void *unused) {
    (void)unused;
    asyncio__strand_emptier *empty[ASYNCIO__STRAND_PARTS];
    memcpy(empty, asyncio__here.empty, sizeof empty);
    memset(asyncio__here.empty, 0, sizeof empty);
    for (size_t i = 0; i < ASYNCIO__STRAND_PARTS; i++) {
        if (empty[i]) empty[i](&asyncio__here.own);
    }
}

static void make_key(void) { asyncio__threadkey_make(&key, empty_own_strand); }

__attribute__((destructor)) static void drop_key(void) { asyncio__threadkey_drop(&key); }

void asyncio__strand_keep_slow(enum asyncio__strand_part part, asyncio__strand_emptier *empty) {
    pthread_once(&key_once, make_key);
    if (asyncio__threadkey_set(&key, &asyncio__here)) asyncio__here.empty[part] = empty;
}
