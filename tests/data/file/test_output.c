/* Output: the wanted name holds the old or all of the new, and nothing named .tmp- stays behind, whatever fails. */
#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"

static char root[64];
static bool no_exchange;

/* Stands before libc's: a file system that cannot exchange two names, when wanted. */
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (!no_exchange) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    errno = EINVAL;
    return -1;
}

/* One of a few paths in the test's folder. */
static const char *at(const char *name)
{
    static char path[8][256];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", root, name);
    return path[next];
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(root);
}

/* Whatever a test did, no temporary name is left. */
static int remove_root(void **state)
{
    (void)state;
    char *command = memory_format("! find %s -name '.tmp-*' | grep .", root);
    int left = system(command);
    free(command);
    return left || output_remove(root) != STATUS_OK;
}

static void assert_holds(const char *path, const char *text)
{
    Mapped file = {0};
    assert_ok(mapped_open(&file, path));
    assert_int_equal(file.n_bytes, strlen(text));
    assert_memory_equal(file.bytes, text, file.n_bytes);
    mapped_close(&file);
}

static void saves_and_replaces_files(void **state)
{
    (void)state;
    assert_ok(output_save(at("f"), "old", 3));
    assert_ok(output_save(at("f"), "newer", 5));
    assert_holds(at("f"), "newer");
    assert_ok(output_copy(at("f"), at("g")));
    assert_holds(at("g"), "newer");
    assert_int_equal(symlink(at("f"), at("link")), 0);
    assert_ok(output_save(at("link"), "through", 7));
    assert_holds(at("f"), "through");
    assert_int_equal(output_copy(at("absent"), at("g")), STATUS_INPUT);
    assert_holds(at("g"), "newer");
}

static void assert_refuses(Status status, const char *path, const char *why)
{
    char *message = memory_format("%s: %s", path, why);
    assert_int_equal(status, STATUS_WRITE);
    assert_string_equal(status_message(), message);
    free(message);
}

static void failing_files_leave_the_old(void **state)
{
    (void)state;
    OutputFile out = {0};
    assert_ok(output_save(at("f"), "old", 3));
    assert_ok(output_file_open(&out, at("f")));
    int full = open("/dev/full", O_WRONLY);
    dup2(full, out.fd);
    close(full);
    assert_refuses(output_file_write(&out, "x", 1), at("f"), "No space left on device");
    output_file_discard(&out);
    output_file_discard(&out);
    assert_holds(at("f"), "old");

    struct rlimit old, small = { 1000, RLIM_INFINITY };
    char big[4000] = {0};
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    Status status = output_save(at("f"), big, sizeof big);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_refuses(status, at("f"), "File too large");
    assert_holds(at("f"), "old");

    assert_refuses(output_save(at("none/f"), "x", 1), at("none/f"), "No such file or directory");
    assert_ok(output_make_folder(at("d")));
    assert_refuses(output_save(at("d"), "x", 1), at("d"), "Is a directory");
}

static void fill(OutputFolder *out, const char *name, const char *text)
{
    char *path = memory_format("%s/%s", out->temporary, name);
    assert_ok(output_save(path, text, strlen(text)));
    free(path);
}

static void saves_and_replaces_folders(void **state)
{
    (void)state;
    OutputFolder out = {0};
    assert_ok(output_make_folder(at(".tmp-d/left/behind")));       /* by a run that was killed */
    assert_ok(output_folder_open(&out, at("d/")));
    fill(&out, "a", "1");
    assert_int_equal(access(at("d"), F_OK), -1);
    assert_ok(output_folder_commit(&out));
    assert_holds(at("d/a"), "1");
    assert_int_equal(access(at("d/left"), F_OK), -1);

    assert_ok(output_folder_open(&out, at("d")));
    fill(&out, "b", "2");
    output_folder_discard(&out);
    assert_holds(at("d/a"), "1");

    assert_ok(output_folder_open(&out, at("d")));
    fill(&out, "b", "2");
    assert_ok(output_folder_commit(&out));
    assert_holds(at("d/b"), "2");
    assert_int_equal(access(at("d/a"), F_OK), -1);

    assert_int_equal(symlink(at("d"), at("link")), 0);
    assert_ok(output_folder_open(&out, at("link")));
    fill(&out, "c", "3");
    assert_ok(output_folder_commit(&out));
    assert_holds(at("d/c"), "3");
}

static void replaces_folders_without_exchange(void **state)
{
    no_exchange = true;
    saves_and_replaces_folders(state);
    no_exchange = false;
}

static void failing_folders_leave_the_old(void **state)
{
    (void)state;
    OutputFolder out = {0};
    assert_ok(output_save(at("f"), "old", 3));
    assert_refuses(output_folder_open(&out, at("f")), at("f"), "is a file, expected a folder");
    assert_refuses(output_folder_open(&out, at("none/d")), at("none/d"), "No such file or directory");
    assert_ok(output_folder_open(&out, at("d")));
    fill(&out, "a", "1");
    assert_ok(output_copy(at("f"), at("g")));
    assert_int_equal(rename(at("g"), at("d")), 0);
    assert_refuses(output_folder_commit(&out), at("d"), "Not a directory");
    assert_holds(at("d"), "old");
}

static void makes_and_removes_trees(void **state)
{
    (void)state;
    assert_ok(output_make_folder(at("a/b//c/")));
    assert_ok(output_make_folder(at("a/b/c")));
    assert_ok(output_save(at("a/b/c/f"), "x", 1));
    assert_ok(output_save(at("keep"), "x", 1));
    assert_int_equal(symlink(at("keep"), at("a/b/link")), 0);
    assert_ok(output_remove(at("a")));
    assert_int_equal(access(at("a"), F_OK), -1);
    assert_holds(at("keep"), "x");
    assert_ok(output_remove(at("a")));
    assert_refuses(output_make_folder(at("keep")), at("keep"), "is a file, expected a folder");
    assert_refuses(output_make_folder(at("keep/d")), at("keep/d"), "Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saves_and_replaces_files, make_root, remove_root),
        cmocka_unit_test_setup_teardown(failing_files_leave_the_old, make_root, remove_root),
        cmocka_unit_test_setup_teardown(saves_and_replaces_folders, make_root, remove_root),
        cmocka_unit_test_setup_teardown(replaces_folders_without_exchange, make_root, remove_root),
        cmocka_unit_test_setup_teardown(failing_folders_leave_the_old, make_root, remove_root),
        cmocka_unit_test_setup_teardown(makes_and_removes_trees, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
