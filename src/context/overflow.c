/* SPDX-License-Identifier: MIT
 *
 * context/overflow.c: the signal handler, and the stacks it runs on.
 *
 * The handler calls nothing that is not async-signal-safe. It takes over the flags and the
 * mask of the handler it stands before, so that one runs as it would have without us, the
 * alternate stack aside.
 */
#include "context/overflow.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "context/stack.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif

#define SIGNAL_STACK 65536u /* other programs' handlers may want room; untouched pages are free */

struct asyncio__stack *(*asyncio__overflow_current)(void);
int (*asyncio__overflow_describe)(char *buf, size_t n, const char **remedy);

/* ---- the report ---- */

struct text {
    char buf[512]; /* the line so far */
    size_t len;    /* its length */
};

static void add_bytes(struct text *t, const char *s, size_t n) {
    if (n > sizeof t->buf - t->len) n = sizeof t->buf - t->len;
    memcpy(t->buf + t->len, s, n);
    t->len += n;
}

static void add_string(struct text *t, const char *s) { add_bytes(t, s, strlen(s)); }

static void add_number(struct text *t, size_t n) {
    char digits[24];
    size_t i = sizeof digits;
    do digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    add_bytes(t, digits + i, sizeof digits - i);
}

static void add_task(struct text *t, const char **remedy) {
    char name[256];
    int n = 0;
    if (asyncio__overflow_describe) n = asyncio__overflow_describe(name, sizeof name, remedy);
    if (n > (int)sizeof name) n = (int)sizeof name;
    if (n > 0) {
        add_bytes(t, name, (size_t)n);
    } else {
        add_string(t, "a task");
    }
}

static void write_all(const char *p, size_t n) {
    while (n > 0) {
        ssize_t w = write(STDERR_FILENO, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return;
        p += w;
        n -= (size_t)w;
    }
}

static void report(const struct asyncio__stack *stack) {
    struct text t = { .len = 0 };
    const char *remedy = ".stack_size or asyncio_loop_set_stack_size";
    add_string(&t, "asyncio: stack overflow in ");
    add_task(&t, &remedy);
    add_string(&t, ": ");
    add_number(&t, asyncio__stack_size(stack));
    add_string(&t, " bytes of stack; give it more with ");
    add_string(&t, remedy);
    add_string(&t, "\n");
    write_all(t.buf, t.len);
}

void asyncio__overflow_check(void) {
    const struct asyncio__stack *stack = asyncio__overflow_current();
    if (!stack || (uintptr_t)__builtin_frame_address(0) >= (uintptr_t)stack->low) return;
    report(stack);
    abort();
}

/* ---- the handler ---- */

static struct sigaction previous_segv, previous_bus;

static struct sigaction *previous_of(int sig) {
    return sig == SIGBUS ? &previous_bus : &previous_segv;
}

/* The stack whose guard was hit, or NULL. Signals that somebody sent have no address. */
static const struct asyncio__stack *overflown(const siginfo_t *info) {
    if (info->si_code <= 0 || info->si_code == SI_KERNEL) return NULL;
    if (asyncio__overflow_current == NULL) return NULL;
    const struct asyncio__stack *stack = asyncio__overflow_current();
    if (stack == NULL) return NULL;
    uintptr_t low = (uintptr_t)stack->low, at = (uintptr_t)info->si_addr;
    return at < low && low - at <= asyncio__stack_guard(stack) ? stack : NULL;
}

/* Puts the previous action back and returns to the faulting instruction, which faults
 * again; a signal that was sent is sent again. So the core file shows the fault itself. */
static void step_aside(int sig, const siginfo_t *info) {
    sigaction(sig, previous_of(sig), NULL);
    if (info->si_code <= 0) raise(sig);
}

static void pass_on(int sig, siginfo_t *info, void *context) {
    const struct sigaction *previous = previous_of(sig);
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(sig, info, context);
    } else if (previous->sa_handler == SIG_DFL) {
        step_aside(sig, info);
    } else if (previous->sa_handler == SIG_IGN) {
        if (info->si_code > 0) step_aside(sig, info);
    } else {
        previous->sa_handler(sig);
    }
}

static void handle_fault(int sig, siginfo_t *info, void *context) {
    int saved = errno;
    const struct asyncio__stack *stack = overflown(info);
    if (stack != NULL) {
        report(stack);
        step_aside(sig, info);
    } else {
        pass_on(sig, info, context);
    }
    errno = saved;
}

static int install_for(int sig) {
    struct sigaction *previous = previous_of(sig), mine;
    if (sigaction(sig, NULL, previous) != 0) return -errno;
    memset(&mine, 0, sizeof mine);
    mine.sa_sigaction = handle_fault;
    mine.sa_mask = previous->sa_mask;
    mine.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous->sa_flags & (SA_NODEFER | SA_RESTART));
    return sigaction(sig, &mine, NULL) == 0 ? 0 : -errno;
}

static int install_status;

static void install(void) {
    install_status = install_for(SIGSEGV);
    if (install_status == 0) install_status = install_for(SIGBUS);
}

/* What a fork finds half done is done again in the child. */
int asyncio__overflow_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (getenv("ASYNCIO_NO_SEGV_HANDLER") != NULL) return 0;
    pthread_once(&once, install);
    return install_status;
}

static void uninstall_for(int sig) {
    struct sigaction now;
    if (sigaction(sig, NULL, &now) != 0 || !(now.sa_flags & SA_SIGINFO)) return;
    if (now.sa_sigaction == handle_fault) sigaction(sig, previous_of(sig), NULL);
}

/* A static copy in a plugin is unloaded: a fault must not call into memory without code. */
__attribute__((destructor)) static void uninstall(void) {
    uninstall_for(SIGSEGV);
    uninstall_for(SIGBUS);
}

/* ---- alternate signal stacks ---- */

static _Thread_local struct {
    void *memory;   /* ours; NULL: the thread had one of its own, or has none now */
    size_t size;    /* of memory */
    unsigned depth; /* starts without their stop */
} alternate;

static int set_alternate(void) {
    stack_t old, new = { .ss_size = SIGNAL_STACK + getauxval(AT_MINSIGSTKSZ) };
    if (sigaltstack(NULL, &old) != 0) return -errno;
    if (!(old.ss_flags & SS_DISABLE)) return 0;
    int rc = asyncio__alloc_check();
    if (rc != 0) return rc;
    new.ss_sp = mmap(NULL, new.ss_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (new.ss_sp == MAP_FAILED) return -errno;
    if (sigaltstack(&new, NULL) != 0) {
        rc = -errno;
        munmap(new.ss_sp, new.ss_size);
        return rc;
    }
    alternate.memory = new.ss_sp;
    alternate.size = new.ss_size;
    return 0;
}

int asyncio__overflow_thread_start(void) {
    int rc = alternate.depth > 0 ? 0 : set_alternate();
    if (rc == 0) alternate.depth++;
    return rc;
}

void asyncio__overflow_thread_stop(void) {
    stack_t now, none = { .ss_flags = SS_DISABLE };
    if (alternate.depth == 0 || --alternate.depth > 0 || alternate.memory == NULL) return;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate.memory &&
        sigaltstack(&none, NULL) != 0) {
        return; /* it is in use right now: better lost than unmapped */
    }
    munmap(alternate.memory, alternate.size);
    alternate.memory = NULL;
}
