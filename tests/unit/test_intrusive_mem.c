// SPDX-License-Identifier: MIT
// An interrupt in the middle of a give: the one window threads hardly ever meet, met every time. Between the moment a block
// is found and the moment its record is taken, somebody else gives the same block.
#include "../../src/runtime/memory/hf_mem_private.h"

static int interrupted_find(const hf_mem_t *mem, const void *block, place_t *place);
#define mem_find interrupted_find
#include "../../src/runtime/memory/hf_mem.c"
#undef mem_find

#include "support/mem_world.h"

static world_t world;
static void (*interrupt)(void *block);

static int interrupted_find(const hf_mem_t *mem, const void *block, place_t *place)
{
    const int status = mem_find(mem, block, place);
    void (*now)(void *block) = interrupt;
    interrupt = NULL;
    if (now != NULL) {
        now((void *)(uintptr_t)block);
    }
    return status;
}

static void give_it(void *block)
{
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
}

static void mem_give_interrupted_by_a_give_of_the_same_block_is_told(void)
{
    world_prepare(&world);
    world_start(&world);
    void *block = hf_mem_take_tagged(&world.mem, 20, 1),
         *kept = hf_mem_take_tagged(&world.mem, 20, 1);
    CHECK(block != NULL && kept != NULL);
    interrupt = give_it;
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_stats(&world.mem).double_gives, 1);
    CHECK_EQ(world_tag(&world, 1).bytes, 32);
    CHECK_EQ(world_tier(&world, 0).in_use, 1);
    world_check_books(&world);
    CHECK_EQ(hf_mem_give(&world.mem, kept), HF_OK);
    world_check_books(&world);
}

HF_TEST_MAIN(HF_TEST(mem_give_interrupted_by_a_give_of_the_same_block_is_told))
