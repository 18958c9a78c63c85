# SPDX-License-Identifier: Apache-2.0
"""weir without a configuration: what it takes is on disk before it is answered and then in files, it goes on where it
was after kill -9, and what keeps it from starting is named."""

import json
import os
import re
import subprocess

import pytest

from support.collector import Collector, weir_binary
from support.load import GrpcClient, HttpClient, numbered, numbered_logs
from support.process import free_port, wait_until


class Embedded(Collector):
    """A run without --config: its ports are set, because the real ones are the same for everybody."""

    def __init__(self, directory, *words, **env):
        super().__init__("weir", weir_binary(), "{}", directory, True, {"HOME": directory, "XDG_STATE_HOME": "",
                                                                        "STATE_DIRECTORY": "", **env})
        self.argv = [weir_binary(), "--set", f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{self.grpc_port}",
                     "--set", f"receivers.otlp.protocols.http.endpoint=127.0.0.1:{self.http_port}", *map(str, words)]


@pytest.fixture
def embedded(tmp_path):
    """embedded(words…, NAME=value…): a run that keeps its state in tmp_path/state, not started yet."""
    runs = []

    def make(*words, **env):
        runs.append(Embedded(tmp_path, *(words or ("--state-dir", tmp_path / "state")), **env))
        return runs[-1]

    yield make
    try:
        for program in runs:
            if program.running:
                program.stop_cleanly()
    finally:
        for program in runs:
            program.kill()


NOBODY = 4711  # a user and a group that no account has


def let_through(folder):
    """Lets other users reach what is in `folder`."""
    for above in [folder, *list(folder.parents)[:-2]]:
        os.chmod(above, os.stat(above).st_mode | 0o011)


def send(program, numbers):
    client, log_client = GrpcClient(program), GrpcClient(program, "logs")
    for number in numbers:
        assert client.send(numbered([number]).SerializeToString()).ok
        assert log_client.send(numbered_logs([number]).SerializeToString()).ok
    client.close()
    log_client.close()


def spans_in(folder):
    """The span ids in traces.jsonl, as numbers, in order, as often as they are there."""
    return [int(span["spanId"], 16) for line in lines_of(folder, "traces") for of_resource in line["resourceSpans"]
            for scope in of_resource["scopeSpans"] for span in scope["spans"]]


def logs_in(folder):
    return [int(record["attributes"][0]["value"]["intValue"]) for line in lines_of(folder, "logs")
            for of_resource in line["resourceLogs"] for scope in of_resource["scopeLogs"] for record in scope["logRecords"]]


def lines_of(folder, signal):
    path = folder / f"{signal}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_what_was_sent_is_in_the_files_and_on_the_terminal(embedded, tmp_path):
    program = embedded().start()
    state = tmp_path / "state"
    send(program, range(1, 4))
    assert HttpClient(program).send(numbered([4]).SerializeToString()).ok

    wait_until(lambda: sorted(spans_in(state)) == [1, 2, 3, 4] and sorted(logs_in(state)) == [1, 2, 3], 10, "all in the files")
    program.stop_cleanly()

    output = program.output()
    assert f"{state}/traces.jsonl" in output and f"{state}/queue" in output
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} span  numbered +numbered ", output, re.MULTILINE)) == 4
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} log   numbered +INFO numbered$", output, re.MULTILINE)) == 3
    assert "\n7 exported, 0 on disk\n" in output


def test_much_is_shown_in_part_and_what_is_left_out_is_counted(embedded, tmp_path):
    program = embedded().start()
    client = GrpcClient(program)
    assert client.send(numbered(range(1, 101)).SerializeToString()).ok
    client.close()
    wait_until(lambda: len(spans_in(tmp_path / "state")) == 100, 10)
    program.stop_cleanly()
    shown = program.output().count(" span  numbered ")
    assert shown == 12
    assert "… 88 more lines\n" in program.output()


def test_killed_it_goes_on_where_it_was(embedded, tmp_path):
    state = tmp_path / "state"
    for first in 1, 21, 41:
        program = embedded().start()
        send(program, range(first, first + 20))
        program.kill()
    program = embedded().start()
    everything = set(range(1, 61))
    wait_until(lambda: set(spans_in(state)) == everything and set(logs_in(state)) == everything, 20, "all acknowledged")
    program.stop_cleanly()
    # A kill between writing a line and noting that in the queue repeats that line: a few at most, at each kill.
    assert len(spans_in(state)) <= 60 + 3 * 20
    listed = subprocess.run([weir_binary(), "queue", "ls", state], capture_output=True, text=True, check=True).stdout
    assert listed.count(": 0 records") == 3, listed


