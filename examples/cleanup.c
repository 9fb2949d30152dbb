// SPDX-License-Identifier: MIT
// Blocks that give themselves back where their scope ends, whichever way it ends; one that is handed on is stolen first.
#include "holdfast/hf_cleanup.h"

#include "seams.h"

static HF_POOL_STORAGE_BYTES(64, 4) storage;
static hf_pool_t pool;

static int parse(const char *text, void **kept)
{
    HF_GUARD work = hf_guard_pool(&pool, HF_TAG_NONE);
    HF_GUARD result = hf_guard_pool(&pool, HF_TAG_NONE);
    if (work.held == NULL || result.held == NULL) {
        return HF_E_FULL;
    }
    if (text[0] != '{') {
        return HF_E_FORMAT; // both go back
    }
    *kept = hf_steal(&result); // only `work` goes back
    return HF_OK;
}

int main(void)
{
    const hf_pool_config_t config = {.name = "parser",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = 64,
                                     .count = 4};
    if (hf_pool_init(&pool, &config) != HF_OK) {
        return EXIT_FAILURE;
    }
    void *kept = NULL;
    int status = parse("garbage", &kept);
    printf("%s, %u in use\n", hf_status_text(status), (unsigned)hf_pool_stats(&pool).in_use);
    status = parse("{}", &kept);
    printf("%s, %u in use\n", hf_status_text(status), (unsigned)hf_pool_stats(&pool).in_use);
    return hf_pool_give(&pool, kept) == HF_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
