// SPDX-License-Identifier: MIT
// One pool of eight blocks: taken, used up, given back, given back wrongly.
#include "holdfast/hf_pool.h"

#include "seams.h"

typedef struct reading {
    uint32_t time_ms;
    int32_t value;
} reading_t;

static HF_POOL_STORAGE(reading_t, 8) storage;
static hf_pool_t readings;

static void give(void *block, const char *what)
{
    printf("give %-18s %s\n", what, hf_status_text(hf_pool_give(&readings, block)));
}

int main(void)
{
    const hf_pool_config_t config = {.name = "readings",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = sizeof(reading_t),
                                     .count = 8};
    if (hf_pool_init(&readings, &config) != HF_OK) {
        return EXIT_FAILURE;
    }
    reading_t *held[8];
    for (int i = 0; i < 8; i++) {
        held[i] = hf_pool_take(&readings, HF_TAG_NONE);
        *held[i] = (reading_t){.time_ms = (uint32_t)i * 10u, .value = i};
    }
    printf("a ninth: %s\n", hf_pool_take(&readings, HF_TAG_NONE) == NULL ? "none" : "a block");

    give(held[3], "a block");
    give(held[3], "it once more");
    give((char *)held[4] + 4, "a middle");
    give(&readings, "something else");

    hf_pool_stats_t stats = hf_pool_stats(&readings);
    printf("%s: %u of %u in use, refused %u, wrong gives %u\n", hf_pool_name(&readings),
           (unsigned)stats.in_use, (unsigned)stats.capacity, (unsigned)stats.exhausted,
           (unsigned)(stats.foreign + stats.interior + stats.double_gives));
    return EXIT_SUCCESS;
}
