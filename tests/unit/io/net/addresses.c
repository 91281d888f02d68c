/* SPDX-License-Identifier: MIT
 *
 * asyncio_open_connection with several addresses: one after the other, side by side (happy
 * eyeballs), what it says when all fail, and that no descriptor is lost. Names that end in
 * ".invalid" stand for the addresses that the test writes down.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>

#include "../io.h"

/* ---- names ---- */

static const char *targets; /* what target.invalid stands for, in order */
static const char *locals;  /* and local.invalid */

typedef int forward_function(const char *restrict host, const char *restrict service,
                             const struct addrinfo *restrict hints,
                             struct addrinfo **restrict list);

static forward_function *real_getaddrinfo(void) {
    union {
        void *p;
        forward_function *f;
    } u = { dlsym(RTLD_NEXT, "getaddrinfo") };
    return u.f;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list) {
    const char *at = NULL;
    struct addrinfo numbers = *hints;
    if (host && strcmp(host, "target.invalid") == 0) at = targets;
    if (host && strcmp(host, "local.invalid") == 0) at = locals;
    if (!at) return real_getaddrinfo()(host, service, hints, list);
    numbers.ai_flags |= AI_NUMERICHOST;
    while (*at) {
        char one[64];
        int length = (int)strcspn(at, " ");
        snprintf(one, sizeof one, "%.*s", length, at);
        int code = real_getaddrinfo()(one, service, &numbers, list);
        if (code != 0) return code;
        list = &(*list)->ai_next;
        at += length + (at[length] == ' ');
    }
    return 0;
}

/* ---- peers ---- */

static asyncio_streamreader *reader;
static asyncio_streamwriter *writer;
static int port; /* of everything a test uses */

/* A listening socket there, on `port`, or a free one if that is 0. */
static int listen_at(const char *host, int backlog) {
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *info;
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    CHECK_INT(real_getaddrinfo()(host, service, &hints, &info), 0);
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CHECK_INT(bind(fd, info->ai_addr, info->ai_addrlen), 0);
    freeaddrinfo(info);
    CHECK_INT(listen(fd, backlog), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    port = ntohs(in.sin_port);
    return fd;
}

/* A place on the loopback that never answers: a listener whose backlog is full. */
static struct hole {
    int listener, waiting[8];
    size_t count;
} holes[2];

static void dig(struct hole *h, const char *host) {
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    h->listener = listen_at(host, 0);
    CHECK_INT(getsockname(h->listener, (struct sockaddr *)&in, &size), 0);
    for (h->count = 0; h->count < 8;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        connect(fd, (struct sockaddr *)&in, sizeof in);
        h->waiting[h->count++] = fd;
        if (poll(&p, 1, 50) == 0) return;
    }
    SKIP("a full backlog answers here");
}

static void fill_in(struct hole *h) {
    while (h->count > 0) close(h->waiting[--h->count]);
    close(h->listener);
}

static void check_peer(const char *host) {
    asyncio_value name;
    char text[64];
    snprintf(text, sizeof text, "%s:%d", host, port);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "peername", &name), 1);
    CHECK_STR(name.s, text);
    asyncio_value_drop(&name);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
}

#define CONNECT(...)                                                                               \
    AWAIT(asyncio_open_connection("target.invalid", port, &reader, &writer, __VA_ARGS__))

static void need_ipv6(void) {
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool have = fd >= 0 && bind(fd, (struct sockaddr *)&six, sizeof six) == 0;
    close(fd);
    if (!have) SKIP("no loopback of IPv6");
}

/* ---- connecting ---- */

ASYNC(one_after_the_other) {
    int listener = listen_at("127.0.0.1", 5);
    targets = "127.0.0.2 127.0.0.1 127.0.0.3";
    TRY(AWAIT(asyncio_open_connection("target.invalid", port, &reader, &writer)));
    check_peer("127.0.0.1");
    close(listener);
    RETURN();
}
TEST(addresses_are_tried_one_after_the_other) { run_alone(one_after_the_other()); }

