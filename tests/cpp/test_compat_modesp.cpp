// SPDX-License-Identifier: MIT
// ModESP's headers over hf_mem: every name, and the original's own lists of cases, which now assert.
#define CONFIG_MEMORY_POOL_ALLOW_HEAP_FALLBACK 1
#define CONFIG_MEMORY_POOL_EMERGENCY_RESERVE   1
#include "holdfast/compat/modesp_pooled_event.hpp"

#include "hf_test.h"

using namespace ModESP;
using namespace ModESP::Memory;

namespace
{

std::vector<std::string> lines;
uint32_t waits;
void *given_while_waiting;

} // namespace

extern "C" void modesp_compat_log(const char *line)
{
    lines.emplace_back(line);
}

extern "C" uint32_t modesp_compat_wait(uint32_t us)
{
    waits++;
    if (given_while_waiting != nullptr) {
        (void)get_pool_manager().deallocate(std::exchange(given_while_waiting, nullptr));
    }
    return us;
}

namespace
{

int alive;

struct Counted {
    int value;
    explicit Counted(int v) : value(v)
    {
        alive++;
    }
    Counted(const Counted &) = delete;
    ~Counted()
    {
        alive--;
    }
};

struct alignas(64) Wide {
    char bytes[64];
};

uint32_t blocks_in_use()
{
    return hf_mem_stats(&get_pool_manager().mem()).blocks;
}

void modesp_names_and_constants()
{
    CHECK_EQ(static_cast<int>(PoolSize::TINY), 32);
    CHECK_EQ(static_cast<int>(PoolSize::SMALL), 64);
    CHECK_EQ(static_cast<int>(PoolSize::MEDIUM), 128);
    CHECK_EQ(static_cast<int>(PoolSize::LARGE), 256);
    CHECK_EQ(static_cast<int>(PoolSize::XLARGE), 512);
    CHECK_EQ(INVALID_INDEX, 0xFFFF);
    CHECK_EQ(PoolConfig().get_total_memory(), 20480);
    CHECK_EQ(get_pool_manager().get_total_capacity(), 20480);
    CHECK_EQ(MemoryPoolManager::EMERGENCY_RESERVE_SIZE, 2048);
    CHECK_EQ(MemoryDiagnostics::MAX_TRACES, 1000);
    CHECK(&get_pool_manager() == &MemoryPoolManager::instance());
}

void modesp_static_pool_exhaustion_and_reuse()
{
    static StaticMemoryPool<16, 64> pool;
    void *held[64];
    for (void *&block : held) {
        block = pool.allocate();
        CHECK(block != nullptr);
    }
    CHECK(pool.allocate() == nullptr);
    CHECK(pool.is_exhausted());
    CHECK_EQ(pool.get_utilization_percent(), 100);
    CHECK(pool.deallocate(held[5]));
    CHECK(!pool.deallocate(held[5])); // once more
    CHECK(!pool.deallocate(static_cast<char *>(held[6]) + 1));
    CHECK(!pool.deallocate(nullptr));
    CHECK(!pool.deallocate(held));
    CHECK_EQ(pool.get_free_blocks(), 1);
    held[5] = pool.allocate();
    CHECK(held[5] != nullptr);
    PoolStats stats = pool.get_stats();
    CHECK_EQ(stats.allocated_count, 64);
    CHECK_EQ(stats.peak_usage, 64);
    CHECK_EQ(stats.total_allocations, 65);
    CHECK_EQ(stats.allocation_failures, 1);
    CHECK_EQ(stats.total_bytes_served, 65 * 16);
    pool.reset_stats();
    stats = pool.get_stats();
    CHECK_EQ(stats.peak_usage, 64);
    CHECK_EQ(stats.total_allocations, 0);
    CHECK_EQ(stats.allocation_failures, 0);
    for (void *block : held) {
        CHECK(pool.deallocate(block));
    }
}

void modesp_boundaries_choose_the_class()
{
    static const struct {
        size_t size, block;
    } table[] = {{8, 32},    {32, 32},   {33, 64},   {64, 64},   {65, 128},
                 {128, 128}, {129, 256}, {256, 256}, {257, 512}, {512, 512}};
    MemoryPoolManager &manager = get_pool_manager();
    for (const auto &row : table) {
        void *block = manager.allocate(row.size);
        CHECK_EQ(hf_mem_block_bytes(&manager.mem(), block), row.block);
        CHECK(manager.deallocate(block, 1)); // the size does not matter
    }
    CHECK(manager.allocate(513) == nullptr);
    CHECK(manager.allocate(1024) == nullptr);
    CHECK(manager.allocate(0) == nullptr);
    CHECK_EQ(blocks_in_use(), 0);
}

void modesp_strict_takes_no_larger_class()
{
    MemoryPoolManager &manager = get_pool_manager();
    std::vector<void *> held;
    for (int i = 0; i < 138; i++) {
        if (void *block = manager.allocate(16); block != nullptr) {
            held.push_back(block);
        }
    }
    CHECK_EQ(held.size(), 128);
    CHECK(manager.get_tiny_pool().is_exhausted());
    CHECK_EQ(manager.get_small_pool().get_free_blocks(), 64);
    for (void *block : held) {
        CHECK(manager.deallocate(block, 16));
    }
    CHECK(!manager.deallocate(held[0], 16)); // a double free has no second effect
    CHECK_EQ(manager.get_tiny_pool().get_free_blocks(), 128);
    int stack = 0;
    CHECK(!manager.deallocate(&stack, 16));
}

void modesp_wait_is_served_when_a_block_comes_back()
{
    MemoryPoolManager &manager = get_pool_manager();
    std::vector<void *> held;
    while (void *block = manager.get_xlarge_pool().allocate()) {
        held.push_back(block);
    }
    CHECK_EQ(held.size(), 8);
    waits = 0;
    CHECK(manager.allocate(512, AllocationStrategy::WAIT_WITH_TIMEOUT, 5) == nullptr);
    CHECK(waits > 0);
    given_while_waiting = held.back();
    held.pop_back();
    void *block = manager.allocate(512, AllocationStrategy::WAIT_WITH_TIMEOUT, 5);
    CHECK(block != nullptr);
    waits = 0;
    CHECK(manager.allocate(600, AllocationStrategy::WAIT_WITH_TIMEOUT, 5) == nullptr);
    CHECK_EQ(waits, 0); // it could never be served
    held.push_back(block);
    for (void *each : held) {
        CHECK(manager.get_xlarge_pool().deallocate(each));
    }
    CHECK(!manager.get_xlarge_pool().deallocate(held[0]));
}

void modesp_heap_fallback_and_emergency_can_be_given_back()
{
    MemoryPoolManager &manager = get_pool_manager();
    void *one = manager.allocate(5000, AllocationStrategy::FALLBACK_TO_HEAP);
    void *two = manager.allocate(6000, AllocationStrategy::FALLBACK_TO_HEAP);
    REQUIRE(one != nullptr && two != nullptr);
    memset(one, 1, 5000);
    CHECK_EQ(manager.heap_blocks(), 2);
    CHECK(manager.deallocate(one, 5000));
    CHECK(manager.deallocate(two, 6000));
    CHECK_EQ(manager.heap_blocks(), 0);
    void *emergency = manager.emergency_allocate(2048);
    CHECK(emergency != nullptr);
    CHECK(manager.emergency_allocate(1) == nullptr); // one owner at a time
    CHECK(manager.deallocate(emergency, 2048));
    emergency = manager.emergency_allocate(1); // and another afterwards
    CHECK(emergency != nullptr);
    CHECK(manager.deallocate(emergency, 1));
    CHECK(manager.emergency_allocate(2049) == nullptr);
    manager.set_default_strategy(AllocationStrategy::FALLBACK_TO_HEAP);
    one = manager.allocate(700);
    CHECK(one != nullptr);
    CHECK(manager.deallocate(one, 700));
    manager.set_default_strategy(AllocationStrategy::STRICT_NO_FALLBACK);
    CHECK(manager.allocate(700) == nullptr);
}

void modesp_pooled_ptr_is_raii()
{
    {
        auto number = Memory::make_pooled<int>(42);
        REQUIRE(number);
        CHECK_EQ(*number, 42);
        PooledPtr<Counted> one = ModESP::make_pooled<Counted>(7);
        CHECK_EQ(one->value, 7);
        PooledPtr<Counted> two = std::move(one);
        CHECK(!one);
        CHECK_EQ(alive, 1);
        two = get_pool_manager().allocate_object<Counted>(8);
        CHECK_EQ(alive, 1);
        CHECK_EQ(two.get()->value, 8);
        Counted *raw = two.release();
        CHECK(!two);
        CHECK_EQ(alive, 1);
        PooledPtr<Counted> again(raw,
                                 [](void *block) { (void)get_pool_manager().deallocate(block); });
        auto wide = ModESP::make_pooled<Wide>();
        REQUIRE(wide);
        CHECK_EQ(reinterpret_cast<uintptr_t>(wide.get()) % 64u, 0);
    }
    CHECK_EQ(alive, 0);
    CHECK_EQ(blocks_in_use(), 0);
}

void modesp_alerts_have_edges()
{
    MemoryPoolManager &manager = get_pool_manager();
    MemoryDiagnostics diagnostics(manager);
    std::vector<int> pressure;
    uint32_t hooked = 0, refused = 0;
    diagnostics.register_pressure_callback([&](uint8_t percent) { pressure.push_back(percent); });
    diagnostics.register_allocation_hook([&](size_t size, bool success) {
        hooked += size != 0 ? 1u : 0u;
        refused += success ? 0u : 1u;
    });
    std::vector<void *> held;
    static const size_t sizes[] = {512, 256, 128, 64, 32};
    for (size_t size : sizes) {
        while (void *block = manager.allocate(size)) {
            held.push_back(block);
        }
    }
    CHECK_EQ(held.size(), 248);
    CHECK_EQ(hooked, 253);
    CHECK_EQ(refused, 5);
    CHECK_EQ(manager.get_overall_utilization(), 100);
    CHECK(manager.has_low_memory_alert() && manager.has_critical_memory_alert());
    CHECK_EQ(pressure.size(), 2); // low, critical: once each
    CHECK_EQ(diagnostics.find_largest_free_block(), 0);
    CHECK_EQ(diagnostics.calculate_fragmentation_index(), 0); // nothing is free
    for (void *block : held) {
        CHECK(manager.deallocate(block));
    }
    CHECK(!manager.has_low_memory_alert());
    CHECK_EQ(pressure.size(), 4);
    CHECK_EQ(manager.get_overall_utilization(), 0);
}

void modesp_diagnostics_fill_every_field()
{
    MemoryPoolManager &manager = get_pool_manager();
    manager.reset_stats();
    MemoryDiagnostics diagnostics(manager);
    diagnostics.reset();
    CHECK_EQ(diagnostics.calculate_fragmentation_index(), 0); // the original said 64 here
    CHECK_EQ(diagnostics.find_largest_free_block(), 512);
    std::vector<void *> held;
    for (int i = 0; i < 10; i++) {
        held.push_back(manager.allocate(64));
    }
    diagnostics.update_rates();
    SystemDiagnostics now = diagnostics.get_diagnostics();
    CHECK_EQ(now.total_capacity, 20480);
    CHECK_EQ(now.total_allocated, 640);
    CHECK_EQ(now.peak_allocated, 640);
    CHECK_EQ(now.overall_utilization, 3);
    CHECK_EQ(now.total_allocations, 10);
    CHECK_EQ(now.total_deallocations, 0);
    CHECK_EQ(now.total_bytes_served, 640);
    CHECK_EQ(now.pools.size(), 5);
    CHECK_STR(now.pools[1].name, "SMALL");
    CHECK_EQ(now.pools[1].used_blocks, 10);
    CHECK_EQ(now.pools[1].peak_blocks, 10);
    CHECK_EQ(now.pools[1].utilization_percent, 15);
    CHECK(now.pools[1].allocation_rate > 0);
    for (void *block : held) {
        CHECK(manager.deallocate(block));
    }
    now = diagnostics.get_diagnostics();
    CHECK_EQ(now.total_allocated, 0);
    CHECK_EQ(now.peak_allocated, 640);
    CHECK_EQ(now.total_deallocations, 10);
    const std::string json = now.to_json();
    CHECK(json.find("\"total_capacity\":20480,") == 1);
    size_t pools = 0;
    for (size_t at = json.find("\"block_size\""); at != std::string::npos;
         at = json.find("\"block_size\"", at + 1)) {
        pools++;
    }
    CHECK_EQ(pools, 5);
    CHECK(json.find("\"alerts\":{\"low_memory\":false,") != std::string::npos);
    const std::string report = diagnostics.generate_report();
    CHECK(report.find("=== Memory Pool Diagnostics Report ===\n") == 0);
    CHECK(report.find("SMALL: 0/64 blocks (0%), Failures: 0, Rate: ") != std::string::npos);
    lines.clear();
    diagnostics.log_stats("tag");
    CHECK_EQ(lines.size(), 12);
    CHECK_STR(lines[0].c_str(), "tag: === Memory Pool Diagnostics Report ===");
}

void modesp_leaks_are_found_by_age()
{
    MemoryDiagnostics diagnostics(get_pool_manager());
    void *kept = get_pool_manager().allocate(32), *given = get_pool_manager().allocate(32);
    diagnostics.trace_allocation(kept, 32, "net", 12);
    diagnostics.trace_allocation(given, 32, "net", 13);
    CHECK_EQ(diagnostics.get_active_allocations().size(), 2);
    diagnostics.trace_deallocation(given);
    CHECK(get_pool_manager().deallocate(given));
    const std::vector<AllocationTrace> leaks = diagnostics.detect_potential_leaks(0);
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].address == kept);
    CHECK_STR(leaks[0].module, "net");
    CHECK_EQ(leaks[0].line, 12);
    CHECK_EQ(diagnostics.detect_potential_leaks().size(), 0); // not a minute old
    diagnostics.trace_deallocation(kept);
    CHECK(get_pool_manager().deallocate(kept));
    CHECK_EQ(diagnostics.detect_potential_leaks(0).size(), 0);
    for (uint32_t i = 0; i < 1200; i++) { // the freed ones make room, then none does
        diagnostics.trace_allocation(&lines, i, "x", i);
    }
    CHECK_EQ(diagnostics.get_active_allocations().size(), MemoryDiagnostics::MAX_TRACES);
    CHECK_EQ(diagnostics.lost_traces(), 200);
    diagnostics.clear_traces();
    CHECK_EQ(diagnostics.get_active_allocations().size(), 0);
}

