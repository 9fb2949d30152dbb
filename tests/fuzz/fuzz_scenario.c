// SPDX-License-Identifier: MIT
// Any bytes as a scenario of the lab. Invariants: it is refused with a sentence, or every step is of a known kind with
// what it requires, every repeat ends after its first step and within the one around it, and every text ends.
#include "fuzz.h"
#include "lab_scenario.h"

#include <string.h>

/// None is compiled in here.
const lab_builtin_t *lab_scenario_builtin(unsigned n)
{
    (void)n;
    return NULL;
}

static void check_text(const lab_scenario_t *scenario, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        must(text >= scenario->text && text < scenario->text + scenario->used);
        must(memchr(text, '\0', (size_t)(scenario->text + scenario->used - text)) != NULL);
    }
}

static void check_act(const lab_scenario_t *scenario, uint32_t index)
{
    const lab_act_t *act = &scenario->act[index];
    must((unsigned)act->what < LAB_DO_COUNT);
    must(act->limit_ms >= 0 && act->ms >= 0);
    const char *const texts[] = {act->id,   act->title, act->pattern, act->tag,  act->path,
                                 act->body, act->keep,  act->paths,   act->line, act->where};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_text(scenario, texts[i]);
    }
    if (act->what == LAB_DO_REPEAT) {
        must(act->end > index + 1 && act->end <= scenario->acts);
        must((act->times > 0) != (act->hours > 0));
    }
    must(act->what != LAB_DO_HTTP || act->path != NULL);
    must(act->what != LAB_DO_BURST || act->paths != NULL);
    must(act->what != LAB_DO_WAIT_TAG || act->tag != NULL);
    must(act->what != LAB_DO_TELL || (act->to != NULL && act->line != NULL));
}

static void check_nesting(const lab_scenario_t *scenario)
{
    for (uint32_t i = 0; i < scenario->acts; i++) {
        for (uint32_t k = i + 1; k < scenario->act[i].end; k++) {
            must(scenario->act[k].end <= scenario->act[i].end);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[LAB_WHY_BYTES];
    lab_scenario_t *scenario = lab_scenario_parse((const char *)data, size, why);
    must((scenario == NULL) == (why[0] != '\0'));
    must(strlen(why) < sizeof why);
    if (scenario == NULL) {
        return 0;
    }
    must(scenario->key != NULL && scenario->title != NULL && scenario->acts <= LAB_ACTS_MAX);
    must(scenario->acts > 0 || scenario->stepped.is_there);
    for (uint32_t i = 0; i < scenario->acts; i++) {
        check_act(scenario, i);
    }
    check_nesting(scenario);
    free(scenario);
    return 0;
}
