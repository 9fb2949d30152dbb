// SPDX-License-Identifier: MIT
// A heap of variable sizes for what cannot be a block. Constant time, every wrong give told, damage found before it spreads.
#include "holdfast/hf_region.h"

#include "seams.h"

#include <string.h>

static HF_REGION_STORAGE(8192) storage;
static hf_region_t region;

int main(void)
{
    const hf_region_config_t config = {.name = "images",
                                       .memory = storage.memory,
                                       .bytes = sizeof storage.memory,
                                       .meta = storage.meta};
    if (hf_region_init(&region, &config) != HF_OK) {
        return EXIT_FAILURE;
    }
    char *one = hf_region_take(&region, 3000), *two = hf_region_take(&region, 200),
         *three = hf_region_take(&region, 3000);
    HF_ASSERT(one != NULL && two != NULL && three != NULL);
    HF_ASSERT(hf_region_give(&region, one) == HF_OK);
    HF_ASSERT(hf_region_give(&region, three) == HF_OK);

    hf_region_stats_t stats = hf_region_stats(&region);
    printf("two holes: %u %% fragmented\n", (unsigned)stats.fragmentation_percent);
    printf("give the first again: %s\n", hf_status_text(hf_region_give(&region, one)));

    const void *place = NULL;
    memset(two, 'x', 200 + 24); // past its end
    int status = hf_region_check(&region, 16, &place);
    printf("after an overrun: %s\n", hf_status_text(status));
    return EXIT_SUCCESS;
}
