/* SPDX-License-Identifier: MIT
 *
 * Names: asyncio_loop_getaddrinfo, asyncio_loop_getnameinfo, hosts of connections and servers. The
 * resolver of the system is replaced for names that end in ".invalid", so no network is asked;
 * what it gives for them is written down here.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "../io.h"

typedef int forward_function(const char *restrict host, const char *restrict service,
                             const struct addrinfo *restrict hints,
                             struct addrinfo **restrict list);

static atomic_int elsewhere; /* calls in other threads than the test's */
static atomic_int begun;     /* look-ups of slow.invalid */
static sem_t go_on;          /* each post ends one of them */
static atomic_int dead;      /* look-ups of dead.invalid that have begun */
static sem_t give_up;        /* each post ends one of those */
static pthread_t here;
static char answers_at[16]; /* the port of the service "made-up" */

static forward_function *real_getaddrinfo(void) {
    union {
        void *p;
        forward_function *f;
    } u = { dlsym(RTLD_NEXT, "getaddrinfo") };
    return u.f;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list) {
    static const struct {
        const char *name;
        int code;
    } answers[] = { { "unknown.invalid", EAI_NONAME },
                    { "later.invalid", EAI_AGAIN },
                    { "memory.invalid", EAI_MEMORY },
                    { "system.invalid", EAI_SYSTEM } };
    if (hints->ai_flags & AI_NUMERICHOST) return real_getaddrinfo()(host, service, hints, list);
    if (!pthread_equal(pthread_self(), here)) atomic_fetch_add(&elsewhere, 1);
    for (size_t i = 0; host && i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(host, answers[i].name) != 0) continue;
        errno = EMFILE;
        return answers[i].code;
    }
    if (host && strcmp(host, "slow.invalid") == 0) {
        atomic_fetch_add(&begun, 1);
        while (sem_wait(&go_on) < 0) {
        }
        host = "127.0.0.7";
    }
    if (host && strcmp(host, "dead.invalid") == 0) {
        atomic_fetch_add(&dead, 1);
        while (sem_wait(&give_up) < 0) {
        }
        return EAI_AGAIN;
    }
    if (service && strcmp(service, "made-up") == 0) service = answers_at;
    if (host && strcmp(host, "known.invalid") == 0) host = "127.0.0.1";
    return real_getaddrinfo()(host, service, hints, list);
}

static void prepare(void) {
    here = pthread_self();
    sem_init(&go_on, 0, 0);
    sem_init(&give_up, 0, 0);
}

/* The first address of the list, as text. */
static const char *text_of(const asyncio_value *list) {
    static char text[128];
    char host[64], service[32];
    const struct addrinfo *a = list->p;
    CHECK(list->type == &asyncio_value_addrinfo);
    CHECK(a != NULL);
    CHECK_INT(getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, service, sizeof service,
                          NI_NUMERICHOST | NI_NUMERICSERV),
              0);
    snprintf(text, sizeof text, "%s %s", host, service);
    return text;
}

/* The same; the list goes. */
static const char *first(asyncio_value *list) {
    const char *text = text_of(list);
    asyncio_value_drop(list);
    return text;
}

static void wait_until_begun(int n) {
    while (atomic_load(&begun) < n) usleep(1000);
}

static void wait_until_dead(int n) {
    while (atomic_load(&dead) < n) usleep(1000);
}

/* ---- getaddrinfo ---- */

ASYNC(looks_numbers_up) {
    asyncio_value list;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const struct addrinfo four = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
    const struct addrinfo passive = { .ai_socktype = SOCK_STREAM,
                                      .ai_family = AF_INET,
                                      .ai_flags = AI_PASSIVE };
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "127.0.0.1", "80", &hints), &list));
    CHECK_STR(first(&list), "127.0.0.1 80");
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "::1", "443", &hints), &list));
    CHECK_STR(first(&list), "::1 443");
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "10.1.2.3", NULL, NULL), &list));
    CHECK_STR(first(&list), "10.1.2.3 0");
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, NULL, "80", &four), &list));
    CHECK_STR(first(&list), "127.0.0.1 80");
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, NULL, "80", &passive), &list));
    CHECK_STR(first(&list), "0.0.0.0 80");
    CHECK_INT(elsewhere, 0);
    RETURN();
}
TEST(addresses_in_numbers_need_no_thread) {
    prepare();
    run_alone(looks_numbers_up());
}

