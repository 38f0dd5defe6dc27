// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * /sys/kernel/debug/rw_bench, for root only:
 *
 *	control		write "create key=value ..." or "remove NAME"; read: what was
 *			wrong with the last write
 *	runs/NAME	read: the run as JSON; write "stop"
 *	plan		write a question, read the answer (plan.c)
 */
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "main.h"

#define MAX_CONTROL 1024
#define MAX_PLAN 32768
#define MAX_ANSWER 256

static struct dentry *root, *runs_dir, *control;

static DEFINE_MUTEX(why_lock);
static char last_why[160];

static void tell(const char *why)
{
	mutex_lock(&why_lock);
	strscpy(last_why, why, sizeof(last_why));
	mutex_unlock(&why_lock);
}

/* One write is one request. */
static char *request(const char __user *from, size_t len, size_t most)
{
	char *text;

	if (!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-EPERM);
	if (len > most)
		return ERR_PTR(-E2BIG);
	text = memdup_user_nul(from, len);
	if (!IS_ERR(text) && strlen(text) != len) {
		kfree(text);
		return ERR_PTR(-EINVAL);
	}
	return text;
}

static int create(struct file *file, char *text)
{
	const char *why = "";
	struct rwb_conf *conf = kmalloc(sizeof(*conf), GFP_KERNEL);
	int err;

	if (!conf)
		return -ENOMEM;
	err = rwb_conf_parse(conf, text, &why);
	if (!err)
		err = rwb_run_create(conf, conf->while_open ? file : NULL, &why);
	tell(err ? why : "");
	kfree(conf);
	return err;
}

static ssize_t control_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	char *text = request(from, len, MAX_CONTROL), *verb, *rest;
	int err;

	if (IS_ERR(text)) {
		tell("not a request: up to 1024 bytes of text, of an administrator");
		return PTR_ERR(text);
	}
	rest = strim(text);
	verb = strsep(&rest, " \t");
	if (!strcmp(verb, "create") && rest) {
		err = create(file, rest);
	} else if (!strcmp(verb, "remove") && rest) {
		err = rwb_run_remove(strim(rest));
		tell(err ? "there is no run of this name" : "");
	} else {
		err = -EINVAL;
		tell("write 'create key=value ...' or 'remove NAME'");
	}
	kfree(text);
	return err ? err : len;
}

static int control_show(struct seq_file *file, void *unused)
{
	mutex_lock(&why_lock);
	if (last_why[0])
		seq_printf(file, "%s\n", last_why);
	mutex_unlock(&why_lock);
	return 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	return single_open(file, control_show, NULL);
}

/* However a program ends that made runs "while_open": its file is closed. */
static int control_release(struct inode *inode, struct file *file)
{
	rwb_run_remove_owned(file);
	return single_release(inode, file);
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.read = seq_read,
	.write = control_write,
	.llseek = seq_lseek,
	.release = control_release,
};

static int run_show(struct seq_file *file, void *unused)
{
	rwb_report(file, file->private);
	return 0;
}

static int run_open(struct inode *inode, struct file *file)
{
	return single_open(file, run_show, inode->i_private);
}

static ssize_t run_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	char *text = request(from, len, MAX_CONTROL);
	int err = 0;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!strcmp(strim(text), "stop"))
		rwb_run_stop(((struct seq_file *)file->private_data)->private);
	else
		err = -EINVAL;
	kfree(text);
	return err ? err : len;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = run_open,
	.read = seq_read,
	.write = run_write,
	.llseek = seq_lseek,
	.release = single_release,
};

struct dentry *rwb_run_file(struct rwb_run *run)
{
	return debugfs_create_file(run->conf.name, 0600, runs_dir, run, &run_fops);
}

/* The answer belongs to the open file. */
static int plan_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(MAX_ANSWER, GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static ssize_t plan_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	char *text = request(from, len, MAX_PLAN), answer[MAX_ANSWER] = "";
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = rwb_plan(text, answer, sizeof(answer));
	kfree(text);
	if (err)
		return err;
	memcpy(file->private_data, answer, sizeof(answer));
	*pos = 0;
	return len;
}

static ssize_t plan_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	return simple_read_from_buffer(to, len, pos, file->private_data,
				       strnlen(file->private_data, MAX_ANSWER));
}

static int plan_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations plan_fops = {
	.owner = THIS_MODULE,
	.open = plan_open,
	.read = plan_read,
	.write = plan_write,
	.llseek = default_llseek,
	.release = plan_release,
};

static int __init rwb_init(void)
{
	root = debugfs_create_dir(KBUILD_MODNAME, NULL);
	if (IS_ERR(root)) {
		pr_err("rw_bench: no debugfs, through which it is controlled\n");
		return PTR_ERR(root);
	}
	runs_dir = debugfs_create_dir("runs", root);
	control = debugfs_create_file("control", 0600, root, NULL, &control_fops);
	debugfs_create_file("plan", 0600, root, NULL, &plan_fops);
	return 0;
}

static void __exit rwb_exit(void)
{
	/* Waits for who is making or removing a run, and lets nobody in again. */
	debugfs_remove(control);
	rwb_run_remove_all();
	debugfs_remove(root);
}

module_init(rwb_init);
module_exit(rwb_exit);

MODULE_DESCRIPTION("RDMA READs and WRITEs through the kernel's R/W API, measured");
MODULE_AUTHOR("The rwperf authors");
MODULE_LICENSE("Dual BSD/GPL");
