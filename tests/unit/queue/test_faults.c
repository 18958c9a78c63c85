/* SPDX-License-Identifier: Apache-2.0
 *
 * Every call of the disk log to the file system fails once, at each position of one scenario, in each way; then the
 * process is killed or the power goes. What was acknowledged and not released must be found again, in order, and
 * nothing that was not appended.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "core/memory.h"
#include "faulty_files.h"
#include "fixtures.h"

enum { GROUPS = 6, GROUP_RECORDS = 4, ROUNDS = 2, NUMBERS_MAX = GROUPS * GROUP_RECORDS * ROUNDS, SEGMENT_BYTES = 700 };

/* What the scenario did with each record. */
typedef enum record_fate { NOT_APPENDED, REFUSED, KEPT, RELEASED } record_fate;

typedef struct scenario {
    faulty_files faulty;
    weir_disk_log *log;
    record_fate fates[NUMBERS_MAX];
    weir_disk_position positions[NUMBERS_MAX]; /* of those handed out */
    bool handed[NUMBERS_MAX];
    bool gave_up;            /* the log could not be opened */
    bool refused_may_return; /* what a failed append wrote could not be cut off, or the disk forgot that it was */
} scenario;

static size_t name_len_of(uint64_t number)
{
    return 20 + number * 7 % 60;
}

static weir_status open_it(scenario *self)
{
    weir_disk_log_settings settings = settings_of(&self->faulty.super, "/q/log", SEGMENT_BYTES);
    weir_error error;
    return weir_disk_log_open(&settings, &self->log, &error);
}

/* A start that failed is tried again, as an orchestrator does. */
static void open_twice(scenario *self)
{
    self->log = NULL;
    self->gave_up = open_it(self) != WEIR_OK && open_it(self) != WEIR_OK;
}

static void append_group(scenario *self, uint64_t first)
{
    weir_batch *batches[GROUP_RECORDS];
    weir_record_image images[GROUP_RECORDS];
    const weir_record_image *borrowed[GROUP_RECORDS];
    weir_disk_position positions[GROUP_RECORDS];
    for (unsigned i = 0; i < GROUP_RECORDS; i++) {
        batches[i] = a_batch(WEIR_TRACES, first + i, 1, name_len_of(first + i));
        weir_record_image_init(&images[i], batches[i], NULL, NULL);
        borrowed[i] = &images[i];
    }
    weir_error error;
    weir_status status = weir_disk_log_append(self->log, borrowed, GROUP_RECORDS, 1000 + first, positions, &error);
    for (unsigned i = 0; i < GROUP_RECORDS; i++) {
        self->fates[first + i] = status == WEIR_OK ? KEPT : REFUSED;
        if (status == WEIR_OK && i % 2 == 0 && weir_disk_log_take(self->log, positions[i])) {
            self->positions[first + i] = positions[i];
            self->handed[first + i] = true;
        }
        weir_record_image_done(&images[i]);
        weir_batch_free(batches[i]);
    }
}

static void read_some(scenario *self, unsigned count)
{
    for (unsigned tries = 2 * count; count > 0 && tries > 0; tries--) {
        weir_record record;
        weir_disk_position position;
        weir_error error;
        weir_status status = weir_disk_log_read(self->log, NULL, &record, &position, &error);
        if (status == WEIR_NOT_FOUND)
            return;
        if (status != WEIR_OK)
            continue;
        uint64_t number = number_of(&record);
        cr_assert_lt(number, NUMBERS_MAX);
        cr_assert(is_record_of(&record, WEIR_TRACES, number, 1, name_len_of(number)));
        weir_record_done(&record);
        self->positions[number] = position;
        self->handed[number] = true;
        count--;
    }
}

/* Those whose number is not one before a multiple of `spared`. */
static void release_handed(scenario *self, unsigned spared)
{
    for (unsigned number = 0; number < NUMBERS_MAX; number++) {
        if (!self->handed[number] || number % spared == spared - 1)
            continue;
        weir_error error;
        (void)!weir_disk_log_release(self->log, &self->positions[number], 1, &error);
        self->handed[number] = false;
        self->fates[number] = RELEASED;
    }
}

/* In the process that refused a record it must not be handed out. */
static void assert_no_refused_was_handed_out(const scenario *self, unsigned first)
{
    for (unsigned number = first; number < NUMBERS_MAX; number++)
        cr_assert_not(self->handed[number] && self->fates[number] == REFUSED, "record %u", number);
}

static void run_round(scenario *self, unsigned round)
{
    unsigned first = round * GROUPS * GROUP_RECORDS;
    memset(self->handed, 0, sizeof self->handed);
    open_twice(self);
    if (self->gave_up)
        return;
    for (unsigned group = 0; group < GROUPS; group++) {
        append_group(self, first + group * GROUP_RECORDS);
        read_some(self, group % 3 * 3);
        assert_no_refused_was_handed_out(self, first);
        if (group % 2 == 1)
            release_handed(self, group == GROUPS - 1 ? NUMBERS_MAX + 1 : 5);
    }
    weir_disk_log_close(self->log);
}

static void run_rounds(scenario *self)
{
    self->faulty.super.mkdir(&self->faulty.super, "/q", 0700);
    self->faulty.super.sync_folder(&self->faulty.super, "");
    self->faulty.calls[FAULTY_SYNC_FOLDER] = 0;
    self->faulty.calls[FAULTY_MKDIR] = 0;
    for (unsigned round = 0; round < ROUNDS && !self->gave_up; round++)
        run_round(self, round);
}

