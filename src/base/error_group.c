/* SPDX-License-Identifier: MIT
 *
 * base/error_group.c: groups of errors: making them, parting them, `except*`.
 *
 * Groups nest as deep as a program likes and stacks are small, so that parting one is a loop:
 * a level for each group that is being parted, with room for the members of both halves.
 */
#include <asyncio/errorgroup.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/error_object.h"

#define MEMBERS_MAX (SIZE_MAX / 4 / sizeof(asyncio_error *))

/* ---- making ---- */

static int group_code(size_t n, asyncio_error *const *members) {
    for (size_t i = 0; i < n; i++) {
        if (!asyncio_is_exception(members[i]->code)) return ASYNCIO_BASE_EXCEPTION_GROUP;
    }
    return ASYNCIO_EXCEPTION_GROUP;
}

/* From arguments that are good. NULL: no memory; nothing is raised. */
static asyncio_error *new_group(const char *message, size_t n, asyncio_error *const *members,
                                uint32_t frames) {
    size_t size = message ? strlen(message) + 1 : 0;
    asyncio_error *e = asyncio__error_alloc(group_code(n, members), n, frames, size);
    if (!e) return NULL;
    for (size_t i = 0; i < n; i++) e->child[i] = asyncio_error_ref(members[i]);
    if (size) memcpy((char *)(uintptr_t)e->message, message, size);
    return e;
}

static int check_members(size_t n, asyncio_error *const *members) {
    if (n == 0)
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "second argument (exceptions) must be a non-empty sequence");
    if (!members) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an array of errors is required");
    if (n > MEMBERS_MAX) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < n; i++) {
        if (members[i]) continue;
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL,
                             "Item %zu of second argument (exceptions) is not an exception", i);
    }
    return 0;
}

asyncio_error *asyncio_errorgroup_new(const char *message, size_t n,
                                      asyncio_error *const *members) {
    if (check_members(n, members) < 0) return NULL;
    asyncio_error *e = new_group(message, n, members, 0);
    if (!e) asyncio__raise(-ENOMEM, NULL);
    return e;
}

asyncio_error *asyncio_error_exception_group(const char *message, size_t n,
                                             asyncio_error *const *members) {
    if (check_members(n, members) < 0) return NULL;
    if (group_code(n, members) == ASYNCIO_EXCEPTION_GROUP)
        return asyncio_errorgroup_new(message, n, members);
    asyncio__raise(ASYNCIO_TYPE_ERROR, "Cannot nest BaseExceptions in an ExceptionGroup");
    return NULL;
}

static int copy_notes(asyncio_error *to, const asyncio_error *from) {
    struct asyncio__note **end = &to->notes;
    for (const struct asyncio__note *note = from->notes; note; note = note->next) {
        size_t size = strlen(note->text) + 1;
        *end = asyncio__malloc(sizeof **end + size);
        if (!*end) return -ENOMEM;
        (*end)->next = NULL;
        memcpy((*end)->text, note->text, size);
        end = &(*end)->next;
    }
    return 0;
}

/* NULL: no memory; nothing is raised. */
static asyncio_error *derive(const asyncio_error *group, size_t n, asyncio_error *const *members) {
    const struct asyncio__traced *frames;
    uint32_t count = (uint32_t)asyncio__error_frames(group, &frames);
    asyncio_error *e = new_group(group->message, n, members, count);
    if (!e) return NULL;
    if (count) memcpy(e->own_trace->frames, frames, count * sizeof *frames);
    e->cause = asyncio_error_ref(group->cause);
    atomic_init(&e->context, asyncio_error_ref(asyncio__error_context(group)));
    int rc = copy_notes(e, group);
    if (rc >= 0) rc = asyncio_value_copy(&e->value, &group->value);
    if (rc >= 0 || rc == ASYNCIO_TYPE_ERROR) return e; /* an argument that cannot be copied */
    asyncio_error_unref(e);
    return NULL;
}

asyncio_error *asyncio_error_derive(const asyncio_error *group, size_t n,
                                    asyncio_error *const *members) {
    if (!group) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a group is required"), NULL;
    if (check_members(n, members) < 0) return NULL;
    asyncio_error *e = derive(group, n, members);
    if (!e) asyncio__raise(-ENOMEM, NULL);
    return e;
}

/* ---- members ---- */

size_t asyncio_error_count(const asyncio_error *error) { return error ? error->children : 0; }

asyncio_error *asyncio_error_child(const asyncio_error *error, size_t index) {
    return error && index < error->children ? error->child[index] : NULL;
}

/* ---- parting ---- */

enum { MATCH, REST };

/* A group whose members are being sorted into two halves. */
struct level {
    struct level *up;
    const asyncio_error *group;
    size_t next; /* member to look at */
    size_t count[2];
    asyncio_error *members[]; /* references; the second half begins at group->children */
};

struct wanted {
    asyncio_error_predicate *predicate;
    void *arg;
    int code; /* without a predicate */
};

static bool is_wanted(const struct wanted *w, const asyncio_error *e) {
    return w->predicate ? w->predicate(e, w->arg) : e->code == w->code;
}

static asyncio_error **half_of(struct level *l, int half) {
    return l->members + (half == REST ? l->group->children : 0);
}

static struct level *open_level(struct level *up, const asyncio_error *group) {
    struct level *l = asyncio__malloc(sizeof *l + 2 * group->children * sizeof *l->members);
    if (l) *l = (struct level){ .up = up, .group = group };
    return l;
}

