// SPDX-License-Identifier: MIT
// Each function of the family against what C, POSIX and glibc say of it: alignment, zero, overflow, usable size, what
// realloc keeps, errno; and that the books agree with the regions after each case.
#include "guard.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#define SIZES 200u

// The compiler must not know what these do.
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_reallocarray)(void *, size_t, size_t) = reallocarray;
static void *(*volatile do_memalign)(size_t, size_t) = memalign;
static void *(*volatile do_aligned_alloc)(size_t, size_t) = aligned_alloc;
static int (*volatile do_posix_memalign)(void **, size_t, size_t) = posix_memalign;
static void *(*volatile do_valloc)(size_t) = valloc;
static void *(*volatile do_pvalloc)(size_t) = pvalloc;
static void (*volatile do_free)(void *) = free;

static bool is_aligned(const void *block, size_t align)
{
    return (uintptr_t)block % align == 0;
}

static bool is_filled(const uint8_t *block, uint8_t value, size_t bytes)
{
    size_t i = 0;
    while (i < bytes && block[i] == value) {
        i++;
    }
    return i == bytes;
}

static size_t used_of_all(void)
{
    return guard_used("internal") + guard_used("psram") + guard_used("dma");
}

static void family_malloc_is_aligned_and_holds_what_was_asked(void)
{
    const size_t before = used_of_all();
    uint8_t *block[SIZES];
    for (size_t i = 0; i < SIZES; i++) {
        block[i] = do_malloc(i * 7);
        REQUIRE(block[i] != NULL);
        CHECK(is_aligned(block[i], 16));
        CHECK(malloc_usable_size(block[i]) >= i * 7);
        memset(block[i], (int)i, malloc_usable_size(block[i]));
    }
    for (size_t i = 0; i < SIZES; i++) {
        CHECK(is_filled(block[i], (uint8_t)i, malloc_usable_size(block[i])));
        do_free(block[i]);
    }
    CHECK_EQ(used_of_all(), before);
}

static void family_of_zero_bytes_gives_blocks_of_their_own(void)
{
    void *a = do_malloc(0), *b = do_malloc(0), *c = do_calloc(0, 5);
    CHECK(a != NULL && b != NULL && c != NULL && a != b && b != c);
    do_free(a);
    do_free(b);
    do_free(c);
    CHECK_EQ(malloc_usable_size(NULL), 0);
    do_free(NULL);
}

static void family_calloc_zeroes_what_was_used_before(void)
{
    for (size_t bytes = 1; bytes < 4000; bytes += 37) {
        uint8_t *dirty = do_malloc(bytes);
        REQUIRE(dirty != NULL);
        memset(dirty, 0xA5, bytes);
        do_free(dirty);
        uint8_t *clean = do_calloc(bytes, 1);
        REQUIRE(clean != NULL);
        CHECK(is_filled(clean, 0, bytes));
        do_free(clean);
    }
}

