/* SPDX-License-Identifier: MIT
 *
 * base/contextvar.c: context variables, their values, contexts and tokens.
 *
 *     context object --> set of variables --> (variable, box --> value), ...
 *
 * A set is sorted by address and never changes while more than one reference to it exists:
 * copying a context is one more reference to its set. Values lie in boxes that sets and tokens
 * share, so that a value is dropped exactly once. A set has only its object's reference as long
 * as nobody copied the context; then a variable is set in place.
 *
 * A context object is used by one thread at a time; sets, boxes and variables may be let go by
 * any thread, as contexts travel with what is handed to other threads.
 */
#include "base/contextvar.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"

struct asyncio_contextvar {
    atomic_uint refs;            /* references; each set that has the variable holds one */
    bool has_default;            /* whether default_value counts; None is a default too */
    asyncio_value default_value; /* shown where nothing is set */
    char name[];                 /* a copy */
};

struct box {
    atomic_uint refs;    /* references of sets and tokens */
    asyncio_value value; /* dropped with the last of them */
};

struct entry {
    asyncio_contextvar *var; /* a reference */
    struct box *box;         /* a reference */
};

struct vars {
    atomic_uint refs;       /* references of objects and context_refs */
    uint32_t count;         /* of entries, > 0 */
    struct entry entries[]; /* sorted by the address of var */
};

struct asyncio_context {
    atomic_uint refs;    /* references */
    atomic_bool running; /* asyncio_context_run is in it */
    struct vars *vars;   /* a reference; NULL: nothing is set */
};

struct asyncio_token {
    asyncio_contextvar *var;  /* a reference */
    asyncio_context *context; /* a reference */
    struct box *former;       /* a reference; NULL: the variable was not set */
    bool used;                /* reset was called with it */
};

#define SNAPSHOT ((uintptr_t)1)

static void add_reference(atomic_uint *refs) {
    atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static bool drop_reference(atomic_uint *refs) {
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static bool is_only_reference(atomic_uint *refs) {
    return atomic_load_explicit(refs, memory_order_acquire) == 1;
}

/* ---- boxes ---- */

/* A box for the value, which is moved in; NULL without memory, the value stays. */
static struct box *new_box(asyncio_value value) {
    struct box *box = asyncio__malloc(sizeof *box);
    if (!box) return NULL;
    atomic_init(&box->refs, 1);
    box->value = value;
    return box;
}

static struct box *ref_box(struct box *box) {
    if (box) add_reference(&box->refs);
    return box;
}

static void unref_box(struct box *box) {
    if (!box || !drop_reference(&box->refs)) return;
    asyncio_value_drop(&box->value);
    asyncio__free(box);
}

/* ---- variables ---- */

asyncio_contextvar *asyncio_contextvar_new(const char *name, const asyncio_value *default_value) {
    asyncio_value value = default_value ? *default_value : asyncio_none();
    size_t size = name ? strlen(name) + 1 : 0;
    asyncio_contextvar *var = name ? asyncio__malloc(sizeof *var + size) : NULL;
    if (!var) {
        asyncio_value_drop(&value);
        if (!name) asyncio__raise(ASYNCIO_TYPE_ERROR, "a context variable must have a name");
        return NULL;
    }
    atomic_init(&var->refs, 1);
    var->has_default = default_value != NULL;
    var->default_value = value;
    memcpy(var->name, name, size);
    return var;
}

asyncio_contextvar *asyncio_contextvar_ref(asyncio_contextvar *var) {
    if (var) add_reference(&var->refs);
    return var;
}

void asyncio_contextvar_unref(asyncio_contextvar *var) {
    if (!var || !drop_reference(&var->refs)) return;
    asyncio_value_drop(&var->default_value);
    asyncio__free(var);
}

const char *asyncio_contextvar_name(const asyncio_contextvar *var) {
    return var ? var->name : NULL;
}

/* ---- sets of variables ---- */

static struct vars *ref_vars(struct vars *vars) {
    if (vars) add_reference(&vars->refs);
    return vars;
}

static void unref_vars(struct vars *vars) {
    if (!vars || !drop_reference(&vars->refs)) return;
    for (uint32_t i = 0; i < vars->count; i++) {
        unref_box(vars->entries[i].box);
        asyncio_contextvar_unref(vars->entries[i].var);
    }
    asyncio__free(vars);
}

/* The index of the variable's entry, or of the one it would go before. */
static uint32_t find_entry(const struct vars *vars, const asyncio_contextvar *var) {
    uint32_t low = 0, high = vars ? vars->count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)vars->entries[middle].var < (uintptr_t)var) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_entry(const struct vars *vars, uint32_t i, const asyncio_contextvar *var) {
    return vars && i < vars->count && vars->entries[i].var == var;
}

static struct box *find_box(const struct vars *vars, const asyncio_contextvar *var) {
    uint32_t i = find_entry(vars, var);
    return has_entry(vars, i, var) ? vars->entries[i].box : NULL;
}

static void copy_entries(struct entry *to, const struct entry *from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        to[i].var = asyncio_contextvar_ref(from[i].var);
        to[i].box = ref_box(from[i].box);
    }
}

