// SPDX-License-Identifier: MIT
// Scenarios: the built-in ones are found and whole; whatever is wrong in a file is refused with the place and the reason.
#include "hf_test.h"
#include "lab_scenario.h"

#include <stdlib.h>

#define HEAD "\"schema\":1,\"key\":\"k\",\"title\":\"t\","

static lab_scenario_t *parse(const char *text, char why[LAB_WHY_BYTES])
{
    return lab_scenario_parse(text, strlen(text), why);
}

static void scenario_builtin_each_is_whole_and_found(void)
{
    char why[LAB_WHY_BYTES];
    unsigned count = 0;
    for (const lab_builtin_t *builtin; (builtin = lab_scenario_builtin(count)) != NULL; count++) {
        lab_scenario_t *scenario = lab_scenario_find(builtin->name, why);
        if (scenario == NULL) {
            HF_TEST_FAIL("%s: %s", builtin->name, why);
            continue;
        }
        CHECK_STR(scenario->key, builtin->name);
        CHECK(scenario->description != NULL);
        free(scenario);
    }
    CHECK_EQ(count, 13); // S1 to S12, and by hand
}

static void scenario_names_of_old_are_aliases(void)
{
    static const char *const names[][2] = {
        {"S1", "s1_boot_idle"},   {"boot", "s1_boot_idle"},      {"portal", "s2_portal_load"},
        {"s3", "s3_bulk_upload"}, {"macros", "s4_config_apply"}, {"s4_macros", "s4_config_apply"},
        {"mqtt", "s5_mqtt"},      {"browser", "s6_browser"},     {"s12", "s12_soak"},
        {"manual", "prompt"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char why[LAB_WHY_BYTES];
        lab_scenario_t *scenario = lab_scenario_find(names[i][0], why);
        REQUIRE(scenario != NULL);
        CHECK_STR(scenario->key, names[i][1]);
        free(scenario);
    }
}

static void scenario_wrong_is_refused_with_its_place(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"[]", "a scenario must be an object"},
        {"{", "no JSON"},
        {"{\"schema\":2,\"key\":\"k\",\"title\":\"t\",\"steps\":[]}",
         "'schema' must be a whole number from 1 to 1"},
        {"{\"key\":\"k\",\"title\":\"t\",\"stepped\":{\"hours\":1,\"sessions\":10}}",
         "'schema' is missing: 1"},
        {"{" HEAD "\"steps\":[]}", "it has neither 'steps' nor 'stepped'"},
        {"{" HEAD "\"stepps\":[]}", "'stepps' is no field of a scenario"},
        {"{" HEAD "\"steps\":[{\"do\":\"dance\"}]}", "steps[0]: there is no step 'dance'"},
        {"{" HEAD "\"steps\":[{\"do\":\"sleep\"}]}", "steps[0] (sleep): 'seconds' is missing"},
        {"{" HEAD "\"steps\":[{\"do\":\"sleep\",\"seconds\":\"1\"}]}",
         "steps[0] (sleep): 'seconds' must be a number from 0.000 to 604800.000"},
        {"{" HEAD "\"steps\":[{\"do\":\"sleep\",\"seconds\":-1}]}",
         "steps[0] (sleep): 'seconds' must be a number from 0.000 to 604800.000"},
        {"{" HEAD "\"steps\":[{\"do\":\"note\",\"text\":\"a\"},{\"do\":\"http\",\"path\":\"x\"}]}",
         "steps[1] (http): 'path' must begin with a slash"},
        {"{" HEAD "\"steps\":[{\"do\":\"http\",\"path\":\"/\",\"method\":\"STEAL\"}]}",
         "steps[0] (http): 'method' is 'STEAL', not one of: GET POST PUT DELETE HEAD PATCH"},
        {"{" HEAD "\"steps\":[{\"do\":\"http\",\"path\":\"/\",\"method\":\"PO\"}]}",
         "steps[0] (http): 'method' is 'PO', not one of: GET POST PUT DELETE HEAD PATCH"},
        {"{" HEAD
         "\"steps\":[{\"do\":\"http\",\"path\":\"/\",\"method\":\"POST\",\"body\":1,\"bytes\":2}]}",
         "steps[0] (http): only one of 'body', 'file', 'bytes' and 'body_from' can be its body"},
        {"{" HEAD "\"steps\":[{\"do\":\"http\",\"path\":\"/\",\"expect\":99}]}",
         "steps[0] (http): 'expect' must be a whole number from 100 to 599"},
        {"{" HEAD "\"steps\":[{\"do\":\"sleep\",\"seconds\":1,\"seconds\":2}]}",
         "steps[0] (sleep): 'seconds' is there twice"},
        {"{" HEAD "\"steps\":[{\"do\":\"sleep\",\"seconds\":1,\"tag\":\"hb\"}]}",
         "steps[0] (sleep): 'tag' is no field of it"},
        {"{" HEAD "\"steps\":[{\"do\":\"wait_line\",\"pattern\":\"(\"}]}",
         "steps[0] (wait_line): 'pattern' is no extended regular expression"},
        {"{" HEAD "\"steps\":[{\"do\":\"wait_line\",\"pattern\":\"a{2}\"}]}",
         "steps[0] (wait_line): 'pattern' may have no intervals in braces"},
        {"{" HEAD "\"steps\":[{\"do\":\"net_up\"}]}", "step 0 (net_up): it is up already"},
        {"{" HEAD "\"steps\":[{\"do\":\"csms_down\"},{\"do\":\"csms_down\"},{\"do\":\"csms_up\"}]}",
         "step 1 (csms_down): it is down already"},
        {"{" HEAD "\"steps\":[{\"do\":\"net_down\"}]}", "net_down is never followed by net_up"},
        {"{" HEAD
         "\"steps\":[{\"do\":\"repeat\",\"times\":2,\"steps\":[{\"do\":\"sleep\",\"seconds\":1},"
         "{\"do\":\"tell\",\"to\":\"me\",\"line\":\"x\"}]}]}",
         "steps[0].steps[1] (tell): 'to' is 'me', not one of: vehicle central"},
        {"{" HEAD "\"steps\":[{\"do\":\"repeat\",\"steps\":[{\"do\":\"sleep\",\"seconds\":1}]}]}",
         "steps[0] (repeat): either 'times' or 'hours' is needed"},
        {"{" HEAD "\"steps\":[{\"do\":\"repeat\",\"times\":1,\"steps\":[]}]}",
         "steps[0] (repeat): 'steps' must be an array of one step or more"},
        {"{" HEAD "\"stepped\":{\"hours\":1}}", "stepped: 'hours' and 'sessions' are needed"},
        {"{\"schema\":1,\"key\":\"../"
         "x\",\"title\":\"t\",\"stepped\":{\"hours\":1,\"sessions\":10}}",
         "'key' may have small letters, digits, _ and - only: it names a directory"},
        {"{" HEAD "\"steps\":[{\"do\":\"note\",\"id\":\"a\",\"text\":\"x\"},{\"do\":\"note\","
         "\"id\":\"a\",\"text\":\"x\"}]}",
         "the id 'a' is there twice"},
        {"{" HEAD "\"needs\":[\"beer\"],\"steps\":[]}", "needs: 'beer' is not known; 'broker' is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[LAB_WHY_BYTES];
        lab_scenario_t *scenario = parse(cases[i].text, why);
        CHECK(scenario == NULL);
        CHECK_STR(why, cases[i].why);
        free(scenario);
    }
}

