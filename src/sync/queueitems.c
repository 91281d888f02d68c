/* SPDX-License-Identifier: MIT
 *
 * sync/queueitems.c: the array of a queue, and the heap of a PriorityQueue.
 */
#include "sync/queueitems.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"

#define SLOTS_MIN 16

void asyncio__queueitems_fini(struct asyncio__queueitems *items) { asyncio__free(items->slots); }

int asyncio__queueitems_grow(struct asyncio__queueitems *items) {
    size_t length = items->slots ? (items->mask + 1) * 2 : SLOTS_MIN;
    asyncio_value *slots = NULL;
    if (length <= SIZE_MAX / sizeof *slots) slots = asyncio__malloc(length * sizeof *slots);
    if (!slots) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < items->count; i++) slots[i] = *asyncio__queueitems_at(items, i);
    asyncio__free(items->slots);
    items->slots = slots;
    items->mask = length - 1;
    items->head = 0;
    return 0;
}

/* ---- the order of values that come without one ---- */

enum order { NO_ORDER, NUMBERS, STRINGS };

static enum order order_of(const asyncio_value *v) {
    const asyncio_value_type *t = v->type;
    if (t == &asyncio_value_int || t == &asyncio_value_uint || t == &asyncio_value_bool ||
        t == &asyncio_value_double) {
        return NUMBERS;
    }
    return (t == &asyncio_value_str || t == &asyncio_value_own_str) && v->s ? STRINGS : NO_ORDER;
}

__extension__ typedef __int128 wide; /* holds all integers */

static wide integer_of(const asyncio_value *v) {
    return v->type == &asyncio_value_uint ? (wide)v->u : (wide)v->i;
}

/* Without its fraction; beyond all integers where it is out of their range. */
static wide whole(double d) {
    if (d >= 0x1p65) return (wide)1 << 65;
    return d <= -0x1p65 ? -((wide)1 << 65) : (wide)d;
}

static wide round_down(double d) { return whole(d) - (d < (double)whole(d)); }

static wide round_up(double d) { return whole(d) + (d > (double)whole(d)); }

/* Exactly, as Python compares; nothing is less than NaN or more. */
static bool is_less(const asyncio_value *a, const asyncio_value *b) {
    bool a_real = a->type == &asyncio_value_double, b_real = b->type == &asyncio_value_double;
    if (a_real && b_real) return a->d < b->d;
    if (a_real) return !isnan(a->d) && round_down(a->d) < integer_of(b);
    if (b_real) return !isnan(b->d) && integer_of(a) < round_up(b->d);
    return integer_of(a) < integer_of(b);
}

static bool comes_before(const struct asyncio__queueitems *items, const asyncio_value *a,
                         const asyncio_value *b) {
    if (items->compare) return items->compare(a, b) < 0;
    if (a->type == &asyncio_value_int && b->type == &asyncio_value_int) return a->i < b->i;
    if (order_of(a) == STRINGS) return strcmp(a->s, b->s) < 0;
    return is_less(a, b);
}

static const char *name_of(const asyncio_value *v) { return v->type ? v->type->name : "None"; }

/* Whether the value can be compared with those that are in the heap. */
static int check_order(const struct asyncio__queueitems *items, const asyncio_value *value) {
    if (items->compare || items->count == 0) return 0;
    const asyncio_value *other = &items->slots[0];
    enum order order = order_of(value);
    if (order != NO_ORDER && order == order_of(other)) return 0;
    return asyncio_raise(ASYNCIO_TYPE_ERROR, NULL, NULL,
                         "'<' not supported between instances of '%s' and '%s'", name_of(value),
                         name_of(other));
}

/* ---- the heap ---- */

/* Moves the item at `at` towards the root, to below the first that does not come after it. */
static void sift_to_root(struct asyncio__queueitems *items, size_t at) {
    asyncio_value *slots = items->slots, item = slots[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!comes_before(items, &item, &slots[parent])) break;
        slots[at] = slots[parent];
        at = parent;
    }
    slots[at] = item;
}

/* Finds a place for the item at the root: all the way down along the smaller children, then up
 * again. (It comes from the bottom and belongs there, most often.) */
static void sift_from_root(struct asyncio__queueitems *items) {
    asyncio_value *slots = items->slots, item = slots[0];
    size_t at = 0, child = 1, end = items->count;
    while (child < end) {
        if (child + 1 < end && !comes_before(items, &slots[child], &slots[child + 1])) child++;
        slots[at] = slots[child];
        at = child;
        child = 2 * at + 1;
    }
    slots[at] = item;
    sift_to_root(items, at);
}

int asyncio__queueitems_push_heap(struct asyncio__queueitems *items, const asyncio_value *value) {
    int rc = check_order(items, value);
    if (rc < 0) return rc;
    if (items->count == items->mask + 1 || !items->slots) {
        rc = asyncio__queueitems_grow(items);
        if (rc < 0) return rc;
    }
    items->slots[items->count++] = *value;
    sift_to_root(items, items->count - 1);
    return 0;
}

asyncio_value asyncio__queueitems_pop_heap(struct asyncio__queueitems *items) {
    asyncio_value last = items->slots[--items->count];
    if (items->count == 0) return last;
    asyncio_value first = items->slots[0];
    items->slots[0] = last;
    sift_from_root(items);
    return first;
}
