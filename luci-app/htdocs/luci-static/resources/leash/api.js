'use strict';
'require baseclass';
'require rpc';

/* Made from leash's methods by a test (UPDATE_GOLDEN=1 cargo test --test package): do not edit. */

/* Where leash says no more than ubus's status. */
const SAYS = {
	2: _('leash and this page do not fit together. Update both.'),
	3: _('leash does not know this call. Update it.'),
	4: _('leash is not running.'),
	6: _('You may see this, but not change it.'),
	7: _('leash did not answer in time.')
};

function failure(code) {
	return Object.assign(new Error(SAYS[code] || _('leash failed (%s).').format(code)), { code });
}

/* A call that gives the answer, or fails with a sentence, and ubus's status as `code` where there is one. */
function declare(method, params) {
	const call = rpc.declare({ object: 'leash', method, params });
	return (...args) => call(...args).catch(e => {
		/* The web server's own codes (JSON-RPC): no such object, and not allowed. */
		const code = /-32000/.test(e.message) ? 4 : /-32002/.test(e.message) ? 6 : 0;
		throw code ? failure(code) : e;
	}).then(answer => {
		if (answer != null && answer.error)
			throw new Error(answer.error);
		if (answer == null || typeof answer != 'object')
			throw failure(answer);
		return answer;
	});
}

return baseclass.extend({
	/* how leash is doing, in numbers */
	status: declare('status', []),

	/* all devices, without their contacts */
	devices: declare('devices', []),

	/* all that is known of a device */
	device: declare('device', [ 'device' ]),

	/* the contacts of a device */
	contacts: declare('contacts', [ 'device' ]),

	/* why a device talks to an address */
	explain: declare('explain', [ 'device', 'address' ]),

	/* what the detectors find */
	findings: declare('findings', [ 'device' ]),

	/* what is blocked, until when, and why */
	blocks: declare('blocks', []),

	/* your own decisions on destinations */
	pins: declare('pins', []),

	/* lasting orders that are not in the settings yet */
	orders: declare('orders', []),

	/* the latest things that happened */
	history: declare('history', []),

	/* the house at a glance: who can reach whom, who is asked for names, which addresses are called */
	house: declare('house', []),

	/* which devices call what a block of the target would hit */
	callers: declare('callers', [ 'target' ]),

	/* names that the house calls and that RDAP is to be asked for */
	undated: declare('undated', []),

	/* what the last days brought, worst first */
	report: declare('report', [ 'since' ]),

	/* what the detectors look for, and what fools them */
	detectors: declare('detectors', []),

	/* what leash cannot see or do here, and how to fix it */
	doctor: declare('doctor', []),

	/* set what leash may do to a device */
	set_mode: declare('set_mode', [ 'device', 'mode' ]),

	/* set what people call a device */
	set_name: declare('set_name', [ 'device', 'name' ]),

	/* say what a device is */
	set_type: declare('set_type', [ 'device', 'type' ]),

	/* put a device into a group, such as a room */
	set_group: declare('set_group', [ 'device', 'group' ]),

	/* set the mode of a group, for devices without their own */
	set_group_mode: declare('set_group_mode', [ 'group', 'mode' ]),

	/* say that two hardware addresses are one device */
	join: declare('join', [ 'device', 'with' ]),

	/* allow or block a destination, whatever the detectors say */
	decide: declare('decide', [ 'device', 'target', 'verdict', 'for' ]),

	/* take such a decision back */
	unpin: declare('unpin', [ 'device', 'target' ]),

	/* end a block, and keep it from coming back */
	unblock: declare('unblock', [ 'device', 'target' ]),

	/* switch all blocking on or off */
	blocking: declare('blocking', [ 'on' ]),

	/* take the date on which a name was registered */
	dated: declare('dated', [ 'name', 'date' ]),

	/* forget what a device did */
	forget: declare('forget', [ 'device' ]),

	/* read the settings again */
	reload: declare('reload', [])
});
