// SPDX-License-Identifier: MIT
// The texts that the heap guard is told: budgets, reserves, rules, the take that is to fail, patterns.
#include "holdfast_malloc_spec.h"

#include "hf_test.h"

static hf_heap_error_t error;

static int budget(hf_heap_spec_t *spec, const char *text)
{
    error.text[0] = '\0';
    int status = hf_heap_spec_parse(spec, text, &error);
    CHECK((status == HF_OK) == (error.text[0] == '\0'));
    return status;
}

static void spec_budget_is_read(void)
{
    hf_heap_spec_t spec;
    CHECK_EQ(budget(&spec, "internal=320K,psram=8M"), HF_OK);
    CHECK_EQ(spec.count, 2);
    CHECK_STR(spec.region[0].name, "internal");
    CHECK_EQ(spec.region[0].bytes, 327680);
    CHECK_EQ(spec.region[1].bytes, 8388608);
    CHECK_EQ(hf_heap_spec_find(&spec, "psram"), 1);
    CHECK_EQ(hf_heap_spec_find(&spec, "psra"), -1);
    CHECK_EQ(budget(&spec, " a = 4096 , b_2-x = 256m "), HF_OK);
    CHECK_EQ(spec.region[1].bytes, HF_HEAP_BYTES_MAX);
}

static void spec_wrong_budgets_are_refused(void)
{
    static const struct {
        const char *text;
        int status;
    } wrong[] = {
        {"", HF_E_FORMAT},
        {"internal", HF_E_FORMAT},
        {"internal=", HF_E_FORMAT},
        {"internal=K", HF_E_FORMAT},
        {"internal=1G", HF_E_FORMAT},
        {"internal=-1", HF_E_FORMAT},
        {"internal=0x1000", HF_E_FORMAT},
        {"internal=320K,", HF_E_FORMAT},
        {",internal=320K", HF_E_FORMAT},
        {"Internal=320K", HF_E_FORMAT},
        {"a-name-of-17-bytes=320K", HF_E_FORMAT},
        {"a=4K,a=8K", HF_E_FORMAT},
        {"a=4K b=8K", HF_E_FORMAT},
        {"a=4095", HF_E_RANGE},
        {"a=257M", HF_E_RANGE},
        {"a=99999999999999999999", HF_E_FORMAT},
        {"a=18446744073709551617M", HF_E_FORMAT},
        {"a=4294967295M", HF_E_RANGE},
        {"a=4K,b=4K,c=4K,d=4K,e=4K", HF_E_FULL},
    };
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        hf_heap_spec_t spec;
        const int status = budget(&spec, wrong[i].text);
        if (status != wrong[i].status) {
            HF_TEST_FAIL("'%s' is %d, expected %d", wrong[i].text, status, wrong[i].status);
        }
    }
}

static void spec_reserve_is_of_the_budget(void)
{
    hf_heap_spec_t spec;
    CHECK_EQ(budget(&spec, "internal=320K,psram=8M"), HF_OK);
    CHECK_EQ(hf_heap_reserve_parse(&spec, "internal=200K", &error), HF_OK);
    CHECK_EQ(spec.region[0].reserve_bytes, 204800);
    CHECK_EQ(spec.region[1].reserve_bytes, 0);
    CHECK_EQ(hf_heap_reserve_parse(&spec, "dma=1K", &error), HF_E_NOT_FOUND);
    CHECK_EQ(hf_heap_reserve_parse(&spec, "internal=320K", &error), HF_E_RANGE);
}

static int rules(hf_heap_routes_t *routes, const char *text)
{
    hf_heap_spec_t spec;
    memset(routes, 0, sizeof *routes);
    CHECK_EQ(budget(&spec, "internal=320K,psram=8M,own=4K"), HF_OK);
    return hf_heap_routes_parse(routes, &spec, text, &error);
}

static void spec_rules_are_read_in_order(void)
{
    hf_heap_routes_t routes;
    CHECK_EQ(rules(&routes, "# where it goes\n lib:libx*.so, size:2K = psram > own ;\n\n"
                            "tag:net=psram;dma=internal # the rest\n stacks = own; *=internal"),
             HF_OK);
    CHECK_EQ(routes.count, 4);
    CHECK_STR(routes.rule[0].who.library, "libx*.so");
    CHECK_EQ(routes.rule[0].who.least_bytes, 2048);
    CHECK_EQ(routes.rule[0].count, 2);
    CHECK_EQ(routes.rule[0].region[0], 1);
    CHECK_EQ(routes.rule[0].region[1], 2);
    CHECK_STR(routes.rule[1].who.tag, "net");
    CHECK(routes.rule[2].who.is_dma && !routes.rule[3].who.is_dma);
    CHECK_EQ(routes.stacks, 2);
}

