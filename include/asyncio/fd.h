/* SPDX-License-Identifier: MIT
 *
 * asyncio/fd.h: waiting until a descriptor is ready, in a task or by a callback, which is kept by
 * number (add_reader) or as an object of its own (a watch).
 *
 * For sockets, pipes, terminals, and whatever else epoll takes. Regular files and directories
 * are always ready and cannot be waited for. At most one task or callback waits for each
 * direction of a descriptor; a task whose wait was cancelled does not count.
 *
 * Part: io.
 */
#ifndef ASYNCIO_FD_H
#define ASYNCIO_FD_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* What to wait for; an error or the end of the stream counts as both. */
enum {
    ASYNCIO_READABLE = 1,
    ASYNCIO_WRITABLE = 2,
};

/* Waits until the descriptor is ready for one of `events` (ASYNCIO_READABLE, ASYNCIO_WRITABLE or
 * both) and gives, as status and as value, those for which it is. It need not be non-blocking.
 * Errors, when awaited: -EBADF if it is not open, or is closed by asyncio_fd_close meanwhile;
 * -EPERM for a regular file or directory; ASYNCIO_RUNTIME_ERROR if somebody else waits for
 * that direction; ASYNCIO_VALUE_ERROR for other events; ASYNCIO_CANCELLED_ERROR; -ENOMEM,
 * -ENOSPC.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_coro asyncio_wait_fd(int fd, unsigned events) ASYNCIO_MUST_USE;

/* Closes a descriptor; a task that waits for it, in the loop that runs, fails with -EBADF, and
 * callbacks for it are removed. (After a bare close() such a task would wait on.) Returns 0 or
 * the system's error.
 * Suspends: no. Thread: loop. Owner: takes `fd`. Since: 0.1. Python: socket.close. */
ASYNCIO_API int asyncio_fd_close(int fd);

/* Promises the running loop that this descriptor is closed by asyncio_fd_close only, and makes
 * it non-blocking. Waiting for it then costs no system call of its own; without the promise the
 * loop asks the kernel each time whether the number still means the same. In debug mode a broken
 * promise is found: ASYNCIO_RUNTIME_ERROR where the descriptor is waited for.
 * Returns 0; ASYNCIO_RUNTIME_ERROR without a running loop or while somebody waits for it;
 * -EBADF; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_fd_adopt(int fd);

/* Calls a callback in each turn of the loop in which the descriptor is ready, until it is
 * removed; one that was there is replaced. In C the macros of the same names without _with
 * take `arg` and options as asyncio_loop_call_soon does (.handle is not filled in).
 * Returns 0; ASYNCIO_RUNTIME_ERROR on a closed loop, if a task waits for that direction, or if
 * it belongs to a stream; ASYNCIO_TYPE_ERROR for a NULL callback or loop; -EBADF; -EPERM for
 * a regular file or directory; -ENOMEM, -ENOSPC. On failure `drop` is not called.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.add_reader, loop.add_writer. */
ASYNCIO_API int asyncio_loop_add_reader_with(asyncio_loop *loop, int fd, asyncio_callback *fn,
                                             const asyncio_call_options *options);
ASYNCIO_API int asyncio_loop_add_writer_with(asyncio_loop *loop, int fd, asyncio_callback *fn,
                                             const asyncio_call_options *options);

/* Removes the callback: 1 if there was one, 0 if not. Remove before you close the descriptor, or
 * close it by asyncio_fd_close: removed later, by number, it may be somebody else's callback. A
 * watch has no such trap. ASYNCIO_TYPE_ERROR for a NULL loop.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.remove_reader, loop.remove_writer. */
ASYNCIO_API int asyncio_loop_remove_reader(asyncio_loop *loop, int fd);
ASYNCIO_API int asyncio_loop_remove_writer(asyncio_loop *loop, int fd);

/* A callback for a descriptor, as an object: it is changed and closed by itself, not by a number
 * that may mean another descriptor by then. For code that adapts a library with descriptors of its
 * own, which says what it waits for, changes its mind often, and closes without asking. */
typedef struct asyncio_watch asyncio_watch;

/* events: what the descriptor is ready for of what is set: ASYNCIO_READABLE, ASYNCIO_WRITABLE or
 * both; an error or the end of the stream counts as both. A negative status is reported to the
 * exception handler. The callback may set and close any watch, its own included. */
typedef int asyncio_watch_callback(asyncio_watch *watch, unsigned events, void *arg);

/* A new watch of the loop, which watches nothing yet. The descriptor stays yours, and need not be
 * non-blocking. In C the macro of the same name without _with takes (loop, fd, fn, arg, ...) with
 * options as asyncio_loop_call_soon does (.handle is not filled in). NULL: see the slot:
 * ASYNCIO_RUNTIME_ERROR on a closed loop; ASYNCIO_TYPE_ERROR for a NULL callback or loop; -EBADF if
 * the descriptor is not open; -ENOMEM. On failure `drop` is not called.
 * Suspends: no. Thread: loop. Owner: the caller: asyncio_watch_close. Since: 0.2. Python: none. */
ASYNCIO_API asyncio_watch *asyncio_watch_new_with(asyncio_loop *loop, int fd,
                                                  asyncio_watch_callback *fn,
                                                  const asyncio_call_options *options)
    ASYNCIO_MUST_USE;

/* Watches for these events from now on: ASYNCIO_READABLE, ASYNCIO_WRITABLE, both, or 0 to pause.
 * The callback is called in each turn of the loop in which the descriptor is ready for one of them,
 * and not any more for what is taken away, even if that was found already. To set what is set
 * costs no system call. When its descriptor is closed by asyncio_fd_close, or the number is found
 * to mean another one, or the loop is closed, the watch is lost: it watches nothing any more.
 * Returns 0; -EBADF if the descriptor is not open, or the watch is lost; -EPERM for a regular file
 * or directory; ASYNCIO_RUNTIME_ERROR if somebody else waits for a direction, if the descriptor
 * belongs to a stream, or in another thread; ASYNCIO_VALUE_ERROR for other events;
 * ASYNCIO_TYPE_ERROR for NULL; -ENOMEM, -ENOSPC. On failure what was set stays set.
 * Suspends: no. Thread: loop. Since: 0.2. Python: none. */
ASYNCIO_API int asyncio_watch_set(asyncio_watch *watch, unsigned events);

/* Ends the watch and lets go of it: the callback is not called any more, `drop` is called; while
 * the callback runs, after that. Nobody else's callback is touched, whatever the number means by
 * now. Before or after the descriptor is closed, also once the loop is. NULL is fine. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.2. Python: none. */
ASYNCIO_API void asyncio_watch_close(asyncio_watch *watch);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_loop_add_reader(loop, fd, fn, ...)                                                 \
    asyncio_loop_add_reader_with((loop), (fd), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#define asyncio_loop_add_writer(loop, fd, fn, ...)                                                 \
    asyncio_loop_add_writer_with((loop), (fd), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#define asyncio_watch_new(loop, fd, fn, ...)                                                       \
    asyncio_watch_new_with((loop), (fd), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#else
inline int asyncio_loop_add_reader(asyncio_loop *loop, int fd, asyncio_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_add_reader_with(loop, fd, fn, &o);
}
inline int asyncio_loop_add_writer(asyncio_loop *loop, int fd, asyncio_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_add_writer_with(loop, fd, fn, &o);
}
ASYNCIO_MUST_USE inline asyncio_watch *asyncio_watch_new(asyncio_loop *loop, int fd,
                                                         asyncio_watch_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_watch_new_with(loop, fd, fn, &o);
}
#endif

#endif