/* A copy with `added` entries inserted (not initialised) and `removed` entries left out at i.
 * NULL without memory. */
static struct vars *copy_vars(const struct vars *vars, uint32_t i, uint32_t added,
                              uint32_t removed) {
    uint32_t old_count = vars ? vars->count : 0;
    uint32_t count = old_count + added - removed;
    struct vars *copy = asyncio__malloc(sizeof *copy + count * sizeof copy->entries[0]);
    if (!copy) return NULL;
    atomic_init(&copy->refs, 1);
    copy->count = count;
    if (vars) {
        uint32_t behind = i + removed;
        copy_entries(copy->entries, vars->entries, i);
        copy_entries(copy->entries + i + added, vars->entries + behind, old_count - behind);
    }
    return copy;
}

/* Sets the variable in the object. Takes the reference to the box on success, and gives that to
 * the former one out, if there was one. Returns 0 or -ENOMEM. */
static int set_box(asyncio_context *context, asyncio_contextvar *var, struct box *box,
                   struct box **former) {
    struct vars *vars = context->vars;
    uint32_t i = find_entry(vars, var);
    bool found = has_entry(vars, i, var);
    if (!found || !is_only_reference(&vars->refs)) {
        struct vars *copy = copy_vars(vars, i, 1, found ? 1 : 0);
        if (!copy) return -ENOMEM;
        *former = ref_box(found ? vars->entries[i].box : NULL);
        copy->entries[i] = (struct entry){ asyncio_contextvar_ref(var), box };
        context->vars = copy;
        unref_vars(vars);
    } else {
        *former = vars->entries[i].box;
        vars->entries[i].box = box;
    }
    return 0;
}

/* Takes the variable out of a set that nobody shares, and gives its entry to the caller. */
static struct entry take_entry(struct vars *vars, uint32_t i) {
    struct entry entry = vars->entries[i];
    vars->count--;
    memmove(&vars->entries[i], &vars->entries[i + 1], (vars->count - i) * sizeof entry);
    return entry;
}

/* Takes the variable out of the object. Returns 0 or -ENOMEM. */
static int remove_box(asyncio_context *context, asyncio_contextvar *var) {
    struct vars *vars = context->vars;
    uint32_t i = find_entry(vars, var);
    if (!has_entry(vars, i, var)) return 0;
    if (vars->count > 1 && is_only_reference(&vars->refs)) {
        struct entry entry = take_entry(vars, i);
        unref_box(entry.box);
        asyncio_contextvar_unref(entry.var);
        return 0;
    }
    struct vars *rest = vars->count > 1 ? copy_vars(vars, i, 0, 1) : NULL;
    if (vars->count > 1 && !rest) return -ENOMEM;
    context->vars = rest;
    unref_vars(vars);
    return 0;
}

/* ---- references to contexts ---- */

static struct vars *ref_to_vars(asyncio__context_ref ref) {
    if (ref & SNAPSHOT) return (struct vars *)(ref & ~SNAPSHOT);
    return ref ? ((asyncio_context *)ref)->vars : NULL;
}

asyncio__context_ref asyncio__context_capture_slow(asyncio__context_ref current) {
    struct vars *vars = ref_vars(ref_to_vars(current));
    return vars ? (uintptr_t)vars | SNAPSHOT : 0;
}

asyncio__context_ref asyncio__context_hold(asyncio_context *context) {
    return (asyncio__context_ref)asyncio_context_ref(context);
}

void asyncio__context_release_slow(asyncio__context_ref ref) {
    if (ref & SNAPSHOT) {
        unref_vars(ref_to_vars(ref));
    } else {
        asyncio_context_unref((asyncio_context *)ref);
    }
}

/* The end of a thread that has a context. */
static void empty_context(struct asyncio__strand *own) {
    asyncio__context_ref ref = own->context;
    own->context = 0;
    asyncio__context_release(ref);
}

/* A new object that takes the reference to the set; NULL without memory, the set stays. */
static asyncio_context *new_context(struct vars *vars) {
    asyncio_context *context = asyncio__malloc(sizeof *context);
    if (!context) return NULL;
    atomic_init(&context->refs, 1);
    atomic_init(&context->running, false);
    context->vars = vars;
    return context;
}

asyncio_context *asyncio__context_object(asyncio__context_ref *slot) {
    if (*slot == 0 || (*slot & SNAPSHOT)) {
        asyncio_context *context = new_context(ref_to_vars(*slot));
        if (!context) return NULL;
        *slot = (asyncio__context_ref)context;
        asyncio__strand_keep(ASYNCIO__STRAND_CONTEXT, empty_context);
    }
    return (asyncio_context *)*slot;
}

