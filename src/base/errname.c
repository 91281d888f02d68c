/* SPDX-License-Identifier: MIT
 *
 * base/errname.c: what a code is called, and a sentence for users about it.
 *
 * Codes are -errno, those of the enum in asyncio/error.h, and ASYNCIO_USER_ERROR and below,
 * which are the program's own and have no name but their number. A text that has to be made
 * is kept in the thread until the next one; the two functions do not share it, so both may be
 * arguments of one printf.
 */
#include <asyncio/error.h>

#include <errno.h>

struct code_text {
    int code;             /* of the enum in asyncio/error.h */
    const char *name;     /* as the exception class of Python */
    const char *sentence; /* what happened, without a full stop */
};

static const struct code_text CODE_TEXTS[] = {
    { ASYNCIO_CANCELLED_ERROR, "CancelledError", "The operation was cancelled" },
    { ASYNCIO_GENERATOR_EXIT, "GeneratorExit", "The generator was closed" },
    { ASYNCIO_KEYBOARD_INTERRUPT, "KeyboardInterrupt", "Interrupted from the keyboard" },
    { ASYNCIO_SYSTEM_EXIT, "SystemExit", "The program asked to exit" },
    { ASYNCIO_BASE_EXCEPTION_GROUP, "BaseExceptionGroup",
      "Several operations failed or were interrupted" },
    { ASYNCIO_BASE_EXCEPTION, "BaseException", "An error of no particular kind" },
    { ASYNCIO_EXCEPTION, "Exception", "An error of no particular kind" },
    { ASYNCIO_EXCEPTION_GROUP, "ExceptionGroup", "Several operations failed" },
    { ASYNCIO_INVALID_STATE_ERROR, "InvalidStateError",
      "The operation is not allowed in this state" },
    { ASYNCIO_TIMEOUT_ERROR, "TimeoutError", "The time limit was exceeded" },
    { ASYNCIO_RUNTIME_ERROR, "RuntimeError", "The operation cannot be done here or now" },
    { ASYNCIO_VALUE_ERROR, "ValueError", "An argument has a value that is not allowed" },
    { ASYNCIO_TYPE_ERROR, "TypeError", "An argument is of the wrong kind" },
    { ASYNCIO_LOOKUP_ERROR, "LookupError", "There is no such entry" },
    { ASYNCIO_KEY_ERROR, "KeyError", "There is no entry with this key" },
    { ASYNCIO_INDEX_ERROR, "IndexError", "The index is out of range" },
    { ASYNCIO_STOP_ASYNC_ITERATION, "StopAsyncIteration", "There are no more items" },
    { ASYNCIO_QUEUE_EMPTY, "QueueEmpty", "The queue is empty" },
    { ASYNCIO_QUEUE_FULL, "QueueFull", "The queue is full" },
    { ASYNCIO_QUEUE_SHUT_DOWN, "QueueShutDown", "The queue was shut down" },
    { ASYNCIO_BROKEN_BARRIER_ERROR, "BrokenBarrierError", "The barrier is broken" },
    { ASYNCIO_NOT_IMPLEMENTED_ERROR, "NotImplementedError",
      "This is not available in this build or on this system" },
    { ASYNCIO_ASSERTION_ERROR, "AssertionError", "An assumption of the program does not hold" },
    { ASYNCIO_ARITHMETIC_ERROR, "ArithmeticError", "A calculation has no result" },
    { ASYNCIO_ZERO_DIVISION_ERROR, "ZeroDivisionError", "Division by zero" },
    { ASYNCIO_OS_ERROR, "OSError", "The system reported an error" },
    { ASYNCIO_CONNECTION_ERROR, "ConnectionError", "The connection failed" },
    { ASYNCIO_INCOMPLETE_READ_ERROR, "IncompleteReadError",
      "The stream ended before all was read" },
    { ASYNCIO_LIMIT_OVERRUN_ERROR, "LimitOverrunError",
      "The separator was not found within the limit" },
    { ASYNCIO_DEADLOCK_ERROR, "DeadlockError", "Nothing is left that could wake anybody" },
    { ASYNCIO_SSL_ERROR, "SSLError", "The TLS library reported an error" },
    { ASYNCIO_SSL_CERT_VERIFICATION_ERROR, "SSLCertVerificationError",
      "The certificate of the other side is not valid" },
    { ASYNCIO_SSL_EOF_ERROR, "SSLEOFError", "The protected connection was cut off" },
};

