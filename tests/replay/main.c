/* SPDX-License-Identifier: MIT
 *
 * main.c: the program `replay`: options, files, comparison with recorded traces.
 *
 *     replay FILE...          prints the trace; of several files each behind a line == FILE
 *     replay --check PATH...  compares with the .trace beside each .scn (PATH: file or folder)
 *     replay --forms          which forms are available, which wait for the library
 *
 * Exit status: 0; 1 if a scenario is wrong or a trace differs; 2 for wrong usage; 77 if the
 * only file waits for forms that are not there yet.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "forms.h"
#include "run.h"

enum { EXIT_WAITS = 77 };

struct paths {
    char **items;
    size_t n, size;
};

/* Scenarios that wait, by form. */
struct tally {
    const char *form;
    unsigned count;
    struct tally *next;
};

struct totals {
    unsigned passed, failed, skipped;
    struct tally *tallies;
};

static bool read_file(const char *path, struct text *text) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char buf[4096];
    size_t n;
    text_add(text, "");
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) text_add_n(text, buf, n);
    bool ok = !ferror(f);
    fclose(f);
    return ok;
}

/* ---- paths ---- */

static void add_path(struct paths *paths, const char *folder, const char *name) {
    if (paths->n == paths->size) {
        paths->size = paths->size ? paths->size * 2 : 64;
        paths->items = xrealloc(paths->items, paths->size * sizeof(char *));
    }
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = xmalloc(n);
    snprintf(path, n, "%s%s%s", folder, *folder ? "/" : "", name);
    paths->items[paths->n++] = path;
}

static bool is_scenario(const char *name) {
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".scn") == 0;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A file, or all scenarios of a folder. */
static void expand(struct paths *paths, const char *path) {
    DIR *folder = opendir(path);
    if (!folder) {
        add_path(paths, "", path);
        return;
    }
    size_t first = paths->n;
    const struct dirent *d;
    while ((d = readdir(folder))) {
        if (is_scenario(d->d_name)) add_path(paths, path, d->d_name);
    }
    closedir(folder);
    size_t n = paths->n - first;
    if (n > 0) qsort(paths->items + first, n, sizeof(char *), compare_paths);
}

static void paths_fini(struct paths *paths) {
    for (size_t i = 0; i < paths->n; i++) free(paths->items[i]);
    free(paths->items);
}

/* ---- one file ---- */

static void print_waits(const char *path, const struct interp *it) {
    fprintf(stderr, "%s: waits for:", path);
    for (const struct waiting *w = it->waits; w; w = w->next) fprintf(stderr, " %s", w->form);
    fputc('\n', stderr);
}

/* Runs a file. What is wrong with it goes to standard error. */
static enum run_result run_file(struct interp *it, const char *path) {
    struct text text = { 0 };
    interp_init(it);
    enum run_result result = RUN_WRONG;
    if (read_file(path, &text)) {
        result = run_scenario(it, text.s, text.n);
        if (result == RUN_WRONG) fprintf(stderr, "%s: %s\n", path, it->problem);
    } else {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    text_fini(&text);
    return result;
}

static int print_traces(const struct paths *paths) {
    int status = 0;
    for (size_t i = 0; i < paths->n; i++) {
        const char *path = paths->items[i];
        struct interp it;
        enum run_result result = run_file(&it, path);
        if (result == RUN_DONE) {
            if (paths->n > 1) printf("== %s\n", path);
            fwrite(it.trace.s, 1, it.trace.n, stdout);
        } else if (result == RUN_WAITS) {
            print_waits(path, &it);
            if (paths->n == 1) status = EXIT_WAITS;
        } else {
            status = 1;
        }
        interp_fini(&it);
    }
    return status;
}

/* ---- comparison ---- */

static char *trace_path(const char *path) {
    size_t n = strlen(path) - (is_scenario(path) ? 4 : 0);
    char *s = xmalloc(n + sizeof ".trace");
    snprintf(s, n + sizeof ".trace", "%.*s.trace", (int)n, path);
    return s;
}

static size_t line_length(const char *s) { return strcspn(s, "\n"); }

static void print_difference(const char *path, const char *expected, const char *got) {
    unsigned line = 1;
    size_t n;
    while ((n = line_length(expected)) == line_length(got) && memcmp(expected, got, n) == 0 &&
           expected[n] && got[n]) {
        expected += n + 1;
        got += n + 1;
        line++;
    }
    printf("%s: differs in line %u\n  expected: %.*s\n  got:      %.*s\n", path, line,
           (int)line_length(expected), expected, (int)line_length(got), got);
}

static bool compare_trace(const struct interp *it, const char *path) {
    char *trace = trace_path(path);
    struct text expected = { 0 };
    bool same = false;
    if (!read_file(trace, &expected)) {
        printf("%s: %s\n", trace, strerror(errno));
    } else {
        same = expected.n == it->trace.n && memcmp(expected.s, it->trace.s, expected.n) == 0;
        if (!same) print_difference(path, expected.s, it->trace.s ? it->trace.s : "");
    }
    text_fini(&expected);
    free(trace);
    return same;
}

static void count_waits(struct totals *totals, const struct interp *it) {
    for (const struct waiting *w = it->waits; w; w = w->next) {
        struct tally **t = &totals->tallies;
        while (*t && strcmp((*t)->form, w->form) != 0) t = &(*t)->next;
        if (!*t) {
            *t = xmalloc(sizeof **t);
            **t = (struct tally){ .form = w->form };
        }
        (*t)->count++;
    }
}

static void check_file(struct totals *totals, const char *path) {
    struct interp it;
    enum run_result result = run_file(&it, path);
    if (result == RUN_WAITS) {
        totals->skipped++;
        count_waits(totals, &it);
    } else if (result == RUN_DONE && compare_trace(&it, path)) {
        totals->passed++;
    } else {
        totals->failed++;
    }
    interp_fini(&it);
}

static int check_traces(const struct paths *paths) {
    struct totals totals = { 0 };
    for (size_t i = 0; i < paths->n; i++) check_file(&totals, paths->items[i]);
    while (totals.tallies) {
        struct tally *t = totals.tallies;
        printf("waiting for %s: %u\n", t->form, t->count);
        totals.tallies = t->next;
        free(t);
    }
    printf("%u passed, %u failed, %u skipped\n", totals.passed, totals.failed, totals.skipped);
    return totals.failed > 0 || paths->n == 0;
}

int main(int argc, char **argv) {
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    if (argc > 1 && strcmp(argv[1], "--forms") == 0) {
        forms_print();
        return 0;
    }
    if (argc < 2 + check || (!check && argv[1][0] == '-')) {
        fputs("usage: replay FILE... | --check PATH... | --forms\n", stderr);
        return 2;
    }
    struct paths paths = { 0 };
    for (int i = 1 + check; i < argc; i++) expand(&paths, argv[i]);
    int status = check ? check_traces(&paths) : print_traces(&paths);
    paths_fini(&paths);
    return status;
}