bool asyncio__context_is_entered(const asyncio_context *context) {
    asyncio__context_ref ref = (asyncio__context_ref)context;
    if (!context) return false;
    if (asyncio__strand_current()->context == ref) return true;
    for (const struct asyncio__entered *e = asyncio__here.entered; e; e = e->outer) {
        if (e->context == ref) return true;
    }
    return false;
}

/* ---- contexts ---- */

asyncio_context *asyncio_copy_context(void) {
    struct vars *vars = ref_vars(ref_to_vars(asyncio__strand_current()->context));
    asyncio_context *context = new_context(vars);
    if (!context) unref_vars(vars);
    return context;
}

asyncio_context *asyncio_context_new(void) { return new_context(NULL); }

asyncio_context *asyncio_context_ref(asyncio_context *context) {
    if (context) add_reference(&context->refs);
    return context;
}

void asyncio_context_unref(asyncio_context *context) {
    if (!context || !drop_reference(&context->refs)) return;
    unref_vars(context->vars);
    asyncio__free(context);
}

int asyncio_context_run(asyncio_context *context, int (*fn)(void *arg), void *arg) {
    if (!context || !fn) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "context_run needs a context and a function");
    }
    if (asyncio__context_is_entered(context) || atomic_exchange(&context->running, true)) {
        return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                             "cannot enter context: <Context object at %p> is already entered",
                             (void *)context);
    }
    struct asyncio__strand *strand = asyncio__strand_current();
    struct asyncio__entered below = { asyncio__here.entered, strand->context };
    asyncio__here.entered = &below;
    strand->context = asyncio__context_hold(context);
    int rc = fn(arg);
    assert(asyncio__here.entered == &below && asyncio__strand_current() == strand);
    strand->context = below.context;
    asyncio__here.entered = below.outer;
    atomic_store(&context->running, false);
    asyncio_context_unref(context);
    return rc;
}

/* ---- get, set, reset ---- */

static int not_set(const asyncio_contextvar *var) {
    return asyncio_raise(ASYNCIO_LOOKUP_ERROR, NULL, NULL, "<ContextVar name='%s' at %p>",
                         var->name, (const void *)var);
}

static int no_variable(void) {
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "there is no such context or context variable");
}

int asyncio_context_get(asyncio_context *context, asyncio_contextvar *var, asyncio_value *out) {
    if (!context || !var) return no_variable();
    const struct box *box = find_box(context->vars, var);
    if (!box) return not_set(var);
    if (out) *out = box->value;
    return 0;
}

int asyncio_contextvar_get(asyncio_contextvar *var, asyncio_value *out) {
    if (!var) return no_variable();
    const struct box *box = find_box(ref_to_vars(asyncio__strand_current()->context), var);
    if (!box && !var->has_default) return not_set(var);
    if (out) *out = box ? box->value : var->default_value;
    return 0;
}

/* A token, its `former` still to be filled in; NULL without memory. */
static asyncio_token *new_token(asyncio_contextvar *var, asyncio_context *context) {
    asyncio_token *token = asyncio__malloc(sizeof *token);
    if (!token) return NULL;
    *token = (asyncio_token){
        .var = asyncio_contextvar_ref(var),
        .context = asyncio_context_ref(context),
    };
    return token;
}

int asyncio_contextvar_set(asyncio_contextvar *var, asyncio_value value, asyncio_token **token) {
    asyncio_context *context =
        var ? asyncio__context_object(&asyncio__strand_current()->context) : NULL;
    struct box *box = context ? new_box(value) : NULL;
    if (!box) {
        asyncio_value_drop(&value);
        return var ? -ENOMEM : no_variable();
    }
    asyncio_token *made = token ? new_token(var, context) : NULL;
    struct box *former = NULL;
    if ((token && !made) || set_box(context, var, box, &former) < 0) {
        asyncio_token_unref(made);
        unref_box(box);
        return -ENOMEM;
    }
    if (made) {
        made->former = former;
        *token = made;
    } else {
        unref_box(former);
    }
    return 0;
}

int asyncio_contextvar_reset(asyncio_contextvar *var, asyncio_token *token) {
    if (!var || !token) return asyncio__raise(ASYNCIO_TYPE_ERROR, "reset needs a token");
    if (token->used) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the token has been used already");
    }
    if (token->var != var) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "the token is of another context variable");
    }
    asyncio_context *context = token->context;
    if (asyncio__strand_current()->context != (asyncio__context_ref)context) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "the token was made in another context");
    }
    struct box *replaced = NULL;
    int rc;
    if (token->former) {
        rc = set_box(context, var, ref_box(token->former), &replaced);
        if (rc < 0) unref_box(token->former);
    } else {
        rc = remove_box(context, var);
    }
    if (rc == 0) token->used = true;
    unref_box(replaced);
    return rc;
}

void asyncio_token_unref(asyncio_token *token) {
    if (!token) return;
    unref_box(token->former);
    asyncio_context_unref(token->context);
    asyncio_contextvar_unref(token->var);
    asyncio__free(token);
}