ASYNC(waits_in_order) {
    int listener = listen_at("127.0.0.1", 5);
    dig(&holes[0], "127.0.0.2");
    targets = "127.0.0.2 127.0.0.1";
    CHECK_INT(AWAIT(asyncio_wait_for(
                  asyncio_open_connection("target.invalid", port, &reader, &writer), 10)),
              ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    fill_in(&holes[0]);
    close(listener);
    RETURN();
}
TEST(without_a_delay_a_silent_address_is_waited_for) { run_alone(waits_in_order()); }

ASYNC(side_by_side) {
    int listener = listen_at("127.0.0.1", 5);
    dig(&holes[0], "127.0.0.2");
    dig(&holes[1], "127.0.0.3");
    targets = "127.0.0.2 127.0.0.3 127.0.0.1";
    TRY(CONNECT(.happy_eyeballs_delay = 0.25));
    CHECK_DOUBLE(asyncio_loop_time(loop), 0.5);
    check_peer("127.0.0.1");
    TRY(CONNECT(.happy_eyeballs_delay = -1)); /* all at once */
    CHECK_DOUBLE(asyncio_loop_time(loop), 0.5);
    check_peer("127.0.0.1");
    fill_in(&holes[0]);
    fill_in(&holes[1]);
    close(listener);
    RETURN();
}
TEST(with_a_delay_the_next_address_is_tried_beside_a_silent_one) { run_alone(side_by_side()); }

ASYNC(refused_first) {
    int listener = listen_at("127.0.0.1", 5);
    targets = "127.0.0.2 127.0.0.3 127.0.0.1";
    TRY(CONNECT(.happy_eyeballs_delay = 10));
    CHECK_DOUBLE(asyncio_loop_time(loop), 0);
    check_peer("127.0.0.1");
    close(listener);
    RETURN();
}
TEST(a_refusal_is_not_waited_for) { run_alone(refused_first()); }

ASYNC(both_at_once) {
    int one = listen_at("127.0.0.1", 5), two = listen_at("127.0.0.2", 5);
    targets = "127.0.0.2 127.0.0.1";
    TRY(CONNECT(.happy_eyeballs_delay = -1));
    check_peer("127.0.0.2");
    close(one);
    close(two);
    RETURN();
}
TEST(of_two_that_connect_one_is_closed) { run_alone(both_at_once()); }

ASYNC(no_host) {
    port = 0;
    int listener = listen_at("127.0.0.1", 5);
    TRY(AWAIT(asyncio_open_connection(NULL, port, &reader, &writer))); /* ::1, then this */
    check_peer("127.0.0.1");
    close(listener);
    RETURN();
}
TEST(no_host_is_the_loopback) { run_alone(no_host()); }

/* ---- the order ---- */

static void check_order(int rc, const char *order) {
    char text[1000] = "Multiple exceptions: ";
    for (const char *at = order; *at;) {
        int length = (int)strcspn(at, " ");
        bool six = at[0] == ':';
        snprintf(text + strlen(text), 100,
                 "Connect call failed (%s%.*s%s:%d): Connection refused%s", six ? "[" : "", length,
                 at, six ? "]" : "", port, at[length] ? ", " : "");
        at += length + (at[length] == ' ');
    }
    CHECK_ERROR(rc, ASYNCIO_OS_ERROR, text);
}

ASYNC(orders) {
    need_ipv6();
    close(listen_at("127.0.0.1", 5)); /* a port where nobody listens */
    targets = "127.0.0.2 127.0.0.3 127.0.0.4 ::1 127.0.0.5";
    check_order(CONNECT(.limit = 0), targets);
    check_order(CONNECT(.interleave = 1), "127.0.0.2 ::1 127.0.0.3 127.0.0.4 127.0.0.5");
    check_order(CONNECT(.interleave = 2), "127.0.0.2 127.0.0.3 ::1 127.0.0.4 127.0.0.5");
    check_order(CONNECT(.interleave = 9), "127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 ::1");
    check_order(CONNECT(.happy_eyeballs_delay = 1), "127.0.0.2 ::1 127.0.0.3 127.0.0.4 127.0.0.5");
    check_order(CONNECT(.happy_eyeballs_delay = ASYNCIO_FOREVER, .interleave = -1), targets);
    targets = "::1 127.0.0.2 127.0.0.3";
    check_order(CONNECT(.interleave = 1), "::1 127.0.0.2 127.0.0.3");
    RETURN();
}
TEST(families_take_turns) { run_alone(orders()); }

/* ---- errors ---- */

ASYNC(one_error) {
    char text[100];
    close(listen_at("127.0.0.1", 5));
    targets = "127.0.0.2";
    snprintf(text, sizeof text, "Connect call failed (127.0.0.2:%d): Connection refused", port);
    CHECK_ERROR(CONNECT(.limit = 0), -ECONNREFUSED, text);
    CHECK_ERROR(CONNECT(.happy_eyeballs_delay = 1), -ECONNREFUSED, text);
    CHECK_ERROR(CONNECT(.happy_eyeballs_delay = NAN), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    RETURN();
}
TEST(a_single_error_is_raised_as_it_is) { run_alone(one_error()); }

ASYNC(same_errors) {
    close(listen_at("127.0.0.1", 5));
    targets = "127.0.0.2 127.0.0.3";
    locals = "::1";
    const char *text = "no matching local address with family=AF_INET found";
    CHECK_ERROR(CONNECT(.local_host = "local.invalid"), ASYNCIO_OS_ERROR, text);
    CHECK_ERROR(CONNECT(.local_host = "local.invalid", .happy_eyeballs_delay = 1), ASYNCIO_OS_ERROR,
                text);
    RETURN();
}
TEST(of_errors_that_say_the_same_one_is_raised) { run_alone(same_errors()); }

static void check_child(const asyncio_error *group, size_t at, int code, const char *text) {
    const asyncio_error *e = asyncio_error_child(group, at);
    CHECK_INT(asyncio_error_code(e), code);
    CHECK_STR(asyncio_error_message(e), text);
}

ASYNC(all_errors) {
    const char *bind_text =
        "error while attempting to bind on address 192.0.2.1:0: Cannot assign requested address";
    char two[100], three[100];
    close(listen_at("127.0.0.1", 5));
    snprintf(two, sizeof two, "Connect call failed (127.0.0.2:%d): Connection refused", port);
    snprintf(three, sizeof three, "Connect call failed (127.0.0.3:%d): Connection refused", port);
    targets = "127.0.0.2 127.0.0.3";
    locals = "::1 192.0.2.1 127.0.0.1";
    int rc = CONNECT(.local_host = "local.invalid", .all_errors = true);
    CHECK_INT(rc, ASYNCIO_EXCEPTION_GROUP);
    asyncio_auto_error group = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(group), "create_connection failed");
    CHECK_INT(asyncio_error_count(group), 4);
    check_child(group, 0, -EADDRNOTAVAIL, bind_text);
    check_child(group, 1, -ECONNREFUSED, two);
    check_child(group, 2, -EADDRNOTAVAIL, bind_text);
    check_child(group, 3, -ECONNREFUSED, three);

    targets = "127.0.0.2";
    locals = "192.0.2.1"; /* nowhere to connect from: once */
    CHECK_ERROR(CONNECT(.local_host = "local.invalid", .happy_eyeballs_delay = 1), -EADDRNOTAVAIL,
                bind_text);
    asyncio_auto_error single =
        asyncio_error_take(CONNECT(.local_host = "local.invalid", .all_errors = true));
    CHECK_INT(asyncio_error_count(single), 1);
    RETURN();
}
TEST(all_errors_are_a_group_in_the_order_of_the_addresses) { run_alone(all_errors()); }

/* ---- ends in the middle ---- */

ASYNC(is_cancelled) {
    int listener = listen_at("127.0.0.1", 5);
    dig(&holes[0], "127.0.0.2");
    dig(&holes[1], "127.0.0.3");
    targets = "127.0.0.2 127.0.0.3 127.0.0.1";
    asyncio_task *t = asyncio_create_task(asyncio_open_connection(
        "target.invalid", port, &reader, &writer, .happy_eyeballs_delay = 10));
    TRY(AWAIT(asyncio_sleep(15)));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK_DOUBLE(asyncio_loop_time(loop), 15);
    fill_in(&holes[0]);
    fill_in(&holes[1]);
    close(listener);
    RETURN();
}
TEST(cancelled_while_several_are_tried) { run_alone(is_cancelled()); }

TEST(the_loop_is_closed_while_several_are_tried) {
    start_loop();
    int listener = listen_at("127.0.0.1", 5);
    dig(&holes[0], "127.0.0.2");
    targets = "127.0.0.2 127.0.0.1";
    asyncio_task *t = asyncio_loop_create_task(
        loop, asyncio_open_connection("target.invalid", port, &reader, &writer,
                                      .happy_eyeballs_delay = 10));
    for (int i = 0; i < 5; i++) turn();
    asyncio_task_unref(t);
    end_loop();
    CHECK_STR(reported.message, "Task was destroyed but it is pending!");
    fill_in(&holes[0]);
    close(listener);
}

/* Connects, or is cancelled at some point; then perhaps only the silent address is left. Whatever
 * was opened is closed (the harness looks). */
ASYNC(connects_somehow) {
    int rc = AWAIT(asyncio_wait_for(asyncio_open_connection("target.invalid", port, &reader,
                                                            &writer, .happy_eyeballs_delay = 1,
                                                            .local_host = "local.invalid"),
                                    100));
    if (rc == ASYNCIO_CANCELLED_ERROR) asyncio_task_uncancel(asyncio_current_task());
    if (rc == 0) check_peer("127.0.0.1");
    asyncio_ignore(rc);
    RETURN();
}

TEST_TIMEOUT(cancelled_at_any_point_no_descriptor_is_lost, 60) {
    int listener = listen_at("127.0.0.1", 100);
    dig(&holes[0], "127.0.0.2");
    targets = "127.0.0.2 127.0.0.4 127.0.0.1";
    locals = "127.0.0.1";
    for (unsigned long long seed = 0; seed < 4; seed++) {
        asyncio_testing_result result;
        long at = 0;
        do {
            CHECK_INT(
                asyncio_testing_run(connects_somehow(), &result, .seed = seed, .cancel_at = ++at),
                0);
        } while (result.points >= at);
        CHECK(at > 5);
    }
    fill_in(&holes[0]);
    close(listener);
}

ASYNC(connects_or_not) {
    TRY(CONNECT(.happy_eyeballs_delay = 1, .local_host = "local.invalid", .all_errors = true));
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    RETURN();
}

TEST_TIMEOUT(connecting_side_by_side_may_find_no_memory, 60) {
    int listener = listen_at("127.0.0.1", 100);
    targets = "127.0.0.2 127.0.0.1";
    locals = "127.0.0.1 192.0.2.1";
    for (int round = 0; round < 2; round++) {
        for (long n = 1;; n++) {
            start_loop();
            if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
            int rc = run(connects_or_not());
            bool over = asyncio_testing_fail_allocation(0) < n;
            if (over) CHECK_INT(rc, round == 0 ? 0 : ASYNCIO_EXCEPTION_GROUP);
            else if (rc != 0 && rc != ASYNCIO_EXCEPTION_GROUP) CHECK_INT(rc, -ENOMEM);
            asyncio_ignore(rc);
            end_loop();
            if (over) break;
        }
        targets = "127.0.0.2 127.0.0.3"; /* and now without success */
    }
    close(listener);
}
