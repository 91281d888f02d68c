/* SPDX-License-Identifier: MIT
 *
 * bench.h: what the programs of the benchmark share: `PROGRAM [--scale S] [--rounds N] GROUP...`
 * runs groups of rows and prints one line `name value unit` for each row and round.
 * bench/run starts the programs in turn and makes a table of the lines.
 *
 * Scales: full; quick: a tenth of the repetitions; smoke: a few of everything, with small
 * populations too, to see that the program runs.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench_group {
    const char *name;
    void (*run)(long arg);
    long arg;
};

static struct {
    long divide_times;   /* repetitions are divided by it */
    long population_max; /* no more tasks, timers than this at a time */
    int rounds;          /* timed rounds of a row, after one that is not */
} bench = { 1, 1000000, 3 };

/* The processor time of the process, in ns: what others do on the machine meanwhile does not
 * count. Nothing that is timed waits. */
static inline double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The time that passes, in seconds. */
static inline double bench_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How often to do what costs little, at least once. */
static inline long bench_times(long full) {
    long n = full / bench.divide_times;
    return n > 0 ? n : 1;
}

/* How many of something there are at a time. */
static inline long bench_population(long full) {
    return full < bench.population_max ? full : bench.population_max;
}

static inline void bench_print(const char *name, double value, const char *unit) {
    printf("%s %.3f %s\n", name, value, unit);
    fflush(stdout);
}

/* "yield.1000" for "yield", 1000. */
struct bench_name {
    char text[96];
};
static inline struct bench_name bench_name(const char *row, long n) {
    struct bench_name name;
    snprintf(name.text, sizeof name.text, "%s.%ld", row, n);
    return name;
}

/* A line of /proc/self/status, in bytes. */
static inline double bench_status(const char *key) {
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) == 0) kib = atol(line + strlen(key) + 1);
    }
    if (f) fclose(f);
    return (double)kib * 1024;
}

struct bench_memory {
    double resident, tables;
};
static inline struct bench_memory bench_memory(void) {
    return (struct bench_memory){ bench_status("VmRSS"), bench_status("VmPTE") };
}

/* Rows ROW.N and ROW.tables.N: bytes for each of `n` objects made since `before`. */
static inline void bench_print_memory(const char *row, long n, struct bench_memory before) {
    struct bench_memory now = bench_memory();
    char tables[64];
    snprintf(tables, sizeof tables, "%s.tables", row);
    bench_print(bench_name(row, n).text, (now.resident - before.resident) / (double)n, "B");
    bench_print(bench_name(tables, n).text, (now.tables - before.tables) / (double)n, "B");
}

/* Rows sleeps.N....: processor time of n sleeps, and how late they ended: sum and maximum. */
static inline void bench_print_sleeps(long n, double seconds, double late, double latest) {
    bench_print(bench_name("sleeps.cpu", n).text, seconds, "s");
    bench_print(bench_name("sleeps.late", n).text, late / (double)n * 1e3, "ms");
    bench_print(bench_name("sleeps.latest", n).text, latest * 1e3, "ms");
}

static inline void bench_fail(const char *what) {
    fprintf(stderr, "benchmark failed: %s\n", what);
    exit(1);
}

static inline void bench_set_scale(const char *scale) {
    bool smoke = strcmp(scale, "smoke") == 0;
    if (smoke) bench.rounds = 1;
    if (smoke) bench.population_max = 100;
    bench.divide_times = smoke ? 10000 : strcmp(scale, "quick") == 0 ? 10 : 1;
}

static inline bool bench_wanted(const char *name, int argc, char **argv) {
    bool any = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) return true;
        any = true;
    }
    return !any;
}

static inline bool bench_is_group(const char *name, const struct bench_group *groups) {
    for (const struct bench_group *g = groups; g->name; g++) {
        if (strcmp(g->name, name) == 0) return true;
    }
    fprintf(stderr, "no group of that name: %s\n", name);
    return false;
}

/* --list prints the names of the groups. Without a group all are run. */
static inline int bench_main(int argc, char **argv, const struct bench_group *groups) {
    argc--, argv++;
    for (; argc > 0 && argv[0][0] == '-'; argc--, argv++) {
        bool list = strcmp(argv[0], "--list") == 0;
        for (const struct bench_group *g = groups; list && g->name; g++) puts(g->name);
        if (list) return 0;
        if (argc < 2) return 2;
        if (strcmp(argv[0], "--scale") == 0) bench_set_scale(argv[1]);
        else if (strcmp(argv[0], "--rounds") == 0) bench.rounds = atoi(argv[1]);
        else return 2;
        argc--, argv++;
    }
    for (int i = 0; i < argc; i++) {
        if (!bench_is_group(argv[i], groups)) return 2;
    }
    for (const struct bench_group *g = groups; g->name; g++) {
        if (bench_wanted(g->name, argc, argv)) g->run(g->arg);
    }
    return 0;
}

#endif
