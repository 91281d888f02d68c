/* SPDX-License-Identifier: MIT
 *
 * peer_uv.c: an echo server on libuv, with uv_try_write first.
 */
#include <uv.h>

#include "listen.h"

static char buffer[BUFFER];

static void lend(uv_handle_t *h, size_t size, uv_buf_t *b) {
    (void)h, (void)size;
    *b = uv_buf_init(buffer, sizeof buffer);
}

static void freed(uv_handle_t *h) { free(h); }

static void echo(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
    if (n < 0) {
        uv_close((uv_handle_t *)s, freed);
        return;
    }
    uv_buf_t out = uv_buf_init(b->base, (unsigned)n);
    if (n > 0 && uv_try_write(s, &out, 1) != (int)n) abort();
}

static void connected(uv_stream_t *listener, int status) {
    uv_tcp_t *c = malloc(sizeof *c);
    if (status < 0 || !c) abort();
    uv_tcp_init(listener->loop, c);
    if (uv_accept(listener, (uv_stream_t *)c) < 0) abort();
    uv_tcp_nodelay(c, 1);
    uv_read_start((uv_stream_t *)c, lend, echo);
}

int main(void) {
    uv_tcp_t listener;
    uv_tcp_init(uv_default_loop(), &listener);
    uv_tcp_open(&listener, listen_and_print());
    uv_listen((uv_stream_t *)&listener, 1024, connected);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
