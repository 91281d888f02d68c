/* SPDX-License-Identifier: MIT */

/* Every auto type: a variable that may stay unused, and lets go of nothing. */
#include <asyncio.h>

int main(void) {
    asyncio_auto_as_completed a_as_completed = NULL;
    asyncio_auto_barrier a_barrier = NULL;
    asyncio_auto_boundedsemaphore a_boundedsemaphore = NULL;
    asyncio_auto_call_graph a_call_graph = NULL;
    asyncio_auto_cancelscope a_cancelscope = NULL;
    asyncio_auto_channel a_channel = NULL;
    asyncio_auto_concurrent_future a_concurrent_future = NULL;
    asyncio_auto_condition a_condition = NULL;
    asyncio_auto_context a_context = NULL;
    asyncio_auto_contextvar a_contextvar = NULL;
    asyncio_auto_datagram a_datagram = NULL;
    asyncio_auto_error a_error = NULL;
    asyncio_auto_event a_event = NULL;
    asyncio_auto_executor a_executor = NULL;
    asyncio_auto_file a_file = NULL;
    asyncio_auto_future a_future = NULL;
    asyncio_auto_gen a_gen = NULL;
    asyncio_auto_handle a_handle = NULL;
    asyncio_auto_lifoqueue a_lifoqueue = NULL;
    asyncio_auto_lock a_lock = NULL;
    asyncio_auto_loop a_loop = NULL;
    asyncio_auto_outcome a_outcome = { 0, asyncio_none(), NULL };
    asyncio_auto_priorityqueue a_priorityqueue = NULL;
    asyncio_auto_process a_process = NULL;
    asyncio_auto_queue a_queue = NULL;
    asyncio_auto_runner a_runner = NULL;
    asyncio_auto_semaphore a_semaphore = NULL;
    asyncio_auto_server a_server = NULL;
    asyncio_auto_signals a_signals = NULL;
    asyncio_auto_sslcontext a_sslcontext = NULL;
    asyncio_auto_sslsession a_sslsession = NULL;
    asyncio_auto_streamreader a_streamreader = NULL;
    asyncio_auto_streamwriter a_streamwriter = NULL;
    asyncio_auto_task a_task = NULL;
    asyncio_auto_taskgroup a_taskgroup = NULL;
    asyncio_auto_token a_token = NULL;
    asyncio_auto_value a_value = asyncio_none();
    return 0;
}