void modesp_benchmarks_run_and_end()
{
    const auto one = MemoryPoolBenchmark::benchmark_allocation(32, 10000);
    CHECK_EQ(one.iterations, 10000);
    CHECK_EQ(one.failures, 0); // the original's ran out after 128
    CHECK(one.min_time_ns <= one.avg_time_ns && one.avg_time_ns <= one.max_time_ns);
    CHECK_EQ(MemoryPoolBenchmark::benchmark_allocation(1024, 10).failures, 10);
    const std::vector<MemoryPoolBenchmark::BenchmarkResult> all = {
        one, MemoryPoolBenchmark::benchmark_fragmentation(2),
        MemoryPoolBenchmark::benchmark_multithreaded(4, 5),
        MemoryPoolBenchmark::benchmark_stress_test(2)};
    for (const auto &result : all) {
        CHECK(result.iterations > 0);
        CHECK_EQ(result.failures, 0);
        CHECK(result.to_json().find("{\"test_name\":\"") == 0);
    }
    const std::string report = MemoryPoolBenchmark::generate_benchmark_report(all);
    CHECK_EQ(std::count(report.begin(), report.end(), '\n'), 5);
    CHECK_EQ(blocks_in_use(), 0);
}

void modesp_tracker_tells_bytes()
{
    lines.clear();
    void *block = nullptr;
    {
        TRACK_MEMORY_USAGE("update");
        block = get_pool_manager().allocate(512);
    }
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("[update] Memory: 0% -> 2% (delta: +2%, +512 bytes), Time: ") == 0);
    CHECK(get_pool_manager().deallocate(block, 512));
}

