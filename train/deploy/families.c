#include "train/deploy/families.h"

#include <stdio.h>

#include "train/keys.h"
#include "train/model/family.h"

static void help(void)
{
    printf("graft families lists the model families that can be fine-tuned.\n\nusage: graft families\n\n"
           "model_type    what config.json says\n"
           "text of       the multimodal models whose text part is such a model\n"
           "GGUF          general.architecture of GGUF files\n"
           "targets       the modules that are adapted when lora_target_modules is not given, as PEFT chooses them\n");
}

static const char *or_none(const char *name) { return name ? name : "-"; }

static void line(const char *model_type, const char *text_of, const char *architecture, const char *targets)
{
    printf("%-14s %-10s %-12s %s\n", model_type, text_of, architecture, targets);
}

static void family_line(const Family *f)
{
    Buffer targets = {0};
    for (int i = 0; i < FAMILY_TARGETS && f->default_targets[i]; i++) buffer_format(&targets, "%s%s", i ? ", " : "", f->default_targets[i]);
    line(f->model_type, or_none(f->text_of), or_none(f->architecture), or_none(targets.data));
    buffer_free(&targets);
}

Status families_command(int argc, char **argv)
{
    if (keys_want_help(argc, argv)) {
        help();
        return STATUS_OK;
    }
    if (argc) return fail(STATUS_INPUT, "found \"%s\"; graft families takes nothing", argv[0]);
    line("model_type", "text of", "GGUF", "targets");
    for (int i = 0; family_at(i); i++) family_line(family_at(i));
    return STATUS_OK;
}