ASYNC(looks_localhost_up) {
    asyncio_value list;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "localhost", "80", &hints), &list));
    const char *text = first(&list);
    CHECK(strcmp(text, "127.0.0.1 80") == 0 || strcmp(text, "::1 80") == 0);
    CHECK_INT(elsewhere, 1);
    asyncio_task *t;
    {
        char name[] = "known.invalid", port[] = "81";
        t = asyncio_create_task(asyncio_loop_getaddrinfo(loop, name, port, &hints));
        memset(name, 'x', sizeof name - 1);
        memset(port, 'x', sizeof port - 1);
    }
    TRY(AWAIT(t, &list));
    CHECK_STR(text_of(&list), "127.0.0.1 81"); /* the task's own */
    asyncio_task_unref(t);
    RETURN();
}
TEST(names_are_looked_up_in_another_thread) {
    prepare();
    need_localhost();
    run_alone(looks_localhost_up());
}

static void check_gai(int rc, int code, const char *host) {
    char text[2100];
    snprintf(text, sizeof text, "%s: %s", host, gai_strerror(code));
    CHECK_INT(rc, ASYNCIO_OS_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), text);
    CHECK_INT(asyncio_error_value(e).i, code);
    asyncio_error_unref(e);
}

ASYNC(fails) {
    const struct addrinfo four = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    const struct addrinfo six = { .ai_family = AF_INET6 }, numeric = { .ai_flags = AI_NUMERICHOST };
    char name[2000] = "";
    memset(name, 'n', sizeof name - 1);
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "unknown.invalid", "80", NULL)), EAI_NONAME,
              "unknown.invalid");
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "later.invalid", "80", NULL)), EAI_AGAIN,
              "later.invalid");
    CHECK_INT(elsewhere, 2);
    CHECK_ERROR(AWAIT(asyncio_loop_getaddrinfo(loop, "system.invalid", "80", NULL)), -EMFILE,
                "system.invalid");
    CHECK_INT(AWAIT(asyncio_loop_getaddrinfo(loop, "memory.invalid", "80", NULL)), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "127.0.0.1", NULL, &six)), EAI_ADDRFAMILY,
              "127.0.0.1");
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "localhost", NULL, &numeric)), EAI_NONAME,
              "localhost");
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, NULL, NULL, NULL)), EAI_NONAME, "no name");
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, name, NULL, NULL)), EAI_NONAME, name);
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "localhost", name, NULL)), EAI_SERVICE, name);
    check_gai(AWAIT(asyncio_loop_getaddrinfo(loop, "127.0.0.1", "no such service", &four)),
              EAI_SERVICE, "no such service");
    RETURN();
}
TEST(a_name_that_is_not_found_says_why) {
    prepare();
    run_alone(fails());
}