void modesp_pooled_event_lives_in_pools_alone()
{
    std::shared_ptr<PooledEvent> kept;
    PooledEventBus::set_publish_handler(nullptr);
    CHECK_EQ(PooledEventBus::publish_pooled("a", "{}"), ESP_ERR_INVALID_STATE);
    uint32_t published = 0;
    PooledEventBus::set_publish_handler(
        [&](const std::shared_ptr<PooledEvent> &event) -> esp_err_t {
            published++;
            kept = event;
            return ESP_OK;
        });
    CHECK_EQ(PooledEventBus::publish_pooled("door", "{\"open\":true}", EventBus::Priority::HIGH),
             ESP_OK);
    CHECK_EQ(published, 1);
    REQUIRE(kept);
    CHECK(kept->type == "door");
    CHECK(kept->data == "{\"open\":true}");
    CHECK(kept->priority == EventBus::Priority::HIGH);
    CHECK(kept->timestamp > 0);
    CHECK(hf_mem_owns(&get_pool_manager().mem(), kept.get()));
    CHECK_EQ(blocks_in_use(), 2); // the event with its text, and the control block
    CHECK_EQ(PooledEventBus::get_event_pool_stats().allocated_count, 2);
    kept.reset();
    CHECK_EQ(blocks_in_use(), 0);
    const std::string large(600, 'x');
    CHECK_EQ(PooledEventBus::publish_pooled("large", large), ESP_ERR_NO_MEM);
    CHECK(!PooledEvent::create_from_string("large", large));
    CHECK_EQ(blocks_in_use(), 0);
    uint32_t told = 0;
    PooledEventBus::set_memory_pressure_callback([&told](uint8_t) { told++; });
    std::vector<std::shared_ptr<PooledEvent>> all;
    while (auto event = PooledEvent::create("fill", std::string(400, ' '))) {
        all.push_back(event);
    }
    CHECK_EQ(all.size(), 8);
    CHECK_EQ(blocks_in_use(), 16);
    all.clear();
    CHECK_EQ(blocks_in_use(), 0);
    PooledEventBus::set_publish_handler(nullptr);
}

