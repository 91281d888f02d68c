/* SPDX-License-Identifier: MIT
 *
 * peer_st.c: an echo server on State Threads, with its epoll back end.
 */
#include <st.h>

#include "listen.h"

static void *echo(void *arg) {
    char buffer[4096];
    ssize_t n;
    while ((n = st_read(arg, buffer, sizeof buffer, ST_UTIME_NO_TIMEOUT)) > 0) {
        if (st_write(arg, buffer, (size_t)n, ST_UTIME_NO_TIMEOUT) != n) break;
    }
    st_netfd_close(arg);
    return NULL;
}

int main(void) {
    st_set_eventsys(ST_EVENTSYS_ALT);
    st_init();
    st_netfd_t listener = st_netfd_open_socket(listen_and_print());
    for (;;) {
        st_netfd_t c = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
        if (!c) return 1;
        no_delay(st_netfd_fileno(c));
        st_thread_create(echo, c, 0, 65536);
    }
}
