#include "train/cli.h"

#include <stdio.h>
#include <string.h>

#include "train/deploy/families.h"
#include "train/deploy/generate.h"
#include "train/deploy/inspect.h"
#include "train/rows/lint.h"
#include "train/rows/tokenize.h"
#include "train/run/plan.h"
#include "train/run/trainer.h"

typedef struct { const char *name, *summary; Status (*run)(int argc, char **argv); } Command;

static Status version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("graft %s\n", GRAFT_VERSION);
    return STATUS_OK;
}

static Status sft(int argc, char **argv)
{
    if (keys_want_help(argc, argv)) {
        recipe_help(stdout);
        return STATUS_OK;
    }
    Trainer trainer = {0};
    Status status = trainer_open(&trainer, argc, argv);
    if (status == STATUS_OK && trainer.recipe.plan) plan_print(&trainer, stdout);
    else if (status == STATUS_OK) status = trainer_train(&trainer);
    trainer_close(&trainer);
    return status;
}

static const Command commands[] = {
    { "sft", "fine-tune a model on examples", sft },
    { "generate", "let a model answer, with or without an adapter", generate_command },
    { "inspect", "say what a model, adapter, checkpoint or file of tensors is", inspect_command },
    { "families", "list the model families that can be fine-tuned", families_command },
    { "lint", "say what is wrong with the rows of a dataset", lint_command },
    { "tokenize", "show the tokens and labels of each row of a file", tokenize_command },
    { "version", "print the version", version },
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static Status help(void)
{
    printf("graft grafts a LoRA adapter onto a frozen language model.\n\nusage: graft COMMAND [--key value ...]\n\n");
    for (int i = 0; i < N_COMMANDS; i++) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`graft COMMAND --help` lists a command's keys.\n");
    return STATUS_OK;
}

Status cli_run(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help") || !strcmp(argv[1], "-h")) return help();
    if (!strcmp(argv[1], "--version")) return version(0, NULL);
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 2, argv + 2);
    return fail(STATUS_INPUT, "no command named \"%s\"; `graft --help` lists them", argv[1]);
}
