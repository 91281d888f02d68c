/* SPDX-License-Identifier: MIT
 *
 * Where a program is looked for: along the PATH that it will have. What is expected is what
 * Python's subprocess does.
 */
#include <sys/stat.h>

#include "../io.h"

static char folder[32];

static void write_file(const char *name, const char *text, mode_t mode) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
    CHECK_INT(chmod(path, mode), 0);
}

static void make_folder(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK_INT(mkdir(path, 0755), 0);
}

static void make_programs(void) {
    snprintf(folder, sizeof folder, "/tmp/asyncio-path-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    make_folder("a");
    make_folder("b");
    make_folder("a/folder");
    write_file("a/program", "#!/bin/sh\necho a\n", 0644);
    write_file("b/program", "#!/bin/sh\necho b\n", 0755);
    write_file("a/forbidden", "#!/bin/sh\n", 0644);
    write_file("b/bare", "echo no line says what runs it\n", 0755);
    write_file("b/lost", "#!/no/where\n", 0755);
}

static void remove_programs(void) {
    char command[64];
    snprintf(command, sizeof command, "/bin/rm -r %s", folder);
    CHECK_INT(system(command), 0);
}

/* What a program says that is started by posix_spawn, or (a umask) by fork: its first character. */
static int says(const char *name, const char *path, const char *cwd, bool forks) {
    asyncio_process *p = NULL;
    asyncio_bytes out = { "", 0 };
    const char *env[] = { "A=b", path, NULL };
    int rc = ASYNCIO_AWAIT(asyncio_create_subprocess_exec(
        &p, (const char *[]){ name, NULL }, .env = env, .cwd = cwd, .stdout_fd = ASYNCIO_PIPE,
        .set_umask = forks, .umask = 022));
    if (rc < 0) return rc;
    rc = ASYNCIO_AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL));
    if (rc >= 0) rc = out.size ? out.data[0] : 0;
    asyncio_process_unref(p);
    return rc;
}

#define FAILS(rc, code, text) CHECK_ERROR((rc), (code), (text))

ASYNC(looks, (bool) forks) {
    char ab[80], a[40], b[40], relative[40] = "PATH=b", empty[40] = "PATH=";
    snprintf(ab, sizeof ab, "PATH=%s/a:%s/b", folder, folder);
    snprintf(a, sizeof a, "PATH=%s/a", folder);
    snprintf(b, sizeof b, "PATH=%s/b", folder);
    setenv("PATH", b + 5, 1); /* our own, which does not count */
    CHECK_INT(says("program", ab, NULL, forks), 'b');
    CHECK_INT(says("program", b, "/", forks), 'b');
    CHECK_INT(says("program", relative, folder, forks), 'b');
    CHECK_INT(says("program", empty, b + 5, forks), 'b');
    CHECK_INT(says("true", NULL, NULL, forks), 0); /* along /bin:/usr/bin */
    CHECK_INT(says("./b/program", a, folder, forks), 'b');
    FAILS(says("program", NULL, NULL, forks), -ENOENT, "program: No such file or directory");
    FAILS(says("true", b, NULL, forks), -ENOENT, "true: No such file or directory");
    FAILS(says("program", "PATH=/nowhere", b + 5, forks), -ENOENT,
          "program: No such file or directory");
    FAILS(says("forbidden", ab, NULL, forks), -EACCES, "forbidden: Permission denied");
    FAILS(says("folder", ab, NULL, forks), -EACCES, "folder: Permission denied");
    FAILS(says("", b, NULL, forks), -EACCES, ": Permission denied");
    FAILS(says("true", "PATH=/etc/passwd", NULL, forks), -ENOTDIR, "true: Not a directory");
    FAILS(says("bare", b, NULL, forks), -ENOEXEC, "bare: Exec format error");
    FAILS(says("lost", b, NULL, forks), -ENOENT, "lost: No such file or directory");
    RETURN();
}

static void look(bool forks) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    if (test_under_emulation()) SKIP("vfork returns before exec there");
    make_programs();
    CHECK_INT(asyncio_run(looks(forks), NULL), 0);
    remove_programs();
}

TEST(a_program_is_found_along_the_path_that_it_will_have) { look(false); }
TEST(a_program_that_takes_a_fork_is_found_in_the_same_places) { look(true); }
