// SPDX-License-Identifier: MIT
// `holdfast lab list`: the scenarios that are compiled in.
#include "lab.h"
#include "lab_json.h"
#include "lab_scenario.h"
#include "lab_verbs.h"

#include <stdlib.h>
#include <string.h>

static int help(void)
{
    printf("Usage: holdfast lab list [--json]\n"
           "The scenarios that 'holdfast lab run' knows; it takes files of one's own, too.\n\n"
           "  --json     one object a line: key, id, aliases, title, description, needs\n"
           "  --help     this text\n");
    return LAB_PASS;
}

static const char *needs(const lab_scenario_t *scenario)
{
    if (scenario->needs_stepped) {
        return "stepped device";
    }
    return scenario->needs_sim ? "simulated device" : scenario->needs_http ? "HTTP" : "serial line";
}

static void print_json(const lab_scenario_t *scenario)
{
    lab_text_t text = {0}, aliases = {0};
    lab_object_t object;
    lab_text_put(&aliases, "[");
    for (unsigned i = 0; i < scenario->aliases; i++) {
        lab_text_put(&aliases, i > 0 ? ", " : "");
        lab_text_quote(&aliases, scenario->alias[i]);
    }
    lab_text_put(&aliases, "]");
    lab_object_begin(&object);
    lab_object_string(&object, "key", scenario->key);
    lab_object_string(&object, "id", scenario->id);
    lab_object_raw(&object, "aliases", aliases.text != NULL ? aliases.text : "[]", aliases.length);
    lab_object_string(&object, "title", scenario->title);
    lab_object_string(&object, "description", scenario->description);
    lab_object_string(&object, "needs", needs(scenario));
    lab_object_end(&object, &text);
    if (!text.failed && !aliases.failed) {
        printf("%s\n", text.text);
    }
    lab_text_free(&aliases);
    lab_text_free(&text);
}

static void print_text(const lab_scenario_t *scenario)
{
    printf("%-20s %s (%s", scenario->key, scenario->title, needs(scenario));
    for (unsigned i = 0; i < scenario->aliases; i++) {
        printf("%s%s", i == 0 ? "; also " : ", ", scenario->alias[i]);
    }
    printf(")\n%21s%s\n", "", scenario->description);
}

int lab_verb_list(int argc, char **argv)
{
    bool is_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return help();
    }
    if (argc > 1 && !is_json) {
        (void)lab_fail(LAB_USAGE, "list", "'%s' is not understood", argv[1]);
        return lab_usage_hint("list");
    }
    const lab_builtin_t *builtin;
    for (unsigned i = 0; (builtin = lab_scenario_builtin(i)) != NULL; i++) {
        char why[LAB_WHY_BYTES];
        lab_scenario_t *scenario = lab_scenario_parse(builtin->text, strlen(builtin->text), why);
        if (scenario == NULL) {
            return lab_fail(LAB_ENVIRONMENT, "list", "%s: %s", builtin->name, why);
        }
        if (is_json) {
            print_json(scenario);
        } else {
            print_text(scenario);
        }
        free(scenario);
    }
    return LAB_PASS;
}
