/* SPDX-License-Identifier: MIT
 *
 * io/process/search.c: where a program may lie. As Python does, and unlike execvpe, along the PATH
 * of the environment that it will have: who gives a program a PATH decides what it finds, itself
 * included.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/process/spawn.h"

#define DEFAULT_PATH "/bin:/usr/bin" /* Python's os.defpath */

static const char *path_of(const char *const *env) {
    if (!env) return getenv("PATH");
    for (; *env; env++) {
        if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
    }
    return NULL;
}

static size_t count_folders(const char *path) {
    size_t n = 1;
    while ((path = strchr(path, ':')) != NULL) path++, n++;
    return n;
}

/* An empty folder stands for the one in which the program starts. */
static char *join(char *to, const char *folder, size_t n, const char *program, size_t size) {
    memcpy(to, folder, n);
    to += n;
    if (n > 0 && to[-1] != '/') *to++ = '/';
    memcpy(to, program, size);
    return to + size;
}

const char **asyncio__search_paths(const char *program, const char *const *env) {
    const char *path = strchr(program, '/') ? "" : path_of(env);
    if (!path) path = DEFAULT_PATH;
    size_t n = count_folders(path), size = strlen(program) + 1;
    const char **paths = asyncio__malloc((n + 1) * sizeof *paths + strlen(path) + n * (size + 1));
    if (!paths) return NULL;
    char *at = (char *)(paths + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(path, ":");
        paths[i] = at;
        at = join(at, path, length, program, size);
        path += length + 1;
    }
    paths[n] = NULL;
    return paths;
}

void asyncio__search_note(int *error, int next) {
    if (*error == 0 || *error == ENOENT || *error == ENOTDIR) *error = next;
}
