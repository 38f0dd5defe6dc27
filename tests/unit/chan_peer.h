/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A channel and, at its other end, a bare socket on which a test can say anything. */
#ifndef RW_TESTS_CHAN_PEER_H
#define RW_TESTS_CHAN_PEER_H

#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/chan.h"
#include "ctl/wait.h"

/* Long enough for a loaded machine; nothing that succeeds waits for it. */
#define LONG_MS 10000

struct pair {
	struct rw_chan *chan;
	int fd; /* under chan */
	int peer;
	struct rw_err err;
};

static inline void pair_init(struct pair *pair, int fd, int peer)
{
	memset(&pair->err, 0, sizeof(pair->err));
	pair->fd = fd;
	pair->peer = peer;
	assert_int_equal(rw_chan_from_fd(fd, &pair->chan, &pair->err), 0);
}

static inline void pair_open(struct pair *pair)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pair_init(pair, fds[0], fds[1]);
}

/* The same over TCP, where a connection can be reset. */
static inline void pair_open_tcp(struct pair *pair)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_INET, SOCK_STREAM, 0);
	int fd;

	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&addr, len), 0);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	close(listener);
	pair_init(pair, fd, peer);
}

/* The peer first: rw_chan_close need not wait for it then. */
static inline void pair_close(struct pair *pair)
{
	if (pair->peer >= 0)
		close(pair->peer);
	rw_chan_close(pair->chan);
}

static inline void say(int fd, const void *bytes, size_t len)
{
	for (size_t off = 0; off < len;) {
		ssize_t n = send(fd, (const char *)bytes + off, len - off, MSG_NOSIGNAL);

		assert_true(n > 0);
		off += (size_t)n;
	}
}

static inline void say_frame(int fd, const void *bytes, size_t len)
{
	const unsigned char header[4] = {
		(unsigned char)(len >> 24),
		(unsigned char)(len >> 16),
		(unsigned char)(len >> 8),
		(unsigned char)len,
	};

	say(fd, header, sizeof(header));
	say(fd, bytes, len);
}

static inline void say_json(int fd, const char *text)
{
	say_frame(fd, text, strlen(text));
}

/* In a child: say @len bytes one by one, @gap_ms before each. */
static inline pid_t say_drip(int fd, const void *bytes, size_t len, int gap_ms)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (size_t i = 0; i < len; i++) {
		usleep((useconds_t)gap_ms * 1000);
		if (send(fd, (const char *)bytes + i, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

static inline void end_child(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static volatile sig_atomic_t stop_flag;

static inline void set_stop_flag(int sig)
{
	stop_flag = 1;
}

/* Have a signal set stop_flag in @ms; like ours it does not end system calls by itself. */
static inline void stop_in(int ms)
{
	struct sigaction action = { .sa_handler = set_stop_flag, .sa_flags = SA_RESTART };
	struct itimerval timer = { .it_value = { .tv_usec = ms * 1000 } };

	stop_flag = 0;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* A whole message, and what it says. */
static const char wire[] = "\0\0\0\7{\"n\":7}";
#define WIRE_LEN (sizeof(wire) - 1)

static inline int recv_from(struct pair *pair, int timeout_ms)
{
	json_t *msg = NULL;
	int ret;

	ret = rw_chan_recv(pair->chan, timeout_ms, &msg, &pair->err);
	assert_int_equal(ret == 0, msg != NULL);
	if (msg)
		assert_int_equal(json_integer_value(json_object_get(msg, "n")), 7);
	json_decref(msg);
	return ret;
}

static inline int send_to(struct pair *pair, int timeout_ms)
{
	json_t *msg = json_pack("{s:i}", "n", 7);
	int ret;

	ret = rw_chan_send(pair->chan, msg, timeout_ms, &pair->err);
	json_decref(msg);
	return ret;
}

/* The upper bound leaves room for a loaded machine. */
static inline void expect_took(int64_t since_ms, int least_ms)
{
	assert_in_range(rw_now_ms() - since_ms, least_ms, least_ms + 1500);
}

/* A child with the other end as a channel: reads until it has seen n = 8. */
static inline pid_t read_to_the_last(struct pair *pair)
{
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	json_int_t n = 0;
	json_t *msg;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	if (rw_chan_from_fd(pair->peer, &chan, &err))
		_exit(1);
	while (n != 8) {
		if (rw_chan_recv(chan, LONG_MS, &msg, &err))
			_exit(2);
		n = json_integer_value(json_object_get(msg, "n"));
		if (n != 7 && n != 8)
			_exit(3);
		json_decref(msg);
	}
	_exit(0);
}

static inline void expect_child_ok(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline json_t *big_message(void)
{
	static char text[100001];

	memset(text, 'x', sizeof(text) - 1);
	return json_pack("{s:i, s:s}", "n", 7, "text", text);
}

/* The error is told once, with this exit code, and says @part. */
#define assert_error(err, code, error_, part)                                                      \
	do {                                                                                       \
		if (!strstr((err)->text, part))                                                    \
			fail_msg("\"%s\" is not in: %s", part, (err)->text);                       \
		assert_int_equal((err)->exit_code, code);                                          \
		assert_int_equal((err)->error, error_);                                            \
		rw_err_clear(err);                                                                 \
	} while (0)

#endif
