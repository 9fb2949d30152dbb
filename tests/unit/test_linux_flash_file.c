// SPDX-License-Identifier: MIT
// Flash in files, and the worker under it: provisioning, lock, torn writes, syncs that fail. Real files, in a directory
// under the current one; polls are bounded, nothing sleeps.
#include "hf_flash_file.h"
#include "hf_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES     16384u
#define POLLS_MAX 100000000u

typedef struct place {
    char directory[32];
    char file[2][48];
} place_t;

static bool place_open(place_t *place)
{
    *place = (place_t){.directory = "hf-flash-XXXXXX"};
    if (mkdtemp(place->directory) == NULL) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        (void)snprintf(place->file[i], sizeof place->file[i], "%s/segment-%d", place->directory, i);
    }
    return true;
}

static void place_close(const place_t *place)
{
    (void)unlink(place->file[0]);
    (void)unlink(place->file[1]);
    CHECK_EQ(rmdir(place->directory), 0); // nothing else was left in it
}

static int program(hf_flash_file_t *flash, uint32_t segment, uint32_t offset, const char *text)
{
    const hf_flash_t *seam = hf_flash_file_seam(flash);
    return seam->ops->program(seam->ctx, segment, offset, text, (uint32_t)strlen(text));
}

static bool holds(hf_flash_file_t *flash, uint32_t segment, uint32_t offset, const char *text)
{
    const hf_flash_t *seam = hf_flash_file_seam(flash);
    char bytes[64];
    uint32_t length = (uint32_t)strlen(text);
    return seam->ops->read(seam->ctx, segment, offset, bytes, length) == HF_OK &&
           memcmp(bytes, text, length) == 0;
}

