#include <stdio.h>

#include "train/cli.h"

int main(int argc, char **argv)
{
    Status status = cli_run(argc, argv);
    if (status != STATUS_OK && status != STATUS_STOPPED) fprintf(stderr, "graft: error: %s\n", status_message());
    return (int)status;
}