ASYNC(uses_wrong_loops) {
    struct sockaddr_in in = { .sin_family = AF_INET };
    const struct sockaddr *addr = (const struct sockaddr *)&in;
    char host[100];
    asyncio_loop *other = asyncio_new_event_loop();
    CHECK_ERROR(AWAIT(asyncio_loop_getaddrinfo(NULL, "::1", NULL, NULL)), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    CHECK_ERROR(AWAIT(asyncio_loop_getaddrinfo(other, "::1", NULL, NULL)), ASYNCIO_RUNTIME_ERROR,
                "the loop is not the one that runs");
    CHECK_ERROR(
        AWAIT(asyncio_loop_getnameinfo(other, addr, sizeof in, host, sizeof host, NULL, 0, 0)),
        ASYNCIO_RUNTIME_ERROR, "the loop is not the one that runs");
    CHECK_ERROR(
        AWAIT(asyncio_loop_getnameinfo(loop, NULL, sizeof in, host, sizeof host, NULL, 0, 0)),
        ASYNCIO_TYPE_ERROR, "an address is required");
    CHECK_ERROR(AWAIT(asyncio_loop_getnameinfo(loop, addr, 1000, host, sizeof host, NULL, 0, 0)),
                ASYNCIO_VALUE_ERROR, "the address is too long");
    asyncio_loop_close(other);
    asyncio_loop_unref(other);
    RETURN();
}
TEST(looking_up_with_wrong_arguments_says_so) { run_alone(uses_wrong_loops()); }

/* ---- giving up ---- */

ASYNC(cancels_a_few) {
    asyncio_task *t[6];
    asyncio_value list;
    TRY(asyncio_loop_set_resolver_threads(loop, 4));
    for (int i = 0; i < 6; i++) {
        t[i] = start(asyncio_loop_getaddrinfo(loop, "slow.invalid", "80", NULL));
    }
    wait_until_begun(4);
    for (int i = 1; i < 5; i++) asyncio_task_cancel(t[i], NULL);
    for (int i = 1; i < 5; i++) check_ended(t[i], ASYNCIO_CANCELLED_ERROR);
    wait_until_begun(5);
    for (int i = 0; i < 5; i++) sem_post(&go_on);
    TRY(AWAIT(t[0], &list));
    CHECK_STR(text_of(&list), "127.0.0.7 80");
    TRY(AWAIT(t[5], &list));
    CHECK_STR(text_of(&list), "127.0.0.7 80");
    CHECK_INT(begun, 5); /* the cancelled one that waited never began */
    asyncio_task_unref(t[0]);
    asyncio_task_unref(t[5]);
    RETURN();
}
TEST(a_cancelled_look_up_ends_at_once_and_its_result_is_freed) {
    prepare();
    run_alone(cancels_a_few());
    usleep(20000); /* for the leak checker: the threads end */
}

TEST(closing_the_loop_does_not_wait_for_a_look_up) {
    prepare();
    start_loop();
    asyncio_task *t =
        asyncio_loop_create_task(loop, asyncio_loop_getaddrinfo(loop, "slow.invalid", "80", NULL));
    asyncio_task_unref(t);
    turn();
    wait_until_begun(1);
    end_loop();
    sem_post(&go_on);
    usleep(20000); /* for the leak checker: the thread ends */
}

/* All threads of the resolver hang. */
ASYNC(resolver_hangs) {
    asyncio_task *t[4];
    asyncio_value list;
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    TRY(asyncio_loop_set_resolver_threads(loop, 4));
    for (int i = 0; i < 4; i++) {
        t[i] = start(asyncio_loop_getaddrinfo(loop, "slow.invalid", "80", NULL));
    }
    wait_until_begun(4);
    for (int i = 0; i < 3; i++) { /* who waits for a free one may give up, again and again */
        CHECK_INT(AWAIT(asyncio_wait_for(
                      asyncio_open_connection("known.invalid", 80, &reader, &writer), 0.001)),
                  ASYNCIO_TIMEOUT_ERROR);
        asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    }
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "127.0.0.1", "80", NULL), &list));
    asyncio_value_drop(&list); /* numbers need no thread */
    asyncio_task *known = start(asyncio_loop_getaddrinfo(loop, "known.invalid", "80", NULL));
    CHECK(!asyncio_task_done(known));
    CHECK_INT(elsewhere, 4);
    sem_post(&go_on);
    TRY(AWAIT(known, &list));
    CHECK_STR(text_of(&list), "127.0.0.1 80");
    CHECK_INT(elsewhere, 5); /* nobody looked up what was given up */
    for (int i = 0; i < 3; i++) sem_post(&go_on);
    for (int i = 0; i < 4; i++) check_ended(t[i], 0);
    asyncio_task_unref(known);
    RETURN();
}
TEST(a_resolver_that_hangs_holds_up_names_only) {
    prepare();
    run_alone(resolver_hangs());
    usleep(20000); /* for the leak checker: the threads end */
}

/* Name servers do not answer, and whoever asks gives up: others find a thread at once. */
ASYNC(many_are_dead, (int) threads) {
    asyncio_value list;
    int count = threads ? threads : 40; /* at least as many as there are threads */
    if (threads) TRY(asyncio_loop_set_resolver_threads(loop, threads));
    for (int round = 0; round < 3; round++) {
        asyncio_task *t[40];
        for (int i = 0; i < count; i++) {
            t[i] = start(asyncio_loop_getaddrinfo(loop, "dead.invalid", "80", NULL));
        }
        if (threads) wait_until_dead((round + 1) * threads);
        for (int i = 0; i < count; i++) asyncio_task_cancel(t[i], NULL);
        for (int i = 0; i < count; i++) check_ended(t[i], ASYNCIO_CANCELLED_ERROR);
        TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "known.invalid", "80", NULL), &list));
        CHECK_STR(first(&list), "127.0.0.1 80");
    }
    for (int i = 0; i < 3 * count; i++) sem_post(&give_up);
    RETURN();
}
TEST(cancelled_look_ups_stop_nobody) {
    prepare();
    run_alone(many_are_dead(4));
    usleep(20000); /* for the leak checker: the threads end */
}
TEST(cancelled_look_ups_stop_nobody_by_default) {
    prepare();
    run_alone(many_are_dead(0));
    usleep(20000); /* for the leak checker: the threads end */
}

