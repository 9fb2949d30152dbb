// SPDX-License-Identifier: MIT
// holdfast.hpp: owners of one object, and std::pmr over pools and tiers.
#include "hf_test.h"
#include "holdfast/holdfast.hpp"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem_presets.h"
#endif

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

int alive;

struct counted {
    int first, second;
    counted(int a, int b) : first(a), second(b)
    {
        alive++;
    }
    counted(const counted &) = delete;
    ~counted()
    {
        alive--;
    }
};

struct base {
    virtual ~base() = default;
    virtual int number() const
    {
        return 1;
    }
};

struct other_base {
    virtual ~other_base() = default;
    int filler = 7;
};

struct derived final : other_base, base { // base is not at the beginning of the block
    derived()
    {
        alive++;
    }
    ~derived() override
    {
        alive--;
    }
    int number() const override
    {
        return 2;
    }
};

struct alignas(64) wide {
    unsigned char bytes[64];
};

struct throws {
    throws()
    {
        throw std::runtime_error("no");
    }
};

void pooled_object_lives_in_its_block_and_is_destroyed_once()
{
    holdfast::static_pool<sizeof(counted), 2> pool("counted");
    CHECK(pool.is_ready());
    {
        auto one = holdfast::make_pooled<counted>(pool, 3, 4);
        REQUIRE(one);
        CHECK(hf_pool_owns(pool.get(), one.get()));
        CHECK_EQ(one->first + (*one).second, 7);
        CHECK_EQ(alive, 1);
        auto two = holdfast::make_pooled<counted>(pool, 1, 1);
        CHECK(two);
        auto three = holdfast::make_pooled<counted>(pool, 1, 1);
        CHECK(!three); // exhausted
        CHECK_EQ(alive, 2);
        CHECK_EQ(pool.stats().exhausted, 1);
    }
    CHECK_EQ(alive, 0);
    CHECK_EQ(pool.stats().in_use, 0);
    CHECK_EQ(pool.stats().double_gives, 0);
}

void pooled_moves_and_leaves_nothing_behind()
{
    static_assert(!std::is_copy_constructible<holdfast::pooled<counted>>::value, "move-only");
    static_assert(std::is_nothrow_move_constructible<holdfast::pooled<counted>>::value, "");
    static_assert(sizeof(holdfast::pooled<counted>) == 3 * sizeof(void *), "no std::function");
    holdfast::static_pool<sizeof(counted), 2> pool("counted");
    auto one = holdfast::make_pooled<counted>(pool, 1, 2);
    auto two = std::move(one);
    CHECK(!one);
    CHECK(two);
    CHECK_EQ(alive, 1);
    one = holdfast::make_pooled<counted>(pool, 5, 6);
    one = std::move(two); // what it had is destroyed
    CHECK_EQ(alive, 1);
    CHECK_EQ(one->first, 1);
    CHECK_EQ(pool.stats().in_use, 1);
    holdfast::pooled<counted> &same = one;
    one = std::move(same); // into itself
    CHECK(one);
    std::vector<holdfast::pooled<counted>> queue;
    queue.push_back(std::move(one));
    queue.clear();
    CHECK_EQ(alive, 0);
    CHECK_EQ(pool.stats().in_use, 0);
}

void pooled_released_is_the_callers_until_adopted()
{
    holdfast::static_pool<sizeof(counted), 1> pool("counted");
    auto one = holdfast::make_pooled<counted>(pool, 1, 2);
    counted *raw = one.release();
    CHECK(!one);
    one.reset();
    CHECK_EQ(alive, 1);
    CHECK_EQ(pool.stats().in_use, 1);
    auto again = holdfast::pooled<counted>::adopt(pool, raw);
    again.reset();
    CHECK_EQ(alive, 0);
    CHECK_EQ(pool.stats().in_use, 0);
}

void pooled_honours_alignment()
{
    constexpr std::size_t bytes = holdfast::block_bytes<wide>;
    static_assert(bytes == sizeof(wide) + 64 - HF_POOL_ALIGN, "room to align");
    holdfast::static_pool<bytes, 4> pool("wide");
    {
        holdfast::pooled<wide> all[4];
        for (auto &one : all) {
            one = holdfast::make_pooled<wide>(pool);
            REQUIRE(one);
            CHECK_EQ(reinterpret_cast<std::uintptr_t>(one.get()) % 64u, 0);
            memset(one->bytes, 0xFF, sizeof one->bytes);
        }
    }
    CHECK_EQ(pool.stats().in_use, 0);
    CHECK_EQ(pool.stats().interior, 0);
}

void pooled_too_small_a_pool_gives_nothing()
{
    holdfast::static_pool<sizeof(counted) - 1, 4> pool("small");
    auto one = holdfast::make_pooled<counted>(pool, 1, 2);
    CHECK(!one);
    CHECK_EQ(alive, 0);
    CHECK_EQ(pool.stats().in_use, 0);
}

void pooled_throwing_constructor_gives_the_block()
{
    holdfast::static_pool<sizeof(throws), 1> pool("throws");
    bool has_thrown = false;
    try {
        auto one = holdfast::make_pooled<throws>(pool);
    } catch (const std::runtime_error &) {
        has_thrown = true;
    }
    CHECK(has_thrown);
    CHECK_EQ(pool.stats().in_use, 0);
}

