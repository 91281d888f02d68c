/* SPDX-License-Identifier: MIT
 *
 * driver.c: runs a fuzz target without libFuzzer: on the files of the folders that are named, and
 * on `-runs=N` inputs made from a seed (`-seed=N`), most of them changed from those files. An input
 * that ends the program is left in ./crash.
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>

#define INPUT_MAX 2048
#define FILES_MAX 1000

static struct input {
    size_t size;
    uint8_t data[INPUT_MAX];
} files[FILES_MAX];
static size_t file_count;

static uint64_t state = 1;

static uint32_t random_below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static void load(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || file_count == FILES_MAX) {
        perror(path);
        exit(2);
    }
    struct input *in = &files[file_count++];
    in->size = fread(in->data, 1, INPUT_MAX, f);
    fclose(f);
}

static int is_file(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void load_folder(const char *folder) {
    struct dirent **entries;
    int n = scandir(folder, &entries, is_file, alphasort);
    if (n < 0) {
        perror(folder);
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        load(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void make_random(struct input *in) {
    in->size = random_below(random_below(8) ? 128 : INPUT_MAX);
    for (size_t i = 0; i < in->size; i++) {
        in->data[i] = (uint8_t)(random_below(3) ? random_below(16) : random_below(256));
    }
}

static void change(struct input *in) {
    size_t at = in->size ? random_below((uint32_t)in->size) : 0;
    size_t n = random_below(16);
    switch (random_below(5)) {
    case 0: /* a byte */
        if (in->size) in->data[at] = (uint8_t)random_below(256);
        break;
    case 1: /* a bit */
        if (in->size) in->data[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 2: /* without a part */
        if (at + n > in->size) n = in->size - at;
        memmove(in->data + at, in->data + at + n, in->size - at - n);
        in->size -= n;
        break;
    case 3: /* a part twice */
        if (at + n > in->size) n = in->size - at;
        if (in->size + n > INPUT_MAX) break;
        memmove(in->data + at + n, in->data + at, in->size - at);
        in->size += n;
        break;
    default: { /* a part of another */
        const struct input *other = &files[random_below((uint32_t)file_count)];
        if (at + other->size > INPUT_MAX) break;
        memcpy(in->data + at, other->data, other->size);
        if (at + other->size > in->size) in->size = at + other->size;
    }
    }
}

static void make(struct input *in) {
    if (file_count == 0 || random_below(8) == 0) {
        make_random(in);
        return;
    }
    *in = files[random_below((uint32_t)file_count)];
    for (uint32_t n = 1 + random_below(6); n > 0; n--) change(in);
}

static struct input current;

static void leave_crash(void) {
    FILE *f = fopen("crash", "wb");
    if (!f) return;
    fwrite(current.data, 1, current.size, f);
    fclose(f);
}

static void run(const struct input *in) {
    if (in != &current) current = *in;
    LLVMFuzzerTestOneInput(in->data, in->size);
}

static void on_abort(int signum) {
    (void)signum;
    leave_crash();
}

int main(int argc, char **argv) {
    long runs = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0) runs = strtol(argv[i] + 6, NULL, 10);
        else if (strncmp(argv[i], "-seed=", 6) == 0) state = strtoull(argv[i] + 6, NULL, 10) | 1;
        else load_folder(argv[i]);
    }
    signal(SIGABRT, on_abort);
    for (size_t i = 0; i < file_count; i++) run(&files[i]);
    for (long i = 0; i < runs; i++) {
        make(&current);
        run(&current);
    }
    printf("%zu files, %ld runs\n", file_count, runs);
    return 0;
}