/* With a time limit around it. */
ASYNC(times_out) {
    asyncio_value list;
    TRY(asyncio_loop_set_resolver_threads(loop, 1));
    for (int i = 0; i < 5; i++) {
        int rc = AWAIT(
            asyncio_wait_for(asyncio_loop_getaddrinfo(loop, "dead.invalid", "80", NULL), 0.001));
        CHECK_INT(rc, ASYNCIO_TIMEOUT_ERROR);
        asyncio_ignore(rc);
    }
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "known.invalid", "80", NULL), &list));
    CHECK_STR(first(&list), "127.0.0.1 80");
    for (int i = 0; i < 5; i++) sem_post(&give_up);
    RETURN();
}
TEST(look_ups_that_ran_out_of_time_stop_nobody) {
    prepare();
    run_alone(times_out());
    usleep(20000); /* for the leak checker: the threads end */
}

/* What was given up and ends at last takes its thread with it: there are as many as before. */
ASYNC(ends_at_last) {
    enum { COUNT = 3 };
    asyncio_task *t[COUNT];
    asyncio_value list;
    TRY(asyncio_loop_set_resolver_threads(loop, 2));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            t[i] = start(asyncio_loop_getaddrinfo(loop, "dead.invalid", "80", NULL));
        }
        wait_until_dead(round * 2 + 2);
        for (int i = 0; i < 2; i++) asyncio_task_cancel(t[i], NULL);
        for (int i = 0; i < 2; i++) check_ended(t[i], ASYNCIO_CANCELLED_ERROR);
    }
    for (int i = 0; i < 4; i++) sem_post(&give_up);
    usleep(20000);
    for (int i = 0; i < COUNT; i++) {
        t[i] = start(asyncio_loop_getaddrinfo(loop, "slow.invalid", "80", NULL));
    }
    wait_until_begun(2);
    usleep(20000);
    CHECK_INT(begun, 2); /* the third one waits */
    TRY(asyncio_loop_set_resolver_threads(loop, 3));
    wait_until_begun(3); /* for which there is a thread now */
    for (int i = 0; i < COUNT; i++) sem_post(&go_on);
    for (int i = 0; i < COUNT; i++) check_ended(t[i], 0);
    TRY(asyncio_loop_set_resolver_threads(loop, 1));
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "known.invalid", "80", NULL), &list));
    CHECK_STR(first(&list), "127.0.0.1 80");
    CHECK_ERROR(asyncio_loop_set_resolver_threads(loop, -1), ASYNCIO_VALUE_ERROR,
                "max_threads must be from 1 to 65535, or 0");
    CHECK_ERROR(asyncio_loop_set_resolver_threads(loop, 65536), ASYNCIO_VALUE_ERROR,
                "max_threads must be from 1 to 65535, or 0");
    RETURN();
}
TEST(the_number_of_threads_is_an_option_and_holds) {
    prepare();
    run_alone(ends_at_last());
    usleep(20000); /* for the leak checker: the threads end */
}

ASYNC(leaves_look_ups_behind) {
    TRY(asyncio_loop_set_resolver_threads(asyncio_get_running_loop(), 4));
    for (int i = 0; i < 7; i++) {
        asyncio_task_unref(start(
            asyncio_loop_getaddrinfo(asyncio_get_running_loop(), "slow.invalid", "80", NULL)));
    }
    wait_until_begun(4);
    RETURN();
}
TEST(a_run_ends_while_look_ups_hang_and_those_in_the_queue_never_begin) {
    prepare();
    CHECK_INT(asyncio_run(leaves_look_ups_behind(), NULL), 0);
    for (int i = 0; i < 7; i++) sem_post(&go_on);
    usleep(50000); /* for the leak checker: the threads end */
    CHECK_INT(begun, 4);
}

ASYNC(looks_up_once, (const char *) host) {
    char name[64];
    asyncio_value list;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    TRY(AWAIT(asyncio_loop_getaddrinfo(loop, host, "80", NULL), &list));
    asyncio_value_drop(&list);
    TRY(AWAIT(asyncio_loop_getnameinfo(loop, (const struct sockaddr *)&in, sizeof in, NULL, 0, name,
                                       sizeof name, 0)));
    RETURN();
}