def test_killed_when_it_was_quiet_nothing_is_there_twice(embedded, tmp_path):
    state = tmp_path / "state"
    for first in 1, 11, 21:
        program = embedded().start()
        send(program, range(first, first + 10))
        wait_until(lambda: len(spans_in(state)) == len(logs_in(state)) == first + 9, 10)
        wait_until(lambda: "[0, 0, 0]" == str(records_in(state)), 10, "an empty queue")
        program.kill()
    program = embedded().start()
    program.stop_cleanly()
    assert sorted(spans_in(state)) == sorted(logs_in(state)) == list(range(1, 31))


def records_in(state):
    listed = subprocess.run([weir_binary(), "queue", "ls", "--json", state / "queue"], capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line)["records"] for line in listed.stdout.splitlines()]


def test_a_second_one_is_told_what_is_in_the_way(embedded):
    first = embedded().start()
    second = embedded().start(ready=lambda: True)
    assert second.wait(10) == 1
    assert f"another weir without a configuration runs already (process {first.pid}" in second.output()
    assert first.running


def test_a_port_that_is_taken_is_named(embedded, tmp_path):
    first = embedded().start()
    second = embedded("--state-dir", tmp_path / "other")
    second.argv[2] = first.argv[2]
    second.start(ready=lambda: True)
    assert second.wait(10) == 1
    assert f"127.0.0.1:{first.grpc_port}" in second.output() and "in use" in second.output()


@pytest.mark.parametrize("env, folder", [
    ({"XDG_STATE_HOME": "{}/xdg"}, "xdg/weir"),
    ({"STATE_DIRECTORY": "{}/systemd:{}/more", "XDG_STATE_HOME": "{}/xdg"}, "systemd"),
])
def test_where_the_state_lies(embedded, tmp_path, env, folder):
    program = embedded("--totals", "0s", **{name: value.format(tmp_path, tmp_path) for name, value in env.items()}).start()
    send(program, [1])
    wait_until(lambda: spans_in(tmp_path / folder) == [1], 10)
    program.stop_cleanly()
    assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def test_a_user_has_it_at_home(embedded, tmp_path):
    program = embedded("--totals", "0s")
    if os.geteuid() == 0:  # who has /var/lib/weir
        let_through(tmp_path)
        os.chown(tmp_path, NOBODY, NOBODY)
        program.argv = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *program.argv]
    program.start()
    send(program, [1])
    wait_until(lambda: spans_in(tmp_path / ".local/state/weir") == [1], 10)
    program.stop_cleanly()


def test_a_folder_that_cannot_be_used_is_named_with_the_remedy(embedded):
    program = embedded("--state-dir", "/proc/nowhere").start(ready=lambda: True)
    assert program.wait(10) == 1
    assert "/proc/nowhere" in program.output() and "--state-dir" in program.output() and "--config" in program.output()


def test_validate_writes_nothing(tmp_path):
    done = subprocess.run([weir_binary(), "validate", "--state-dir", tmp_path / "state"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "pipeline traces:" in done.stdout and "error" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_configuration_names_its_own_folders(tmp_path):
    done = subprocess.run([weir_binary(), "--state-dir", tmp_path, "--config", "x.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--state-dir" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a namespace of its own")
def test_any_user_read_only_root_no_capability(tmp_path):
    """As a container with a read-only root file system and an unknown user would run it; only the state is writable."""
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    let_through(tmp_path)
    grpc_port, http_port = free_port(), free_port()
    script = f"""
        mount --bind {state} {state} && mount -o remount,bind,ro / &&
        exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \\
            {weir_binary()} --state-dir {state} --set receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc_port} \\
            --set receivers.otlp.protocols.http.endpoint=127.0.0.1:{http_port}"""
    program = Collector("weir", weir_binary(), "{}", tmp_path, True)
    program.grpc_port, program.http_port = grpc_port, http_port
    program.argv = ["unshare", "--mount", "sh", "-c", script]
    try:
        program.start()
        send(program, [1, 2])
        wait_until(lambda: spans_in(state) == [1, 2], 10)
        program.stop_cleanly()
    finally:
        program.kill()
    assert {path.stat().st_uid for path in state.rglob("*")} == {NOBODY}
