/* Runs shell commands side by side, so many at a time, and prints what each had to say when it
 * has ended:
 *
 *     run_commands [-j N] COMMAND...     N at a time (4)
 *     run_commands [-j N]                commands from standard input, one a line
 *
 * On a terminal a line on standard error tells how far it is. Status 0: all succeeded. At Ctrl-C
 * those that run are terminated with all their children, and killed if they do not go. */
#define _GNU_SOURCE
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const double PATIENCE = 2; /* seconds between SIGTERM and SIGKILL */

struct job {
    const char *const *commands;
    size_t count, next, running, done, failed;
    bool show_progress;
};

/* ---- progress ---- */

static void show_progress(const struct job *job) {
    if (!job->show_progress) return;
    fprintf(stderr, "\r%zu of %zu done, %zu running, %zu failed ", job->done, job->count,
            job->running, job->failed);
}

static void hide_progress(const struct job *job) {
    if (job->show_progress) fputs("\r\033[K", stderr);
}

static void report(struct job *job, const char *command, int status, asyncio_bytes output) {
    hide_progress(job);
    if (status == 0) printf("ok: %s\n", command);
    else if (status > 0) printf("failed with status %d: %s\n", status, command);
    else printf("ended by signal %d: %s\n", -status, command);
    fwrite(output.data, 1, output.size, stdout);
    if (output.size && output.data[output.size - 1] != '\n') putchar('\n');
    fflush(stdout);
}

/* ---- one command ---- */

/* Ends the command and whatever it has started, which is one process group. */
ASYNC(stop, (asyncio_process *) process) {
    pid_t group = asyncio_process_pid(process);
    kill(-group, SIGTERM);
    int rc = AWAIT(asyncio_wait_for(asyncio_process_wait(process), PATIENCE));
    kill(-group, SIGKILL); /* what does not listen, or has been left behind */
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) rc = AWAIT(asyncio_process_wait(process));
    TRY(rc);
    RETURN();
}

ASYNC(run_one, (struct job *) job, (const char *) command) {
    asyncio_auto_process process = NULL;
    asyncio_bytes output;
    int status;
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &process, command, .stdin_fd = ASYNCIO_DEVNULL, .stdout_fd = ASYNCIO_PIPE,
        .stderr_fd = ASYNCIO_STDOUT, .set_process_group = true)));
    int rc = AWAIT(asyncio_process_communicate(process, NULL, 0, &output, NULL));
    if (rc < 0) TRY(AWAIT(stop(process))); /* cancelled: no child stays behind */
    TRY(rc);
    asyncio_process_returncode(process, &status);
    if (status != 0) job->failed++;
    report(job, command, status, output);
    RETURN();
}

/* ---- all of them ---- */

ASYNC(work, (struct job *) job) {
    while (job->next < job->count) {
        const char *command = job->commands[job->next++];
        job->running++;
        show_progress(job);
        TRY(AWAIT(run_one(job, command)));
        job->running--;
        job->done++;
        show_progress(job);
    }
    RETURN();
}

ASYNC(run_all, (struct job *) job, (long) workers) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (long i = 0; i < workers; i++) TRY(asyncio_taskgroup_spawn(group, work(job)));
    }
    hide_progress(job);
    TRY(rc);
    RETURN();
}

/* ---- commands from standard input ---- */

static char **read_commands(size_t *count) {
    char **commands = NULL, *line = NULL;
    size_t room = 0, size = 0;
    ssize_t n;
    *count = 0;
    while ((n = getline(&line, &size, stdin)) > 0) {
        if (line[n - 1] == '\n') line[--n] = '\0';
        if (n == 0) continue;
        if (*count == room) commands = realloc(commands, (room += 64) * sizeof *commands);
        if (!commands) abort();
        commands[(*count)++] = line;
        line = NULL;
        size = 0;
    }
    free(line);
    return commands;
}

static int usage(FILE *out, int status) {
    fputs("usage: run_commands [-j N] [COMMAND...]\n"
          "  -j N      so many at a time (4)\n"
          "  COMMAND   for /bin/sh; without any they are read from standard input, one a line\n",
          out);
    return status;
}

int main(int argc, char **argv) {
    long workers = 4;
    int option;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout, 0);
    while ((option = getopt(argc, argv, "+j:")) != -1) {
        workers = option == 'j' ? strtol(optarg, NULL, 10) : 0;
        if (workers < 1) return usage(stderr, 2);
    }
    size_t count = (size_t)(argc - optind);
    char **read = count ? NULL : read_commands(&count);
    struct job job = { .commands = (const char *const *)(read ? read : argv + optind),
                       .count = count,
                       .show_progress = isatty(STDERR_FILENO) };
    int status = asyncio_main(run_all(&job, workers));
    for (size_t i = 0; read && i < count; i++) free(read[i]);
    free(read);
    return status ? status : job.failed > 0;
}
