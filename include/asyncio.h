/* SPDX-License-Identifier: MIT
 *
 * asyncio.h: the whole public face of the libraries (asyncio/testing.h aside). Including it links
 * nothing: a program that makes contexts for TLS (asyncio/ssl.h) is linked with libasyncio-tls,
 * every other one with libasyncio alone.
 */
#ifndef ASYNCIO_H
#define ASYNCIO_H

#include <asyncio/base.h>
#include <asyncio/value.h>
#include <asyncio/error.h>
#include <asyncio/errorgroup.h>
#include <asyncio/context.h>
#include <asyncio/coro.h>
#include <asyncio/block.h>
#include <asyncio/loop.h>
#include <asyncio/future.h>
#include <asyncio/task.h>
#include <asyncio/run.h>
#include <asyncio/generator.h>
#include <asyncio/gather.h>
#include <asyncio/wait.h>
#include <asyncio/staggered.h>
#include <asyncio/timeout.h>
#include <asyncio/cancelscope.h>
#include <asyncio/taskgroup.h>
#include <asyncio/graph.h>
#include <asyncio/deadlock.h>
#include <asyncio/dump.h>
#include <asyncio/watchdog.h>
#include <asyncio/mutex.h>
#include <asyncio/lock.h>
#include <asyncio/event.h>
#include <asyncio/condition.h>
#include <asyncio/semaphore.h>
#include <asyncio/barrier.h>
#include <asyncio/queue.h>
#include <asyncio/concurrent.h>
#include <asyncio/executor.h>
#include <asyncio/to_thread.h>
#include <asyncio/threadsafe.h>
#include <asyncio/channel.h>
#include <asyncio/many.h>
#include <asyncio/fd.h>
#include <asyncio/sock.h>
#include <asyncio/datagram.h>
#include <asyncio/dns.h>
#include <asyncio/file.h>
#include <asyncio/signal.h>
#include <asyncio/streams.h>
#include <asyncio/starttls.h>
#include <asyncio/ssl.h>
#include <asyncio/pipe.h>
#include <asyncio/process.h>
#include <asyncio/server.h>
#include <asyncio/keywords.h>

#endif