void pooled_converts_to_a_base_and_destroys_the_whole()
{
    holdfast::static_pool<sizeof(derived), 1> pool("derived");
    {
        holdfast::pooled<base> one = holdfast::make_pooled<derived>(pool);
        REQUIRE(one);
        CHECK_EQ(one->number(), 2);
    }
    CHECK_EQ(alive, 0);
    CHECK_EQ(pool.stats().in_use, 0);
    CHECK_EQ(pool.stats().interior, 0);
}

void pmr_pool_serves_what_fits_and_refuses_the_rest()
{
    holdfast::static_pool<64, 2> pool("pmr");
    holdfast::pool_resource resource(pool);
    void *one = resource.allocate(64);
    CHECK(hf_pool_owns(pool.get(), one));
    void *none = resource.allocate(0);
    CHECK(none != nullptr);
    int refused = 0;
    for (std::size_t bytes : {std::size_t{8}, std::size_t{65}, SIZE_MAX}) {
        try {
            (void)resource.allocate(bytes);
        } catch (const std::bad_alloc &) {
            refused++;
        }
    }
    CHECK_EQ(refused, 3);
    resource.deallocate(one, 64);
    resource.deallocate(none, 0);
    CHECK_EQ(pool.stats().in_use, 0);
    CHECK(resource == resource);
    holdfast::pool_resource second(pool);
    CHECK(!(resource == second));
}

void pmr_alignment_beyond_the_pools_is_honoured()
{
    holdfast::static_pool<256, 4> pool("pmr");
    holdfast::pool_resource resource(pool);
    for (std::size_t alignment :
         {std::size_t{1}, std::size_t{16}, std::size_t{32}, std::size_t{128}}) {
        void *one = resource.allocate(64, alignment);
        CHECK_EQ(reinterpret_cast<std::uintptr_t>(one) % alignment, 0);
        memset(one, 0xFF, 64);
        resource.deallocate(one, 64, alignment);
        CHECK_EQ(pool.stats().in_use, 0);
    }
    CHECK_EQ(pool.stats().interior, 0);
}

void pmr_what_the_pool_cannot_serve_goes_upstream_and_back()
{
    holdfast::static_pool<128, 4> pool("pmr");
    holdfast::pool_resource resource(pool, std::pmr::new_delete_resource());
    {
        std::pmr::vector<int> numbers(&resource);
        for (int i = 0; i < 1000; i++) { // from the pool into the heap as it grows
            numbers.push_back(i);
        }
        CHECK_EQ(numbers[999], 999);
        std::pmr::string text("a text that is longer than what a string keeps in itself",
                              &resource);
        CHECK_EQ(pool.stats().in_use, 1);
        void *large = resource.allocate(4000, 256); // aligned, and not from the pool
        CHECK_EQ(reinterpret_cast<std::uintptr_t>(large) % 256u, 0);
        memset(large, 0xFF, 4000);
        resource.deallocate(large, 4000, 256);
    }
    CHECK_EQ(pool.stats().in_use, 0);
    CHECK_EQ(pool.stats().foreign, 0);
}

#if CONFIG_HF_MEM
hf_mem_chargepoint_t chargepoint;
hf_mem_t mem;

void pooled_and_pmr_over_tiers()
{
    const hf_mem_config_t config = hf_mem_chargepoint(&chargepoint);
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
    {
        auto one = holdfast::make_pooled<counted>(mem, 1, 2);
        auto two = holdfast::make_pooled<wide>(mem);
        REQUIRE(one && two);
        CHECK(hf_mem_owns(&mem, one.get()));
        CHECK_EQ(reinterpret_cast<std::uintptr_t>(two.get()) % 64u, 0);
        holdfast::mem_resource resource(mem);
        std::pmr::vector<std::pmr::string> lines(&resource);
        for (int i = 0; i < 20; i++) {
            lines.emplace_back("a line that is longer than what a string keeps in itself");
        }
        CHECK_EQ(lines.size(), 20);
        CHECK(hf_mem_stats(&mem).blocks > 20);
    }
    CHECK_EQ(alive, 0);
    CHECK_EQ(hf_mem_stats(&mem).blocks, 0);
    CHECK_EQ(hf_mem_stats(&mem).foreign + hf_mem_stats(&mem).interior, 0);
}
#define MEM_CASES , HF_TEST(pooled_and_pmr_over_tiers)
#else
#define MEM_CASES
#endif

} // namespace

HF_TEST_MAIN(HF_TEST(pooled_object_lives_in_its_block_and_is_destroyed_once),
             HF_TEST(pooled_moves_and_leaves_nothing_behind),
             HF_TEST(pooled_released_is_the_callers_until_adopted),
             HF_TEST(pooled_honours_alignment), HF_TEST(pooled_too_small_a_pool_gives_nothing),
             HF_TEST(pooled_throwing_constructor_gives_the_block),
             HF_TEST(pooled_converts_to_a_base_and_destroys_the_whole),
             HF_TEST(pmr_pool_serves_what_fits_and_refuses_the_rest),
             HF_TEST(pmr_alignment_beyond_the_pools_is_honoured),
             HF_TEST(pmr_what_the_pool_cannot_serve_goes_upstream_and_back) MEM_CASES)
