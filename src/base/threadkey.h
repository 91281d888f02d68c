/* SPDX-License-Identifier: MIT
 *
 * base/threadkey.h: how the end of a thread is noticed: by the destructor of a key.
 *
 * A shared libasyncio is never unloaded (-z nodelete). A static copy in a plugin is, and threads go
 * on that have used it: its keys go with it, so that what these threads have is lost, and they do
 * not call into memory where no code is any more.
 */
#ifndef ASYNCIO_BASE_THREADKEY_H
#define ASYNCIO_BASE_THREADKEY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct asyncio__threadkey {
    pthread_key_t key;
    atomic_bool made; /* false without a key left for us, or once it has gone */
};

/* Once; on_end: called in each thread that ends with a value, given that. */
static inline void asyncio__threadkey_make(struct asyncio__threadkey *k, void (*on_end)(void *)) {
    atomic_store(&k->made, pthread_key_create(&k->key, on_end) == 0);
}

/* False if nobody will notice. */
static inline bool asyncio__threadkey_set(struct asyncio__threadkey *k, const void *value) {
    return atomic_load_explicit(&k->made, memory_order_relaxed) &&
           pthread_setspecific(k->key, value) == 0;
}

/* For a destructor of the library. */
static inline void asyncio__threadkey_drop(struct asyncio__threadkey *k) {
    if (atomic_exchange(&k->made, false)) pthread_key_delete(k->key);
}

#endif