static void family_overflow_is_enomem_and_nothing_is_taken(void)
{
    const size_t before = used_of_all(), half = SIZE_MAX / 2 + 1;
    errno = 0;
    CHECK(do_calloc(half, 2) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(do_calloc(SIZE_MAX, SIZE_MAX) == NULL && errno == ENOMEM);
    char *block = do_malloc(10);
    REQUIRE(block != NULL);
    memcpy(block, "held", 5);
    errno = 0;
    CHECK(do_reallocarray(block, half, 2) == NULL && errno == ENOMEM);
    CHECK_STR(block, "held");
    errno = 0;
    CHECK(do_malloc((size_t)PTRDIFF_MAX + 1) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(do_realloc(block, SIZE_MAX) == NULL && errno == ENOMEM);
    CHECK_STR(block, "held");
    errno = 0;
    CHECK(do_pvalloc(SIZE_MAX - 10) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(do_memalign(64, SIZE_MAX - 10) == NULL && errno == ENOMEM);
    do_free(block);
    CHECK_EQ(used_of_all(), before);
}

static void family_realloc_keeps_what_was_there(void)
{
    const size_t before = used_of_all();
    uint8_t *block = do_realloc(NULL, 1);
    REQUIRE(block != NULL);
    block[0] = 0;
    size_t filled = 1;
    for (size_t bytes = 2; bytes < 60000; bytes += bytes / 2) {
        uint8_t *wall = do_malloc(24); // now and then nothing can grow where it is
        block = do_realloc(block, bytes);
        REQUIRE(block != NULL && wall != NULL);
        for (size_t i = 0; i < filled; i++) {
            REQUIRE(block[i] == (uint8_t)(i * 31));
        }
        for (; filled < bytes; filled++) {
            block[filled] = (uint8_t)(filled * 31);
        }
        do_free(wall);
    }
    for (size_t bytes = filled; bytes > 1; bytes = bytes * 2 / 3) {
        block = do_realloc(block, bytes);
        REQUIRE(block != NULL);
        for (size_t i = 0; i < bytes; i++) {
            REQUIRE(block[i] == (uint8_t)(i * 31));
        }
    }
    do_free(block);
    CHECK_EQ(used_of_all(), before);
}

static void family_realloc_grows_in_place_where_there_is_room(void)
{
    uint8_t *block = do_malloc(100);
    REQUIRE(block != NULL);
    uint8_t *grown = do_realloc(block, 4000); // nothing behind it but free memory
    CHECK(grown == block || grown != NULL);
    uint8_t *again = do_realloc(grown, 5000);
    CHECK(again == grown);
    uint8_t *less = do_realloc(again, 50);
    CHECK(less == again);
    CHECK(malloc_usable_size(less) < 100);
    do_free(less);
}

static void family_realloc_to_zero_frees(void)
{
    const size_t before = used_of_all();
    void *block = do_malloc(100);
    REQUIRE(block != NULL);
    CHECK(do_realloc(block, 0) == NULL);
    CHECK_EQ(used_of_all(), before);
    void *array = do_reallocarray(NULL, 3, 7);
    CHECK(array != NULL && malloc_usable_size(array) >= 21);
    do_free(array);
}

static void family_alignments_are_kept(void)
{
    const size_t before = used_of_all();
    for (size_t align = sizeof(void *); align <= 65536; align *= 2) {
        for (size_t bytes = 0; bytes < 300; bytes += 99) {
            void *a = NULL, *b = do_aligned_alloc(align, bytes), *c = do_memalign(align, bytes);
            CHECK_EQ(do_posix_memalign(&a, align, bytes), 0);
            CHECK(a != NULL && b != NULL && c != NULL);
            CHECK(is_aligned(a, align) && is_aligned(b, align) && is_aligned(c, align));
            CHECK(malloc_usable_size(a) >= bytes && malloc_usable_size(b) >= bytes);
            do_free(b);
            do_free(a);
            do_free(c);
        }
    }
    CHECK_EQ(used_of_all(), before);
}

static void family_wrong_alignments_are_told(void)
{
    void *block = &block;
    errno = 4711;
    CHECK_EQ(do_posix_memalign(&block, 24, 10), EINVAL);
    CHECK_EQ(do_posix_memalign(&block, 4, 10), EINVAL); // no multiple of a pointer's size
    CHECK_EQ(do_posix_memalign(&block, 0, 10), EINVAL);
    CHECK_EQ(do_posix_memalign(&block, 64, 1u << 30), ENOMEM);
    CHECK_EQ(do_posix_memalign(&block, (size_t)1 << 20, 10),
             ENOMEM);       // above what a region aligns to
    CHECK(block == &block); // left as it was
    CHECK_EQ(errno, 4711);
    errno = 0;
    CHECK(do_aligned_alloc(24, 48) == NULL && errno == EINVAL);
    errno = 0;
    CHECK(do_aligned_alloc(0, 48) == NULL && errno == EINVAL);
    void *rounded = do_memalign(24, 48); // as glibc: up to the next power of two
    CHECK(rounded != NULL && is_aligned(rounded, 32));
    do_free(rounded);
    errno = 0;
    CHECK(do_memalign(SIZE_MAX, 1) == NULL && errno == EINVAL);
}

static void family_pages_are_pages(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *a = do_valloc(10), *b = do_pvalloc(10), *c = do_pvalloc(0);
    CHECK(a != NULL && is_aligned(a, page));
    CHECK(b != NULL && is_aligned(b, page) && malloc_usable_size(b) >= page);
    CHECK(c != NULL && malloc_usable_size(c) >= page);
    do_free(a);
    do_free(b);
    do_free(c);
}

static void family_free_and_success_leave_errno(void)
{
    errno = 4711;
    void *block = do_malloc(100);
    block = do_realloc(block, 200);
    do_free(block);
    CHECK_EQ(errno, 4711);
}

static void family_wrong_gives_are_told_and_harm_nothing(void)
{
    const holdfast_malloc_failures_t before = guard_failures();
    char on_stack[64];
    char *block = do_malloc(100), *other = do_malloc(100);
    REQUIRE(block != NULL && other != NULL);
    memset(other, 0x5A, 100);
    errno = 4711;
    do_free(block);
    do_free(block);
    do_free(other + 16);
    do_free(on_stack + 16);
    CHECK_EQ(errno, 4711);
    CHECK(do_realloc(block, 300) == NULL); // is free
    CHECK(is_filled((uint8_t *)other, 0x5A, 100));
    do_free(other);
    const holdfast_malloc_failures_t after = guard_failures();
    CHECK_EQ(after.double_gives - before.double_gives, 2);
    CHECK_EQ(after.foreign - before.foreign, 2);
    CHECK_EQ(after.corrupt, before.corrupt);
}

static void family_an_overrun_is_told_at_the_give(void)
{
    const holdfast_malloc_failures_t before = guard_failures();
    uint8_t *block = do_malloc(100), *behind = do_malloc(100);
    REQUIRE(block != NULL && behind != NULL);
    uint8_t *edge = block + malloc_usable_size(block); // the header of what follows
    uint8_t kept[8];
    memcpy(kept, edge, sizeof kept);
    memset(edge, 0xEE, sizeof kept);
    do_free(block);
    CHECK_EQ(guard_failures().corrupt - before.corrupt, 1);
    memcpy(edge, kept, sizeof kept);
    do_free(behind);
    do_free(block); // sound again
    CHECK_EQ(guard_failures().corrupt - before.corrupt, 1);
}

GUARD_TEST_MAIN(HF_TEST(family_malloc_is_aligned_and_holds_what_was_asked),
                HF_TEST(family_of_zero_bytes_gives_blocks_of_their_own),
                HF_TEST(family_calloc_zeroes_what_was_used_before),
                HF_TEST(family_overflow_is_enomem_and_nothing_is_taken),
                HF_TEST(family_realloc_keeps_what_was_there),
                HF_TEST(family_realloc_grows_in_place_where_there_is_room),
                HF_TEST(family_realloc_to_zero_frees), HF_TEST(family_alignments_are_kept),
                HF_TEST(family_wrong_alignments_are_told), HF_TEST(family_pages_are_pages),
                HF_TEST(family_free_and_success_leave_errno),
                HF_TEST(family_wrong_gives_are_told_and_harm_nothing),
                HF_TEST(family_an_overrun_is_told_at_the_give))
