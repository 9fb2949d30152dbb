// SPDX-License-Identifier: MIT
// Memory by size: the preset `chargepoint`, two owners, one with a quota, and an alert when memory becomes low.
#include "holdfast/hf_mem_presets.h"

#include "seams.h"

enum { TAG_NOBODY, TAG_PORTAL, TAG_OCPP, TAG_COUNT };

static const hf_mem_tag_t tags[TAG_COUNT] = {
    [TAG_NOBODY] = {.name = "nobody"},
    [TAG_PORTAL] = {.name = "portal", .hard_bytes = 4096},
    [TAG_OCPP] = {.name = "ocpp"},
};

static hf_mem_chargepoint_t storage;
static hf_mem_t mem;

static void on_alert(void *ctx, const hf_mem_alert_t *alert)
{
    (void)ctx;
    if (alert->kind == HF_MEM_ALERT_LOW && alert->tier != HF_MEM_TIER_ALL) {
        hf_mem_tier_stats_t tier;
        if (hf_mem_tier_stats(&mem, alert->tier, &tier) == HF_OK) {
            printf("alert: tier %s is %s\n", tier.name, alert->is_raised ? "low" : "well again");
        }
    }
}

/// The portal asks for 1 KiB again and again: its quota ends that, not the charge point's memory.
static void portal_asks_too_much(void)
{
    const hf_mem_request_t request = {.bytes = 1000, .tag = TAG_PORTAL};
    void *pages[8] = {NULL};
    int count = 0, status = HF_OK;
    while (count < 8 && (status = hf_mem_request(&mem, &request, &pages[count])) == HF_OK) {
        count++;
    }
    printf("portal got %d pages, then: %s\n", count, hf_status_text(status));
    while (count > 0) {
        HF_ASSERT(hf_mem_give(&mem, pages[--count]) == HF_OK);
    }
}

int main(void)
{
    hf_mem_config_t config = hf_mem_chargepoint(&storage);
    config.tags = tags;
    config.tag_count = TAG_COUNT;
    config.seams.on_alert = on_alert;
    if (hf_mem_init(&mem, &config) != HF_OK) {
        return EXIT_FAILURE;
    }
    portal_asks_too_much();

    void *calls[11];
    int count = 0;
    while (count < 10 && (calls[count] = hf_mem_take_tagged(&mem, 700, TAG_OCPP)) != NULL) {
        count++;
    }
    (void)hf_mem_poll(&mem, 1000000);
    void *stop = hf_mem_take_emergency(&mem, 700); // what must not fail has a reserve
    printf("in an emergency: %s\n", stop != NULL ? "a block" : "none");

    HF_ASSERT(hf_mem_resize(&mem, &stop, 900) == HF_OK); // in place: a block of that tier has room
    HF_ASSERT(hf_mem_give(&mem, stop) == HF_OK);
    while (count > 0) {
        HF_ASSERT(hf_mem_give(&mem, calls[--count]) == HF_OK);
    }
    (void)hf_mem_poll(&mem, 2000000);
    hf_mem_stats_t stats = hf_mem_stats(&mem);
    printf("%s: %u bytes in use, %u requests refused, %u by a quota\n", stats.name,
           (unsigned)stats.in_use_bytes, (unsigned)stats.failures, (unsigned)stats.quota_refused);
    return EXIT_SUCCESS;
}
