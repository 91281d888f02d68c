/* SPDX-License-Identifier: MIT
 *
 * asyncio/file.h: files, by system calls in threads of the loop's default executor: one call each,
 * nothing is buffered and nothing read ahead.
 *
 *     asyncio_auto_file f = NULL;
 *     TRY(AWAIT(asyncio_file_open(&f, "x", O_RDONLY, 0)));
 *     int n = TRY(AWAIT(asyncio_file_read(f, buf, sizeof buf)));
 *
 * Threads work on copies of buffers and paths. Cancelling ends the await at once and lets
 * the call go on by itself: it touches nothing of the caller's any more, but what it wrote is
 * written, and a read has moved the position (pread and pwrite have none). A call that waits for a
 * fifo, a terminal or another device is over within a fraction of a second then, and takes
 * nothing; one that waits for a disk keeps its thread until the system has done it. For many
 * small operations asyncio_to_thread with a function that does all of them is cheaper.
 *
 * Every coroutine here fails, when awaited, with the system's error (-ENOENT); -EBADF for a file
 * that is closed; ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR; as
 * asyncio_loop_run_in_executor; -ENOMEM.
 *
 * Part: io.
 */
#ifndef ASYNCIO_FILE_H
#define ASYNCIO_FILE_H

#include <asyncio/coro.h>
#include <sys/stat.h>
#include <sys/types.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_file asyncio_file;

/* Opens a file; flags and mode as for open(2), always close-on-exec.
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Owner: *file is yours. Since: 0.1.
 * Python: asyncio.to_thread(os.open, ...). */
ASYNCIO_API asyncio_coro asyncio_file_open(asyncio_file **file, const char *path, int flags,
                                           mode_t mode) ASYNCIO_MUST_USE;

/* References; with the last one a file that is open is closed, errors unseen. Errors: none.
 * Suspends: no (closing may block). Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_file *asyncio_file_ref(asyncio_file *file);
ASYNCIO_API void asyncio_file_unref(asyncio_file *file);

/* Reads up to n bytes (at most INT_MAX), from the position or from `offset`; the status is how
 * many, 0 at the end.
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1.
 * Python: asyncio.to_thread(os.read, ...), os.pread. */
ASYNCIO_API asyncio_coro asyncio_file_read(asyncio_file *file, void *buf, size_t n)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_file_pread(asyncio_file *file, void *buf, size_t n, off_t offset)
    ASYNCIO_MUST_USE;

/* Writes up to n bytes (at most INT_MAX), at the position or at `offset`; the status is how many,
 * which may be fewer.
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1.
 * Python: asyncio.to_thread(os.write, ...), os.pwrite. */
ASYNCIO_API asyncio_coro asyncio_file_write(asyncio_file *file, const void *data, size_t n)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_file_pwrite(asyncio_file *file, const void *data, size_t n,
                                             off_t offset) ASYNCIO_MUST_USE;

/* fsync: what was written is on the disk. stat: fills in *st. close: calls that wait for a fifo or
 * a device end with -EBADF; others that are under way are waited for, in a thread, but not those
 * that were cancelled; then the file is closed, also if that fails. If a cancelled call is still
 * under way, the descriptor is closed when it ends, and an error of that is not seen.
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1.
 * Python: asyncio.to_thread(os.fsync, ...), os.fstat, os.close. */
ASYNCIO_API asyncio_coro asyncio_file_fsync(asyncio_file *file) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_file_stat(asyncio_file *file, struct stat *st) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_file_close(asyncio_file *file) ASYNCIO_MUST_USE;

/* Lists a directory without "." and "..", in no order. The status is how many names there are;
 * *names has them one after the other, each with a NUL at its end (NULL: there are none).
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Owner: *names is yours: free. Since: 0.1.
 * Python: asyncio.to_thread(os.listdir, ...). */
ASYNCIO_API asyncio_coro asyncio_file_readdir(const char *path, char **names) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(file)
#define asyncio_auto_file ASYNCIO__AUTO(file)

#endif
