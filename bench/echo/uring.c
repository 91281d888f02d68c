/* SPDX-License-Identifier: MIT
 *
 * uring.c: an echo server on io_uring and nothing else: accepting and receiving are asked for once
 * (multishot), buffers come from a ring that is shared with the kernel, and one system call
 * submits all answers of a round and waits for the next.
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/mman.h>

#include "listen.h"

#define ENTRIES 4096
#define PIECES 4096 /* buffers; a power of two */
#define PIECE 4096  /* bytes of each */
#define GROUP 0

enum { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *pieces;
static char (*memory)[PIECE];

static void die(const char *what, int error) {
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(1);
}

static struct io_uring_sqe *request(unsigned kind, int fd, unsigned piece) {
    struct io_uring_sqe *e = io_uring_get_sqe(&ring);
    if (!e) {
        io_uring_submit(&ring);
        e = io_uring_get_sqe(&ring);
    }
    memset(e, 0, sizeof *e);
    e->fd = fd;
    e->user_data = (uint64_t)kind << 56 | (uint64_t)piece << 32 | (unsigned)fd;
    return e;
}

static void accept_more(int listener) {
    struct io_uring_sqe *e = request(ACCEPT, listener, 0);
    e->opcode = IORING_OP_ACCEPT;
    e->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void receive_more(int fd) {
    struct io_uring_sqe *e = request(RECEIVE, fd, 0);
    e->opcode = IORING_OP_RECV;
    e->ioprio = IORING_RECV_MULTISHOT;
    e->flags = IOSQE_BUFFER_SELECT;
    e->buf_group = GROUP;
}

/* The answers of a closed loop always fit into the socket's buffer. */
static void answer(int fd, unsigned piece, unsigned size) {
    struct io_uring_sqe *e = request(SEND, fd, piece);
    e->opcode = IORING_OP_SEND;
    e->addr = (uintptr_t)memory[piece];
    e->len = size;
    e->msg_flags = MSG_NOSIGNAL;
}

static void give_back(unsigned piece) {
    io_uring_buf_ring_add(pieces, memory[piece], PIECE, (unsigned short)piece,
                          io_uring_buf_ring_mask(PIECES), 0);
    io_uring_buf_ring_advance(pieces, 1);
}

static void set_up(void) {
    struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                          IORING_SETUP_CQSIZE,
                                 .cq_entries = 2 * ENTRIES };
    int rc = io_uring_queue_init_params(ENTRIES, &ring, &p);
    if (rc < 0) die("io_uring", -rc);
    pieces = mmap(NULL, PIECES * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = mmap(NULL, sizeof memory[0] * PIECES, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pieces == MAP_FAILED || memory == MAP_FAILED) die("mmap", errno);
    struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t)pieces, .ring_entries = PIECES };
    rc = io_uring_register_buf_ring(&ring, &reg, 0);
    if (rc < 0) die("io_uring_register_buf_ring", -rc);
    io_uring_buf_ring_init(pieces);
    for (unsigned i = 0; i < PIECES; i++) give_back(i);
}

static void received(int fd, const struct io_uring_cqe *c) {
    if (c->res > 0) answer(fd, c->flags >> IORING_CQE_BUFFER_SHIFT, (unsigned)c->res);
    if (c->res == 0 || (c->res < 0 && c->res != -ENOBUFS)) close(fd);
    else if (!(c->flags & IORING_CQE_F_MORE)) receive_more(fd);
}

static void handle(const struct io_uring_cqe *c) {
    int fd = (int)(unsigned)c->user_data;
    switch (c->user_data >> 56) {
    case ACCEPT:
        if (!(c->flags & IORING_CQE_F_MORE)) accept_more(fd);
        if (c->res < 0) break;
        no_delay(c->res);
        receive_more(c->res);
        break;
    case RECEIVE: received(fd, c); break;
    default: give_back((unsigned)(c->user_data >> 32) & (PIECES - 1)); break;
    }
}

int main(void) {
    int listener = listen_and_print();
    set_up();
    accept_more(listener);
    for (;;) {
        struct io_uring_cqe *c;
        unsigned head, n = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, c) {
            handle(c);
            n++;
        }
        io_uring_cq_advance(&ring, n);
    }
}
