/* SPDX-License-Identifier: MIT
 *
 * inspect/graph.c: capturing who awaits whom, and the graph as text.
 *
 * A graph is a tree, as somebody who is awaited by way of two others is shown twice. Trees can be
 * deep and stacks are small, so nothing here recurses over it: runnables know where they hang, and
 * all of them are on one list.
 */
#include <asyncio/graph.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "task/show.h"

#define LEVELS_MAX 250
#define RUNNABLES_MAX 10000
#define FRAMES_MAX 256

enum cut { WHOLE, CIRCLE, TOO_LARGE };

struct asyncio_call_graph {
    struct asyncio_call_graph *root;    /* has the count and the list */
    struct asyncio_call_graph *earlier; /* made before this one; of the root: the newest */
    struct asyncio_call_graph *up, *next, *first, *last;
    asyncio_future *future; /* a reference */
    size_t awaited_by;      /* children */
    size_t total;           /* runnables; of the root */
    uint32_t refs;          /* of the root */
    unsigned level;
    enum cut cut;
    size_t frames;
    asyncio_frame_info frame[]; /* newest first */
};

/* ---- frames ---- */

struct stack {
    size_t count;
    asyncio_frame_info frame[FRAMES_MAX + 1]; /* newest first */
};

/* The frames of a task as they are: the newest, if there are too many. */
static void read_stack(struct stack *s, const struct asyncio_future *f) {
    asyncio_task *t = asyncio_future_as_task(f);
    s->count = 0;
    if (!t || f->state != ASYNCIO__PENDING) return;
    size_t count = asyncio_task_get_stack(t, s->frame, FRAMES_MAX);
    s->count = count < FRAMES_MAX ? count : FRAMES_MAX;
    for (size_t i = 0; i < s->count / 2; i++) {
        asyncio_frame_info oldest = s->frame[i];
        s->frame[i] = s->frame[s->count - 1 - i];
        s->frame[s->count - 1 - i] = oldest;
    }
}

/* The current task stands where the graph is asked for, in its coroutine or in a function that
 * this has called. */
static void add_call_site(struct stack *s, const asyncio_call_graph_options *o) {
    if (!o->where) return;
    if (s->count == 0 || !o->func || !asyncio__is_body_of(o->func, s->frame[0].coro)) {
        memmove(&s->frame[1], &s->frame[0], s->count * sizeof s->frame[0]);
        s->frame[0] = (asyncio_frame_info){ .func = o->func };
        s->count++;
    }
    s->frame[0].where = o->where;
}

static void skip_newest(struct stack *s, size_t n) {
    if (n > s->count) n = s->count;
    s->count -= n;
    memmove(&s->frame[0], &s->frame[n], s->count * sizeof s->frame[0]);
}

static void limit_stack(struct stack *s, const asyncio_call_graph_options *o) {
    size_t n = o->limit < 0 ? 0 - (size_t)o->limit : (size_t)o->limit;
    if (o->no_stack) s->count = 0;
    if (o->limit == 0 || n >= s->count) return;
    if (o->limit > 0) skip_newest(s, s->count - n);
    s->count = n;
}

/* ---- runnables ---- */

static asyncio_call_graph *new_runnable(asyncio_call_graph *root, asyncio_future *f,
                                        const struct stack *s) {
    size_t frames = s ? s->count : 0;
    asyncio_call_graph *g = asyncio__calloc(1, sizeof *g + frames * sizeof g->frame[0]);
    if (!g) return NULL;
    g->root = root ? root : g;
    g->future = asyncio_future_ref(f);
    g->frames = frames;
    if (frames) memcpy(g->frame, s->frame, frames * sizeof g->frame[0]);
    g->root->total++;
    if (!root) return g;
    g->earlier = root->earlier;
    root->earlier = g;
    return g;
}

static bool is_above(const asyncio_call_graph *g, const asyncio_future *f) {
    while (g && g->future != f) g = g->up;
    return g != NULL;
}

static bool is_child(const asyncio_call_graph *g, const asyncio_future *f) {
    const asyncio_call_graph *c = g->first;
    while (c && c->future != f) c = c->next;
    return c != NULL;
}

struct builder {
    const asyncio_call_graph_options *options;
    asyncio_call_graph *at; /* the runnable whose awaiters are looked up */
    struct stack stack;
};

/* 0 or -ENOMEM. */
static int add_awaiter(asyncio_future *f, void *arg) {
    struct builder *b = arg;
    asyncio_call_graph *at = b->at;
    if (is_child(at, f)) return 0;
    if (at->root->total >= RUNNABLES_MAX || at->level + 1 >= LEVELS_MAX) {
        at->cut = TOO_LARGE;
        return 0;
    }
    bool circle = is_above(at, f);
    if (circle) b->stack.count = 0;
    else read_stack(&b->stack, f);
    limit_stack(&b->stack, b->options);
    asyncio_call_graph *g = new_runnable(at->root, f, &b->stack);
    if (!g) return -ENOMEM;
    g->up = at;
    g->level = at->level + 1;
    g->cut = circle ? CIRCLE : WHOLE;
    if (at->last) at->last->next = g;
    else at->first = g;
    at->last = g;
    at->awaited_by++;
    return 0;
}

/* The runnable after g, parents before children. */
static asyncio_call_graph *next_runnable(asyncio_call_graph *g) {
    if (g->first) return g->first;
    while (g && !g->next) g = g->up;
    return g ? g->next : NULL;
}

