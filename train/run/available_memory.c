#include "train/run/available_memory.h"

#include <stdio.h>
#include <string.h>

/* The number behind `key` in a file of "key number" lines; with key NULL, the file's only number. -1: none ("max", no file). */
static int64_t number_in(const char *path, const char *key)
{
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    char line[512];
    long long number = -1;
    while (fgets(line, sizeof line, file)) {
        size_t n = key ? strlen(key) : 0;
        if (key && (strncmp(line, key, n) || !strchr(": \t", line[n]))) continue;
        if (sscanf(line + n + (key && line[n] == ':'), "%lld", &number) == 1) break;
    }
    fclose(file);
    return number;
}

/* What a cgroup leaves: its limit less what it holds that cannot be dropped; page cache can. -1: no limit. */
static int64_t left_in_cgroup(const char *folder, const char *limit_name, const char *current_name, const char *cache_key)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    int64_t limit = number_in(path, NULL);
    if (limit < 0 || limit > (int64_t)1 << 60) return -1;
    snprintf(path, sizeof path, "%s/%s", folder, current_name);
    int64_t current = number_in(path, NULL);
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    int64_t cache = number_in(path, cache_key), left = limit - (current > 0 ? current : 0) + (cache > 0 ? cache : 0);
    return left < 0 ? 0 : left < limit ? left : limit;
}

static int64_t smaller(int64_t least, int64_t other) { return other >= 0 && other < least ? other : least; }

/* This process's cgroup and all above it (version 2); a limit stands at any of them. */
static int64_t left_in_cgroups(void)
{
    char folder[1024] = "/sys/fs/cgroup", line[900];
    int64_t least = INT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file && fgets(line, sizeof line, file) && !strncmp(line, "0::", 3)) {
        line[strcspn(line, "\n")] = 0;
        snprintf(folder, sizeof folder, "/sys/fs/cgroup%s", line + 3);
    }
    if (file) fclose(file);
    while (strlen(folder) >= strlen("/sys/fs/cgroup")) {
        least = smaller(least, left_in_cgroup(folder, "memory.max", "memory.current", "file"));
        *strrchr(folder, '/') = 0;
    }
    return smaller(least, left_in_cgroup("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"));
}

int64_t available_memory(void)
{
    int64_t kilobytes = number_in("/proc/meminfo", "MemAvailable"), least = left_in_cgroups();
    return kilobytes < 0 ? least : smaller(least, kilobytes * 1024);
}