ASYNC(looks_up_in_a_task) {
    asyncio_auto_task t = asyncio_create_task(looks_up_once("known.invalid"));
    if (!t) return -ENOMEM;
    TRY(AWAIT(t));
    asyncio_auto_task u =
        asyncio_create_task(asyncio_loop_getaddrinfo(loop, "127.0.0.1", "80", NULL));
    if (!u) return -ENOMEM;
    TRY(AWAIT(u));
    RETURN();
}

TEST(looking_up_may_find_no_memory) {
    prepare();
    for (long n = 1;; n++) {
        start_loop();
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = run(looks_up_in_a_task());
        bool failed = asyncio_testing_fail_allocation(0) >= n;
        if (rc != 0 && rc != -EAGAIN) CHECK_INT(rc, -ENOMEM); /* EAGAIN: no thread */
        asyncio_ignore(rc);
        end_loop();
        if (failed) continue;
        CHECK_INT(rc, 0);
        break;
    }
}

/* ---- getnameinfo ---- */

ASYNC(looks_addresses_up) {
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "", longer[NI_MAXHOST] = "";
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(80),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct sockaddr *addr = (const struct sockaddr *)&in;
    TRY(AWAIT(asyncio_loop_getnameinfo(loop, addr, sizeof in, host, sizeof host, service,
                                       sizeof service, NI_NUMERICHOST | NI_NUMERICSERV)));
    CHECK_STR(host, "127.0.0.1");
    CHECK_STR(service, "80");
    TRY(AWAIT(asyncio_loop_getnameinfo(loop, addr, sizeof in, longer, sizeof longer, NULL, 0, 0)));
    CHECK_INT(getnameinfo(addr, sizeof in, host, sizeof host, NULL, 0, 0), 0);
    CHECK_STR(longer, host); /* what the system calls the loopback */
    check_gai(AWAIT(asyncio_loop_getnameinfo(loop, addr, sizeof in, host, 2, NULL, 0, 0)),
              EAI_OVERFLOW, longer);
    check_gai(
        AWAIT(asyncio_loop_getnameinfo(loop, addr, sizeof in, host, 2, NULL, 0, NI_NUMERICHOST)),
        EAI_OVERFLOW, "getnameinfo");
    check_gai(AWAIT(asyncio_loop_getnameinfo(loop, addr, 1, host, 2, NULL, 0, 0)), EAI_FAMILY,
              "getnameinfo");
    memset(host, 0, sizeof host);
    asyncio_task *t = asyncio_create_task(
        asyncio_loop_getnameinfo(loop, addr, sizeof in, host, sizeof host, NULL, 0, 0));
    memset(&in, 0xff, sizeof in); /* a task has its own copy */
    check_ended(t, 0);
    CHECK_STR(host, longer);
    RETURN();
}
TEST(addresses_have_names) {
    prepare();
    run_alone(looks_addresses_up());
}

/* ---- connections and servers ---- */

ASYNC(says_nothing, (asyncio_streamreader *) r, (asyncio_streamwriter *) w) {
    (void)r;
    asyncio_streamwriter_close(w);
    RETURN();
}

static asyncio_coro connected(asyncio_streamreader *r, asyncio_streamwriter *w, void *arg) {
    (void)arg;
    return says_nothing(r, w);
}

ASYNC(connects_by_name) {
    asyncio_server *server;
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    char byte;
    TRY(AWAIT(asyncio_start_server(connected, "known.invalid", 0, &server)));
    CHECK_INT(asyncio_server_sockets(server, NULL, 0), 1);
    int port = asyncio_server_port(server);
    TRY(AWAIT(asyncio_open_connection("known.invalid", port, &reader, &writer)));
    CHECK_INT(elsewhere, 2);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, &byte, 1)), 0);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    asyncio_server_close(server);
    TRY(AWAIT(asyncio_server_wait_closed(server)));
    asyncio_server_unref(server);
    check_gai(AWAIT(asyncio_open_connection("unknown.invalid", port, &reader, &writer)), EAI_NONAME,
              "unknown.invalid");
    check_gai(AWAIT(asyncio_start_server(connected, "unknown.invalid", 0, &server)), EAI_NONAME,
              "unknown.invalid");
    asyncio_task *t = start(asyncio_open_connection("slow.invalid", port, &reader, &writer));
    wait_until_begun(1);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    t = start(asyncio_start_server(connected, "slow.invalid", 0, &server));
    wait_until_begun(2);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    sem_post(&go_on);
    sem_post(&go_on);
    RETURN();
}
TEST(connections_and_servers_take_names) {
    prepare();
    run_alone(connects_by_name());
    usleep(20000); /* for the leak checker: the threads end */
}