/* What is there afterwards is what was kept, with perhaps some that was refused or released between. */
static void check(scenario *self)
{
    faulty_heal(&self->faulty);
    cr_assert_eq(open_it(self), WEIR_OK);
    uint64_t found[NUMBERS_MAX];
    size_t count = read_all(self->log, found, NUMBERS_MAX);
    unsigned next = 0;
    for (size_t i = 0; i < count; i++) {
        cr_assert_lt(found[i], NUMBERS_MAX);
        cr_assert_neq(self->fates[found[i]], NOT_APPENDED);
        cr_assert(self->refused_may_return || self->fates[found[i]] != REFUSED, "%u was refused", (unsigned)found[i]);
        cr_assert_geq(found[i], next, "%u came before %u", (unsigned)found[i], next);
        for (; next < found[i]; next++)
            cr_assert_neq(self->fates[next], KEPT, "record %u is lost", next);
        next = (unsigned)found[i] + 1;
    }
    for (; next < NUMBERS_MAX; next++)
        cr_assert_neq(self->fates[next], KEPT, "record %u is lost", next);
    cr_assert_eq(weir_disk_log_count(self->log).damaged_records, 0);
    weir_disk_log_close(self->log);
}

typedef enum ending { KILL, POWER_CUT, POWER_CUT_TORN, ENDINGS } ending;

/* What fails: see faulty_files. */
typedef struct fault_plan {
    faulty_call call;
    faulty_failure failure;
    bool forever;
    faulty_call also_call;
} fault_plan;

/* True if the call was reached. */
static bool run_with(const fault_plan *plan, unsigned position, ending end)
{
    scenario *self = WEIR_NEW(scenario);
    faulty_files_init(&self->faulty);
    self->faulty.fail_call = plan->call;
    self->faulty.fail_at = position;
    self->faulty.failure = plan->failure;
    self->faulty.forever = plan->forever;
    self->faulty.also_call = plan->also_call;
    run_rounds(self);
    bool only_writes_fail = plan->call == FAULTY_PWRITEV && plan->also_call == FAULTY_CALLS;
    self->refused_may_return = !only_writes_fail || end != KILL;
    bool reached = self->faulty.calls[plan->call] >= position;
    if (end == KILL)
        faulty_kill(&self->faulty);
    else
        faulty_power_cut(&self->faulty, end == POWER_CUT ? 0 : 60);
    check(self);
    faulty_files_done(&self->faulty);
    free(self);
    return reached;
}

/* Gives how many positions there are. */
static unsigned run_all_positions(const fault_plan *plan)
{
    unsigned position = 1;
    for (bool reached = true; reached; position++) {
        reached = false;
        for (ending end = KILL; end < ENDINGS; end++)
            reached |= run_with(plan, position, end);
    }
    return position - 2;
}

static void fail_everywhere(faulty_call call)
{
    static const int errors[] = {ENOSPC, EIO};
    for (size_t i = 0; i < WEIR_COUNT_OF(errors); i++) {
        fault_plan plan = {.call = call, .failure = {.error = errors[i]}, .also_call = FAULTY_CALLS};
        cr_assert_gt(run_all_positions(&plan), 0, "%s is never called", faulty_call_name(call));
        plan.forever = true;
        run_all_positions(&plan);
    }
}

Test(disk_log_faults, nothing_is_lost_when_nothing_fails)
{
    static const fault_plan nothing = {.also_call = FAULTY_CALLS};
    for (ending end = KILL; end < ENDINGS; end++)
        run_with(&nothing, 0, end);
}

Test(disk_log_faults, open)
{
    fail_everywhere(FAULTY_OPEN);
}

Test(disk_log_faults, pread)
{
    fail_everywhere(FAULTY_PREAD);
}

Test(disk_log_faults, read)
{
    fail_everywhere(FAULTY_READ);
}

Test(disk_log_faults, pwritev)
{
    fail_everywhere(FAULTY_PWRITEV);
}

static const faulty_failure parts[] = {{.part = FAULTY_ONE_BYTE},
                                       {.part = FAULTY_HALF},
                                       {.part = FAULTY_ONE_BYTE, .error = ENOSPC},
                                       {.part = FAULTY_HALF, .error = EIO}};

Test(disk_log_faults, short_pwritev)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        const fault_plan plan = {.call = FAULTY_PWRITEV, .failure = parts[i], .also_call = FAULTY_CALLS};
        cr_assert_gt(run_all_positions(&plan), 0);
    }
}

/* What a write left cannot be cut off: the segment must not be written to again. */
Test(disk_log_faults, pwritev_and_then_ftruncate)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        const fault_plan plan = {.call = FAULTY_PWRITEV, .failure = parts[i], .also_call = FAULTY_FTRUNCATE};
        run_all_positions(&plan);
    }
}

Test(disk_log_faults, fdatasync)
{
    fail_everywhere(FAULTY_FDATASYNC);
}

Test(disk_log_faults, fstat)
{
    fail_everywhere(FAULTY_FSTAT);
}

Test(disk_log_faults, unlink)
{
    fail_everywhere(FAULTY_UNLINK);
}

Test(disk_log_faults, mkdir)
{
    fail_everywhere(FAULTY_MKDIR);
}

Test(disk_log_faults, sync_folder)
{
    fail_everywhere(FAULTY_SYNC_FOLDER);
}

Test(disk_log_faults, list)
{
    fail_everywhere(FAULTY_LIST);
}

Test(disk_log_faults, ftruncate)
{
    fail_everywhere(FAULTY_FTRUNCATE);
}
