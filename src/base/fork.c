/* SPDX-License-Identifier: MIT
 *
 * base/fork.c: the parts of the library that take part in a fork, and the mark.
 *
 * The mark is a page that the kernel wipes in every child, also of _Fork and clone. Where it does
 * not, children of fork wipe it themselves.
 */
#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

unsigned asyncio__forks;

static _Atomic(unsigned *) mark;
static _Atomic(const struct asyncio__forkpart *) parts[ASYNCIO__FORK_PARTS];
static pthread_mutex_t joining = PTHREAD_MUTEX_INITIALIZER; /* no part joins during a fork */

static const struct asyncio__forkpart *part_at(int place) { return atomic_load(&parts[place]); }

static void before_fork(void) {
    pthread_mutex_lock(&joining);
    for (int i = ASYNCIO__FORK_PARTS - 1; i >= 0; i--) {
        if (part_at(i) && part_at(i)->before) part_at(i)->before();
    }
}

static void after_in_parent(void) {
    for (int i = 0; i < ASYNCIO__FORK_PARTS; i++) {
        if (part_at(i) && part_at(i)->in_parent) part_at(i)->in_parent();
    }
    pthread_mutex_unlock(&joining);
}

static void after_in_child(void) {
    unsigned *m = atomic_load(&mark);
    if (m) *m = 0;
    asyncio__forks++;
    for (int i = 0; i < ASYNCIO__FORK_PARTS; i++) {
        if (part_at(i) && part_at(i)->in_child) part_at(i)->in_child();
    }
    pthread_mutex_unlock(&joining);
}

static pthread_once_t listen_once = PTHREAD_ONCE_INIT;
static void listen(void) { (void)pthread_atfork(before_fork, after_in_parent, after_in_child); }

void asyncio__fork_join(enum asyncio__forkorder place, const struct asyncio__forkpart *part) {
    if (part_at((int)place)) return;
    pthread_once(&listen_once, listen);
    pthread_mutex_lock(&joining);
    atomic_store(&parts[place], part);
    pthread_mutex_unlock(&joining);
}

const unsigned *asyncio__fork_mark(void) {
    unsigned *m = atomic_load(&mark), *theirs = m;
    if (m && *m) return m;
    pthread_once(&listen_once, listen);
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) return NULL;
    (void)madvise(m, size, MADV_WIPEONFORK);
    *m = 1;
    if (atomic_compare_exchange_strong(&mark, &theirs, m)) return m;
    munmap(m, size); /* another thread was faster */
    return theirs;
}
