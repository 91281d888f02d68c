/* SPDX-License-Identifier: MIT
 *
 * tests/plain/unload.c: unload LIBRARY PLUGIN: each is loaded while the program runs, used in a
 * thread, and closed before that thread ends. Neither that end nor a fault of the program's own
 * later on may call into what is not there any more.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function pointer, which ISO C does not let one make of dlsym's. */
union symbol {
    void *object;
    void *(*new_loop)(void);
    void (*with_loop)(void *loop);
    int (*close_loop)(void *loop);
    int (*use)(bool tidy);
    int (*raise)(int code, const char *where, const char *func, const char *fmt, ...);
};

static union symbol find(void *library, const char *name) {
    union symbol s = { dlsym(library, name) };
    if (s.object) return s;
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
}

static void *load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
}

/* What a plugin leaves in a thread is lost with it. */
static bool looks_for_leaks(void) {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    const char *preload = getenv("LD_PRELOAD");
    return preload && (strstr(preload, "vgpreload") || strstr(preload, "valgrind"));
}

static void *use_library(void *path) {
    void *library = load(path);
    void *loop = find(library, "asyncio_new_event_loop").new_loop();
    find(library, "asyncio_set_event_loop").with_loop(loop);
    (void)find(library, "asyncio_raise").raise(-10001, NULL, NULL, "stays in the slot");
    if (find(library, "asyncio_loop_close").close_loop(loop) != 0) exit(1);
    find(library, "asyncio_loop_unref").with_loop(loop);
    dlclose(library);
    return NULL;
}

static void *use_plugin(void *path) {
    void *plugin = load(path);
    if (find(plugin, "use").use(looks_for_leaks()) != 0) exit(1);
    dlclose(plugin);
    return NULL;
}

static void in_thread(void *(*function)(void *path), char *path) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, path) != 0) exit(1);
    pthread_join(thread, NULL);
}

static sigjmp_buf back;
static void on_fault(int signum) { siglongjmp(back, signum); }

static int is_mine(int signum) {
    struct sigaction now;
    return sigaction(signum, NULL, &now) == 0 && now.sa_handler == on_fault;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const struct sigaction mine = { .sa_handler = on_fault };
    sigaction(SIGSEGV, &mine, NULL);
    sigaction(SIGBUS, &mine, NULL);
    in_thread(use_plugin, argv[2]);
    in_thread(use_plugin, argv[2]);
    if (!is_mine(SIGSEGV) || !is_mine(SIGBUS)) {
        fprintf(stderr, "the plugin has left its handlers behind\n");
        return 1;
    }
    in_thread(use_library, argv[1]);
    if (sigsetjmp(back, 1) == 0) raise(SIGSEGV);
    puts("both were unloaded");
    return 0;
}