static void spec_usual_rules_fit_any_budget(void)
{
    static const char *const budgets[] = {"internal=4K", "psram=4K", "x=4K",
                                          "internal=320K,psram=8M,dma=64K"};
    static const unsigned count[] = {3, 10, 0, 12};
    for (size_t i = 0; i < HF_COUNT_OF(budgets); i++) {
        hf_heap_spec_t spec;
        hf_heap_routes_t routes = {.count = 0};
        CHECK_EQ(budget(&spec, budgets[i]), HF_OK);
        CHECK_EQ(hf_heap_routes_parse(&routes, &spec, hf_heap_default_routes, &error), HF_OK);
        CHECK_EQ(routes.count, count[i]);
    }
}

static void spec_rules_before_the_usual_ones_keep_their_stacks(void)
{
    hf_heap_routes_t routes;
    CHECK_EQ(rules(&routes, "stacks=psram;stacks=internal"), HF_OK);
    CHECK_EQ(routes.stacks, 1);
}

static void spec_wrong_rules_are_refused(void)
{
    static const struct {
        const char *text;
        int status;
    } wrong[] = {
        {"psram", HF_E_FORMAT},
        {"=psram", HF_E_FORMAT},
        {"*=", HF_E_NOT_FOUND},
        {"*=elsewhere", HF_E_NOT_FOUND},
        {"*=psram>", HF_OK}, // nothing behind the last one
        {"*=psram>>own", HF_E_NOT_FOUND},
        {"lib:=psram", HF_E_FORMAT},
        {"libx=psram", HF_E_FORMAT},
        {"size:big=psram", HF_E_FORMAT},
        {"tag:a,,dma=psram", HF_E_FORMAT},
        {"tag:a-name-that-is-much-longer-than-a-pattern-may-be=psram", HF_E_FORMAT},
        {"*=own>own>own>own>own", HF_E_FULL},
    };
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        hf_heap_routes_t routes;
        const int status = rules(&routes, wrong[i].text);
        if (status != wrong[i].status) {
            HF_TEST_FAIL("'%s' is %d, expected %d", wrong[i].text, status, wrong[i].status);
        }
    }
    char many[HF_HEAP_RULES_MAX * 8u + 16u] = "";
    for (size_t i = 0; i <= HF_HEAP_RULES_MAX; i++) {
        (void)strcat(many, "*=own;");
    }
    hf_heap_routes_t routes;
    CHECK_EQ(rules(&routes, many), HF_E_FULL);
    CHECK_EQ(routes.count, HF_HEAP_RULES_MAX);
}

static void spec_the_take_that_fails(void)
{
    hf_heap_fail_t fail;
    CHECK_EQ(hf_heap_fail_parse(&fail, "17", &error), HF_OK);
    CHECK(fail.number == 17 && !fail.is_from_arm && !fail.and_all_after);
    CHECK_EQ(hf_heap_fail_parse(&fail, "arm:lib:libcurl*,size:64@3+", &error), HF_OK);
    CHECK(fail.number == 3 && fail.is_from_arm && fail.and_all_after);
    CHECK_STR(fail.who.library, "libcurl*");
    CHECK_EQ(fail.who.least_bytes, 64);
    static const char *const wrong[] = {"",    "0",  "x",   "arm:", "1K",         "+",
                                        "1++", "-1", "x@1", "@1",   "4294967296", "1 1"};
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        if (hf_heap_fail_parse(&fail, wrong[i], &error) == HF_OK) {
            HF_TEST_FAIL("'%s' was taken", wrong[i]);
        }
    }
}

static void spec_patterns_fit_as_in_a_shell(void)
{
    CHECK(hf_heap_glob("libssl.so*", "libssl.so.3"));
    CHECK(hf_heap_glob("*", "") && hf_heap_glob("", "") && hf_heap_glob("**", "x"));
    CHECK(hf_heap_glob("*.so", "a.so.so") && hf_heap_glob("a*b*c", "aXbXbc"));
    CHECK(hf_heap_glob("a?c", "abc") && !hf_heap_glob("a?c", "ac"));
    CHECK(!hf_heap_glob("libssl.so*", "libssl3.so") && !hf_heap_glob("", "x"));
    CHECK(!hf_heap_glob("a*b", "a") && !hf_heap_glob("abc", "ab") && !hf_heap_glob("ab", "abc"));
}

HF_TEST_MAIN(HF_TEST(spec_budget_is_read), HF_TEST(spec_wrong_budgets_are_refused),
             HF_TEST(spec_reserve_is_of_the_budget), HF_TEST(spec_rules_are_read_in_order),
             HF_TEST(spec_usual_rules_fit_any_budget),
             HF_TEST(spec_rules_before_the_usual_ones_keep_their_stacks),
             HF_TEST(spec_wrong_rules_are_refused), HF_TEST(spec_the_take_that_fails),
             HF_TEST(spec_patterns_fit_as_in_a_shell))
