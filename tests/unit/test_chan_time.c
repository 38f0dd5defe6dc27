/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A channel's deadlines and its stop flag. */
#include "chan_peer.h"

#include <sys/mman.h>

#define WAIT_MS 120 /* a deadline that is to pass */

static void test_silence(void **state)
{
	int64_t start_ms = rw_now_ms();
	struct pair pair;

	pair_open(&pair);
	assert_int_equal(recv_from(&pair, WAIT_MS), -ETIMEDOUT);
	expect_took(start_ms, WAIT_MS);
	assert_error(&pair.err, RW_EXIT_PEER, -ETIMEDOUT, "sent nothing for 0.12 s");
	assert_int_equal(recv_from(&pair, 0), -ETIMEDOUT);
	pair_close(&pair);
}

/* Wherever it stops; and what came is not lost when the rest comes after all. */
static void test_silence_in_a_message(void **state)
{
	for (size_t cut = 1; cut < WIRE_LEN; cut++) {
		struct pair pair;

		pair_open(&pair);
		say(pair.peer, wire, cut);
		assert_int_equal(recv_from(&pair, 5), -ETIMEDOUT);
		assert_error(&pair.err, RW_EXIT_PEER, -ETIMEDOUT, "did not finish a message");
		assert_int_equal(rw_chan_poll(pair.chan), 0);
		say(pair.peer, wire + cut, WIRE_LEN - cut);
		say(pair.peer, wire, WIRE_LEN);
		assert_int_equal(recv_from(&pair, LONG_MS), 0);
		assert_int_equal(recv_from(&pair, LONG_MS), 0);
		pair_close(&pair);
	}
}

static void test_drip(void **state)
{
	struct pair pair;
	int64_t start_ms;
	pid_t pid;

	pair_open(&pair);
	pid = say_drip(pair.peer, wire, WIRE_LEN, 3);
	assert_int_equal(recv_from(&pair, LONG_MS), 0);
	end_child(pid);

	/* header and body each come in time (320 and 560 ms), the message does not */
	pid = say_drip(pair.peer, wire, WIRE_LEN, 80);
	start_ms = rw_now_ms();
	assert_int_equal(recv_from(&pair, 400), -ETIMEDOUT);
	assert_in_range(rw_now_ms() - start_ms, 400, 680);
	assert_error(&pair.err, RW_EXIT_PEER, -ETIMEDOUT, "did not finish a message within 0.4 s");
	end_child(pid);
	pair_close(&pair);
}

/* Send until the peer's silence stops us. */
static int stuff(struct pair *pair, json_t *msg, int timeout_ms)
{
	int ret;

	do
		ret = rw_chan_send(pair->chan, msg, timeout_ms, &pair->err);
	while (!ret);
	return ret;
}

static void test_peer_does_not_read(void **state)
{
	json_t *msg = big_message(), *last = json_pack("{s:i}", "n", 8);
	struct pair pair;
	int64_t start_ms;
	pid_t pid;

	pair_open(&pair);
	assert_int_equal(stuff(&pair, msg, WAIT_MS), -ETIMEDOUT);
	assert_error(&pair.err, RW_EXIT_PEER, -ETIMEDOUT, "took no message for 0.12 s");
	start_ms = rw_now_ms();
	assert_int_equal(send_to(&pair, WAIT_MS), -ETIMEDOUT);
	expect_took(start_ms, WAIT_MS);
	rw_err_clear(&pair.err);
	/* it begins to read after all: the message that was cut is completed first */
	pid = read_to_the_last(&pair);
	assert_int_equal(rw_chan_send(pair.chan, last, LONG_MS, &pair.err), 0);
	expect_child_ok(pid);
	json_decref(last);
	json_decref(msg);
	pair_close(&pair);
}

/* As a signal does that comes just before the wait: the flag is set, nothing wakes us. */
static pid_t stop_unseen_in(volatile sig_atomic_t *flag, int ms)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep((useconds_t)ms * 1000);
	*flag = 1;
	_exit(0);
}

static void test_stop(void **state)
{
	volatile sig_atomic_t *flag;
	json_t *msg = big_message();
	struct pair pair;
	int64_t start_ms;
	pid_t pid;

	flag = mmap(NULL, sizeof(*flag), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(flag, MAP_FAILED);
	pair_open(&pair);
	say(pair.peer, wire, 3);
	rw_chan_set_stop(pair.chan, &stop_flag);
	start_ms = rw_now_ms();
	stop_in(30);
	assert_int_equal(recv_from(&pair, -1), -EINTR);
	expect_took(start_ms, 29);
	assert_error(&pair.err, RW_EXIT_RUN, -EINTR, "interrupted");
	assert_int_equal(recv_from(&pair, -1), -EINTR);
	rw_err_clear(&pair.err);

	rw_chan_set_stop(pair.chan, flag);
	start_ms = rw_now_ms();
	pid = stop_unseen_in(flag, 30);
	assert_int_equal(stuff(&pair, msg, -1), -EINTR);
	expect_took(start_ms, 29);
	rw_err_clear(&pair.err);
	expect_child_ok(pid);

	/* results can still be exchanged */
	rw_chan_set_stop(pair.chan, NULL);
	say(pair.peer, wire + 3, WIRE_LEN - 3);
	assert_int_equal(recv_from(&pair, LONG_MS), 0);
	json_decref(msg);
	pair_close(&pair);
	munmap((void *)flag, sizeof(*flag));
}

static void test_poll(void **state)
{
	struct pair pair;

	pair_open_tcp(&pair);
	assert_int_equal(rw_chan_poll(pair.chan), 0);
	say(pair.peer, wire, WIRE_LEN);
	assert_int_equal(rw_chan_poll(pair.chan), 1);
	assert_int_equal(recv_from(&pair, 0), 0);
	assert_int_equal(rw_chan_poll(pair.chan), 0);
	close(pair.peer);
	pair.peer = -1;
	assert_int_equal(rw_chan_poll(pair.chan), 1);
	assert_int_equal(recv_from(&pair, 0), -EPIPE);
	assert_int_equal(rw_chan_poll(pair.chan), 1);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence), cmocka_unit_test(test_silence_in_a_message),
		cmocka_unit_test(test_drip),	cmocka_unit_test(test_peer_does_not_read),
		cmocka_unit_test(test_stop),	cmocka_unit_test(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
