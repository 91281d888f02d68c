/* SPDX-License-Identifier: MIT
 *
 * base/strand.c: what each thread knows about itself. It begins empty: no task, no loop,
 * an empty context, nothing in the error slot.
 *
 * A thread that ends lets go of the error and the context in its own strand: any thread may
 * raise or set a variable outside tasks, and nobody else could find these later. The rest of
 * the fields belong to the layers that set them.
 */
#include "base/strand.h"

#include <pthread.h>

#include "base/contextvar.h"

_Thread_local struct asyncio__thread asyncio__here;

const asyncio_value_type asyncio__unset = { .size = sizeof asyncio__unset, .name = "unset" };

static pthread_key_t key; /* its destructor is how a thread's end is noticed */
static bool key_made;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

/* Dropping a value can raise or set again; then the destructor runs once more. */
static void empty_own_strand(void *unused) {
    (void)unused;
    struct asyncio__strand *own = &asyncio__here.own;
    asyncio_error *error = own->error;
    asyncio__context_ref context = own->context;
    asyncio__here.kept = false;
    own->error = NULL;
    own->context = 0;
    asyncio_error_unref(error);
    asyncio__context_release(context);
}

static void make_key(void) { key_made = pthread_key_create(&key, empty_own_strand) == 0; }

void asyncio__strand_keep_slow(void) {
    pthread_once(&key_once, make_key);
    if (key_made && pthread_setspecific(key, &asyncio__here) == 0) asyncio__here.kept = true;
}