static bool is_erased(hf_flash_file_t *flash, uint32_t segment)
{
    static uint8_t bytes[BYTES];
    const hf_flash_t *seam = hf_flash_file_seam(flash);
    if (seam->ops->read(seam->ctx, segment, 0, bytes, BYTES) != HF_OK) {
        return false;
    }
    for (uint32_t i = 0; i < BYTES; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static int sync_now(hf_flash_file_t *flash)
{
    const hf_flash_t *seam = hf_flash_file_seam(flash);
    int status = seam->ops->sync_start(seam->ctx);
    for (uint32_t i = 0; status == HF_OK && i < POLLS_MAX; i++) {
        int result = seam->ops->sync_poll(seam->ctx);
        if (result != HF_E_AGAIN) {
            return result;
        }
        (void)sched_yield();
    }
    return status == HF_OK ? HF_E_TIMEOUT : status;
}

static void flash_file_first_open_makes_whole_erased_segments(void)
{
    static hf_flash_file_t flash;
    struct stat info;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(is_erased(&flash, i));
        CHECK_EQ(stat(place.file[i], &info), 0);
        CHECK_EQ(info.st_size, BYTES);
        CHECK(info.st_blocks * 512 >= (off_t)BYTES); // allocated, not sparse
        CHECK_EQ(info.st_mode & 0777, 0600);
    }
    const hf_flash_t *seam = hf_flash_file_seam(&flash);
    CHECK_EQ(seam->segment_bytes, BYTES);
    CHECK_EQ(seam->segment_count, 2);
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_missing_directory_is_made(void)
{
    static hf_flash_file_t flash;
    place_t place;
    REQUIRE(place_open(&place));
    CHECK_EQ(rmdir(place.directory), 0);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_content_outlives_the_process(void)
{
    static hf_flash_file_t flash;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK_EQ(program(&flash, 1, 100, "record"), HF_OK);
    CHECK_EQ(sync_now(&flash), HF_OK);
    hf_flash_file_close(&flash);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK(holds(&flash, 1, 100, "record"));
    CHECK(is_erased(&flash, 0));
    const hf_flash_t *seam = hf_flash_file_seam(&flash);
    CHECK_EQ(seam->ops->erase(seam->ctx, 1), HF_OK);
    CHECK(is_erased(&flash, 1));
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_second_owner_is_refused_until_the_first_ends(void)
{
    static hf_flash_file_t first, second;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&first, place.directory, BYTES, 2) == HF_OK);
    CHECK_EQ(hf_flash_file_open(&second, place.directory, BYTES, 2), HF_E_STATE);
    CHECK_EQ(program(&first, 0, 0, "still mine"), HF_OK);
    hf_flash_file_close(&first);
    REQUIRE(hf_flash_file_open(&second, place.directory, BYTES, 2) == HF_OK);
    hf_flash_file_close(&second);
    place_close(&place);
}

// The limit of a file's size stands for what cuts a write in the middle.
static void flash_file_torn_write_is_an_error_and_stays_readable(void)
{
    static hf_flash_file_t flash;
    struct rlimit before, small;
    place_t place;
    REQUIRE(place_open(&place) && getrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK_EQ(program(&flash, 0, 0, "before"), HF_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = before;
    small.rlim_cur = 6 + 4;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    CHECK_EQ(program(&flash, 0, 6, "torn record"), HF_E_IO);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK(holds(&flash, 0, 0, "beforetorn\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
    hf_flash_file_close(&flash);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK(holds(&flash, 0, 0, "beforetorn\xFF"));
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_cut_while_provisioning_starts_over(void)
{
    static hf_flash_file_t flash;
    char half[64];
    place_t place;
    REQUIRE(place_open(&place));
    (void)snprintf(half, sizeof half, "%s.new", place.file[0]);
    int fd = open(half, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, "half", 4) == 4 && close(fd) == 0);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK(is_erased(&flash, 0));
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_of_another_size_is_refused_untouched(void)
{
    static hf_flash_file_t flash;
    struct stat info;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK_EQ(program(&flash, 0, 0, "billing"), HF_OK);
    hf_flash_file_close(&flash);
    CHECK_EQ(hf_flash_file_open(&flash, place.directory, BYTES * 2u, 2), HF_E_RANGE);
    CHECK_EQ(stat(place.file[0], &info), 0);
    CHECK_EQ(info.st_size, BYTES);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK); // lock was let go
    CHECK(holds(&flash, 0, 0, "billing"));
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_sync_that_failed_stays_failed(void)
{
    static hf_flash_file_t flash;
    int ends[2];
    place_t place;
    REQUIRE(place_open(&place) && pipe(ends) == 0);
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    CHECK_EQ(program(&flash, 0, 0, "good"), HF_OK);
    CHECK_EQ(sync_now(&flash), HF_OK);
    CHECK_EQ(program(&flash, 0, 4, "lost"), HF_OK);
    int good = dup(flash.segment[0]);
    REQUIRE(good >= 0 && dup2(ends[0], flash.segment[0]) >= 0); // a pipe cannot be synced
    CHECK_EQ(sync_now(&flash), HF_E_IO);
    REQUIRE(dup2(good, flash.segment[0]) >= 0); // the disk is well again: nobody believes it
    const hf_flash_t *seam = hf_flash_file_seam(&flash);
    CHECK_EQ(seam->ops->sync_poll(seam->ctx), HF_E_IO);
    CHECK_EQ(program(&flash, 1, 0, "later"), HF_OK);
    CHECK_EQ(seam->ops->sync_start(seam->ctx), HF_E_IO);
    (void)close(good);
    (void)close(ends[0]);
    (void)close(ends[1]);
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_sync_with_nothing_written_is_done(void)
{
    static hf_flash_file_t flash;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    const hf_flash_t *seam = hf_flash_file_seam(&flash);
    CHECK_EQ(seam->ops->sync_poll(seam->ctx), HF_OK);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(sync_now(&flash), HF_OK);
    }
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_outside_its_segments_is_an_error(void)
{
    static hf_flash_file_t flash;
    uint8_t byte = 0;
    place_t place;
    REQUIRE(place_open(&place));
    REQUIRE(hf_flash_file_open(&flash, place.directory, BYTES, 2) == HF_OK);
    const hf_flash_t *seam = hf_flash_file_seam(&flash);
    CHECK_EQ(seam->ops->read(seam->ctx, 2, 0, &byte, 1), HF_E_IO);
    CHECK_EQ(seam->ops->read(seam->ctx, 0, BYTES, &byte, 1), HF_E_IO);
    CHECK_EQ(seam->ops->read(seam->ctx, 0, UINT32_MAX, &byte, 2), HF_E_IO);
    CHECK_EQ(seam->ops->program(seam->ctx, 0, BYTES - 1u, "ab", 2), HF_E_IO);
    CHECK_EQ(seam->ops->erase(seam->ctx, 2), HF_E_IO);
    CHECK(is_erased(&flash, 0));
    hf_flash_file_close(&flash);
    place_close(&place);
}

static void flash_file_wrong_arguments_are_refused(void)
{
    static hf_flash_file_t flash;
    CHECK_EQ(hf_flash_file_open(&flash, "x", BYTES, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_flash_file_open(&flash, "x", 0, 2), HF_E_ARGUMENT);
    CHECK_EQ(hf_flash_file_open(&flash, "x", BYTES, HF_FLASH_FILE_SEGMENTS_MAX + 1u),
             HF_E_ARGUMENT);
    CHECK_EQ(hf_flash_file_open(&flash, "hf-no-such-directory/x", BYTES, 2), HF_E_IO);
}

typedef struct gate {
    _Atomic int is_open, runs;
} gate_t;

static int wait_for_gate(void *ctx)
{
    gate_t *gate = ctx;
    gate->runs++;
    while (gate->is_open == 0) {
        (void)sched_yield();
    }
    return HF_E_TIMEOUT; // any result: it comes back as it is
}

static void worker_busy_refuses_another_job_and_keeps_the_result(void)
{
    static hf_worker_t worker;
    static gate_t gate;
    int result = HF_E_AGAIN;
    REQUIRE(hf_worker_init(&worker, NULL) == HF_OK);
    CHECK_EQ(hf_worker_poll(&worker), HF_OK);
    CHECK_EQ(hf_worker_start(&worker, wait_for_gate, &gate), HF_OK);
    CHECK_EQ(hf_worker_start(&worker, wait_for_gate, &gate), HF_E_AGAIN);
    CHECK_EQ(hf_worker_poll(&worker), HF_E_AGAIN);
    gate.is_open = 1;
    for (uint32_t i = 0; i < POLLS_MAX && result == HF_E_AGAIN; i++) {
        (void)sched_yield();
        result = hf_worker_poll(&worker);
    }
    CHECK_EQ(result, HF_E_TIMEOUT);
    CHECK_EQ(gate.runs, 1);
    CHECK_EQ(hf_worker_start(&worker, wait_for_gate, &gate), HF_OK);
    hf_worker_deinit(&worker); // waits for the job that was accepted
    CHECK_EQ(gate.runs, 2);
}

HF_TEST_MAIN(HF_TEST(flash_file_first_open_makes_whole_erased_segments),
             HF_TEST(flash_file_missing_directory_is_made),
             HF_TEST(flash_file_content_outlives_the_process),
             HF_TEST(flash_file_second_owner_is_refused_until_the_first_ends),
             HF_TEST(flash_file_torn_write_is_an_error_and_stays_readable),
             HF_TEST(flash_file_cut_while_provisioning_starts_over),
             HF_TEST(flash_file_of_another_size_is_refused_untouched),
             HF_TEST(flash_file_sync_that_failed_stays_failed),
             HF_TEST(flash_file_sync_with_nothing_written_is_done),
             HF_TEST(flash_file_outside_its_segments_is_an_error),
             HF_TEST(flash_file_wrong_arguments_are_refused),
             HF_TEST(worker_busy_refuses_another_job_and_keeps_the_result))
