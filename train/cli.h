/* The command line: `graft COMMAND …`. One row per command; a command owns its flags and its help. */
#ifndef TRAIN_CLI_H
#define TRAIN_CLI_H
#include "kernels/status.h"

/* Runs one command and returns its status; on anything but STATUS_OK the error chain says why. */
Status cli_run(int argc, char **argv);

#endif
