/* SPDX-License-Identifier: MIT
 *
 * base/list.h: circular doubly linked lists with a sentinel. Removing needs no list: what is
 * linked can be taken out of whatever list it is in. A link that is in no list is either
 * not initialised or points at itself (link_init, link_take).
 */
#ifndef ASYNCIO_BASE_LIST_H
#define ASYNCIO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct asyncio__link {
    struct asyncio__link *next;
    struct asyncio__link *prev;
};

#define asyncio__container(link, type, member)                                                     \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

#define ASYNCIO__LIKELY(x) __builtin_expect(!!(x), 1)
#define ASYNCIO__UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline void asyncio__link_init(struct asyncio__link *l) {
    l->next = l;
    l->prev = l;
}

static inline bool asyncio__list_empty(const struct asyncio__link *list) {
    return list->next == list;
}

static inline void asyncio__list_append(struct asyncio__link *list, struct asyncio__link *l) {
    struct asyncio__link *last = list->prev;
    l->next = list;
    l->prev = last;
    last->next = l;
    list->prev = l;
}

/* Takes l out of its list; its own pointers are left as they were. */
static inline void asyncio__link_unlink(struct asyncio__link *l) {
    l->prev->next = l->next;
    l->next->prev = l->prev;
}

static inline void asyncio__link_take(struct asyncio__link *l) {
    asyncio__link_unlink(l);
    asyncio__link_init(l);
}

/* Appends all of `from` to `list`; `from` is empty afterwards. */
static inline void asyncio__list_splice(struct asyncio__link *list, struct asyncio__link *from) {
    if (asyncio__list_empty(from)) return;
    struct asyncio__link *last = list->prev;
    last->next = from->next;
    from->next->prev = last;
    from->prev->next = list;
    list->prev = from->prev;
    asyncio__link_init(from);
}

/* Makes all of `from`, which is not empty, the content of `list`, which is. (Word by word: a
 * copy of both pointers at once would wait for the stores that made them.) */
static inline void asyncio__list_move(struct asyncio__link *list, struct asyncio__link *from) {
    struct asyncio__link *first = from->next, *last = from->prev;
    list->next = first;
    first->prev = list;
    list->prev = last;
    last->next = list;
    asyncio__link_init(from);
}

/* Puts all of `from` before what is in `list`. */
static inline void asyncio__list_splice_front(struct asyncio__link *list,
                                              struct asyncio__link *from) {
    asyncio__list_splice(from, list);
    asyncio__list_splice(list, from);
}

#endif