/* clang-format off */
#define NAME(e) [e] = #e
static const char *const ERRNO_NAMES[] = {
    NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO), NAME(ENXIO), NAME(E2BIG),
    NAME(ENOEXEC), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES),
    NAME(EFAULT), NAME(ENOTBLK), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(ENODEV),
    NAME(ENOTDIR), NAME(EISDIR), NAME(EINVAL), NAME(ENFILE), NAME(EMFILE), NAME(ENOTTY),
    NAME(ETXTBSY), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE), NAME(EROFS), NAME(EMLINK), NAME(EPIPE),
    NAME(EDOM), NAME(ERANGE), NAME(EDEADLK), NAME(ENAMETOOLONG), NAME(ENOLCK), NAME(ENOSYS),
    NAME(ENOTEMPTY), NAME(ELOOP), NAME(ENOMSG), NAME(EIDRM), NAME(ECHRNG), NAME(EL2NSYNC),
    NAME(EL3HLT), NAME(EL3RST), NAME(ELNRNG), NAME(EUNATCH), NAME(ENOCSI), NAME(EL2HLT),
    NAME(EBADE), NAME(EBADR), NAME(EXFULL), NAME(ENOANO), NAME(EBADRQC), NAME(EBADSLT),
    NAME(EBFONT), NAME(ENOSTR), NAME(ENODATA), NAME(ETIME), NAME(ENOSR), NAME(ENONET), NAME(ENOPKG),
    NAME(EREMOTE), NAME(ENOLINK), NAME(EADV), NAME(ESRMNT), NAME(ECOMM), NAME(EPROTO),
    NAME(EMULTIHOP), NAME(EDOTDOT), NAME(EBADMSG), NAME(EOVERFLOW), NAME(ENOTUNIQ), NAME(EBADFD),
    NAME(EREMCHG), NAME(ELIBACC), NAME(ELIBBAD), NAME(ELIBSCN), NAME(ELIBMAX), NAME(ELIBEXEC),
    NAME(EILSEQ), NAME(ERESTART), NAME(ESTRPIPE), NAME(EUSERS), NAME(ENOTSOCK), NAME(EDESTADDRREQ),
    NAME(EMSGSIZE), NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT),
    NAME(ESOCKTNOSUPPORT), NAME(EOPNOTSUPP), NAME(EPFNOSUPPORT), NAME(EAFNOSUPPORT),
    NAME(EADDRINUSE), NAME(EADDRNOTAVAIL), NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENETRESET),
    NAME(ECONNABORTED), NAME(ECONNRESET), NAME(ENOBUFS), NAME(EISCONN), NAME(ENOTCONN),
    NAME(ESHUTDOWN), NAME(ETOOMANYREFS), NAME(ETIMEDOUT), NAME(ECONNREFUSED), NAME(EHOSTDOWN),
    NAME(EHOSTUNREACH), NAME(EALREADY), NAME(EINPROGRESS), NAME(ESTALE), NAME(EUCLEAN),
    NAME(ENOTNAM), NAME(ENAVAIL), NAME(EISNAM), NAME(EREMOTEIO), NAME(EDQUOT), NAME(ENOMEDIUM),
    NAME(EMEDIUMTYPE), NAME(ECANCELED), NAME(ENOKEY), NAME(EKEYEXPIRED), NAME(EKEYREVOKED),
    NAME(EKEYREJECTED), NAME(EOWNERDEAD), NAME(ENOTRECOVERABLE), NAME(ERFKILL), NAME(EHWPOISON),
};
/* clang-format on */

#define TEXT_MAX 32
static _Thread_local char name_text[TEXT_MAX];
static _Thread_local char sentence_text[TEXT_MAX];

static const struct code_text *find_code(int code) {
    for (size_t i = 0; i < sizeof CODE_TEXTS / sizeof *CODE_TEXTS; i++) {
        if (CODE_TEXTS[i].code == code) return &CODE_TEXTS[i];
    }
    return NULL;
}

static const char *errno_name(int code) {
    const int count = sizeof ERRNO_NAMES / sizeof *ERRNO_NAMES;
    return code < 0 && code > -count ? ERRNO_NAMES[-code] : NULL;
}

const char *asyncio_err_name(int code) {
    if (code >= 0) return "OK";
    const char *name = errno_name(code);
    if (name) return name;
    const struct code_text *found = find_code(code);
    if (found) return found->name;
    const char *kind = code <= ASYNCIO_USER_ERROR ? "UserError" : "Error";
    snprintf(name_text, sizeof name_text, "%s%d", kind, code);
    return name_text;
}

const char *asyncio_strerror(int code) {
    if (code >= 0) return "Success";
    if (errno_name(code)) return strerror(-code);
    const struct code_text *found = find_code(code);
    if (found) return found->sentence;
    const char *kind = code <= ASYNCIO_USER_ERROR ? "User error" : "Unknown error";
    snprintf(sentence_text, sizeof sentence_text, "%s %d", kind, code);
    return sentence_text;
}

bool asyncio_is_exception(int status) {
    return status < 0 && (status > ASYNCIO_CANCELLED_ERROR || status < ASYNCIO_BASE_EXCEPTION);
}

bool asyncio_is_connection_error(int status) {
    switch (status) {
    case -EPIPE:
    case -ESHUTDOWN:
    case -ECONNABORTED:
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -ENOTCONN:
    case -EPROTO:
    case -ETIMEDOUT:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -ENETRESET:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case ASYNCIO_CONNECTION_ERROR:
    case ASYNCIO_SSL_ERROR:
    case ASYNCIO_SSL_EOF_ERROR:
    case ASYNCIO_SSL_CERT_VERIFICATION_ERROR: return true;
    default: return false;
    }
}
