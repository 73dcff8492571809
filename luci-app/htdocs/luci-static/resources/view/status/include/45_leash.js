'use strict';
'require baseclass';
'require leash.api as api';
'require leash.summary as summary';
'require leash.widgets as widgets';
'require leash.words as words';

const MOST_DEVICES = 4;

/* How severe a device is whose owner wants it so; ubus's status where a user may not ask. */
const CHOSEN = 1, NOT_ALLOWED = 6;

function line(title, children) {
	return E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td left', 'width': '33%' }, [ title ]),
		E('td', { 'class': 'td left' }, [ ...children ])
	]);
}

return baseclass.extend({
	title: _('Leash'),

	load() {
		/* In this order: status then has the verdicts that were counted for the devices. */
		return Promise.all([ api.devices(), api.status() ]).catch(error => error.code == NOT_ALLOWED ? null : error);
	},

	render(answers) {
		if (!answers) return null;
		const overview = text => E('a', { 'href': L.url('admin/services/leash/overview') }, [ text ]);
		const rows = answers instanceof Error
			? [ line(_('Leash'), [ overview(answers.message) ]) ]
			: this.rows(answers, overview);
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []),
			E('table', { 'class': 'table' }, [ ...rows ])
		]);
	},

	rows([ { devices }, status ], overview) {
		const odd = devices.filter(device => summary.severity(device) > CHOSEN);
		const calm = devices.filter(device => !summary.severity(device));
		odd.sort((a, b) => summary.worstFirst(a, b));
		return [
			line(_('Devices'), [ _('%d, %d of them calm').format(devices.length, calm.length) ]),
			line(_('Blocking'), [
				status.blocking ? _('on, %d destinations blocked').format(status.blocks) : _('off')
			]),
			...odd.slice(0, MOST_DEVICES).map(device => line(words.deviceName(device), [
				widgets.badge(summary.standing(device, status.blocking)), ' ' + summary.activity(device)[0] + ' ',
				widgets.deviceLink(device.mac, _('details'))
			])),
			odd.length > MOST_DEVICES
				? line('', [ overview(_('%d more need a look').format(odd.length - MOST_DEVICES)) ])
				: ''
		];
	}
});
