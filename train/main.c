#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "train/cli.h"

/* A descriptor that came closed would be given to the next file that is opened, and messages would land in it. */
static void keep_standard_descriptors(void)
{
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv)
{
    keep_standard_descriptors();
    Status status = cli_run(argc, argv);
    if (status != STATUS_OK && status != STATUS_STOPPED) fprintf(stderr, "graft: error: %s\n", status_message());
    return (int)status;
}
