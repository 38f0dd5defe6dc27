// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * max_sgl_rd belongs to the device: the R/W API reads it when a QP is made and at
 * every operation, of all users. So all runs on a device share one value, which a
 * run holds as long as it has QPs there; the last one puts back what was found. The
 * device stays as long as it is held.
 */
#include <linux/slab.h>

#include "rw_bench.h"

struct rwb_sgl {
	struct list_head list;
	struct ib_device *device;
	unsigned int holders;
	u32 found, used;
};

static DEFINE_MUTEX(sgl_lock);
static LIST_HEAD(sgl_list);

static struct rwb_sgl *find(const struct ib_device *device)
{
	struct rwb_sgl *sgl;

	list_for_each_entry(sgl, &sgl_list, list)
		if (sgl->device == device)
			return sgl;
	return NULL;
}

/* -EBUSY: another run wants another value. */
int rwb_sgl_get(struct ib_device *device, int wanted, struct rwb_sgl **sgl_p)
{
	struct rwb_sgl *sgl;
	int err = 0;

	mutex_lock(&sgl_lock);
	sgl = find(device);
	if (sgl) {
		if (sgl->used != (wanted == RWB_SGL_AS_FOUND ? sgl->found : (u32)wanted))
			err = -EBUSY;
	} else {
		sgl = kzalloc(sizeof(*sgl), GFP_KERNEL);
		if (!sgl) {
			err = -ENOMEM;
		} else if (!ib_device_try_get(device)) {
			kfree(sgl);
			err = -ENODEV;
		} else {
			sgl->device = device;
			sgl->found = device->attrs.max_sgl_rd;
			sgl->used = wanted == RWB_SGL_AS_FOUND ? sgl->found : wanted;
			device->attrs.max_sgl_rd = sgl->used;
			list_add(&sgl->list, &sgl_list);
		}
	}
	if (!err) {
		sgl->holders++;
		*sgl_p = sgl;
	}
	mutex_unlock(&sgl_lock);
	return err;
}

int rwb_sgl_found(const struct rwb_sgl *sgl)
{
	return sgl->found;
}

void rwb_sgl_put(struct rwb_sgl *sgl)
{
	if (!sgl)
		return;
	mutex_lock(&sgl_lock);
	if (!--sgl->holders) {
		sgl->device->attrs.max_sgl_rd = sgl->found;
		ib_device_put(sgl->device);
		list_del(&sgl->list);
		kfree(sgl);
	}
	mutex_unlock(&sgl_lock);
}