static void scenario_repeats_are_flattened_in_order(void)
{
    char why[LAB_WHY_BYTES];
    lab_scenario_t *scenario = parse(
        "{" HEAD
        "\"steps\":[{\"do\":\"repeat\",\"times\":2,\"steps\":[{\"do\":\"note\",\"text\":\"a\"},"
        "{\"do\":\"repeat\",\"times\":3,\"steps\":[{\"do\":\"note\",\"text\":\"b\"}]}]},"
        "{\"do\":\"note\",\"text\":\"c\"}]}",
        why);
    REQUIRE(scenario != NULL);
    CHECK_EQ(scenario->acts, 5);
    CHECK_EQ(scenario->act[0].end, 4);
    CHECK_STR(scenario->act[1].text, "a");
    CHECK_EQ(scenario->act[2].end, 4);
    CHECK_STR(scenario->act[3].text, "b");
    CHECK_STR(scenario->act[4].text, "c");
    free(scenario);
}

static void scenario_what_it_needs_is_derived(void)
{
    char why[LAB_WHY_BYTES];
    lab_scenario_t *pages = lab_scenario_find("s2", why), *can = lab_scenario_find("s7", why);
    REQUIRE(pages != NULL && can != NULL);
    CHECK(pages->needs_http && !pages->needs_sim);
    CHECK(can->needs_sim && !can->needs_http);
    free(pages);
    free(can);
}

static void scenario_of_too_many_bytes_or_steps_is_refused(void)
{
    char why[LAB_WHY_BYTES];
    static char text[LAB_SCENARIO_BYTES_MAX + 2];
    memset(text, ' ', sizeof text - 1);
    CHECK(parse(text, why) == NULL);
    CHECK_STR(why, "longer than 65536 bytes");
    size_t used = (size_t)snprintf(text, sizeof text, "{" HEAD "\"steps\":[");
    for (unsigned i = 0; i <= LAB_ACTS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s{\"do\":\"note\",\"text\":\"x\"}", i > 0 ? "," : "");
    }
    (void)snprintf(text + used, sizeof text - used, "]}");
    CHECK(parse(text, why) == NULL);
    CHECK_STR(why, "steps[128]: more than 128 steps");
}

HF_TEST_MAIN(HF_TEST(scenario_builtin_each_is_whole_and_found),
             HF_TEST(scenario_names_of_old_are_aliases),
             HF_TEST(scenario_wrong_is_refused_with_its_place),
             HF_TEST(scenario_repeats_are_flattened_in_order),
             HF_TEST(scenario_what_it_needs_is_derived),
             HF_TEST(scenario_of_too_many_bytes_or_steps_is_refused))
