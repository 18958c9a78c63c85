/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/lock_file.h"
#include "core/memory.h"

static const weir_files *const files = &weir_files_real;
static char folder[] = "/tmp/weir-file-XXXXXX";
static char *path;

static void make(void)
{
    cr_assert_not_null(mkdtemp(folder));
    path = weir_format("%s/a", folder);
}

static void clear(void)
{
    files->unlink(files, path);
    cr_assert_eq(files->rmdir(files, folder), 0);
    free(path);
}

TestSuite(file, .init = make, .fini = clear);

static void write_text(int fd, const char *text, uint64_t offset)
{
    struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)}, {.iov_len = 0}};
    cr_assert_eq(weir_file_write_at(files, fd, parts, 2, offset), WEIR_OK);
}

static void assert_holds(const char *expected)
{
    WEIR_BUFFER bytes = {0};
    cr_assert_eq(weir_file_read_all(files, path, 1000, &bytes), WEIR_OK);
    cr_assert_str_eq(weir_buffer_string(&bytes), expected);
}

Test(file, is_written_and_read_at_an_offset)
{
    int fd = files->open(files, path, O_RDWR | O_CREAT, 0600);
    write_text(fd, "0123456789", 0);
    write_text(fd, "ab", 4);
    char middle[4];
    cr_assert_eq(weir_file_read_at(files, fd, middle, 4, 3), WEIR_OK);
    cr_assert_arr_eq(middle, "3ab6", 4);
    cr_assert_eq(weir_file_read_at(files, fd, middle, 4, 8), WEIR_IO);
    cr_assert_eq(errno, EIO, "it ends too early");
    cr_assert_eq(files->fdatasync(files, fd), 0);
    cr_assert_eq(files->ftruncate(files, fd, 6), 0);
    struct stat about;
    cr_assert_eq(files->fstat(files, fd, &about), 0);
    cr_assert_eq(about.st_size, 6);
    files->close(files, fd);
    assert_holds("0123ab");
}

Test(file, opened_for_appending_grows_whatever_the_offset)
{
    int fd = files->open(files, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    write_text(fd, "one", 0);
    write_text(fd, "two", 0);
    files->close(files, fd);
    assert_holds("onetwo");
}

Test(file, is_locked_once)
{
    int first = files->open(files, path, O_RDWR | O_CREAT, 0600);
    int second = files->open(files, path, O_RDWR, 0);
    cr_assert_eq(files->lock(files, first), 0);
    cr_assert_eq(files->lock(files, second), -1);
    cr_assert_eq(errno, EWOULDBLOCK);
    files->close(files, first);
    cr_assert_eq(files->lock(files, second), 0);
    files->close(files, second);
}

Test(file, a_lock_names_its_holder)
{
    char holder[WEIR_LOCK_HOLDER_SIZE];
    WEIR_FREE char *own = weir_format("%ld", (long)getpid());
    int first, second = -1;
    cr_assert_eq(weir_lock_file_take(files, path, &first, holder), WEIR_OK);
    cr_assert_eq(weir_lock_file_take(files, path, &second, holder), WEIR_AGAIN);
    cr_assert_str_empty(holder, "nobody has signed yet");
    cr_assert(weir_lock_file_sign(files, first));
    cr_assert_eq(weir_lock_file_take(files, path, &second, holder), WEIR_AGAIN);
    cr_assert_str_eq(holder, own);
    cr_assert_eq(second, -1);
    files->close(files, first);
    cr_assert_eq(weir_lock_file_take(files, path, &second, holder), WEIR_OK, "what is written there locks nothing");
    files->close(files, second);
    cr_assert_eq(weir_lock_file_take(files, "/nowhere/lock", &first, holder), WEIR_IO);
    cr_assert_eq(errno, ENOENT);
}

static void count_name(void *user, const char *name)
{
    *(unsigned *)user += strcmp(name, "a") == 0 ? 1 : 100;
}

Test(file, folders_list_what_is_in_them)
{
    unsigned names = 0;
    cr_assert_eq(files->list(files, folder, count_name, &names), 0);
    cr_assert_eq(names, 0);
    files->close(files, files->open(files, path, O_RDWR | O_CREAT, 0600));
    cr_assert_eq(files->list(files, folder, count_name, &names), 0);
    cr_assert_eq(names, 1);
    cr_assert_eq(files->sync_folder(files, folder), 0);
    cr_assert_eq(files->list(files, path, count_name, &names), -1);
    cr_assert_eq(errno, ENOTDIR);
    cr_assert_eq(files->sync_folder(files, path), -1);
    cr_assert_eq(errno, ENOTDIR);
}

Test(file, is_renamed)
{
    WEIR_FREE char *other = weir_format("%s/b", folder);
    files->close(files, files->open(files, other, O_RDWR | O_CREAT, 0600));
    cr_assert_eq(files->rename(files, other, path), 0);
    assert_holds("");
    cr_assert_eq(files->unlink(files, other), -1);
    cr_assert_eq(errno, ENOENT);
}

Test(file, folder_is_made_and_removed)
{
    WEIR_FREE char *inner = weir_format("%s/inner", folder);
    cr_assert_eq(files->mkdir(files, inner, 0700), 0);
    cr_assert_eq(files->mkdir(files, inner, 0700), -1);
    cr_assert_eq(errno, EEXIST);
    cr_assert_eq(files->rmdir(files, inner), 0);
}