void modesp_day_of_allocations_stays_small()
{
    MemoryPoolManager &manager = get_pool_manager();
    manager.reset_stats();
    uint32_t random = 5;
    void *held[10] = {};
    for (uint32_t second = 0; second < 24u * 3600u; second++) {
        random = random * 1664525u + 1013904223u;
        void *&slot = held[second % 10u];
        (void)manager.deallocate(slot);
        slot = manager.allocate(1u + (random >> 16) % 256u);
        CHECK(slot != nullptr);
    }
    CHECK(blocks_in_use() <= 10);
    for (void *block : held) {
        CHECK(manager.deallocate(block));
    }
    CHECK_EQ(blocks_in_use(), 0);
}

} // namespace

HF_TEST_MAIN(HF_TEST(modesp_names_and_constants), HF_TEST(modesp_static_pool_exhaustion_and_reuse),
             HF_TEST(modesp_boundaries_choose_the_class),
             HF_TEST(modesp_strict_takes_no_larger_class),
             HF_TEST(modesp_wait_is_served_when_a_block_comes_back),
             HF_TEST(modesp_heap_fallback_and_emergency_can_be_given_back),
             HF_TEST(modesp_pooled_ptr_is_raii), HF_TEST(modesp_alerts_have_edges),
             HF_TEST(modesp_diagnostics_fill_every_field), HF_TEST(modesp_leaks_are_found_by_age),
             HF_TEST(modesp_benchmarks_run_and_end), HF_TEST(modesp_tracker_tells_bytes),
             HF_TEST(modesp_pooled_event_lives_in_pools_alone),
             HF_TEST(modesp_day_of_allocations_stays_small))
