/* What a run says at its end: its speed beside what the machine could do, and where the time went. */
#include "tests/train/run/running.h"

#include <math.h>

typedef struct { double share, linear[2], tokens, of_peak, peak; int rows; } Said;

static Said read_log(const char *path)
{
    Said end = { .tokens = -1 };
    char line[512], name[16], direction[16];
    double seconds, share, rate;
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "speed %lf tokens/s, %lf GFLOP/s: %lf %% of the %lf", &end.tokens, &rate, &end.of_peak, &end.peak);
        if (sscanf(line, "  %15s %15s %lf s %lf %%", name, direction, &seconds, &share) != 4) continue;
        end.share += share;
        end.rows += strcmp(name, "the") != 0;      /* the rest */
        if (!strcmp(name, "linear")) end.linear[!strcmp(direction, "backward")] = share;
    }
    fclose(file);
    return end;
}

static void a_profile_is_printed_where_it_is_asked_for(void **state)
{
    (void)state;
    assert_ok(sft("--overwrite_output_dir --max_steps 4 --profile"));
    Said end = read_log("out/train.log");
    assert_true(end.rows >= 10 && end.linear[0] > 0 && end.linear[1] > 0);
    assert_true(fabs(end.share - 100) < 0.05 * (end.rows + 1));      /* each is rounded to a tenth */
    assert_true(end.tokens > 0 && end.of_peak >= 0 && end.peak > 0);
}

static void without_it_only_the_speed(void **state)
{
    (void)state;
    assert_ok(sft("--overwrite_output_dir --max_steps 4"));
    Said end = read_log("out/train.log");
    assert_true(end.rows == 0 && end.tokens > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_profile_is_printed_where_it_is_asked_for), cmocka_unit_test(without_it_only_the_speed) };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
