/* SPDX-License-Identifier: MIT
 *
 * task/overflow.c: what the report of a stack overflow says about the task. Both hooks run in
 * a signal handler, on another stack than the one that is full: they only read.
 */
#include "context/overflow.h"

#include <pthread.h>
#include <string.h>

#include "task/generator.h"
#include "task/task.h"

static struct asyncio__stack *current_stack(void) {
    struct asyncio_task *t = asyncio__task_current();
    if (!t) return NULL;
    struct asyncio__stack *of_generator = asyncio__gen_stack(&t->fiber.strand);
    return of_generator ? of_generator : t->fiber.stack;
}

static size_t add_text(char *buf, size_t n, size_t used, const char *text) {
    size_t length = strlen(text);
    if (length > n - used) length = n - used;
    memcpy(buf + used, text, length);
    return used + length;
}

/* The name as get_name gives it, without making it. */
static size_t add_name(char *buf, size_t n, size_t used, const struct asyncio_task *t) {
    char digits[24];
    size_t i = sizeof digits;
    if (!(t->name & 1)) return add_text(buf, n, used, (const char *)t->name);
    digits[--i] = '\0';
    for (uintptr_t number = t->name >> 1; number > 0; number /= 10) {
        digits[--i] = (char)('0' + number % 10);
    }
    return add_text(buf, n, add_text(buf, n, used, "Task-"), digits + i);
}

static size_t add_generator(char *buf, size_t n, const char *name) {
    size_t used = add_text(buf, n, 0, "generator '");
    used = add_text(buf, n, used, name);
    return add_text(buf, n, used, "', advanced by ");
}

static int describe_task(char *buf, size_t n, const char **remedy) {
    const struct asyncio_task *t = asyncio__task_current();
    if (!t) return 0;
    const char *generator = asyncio__gen_name(&t->fiber.strand);
    size_t used = generator ? add_generator(buf, n, generator) : 0;
    if (generator) *remedy = "asyncio_loop_set_stack_size";
    used = add_text(buf, n, used, "task '");
    used = add_name(buf, n, used, t);
    used = add_text(buf, n, used, "'");
    if (t->coro && t->coro->name) {
        used = add_text(buf, n, used, " (coroutine ");
        used = add_text(buf, n, used, t->coro->name);
        used = add_text(buf, n, used, ")");
    }
    return (int)used;
}

static void install(void) {
    asyncio__overflow_current = current_stack;
    asyncio__overflow_describe = describe_task;
    (void)asyncio__overflow_install(); /* without it an overflow is a plain SIGSEGV */
}

void asyncio__overflow_report_tasks(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}