static int build_tree(struct builder *b, asyncio_call_graph *root) {
    for (b->at = root; b->at; b->at = next_runnable(b->at)) {
        if (b->at->cut != WHOLE) continue;
        int rc = asyncio__show_awaiters(b->at->future, add_awaiter, b);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- capturing ---- */

static asyncio_call_graph *capture(struct builder *b, asyncio_future *f) {
    bool current = f == asyncio_task_as_future(asyncio_current_task());
    unsigned depth = b->options->depth ? b->options->depth : 1;
    read_stack(&b->stack, f);
    if (current) {
        add_call_site(&b->stack, b->options);
        skip_newest(&b->stack, depth - 1);
    }
    limit_stack(&b->stack, b->options);
    asyncio_call_graph *g = new_runnable(NULL, f, &b->stack);
    if (!g) return NULL;
    g->refs = 1;
    if (build_tree(b, g) >= 0) return g;
    asyncio_call_graph_unref(g);
    return NULL;
}

static int capture_options(const asyncio_call_graph_options *o, asyncio_call_graph **graph) {
    static const asyncio_call_graph_options none = { .size = sizeof none };
    if (!o) o = &none;
    *graph = NULL;
    if (!o->future && !asyncio__here.running) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "capture_call_graph() is called outside of a running event loop and "
                              "no *future* to introspect was provided");
    }
    asyncio_future *f = o->future ? o->future : asyncio_task_as_future(asyncio_current_task());
    if (!f) return 0;
    struct builder *b = asyncio__malloc(sizeof *b); /* large for a small stack */
    if (b) {
        b->options = o;
        *graph = capture(b, f);
        asyncio__free(b);
    }
    return *graph ? 0 : asyncio__raise(-ENOMEM, NULL);
}

asyncio_call_graph *asyncio_capture_call_graph_with(const asyncio_call_graph_options *options) {
    asyncio_call_graph *g;
    return capture_options(options, &g) < 0 ? NULL : g;
}

asyncio_call_graph *asyncio_call_graph_ref(asyncio_call_graph *g) {
    if (g) g->root->refs++;
    return g;
}

void asyncio_call_graph_unref(asyncio_call_graph *g) {
    if (!g || --g->root->refs > 0) return;
    asyncio_call_graph *root = g->root;
    for (g = root->earlier; g;) {
        asyncio_call_graph *earlier = g->earlier;
        asyncio_future_unref(g->future);
        asyncio__free(g);
        g = earlier;
    }
    asyncio_future_unref(root->future);
    asyncio__free(root);
}

/* ---- reading ---- */

asyncio_future *asyncio_call_graph_future(const asyncio_call_graph *g) {
    return g ? g->future : NULL;
}

size_t asyncio_call_graph_frame_count(const asyncio_call_graph *g) { return g ? g->frames : 0; }

const asyncio_frame_info *asyncio_call_graph_frame(const asyncio_call_graph *g, size_t i) {
    return g && i < g->frames ? &g->frame[i] : NULL;
}

size_t asyncio_call_graph_awaited_by_count(const asyncio_call_graph *g) {
    return g ? g->awaited_by : 0;
}

asyncio_call_graph *asyncio_call_graph_awaited_by(const asyncio_call_graph *g, size_t i) {
    asyncio_call_graph *child = g ? g->first : NULL;
    while (child && i-- > 0) child = child->next;
    return child;
}

bool asyncio_call_graph_cut(const asyncio_call_graph *g) { return g && g->cut != WHOLE; }

/* ---- as text ---- */

static void start_line(struct asyncio__text *text, const asyncio_call_graph *g) {
    if (text->length > 0) asyncio__text_put(text, "\n");
    for (unsigned i = 0; i < g->level; i++) asyncio__text_put(text, "    ");
}

static void put_runnable(struct asyncio__text *text, const asyncio_call_graph *g) {
    start_line(text, g);
    asyncio__text_put(text, "* ");
    asyncio__show_title(text, g->future);
    if (g->frames) {
        start_line(text, g);
        asyncio__text_put(text, "  + Call stack:");
    }
    for (size_t i = 0; i < g->frames; i++) {
        start_line(text, g);
        asyncio__text_put(text, "  |   ");
        asyncio__show_frame(text, &g->frame[i]);
    }
    if (g->cut != WHOLE) {
        start_line(text, g);
        asyncio__text_put(text, g->cut == CIRCLE ? "  + Awaits in a circle"
                                                 : "  + Awaited by more than is shown");
    }
    if (g->first) {
        start_line(text, g);
        asyncio__text_put(text, "  + Awaited by:");
    }
}

static int format_graph(asyncio_call_graph *root, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    for (asyncio_call_graph *g = root; g; g = next_runnable(g)) put_runnable(&text, g);
    return asyncio__text_end(&text);
}

int asyncio_format_call_graph_with(char *buf, size_t n, const asyncio_call_graph_options *options) {
    asyncio_call_graph *g;
    if (n) buf[0] = '\0';
    int rc = capture_options(options, &g);
    if (rc < 0 || !g) return rc;
    rc = format_graph(g, buf, n);
    asyncio_call_graph_unref(g);
    return rc;
}

int asyncio_print_call_graph_with(const asyncio_call_graph_options *options) {
    asyncio_call_graph *g;
    int rc = capture_options(options, &g);
    if (rc < 0 || !g) return rc;
    size_t size = (size_t)format_graph(g, NULL, 0) + 1;
    char *text = asyncio__malloc(size);
    if (text) {
        format_graph(g, text, size);
        fprintf(options && options->file ? options->file : stdout, "%s\n", text);
        asyncio__free(text);
    }
    asyncio_call_graph_unref(g);
    return text ? 0 : asyncio__raise(-ENOMEM, NULL);
}
