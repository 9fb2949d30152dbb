// SPDX-License-Identifier: MIT
// Every public header in one C++ program, and calls across the language border: names link, structures have one layout.
#include "all_headers.h" // generated: an #include for each
#include "hf_test.h"
#include "layout.h"

#include <thread>

namespace
{

void headers_atomics_are_laid_out_as_in_c()
{
    CHECK_EQ(sizeof(hf_atomic_u32_t), 4);
    CHECK_EQ(alignof(hf_atomic_u32_t), 4);
    CHECK_EQ(cpp_layout_ring_bytes(), sizeof(hf_ring_t));
    CHECK_EQ(cpp_layout_pool_bytes(), sizeof(hf_pool_t));
    CHECK_EQ(cpp_layout_queue_bytes(), sizeof(hf_queue_t));
#if CONFIG_HF_EVENT
    CHECK_EQ(cpp_layout_bus_bytes(), sizeof(hf_event_bus_t));
    CHECK_EQ(cpp_layout_subscriber_bytes(), sizeof(hf_event_subscriber_t));
#endif
#if CONFIG_HF_MEM
    CHECK_EQ(cpp_layout_mem_bytes(), sizeof(hf_mem_t));
    CHECK_EQ(cpp_layout_chargepoint_bytes(), sizeof(hf_mem_chargepoint_t));
#endif
}

void headers_pool_of_c_serves_cpp()
{
    static HF_POOL_STORAGE(std::uint64_t, 4) storage;
    static hf_pool_t pool;
    hf_pool_config_t config{};
    config.name = "numbers";
    config.blocks = storage.blocks;
    config.meta = storage.meta;
    config.block_bytes = sizeof(std::uint64_t);
    config.count = 4;
    CHECK_EQ(hf_pool_init(&pool, &config), HF_OK);
    void *block = hf_pool_take(&pool, HF_TAG_NONE);
    CHECK(block != nullptr);
    CHECK_EQ(hf_pool_stats(&pool).in_use, 1);
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    CHECK_STR(hf_status_name(hf_pool_give(&pool, block)), "HF_E_DOUBLE_GIVE");
}

void headers_queue_between_threads_of_cpp()
{
    static std::uint32_t items[16];
    static hf_queue_t queue;
    CHECK_EQ(hf_queue_init(&queue, items, sizeof items[0], 16, 0), HF_OK);
    std::thread producer([] {
        for (std::uint32_t i = 0; i < 10000;) {
            i += hf_queue_put(&queue, &i) == HF_OK ? 1u : 0u;
        }
    });
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < 10000;) {
        std::uint32_t item = 0;
        if (hf_queue_get(&queue, &item) == HF_OK) {
            wrong += item == i ? 0u : 1u;
            i++;
        } else {
            std::this_thread::yield();
        }
    }
    producer.join();
    CHECK_EQ(wrong, 0);
}

void headers_guard_gives_at_the_end_of_the_block()
{
    static HF_POOL_STORAGE(std::uint64_t, 1) storage;
    static hf_pool_t pool;
    hf_pool_config_t config{};
    config.name = "numbers";
    config.blocks = storage.blocks;
    config.meta = storage.meta;
    config.block_bytes = sizeof(std::uint64_t);
    config.count = 1;
    CHECK_EQ(hf_pool_init(&pool, &config), HF_OK);
    {
        HF_GUARD guard = hf_guard_pool(&pool, HF_TAG_NONE);
        CHECK(guard.held != nullptr);
        CHECK_EQ(hf_pool_stats(&pool).in_use, 1);
    }
    CHECK_EQ(hf_pool_stats(&pool).in_use, 0);
}

} // namespace

HF_TEST_MAIN(HF_TEST(headers_atomics_are_laid_out_as_in_c), HF_TEST(headers_pool_of_c_serves_cpp),
             HF_TEST(headers_queue_between_threads_of_cpp),
             HF_TEST(headers_guard_gives_at_the_end_of_the_block))