/* Frees a level and what it holds; gives the one above. */
static struct level *close_level(struct level *l) {
    struct level *up = l->up;
    for (int half = MATCH; half <= REST; half++) {
        for (size_t i = 0; i < l->count[half]; i++) asyncio_error_unref(half_of(l, half)[i]);
    }
    asyncio__free(l);
    return up;
}

/* What is left of a group in both halves. 0 or -ENOMEM. */
static int derive_halves(struct level *l, asyncio_error *parts[2]) {
    parts[MATCH] = parts[REST] = NULL;
    for (int half = MATCH; half <= REST; half++) {
        if (l->count[half] == 0) continue;
        parts[half] = derive(l->group, l->count[half], half_of(l, half));
        if (parts[half]) continue;
        asyncio_error_unref(parts[MATCH]);
        parts[MATCH] = NULL;
        return -ENOMEM;
    }
    return 0;
}

/* Gives parts to the level that asked for them, and on to those above that are complete by that.
 * Then there is a member to look at, or no level, and the parts are the outcome. */
static int hand_up(struct level **top, asyncio_error *parts[2]) {
    while (*top) {
        struct level *l = *top;
        for (int half = MATCH; half <= REST; half++) {
            if (parts[half]) half_of(l, half)[l->count[half]++] = parts[half];
        }
        if (l->next < l->group->children) return 0;
        int rc = derive_halves(l, parts);
        *top = close_level(l);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Parts a tree of errors. 0 or -ENOMEM, not raised. */
static int part_error(asyncio_error *e, const struct wanted *w, asyncio_error *parts[2]) {
    struct level *top = NULL;
    for (;;) {
        int rc = 0;
        parts[MATCH] = parts[REST] = NULL;
        if (is_wanted(w, e)) {
            parts[MATCH] = asyncio_error_ref(e);
        } else if (e->children == 0) {
            parts[REST] = asyncio_error_ref(e);
        } else {
            struct level *l = open_level(top, e);
            if (l) top = l;
            else rc = -ENOMEM;
        }
        if (rc >= 0 && (parts[MATCH] || parts[REST])) rc = hand_up(&top, parts);
        if (rc < 0) {
            while (top) top = close_level(top);
            return rc;
        }
        if (!top) return 0;
        e = top->group->child[top->next++];
    }
}

static int split_error(asyncio_error *e, const struct wanted *w, asyncio_error **match,
                       asyncio_error **rest) {
    asyncio_error *parts[2];
    if (!e) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a group is required");
    if (!w->predicate && w->code >= 0)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a predicate or a negative code is required");
    int rc = part_error(e, w, parts);
    if (rc < 0) return asyncio__raise(rc, NULL);
    if (match) *match = parts[MATCH];
    else asyncio_error_unref(parts[MATCH]);
    if (rest) *rest = parts[REST];
    else asyncio_error_unref(parts[REST]);
    return 0;
}

int asyncio_error_split(asyncio_error *group, int code, asyncio_error **match,
                        asyncio_error **rest) {
    struct wanted w = { .code = code };
    return split_error(group, &w, match, rest);
}

int asyncio_error_split_if(asyncio_error *group, asyncio_error_predicate *predicate, void *arg,
                           asyncio_error **match, asyncio_error **rest) {
    struct wanted w = { predicate, arg, 0 };
    return split_error(group, &w, match, rest);
}

int asyncio_error_subgroup(asyncio_error *group, int code, asyncio_error **match) {
    return asyncio_error_split(group, code, match, NULL);
}

int asyncio_error_subgroup_if(asyncio_error *group, asyncio_error_predicate *predicate, void *arg,
                              asyncio_error **match) {
    return asyncio_error_split_if(group, predicate, arg, match, NULL);
}

/* ---- except* ---- */

/* An error that is no group becomes one. Takes the reference. NULL: no memory. */
static asyncio_error *wrap_single(asyncio_error *e, const struct asyncio__strand *strand) {
    if (e->children > 0) return e;
    asyncio_error *group = new_group(NULL, 1, &e, 0);
    if (group) asyncio__error_trace(group, strand);
    asyncio_error_unref(e);
    return group;
}

static asyncio_error *catch_wanted(int *rc, const struct wanted *w) {
    if (!rc || (!w->predicate && w->code >= 0)) {
        int status = asyncio__raise(ASYNCIO_TYPE_ERROR, "a status and what to catch are required");
        if (rc) *rc = status;
        return NULL;
    }
    if (*rc >= 0) return NULL;
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *parts[2] = { NULL, NULL };
    asyncio_error *e = asyncio_error_take(*rc), *caught = NULL;
    int status = e ? part_error(e, w, parts) : -ENOMEM;
    if (parts[MATCH]) {
        caught = wrap_single(parts[MATCH], strand);
        if (!caught) status = -ENOMEM;
    }
    if (caught) {
        *rc = parts[REST] ? asyncio_reraise(parts[REST]) : 0;
        asyncio_error_unref(e);
        return caught;
    }
    asyncio_error_unref(parts[REST]);
    if (e) asyncio__error_put(strand, e);
    if (status < 0) *rc = asyncio__raise(status, NULL);
    return NULL;
}

asyncio_error *asyncio_catch_group(int *rc, int code) {
    struct wanted w = { .code = code };
    return catch_wanted(rc, &w);
}

asyncio_error *asyncio_catch_group_if(int *rc, asyncio_error_predicate *predicate, void *arg) {
    struct wanted w = { predicate, arg, 0 };
    return catch_wanted(rc, &w);
}