/* ---- ports by name ---- */

static asyncio_server *server;
static asyncio_streamreader *reader;
static asyncio_streamwriter *writer;

/* A port that is free, and the service's from now on. */
static int choose_port(void) {
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    close(fd);
    snprintf(answers_at, sizeof answers_at, "%d", ntohs(in.sin_port));
    return ntohs(in.sin_port);
}

ASYNC(by_service) {
    int port = choose_port();
    char service[] = "made-up", byte;
    TRY(AWAIT(asyncio_start_server(connected, "127.0.0.1", 0, &server, .service = service)));
    CHECK_INT(asyncio_server_port(server), port);
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", 0, &reader, &writer, .service = service)));
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, &byte, 1)), 0);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    asyncio_task *t;
    {
        const asyncio_connection_options o = { .size = sizeof o, .service = service };
        t = asyncio_create_task(asyncio_open_connection_with(NULL, 0, &reader, &writer, &o));
    }
    memset(service, 'x', sizeof service - 1); /* the task's own */
    CHECK_INT(AWAIT(t), 0);                   /* without a host: the loopback */
    asyncio_task_unref(t);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    asyncio_server_close(server);
    TRY(AWAIT(asyncio_server_wait_closed(server)));
    asyncio_server_unref(server);
    RETURN();
}
TEST(connections_and_servers_take_names_of_ports) {
    prepare();
    run_alone(by_service());
}

ASYNC(by_service_in_datagrams) {
    asyncio_auto_datagram in = NULL;
    asyncio_auto_datagram out = NULL;
    char buf[10] = "";
    choose_port();
    TRY(AWAIT(asyncio_create_datagram_endpoint(&in, .local_host = "127.0.0.1",
                                               .local_service = "made-up")));
    TRY(AWAIT(asyncio_create_datagram_endpoint(&out, .remote_host = "127.0.0.1",
                                               .remote_service = "made-up")));
    CHECK_INT(AWAIT(asyncio_datagram_send(out, "hello", 5)), 5);
    CHECK_INT(AWAIT(asyncio_datagram_recv(in, buf, sizeof buf)), 5);
    CHECK_STR(buf, "hello");
    RETURN();
}
TEST(datagram_endpoints_take_names_of_ports) {
    prepare();
    run_alone(by_service_in_datagrams());
}

ASYNC(wrong_services) {
    const char *both = "a port or a service can be given, not both";
    asyncio_datagram *d;
    CHECK_ERROR(
        AWAIT(asyncio_open_connection("127.0.0.1", 80, &reader, &writer, .service = "http")),
        ASYNCIO_VALUE_ERROR, both);
    CHECK_ERROR(AWAIT(asyncio_start_server(connected, NULL, 80, &server, .service = "http")),
                ASYNCIO_VALUE_ERROR, both);
    CHECK_ERROR(
        AWAIT(asyncio_create_datagram_endpoint(&d, .local_port = 80, .local_service = "http")),
        ASYNCIO_VALUE_ERROR, both);
    CHECK_ERROR(AWAIT(asyncio_open_unix_connection("/x", &reader, &writer, .service = "http")),
                ASYNCIO_VALUE_ERROR, "a path has no service");
    CHECK_ERROR(
        AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .service = "http", .sock = 5)),
        ASYNCIO_VALUE_ERROR, "one of host (or path), addr and sock has to be given");
    CHECK_ERROR(AWAIT(asyncio_start_unix_server(connected, "/x", &server, .service = "http")),
                ASYNCIO_VALUE_ERROR, "a path or a socket has no service");
    check_gai(AWAIT(asyncio_open_connection("127.0.0.1", 0, &reader, &writer,
                                            .service = "no such service")),
              EAI_SERVICE, "no such service");
    RETURN();
}
TEST(services_that_make_no_sense_are_refused) {
    prepare();
    run_alone(wrong_services());
}
